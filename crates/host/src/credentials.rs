use std::path::Path;

use asn1::EncodedCertificate;
use crypto::SigningKey;
use crypto_aws_lc::{SoftwareKey, read_key_file};
use der::{Decode, Encode};
use x509_cert::Certificate;

use crate::Error;
use crate::files::read_certificates;

/// Reads a certificate with its chain behind it, leaf first, and the key that belongs to it.
///
/// # Errors
/// When a file cannot be used, or the key is not the one in the certificate.
pub fn read_credential(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<EncodedCertificate>, SoftwareKey), Error> {
    let chain = read_certificates(certificate)?;
    let private_key = read_key_file(key).map_err(Error::Key)?;
    let malformed = |_| Error::NoCertificates {
        path: certificate.to_owned(),
        reason: "the first one cannot be decoded".to_owned(),
    };
    let certified = chain.first().map(|leaf| {
        let leaf = Certificate::from_der(leaf.octets())?;
        leaf.tbs_certificate().subject_public_key_info().to_der()
    });
    let certified = certified.transpose().map_err(malformed)?.unwrap_or_default();
    if certified != private_key.public_key().spki_octets() {
        return Err(Error::OtherKey { certificate: certificate.to_owned(), key: key.to_owned() });
    }
    Ok((chain, private_key))
}
