use alloc::string::String;
use core::fmt;

use asn1::UnixTime;
use cmp::TransactionId;

use crate::ledger::{ExportId, Record, RequestId};

/// Something to log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The station.
    pub station: String,
    /// Its request.
    pub request: RequestId,
    /// The CMP transaction, when one is under way.
    pub transaction_id: Option<TransactionId>,
    /// What happened.
    pub happening: Happening,
}

impl Event {
    pub(crate) fn new(record: &Record, happening: Happening) -> Self {
        Self {
            station: record.station.clone(),
            request: record.id,
            transaction_id: record.state.transaction().map(|transaction| transaction.transaction_id.clone()),
            happening,
        }
    }
}

/// Something to log about an RA/CA, or about a batch that goes there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notice {
    /// The RA/CA's name.
    pub upstream: String,
    /// The batch's transaction.
    pub transaction_id: Option<TransactionId>,
    /// What happened.
    pub news: News,
}

/// What happened to an RA/CA, or to a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum News {
    /// A batch is sent.
    BatchSent {
        /// Messages in it.
        messages: usize,
    },
    /// A batch was answered.
    BatchAnswered {
        /// Messages that were answered.
        answered: usize,
        /// Messages that were not.
        missing: usize,
    },
    /// The RA/CA lets the whole batch wait.
    BatchDelayed {
        /// When it is asked again.
        until: UnixTime,
    },
    /// A batch failed as a whole; its messages are sent again.
    BatchFailed(String),
    /// The answer to a batch held something else, too, which is dropped.
    Unexpected(String),
    /// The RA/CA does not take batches apart: from now on each message goes by itself.
    CannotUnbundle(String),
    /// The RA/CA does not answer, and is left alone for a while.
    Down {
        /// What it was.
        reason: String,
        /// When it is asked again.
        until: UnixTime,
    },
    /// The RA/CA answers again.
    Up,
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BatchSent { messages } => write!(f, "batch of {messages} messages sent"),
            Self::BatchAnswered { answered, missing: 0 } => write!(f, "batch answered: {answered} answers"),
            Self::BatchAnswered { answered, missing } => {
                write!(f, "batch answered: {answered} answers, {missing} missing")
            }
            Self::BatchDelayed { until } => {
                write!(f, "the RA/CA is working on the batch; asking again at {until}")
            }
            Self::BatchFailed(reason) => write!(f, "batch failed: {reason}"),
            Self::Unexpected(what) => write!(f, "dropped from the answer to a batch: {what}"),
            Self::CannotUnbundle(reason) => {
                write!(f, "it does not take batches apart, so each message goes by itself: {reason}")
            }
            Self::Down { reason, until } => {
                write!(f, "it does not answer; asking again at {until}: {reason}")
            }
            Self::Up => f.write_str("it answers again"),
        }
    }
}

/// What happened to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// It was accepted and stored.
    Accepted,
    /// A message about it is sent.
    Sent(&'static str),
    /// The RA/CA is working on it.
    Waiting {
        /// When it will be asked again.
        until: UnixTime,
    },
    /// An operator holds it.
    Held,
    /// An operator lets it go on.
    Released,
    /// Its station is not there: it waits until that is.
    Absent,
    /// The certificate came and is good.
    Issued,
    /// The certificate came and is good; it is confirmed when its station has it.
    Offered,
    /// It leaves in that file, to be signed elsewhere.
    Exported(ExportId),
    /// It left in a file, and goes online again.
    TakenBack,
    /// The certificate came by hand and is good; it is confirmed when the RA/CA is there.
    Carried,
    /// A certificate came that is not taken.
    TurnedDown(String),
    /// The RA/CA has the confirmation; the certificate waits for its station.
    Confirmed,
    /// The station has its certificate.
    Delivered,
    /// The station wants no certificate any more.
    Cancelled,
    /// There will be no certificate.
    Rejected(String),
    /// Something failed that will be tried again.
    Retry {
        /// What failed.
        reason: String,
        /// When it is tried again.
        at: UnixTime,
    },
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("request accepted"),
            Self::Sent(body) => write!(f, "{body} sent to the RA/CA"),
            Self::Waiting { until } => write!(f, "the RA/CA is working on it; asking again at {until}"),
            Self::Held => f.write_str("held by an operator"),
            Self::Released => f.write_str("released by an operator"),
            Self::Absent => f.write_str("held until its station is connected"),
            Self::Issued => f.write_str("certificate issued"),
            Self::Offered => f.write_str("certificate issued; confirmed when the station has it"),
            Self::Exported(export) => write!(f, "leaves in the file of export {export}"),
            Self::TakenBack => f.write_str("released from its file; it goes online again"),
            Self::Carried => f.write_str("certificate came by hand; confirmed when the RA/CA is there"),
            Self::TurnedDown(reason) => write!(f, "certificate turned down: {reason}"),
            Self::Confirmed => f.write_str("certificate confirmed"),
            Self::Delivered => f.write_str("certificate delivered"),
            Self::Cancelled => f.write_str("the station cancels its request"),
            Self::Rejected(reason) => write!(f, "request rejected: {reason}"),
            Self::Retry { reason, at } => write!(f, "will be tried again at {at}: {reason}"),
        }
    }
}
