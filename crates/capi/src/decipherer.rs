//! Private keys that others encipher for, and that are somewhere else: in a secure element, a TPM, or a key handle of this library.

use core::ffi::c_void;

/// ECDH on P-256, P-384 or P-521: the input is the other key, a SubjectPublicKeyInfo in DER; the secret is the x-coordinate (SEC 1 section
/// 3.3.1)
pub const CELLCERT_DECIPHER_ECDH: i32 = 1;
/// ML-KEM: the input is a ciphertext, the secret what was encapsulated
pub const CELLCERT_DECIPHER_DECAPSULATE: i32 = 2;
/// RSAES-OAEP with SHA-256, MGF1 with SHA-256, and an empty label
pub const CELLCERT_DECIPHER_RSA_OAEP_SHA256: i32 = 3;
/// RSAES-OAEP with SHA-384, MGF1 with SHA-384, and an empty label
pub const CELLCERT_DECIPHER_RSA_OAEP_SHA384: i32 = 4;
/// RSAES-OAEP with SHA-512, MGF1 with SHA-512, and an empty label
pub const CELLCERT_DECIPHER_RSA_OAEP_SHA512: i32 = 5;
/// RSAES-PKCS1-v1_5, which older RA/CAs send
pub const CELLCERT_DECIPHER_RSA_PKCS1: i32 = 6;

/// A private key that others encipher for, wherever it is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Decipherer {
    /// Opens `input` in that way, one of the CELLCERT_DECIPHER_ constants that fits the key. `secret_len` says how much room there is at
    /// `secret`, which is enough for whatever comes of it, and is set to the secret's length. Returns CELLCERT_OK, or anything else when it
    /// cannot: the call that asked fails then with CELLCERT_ERR_DECIPHER. The library wipes its copy of the secret.
    pub decipher: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            way: i32,
            input: *const u8,
            input_len: usize,
            secret: *mut u8,
            secret_len: *mut usize,
        ) -> i32,
    >,
    /// Handed to every call of `decipher`.
    pub ctx: *mut c_void,
    /// The public half: a SubjectPublicKeyInfo in DER.
    pub public_key: *const u8,
    /// How many octets it has.
    pub public_key_len: usize,
}

#[cfg(feature = "enveloped-data")]
pub(crate) use outside::OutsideDecipherer;

#[cfg(feature = "enveloped-data")]
mod outside {
    use alloc::vec;
    use alloc::vec::Vec;
    use core::fmt;

    use cmp::RecipientKey;
    use crypto::{
        DecapsulationKey, DigestAlgorithm, EnvelopeError, KemError, KeyAgreementKey, KeyKind, KeyTransport,
        KeyTransportKey, PublicKey,
    };
    use zeroize::Zeroizing;

    use super::{
        CELLCERT_DECIPHER_DECAPSULATE, CELLCERT_DECIPHER_ECDH, CELLCERT_DECIPHER_RSA_OAEP_SHA256,
        CELLCERT_DECIPHER_RSA_OAEP_SHA384, CELLCERT_DECIPHER_RSA_OAEP_SHA512, CELLCERT_DECIPHER_RSA_PKCS1,
        Decipherer,
    };
    use crate::buffer::{octets, structure};
    use crate::failure::Failure;
    use crate::heap;
    use crate::status::{CELLCERT_ERR_KEY, CELLCERT_ERR_NULL, CELLCERT_OK};

    /// A private key that is C's to use.
    pub(crate) struct OutsideDecipherer {
        decipherer: Decipherer,
        public_key: PublicKey,
    }

    // SAFETY: it is used in the call that it was handed to, and by its thread.
    unsafe impl Send for OutsideDecipherer {}
    // SAFETY: as above.
    unsafe impl Sync for OutsideDecipherer {}

    impl OutsideDecipherer {
        /// # Safety
        /// It is null or points to a decipherer, whose function can be called as it says for as long as this stands.
        pub(crate) unsafe fn new(decipherer: *const Decipherer) -> Result<Self, Failure> {
            // SAFETY: the caller's promise.
            let decipherer = unsafe { structure(decipherer) }?;
            if decipherer.decipher.is_none() {
                return Err(Failure::code(CELLCERT_ERR_NULL));
            }
            // SAFETY: the caller's promise.
            let public_key = unsafe { octets(decipherer.public_key, decipherer.public_key_len) }?;
            Ok(Self { decipherer: *decipherer, public_key: PublicKey::from_spki_der(public_key)? })
        }

        /// As what kind of key it opens.
        pub(crate) fn recipient(&self) -> Result<RecipientKey<'_>, Failure> {
            match self.public_key.kind() {
                KeyKind::Rsa { .. } => Ok(RecipientKey::Transport(self)),
                KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => Ok(RecipientKey::Agreement(self)),
                KeyKind::MlKem512 | KeyKind::MlKem768 | KeyKind::MlKem1024 => {
                    Ok(RecipientKey::Decapsulation(self))
                }
                _ => Err(Failure::code(CELLCERT_ERR_KEY)),
            }
        }

        fn open(&self, way: i32, input: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
            let mut secret = Zeroizing::new(vec![0; longest(self.public_key.kind())]);
            let mut length = secret.len();
            let decipher = self.decipherer.decipher.filter(|_| !heap::is_exhausted())?;
            // SAFETY: `new`'s promise.
            let code = unsafe {
                decipher(
                    self.decipherer.ctx,
                    way,
                    input.as_ptr(),
                    input.len(),
                    secret.as_mut_ptr(),
                    &mut length,
                )
            };
            if code != CELLCERT_OK || length == 0 || length > secret.len() {
                return None;
            }
            secret.truncate(length);
            Some(secret)
        }
    }

    /// The longest secret that such a key opens.
    const fn longest(key: KeyKind) -> usize {
        match key {
            KeyKind::Rsa { bits } => bits.div_ceil(8),
            KeyKind::P384 => 48,
            KeyKind::P521 => 66,
            _ => 32,
        }
    }

    impl KeyTransportKey for OutsideDecipherer {
        fn public_key(&self) -> &PublicKey {
            &self.public_key
        }

        fn decrypt(
            &self,
            transport: KeyTransport,
            ciphertext: &[u8],
        ) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
            let way = match transport {
                KeyTransport::Oaep(DigestAlgorithm::Sha256) => CELLCERT_DECIPHER_RSA_OAEP_SHA256,
                KeyTransport::Oaep(DigestAlgorithm::Sha384) => CELLCERT_DECIPHER_RSA_OAEP_SHA384,
                KeyTransport::Oaep(DigestAlgorithm::Sha512) => CELLCERT_DECIPHER_RSA_OAEP_SHA512,
                KeyTransport::Pkcs1V15 => CELLCERT_DECIPHER_RSA_PKCS1,
                _ => return Err(EnvelopeError::Unsupported),
            };
            self.open(way, ciphertext).ok_or(EnvelopeError::Undecipherable)
        }
    }

    impl KeyAgreementKey for OutsideDecipherer {
        fn public_key(&self) -> &PublicKey {
            &self.public_key
        }

        fn agree(&self, other: &PublicKey) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
            if other.kind() != self.public_key.kind() {
                return Err(EnvelopeError::OtherKind(other.kind()));
            }
            self.open(CELLCERT_DECIPHER_ECDH, other.spki_octets()).ok_or(EnvelopeError::Undecipherable)
        }
    }

    impl DecapsulationKey for OutsideDecipherer {
        fn public_key(&self) -> &PublicKey {
            &self.public_key
        }

        fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KemError> {
            self.open(CELLCERT_DECIPHER_DECAPSULATE, ciphertext).ok_or(KemError::Failed)
        }
    }

    impl fmt::Debug for OutsideDecipherer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "OutsideDecipherer({})", self.public_key.kind())
        }
    }
}
