//! What operators do to a running NEM.

use std::fmt;

use anyhow::{Context, Result, bail};
use asn1::UnixTime;
use nem::ledger::RequestId;
use nem::{Nem, StationState};
use serde::{Deserialize, Serialize};

/// Something that a running `nem serve` is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Operation {
    /// Send what waits for its batch, at once.
    Flush {
        /// To that RA/CA only.
        upstream: Option<String>,
    },
    /// Read the configuration again, and take up what it says about RA/CAs.
    Reload,
    /// Renew the NEM's own certificates now.
    Renew,
    /// Ask the RA/CA for CA certificates, successors of root certificates, and CRLs now.
    Fetch,
    /// Let a station have nothing from now on, until it is let in again.
    Block {
        /// Its name in the inventory.
        station: String,
    },
    /// Let a station in again.
    Unblock {
        /// Its name in the inventory.
        station: String,
    },
    /// Send nothing about a request.
    Hold {
        /// Its name within the NEM.
        request: String,
    },
    /// Let a request go on that is held.
    Release {
        /// Its name within the NEM.
        request: String,
    },
    /// Try a request again at once, also one that was rejected.
    Retry {
        /// Its name within the NEM.
        request: String,
    },
    /// Reject a request; a certificate that still comes is turned down.
    Reject {
        /// Its name within the NEM.
        request: String,
        /// What its station is told.
        reason: String,
    },
}

impl Operation {
    /// The station that it marks in the inventory, and as what.
    pub(crate) fn mark(&self) -> Option<(&str, StationState)> {
        match self {
            Self::Block { station } => Some((station, StationState::Blocked)),
            Self::Unblock { station } => Some((station, StationState::Expected)),
            _ => None,
        }
    }

    /// Returns what was done.
    pub(crate) fn carry_out(&self, nem: &mut Nem, now: UnixTime) -> Result<String> {
        match self {
            Self::Flush { upstream } => Ok(format!("{} messages sent", nem.flush(upstream.as_deref(), now)?)),
            Self::Reload | Self::Renew | Self::Fetch | Self::Block { .. } | Self::Unblock { .. } => {
                bail!("only the server itself can do that")
            }
            Self::Hold { request } => done(request, "held", nem.hold(id(request)?, now)),
            Self::Release { request } => done(request, "released", nem.release(id(request)?, now)),
            Self::Retry { request } => done(request, "tried again", nem.retry_now(id(request)?, now)),
            Self::Reject { request, reason } => {
                done(request, "rejected", nem.reject(id(request)?, reason, now))
            }
        }
    }
}

/// As it is typed.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flush { upstream: None } => f.write_str("flush"),
            Self::Flush { upstream: Some(upstream) } => write!(f, "flush {upstream}"),
            Self::Reload => f.write_str("reload"),
            Self::Renew => f.write_str("renew"),
            Self::Fetch => f.write_str("fetch"),
            Self::Block { station } => write!(f, "block {station}"),
            Self::Unblock { station } => write!(f, "unblock {station}"),
            Self::Hold { request } => write!(f, "hold {request}"),
            Self::Release { request } => write!(f, "release {request}"),
            Self::Retry { request } => write!(f, "retry {request}"),
            Self::Reject { request, reason } => write!(f, "reject {request}: {reason}"),
        }
    }
}

fn done(request: &str, what: &str, outcome: Result<(), nem::CommandError>) -> Result<String> {
    outcome.with_context(|| format!("request {request}"))?;
    Ok(format!("request {request} {what}"))
}

/// As [`RequestId`] is shown.
fn id(text: &str) -> Result<RequestId> {
    let octets = (text.len() == 32 && text.is_ascii())
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
        .filter(|_| !text.starts_with('+'));
    let octets = octets.with_context(|| {
        format!("{text:?} is no request's name: it has 32 hexadecimal digits; see `nem requests --json`")
    })?;
    Ok(RequestId::new(octets.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_requests_are_read_as_they_are_shown() {
        let name = "00112233445566778899aabbccddeeff";
        assert_eq!(id(name).unwrap().to_string(), name);
        for wrong in ["", "0", "+0112233445566778899aabbccddeeff", "00112233445566778899aabbccddeefg"] {
            assert!(id(wrong).unwrap_err().to_string().contains("nem requests"), "{wrong}");
        }
    }
}
