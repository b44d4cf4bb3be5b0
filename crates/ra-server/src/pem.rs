//! Certificates and requests in PEM (RFC 7468).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use der::pem::{LineEnding, encode_string};
use pkcs10::CertReq;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer};

/// The certificates in a file, in their order; at least one.
pub(crate) fn read_certificates(path: &Path) -> Result<Vec<EncodedCertificate>> {
    let shown = path.display();
    let text = fs::read(path).with_context(|| format!("{shown}: cannot be read"))?;
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.with_context(|| format!("{shown}: is not well-formed PEM"))?;
        let certificate = EncodedCertificate::new(&certificate)
            .with_context(|| format!("{shown}: holds something that is not a certificate"))?;
        certificates.push(certificate);
    }
    if certificates.is_empty() {
        bail!(
            "{shown}: holds no certificate in PEM; `openssl x509 -inform DER -in FILE -out NEW` converts from DER"
        );
    }
    Ok(certificates)
}

/// The first certificate in a file.
pub(crate) fn read_certificate(path: &Path) -> Result<EncodedCertificate> {
    let first = read_certificates(path)?.into_iter().next();
    first.with_context(|| format!("{}: holds no certificate", path.display()))
}

pub(crate) fn certificate_to_pem(certificate: &EncodedCertificate) -> Result<String> {
    encode("CERTIFICATE", certificate.octets())
}

/// A PKCS #10 request in PEM or DER.
pub(crate) fn parse_request(octets: &[u8]) -> Result<CertReq> {
    let unreadable = "this is no PKCS #10 request, neither in PEM nor in DER";
    if octets.first() == Some(&0x30) {
        return CertReq::from_der(octets).context(unreadable);
    }
    let der = CertificateSigningRequestDer::from_pem_slice(octets).context(unreadable)?;
    CertReq::from_der(&der).context(unreadable)
}

pub(crate) fn request_to_pem(request: &CertReq) -> Result<String> {
    encode("CERTIFICATE REQUEST", request.octets())
}

fn encode(label: &'static str, octets: &[u8]) -> Result<String> {
    encode_string(label, LineEnding::LF, octets)
        .map_err(|error| anyhow::anyhow!("a {label} cannot be written as PEM: {error}"))
}
