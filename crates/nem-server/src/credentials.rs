//! The NEM's certificates and keys, as files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use cmp::SenderIdentity;
use crypto::{CertificateList, Revocation, RevocationPolicy};
use host::files::read_certificates;
use host::{read_credential, read_revocation, read_tls_credential};
use nem::StationAnchors;
use transfer::tls::{ClientTrust, Identity};

use crate::config::{Config, Credential, Trust};

/// The NEM as the RA/CA sees it.
pub(crate) fn upstream(config: &Config) -> Result<nem::Upstream> {
    let certificate = &config.upstream.certificate;
    must_exist(certificate, "ra")?;
    let (chain, key) = read_credential(certificate, &config.upstream.key())?;
    let mut chain = chain.into_iter();
    let leaf = chain.next().with_context(|| format!("{}: is empty", certificate.display()))?;
    let identity = SenderIdentity::new(leaf, chain.collect(), key.algorithm())
        .with_context(|| certificate.display().to_string())?;
    let anchors = read_all(&config.trust.operator_cas)?;
    let mut upstream = nem::Upstream::new(identity, key, anchors);
    let signers = read_all(&config.upstream.signers)?;
    if !signers.is_empty() {
        upstream.trust_signers(signers);
    }
    upstream.implicit_confirm = config.upstream.implicit_confirm;
    upstream.time_window = config.upstream.time_window();
    upstream.reading.message_size = config.upstream.max_answer_octets;
    upstream.reading.lenient = config.upstream.lenient;
    upstream.quirks = config.upstream.quirks()?;
    Ok(upstream)
}

/// The NEM as its stations see it.
pub(crate) fn tls_identity(credential: &Credential) -> Result<Identity> {
    must_exist(&credential.certificate, "tls-server")?;
    let (chain, key) = read_tls_credential(&credential.certificate, &credential.key())?;
    let chain = chain.iter().map(|certificate| certificate.octets().to_vec()).collect();
    Ok(Identity::new(chain, key))
}

/// Whom to believe to be the RA/CA, when its URL asks for TLS.
pub(crate) fn upstream_tls_anchors(config: &Config) -> Result<Option<Vec<Vec<u8>>>> {
    let Some(path) = &config.upstream.tls_ca else { return Ok(None) };
    Ok(Some(read_certificates(path)?.iter().map(|anchor| anchor.octets().to_vec()).collect()))
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

fn read_all(paths: &[PathBuf]) -> Result<Vec<EncodedCertificate>> {
    let mut certificates = Vec::new();
    for path in paths {
        if !path.exists() {
            bail!("{}: is missing; copy the certificate there (PEM)", path.display());
        }
        certificates.extend(read_certificates(path)?);
    }
    Ok(certificates)
}

fn must_exist(certificate: &Path, profile: &str) -> Result<()> {
    if !certificate.exists() {
        bail!(
            "{}: is missing; let the CA issue it, with `raca issue --profile {profile}` for instance",
            certificate.display()
        );
    }
    Ok(())
}
