//! `[kem]`: KEM-based MACs (RFC 9810 section 5.1.3.4).

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use ca::KemKey;
use cmp::SenderIdentity;
use host::{PassphraseSource, read_kem_credential};
use serde::Deserialize;

/// Whether requesters with KEM keys are served, and what the CA proves itself with to those who want that.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KemSetting {
    /// How many requesters' secrets are kept at a time; 0: whoever has nothing but a KEM key is not served.
    #[serde(default = "default_max_exchanges")]
    pub(crate) max_exchanges: usize,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    key_passphrase: Option<PassphraseSource>,
    /// Whether requests that bring no ciphertext for that key are refused.
    #[serde(default)]
    required: bool,
}

const fn default_max_exchanges() -> usize {
    1000
}

impl KemSetting {
    /// A few KiB each.
    const MAX_EXCHANGES: usize = 100_000;

    pub(super) fn certificate(&self) -> Option<&Path> {
        self.certificate.as_deref()
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.max_exchanges > Self::MAX_EXCHANGES {
            bail!("kem.max_exchanges: must be at most {}", Self::MAX_EXCHANGES);
        }
        if self.certificate.is_some() != self.key.is_some() {
            bail!("kem: certificate and key stand together, or neither does; `raca kem-key` makes both");
        }
        if self.certificate.is_none() && self.required {
            bail!("kem.required: there is no certificate and key that a ciphertext could be for");
        }
        Ok(())
    }

    /// The same, with its files sought in that directory.
    pub(super) fn relative_to(self, directory: &Path) -> Self {
        Self {
            certificate: self.certificate.map(|path| directory.join(path)),
            key: self.key.map(|path| directory.join(path)),
            key_passphrase: self.key_passphrase.map(|source| source.relative_to(directory)),
            ..self
        }
    }

    /// The CA's own KEM key, if it has one. Blocks, and may ask for the passphrase at the terminal.
    pub(crate) fn kem_key(&self) -> Result<Option<KemKey>> {
        let (Some(certificate), Some(key)) = (&self.certificate, &self.key) else { return Ok(None) };
        let (leaf, chain, key) = read_kem_credential(certificate, key, self.key_passphrase.as_ref())?;
        let identity = SenderIdentity::with_kem(leaf, chain)?;
        Ok(Some(KemKey { identity, key: Box::new(key), required: self.required }))
    }
}
