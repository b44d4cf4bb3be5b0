//! The C interface to `pkcs10`, `crmf`, `cmp` and `nem`. C programs see `include/cellcert.h`, which is generated from this crate by
//! cbindgen: comments here are the header's.
//!
//! * Every call returns a code (`status`) and leaves everything as it was when it fails: what a call makes is handed over
//!   at its very end, in one step that cannot fail (`boundary`).
//! * A handle knows its kind and whether it is in use (`handle`). What C can get wrong and Rust can notice is a code.
//! * No panic crosses the boundary, and where memory runs out, a call ends with a code, too (`heap`).
//!
//! Not offered, each for a reason:
//!
//! * Decoded messages and requests, field by field, and the types of `asn1`: C programs get octets in DER, of verified requests what was asked
//!   for, and of transactions what came of them. Whoever wants more has a decoder.
//! * The sides of `crmf` and `cmp` that answer: issuing, sealing, encapsulating for requesters, unbundling. An RA/CA is `ca`, in Rust.
//! * Batches (`cmp::bundle`, `cmp::LongBatch`), and protection that is added or replaced, by themselves: `nem` makes them in C's NEM.
//! * challengeResp beyond the request: no end entity of `cmp` answers popdecc. PKIArchiveOptions and proofs by thisMessage or agreeMAC: RFC
//!   9483 has none of them; `cellcert_request_add_control` takes any control that was made elsewhere.
//! * `nem::Update` and `nem::Inquiry`: transactions with CELLCERT_KUR and `cellcert_transaction_general` do the same, with the NEM's identity.
//! * Many uploads or deliveries at once (`Nem::upload_all`): they spare writes to a disk, which is the ledger's affair in C.
//! * The NEM's lists of batches and open requests for its operators: its outputs tell what happens, and stations' requests can be gone through.
//! * RA/CAs of a NEM that share a secret with it, or own a KEM key: `nem` signs, and believes signatures.
//!
//! With the feature `host` this is a library for an operating system. With `firmware` instead it has no std, a panic handler of its
//! own, and the heap that the firmware hands in.
#![cfg_attr(not(feature = "host"), no_std)]
#![allow(unsafe_code)] // here only: C hands in pointers

extern crate alloc;

#[cfg(not(any(feature = "host", feature = "firmware")))]
compile_error!("capi needs the feature `host` or, with default features off, `firmware`");

mod boundary;
mod buffer;
mod context;
mod crmf_request;
mod decipherer;
mod failure;
mod handle;
mod heap;
mod identity;
mod key;
mod name;
#[cfg(feature = "nem")]
mod nem;
mod pkcs10_request;
#[cfg(not(feature = "host"))]
mod port;
mod request;
mod signer;
mod status;
mod transaction;
mod trust;
mod verified;
mod version;

// Every call and type of the header, for the fuzz target.
pub use buffer::Octets;
pub use context::*;
pub use crmf_request::*;
pub use decipherer::*;
pub use identity::*;
pub use key::*;
pub use name::*;
#[cfg(feature = "nem")]
pub use nem::*;
pub use pkcs10_request::*;
pub use request::*;
pub use signer::*;
pub use status::*;
pub use transaction::*;
pub use trust::*;
pub use verified::*;
pub use version::*;
