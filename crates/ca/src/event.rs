use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use asn1::UnixTime;
use asn1::oids::{rfc8018, rfc9810};
use cmp::{BodyKind, PkiHeader, PkiMessage, PkiStatusInfo, Reference, TransactionId};
use const_oid::ObjectIdentifier;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

use crate::Error;

/// The answer to a message, and what happened.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The PKIMessage to send back.
    pub octets: Vec<u8>,
    /// For the log.
    pub event: Event,
    /// What happened with the messages inside a nested one, for the log.
    pub inner: Vec<Event>,
}

/// What happened with one message. Nothing in it is secret, and nothing of it can drive a terminal.
#[derive(Debug)]
#[non_exhaustive]
pub struct Event {
    /// The transaction, when the message could be decoded and has one.
    pub transaction_id: Option<TransactionId>,
    /// Who the message says that it comes from: the name that goes with its signature, or the reference of the secret that its MAC
    /// was made with. It is proved only when the outcome is no refusal.
    pub sender: String,
    /// The message's body.
    pub body: Option<BodyKind>,
    /// What was decided.
    pub outcome: Outcome,
}

/// What was decided about a message.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// A certificate was issued, or handed out that had been waiting.
    Issued {
        /// Its serial number.
        serial_number: SerialNumber,
        /// Its subject.
        subject: Name,
        /// Whether it differs from what was asked for.
        with_mods: bool,
        /// Whether the requester need not confirm it.
        implicitly_confirmed: bool,
    },
    /// The requester has to wait.
    Waiting {
        /// Until then.
        due: UnixTime,
    },
    /// The requester has to wait until an administrator approves the request.
    AwaitingApproval,
    /// The requester was told that there will be no certificate: an administrator rejected the request, or nobody decided in time.
    NotApproved {
        /// What it was told.
        status: PkiStatusInfo,
    },
    /// An operator left the request in a file for another time: it is not answered.
    Postponed,
    /// The requester took the certificate.
    Confirmed {
        /// Its serial number.
        serial_number: SerialNumber,
    },
    /// The requester did not take the certificate: it is revoked.
    Rejected {
        /// Its serial number.
        serial_number: SerialNumber,
        /// Why.
        status: PkiStatusInfo,
    },
    /// A certificate was revoked, or put on hold.
    Revoked {
        /// Its serial number.
        serial_number: SerialNumber,
        /// Why.
        reason: CrlReason,
    },
    /// A certificate is no longer on hold.
    Reinstated {
        /// Its serial number.
        serial_number: SerialNumber,
    },
    /// A question was answered.
    Informed,
    /// A batch: each message in it has an event of its own.
    Batch {
        /// How many were answered.
        answers: usize,
    },
    /// An RA added its protection to a message, which has an event of its own.
    VouchedFor,
    /// The message was answered before; it got the same answer.
    Repeated,
    /// The message was refused.
    Refused(Error),
}

impl Event {
    pub(crate) fn new(message: Option<&PkiMessage>, outcome: Outcome) -> Self {
        let header = message.map(PkiMessage::header);
        Self {
            transaction_id: header.and_then(|header| header.transaction_id.clone()),
            sender: header.map_or_else(|| "unknown".to_string(), sender),
            body: message.map(|message| message.body().kind()),
            outcome,
        }
    }
}

fn sender(header: &PkiHeader) -> String {
    // Beside a MAC the name is the sender's own choice.
    const MACS: [ObjectIdentifier; 2] = [rfc9810::PASSWORD_BASED_MAC, rfc8018::PBMAC1];
    let mac = header.protection_alg.as_ref().is_some_and(|algorithm| MACS.contains(&algorithm.oid));
    if let Some(reference) = header.sender_kid.as_ref().filter(|_| mac) {
        let reference = Reference::new(reference.as_bytes()).to_string();
        return "reference ".chars().chain(reference.chars().take(256)).collect();
    }
    match header.sender_name() {
        Some(name) if name.is_empty() => "NULL-DN".to_string(),
        Some(name) => printable(name),
        None => "no distinguished name".to_string(),
    }
}

fn printable(name: &Name) -> String {
    name.to_string().chars().filter(|c| !c.is_control()).take(256).collect()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issued { serial_number, subject, with_mods, implicitly_confirmed } => {
                write!(f, "issued {serial_number} to {}", printable(subject))?;
                f.write_str(if *with_mods { ", with modifications" } else { "" })?;
                f.write_str(if *implicitly_confirmed { ", implicitly confirmed" } else { "" })
            }
            Self::Waiting { due } => write!(f, "has to wait until {due}"),
            Self::AwaitingApproval => f.write_str("has to wait for approval"),
            Self::NotApproved { status } => write!(f, "was not approved: {status}"),
            Self::Postponed => f.write_str("left for another time"),
            Self::Confirmed { serial_number } => write!(f, "confirmed {serial_number}"),
            Self::Rejected { serial_number, status } => {
                write!(f, "did not take {serial_number}, which is revoked: {status}")
            }
            Self::Revoked { serial_number, reason } => {
                write!(f, "revoked {serial_number} ({})", reason_name(*reason))
            }
            Self::Reinstated { serial_number } => write!(f, "took {serial_number} off hold"),
            Self::Informed => f.write_str("answered"),
            Self::Batch { answers } => write!(f, "a batch with {answers} answers"),
            Self::VouchedFor => f.write_str("vouched for the message inside"),
            Self::Repeated => f.write_str("a repeat, answered as before"),
            Self::Refused(error) => write!(f, "refused ({}): {error}", error.for_requester().fail_info()),
        }
    }
}

/// As RFC 5280 section 5.3.1 names it.
pub const fn reason_name(reason: CrlReason) -> &'static str {
    match reason {
        CrlReason::Unspecified => "unspecified",
        CrlReason::KeyCompromise => "keyCompromise",
        CrlReason::CaCompromise => "cACompromise",
        CrlReason::AffiliationChanged => "affiliationChanged",
        CrlReason::Superseded => "superseded",
        CrlReason::CessationOfOperation => "cessationOfOperation",
        CrlReason::CertificateHold => "certificateHold",
        CrlReason::RemoveFromCRL => "removeFromCRL",
        CrlReason::PrivilegeWithdrawn => "privilegeWithdrawn",
        CrlReason::AaCompromise => "aACompromise",
    }
}

/// The reason that RFC 5280 section 5.3.1 gives that name.
pub fn reason_by_name(name: &str) -> Option<CrlReason> {
    REASONS.into_iter().find(|reason| reason_name(*reason) == name)
}

/// All there are.
pub const REASONS: [CrlReason; 10] = [
    CrlReason::Unspecified,
    CrlReason::KeyCompromise,
    CrlReason::CaCompromise,
    CrlReason::AffiliationChanged,
    CrlReason::Superseded,
    CrlReason::CessationOfOperation,
    CrlReason::CertificateHold,
    CrlReason::RemoveFromCRL,
    CrlReason::PrivilegeWithdrawn,
    CrlReason::AaCompromise,
];
