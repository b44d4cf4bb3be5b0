//! ProofOfPossession, RFC 4211 section 4: how it is written. What it proves is for [`crate::pop`].

use asn1::{RawDer, constructed, encode_choice, primitive};
use der::asn1::{BitString, Null};
use der::{Any, AnyRef, Choice, Decode, Encode, Enumerated, Reader, Sequence, Tag, Tagged};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::ext::pkix::name::GeneralName;

use crate::Universal;
use crate::encrypted_key::{under_sequence, under_tag};

/// How the requester shows that it has the private key.
///
/// ```text
/// ProofOfPossession ::= CHOICE {
///   raVerified      [0] NULL,
///   signature       [1] POPOSigningKey,
///   keyEncipherment [2] EXPLICIT POPOPrivKey,
///   keyAgreement    [3] EXPLICIT POPOPrivKey }
/// ```
///
/// RFC 4211 section 4.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)] // nearly every proof is a signature
pub enum ProofOfPossession {
    /// An RA says that it verified the proof, RFC 9810 section 5.2.8.1.
    RaVerified(Null),
    /// A signature, for keys that sign.
    Signature(PopoSigningKey),
    /// For keys that decipher.
    KeyEncipherment(PopoPrivKey),
    /// For keys that agree on keys.
    KeyAgreement(PopoPrivKey),
}

const RA_VERIFIED: Tag = primitive(0);

impl<'a> Decode<'a> for ProofOfPossession {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        let choice = AnyRef::decode(reader)?;
        match choice.tag() {
            RA_VERIFIED => AnyRef::new(Tag::Null, choice.value())?.decode_as().map(Self::RaVerified),
            tag if tag == constructed(1) => {
                AnyRef::new(Tag::Sequence, choice.value())?.decode_as().map(Self::Signature)
            }
            tag if tag == constructed(2) => PopoPrivKey::from_der(choice.value()).map(Self::KeyEncipherment),
            tag if tag == constructed(3) => PopoPrivKey::from_der(choice.value()).map(Self::KeyAgreement),
            tag => Err(tag.value_error().into()),
        }
    }
}

/// For where it is OPTIONAL.
impl Choice<'_> for ProofOfPossession {
    fn can_decode(tag: Tag) -> bool {
        tag == RA_VERIFIED || (1..=3).any(|number| tag == constructed(number))
    }
}

impl Tagged for ProofOfPossession {
    fn tag(&self) -> Tag {
        match self {
            Self::RaVerified(_) => RA_VERIFIED,
            Self::Signature(_) => constructed(1),
            Self::KeyEncipherment(_) => constructed(2),
            Self::KeyAgreement(_) => constructed(3),
        }
    }
}

impl ProofOfPossession {
    fn choice(&self) -> der::Result<Any> {
        match self {
            Self::RaVerified(_) => Any::new(self.tag(), []),
            Self::Signature(proof) => Any::new(self.tag(), Any::encode_from(proof)?.value()),
            Self::KeyEncipherment(proof) | Self::KeyAgreement(proof) => Any::new(self.tag(), proof.to_der()?),
        }
    }
}

encode_choice!(ProofOfPossession);

/// How a key that does not sign is proved to be held.
///
/// ```text
/// POPOPrivKey ::= CHOICE {
///   thisMessage       [0] BIT STRING,         -- deprecated
///   subsequentMessage [1] SubsequentMessage,
///   dhMAC             [2] BIT STRING,         -- deprecated
///   agreeMAC          [3] PKMACValue,
///   encryptedKey      [4] EnvelopedData }
/// ```
///
/// RFC 4211 section 4.2.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PopoPrivKey {
    /// The enciphered private key, as an EncryptedValue in DER. Deprecated.
    ThisMessage(BitString),
    /// The proof is yet to come.
    SubsequentMessage(SubsequentMessage),
    /// A MAC with the key agreed on. Deprecated.
    DhMac(BitString),
    /// A MAC with the key agreed on; pvno 3.
    AgreeMac(PkMacValue),
    /// The enciphered private key, as EnvelopedData (RFC 5652) under its universal tag; pvno 3.
    EncryptedKey(RawDer),
}

const THIS_MESSAGE: Tag = primitive(0);
const SUBSEQUENT_MESSAGE: Tag = primitive(1);
const DH_MAC: Tag = primitive(2);

impl<'a> Decode<'a> for PopoPrivKey {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        let choice = AnyRef::decode(reader)?;
        let as_type = |tag| AnyRef::new(tag, choice.value());
        match choice.tag() {
            THIS_MESSAGE => as_type(Tag::BitString)?.decode_as().map(Self::ThisMessage),
            SUBSEQUENT_MESSAGE => as_type(Tag::Integer)?.decode_as().map(Self::SubsequentMessage),
            DH_MAC => as_type(Tag::BitString)?.decode_as().map(Self::DhMac),
            tag if tag == constructed(3) => as_type(Tag::Sequence)?.decode_as().map(Self::AgreeMac),
            tag if tag == constructed(4) => under_sequence(choice).map(Self::EncryptedKey),
            tag => Err(tag.value_error().into()),
        }
    }
}

impl PopoPrivKey {
    fn choice(&self) -> der::Result<Any> {
        match self {
            Self::ThisMessage(bits) => Any::new(THIS_MESSAGE, Any::encode_from(bits)?.value()),
            Self::SubsequentMessage(proof) => Any::new(SUBSEQUENT_MESSAGE, Any::encode_from(proof)?.value()),
            Self::DhMac(bits) => Any::new(DH_MAC, Any::encode_from(bits)?.value()),
            Self::AgreeMac(mac) => Any::new(constructed(3), Any::encode_from(mac)?.value()),
            Self::EncryptedKey(data) => under_tag(data, constructed(4)),
        }
    }
}

encode_choice!(PopoPrivKey);

/// Which message will prove it.
///
/// ```text
/// SubsequentMessage ::= INTEGER { encrCert(0), challengeResp(1) }
/// ```
///
/// RFC 4211 section 4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[asn1(type = "INTEGER")]
#[repr(u8)]
#[non_exhaustive]
pub enum SubsequentMessage {
    /// certConf: the certificate is sent enciphered, and who confirms it has deciphered it.
    EncrCert = 0,
    /// popdecr, in answer to popdecc.
    ChallengeResp = 1,
}

/// A signature made with the private key.
///
/// ```text
/// POPOSigningKey ::= SEQUENCE {
///   poposkInput         [0] POPOSigningKeyInput OPTIONAL,
///   algorithmIdentifier     AlgorithmIdentifier,
///   signature               BIT STRING }
/// ```
///
/// RFC 4211 section 4.1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
pub struct PopoSigningKey {
    /// What is signed in place of the CertRequest, when that lacks the subject.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub poposk_input: Option<Universal<PopoSigningKeyInput>>,
    /// The signature's algorithm.
    pub algorithm_identifier: AlgorithmIdentifierOwned,
    /// The signature.
    pub signature: BitString,
}

/// Who has the key, signed by the key.
///
/// ```text
/// POPOSigningKeyInput ::= SEQUENCE {
///   authInfo  CHOICE { sender [0] EXPLICIT GeneralName, publicKeyMAC PKMACValue },
///   publicKey SubjectPublicKeyInfo }
/// ```
///
/// RFC 4211 section 4.1. It travels under an implicit tag, and is signed under its universal one.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
pub struct PopoSigningKeyInput {
    /// Who the requester is.
    pub auth_info: AuthInfo,
    /// The same key as in the template.
    pub public_key: Universal<SubjectPublicKeyInfoOwned>,
}

impl PopoSigningKeyInput {
    pub(crate) const fn new(auth_info: AuthInfo, public_key: Universal<SubjectPublicKeyInfoOwned>) -> Self {
        Self { auth_info, public_key }
    }
}

/// Who the requester is, RFC 4211 section 4.1.
#[derive(Clone, Debug, PartialEq, Eq, Choice)]
#[non_exhaustive]
pub enum AuthInfo {
    /// A name that is already authenticated.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", constructed = "true")]
    Sender(GeneralName),
    /// A MAC with a secret shared with the CA, when there is no such name.
    PublicKeyMac(PkMacValue),
}

/// A MAC over the SubjectPublicKeyInfo.
///
/// ```text
/// PKMACValue ::= SEQUENCE { algId AlgorithmIdentifier, value BIT STRING }
/// ```
///
/// RFC 4211 section 4.4.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
pub struct PkMacValue {
    /// The MAC's algorithm.
    pub alg_id: AlgorithmIdentifierOwned,
    /// The MAC.
    pub value: BitString,
}

impl PkMacValue {
    /// A MAC, made with that algorithm.
    pub const fn new(alg_id: AlgorithmIdentifierOwned, value: BitString) -> Self {
        Self { alg_id, value }
    }
}
