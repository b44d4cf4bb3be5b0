use core::fmt;

use const_oid::ObjectIdentifier;
use crypto::{AlgorithmError, KeyError, SignError, VerifyError};

/// What can be wrong with a certification request, or with making one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    // The requester's: syntax
    /// Not one CertificationRequest of version 0 in DER, or not an Extensions inside extensionRequest.
    Malformed(der::Error),
    /// More attributes than are accepted.
    TooManyAttributes {
        /// How many there are.
        count: usize,
        /// The most accepted.
        limit: usize,
    },
    /// More extensions than are accepted.
    TooManyExtensions {
        /// How many there are.
        count: usize,
        /// The most accepted.
        limit: usize,
    },
    /// An attribute that may stand there once stands there twice.
    DuplicateAttribute(ObjectIdentifier),
    /// An attribute of one value has none, or several.
    NotSingleValued {
        /// The attribute.
        attribute: ObjectIdentifier,
        /// How many values it has.
        values: usize,
    },
    /// An extension is asked for twice.
    DuplicateExtension(ObjectIdentifier),

    // The requester's: proof of possession
    /// The public key is refused.
    PublicKey(KeyError),
    /// The signature's algorithm is not in the table.
    Algorithm(AlgorithmError),
    /// The signature is not whole octets.
    UnusedBits,
    /// The signature was not made with the key to be certified, or its algorithm does not fit that key.
    ProofOfPossession(VerifyError),

    // The caller's, when making a request
    /// The signing key is not the private key to the public key in the request.
    OtherSigningKey,
    /// A value cannot be encoded as DER.
    Encoding(der::Error),
    /// The signing key failed.
    Sign(SignError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "not a CertificationRequest in DER: {error}"),
            Self::TooManyAttributes { count, limit } => {
                write!(f, "the request has {count} attributes; {limit} are accepted")
            }
            Self::TooManyExtensions { count, limit } => {
                write!(f, "the request asks for {count} extensions; {limit} are accepted")
            }
            Self::DuplicateAttribute(oid) => write!(f, "attribute {oid} stands there twice"),
            Self::NotSingleValued { attribute, values } => {
                write!(f, "attribute {attribute} has {values} values instead of one")
            }
            Self::DuplicateExtension(oid) => write!(f, "extension {oid} is asked for twice"),
            Self::PublicKey(error) => write!(f, "the key to be certified is refused: {error}"),
            Self::Algorithm(error) => write!(f, "the request's signature is refused: {error}"),
            Self::UnusedBits => f.write_str("the request's signature is not whole octets"),
            Self::ProofOfPossession(error) => write!(f, "no proof of possession: {error}"),
            Self::OtherSigningKey => {
                f.write_str("the signing key does not belong to the public key in the request")
            }
            Self::Encoding(error) => write!(f, "the request cannot be encoded: {error}"),
            Self::Sign(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}
