use alloc::string::String;
use core::fmt;

use asn1::UnixTime;
use cmp::TransactionId;

use crate::ledger::{Record, RequestId};

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
    /// The certificate came and is good.
    Issued,
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
            Self::Issued => f.write_str("certificate issued"),
            Self::TurnedDown(reason) => write!(f, "certificate turned down: {reason}"),
            Self::Confirmed => f.write_str("certificate confirmed"),
            Self::Delivered => f.write_str("certificate delivered"),
            Self::Cancelled => f.write_str("the station cancels its request"),
            Self::Rejected(reason) => write!(f, "request rejected: {reason}"),
            Self::Retry { reason, at } => write!(f, "will be tried again at {at}: {reason}"),
        }
    }
}
