//! The manual procedure: while the RA/CA is away, requests leave in files, are signed elsewhere, and come back.
//!
//! ```text
//! queued, sent --Nem::begin_export, export_next--> exported --open_answers, take_answers--> issued, confirming, rejected
//!      ^                                            |    +-----take_certificates---------> issued
//!      +---------------release, release_export------+
//! ```
//!
//! A request is `exported` in the ledger before its file is written, so nothing goes both ways. What may have reached an RA/CA
//! leaves with the very octets that it was sent with, for that RA/CA only: its record answers them, and issues nothing twice. Only
//! what certainly has not gets a new transaction.

mod certificates;
mod export;
mod import;
mod release;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use asn1::{EncodedCertificate, UnixTime};
use cmp::TransactionId;

use crate::error::Error;
use crate::ledger::{Export, ExportForm, RequestId};
use crate::manager::Nem;

pub use export::Exporting;
pub use import::AnswerFile;

/// Which requests leave in a file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExportOrder {
    /// What is in the file.
    pub form: ExportForm,
    /// For which RA/CA it is; by default the one with the lowest priority.
    pub upstream: Option<String>,
    /// Of stations of that group only.
    pub group: Option<String>,
    /// That many at most, those that wait longest.
    pub max: usize,
    /// What may have reached an RA/CA leaves, too, in new transactions: somebody made sure that nothing was issued for it.
    pub anew: bool,
}

impl ExportOrder {
    /// Every request that may leave in that form.
    pub const fn new(form: ExportForm) -> Self {
        Self { form, upstream: None, group: None, max: usize::MAX, anew: false }
    }
}

/// A request that is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportItem {
    /// Its name within the NEM.
    pub request: RequestId,
    /// The station.
    pub station: String,
    /// The transaction of its message, if that is what is in the file.
    pub transaction_id: Option<TransactionId>,
    /// Its message, or the PKCS #10 request.
    pub octets: Vec<u8>,
}

/// Why a request does not leave in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LeftBehind {
    /// A message about it is on its way.
    UnderWay,
    /// It began at the RA/CA of that name.
    Elsewhere(String),
    /// The RA/CA does not serve its station.
    NotServed,
    /// Its station is not connected.
    Absent,
    /// It may have reached an RA/CA, and a CA that knows no CMP cannot tell.
    HasBegun,
    /// The station sent CertReqMessages, and no PKCS #10 request.
    NoPkcs10,
    /// Its station is not, or not any more, one that may enrol; or it changed meanwhile.
    Changed,
}

impl fmt::Display for LeftBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnderWay => f.write_str("a message about it is on its way to the RA/CA; try again in a minute"),
            Self::Elsewhere(name) => write!(f, "it began at the RA/CA {name}; export it for that one"),
            Self::NotServed => f.write_str("the RA/CA does not serve its station's groups and profile"),
            Self::Absent => f.write_str("its station is not connected"),
            Self::HasBegun => f.write_str(
                "the RA/CA may have it, and a CA that knows no CMP cannot tell; --anew if it certainly has not",
            ),
            Self::NoPkcs10 => f.write_str("its station sent CertReqMessages, and no PKCS #10 request"),
            Self::Changed => f.write_str("its station may not enrol, or the request changed meanwhile"),
        }
    }
}

/// What became of an answer or a certificate in a file, or of a request that has none in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// The request, if one is known.
    pub request: Option<RequestId>,
    /// The station, if it is known.
    pub station: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The certificate is good; its station may fetch it.
    Issued,
    /// A certificate came that nobody wants, or that is not good: the RA/CA is told, or it must be revoked by hand.
    TurnedDown(String),
    /// The RA/CA refuses the request.
    Rejected(String),
    /// The RA/CA does not take the message for a reason that another one cures: the request is queued again.
    Queued(String),
    /// The RA/CA has not decided: it is asked again when it is there, or by another export.
    Undecided,
    /// It was imported before.
    Before,
    /// The file has no answer for it.
    Missing,
    /// It is not taken; nothing is changed.
    Refused(String),
}

impl Verdict {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::TurnedDown(_) => "turned down",
            Self::Rejected(_) => "rejected",
            Self::Queued(_) => "queued",
            Self::Undecided => "undecided",
            Self::Before => "before",
            Self::Missing => "missing",
            Self::Refused(_) => "refused",
        }
    }

    /// What people should know beside that, if anything.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Issued => None,
            Self::TurnedDown(reason)
            | Self::Rejected(reason)
            | Self::Queued(reason)
            | Self::Refused(reason) => Some(reason),
            Self::Undecided => {
                Some("the RA/CA has not decided yet; it is asked online, or by another export")
            }
            Self::Before => Some("it was imported before"),
            Self::Missing => Some("the file has no answer for it; carry the same file to the RA/CA again"),
        }
    }

    /// Whether whoever imported the file has nothing more to do about it.
    pub const fn is_settled(&self) -> bool {
        matches!(self, Self::Issued | Self::Before)
    }
}

/// Why a file of answers is not opened. Nothing is changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ImportError {
    /// It is no message, or not whole.
    Malformed(Box<cmp::Error>),
    /// It is an export, and no answer.
    Export,
    /// No request waits for an answer in its transaction.
    Unknown(Option<TransactionId>),
    /// Every request of its export was answered or released before.
    Over(Export),
    /// The RA/CA of that name is not in the configuration any more.
    NoUpstream(String),
    /// It is not believed.
    Unbelieved(String),
    /// The RA/CA refuses the file as a whole.
    Refused(String),
    /// The ledger cannot be used.
    Nem(Error),
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "it is no CMP message, or not whole: {error}"),
            Self::Export => f.write_str("it is what was exported, and not the answer to it"),
            Self::Unknown(Some(id)) => write!(
                f,
                "it answers {id}, which is no export of this NEM: is it for another NEM, or of another ledger?"
            ),
            Self::Unknown(None) => f.write_str("it has no transactionID, so it answers nothing"),
            Self::Over(export) => write!(
                f,
                "it answers the export {} of {}, of which every request was answered or released before",
                export.id, export.made_at
            ),
            Self::NoUpstream(name) => {
                write!(f, "it is of the RA/CA {name}, which is not in the configuration any more")
            }
            Self::Unbelieved(reason) => write!(f, "it is not believed: {reason}"),
            Self::Refused(reason) => write!(f, "the RA/CA did not take the file: {reason}"),
            Self::Nem(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ImportError {}

impl<E: Into<Error>> From<E> for ImportError {
    fn from(error: E) -> Self {
        Self::Nem(error.into())
    }
}

/// An export, and how many of its requests are still out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportStatus {
    /// The export.
    pub export: Export,
    /// Requests that are neither answered nor released.
    pub out: usize,
}

/// Whether a certificate is one of a CA: then it is taken as a part of chains, and not as a station's.
pub fn is_ca(certificate: &EncodedCertificate) -> bool {
    crate::forwarding::is_ca(certificate)
}

impl Nem {
    /// Since when no RA/CA answers, if so.
    pub fn outage(&self) -> Option<UnixTime> {
        let in_service = self.lines.values().filter(|line| !line.retired);
        let since: Option<Vec<UnixTime>> = in_service.map(|line| line.breaker.down_since()).collect();
        since?.into_iter().max()
    }

    /// The exports, newest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn exports(&self) -> Result<Vec<ExportStatus>, Error> {
        let mut exports = self.ledger.exports()?;
        exports.sort_by_key(|export| core::cmp::Reverse((export.made_at, export.id)));
        let mut out = alloc::collections::BTreeMap::new();
        for export in self.requests.iter().filter_map(|(_, open)| open.export) {
            *out.entry(export).or_insert(0_usize) += 1;
        }
        let status = |export: Export| {
            let out = out.get(&export.id).copied().unwrap_or_default();
            ExportStatus { export, out }
        };
        Ok(exports.into_iter().map(status).collect())
    }
}
