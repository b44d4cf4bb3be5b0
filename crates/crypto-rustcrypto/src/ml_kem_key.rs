use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crypto::{
    DecapsulationKey, Encapsulated, KdfAlgorithm, KemAlgorithm, KemError, KeyEncapsulation, PublicKey, Random,
};
use hkdf::Hkdf;
use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ml_kem::{B32, MlKem512, MlKem768, MlKem1024, Seed};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::{PrivateKeyError, RustCrypto};

impl KeyEncapsulation for RustCrypto {
    fn encapsulate(
        &self,
        algorithm: KemAlgorithm,
        key: &PublicKey,
        random: &dyn Random,
    ) -> Result<Encapsulated, KemError> {
        let mut drawn = Zeroizing::new(B32::default());
        random.fill(drawn.as_mut_slice()).map_err(KemError::Random)?;
        let octets = key.key_octets();
        macro_rules! encapsulate {
            ($parameter_set:ty) => {{
                let octets = octets.try_into().map_err(|_| KemError::BadKey)?;
                let key = ml_kem::EncapsulationKey::<$parameter_set>::new(octets);
                let (ciphertext, secret) =
                    key.map_err(|_| KemError::BadKey)?.encapsulate_deterministic(&drawn);
                (ciphertext.to_vec(), Zeroizing::new(secret))
            }};
        }
        let (ciphertext, secret) = match algorithm {
            KemAlgorithm::MlKem512 => encapsulate!(MlKem512),
            KemAlgorithm::MlKem768 => encapsulate!(MlKem768),
            KemAlgorithm::MlKem1024 => encapsulate!(MlKem1024),
            _ => return Err(KemError::Unsupported),
        };
        Ok(Encapsulated::new(ciphertext, Zeroizing::new(secret.to_vec())))
    }

    fn derive(&self, algorithm: KdfAlgorithm, secret: &[u8], info: &[u8], key: &mut [u8]) {
        match algorithm {
            KdfAlgorithm::HkdfSha256 => Hkdf::<Sha256>::new(None, secret).expand(info, key),
            KdfAlgorithm::HkdfSha384 => Hkdf::<Sha384>::new(None, secret).expand(info, key),
            KdfAlgorithm::HkdfSha512 => Hkdf::<Sha512>::new(None, secret).expand(info, key),
            other => unreachable!("{other:?} is not in KdfAlgorithm::ALL"),
        }
        .expect("CryptoProvider saw to the length");
    }
}

/// An ML-KEM private key in memory, wiped when it is dropped.
pub struct MlKemKey {
    secret: Secret,
    public_key: PublicKey,
}

/// Boxed: they are of several KiB.
enum Secret {
    MlKem512(Box<ml_kem::DecapsulationKey<MlKem512>>),
    MlKem768(Box<ml_kem::DecapsulationKey<MlKem768>>),
    MlKem1024(Box<ml_kem::DecapsulationKey<MlKem1024>>),
}

impl MlKemKey {
    /// Generates a key.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn generate(algorithm: KemAlgorithm, random: &dyn Random) -> Result<Self, PrivateKeyError> {
        let mut seed = Zeroizing::new([0; 64]);
        random.fill(seed.as_mut_slice()).map_err(PrivateKeyError::Random)?;
        Self::from_seed(algorithm, &seed)
    }

    /// From the seed d || z of FIPS 203 section 7.1.
    ///
    /// # Errors
    /// When the mechanism is none that is known here.
    pub fn from_seed(algorithm: KemAlgorithm, seed: &[u8; 64]) -> Result<Self, PrivateKeyError> {
        let seed = Seed::from(*seed);
        Self::new(match algorithm {
            KemAlgorithm::MlKem512 => Secret::MlKem512(Box::new(ml_kem::DecapsulationKey::from_seed(seed))),
            KemAlgorithm::MlKem768 => Secret::MlKem768(Box::new(ml_kem::DecapsulationKey::from_seed(seed))),
            KemAlgorithm::MlKem1024 => Secret::MlKem1024(Box::new(ml_kem::DecapsulationKey::from_seed(seed))),
            other => return Err(PrivateKeyError::OtherKind(other.key_kind())),
        })
    }

    /// From a PrivateKeyInfo (PKCS#8, RFC 5208) that holds the seed (RFC 9935 section 6).
    ///
    /// # Errors
    /// When it is malformed, of another kind, or without the seed.
    pub fn from_pkcs8_der(octets: &[u8]) -> Result<Self, PrivateKeyError> {
        let secret = None
            .or_else(|| {
                ml_kem::DecapsulationKey::from_pkcs8_der(octets).ok().map(Box::new).map(Secret::MlKem512)
            })
            .or_else(|| {
                ml_kem::DecapsulationKey::from_pkcs8_der(octets).ok().map(Box::new).map(Secret::MlKem768)
            })
            .or_else(|| {
                ml_kem::DecapsulationKey::from_pkcs8_der(octets).ok().map(Box::new).map(Secret::MlKem1024)
            });
        Self::new(secret.ok_or(PrivateKeyError::Malformed)?)
    }

    fn new(secret: Secret) -> Result<Self, PrivateKeyError> {
        let (algorithm, key) = match &secret {
            Secret::MlKem512(key) => (KemAlgorithm::MlKem512, key.encapsulation_key().to_bytes().to_vec()),
            Secret::MlKem768(key) => (KemAlgorithm::MlKem768, key.encapsulation_key().to_bytes().to_vec()),
            Secret::MlKem1024(key) => (KemAlgorithm::MlKem1024, key.encapsulation_key().to_bytes().to_vec()),
        };
        let public_key = PublicKey::from_raw(algorithm.key_kind(), &key);
        Ok(Self { secret, public_key: public_key.map_err(|_| PrivateKeyError::Malformed)? })
    }

    /// The key as a PrivateKeyInfo (PKCS#8, RFC 5208) with its seed, not encrypted.
    ///
    /// # Errors
    /// When it cannot be encoded, which no key is known to cause.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
        let document = match &self.secret {
            Secret::MlKem512(key) => key.to_pkcs8_der(),
            Secret::MlKem768(key) => key.to_pkcs8_der(),
            Secret::MlKem1024(key) => key.to_pkcs8_der(),
        };
        document.map(|document| document.to_bytes()).map_err(|_| PrivateKeyError::Malformed)
    }
}

impl DecapsulationKey for MlKemKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KemError> {
        let secret = match &self.secret {
            Secret::MlKem512(key) => key.decapsulate_slice(ciphertext),
            Secret::MlKem768(key) => key.decapsulate_slice(ciphertext),
            Secret::MlKem1024(key) => key.decapsulate_slice(ciphertext),
        };
        let secret = Zeroizing::new(secret.map_err(|_| KemError::BadCiphertext)?);
        Ok(Zeroizing::new(secret.to_vec()))
    }
}

impl fmt::Debug for MlKemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlKemKey({})", self.public_key.kind())
    }
}
