use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, HKDF_SHA384, HKDF_SHA512, KeyType, Salt};
use aws_lc_rs::kem::{self, Ciphertext, EncapsulationKey, ML_KEM_512, ML_KEM_768, ML_KEM_1024};
use crypto::{
    DecapsulationKey, Encapsulated, KdfAlgorithm, KemAlgorithm, KemError, KeyEncapsulation, PublicKey, Random,
};
use zeroize::Zeroizing;

use crate::{AwsLc, KeyFileError};

impl KeyEncapsulation for AwsLc {
    /// With AWS-LC's own randomness.
    fn encapsulate(
        &self,
        algorithm: KemAlgorithm,
        key: &PublicKey,
        _: &dyn Random,
    ) -> Result<Encapsulated, KemError> {
        let (algorithm, _) = parameters(algorithm).ok_or(KemError::Unsupported)?;
        let key = EncapsulationKey::new(algorithm, key.key_octets()).map_err(|_| KemError::BadKey)?;
        // What fails, fails with the modulus check of FIPS 203 section 7.2.
        let (ciphertext, secret) = key.encapsulate().map_err(|_| KemError::BadKey)?;
        Ok(Encapsulated::new(ciphertext.as_ref().to_vec(), Zeroizing::new(secret.as_ref().to_vec())))
    }

    fn derive(&self, algorithm: KdfAlgorithm, secret: &[u8], info: &[u8], key: &mut [u8]) {
        let algorithm = match algorithm {
            KdfAlgorithm::HkdfSha256 => HKDF_SHA256,
            KdfAlgorithm::HkdfSha384 => HKDF_SHA384,
            KdfAlgorithm::HkdfSha512 => HKDF_SHA512,
            other => unreachable!("{other:?} is not in KdfAlgorithm::ALL"),
        };
        Salt::none(algorithm)
            .extract(secret)
            .expand(&[info], Length(key.len()))
            .and_then(|derived| derived.fill(key))
            .expect("CryptoProvider saw to the length");
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The mechanism, and where the public key begins in a private one: behind the vector of 384 octets per dimension (FIPS 203
/// section 7.1).
const fn parameters(algorithm: KemAlgorithm) -> Option<(&'static kem::Algorithm, usize)> {
    Some(match algorithm {
        KemAlgorithm::MlKem512 => (&ML_KEM_512, 384 * 2),
        KemAlgorithm::MlKem768 => (&ML_KEM_768, 384 * 3),
        KemAlgorithm::MlKem1024 => (&ML_KEM_1024, 384 * 4),
        _ => return None,
    })
}

/// An ML-KEM private key in memory. AWS-LC wipes it when it is dropped.
pub struct KemKey {
    key: kem::DecapsulationKey,
    public_key: PublicKey,
}

impl KemKey {
    /// Generates a key with the operating system's randomness.
    ///
    /// # Errors
    /// When AWS-LC fails.
    pub fn generate(algorithm: KemAlgorithm) -> Result<Self, KeyFileError> {
        let (parameters, _) = parameters(algorithm).ok_or(KeyFileError::Failed)?;
        let key = kem::DecapsulationKey::generate(parameters).map_err(|_| KeyFileError::Failed)?;
        let public = key.encapsulation_key().and_then(|key| key.key_bytes());
        let public = public.map_err(|_| KeyFileError::Failed)?;
        let public_key = PublicKey::from_raw(algorithm.key_kind(), public.as_ref());
        Ok(Self { key, public_key: public_key.map_err(KeyFileError::Weak)? })
    }

    /// From the expanded decapsulation key of FIPS 203 section 7.1. Of the seed, AWS-LC's Rust interface makes none.
    ///
    /// # Errors
    /// When its length is wrong, or it is inconsistent: it does not decapsulate what is encapsulated for its public half.
    pub fn from_expanded(algorithm: KemAlgorithm, octets: &[u8]) -> Result<Self, KeyFileError> {
        let (parameters, begin) = parameters(algorithm).ok_or(KeyFileError::Rejected)?;
        let key = kem::DecapsulationKey::new(parameters, octets).map_err(|_| KeyFileError::Rejected)?;
        // Behind it stand its digest and the secret for implicit rejection, 32 octets each.
        let public = octets.get(begin..octets.len().saturating_sub(64)).ok_or(KeyFileError::Rejected)?;
        let public_key = PublicKey::from_raw(algorithm.key_kind(), public).map_err(KeyFileError::Weak)?;
        let trial = EncapsulationKey::new(parameters, public).map_err(|_| KeyFileError::Rejected)?;
        let (ciphertext, secret) = trial.encapsulate().map_err(|_| KeyFileError::Rejected)?;
        let again = key.decapsulate(ciphertext).map_err(|_| KeyFileError::Rejected)?;
        if again.as_ref() != secret.as_ref() {
            return Err(KeyFileError::Rejected);
        }
        Ok(Self { key, public_key })
    }

    /// The expanded decapsulation key of FIPS 203 section 7.1, not encrypted.
    ///
    /// # Errors
    /// When AWS-LC fails.
    pub fn to_expanded(&self) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let octets = self.key.key_bytes().map_err(|_| KeyFileError::Failed)?;
        Ok(Zeroizing::new(octets.as_ref().to_vec()))
    }
}

impl DecapsulationKey for KemKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KemError> {
        let length = KemAlgorithm::of(self.public_key.kind()).map(KemAlgorithm::ciphertext_length);
        if Some(ciphertext.len()) != length {
            return Err(KemError::BadCiphertext);
        }
        let secret = self.key.decapsulate(Ciphertext::from(ciphertext)).map_err(|_| KemError::Failed)?;
        Ok(Zeroizing::new(secret.as_ref().to_vec()))
    }
}

impl fmt::Debug for KemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KemKey({})", self.public_key.kind())
    }
}
