//! Certificates with their keys: `[ca]` and `[tls]`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use host::files::read_certificates;
use host::{KeyLocation, KeySignature, KeySource, PassphraseSource, read_tls_credential};
use serde::Deserialize;
use transfer::tls::{ClientTrust, Identity, ServerTls, server_config, server_config_trusting};

/// A certificate (with its chain behind it, root excluded) and its private key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credential {
    pub(crate) certificate: PathBuf,
    pub(super) key: KeyLocation,
    pub(super) key_passphrase: Option<PassphraseSource>,
    pub(super) key_signature: Option<KeySignature>,
}

impl Credential {
    pub(crate) fn key(&self) -> KeySource {
        KeySource::new(self.key.clone(), self.key_passphrase.clone()).with_signature(self.key_signature)
    }

    /// The same, with its files sought in that directory.
    pub(crate) fn relative_to(self, directory: &Path) -> Self {
        Self {
            certificate: directory.join(self.certificate),
            key: self.key.relative_to(directory),
            key_passphrase: self.key_passphrase.map(|source| source.relative_to(directory)),
            key_signature: self.key_signature,
        }
    }
}

/// HTTPS instead of HTTP.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub(super) certificate: PathBuf,
    pub(super) key: KeyLocation,
    pub(super) key_passphrase: Option<PassphraseSource>,
    /// Who certifies clients; without any, none is asked for a certificate.
    #[serde(default)]
    pub(super) client_cas: Vec<PathBuf>,
    /// Whether who shows no certificate is turned away, too.
    #[serde(default)]
    client_certificate_required: bool,
}

impl Tls {
    pub(super) fn check(&self) -> Result<()> {
        if self.client_certificate_required && self.client_cas.is_empty() {
            bail!(
                "tls.client_certificate_required: nobody could get in; name the CAs of clients in client_cas"
            );
        }
        Ok(())
    }

    pub(crate) fn server_tls(&self) -> Result<ServerTls> {
        let shown = self.certificate.display();
        let key = KeySource::new(self.key.clone(), self.key_passphrase.clone());
        let (chain, key) = read_tls_credential(&self.certificate, &key)?;
        let octets = |certificate: &EncodedCertificate| certificate.octets().to_vec();
        let identity = Identity::new(chain.iter().map(octets).collect(), key);
        let mut anchors = Vec::new();
        for path in &self.client_cas {
            anchors.extend(read_certificates(path)?.iter().map(octets));
        }
        let config = if self.client_certificate_required {
            ClientTrust::mandatory(&anchors).and_then(|clients| server_config_trusting(identity, &clients))
        } else {
            server_config(identity, &anchors)
        };
        Ok(ServerTls::new(config.with_context(|| shown.to_string())?))
    }
}
