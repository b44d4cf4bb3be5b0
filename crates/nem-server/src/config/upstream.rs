//! `[upstream]` in `nem.toml`: the RA/CAs.

use std::fmt;
use std::path::PathBuf;
use std::slice;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cmp::{Quirk, Quirks};
use host::{KeyLocation, KeySignature, KeySource, PassphraseSource};
use nem::Batching;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::MESSAGE_OCTETS;

/// More messages than anybody takes apart at a time; together with the octets of one answer it bounds what is read.
const MAX_BATCH_SIZE: usize = 10_000;

/// An RA/CA, and as whom the NEM speaks to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    #[serde(default = "default_name")]
    pub(crate) name: String,
    #[serde(default = "default_priority")]
    pub(crate) priority: u32,
    #[serde(default)]
    pub(crate) groups: Vec<String>,
    #[serde(default)]
    pub(crate) profiles: Vec<String>,
    pub(crate) url: String,
    pub(crate) certificate: PathBuf,
    key: KeyLocation,
    key_passphrase: Option<PassphraseSource>,
    key_signature: Option<KeySignature>,
    /// The certificates the RA/CA signs with, when they have no extKeyUsage id-kp-cmcCA.
    #[serde(default)]
    pub(crate) signers: Vec<PathBuf>,
    /// Whom to believe when the URL begins with https.
    pub(crate) tls_ca: Option<PathBuf>,
    /// Whether its TLS server is shown the certificate above, too.
    #[serde(default)]
    pub(crate) tls_client_certificate: bool,
    #[serde(default)]
    pub(crate) implicit_confirm: bool,
    confirm_when_fetched_seconds: Option<u64>,
    #[serde(default = "default_time_window")]
    time_window_seconds: u64,
    #[serde(default = "default_timeout")]
    timeout_seconds: u64,
    #[serde(default = "default_max_answer_octets")]
    pub(crate) max_answer_octets: usize,
    /// Tolerates what some RA/CAs get wrong; see `cmp::Deviation`.
    #[serde(default)]
    pub(crate) lenient: bool,
    /// What the RA/CA gets wrong about protection; see `cmp::Quirk`.
    #[serde(default)]
    quirks: Vec<String>,
    #[serde(default = "default_max_in_flight")]
    pub(crate) max_in_flight: usize,
    batch_size: Option<usize>,
    batch_delay_milliseconds: Option<u64>,
    batch_octets: Option<usize>,
}

fn default_name() -> String {
    "raca".to_owned()
}

const fn default_priority() -> u32 {
    100
}

const fn default_time_window() -> u64 {
    300
}

const fn default_timeout() -> u64 {
    60
}

const fn default_max_answer_octets() -> usize {
    64 * 1024
}

const fn default_max_in_flight() -> usize {
    32
}

impl Upstream {
    fn check(&self) -> Result<()> {
        if self.name.trim().is_empty() || self.name.chars().any(char::is_control) {
            bail!("upstream.name: must be a text of one line");
        }
        for (name, octets) in
            [("max_answer_octets", self.max_answer_octets), ("batch_octets", self.batching().octets)]
        {
            if !MESSAGE_OCTETS.contains(&octets) {
                bail!("upstream.{name}: must lie between 1024 and 16777216");
            }
        }
        if !(1..=MAX_BATCH_SIZE).contains(&self.batching().size) {
            bail!(
                "upstream.batch_size: must lie between 1, with which nothing is nested, and {MAX_BATCH_SIZE}"
            );
        }
        if self.batching().delay > Duration::from_secs(3600) {
            bail!("upstream.batch_delay_milliseconds: must be at most 3600000");
        }
        if self.max_in_flight == 0 {
            bail!("upstream.max_in_flight: must be at least 1");
        }
        if self.tls_client_certificate && self.tls_ca.is_none() {
            bail!(
                "upstream.tls_client_certificate: is for TLS; name tls_ca, and a URL that begins with https"
            );
        }
        if self.implicit_confirm && self.confirm_when_fetched_seconds.is_some() {
            bail!("upstream.confirm_when_fetched_seconds: stands beside implicit_confirm = true; choose one");
        }
        if self.confirm_when_fetched_seconds == Some(0) {
            bail!("upstream.confirm_when_fetched_seconds: must be at least 1; without it, nobody waits");
        }
        if self.timeout_seconds == 0 {
            bail!("upstream.timeout_seconds: must be at least 1");
        }
        self.quirks().map(|_| ())
    }

    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        std::iter::once(&mut self.certificate).chain(&mut self.signers).chain(&mut self.tls_ca)
    }

    pub(super) fn key_mut(&mut self) -> (&mut KeyLocation, &mut Option<PassphraseSource>) {
        (&mut self.key, &mut self.key_passphrase)
    }

    pub(crate) fn key(&self) -> KeySource {
        KeySource::new(self.key.clone(), self.key_passphrase.clone()).with_signature(self.key_signature)
    }

    pub(crate) fn batching(&self) -> Batching {
        let mut batching = Batching::default();
        batching.size = self.batch_size.unwrap_or(batching.size);
        batching.delay = self.batch_delay_milliseconds.map_or(batching.delay, Duration::from_millis);
        batching.octets = self.batch_octets.unwrap_or(batching.octets);
        batching
    }

    pub(crate) fn confirm_when_fetched(&self) -> Option<Duration> {
        self.confirm_when_fetched_seconds.map(Duration::from_secs)
    }

    /// `None` when it is not to be checked.
    pub(crate) fn time_window(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.time_window_seconds)).filter(|window| !window.is_zero())
    }

    /// A NEM signs, so quirks of MACs are no concern of its.
    pub(crate) fn quirks(&self) -> Result<Quirks> {
        const KNOWN: &[Quirk] = &[
            Quirk::UnprotectedErrors,
            Quirk::SignerWithoutDigitalSignature,
            Quirk::SenderOfAnother,
            Quirk::SignerChanges,
            Quirk::NestedAnswers,
        ];
        let names = self.quirks.iter().map(String::as_str);
        Quirks::from_names(names, KNOWN).context("upstream.quirks")
    }

    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}

/// One RA/CA as a table, or several as an array of tables.
#[derive(Debug)]
pub(crate) struct Upstreams(Vec<Upstream>);

impl Upstreams {
    pub(super) fn check(&self) -> Result<()> {
        if self.0.is_empty() {
            bail!("upstream: there is none; without an RA/CA nobody gets a certificate");
        }
        for (position, upstream) in self.iter().enumerate() {
            if self.iter().take(position).any(|other| other.name == upstream.name) {
                bail!(
                    "upstream.name: two RA/CAs are called {:?}; give each a name of its own",
                    upstream.name
                );
            }
            upstream.check().with_context(|| format!("the RA/CA {:?}", upstream.name))?;
        }
        Ok(())
    }

    pub(crate) fn iter(&self) -> slice::Iter<'_, Upstream> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> slice::IterMut<'_, Upstream> {
        self.0.iter_mut()
    }
}

impl<'de> Deserialize<'de> for Upstreams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrSeveral)
    }
}

struct OneOrSeveral;

impl<'de> Visitor<'de> for OneOrSeveral {
    type Value = Upstreams;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table, or an array of tables")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Upstreams, A::Error> {
        Upstream::deserialize(MapAccessDeserializer::new(map)).map(|upstream| Upstreams(vec![upstream]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Upstreams, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(sequence)).map(Upstreams)
    }
}
