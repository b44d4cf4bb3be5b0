//! The NEM's own certificates are renewed before they expire: a new key beside the old one, a kur signed with the old certificate
//! (RFC 9483 section 4.1.3), and both files replaced when the RA/CA has the confirmation. What is served changes without a restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use cmp::SenderIdentity;
use crypto::{KeyKind, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey, provider};
use host::audit::Entry;
use host::files::{certificates_pem, read_certificates, write_atomically};
use host::{KeyLocation, KeySource, PassphraseSource, now};
use nem::ledger::Certificates;
use nem::{Next, Update, renewal_times};
use serde::Deserialize;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::audit;
use crate::config::Config;
use crate::current::Current;
use crate::{credentials, upstreams};

/// How often it is looked whether it is time; a file may have been replaced by hand.
const LOOK: Duration = Duration::from_secs(3600);
/// After a failure, the first pause, which doubles, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(6 * 3600));
/// How long the RA/CA may take.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Whether the NEM renews its own certificates.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Renewal {
    own_certificates: bool,
    /// The name of the RA/CA that renews the TLS certificate; by default the one with the lowest priority.
    tls_upstream: Option<String>,
}

impl Default for Renewal {
    fn default() -> Self {
        Self { own_certificates: true, tls_upstream: None }
    }
}

impl Renewal {
    pub(crate) fn check(&self, upstreams: &[&str]) -> Result<()> {
        match &self.tls_upstream {
            Some(name) if !upstreams.contains(&name.as_str()) => {
                bail!("tls_upstream: there is no RA/CA {name:?}; there are {}", upstreams.join(", "))
            }
            _ => Ok(()),
        }
    }
}

/// What a certificate is for.
#[derive(Clone, Debug)]
enum Purpose {
    /// To sign messages at these RA/CAs.
    Cmp(Vec<String>),
    /// To be known by stations.
    Tls,
}

/// One of the NEM's certificates.
#[derive(Clone, Debug)]
struct Own {
    certificate: PathBuf,
    key: KeySource,
    /// Which RA/CA renews it.
    upstream: String,
    purpose: Purpose,
}

/// Renews what is due. Clones share it.
#[derive(Clone)]
pub(crate) struct Keeper(Arc<Current>);

impl Keeper {
    pub(crate) const fn new(current: Arc<Current>) -> Self {
        Self(current)
    }

    fn config(&self) -> Arc<Config> {
        self.0.config()
    }

    /// Runs as long as the NEM does.
    pub(crate) async fn run(self) {
        let mut changes = self.0.changes();
        loop {
            let keep = |own: Own| {
                let keeper = self.clone();
                async move { keeper.keep(&own).await }
            };
            // Dropped, and so stopped, when there is another configuration. What is being installed is installed all the same.
            let _kept: JoinSet<()> =
                all(&changes.borrow_and_update().clone()).into_iter().map(keep).collect();
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    async fn keep(&self, own: &Own) {
        let mut failures = 0;
        loop {
            let pause = match self.keep_once(own).await {
                Ok(pause) => {
                    failures = 0;
                    pause
                }
                Err(reason) => {
                    self.0.service.counters().renewal_failed();
                    error!(certificate = %own.certificate.display(), "the NEM's own certificate is not renewed: {reason:#}");
                    let pause = PAUSES.0.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX));
                    failures = failures.saturating_add(1);
                    pause.min(PAUSES.1)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Renews it if it is time. Returns when to look again.
    async fn keep_once(&self, own: &Own) -> Result<Duration> {
        let path = own.certificate.clone();
        let leaf = blocking(move || first(&path)).await?;
        let (renew, until) = renewal_times(&leaf)?;
        self.0.service.counters().own_certificate(&own.certificate, until);
        let left = renew.as_secs().saturating_sub(now().as_secs());
        if left > 0 {
            return Ok(LOOK.min(Duration::from_secs(left)));
        }
        if !self.config().renewal.own_certificates {
            warn!(certificate = %own.certificate.display(), %until, "the NEM's own certificate is to be renewed by hand");
            return Ok(LOOK);
        }
        self.renew(own).await.map(|()| LOOK)
    }

    /// Renews all of them now. Returns what was done.
    pub(crate) async fn renew_all(&self) -> Result<String> {
        let mut done = Vec::new();
        for own in &all(&self.config()) {
            let shown = own.certificate.display();
            self.renew(own).await.inspect_err(|_| self.0.service.counters().renewal_failed()).with_context(
                || format!("{}{shown}", done.iter().map(|line| format!("{line}; then ")).collect::<String>()),
            )?;
            done.push(format!("{shown} is renewed"));
        }
        Ok(done.join("\n"))
    }

    async fn renew(&self, own: &Own) -> Result<()> {
        let certificates = tokio::time::timeout(PATIENCE, self.ask(own)).await;
        let certificates = certificates.context("the RA/CA takes too long")??;
        let serial_number = audit::serial_number(&certificates.certificate);
        let installed = {
            let (own, keeper) = (own.clone(), self.clone());
            blocking(move || keeper.install(&own, &certificates)).await?
        };
        self.0.service.counters().own_certificate(&own.certificate, installed);
        let mut entry = Entry::new(audit::SELF, format!("renew {}", own.certificate.display()), "renewed");
        entry.serial_number = serial_number;
        self.0.service.audit().record(&[entry]);
        info!(certificate = %own.certificate.display(), until = %installed, "the NEM's own certificate is renewed");
        Ok(())
    }

    /// Gets the next certificate, for the key that lies beside the old one from now on.
    async fn ask(&self, own: &Own) -> Result<Certificates> {
        let ((chain, key), next_key) = {
            let own = own.clone();
            blocking(move || Ok((host::read_credential(&own.certificate, &own.key)?, next_key(&own)?)))
                .await?
        };
        let (leaf, chain) = chain.split_first().context("the certificate's file is empty")?;
        let (provider, key): (_, Arc<dyn SigningKey>) = (provider(), key.into());
        let upstream = self.0.service.upstream(&own.upstream);
        let upstream = upstream.with_context(|| format!("there is no RA/CA {:?} any more", own.upstream))?;
        let name = upstream.name.clone();
        let (mut update, mut message) =
            Update::start(upstream, leaf, chain.to_vec(), key, &next_key, &provider, now())?;
        loop {
            let answer = self.0.service.ask(&name, message).await.map_err(anyhow::Error::msg)?;
            (update, message) = match update.handle(&answer, &provider, now())? {
                Next::Done(certificates) => return Ok(certificates),
                Next::Send(update, message) => (update, message),
                Next::Wait(update, pause) => {
                    info!(certificate = %own.certificate.display(), "the RA/CA is working on the NEM's own certificate");
                    tokio::time::sleep(pause).await;
                    update.poll(&provider, now())?
                }
            };
        }
    }

    /// The certificate first: whoever starts in between finds that the next key is its.
    fn install(&self, own: &Own, certificates: &Certificates) -> Result<asn1::UnixTime> {
        let below_root = certificates.chain.iter().filter(|certificate| !is_self_issued(certificate));
        let chain: Vec<EncodedCertificate> =
            std::iter::once(&certificates.certificate).chain(below_root).cloned().collect();
        write_atomically(&own.certificate, certificates_pem(&chain)?.as_bytes())?;
        take_next_key(own)?;
        let (_, until) = renewal_times(&certificates.certificate)?;
        match &own.purpose {
            Purpose::Tls => self.serve_with(own)?,
            Purpose::Cmp(upstreams) => {
                for name in upstreams {
                    let (identity, key) = read_identity(own)?;
                    self.0.service.act(|nem, _| nem.set_credential(name, identity, key))?;
                    self.renew_client(name)?;
                }
            }
        }
        Ok(until)
    }

    fn serve_with(&self, own: &Own) -> Result<()> {
        let identity = credentials::read_tls_identity(&own.certificate, &own.key)?;
        self.0.serve_with(identity)
    }

    /// Where the RA/CA's TLS server is shown the certificate, too, it is shown the new one.
    fn renew_client(&self, name: &str) -> Result<()> {
        let config = self.config();
        let known = config.upstreams.iter().find(|upstream| upstream.name == name);
        match (known.filter(|upstream| upstream.tls_client_certificate), self.0.service.upstream(name)) {
            (Some(known), Some(upstream)) => {
                let client = upstreams::client(known, upstream.answer_size())?;
                self.0.service.set_client(upstream.name.clone(), client);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The NEM's certificates, each once: several RA/CAs may know it by the same.
fn all(config: &Config) -> Vec<Own> {
    let mut own: Vec<Own> = Vec::new();
    for upstream in config.upstreams.iter() {
        let name = upstream.name.clone();
        match own.iter_mut().find(|known| known.certificate == upstream.certificate) {
            Some(Own { purpose: Purpose::Cmp(names), .. }) => names.push(name),
            _ => own.push(Own {
                certificate: upstream.certificate.clone(),
                key: upstream.key(),
                upstream: name.clone(),
                purpose: Purpose::Cmp(vec![name]),
            }),
        }
    }
    let best = config.upstreams.iter().min_by_key(|upstream| upstream.priority);
    let best = best.map(|upstream| upstream.name.clone()).unwrap_or_default();
    own.push(Own {
        certificate: config.tls.certificate.clone(),
        key: config.tls.key(),
        upstream: config.renewal.tls_upstream.clone().unwrap_or(best),
        purpose: Purpose::Tls,
    });
    own
}

/// A renewal that a crash interrupted between its two files is finished. Blocks.
///
/// # Errors
/// When a file cannot be renamed.
pub(crate) fn recover(config: &Config) -> Result<()> {
    for own in all(config) {
        let Some(next) = next_key_path(&own.key).filter(|path| path.exists()) else { continue };
        let mismatch =
            matches!(host::read_credential(&own.certificate, &own.key), Err(host::Error::OtherKey { .. }));
        let next_fits = || {
            let next = KeySource::new(KeyLocation::File(next.clone()), own.key.passphrase.clone());
            host::read_credential(&own.certificate, &next).is_ok()
        };
        if mismatch && next_fits() {
            take_next_key(&own)?;
            info!(certificate = %own.certificate.display(), "its renewal, which was interrupted, is finished");
        }
    }
    Ok(())
}

/// Where the next key lies until there is a certificate for it; `None` when the key is in a token.
fn next_key_path(key: &KeySource) -> Option<PathBuf> {
    let KeyLocation::File(path) = &key.location else { return None };
    let mut next = path.clone().into_os_string();
    next.push(".next");
    Some(next.into())
}

/// The key that an earlier attempt left there, or a new one of the same kind.
fn next_key(own: &Own) -> Result<SoftwareKey> {
    let KeyLocation::File(path) = &own.key.location else {
        bail!("its key is in a token, where a new one is made by hand");
    };
    if own.key.passphrase == Some(PassphraseSource::Prompt) {
        bail!("its key's passphrase is asked for at the terminal; name a file or an environment variable");
    }
    let passphrase = own.key.passphrase.as_ref();
    let next = next_key_path(&own.key).context("it has no place")?;
    let key = if next.exists() {
        host::read_software_key(&next, passphrase)?
    } else {
        let key_type = kind(host::read_software_key(path, passphrase)?.public_key().kind())?;
        let key = SoftwareKey::generate(key_type)?;
        host::write_software_key(&next, &key, passphrase)?;
        key
    };
    Ok(host::sign_with(key, own.key.signature)?)
}

fn kind(kind: KeyKind) -> Result<KeyType> {
    Ok(match kind {
        KeyKind::P256 => KeyType::P256,
        KeyKind::P384 => KeyType::P384,
        KeyKind::P521 => KeyType::P521,
        KeyKind::Rsa { bits } if bits <= 3072 => KeyType::Rsa3072,
        KeyKind::Rsa { .. } => KeyType::Rsa4096,
        KeyKind::Ed25519 => KeyType::Ed25519,
        KeyKind::MlDsa44 => KeyType::MlDsa44,
        KeyKind::MlDsa65 => KeyType::MlDsa65,
        KeyKind::MlDsa87 => KeyType::MlDsa87,
        other => bail!("no key of the kind {other} can be made"),
    })
}

fn take_next_key(own: &Own) -> Result<()> {
    let (KeyLocation::File(path), Some(next)) = (&own.key.location, next_key_path(&own.key)) else {
        bail!("its key is in a token");
    };
    fs::rename(&next, path).with_context(|| format!("{}: cannot be renamed", next.display()))
}

fn read_identity(own: &Own) -> Result<(SenderIdentity, Box<dyn SigningKey>)> {
    let (chain, key) = host::read_credential(&own.certificate, &own.key)?;
    let mut chain = chain.into_iter();
    let leaf = chain.next().context("the certificate's file is empty")?;
    Ok((SenderIdentity::new(leaf, chain.collect(), key.algorithm())?, key))
}

fn first(path: &Path) -> Result<EncodedCertificate> {
    read_certificates(path)?.into_iter().next().with_context(|| format!("{}: is empty", path.display()))
}

fn is_self_issued(certificate: &EncodedCertificate) -> bool {
    use der::Decode;

    x509_cert::Certificate::from_der(certificate.octets())
        .is_ok_and(|decoded| decoded.tbs_certificate().subject() == decoded.tbs_certificate().issuer())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}
