//! What is kept of requests that left in a file.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use asn1::UnixTime;
use cmp::end_entity::Transaction;
use cmp::{SenderNonce, TransactionId};

/// An export's name: 128 random bits, which are the transactionID of the message in its file, too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExportId([u8; 16]);

impl ExportId {
    /// From its octets.
    pub const fn new(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// From its name, 32 hexadecimal digits, as it is displayed.
    pub fn parse(text: &str) -> Option<Self> {
        super::RequestId::parse(text).map(|id| Self(*id.as_octets()))
    }

    /// The export whose file has that transactionID, if one can have it.
    pub fn of_transaction(id: &TransactionId) -> Option<Self> {
        id.as_octets().try_into().ok().map(Self)
    }

    /// Its octets.
    pub const fn as_octets(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for ExportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for ExportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExportId({self})")
    }
}

/// A file in which requests left, to be signed elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // what is stored; a new fact must be thought about at every reader
pub struct Export {
    /// Its name.
    pub id: ExportId,
    /// What is in the file.
    pub form: ExportForm,
    /// The RA/CA it is for: its answers are believed as that one's, and certificates as of its CA.
    pub upstream: String,
    /// The senderNonce of the message in the file.
    pub nonce: SenderNonce,
    /// When it was begun.
    pub made_at: UnixTime,
    /// Where the file was written to.
    pub file: String,
    /// Requests in it, once it is written.
    pub requests: u64,
    /// Whether it is known to be written: if not, the NEM was stopped meanwhile.
    pub written: bool,
}

/// What is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // for an RA/CA that knows CMP, and for a CA that does not
pub enum ExportForm {
    /// One nested message (RFC 9483 section 6.4).
    Pki,
    /// The PKCS #10 requests themselves.
    Pkcs10,
}

/// A request that left in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // what is stored; a new fact must be thought about at every reader
pub struct Exported {
    /// In which.
    pub export: ExportId,
    /// The message in the file; `None` when there is the PKCS #10 request alone.
    pub sent: Option<ExportedMessage>,
}

/// A message in a file: a request, or a pollReq.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // a message and what its answer must fit
pub struct ExportedMessage {
    /// The message.
    pub message: Vec<u8>,
    /// What the answer must fit.
    pub transaction: Transaction,
}
