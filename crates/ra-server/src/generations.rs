//! The keys that the CA had, one after another: the one in `[ca]`, and those that `raca rollover` made.
//!
//! Each of the latter has a folder of its own, `1`, `2` and so on, which is there whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use ca::Issuer;
use cmp::RootCaKeyUpdateContent;
use host::KeySource;
use host::files::read_certificates;
use host::read_credential;

use crate::config::{Config, Credential};

/// The names of the files in a folder.
pub(crate) const CREDENTIAL: &str = "credential.toml";
pub(crate) const CERTIFICATE: &str = "ca.pem";
pub(crate) const KEY: &str = "ca.key.pem";
pub(crate) const NEW_WITH_OLD: &str = "new-with-old.pem";
pub(crate) const OLD_WITH_NEW: &str = "old-with-new.pem";

/// A key of the CA, and what came with it.
pub(crate) struct Generation {
    pub(crate) certificate: EncodedCertificate,
    pub(crate) key: KeySource,
    pub(crate) issuer: Issuer,
    /// What leads to it from the key before; `None` for the first.
    pub(crate) update: Option<RootCaKeyUpdateContent>,
}

impl Generation {
    fn read(credential: &Credential, update: Option<RootCaKeyUpdateContent>) -> Result<Self> {
        let key = credential.key();
        let shown = || credential.certificate.display().to_string();
        let (certificates, signing) = read_credential(&credential.certificate, &key)?;
        let certificate =
            certificates.into_iter().next().with_context(|| format!("{}: is empty", shown()))?;
        let issuer = Issuer::new(certificate.clone(), signing).with_context(shown)?;
        Ok(Self { certificate, key, issuer, update })
    }
}

/// All of them, the present one last. Blocks, and may ask for passphrases at the terminal.
pub(crate) fn read_generations(config: &Config) -> Result<Vec<Generation>> {
    let mut all = Vec::from([Generation::read(&config.ca, None)?]);
    for number in 1_u32.. {
        let folder = folder(config, number);
        if !folder.exists() {
            break;
        }
        let credential = read_folder(&folder)?;
        let new = first_certificate(&credential.certificate)?;
        let mut update = RootCaKeyUpdateContent::new(new);
        update.new_with_old = Some(first_certificate(&folder.join(NEW_WITH_OLD))?);
        update.old_with_new = Some(first_certificate(&folder.join(OLD_WITH_NEW))?);
        all.push(Generation::read(&credential, Some(update))?);
    }
    Ok(all)
}

/// Where the key with that number is, the one in `[ca]` being 0.
pub(crate) fn folder(config: &Config, number: u32) -> PathBuf {
    config.rollovers.join(number.to_string())
}

/// The same name for what belongs to the key with that number: `ca.crl`, `ca-1.crl`, `ca-2.crl`; of a path or a URL.
pub(crate) fn numbered(name: &str, number: usize) -> String {
    let directory = name.rfind('/').map_or(0, |at| at.saturating_add(1));
    let (directory, file) = name.split_at(directory);
    match (number, file.rsplit_once('.')) {
        (0, _) => name.to_owned(),
        (_, Some((stem, extension))) => format!("{directory}{stem}-{number}.{extension}"),
        (_, None) => format!("{name}-{number}"),
    }
}

fn read_folder(folder: &Path) -> Result<Credential> {
    let path = folder.join(CREDENTIAL);
    let shown = path.display();
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{shown}: cannot be read; restore the folder from a backup"))?;
    let credential: Credential = toml::from_str(&text).with_context(|| shown.to_string())?;
    Ok(credential.relative_to(folder))
}

fn first_certificate(path: &Path) -> Result<EncodedCertificate> {
    match read_certificates(path)?.into_iter().next() {
        Some(certificate) => Ok(certificate),
        None => bail!("{}: is empty", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_before_their_extension() {
        for (name, numbered_1) in [
            ("ca.crl", "ca-1.crl"),
            ("/srv/pki.d/ca.crl", "/srv/pki.d/ca-1.crl"),
            ("http://pki.example/ca.crl", "http://pki.example/ca-1.crl"),
            ("http://pki.example/list", "http://pki.example/list-1"),
        ] {
            assert_eq!(numbered(name, 0), name);
            assert_eq!(numbered(name, 1), numbered_1);
        }
    }
}
