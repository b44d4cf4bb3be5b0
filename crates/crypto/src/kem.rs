use alloc::vec::Vec;
use core::fmt::{self, Debug};

use asn1::oids::{rfc8619, rfc9935};
use const_oid::ObjectIdentifier;
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::{AlgorithmError, DigestAlgorithm, KemError, KeyKind, PublicKey, Random};

/// A key encapsulation mechanism: ML-KEM (FIPS 203, RFC 9935). One identifier names key and mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KemAlgorithm {
    /// id-alg-ml-kem-512
    MlKem512,
    /// id-alg-ml-kem-768
    MlKem768,
    /// id-alg-ml-kem-1024
    MlKem1024,
}

impl KemAlgorithm {
    /// Every mechanism there is.
    pub const ALL: [Self; 3] = [Self::MlKem512, Self::MlKem768, Self::MlKem1024];

    /// The mechanism's object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::MlKem512 => rfc9935::ML_KEM_512,
            Self::MlKem768 => rfc9935::ML_KEM_768,
            Self::MlKem1024 => rfc9935::ML_KEM_1024,
        }
    }

    /// The kind of its keys.
    pub const fn key_kind(self) -> KeyKind {
        match self {
            Self::MlKem512 => KeyKind::MlKem512,
            Self::MlKem768 => KeyKind::MlKem768,
            Self::MlKem1024 => KeyKind::MlKem1024,
        }
    }

    /// The mechanism that keys of this kind are for; `None` when they sign.
    pub const fn of(key: KeyKind) -> Option<Self> {
        match key {
            KeyKind::MlKem512 => Some(Self::MlKem512),
            KeyKind::MlKem768 => Some(Self::MlKem768),
            KeyKind::MlKem1024 => Some(Self::MlKem1024),
            _ => None,
        }
    }

    /// Octets of a ciphertext (FIPS 203 section 8).
    pub const fn ciphertext_length(self) -> usize {
        match self {
            Self::MlKem512 => 768,
            Self::MlKem768 => 1088,
            Self::MlKem1024 => 1568,
        }
    }

    /// The AlgorithmIdentifier to send: without parameters (RFC 9935 section 3).
    pub const fn identifier(self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: self.oid(), parameters: None }
    }

    /// Looks an AlgorithmIdentifier up; parameters must be absent (RFC 9935 section 3).
    ///
    /// # Errors
    /// When the mechanism is not in the table or has parameters.
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        let oid = identifier.oid;
        let algorithm = Self::ALL.into_iter().find(|algorithm| algorithm.oid() == oid);
        let algorithm = algorithm.ok_or(AlgorithmError::Unsupported(oid))?;
        if identifier.parameters.is_some() { Err(AlgorithmError::BadParameters(oid)) } else { Ok(algorithm) }
    }
}

impl fmt::Display for KemAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.key_kind(), f)
    }
}

/// A function that derives a key from a secret that is long and random enough: HKDF (RFC 5869), as RFC 8619 names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KdfAlgorithm {
    /// id-alg-hkdf-with-sha256
    HkdfSha256,
    /// id-alg-hkdf-with-sha384
    HkdfSha384,
    /// id-alg-hkdf-with-sha512
    HkdfSha512,
}

impl KdfAlgorithm {
    /// Every function there is.
    pub const ALL: [Self; 3] = [Self::HkdfSha256, Self::HkdfSha384, Self::HkdfSha512];

    /// The function's object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::HkdfSha256 => rfc8619::HKDF_WITH_SHA256,
            Self::HkdfSha384 => rfc8619::HKDF_WITH_SHA384,
            Self::HkdfSha512 => rfc8619::HKDF_WITH_SHA512,
        }
    }

    /// The digest inside.
    pub const fn digest(self) -> DigestAlgorithm {
        match self {
            Self::HkdfSha256 => DigestAlgorithm::Sha256,
            Self::HkdfSha384 => DigestAlgorithm::Sha384,
            Self::HkdfSha512 => DigestAlgorithm::Sha512,
        }
    }

    /// The longest key it derives, in octets (RFC 5869 section 2.3).
    pub const fn max_length(self) -> usize {
        255 * self.digest().length()
    }

    /// The AlgorithmIdentifier to send: without parameters (RFC 8619 section 3).
    pub const fn identifier(self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: self.oid(), parameters: None }
    }

    /// Looks an AlgorithmIdentifier up; parameters must be absent (RFC 8619 section 3).
    ///
    /// # Errors
    /// When the function is not in the table or has parameters.
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        let oid = identifier.oid;
        let algorithm = Self::ALL.into_iter().find(|algorithm| algorithm.oid() == oid);
        let algorithm = algorithm.ok_or(AlgorithmError::Unsupported(oid))?;
        if identifier.parameters.is_some() { Err(AlgorithmError::BadParameters(oid)) } else { Ok(algorithm) }
    }
}

impl fmt::Display for KdfAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HkdfSha256 => "HKDF with SHA-256",
            Self::HkdfSha384 => "HKDF with SHA-384",
            Self::HkdfSha512 => "HKDF with SHA-512",
        })
    }
}

/// A secret for two: whoever has the private key gets it out of the ciphertext. `Debug` does not show it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Encapsulated {
    /// What is sent.
    pub ciphertext: Vec<u8>,
    /// What is kept, and wiped when it is dropped.
    pub secret: Zeroizing<Vec<u8>>,
}

impl Encapsulated {
    /// What came out of an encapsulation.
    pub const fn new(ciphertext: Vec<u8>, secret: Zeroizing<Vec<u8>>) -> Self {
        Self { ciphertext, secret }
    }
}

impl Debug for Encapsulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encapsulated({} octets)", self.ciphertext.len())
    }
}

/// Encapsulates secrets, and derives keys from them: what a KEM-based MAC takes (RFC 9810 section 5.1.3.4).
pub trait KeyEncapsulation: Send + Sync {
    /// A fresh secret for whoever has the private half of the key. `random` may be left alone by what has better randomness.
    ///
    /// # Errors
    /// When the key is not one of the mechanism, which is for the first time looked at closely here, or randomness fails.
    fn encapsulate(
        &self,
        algorithm: KemAlgorithm,
        key: &PublicKey,
        random: &dyn Random,
    ) -> Result<Encapsulated, KemError>;

    /// Fills `key`, of [`KdfAlgorithm::max_length`] at most, from the secret, without salt (RFC 5869 section 2).
    fn derive(&self, algorithm: KdfAlgorithm, secret: &[u8], info: &[u8], key: &mut [u8]);
}

/// A private key of a key encapsulation mechanism: in memory, in a token, in a secure element. It never shows itself; its `Debug`
/// output names the kind of key and no more.
pub trait DecapsulationKey: Send + Sync + Debug {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// The secret in a ciphertext. A ciphertext that nobody encapsulated gives a secret that nobody knows (FIPS 203 section 6.3).
    ///
    /// # Errors
    /// When the ciphertext does not have its length, or the key, or the device that holds it, fails.
    fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KemError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::Any;
    use der::asn1::Null;

    #[test]
    fn every_identifier_is_found_again_and_has_no_parameters() {
        for algorithm in KemAlgorithm::ALL {
            let mut identifier = algorithm.identifier();
            assert_eq!(KemAlgorithm::from_identifier(&identifier), Ok(algorithm));
            assert_eq!(KemAlgorithm::of(algorithm.key_kind()), Some(algorithm));
            identifier.parameters = Some(Any::from(Null));
            let refused = Err(AlgorithmError::BadParameters(algorithm.oid()));
            assert_eq!(KemAlgorithm::from_identifier(&identifier), refused);
        }
        for algorithm in KdfAlgorithm::ALL {
            let mut identifier = algorithm.identifier();
            assert_eq!(KdfAlgorithm::from_identifier(&identifier), Ok(algorithm));
            identifier.parameters = Some(Any::from(Null));
            let refused = Err(AlgorithmError::BadParameters(algorithm.oid()));
            assert_eq!(KdfAlgorithm::from_identifier(&identifier), refused);
        }
        let other = KdfAlgorithm::HkdfSha256.identifier();
        let unsupported = Err(AlgorithmError::Unsupported(other.oid));
        assert_eq!(KemAlgorithm::from_identifier(&other), unsupported);
        assert_eq!(KemAlgorithm::of(KeyKind::P256), None);
    }
}
