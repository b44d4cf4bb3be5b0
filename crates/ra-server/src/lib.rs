//! `raca`: an RA/CA that speaks CMP over HTTP, for tests and small networks. The program's commands are the functions here.

mod admin;
mod authority;
mod config;
mod init;
mod listing;
mod serve;

pub use authority::{issue, list};
pub use init::{InitOptions, Initialised, init};
pub use listing::{ListEntry, table};
pub use serve::serve;
