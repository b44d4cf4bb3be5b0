use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crypto::CertificateFault;
use crypto_aws_lc::KeyFileError;
use transfer::TransferError;

use crate::InspectError;

/// Why something was not done. Each message says what to do; none shows anything of a key.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    // The user's
    /// A file, or something in it, cannot be used.
    Host(host::Error),
    /// The NEM's URL does not begin with https.
    NotHttps(String),
    /// Another process is enrolling in this directory.
    Busy(PathBuf),
    /// The directory holds a certificate already.
    AlreadyEnrolled(PathBuf),
    /// The directory holds no certificate that could be renewed.
    NotEnrolled(PathBuf),
    /// The file cannot be shown.
    Inspect {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: InspectError,
    },

    // The way's
    /// The NEM cannot be spoken with, and trying again will not help.
    Transfer(TransferError),
    /// The deadline passed, or would pass before the NEM wants to be asked again.
    TimedOut {
        /// The deadline.
        after: Duration,
        /// What was waited for.
        waiting_for: String,
    },

    // The NEM's
    /// The NEM refuses the request.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why.
        reason: String,
    },
    /// The NEM's certificates do not hold one for the station's own key.
    NoCertificateForKey {
        /// How many certificates came.
        count: usize,
    },
    /// The certificate is not the one that was asked for, or of no use.
    NotTaken {
        /// Why not.
        fault: CertificateFault,
        /// The certificate's issuer.
        issuer: String,
    },
    /// A certificate cannot be decoded.
    Malformed(der::Error),
}

impl Error {
    /// The exit code of a program that fails so: 3 when the NEM refuses, 4 when time is over, else 1.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } => 3,
            Self::TimedOut { .. } => 4,
            _ => 1,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => error.fmt(f),
            Self::NotHttps(url) => write!(
                f,
                "{url:?} is no URL of a NEM; stations speak TLS with it: write it like https://nem.operator.example:8443"
            ),
            Self::Busy(directory) => {
                write!(f, "{}: another process is enrolling here; wait for it to end", directory.display())
            }
            Self::AlreadyEnrolled(directory) => write!(
                f,
                "{}: there is a certificate already; renew it with --renew, or choose another directory",
                directory.display()
            ),
            Self::NotEnrolled(directory) => {
                write!(
                    f,
                    "{}: there is no cert.pem to renew; enrol first, without --renew",
                    directory.display()
                )
            }
            Self::Inspect { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Transfer(error) => error.fmt(f),
            Self::TimedOut { after, waiting_for } => write!(
                f,
                "no certificate within {} s: {waiting_for}; nothing is lost, the same command goes on where this one \
                 stopped (--timeout says how long)",
                after.as_secs()
            ),
            Self::Refused { status, reason } => {
                write!(f, "the NEM refuses (HTTP status {status})")?;
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
            Self::NoCertificateForKey { count } => write!(
                f,
                "the NEM answered with {count} certificates, none of which is for this station's key; nothing was \
                 written. Report it to the operator of the NEM"
            ),
            Self::NotTaken { fault: fault @ CertificateFault::Path(_), issuer } => write!(
                f,
                "{fault} (issued by {issuer:?}); nothing was written. Check --operator-ca, and the clock"
            ),
            Self::NotTaken { fault, issuer } => write!(
                f,
                "{fault} (issued by {issuer:?}); nothing was written. Report it to the operator of the NEM"
            ),
            Self::Malformed(error) => write!(f, "a certificate from the NEM is malformed: {error}"),
        }
    }
}

/// The messages already tell the cause, so there is no `source`.
impl std::error::Error for Error {}

impl From<host::Error> for Error {
    fn from(error: host::Error) -> Self {
        Self::Host(error)
    }
}

impl From<KeyFileError> for Error {
    fn from(error: KeyFileError) -> Self {
        Self::Host(host::Error::Key(error))
    }
}
