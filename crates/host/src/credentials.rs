use std::path::Path;
use std::sync::Arc;

use asn1::EncodedCertificate;
use crypto::{DecapsulationKey, PublicKey, SigningKey};
use crypto_aws_lc::{KemKey, SoftwareKey};
use der::{Decode, Encode};
use x509_cert::Certificate;

use crate::files::read_certificates;
use crate::key::{Key, read_kem_key};
use crate::{Error, KeySource, PassphraseSource};

/// Reads a certificate with its chain behind it, leaf first, and gets hold of the key that belongs to it, wherever that
/// is. Blocks, and may ask for a passphrase at the terminal.
///
/// # Errors
/// When a file or a token cannot be used, or the key is not the one in the certificate.
pub fn read_credential(
    certificate: &Path,
    key: &KeySource,
) -> Result<(Vec<EncodedCertificate>, Box<dyn SigningKey>), Error> {
    let (chain, key) = read(certificate, key)?;
    Ok((chain, key.into_signing_key()))
}

/// As [`read_credential`], with a key in memory, which can do more than sign.
///
/// # Errors
/// As [`read_credential`]; also when the key is in a token.
pub fn read_software_credential(
    certificate: &Path,
    key: &KeySource,
) -> Result<(Vec<EncodedCertificate>, SoftwareKey), Error> {
    match read(certificate, key)? {
        (chain, Key::Software(key)) => Ok((chain, key)),
        (_, Key::Token(_)) => Err(Error::InToken { key: key.to_string() }),
    }
}

/// As [`read_credential`], with the key as TLS needs it. In a token it signs with whatever the peer offers that it can do; it
/// then blocks a thread, but not the reactor, as long as that has more than one.
///
/// # Errors
/// As [`read_credential`]; also when no TLS can be done with such a key.
pub fn read_tls_credential(
    certificate: &Path,
    key: &KeySource,
) -> Result<(Vec<EncodedCertificate>, Arc<dyn rustls::sign::SigningKey>), Error> {
    let (chain, opened) = read(certificate, key)?;
    Ok((chain, opened.into_tls_key(key)?))
}

/// Reads the certificate of an ML-KEM key, its chain, and the key.
///
/// # Errors
/// As [`read_credential`].
pub fn read_kem_credential(
    certificate: &Path,
    key: &Path,
    passphrase: Option<&PassphraseSource>,
) -> Result<(EncodedCertificate, Vec<EncodedCertificate>, KemKey), Error> {
    let (leaf, chain, certified) = read_certified(certificate)?;
    let opened = read_kem_key(key, passphrase)?;
    if *opened.public_key() != certified {
        return Err(Error::OtherKey { certificate: certificate.to_owned(), key: key.display().to_string() });
    }
    Ok((leaf, chain, opened))
}

fn read(certificate: &Path, key: &KeySource) -> Result<(Vec<EncodedCertificate>, Key), Error> {
    let (leaf, chain, certified) = read_certified(certificate)?;
    let opened = Key::open(key, Some(&certified))?;
    if *opened.public_key() != certified {
        return Err(Error::OtherKey { certificate: certificate.to_owned(), key: key.to_string() });
    }
    Ok((std::iter::once(leaf).chain(chain).collect(), opened))
}

/// The first certificate, those behind it, and the key in the first.
fn read_certified(
    certificate: &Path,
) -> Result<(EncodedCertificate, Vec<EncodedCertificate>, PublicKey), Error> {
    let malformed = |reason: &str| Error::NoCertificates {
        path: certificate.to_owned(),
        reason: format!("the first one {reason}"),
    };
    let mut certificates = read_certificates(certificate)?.into_iter();
    let leaf = certificates.next().ok_or_else(|| malformed("is missing"))?;
    let decoded = Certificate::from_der(leaf.octets()).map_err(|_| malformed("cannot be decoded"))?;
    let spki = decoded.tbs_certificate().subject_public_key_info().to_der();
    let certified = spki
        .ok()
        .and_then(|spki| PublicKey::from_spki_der(&spki).ok())
        .ok_or_else(|| malformed("is for a key that is malformed, weak or not supported"))?;
    Ok((leaf, certificates.collect(), certified))
}
