//! What a CA keeps, and what it demands of whatever keeps it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use asn1::{EncodedCertificate, UnixTime};
use cmp::management_entity::OpenRequest;
use cmp::{PkiStatusInfo, SenderNonce, TransactionId};
use x509_cert::ext::pkix::CrlReason;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

/// Keeps transactions and certificates.
///
/// Each call is one atomic step. When a call that writes returns, what it wrote survives a crash, unless it was made within
/// [`Registry::together`]. What a call that reads returns survives a crash.
pub trait Registry: Send + Sync {
    /// Runs what makes many writes and tells nobody of any before all are made. Those that the calling thread makes survive a crash only
    /// when this returns. Without an implementation of its own each is made as it would be otherwise.
    ///
    /// # Errors
    /// When the registry cannot be written: nobody may be told of what was done.
    fn together(&self, run: &mut dyn FnMut()) -> Result<(), RegistryError> {
        run();
        Ok(())
    }

    /// The transaction with that id.
    ///
    /// # Errors
    /// When the registry cannot be read.
    fn transaction(&self, id: &TransactionId) -> Result<Option<TransactionRecord>, RegistryError>;

    /// The certificate with that serial number.
    ///
    /// # Errors
    /// When the registry cannot be read.
    fn certificate(&self, serial_number: &SerialNumber) -> Result<Option<CertificateRecord>, RegistryError>;

    /// Registers a new transaction, and its certificate if one is issued, unless the transaction is there already.
    ///
    /// # Errors
    /// When the registry cannot be written, or the serial number is taken; nothing is registered then.
    fn open(
        &self,
        transaction: &TransactionRecord,
        certificate: Option<&CertificateRecord>,
    ) -> Result<Write, RegistryError>;

    /// Replaces a transaction, unless its revision is no longer the one in `transaction`, and with it does that to its
    /// certificate. The replacement has the next revision.
    ///
    /// # Errors
    /// When the registry cannot be written, holds no such transaction or certificate, or the serial number of a new one is taken;
    /// nothing is changed then.
    fn advance(
        &self,
        transaction: &TransactionRecord,
        certificate: CertificateStep<'_>,
    ) -> Result<Write, RegistryError>;

    /// The transactions that wait for an administrator, in no particular order.
    ///
    /// # Errors
    /// When the registry cannot be read.
    fn awaiting_approval(&self) -> Result<Vec<TransactionRecord>, RegistryError>;

    /// Registers a certificate that no transaction asked for.
    ///
    /// # Errors
    /// When the registry cannot be written, or the serial number is taken.
    fn register(&self, certificate: &CertificateRecord) -> Result<(), RegistryError>;

    /// The only exchange of a transaction that was over with its first answer.
    ///
    /// # Errors
    /// When the registry cannot be read.
    fn answered(&self, id: &TransactionId) -> Result<Option<Exchange>, RegistryError>;

    /// Changes a certificate's status, unless that is no longer the one that was expected, or the transaction is there already.
    ///
    /// # Errors
    /// When the registry cannot be written, or holds no such certificate; nothing is changed then.
    fn change_status(&self, change: &StatusChange) -> Result<Write, RegistryError>;

    /// The certificates that are revoked.
    ///
    /// # Errors
    /// When the registry cannot be read.
    fn revoked(&self) -> Result<Vec<CertificateRecord>, RegistryError>;

    /// The latest CRL.
    ///
    /// # Errors
    /// When the registry cannot be read.
    fn crl(&self) -> Result<Option<CrlRecord>, RegistryError>;

    /// Replaces the latest CRL, unless its number is not the one before this one's.
    ///
    /// # Errors
    /// When the registry cannot be written.
    fn replace_crl(&self, crl: &CrlRecord) -> Result<Write, RegistryError>;
}

/// What a step of a transaction does to its certificate.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_enums)] // a registry must know how to write each
pub enum CertificateStep<'a> {
    /// Nothing: there is none.
    None,
    /// It is issued.
    Issue(&'a CertificateRecord),
    /// It gets that status; one that is revoked stays so.
    Status(CertificateStatus),
}

/// A change of a certificate's status outside of the transaction that it was issued in.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // parameters of a call
pub struct StatusChange {
    /// Which certificate.
    pub serial_number: SerialNumber,
    /// The status it has.
    pub from: CertificateStatus,
    /// The status it is to have.
    pub to: CertificateStatus,
    /// The message that asked for the change, and its answer; `None` when it was ordered by hand.
    pub answered: Option<(TransactionId, Exchange)>,
}

/// A certificate revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // what a CRL is known by
pub struct CrlRecord {
    /// cRLNumber: the first one has 1.
    pub number: u64,
    /// The CertificateList in DER.
    pub octets: Vec<u8>,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // a third outcome must be thought about at every caller
pub enum Write {
    /// It is done.
    Done,
    /// Somebody else was faster; nothing was written. Read again.
    Conflict,
}

/// One operation of RFC 9483 section 4.1, from its request to its confirmation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionRecord {
    /// The request: transactionID, kind, certReqId, who signed it.
    pub request: OpenRequest,
    /// The serial number of the certificate issued for it; `None` as long as none is.
    pub serial_number: Option<SerialNumber>,
    /// Whether that certificate differs from what was asked for.
    pub with_mods: bool,
    /// How far it is.
    pub state: TransactionState,
    /// The first exchange and the last few after it: enough to answer a repeat, and a poll that was delayed on its way.
    pub exchanges: Vec<Exchange>,
    /// How often it was written; see [`Registry::advance`].
    pub revision: u64,
}

/// How far a transaction is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionState {
    /// The requester was told to wait; the certificate is handed out from that time on.
    Waiting {
        /// When.
        due: UnixTime,
    },
    /// The certificate went out; certConf is awaited.
    AwaitingCertConf,
    /// The certificate is confirmed, explicitly or implicitly. It is over.
    Confirmed,
    /// The requester did not take the certificate. It is over.
    Rejected,
    /// The requester was told to wait; no certificate is issued until an administrator approves the request.
    AwaitingApproval {
        /// When the request came.
        received: UnixTime,
        /// The certificate profile in the path that it came to.
        endpoint_profile: Option<String>,
    },
    /// There is no certificate, and will be none: whoever polls is told so. It is over.
    Refused {
        /// What the requester is told.
        status: PkiStatusInfo,
    },
}

/// A message and its answer, both as octets.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// The message, as received.
    pub request: Vec<u8>,
    /// The answer, as sent.
    pub answer: Vec<u8>,
    /// The answer's senderNonce.
    pub nonce: SenderNonce,
}

impl Exchange {
    /// A message and its answer, which carries that senderNonce.
    pub const fn new(request: Vec<u8>, answer: Vec<u8>, nonce: SenderNonce) -> Self {
        Self { request, answer, nonce }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({} octets answered by {})", self.request.len(), self.answer.len())
    }
}

impl TransactionRecord {
    /// How many exchanges are kept.
    const EXCHANGES: usize = 5;

    /// A transaction from its parts.
    pub const fn new(
        request: OpenRequest,
        serial_number: Option<SerialNumber>,
        with_mods: bool,
        state: TransactionState,
        exchanges: Vec<Exchange>,
        revision: u64,
    ) -> Self {
        Self { request, serial_number, with_mods, state, exchanges, revision }
    }

    /// The answer that was given to exactly these octets.
    pub fn answer_to(&self, request: &[u8]) -> Option<&[u8]> {
        let same = self.exchanges.iter().find(|exchange| exchange.request == request)?;
        Some(&same.answer)
    }

    /// The senderNonces that the requester's next message may echo. A requester that lost an answer and was given it again
    /// echoes an older one.
    pub(crate) fn nonces(&self) -> Vec<SenderNonce> {
        self.exchanges.iter().map(|exchange| exchange.nonce.clone()).collect()
    }

    /// The first exchange stays. A single old poll that comes late pushes out one of the others, never the latest.
    pub(crate) fn keep(&mut self, exchange: Exchange) {
        if self.exchanges.len() >= Self::EXCHANGES {
            self.exchanges.remove(1);
        }
        self.exchanges.push(exchange);
    }
}

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateRecord {
    /// The certificate.
    pub certificate: EncodedCertificate,
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// The name of the profile it was issued under.
    pub profile: String,
    /// The subject of whoever asked for it in a CMP message; `None` when it was issued by hand.
    pub requester: Option<Name>,
    /// When it was issued.
    pub issued_at: UnixTime,
    /// What it is worth.
    pub status: CertificateStatus,
}

impl CertificateRecord {
    /// A certificate from its facts.
    pub const fn new(
        certificate: EncodedCertificate,
        serial_number: SerialNumber,
        profile: String,
        requester: Option<Name>,
        issued_at: UnixTime,
        status: CertificateStatus,
    ) -> Self {
        Self { certificate, serial_number, profile, requester, issued_at, status }
    }
}

/// What a certificate is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateStatus {
    /// It went out, or will, and is not confirmed yet.
    Unconfirmed,
    /// It is confirmed, or was issued by hand.
    Valid,
    /// It is revoked, or on hold.
    Revoked {
        /// Since when.
        at: UnixTime,
        /// Why; certificateHold can be taken back.
        reason: CrlReason,
    },
}

impl CertificateStatus {
    /// Whether it is on hold.
    pub const fn is_on_hold(self) -> bool {
        matches!(self, Self::Revoked { reason: CrlReason::CertificateHold, .. })
    }
}

impl fmt::Display for CertificateStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unconfirmed => f.write_str("unconfirmed"),
            Self::Valid => f.write_str("valid"),
            Self::Revoked { reason: CrlReason::CertificateHold, .. } => f.write_str("on hold"),
            Self::Revoked { .. } => f.write_str("revoked"),
        }
    }
}

/// Why the registry failed.
#[derive(Debug)]
pub struct RegistryError(Box<dyn core::error::Error + Send + Sync>);

impl RegistryError {
    /// From the error of whatever keeps the registry.
    pub fn new(error: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::error::Error for RegistryError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.source()
    }
}
