use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use secrecy::SecretString;

use crate::{KeyFileError, SoftwareKey, read_private_file};

/// Longer than the PEM text of an RSA key with 8192 bits, and certificates beside it.
const MAX_LENGTH: u64 = 64 * 1024;

/// Reads a private key, not encrypted, from a PEM file that nobody but its owner may read, write or execute.
///
/// # Errors
/// When the file cannot be read, is open to others, or holds no usable key; the message names the path and the remedy.
pub fn read_key_file(path: impl AsRef<Path>) -> Result<SoftwareKey, KeyFileError> {
    read(path.as_ref(), SoftwareKey::from_pem)
}

/// Reads an encrypted private key ([`SoftwareKey::from_encrypted_pem`]) from a PEM file that nobody but its owner may read,
/// write or execute.
///
/// # Errors
/// As [`read_key_file`]; also when the key is not encrypted, or with another passphrase.
pub fn read_encrypted_key_file(
    path: impl AsRef<Path>,
    passphrase: &SecretString,
) -> Result<SoftwareKey, KeyFileError> {
    read(path.as_ref(), |text| SoftwareKey::from_encrypted_pem(text, passphrase))
}

pub(crate) fn read<K>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<K, KeyFileError>,
) -> Result<K, KeyFileError> {
    let text = read_private_file(path, MAX_LENGTH).map_err(KeyFileError::File)?;
    let key = match std::str::from_utf8(&text) {
        Ok(text) => parse(text),
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
    write(path.as_ref(), key.to_pkcs8_pem()?.as_bytes())
}

/// Writes a private key as [`write_key_file`] does, encrypted with a passphrase ([`SoftwareKey::to_encrypted_pem`]).
///
/// # Errors
/// As [`write_key_file`].
pub fn write_encrypted_key_file(
    path: impl AsRef<Path>,
    key: &SoftwareKey,
    passphrase: &SecretString,
) -> Result<(), KeyFileError> {
    write(path.as_ref(), key.to_encrypted_pem(passphrase)?.as_bytes())
}

pub(crate) fn write(path: &Path, text: &[u8]) -> Result<(), KeyFileError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
        _ => KeyFileError::Write { path: path.to_owned(), error },
    })?;
    write_durably(file, path, text).map_err(|error| {
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
