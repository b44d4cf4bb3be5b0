use std::path::{Path, absolute};

use crypto::{KeyKind, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};

use crate::key::{Key, sign_with, write_software_key};
use crate::{Error, KeyLocation, KeySignature, KeySource, PassphraseSource, TokenUri};

/// Of the keys of CAs and NEMs.
const MIN_RSA_BITS: usize = 3072;

/// A key for a new configuration: one that is in a token already, or a new one in a file.
#[derive(Debug)]
pub struct InitKey {
    /// As the configuration will have it.
    source: KeySource,
    key_type: KeyType,
    in_token: Option<Box<dyn SigningKey>>,
}

impl InitKey {
    /// The key that is in a token, which is opened, or else one that is to be made in the file of that name. The passphrase
    /// encrypts the file; of a token it is the PIN, unless the URI itself names one. Blocks, and may ask for the PIN at
    /// the terminal.
    ///
    /// # Errors
    /// When the key in the token cannot be used, or is too weak, or a key of that kind does not sign so.
    pub fn prepare(
        token: Option<&TokenUri>,
        file: &str,
        (key_type, signature): (KeyType, Option<KeySignature>),
        passphrase: Option<&PassphraseSource>,
    ) -> Result<Self, Error> {
        // The configuration may lie elsewhere, and what is written into it is meant as it was said here.
        let here = absolute(".").map_err(|error| Error::File { path: ".".into(), error })?;
        let passphrase = passphrase.cloned().map(|source| source.relative_to(&here));
        let Some(uri) = token else {
            let source = KeySource::new(KeyLocation::File(file.into()), passphrase).with_signature(signature);
            if let Some(signature) = signature.filter(|_| !key_type.is_rsa()) {
                return Err(Error::Signature { key_type, signature });
            }
            return Ok(Self { source, key_type, in_token: None });
        };
        let uri = uri.clone().relative_to(&here);
        let passphrase = passphrase.filter(|_| uri.pin_source().is_none());
        let source = KeySource::new(KeyLocation::Token(Box::new(uri)), passphrase).with_signature(signature);
        let key = Key::open(&source, None)?;
        match key.public_key().kind() {
            KeyKind::Rsa { bits } if bits < MIN_RSA_BITS => {
                Err(Error::WeakKey { key: source.to_string(), bits })
            }
            _ => Ok(Self { source, key_type, in_token: Some(key.into_signing_key()) }),
        }
    }

    /// Its lines in the configuration (TOML), without the last one's end.
    pub fn configuration(&self) -> String {
        let mut lines = format!("key = {:?}", self.source.location.to_string());
        if let Some(passphrase) = &self.source.passphrase {
            lines.push_str(&format!("\nkey_passphrase = {:?}", passphrase.to_string()));
        }
        if let Some(signature) = self.source.signature {
            lines.push_str(&format!("\nkey_signature = \"{signature}\""));
        }
        lines
    }

    /// The key; the one in a file is made now, and written in that directory. Blocks, and may ask for the passphrase at the
    /// terminal.
    ///
    /// # Errors
    /// When the file is there already, or cannot be written.
    pub fn make(self, directory: &Path) -> Result<Box<dyn SigningKey>, Error> {
        match (self.in_token, self.source.location.relative_to(directory)) {
            (Some(key), _) => Ok(key),
            (None, KeyLocation::File(path)) => {
                let key = SoftwareKey::generate(self.key_type).map_err(Error::Key)?;
                write_software_key(&path, &key, self.source.passphrase.as_ref())?;
                Ok(Box::new(sign_with(key, self.source.signature).map_err(Error::Key)?))
            }
            // `prepare` has opened it.
            (None, location) => KeySource { location, ..self.source }.open(),
        }
    }
}
