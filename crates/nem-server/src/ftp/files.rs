//! The files a station sees.

mod place;
mod storage;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cmp::end_entity::RequestKind;
use nem::ledger::{Record, RequestId, State};
use nem::{Label, Refusal};
use tracing::warn;
use transfer::uploads::{certs_only, pem_certificates, request_der};
use unftp_core::storage::{Error, ErrorKind, Result};

use super::login::StationUser;
use super::remembered::{Outcome, Remembered};
use crate::busy::Busy;
use crate::cmp_stations::StationMessages;
use crate::service::{Form, Service};
use place::{CERTIFICATES, MESSAGE, Place, REQUESTS};

/// How many of its requests a station sees.
const SHOWN: usize = 100;
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(super) service: Arc<Service>,
    pub(super) remembered: Arc<Remembered>,
    pub(super) cmp: Option<StationMessages>,
    /// What is being uploaded or cancelled.
    pub(super) transfers: Busy,
    pub(super) max_request_octets: usize,
}

/// A file as a station sees it.
struct File {
    folder: &'static str,
    name: String,
    content: Vec<u8>,
    modified: SystemTime,
    /// The request whose certificate it is.
    delivers: Option<RequestId>,
}

fn files_of(record: &Record) -> Vec<File> {
    let stem = record.label.as_ref().map_or_else(|| record.id.to_string(), ToString::to_string);
    let file = |folder, ending: &str, content, at: asn1::UnixTime, delivers| File {
        folder,
        name: format!("{stem}.{ending}"),
        content,
        modified: SystemTime::UNIX_EPOCH + Duration::from_secs(at.as_secs()),
        delivers,
    };
    let ending = if record.kind == RequestKind::P10cr { "p10" } else { "crmf" };
    let mut files = vec![file(REQUESTS, ending, record.request.clone(), record.received_at, None)];
    match (record.deliverable(), &record.state) {
        (Some(certificates), _) => {
            let all = std::iter::once(&certificates.certificate).chain(&certificates.chain);
            let all: Vec<Vec<u8>> = all.map(|one| one.octets().to_vec()).collect();
            let forms = [("pem", pem_certificates(&all).map(String::into_bytes)), ("p7c", certs_only(&all))];
            let forms = forms.into_iter().filter_map(|(ending, content)| Some((ending, content?)));
            files.extend(forms.map(|(ending, content)| {
                file(CERTIFICATES, ending, content, record.changed_at, Some(record.id))
            }));
        }
        (None, State::Rejected { reason }) => {
            let content = format!("{reason}\n").into_bytes();
            files.push(file(CERTIFICATES, "error", content, record.changed_at, None));
        }
        _ => {}
    }
    files
}

impl Files {
    /// Everything in a folder. Of the requests with one name the latest counts.
    async fn folder(&self, user: &StationUser, folder: &'static str) -> Result<Vec<File>> {
        let station = self.station(user).await?;
        let records = self.service.requests_of(&station, SHOWN).await.map_err(failed)?;
        let (mut seen, mut files) = (HashSet::new(), Vec::new());
        for record in &records {
            if record.label.as_ref().is_none_or(|label| seen.insert(label.clone())) {
                files.extend(files_of(record).into_iter().filter(|file| file.folder == folder));
            }
        }
        if folder == CERTIFICATES {
            self.add_remembered(&station, &mut files);
        }
        Ok(files)
    }

    fn add_remembered(&self, station: &str, files: &mut Vec<File>) {
        for upload in self.remembered.of(station) {
            let (ending, content) = match upload.outcome {
                Outcome::Refused(reason) => ("error", format!("{reason}\n").into_bytes()),
                Outcome::Answer(answer) => (MESSAGE, answer),
            };
            let name = format!("{}.{ending}", upload.label);
            files.retain(|file| file.name != name);
            files.push(File { folder: CERTIFICATES, name, content, modified: upload.at, delivers: None });
        }
    }

    async fn file(&self, user: &StationUser, path: &Path) -> Result<File> {
        let Some(Place::File { folder, stem, ending }) = Place::new(path) else { return Err(none()) };
        let station = self.station(user).await?;
        let record = self.service.request_of(&station, &stem).await.map_err(failed)?;
        let mut files: Vec<File> = record.iter().flat_map(files_of).collect();
        self.add_remembered(&station, &mut files);
        // What was uploaded as .csr is there as .csr, too.
        let ending = if folder == REQUESTS && ending == "csr" { "p10" } else { &ending };
        let name = format!("{stem}.{ending}");
        files.into_iter().find(|file| file.folder == folder && file.name == name).ok_or_else(none)
    }

    /// The station, if it may still be served.
    async fn station(&self, user: &StationUser) -> Result<String> {
        self.service.identify(user.identity.clone()).await.map_err(failed)
    }

    async fn take(&self, user: &StationUser, label: Label, form: Form, octets: &[u8]) -> Result<()> {
        let outcome = match request_der(octets) {
            Ok(der) => {
                self.service.upload(user.identity.clone(), form, der, Some(label.clone())).await.map(|_| ())
            }
            Err(reason) => {
                self.refuse(user, &label, format!("the file: {reason}"));
                return Err(ErrorKind::PermissionDenied.into());
            }
        };
        match outcome {
            Ok(()) => {
                self.remembered.forget(&user.station, &label);
                Ok(())
            }
            Err(refusal) => {
                warn!(station = %user.station, "upload refused: {refusal}");
                self.refuse(user, &label, refusal.to_string());
                Err(failed(refusal))
            }
        }
    }
}

impl Files {
    fn refuse(&self, user: &StationUser, label: &Label, reason: String) {
        self.remembered.remember(&user.station, label, Outcome::Refused(reason));
    }

    /// A message that the station signed itself: it goes up, and its answer lies where certificates do.
    async fn take_message(&self, user: &StationUser, label: &Label, octets: Vec<u8>) -> Result<()> {
        let Some(messages) = self.cmp else { return Err(none()) };
        let octets = Arc::new(octets);
        let passed = self.service.pass_up(user.identity.clone(), octets.clone(), messages).await;
        let passage = passed.map_err(|refusal| {
            warn!(station = %user.station, "message refused: {refusal}");
            self.refuse(user, label, refusal.to_string());
            failed(refusal)
        })?;
        match self.service.pass(passage, octets).await {
            Ok(answer) => {
                self.remembered.remember(&user.station, label, Outcome::Answer(answer));
                Ok(())
            }
            Err(reason) => {
                warn!(station = %user.station, "message not answered: {reason}");
                self.refuse(
                    user,
                    label,
                    "the RA/CA does not answer now; send the same again later".to_owned(),
                );
                Err(ErrorKind::TransientFileNotAvailable.into())
            }
        }
    }
}

/// FTP's reply to a refusal.
fn failed(refusal: Refusal) -> Error {
    let kind = match refusal {
        Refusal::Busy { .. } | Refusal::NotConnected { .. } => ErrorKind::TransientFileNotAvailable,
        Refusal::Ledger { .. } => ErrorKind::LocalError,
        _ => ErrorKind::PermissionDenied,
    };
    Error::new(kind, refusal)
}

fn none() -> Error {
    ErrorKind::PermanentFileNotAvailable.into()
}
