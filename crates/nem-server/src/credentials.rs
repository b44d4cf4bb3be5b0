//! The NEM's certificates and keys, as files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use crypto::{CertificateList, Revocation, RevocationPolicy};
use host::files::read_certificates;
use host::{KeySource, read_revocation, read_tls_credential};
use nem::StationAnchors;
use transfer::tls::{ClientTrust, Identity};

use crate::config::{Credential, Trust};

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

/// Who vouches for stations.
pub(crate) fn station_anchors(trust: &Trust) -> Result<StationAnchors> {
    Ok(StationAnchors::new(read_all(&trust.vendor_cas)?, read_all(&trust.operator_cas)?))
}

/// The CRLs, for TLS and for what it lets in: both take them, or none does.
pub(crate) fn revocation(trust: &Trust, clients: &ClientTrust) -> Result<Option<Revocation>> {
    let policy = trust.revocation.policy();
    let revocation = read_revocation(&trust.crls, policy)?;
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
