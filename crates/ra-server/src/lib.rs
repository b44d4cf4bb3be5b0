//! `raca`: an RA/CA that speaks CMP over HTTP, for tests and small networks. The program's commands are the functions here.

mod admin;
mod audit;
mod authority;
mod commands;
mod config;
mod crl;
mod expiry;
mod generations;
mod init;
mod kem_exchanges;
mod kem_key;
mod listing;
mod pending;
mod profiles;
mod rollover;
mod serve;
mod sign;

pub use audit::verify_audit;
pub use commands::{approve, crl, issue, list, pending, reject, reload, renew_signer, revoke, show};
pub use crl::CrlEntry;
pub use init::{InitOptions, Initialised, init};
pub use kem_key::kem_key;
pub use listing::{CertificateEntry, ListEntry, table};
pub use pending::{PendingEntry, pending_table};
pub use rollover::{Rollover, RolloverOptions, rollover};
pub use serve::serve;
pub use sign::{SignApproval, SignEntry, SignOptions, SignReport, sign};
