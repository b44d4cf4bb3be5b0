use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use crypto::{PublicKey, SigningKey};
use crypto_aws_lc::{
    KemKey, KeyFileError, SoftwareKey, provider, read_encrypted_key_file, read_kem_key_file, read_key_file,
    write_encrypted_key_file, write_kem_key_file, write_key_file,
};
use crypto_pkcs11::{Pkcs11Key, TokenUri, UriError};
use serde::Deserialize;
use serde::de::{Error as _, Visitor};

use crate::{Error, KeySignature, PassphraseSource, tls_key};

const EXPECTED: &str = "a private key is named by the path of its file, or by a PKCS #11 URI (pkcs11:token=...;object=...?module-path=...)";

/// Where a private key is: in a file, or in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyLocation {
    /// A PEM file that nobody but its owner may use.
    File(PathBuf),
    /// A PKCS #11 token.
    Token(Box<TokenUri>),
}

impl KeyLocation {
    /// The same place, with its files sought in that directory, unless their paths are absolute.
    #[must_use]
    pub fn relative_to(self, directory: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(directory.join(path)),
            Self::Token(uri) => Self::Token(Box::new(uri.relative_to(directory))),
        }
    }
}

impl FromStr for KeyLocation {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        if TokenUri::is_meant(text) {
            Ok(Self::Token(Box::new(text.parse()?)))
        } else {
            Ok(Self::File(text.into()))
        }
    }
}

impl fmt::Display for KeyLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Token(uri) => uri.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for KeyLocation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, EXPECTED)
    }
}

/// From a text. What stands there instead is not shown, because it may be a secret.
pub(crate) fn deserialize_text<'de, D, T>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: FromStr,
    T::Err: fmt::Display,
{
    let text: Option<String> = deserializer.deserialize_any(TextVisitor)?;
    text.ok_or_else(|| D::Error::custom(expected))?.parse().map_err(D::Error::custom)
}

/// `None` for what is no text.
struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A private key: where it is, where its passphrase or PIN comes from, and what it signs with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeySource {
    /// Where it is.
    pub location: KeyLocation,
    /// Where its passphrase or PIN comes from, when it has one that is not named in its URI.
    pub passphrase: Option<PassphraseSource>,
    /// What it signs with, when it is an RSA key and that is not PKCS #1 v1.5 with SHA-256.
    pub signature: Option<KeySignature>,
}

impl KeySource {
    /// From its parts.
    pub const fn new(location: KeyLocation, passphrase: Option<PassphraseSource>) -> Self {
        Self { location, passphrase, signature: None }
    }

    /// The same key, which signs with that.
    #[must_use]
    pub const fn with_signature(mut self, signature: Option<KeySignature>) -> Self {
        self.signature = signature;
        self
    }

    /// Gets hold of the key. Blocks, and may ask for a passphrase at the terminal.
    ///
    /// # Errors
    /// When the file or the token, or what is in it, cannot be used.
    pub fn open(&self) -> Result<Box<dyn SigningKey>, Error> {
        Ok(Key::open(self, None)?.into_signing_key())
    }
}

impl From<PathBuf> for KeySource {
    fn from(path: PathBuf) -> Self {
        Self::new(KeyLocation::File(path), None)
    }
}

impl From<&Path> for KeySource {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location.fmt(f)
    }
}

/// A key at hand.
pub(crate) enum Key {
    Software(SoftwareKey),
    Token(Pkcs11Key),
}

impl Key {
    /// `certified` is the public key in its certificate; in some tokens there is none.
    pub(crate) fn open(source: &KeySource, certified: Option<&PublicKey>) -> Result<Self, Error> {
        match &source.location {
            KeyLocation::File(path) => {
                let key = read_software_key(path, source.passphrase.as_ref())?;
                let refused = |reason| {
                    Error::Key(KeyFileError::Key { path: path.to_owned(), reason: Box::new(reason) })
                };
                sign_with(key, source.signature).map(Self::Software).map_err(refused)
            }
            KeyLocation::Token(uri) => {
                let pin = match (uri.pin_source(), &source.passphrase) {
                    (Some(_), Some(_)) => return Err(Error::TwoPins { key: uri.to_string() }),
                    (Some(path), None) => Some(PassphraseSource::File(path.to_owned())),
                    (None, source) => source.clone(),
                };
                let pin = pin.map(|source| source.read(&uri.to_string())).transpose()?;
                let key = Pkcs11Key::open(uri, pin, certified, provider()).map_err(Error::Token)?;
                match source.signature {
                    Some(signature) => key.with_algorithm(signature.algorithm()),
                    None => Ok(key),
                }
                .map(Self::Token)
                .map_err(Error::Token)
            }
        }
    }

    pub(crate) fn public_key(&self) -> &PublicKey {
        match self {
            Self::Software(key) => key.public_key(),
            Self::Token(key) => key.public_key(),
        }
    }

    pub(crate) fn into_signing_key(self) -> Box<dyn SigningKey> {
        match self {
            Self::Software(key) => Box::new(key),
            Self::Token(key) => Box::new(key),
        }
    }

    pub(crate) fn into_tls_key(self, source: &KeySource) -> Result<Arc<dyn rustls::sign::SigningKey>, Error> {
        match self {
            Self::Software(key) => tls_key(&key),
            Self::Token(key) => tls_key::of_token(&key, source),
        }
    }
}

/// The same key, which signs with that.
///
/// # Errors
/// When it is no RSA key.
pub fn sign_with(key: SoftwareKey, signature: Option<KeySignature>) -> Result<SoftwareKey, KeyFileError> {
    match signature {
        Some(signature) => key.with_algorithm(signature.algorithm()),
        None => Ok(key),
    }
}

/// Reads a private key from a PEM file that nobody but its owner may use, encrypted or not. Blocks, and may ask for a
/// passphrase at the terminal, when it has been found out that the key needs one.
///
/// # Errors
/// When the file cannot be used, the passphrase is wrong or missing, or there is one for a key that is not encrypted.
pub fn read_software_key(path: &Path, passphrase: Option<&PassphraseSource>) -> Result<SoftwareKey, Error> {
    let refused = |reason| KeyFileError::Key { path: path.to_owned(), reason: Box::new(reason) };
    match (read_key_file(path), passphrase) {
        (Ok(_), Some(_)) => Err(Error::Key(refused(KeyFileError::NotEncrypted))),
        (Err(KeyFileError::Key { reason, .. }), Some(source))
            if matches!(*reason, KeyFileError::Encrypted) =>
        {
            let passphrase = source.read(&path.display().to_string())?;
            read_encrypted_key_file(path, &passphrase).map_err(Error::Key)
        }
        (read, _) => read.map_err(Error::Key),
    }
}

/// Writes a private key to a new file that only its owner may use, encrypted when there is a passphrase. Blocks, and may
/// ask for it at the terminal.
///
/// # Errors
/// When the file is there already or cannot be written, or there is no passphrase where there should be one.
pub fn write_software_key(
    path: &Path,
    key: &SoftwareKey,
    passphrase: Option<&PassphraseSource>,
) -> Result<(), Error> {
    match passphrase {
        None => write_key_file(path, key),
        Some(source) => {
            let passphrase = source.read_new(&path.display().to_string())?;
            write_encrypted_key_file(path, key, &passphrase)
        }
    }
    .map_err(Error::Key)
}

/// Reads an ML-KEM private key as [`read_software_key`] does another one.
///
/// # Errors
/// As [`read_software_key`].
pub fn read_kem_key(path: &Path, passphrase: Option<&PassphraseSource>) -> Result<KemKey, Error> {
    let refused = |reason| KeyFileError::Key { path: path.to_owned(), reason: Box::new(reason) };
    match (read_kem_key_file(path, None), passphrase) {
        (Ok(_), Some(_)) => Err(Error::Key(refused(KeyFileError::NotEncrypted))),
        (Err(KeyFileError::Key { reason, .. }), Some(source))
            if matches!(*reason, KeyFileError::Encrypted) =>
        {
            let passphrase = source.read(&path.display().to_string())?;
            read_kem_key_file(path, Some(&passphrase)).map_err(Error::Key)
        }
        (read, _) => read.map_err(Error::Key),
    }
}

/// Writes an ML-KEM private key as [`write_software_key`] does another one.
///
/// # Errors
/// As [`write_software_key`].
pub fn write_kem_key(path: &Path, key: &KemKey, passphrase: Option<&PassphraseSource>) -> Result<(), Error> {
    let passphrase = passphrase.map(|source| source.read_new(&path.display().to_string())).transpose()?;
    write_kem_key_file(path, key, passphrase.as_ref()).map_err(Error::Key)
}
