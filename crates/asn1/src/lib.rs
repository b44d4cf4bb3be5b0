//! What the `der` crate lacks for CMP: values kept together with the octets they were decoded from,
//! CHOICEs written by hand, object identifiers sorted by RFC, and points in time that are handed in.
//!
//! The first rule of this project lives here: octets are kept. A signature, MAC or proof of possession
//! is verified over [`Captured::octets`], never over a re-encoding.
#![no_std]

extern crate alloc;

mod captured;
mod choice;
mod compose;
pub mod oids;
mod time;

pub use captured::{Captured, EncodedCertificate, RawDer};
pub use choice::{constructed, primitive};
pub use compose::compose;
pub use time::UnixTime;
