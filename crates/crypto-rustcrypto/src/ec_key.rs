use alloc::vec::Vec;
use core::fmt;

use crypto::{KeyKind, PublicKey, Random, RandomError, SignError, SignatureAlgorithm, SigningKey};
use p256::ecdsa::signature::Signer;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use zeroize::Zeroizing;

use crate::PrivateKeyError;

/// A private key on P-256 or, with the features `p384` and `p521`, P-384 or P-521 in memory, wiped when it is dropped.
///
/// It signs with ecdsa-with-SHA256 on P-256, ecdsa-with-SHA384 on P-384 and ecdsa-with-SHA512 on P-521, deterministically
/// (RFC 6979): no randomness is needed to sign, and none can betray the key.
pub struct EcKey {
    secret: Secret,
    public_key: PublicKey,
}

enum Secret {
    P256(p256::ecdsa::SigningKey),
    #[cfg(feature = "p384")]
    P384(p384::ecdsa::SigningKey),
    #[cfg(feature = "p521")]
    P521(p521::ecdsa::SigningKey),
}

impl EcKey {
    /// Generates a key by rejection (FIPS 186-5 appendix A.2.2).
    ///
    /// # Errors
    /// When `kind` is no elliptic curve, or the source of randomness fails.
    pub fn generate(kind: KeyKind, random: &dyn Random) -> Result<Self, PrivateKeyError> {
        // A candidate is refused with a probability below 2^-31; a source that is refused so often is broken.
        const ATTEMPTS: usize = 16;
        let mut scalar = Zeroizing::new([0; 66]);
        let scalar = scalar.get_mut(..scalar_length(kind)?).ok_or(PrivateKeyError::Malformed)?;
        for _ in 0..ATTEMPTS {
            random.fill(scalar).map_err(PrivateKeyError::Random)?;
            // The order of P-521 has 521 bits, 7 less than its octets hold.
            if let [first, rest @ ..] = &mut *scalar
                && rest.len() == 65
            {
                *first &= 0x01;
            }
            if let Ok(key) = Self::from_scalar(kind, scalar) {
                return Ok(key);
            }
        }
        Err(PrivateKeyError::Random(RandomError::new()))
    }

    /// From the private scalar, big-endian: exactly 32 octets on P-256, 48 on P-384, 66 on P-521.
    ///
    /// # Errors
    /// When `kind` is no elliptic curve, or the scalar is not from 1 to the order of the curve less 1.
    pub fn from_scalar(kind: KeyKind, scalar: &[u8]) -> Result<Self, PrivateKeyError> {
        if scalar.len() != scalar_length(kind)? {
            return Err(PrivateKeyError::Malformed);
        }
        let secret = match kind {
            KeyKind::P256 => p256::ecdsa::SigningKey::from_slice(scalar).ok().map(Secret::P256),
            #[cfg(feature = "p384")]
            KeyKind::P384 => p384::ecdsa::SigningKey::from_slice(scalar).ok().map(Secret::P384),
            #[cfg(feature = "p521")]
            KeyKind::P521 => p521::ecdsa::SigningKey::from_slice(scalar).ok().map(Secret::P521),
            _ => None,
        };
        Self::new(secret.ok_or(PrivateKeyError::Malformed)?)
    }

    /// From a PrivateKeyInfo (PKCS#8, RFC 5208) that holds an ECPrivateKey (RFC 5915).
    ///
    /// # Errors
    /// When it is malformed or its key is on none of these curves.
    pub fn from_pkcs8_der(octets: &[u8]) -> Result<Self, PrivateKeyError> {
        let secret = p256::SecretKey::from_pkcs8_der(octets).ok().map(|key| Secret::P256(key.into()));
        #[cfg(feature = "p384")]
        let secret = secret
            .or_else(|| p384::SecretKey::from_pkcs8_der(octets).ok().map(|key| Secret::P384(key.into())));
        #[cfg(feature = "p521")]
        let secret = secret
            .or_else(|| p521::SecretKey::from_pkcs8_der(octets).ok().map(|key| Secret::P521(key.into())));
        Self::new(secret.ok_or(PrivateKeyError::Malformed)?)
    }

    fn new(secret: Secret) -> Result<Self, PrivateKeyError> {
        let public_key = match &secret {
            Secret::P256(key) => {
                PublicKey::from_ec_point(key.verifying_key().to_sec1_point(false).as_bytes())
            }
            #[cfg(feature = "p384")]
            Secret::P384(key) => {
                PublicKey::from_ec_point(key.verifying_key().to_sec1_point(false).as_bytes())
            }
            #[cfg(feature = "p521")]
            Secret::P521(key) => {
                PublicKey::from_ec_point(key.verifying_key().to_sec1_point(false).as_bytes())
            }
        };
        Ok(Self { secret, public_key: public_key.map_err(|_| PrivateKeyError::Malformed)? })
    }

    /// The key as a PrivateKeyInfo (PKCS#8, RFC 5208), not encrypted.
    ///
    /// # Errors
    /// When it cannot be encoded, which no key is known to cause.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, PrivateKeyError> {
        let document = match &self.secret {
            Secret::P256(key) => key.to_pkcs8_der(),
            #[cfg(feature = "p384")]
            Secret::P384(key) => key.to_pkcs8_der(),
            #[cfg(feature = "p521")]
            Secret::P521(key) => key.to_pkcs8_der(),
        };
        document.map(|document| document.to_bytes()).map_err(|_| PrivateKeyError::Malformed)
    }
}

impl SigningKey for EcKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        match self.secret {
            Secret::P256(_) => SignatureAlgorithm::EcdsaWithSha256,
            #[cfg(feature = "p384")]
            Secret::P384(_) => SignatureAlgorithm::EcdsaWithSha384,
            #[cfg(feature = "p521")]
            Secret::P521(_) => SignatureAlgorithm::EcdsaWithSha512,
        }
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.secret {
            Secret::P256(key) => {
                key.try_sign(octets).map(|signature: p256::ecdsa::DerSignature| signature.as_bytes().to_vec())
            }
            #[cfg(feature = "p384")]
            Secret::P384(key) => {
                key.try_sign(octets).map(|signature: p384::ecdsa::DerSignature| signature.as_bytes().to_vec())
            }
            #[cfg(feature = "p521")]
            Secret::P521(key) => {
                key.try_sign(octets).map(|signature: p521::ecdsa::DerSignature| signature.as_bytes().to_vec())
            }
        }
        .map_err(|_| SignError::new())
    }
}

/// With the curve's own arithmetic, constant in time.
#[cfg(feature = "enveloped-data")]
impl crypto::KeyAgreementKey for EcKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn agree(&self, other: &PublicKey) -> Result<Zeroizing<Vec<u8>>, crypto::EnvelopeError> {
        if other.kind() != self.public_key.kind() {
            return Err(crypto::EnvelopeError::OtherKind(other.kind()));
        }
        let point = other.key_octets();
        macro_rules! agree {
            ($curve:ident, $key:expr) => {{
                let point = $curve::PublicKey::from_sec1_bytes(point);
                point.map(|point| {
                    let secret = $curve::ecdh::diffie_hellman($key.as_nonzero_scalar(), point.as_affine());
                    Zeroizing::new(secret.raw_secret_bytes().to_vec())
                })
            }};
        }
        match &self.secret {
            Secret::P256(key) => agree!(p256, key),
            #[cfg(feature = "p384")]
            Secret::P384(key) => agree!(p384, key),
            #[cfg(feature = "p521")]
            Secret::P521(key) => agree!(p521, key),
        }
        .map_err(|_| crypto::EnvelopeError::Undecipherable)
    }
}

impl fmt::Debug for EcKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EcKey({})", self.public_key.kind())
    }
}

/// In octets.
fn scalar_length(kind: KeyKind) -> Result<usize, PrivateKeyError> {
    match kind {
        KeyKind::P256 => Ok(32),
        #[cfg(feature = "p384")]
        KeyKind::P384 => Ok(48),
        #[cfg(feature = "p521")]
        KeyKind::P521 => Ok(66),
        other => Err(PrivateKeyError::OtherKind(other)),
    }
}
