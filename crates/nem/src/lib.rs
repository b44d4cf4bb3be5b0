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

mod batch;
pub mod by_hand;
mod delivery;
mod error;
mod event;
mod exchange;
mod forwarding;
mod health;
mod index;
mod intake;
mod inventory;
mod label;
pub mod ledger;
mod line;
mod manager;
mod operate;
mod own;
mod passages;
mod presence;
mod request;
mod requests;
mod station;
mod upstream;

pub use delivery::Standing;
pub use error::{Error, Refusal};
pub use event::{Event, Happening, News, Notice};
pub use exchange::ExchangeId;
pub use health::Health;
pub use intake::Admitted;
pub use inventory::{Identified, Inventory, InventoryError, Shown, StationAnchors};
pub use label::Label;
pub use line::Nesting;
pub use manager::passing::Passage;
pub use manager::uploading::{Arrival, Uploaded};
pub use manager::{Input, Nem, Output, Settings};
pub use operate::{BatchStatus, CommandError, OpenStatus, UpstreamStatus};
pub use own::{Inquiry, Next, Update, renewal_times};
pub use passages::Passing;
pub use presence::{Liveness, StationPresence, WhenAbsent};
pub use request::Upload;
pub use station::{Account, Station, StationState, VendorCertificate};
pub use upstream::{Batching, Upstream};
