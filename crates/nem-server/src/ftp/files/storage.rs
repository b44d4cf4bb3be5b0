//! The files as `libunftp` asks for them.

use std::fmt::Debug;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use nem::Label;
use tokio::io::{AsyncRead, AsyncReadExt};
use tracing::info;
use unftp_core::storage::{Error, ErrorKind, Fileinfo, Metadata, Result, StorageBackend};

use super::place::{CERTIFICATES, MESSAGE, Place, REQUESTS, form_of};
use super::{File, Files, failed, none};
use crate::ftp::login::StationUser;

/// How long an upload may take.
const TIME: Duration = Duration::from_secs(30);

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

fn not_implemented() -> Error {
    ErrorKind::CommandNotImplemented.into()
}
