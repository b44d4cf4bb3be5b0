//! What the programs share, and the protocol crates must not have: files, names as people write them, the socket over which
//! a program's commands reach its server, the audit log, signals, the clock.

pub mod audit;
pub mod batch_file;
mod clock;
mod console;
pub mod control;
mod credentials;
mod error;
pub mod files;
mod init_key;
mod key;
mod key_signature;
mod name;
mod one_heap;
mod open_files;
mod passphrase;
mod request;
mod revocation;
mod secrets;
mod signals;
mod tls_key;
mod watch;

pub use clock::now;
pub use console::{log_to_stderr, print};
pub use credentials::{read_credential, read_kem_credential, read_software_credential, read_tls_credential};
pub use crypto_pkcs11::TokenUri;
pub use error::Error;
pub use init_key::InitKey;
pub use key::{
    KeyLocation, KeySource, read_kem_key, read_software_key, sign_with, write_kem_key, write_software_key,
};
pub use key_signature::{KeySignature, UnknownKeySignature};
pub use name::parse_name;
pub use one_heap::use_one_heap;
pub use open_files::raise_open_files;
pub use passphrase::PassphraseSource;
pub use request::{Names, certification_request, parse_host_name};
pub use revocation::{RevocationSetting, log_revocation, read_revocation};
pub use secrets::read_secret_file;
pub use signals::{reload_signal, stop_signal};
pub use tls_key::tls_key;
pub use watch::FileWatch;
