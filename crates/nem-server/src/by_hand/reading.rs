//! Files with answers and certificates are read, within bounds: as they come from people, nothing of them is believed.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use cmp::ReadingPolicy;
use der::{Decode, Document};
use host::batch_file::BatchFile;
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

/// Answers that are taken at a time.
const STEP: usize = 250;

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

/// Takes what is in a file, a folder or an archive: a large one in pieces. Blocks.
pub(crate) fn import(service: &Arc<Service>, path: &Path, detailed: bool) -> Result<ImportReport> {
    let shown = path.display().to_string();
    let mut report = ImportReport::new(shown.clone(), detailed);
    if take_batch(service, path, &mut report).with_context(|| shown.clone())? {
        return Ok(report);
    }
    let (parts, mut pool) = (Parts::open(path)?, Vec::new());
    // The chains are needed for the first of the others.
    parts.each(&mut |_, octets| {
        if let Contents::Certificates(certificates) = classify(octets) {
            for certificate in certificates.into_iter().filter(is_ca) {
                if pool.len() < MAX_CAS && !pool.contains(&certificate) {
                    pool.push(certificate);
                }
            }
        }
        Ok(())
    })?;
    let mut waiting = Waiting::default();
    parts.each(&mut |name, octets| {
        match classify(octets) {
            Contents::Certificates(certificates) => {
                for certificate in certificates.into_iter().filter(|certificate| !is_ca(certificate)) {
                    waiting.certificates.push(certificate);
                    waiting.sources.push(name.to_owned());
                }
                if waiting.certificates.len() >= STEP {
                    waiting.take(service, &pool, &mut report)?;
                }
            }
            Contents::Message(octets) => match take_message(service, name, &octets, &mut report) {
                Err(error) if parts.is_single() => return Err(error.context(shown.clone())),
                Err(error) => report.add(TakenEntry::refused(name, format!("{error:#}"))),
                Ok(()) => {}
            },
            Contents::Ours => {}
            Contents::Nothing if parts.is_single() => {
                bail!(
                    "{shown}: is neither a CMP message nor certificates (PEM, DER, PKCS #7, a folder or zip of them)"
                )
            }
            Contents::Nothing => {
                let reason = "it is neither a CMP message nor certificates".to_owned();
                report.add(TakenEntry::refused(name, reason));
            }
        }
        Ok(())
    })?;
    waiting.take(service, &pool, &mut report)?;
    if report.total() == 0 {
        bail!("{shown}: holds neither answers nor certificates of stations");
    }
    Ok(report)
}

/// Certificates of stations, and where each was found.
#[derive(Default)]
struct Waiting {
    certificates: Vec<EncodedCertificate>,
    sources: Vec<String>,
}

impl Waiting {
    fn take(
        &mut self,
        service: &Arc<Service>,
        pool: &[EncodedCertificate],
        report: &mut ImportReport,
    ) -> Result<()> {
        let (mut rest, mut sources) = (self.certificates.as_slice(), self.sources.iter());
        while !rest.is_empty() {
            let taken = service.act(|nem, now| nem.take_certificates(&mut rest, pool, now))?;
            for (taken, source) in taken.iter().zip(&mut sources) {
                report.add(TakenEntry::new(source, taken));
            }
        }
        self.certificates.clear();
        self.sources.clear();
        Ok(())
    }
}

/// An answer with several messages inside, which is read in pieces; `false` when it is something else.
fn take_batch(service: &Arc<Service>, path: &Path, report: &mut ImportReport) -> Result<bool> {
    if !path.is_file() || !begins_as_der(path)? {
        return Ok(false);
    }
    let mut policy = ReadingPolicy::default();
    policy.message_size = usize::try_from(MAX_OCTETS)?;
    policy.nested_messages = MAX_FILES;
    let batch = match BatchFile::open(path, &policy) {
        Ok(Some(batch)) => batch,
        // What is no message may be a certificate; it is looked at as a whole.
        Ok(None) | Err(host::Error::Batch { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let (received, name) = (batch.received().clone(), file_name(path));
    let mut file = service.act(|nem, now| nem.open_long_answer(received, batch.digest(), now))?;
    let mut messages = batch.messages()?;
    loop {
        for message in messages.by_ref().take(STEP) {
            file.add(message?);
        }
        let Some(taken) = service.act(|nem, now| nem.take_answers_by_hand(&mut file, now))? else { break };
        taken.iter().for_each(|taken| report.add(TakenEntry::new(&name, taken)));
    }
    Ok(true)
}

fn begins_as_der(path: &Path) -> Result<bool> {
    let mut first = [0];
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    Ok(file.read(&mut first)? == 1 && first == [0x30])
}

fn take_message(service: &Arc<Service>, name: &str, octets: &[u8], report: &mut ImportReport) -> Result<()> {
    let mut file = service.act(|nem, now| nem.open_answers(octets, now))?;
    while let Some(taken) = service.act(|nem, now| nem.take_answers_by_hand(&mut file, now))? {
        taken.iter().for_each(|taken| report.add(TakenEntry::new(name, taken)));
    }
    Ok(())
}

/// A file, the files in a folder, or those in an archive.
enum Parts {
    Single(String, Vec<u8>),
    Folder(Vec<PathBuf>),
    Archive(PathBuf),
}

impl Parts {
    fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        if path.is_dir() {
            let entries = fs::read_dir(path).with_context(|| shown.to_string())?;
            let paths =
                entries.map(|entry| entry.map(|entry| entry.path())).take(MAX_FILES.saturating_add(1));
            let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>()?;
            if paths.len() > MAX_FILES {
                bail!("{shown}: holds more than {MAX_FILES} files");
            }
            paths.retain(|path| {
                let name = file_name(path);
                !name.starts_with('.') && !name.ends_with(".tmp") && path.is_file()
            });
            paths.sort();
            return Ok(Self::Folder(paths));
        }
        let mut start = Vec::new();
        let file = File::open(path).with_context(|| shown.to_string())?;
        file.take(4).read_to_end(&mut start).with_context(|| shown.to_string())?;
        if start == b"PK\x03\x04" {
            return Ok(Self::Archive(path.to_owned()));
        }
        Ok(Self::Single(file_name(path), host::files::read(path, MAX_OCTETS)?))
    }

    /// Whether there is nothing else beside what may be wrong.
    fn is_single(&self) -> bool {
        match self {
            Self::Single(..) => true,
            Self::Folder(paths) => paths.len() == 1,
            Self::Archive(_) => false,
        }
    }

    /// Hands over each name with its contents. Names are for people; no path is made of one that stands in an archive.
    fn each(&self, take: &mut dyn FnMut(&str, Vec<u8>) -> Result<()>) -> Result<()> {
        match self {
            Self::Single(name, octets) => take(name, octets.clone()),
            Self::Folder(paths) => {
                let mut left = MAX_OCTETS;
                for path in paths {
                    let octets = host::files::read(path, left)?;
                    left = left.saturating_sub(u64::try_from(octets.len())?);
                    take(&file_name(path), octets)?;
                }
                Ok(())
            }
            Self::Archive(path) => each_in_archive(path, take).with_context(|| path.display().to_string()),
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What an archive says of sizes is not believed: each file may be as long as there is room left, and no longer.
fn each_in_archive(path: &Path, take: &mut dyn FnMut(&str, Vec<u8>) -> Result<()>) -> Result<()> {
    const DAMAGED: &str = "it is no whole zip archive";
    let mut archive = ZipArchive::new(BufReader::new(File::open(path)?)).context(DAMAGED)?;
    if archive.len() > MAX_FILES {
        bail!("it holds more than {MAX_FILES} files");
    }
    let mut left = MAX_OCTETS;
    for position in 0..archive.len() {
        let file = archive.by_index(position).context(DAMAGED)?;
        if !file.is_file() {
            continue;
        }
        let name: String =
            file.name().context(DAMAGED)?.chars().filter(|c| !c.is_control()).take(200).collect();
        let mut octets = Vec::new();
        file.take(left.saturating_add(1)).read_to_end(&mut octets).context(DAMAGED)?;
        left = left
            .checked_sub(u64::try_from(octets.len())?)
            .with_context(|| format!("it holds more than {MAX_OCTETS} octets"))?;
        take(&name, octets)?;
    }
    Ok(())
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
