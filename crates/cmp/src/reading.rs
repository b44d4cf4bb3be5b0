//! How messages are read: what they may cost, and whether the deviations of real peers are tolerated.

use core::fmt;

use const_oid::ObjectIdentifier;

/// How messages from outside are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadingPolicy {
    /// Octets of the whole message; 64 KiB by default.
    pub message_size: usize,
    /// Certificates in extraCerts and in caPubs; 32 by default.
    pub certificates: usize,
    /// Messages inside a nested one; 1000 by default.
    pub nested_messages: usize,
    /// How often a nested message may hold a nested message; 2 by default: an RA's batch of batches, with added protection
    /// inside.
    pub nested_depth: u8,
    /// Whether every [`Deviation`] is tolerated; `false` by default. Everything else is refused either way.
    pub lenient: bool,
}

impl Default for ReadingPolicy {
    fn default() -> Self {
        Self {
            message_size: 64 * 1024,
            certificates: 32,
            nested_messages: 1000,
            nested_depth: 2,
            lenient: false,
        }
    }
}

impl ReadingPolicy {
    /// The default limits, with every [`Deviation`] tolerated.
    pub fn lenient() -> Self {
        Self { lenient: true, ..Self::default() }
    }
}

impl ReadingPolicy {
    /// How the messages inside a nested one are read; `None` when there may be no more of them.
    pub fn inside(&self) -> Option<Self> {
        Some(Self { nested_depth: self.nested_depth.checked_sub(1)?, ..*self })
    }
}

/// What requesters and authorities in the field get wrong, and a lenient reader can understand nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deviation {
    /// extraCerts is there without a certificate. RFC 9810 section 5.1: `SEQUENCE SIZE (1..MAX)`.
    EmptyExtraCerts,
    /// messageTime is a local time with an offset. RFC 5280 section 4.1.2.5.2: times end with Z.
    TimeOffset,
    /// The parameters of an hmacWithSHA algorithm inside PBMAC1 are absent. RFC 8018 appendix B.1.2: they are NULL.
    ///
    /// Elsewhere a missing NULL is no deviation: RFC 4055 section 5 wants it accepted with RSA signatures, RFC 9481 section
    /// 6.2.1 in PasswordBasedMac.
    MissingNull(ObjectIdentifier),
    /// The value of certProfile is one UTF8String. RFC 9810 section 5.1.1.4: a SEQUENCE of them.
    BareCertProfile,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyExtraCerts => f.write_str("extraCerts is there but empty"),
            Self::TimeOffset => f.write_str("messageTime has an offset from UTC and does not end with Z"),
            Self::MissingNull(oid) => write!(f, "algorithm {oid} lacks its parameters NULL"),
            Self::BareCertProfile => f.write_str("certProfile is a UTF8String and no SEQUENCE of them"),
        }
    }
}
