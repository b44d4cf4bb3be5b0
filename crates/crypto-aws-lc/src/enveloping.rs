use std::fmt;

use aes_kw::{KeyInit, KwAes192};
use aws_lc_rs::agreement::{
    Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey, UnparsedPublicKey, agree,
};
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap as _};
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
    OaepPrivateDecryptingKey, OaepPublicEncryptingKey, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use crypto::{
    AesKeySize, Agreed, ContentEncryption, DigestAlgorithm, EnvelopeError, Enveloping, GeneratedKey,
    KeyAgreementKey, KeyGenerator, KeyKind, KeyTransport, KeyTransportKey, KeyWrap, PublicKey, Random,
    RandomError, SigningKey,
};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::{AwsLc, KeyFileError, KeyType, SoftwareKey};

/// Octets of the shortest key that is wrapped (NIST SP 800-38F section 5.3.1).
const SHORTEST: usize = 16;

impl Enveloping for AwsLc {
    fn encrypt(&self, cipher: &ContentEncryption, key: &[u8], octets: &[u8]) -> Option<Vec<u8>> {
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(cipher_key(cipher, key)?).ok()?;
        let mut in_out = octets.to_vec();
        let context = EncryptionContext::Iv128(FixedLength::from(cipher.iv));
        key.less_safe_encrypt(&mut in_out, context).ok().map(|_| in_out)
    }

    fn decrypt(&self, cipher: &ContentEncryption, key: &[u8], octets: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(cipher_key(cipher, key)?).ok()?;
        let mut in_out = Zeroizing::new(octets.to_vec());
        let length = key.decrypt(&mut in_out, DecryptionContext::Iv128(FixedLength::from(cipher.iv)));
        let length = length.ok()?.len();
        in_out.truncate(length);
        Some(in_out)
    }

    fn wrap(&self, wrap: KeyWrap, wrapping_key: &[u8], key: &[u8]) -> Option<Vec<u8>> {
        let mut output = vec![0; key.len().checked_add(8)?];
        let length = match wrap {
            KeyWrap::Aes192 => {
                let key = Some(key).filter(|key| key.len() >= SHORTEST)?;
                KwAes192::new_from_slice(wrapping_key).ok()?.wrap_key(key, &mut output).ok()?.len()
            }
            _ => wrapping(wrap, wrapping_key)?.wrap(key, &mut output).ok()?.len(),
        };
        output.truncate(length);
        Some(output)
    }

    fn unwrap(&self, wrap: KeyWrap, wrapping_key: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut output = Zeroizing::new(vec![0; wrapped.len()]);
        let length = match wrap {
            KeyWrap::Aes192 => {
                let wrapped = Some(wrapped).filter(|wrapped| wrapped.len() >= SHORTEST + 8)?;
                KwAes192::new_from_slice(wrapping_key).ok()?.unwrap_key(wrapped, &mut output).ok()?.len()
            }
            _ => wrapping(wrap, wrapping_key)?.unwrap(wrapped, &mut output).ok()?.len(),
        };
        output.truncate(length);
        Some(output)
    }

    /// With AWS-LC's own randomness.
    fn transport(&self, key: &PublicKey, octets: &[u8], _: &dyn Random) -> Result<Vec<u8>, EnvelopeError> {
        let KeyKind::Rsa { .. } = key.kind() else { return Err(EnvelopeError::OtherKind(key.kind())) };
        let bad = |_| EnvelopeError::BadKey;
        let key = PublicEncryptingKey::from_der(key.spki_octets()).map_err(|_| EnvelopeError::BadKey)?;
        let key = OaepPublicEncryptingKey::new(key).map_err(bad)?;
        let mut output = vec![0; key.ciphertext_size()];
        key.encrypt(&OAEP_SHA256_MGF1SHA256, octets, &mut output, None).map_err(bad)?;
        Ok(output)
    }

    /// With AWS-LC's own randomness.
    fn agree(&self, key: &PublicKey, _: &dyn Random) -> Result<Agreed, EnvelopeError> {
        let algorithm = curve(key.kind()).ok_or(EnvelopeError::OtherKind(key.kind()))?;
        let own = PrivateKey::generate(algorithm).map_err(|_| EnvelopeError::BadKey)?;
        let own = AgreementKey::new(own).map_err(|_| EnvelopeError::BadKey)?;
        let secret = own.agree(key).map_err(|_| EnvelopeError::BadKey)?;
        Ok(Agreed::new(own.public_key, secret))
    }

    fn derive_x963(&self, digest: DigestAlgorithm, secret: &[u8], info: &[u8], key: &mut [u8]) {
        // AWS-LC's Rust interface lacks it.
        match digest {
            DigestAlgorithm::Sha256 => ansi_x963_kdf::derive_key_into::<Sha256>(secret, info, key),
            DigestAlgorithm::Sha384 => ansi_x963_kdf::derive_key_into::<Sha384>(secret, info, key),
            DigestAlgorithm::Sha512 => ansi_x963_kdf::derive_key_into::<Sha512>(secret, info, key),
            other => unreachable!("{other:?} is not in DigestAlgorithm::ALL"),
        }
        .expect("a secret that is not empty, and a key of less than 2^32 digests");
    }

    fn public_half(&self, private_key: &[u8]) -> Option<PublicKey> {
        SoftwareKey::from_pkcs8_der(private_key).ok().map(|key| key.public_key().clone())
    }
}

/// Generates keys for others, of the kinds that [`SoftwareKey`] has.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SoftwareKeyGenerator;

impl SoftwareKeyGenerator {
    /// With the operating system's randomness.
    pub const fn new() -> Self {
        Self
    }
}

impl KeyGenerator for SoftwareKeyGenerator {
    fn generate(&self, kind: KeyKind) -> Result<GeneratedKey, EnvelopeError> {
        let key_type = KeyType::ALL.into_iter().find(|key_type| key_type.kind() == kind);
        let key = SoftwareKey::generate(key_type.ok_or(EnvelopeError::OtherKind(kind))?);
        let failed = |_| EnvelopeError::Random(RandomError::new());
        let key = key.map_err(failed)?;
        Ok(GeneratedKey::new(key.to_pkcs8_der().map_err(failed)?, key.public_key().clone()))
    }
}

fn cipher_key(cipher: &ContentEncryption, key: &[u8]) -> Option<UnboundCipherKey> {
    let algorithm = match cipher.key_size {
        AesKeySize::Aes128 => &AES_128,
        AesKeySize::Aes192 => &AES_192,
        AesKeySize::Aes256 => &AES_256,
        _ => return None,
    };
    UnboundCipherKey::new(algorithm, key).ok()
}

/// AWS-LC's Rust interface wraps with 128 and 256 bits only; what has 192 is RustCrypto's.
fn wrapping(wrap: KeyWrap, key: &[u8]) -> Option<AesKek> {
    let algorithm = match wrap {
        KeyWrap::Aes128 => &key_wrap::AES_128,
        KeyWrap::Aes256 => &key_wrap::AES_256,
        _ => return None,
    };
    AesKek::new(algorithm, key).ok()
}

fn curve(kind: KeyKind) -> Option<&'static Algorithm> {
    Some(match kind {
        KeyKind::P256 => &ECDH_P256,
        KeyKind::P384 => &ECDH_P384,
        KeyKind::P521 => &ECDH_P521,
        _ => return None,
    })
}

/// A private key on P-256, P-384 or P-521 in memory that agrees on keys. AWS-LC wipes it when it is dropped.
pub struct AgreementKey {
    key: PrivateKey,
    public_key: PublicKey,
}

impl AgreementKey {
    /// From a PrivateKeyInfo (PKCS #8, RFC 5208).
    ///
    /// # Errors
    /// When it is malformed or its key is on none of these curves.
    pub fn from_pkcs8_der(octets: &[u8]) -> Result<Self, KeyFileError> {
        let curves = [&ECDH_P256, &ECDH_P384, &ECDH_P521];
        let key = curves.iter().find_map(|curve| PrivateKey::from_private_key_der(curve, octets).ok());
        Self::new(key.ok_or(KeyFileError::Rejected)?)
    }

    /// From the private scalar, big-endian: exactly 32 octets on P-256, 48 on P-384, 66 on P-521.
    ///
    /// # Errors
    /// When `kind` is none of these curves, or the scalar is not from 1 to the order of the curve less 1.
    pub fn from_scalar(kind: KeyKind, scalar: &[u8]) -> Result<Self, KeyFileError> {
        let curve = curve(kind).ok_or(KeyFileError::Rejected)?;
        Self::new(PrivateKey::from_private_key(curve, scalar).map_err(|_| KeyFileError::Rejected)?)
    }

    fn new(key: PrivateKey) -> Result<Self, KeyFileError> {
        let public = key.compute_public_key().map_err(|_| KeyFileError::Failed)?;
        let public_key = PublicKey::from_ec_point(public.as_ref()).map_err(KeyFileError::Weak)?;
        Ok(Self { key, public_key })
    }
}

impl KeyAgreementKey for AgreementKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn agree(&self, other: &PublicKey) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        if other.kind() != self.public_key.kind() {
            return Err(EnvelopeError::OtherKind(other.kind()));
        }
        let other = UnparsedPublicKey::new(self.key.algorithm(), other.key_octets());
        agree(&self.key, other, EnvelopeError::Undecipherable, |secret| Ok(Zeroizing::new(secret.to_vec())))
    }
}

impl fmt::Debug for AgreementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgreementKey({})", self.public_key.kind())
    }
}

/// An RSA private key in memory that keys are handed to. AWS-LC wipes it when it is dropped.
pub struct TransportKey {
    oaep: OaepPrivateDecryptingKey,
    pkcs1: Pkcs1PrivateDecryptingKey,
    public_key: PublicKey,
}

impl TransportKey {
    /// From a PrivateKeyInfo (PKCS #8, RFC 5208).
    ///
    /// # Errors
    /// When it is malformed, no RSA key, or too weak.
    pub fn from_pkcs8_der(octets: &[u8]) -> Result<Self, KeyFileError> {
        let public_key = SoftwareKey::from_pkcs8_der(octets)?.public_key().clone();
        let key = || PrivateDecryptingKey::from_pkcs8(octets).map_err(|_| KeyFileError::Rejected);
        Ok(Self {
            oaep: OaepPrivateDecryptingKey::new(key()?).map_err(|_| KeyFileError::Failed)?,
            pkcs1: Pkcs1PrivateDecryptingKey::new(key()?).map_err(|_| KeyFileError::Failed)?,
            public_key,
        })
    }
}

impl KeyTransportKey for TransportKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn decrypt(
        &self,
        transport: KeyTransport,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        let mut output = Zeroizing::new(vec![0; self.oaep.min_output_size()]);
        let deciphered = match transport {
            KeyTransport::Oaep(digest) => {
                self.oaep.decrypt(oaep(digest), ciphertext, &mut output, None).map(|octets| octets.len())
            }
            KeyTransport::Pkcs1V15 => self.pkcs1.decrypt(ciphertext, &mut output).map(|octets| octets.len()),
            _ => return Err(EnvelopeError::Unsupported),
        };
        let length = deciphered.map_err(|_| EnvelopeError::Undecipherable)?;
        output.truncate(length);
        Ok(output)
    }
}

fn oaep(digest: DigestAlgorithm) -> &'static OaepAlgorithm {
    match digest {
        DigestAlgorithm::Sha384 => &OAEP_SHA384_MGF1SHA384,
        DigestAlgorithm::Sha512 => &OAEP_SHA512_MGF1SHA512,
        _ => &OAEP_SHA256_MGF1SHA256,
    }
}

impl fmt::Debug for TransportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportKey({})", self.public_key.kind())
    }
}
