//! `nem.toml`.

mod upstream;

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use host::files::line_of;
use host::{KeyLocation, KeySource, PassphraseSource, RevocationSetting};
use nem::Settings;
use serde::Deserialize;

use crate::by_hand::automatic::ByHand;
use crate::cmp_stations::StationCmp;
use crate::doors::Tunnel;
use crate::fetch::Fetch;
use crate::ftp::Ftps;
use crate::health::Admin;
use crate::liveness::LivenessConfig;
use crate::own::Renewal;

pub(crate) use upstream::{Upstream, Upstreams};

/// What the size of a message may be limited to.
const MESSAGE_OCTETS: RangeInclusive<usize> = 1024..=16 * 1024 * 1024;

/// What the file says. Unknown keys are refused: a typing error must not leave a default standing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) listen: String,
    pub(crate) ledger: PathBuf,
    #[serde(default = "default_audit")]
    pub(crate) audit: PathBuf,
    pub(crate) stations: PathBuf,
    #[serde(default = "default_shutdown")]
    shutdown_seconds: u64,
    pub(crate) tls: Credential,
    /// `[upstream]`, or `[[upstream]]` for each of several.
    #[serde(rename = "upstream")]
    pub(crate) upstreams: Upstreams,
    pub(crate) trust: Trust,
    #[serde(default)]
    pub(crate) intake: Intake,
    /// For stations that come by HTTP inside the IPsec tunnel.
    pub(crate) tunnel: Option<Tunnel>,
    /// For stations that come by FTP with TLS.
    pub(crate) ftps: Option<Ftps>,
    /// For those who watch the NEM.
    pub(crate) admin: Option<Admin>,
    /// What is asked of an RA/CA by general messages.
    pub(crate) fetch: Option<Fetch>,
    /// How the NEM's own certificates are renewed.
    #[serde(default)]
    pub(crate) renewal: Renewal,
    /// When stations count as connected.
    #[serde(default)]
    pub(crate) liveness: LivenessConfig,
    /// What happens while no RA/CA answers.
    #[serde(default)]
    pub(crate) by_hand: ByHand,
}

fn default_audit() -> PathBuf {
    "audit.jsonl".into()
}

const fn default_shutdown() -> u64 {
    10
}

/// A certificate (with its chain behind it, root excluded) and its private key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credential {
    pub(crate) certificate: PathBuf,
    key: KeyLocation,
    key_passphrase: Option<PassphraseSource>,
}

impl Credential {
    pub(crate) fn key(&self) -> KeySource {
        KeySource::new(self.key.clone(), self.key_passphrase.clone())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trust {
    pub(crate) operator_cas: Vec<PathBuf>,
    #[serde(default)]
    pub(crate) vendor_cas: Vec<PathBuf>,
    /// Of the vendors' CAs and the operator's.
    #[serde(default)]
    pub(crate) crls: Vec<PathBuf>,
    #[serde(default)]
    pub(crate) revocation: RevocationSetting,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Intake {
    pub(crate) max_request_octets: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_address: usize,
    hold_seconds: u64,
    retry_after_seconds: u64,
    max_requests: usize,
    max_requests_per_station: usize,
    /// How messages go up that stations sign themselves.
    pub(crate) station_cmp: StationCmp,
}

impl Default for Intake {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            max_request_octets: 64 * 1024,
            max_connections: 1024,
            max_connections_per_address: 64,
            hold_seconds: 5,
            retry_after_seconds: settings.retry_after.as_secs(),
            max_requests: settings.max_requests,
            max_requests_per_station: settings.max_requests_per_station,
            station_cmp: StationCmp::default(),
        }
    }
}

impl Config {
    /// Reads the file; the paths in it are relative to where it lies.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| {
            format!("{shown}: cannot be read; `nem init --dir DIR --upstream URL` writes one")
        })?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|error| anyhow!("{shown}: {}", line_of(&text, error.span(), error.message())))?;
        config.check().with_context(|| shown.to_string())?;
        let directory = path.parent().unwrap_or(Path::new("."));
        for relative in config.paths() {
            *relative = directory.join(&*relative);
        }
        for (key, passphrase) in config.keys() {
            *key = key.clone().relative_to(directory);
            *passphrase = passphrase.take().map(|source| source.relative_to(directory));
        }
        config.liveness.token = config.liveness.token.map(|source| source.relative_to(directory));
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        if self.trust.operator_cas.is_empty() {
            bail!("trust.operator_cas: is empty; without the operator's CA no certificate can be checked");
        }
        if self.trust.revocation == RevocationSetting::Required
            && self.trust.crls.is_empty()
            && self.fetch.is_none()
        {
            bail!("trust.revocation: is \"required\", but trust.crls names no file");
        }
        if !MESSAGE_OCTETS.contains(&self.intake.max_request_octets) {
            bail!("intake.max_request_octets: must lie between 1024 and 16777216");
        }
        for (name, value) in [
            ("intake.max_connections", self.intake.max_connections),
            ("intake.max_connections_per_address", self.intake.max_connections_per_address),
            ("intake.max_requests", self.intake.max_requests),
            ("intake.max_requests_per_station", self.intake.max_requests_per_station),
        ] {
            if value == 0 {
                bail!("{name}: must be at least 1");
            }
        }
        self.by_hand.check()?;
        self.upstreams.check()?;
        let names: Vec<&str> = self.upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
        self.renewal.check(&names).context("renewal")?;
        self.fetch.iter().try_for_each(|fetch| fetch.check(&names).context("fetch"))?;
        self.liveness.check(self.admin.is_some()).context("liveness")?;
        self.tunnel.iter().try_for_each(Tunnel::check)?;
        self.ftps.iter().try_for_each(|ftps| ftps.passive.check().context("ftps"))
    }

    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.ledger, &mut self.audit, &mut self.stations, &mut self.tls.certificate]
            .into_iter()
            .chain(self.upstreams.iter_mut().flat_map(Upstream::paths))
            .chain(&mut self.trust.operator_cas)
            .chain(&mut self.trust.vendor_cas)
            .chain(&mut self.trust.crls)
            .chain(&mut self.liveness.file)
            .chain(&mut self.by_hand.drop)
            .chain(&mut self.by_hand.answers)
            .chain(self.fetch.as_mut().map(|fetch| &mut fetch.directory))
    }

    fn keys(&mut self) -> impl Iterator<Item = (&mut KeyLocation, &mut Option<PassphraseSource>)> {
        let tls = (&mut self.tls.key, &mut self.tls.key_passphrase);
        std::iter::once(tls).chain(self.upstreams.iter_mut().map(Upstream::key_mut))
    }

    /// How long what is under way may take when the NEM is told to stop.
    pub(crate) const fn shutdown(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds)
    }

    /// Where a running `nem serve` listens for the other commands: beside the ledger that it has locked.
    pub(crate) fn socket(&self) -> PathBuf {
        self.ledger.with_extension("sock")
    }

    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.max_requests = self.intake.max_requests;
        settings.max_requests_per_station = self.intake.max_requests_per_station;
        settings.liveness = self.liveness.rules();
        settings.retry_after = Duration::from_secs(self.intake.retry_after_seconds.max(1));
        settings
    }
}

impl Intake {
    /// How long a station's connection is held while its certificate may come, before it is told to ask again.
    pub(crate) const fn hold(&self) -> Duration {
        Duration::from_secs(self.hold_seconds)
    }
}
