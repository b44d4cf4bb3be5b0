//! What the commands do with files; `enrol` does its own.

use std::io::{self, Read};
use std::path::Path;

use crypto_aws_lc::{KeyType, SoftwareKey};
use host::files::{request_pem, write_new};
use host::{KeySource, Names, PassphraseSource, certification_request, write_software_key};

use crate::{Error, Inspection, MAX_INSPECTED, inspect};

/// Makes a private key and writes it (PKCS #8, PEM) to a new file that only its owner may use, encrypted when there is a
/// passphrase.
///
/// # Errors
/// When the file is there already or cannot be written, or there is no passphrase where there should be one.
pub fn keygen(path: &Path, key_type: KeyType, passphrase: Option<&PassphraseSource>) -> Result<(), Error> {
    Ok(write_software_key(path, &SoftwareKey::generate(key_type)?, passphrase)?)
}

/// Makes a CertificationRequest (RFC 2986) with a key, and writes it (PEM) to a new file.
///
/// # Errors
/// When the key cannot be used, or the file is there already or cannot be written.
pub fn write_request(key: &KeySource, names: &Names, path: &Path) -> Result<(), Error> {
    let request = certification_request(names, key.open()?.as_ref())?;
    Ok(write_new(path, request_pem(&request)?.as_bytes())?)
}

/// Looks into a file, or into stdin when the path is `-`; see [`inspect`].
///
/// # Errors
/// When it cannot be read or shown.
pub fn inspect_file(path: &Path) -> Result<Inspection, Error> {
    let file_error = |error| host::Error::File { path: path.to_owned(), error };
    // One octet more than is looked into, so that too large a file is told from one that just fits.
    let limit = u64::try_from(MAX_INSPECTED).unwrap_or(u64::MAX).saturating_add(1);
    let mut octets = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut octets).map_err(file_error)?;
    } else {
        let file = std::fs::File::open(path).map_err(file_error)?;
        file.take(limit).read_to_end(&mut octets).map_err(file_error)?;
    }
    inspect(&octets).map_err(|reason| Error::Inspect { path: path.to_owned(), reason })
}
