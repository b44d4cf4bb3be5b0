//! A sans-IO RA/CA. One call, [`Ca::handle`], takes the octets of a CMP message and the time, and always has an answer.
//!
//! ```text
//! octets -> cmp::Validator -> management_entity -> Policy (who may have what) -> Profile (what a certificate looks like)
//!        -> Issuer (signs it) -> Registry (keeps it, durably) -> answer
//! ```
//!
//! Nothing is answered before it is in the [`registry`]; a repeat is answered with what stands there.
#![no_std]

extern crate alloc;

mod crl;
mod endpoint;
mod error;
mod event;
mod issue;
mod machine;
mod policy;
mod profile;
pub mod registry;
mod root_update;

pub use endpoint::Endpoint;
pub use error::Error;
pub use event::{Event, Outcome, REASONS, Reply, reason_by_name, reason_name};
pub use issue::{CertificateContents, IssuedCertificate, Issuer};
pub use machine::{
    Ca, Demand, KemExchange, KemExchanges, KemKey, KeyGeneration, MessageCredential, OpenBatch, Operator,
    PendingRequest, Proposal, Verdict,
};
pub use policy::{Approval, Policy, VendorNames};
pub use profile::{AlternativeNamesRule, Profile, SubjectRule};
