use crypto::{DigestAlgorithm, Digester, KeyKind, PublicKey, SignatureAlgorithm, SignatureVerifier};
use der::asn1::UintRef;
use der::{Decode, Sequence};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::{BoxedUint, pkcs1v15, pss};
use sha2::{Sha256, Sha384, Sha512};

use crate::RustCrypto;

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
            KeyKind::P384 => p384_is_valid(key, &prehash(), signature),
            #[cfg(feature = "p521")]
            KeyKind::P521 => p521_is_valid(key, &prehash(), signature),
            KeyKind::Rsa { .. } => rsa_is_valid(algorithm, key, octets, signature),
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

fn rsa_is_valid(algorithm: SignatureAlgorithm, key: &[u8], octets: &[u8], signature: &[u8]) -> bool {
    let Some(key) = rsa_public_key(key) else { return false };
    match algorithm {
        SignatureAlgorithm::Sha256WithRsa => {
            pkcs1_is_valid(&pkcs1v15::VerifyingKey::<Sha256>::new(key), octets, signature)
        }
        SignatureAlgorithm::Sha384WithRsa => {
            pkcs1_is_valid(&pkcs1v15::VerifyingKey::<Sha384>::new(key), octets, signature)
        }
        SignatureAlgorithm::Sha512WithRsa => {
            pkcs1_is_valid(&pkcs1v15::VerifyingKey::<Sha512>::new(key), octets, signature)
        }
        SignatureAlgorithm::RsassaPssSha256 => {
            pss_is_valid(&pss::VerifyingKey::<Sha256>::new(key), octets, signature)
        }
        SignatureAlgorithm::RsassaPssSha384 => {
            pss_is_valid(&pss::VerifyingKey::<Sha384>::new(key), octets, signature)
        }
        SignatureAlgorithm::RsassaPssSha512 => {
            pss_is_valid(&pss::VerifyingKey::<Sha512>::new(key), octets, signature)
        }
        _ => false,
    }
}

fn pkcs1_is_valid(key: &impl Verifier<pkcs1v15::Signature>, octets: &[u8], signature: &[u8]) -> bool {
    pkcs1v15::Signature::try_from(signature).is_ok_and(|signature| key.verify(octets, &signature).is_ok())
}

/// A key that is not told otherwise wants a salt as long as the digest.
fn pss_is_valid(key: &impl Verifier<pss::Signature>, octets: &[u8], signature: &[u8]) -> bool {
    pss::Signature::try_from(signature).is_ok_and(|signature| key.verify(octets, &signature).is_ok())
}

/// RSAPublicKey, RFC 8017 appendix A.1.1.
#[derive(Sequence)]
struct RsaPublicKeyOctets<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

fn rsa_public_key(octets: &[u8]) -> Option<rsa::PublicKey> {
    let key = RsaPublicKeyOctets::from_der(octets).ok()?;
    let modulus = BoxedUint::from_be_slice_vartime(key.modulus.as_bytes());
    let exponent = BoxedUint::from_be_slice_vartime(key.public_exponent.as_bytes());
    rsa::PublicKey::new(modulus, exponent).ok()
}
