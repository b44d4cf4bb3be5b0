//! The decoders against two that were written by others: Bouncy Castle (Debian's 1.72) and pyasn1 with
//! pyasn1-alt-modules. What a [`Peer`] and [`ours::read`] say of a message is a [`Reading`]; tests compare the two.
//!
//! Each peer is one process that answers a line with a line, so that thousands of messages take seconds.
//! `cargo xtask peers` installs them.
//!
//! Tests have Bouncy Castle verify what we protect and protect what we verify, and pyca/cryptography the same with ML-DSA, by
//! [`Peer::ask`].
#![allow(clippy::missing_panics_doc)] // a panic is how a test fails

pub mod generated;
pub mod mutated;
pub mod ours;
mod peer;
mod reading;
pub mod recorded;

pub use peer::{Peer, hex, octets};
pub use reading::{Difference, Kind, Message, Reading};
