use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING,
    ML_DSA_87_SIGNING, PqdsaKeyPair, PqdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
};
use crypto::{KeyKind, PublicKey, SignError, SignatureAlgorithm, SigningKey};
use der::SecretDocument;
use der::pem::LineEnding;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::{KeyFileError, encrypted_key};

/// The kinds of key that can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// `p256`: ECDSA on P-256
    P256,
    /// `p384`: ECDSA on P-384
    P384,
    /// `p521`: ECDSA on P-521
    P521,
    /// `rsa2048`: RSA with 2048 bits
    Rsa2048,
    /// `rsa3072`: RSA with 3072 bits
    Rsa3072,
    /// `rsa4096`: RSA with 4096 bits
    Rsa4096,
    /// `ed25519`: Ed25519
    Ed25519,
    /// `ml-dsa-44`: ML-DSA-44
    MlDsa44,
    /// `ml-dsa-65`: ML-DSA-65
    MlDsa65,
    /// `ml-dsa-87`: ML-DSA-87
    MlDsa87,
}

impl KeyType {
    /// Every kind there is.
    pub const ALL: [Self; 10] = [
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];
}

impl KeyType {
    /// The kind of its public half.
    pub const fn kind(self) -> KeyKind {
        match self {
            Self::P256 => KeyKind::P256,
            Self::P384 => KeyKind::P384,
            Self::P521 => KeyKind::P521,
            Self::Rsa2048 => KeyKind::Rsa { bits: 2048 },
            Self::Rsa3072 => KeyKind::Rsa { bits: 3072 },
            Self::Rsa4096 => KeyKind::Rsa { bits: 4096 },
            Self::Ed25519 => KeyKind::Ed25519,
            Self::MlDsa44 => KeyKind::MlDsa44,
            Self::MlDsa65 => KeyKind::MlDsa65,
            Self::MlDsa87 => KeyKind::MlDsa87,
        }
    }

    /// Whether it is RSA, and so has a choice of what it signs with.
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::P521 => "p521",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::Ed25519 => "ed25519",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
        })
    }
}

impl FromStr for KeyType {
    type Err = KeyFileError;

    fn from_str(name: &str) -> Result<Self, KeyFileError> {
        Self::ALL
            .into_iter()
            .find(|key_type| key_type.to_string() == name)
            .ok_or_else(|| KeyFileError::UnknownKeyType(name.to_owned()))
    }
}

/// A private key in memory. AWS-LC wipes it when it is dropped.
///
/// It signs with ecdsa-with-SHA256 on P-256, ecdsa-with-SHA384 on P-384, ecdsa-with-SHA512 on P-521,
/// sha256WithRSAEncryption with RSA (or another one, [`SoftwareKey::with_algorithm`]), and with Ed25519 and ML-DSA in their one
/// way.
pub struct SoftwareKey {
    pair: Pair,
    public_key: PublicKey,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, SignatureAlgorithm),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

impl SoftwareKey {
    /// Generates a key with the operating system's randomness. RSA takes up to seconds.
    ///
    /// # Errors
    /// When AWS-LC fails.
    pub fn generate(key_type: KeyType) -> Result<Self, KeyFileError> {
        let ecdsa = |algorithm| EcdsaKeyPair::generate(algorithm).map(Pair::Ecdsa);
        let rsa = |size| RsaKeyPair::generate(size).map(rsa_pair);
        let ml_dsa = |algorithm| PqdsaKeyPair::generate(algorithm).map(Pair::MlDsa);
        let pair = match key_type {
            KeyType::P256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyType::P384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyType::P521 => ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyType::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyType::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyType::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyType::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
            KeyType::MlDsa44 => ml_dsa(&ML_DSA_44_SIGNING),
            KeyType::MlDsa65 => ml_dsa(&ML_DSA_65_SIGNING),
            KeyType::MlDsa87 => ml_dsa(&ML_DSA_87_SIGNING),
        };
        Self::new(pair.map_err(|_| KeyFileError::Failed)?)
    }

    /// From a PrivateKeyInfo (PKCS#8, RFC 5208), for Ed25519 also a OneAsymmetricKey (RFC 5958). An ML-DSA key may have any
    /// form of RFC 9881 section 6: seed, expanded key, or both when they agree.
    ///
    /// # Errors
    /// When it is malformed, of an unsupported kind, or too weak.
    pub fn from_pkcs8_der(octets: &[u8]) -> Result<Self, KeyFileError> {
        let pair = ecdsa_pair(|algorithm| EcdsaKeyPair::from_pkcs8(algorithm, octets).ok())
            .or_else(|| RsaKeyPair::from_pkcs8(octets).ok().map(rsa_pair))
            .or_else(|| Ed25519KeyPair::from_pkcs8(octets).ok().map(Pair::Ed25519))
            .or_else(|| ml_dsa_pair(octets));
        Self::new(pair.ok_or(KeyFileError::Rejected)?)
    }

    /// From the first private key in a PEM text (RFC 7468): `PRIVATE KEY` (PKCS#8), `EC PRIVATE KEY` (RFC 5915)
    /// or `RSA PRIVATE KEY` (RFC 8017). Other blocks, such as `EC PARAMETERS` or certificates, may stand around it.
    ///
    /// # Errors
    /// When there is none, or it is encrypted, malformed, of an unsupported kind, or too weak.
    pub fn from_pem(text: &str) -> Result<Self, KeyFileError> {
        let block = private_key_block(text).ok_or(KeyFileError::NotPem)?;
        if is_encrypted(block)? {
            return Err(KeyFileError::Encrypted);
        }
        let (label, document) = SecretDocument::from_pem(block).map_err(|_| KeyFileError::Rejected)?;
        let octets = document.as_bytes();
        let pair = match label {
            PKCS8 => return Self::from_pkcs8_der(octets),
            EC => ecdsa_pair(|algorithm| EcdsaKeyPair::from_private_key_der(algorithm, octets).ok()),
            _ => RsaKeyPair::from_der(octets).ok().map(rsa_pair),
        };
        Self::new(pair.ok_or(KeyFileError::Rejected)?)
    }

    /// From the first private key in a PEM text: an `ENCRYPTED PRIVATE KEY` (RFC 7468 section 11) under PBES2 (RFC 8018) with
    /// AES, and PBKDF2 with HMAC-SHA-2 or scrypt.
    ///
    /// # Errors
    /// When there is none, it is not encrypted, the passphrase is wrong, or it demands more work than any honest one does:
    /// that is found out before anything is derived.
    pub fn from_encrypted_pem(text: &str, passphrase: &SecretString) -> Result<Self, KeyFileError> {
        let block = private_key_block(text).ok_or(KeyFileError::NotPem)?;
        if !is_encrypted(block)? {
            return Err(KeyFileError::NotEncrypted);
        }
        let (_, document) = SecretDocument::from_pem(block).map_err(|_| KeyFileError::Rejected)?;
        Self::from_pkcs8_der(&encrypted_key::decrypt(document.as_bytes(), passphrase)?)
    }

    fn new(pair: Pair) -> Result<Self, KeyFileError> {
        let public_key = match &pair {
            Pair::Ecdsa(pair) => PublicKey::from_ec_point(pair.public_key().as_ref()),
            Pair::Ed25519(pair) => PublicKey::from_raw(KeyKind::Ed25519, pair.public_key().as_ref()),
            Pair::MlDsa(pair) => PublicKey::from_raw(ml_dsa(pair).0, pair.public_key().as_ref()),
            Pair::Rsa(pair, _) => {
                let spki: PublicKeyX509Der<'_> =
                    pair.public_key().as_der().map_err(|_| KeyFileError::Failed)?;
                PublicKey::from_spki_der(spki.as_ref())
            }
        };
        Ok(Self { pair, public_key: public_key.map_err(KeyFileError::Weak)? })
    }

    /// The same key, which signs with that algorithm: of RSA keys any with PKCS #1 v1.5 or PSS.
    ///
    /// # Errors
    /// [`KeyFileError::Algorithm`] when a key of this kind does not.
    pub fn with_algorithm(self, algorithm: SignatureAlgorithm) -> Result<Self, KeyFileError> {
        let kind = self.public_key.kind();
        let pair = match self.pair {
            Pair::Rsa(pair, _) if rsa_encoding(algorithm).is_some() => Pair::Rsa(pair, algorithm),
            pair if Self::algorithm_of(&pair) == algorithm => pair,
            _ => return Err(KeyFileError::Algorithm { algorithm, key: kind }),
        };
        Ok(Self { pair, public_key: self.public_key })
    }

    /// The key as a PrivateKeyInfo (PKCS#8, RFC 5208), not encrypted; of ML-DSA the seed.
    ///
    /// # Errors
    /// When AWS-LC fails, or the key was read without its seed.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let octets = match &self.pair {
            Pair::Ecdsa(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Pair::Rsa(pair, _) => pair.as_der().map(|document: Pkcs8V1Der<'_>| document.as_ref().to_vec()),
            // Of version 1: OpenSSL does not read the version that holds the public key, too.
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Pair::MlDsa(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
        };
        octets.map(Zeroizing::new).map_err(|_| KeyFileError::Failed)
    }

    /// The key as a PEM `PRIVATE KEY` (PKCS#8, RFC 7468 section 10), not encrypted.
    ///
    /// # Errors
    /// As [`SoftwareKey::to_pkcs8_der`].
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyFileError> {
        SecretDocument::try_from(self.to_pkcs8_der()?.as_slice())
            .and_then(|document| document.to_pem(PKCS8, LineEnding::LF))
            .map_err(|_| KeyFileError::Failed)
    }

    /// The key as a PEM `ENCRYPTED PRIVATE KEY` (RFC 7468 section 11): AES-256-CBC, and PBKDF2 with HMAC-SHA-256 and 600 000
    /// iterations, which every OpenSSL since 1.1 reads.
    ///
    /// # Errors
    /// As [`SoftwareKey::to_pkcs8_der`].
    pub fn to_encrypted_pem(&self, passphrase: &SecretString) -> Result<Zeroizing<String>, KeyFileError> {
        let encrypted = encrypted_key::encrypt(&self.to_pkcs8_der()?, passphrase)?;
        SecretDocument::try_from(encrypted)
            .and_then(|document| document.to_pem(ENCRYPTED, LineEnding::LF))
            .map_err(|_| KeyFileError::Failed)
    }
}

impl SoftwareKey {
    fn algorithm_of(pair: &Pair) -> SignatureAlgorithm {
        match pair {
            Pair::Ecdsa(pair) if pair.algorithm() == &ECDSA_P256_SHA256_ASN1_SIGNING => {
                SignatureAlgorithm::EcdsaWithSha256
            }
            Pair::Ecdsa(pair) if pair.algorithm() == &ECDSA_P384_SHA384_ASN1_SIGNING => {
                SignatureAlgorithm::EcdsaWithSha384
            }
            Pair::Ecdsa(_) => SignatureAlgorithm::EcdsaWithSha512,
            Pair::Rsa(_, algorithm) => *algorithm,
            Pair::Ed25519(_) => SignatureAlgorithm::Ed25519,
            Pair::MlDsa(pair) => ml_dsa(pair).1,
        }
    }
}

impl SigningKey for SoftwareKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        Self::algorithm_of(&self.pair)
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, octets).map(|signature| signature.as_ref().to_vec()),
            Pair::Rsa(pair, algorithm) => {
                let encoding = rsa_encoding(*algorithm).ok_or(SignError::new())?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, octets, &mut signature).map(|()| signature)
            }
            Pair::Ed25519(pair) => Ok(pair.sign(octets).as_ref().to_vec()),
            Pair::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                pair.sign(octets, &mut signature).map(|_| signature)
            }
        }
        .map_err(|_| SignError::new())
    }

    fn sign_digest(&self, digest: &[u8]) -> Option<Result<Vec<u8>, SignError>> {
        self.algorithm().prehash()?;
        let signed = |digest: &Digest| match &self.pair {
            Pair::Ecdsa(pair) => Some(pair.sign_digest(digest).map(|signature| signature.as_ref().to_vec())),
            Pair::Rsa(pair, algorithm) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let encoding = rsa_encoding(*algorithm)?;
                Some(pair.sign_digest(encoding, digest, &mut signature).map(|()| signature))
            }
            Pair::Ed25519(_) | Pair::MlDsa(_) => None,
        };
        match crate::imported(self.algorithm(), digest) {
            Some(digest) => Some(signed(&digest)?.map_err(|_| SignError::new())),
            None => Some(Err(SignError::new())),
        }
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftwareKey({})", self.public_key.kind())
    }
}

pub(crate) const PKCS8: &str = "PRIVATE KEY";
const EC: &str = "EC PRIVATE KEY";
const RSA: &str = "RSA PRIVATE KEY";
pub(crate) const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// The first private key, from its BEGIN to its END line.
pub(crate) fn private_key_block(text: &str) -> Option<&str> {
    text.match_indices("-----BEGIN ").find_map(|(start, _)| {
        let block = text.get(start..)?;
        let label = [PKCS8, EC, RSA, ENCRYPTED]
            .into_iter()
            .find(|label| block.starts_with(&format!("-----BEGIN {label}-----")))?;
        let end = format!("-----END {label}-----");
        let length = block.find(&end)? + end.len();
        block.get(..length)
    })
}

pub(crate) fn is_encrypted(block: &str) -> Result<bool, KeyFileError> {
    // RFC 1421 section 4.6.1.1
    if block.contains("Proc-Type:") {
        return Err(KeyFileError::LegacyEncryption);
    }
    Ok(block.starts_with(&format!("-----BEGIN {ENCRYPTED}-----")))
}

fn ecdsa_pair(parse: impl Fn(&'static EcdsaSigningAlgorithm) -> Option<EcdsaKeyPair>) -> Option<Pair> {
    [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P521_SHA512_ASN1_SIGNING]
        .into_iter()
        .find_map(parse)
        .map(Pair::Ecdsa)
}

/// PKCS #1 v1.5 with SHA-256, until another one is asked for.
const fn rsa_pair(pair: RsaKeyPair) -> Pair {
    Pair::Rsa(pair, SignatureAlgorithm::Sha256WithRsa)
}

fn rsa_encoding(algorithm: SignatureAlgorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        SignatureAlgorithm::Sha256WithRsa => &RSA_PKCS1_SHA256,
        SignatureAlgorithm::Sha384WithRsa => &RSA_PKCS1_SHA384,
        SignatureAlgorithm::Sha512WithRsa => &RSA_PKCS1_SHA512,
        SignatureAlgorithm::RsassaPssSha256 => &RSA_PSS_SHA256,
        SignatureAlgorithm::RsassaPssSha384 => &RSA_PSS_SHA384,
        SignatureAlgorithm::RsassaPssSha512 => &RSA_PSS_SHA512,
        _ => return None,
    })
}

fn ml_dsa_pair(octets: &[u8]) -> Option<Pair> {
    ML_DSA
        .into_iter()
        .find_map(|(algorithm, ..)| PqdsaKeyPair::from_pkcs8(algorithm, octets).ok())
        .map(Pair::MlDsa)
}

fn ml_dsa(pair: &PqdsaKeyPair) -> (KeyKind, SignatureAlgorithm) {
    let [(_, kind, algorithm), others @ ..] = ML_DSA;
    let own = others.into_iter().find(|(signing, ..)| *signing == pair.algorithm());
    own.map_or((kind, algorithm), |(_, kind, algorithm)| (kind, algorithm))
}

const ML_DSA: [(&PqdsaSigningAlgorithm, KeyKind, SignatureAlgorithm); 3] = [
    (&ML_DSA_44_SIGNING, KeyKind::MlDsa44, SignatureAlgorithm::MlDsa44),
    (&ML_DSA_65_SIGNING, KeyKind::MlDsa65, SignatureAlgorithm::MlDsa65),
    (&ML_DSA_87_SIGNING, KeyKind::MlDsa87, SignatureAlgorithm::MlDsa87),
];
