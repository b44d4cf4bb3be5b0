//! The vendor's factory: a CA, and for every station a key and a certificate.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use asn1::EncodedCertificate;
use ca::{Issuer, Profile};
use crypto::SigningKey;
use crypto_aws_lc::{KeyType, SoftwareKey, write_key_file};
use host::files::{certificates_pem, write_new};
use host::parse_name;

/// Vendor certificates live as long as the hardware.
const VALIDITY: Duration = Duration::from_secs(20 * 365 * 24 * 60 * 60);

pub(crate) struct Factory {
    issuer: Issuer,
    /// The CA's certificate.
    pub(crate) certificate: PathBuf,
}

/// A station as it leaves the factory.
pub(crate) struct Product {
    pub(crate) vendor_subject: String,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Factory {
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        let key = SoftwareKey::generate(KeyType::P256)?;
        write_key_file(directory.join("ca.key.pem"), &key)?;
        let name = parse_name("CN=Factory CA,O=Vendor").map_err(anyhow::Error::msg)?;
        let issuer =
            Issuer::self_signed(name, Box::new(key), 2 * VALIDITY, &crypto_aws_lc::provider(), host::now())?;
        let certificate = directory.join("ca.pem");
        write(&certificate, issuer.certificate())?;
        Ok(Self { issuer, certificate })
    }

    /// Makes a station, whose files lie in that directory.
    pub(crate) fn make(&self, number: usize, directory: &Path) -> Result<Product> {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        let vendor_subject = format!("CN=SN-{number:05},O=Vendor");
        let key = SoftwareKey::generate(KeyType::P256)?;
        let key_path = directory.join("vendor.key.pem");
        write_key_file(&key_path, &key)?;
        let subject = parse_name(&vendor_subject).map_err(anyhow::Error::msg)?;
        let (mut contents, _) = Profile::NE.fit(subject, key.public_key(), &[])?;
        contents.validity = VALIDITY;
        let issued = self.issuer.issue(&contents, &crypto_aws_lc::provider(), host::now())?;
        let certificate = directory.join("vendor.pem");
        write(&certificate, &issued.certificate)?;
        Ok(Product { vendor_subject, certificate, key: key_path })
    }
}

fn write(path: &Path, certificate: &EncodedCertificate) -> Result<()> {
    let pem = certificates_pem(std::slice::from_ref(certificate))?;
    Ok(write_new(path, pem.as_bytes())?)
}
