//! Files with answers and certificates are read, within bounds: as they come from people, nothing of them is believed.

use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use der::{Decode, Document};
use nem::by_hand::is_ca;
use transfer::certificates_of_certs_only;
use x509_cert::Certificate;
use zip::ZipArchive;

use super::report::{ImportReport, TakenEntry};
use crate::service::Service;

/// Octets of everything together: a hundred thousand answers are 200 MB.
const MAX_OCTETS: u64 = 1 << 30;
/// Files in a folder or an archive.
const MAX_FILES: usize = 1_000_000;
/// CA certificates among them: more than the chains of any operator have.
const MAX_CAS: usize = 64;
/// Certificates in one certs-only PKCS #7.
const MAX_CERTIFICATES: usize = 1_000_000;

const CERTIFICATE: &str = "CERTIFICATE";

/// What a file holds.
enum Contents {
    Certificates(Vec<EncodedCertificate>),
    /// Perhaps a CMP message.
    Message(Vec<u8>),
    /// A request, or the list of an export: what lay there before.
    Ours,
    Nothing,
}

/// Takes what is in a file, a folder or an archive. Blocks.
pub(crate) fn import(service: &Arc<Service>, path: &Path) -> Result<ImportReport> {
    let shown = path.display().to_string();
    let parts = read(path)?;
    let single = parts.len() == 1;
    let mut entries = Vec::new();
    let (mut leaves, mut sources, mut pool) = (Vec::new(), Vec::new(), Vec::new());
    for (name, octets) in parts {
        match classify(octets) {
            Contents::Certificates(certificates) => {
                for certificate in certificates {
                    if !is_ca(&certificate) {
                        leaves.push(certificate);
                        sources.push(name.clone());
                    } else if pool.len() < MAX_CAS && !pool.contains(&certificate) {
                        pool.push(certificate);
                    }
                }
            }
            Contents::Message(octets) => match take_message(service, &name, &octets) {
                Ok(taken) => entries.extend(taken),
                Err(error) if single => return Err(error.context(shown)),
                Err(error) => entries.push(TakenEntry::refused(&name, format!("{error:#}"))),
            },
            Contents::Ours => {}
            Contents::Nothing if single => {
                bail!(
                    "{shown}: is neither a CMP message nor certificates (PEM, DER, PKCS #7, a folder or zip of them)"
                )
            }
            Contents::Nothing => {
                let reason = "it is neither a CMP message nor certificates".to_owned();
                entries.push(TakenEntry::refused(&name, reason));
            }
        }
    }
    let mut rest = leaves.as_slice();
    let mut sources = sources.iter();
    while !rest.is_empty() {
        let taken = service.act(|nem, now| nem.take_certificates(&mut rest, &pool, now))?;
        entries.extend(taken.iter().zip(&mut sources).map(|(taken, source)| TakenEntry::new(source, taken)));
    }
    if entries.is_empty() {
        bail!("{shown}: holds neither answers nor certificates of stations");
    }
    Ok(ImportReport::new(shown, entries))
}

fn take_message(service: &Arc<Service>, name: &str, octets: &[u8]) -> Result<Vec<TakenEntry>> {
    let mut file = service.act(|nem, now| nem.open_answers(octets, now))?;
    let mut entries = Vec::new();
    while let Some(taken) = service.act(|nem, now| nem.take_answers_by_hand(&mut file, now))? {
        entries.extend(taken.iter().map(|taken| TakenEntry::new(name, taken)));
    }
    Ok(entries)
}

/// Names and contents. Names are for people; no path is made of one that stands in an archive.
fn read(path: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let shown = path.display();
    if path.is_dir() {
        return read_folder(path);
    }
    let octets = host::files::read(path, MAX_OCTETS)?;
    if octets.starts_with(b"PK\x03\x04") {
        return read_archive(octets).with_context(|| shown.to_string());
    }
    Ok(vec![(file_name(path), octets)])
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read_folder(path: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let shown = path.display();
    let (mut parts, mut left) = (Vec::new(), MAX_OCTETS);
    let entries = fs::read_dir(path).with_context(|| shown.to_string())?;
    let mut paths: Vec<_> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    if paths.len() > MAX_FILES {
        bail!("{shown}: holds more than {MAX_FILES} files");
    }
    paths.sort();
    for file in paths {
        let name = file_name(&file);
        if name.starts_with('.') || name.ends_with(".tmp") || !file.is_file() {
            continue;
        }
        let octets = host::files::read(&file, left)?;
        left = left.saturating_sub(u64::try_from(octets.len())?);
        parts.push((name, octets));
    }
    Ok(parts)
}

/// What an archive says of sizes is not believed: each file may be as long as there is room left, and no longer.
fn read_archive(octets: Vec<u8>) -> Result<Vec<(String, Vec<u8>)>> {
    let mut archive = ZipArchive::new(Cursor::new(octets)).context("it is no whole zip archive")?;
    if archive.len() > MAX_FILES {
        bail!("it holds more than {MAX_FILES} files");
    }
    let (mut parts, mut left) = (Vec::new(), MAX_OCTETS);
    for position in 0..archive.len() {
        let file = archive.by_index(position).context("it is no whole zip archive")?;
        if !file.is_file() {
            continue;
        }
        let name = file
            .name()
            .context("it is no whole zip archive")?
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect();
        let mut octets = Vec::new();
        file.take(left.saturating_add(1)).read_to_end(&mut octets).context("it is no whole zip archive")?;
        left = left
            .checked_sub(u64::try_from(octets.len())?)
            .with_context(|| format!("it holds more than {MAX_OCTETS} octets"))?;
        parts.push((name, octets));
    }
    Ok(parts)
}

fn classify(octets: Vec<u8>) -> Contents {
    if octets.first() == Some(&0x30) {
        if Certificate::from_der(&octets).is_ok() {
            return EncodedCertificate::new(&octets)
                .map_or(Contents::Nothing, |one| Contents::Certificates(vec![one]));
        }
        if let Ok(certificates) = certificates_of_certs_only(&octets, MAX_CERTIFICATES) {
            return encoded(&certificates);
        }
        return Contents::Message(octets);
    }
    let Ok(text) = std::str::from_utf8(&octets) else { return Contents::Nothing };
    if text.starts_with("# export ") || text.contains("-----BEGIN CERTIFICATE REQUEST-----") {
        return Contents::Ours;
    }
    let mut certificates = Vec::new();
    for block in blocks(text) {
        match Document::from_pem(block) {
            Ok((label, document)) if label == CERTIFICATE => {
                certificates.push(document.as_bytes().to_vec());
            }
            Ok(("PKCS7" | "CMS", document)) => {
                let found = certificates_of_certs_only(document.as_bytes(), MAX_CERTIFICATES);
                certificates.extend(found.unwrap_or_default());
            }
            // A certificate that is cut off is told, and not passed over.
            Err(_) => return Contents::Nothing,
            Ok(_) => {}
        }
    }
    if certificates.is_empty() { Contents::Nothing } else { encoded(&certificates) }
}

fn encoded(certificates: &[Vec<u8>]) -> Contents {
    let encoded: Result<Vec<EncodedCertificate>, _> =
        certificates.iter().map(|octets| EncodedCertificate::new(octets)).collect();
    encoded.map_or(Contents::Nothing, Contents::Certificates)
}

/// From each BEGIN line to the next one, or to the end line that belongs to it.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    const BEGIN: &str = "-----BEGIN ";
    let mut rest = text;
    std::iter::from_fn(move || {
        let block = rest.get(rest.find(BEGIN)?..)?;
        let next = block.get(BEGIN.len()..)?.find(BEGIN).map_or(block.len(), |next| next + BEGIN.len());
        let (block, after) = block.split_at_checked(next)?;
        rest = after;
        let end = block.find("-----END ").and_then(|end| {
            let tail = block.get(end + 9..)?;
            Some(end + 9 + tail.find("-----")? + 5)
        });
        Some(end.and_then(|end| block.get(..end)).unwrap_or(block))
    })
}
