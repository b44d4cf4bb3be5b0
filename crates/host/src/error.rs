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
    /// The certificate is for another key.
    OtherKey {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
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
            Self::OtherKey { certificate, key } => {
                write!(f, "{}: is for another key than the one in {}", certificate.display(), key.display())
            }
            Self::Crl { path, reason } => write!(f, "{}: no CRL: {reason}", path.display()),
            Self::Secret { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::NoRequest => f.write_str("this is no PKCS #10 request, neither in PEM nor in DER"),
            Self::Encoding(error) => write!(f, "cannot be encoded: {error}"),
            Self::Request(error) => write!(f, "the certification request cannot be made: {error}"),
        }
    }
}

/// The message already tells the cause, so there is no `source`.
impl std::error::Error for Error {}
