//! Octets in, octets out: CMP over HTTP (RFC 9811), the PKCS #10 part of EST (RFC 7030), TLS, and a server that
//! nobody can hold up.
//!
//! Nothing here knows what a message says. Everything that comes from outside is bounded: connections, handshakes,
//! headers, bodies, and the time each may take.

mod certs_only;
pub mod crl;
mod error;
pub mod est;
pub mod http;
mod places;
pub mod server;
pub mod tls;
pub mod uploads;
mod visitors;

pub use certs_only::certificates_of_certs_only;
pub use error::TransferError;
pub use places::{Place, Places};
pub use visitors::{Visitor, Visitors};

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// Its address.
    pub address: std::net::SocketAddr,
    /// Its certificate, verified by TLS, and what came along, leaf first; empty when it showed none.
    pub certificates: Vec<Vec<u8>>,
}

impl Peer {
    /// Whoever has that address and showed these certificates.
    pub const fn new(address: std::net::SocketAddr, certificates: Vec<Vec<u8>>) -> Self {
        Self { address, certificates }
    }
}
