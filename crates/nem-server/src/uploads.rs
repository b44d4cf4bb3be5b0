//! Plain uploads: what stations ask, and what they are answered.

use std::sync::Arc;
use std::time::Duration;

use nem::ledger::{Record, State};
use nem::{Label, Refusal, Standing};
use serde::Serialize;
use tracing::{error, warn};
use transfer::Peer;
use transfer::uploads::{Ask, RequestForm, UploadHandler, UploadReply};

use crate::current::Distribution;
use crate::identity::Identity;
use crate::listing::{RequestEntry, fingerprint};
use crate::renewal::{renew_after, renew_from};
use crate::service::{Form, Service};

/// How many of its requests a station is shown.
const SHOWN: usize = 100;

pub(crate) struct Uploads {
    pub(crate) service: Arc<Service>,
    /// How long a station is kept waiting for its certificate.
    pub(crate) hold: Duration,
    /// The operator's CA certificates.
    pub(crate) ca_certificates: Arc<Distribution>,
    /// Whether the listener lies inside the IPsec tunnel, so that there is no TLS and the address tells who it is.
    pub(crate) tunnel: bool,
}

/// A request as its station sees it. Times are RFC 3339.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    entry: RequestEntry,
    /// What the station calls it.
    name: Option<String>,
    /// The certificate's SHA-256.
    fingerprint: Option<String>,
    /// From when on to ask for the next certificate.
    renew_from: Option<String>,
}

impl Shown {
    fn new(record: &Record) -> Self {
        let certificate = record.deliverable().map(|certificates| certificates.certificate.octets());
        let renew_from = certificate.and_then(renew_from);
        Self {
            entry: RequestEntry::new(record),
            name: record.label.as_ref().map(ToString::to_string),
            fingerprint: certificate.map(fingerprint),
            renew_from: renew_from.map(|at| asn1::UnixTime::from_secs(at).to_string()),
        }
    }
}

impl UploadHandler for Uploads {
    async fn answer(&self, peer: Peer, ask: Ask) -> UploadReply {
        if ask == Ask::CaCertificates {
            return UploadReply::Certificates {
                certificates: self.ca_certificates.current().to_vec(),
                retry_after: None,
            };
        }
        if !self.tunnel && peer.certificates.is_empty() {
            let reason =
                "no client certificate was shown; come over TLS with the vendor certificate and its key";
            return refused(401, reason);
        }
        let identity = match self.tunnel {
            true => Ok(Identity::of_tunnel(&peer)),
            false => Identity::of_certificates(&peer.certificates),
        };
        match identity {
            Ok(identity) => match self.answer_station(identity, ask).await {
                Ok(reply) => reply,
                Err(refusal) => {
                    match &refusal {
                        Refusal::Ledger { station, reason } => {
                            error!(%station, peer = %peer.address, "ledger: {reason}");
                        }
                        _ => warn!(station = %refusal.station(), peer = %peer.address, "refused: {refusal}"),
                    }
                    refusal_reply(&refusal)
                }
            },
            Err(refusal) => refusal_reply(&refusal),
        }
    }
}

impl Uploads {
    async fn answer_station(&self, identity: Identity, ask: Ask) -> Result<UploadReply, Refusal> {
        let service = &self.service;
        match ask {
            Ask::Upload { name, form, octets } => {
                let label = match name.as_deref().map(Label::new) {
                    Some(None) => return Ok(refused(400, BAD_NAME)),
                    label => label.flatten(),
                };
                let form = match form {
                    RequestForm::CertReqMessages => Form::CertReqMessages,
                    _ => Form::Pkcs10,
                };
                let (id, standing) = service.upload(identity.clone(), form, octets, label).await?;
                let station = service.identify(identity).await?;
                let record = service.request_of(&station, &id.to_string()).await?;
                let status = if matches!(standing, Standing::UnderWay { .. }) { 202 } else { 200 };
                Ok(record.map_or_else(gone, |record| self.status(status, &record)))
            }
            Ask::List => {
                let station = service.identify(identity).await?;
                let records = service.requests_of(&station, SHOWN).await?;
                Ok(json(200, &records.iter().map(Shown::new).collect::<Vec<_>>(), None, None))
            }
            Ask::Status(name) => {
                let station = service.identify(identity).await?;
                let record = service.request_of(&station, &name).await?;
                Ok(record.map_or_else(gone, |record| self.status(200, &record)))
            }
            Ask::Certificate(name) => self.deliver(identity, &name, false).await,
            Ask::Chain(name) => self.deliver(identity, &name, true).await,
            Ask::Cancel(name) => {
                let station = service.identify(identity).await?;
                let Some(record) = service.request_of(&station, &name).await? else { return Ok(gone()) };
                Ok(match service.cancel(&station, record.id).await? {
                    true => UploadReply::Done,
                    false => refused(
                        409,
                        "it is too late: the request is decided, or its certificate is being confirmed",
                    ),
                })
            }
            Ask::Heartbeat => service.identify(identity).await.map(|_| UploadReply::Done),
            _ => Ok(refused(404, "there is no such thing")),
        }
    }

    fn status(&self, status: u16, record: &Record) -> UploadReply {
        let name = record.label.as_ref().map_or_else(|| record.id.to_string(), ToString::to_string);
        let retry_after = match (record.deliverable(), &record.state) {
            (Some(certificates), _) => renew_after(certificates),
            (None, State::Rejected { .. }) => None,
            _ => Some(self.service.retry_after()),
        };
        json(status, &Shown::new(record), Some(format!("/requests/{name}")), retry_after)
    }

    async fn deliver(&self, identity: Identity, name: &str, chain: bool) -> Result<UploadReply, Refusal> {
        let station = self.service.identify(identity).await?;
        let Some(mut record) = self.service.request_of(&station, name).await? else { return Ok(gone()) };
        if record.deliverable().is_none() && !record.state.is_decided() {
            let id = record.id;
            // What it came to is read again below, so that state and certificate are of one moment.
            let _ = self.service.wait(id, self.hold).await;
            match self.service.request_of(&station, &id.to_string()).await? {
                Some(later) => record = later,
                None => return Ok(gone()),
            }
        }
        Ok(match (record.deliverable(), &record.state) {
            (Some(certificates), _) => {
                self.service.delivered(record.id).await;
                let above = certificates.chain.iter().filter(|_| chain);
                let all = std::iter::once(&certificates.certificate).chain(above);
                let octets = all.map(|one| one.octets().to_vec()).collect();
                UploadReply::Certificates { certificates: octets, retry_after: renew_after(certificates) }
            }
            (None, State::Rejected { reason }) => refused(403, reason),
            _ => self.status(202, &record),
        })
    }
}

const BAD_NAME: &str =
    "a request's name has 1 to 64 letters, digits and . _ - of ASCII, and does not begin with a point";

fn json(
    status: u16,
    body: &impl Serialize,
    location: Option<String>,
    retry_after: Option<Duration>,
) -> UploadReply {
    match serde_json::to_string_pretty(body) {
        Ok(body) => UploadReply::Json { status, body, location, retry_after },
        Err(error) => refused(500, &error.to_string()),
    }
}

fn gone() -> UploadReply {
    refused(404, "this station has no request of that name")
}

fn refused(status: u16, reason: &str) -> UploadReply {
    UploadReply::Refused { status, reason: reason.to_owned(), retry_after: None }
}

fn refusal_reply(refusal: &Refusal) -> UploadReply {
    let (status, retry_after) = crate::intake::status_of(refusal);
    UploadReply::Refused { status, reason: refusal.to_string(), retry_after }
}
