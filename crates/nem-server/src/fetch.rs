//! What the NEM asks an RA/CA for by general messages (RFC 9483 section 4.3), and hands on to stations: CA certificates, successors of
//! root certificates, CRLs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use asn1::oids::rfc9810::{IT_CA_CERTS, IT_CRLS, IT_ROOT_CA_KEY_UPDATE};
use asn1::{EncodedCertificate, UnixTime};
use cmp::{CrlSource, CrlStatus, InfoTypeAndValue, InfoValue};
use crypto::CaCertificate;
use crypto_aws_lc::provider;
use der::asn1::{ObjectIdentifier, UtcTime};
use host::audit::Entry;
use host::now;
use nem::{Inquiry, Next};
use serde::Deserialize;
use tracing::{info, warn};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::audit;
use crate::config::Config;
use crate::current::Current;
use crate::fetched::{Fetched, is_root};
use crate::service::Service;

/// How long the RA/CA may take to answer one question.
const PATIENCE: Duration = Duration::from_secs(300);

/// What is asked for, and how often.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fetch {
    #[serde(default = "default_interval")]
    interval_seconds: u64,
    /// The RA/CA's name; by default the one with the lowest priority.
    upstream: Option<String>,
    #[serde(default = "default_true")]
    ca_certificates: bool,
    #[serde(default = "default_true")]
    root_updates: bool,
    #[serde(default = "default_true")]
    crls: bool,
    /// Where it is kept.
    #[serde(default = "default_directory")]
    pub(crate) directory: PathBuf,
}

const fn default_interval() -> u64 {
    3600
}

const fn default_true() -> bool {
    true
}

fn default_directory() -> PathBuf {
    "fetched".into()
}

impl Fetch {
    pub(crate) fn check(&self, upstreams: &[&str]) -> Result<()> {
        if self.interval_seconds < 10 {
            bail!("interval_seconds: must be at least 10");
        }
        match &self.upstream {
            Some(name) if !upstreams.contains(&name.as_str()) => {
                bail!("upstream: there is no RA/CA {name:?}; there are {}", upstreams.join(", "))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn fetched(&self) -> Fetched {
        Fetched::new(self.directory.clone())
    }
}

/// Asks, again and again, as long as the NEM runs and its configuration says so.
pub(crate) async fn run(current: Arc<Current>) {
    let mut changes = current.changes();
    loop {
        let config = changes.borrow_and_update().clone();
        let interval = match &config.fetch {
            Some(fetch) => {
                if let Err(reason) = fetch_all(&config, fetch, &current).await {
                    current.service.counters().fetch_failed();
                    warn!("not everything was fetched from the RA/CA: {reason:#}");
                }
                Duration::from_secs(fetch.interval_seconds)
            }
            None => Duration::MAX,
        };
        // Whatever else changes is looked at then, too.
        let _ = tokio::time::timeout(interval, changes.changed()).await;
    }
}

/// Asks for everything now. Returns what is new.
pub(crate) async fn fetch_now(current: &Arc<Current>) -> Result<String> {
    let config = current.config();
    let fetch = config.fetch.as_ref().context("there is no [fetch] in the configuration")?;
    let new = fetch_all(&config, fetch, current).await?;
    Ok(if new.is_empty() { "nothing new".to_owned() } else { format!("new: {}", new.join(", ")) })
}

/// What cannot be had does not keep back the rest.
async fn fetch_all(config: &Config, fetch: &Fetch, current: &Arc<Current>) -> Result<Vec<&'static str>> {
    let best = config.upstreams.iter().min_by_key(|upstream| upstream.priority);
    let upstream = fetch.upstream.as_ref().or(best.map(|best| &best.name)).context("there is no RA/CA")?;
    let (service, anchors) = (&current.service, current.operator_anchors());
    let line = Line { service, upstream, fetched: fetch.fetched(), anchors };
    let (mut new, mut failures) = (Vec::new(), Vec::new());
    let mut note = |what: &'static str, outcome: Result<bool>| match outcome {
        Ok(true) => new.push(what),
        Ok(false) => {}
        Err(reason) => failures.push(format!("{what}: {reason:#}")),
    };
    if fetch.root_updates {
        for root in line.anchors.iter().filter(|anchor| is_root(anchor)) {
            note("a root certificate", line.fetch_root(root).await);
        }
    }
    if fetch.ca_certificates {
        note("CA certificates", line.fetch_ca_certificates().await);
    }
    if fetch.crls {
        for issuer in line.anchors.iter().filter_map(CaCertificate::open) {
            note("a CRL", line.fetch_crl(issuer.subject()).await);
        }
    }
    if !new.is_empty() {
        let entry = Entry::new(audit::SELF, format!("fetch from {upstream}"), new.join(", "));
        service.audit().record(&[entry]);
        info!(%upstream, "fetched from the RA/CA: {}", new.join(", "));
        let current = current.clone();
        tokio::task::spawn_blocking(move || current.take_up_fetched()).await??;
    }
    match failures.is_empty() {
        true => Ok(new),
        false => bail!(failures.join("; ")),
    }
}

/// One RA/CA, and what it is asked about.
struct Line<'a> {
    service: &'a Arc<Service>,
    upstream: &'a str,
    fetched: Fetched,
    anchors: Vec<EncodedCertificate>,
}

impl Line<'_> {
    async fn fetch_ca_certificates(&self) -> Result<bool> {
        let question = InfoTypeAndValue::new(IT_CA_CERTS, None);
        match self.ask(question, IT_CA_CERTS).await? {
            Some(InfoValue::CaCerts(certificates)) => {
                self.fetched.keep_ca_certificates(&certificates, &self.anchors, now())
            }
            _ => Ok(false),
        }
    }

    /// RFC 9483 section 4.3.2: what the answer says is believed only by the old root's word.
    async fn fetch_root(&self, root: &EncodedCertificate) -> Result<bool> {
        let question = InfoValue::RootCaCert(root.clone()).close()?;
        match self.ask(question, IT_ROOT_CA_KEY_UPDATE).await? {
            Some(InfoValue::RootCaKeyUpdate(update)) => self.fetched.keep_root(&update, root, now()),
            _ => Ok(false),
        }
    }

    /// RFC 9483 section 4.3.4: only what is newer than the one at hand comes.
    async fn fetch_crl(&self, issuer: &Name) -> Result<bool> {
        let source = CrlSource::Issuer(vec![GeneralName::DirectoryName(issuer.clone())]);
        let this_update = self.fetched.crl_of(issuer)?.map(|list| time(list.this_update())).transpose()?;
        let question = InfoValue::CrlStatusList(vec![CrlStatus::new(source, this_update)]).close()?;
        match self.ask(question, IT_CRLS).await? {
            Some(InfoValue::Crls(lists)) => {
                let mut new = false;
                for list in &lists {
                    new |= self.fetched.keep_crl(list.octets(), issuer)?;
                }
                Ok(new)
            }
            _ => Ok(false),
        }
    }

    async fn ask(&self, question: InfoTypeAndValue, due: ObjectIdentifier) -> Result<Option<InfoValue>> {
        let upstream = self.service.upstream(self.upstream);
        let upstream = upstream.with_context(|| format!("there is no RA/CA {:?} any more", self.upstream))?;
        let (name, provider) = (upstream.name.clone(), provider());
        let (mut inquiry, mut message) = Inquiry::start(upstream, question, &provider, now())?;
        let answered = async {
            loop {
                let answer = self.service.ask(&name, message).await.map_err(anyhow::Error::msg)?;
                (inquiry, message) = match inquiry.handle(&answer, &provider, now())? {
                    Next::Done(items) => return anyhow::Ok(items),
                    Next::Send(inquiry, message) => (inquiry, message),
                    Next::Wait(inquiry, pause) => {
                        tokio::time::sleep(pause).await;
                        inquiry.poll(&provider, now())?
                    }
                };
            }
        };
        let items = tokio::time::timeout(PATIENCE, answered).await.context("the RA/CA takes too long")??;
        let item = items.iter().find(|item| item.info_type == due);
        item.map_or(Ok(None), |item| Ok(InfoValue::open(item)?))
    }
}

/// As in the CRL itself: UTCTime until 2049 (RFC 5280 section 5.1.2.4).
fn time(time: UnixTime) -> Result<Time> {
    Ok(match UtcTime::from_unix_duration(Duration::from_secs(time.as_secs())) {
        Ok(time) => Time::from(time),
        Err(_) => Time::from(time.to_generalized_time()?),
    })
}
