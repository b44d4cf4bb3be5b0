//! What a station is told about its request.

use alloc::string::String;
use core::time::Duration;

use crate::ledger::{Certificates, Record, State};

/// How a request stands, as its station sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// Not decided yet: ask again.
    UnderWay {
        /// How far it is; see [`State::name`].
        progress: &'static str,
        /// When.
        retry_after: Duration,
    },
    /// The certificate.
    Issued(Certificates),
    /// There will be none.
    Rejected {
        /// Why.
        reason: String,
    },
}

impl Standing {
    pub(crate) fn of(record: &Record, retry_after: Duration) -> Self {
        if let Some(reason) = &record.turn_down {
            return Self::Rejected { reason: reason.clone() };
        }
        match &record.state {
            State::Issued(certificates) | State::Delivered(certificates) => {
                Self::Issued(certificates.clone())
            }
            State::Rejected { reason } => Self::Rejected { reason: reason.clone() },
            state => Self::UnderWay { progress: state.name(), retry_after },
        }
    }
}
