use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a file, or something in it, cannot be used. Each message names the file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The file is there already; it is not overwritten.
    Exists(PathBuf),
    /// There are no certificates in the file.
    NoCertificates {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The private key cannot be used.
    Key(crypto_aws_lc::KeyFileError),
    /// The key in a token cannot be used.
    Token(crypto_pkcs11::Error),
    /// The name of a key in a token is wrong.
    TokenUri(crypto_pkcs11::UriError),
    /// Where a passphrase or PIN comes from is said twice.
    TwoPins {
        /// The key's URI.
        key: String,
    },
    /// There is no passphrase, or none that can be used.
    Passphrase {
        /// Of which key.
        key: String,
        /// Why not; nothing of the passphrase.
        reason: String,
    },
    /// The key is good enough for a station, but not for whoever certifies or vouches for them.
    WeakKey {
        /// The key.
        key: String,
        /// How many bits its modulus has.
        bits: usize,
    },
    /// Keys of that kind do not sign so.
    Signature {
        /// The kind.
        key_type: crypto_aws_lc::KeyType,
        /// What it was to sign with.
        signature: crate::KeySignature,
    },
    /// The key is in a token, where it only signs.
    InToken {
        /// The key's URI.
        key: String,
    },
    /// The key cannot be used for TLS.
    TlsKey {
        /// The key.
        key: String,
        /// Why not.
        reason: String,
    },
    /// A file with a secret in it cannot be read, or is not its owner's alone.
    PrivateFile(crypto_aws_lc::PrivateFileError),
    /// The certificate is for another key.
    OtherKey {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key.
        key: String,
    },
    /// The file holds no shared secret that can be used.
    Secret {
        /// The file.
        path: PathBuf,
        /// Why not; nothing of the secret.
        reason: String,
    },
    /// The file holds no CRL that can be used.
    Crl {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// An audit log cannot be written, or its chain is broken.
    Audit {
        /// The log.
        path: PathBuf,
        /// Why not, and in which line.
        reason: String,
    },
    /// A batch of messages in a file cannot be read or made.
    Batch {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: cmp::Error,
    },
    /// The text or file is no PKCS #10 request.
    NoRequest,
    /// Something cannot be encoded.
    Encoding(der::Error),
    /// A certification request cannot be made.
    Request(pkcs10::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Exists(path) => {
                write!(f, "{}: is there already, and nothing is overwritten; move it away", path.display())
            }
            Self::NoCertificates { path, reason } => write!(
                f,
                "{}: no certificates in PEM: {reason}; `openssl x509 -inform DER -in FILE -out NEW` converts from DER",
                path.display()
            ),
            Self::Key(error) => error.fmt(f),
            Self::Token(error) => error.fmt(f),
            Self::TokenUri(error) => error.fmt(f),
            Self::TwoPins { key } => write!(
                f,
                "{key}: where the PIN comes from is said twice, by pin-source in the URI and by key_passphrase \
                 (--key-passphrase); leave one out"
            ),
            Self::Passphrase { key, reason } => write!(f, "the passphrase or PIN of {key}: {reason}"),
            Self::WeakKey { key, bits } => {
                write!(f, "{key}: RSA with {bits} bits is too weak here; 3072 are needed")
            }
            Self::Signature { key_type, signature } => {
                write!(f, "a {key_type} key does not sign with {signature}; only RSA keys have a choice")
            }
            Self::InToken { key } => write!(
                f,
                "{key}: keys in tokens only sign here; what is enciphered for a certificate is opened with a key in a file"
            ),
            Self::TlsKey { key, reason } => write!(f, "{key}: the key cannot be used for TLS: {reason}"),
            Self::PrivateFile(error) => error.fmt(f),
            Self::OtherKey { certificate, key } => {
                write!(f, "{}: is for another key than the one in {key}", certificate.display())
            }
            Self::Crl { path, reason } => write!(f, "{}: no CRL: {reason}", path.display()),
            Self::Secret { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Audit { path, reason } => write!(f, "{}: the audit log: {reason}", path.display()),
            Self::Batch { path, error } => write!(f, "{}: {error}", path.display()),
            Self::NoRequest => f.write_str("this is no PKCS #10 request, neither in PEM nor in DER"),
            Self::Encoding(error) => write!(f, "cannot be encoded: {error}"),
            Self::Request(error) => write!(f, "the certification request cannot be made: {error}"),
        }
    }
}

/// The message already tells the cause, so there is no `source`.
impl std::error::Error for Error {}
