//! What stations upload, and what they are answered.

use std::sync::Arc;
use std::time::Duration;

use asn1::EncodedCertificate;
use nem::ledger::Certificates;
use nem::{Refusal, Standing};
use tracing::{error, warn};
use transfer::est::{EstEnroll, EstHandler, EstReply};

use crate::current::Distribution;
use crate::identity::Identity;
use crate::renewal::renew_after;
use crate::service::{Form, Service};

pub(crate) struct Intake {
    pub(crate) service: Arc<Service>,
    /// How long a station is kept waiting for its certificate.
    pub(crate) hold: Duration,
    /// The operator's CA certificates, for cacerts.
    pub(crate) ca_certificates: Arc<Distribution>,
}

impl EstHandler for Intake {
    async fn ca_certs(&self) -> EstReply {
        EstReply::Certificates(self.ca_certificates.current().to_vec())
    }

    async fn enroll(&self, request: EstEnroll) -> EstReply {
        let peer = request.peer.address;
        let identity = match Identity::of_certificates(&request.peer.certificates) {
            Ok(identity) => identity,
            Err(reason) => {
                warn!(%peer, "upload refused: {reason}");
                return refusal(&reason);
            }
        };
        let (id, standing) = match self.service.upload(identity, Form::Pkcs10, request.csr, None).await {
            Ok(accepted) => accepted,
            Err(reason) => {
                match &reason {
                    Refusal::Ledger { reason: ledger, station } => {
                        error!(%station, %peer, "upload refused: ledger: {ledger}");
                    }
                    _ => warn!(station = %reason.station(), %peer, "upload refused: {reason}"),
                }
                return refusal(&reason);
            }
        };
        let standing = match standing {
            Standing::UnderWay { .. } => self.service.wait(id, self.hold).await,
            decided => Ok(Some(decided)),
        };
        match standing {
            Ok(Some(Standing::Issued(certificates))) => {
                self.service.delivered(id).await;
                let renew_after = renew_after(&certificates);
                EstReply::Issued { certificates: self.issued(&certificates), renew_after }
            }
            Ok(Some(Standing::UnderWay { retry_after, .. })) => EstReply::Pending { retry_after },
            Ok(Some(Standing::Rejected { reason })) => EstReply::refused(403, reason),
            Ok(_) => later("the request is not in the ledger any more; upload it again"),
            Err(reason) => {
                error!(request = %id, %peer, "{reason}");
                later("the NEM cannot look up the request now; upload it again")
            }
        }
    }
}

impl Intake {
    /// The certificate, alone as RFC 7030 section 4.2.3 has it: CA certificates come by cacerts. An intermediate that is not
    /// among those comes along, since the station would have no path without it.
    fn issued(&self, certificates: &Certificates) -> Vec<Vec<u8>> {
        let known = self.ca_certificates.current();
        let unknown = |octets: &&[u8]| !known.iter().any(|known| known == octets);
        let chain = certificates.chain.iter().map(EncodedCertificate::octets).filter(unknown);
        std::iter::once(certificates.certificate.octets()).chain(chain).map(<[u8]>::to_vec).collect()
    }
}

fn refusal(refusal: &Refusal) -> EstReply {
    let (status, retry_after) = status_of(refusal);
    EstReply::Refused { status, reason: refusal.to_string(), retry_after }
}

/// The HTTP status of a refusal, and when it may help to ask again.
pub(crate) const fn status_of(refusal: &Refusal) -> (u16, Option<Duration>) {
    match refusal {
        Refusal::Request { .. }
        | Refusal::CertReqMessages { .. }
        | Refusal::NoSubject { .. }
        | Refusal::DuplicateKey { .. } => (400, None),
        Refusal::Busy { retry_after, .. } | Refusal::NotConnected { retry_after, .. } => {
            (503, Some(*retry_after))
        }
        Refusal::Ledger { .. } => (503, Some(LATER)),
        _ => (403, None),
    }
}

/// When to come back to a NEM that is not well.
const LATER: Duration = Duration::from_secs(30);

fn later(reason: &str) -> EstReply {
    EstReply::Refused { status: 503, reason: reason.to_owned(), retry_after: Some(LATER) }
}
