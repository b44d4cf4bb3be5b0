use core::fmt;

use crypto::{KeyKind, RandomError};

/// Why there is no private key. Says nothing about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// Not a private key of a kind that is supported.
    Malformed,
    /// Keys of this kind are others, or left out of this build.
    OtherKind(KeyKind),
    /// The source of randomness failed, or is broken.
    Random(RandomError),
}

impl fmt::Display for PrivateKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a private key of a supported kind"),
            Self::OtherKind(kind) => write!(f, "this is not for {kind} keys"),
            Self::Random(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PrivateKeyError {}
