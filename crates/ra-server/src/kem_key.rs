//! `raca kem-key`: what the CA proves itself with by KEM-based MACs.

use std::path::Path;

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use crypto::{DecapsulationKey, KemAlgorithm};
use crypto_aws_lc::KemKey;
use host::files::{certificates_pem, write_new};
use host::{PassphraseSource, write_kem_key};

use crate::admin::{Answer, Command};
use crate::commands::carry_out;

const KEY: &str = "kem.key.pem";
const CERTIFICATE: &str = "kem.pem";

/// Makes `kem.key.pem` and its certificate `kem.pem` beside the configuration, and returns the lines that `raca.toml` is to have for
/// them. When `raca serve` runs, it is asked for the certificate. Blocks.
///
/// # Errors
/// When a file is there already or cannot be written, the configuration cannot be used, or the registry fails.
pub fn kem_key(
    config: &Path,
    algorithm: KemAlgorithm,
    passphrase: Option<&PassphraseSource>,
) -> Result<String> {
    let directory = config.parent().unwrap_or(Path::new("."));
    let (key_file, file) = (directory.join(KEY), directory.join(CERTIFICATE));
    if file.try_exists().unwrap_or(true) {
        bail!("{}: is there already, and nothing is overwritten", file.display());
    }
    let key = KemKey::generate(algorithm)?;
    write_kem_key(&key_file, &key, passphrase)?;
    let spki = key.public_key().spki_octets();
    let answer = carry_out(config, &Command::KemKey { spki: spki.to_vec() }).inspect_err(|_| {
        // Made a moment ago, it is no good without a certificate and would stand in the way of the next attempt.
        let _ = std::fs::remove_file(&key_file);
    })?;
    let Answer::Certificate(pem) = answer else {
        bail!("the running `raca serve` answered something else; is it of another version?")
    };
    write_new(&file, pem.as_bytes()).context("the certificate was issued")?;
    let passphrase = passphrase.map(|source| format!("key_passphrase = {:?}\n", source.to_string()));
    let passphrase = passphrase.unwrap_or_default();
    Ok(format!("[kem]\ncertificate = {CERTIFICATE:?}\nkey = {KEY:?}\n{passphrase}"))
}

pub(crate) fn pem(certificate: &EncodedCertificate) -> Result<String> {
    Ok(certificates_pem(std::slice::from_ref(certificate))?)
}
