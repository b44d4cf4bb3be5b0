use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crypto::SharedSecret;

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
    let file_error = |error| Error::File { path: path.to_owned(), error };
    let refuse = |reason: String| Err(Error::Secret { path: path.to_owned(), reason });

    let file = File::open(path).map_err(file_error)?;
    // Asked of the open file: the path may by now name another.
    let metadata = file.metadata().map_err(file_error)?;
    if !metadata.is_file() || metadata.len() > MAX_LENGTH {
        return refuse(format!("not a regular file, or more than {MAX_LENGTH} octets"));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let shown = path.display();
        return refuse(format!("others may use this secret (mode {mode:04o}); run `chmod 600 {shown}`"));
    }

    // With room enough from the start no copy stays behind in memory that was given back.
    let mut text = String::with_capacity(usize::try_from(MAX_LENGTH).unwrap_or(usize::MAX));
    let read = file.take(MAX_LENGTH).read_to_string(&mut text);
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    let secret = SharedSecret::new(text);
    read.map_err(file_error)?;
    let text = secret.reveal();
    if text.chars().any(char::is_control) {
        return refuse("the secret is more than one line, or has control characters in it".to_owned());
    }
    if text.len() < MIN_LENGTH {
        return refuse(format!(
            "the secret is shorter than {MIN_LENGTH} octets; `openssl rand -base64 24` makes a good one"
        ));
    }
    Ok(secret)
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
