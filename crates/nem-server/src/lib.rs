//! `nem`: a Network Element Manager. Stations upload PKCS #10 requests over mutually authenticated TLS (RFC 7030), it asks
//! the RA/CAs by CMP over HTTP, and hands the certificates back. The program's commands are the functions here.

mod admin;
mod audit;
mod busy;
pub mod by_hand;
mod cmp_stations;
mod config;
mod credentials;
mod current;
mod doors;
mod fetch;
mod fetched;
mod ftp;
mod health;
mod identity;
mod init;
mod intake;
mod listing;
mod liveness;
mod metrics;
mod operation;
mod overdue;
mod own;
mod password;
mod renewal;
mod serve;
mod service;
mod stations;
mod status;
mod uploads;
mod upstreams;

pub use admin::{batches, operate, overdue, requests, stations, status, upstreams};
pub use audit::verify_audit;
pub use init::{InitOptions, Initialised, init};
pub use listing::{RequestEntry, StationEntry, requests_table, stations_table};
pub use operation::Operation;
pub use overdue::{DueCertificate, overdue_table};
pub use password::hash_password;
pub use serve::serve;
pub use stations::{ExportFormat, Imported, export, import};
pub use status::{BatchEntry, Status, UpstreamEntry, batches_table, upstreams_table};
