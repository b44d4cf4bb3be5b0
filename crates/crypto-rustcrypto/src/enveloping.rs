use alloc::vec;
use alloc::vec::Vec;

use aes::{Aes128, Aes192, Aes256};
use aes_kw::{KwAes128, KwAes192, KwAes256};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use crypto::{
    AesKeySize, Agreed, ContentEncryption, DigestAlgorithm, EnvelopeError, Enveloping, KeyAgreementKey,
    KeyWrap, PublicKey, Random, SigningKey,
};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::{EcKey, PrivateKeyError, RustCrypto};

/// Octets of the shortest key that is wrapped (NIST SP 800-38F section 5.3.1).
const SHORTEST: usize = 16;

impl Enveloping for RustCrypto {
    fn encrypt(&self, cipher: &ContentEncryption, key: &[u8], octets: &[u8]) -> Option<Vec<u8>> {
        match cipher.key_size {
            AesKeySize::Aes128 => Some(
                cbc::Encryptor::<Aes128>::new_from_slices(key, &cipher.iv)
                    .ok()?
                    .encrypt_padded_vec::<Pkcs7>(octets),
            ),
            AesKeySize::Aes192 => Some(
                cbc::Encryptor::<Aes192>::new_from_slices(key, &cipher.iv)
                    .ok()?
                    .encrypt_padded_vec::<Pkcs7>(octets),
            ),
            AesKeySize::Aes256 => Some(
                cbc::Encryptor::<Aes256>::new_from_slices(key, &cipher.iv)
                    .ok()?
                    .encrypt_padded_vec::<Pkcs7>(octets),
            ),
            _ => None,
        }
    }

    fn decrypt(&self, cipher: &ContentEncryption, key: &[u8], octets: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let deciphered = match cipher.key_size {
            AesKeySize::Aes128 => cbc::Decryptor::<Aes128>::new_from_slices(key, &cipher.iv)
                .ok()?
                .decrypt_padded_vec::<Pkcs7>(octets),
            AesKeySize::Aes192 => cbc::Decryptor::<Aes192>::new_from_slices(key, &cipher.iv)
                .ok()?
                .decrypt_padded_vec::<Pkcs7>(octets),
            AesKeySize::Aes256 => cbc::Decryptor::<Aes256>::new_from_slices(key, &cipher.iv)
                .ok()?
                .decrypt_padded_vec::<Pkcs7>(octets),
            _ => return None,
        };
        deciphered.ok().map(Zeroizing::new)
    }

    fn wrap(&self, wrap: KeyWrap, wrapping_key: &[u8], key: &[u8]) -> Option<Vec<u8>> {
        if key.len() < SHORTEST {
            return None;
        }
        let mut output = vec![0; key.len().checked_add(8)?];
        let length = match wrap {
            KeyWrap::Aes128 => {
                KwAes128::new_from_slice(wrapping_key).ok()?.wrap_key(key, &mut output).ok()?.len()
            }
            KeyWrap::Aes192 => {
                KwAes192::new_from_slice(wrapping_key).ok()?.wrap_key(key, &mut output).ok()?.len()
            }
            KeyWrap::Aes256 => {
                KwAes256::new_from_slice(wrapping_key).ok()?.wrap_key(key, &mut output).ok()?.len()
            }
            _ => return None,
        };
        output.truncate(length);
        Some(output)
    }

    fn unwrap(&self, wrap: KeyWrap, wrapping_key: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        if wrapped.len() < SHORTEST + 8 {
            return None;
        }
        let mut output = Zeroizing::new(vec![0; wrapped.len()]);
        let length = match wrap {
            KeyWrap::Aes128 => {
                KwAes128::new_from_slice(wrapping_key).ok()?.unwrap_key(wrapped, &mut output).ok()?.len()
            }
            KeyWrap::Aes192 => {
                KwAes192::new_from_slice(wrapping_key).ok()?.unwrap_key(wrapped, &mut output).ok()?.len()
            }
            KeyWrap::Aes256 => {
                KwAes256::new_from_slice(wrapping_key).ok()?.unwrap_key(wrapped, &mut output).ok()?.len()
            }
            _ => return None,
        };
        output.truncate(length);
        Some(output)
    }

    #[cfg(feature = "rsa")]
    fn transport(
        &self,
        key: &PublicKey,
        octets: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, EnvelopeError> {
        crate::rsa_transport::encipher(key, octets, random)
    }

    #[cfg(not(feature = "rsa"))]
    fn transport(&self, key: &PublicKey, _: &[u8], _: &dyn Random) -> Result<Vec<u8>, EnvelopeError> {
        Err(EnvelopeError::OtherKind(key.kind()))
    }

    fn agree(&self, key: &PublicKey, random: &dyn Random) -> Result<Agreed, EnvelopeError> {
        let own = EcKey::generate(key.kind(), random).map_err(|error| match error {
            PrivateKeyError::Random(error) => EnvelopeError::Random(error),
            _ => EnvelopeError::OtherKind(key.kind()),
        })?;
        let secret = own.agree(key).map_err(|_| EnvelopeError::BadKey)?;
        Ok(Agreed::new(SigningKey::public_key(&own).clone(), secret))
    }

    fn derive_x963(&self, digest: DigestAlgorithm, secret: &[u8], info: &[u8], key: &mut [u8]) {
        match digest {
            DigestAlgorithm::Sha256 => ansi_x963_kdf::derive_key_into::<Sha256>(secret, info, key),
            DigestAlgorithm::Sha384 => ansi_x963_kdf::derive_key_into::<Sha384>(secret, info, key),
            DigestAlgorithm::Sha512 => ansi_x963_kdf::derive_key_into::<Sha512>(secret, info, key),
            other => unreachable!("{other:?} is not in DigestAlgorithm::ALL"),
        }
        .expect("a secret that is not empty, and a key of less than 2^32 digests");
    }

    fn public_half(&self, private_key: &[u8]) -> Option<PublicKey> {
        let found = EcKey::from_pkcs8_der(private_key).ok().map(|key| SigningKey::public_key(&key).clone());
        #[cfg(feature = "ed25519")]
        let found = found.or_else(|| {
            crate::Ed25519Key::from_pkcs8_der(private_key).ok().map(|key| key.public_key().clone())
        });
        #[cfg(feature = "ml-dsa")]
        let found = found.or_else(|| {
            crate::MlDsaKey::from_pkcs8_der(private_key).ok().map(|key| key.public_key().clone())
        });
        found
    }
}
