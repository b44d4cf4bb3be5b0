//! ProofOfPossession, RFC 4211 section 4: how it is written. What it proves is for [`crate::pop`].

use der::asn1::{BitString, Null};
use der::{Any, Choice, Sequence};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::ext::pkix::name::GeneralName;

use crate::Universal;

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
#[derive(Clone, Debug, PartialEq, Eq, Choice)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)] // nearly every proof is a signature
pub enum ProofOfPossession {
    /// An RA says that it verified the proof, RFC 9810 section 5.2.8.1.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    RaVerified(Null),
    /// A signature, for keys that sign.
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Signature(PopoSigningKey),
    /// For keys that decipher: the POPOPrivKey, not looked into.
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    KeyEncipherment(Any),
    /// For keys that agree on keys: the POPOPrivKey, not looked into.
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", constructed = "true")]
    KeyAgreement(Any),
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
    pub(crate) const fn new(sender: GeneralName, public_key: Universal<SubjectPublicKeyInfoOwned>) -> Self {
        Self { auth_info: AuthInfo::Sender(sender), public_key }
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
