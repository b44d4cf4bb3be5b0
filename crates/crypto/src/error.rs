use core::fmt;

use const_oid::ObjectIdentifier;

use crate::{KeyKind, SignatureAlgorithm};

/// An AlgorithmIdentifier that is not in the table, or is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlgorithmError {
    /// The algorithm is unknown here, or forbidden.
    Unsupported(ObjectIdentifier),
    /// The parameters are not the ones its specification prescribes.
    BadParameters(ObjectIdentifier),
}

impl fmt::Display for AlgorithmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(oid) => write!(f, "algorithm {oid} is not supported"),
            Self::BadParameters(oid) => write!(f, "algorithm {oid} has wrong parameters"),
        }
    }
}

impl core::error::Error for AlgorithmError {}

/// A public key that is malformed or too weak to be certified or believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The SubjectPublicKeyInfo is not DER, or its key does not have the form its algorithm prescribes.
    Malformed,
    /// The key's algorithm, or its curve, is not supported.
    Unsupported(ObjectIdentifier),
    /// An RSA modulus outside of 2048 to 8192 bits.
    RsaModulus {
        /// The modulus's length.
        bits: usize,
    },
    /// An RSA public exponent that is even, below 65537, or longer than 64 bits.
    RsaExponent,
    /// An Ed25519 point of small order, with which signatures prove nothing.
    Ed25519SmallOrder,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the public key is malformed"),
            Self::Unsupported(oid) => write!(f, "public keys of type {oid} are not supported"),
            Self::RsaModulus { bits } => {
                write!(f, "the RSA key has {bits} bits; 2048 to 8192 are accepted")
            }
            Self::RsaExponent => f.write_str("the RSA public exponent must be odd, from 65537 to 2^64"),
            Self::Ed25519SmallOrder => f.write_str("the Ed25519 key is a point of small order"),
        }
    }
}

impl core::error::Error for KeyError {}

/// A signature or a MAC that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// The algorithm cannot be used with this kind of key.
    AlgorithmDoesNotFitKey {
        /// The algorithm named beside the signature.
        algorithm: SignatureAlgorithm,
        /// The kind of the key that should have made it.
        key: KeyKind,
    },
    /// The signature was not made over these octets by this key.
    BadSignature,
    /// The MAC was not made over these octets with this secret.
    BadMac,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlgorithmDoesNotFitKey { algorithm, key } => {
                write!(f, "{algorithm} cannot be verified with a {key} key")
            }
            Self::BadSignature => f.write_str("the signature does not verify"),
            Self::BadMac => f.write_str("the MAC does not verify"),
        }
    }
}

impl core::error::Error for VerifyError {}

/// Why a signing key did not sign. Says nothing about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignError;

impl SignError {
    /// The key, or the device that holds it, failed.
    #[allow(clippy::new_without_default)] // an error is made on purpose, never by default
    pub const fn new() -> Self {
        Self
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signing key could not sign")
    }
}

impl core::error::Error for SignError {}

/// Why there is no secret from a key encapsulation mechanism. Says nothing about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KemError {
    /// The provider has no key encapsulation, or not this one.
    Unsupported,
    /// Keys of this kind encapsulate nothing.
    OtherKind(KeyKind),
    /// The public key is not one of its mechanism.
    BadKey,
    /// The ciphertext is not one of the key's mechanism.
    BadCiphertext,
    /// The private key, or the device that holds it, failed.
    Failed,
    /// The source of randomness failed.
    Random(RandomError),
}

impl fmt::Display for KemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => f.write_str(
                "the cryptographic provider has no such key encapsulation; build it with `ml-kem`",
            ),
            Self::OtherKind(kind) => write!(f, "{kind} keys are not for key encapsulation"),
            Self::BadKey => f.write_str("the encapsulation key is not one of its mechanism"),
            Self::BadCiphertext => f.write_str("the ciphertext is not one of the key's mechanism"),
            Self::Failed => f.write_str("the decapsulation key failed"),
            Self::Random(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for KemError {}

/// Why nothing was enciphered, or deciphered. Says nothing about the key, nor of a ciphertext in which way it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The provider enciphers nothing.
    Unsupported,
    /// Keys of this kind are not for that.
    OtherKind(KeyKind),
    /// The public key is none of its kind, or cannot take that much.
    BadKey,
    /// It was not enciphered for that key, or was changed; or the key, or the device that holds it, failed.
    Undecipherable,
    /// The source of randomness failed.
    Random(RandomError),
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => {
                f.write_str("the cryptographic provider enciphers nothing; build it with `enveloped-data`")
            }
            Self::OtherKind(kind) => write!(f, "nothing is enciphered for {kind} keys in this way"),
            Self::BadKey => f.write_str("the public key is not one that this can be enciphered for"),
            Self::Undecipherable => f.write_str("it cannot be deciphered with that key"),
            Self::Random(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for EnvelopeError {}

/// The source of randomness failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RandomError;

impl RandomError {
    /// The source of randomness failed.
    #[allow(clippy::new_without_default)] // an error is made on purpose, never by default
    pub const fn new() -> Self {
        Self
    }
}

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the source of randomness failed")
    }
}

impl core::error::Error for RandomError {}

/// Why a CRL cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlError {
    /// It is no CertificateList in DER.
    Malformed,
    /// It is of a kind that is not supported.
    Unsupported(&'static str),
}

impl fmt::Display for CrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the CRL is not a CertificateList in DER"),
            Self::Unsupported(what) => write!(f, "the CRL cannot be used: {what}"),
        }
    }
}

impl core::error::Error for CrlError {}

/// Why a certificate is not believed (RFC 5280 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// The certificate, or one of its path, is malformed.
    Malformed,
    /// No path leads to a configured trust anchor.
    UnknownIssuer,
    /// A certificate of the path has expired.
    Expired,
    /// A certificate of the path is not valid yet.
    NotYetValid,
    /// A signature in the path does not verify, or its algorithm or key is refused.
    BadSignature,
    /// The certificate's keyUsage lacks digitalSignature, or an issuer's lacks keyCertSign.
    KeyUsage,
    /// The certificate's extKeyUsage lacks the purpose that is required.
    ExtendedKeyUsage(ObjectIdentifier),
    /// Another rule of RFC 5280 is broken: constraints, path length, unknown critical extensions.
    Constraint,
    /// A CA certificate that is not itself a trust anchor was used where an end entity's is due.
    CaAsEndEntity,
    /// The certificate's public key is refused.
    Key(KeyError),
    /// More certificates could be issuers of the path than are tried.
    TooManyIssuers,
    /// The certificate, or an issuer of the path, is revoked.
    Revoked,
    /// There is no CRL for a certificate of the path, and one is required.
    RevocationUnknown,
    /// The CRL for a certificate of the path is out of date.
    CrlExpired,
    /// The CRL for a certificate of the path is not signed by its issuer, or the issuer may not sign CRLs.
    BadCrl,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("a certificate of the path is malformed"),
            Self::UnknownIssuer => f.write_str("no path leads to a trust anchor"),
            Self::Expired => f.write_str("a certificate of the path has expired"),
            Self::NotYetValid => f.write_str("a certificate of the path is not valid yet"),
            Self::BadSignature => f.write_str("a signature of the path does not verify"),
            Self::KeyUsage => f.write_str("a keyUsage extension does not allow this use"),
            Self::ExtendedKeyUsage(oid) => write!(f, "the certificate lacks the extended key usage {oid}"),
            Self::Constraint => f.write_str("a constraint of the path is violated"),
            Self::CaAsEndEntity => f.write_str("a CA certificate that is no trust anchor signed the message"),
            Self::Key(error) => write!(f, "the certificate: {error}"),
            Self::TooManyIssuers => f.write_str("too many certificates could be issuers of the path"),
            Self::Revoked => f.write_str("a certificate of the path is revoked"),
            Self::RevocationUnknown => {
                f.write_str("no CRL tells whether a certificate of the path is revoked, and one is required")
            }
            Self::CrlExpired => f.write_str("the CRL for a certificate of the path is out of date"),
            Self::BadCrl => {
                f.write_str("the CRL for a certificate of the path is not signed by its issuer's key")
            }
        }
    }
}

impl core::error::Error for PathError {}
