use std::fmt;
use std::io;
use std::path::PathBuf;

use crypto::{KeyError, KeyKind, SignatureAlgorithm};

use crate::{KeyType, PrivateFileError};

/// Why there is no private key, or no file with it. Each message says what to do; none shows anything of the key.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The name of no [`KeyType`].
    UnknownKeyType(String),
    /// No PEM private key was found in the text.
    NotPem,
    /// The private key is encrypted, and no passphrase was given.
    Encrypted,
    /// The private key is not encrypted, and a passphrase was given.
    NotEncrypted,
    /// The private key is encrypted as OpenSSL did before PKCS #8, with a key that one round of MD5 derives.
    LegacyEncryption,
    /// The private key is encrypted by another way than PBES2 with AES, and PBKDF2 with HMAC-SHA-2 or scrypt.
    Encryption,
    /// To decrypt the private key would take more time or memory than any honest file asks for.
    Work {
        /// What the file demands.
        demanded: String,
    },
    /// The passphrase is not the one the private key was encrypted with, or the file was damaged.
    WrongPassphrase,
    /// The private key is malformed, or of a kind that is not supported.
    Rejected,
    /// The private key is no ML-KEM key, or has no expandedKey.
    NoKem,
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
    /// The file cannot be read, or is not its owner's alone.
    File(PrivateFileError),
    /// The file is there already; keys are never overwritten.
    Exists {
        /// The file.
        path: PathBuf,
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
                "the private key is encrypted; say where its passphrase comes from (key_passphrase in a configuration, \
                 --key-passphrase on a command line): file:PATH, env:NAME or prompt",
            ),
            Self::NotEncrypted => f.write_str(
                "the private key is not encrypted, though a passphrase is configured for it; leave that out, or \
                 encrypt the key with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW`",
            ),
            Self::LegacyEncryption => f.write_str(
                "the private key is encrypted in OpenSSL's old way (Proc-Type: 4,ENCRYPTED), which protects it badly; \
                 convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW` and `chmod 600 NEW`",
            ),
            Self::Encryption => f.write_str(
                "the private key is encrypted by another way than PBES2 with AES and PBKDF2-HMAC-SHA-2 or scrypt; \
                 convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in KEY -out NEW` and \
                 `chmod 600 NEW`",
            ),
            Self::Work { demanded } => write!(
                f,
                "decrypting the private key would take {demanded}, more than is accepted; encrypt it anew with \
                 `openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 600000 -in KEY -out NEW`"
            ),
            Self::WrongPassphrase => f.write_str("the passphrase is wrong, or the file was damaged"),
            Self::Rejected => f.write_str(
                "the private key is malformed, or is not one of P-256, P-384, P-521 (named curves), Ed25519, \
                 ML-DSA and RSA with 2048 to 8192 bits",
            ),
            Self::NoKem => f.write_str(
                "this is no ML-KEM private key in PKCS #8 with expandedKey (RFC 9935 section 6); a seed alone does not do",
            ),
            Self::Weak(error) => write!(f, "the private key is refused: {error}"),
            Self::Algorithm { algorithm, key } => {
                write!(f, "a {key} key does not sign with {algorithm}")
            }
            Self::Failed => f.write_str("AWS-LC could not make or encode a key"),
            Self::Key { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::File(error) => error.fmt(f),
            Self::Exists { path } => {
                write!(f, "{}: there is a file already; move it away or choose another name", path.display())
            }
            Self::Write { path, error } => {
                write!(f, "{}: the private key cannot be written: {error}", path.display())
            }
        }
    }
}

/// The message already tells the cause, so there is no `source`.
impl std::error::Error for KeyFileError {}
