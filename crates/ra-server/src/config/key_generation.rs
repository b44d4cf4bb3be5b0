//! `[key_generation]`: keys that the CA generates for those who ask for one (RFC 9483 section 4.1.6).

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use ca::KeyGeneration;
use crypto_aws_lc::{KeyType, SoftwareKeyGenerator};
use host::{KeyLocation, KeySignature, KeySource, PassphraseSource, read_credential};
use serde::Deserialize;

/// Who signs the keys, and which there are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyGenerationSetting {
    pub(super) certificate: PathBuf,
    pub(super) key: KeyLocation,
    pub(super) key_passphrase: Option<PassphraseSource>,
    key_signature: Option<KeySignature>,
    #[serde(default = "default_keys")]
    keys: Vec<String>,
}

fn default_keys() -> Vec<String> {
    vec![KeyType::P256.to_string()]
}

impl KeyGenerationSetting {
    fn kinds(&self) -> Result<Vec<KeyType>> {
        let kinds = self.keys.iter().map(|name| name.parse());
        kinds.collect::<Result<_, _>>().map_err(|error: crypto_aws_lc::KeyFileError| anyhow!("{error}"))
    }

    pub(super) fn check(&self) -> Result<()> {
        let kinds = self.kinds().map_err(|reason| anyhow!("key_generation.keys: {reason}"))?;
        if kinds.is_empty() {
            bail!(
                "key_generation.keys: is empty; the first is what whoever asks for none in particular gets"
            );
        }
        if kinds.iter().filter(|kind| kind.is_rsa()).count() > 1 {
            bail!(
                "key_generation.keys: a request cannot say how long an RSA key shall be, so one length is enough"
            );
        }
        Ok(())
    }

    pub(crate) fn key_generation(&self) -> Result<KeyGeneration> {
        let source = KeySource::new(self.key.clone(), self.key_passphrase.clone());
        let source = source.with_signature(self.key_signature);
        let (certificates, key) = read_credential(&self.certificate, &source)?;
        let mut certificates = certificates.into_iter();
        let certificate =
            certificates.next().with_context(|| format!("{}: is empty", self.certificate.display()))?;
        let kinds = self.kinds()?.into_iter().map(KeyType::kind).collect();
        let generator = Box::new(SoftwareKeyGenerator::new());
        let mut generation = KeyGeneration::new(kinds, generator, certificate, key);
        generation.chain = certificates.collect();
        Ok(generation)
    }
}
