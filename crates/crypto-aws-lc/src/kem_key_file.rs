//! ML-KEM private keys in PKCS #8 and in files, RFC 9935 section 6.

use std::path::Path;

use der::asn1::{AnyRef, OctetStringRef};
use der::pem::LineEnding;
use der::{Decode, Encode, SecretDocument, Sequence, Tagged};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::spki::AlgorithmIdentifierRef;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crypto::{DecapsulationKey, KemAlgorithm};

use crate::key_file::{read, write};
use crate::software_key::{ENCRYPTED, PKCS8, is_encrypted, private_key_block};
use crate::{KemKey, KeyFileError, encrypted_key};

/// The third of the forms of a private key, whose seed nobody here has a use for.
///
/// ```text
/// ML-KEM-PrivateKey ::= CHOICE {
///   seed        [0] OCTET STRING,
///   expandedKey     OCTET STRING,
///   both            SEQUENCE { seed OCTET STRING, expandedKey OCTET STRING } }
/// ```
///
/// RFC 9935 section 6.
#[derive(Sequence)]
struct Both<'a> {
    seed: &'a OctetStringRef,
    expanded_key: &'a OctetStringRef,
}

impl KemKey {
    /// The key as a PrivateKeyInfo (PKCS #8) with expandedKey, not encrypted.
    ///
    /// # Errors
    /// When AWS-LC fails.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let failed = |_| KeyFileError::Failed;
        let algorithm = KemAlgorithm::of(self.public_key().kind()).ok_or(KeyFileError::Failed)?;
        let expanded = self.to_expanded()?;
        let inner = OctetStringRef::new(&expanded)
            .and_then(|octets| Encode::to_der(&octets))
            .map(Zeroizing::new)
            .map_err(failed)?;
        let algorithm = AlgorithmIdentifierRef { oid: algorithm.oid(), parameters: None };
        let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(&inner).map_err(failed)?);
        info.to_der().map(Zeroizing::new).map_err(failed)
    }

    /// From a PrivateKeyInfo (PKCS #8) with expandedKey, or both.
    ///
    /// # Errors
    /// When it is malformed, of another kind, inconsistent, or has a seed only, of which AWS-LC's Rust interface makes no key.
    pub fn from_pkcs8_der(octets: &[u8]) -> Result<Self, KeyFileError> {
        let rejected = |_| KeyFileError::NoKem;
        let info = PrivateKeyInfoRef::from_der(octets).map_err(rejected)?;
        let oid = info.algorithm.oid;
        let algorithm = KemAlgorithm::ALL.into_iter().find(|algorithm| algorithm.oid() == oid);
        let algorithm =
            algorithm.filter(|_| info.algorithm.parameters.is_none()).ok_or(KeyFileError::NoKem)?;
        let inner = info.private_key.as_bytes();
        let expanded = match AnyRef::from_der(inner).map_err(rejected)?.tag() {
            der::Tag::OctetString => <&OctetStringRef>::from_der(inner).map_err(rejected)?,
            der::Tag::Sequence => Both::from_der(inner).map_err(rejected)?.expanded_key,
            _ => return Err(KeyFileError::NoKem),
        };
        Self::from_expanded(algorithm, expanded.as_bytes())
    }

    fn from_pem(text: &str, passphrase: Option<&SecretString>) -> Result<Self, KeyFileError> {
        let block = private_key_block(text).ok_or(KeyFileError::NotPem)?;
        let document = |block| SecretDocument::from_pem(block).map_err(|_| KeyFileError::NoKem);
        match (is_encrypted(block)?, passphrase) {
            (true, None) => Err(KeyFileError::Encrypted),
            (false, Some(_)) => Err(KeyFileError::NotEncrypted),
            (false, None) => Self::from_pkcs8_der(document(block)?.1.as_bytes()),
            (true, Some(passphrase)) => {
                Self::from_pkcs8_der(&encrypted_key::decrypt(document(block)?.1.as_bytes(), passphrase)?)
            }
        }
    }
}

/// Reads an ML-KEM private key from a PEM file that nobody but its owner may read, write or execute; an encrypted one with its
/// passphrase.
///
/// # Errors
/// When the file cannot be read, is open to others, or holds no usable key; when a passphrase is missing, wrong or needless.
pub fn read_kem_key_file(path: &Path, passphrase: Option<&SecretString>) -> Result<KemKey, KeyFileError> {
    read(path, |text| KemKey::from_pem(text, passphrase))
}

/// Writes an ML-KEM private key as PEM (PKCS #8) to a new file that only its owner may use (mode 0600), encrypted when there is a
/// passphrase. When this returns, the key is on the disk.
///
/// # Errors
/// When the file exists already, which is never overwritten, or cannot be written.
pub fn write_kem_key_file(
    path: &Path,
    key: &KemKey,
    passphrase: Option<&SecretString>,
) -> Result<(), KeyFileError> {
    let octets = key.to_pkcs8_der()?;
    let document = match passphrase {
        Some(passphrase) => SecretDocument::try_from(encrypted_key::encrypt(&octets, passphrase)?),
        None => SecretDocument::try_from(octets.as_slice()),
    };
    let label = if passphrase.is_some() { ENCRYPTED } else { PKCS8 };
    let pem = document.and_then(|document| document.to_pem(label, LineEnding::LF));
    write(path, pem.map_err(|_| KeyFileError::Failed)?.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let passphrase = SecretString::from("correct horse");
        for (number, algorithm) in KemAlgorithm::ALL.into_iter().enumerate() {
            let key = KemKey::generate(algorithm).unwrap();
            for (name, passphrase) in [("plain", None), ("encrypted", Some(&passphrase))] {
                let path = folder.path().join(format!("{name}-{number}.pem"));
                write_kem_key_file(&path, &key, passphrase).unwrap();
                assert!(matches!(write_kem_key_file(&path, &key, None), Err(KeyFileError::Exists { .. })));
                let again = read_kem_key_file(&path, passphrase).unwrap();
                assert_eq!(again.public_key(), key.public_key());
                assert_eq!(again.to_expanded().unwrap(), key.to_expanded().unwrap());
            }
        }
        let reason = |name: &str, passphrase: Option<&SecretString>| {
            read_kem_key_file(&folder.path().join(name), passphrase).unwrap_err().to_string()
        };
        assert!(reason("encrypted-0.pem", None).contains("encrypted"));
        assert!(reason("plain-0.pem", Some(&passphrase)).contains("not encrypted"));
        assert!(reason("encrypted-0.pem", Some(&SecretString::from("house"))).contains("wrong"));
        assert!(reason("nowhere.pem", None).contains("nowhere.pem"));
    }

    #[test]
    fn what_is_no_ml_kem_key_is_refused() {
        let key = KemKey::generate(KemAlgorithm::MlKem512).unwrap();
        let good = key.to_pkcs8_der().unwrap();
        for length in (0..good.len()).step_by(97) {
            assert!(KemKey::from_pkcs8_der(&good[..length]).is_err(), "{length}");
        }
        // Within the digest of the public key, which stands before the last 32 octets (FIPS 203 section 7.1).
        let mut other = good.to_vec();
        let place = other.len() - 40;
        other[place] ^= 1;
        assert!(KemKey::from_pkcs8_der(&other).is_err());
        let signing = crate::SoftwareKey::generate(crate::KeyType::P256).unwrap();
        assert!(KemKey::from_pkcs8_der(&signing.to_pkcs8_der().unwrap()).is_err());

        // both, and a seed alone (RFC 9935 section 6)
        let expanded = key.to_expanded().unwrap();
        let wrapped = |inner: &[u8]| {
            let algorithm = AlgorithmIdentifierRef { oid: KemAlgorithm::MlKem512.oid(), parameters: None };
            PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(inner).unwrap()).to_der().unwrap()
        };
        let (seed, expanded) =
            (OctetStringRef::new(&[7; 64]).unwrap(), OctetStringRef::new(&expanded).unwrap());
        let both = Both { seed, expanded_key: expanded }.to_der().unwrap();
        assert_eq!(KemKey::from_pkcs8_der(&wrapped(&both)).unwrap().public_key(), key.public_key());
        let seed = [&[0x80, 64][..], &[7; 64]].concat();
        let said = KemKey::from_pkcs8_der(&wrapped(&seed)).unwrap_err().to_string();
        assert!(said.contains("expandedKey"), "{said}");
    }
}
