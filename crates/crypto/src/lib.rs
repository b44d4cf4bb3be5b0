//! The cryptography CMP needs, as traits: nothing here computes anything.
//!
//! A [`CryptoProvider`] is a struct of parts, passed by reference and never global. Two crates fill it:
//! `crypto-rustcrypto` for firmware and `crypto-aws-lc` for servers. What an algorithm is called, how its
//! parameters are encoded, and which keys are too weak stands here once, for both.
#![no_std]

extern crate alloc;

mod algorithm;
mod ca_certificate;
mod enveloping;
mod error;
mod gmac;
mod issued;
mod kem;
mod key_generation;
mod mac;
mod name;
mod path;
mod provider;
mod public_key;
mod revocation;
mod rsassa_pss;
mod secret;
mod signing_key;

pub use algorithm::{DigestAlgorithm, SignatureAlgorithm};
pub use ca_certificate::CaCertificate;
pub use enveloping::{
    Agreed, ContentEncryption, Enveloping, KeyAgreement, KeyAgreementKey, KeyTransport, KeyTransportKey,
    KeyWrap,
};
pub use error::{
    AlgorithmError, CrlError, EnvelopeError, KemError, KeyError, PathError, RandomError, SignError,
    VerifyError,
};
pub use gmac::{AesKeySize, Gmac};
pub use issued::{CertificateFault, Requested};
pub use kem::{DecapsulationKey, Encapsulated, KdfAlgorithm, KemAlgorithm, KeyEncapsulation};
pub use key_generation::{GeneratedKey, KeyGenerator};
pub use mac::{LegacyMac, MacAlgorithm, MacComputer};
pub use name::{CanonicalName, alternative_names_match, hash_name, names_match};
pub use path::{CertificatePath, ExtendedKeyUsage, KeyUse, PathValidator, WebPki};
pub use provider::{CryptoProvider, Digester, Random, SignatureVerifier};
pub use public_key::{KeyKind, PublicKey};
pub use revocation::{CertificateList, Revocation, RevocationPolicy};
pub use secret::SharedSecret;
pub use signing_key::SigningKey;
