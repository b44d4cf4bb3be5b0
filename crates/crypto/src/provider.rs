use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;

use crate::{
    Agreed, AlgorithmError, DigestAlgorithm, Encapsulated, EnvelopeError, Enveloping, Gmac, KdfAlgorithm,
    KemAlgorithm, KemError, KeyEncapsulation, KeyUse, LegacyMac, MacAlgorithm, MacComputer, PathError,
    PathValidator, PublicKey, RandomError, SignatureAlgorithm, VerifyError, path::CertificatePath,
};

/// Verifies signatures.
pub trait SignatureVerifier: Send + Sync {
    /// Whether `signature` was made over `octets` by the key. The algorithm fits the key: [`CryptoProvider`] saw to it.
    fn is_valid(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        octets: &[u8],
        signature: &[u8],
    ) -> bool;

    /// The same for octets of which the digest alone is at hand, made with [`SignatureAlgorithm::prehash`]: for what is too long to be
    /// held in memory. By default no such signature is valid.
    fn is_valid_for_digest(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        digest: &[u8],
        signature: &[u8],
    ) -> bool {
        let _ = (algorithm, key, digest, signature);
        false
    }
}

/// Computes digests.
pub trait Digester: Send + Sync {
    /// The digest of `octets`.
    fn digest(&self, algorithm: DigestAlgorithm, octets: &[u8]) -> Vec<u8>;
}

/// A cryptographically secure source of randomness.
pub trait Random: Send + Sync {
    /// Fills `octets` with randomness.
    ///
    /// # Errors
    /// When the source fails; nothing may then be done with the octets.
    fn fill(&self, octets: &mut [u8]) -> Result<(), RandomError>;
}

/// The cryptography a protocol machine is handed, part by part.
#[non_exhaustive]
pub struct CryptoProvider {
    signature: Box<dyn SignatureVerifier>,
    digest: Box<dyn Digester>,
    mac: Box<dyn MacComputer>,
    random: Box<dyn Random>,
    path: Box<dyn PathValidator>,
    kem: Option<Box<dyn KeyEncapsulation>>,
    enveloping: Option<Box<dyn Enveloping>>,
}

impl CryptoProvider {
    /// Puts a provider together, without key encapsulation and enveloping.
    pub fn new(
        signature: Box<dyn SignatureVerifier>,
        digest: Box<dyn Digester>,
        mac: Box<dyn MacComputer>,
        random: Box<dyn Random>,
        path: Box<dyn PathValidator>,
    ) -> Self {
        Self { signature, digest, mac, random, path, kem: None, enveloping: None }
    }

    /// The same with key encapsulation.
    #[must_use]
    pub fn with_key_encapsulation(mut self, kem: Box<dyn KeyEncapsulation>) -> Self {
        self.kem = Some(kem);
        self
    }

    /// The same with another source of randomness.
    #[must_use]
    pub fn with_random(self, random: Box<dyn Random>) -> Self {
        Self { random, ..self }
    }

    /// The same with another verifier of signatures, which may fall back on the one there was.
    #[must_use]
    pub fn with_signature_verifier(
        self,
        replace: impl FnOnce(Box<dyn SignatureVerifier>) -> Box<dyn SignatureVerifier>,
    ) -> Self {
        Self { signature: replace(self.signature), ..self }
    }

    /// The same with what EnvelopedData takes.
    #[must_use]
    pub fn with_enveloping(mut self, enveloping: Box<dyn Enveloping>) -> Self {
        self.enveloping = Some(enveloping);
        self
    }

    /// Verifies a signature over the octets as received.
    ///
    /// # Errors
    /// When the algorithm does not fit the key, or the signature does not hold.
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        octets: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        if !algorithm.fits(key.kind()) {
            return Err(VerifyError::AlgorithmDoesNotFitKey { algorithm, key: key.kind() });
        }
        if self.signature.is_valid(algorithm, key, octets, signature) {
            Ok(())
        } else {
            Err(VerifyError::BadSignature)
        }
    }

    /// Verifies a signature over octets by their digest, computed elsewhere with [`SignatureAlgorithm::prehash`].
    ///
    /// # Errors
    /// When the algorithm does not fit the key or signs no digest, the signature does not hold, or the provider cannot do it.
    pub fn verify_digest(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), VerifyError> {
        if !algorithm.fits(key.kind()) || algorithm.prehash().is_none() {
            return Err(VerifyError::AlgorithmDoesNotFitKey { algorithm, key: key.kind() });
        }
        if self.signature.is_valid_for_digest(algorithm, key, digest, signature) {
            Ok(())
        } else {
            Err(VerifyError::BadSignature)
        }
    }

    /// The digest of `octets`.
    pub fn digest(&self, algorithm: DigestAlgorithm, octets: &[u8]) -> Vec<u8> {
        self.digest.digest(algorithm, octets)
    }

    /// The MAC over `octets`.
    pub fn mac(&self, algorithm: MacAlgorithm, key: &[u8], octets: &[u8]) -> Vec<u8> {
        self.mac.mac(algorithm, key, octets)
    }

    /// Verifies a MAC over the octets as received, in a time that tells nothing.
    ///
    /// # Errors
    /// When the MAC does not hold.
    pub fn verify_mac(
        &self,
        algorithm: MacAlgorithm,
        key: &[u8],
        octets: &[u8],
        tag: &[u8],
    ) -> Result<(), VerifyError> {
        let valid = self.mac.is_valid_mac(algorithm, key, octets, tag);
        if valid { Ok(()) } else { Err(VerifyError::BadMac) }
    }

    /// AES-GMAC over `octets`.
    ///
    /// # Errors
    /// When the provider does not have it, or the key does not have the right length.
    pub fn gmac(&self, gmac: &Gmac, key: &[u8], octets: &[u8]) -> Result<Vec<u8>, AlgorithmError> {
        self.mac.gmac(gmac, key, octets).ok_or(AlgorithmError::Unsupported(gmac.oid()))
    }

    /// Verifies an AES-GMAC over the octets as received, in a time that tells nothing.
    ///
    /// # Errors
    /// When it does not hold, or the provider does not have it.
    pub fn verify_gmac(&self, gmac: &Gmac, key: &[u8], octets: &[u8], tag: &[u8]) -> Result<(), VerifyError> {
        let valid = self.mac.is_valid_gmac(gmac, key, octets, tag);
        if valid { Ok(()) } else { Err(VerifyError::BadMac) }
    }

    /// SHA-1, to verify the MACs of peers that know nothing better; `None` when the provider does not have it. Whoever asks for it
    /// obeys a policy that is off by default.
    pub fn legacy_mac(&self) -> Option<&dyn LegacyMac> {
        self.mac.legacy()
    }

    /// Fills `key` from a password, by PBKDF2 (RFC 8018 section 5.2).
    pub fn pbkdf2(
        &self,
        prf: MacAlgorithm,
        password: &[u8],
        salt: &[u8],
        iterations: NonZeroU32,
        key: &mut [u8],
    ) {
        self.mac.pbkdf2(prf, password, salt, iterations, key);
    }

    /// A fresh secret for whoever has the private half of the key.
    ///
    /// # Errors
    /// When the key is not for that, or malformed inside; when the provider cannot do it, or randomness fails.
    pub fn encapsulate(&self, key: &PublicKey) -> Result<Encapsulated, KemError> {
        let algorithm = KemAlgorithm::of(key.kind()).ok_or(KemError::OtherKind(key.kind()))?;
        let kem = self.kem.as_ref().ok_or(KemError::Unsupported)?;
        kem.encapsulate(algorithm, key, self.random.as_ref())
    }

    /// Fills `key` from a secret that is long and random enough, by HKDF without salt (RFC 5869 section 2).
    ///
    /// # Errors
    /// When the provider cannot do it, or the key is longer than [`KdfAlgorithm::max_length`].
    pub fn derive(
        &self,
        algorithm: KdfAlgorithm,
        secret: &[u8],
        info: &[u8],
        key: &mut [u8],
    ) -> Result<(), KemError> {
        let kem = self.kem.as_ref().filter(|_| key.len() <= algorithm.max_length());
        kem.ok_or(KemError::Unsupported)?.derive(algorithm, secret, info, key);
        Ok(())
    }

    /// What EnvelopedData takes.
    ///
    /// # Errors
    /// [`EnvelopeError::Unsupported`] when the provider does not have it.
    pub fn enveloping(&self) -> Result<&dyn Enveloping, EnvelopeError> {
        self.enveloping.as_deref().ok_or(EnvelopeError::Unsupported)
    }

    /// Enciphers octets for the owner of an RSA key ([`crate::KeyTransport::SENT`]).
    ///
    /// # Errors
    /// When the key is no RSA key, the octets are too many for it, randomness fails, or the provider cannot do it.
    pub fn transport(&self, key: &PublicKey, octets: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
        self.enveloping()?.transport(key, octets, self.random.as_ref())
    }

    /// Agrees on a fresh secret with the owner of a key on a curve.
    ///
    /// # Errors
    /// When the key is on no curve that is known, or no point of it, randomness fails, or the provider cannot do it.
    pub fn agree(&self, key: &PublicKey) -> Result<Agreed, EnvelopeError> {
        self.enveloping()?.agree(key, self.random.as_ref())
    }

    /// Fills octets with randomness, such as keys.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn fill_random(&self, octets: &mut [u8]) -> Result<(), RandomError> {
        self.random.fill(octets)
    }

    /// `N` random octets.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        let mut octets = [0; N];
        self.random.fill(&mut octets)?;
        Ok(octets)
    }

    /// Validates the certificate of whoever protects messages, up to one of the trust anchors (RFC 5280 section 6).
    ///
    /// # Errors
    /// Why it is not to be believed.
    pub fn validate_path(&self, path: &CertificatePath<'_>) -> Result<(), PathError> {
        self.validate_path_for(KeyUse::Signing, path)
    }

    /// The same with a key that is for something else.
    ///
    /// # Errors
    /// Why it is not to be believed.
    pub fn validate_path_for(&self, key_use: KeyUse, path: &CertificatePath<'_>) -> Result<(), PathError> {
        self.path.validate(path, key_use, self.signature.as_ref())
    }
}

impl fmt::Debug for CryptoProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CryptoProvider").finish_non_exhaustive()
    }
}
