use alloc::vec::Vec;
use core::fmt;

use crypto::{KeyKind, PublicKey, Random, SignError, SignatureAlgorithm, SigningKey};
use ed25519_dalek::ed25519::pkcs8::KeypairBytes;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ed25519_dalek::{Signature, Signer};
use zeroize::Zeroizing;

use crate::PrivateKeyError;

/// An Ed25519 private key in memory, wiped when it is dropped. It signs deterministically (RFC 8032 section 5.1.6).
pub struct Ed25519Key {
    secret: ed25519_dalek::SigningKey,
    public_key: PublicKey,
}

impl Ed25519Key {
    /// Generates a key.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn generate(random: &dyn Random) -> Result<Self, PrivateKeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(seed.as_mut_slice()).map_err(PrivateKeyError::Random)?;
        Self::from_seed(&seed)
    }

    /// From the private key of RFC 8032 section 5.1.5.
    ///
    /// # Errors
    /// When its public key is refused, which no seed is known to cause.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, PrivateKeyError> {
        Self::new(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// From a PrivateKeyInfo or OneAsymmetricKey (PKCS#8, RFC 5958, RFC 8410 section 7).
    ///
    /// # Errors
    /// When it is malformed, of another kind, or names another public key.
    pub fn from_pkcs8_der(octets: &[u8]) -> Result<Self, PrivateKeyError> {
        let secret = ed25519_dalek::SigningKey::from_pkcs8_der(octets);
        Self::new(secret.map_err(|_| PrivateKeyError::Malformed)?)
    }

    fn new(secret: ed25519_dalek::SigningKey) -> Result<Self, PrivateKeyError> {
        let public_key = PublicKey::from_raw(KeyKind::Ed25519, secret.verifying_key().as_bytes());
        Ok(Self { secret, public_key: public_key.map_err(|_| PrivateKeyError::Malformed)? })
    }

    /// The key as a PrivateKeyInfo (PKCS#8, RFC 5208), not encrypted.
    ///
    /// # Errors
    /// When it cannot be encoded, which no key is known to cause.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
        // Without the public key: OpenSSL does not read the version that holds it.
        let bytes = KeypairBytes { secret_key: self.secret.to_bytes(), public_key: None };
        bytes.to_pkcs8_der().map(|document| document.to_bytes()).map_err(|_| PrivateKeyError::Malformed)
    }
}

impl SigningKey for Ed25519Key {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Ed25519
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature: Signature = self.secret.try_sign(octets).map_err(|_| SignError::new())?;
        Ok(signature.to_bytes().to_vec())
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519Key")
    }
}
