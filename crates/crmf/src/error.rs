use core::fmt;

use const_oid::ObjectIdentifier;
use crypto::{AlgorithmError, KeyError, RandomError, SignError, VerifyError};

use crate::password_mac::MacError;

/// What can be wrong with a request, or with making one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    // The requester's: syntax
    /// Not what RFC 4211 prescribes, or not DER.
    Malformed(der::Error),
    /// No requests at all, or more than are accepted.
    MessageCount {
        /// How many there are.
        count: usize,
        /// The most accepted.
        limit: usize,
    },
    /// A list that must not be empty is.
    EmptyList(&'static str),
    /// A control that may stand there once stands there twice.
    DuplicateControl(ObjectIdentifier),

    // The requester's: the template
    /// The version asked for is not v3.
    Version,
    /// A field of the template that a request for a certificate must leave out.
    UnexpectedField(&'static str),
    /// A field of the template that a request for cross-certification must have.
    MissingField(&'static str),
    /// validity is there without bounds.
    EmptyValidity,
    /// More extensions than are accepted.
    TooManyExtensions {
        /// How many there are.
        count: usize,
        /// The most accepted.
        limit: usize,
    },
    /// An extension is asked for twice.
    DuplicateExtension(ObjectIdentifier),
    /// There is no public key to be certified.
    MissingPublicKey,
    /// The public key is refused.
    PublicKey(KeyError),

    // The requester's: proof of possession
    /// There is no proof of possession.
    MissingPop,
    /// raVerified in place of a proof: only an authorised RA may say it.
    RaVerified,
    /// There is no raVerified to accept.
    NotRaVerified,
    /// A proof of possession of another kind than is supported.
    UnsupportedPop(&'static str),
    /// poposkInput together with a subject.
    UnexpectedPoposkInput,
    /// Neither a subject nor a poposkInput.
    MissingPoposkInput,
    /// poposkInput names another sender than the one authenticated, or nobody.
    PoposkInputSender,
    /// poposkInput holds another key than the template.
    PoposkInputPublicKey,
    /// poposkInput holds a publicKeyMAC, and no secret is shared with the requester, or the other way round.
    PublicKeyMac,
    /// The MAC's algorithm is refused.
    Mac(MacError),
    /// The signature's algorithm is not in the table.
    Algorithm(AlgorithmError),
    /// A proof of possession of a key that is yet to be generated.
    UnexpectedPop,
    /// The signature is not whole octets.
    UnusedBits,
    /// The signature was not made with the key to be certified, or its algorithm does not fit that key; or the MAC was not
    /// made with the shared secret.
    ProofOfPossession(VerifyError),

    // The caller's, when making a request
    /// The signing key is not the private key to the public key in the request.
    OtherSigningKey,
    /// A value cannot be encoded as DER.
    Encoding(der::Error),
    /// The source of randomness failed.
    Random(RandomError),
    /// The signing key failed.
    Sign(SignError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "not a certificate request message in DER: {error}"),
            Self::MessageCount { count, limit } => {
                write!(f, "there are {count} certificate request messages; 1 to {limit} are accepted")
            }
            Self::EmptyList(list) => write!(f, "{list} is there but empty"),
            Self::DuplicateControl(oid) => write!(f, "control {oid} stands there twice"),
            Self::Version => f.write_str("another certificate version than v3 is asked for"),
            Self::UnexpectedField(field) => write!(f, "a request must leave {field} out"),
            Self::MissingField(field) => {
                write!(f, "a request for cross-certification lacks {field}")
            }
            Self::EmptyValidity => f.write_str("validity is there without bounds"),
            Self::TooManyExtensions { count, limit } => {
                write!(f, "the request asks for {count} extensions; {limit} are accepted")
            }
            Self::DuplicateExtension(oid) => write!(f, "extension {oid} is asked for twice"),
            Self::MissingPublicKey => f.write_str("there is no public key to be certified"),
            Self::PublicKey(error) => write!(f, "the key to be certified is refused: {error}"),
            Self::MissingPop => f.write_str("the proof of possession is missing"),
            Self::RaVerified => f.write_str("raVerified stands in place of a proof of possession"),
            Self::NotRaVerified => f.write_str("the request does not say raVerified"),
            Self::UnsupportedPop(kind) => write!(f, "proof of possession by {kind} is not supported"),
            Self::UnexpectedPoposkInput => {
                f.write_str("poposkInput must be left out when there is a subject")
            }
            Self::MissingPoposkInput => f.write_str("poposkInput is required when there is no subject"),
            Self::PoposkInputSender => f.write_str("poposkInput does not name the authenticated sender"),
            Self::PoposkInputPublicKey => f.write_str("poposkInput holds another key than the template"),
            Self::PublicKeyMac => {
                f.write_str("publicKeyMAC needs a secret that is shared with the requester")
            }
            Self::Mac(error) => write!(f, "the proof of possession is refused: {error}"),
            Self::Algorithm(error) => write!(f, "the proof of possession is refused: {error}"),
            Self::UnexpectedPop => {
                f.write_str("there is a proof of possession of a key that is yet to be generated")
            }
            Self::UnusedBits => f.write_str("the signature of the proof of possession is not whole octets"),
            Self::ProofOfPossession(error) => write!(f, "no proof of possession: {error}"),
            Self::OtherSigningKey => {
                f.write_str("the signing key does not belong to the public key in the request")
            }
            Self::Encoding(error) => write!(f, "the request cannot be encoded: {error}"),
            Self::Random(error) => error.fmt(f),
            Self::Sign(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}
