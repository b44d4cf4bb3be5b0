//! The CA of a configuration: its keys, its trust, its registry.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use ca::registry::CrlRecord;
use ca::{Ca, Endpoint, Issuer, MessageCredential, Reply};
use cmp::{Reference, SecretTrust, SenderIdentity, SignerRole, Trust};
use crypto::{ExtendedKeyUsage, Revocation, RevocationPolicy};
use host::audit::AuditLog;
use host::files::{read_certificates, write_atomically};
use host::{log_revocation, now, parse_name, read_credential, read_revocation, read_secret_file};
use store::registry::EmbeddedRegistry;
use tokio::sync::Notify;
use tracing::info;
use transfer::tls::ServerTls;

use crate::audit;
use crate::config::{Config, SharedSecretOf, Tls};

/// The CA as a program runs it. What the configuration says can be replaced while it works; the registry stays.
pub(crate) struct Authority {
    path: PathBuf,
    current: RwLock<Arc<Current>>,
    pub(crate) registry: Arc<EmbeddedRegistry>,
    pub(crate) audit: AuditLog,
    /// Whoever publishes has it, so that no older list replaces a newer one.
    publishing: Mutex<()>,
    /// Something was revoked, or taken off hold, and no list says so yet.
    pub(crate) crl_is_due: Notify,
    /// The configuration was replaced.
    pub(crate) reloaded: Notify,
    /// What the connections are served with, when it serves HTTPS.
    pub(crate) tls: OnceLock<ServerTls>,
}

/// One configuration, and the CA it makes. Whoever began with it ends with it.
pub(crate) struct Current {
    pub(crate) config: Config,
    certificate: EncodedCertificate,
    ca: RwLock<Ca>,
}

impl Authority {
    /// The CA of the configuration in that file, or `None` while another process has its registry open.
    pub(crate) fn open(path: &Path, config: Config) -> Result<Option<Self>> {
        if !config.registry.exists() {
            bail!(
                "{}: the registry is missing; restore it from a backup, since a CA that forgot what it issued \
                 issues it twice",
                config.registry.display()
            );
        }
        let registry = match EmbeddedRegistry::open(&config.registry) {
            Ok(registry) => Arc::new(registry),
            Err(store::Error::Locked { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let audit = AuditLog::open(&config.audit, now())?;
        let current = Current::new(config, registry.clone())?;
        Ok(Some(Self {
            audit,
            path: path.to_owned(),
            current: RwLock::new(Arc::new(current)),
            registry,
            publishing: Mutex::default(),
            crl_is_due: Notify::new(),
            reloaded: Notify::new(),
            tls: OnceLock::new(),
        }))
    }

    /// As it is configured now.
    pub(crate) fn current(&self) -> Arc<Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers a CMP message, once what was decided is in the audit log. Signs, and waits for the disk.
    pub(crate) fn handle(&self, message: &[u8], endpoint: &Endpoint<'_>) -> Result<Reply> {
        let reply = self.current().ca().handle_at(message, endpoint, now());
        let events = std::iter::once(&reply.event).chain(&reply.inner);
        let entries: Vec<_> = events.filter_map(audit::entry).collect();
        self.audit.record(&entries, now())?;
        Ok(reply)
    }

    /// Reads the configuration again, with everything that it names. What is under way goes on as it began. When anything is wrong,
    /// nothing is changed.
    pub(crate) fn reload(&self) -> Result<()> {
        let config = Config::read(&self.path)?;
        self.current().config.check_successor(&config).with_context(|| self.path.display().to_string())?;
        let tls = config.tls.as_ref().map(Tls::server_tls).transpose()?;
        let next = Current::new(config, self.registry.clone())?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        if let (Some(serving), Some(tls)) = (self.tls.get(), tls) {
            serving.replace(tls.current());
        }
        self.reloaded.notify_one();
        self.crl_is_due.notify_one();
        info!("the configuration was read again");
        Ok(())
    }

    /// Signs a new CRL and lays it where the configuration says. Blocks.
    pub(crate) fn publish_crl(&self) -> Result<CrlRecord> {
        let _one_at_a_time = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current();
        let publication = &current.config.crl;
        let crl =
            current.ca().publish_crl(now(), publication.validity()).context("the CRL cannot be signed")?;
        if let Some(file) = &publication.file {
            write_atomically(file, &crl.octets)?;
        }
        Ok(crl)
    }
}

impl Current {
    fn new(config: Config, registry: Arc<EmbeddedRegistry>) -> Result<Self> {
        let (ca, certificate) = build(&config, registry)?;
        Ok(Self { config, certificate, ca: RwLock::new(ca) })
    }

    pub(crate) fn ca(&self) -> RwLockReadGuard<'_, Ca> {
        self.ca.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it takes what comes in files, within the limits for them.
    pub(crate) fn take_files(&self) {
        let offline = &self.config.offline;
        let mut ca = self.ca.write().unwrap_or_else(PoisonError::into_inner);
        ca.reading.message_size = offline.max_file_octets;
        ca.reading.nested_messages = offline.max_requests;
        ca.time_window = offline.time_window();
        ca.policy.confirm_wait = offline.confirm_wait();
    }

    /// Reads the CRLs again. What cannot be read changes nothing.
    pub(crate) fn reload_crls(&self) -> Result<()> {
        let revocation = read_revocation(&self.config.trust.crls, self.config.trust.revocation.policy())?;
        let to_be_logged = revocation.clone();
        let mut ca = self.ca.write().unwrap_or_else(PoisonError::into_inner);
        set_revocation(&mut ca, &self.certificate, revocation);
        drop(ca);
        to_be_logged.iter().for_each(log_revocation);
        Ok(())
    }
}

fn build(config: &Config, registry: Arc<EmbeddedRegistry>) -> Result<(Ca, EncodedCertificate)> {
    let (certificates, ca_key) = read_credential(&config.ca.certificate, &config.ca.key())?;
    let ca_certificate = certificates
        .into_iter()
        .next()
        .with_context(|| format!("{}: is empty", config.ca.certificate.display()))?;
    let mut issuer = Issuer::new(ca_certificate.clone(), ca_key)
        .with_context(|| config.ca.certificate.display().to_string())?;
    if let Some(url) = &config.crl.distribution_point {
        issuer = issuer.with_crl_distribution_point(url).context("crl.distribution_point")?;
    }

    let mut ca = Ca::new(crypto_aws_lc::provider(), issuer, message_credential(config)?, registry);
    ca.policy = config.policy();
    for profile in &ca.policy.profiles {
        if profile
            .path_length
            .is_some_and(|length| ca.issuer().path_length().is_some_and(|own| own <= length))
        {
            bail!(
                "profiles.{}.path_length: the CA certificate does not allow CAs with that path length below it",
                profile.name
            );
        }
    }
    ca.reading.message_size = config.cmp.max_message_octets;
    ca.reading.lenient = config.cmp.lenient;
    ca.quirks = config.quirks()?;
    ca.time_window = config.time_window();
    ca.trust = trust(config, ca_certificate.clone())?;
    let revocation = read_revocation(&config.trust.crls, config.trust.revocation.policy())?;
    revocation.iter().for_each(log_revocation);
    set_revocation(&mut ca, &ca_certificate, revocation);
    ca.secrets = config.trust.shared_secrets.iter().map(shared_secret).collect::<Result<_>>()?;
    ca.mac_limits.max_iterations = config.cmp.max_mac_iterations;
    Ok((ca, ca_certificate))
}

fn message_credential(config: &Config) -> Result<MessageCredential> {
    let path = &config.cmp.certificate;
    let (certificates, key) = read_credential(path, &config.cmp.key())?;
    let mut certificates = certificates.into_iter();
    let certificate = certificates.next().with_context(|| format!("{}: is empty", path.display()))?;
    let identity = SenderIdentity::new(certificate, certificates.collect(), key.algorithm())
        .with_context(|| path.display().to_string())?;
    Ok(MessageCredential { identity, key })
}

/// Whoever is known by a secret is a station: there is no way to make it an RA.
fn shared_secret(entry: &SharedSecretOf) -> Result<SecretTrust> {
    let secret = read_secret_file(&entry.secret_file)?;
    let mut trust = SecretTrust::new(Reference::new(entry.reference.as_bytes()), secret);
    let shown = || format!("trust.shared_secrets, reference {:?}", entry.reference);
    if let Some(subject) = &entry.subject {
        trust.name = parse_name(subject).map_err(anyhow::Error::msg).with_context(shown)?;
    }
    trust.cert_profiles.clone_from(&entry.profiles);
    if trust.name.is_empty() {
        bail!("{}: is no commonName of at most 64 characters, so it needs a subject", shown());
    }
    Ok(trust)
}

/// RAs first: whoever has cmcRA speaks for others, everybody else for himself. Each role has this CA's own certificates apart
/// from other CAs'.
fn trust(config: &Config, ca_certificate: EncodedCertificate) -> Result<Vec<Trust>> {
    let mut ra_anchors = Vec::new();
    for path in &config.trust.ra_cas {
        ra_anchors.extend(read_certificates(path)?);
    }
    let mut vendor_anchors = Vec::new();
    for path in &config.trust.vendor_cas {
        vendor_anchors.extend(read_certificates(path)?);
    }
    let own = Vec::from([ca_certificate]);
    let ra = ExtendedKeyUsage::REGISTRATION_AUTHORITY;
    let mut all = named_ras(config, &own, &ra_anchors)?;
    for entry in &config.trust.vendors {
        let anchors = read_certificates(&entry.ca)?;
        let mut trust = Trust::new(SignerRole::VendorCertified, anchors, ExtendedKeyUsage::Any);
        trust.cert_profiles.clone_from(&entry.profiles);
        all.push(trust);
    }
    all.extend([
        Trust::new(SignerRole::RegistrationAuthority, own.clone(), ra),
        Trust::new(SignerRole::RegistrationAuthority, ra_anchors, ra),
        Trust::new(SignerRole::OperatorCertified, own, ExtendedKeyUsage::Any),
        Trust::new(SignerRole::VendorCertified, vendor_anchors, ExtendedKeyUsage::Any),
    ]);
    Ok(all)
}

/// One that is named by its certificate needs no purpose in it, but a path to some CA: this one, another of RAs, or the one it is
/// named with.
fn named_ras(
    config: &Config,
    own: &[EncodedCertificate],
    ra_anchors: &[EncodedCertificate],
) -> Result<Vec<Trust>> {
    let mut all = Vec::new();
    for entry in &config.trust.ras {
        let of_entry = entry.ca.as_ref().map(|path| read_certificates(path)).transpose()?.unwrap_or_default();
        let mut add =
            |anchors: Vec<EncodedCertificate>, purpose, signers: Option<Vec<EncodedCertificate>>| {
                let mut trust = Trust::new(SignerRole::RegistrationAuthority, anchors, purpose);
                trust.cert_profiles.clone_from(&entry.profiles);
                trust.signers = signers;
                all.push(trust);
            };
        match &entry.certificate {
            Some(path) => {
                let signers: Vec<_> = read_certificates(path)?.into_iter().take(1).collect();
                // This CA's own stand alone, because its registry takes the place of a CRL.
                add(own.to_vec(), ExtendedKeyUsage::Any, Some(signers.clone()));
                add([of_entry, ra_anchors.to_vec()].concat(), ExtendedKeyUsage::Any, Some(signers));
            }
            None => add(of_entry, ExtendedKeyUsage::REGISTRATION_AUTHORITY, None),
        }
    }
    Ok(all)
}

/// The registry tells which of this CA's own certificates are revoked, so no CRL of it can be required; where there is one, it
/// counts as well.
fn set_revocation(ca: &mut Ca, own: &EncodedCertificate, revocation: Option<Revocation>) {
    let of_own = revocation
        .as_ref()
        .map(|revocation| Revocation::new(revocation.lists().to_vec(), RevocationPolicy::IfAvailable));
    for trust in &mut ca.trust {
        let is_own = trust.anchors == std::slice::from_ref(own);
        trust.revocation = if is_own { of_own.clone() } else { revocation.clone() };
    }
}
