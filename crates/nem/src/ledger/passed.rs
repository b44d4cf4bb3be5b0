//! What is kept of transactions whose messages stations sign themselves.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use asn1::UnixTime;
use cmp::{Credential, TransactionId};
use crypto::{CryptoProvider, DigestAlgorithm};

use crate::Passing;

/// The name of such a transaction: the SHA-256 of who began it and of its transactionID, which is of any length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassedId([u8; 32]);

impl PassedId {
    /// From its octets.
    pub const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// Of a station's transaction.
    pub(crate) fn of(station: &str, id: &TransactionId, provider: &CryptoProvider) -> Self {
        let digest = |octets: &[u8]| provider.digest(DigestAlgorithm::Sha256, octets);
        // A digest inside, so that there is one way only to cut it in two.
        let whole = [digest(station.as_bytes()).as_slice(), id.as_octets()].concat();
        Self(digest(&whole).as_slice().try_into().unwrap_or_default())
    }

    /// Its octets.
    pub const fn as_octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PassedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassedId(")?;
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
        f.write_str(")")
    }
}

/// A transaction that a station began with a message of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // what is stored; a new fact must be thought about at every reader
pub struct PassedTransaction {
    /// Its name.
    pub id: PassedId,
    /// Who began it.
    pub station: String,
    /// The RA/CA where it began: there it ends, too.
    pub upstream: String,
    /// How its last message went up.
    pub passing: Passing,
    /// From when on nobody asks for it any more.
    pub until: UnixTime,
    /// Who signs the station's messages, where the NEM's signature takes the place of theirs.
    pub signer: Option<Credential>,
    /// Its last message, unless that went up as it was.
    pub last: Option<PassedMessage>,
}

/// A message that went up in the place of a station's: the station's next one that is the same goes up as this, so that it is one at the
/// RA/CA, too.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // a message and what it stands for
pub struct PassedMessage {
    /// The SHA-256 of the station's message.
    pub digest: [u8; 32],
    /// What went up.
    pub message: Vec<u8>,
}
