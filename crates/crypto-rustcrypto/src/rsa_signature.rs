//! RSA signatures, verified (RFC 8017 sections 8.1 and 8.2).

use crypto::SignatureAlgorithm;
use der::asn1::UintRef;
use der::{Decode, Sequence};
use rsa::signature::Verifier;
use rsa::{BoxedUint, pkcs1v15, pss};
use sha2::{Sha256, Sha384, Sha512};

pub(crate) fn is_valid(algorithm: SignatureAlgorithm, key: &[u8], octets: &[u8], signature: &[u8]) -> bool {
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

pub(crate) fn rsa_public_key(octets: &[u8]) -> Option<rsa::PublicKey> {
    let key = RsaPublicKeyOctets::from_der(octets).ok()?;
    let modulus = BoxedUint::from_be_slice_vartime(key.modulus.as_bytes());
    let exponent = BoxedUint::from_be_slice_vartime(key.public_exponent.as_bytes());
    rsa::PublicKey::new(modulus, exponent).ok()
}
