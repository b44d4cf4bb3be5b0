use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError};

use crate::Error;

/// What of a database is kept in memory. By default redb lets that grow to 1 GiB, while a file is read.
const CACHE_OCTETS: usize = 32 * 1024 * 1024;

/// Opens a database, or creates it so that only its owner may use it (mode 0600). It is repaired if a crash left it
/// in need of that. One process may have it open at a time.
///
/// # Errors
/// [`Error::Locked`] when another process has it open, [`Error::Open`] when it cannot be opened or is no database.
pub fn open_database(path: &Path) -> Result<Database, Error> {
    open(path).map_err(|reason| match reason {
        DatabaseError::DatabaseAlreadyOpen => Error::Locked { path: path.to_owned() },
        reason => Error::Open { path: path.to_owned(), reason },
    })
}

fn open(path: &Path) -> Result<Database, DatabaseError> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    // The name of a new file lives in its directory, which is synced for itself.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    Builder::new().set_cache_size(CACHE_OCTETS).create_with_backend(FileBackend::new(file)?)
}
