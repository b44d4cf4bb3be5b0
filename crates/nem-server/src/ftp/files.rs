//! The files a station sees.

use std::collections::HashSet;
use std::fmt::Debug;
use std::io::Cursor;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use cmp::end_entity::RequestKind;
use nem::ledger::{Record, RequestId, State};
use nem::{Label, Refusal};
use tokio::io::{AsyncRead, AsyncReadExt};
use tracing::{info, warn};
use transfer::uploads::{certs_only, pem_certificates, request_der};
use unftp_core::storage::{Error, ErrorKind, Fileinfo, Metadata, Result, StorageBackend};

use super::login::StationUser;
use super::remembered::{Outcome, Remembered};
use crate::busy::Busy;
use crate::cmp_stations::StationMessages;
use crate::service::{Form, Service};

/// How many of its requests a station sees.
const SHOWN: usize = 100;
/// How long an upload may take.
const TIME: Duration = Duration::from_secs(30);

const REQUESTS: &str = "requests";
const CERTIFICATES: &str = "certificates";
/// How a file with a PKIMessage ends.
const MESSAGE: &str = "pki";

#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(super) service: Arc<Service>,
    pub(super) remembered: Arc<Remembered>,
    pub(super) cmp: Option<StationMessages>,
    /// What is being uploaded or cancelled.
    pub(super) transfers: Busy,
    pub(super) max_request_octets: usize,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Root,
    Requests,
    Certificates,
    File { folder: &'static str, stem: String, ending: String },
}

impl Place {
    /// `None`: there can be nothing. Names are looked up and never joined to a path of the machine.
    fn new(path: &Path) -> Option<Self> {
        let mut names: Vec<&str> = Vec::new();
        for component in path.components() {
            match component {
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir => {
                    names.pop();
                }
                Component::Normal(name) => names.push(name.to_str()?),
                Component::Prefix(_) => return None,
            }
        }
        match names.as_slice() {
            [] => Some(Self::Root),
            [REQUESTS] => Some(Self::Requests),
            [CERTIFICATES] => Some(Self::Certificates),
            [folder, name] => {
                let folder = [REQUESTS, CERTIFICATES].into_iter().find(|known| known == folder)?;
                let (stem, ending) = name.rsplit_once('.')?;
                Some(Self::File { folder, stem: stem.to_owned(), ending: ending.to_ascii_lowercase() })
            }
            _ => None,
        }
    }
}

fn form_of(ending: &str) -> Option<Form> {
    match ending {
        "p10" | "csr" => Some(Form::Pkcs10),
        "crmf" => Some(Form::CertReqMessages),
        _ => None,
    }
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

fn not_implemented() -> Error {
    ErrorKind::CommandNotImplemented.into()
}

/// What a directory listing says of a file.
#[derive(Debug)]
pub(crate) struct FileFacts {
    length: u64,
    folder: bool,
    modified: SystemTime,
}

impl FileFacts {
    const FOLDER: Self = Self { length: 0, folder: true, modified: SystemTime::UNIX_EPOCH };

    fn new(file: &File) -> Self {
        let length = u64::try_from(file.content.len()).unwrap_or(u64::MAX);
        Self { length, folder: false, modified: file.modified }
    }
}

impl Metadata for FileFacts {
    fn len(&self) -> u64 {
        self.length
    }

    fn is_dir(&self) -> bool {
        self.folder
    }

    fn is_file(&self) -> bool {
        !self.folder
    }

    fn is_symlink(&self) -> bool {
        false
    }

    fn modified(&self) -> Result<SystemTime> {
        Ok(self.modified)
    }

    fn gid(&self) -> u32 {
        0
    }

    fn uid(&self) -> u32 {
        0
    }
}

#[async_trait]
impl StorageBackend<StationUser> for Files {
    type Metadata = FileFacts;

    async fn metadata<P: AsRef<Path> + Send + Debug>(
        &self,
        user: &StationUser,
        path: P,
    ) -> Result<FileFacts> {
        match Place::new(path.as_ref()) {
            Some(Place::File { .. }) => Ok(FileFacts::new(&self.file(user, path.as_ref()).await?)),
            Some(_) => Ok(FileFacts::FOLDER),
            None => Err(none()),
        }
    }

    async fn list<P: AsRef<Path> + Send + Debug>(
        &self,
        user: &StationUser,
        path: P,
    ) -> Result<Vec<Fileinfo<PathBuf, FileFacts>>> {
        let entry = |folder: &str, name: &str, metadata| Fileinfo {
            path: Path::new("/").join(folder).join(name),
            metadata,
        };
        match Place::new(path.as_ref()) {
            Some(Place::Root) => {
                Ok([REQUESTS, CERTIFICATES].map(|name| entry("", name, FileFacts::FOLDER)).into())
            }
            Some(place @ (Place::Requests | Place::Certificates)) => {
                let folder = if place == Place::Requests { REQUESTS } else { CERTIFICATES };
                let files = self.folder(user, folder).await?;
                Ok(files.iter().map(|file| entry(folder, &file.name, FileFacts::new(file))).collect())
            }
            Some(Place::File { folder, .. }) => {
                let file = self.file(user, path.as_ref()).await?;
                Ok(vec![entry(folder, &file.name, FileFacts::new(&file))])
            }
            None => Err(none()),
        }
    }

    async fn get<P: AsRef<Path> + Send + Debug>(
        &self,
        user: &StationUser,
        path: P,
        start_pos: u64,
    ) -> Result<Box<dyn AsyncRead + Send + Sync + Unpin>> {
        if start_pos != 0 {
            return Err(not_implemented());
        }
        let file = self.file(user, path.as_ref()).await?;
        if let Some(request) = file.delivers {
            self.service.delivered(request).await;
        }
        Ok(Box::new(Cursor::new(file.content)))
    }

    async fn put<P, R>(&self, user: &StationUser, input: R, path: P, start_pos: u64) -> Result<u64>
    where
        P: AsRef<Path> + Send + Debug,
        R: AsyncRead + Send + Sync + Unpin + 'static,
    {
        let Some(Place::File { folder: REQUESTS, stem, ending }) = Place::new(path.as_ref()) else {
            return Err(ErrorKind::FileNameNotAllowedError.into());
        };
        let form = form_of(&ending);
        let is_message = ending == MESSAGE && self.cmp.is_some();
        let Some(label) = Label::new(&stem).filter(|_| form.is_some() || is_message) else {
            return Err(ErrorKind::FileNameNotAllowedError.into());
        };
        // APPE; a request is one piece.
        if start_pos != 0 {
            return Err(not_implemented());
        }
        let _under_way = self.transfers.begin();
        let most = u64::try_from(self.max_request_octets).unwrap_or(u64::MAX);
        let mut octets = Vec::new();
        let mut input = input.take(most.saturating_add(1));
        let read = tokio::time::timeout(TIME, input.read_to_end(&mut octets)).await;
        read.map_err(|_| Error::from(ErrorKind::ConnectionClosed))?
            .map_err(|error| Error::new(ErrorKind::ConnectionClosed, error))?;
        if octets.len() > self.max_request_octets {
            self.refuse(user, &label, format!("the file exceeds {most} octets"));
            return Err(ErrorKind::ExceededStorageAllocationError.into());
        }
        let length = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        match form {
            Some(form) => self.take(user, label, form, &octets).await?,
            None => self.take_message(user, &label, octets).await?,
        }
        Ok(length)
    }

    /// Deleting a request cancels it.
    async fn del<P: AsRef<Path> + Send + Debug>(&self, user: &StationUser, path: P) -> Result<()> {
        let Some(Place::File { folder: REQUESTS, stem, ending }) = Place::new(path.as_ref()) else {
            return Err(ErrorKind::PermissionDenied.into());
        };
        if form_of(&ending).is_none() {
            return Err(none());
        }
        let _under_way = self.transfers.begin();
        let station = self.station(user).await?;
        let record = self.service.request_of(&station, &stem).await.map_err(failed)?.ok_or_else(none)?;
        if self.service.cancel(&station, record.id).await.map_err(failed)? {
            info!(%station, request = %record.id, "cancelled by FTP");
            Ok(())
        } else {
            Err(ErrorKind::PermissionDenied.into())
        }
    }

    async fn mkd<P: AsRef<Path> + Send + Debug>(&self, _user: &StationUser, _path: P) -> Result<()> {
        Err(ErrorKind::PermissionDenied.into())
    }

    async fn rename<P: AsRef<Path> + Send + Debug>(
        &self,
        _user: &StationUser,
        _from: P,
        _to: P,
    ) -> Result<()> {
        Err(ErrorKind::PermissionDenied.into())
    }

    async fn rmd<P: AsRef<Path> + Send + Debug>(&self, _user: &StationUser, _path: P) -> Result<()> {
        Err(ErrorKind::PermissionDenied.into())
    }

    async fn cwd<P: AsRef<Path> + Send + Debug>(&self, _user: &StationUser, path: P) -> Result<()> {
        match Place::new(path.as_ref()) {
            Some(Place::Root | Place::Requests | Place::Certificates) => Ok(()),
            _ => Err(ErrorKind::PermanentDirectoryNotAvailable.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_nowhere_but_to_the_two_folders() {
        let place = |path: &str| Place::new(Path::new(path));
        assert_eq!(place("/"), Some(Place::Root));
        assert_eq!(place("/../../.."), Some(Place::Root));
        assert_eq!(place("/certificates/../requests/."), Some(Place::Requests));
        let file = |folder, stem: &str, ending: &str| {
            Some(Place::File { folder, stem: stem.to_owned(), ending: ending.to_owned() })
        };
        assert_eq!(place("/requests/a.b.P10"), file(REQUESTS, "a.b", "p10"));
        assert_eq!(place("/etc/../requests/../certificates/a.pem"), file(CERTIFICATES, "a", "pem"));
        for nothing in
            ["/etc/passwd", "/requests/a/b.p10", "/requests/a", "/a.p10", "/requests/x/../../etc/a.b"]
        {
            assert_eq!(place(nothing), None, "{nothing}");
        }
    }
}
