use std::fmt;
use std::time::Duration;

/// Why octets did not get through. Sorted by whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferError {
    // Ours, or the operator's
    /// The URL cannot be used.
    BadUrl {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate or key for TLS cannot be used.
    BadCredential(String),

    // The network's
    /// Nobody answers at that address; the request has not arrived.
    Unreachable {
        /// The URL.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The connection ended before the answer was there. The request may have arrived.
    Interrupted {
        /// The URL.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The answer did not come in time. The request may have arrived.
    Timeout {
        /// The URL.
        url: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// TLS could not be established.
    Tls {
        /// The URL.
        url: String,
        /// What TLS said.
        reason: String,
    },

    // The other side's
    /// The HTTP status is not the one that success has, and there is no message in the answer.
    BadStatus {
        /// The URL.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer's text.
        text: String,
    },
    /// The answer has another content type.
    BadContentType {
        /// The URL.
        url: String,
        /// The content type.
        content_type: String,
    },
    /// The answer is larger than is accepted.
    TooLarge {
        /// The URL.
        url: String,
        /// The largest accepted, in octets.
        limit: usize,
    },
    /// The answer is not what its content type promises.
    BadBody {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadUrl { url, reason } => write!(f, "the URL {url:?} cannot be used: {reason}"),
            Self::BadCredential(reason) => write!(f, "TLS credential: {reason}"),
            Self::Unreachable { url, reason } => {
                write!(f, "{url} cannot be reached: {reason}; is the server running, and the address right?")
            }
            Self::Interrupted { url, reason } => write!(f, "{url} broke the connection off: {reason}"),
            Self::Timeout { url, after } => {
                write!(f, "{url} gave no answer within {} s", after.as_secs_f32())
            }
            Self::Tls { url, reason } => {
                write!(f, "no TLS with {url}: {reason}; check the certificates on both sides")
            }
            Self::BadStatus { url, status, text } => {
                write!(f, "{url} answered HTTP status {status}")?;
                if text.is_empty() { Ok(()) } else { write!(f, ": {text}") }
            }
            Self::BadContentType { url, content_type } => {
                write!(f, "{url} answered with content type {content_type:?}; is it the right service?")
            }
            Self::TooLarge { url, limit } => write!(f, "{url} answered with more than {limit} octets"),
            Self::BadBody { url, reason } => write!(f, "{url} answered with a malformed body: {reason}"),
        }
    }
}

impl std::error::Error for TransferError {}

/// The beginning of a text from outside, fit for a terminal.
pub(crate) fn excerpt(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().filter(|c| !c.is_control() || *c == ' ').take(300).collect()
}
