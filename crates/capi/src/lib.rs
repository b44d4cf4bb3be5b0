//! The C interface to `pkcs10`, `crmf`, `cmp` and `nem`. C programs see `include/cellcert.h`, which is generated from this crate by
//! cbindgen: comments here are the header's.
//!
//! * Every call returns a code (`status`) and leaves everything as it was when it fails: what a call makes is handed over
//!   at its very end, in one step that cannot fail (`boundary`).
//! * A handle knows its kind and whether it is in use (`handle`). What C can get wrong and Rust can notice is a code.
//! * No panic crosses the boundary, and where memory runs out, a call ends with a code, too (`heap`).
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
