//! PKCS #10 certification requests, RFC 2986, with the extensionRequest attribute of RFC 2985.
//!
//! A [`CertReq`] is decoded and unbelieved; [`CertReq::verify_pop`] alone makes a [`VerifiedRequest`] of it. The octets
//! received are kept: the proof of possession is verified over them, and they are what is forwarded.
//! [`CertReqBuilder`] makes requests, with a key at hand or in two phases.
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
