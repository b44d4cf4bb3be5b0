//! POPODecKeyChallContent and POPODecKeyRespContent: the bodies popdecc and popdecr, RFC 9810 section 5.2.8.3.

use alloc::vec::Vec;

use asn1::RawDer;
use der::Sequence;
use der::asn1::{Int, OctetString};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::pkix::name::GeneralName;

/// `POPODecKeyChallContent ::= SEQUENCE OF Challenge`, one for each key that only deciphers.
pub type PopoDecKeyChallContent = Vec<Challenge>;

/// `POPODecKeyRespContent ::= SEQUENCE OF INTEGER`, the deciphered integers in the challenges' order.
pub type PopoDecKeyRespContent = Vec<Int>;

/// Something that only the holder of a key can decipher, RFC 9810 section 5.2.8.3.
///
/// ```text
/// Challenge ::= SEQUENCE {
///   owf               AlgorithmIdentifier OPTIONAL,
///   witness           OCTET STRING,
///   challenge         OCTET STRING,
///   encryptedRand [0] EnvelopedData OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct Challenge {
    /// The one-way function of this challenge and, where they have none, of those after it.
    pub owf: Option<AlgorithmIdentifierOwned>,
    pub witness: OctetString,
    /// With pvno 2 the enciphered [`Rand`]; with pvno 3 empty, and encryptedRand stands in its place.
    pub challenge: OctetString,
    /// The EnvelopedData stays closed.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub encrypted_rand: Option<RawDer>,
}

impl Challenge {
    /// A challenge as pvno 3 has it.
    ///
    /// # Errors
    /// When the witness is too long for DER.
    pub fn new(
        owf: Option<AlgorithmIdentifierOwned>,
        witness: &[u8],
        encrypted_rand: RawDer,
    ) -> der::Result<Self> {
        Ok(Self {
            owf,
            witness: OctetString::new(witness)?,
            challenge: OctetString::new([])?,
            encrypted_rand: Some(encrypted_rand),
        })
    }
}

/// What a challenge enciphers, RFC 9810 section 5.2.8.3.
///
/// ```text
/// Rand ::= SEQUENCE { int INTEGER, sender GeneralName }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
pub struct Rand {
    /// The integer to send back.
    pub int: Int,
    /// Who made the challenge.
    pub sender: GeneralName,
}

impl Rand {
    /// An integer, and who made it up.
    pub const fn new(int: Int, sender: GeneralName) -> Self {
        Self { int, sender }
    }
}
