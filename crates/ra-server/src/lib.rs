//! `raca`: an RA/CA that speaks CMP over HTTP, for tests and small networks. The program's commands are the functions here.

mod admin;
mod authority;
mod commands;
mod config;
mod crl;
mod init;
mod listing;
mod profiles;
mod serve;

pub use commands::{crl, issue, list, revoke, show};
pub use crl::CrlEntry;
pub use init::{InitOptions, Initialised, init};
pub use listing::{CertificateEntry, ListEntry, table};
pub use serve::serve;
