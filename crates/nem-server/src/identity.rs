//! Who is at the other end, as far as its channel tells.

use std::net::IpAddr;

use asn1::EncodedCertificate;
use nem::{Refusal, Shown};
use transfer::Peer;

/// A [`Shown`] that owns its parts.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    Certificates(Vec<EncodedCertificate>),
    Account(String),
    TunnelAddress(IpAddr),
}

impl Identity {
    /// Whoever showed these certificates to TLS.
    pub(crate) fn of_certificates(certificates: &[Vec<u8>]) -> Result<Self, Refusal> {
        let chain =
            certificates.iter().map(|octets| EncodedCertificate::new(octets)).collect::<Result<_, _>>();
        chain.map(Self::Certificates).map_err(|_| Refusal::MalformedCertificate)
    }

    /// Whoever is at the other end of a connection within the tunnel.
    pub(crate) fn of_tunnel(peer: &Peer) -> Self {
        Self::TunnelAddress(peer.address.ip())
    }

    pub(crate) fn shown(&self) -> Shown<'_> {
        match self {
            Self::Certificates(chain) => Shown::Certificates(chain),
            Self::Account(user) => Shown::Account(user),
            Self::TunnelAddress(address) => Shown::TunnelAddress(*address),
        }
    }
}
