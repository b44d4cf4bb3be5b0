//! Certificates and requests in files: read within bounds, written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use asn1::EncodedCertificate;
use crypto::CertificateList;
use der::Document;
use der::pem::LineEnding;

use crate::Error;

/// More than the certificates of any chain.
const MAX_LENGTH: u64 = 1024 * 1024;

/// What a file in DER begins with.
const SEQUENCE: u8 = 0x30;

const CERTIFICATE: &str = "CERTIFICATE";
/// Millions of revoked certificates.
const MAX_CRL_LENGTH: u64 = 64 * 1024 * 1024;

const CRL: &str = "X509 CRL";
const CERTIFICATE_REQUEST: &str = "CERTIFICATE REQUEST";

/// Every certificate in a PEM file, in order; at least one.
///
/// # Errors
/// When the file cannot be read, or there is no certificate in it.
pub fn read_certificates(path: &Path) -> Result<Vec<EncodedCertificate>, Error> {
    let reason = |reason: &str| Error::NoCertificates { path: path.to_owned(), reason: reason.to_owned() };
    let text = String::from_utf8(read(path, MAX_LENGTH)?).map_err(|_| reason("it is no text"))?;
    let mut certificates = Vec::new();
    for block in blocks(&text, CERTIFICATE) {
        let (_, document) = Document::from_pem(block).map_err(|error| reason(&error.to_string()))?;
        certificates
            .push(EncodedCertificate::new(document.as_bytes()).map_err(|error| reason(&error.to_string()))?);
    }
    if certificates.is_empty() {
        return Err(reason("there is no certificate in it"));
    }
    Ok(certificates)
}

/// Every CRL in a file: one in DER, or any number in PEM (RFC 7468 section 6), at least one.
///
/// # Errors
/// When the file cannot be read, there is no CRL in it, or one cannot be used.
pub fn read_crls(path: &Path) -> Result<Vec<CertificateList>, Error> {
    let error = |reason: String| Error::Crl { path: path.to_owned(), reason };
    let octets = read(path, MAX_CRL_LENGTH)?;
    if octets.first() == Some(&SEQUENCE) {
        return Ok(vec![CertificateList::from_der(&octets).map_err(|reason| error(reason.to_string()))?]);
    }
    let text = String::from_utf8(octets).map_err(|_| error("it is neither DER nor text".to_owned()))?;
    let mut lists = Vec::new();
    for block in blocks(&text, CRL) {
        let (_, document) = Document::from_pem(block).map_err(|reason| error(reason.to_string()))?;
        lists.push(
            CertificateList::from_der(document.as_bytes()).map_err(|reason| error(reason.to_string()))?,
        );
    }
    if lists.len() != text.matches(&format!("-----BEGIN {CRL}-----")).count() {
        return Err(error("it ends within a CRL".to_owned()));
    }
    if lists.is_empty() {
        return Err(error("there is no X509 CRL in it".to_owned()));
    }
    Ok(lists)
}

/// The DER of a PKCS #10 request in PEM or DER; whether it is well-formed is not looked at.
///
/// # Errors
/// When it is neither.
pub fn parse_request(octets: &[u8]) -> Result<Vec<u8>, Error> {
    if octets.first() == Some(&SEQUENCE) {
        return Ok(octets.to_vec());
    }
    let text = str::from_utf8(octets).map_err(|_| Error::NoRequest)?;
    let block = blocks(text, CERTIFICATE_REQUEST).next().ok_or(Error::NoRequest)?;
    let (_, document) = Document::from_pem(block).map_err(|_| Error::NoRequest)?;
    Ok(document.as_bytes().to_vec())
}

/// The PEM blocks with that label, each from its BEGIN to its END line.
fn blocks<'a>(text: &'a str, label: &str) -> impl Iterator<Item = &'a str> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let block = rest.get(rest.find(&begin)?..)?;
        let length = block.find(&end)?.checked_add(end.len())?;
        let (block, after) = block.split_at_checked(length)?;
        rest = after;
        Some(block)
    })
}

/// A file's octets, when there are at most `limit`.
///
/// # Errors
/// When it cannot be read, or is longer.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let file_error = |error| Error::File { path: path.to_owned(), error };
    let mut octets = Vec::new();
    let file = File::open(path).map_err(file_error)?;
    file.take(limit.saturating_add(1)).read_to_end(&mut octets).map_err(file_error)?;
    if u64::try_from(octets.len()).is_ok_and(|length| length <= limit) {
        Ok(octets)
    } else {
        Err(file_error(std::io::Error::new(ErrorKind::FileTooLarge, format!("more than {limit} octets"))))
    }
}

/// Certificates as PEM (RFC 7468 section 5).
///
/// # Errors
/// When they cannot be encoded.
pub fn certificates_pem(certificates: &[EncodedCertificate]) -> Result<String, Error> {
    certificates.iter().map(|certificate| pem(CERTIFICATE, certificate.octets())).collect()
}

/// A PKCS #10 request as PEM (RFC 7468 section 7).
///
/// # Errors
/// When it cannot be encoded.
pub fn request_pem(request: &[u8]) -> Result<String, Error> {
    pem(CERTIFICATE_REQUEST, request)
}

/// A CRL as PEM (RFC 7468 section 6).
///
/// # Errors
/// When it cannot be encoded.
pub fn crl_pem(crl: &[u8]) -> Result<String, Error> {
    pem(CRL, crl)
}

fn pem(label: &'static str, octets: &[u8]) -> Result<String, Error> {
    Document::try_from(octets)
        .and_then(|document| document.to_pem(label, LineEnding::LF))
        .map_err(Error::Encoding)
}

/// Writes a file that is not there yet. When this returns it is on the disk.
///
/// # Errors
/// When it is there already, or cannot be written.
pub fn write_new(path: &Path, octets: &[u8]) -> Result<(), Error> {
    let file_error = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Error::Exists(path.to_owned()),
        _ => Error::File { path: path.to_owned(), error },
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(file_error)?;
    file.write_all(octets).and_then(|()| file.sync_all()).map_err(file_error)?;
    sync_directory(path).map_err(file_error)
}

/// Writes a file that is not there yet so that whoever watches the folder sees it whole or not at all. When this returns it is on the
/// disk.
///
/// # Errors
/// When it is there already, or cannot be written.
pub fn write_new_atomically(path: &Path, octets: &[u8]) -> Result<(), Error> {
    // Links, which would tell for certain, do not exist on the disks that are carried about.
    if path.try_exists().map_err(|error| Error::File { path: path.to_owned(), error })? {
        return Err(Error::Exists(path.to_owned()));
    }
    write_atomically(path, octets)
}

/// Writes or replaces a file so that at any moment, power failures included, it is whole: the old one or the new one.
///
/// # Errors
/// When it cannot be written; the old one stays then.
pub fn write_atomically(path: &Path, octets: &[u8]) -> Result<(), Error> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let write = || {
        let mut file = File::create(&temporary)?;
        // Whoever narrowed it down does not find it open to all afterwards.
        if let Ok(before) = fs::metadata(path) {
            file.set_permissions(before.permissions())?;
        }
        file.write_all(octets)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_directory(path)
    };
    write().map_err(|error| Error::File { path: path.to_owned(), error })
}

/// A new name lives in its directory, which is synced for itself.
pub(crate) fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// What is wrong in a text, and in which line. The line itself is not shown: somebody may have written a secret there.
pub fn line_of(text: &str, place: Option<std::ops::Range<usize>>, reason: &str) -> String {
    match place.and_then(|place| text.get(..place.start)) {
        Some(before) => format!("line {}: {reason}", before.matches('\n').count().saturating_add(1)),
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_read_among_other_text() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("chain.pem");
        let (a, b) = (
            EncodedCertificate::new(&[0x30, 0x01, 0x05]).unwrap(),
            EncodedCertificate::new(&[0x30, 0x00]).unwrap(),
        );
        let pem = certificates_pem(&[a.clone(), b.clone()]).unwrap();
        write_new(&path, format!("Subject: somebody\n{pem}").as_bytes()).unwrap();
        assert_eq!(read_certificates(&path).unwrap(), [a, b]);
        assert!(matches!(write_new(&path, b""), Err(Error::Exists(_))));

        assert!(matches!(write_new_atomically(&path, b""), Err(Error::Exists(_))));

        write_atomically(&path, b"-----BEGIN CERTIFICATE-----\nMAA=\n").unwrap();
        assert!(matches!(read_certificates(&path), Err(Error::NoCertificates { .. })));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file stays behind");
    }

    #[test]
    fn requests_are_read_in_both_forms() {
        let der = vec![0x30, 0x00];
        assert_eq!(parse_request(&der).unwrap(), der);
        assert_eq!(parse_request(request_pem(&der).unwrap().as_bytes()).unwrap(), der);
        for bad in [&b""[..], b"hello", b"\xff", b"-----BEGIN CERTIFICATE REQUEST-----"] {
            assert!(parse_request(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_crl_is_told_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vendor.crl");
        let pkits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/pkits");
        let good = fs::read(pkits.join("crls/GoodCACRL.crl")).unwrap();
        let read_as = |octets: &[u8]| {
            write_atomically(&path, octets).unwrap();
            read_crls(&path).map_err(|error| error.to_string())
        };
        assert_eq!(read_as(&good).unwrap().len(), 1);
        let block = pem(CRL, &good).unwrap();
        let lists = read_as(format!("Two of them\n{block}\n{block}").as_bytes()).unwrap();
        assert_eq!(lists.iter().map(CertificateList::revoked).collect::<Vec<_>>(), [2, 2]);
        for length in 0..good.len() {
            assert!(read_as(&good[..length]).is_err(), "{length} octets");
        }
        let refused = |octets: &[u8], reason: &str| {
            let error = read_as(octets).unwrap_err();
            assert!(error.contains("vendor.crl") && error.contains(reason), "{reason}: {error}");
        };
        refused(b"", "there is no X509 CRL in it");
        refused(b"\xff\xfe", "neither DER nor text");
        refused(&[&good[..], b"0"].concat(), "not a CertificateList");
        refused(format!("{block}{}", &block[..200]).as_bytes(), "ends within a CRL");
        refused(block.replace("MII", "MI!").as_bytes(), "vendor.crl");
        refused(&fs::read(pkits.join("certs/GoodCACert.crt")).unwrap(), "not a CertificateList");
        let certificate = EncodedCertificate::new(&good).unwrap();
        refused(certificates_pem(&[certificate]).unwrap().as_bytes(), "there is no X509 CRL in it");
        refused(&fs::read(pkits.join("crls/deltaCRLCA1deltaCRL.crl")).unwrap(), "delta CRL");
        refused(&fs::read(pkits.join("crls/indirectCRLCA1CRL.crl")).unwrap(), "indirect CRL");
        refused(&fs::read(pkits.join("crls/onlySomeReasonsCA1compromiseCRL.crl")).unwrap(), "some reasons");
        let large = File::create(&path).unwrap();
        large.set_len(MAX_CRL_LENGTH + 1).unwrap();
        assert!(read_crls(&path).unwrap_err().to_string().contains("more than"));
    }

    #[test]
    fn large_files_are_not_read_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("large");
        write_new(&path, &[0; 100]).unwrap();
        assert_eq!(read(&path, 100).unwrap().len(), 100);
        assert!(matches!(read(&path, 99), Err(Error::File { .. })));
    }
}
