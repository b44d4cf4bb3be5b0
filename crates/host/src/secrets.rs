use std::mem;
use std::path::Path;

use crypto::SharedSecret;
use crypto_aws_lc::read_private_file;
use zeroize::Zeroizing;

use crate::Error;

/// Shorter ones are found by trying: one recorded message is enough to try them on.
const MIN_LENGTH: usize = 12;
const MAX_LENGTH: u64 = 1024;

/// Reads a shared secret, the first and only line of a text file that nobody but its owner may read, write or execute.
///
/// # Errors
/// When the file cannot be read, is open to others, or holds no usable secret; the message names the path and the remedy, and
/// shows nothing of the secret.
pub fn read_secret_file(path: &Path) -> Result<SharedSecret, Error> {
    let mut text = read_private_line(path)?;
    if text.len() < MIN_LENGTH {
        let reason = format!(
            "the secret is shorter than {MIN_LENGTH} octets; `openssl rand -base64 24` makes a good one"
        );
        return Err(Error::Secret { path: path.to_owned(), reason });
    }
    Ok(SharedSecret::new(mem::take(&mut *text)))
}

/// The first and only line of a text file that nobody but its owner may use.
pub(crate) fn read_private_line(path: &Path) -> Result<Zeroizing<String>, Error> {
    let refuse = |reason: &str| Err(Error::Secret { path: path.to_owned(), reason: reason.to_owned() });

    let mut octets = read_private_file(path, MAX_LENGTH).map_err(Error::PrivateFile)?;
    if let Some(stripped) = octets.strip_suffix(b"\n") {
        let length = stripped.strip_suffix(b"\r").unwrap_or(stripped).len();
        octets.truncate(length);
    }
    // The same memory, as text; what is no text is wiped all the same.
    let text = match String::from_utf8(mem::take(&mut *octets)) {
        Ok(text) => Zeroizing::new(text),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            return refuse("the secret is no text in UTF-8");
        }
    };
    if text.chars().any(char::is_control) {
        return refuse("the secret is more than one line, or has control characters in it");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_one_line_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("4711.secret");
        let read = |text: &[u8], mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            read_secret_file(&path).map_err(|error| error.to_string())
        };
        for text in ["correct horse", "correct horse\n", "correct horse\r\n"] {
            assert_eq!(read(text.as_bytes(), 0o600).unwrap().reveal(), "correct horse");
        }
        for (text, mode, reason) in [
            (&b"correct horse"[..], 0o640, "chmod 600"),
            (b"correct horse", 0o604, "chmod 600"),
            (b"correct\n", 0o600, "shorter"),
            (b"", 0o600, "shorter"),
            (b"correct horse\nbattery", 0o600, "one line"),
            (b"correct horse \xff", 0o600, "UTF-8"),
            (&[b'a'; 1025], 0o600, "1024"),
        ] {
            let error = read(text, mode).unwrap_err();
            assert!(error.contains(reason) && error.contains("4711.secret"), "{error}");
            assert!(!error.contains("correct"), "{error}");
        }
        assert!(read_secret_file(directory.path()).is_err());
        assert!(read_secret_file(&directory.path().join("nowhere")).is_err());
    }
}
