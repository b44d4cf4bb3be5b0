//! The file, and what else people carry.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use cmp::ReadingPolicy;
use der::{Decode, Header, Reader, SliceReader};
use host::batch_file::BatchFile;
use pkcs10::CertReq;
use x509_cert::Certificate;

use crate::config::Offline;

/// What there is to sign.
pub(super) enum Input {
    Whole(Vec<u8>),
    /// A batch, which is read in pieces.
    Batch(Box<BatchFile>),
}

impl Input {
    /// A file that may be one PKIMessage; what is obviously something else is told so.
    pub(super) fn open(path: &Path, limits: &Offline, lenient: bool) -> Result<Self> {
        let mut policy = ReadingPolicy::default();
        policy.lenient = lenient;
        policy.message_size = limits.max_file_octets;
        policy.nested_messages = limits.max_requests;
        match BatchFile::open(path, &policy) {
            Ok(Some(batch)) => Ok(Self::Batch(Box::new(batch))),
            // Whatever it is, it is looked at as a whole.
            _ => read(path, limits).map(Self::Whole),
        }
    }
}

fn read(path: &Path, limits: &Offline) -> Result<Vec<u8>> {
    let shown = path.display();
    let limit = u64::try_from(limits.max_file_octets).unwrap_or(u64::MAX);
    let octets = host::files::read(path, limit).map_err(|error| {
        let too_large =
            matches!(&error, host::Error::File { error, .. } if error.kind() == ErrorKind::FileTooLarge);
        let hint = if too_large { "; offline.max_file_octets says how large a file may be" } else { "" };
        anyhow!("{error}{hint}")
    })?;
    if let Some(reason) = wrong_kind(&octets) {
        bail!("{shown}: {reason}");
    }
    Ok(octets)
}

fn wrong_kind(octets: &[u8]) -> Option<String> {
    const ONE_MESSAGE: &str = "a file is one PKIMessage in DER (RFC 9483 section 6.4)";
    if octets.is_empty() {
        return Some("is empty".to_owned());
    }
    if let Some(label) = pem_label(octets) {
        let hint = match label.as_str() {
            "CERTIFICATE REQUEST" => "; `raca issue --csr` takes requests like this one",
            _ => "",
        };
        return Some(format!("is PEM ({label}), but {ONE_MESSAGE}{hint}"));
    }
    if octets.first() != Some(&0x30) {
        return Some(format!("is no DER, but {ONE_MESSAGE}"));
    }
    match length(octets) {
        None => return Some("is cut off within its first octets, or no DER".to_owned()),
        Some(length) if length > octets.len() => {
            return Some(format!("is cut off: it has {} of its {length} octets", octets.len()));
        }
        Some(length) if length < octets.len() => {
            let behind = octets.len().saturating_sub(length);
            return Some(format!("has {behind} octets behind the message, but {ONE_MESSAGE}"));
        }
        Some(_) => {}
    }
    if CertReq::from_der(octets).is_ok() {
        return Some("is a PKCS #10 request, which `raca issue --csr` takes".to_owned());
    }
    Certificate::from_der(octets).is_ok().then(|| "is a certificate, and no request".to_owned())
}

/// How long the file says that it is.
fn length(octets: &[u8]) -> Option<usize> {
    let start = octets.get(..octets.len().min(16))?;
    let mut reader = SliceReader::new(start).ok()?;
    let header = Header::decode(&mut reader).ok()?;
    let length = (reader.position() + header.length()).ok()?;
    usize::try_from(u32::from(length)).ok()
}

fn pem_label(octets: &[u8]) -> Option<String> {
    let start = octets.get(..octets.len().min(4096))?;
    let text = String::from_utf8_lossy(start);
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, _) = rest.split_once("-----")?;
    Some(label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_else_people_carry_is_named() {
        for (octets, reason) in [
            (&b""[..], "empty"),
            (b"-----BEGIN CERTIFICATE REQUEST-----\nMII", "raca issue"),
            (b"text\n-----BEGIN CERTIFICATE-----\nMII", "PEM (CERTIFICATE)"),
            (b"{\"manifest\": 1}", "no DER"),
            (&[0x30], "cut off"),
            (&[0x30, 0x82, 1], "cut off"),
            (&[0x30, 0x82, 1, 0, 5], "5 of its 260"),
            (&[0x30, 0, 0, 0], "2 octets behind"),
        ] {
            let said = wrong_kind(octets).unwrap();
            assert!(said.contains(reason), "{said}");
        }
        assert_eq!(wrong_kind(&[0x30, 0]), None);
    }
}
