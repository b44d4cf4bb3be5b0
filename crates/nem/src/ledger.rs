//! What a NEM keeps of its requests, and what it demands of whatever keeps it.

mod export;
mod passed;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use asn1::{EncodedCertificate, UnixTime};
use cmp::SenderNonce;
use cmp::end_entity::{Correspondent, RequestKind, Transaction};

use crate::Label;

pub use export::{Export, ExportForm, ExportId, Exported, ExportedMessage};
pub use passed::{PassedId, PassedMessage, PassedTransaction};

/// Keeps requests. Each call is one atomic step; when a call that writes returns, what it wrote survives a crash.
pub trait Ledger: Send {
    /// Shows every request that is not decided yet, one after another: there may be more than fit into memory together.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn open_requests(&self, each: &mut dyn FnMut(Record)) -> Result<(), LedgerError>;

    /// The request with that id.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn request(&self, id: RequestId) -> Result<Option<Record>, LedgerError>;

    /// The station's latest request with exactly these octets.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn find(&self, station: &str, request: &[u8]) -> Result<Option<Record>, LedgerError>;

    /// The station's latest request that it calls so.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn labelled(&self, station: &str, label: &Label) -> Result<Option<Record>, LedgerError>;

    /// The station's requests, the latest first, at most `limit` of them.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn latest_of(&self, station: &str, limit: usize) -> Result<Vec<Record>, LedgerError>;

    /// The station that asked for a certificate for that SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn owner_of_key(&self, public_key: &[u8]) -> Result<Option<String>, LedgerError>;

    /// Writes requests, new or changed: all of them, or none.
    ///
    /// # Errors
    /// When the ledger cannot be written; nothing is changed then.
    fn put_all(&self, records: &[Record]) -> Result<(), LedgerError>;

    /// Writes one request, new or changed.
    ///
    /// # Errors
    /// When the ledger cannot be written; nothing is changed then.
    fn put(&self, record: &Record) -> Result<(), LedgerError> {
        self.put_all(core::slice::from_ref(record))
    }

    /// Why the RA/CA of that name gets no batches, when it was found not to take them apart.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn cannot_unbundle(&self, upstream: &str) -> Result<Option<CannotUnbundle>, LedgerError>;

    /// Keeps in mind that the RA/CA of that name does not take batches apart; `None`: that it may.
    ///
    /// # Errors
    /// When the ledger cannot be written; nothing is changed then.
    fn set_cannot_unbundle(&self, upstream: &str, known: Option<&CannotUnbundle>) -> Result<(), LedgerError>;

    /// Writes what is known of an export, new or changed.
    ///
    /// # Errors
    /// When the ledger cannot be written; nothing is changed then.
    fn put_export(&self, export: &Export) -> Result<(), LedgerError>;

    /// The export with that name.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn export(&self, id: ExportId) -> Result<Option<Export>, LedgerError>;

    /// All exports, in any order.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn exports(&self) -> Result<Vec<Export>, LedgerError>;

    /// Shows every transaction of messages that stations sign themselves, one after another: there may be more than fit into memory together.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn passed_transactions(&self, each: &mut dyn FnMut(PassedTransaction)) -> Result<(), LedgerError>;

    /// The transaction with that name.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn passed_transaction(&self, id: PassedId) -> Result<Option<PassedTransaction>, LedgerError>;

    /// Writes such transactions, new or changed, and forgets others, which need not be there: all of it, or nothing.
    ///
    /// # Errors
    /// When the ledger cannot be written; nothing is changed then.
    fn put_passed(&self, changed: &[PassedTransaction], forgotten: &[PassedId]) -> Result<(), LedgerError>;
}

/// An RA/CA was sent a batch and did not take it apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // what is stored; a new fact must be thought about at every reader
pub struct CannotUnbundle {
    /// What it did instead.
    pub reason: String,
    /// When.
    pub since: UnixTime,
}

/// A request's name within the NEM: 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// From its octets.
    pub const fn new(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// From its name, 32 hexadecimal digits, as it is displayed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut octets = [0; 16];
        if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        for (octet, digits) in octets.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *octet = u8::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(octets))
    }

    /// Its octets.
    pub const fn as_octets(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

/// One request of one station.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Its name.
    pub id: RequestId,
    /// The station's name in the inventory.
    pub station: String,
    /// With which body the request goes to the RA/CA.
    pub kind: RequestKind,
    /// The PKCS #10 request, or with ir and cr the CertReqMessages, as the station made it.
    pub request: Vec<u8>,
    /// The SubjectPublicKeyInfo in it.
    pub public_key: Vec<u8>,
    /// What the station calls it, if anything.
    pub label: Option<Label>,
    /// Whether the station wants the certificate no more: it is turned down when it comes.
    pub cancelled: bool,
    /// When it was accepted.
    pub received_at: UnixTime,
    /// When its state changed last.
    pub changed_at: UnixTime,
    /// The name of the RA/CA that has it, since its first message was made: there it ends, too.
    pub upstream: Option<String>,
    /// Whether an operator holds it: nothing about it goes up.
    pub held: bool,
    /// Why an operator wants no certificate for it: one that still comes is turned down.
    pub turn_down: Option<String>,
    /// Whether the station has its certificate, where that does not wait for the confirmation.
    pub fetch: Option<Fetch>,
    /// How far it is.
    pub state: State,
}

/// How far a station is with a certificate that it may have before the RA/CA knows that it is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // what is stored; a new fact must be thought about at every reader
pub enum Fetch {
    /// It may fetch it; certConf waits.
    Awaited,
    /// It has it; certConf goes.
    Done,
    /// It may fetch it, and certConf goes whenever the RA/CA is there: it was carried by hand.
    Ahead,
}

impl Record {
    /// A request that was just accepted.
    pub const fn new(
        id: RequestId,
        station: String,
        kind: RequestKind,
        request: Vec<u8>,
        public_key: Vec<u8>,
        received_at: UnixTime,
    ) -> Self {
        Self {
            id,
            station,
            kind,
            request,
            public_key,
            label: None,
            cancelled: false,
            received_at,
            changed_at: received_at,
            upstream: None,
            held: false,
            turn_down: None,
            fetch: None,
            state: State::Queued,
        }
    }

    /// The certificate that its station may have.
    pub fn deliverable(&self) -> Option<&Certificates> {
        match &self.state {
            State::Issued(certificates) | State::Delivered(certificates) => Some(certificates),
            State::Confirming(confirming) if self.fetch.is_some() => Some(&confirming.certificates),
            _ => None,
        }
    }

    /// Why nobody wants the certificate any more, if so.
    pub(crate) fn unwanted(&self) -> Option<&str> {
        let cancelled = self.cancelled.then_some("the station cancelled its request while the RA/CA had it");
        self.turn_down.as_deref().or(cancelled)
    }
}

/// How far a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Accepted; nothing has been sent.
    Queued,
    /// The request or a pollReq was, or is about to be, sent. It is repeated octet for octet until it is answered.
    Sent {
        /// The message.
        message: Vec<u8>,
        /// What the answer must fit.
        transaction: Transaction,
    },
    /// The RA/CA is working on it.
    Waiting {
        /// What the answer must fit.
        transaction: Transaction,
        /// Whom to ask.
        correspondent: Correspondent,
        /// When.
        poll_at: UnixTime,
    },
    /// It left in a file, and stays with the manual procedure until it is answered or released: nothing about it goes online.
    Exported(Box<Exported>),
    /// The certificate is here; its certConf was, or is about to be, sent.
    Confirming(Box<Confirming>),
    /// The certificate is confirmed, and waits for its station.
    Issued(Certificates),
    /// The station has fetched its certificate.
    Delivered(Certificates),
    /// There will be no certificate.
    Rejected {
        /// Why.
        reason: String,
    },
}

/// A certificate, and what it takes to confirm it or to turn it down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // what is stored; a new fact must be thought about at every reader
pub struct Confirming {
    /// The certificate and its chain.
    pub certificates: Certificates,
    /// The transaction as the certificate ended it.
    pub transaction: Transaction,
    /// Who sent the certificate.
    pub correspondent: Correspondent,
    /// certConf.
    pub message: Vec<u8>,
    /// certConf's senderNonce.
    pub nonce: SenderNonce,
    /// Why the certificate is turned down; `None` when it is taken.
    pub turned_down: Option<String>,
}

/// A certificate and the CA certificates above it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // a certificate and its chain
pub struct Certificates {
    /// The certificate.
    pub certificate: EncodedCertificate,
    /// The CA certificates that came with it.
    pub chain: Vec<EncodedCertificate>,
}

impl State {
    /// Whether nothing more will happen upstream.
    pub const fn is_decided(&self) -> bool {
        matches!(self, Self::Issued(_) | Self::Delivered(_) | Self::Rejected { .. })
    }

    /// The state's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent { .. } => "sent",
            Self::Waiting { .. } => "waiting",
            Self::Exported(_) => "exported",
            Self::Confirming(_) => "confirming",
            Self::Issued(_) => "issued",
            Self::Delivered(_) => "delivered",
            Self::Rejected { .. } => "rejected",
        }
    }

    /// The CMP transaction under way.
    pub const fn transaction(&self) -> Option<&Transaction> {
        match self {
            Self::Sent { transaction, .. } | Self::Waiting { transaction, .. } => Some(transaction),
            Self::Confirming(confirming) => Some(&confirming.transaction),
            Self::Exported(exported) => match &exported.sent {
                Some(sent) => Some(&sent.transaction),
                None => None,
            },
            _ => None,
        }
    }

    /// The file it left in, while it is there.
    pub fn export(&self) -> Option<ExportId> {
        match self {
            Self::Exported(exported) => Some(exported.export),
            _ => None,
        }
    }
}

/// Why the ledger failed.
#[derive(Debug)]
pub struct LedgerError(Box<dyn core::error::Error + Send + Sync>);

impl LedgerError {
    /// From the error of whatever keeps the ledger.
    pub fn new(error: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::error::Error for LedgerError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.source()
    }
}
