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
    /// Nobody could be believed.
    NoAnchors,
    /// No server is named.
    NoServer,
    /// A transaction is under way at a server that is not named.
    OtherServer(String),
    /// A transaction of another request is under way; it is in this file.
    OtherTransaction(PathBuf),
    /// What an earlier run left of its transaction cannot be used.
    BadState {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A PKCS #10 request is signed with the key that it is for, and this one does not sign, or is to be generated.
    SignedRequest,
    /// Keys of that kind only sign.
    OnlySigns(crypto::KeyKind),
    /// A message cannot be made.
    Cmp(cmp::Error),
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
    /// The RA/CA refuses the request.
    Rejected {
        /// What it says: status, failInfo and text.
        status: String,
    },
    /// Whoever is believed as the RA/CA does not keep to the protocol.
    Protocol(cmp::Error),
    /// What the RA/CA enciphered cannot be opened, or must not be believed.
    Undecipherable(cmp::Error),
    /// The RA/CA does not answer questions of that type.
    Unanswered(String),
    /// What the RA/CA sends as a CRL cannot be used.
    BadCrl(String),
    /// The certificate is not the one that was asked for, or of no use, and the RA/CA was told so if it can be.
    TurnedDown(String),
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
    /// A certificate, or a field of what is remembered, cannot be decoded.
    Malformed(der::Error),
}

impl Error {
    /// The exit code of a program that fails so: 3 when the NEM or the RA/CA refuses, 4 when time is over, else 1.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } | Self::Rejected { .. } => 3,
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
            Self::NoAnchors => f.write_str(
                "without the operator's trust anchors no answer can be believed; name their file by --operator-ca",
            ),
            Self::NoServer => f.write_str("no server is named; --server says where the RA/CA is"),
            Self::OtherServer(url) => write!(
                f,
                "{url} may have the request of the run that was stopped, so no other server is asked; name it by --server, too"
            ),
            Self::OtherTransaction(path) => write!(
                f,
                "{}: another request is under way here; give the command that began it once more, or choose another \
                 directory. Removing the file gives it up, and what was issued for it stays at the RA/CA",
                path.display()
            ),
            Self::BadState { path, reason } => write!(
                f,
                "{}: what is left of an earlier run cannot be used: {reason}; move the file away to begin anew",
                path.display()
            ),
            Self::SignedRequest => f.write_str(
                "a PKCS #10 request is signed with the key that it is for; ask by ir or cr for another key",
            ),
            Self::OnlySigns(kind) => write!(
                f,
                "keys of the kind {kind} only sign; RSA, P-256, P-384, P-521 and, for encryption only, ML-KEM can be enciphered for"
            ),
            Self::Cmp(error) => write!(f, "the message cannot be made: {error}"),
            Self::Inspect { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Transfer(error) => error.fmt(f),
            Self::TimedOut { after, waiting_for } => write!(
                f,
                "not done within {} s: {waiting_for}; nothing is lost, the same command goes on where this one \
                 stopped (--timeout says how long)",
                after.as_secs()
            ),
            Self::Refused { status, reason } => {
                write!(f, "the NEM refuses (HTTP status {status})")?;
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
            Self::Rejected { status } => write!(f, "the RA/CA refuses: {status}"),
            Self::Protocol(error) => {
                write!(f, "the RA/CA does not keep to the protocol: {error}; report it to its operator")
            }
            Self::Undecipherable(error) => write!(
                f,
                "what the RA/CA enciphered cannot be taken: {error}; nothing was written. Report it to its operator"
            ),
            Self::Unanswered(info_type) => write!(f, "the RA/CA does not answer questions of the type {info_type}"),
            Self::BadCrl(reason) => write!(f, "the RA/CA sent no CRL: {reason}"),
            Self::TurnedDown(reason) => f.write_str(reason),
            Self::NoCertificateForKey { count } => write!(
                f,
                "{count} certificates came, none of which is for this station's key; nothing was written. Report it to the \
                 operator of the NEM or RA/CA"
            ),
            Self::NotTaken { fault: fault @ CertificateFault::Path(_), issuer } => write!(
                f,
                "{fault} (issued by {issuer:?}); nothing was written. Check --operator-ca, and the clock"
            ),
            Self::NotTaken { fault, issuer } => write!(
                f,
                "{fault} (issued by {issuer:?}); nothing was written. Report it to the operator of the NEM or RA/CA"
            ),
            Self::Malformed(error) => write!(f, "malformed: {error}"),
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

impl From<cmp::Error> for Error {
    fn from(error: cmp::Error) -> Self {
        Self::Cmp(error)
    }
}

impl From<KeyFileError> for Error {
    fn from(error: KeyFileError) -> Self {
        Self::Host(host::Error::Key(error))
    }
}
