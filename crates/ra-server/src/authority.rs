//! The CA of a configuration: its keys, its trust, its registry.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use ca::{Ca, Issuer, MessageCredential, Reply};
use cmp::{Reference, SecretTrust, SenderIdentity, SignerRole, Trust};
use crypto::{ExtendedKeyUsage, Revocation, RevocationPolicy};
use host::files::{certificates_pem, parse_request, read_certificates, request_pem};
use host::{log_revocation, now, parse_name, read_credential, read_revocation, read_secret_file};
use pkcs10::CertReq;
use store::registry::EmbeddedRegistry;

use crate::admin::{self, Answer, Command};
use crate::config::{Config, SharedSecretOf};
use crate::listing::ListEntry;

/// Issues a certificate by hand, for a PKCS #10 request in PEM or DER, under the profile `ne`, `ra` or `tls-server`;
/// returns it as PEM. When `raca serve` runs, it is asked to do so. Blocks.
///
/// # Errors
/// When the configuration cannot be used, the request is refused, or the registry fails.
pub fn issue(config: &Path, csr_pem_or_der: &[u8], profile: &str) -> Result<Vec<u8>> {
    let csr = request_pem(&parse_request(csr_pem_or_der)?)?;
    let command = Command::Issue { csr, profile: profile.to_owned() };
    match carry_out(config, &command)? {
        Answer::Certificate(pem) => Ok(pem.into_bytes()),
        _ => bail!("the running `raca serve` answered something else; is it of another version?"),
    }
}

/// The certificates issued so far, oldest first. When `raca serve` runs, it is asked. Blocks.
///
/// # Errors
/// When the configuration cannot be used or the registry cannot be read.
pub fn list(config: &Path) -> Result<Vec<ListEntry>> {
    match carry_out(config, &Command::List)? {
        Answer::Certificates(entries) => Ok(entries),
        _ => bail!("the running `raca serve` answered something else; is it of another version?"),
    }
}

fn carry_out(config: &Path, command: &Command) -> Result<Answer> {
    let config = Config::read(config)?;
    let socket = config.socket();
    match Authority::open(config)? {
        Some(authority) => authority.carry_out(command),
        None => admin::ask(&socket, command),
    }
}

pub(crate) struct Authority {
    pub(crate) config: Config,
    certificate: EncodedCertificate,
    ca: RwLock<Ca>,
    registry: Arc<EmbeddedRegistry>,
}

impl Authority {
    /// The CA of that configuration, or `None` while another process has its registry open.
    pub(crate) fn open(config: Config) -> Result<Option<Self>> {
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
        let (ca, certificate) = build(&config, registry.clone())?;
        Ok(Some(Self { config, certificate, ca: RwLock::new(ca), registry }))
    }

    /// Answers a CMP message. Signs, and waits for the disk.
    pub(crate) fn handle(&self, message: &[u8]) -> Result<Reply> {
        Ok(self.ca().handle(message, now()))
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

    fn ca(&self) -> RwLockReadGuard<'_, Ca> {
        self.ca.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn carry_out(&self, command: &Command) -> Result<Answer> {
        match command {
            Command::List => {
                let records = self.registry.certificates()?;
                Ok(Answer::Certificates(records.iter().map(ListEntry::new).collect::<Result<_>>()?))
            }
            Command::Issue { csr, profile } => {
                let request =
                    CertReq::from_der(&parse_request(csr.as_bytes())?).context("not a PKCS #10 request")?;
                let profile = self.config.profile(profile)?;
                let record = self
                    .ca()
                    .issue_by_hand(&request, &profile, now())
                    .with_context(|| format!("no certificate for {}", request.subject()))?;
                Ok(Answer::Certificate(certificates_pem(std::slice::from_ref(&record.certificate))?))
            }
        }
    }
}

fn build(config: &Config, registry: Arc<EmbeddedRegistry>) -> Result<(Ca, EncodedCertificate)> {
    let (certificates, ca_key) = read_credential(&config.ca.certificate, &config.ca.key())?;
    let ca_certificate = certificates
        .into_iter()
        .next()
        .with_context(|| format!("{}: is empty", config.ca.certificate.display()))?;
    let issuer = Issuer::new(ca_certificate.clone(), ca_key)
        .with_context(|| config.ca.certificate.display().to_string())?;

    let mut ca = Ca::new(crypto_aws_lc::provider(), issuer, message_credential(config)?, registry);
    ca.policy = config.policy();
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
    Ok(Vec::from([
        Trust::new(SignerRole::RegistrationAuthority, own.clone(), ra),
        Trust::new(SignerRole::RegistrationAuthority, ra_anchors, ra),
        Trust::new(SignerRole::OperatorCertified, own, ExtendedKeyUsage::Any),
        Trust::new(SignerRole::VendorCertified, vendor_anchors, ExtendedKeyUsage::Any),
    ]))
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
