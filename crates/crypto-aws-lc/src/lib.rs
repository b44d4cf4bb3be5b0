//! A [`CryptoProvider`] for servers and programs on AWS-LC, [`SoftwareKey`], [`KemKey`], [`AgreementKey`] and
//! [`TransportKey`]: private keys in memory and in files.

mod encrypted_key;
mod enveloping;
mod error;
mod kem;
mod kem_key_file;
mod key_file;
mod mac;
mod private_file;
mod software_key;

use aws_lc_rs::digest::{Digest, SHA256, SHA384, SHA512, digest};
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use crypto::{
    CryptoProvider, DigestAlgorithm, Digester, KeyKind, PublicKey, Random, RandomError, SignatureAlgorithm,
    SignatureVerifier, WebPki,
};

pub use enveloping::{AgreementKey, SoftwareKeyGenerator, TransportKey};
pub use error::KeyFileError;
pub use kem::KemKey;
pub use kem_key_file::{read_kem_key_file, write_kem_key_file};
pub use key_file::{read_encrypted_key_file, read_key_file, write_encrypted_key_file, write_key_file};
pub use private_file::{PrivateFileError, read_private_file};
pub use software_key::{KeyType, SoftwareKey};

/// AWS-LC's cryptography with the operating system's randomness.
///
/// RSA public exponents longer than 33 bits are beyond AWS-LC: no signature verifies with such a key.
pub fn provider() -> CryptoProvider {
    CryptoProvider::new(
        Box::new(AwsLc),
        Box::new(AwsLc),
        Box::new(AwsLc),
        Box::new(AwsLc),
        Box::new(WebPki::new()),
    )
    .with_key_encapsulation(Box::new(AwsLc))
    .with_enveloping(Box::new(AwsLc))
}

struct AwsLc;

impl SignatureVerifier for AwsLc {
    fn is_valid(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        octets: &[u8],
        signature: &[u8],
    ) -> bool {
        verification_algorithm(algorithm, key.kind()).is_some_and(|algorithm| {
            UnparsedPublicKey::new(algorithm, key.key_octets()).verify(octets, signature).is_ok()
        })
    }

    fn is_valid_for_digest(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        digest: &[u8],
        signature: &[u8],
    ) -> bool {
        let imported = imported(algorithm, digest);
        let algorithm = verification_algorithm(algorithm, key.kind());
        algorithm.zip(imported).is_some_and(|(algorithm, digest)| {
            UnparsedPublicKey::new(algorithm, key.key_octets()).verify_digest(&digest, signature).is_ok()
        })
    }
}

/// A digest that was computed elsewhere; `None` when the algorithm signs none, or one of another length.
pub(crate) fn imported(algorithm: SignatureAlgorithm, digest: &[u8]) -> Option<Digest> {
    let algorithm = match algorithm.prehash()? {
        DigestAlgorithm::Sha256 => &SHA256,
        DigestAlgorithm::Sha384 => &SHA384,
        DigestAlgorithm::Sha512 => &SHA512,
        _ => return None,
    };
    Digest::import_less_safe(digest, algorithm).ok()
}

fn verification_algorithm(
    algorithm: SignatureAlgorithm,
    key: KeyKind,
) -> Option<&'static dyn VerificationAlgorithm> {
    use SignatureAlgorithm::{
        EcdsaWithSha256, EcdsaWithSha384, EcdsaWithSha512, Ed25519, MlDsa44, MlDsa65, MlDsa87,
        RsassaPssSha256, RsassaPssSha384, RsassaPssSha512, Sha256WithRsa, Sha384WithRsa, Sha512WithRsa,
    };
    Some(match (algorithm, key) {
        (EcdsaWithSha256, KeyKind::P256) => &signature::ECDSA_P256_SHA256_ASN1,
        (EcdsaWithSha384, KeyKind::P256) => &signature::ECDSA_P256_SHA384_ASN1,
        (EcdsaWithSha512, KeyKind::P256) => &signature::ECDSA_P256_SHA512_ASN1,
        (EcdsaWithSha256, KeyKind::P384) => &signature::ECDSA_P384_SHA256_ASN1,
        (EcdsaWithSha384, KeyKind::P384) => &signature::ECDSA_P384_SHA384_ASN1,
        (EcdsaWithSha512, KeyKind::P384) => &signature::ECDSA_P384_SHA512_ASN1,
        (EcdsaWithSha256, KeyKind::P521) => &signature::ECDSA_P521_SHA256_ASN1,
        (EcdsaWithSha384, KeyKind::P521) => &signature::ECDSA_P521_SHA384_ASN1,
        (EcdsaWithSha512, KeyKind::P521) => &signature::ECDSA_P521_SHA512_ASN1,
        (Sha256WithRsa, KeyKind::Rsa { .. }) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (Sha384WithRsa, KeyKind::Rsa { .. }) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (Sha512WithRsa, KeyKind::Rsa { .. }) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (RsassaPssSha256, KeyKind::Rsa { .. }) => &signature::RSA_PSS_2048_8192_SHA256,
        (RsassaPssSha384, KeyKind::Rsa { .. }) => &signature::RSA_PSS_2048_8192_SHA384,
        (RsassaPssSha512, KeyKind::Rsa { .. }) => &signature::RSA_PSS_2048_8192_SHA512,
        (Ed25519, KeyKind::Ed25519) => &signature::ED25519,
        (MlDsa44, KeyKind::MlDsa44) => &signature::ML_DSA_44,
        (MlDsa65, KeyKind::MlDsa65) => &signature::ML_DSA_65,
        (MlDsa87, KeyKind::MlDsa87) => &signature::ML_DSA_87,
        _ => return None,
    })
}

impl Digester for AwsLc {
    fn digest(&self, algorithm: DigestAlgorithm, octets: &[u8]) -> Vec<u8> {
        let algorithm = match algorithm {
            DigestAlgorithm::Sha256 => &SHA256,
            DigestAlgorithm::Sha384 => &SHA384,
            DigestAlgorithm::Sha512 => &SHA512,
            other => unreachable!("{other:?} is not in DigestAlgorithm::ALL"),
        };
        digest(algorithm, octets).as_ref().to_vec()
    }
}

impl Random for AwsLc {
    fn fill(&self, octets: &mut [u8]) -> Result<(), RandomError> {
        aws_lc_rs::rand::fill(octets).map_err(|_| RandomError::new())
    }
}
