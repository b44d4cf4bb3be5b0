//! EncryptedPrivateKeyInfo, RFC 5958 section 3, under PBES2, RFC 8018 section 6.2. What a file demands is checked before
//! anything is derived: who can write a file must not be able to keep a server busy.

use der::{Decode, Encode};
use pkcs8::pkcs5::pbes2::{Kdf, Parameters, Pbkdf2Prf};
use pkcs8::pkcs5::{EncryptionScheme, Error};
use pkcs8::{EncryptedPrivateKeyInfo, EncryptedPrivateKeyInfoRef};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::KeyFileError;

/// A few seconds. OpenSSL's default is 2048, and today's advice below a million.
const MAX_ITERATIONS: u32 = 10_000_000;

/// In octets, 128 * N * r (RFC 7914 section 2). OpenSSL itself stops at 32 MiB.
const MAX_SCRYPT_MEMORY: u64 = 256 * 1024 * 1024;

/// In octets that are gone through, 128 * N * r * p.
const MAX_SCRYPT_WORK: u64 = 4 * MAX_SCRYPT_MEMORY;

const ITERATIONS: u32 = 600_000;

/// The PrivateKeyInfo inside.
pub(crate) fn decrypt(octets: &[u8], passphrase: &SecretString) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    // What is well-formed, but has another algorithm, is not decoded either.
    let encrypted = EncryptedPrivateKeyInfoRef::from_der(octets).map_err(|error| match error.kind() {
        der::ErrorKind::OidUnknown { .. } | der::ErrorKind::Value { .. } => KeyFileError::Encryption,
        _ => KeyFileError::Rejected,
    })?;
    let EncryptionScheme::Pbes2(parameters) = &encrypted.encryption_algorithm else {
        return Err(KeyFileError::Encryption);
    };
    check_work(&parameters.kdf)?;
    let mut buffer = Zeroizing::new(encrypted.encrypted_data.as_bytes().to_vec());
    let decrypted = parameters.decrypt_in_place(passphrase.expose_secret(), &mut buffer);
    let length = match decrypted {
        Ok(decrypted) => decrypted.len(),
        Err(Error::DecryptFailed) => return Err(KeyFileError::WrongPassphrase),
        Err(_) => return Err(KeyFileError::Encryption),
    };
    buffer.truncate(length);
    // With a wrong passphrase one padding in 256 looks right; what is inside does not.
    if der::AnyRef::from_der(&buffer).is_err() {
        return Err(KeyFileError::WrongPassphrase);
    }
    Ok(buffer)
}

fn check_work(kdf: &Kdf) -> Result<(), KeyFileError> {
    let demanded = match kdf {
        Kdf::Pbkdf2(parameters)
            if parameters.prf == Pbkdf2Prf::HmacWithSha1 || parameters.iteration_count == 0 =>
        {
            return Err(KeyFileError::Encryption);
        }
        Kdf::Pbkdf2(parameters) if parameters.iteration_count > MAX_ITERATIONS => {
            format!("{} iterations of PBKDF2", parameters.iteration_count)
        }
        Kdf::Scrypt(parameters) => {
            let (n, r, p) = (parameters.cost_parameter, parameters.block_size, parameters.parallelization);
            // RFC 7914 section 6; pkcs5 0.8 panics when N is zero.
            if r == 0 || p == 0 || n < 2 {
                return Err(KeyFileError::Encryption);
            }
            let memory = n.saturating_mul(u64::from(r)).saturating_mul(128);
            if memory <= MAX_SCRYPT_MEMORY && memory.saturating_mul(u64::from(p)) <= MAX_SCRYPT_WORK {
                return Ok(());
            }
            format!("scrypt with N = {n}, r = {r}, p = {p}")
        }
        Kdf::Pbkdf2(_) => return Ok(()),
        _ => return Err(KeyFileError::Encryption),
    };
    Err(KeyFileError::Work { demanded })
}

/// An EncryptedPrivateKeyInfo around a PrivateKeyInfo.
pub(crate) fn encrypt(octets: &[u8], passphrase: &SecretString) -> Result<Vec<u8>, KeyFileError> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| KeyFileError::Failed)?;
    aws_lc_rs::rand::fill(&mut iv).map_err(|_| KeyFileError::Failed)?;
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, iv)
        .map_err(|_| KeyFileError::Failed)?;
    // Room for the padding from the start, so that no copy of the key stays behind; what was the key is ciphertext then.
    let mut buffer = Zeroizing::new(vec![0; octets.len() + iv.len()]);
    buffer.get_mut(..octets.len()).ok_or(KeyFileError::Failed)?.copy_from_slice(octets);
    let encrypted = parameters
        .encrypt_in_place(passphrase.expose_secret(), &mut buffer, octets.len())
        .map_err(|_| KeyFileError::Failed)?;
    EncryptedPrivateKeyInfo {
        encryption_algorithm: EncryptionScheme::Pbes2(parameters),
        encrypted_data: der::asn1::OctetStringRef::new(encrypted).map_err(|_| KeyFileError::Failed)?,
    }
    .to_der()
    .map_err(|_| KeyFileError::Failed)
}
