//! The CA of a configuration: its keys, its trust, its registry.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use ca::registry::CrlRecord;
use ca::{Ca, Endpoint, MessageCredential, Reply};
use cmp::{Reference, RootCaKeyUpdateContent, SecretTrust, SenderIdentity, SignerRole, Trust};
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
use crate::generations::{CERTIFICATE, folder, numbered, read_generations};
use crate::kem_exchanges::BoundedExchanges;

/// The CA as a program runs it. What the configuration says can be replaced while it works; the registry stays.
pub(crate) struct Authority {
    path: PathBuf,
    current: RwLock<Arc<Current>>,
    pub(crate) registry: Arc<EmbeddedRegistry>,
    pub(crate) audit: AuditLog,
    /// Of requesters with KEM keys, whatever the configuration.
    exchanges: Arc<BoundedExchanges>,
    /// Whoever publishes has it, so that no older list replaces a newer one.
    publishing: Mutex<()>,
    /// The latest lists that are signed with earlier keys, the oldest first.
    previous_crls: Mutex<Vec<Option<CrlRecord>>>,
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
    /// Its roots, the present one last.
    own: Vec<EncodedCertificate>,
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
        let recent = host::audit::recent(&config.audit)?;
        let audit = AuditLog::open(&config.audit, now())?;
        audit::catch_up(&audit, &recent, &registry)?;
        let exchanges = Arc::<BoundedExchanges>::default();
        let current = Current::new(config, registry.clone(), &exchanges)?;
        Ok(Some(Self {
            audit,
            exchanges,
            path: path.to_owned(),
            current: RwLock::new(Arc::new(current)),
            registry,
            publishing: Mutex::default(),
            previous_crls: Mutex::default(),
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
        let next = Current::new(config, self.registry.clone(), &self.exchanges)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        if let (Some(serving), Some(tls)) = (self.tls.get(), tls) {
            serving.replace(tls.current());
        }
        self.reloaded.notify_one();
        self.crl_is_due.notify_one();
        info!("the configuration was read again");
        Ok(())
    }

    /// Signs a new CRL with each key that the CA has, and lays them where the configuration says. Returns the present key's. Blocks.
    pub(crate) fn publish_crl(&self) -> Result<CrlRecord> {
        let _one_at_a_time = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current();
        let validity = current.config.crl.validity();
        let crl = current.ca().publish_crl(now(), validity).context("the CRL cannot be signed")?;
        let previous = current
            .ca()
            .previous_crls(crl.number, now(), validity)
            .context("the CRL of an earlier key cannot be signed")?;
        for (number, list) in previous.iter().enumerate() {
            if let (Some(list), Some(file)) = (list, current.crl_file_of(number)) {
                write_atomically(&file, &list.octets)?;
            }
        }
        if let Some(file) = current.crl_file() {
            write_atomically(&file, &crl.octets)?;
        }
        *self.previous_crls.lock().unwrap_or_else(PoisonError::into_inner) = previous;
        Ok(crl)
    }

    /// The latest CRL that an earlier key signed, by the number of the key.
    pub(crate) fn previous_crl(&self, number: usize) -> Option<Vec<u8>> {
        let lists = self.previous_crls.lock().unwrap_or_else(PoisonError::into_inner);
        lists.get(number)?.as_ref().map(|list| list.octets.clone())
    }
}

impl Current {
    fn new(
        config: Config,
        registry: Arc<EmbeddedRegistry>,
        exchanges: &Arc<BoundedExchanges>,
    ) -> Result<Self> {
        let (mut ca, own) = build(&config, registry)?;
        if let Some(kem) = &config.kem {
            ca.kem_key = kem.kem_key()?;
            if kem.max_exchanges > 0 {
                exchanges.set_limit(kem.max_exchanges);
                ca.kem_exchanges = Some(exchanges.clone());
            }
        }
        Ok(Self { config, own, ca: RwLock::new(ca) })
    }

    /// The files of the certificates that it proves itself with: the root, and whatever the configuration names.
    pub(crate) fn certificate_files(&self) -> Vec<PathBuf> {
        let number = u32::try_from(self.key_number()).unwrap_or(u32::MAX);
        let root = match number {
            0 => self.config.ca.certificate.clone(),
            _ => folder(&self.config, number).join(CERTIFICATE),
        };
        let named = self.config.own_certificates();
        std::iter::once(root).chain(named.into_iter().map(Path::to_owned)).collect()
    }

    /// The number of the present key, the one in `[ca]` being 0.
    pub(crate) fn key_number(&self) -> usize {
        self.own.len().saturating_sub(1)
    }

    /// Where the present key's CRL is laid.
    pub(crate) fn crl_file(&self) -> Option<PathBuf> {
        self.crl_file_of(self.key_number())
    }

    fn crl_file_of(&self, number: usize) -> Option<PathBuf> {
        let file = self.config.crl.file.as_ref()?;
        Some(file.with_file_name(numbered(&file.file_name()?.to_string_lossy(), number)))
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
        set_revocation(&mut ca, &self.own, revocation);
        drop(ca);
        to_be_logged.iter().for_each(log_revocation);
        Ok(())
    }
}

fn build(config: &Config, registry: Arc<EmbeddedRegistry>) -> Result<(Ca, Vec<EncodedCertificate>)> {
    let generations = read_generations(config)?;
    let own: Vec<_> = generations.iter().map(|generation| generation.certificate.clone()).collect();
    let number = own.len().saturating_sub(1);
    let (mut issuers, mut root_updates) = (Vec::new(), Vec::new());
    for (generation, before) in generations.into_iter().zip(std::iter::once(None).chain(own.iter().map(Some)))
    {
        root_updates.extend(before.cloned().zip(generation.update));
        issuers.push(generation.issuer);
    }
    let mut issuer = issuers.pop().context("the CA has no key")?;
    if let Some(url) = &config.crl.distribution_point {
        issuer =
            issuer.with_crl_distribution_point(&numbered(url, number)).context("crl.distribution_point")?;
    }

    let credential = message_credential(config, &root_updates)?;
    let mut ca = Ca::new(crypto_aws_lc::provider(), issuer, credential, registry);
    ca.previous = issuers;
    ca.root_updates = root_updates;
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
    ca.trust = trust(config, &own)?;
    let revocation = read_revocation(&config.trust.crls, config.trust.revocation.policy())?;
    revocation.iter().for_each(log_revocation);
    set_revocation(&mut ca, &own, revocation);
    ca.secrets = config.trust.shared_secrets.iter().map(shared_secret).collect::<Result<_>>()?;
    ca.mac_limits.max_iterations = config.cmp.max_mac_iterations;
    ca.key_generation =
        config.key_generation.as_ref().map(|it| it.key_generation()).transpose().context("key_generation")?;
    Ok((ca, own))
}

/// What leads from a new root to the old one, whose key may have issued the certificate, goes along with it.
fn message_credential(
    config: &Config,
    root_updates: &[(EncodedCertificate, RootCaKeyUpdateContent)],
) -> Result<MessageCredential> {
    let path = &config.cmp.certificate;
    let (certificates, key) = read_credential(path, &config.cmp.key())?;
    let mut certificates = certificates.into_iter();
    let certificate = certificates.next().with_context(|| format!("{}: is empty", path.display()))?;
    let links = root_updates.iter().rev().filter_map(|(_, update)| update.old_with_new.clone());
    let chain = certificates.chain(links).collect();
    let identity = SenderIdentity::new(certificate, chain, key.algorithm())
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
fn trust(config: &Config, own: &[EncodedCertificate]) -> Result<Vec<Trust>> {
    let mut ra_anchors = Vec::new();
    for path in &config.trust.ra_cas {
        ra_anchors.extend(read_certificates(path)?);
    }
    let mut vendor_anchors = Vec::new();
    for path in &config.trust.vendor_cas {
        vendor_anchors.extend(read_certificates(path)?);
    }
    let own = own.to_vec();
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
fn set_revocation(ca: &mut Ca, own: &[EncodedCertificate], revocation: Option<Revocation>) {
    let of_own = revocation
        .as_ref()
        .map(|revocation| Revocation::new(revocation.lists().to_vec(), RevocationPolicy::IfAvailable));
    for trust in &mut ca.trust {
        let is_own = trust.anchors == own;
        trust.revocation = if is_own { of_own.clone() } else { revocation.clone() };
    }
}
