//! PKCS #10 certification requests, RFC 2986, with the extensionRequest attribute of RFC 2985.
//!
//! A [`CertReq`] is decoded and unbelieved; [`CertReq::verify_pop`] alone makes a [`VerifiedRequest`] of it. The octets
//! received are kept: the proof of possession is verified over them, and they are what is forwarded.
//! [`CertReqBuilder`] makes requests, with a key at hand or in two phases.
//!
//! ```
//! use crypto::SigningKey;
//! use crypto_aws_lc::{KeyType, SoftwareKey};
//! use pkcs10::{CertReq, CertReqBuilder};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The station:
//! let key = SoftwareKey::generate(KeyType::P256)?;
//! let request = CertReqBuilder::new("CN=enb0001.operator.example".parse()?, key.public_key()).sign(&key)?;
//!
//! // Whoever receives it:
//! let verified = CertReq::from_der(&request)?.verify_pop(&crypto_aws_lc::provider())?;
//! assert_eq!(verified.public_key(), key.public_key());
//! # Ok(())
//! # }
//! ```
#![no_std]

extern crate alloc;

mod attributes;
mod builder;
mod error;
mod pop;
mod request;

pub use attributes::{MAX_ATTRIBUTES, MAX_EXTENSIONS};
pub use builder::CertReqBuilder;
pub use error::Error;
pub use pop::VerifiedRequest;
pub use request::CertReq;
