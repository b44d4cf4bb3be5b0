use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use x509_cert::name::Name;

use crate::ledger::LedgerError;

/// Why a station's upload is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    // Whoever uploads
    /// The certificate shown cannot be read.
    MalformedCertificate,
    /// The certificate shown has no path to a vendor's or the operator's CA.
    UntrustedCertificate(crypto::PathError),
    /// The inventory knows no station with that certificate.
    UnknownStation {
        /// The subject of the certificate shown.
        subject: String,
    },
    /// The inventory knows no station with that account.
    UnknownAccount {
        /// The user name.
        user: String,
    },
    /// The inventory knows no station with that address inside the tunnel.
    UnknownAddress {
        /// The address.
        address: IpAddr,
    },
    /// The station is blocked.
    Blocked {
        /// The station.
        station: String,
    },
    /// The station is out of service.
    Retired {
        /// The station.
        station: String,
    },
    /// The station is not connected, as far as the NEM knows.
    NotConnected {
        /// The station.
        station: String,
        /// When to come back.
        retry_after: Duration,
    },

    // What it uploads
    /// The request is no PKCS #10 request, its key is weak, or its proof of possession does not hold.
    Request {
        /// The station.
        station: String,
        /// What is wrong with it.
        reason: pkcs10::Error,
    },
    /// The request is no CertReqMessages with one request, its key is weak, or its proof of possession does not hold.
    CertReqMessages {
        /// The station.
        station: String,
        /// What is wrong with it.
        reason: Box<cmp::Error>,
    },
    /// CertReqMessages leave the subject to the RA/CA; that needs a message that the station signs itself.
    NoSubject {
        /// The station.
        station: String,
    },
    /// The request asks for a name that is not the station's.
    Name {
        /// The station.
        station: String,
        /// The name it asks for.
        requested: Name,
        /// The name it may have.
        granted: Name,
    },
    /// The request asks for a subjectAltName that is not the station's, or cannot be read.
    AlternativeName {
        /// The station.
        station: String,
    },
    /// The message that the station signed itself is none that can go up.
    Message {
        /// The station.
        station: String,
        /// What is wrong with it.
        reason: Box<cmp::Error>,
    },
    /// The message is signed with a certificate that is not the station's, or with none.
    OtherSigner {
        /// The station.
        station: String,
    },
    /// No RA/CA in the configuration serves the station.
    NoUpstream {
        /// The station.
        station: String,
    },
    /// Another station asked for a certificate for that key.
    DuplicateKey {
        /// The station.
        station: String,
    },

    // Circumstances
    /// Too many requests are under way.
    Busy {
        /// The station.
        station: String,
        /// When to come back.
        retry_after: Duration,
    },
    /// The ledger cannot be used: nothing was accepted.
    Ledger {
        /// The station.
        station: String,
        /// What the ledger said.
        reason: String,
    },
}

impl Refusal {
    /// The station, when it is known who it is.
    pub fn station(&self) -> &str {
        match self {
            Self::MalformedCertificate | Self::UntrustedCertificate(_) | Self::UnknownAddress { .. } => "",
            Self::UnknownStation { subject } => subject,
            Self::UnknownAccount { user } => user,
            Self::Blocked { station }
            | Self::Retired { station }
            | Self::NotConnected { station, .. }
            | Self::Request { station, .. }
            | Self::CertReqMessages { station, .. }
            | Self::NoSubject { station }
            | Self::Name { station, .. }
            | Self::AlternativeName { station }
            | Self::Message { station, .. }
            | Self::OtherSigner { station }
            | Self::NoUpstream { station }
            | Self::DuplicateKey { station }
            | Self::Busy { station, .. }
            | Self::Ledger { station, .. } => station,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MalformedCertificate => f.write_str("the client certificate cannot be read"),
            Self::UntrustedCertificate(reason) => {
                write!(f, "the client certificate is not trusted: {reason}")
            }
            Self::UnknownStation { subject } => {
                write!(f, "no station in the inventory has the certificate of {subject}")
            }
            Self::UnknownAccount { user } => write!(f, "no station in the inventory has the account {user}"),
            Self::UnknownAddress { address } => {
                write!(f, "no station in the inventory has the tunnel address {address}")
            }
            Self::Blocked { station } => write!(f, "station {station} is blocked"),
            Self::Retired { station } => write!(f, "station {station} is out of service"),
            Self::NotConnected { station, .. } => {
                write!(f, "station {station} does not count as connected; come back when it does")
            }
            Self::Request { reason, .. } => write!(f, "certification request: {reason}"),
            Self::CertReqMessages { reason, .. } => write!(f, "certificate request messages: {reason}"),
            Self::NoSubject { .. } => f.write_str(
                "the request has no subject; put the station's into it, or send a whole PKIMessage (CMP) instead",
            ),
            Self::Name { requested, granted, .. } => {
                write!(f, "the request asks for the name {requested}; this station may have {granted}")
            }
            Self::AlternativeName { .. } => {
                f.write_str("the request asks for a subjectAltName that this station may not have")
            }
            Self::Message { reason, .. } => write!(f, "message: {reason}"),
            Self::OtherSigner { .. } => {
                f.write_str("the message does not come with a certificate of this station that it is signed with")
            }
            Self::NoUpstream { .. } => f.write_str("no RA/CA serves this station's groups and profile"),
            Self::DuplicateKey { .. } => {
                f.write_str("another station asked for a certificate for this key; make a new one")
            }
            Self::Busy { .. } => f.write_str("too many requests are under way; come back later"),
            Self::Ledger { .. } => f.write_str("the request cannot be stored now; come back later"),
        }
    }
}

impl core::error::Error for Refusal {}

/// Why the NEM itself cannot go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The ledger cannot be used.
    Ledger(LedgerError),
    /// A message cannot be made.
    Message(Box<cmp::Error>),
    /// There is no RA/CA to ask.
    NoUpstream,
    /// Two RA/CAs have that name.
    DuplicateUpstream(String),
    /// No RA/CA has that name.
    UnknownUpstream(String),
    /// The RA/CA refuses what the NEM asked on its own account.
    Refused(String),
    /// Its answer to that is not believed.
    Unbelieved(String),
    /// It issued another certificate than the NEM asked for.
    NotTaken(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ledger(error) => write!(f, "ledger: {error}"),
            Self::Message(error) => write!(f, "message: {error}"),
            Self::NoUpstream => f.write_str("there is no RA/CA; name at least one"),
            Self::DuplicateUpstream(name) => {
                write!(f, "two RA/CAs are called {name}; a name stands for one of them")
            }
            Self::UnknownUpstream(name) => write!(f, "there is no RA/CA {name}"),
            Self::Refused(reason) | Self::Unbelieved(reason) => f.write_str(reason),
            Self::NotTaken(fault) => write!(f, "the certificate that came is not taken: {fault}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<cmp::Error> for Error {
    fn from(error: cmp::Error) -> Self {
        Self::Message(Box::new(error))
    }
}
