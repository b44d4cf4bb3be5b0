//! What RA/CAs told of themselves, as files in a directory, so that it is known after a restart, too: CA certificates for stations,
//! successors of root certificates, CRLs. Whatever is read there is verified again.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use asn1::{EncodedCertificate, UnixTime};
use cmp::RootCaKeyUpdateContent;
use crypto::{CaCertificate, CertificateList, CryptoProvider, DigestAlgorithm};
use crypto_aws_lc::provider;
use der::Encode;
use host::files::{certificates_pem, crl_pem, read_certificates, write_atomically};
use tracing::warn;
use x509_cert::name::Name;

const CA_CERTIFICATES: &str = "ca-certificates.pem";
const ROOT: &str = "root-";
const CRL: &str = "crl-";
/// More CA certificates than an operator has.
pub(crate) const MAX_CERTIFICATES: usize = 64;

/// The directory.
#[derive(Clone, Debug)]
pub(crate) struct Fetched(PathBuf);

/// What is known by the operator's root certificates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vouched {
    /// Root certificates that older ones vouch for: trust anchors like those.
    pub(crate) roots: Vec<EncodedCertificate>,
    /// Other CA certificates, for stations: believed in nothing.
    pub(crate) others: Vec<EncodedCertificate>,
}

impl Fetched {
    pub(crate) const fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// What is there that these root certificates vouch for. What is not vouched for is left out, and logged.
    pub(crate) fn vouched(&self, anchors: &[EncodedCertificate], now: UnixTime) -> Result<Vouched> {
        let provider = provider();
        let mut vouched = Vouched::default();
        let mut updates: Vec<(PathBuf, Vec<EncodedCertificate>)> = Vec::new();
        for path in self.files(ROOT)? {
            let certificates = read_certificates(&path)?;
            updates.push((path, certificates));
        }
        // One may vouch for the next.
        loop {
            let known: Vec<EncodedCertificate> = anchors.iter().chain(&vouched.roots).cloned().collect();
            let position = updates.iter().position(|(_, certificates)| {
                update(certificates)
                    .is_some_and(|update| successor(&update, &known, &provider, now).is_some())
            });
            let Some(position) = position else { break };
            let (_, certificates) = updates.remove(position);
            let mut certificates = certificates.into_iter();
            vouched.roots.extend(certificates.next().filter(|root| !known.contains(root)));
            vouched.others.extend(certificates);
        }
        for (path, _) in updates {
            warn!("{}: no root certificate at hand vouches for it, so it is not believed", path.display());
        }
        let path = self.0.join(CA_CERTIFICATES);
        if path.exists() {
            let roots: Vec<EncodedCertificate> = anchors.iter().chain(&vouched.roots).cloned().collect();
            vouched.others.extend(certified(&read_certificates(&path)?, &roots, &provider, now));
        }
        Ok(vouched)
    }

    /// Keeps those of the CA certificates that the roots vouch for. Whether that is something new.
    pub(crate) fn keep_ca_certificates(
        &self,
        certificates: &[EncodedCertificate],
        roots: &[EncodedCertificate],
        now: UnixTime,
    ) -> Result<bool> {
        let kept = certified(certificates, roots, &provider(), now);
        if kept.is_empty() {
            return Ok(false);
        }
        self.write(CA_CERTIFICATES, &certificates_pem(&kept)?)
    }

    /// Keeps the successor of a root certificate, if that vouches for it. Whether that is something new.
    pub(crate) fn keep_root(
        &self,
        update: &RootCaKeyUpdateContent,
        old: &EncodedCertificate,
        now: UnixTime,
    ) -> Result<bool> {
        if update.new_with_new == *old {
            return Ok(false);
        }
        let new = update.verify(old, &provider(), now)?;
        let name = format!("{ROOT}{}.pem", short_digest(new.octets()));
        let links = update.new_with_old.iter().chain(&update.old_with_new);
        let all: Vec<EncodedCertificate> = std::iter::once(new).chain(links).cloned().collect();
        self.write(&name, &certificates_pem(&all)?)
    }

    /// Keeps the issuer's CRL, unless there is a newer one. Whether that is something new.
    pub(crate) fn keep_crl(&self, octets: &[u8], issuer: &Name) -> Result<bool> {
        let list = CertificateList::from_der(octets)?;
        if !crypto::names_match(list.issuer(), issuer) {
            anyhow::bail!("the RA/CA sent the CRL of {}, and not that of {issuer}", list.issuer());
        }
        if self.crl_of(issuer)?.is_some_and(|known| known.this_update() > list.this_update()) {
            anyhow::bail!("the RA/CA sent a CRL that is older than the one at hand");
        }
        self.write(&crl_name(issuer)?, &crl_pem(octets)?)
    }

    /// The issuer's CRL.
    pub(crate) fn crl_of(&self, issuer: &Name) -> Result<Option<CertificateList>> {
        let path = self.0.join(crl_name(issuer)?);
        Ok(match path.exists() {
            true => host::files::read_crls(&path)?.into_iter().next(),
            false => None,
        })
    }

    /// The files with CRLs.
    pub(crate) fn crl_files(&self) -> Result<Vec<PathBuf>> {
        self.files(CRL)
    }

    fn files(&self, prefix: &str) -> Result<Vec<PathBuf>> {
        if !self.0.exists() {
            return Ok(Vec::new());
        }
        let unreadable = || format!("{}: cannot be read", self.0.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.0).with_context(unreadable)? {
            let path = entry.with_context(unreadable)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with(prefix) && path.extension().is_some_and(|ending| ending == "pem") {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    fn write(&self, name: &str, text: &str) -> Result<bool> {
        let path = self.0.join(name);
        if fs::read_to_string(&path).is_ok_and(|before| before == text) {
            return Ok(false);
        }
        fs::create_dir_all(&self.0).with_context(|| format!("{}: cannot be made", self.0.display()))?;
        write_atomically(&path, text.as_bytes())?;
        Ok(true)
    }
}

/// newWithNew, newWithOld and oldWithNew, as [`Fetched::keep_root`] writes them.
fn update(certificates: &[EncodedCertificate]) -> Option<RootCaKeyUpdateContent> {
    let (new, links) = certificates.split_first()?;
    let mut update = RootCaKeyUpdateContent::new(new.clone());
    let mut links = links.iter().cloned();
    (update.new_with_old, update.old_with_new) = (links.next(), links.next());
    Some(update)
}

fn successor(
    update: &RootCaKeyUpdateContent,
    roots: &[EncodedCertificate],
    provider: &CryptoProvider,
    now: UnixTime,
) -> Option<EncodedCertificate> {
    roots.iter().find_map(|old| update.verify(old, provider, now).ok().cloned())
}

/// Those of the CA certificates that a root, or one that a root vouches for, has signed. A root certificate among them is none of the
/// operator's: stations that take what they are given for anchors must never be given it.
fn certified(
    certificates: &[EncodedCertificate],
    roots: &[EncodedCertificate],
    provider: &CryptoProvider,
    now: UnixTime,
) -> Vec<EncodedCertificate> {
    let mut issuers: Vec<CaCertificate> = roots.iter().filter_map(CaCertificate::open).collect();
    let opened = |one: &EncodedCertificate| Some((one.clone(), CaCertificate::open(one)?));
    let mut left: Vec<(EncodedCertificate, CaCertificate)> =
        certificates.iter().take(MAX_CERTIFICATES).filter_map(opened).collect();
    left.retain(|(_, certificate)| certificate.is_ca_at(now) && !certificate.is_self_issued());
    let mut certified = Vec::new();
    while let Some(position) = left.iter().position(|(_, certificate)| {
        issuers.iter().any(|issuer| {
            crypto::names_match(certificate.issuer(), issuer.subject())
                && certificate.is_signed_by(issuer, provider)
        })
    }) {
        let (encoded, certificate) = left.swap_remove(position);
        issuers.push(certificate);
        certified.push(encoded);
    }
    certified
}

fn crl_name(issuer: &Name) -> Result<String> {
    Ok(format!("{CRL}{}.pem", short_digest(&issuer.to_der()?)))
}

/// A file's name that is the same for the same octets.
fn short_digest(octets: &[u8]) -> String {
    let digest = provider().digest(DigestAlgorithm::Sha256, octets);
    digest.iter().take(8).map(|octet| format!("{octet:02x}")).collect()
}

/// Whether it is a root's, which may have a successor.
pub(crate) fn is_root(certificate: &EncodedCertificate) -> bool {
    CaCertificate::open(certificate).is_some_and(|certificate| certificate.is_self_issued())
}
