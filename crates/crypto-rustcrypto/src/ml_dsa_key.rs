use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crypto::{KeyKind, PublicKey, Random, SignError, SignatureAlgorithm, SigningKey};
use ml_dsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ml_dsa::{Keypair, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signer};
use zeroize::Zeroizing;

use crate::PrivateKeyError;

/// An ML-DSA private key in memory, wiped when it is dropped.
///
/// It signs deterministically (FIPS 204 section 3.4), without prehash and with an empty context (RFC 9881 section 3): no
/// randomness is needed to sign. Where an attacker may disturb or probe the device while it signs, keep the key elsewhere.
pub struct MlDsaKey {
    secret: Secret,
    public_key: PublicKey,
}

/// Boxed: they are of tens of KiB.
enum Secret {
    MlDsa44(Box<ml_dsa::SigningKey<MlDsa44>>),
    MlDsa65(Box<ml_dsa::SigningKey<MlDsa65>>),
    MlDsa87(Box<ml_dsa::SigningKey<MlDsa87>>),
}

impl MlDsaKey {
    /// Generates a key.
    ///
    /// # Errors
    /// When `kind` is not ML-DSA, or the source of randomness fails.
    pub fn generate(kind: KeyKind, random: &dyn Random) -> Result<Self, PrivateKeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(seed.as_mut_slice()).map_err(PrivateKeyError::Random)?;
        Self::from_seed(kind, &seed)
    }

    /// From the seed of FIPS 204 section 5.1.
    ///
    /// # Errors
    /// When `kind` is not ML-DSA.
    pub fn from_seed(kind: KeyKind, seed: &[u8; 32]) -> Result<Self, PrivateKeyError> {
        let seed = Zeroizing::new((*seed).into());
        Self::new(match kind {
            KeyKind::MlDsa44 => Secret::MlDsa44(Box::new(ml_dsa::SigningKey::from_seed(&seed))),
            KeyKind::MlDsa65 => Secret::MlDsa65(Box::new(ml_dsa::SigningKey::from_seed(&seed))),
            KeyKind::MlDsa87 => Secret::MlDsa87(Box::new(ml_dsa::SigningKey::from_seed(&seed))),
            other => return Err(PrivateKeyError::OtherKind(other)),
        })
    }

    /// From a PrivateKeyInfo (PKCS#8, RFC 5208) that holds the seed (RFC 9881 section 6).
    ///
    /// # Errors
    /// When it is malformed, of another kind, or without the seed.
    pub fn from_pkcs8_der(octets: &[u8]) -> Result<Self, PrivateKeyError> {
        let secret = None
            .or_else(|| ml_dsa::SigningKey::from_pkcs8_der(octets).ok().map(Box::new).map(Secret::MlDsa44))
            .or_else(|| ml_dsa::SigningKey::from_pkcs8_der(octets).ok().map(Box::new).map(Secret::MlDsa65))
            .or_else(|| ml_dsa::SigningKey::from_pkcs8_der(octets).ok().map(Box::new).map(Secret::MlDsa87));
        Self::new(secret.ok_or(PrivateKeyError::Malformed)?)
    }

    fn new(secret: Secret) -> Result<Self, PrivateKeyError> {
        let public_key = match &secret {
            Secret::MlDsa44(key) => public_key(KeyKind::MlDsa44, key),
            Secret::MlDsa65(key) => public_key(KeyKind::MlDsa65, key),
            Secret::MlDsa87(key) => public_key(KeyKind::MlDsa87, key),
        };
        Ok(Self { secret, public_key: public_key? })
    }

    /// The key as a PrivateKeyInfo (PKCS#8, RFC 5208) with its seed, not encrypted.
    ///
    /// # Errors
    /// When it cannot be encoded, which no key is known to cause.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
        let document = match &self.secret {
            Secret::MlDsa44(key) => key.to_pkcs8_der(),
            Secret::MlDsa65(key) => key.to_pkcs8_der(),
            Secret::MlDsa87(key) => key.to_pkcs8_der(),
        };
        document.map(|document| document.to_bytes()).map_err(|_| PrivateKeyError::Malformed)
    }
}

fn public_key<P: MlDsaParams>(
    kind: KeyKind,
    key: &ml_dsa::SigningKey<P>,
) -> Result<PublicKey, PrivateKeyError> {
    PublicKey::from_raw(kind, &key.verifying_key().encode()).map_err(|_| PrivateKeyError::Malformed)
}

impl SigningKey for MlDsaKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        match self.secret {
            Secret::MlDsa44(_) => SignatureAlgorithm::MlDsa44,
            Secret::MlDsa65(_) => SignatureAlgorithm::MlDsa65,
            Secret::MlDsa87(_) => SignatureAlgorithm::MlDsa87,
        }
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.secret {
            Secret::MlDsa44(key) => key.try_sign(octets).map(|signature| signature.encode().to_vec()),
            Secret::MlDsa65(key) => key.try_sign(octets).map(|signature| signature.encode().to_vec()),
            Secret::MlDsa87(key) => key.try_sign(octets).map(|signature| signature.encode().to_vec()),
        }
        .map_err(|_| SignError::new())
    }
}

impl fmt::Debug for MlDsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlDsaKey({})", self.public_key.kind())
    }
}
