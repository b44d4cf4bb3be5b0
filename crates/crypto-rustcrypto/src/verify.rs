use crypto::{DigestAlgorithm, Digester, KeyKind, PublicKey, SignatureAlgorithm, SignatureVerifier};
#[cfg(any(feature = "ed25519", feature = "ml-dsa"))]
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::signature::hazmat::PrehashVerifier;

use crate::RustCrypto;
#[cfg(feature = "rsa")]
use crate::rsa_signature;

impl SignatureVerifier for RustCrypto {
    fn is_valid(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        octets: &[u8],
        signature: &[u8],
    ) -> bool {
        let kind = key.kind();
        let key = key.key_octets();
        let prehash = || {
            let digest = match algorithm {
                SignatureAlgorithm::EcdsaWithSha256 => DigestAlgorithm::Sha256,
                SignatureAlgorithm::EcdsaWithSha384 => DigestAlgorithm::Sha384,
                _ => DigestAlgorithm::Sha512,
            };
            self.digest(digest, octets)
        };
        match kind {
            KeyKind::P256 => p256_is_valid(key, &prehash(), signature),
            #[cfg(feature = "p384")]
            KeyKind::P384 => p384_is_valid(key, &prehash(), signature),
            #[cfg(feature = "p521")]
            KeyKind::P521 => p521_is_valid(key, &prehash(), signature),
            #[cfg(feature = "rsa")]
            KeyKind::Rsa { .. } => rsa_signature::is_valid(algorithm, key, octets, signature),
            #[cfg(feature = "ed25519")]
            KeyKind::Ed25519 => ed25519_is_valid(key, octets, signature),
            #[cfg(feature = "ml-dsa")]
            KeyKind::MlDsa44 => ml_dsa_is_valid::<ml_dsa::MlDsa44>(key, octets, signature),
            #[cfg(feature = "ml-dsa")]
            KeyKind::MlDsa65 => ml_dsa_is_valid::<ml_dsa::MlDsa65>(key, octets, signature),
            #[cfg(feature = "ml-dsa")]
            KeyKind::MlDsa87 => ml_dsa_is_valid::<ml_dsa::MlDsa87>(key, octets, signature),
            _ => false,
        }
    }
}

/// From a digest, since the curve and the digest may be of different lengths (FIPS 186-5 section 6.4.2).
fn p256_is_valid(point: &[u8], prehash: &[u8], signature: &[u8]) -> bool {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point);
    let signature = p256::ecdsa::Signature::from_der(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(prehash, &signature).is_ok())
}

#[cfg(feature = "p384")]
fn p384_is_valid(point: &[u8], prehash: &[u8], signature: &[u8]) -> bool {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point);
    let signature = p384::ecdsa::Signature::from_der(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(prehash, &signature).is_ok())
}

/// A digest shorter than half the curve is refused by the `ecdsa` crate, though FIPS 186-5 takes it for a number as it is;
/// zeros in front do not change the number.
#[cfg(feature = "p521")]
fn p521_is_valid(point: &[u8], prehash: &[u8], signature: &[u8]) -> bool {
    let mut number = alloc::vec![0; 64_usize.saturating_sub(prehash.len())];
    number.extend_from_slice(prehash);
    let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(point);
    let signature = p521::ecdsa::Signature::from_der(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(&number, &signature).is_ok())
}

/// Not `verify_strict`: what that refuses in keys, `PublicKey` has refused; the rest is as RFC 8032 section 5.1.7 and
/// AWS-LC have it.
#[cfg(feature = "ed25519")]
fn ed25519_is_valid(key: &[u8], octets: &[u8], signature: &[u8]) -> bool {
    let key = ed25519_dalek::VerifyingKey::try_from(key);
    let signature = ed25519_dalek::Signature::from_slice(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(octets, &signature).is_ok())
}

#[cfg(feature = "ml-dsa")]
fn ml_dsa_is_valid<P: ml_dsa::MlDsaParams>(key: &[u8], octets: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = ml_dsa::EncodedVerifyingKey::<P>::try_from(key) else { return false };
    let Ok(signature) = ml_dsa::Signature::<P>::try_from(signature) else { return false };
    ml_dsa::VerifyingKey::<P>::decode(&key).verify(octets, &signature).is_ok()
}
