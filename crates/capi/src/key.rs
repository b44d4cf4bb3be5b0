//! Private keys in memory.

mod decipherer;

use core::ffi::c_void;

use crypto::{DecapsulationKey, KeyKind, PublicKey, SigningKey};

use crate::boundary::{call, call_with, callback};
use crate::buffer::{Buffer, Variable, octets};
use crate::context::Context;
use crate::failure::Failure;
use crate::handle::{self, Handle, Locked, lock, opaque};
use crate::signer::{Signer, algorithm_code};
use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_KEY, CELLCERT_ERR_SIGN};

pub use decipherer::cellcert_key_decipherer;

/// ECDSA on P-256
pub const CELLCERT_KEY_P256: i32 = 1;
/// ECDSA on P-384
pub const CELLCERT_KEY_P384: i32 = 2;
/// ECDSA on P-521
pub const CELLCERT_KEY_P521: i32 = 3;
/// RSA with 2048 bits; not in the firmware profile
pub const CELLCERT_KEY_RSA2048: i32 = 4;
/// RSA with 3072 bits; not in the firmware profile
pub const CELLCERT_KEY_RSA3072: i32 = 5;
/// RSA with 4096 bits; not in the firmware profile
pub const CELLCERT_KEY_RSA4096: i32 = 6;
/// Ed25519
pub const CELLCERT_KEY_ED25519: i32 = 7;
/// ML-DSA-44
pub const CELLCERT_KEY_ML_DSA_44: i32 = 8;
/// ML-DSA-65
pub const CELLCERT_KEY_ML_DSA_65: i32 = 9;
/// ML-DSA-87
pub const CELLCERT_KEY_ML_DSA_87: i32 = 10;

/// ML-KEM-512, which signs nothing: for cellcert_key_decapsulate
pub const CELLCERT_KEY_ML_KEM_512: i32 = 11;
/// ML-KEM-768, which signs nothing: for cellcert_key_decapsulate
pub const CELLCERT_KEY_ML_KEM_768: i32 = 12;
/// ML-KEM-1024, which signs nothing: for cellcert_key_decapsulate
pub const CELLCERT_KEY_ML_KEM_1024: i32 = 13;

/// The kind of key that a code is for.
pub(crate) const fn key_kind(code: i32) -> Result<KeyKind, Failure> {
    Ok(match code {
        CELLCERT_KEY_P256 => KeyKind::P256,
        CELLCERT_KEY_P384 => KeyKind::P384,
        CELLCERT_KEY_P521 => KeyKind::P521,
        CELLCERT_KEY_RSA2048 => KeyKind::Rsa { bits: 2048 },
        CELLCERT_KEY_RSA3072 => KeyKind::Rsa { bits: 3072 },
        CELLCERT_KEY_RSA4096 => KeyKind::Rsa { bits: 4096 },
        CELLCERT_KEY_ED25519 => KeyKind::Ed25519,
        CELLCERT_KEY_ML_DSA_44 => KeyKind::MlDsa44,
        CELLCERT_KEY_ML_DSA_65 => KeyKind::MlDsa65,
        CELLCERT_KEY_ML_DSA_87 => KeyKind::MlDsa87,
        CELLCERT_KEY_ML_KEM_512 => KeyKind::MlKem512,
        CELLCERT_KEY_ML_KEM_768 => KeyKind::MlKem768,
        CELLCERT_KEY_ML_KEM_1024 => KeyKind::MlKem1024,
        _ => return Err(Failure::code(CELLCERT_ERR_ARGUMENT)),
    })
}

/// A private key in memory, wiped when it is freed.
pub struct Key(Handle<Software>);

opaque!(Key, Software, b"SKey");

#[cfg(feature = "host")]
use host::Software;

#[cfg(not(feature = "host"))]
use firmware::Software;

/// Makes a new key of that kind, one of the CELLCERT_KEY_ constants. RSA takes up to seconds. The firmware profile uses the context's
/// randomness, the host profile the operating system's.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_key_generate(
    context: *const Context,
    kind: i32,
    out: *mut *mut Key,
) -> i32 {
    let work = |context: &crate::context::Inner| {
        // SAFETY: the caller's promise.
        let out = unsafe { Variable::new(out) }?;
        let key = handle::make::<Key>(Software::generate(kind, context)?);
        Ok(move || out.give(key))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Takes a key from a PrivateKeyInfo (PKCS #8) in DER, not encrypted.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_key_from_pkcs8(
    context: *const Context,
    pkcs8: *const u8,
    pkcs8_len: usize,
    out: *mut *mut Key,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let out = unsafe { Variable::new(out) }?;
        // SAFETY: the caller's promise.
        let pkcs8 = unsafe { octets(pkcs8, pkcs8_len) }?;
        let key = handle::make::<Key>(Software::from_pkcs8(pkcs8)?);
        Ok(move || out.give(key))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Frees a key and sets the variable to NULL. Signers of it must not be used any more.
///
/// # Safety
/// `key` points to a variable with a key, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_key_free(key: *mut *mut Key) -> i32 {
    // SAFETY: the caller's promise.
    call(|| unsafe { handle::free(key) })
}

/// The key as a PrivateKeyInfo (PKCS #8) in DER, not encrypted: keep it secret, and wipe the buffer.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_key_pkcs8(key: *const Key, out: *mut u8, len: *mut usize) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let key: Locked<'_, Key> = unsafe { lock(key) }?;
        // SAFETY: the caller's promise.
        let buffer = unsafe { Buffer::new(out, len) }?;
        buffer.deliver(key.to_pkcs8()?)
    })
}

/// The public half: a SubjectPublicKeyInfo in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_key_public(key: *const Key, out: *mut u8, len: *mut usize) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let key: Locked<'_, Key> = unsafe { lock(key) }?;
        // SAFETY: the caller's promise.
        let buffer = unsafe { Buffer::new(out, len) }?;
        buffer.deliver(key.public_key().spki_octets().to_vec())
    })
}

/// What is in a ciphertext that was encapsulated for this key, one of the CELLCERT_KEY_ML_KEM_ constants: keep it secret, and wipe the
/// buffer. CELLCERT_ERR_KEY when it is a key that signs. A ciphertext that nobody encapsulated gives a secret that nobody knows.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_key_decapsulate(
    key: *const Key,
    ciphertext: *const u8,
    ciphertext_len: usize,
    secret: *mut u8,
    secret_len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (key, ciphertext, buffer): (Locked<'_, Key>, _, _) =
            unsafe { (lock(key)?, octets(ciphertext, ciphertext_len)?, Buffer::new(secret, secret_len)?) };
        let opened = key.decapsulating()?.decapsulate(ciphertext);
        buffer.deliver(opened.map_err(|error| Failure::new(CELLCERT_ERR_KEY, &error))?)
    })
}

/// A signer that uses this key. It stands for as long as the key. CELLCERT_ERR_KEY when the key signs nothing.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_key_signer(key: *const Key, out: *mut Signer) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let locked: Locked<'_, Key> = unsafe { lock(key) }?;
        // SAFETY: the caller's promise.
        let out = unsafe { Variable::new(out) }?;
        let signing = locked.signing()?;
        let public_key = signing.public_key().spki_octets();
        let signer = Signer {
            sign: Some(sign),
            ctx: key.cast_mut().cast(),
            algorithm: algorithm_code(signing.algorithm()),
            public_key: public_key.as_ptr(),
            public_key_len: public_key.len(),
        };
        Ok(move || out.set(signer))
    })
}

unsafe extern "C" fn sign(
    ctx: *mut c_void,
    to_be_signed: *const u8,
    to_be_signed_len: usize,
    signature: *mut u8,
    signature_len: *mut usize,
) -> i32 {
    callback(|| {
        // SAFETY: `cellcert_key_signer` put the key there, which stands as long as the signer.
        let key: Locked<'_, Key> = unsafe { lock(ctx.cast_const().cast()) }?;
        // SAFETY: the library hands in octets, or C does, which promises the same.
        let to_be_signed = unsafe { octets(to_be_signed, to_be_signed_len) }?;
        // SAFETY: as above.
        let buffer = unsafe { Buffer::new(signature, signature_len) }?;
        let made = key.signing()?.sign(to_be_signed).map_err(|_| Failure::code(CELLCERT_ERR_SIGN))?;
        buffer.deliver(made)?();
        Ok(())
    })
}

#[cfg(feature = "host")]
mod host {
    use crypto::KemAlgorithm;
    use crypto_aws_lc::{KemKey, KeyFileError, KeyType, SoftwareKey};

    use super::{
        CELLCERT_ERR_KEY, CELLCERT_KEY_ED25519, CELLCERT_KEY_ML_DSA_44, CELLCERT_KEY_ML_DSA_65,
        CELLCERT_KEY_ML_DSA_87, CELLCERT_KEY_ML_KEM_512, CELLCERT_KEY_ML_KEM_768, CELLCERT_KEY_ML_KEM_1024,
        CELLCERT_KEY_P256, CELLCERT_KEY_P384, CELLCERT_KEY_P521, CELLCERT_KEY_RSA2048, CELLCERT_KEY_RSA3072,
        CELLCERT_KEY_RSA4096, DecapsulationKey, Failure, PublicKey, SigningKey,
    };
    use crate::context::Inner;
    use crate::status::CELLCERT_ERR_ARGUMENT;

    pub(crate) enum Software {
        Signing(SoftwareKey),
        Kem(KemKey),
    }

    impl Software {
        pub(super) fn generate(kind: i32, _: &Inner) -> Result<Self, Failure> {
            let kem = |algorithm| KemKey::generate(algorithm).map(Self::Kem).map_err(failed);
            let kind = match kind {
                CELLCERT_KEY_ML_KEM_512 => return kem(KemAlgorithm::MlKem512),
                CELLCERT_KEY_ML_KEM_768 => return kem(KemAlgorithm::MlKem768),
                CELLCERT_KEY_ML_KEM_1024 => return kem(KemAlgorithm::MlKem1024),
                CELLCERT_KEY_P256 => KeyType::P256,
                CELLCERT_KEY_P384 => KeyType::P384,
                CELLCERT_KEY_P521 => KeyType::P521,
                CELLCERT_KEY_RSA2048 => KeyType::Rsa2048,
                CELLCERT_KEY_RSA3072 => KeyType::Rsa3072,
                CELLCERT_KEY_RSA4096 => KeyType::Rsa4096,
                CELLCERT_KEY_ED25519 => KeyType::Ed25519,
                CELLCERT_KEY_ML_DSA_44 => KeyType::MlDsa44,
                CELLCERT_KEY_ML_DSA_65 => KeyType::MlDsa65,
                CELLCERT_KEY_ML_DSA_87 => KeyType::MlDsa87,
                _ => return Err(Failure::code(CELLCERT_ERR_ARGUMENT)),
            };
            SoftwareKey::generate(kind).map(Self::Signing).map_err(failed)
        }

        pub(super) fn from_pkcs8(octets: &[u8]) -> Result<Self, Failure> {
            let kem = || KemKey::from_pkcs8_der(octets).map(Self::Kem).ok();
            // What is neither, is refused as a key that signs.
            let refused = |error| kem().ok_or_else(|| failed(error));
            SoftwareKey::from_pkcs8_der(octets).map(Self::Signing).or_else(refused)
        }

        pub(super) fn to_pkcs8(&self) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
            match self {
                Self::Signing(key) => key.to_pkcs8_der(),
                Self::Kem(key) => key.to_pkcs8_der(),
            }
            .map_err(failed)
        }

        pub(super) fn public_key(&self) -> &PublicKey {
            match self {
                Self::Signing(key) => key.public_key(),
                Self::Kem(key) => key.public_key(),
            }
        }

        pub(super) fn signing(&self) -> Result<&dyn SigningKey, Failure> {
            match self {
                Self::Signing(key) => Ok(key),
                Self::Kem(_) => Err(Failure::code(CELLCERT_ERR_KEY)),
            }
        }

        pub(super) fn decapsulating(&self) -> Result<&dyn DecapsulationKey, Failure> {
            match self {
                Self::Kem(key) => Ok(key),
                Self::Signing(_) => Err(Failure::code(CELLCERT_ERR_KEY)),
            }
        }
    }

    #[allow(clippy::needless_pass_by_value)] // for map_err
    fn failed(error: KeyFileError) -> Failure {
        Failure::new(CELLCERT_ERR_KEY, &error)
    }
}

#[cfg(not(feature = "host"))]
mod firmware {
    use alloc::vec::Vec;

    use crypto::KeyKind;
    use crypto_rustcrypto::{EcKey, PrivateKeyError};
    #[cfg(feature = "ed25519")]
    use {super::CELLCERT_KEY_ED25519, crypto_rustcrypto::Ed25519Key};
    #[cfg(feature = "ml-dsa")]
    use {
        super::{CELLCERT_KEY_ML_DSA_44, CELLCERT_KEY_ML_DSA_65, CELLCERT_KEY_ML_DSA_87},
        crypto_rustcrypto::MlDsaKey,
    };

    #[cfg(feature = "ml-kem")]
    use {
        super::{CELLCERT_KEY_ML_KEM_512, CELLCERT_KEY_ML_KEM_768},
        crypto::KemAlgorithm,
        crypto_rustcrypto::MlKemKey,
    };

    use super::{
        CELLCERT_ERR_KEY, CELLCERT_KEY_ML_KEM_1024, CELLCERT_KEY_P256, CELLCERT_KEY_P384, CELLCERT_KEY_P521,
        DecapsulationKey, Failure, PublicKey, SigningKey,
    };
    use crate::context::Inner;
    use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_RANDOM, CELLCERT_ERR_UNSUPPORTED};

    pub(crate) enum Software {
        Ec(EcKey),
        #[cfg(feature = "ed25519")]
        Ed25519(Ed25519Key),
        #[cfg(feature = "ml-dsa")]
        MlDsa(MlDsaKey),
        #[cfg(feature = "ml-kem")]
        MlKem(MlKemKey),
    }

    impl Software {
        pub(super) fn generate(kind: i32, context: &Inner) -> Result<Self, Failure> {
            let ec = |kind| EcKey::generate(kind, &context.random).map(Self::Ec);
            #[cfg(feature = "ml-dsa")]
            let ml_dsa = |kind| MlDsaKey::generate(kind, &context.random).map(Self::MlDsa);
            #[cfg(feature = "ml-kem")]
            let ml_kem = |algorithm| MlKemKey::generate(algorithm, &context.random).map(Self::MlKem);
            match kind {
                CELLCERT_KEY_P256 => ec(KeyKind::P256),
                CELLCERT_KEY_P384 => ec(KeyKind::P384),
                CELLCERT_KEY_P521 => ec(KeyKind::P521),
                #[cfg(feature = "ed25519")]
                CELLCERT_KEY_ED25519 => Ed25519Key::generate(&context.random).map(Self::Ed25519),
                #[cfg(feature = "ml-dsa")]
                CELLCERT_KEY_ML_DSA_44 => ml_dsa(KeyKind::MlDsa44),
                #[cfg(feature = "ml-dsa")]
                CELLCERT_KEY_ML_DSA_65 => ml_dsa(KeyKind::MlDsa65),
                #[cfg(feature = "ml-dsa")]
                CELLCERT_KEY_ML_DSA_87 => ml_dsa(KeyKind::MlDsa87),
                #[cfg(feature = "ml-kem")]
                CELLCERT_KEY_ML_KEM_512 => ml_kem(KemAlgorithm::MlKem512),
                #[cfg(feature = "ml-kem")]
                CELLCERT_KEY_ML_KEM_768 => ml_kem(KemAlgorithm::MlKem768),
                #[cfg(feature = "ml-kem")]
                CELLCERT_KEY_ML_KEM_1024 => ml_kem(KemAlgorithm::MlKem1024),
                CELLCERT_KEY_P256..=CELLCERT_KEY_ML_KEM_1024 => {
                    return Err(Failure::code(CELLCERT_ERR_UNSUPPORTED));
                }
                _ => return Err(Failure::code(CELLCERT_ERR_ARGUMENT)),
            }
            .map_err(failed)
        }

        pub(super) fn from_pkcs8(octets: &[u8]) -> Result<Self, Failure> {
            let key = EcKey::from_pkcs8_der(octets).map(Self::Ec);
            #[cfg(feature = "ed25519")]
            let key = key.or_else(|_| Ed25519Key::from_pkcs8_der(octets).map(Self::Ed25519));
            #[cfg(feature = "ml-dsa")]
            let key = key.or_else(|_| MlDsaKey::from_pkcs8_der(octets).map(Self::MlDsa));
            #[cfg(feature = "ml-kem")]
            let key = key.or_else(|_| MlKemKey::from_pkcs8_der(octets).map(Self::MlKem));
            key.map_err(failed)
        }

        pub(super) fn to_pkcs8(&self) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
            match self {
                Self::Ec(key) => key.to_pkcs8_der(),
                #[cfg(feature = "ed25519")]
                Self::Ed25519(key) => key.to_pkcs8_der(),
                #[cfg(feature = "ml-dsa")]
                Self::MlDsa(key) => key.to_pkcs8_der(),
                #[cfg(feature = "ml-kem")]
                Self::MlKem(key) => key.to_pkcs8_der(),
            }
            .map_err(failed)
        }

        pub(super) fn public_key(&self) -> &PublicKey {
            match self {
                Self::Ec(key) => key.public_key(),
                #[cfg(feature = "ed25519")]
                Self::Ed25519(key) => key.public_key(),
                #[cfg(feature = "ml-dsa")]
                Self::MlDsa(key) => key.public_key(),
                #[cfg(feature = "ml-kem")]
                Self::MlKem(key) => key.public_key(),
            }
        }

        pub(super) fn signing(&self) -> Result<&dyn SigningKey, Failure> {
            match self {
                Self::Ec(key) => Ok(key),
                #[cfg(feature = "ed25519")]
                Self::Ed25519(key) => Ok(key),
                #[cfg(feature = "ml-dsa")]
                Self::MlDsa(key) => Ok(key),
                #[cfg(feature = "ml-kem")]
                Self::MlKem(_) => Err(Failure::code(CELLCERT_ERR_KEY)),
            }
        }

        pub(super) fn decapsulating(&self) -> Result<&dyn DecapsulationKey, Failure> {
            match self {
                #[cfg(feature = "ml-kem")]
                Self::MlKem(key) => Ok(key),
                _ => Err(Failure::code(CELLCERT_ERR_KEY)),
            }
        }
    }

    #[allow(clippy::needless_pass_by_value)] // for map_err
    fn failed(error: PrivateKeyError) -> Failure {
        match error {
            PrivateKeyError::Random(_) => Failure::code(CELLCERT_ERR_RANDOM),
            PrivateKeyError::OtherKind(_) => Failure::code(CELLCERT_ERR_UNSUPPORTED),
            _ => Failure::new(CELLCERT_ERR_KEY, &error),
        }
    }
}
