use std::fmt;
use std::io;
use std::path::PathBuf;

use crypto::{KeyError, KeyKind, SignatureAlgorithm};

use crate::KeyType;

/// Why there is no private key, or no file with it. Each message says what to do; none shows anything of the key.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The name of no [`KeyType`].
    UnknownKeyType(String),
    /// No PEM private key was found in the text.
    NotPem,
    /// The private key is encrypted with a passphrase.
    Encrypted,
    /// The private key is malformed, or of a kind that is not supported.
    Rejected,
    /// The private key is too weak.
    Weak(KeyError),
    /// A key of this kind does not sign with that algorithm.
    Algorithm {
        /// The algorithm asked for.
        algorithm: SignatureAlgorithm,
        /// What the key is.
        key: KeyKind,
    },
    /// AWS-LC could not make or encode a key.
    Failed,
    /// The key in this file cannot be used.
    Key {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: Box<KeyFileError>,
    },
    /// Others than its owner may use the file.
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// This is not a regular file, or longer than any key.
    NotAKeyFile {
        /// The file.
        path: PathBuf,
    },
    /// The file is there already; keys are never overwritten.
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The file could not be written.
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKeyType(name) => {
                write!(f, "there is no key type {name:?}; choose one of")?;
                KeyType::ALL.iter().try_for_each(|key_type| write!(f, " {key_type}"))
            }
            Self::NotPem => f.write_str(
                "no PEM private key found (PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY); \
                 `openssl pkey -in KEY` writes one",
            ),
            Self::Encrypted => f.write_str(
                "the private key is encrypted; decrypt it with `openssl pkey -in KEY -out NEW`, keep NEW private",
            ),
            Self::Rejected => f.write_str(
                "the private key is malformed, or is not one of P-256, P-384, P-521 (named curves), Ed25519, \
                 ML-DSA and RSA with 2048 to 8192 bits",
            ),
            Self::Weak(error) => write!(f, "the private key is refused: {error}"),
            Self::Algorithm { algorithm, key } => {
                write!(f, "a {key} key does not sign with {algorithm}")
            }
            Self::Failed => f.write_str("AWS-LC could not make or encode a key"),
            Self::Key { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::OpenToOthers { path, mode } => {
                let path = path.display();
                write!(f, "{path}: others may use this private key (mode {mode:04o}); run `chmod 600 {path}`")
            }
            Self::NotAKeyFile { path } => {
                write!(f, "{}: not a regular file, or too long for a private key", path.display())
            }
            Self::Exists { path } => {
                write!(f, "{}: there is a file already; move it away or choose another name", path.display())
            }
            Self::Read { path, error } => {
                write!(f, "{}: the private key cannot be read: {error}", path.display())
            }
            Self::Write { path, error } => {
                write!(f, "{}: the private key cannot be written: {error}", path.display())
            }
        }
    }
}

/// The message already tells the cause, so there is no `source`.
impl std::error::Error for KeyFileError {}
