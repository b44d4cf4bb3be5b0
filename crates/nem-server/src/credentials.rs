//! The NEM's certificates and keys, as files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use crypto::{CaCertificate, CertificateList, Revocation, RevocationPolicy, names_match};
use host::files::read_certificates;
use host::{KeySource, now, read_revocation, read_tls_credential};
use nem::StationAnchors;
use tracing::warn;
use transfer::tls::{ClientTrust, Identity};

use crate::config::{Config, Credential};

/// The NEM as its stations see it.
pub(crate) fn tls_identity(credential: &Credential) -> Result<Identity> {
    must_exist(&credential.certificate, "tls-server")?;
    read_tls_identity(&credential.certificate, &credential.key())
}

pub(crate) fn read_tls_identity(certificate: &Path, key: &KeySource) -> Result<Identity> {
    let (chain, key) = read_tls_credential(certificate, key)?;
    let chain = chain.iter().map(|certificate| certificate.octets().to_vec()).collect();
    Ok(Identity::new(chain, key))
}

/// Who vouches for stations, and what these are given.
pub(crate) struct Trusted {
    pub(crate) anchors: StationAnchors,
    /// CA certificates, the operator's trust anchors first.
    pub(crate) distributed: Vec<Vec<u8>>,
}

impl Trusted {
    /// For TLS.
    pub(crate) fn tls_anchors(&self) -> Vec<Vec<u8>> {
        let all = self.anchors.vendor.iter().chain(&self.anchors.operator);
        all.map(|anchor| anchor.octets().to_vec()).collect()
    }
}

/// Reads whom the configuration trusts, and what was fetched that they vouch for.
pub(crate) fn trusted(config: &Config) -> Result<Trusted> {
    let (vendor, mut operator) = (read_all(&config.trust.vendor_cas)?, read_all(&config.trust.operator_cas)?);
    let mut others = Vec::new();
    if let Some(fetch) = &config.fetch {
        let vouched = fetch.fetched().vouched(&operator, now())?;
        operator.extend(vouched.roots);
        others = vouched.others;
    }
    let mut distributed: Vec<Vec<u8>> = Vec::new();
    for certificate in operator.iter().chain(&others) {
        if !distributed.iter().any(|known| known == certificate.octets()) {
            distributed.push(certificate.octets().to_vec());
        }
    }
    Ok(Trusted { anchors: StationAnchors::new(vendor, operator), distributed })
}

/// The CRLs, for TLS and for what it lets in: both take them, or none does. Of several trust anchors of one name nobody can tell whose
/// CRL it is, and path validation refuses the others' certificates for it: then it is as if there were none.
pub(crate) fn revocation(
    config: &Config,
    clients: &ClientTrust,
    anchors: &[EncodedCertificate],
) -> Result<Option<Revocation>> {
    let policy = config.trust.revocation.policy();
    let mut files = config.trust.crls.clone();
    if let Some(fetch) = &config.fetch {
        files.extend(fetch.fetched().crl_files()?);
    }
    let anchors: Vec<CaCertificate> = anchors.iter().filter_map(CaCertificate::open).collect();
    let revocation = read_revocation(&files, policy)?.map(|revocation| {
        let is_clear = |list: &&CertificateList| {
            let named = anchors.iter().filter(|anchor| names_match(anchor.subject(), list.issuer())).count();
            if named > 1 {
                warn!(issuer = %list.issuer(), "there are {named} trust anchors of that name, so its CRL is not used");
            }
            named <= 1
        };
        let lists = revocation.lists().iter().filter(is_clear).cloned().collect();
        Revocation::new(lists, policy)
    });
    if let Some(revocation) = &revocation {
        let crls: Vec<&[u8]> = revocation.lists().iter().map(CertificateList::octets).collect();
        clients.set_crls(&crls, policy == RevocationPolicy::Required).context("trust.crls")?;
    }
    Ok(revocation)
}

pub(crate) fn read_all(paths: &[PathBuf]) -> Result<Vec<EncodedCertificate>> {
    let mut certificates = Vec::new();
    for path in paths {
        if !path.exists() {
            bail!("{}: is missing; copy the certificate there (PEM)", path.display());
        }
        certificates.extend(read_certificates(path)?);
    }
    Ok(certificates)
}

pub(crate) fn must_exist(certificate: &Path, profile: &str) -> Result<()> {
    if !certificate.exists() {
        bail!(
            "{}: is missing; let the CA issue it, with `raca issue --profile {profile}` for instance",
            certificate.display()
        );
    }
    Ok(())
}
