//! What the programs share, and the protocol crates must not have: files, names as people write them, the socket over which
//! a program's commands reach its server, signals, the clock.

mod clock;
mod console;
pub mod control;
mod credentials;
mod error;
pub mod files;
mod name;
mod request;
mod revocation;
mod secrets;
mod signals;
mod watch;

pub use clock::now;
pub use console::{log_to_stderr, print};
pub use credentials::read_credential;
pub use error::Error;
pub use name::parse_name;
pub use request::{Names, certification_request, parse_host_name};
pub use revocation::{RevocationSetting, log_revocation, read_revocation};
pub use secrets::read_secret_file;
pub use signals::{reload_signal, stop_signal};
pub use watch::FileWatch;
