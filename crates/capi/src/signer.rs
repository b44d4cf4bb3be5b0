//! Signing keys that are somewhere else: in a secure element, a TPM, or a key handle of this library.

use alloc::vec;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::fmt;

use crypto::{KeyKind, PublicKey, SignError, SignatureAlgorithm, SigningKey};
use der::{Decode, Encode};
use x509_cert::Certificate;

use crate::buffer::{octets, structure};
use crate::failure::Failure;
use crate::heap;
use crate::identity::Inner as Identity;
use crate::status::{
    CELLCERT_ERR_ALGORITHM, CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_KEY, CELLCERT_ERR_NULL, CELLCERT_OK,
};

/// sha256WithRSAEncryption
pub const CELLCERT_SIG_RSA_SHA256: i32 = 1;
/// sha384WithRSAEncryption
pub const CELLCERT_SIG_RSA_SHA384: i32 = 2;
/// sha512WithRSAEncryption
pub const CELLCERT_SIG_RSA_SHA512: i32 = 3;
/// RSASSA-PSS with SHA-256, MGF1 with SHA-256, and a salt of 32 octets
pub const CELLCERT_SIG_RSA_PSS_SHA256: i32 = 4;
/// RSASSA-PSS with SHA-384, MGF1 with SHA-384, and a salt of 48 octets
pub const CELLCERT_SIG_RSA_PSS_SHA384: i32 = 5;
/// RSASSA-PSS with SHA-512, MGF1 with SHA-512, and a salt of 64 octets
pub const CELLCERT_SIG_RSA_PSS_SHA512: i32 = 6;
/// ecdsa-with-SHA256; signatures are Ecdsa-Sig-Values in DER
pub const CELLCERT_SIG_ECDSA_SHA256: i32 = 7;
/// ecdsa-with-SHA384
pub const CELLCERT_SIG_ECDSA_SHA384: i32 = 8;
/// ecdsa-with-SHA512
pub const CELLCERT_SIG_ECDSA_SHA512: i32 = 9;
/// Ed25519
pub const CELLCERT_SIG_ED25519: i32 = 10;
/// ML-DSA-44, without prehash and with an empty context
pub const CELLCERT_SIG_ML_DSA_44: i32 = 11;
/// ML-DSA-65, without prehash and with an empty context
pub const CELLCERT_SIG_ML_DSA_65: i32 = 12;
/// ML-DSA-87, without prehash and with an empty context
pub const CELLCERT_SIG_ML_DSA_87: i32 = 13;

const ALGORITHMS: [(i32, SignatureAlgorithm); 13] = [
    (CELLCERT_SIG_RSA_SHA256, SignatureAlgorithm::Sha256WithRsa),
    (CELLCERT_SIG_RSA_SHA384, SignatureAlgorithm::Sha384WithRsa),
    (CELLCERT_SIG_RSA_SHA512, SignatureAlgorithm::Sha512WithRsa),
    (CELLCERT_SIG_RSA_PSS_SHA256, SignatureAlgorithm::RsassaPssSha256),
    (CELLCERT_SIG_RSA_PSS_SHA384, SignatureAlgorithm::RsassaPssSha384),
    (CELLCERT_SIG_RSA_PSS_SHA512, SignatureAlgorithm::RsassaPssSha512),
    (CELLCERT_SIG_ECDSA_SHA256, SignatureAlgorithm::EcdsaWithSha256),
    (CELLCERT_SIG_ECDSA_SHA384, SignatureAlgorithm::EcdsaWithSha384),
    (CELLCERT_SIG_ECDSA_SHA512, SignatureAlgorithm::EcdsaWithSha512),
    (CELLCERT_SIG_ED25519, SignatureAlgorithm::Ed25519),
    (CELLCERT_SIG_ML_DSA_44, SignatureAlgorithm::MlDsa44),
    (CELLCERT_SIG_ML_DSA_65, SignatureAlgorithm::MlDsa65),
    (CELLCERT_SIG_ML_DSA_87, SignatureAlgorithm::MlDsa87),
];

pub(crate) fn algorithm(code: i32) -> Result<SignatureAlgorithm, Failure> {
    let found = ALGORITHMS.iter().find(|(known, _)| *known == code);
    found.map(|(_, algorithm)| *algorithm).ok_or(Failure::code(CELLCERT_ERR_ARGUMENT))
}

pub(crate) fn algorithm_code(algorithm: SignatureAlgorithm) -> i32 {
    let found = ALGORITHMS.iter().find(|(_, known)| *known == algorithm);
    // An algorithm that this table lacks is none that C knows.
    found.map_or(0, |(code, _)| *code)
}

/// A private key, wherever it is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Signer {
    /// Signs `octets` (not their digest). `signature_len` says how much room there is at `signature`, which is enough for every signature of
    /// the algorithm, and is set to the signature's length. Returns CELLCERT_OK, or anything else when it cannot: the call that asked fails
    /// then with CELLCERT_ERR_SIGN.
    pub sign: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            octets: *const u8,
            octets_len: usize,
            signature: *mut u8,
            signature_len: *mut usize,
        ) -> i32,
    >,
    /// Handed to every call of `sign`.
    pub ctx: *mut c_void,
    /// One of the CELLCERT_SIG_ constants.
    pub algorithm: i32,
    /// The public half: a SubjectPublicKeyInfo in DER.
    pub public_key: *const u8,
    /// How many octets it has.
    pub public_key_len: usize,
}

/// A private key that is C's to use.
pub(crate) struct OutsideKey {
    signer: Signer,
    algorithm: SignatureAlgorithm,
    public_key: PublicKey,
}

// SAFETY: it is used in the call that it was handed to, and by its thread.
unsafe impl Send for OutsideKey {}
// SAFETY: as above.
unsafe impl Sync for OutsideKey {}

impl OutsideKey {
    /// # Safety
    /// It is null or points to a signer, whose function can be called as it says for as long as this stands.
    pub(crate) unsafe fn new(signer: *const Signer) -> Result<Self, Failure> {
        // SAFETY: the caller's promise.
        let signer = unsafe { structure(signer) }?;
        if signer.sign.is_none() {
            return Err(Failure::code(CELLCERT_ERR_NULL));
        }
        // SAFETY: the caller's promise.
        let public_key = unsafe { octets(signer.public_key, signer.public_key_len) }?;
        let public_key = PublicKey::from_spki_der(public_key)?;
        let algorithm = algorithm(signer.algorithm)?;
        if !algorithm.fits(public_key.kind()) {
            return Err(Failure::code(CELLCERT_ERR_ALGORITHM));
        }
        Ok(Self { signer: *signer, algorithm, public_key })
    }

    /// The signer, if its key is the one of the identity's certificate.
    ///
    /// # Safety
    /// As `new`.
    pub(crate) unsafe fn of(identity: &Identity, signer: *const Signer) -> Result<Self, Failure> {
        // SAFETY: the caller's promise.
        let key = unsafe { Self::new(signer) }?;
        if let Some(certificate) = identity.sender().certificate() {
            let certificate = Certificate::from_der(certificate.octets())?;
            let spki = certificate.tbs_certificate().subject_public_key_info().to_der()?;
            if spki != key.public_key.spki_octets() {
                return Err(Failure::code(CELLCERT_ERR_KEY));
            }
        }
        Ok(key)
    }
}

/// The longest signature that such a key makes.
const fn longest(key: KeyKind) -> usize {
    match key {
        KeyKind::P256 => 72,
        KeyKind::P384 => 104,
        KeyKind::P521 => 141,
        KeyKind::Rsa { bits } => bits.div_ceil(8),
        KeyKind::Ed25519 => 64,
        KeyKind::MlDsa44 => 2420,
        KeyKind::MlDsa65 => 3309,
        _ => 4627,
    }
}

impl SigningKey for OutsideKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut signature = vec![0; longest(self.public_key.kind())];
        let mut length = signature.len();
        let Some(sign) = self.signer.sign.filter(|_| !heap::is_exhausted()) else {
            return Err(SignError::new());
        };
        // SAFETY: `new`'s promise.
        let code = unsafe {
            sign(self.signer.ctx, octets.as_ptr(), octets.len(), signature.as_mut_ptr(), &mut length)
        };
        if code != CELLCERT_OK || length == 0 || length > signature.len() {
            return Err(SignError::new());
        }
        signature.truncate(length);
        Ok(signature)
    }
}

impl fmt::Debug for OutsideKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutsideKey({})", self.public_key.kind())
    }
}
