//! What a CA and a NEM keep, on disk: one file each, transactional, every commit synced before it counts.
//!
//! The files hold octets and RFC facts in a DER of their own, so that the programs' structs can change and the files need not.

mod body;
mod database;
mod error;
pub mod ledger;
pub mod registry;
mod sender;

pub use database::open_database;
pub use error::Error;
