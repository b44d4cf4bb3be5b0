//! EncryptedKey and EncryptedValue, RFC 4211 section 2.1, RFC 9810 appendix C: a private key, or a certificate, that is
//! enciphered. What is inside stays closed.

use alloc::boxed::Box;

use asn1::{RawDer, constructed, encode_choice};
use der::asn1::{BitString, OctetString};
use der::{Any, AnyRef, Decode, Reader, Sequence, Tag, Tagged};
use spki::AlgorithmIdentifierOwned;

/// Something enciphered.
///
/// ```text
/// EncryptedKey ::= CHOICE {
///   encryptedValue     EncryptedValue,   -- deprecated
///   envelopedData  [0] EnvelopedData }
/// ```
///
/// RFC 4211 section 2.1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncryptedKey {
    /// In the form of RFC 4211, deprecated since pvno 3.
    EncryptedValue(Box<EncryptedValue>),
    /// EnvelopedData (RFC 5652), under its universal tag; pvno 3.
    EnvelopedData(RawDer),
}

impl<'a> Decode<'a> for EncryptedKey {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        let choice = AnyRef::decode(reader)?;
        match choice.tag() {
            tag if tag == constructed(0) => under_sequence(choice).map(Self::EnvelopedData),
            _ => choice.decode_as().map(Box::new).map(Self::EncryptedValue),
        }
    }
}

impl EncryptedKey {
    fn choice(&self) -> der::Result<Any> {
        match self {
            Self::EncryptedValue(value) => Any::encode_from(value.as_ref()),
            Self::EnvelopedData(data) => under_tag(data, constructed(0)),
        }
    }
}

encode_choice!(EncryptedKey);

/// Puts the SEQUENCE's own tag back.
pub(crate) fn under_sequence(choice: AnyRef<'_>) -> der::Result<RawDer> {
    RawDer::build(&AnyRef::new(Tag::Sequence, choice.value())?)
}

/// Puts a context tag in place of the SEQUENCE's.
pub(crate) fn under_tag(sequence: &RawDer, tag: Tag) -> der::Result<Any> {
    let sequence: AnyRef<'_> = sequence.decode_as()?;
    if sequence.tag() == Tag::Sequence {
        Any::new(tag, sequence.value())
    } else {
        Err(sequence.tag().value_error().into())
    }
}

/// ```text
/// EncryptedValue ::= SEQUENCE {
///   intendedAlg [0] AlgorithmIdentifier OPTIONAL,
///   symmAlg     [1] AlgorithmIdentifier OPTIONAL,
///   encSymmKey  [2] BIT STRING          OPTIONAL,
///   keyAlg      [3] AlgorithmIdentifier OPTIONAL,
///   valueHint   [4] OCTET STRING        OPTIONAL,
///   encValue        BIT STRING }
/// ```
///
/// RFC 4211 section 2.1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct EncryptedValue {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub intended_alg: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub symm_alg: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    pub enc_symm_key: Option<BitString>,
    #[asn1(context_specific = "3", tag_mode = "IMPLICIT", optional = "true")]
    pub key_alg: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "4", tag_mode = "IMPLICIT", optional = "true")]
    pub value_hint: Option<OctetString>,
    pub enc_value: BitString,
}

impl EncryptedValue {
    /// The enciphered value alone.
    pub const fn new(enc_value: BitString) -> Self {
        Self {
            intended_alg: None,
            symm_alg: None,
            enc_symm_key: None,
            key_alg: None,
            value_hint: None,
            enc_value,
        }
    }
}
