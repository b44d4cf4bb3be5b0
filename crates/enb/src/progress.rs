use std::fmt;
use std::time::Duration;

use cmp::BodyKind;

/// What is going on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Key and request are ready, and on the disk.
    RequestReady {
        /// Whether the request is the one of an earlier run that was interrupted.
        continued: bool,
    },
    /// The request is being uploaded, or uploaded again to ask for the answer.
    Uploading,
    /// A CMP message is being sent, or sent again.
    Sending {
        /// Its body.
        body: BodyKind,
        /// To whom.
        server: String,
    },
    /// The other side has the request and works on it.
    Waiting {
        /// When it is asked again.
        retry_after: Duration,
    },
    /// The other side cannot be reached, is not ready, or is not believed.
    Retrying {
        /// Why.
        reason: String,
        /// When it is tried again.
        after: Duration,
    },
    /// The certificate is here, and right.
    Issued,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RequestReady { continued: false } => f.write_str("key and request are ready"),
            Self::RequestReady { continued: true } => {
                f.write_str("going on with the request of the run that was interrupted")
            }
            Self::Uploading => f.write_str("uploading the request"),
            Self::Sending { body, server } => write!(f, "sending {body} to {server}"),
            Self::Waiting { retry_after } => {
                write!(
                    f,
                    "the request is being worked on; asking again in {:.1} s",
                    retry_after.as_secs_f32()
                )
            }
            Self::Retrying { reason, after } => {
                write!(f, "{reason}; trying again in {:.1} s", after.as_secs_f32())
            }
            Self::Issued => f.write_str("the certificate is here"),
        }
    }
}
