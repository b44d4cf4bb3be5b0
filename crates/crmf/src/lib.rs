//! The Certificate Request Message Format, RFC 4211, as RFC 9483 and TS 33.310 use it.
//!
//! A [`CertReqMsg`] is decoded and unbelieved. A [`VerifiedCertReqMsg`] comes only of [`CertReqMsg::verify_pop`], or of
//! [`CertReqMsg::accept_ra_verified`] when its sender is an authorised RA. The octets received are kept: the proof of
//! possession is verified over them, and they are what is forwarded. [`CertReqMsgBuilder`] makes requests, with a key at
//! hand or in two phases.
//!
//! ```
//! use crmf::{CertReqMsg, CertReqMsgBuilder};
//! use crypto::SigningKey;
//! use crypto_aws_lc::{KeyType, SoftwareKey};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The station:
//! let key = SoftwareKey::generate(KeyType::P256)?;
//! let subject = "CN=enb0001.operator.example".parse()?;
//! let request = CertReqMsgBuilder::new(Some(subject), key.public_key()).sign(&key)?;
//!
//! // Whoever receives it:
//! let received = CertReqMsg::from_der(request.octets())?;
//! let verified = received.verify_pop(&crypto_aws_lc::provider(), None)?;
//! assert_eq!(verified.public_key(), key.public_key());
//! # Ok(())
//! # }
//! ```
#![no_std]

extern crate alloc;

mod archive;
mod builder;
mod controls;
mod encr_cert;
mod encrypted_key;
mod error;
mod key_generation;
mod message;
mod password_mac;
mod pop;
mod popo;
mod publication;
mod template;
mod universal;

pub use archive::PkiArchiveOptions;
pub use builder::CertReqMsgBuilder;
pub use controls::{AttributeTypeAndValue, CertId, Control, RegInfo};
pub use encrypted_key::{EncryptedKey, EncryptedValue};
pub use error::Error;
pub use key_generation::KeyGenerationBuilder;
pub use message::{CertReqId, CertReqMessages, CertReqMsg, CertRequest, MAX_CERT_REQ_MESSAGES};
pub use password_mac::{
    MacError, MacLimits, PasswordMac, Pbkdf2Params, PbmParameter, Pbmac1Params, hmac_without_null,
};
pub use pop::VerifiedCertReqMsg;
pub use popo::{
    AuthInfo, PkMacValue, PopoPrivKey, PopoSigningKey, PopoSigningKeyInput, ProofOfPossession,
    SubsequentMessage,
};
pub use publication::{PkiPublicationInfo, PublicationAction, PublicationMethod, SinglePubInfo};
pub use template::{CertTemplate, MAX_EXTENSIONS, OptionalValidity};
pub use universal::Universal;
