use crypto::{Digester, KeyKind, PublicKey, SignatureAlgorithm, SignatureVerifier};
use der::asn1::UintRef;
use der::{Decode, Sequence};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::BoxedUint;
use rsa::pkcs1v15::VerifyingKey;
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
        let prehash = || self.digest(algorithm.digest(), octets);
        match key.kind() {
            KeyKind::P256 => p256_is_valid(key.key_octets(), &prehash(), signature),
            KeyKind::P384 => p384_is_valid(key.key_octets(), &prehash(), signature),
            KeyKind::Rsa { .. } => rsa_is_valid(algorithm, key.key_octets(), octets, signature),
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

fn rsa_is_valid(algorithm: SignatureAlgorithm, key: &[u8], octets: &[u8], signature: &[u8]) -> bool {
    let Some(key) = rsa_public_key(key) else { return false };
    let Ok(signature) = rsa::pkcs1v15::Signature::try_from(signature) else { return false };
    match algorithm {
        SignatureAlgorithm::Sha256WithRsa => VerifyingKey::<Sha256>::new(key).verify(octets, &signature),
        SignatureAlgorithm::Sha384WithRsa => VerifyingKey::<Sha384>::new(key).verify(octets, &signature),
        SignatureAlgorithm::Sha512WithRsa => VerifyingKey::<Sha512>::new(key).verify(octets, &signature),
        _ => return false,
    }
    .is_ok()
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
