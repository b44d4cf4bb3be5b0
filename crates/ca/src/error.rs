use core::fmt;

use asn1::UnixTime;
use cmp::PkiFailureInfo;
use crypto::{RandomError, SignError};

use crate::registry::RegistryError;

/// Why there is no certificate, or no other answer than an error.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    // The requester's
    /// The message, or what it asks for, is refused.
    Message(cmp::Error),

    // Ours
    /// The registry failed: nothing was issued, for nothing could be kept.
    Registry(RegistryError),
    /// The CA's certificate cannot issue.
    UnusableIssuer(&'static str),
    /// The CA's certificate is not valid now.
    IssuerNotValid {
        /// From when it is.
        not_before: UnixTime,
        /// Until when it is.
        not_after: UnixTime,
    },
    /// Something cannot be encoded.
    Encoding(der::Error),
    /// The source of randomness failed.
    Random(RandomError),
    /// The CA's key did not sign.
    Sign(SignError),
}

impl Error {
    pub(crate) const fn policy(fail_info: PkiFailureInfo, reason: &'static str) -> Self {
        Self::Message(cmp::Error::Policy { fail_info, reason })
    }

    /// Whether the answer may be protected by a MAC, should the message's own MAC hold: not when it was found not to, nor when the
    /// transaction is one of signatures.
    pub(crate) const fn may_be_told_by_mac(&self) -> bool {
        use cmp::Error::{BadProtection, Mac, WrongProtection};
        !matches!(self, Self::Message(BadProtection(_) | Mac(_) | WrongProtection))
    }

    /// Whether the requester has to bring a ciphertext for the CA's KEM key first.
    pub(crate) const fn is_of_missing_ciphertext(&self) -> bool {
        matches!(self, Self::Message(cmp::Error::KemCiphertextMissing))
    }

    /// What the requester is told: everything that is its own fault, and of ours only that something failed.
    pub(crate) fn for_requester(&self) -> cmp::Error {
        match self {
            Self::Message(error) => error.clone(),
            Self::Registry(_) => cmp::Error::Policy {
                fail_info: PkiFailureInfo::SYSTEM_UNAVAIL,
                reason: "the registry of this CA is not available; try again later",
            },
            _ => cmp::Error::Policy {
                fail_info: PkiFailureInfo::SYSTEM_FAILURE,
                reason: "this CA cannot issue certificates now",
            },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(error) => error.fmt(f),
            Self::Registry(error) => write!(f, "the registry failed: {error}"),
            Self::UnusableIssuer(reason) => write!(f, "the CA certificate cannot issue: {reason}"),
            Self::IssuerNotValid { not_before, not_after } => {
                write!(f, "the CA certificate is valid from {not_before} to {not_after}, not now")
            }
            Self::Encoding(error) => write!(f, "cannot be encoded: {error}"),
            Self::Random(error) => error.fmt(f),
            Self::Sign(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<cmp::Error> for Error {
    fn from(error: cmp::Error) -> Self {
        Self::Message(error)
    }
}

impl From<RegistryError> for Error {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl From<RandomError> for Error {
    fn from(error: RandomError) -> Self {
        Self::Random(error)
    }
}

impl From<SignError> for Error {
    fn from(error: SignError) -> Self {
        Self::Sign(error)
    }
}
