//! A Network Element Manager without I/O.
//!
//! ```text
//! upload -> Inventory (who is it, what may it have) -> Admitted -> Ledger -> p10cr, ir, cr -> RA/CA
//!                                                                   ^                    |
//! station <- certificate <---------------------------------------- Ledger <-- certificate, checked and confirmed
//! ```
//!
//! [`Nem::upload`] and [`Nem::handle`] take what happens, [`Nem::poll_output`] gives what to send and what to log,
//! [`Nem::poll_timeout`] says when to come back. Every step is in the [`ledger`] before its message leaves, so a crash
//! loses nothing: the same octets are sent again, with the same transactionID.
#![no_std]

extern crate alloc;

mod delivery;
mod error;
mod event;
mod forwarding;
mod index;
mod intake;
mod inventory;
mod label;
pub mod ledger;
mod manager;
mod request;
mod station;

pub use delivery::Standing;
pub use error::{Error, Refusal};
pub use event::{Event, Happening};
pub use forwarding::Upstream;
pub use intake::Admitted;
pub use inventory::{Identified, Inventory, InventoryError, Shown, StationAnchors};
pub use label::Label;
pub use manager::{Input, Nem, Output, Settings};
pub use request::Upload;
pub use station::{Account, Station, StationState, VendorCertificate};
