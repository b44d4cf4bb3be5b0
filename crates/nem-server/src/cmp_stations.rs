//! CMP of stations that sign their messages themselves (TS 33.310 clause 9): who may, speaks with the RA/CA.

use std::sync::Arc;

use cmp::{PkiFailureInfo, ReadingPolicy};
use nem::{Passage, Passing, Refusal};
use serde::Deserialize;
use tracing::{error, info, warn};
use transfer::http::{CmpHandler, CmpRequest, CmpResponse};

use crate::identity::Identity;
use crate::service::Service;

/// How stations' own messages go up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StationCmp {
    /// As they are.
    #[default]
    Unchanged,
    /// Each nested in a message that the NEM signs (RFC 9483 section 5.2.2.1).
    AddedProtection,
    /// Signed by the NEM instead of the station (RFC 9483 section 5.2.3).
    ReplacedProtection,
    /// Not at all.
    Off,
}

impl StationCmp {
    /// `None` when they do not go up.
    pub(crate) const fn passing(self) -> Option<Passing> {
        match self {
            Self::Unchanged => Some(Passing::Unchanged),
            Self::AddedProtection => Some(Passing::AddedProtection),
            Self::ReplacedProtection => Some(Passing::ReplacedProtection),
            Self::Off => None,
        }
    }
}

/// Which messages of stations are taken, where any are, and how they go up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StationMessages {
    pub(crate) policy: Passing,
    pub(crate) reading: ReadingPolicy,
}

pub(crate) struct CmpStations {
    pub(crate) service: Arc<Service>,
    pub(crate) messages: StationMessages,
    /// Whether the listener lies inside the IPsec tunnel.
    pub(crate) tunnel: bool,
}

impl CmpHandler for CmpStations {
    async fn handle(&self, request: CmpRequest) -> CmpResponse {
        let peer = request.peer.address;
        let identity = match self.tunnel {
            true => Ok(Identity::of_tunnel(&request.peer)),
            false => Identity::of_certificates(&request.peer.certificates),
        };
        let octets = Arc::new(request.octets);
        let messages = self.messages;
        let passage = match identity {
            Ok(identity) => self.service.pass_up(identity, octets.clone(), messages).await,
            Err(refusal) => Err(refusal),
        };
        let (fail_info, reason) = match passage {
            Ok(passage) => {
                let Passage { station, upstream, body, .. } = &passage;
                let transaction = passage.transaction_id.as_ref().map(ToString::to_string);
                let transaction = transaction.unwrap_or_default();
                let how = how(passage.passing);
                info!(%station, %peer, %upstream, %transaction, "{body} of the station passed up {how}");
                match self.service.pass(passage.clone(), octets.clone()).await {
                    Ok(answer) => return CmpResponse::ok(answer),
                    Err(reason) => {
                        warn!(%station, %peer, %upstream, %transaction, "{body} of the station is not answered: {reason}");
                        (
                            PkiFailureInfo::SYSTEM_UNAVAIL,
                            "the RA/CA does not answer; come back later".to_owned(),
                        )
                    }
                }
            }
            Err(refusal) => {
                warn!(station = %refusal.station(), %peer, "message refused: {refusal}");
                (fail_info(&refusal), refusal.to_string())
            }
        };
        match self.service.refuse_message(octets, fail_info, reason).await {
            Some(octets) => CmpResponse::ok(octets),
            None => {
                error!(%peer, "no error message could be made");
                let mut answer = CmpResponse::ok(Vec::new());
                answer.status = 503;
                answer
            }
        }
    }
}

pub(crate) const fn how(passing: Passing) -> &'static str {
    match passing {
        Passing::Unchanged => "unchanged",
        Passing::AddedProtection => "with added protection",
        Passing::ReplacedProtection => "with its protection replaced",
    }
}

fn fail_info(refusal: &Refusal) -> PkiFailureInfo {
    match refusal {
        Refusal::Message { reason, .. } => reason.fail_info(),
        Refusal::Request { .. } | Refusal::CertReqMessages { .. } => PkiFailureInfo::BAD_POP,
        Refusal::Name { .. } | Refusal::AlternativeName { .. } => PkiFailureInfo::BAD_CERT_TEMPLATE,
        Refusal::Busy { .. }
        | Refusal::NotConnected { .. }
        | Refusal::NoUpstream { .. }
        | Refusal::Ledger { .. } => PkiFailureInfo::SYSTEM_UNAVAIL,
        _ => PkiFailureInfo::NOT_AUTHORIZED,
    }
}
