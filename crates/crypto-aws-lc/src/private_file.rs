use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Why a file with a secret in it is not read. Each message names the file and says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum PrivateFileError {
    /// Others than its owner may use the file.
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// This is not a regular file, or longer than what it should hold.
    NotRegular {
        /// The file.
        path: PathBuf,
        /// The most octets there may be.
        limit: u64,
    },
    /// The file could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}

impl fmt::Display for PrivateFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenToOthers { path, mode } => {
                let path = path.display();
                write!(f, "{path}: others may use this secret (mode {mode:04o}); run `chmod 600 {path}`")
            }
            Self::NotRegular { path, limit } => {
                write!(f, "{}: not a regular file, or more than {limit} octets", path.display())
            }
            Self::Read { path, error } => write!(f, "{}: cannot be read: {error}", path.display()),
        }
    }
}

/// The message already tells the cause, so there is no `source`.
impl std::error::Error for PrivateFileError {}

/// Reads a file that nobody but its owner may read, write or execute.
///
/// # Errors
/// When it cannot be read, is open to others, is not a regular file, or is longer than `limit` octets.
pub fn read_private_file(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    let read_error = |error| PrivateFileError::Read { path: path.to_owned(), error };

    let file = File::open(path).map_err(read_error)?;
    // Asked of the open file: the path may by now name another.
    let metadata = file.metadata().map_err(read_error)?;
    if !metadata.is_file() || metadata.len() > limit {
        return Err(PrivateFileError::NotRegular { path: path.to_owned(), limit });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(PrivateFileError::OpenToOthers { path: path.to_owned(), mode });
    }

    // With room enough from the start no copy stays behind in memory that was given back.
    let room = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut octets = Zeroizing::new(Vec::with_capacity(room));
    file.take(limit).read_to_end(&mut octets).map_err(read_error)?;
    Ok(octets)
}
