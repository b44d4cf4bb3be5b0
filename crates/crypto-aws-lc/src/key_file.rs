use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use crate::{KeyFileError, SoftwareKey};

/// Longer than the PEM text of an RSA key with 8192 bits, and certificates beside it.
const MAX_LENGTH: u64 = 64 * 1024;

/// Reads a private key from a PEM file that nobody but its owner may read, write or execute.
///
/// # Errors
/// When the file cannot be read, is open to others, or holds no usable key; the message names the path and the remedy.
pub fn read_key_file(path: impl AsRef<Path>) -> Result<SoftwareKey, KeyFileError> {
    let path = path.as_ref();
    let read_error = |error| KeyFileError::Read { path: path.to_owned(), error };

    let file = File::open(path).map_err(read_error)?;
    // Asked of the open file: the path may by now name another.
    let metadata = file.metadata().map_err(read_error)?;
    if !metadata.is_file() || metadata.len() > MAX_LENGTH {
        return Err(KeyFileError::NotAKeyFile { path: path.to_owned() });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::OpenToOthers { path: path.to_owned(), mode });
    }

    // With room enough from the start no copy stays behind in memory that was given back.
    let room = usize::try_from(MAX_LENGTH).unwrap_or(usize::MAX);
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    file.take(MAX_LENGTH).read_to_end(&mut text).map_err(read_error)?;
    let key = match std::str::from_utf8(&text) {
        Ok(text) => SoftwareKey::from_pem(text),
        Err(_) => Err(KeyFileError::NotPem),
    };
    key.map_err(|reason| KeyFileError::Key { path: path.to_owned(), reason: Box::new(reason) })
}

/// Writes a private key as PEM (PKCS#8) to a new file that only its owner may use (mode 0600). When this returns, the
/// key is on the disk.
///
/// # Errors
/// When the file exists already, which is never overwritten, or cannot be written; the message names the path.
pub fn write_key_file(path: impl AsRef<Path>, key: &SoftwareKey) -> Result<(), KeyFileError> {
    let path = path.as_ref();
    let text = key.to_pkcs8_pem()?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
        _ => KeyFileError::Write { path: path.to_owned(), error },
    })?;
    write_durably(file, path, text.as_bytes()).map_err(|error| {
        // Half a key helps nobody and would stand in the way of the next attempt. The first error is the one to tell.
        let _ = fs::remove_file(path);
        KeyFileError::Write { path: path.to_owned(), error }
    })
}

fn write_durably(mut file: File, path: &Path, octets: &[u8]) -> io::Result<()> {
    file.write_all(octets)?;
    file.sync_all()?;
    // The name of a new file lives in its directory, which is synced for itself.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}
