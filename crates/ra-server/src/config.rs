//! `raca.toml`.

mod approval;
mod credentials;
mod crl;
mod kem;
mod key_generation;
mod offline;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ca::{Policy, Profile, VendorNames};
use cmp::{Quirk, Quirks};
use host::files::line_of;
use host::{KeyLocation, KeySignature, KeySource, PassphraseSource, RevocationSetting};
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use crate::profiles::ProfileDefinition;
use approval::ApprovalSetting;
pub(crate) use credentials::{Credential, Tls};
use crl::CrlPublication;
use kem::KemSetting;
use key_generation::KeyGenerationSetting;
pub(crate) use offline::Offline;
use trust::Names;
pub(crate) use trust::{SharedSecretOf, Trust};

/// What the file says. Unknown keys are refused: a typing error must not leave a default standing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) listen: String,
    pub(crate) registry: PathBuf,
    /// Every decision, a line each.
    #[serde(default = "default_audit")]
    pub(crate) audit: PathBuf,
    /// The keys that `raca rollover` makes, a folder each.
    #[serde(default = "default_rollovers")]
    pub(crate) rollovers: PathBuf,
    pub(crate) ca: Credential,
    pub(crate) cmp: Cmp,
    #[serde(default)]
    pub(crate) trust: Trust,
    #[serde(default)]
    pub(crate) crl: CrlPublication,
    #[serde(default)]
    profiles: BTreeMap<String, ProfileDefinition>,
    #[serde(default)]
    validity_days: BTreeMap<String, u32>,
    #[serde(default)]
    pub(crate) approval: ApprovalSetting,
    #[serde(default)]
    pub(crate) offline: Offline,
    pub(crate) key_generation: Option<KeyGenerationSetting>,
    pub(crate) kem: Option<KemSetting>,
    pub(crate) tls: Option<Tls>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cmp {
    pub(crate) certificate: PathBuf,
    key: KeyLocation,
    key_passphrase: Option<PassphraseSource>,
    key_signature: Option<KeySignature>,
    #[serde(default = "default_max_message_octets")]
    pub(crate) max_message_octets: usize,
    /// Further ones wait for their turn.
    #[serde(default = "default_max_messages_at_a_time")]
    pub(crate) max_messages_at_a_time: usize,
    /// Tolerates what some requesters get wrong; see `cmp::Deviation`.
    #[serde(default)]
    pub(crate) lenient: bool,
    /// What requesters get wrong about protection; see `cmp::Quirk`.
    #[serde(default)]
    quirks: Vec<String>,
    /// 0 switches the check off.
    #[serde(default = "default_seconds")]
    time_window_seconds: u64,
    #[serde(default = "default_seconds")]
    confirm_wait_seconds: u64,
    #[serde(default = "default_implicit_confirm")]
    implicit_confirm: bool,
    #[serde(default)]
    poll_delay_seconds: u64,
    #[serde(default = "default_max_mac_iterations")]
    pub(crate) max_mac_iterations: u32,
    /// Certifies keys that do not sign; see `ca::Policy`.
    #[serde(default)]
    encrypted_certificates: bool,
}

/// The audit log's name unless the file has another.
pub(crate) const AUDIT: &str = "audit.jsonl";

fn default_audit() -> PathBuf {
    PathBuf::from(AUDIT)
}

fn default_rollovers() -> PathBuf {
    PathBuf::from("rollovers")
}

const fn default_max_message_octets() -> usize {
    64 * 1024
}

const fn default_max_messages_at_a_time() -> usize {
    4
}

const fn default_max_mac_iterations() -> u32 {
    1_000_000
}

const fn default_seconds() -> u64 {
    300
}

const fn default_implicit_confirm() -> bool {
    true
}

impl Cmp {
    pub(crate) fn key(&self) -> KeySource {
        KeySource::new(self.key.clone(), self.key_passphrase.clone()).with_signature(self.key_signature)
    }
}

impl Config {
    /// Reads the file; the paths in it are relative to where it lies.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path)
            .with_context(|| format!("{shown}: cannot be read; `raca init --dir DIR` writes one"))?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|error| anyhow!("{shown}: {}", line_of(&text, error.span(), error.message())))?;
        config.check().map_err(|error| {
            anyhow!("{shown}: {}", line_of(&text, place(&text, &error.to_string()), &format!("{error:#}")))
        })?;
        let directory = path.parent().unwrap_or(Path::new("."));
        for relative in config.paths() {
            *relative = directory.join(&*relative);
        }
        for (key, passphrase) in config.keys() {
            *key = key.clone().relative_to(directory);
            *passphrase = passphrase.take().map(|source| source.relative_to(directory));
        }
        config.kem = config.kem.map(|kem| kem.relative_to(directory));
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        if let Some(name) = self.validity_days.keys().find(|name| Profile::by_name(name).is_none()) {
            bail!("validity_days.{name}: there is no profile {name:?}; there are ne, ra and tls-server");
        }
        if let Some((name, _)) = self.validity_days.iter().find(|(_, days)| **days == 0) {
            bail!("validity_days.{name}: must be at least 1");
        }
        if !(1024..=16 * 1024 * 1024).contains(&self.cmp.max_message_octets) {
            bail!("cmp.max_message_octets: must lie between 1024 and 16777216");
        }
        if !(1..=1024).contains(&self.cmp.max_messages_at_a_time) {
            bail!("cmp.max_messages_at_a_time: must lie between 1 and 1024");
        }
        if self.trust.revocation == RevocationSetting::Required && self.trust.crls.is_empty() {
            bail!("trust.revocation: is \"required\", but trust.crls names no file");
        }
        if self.approval.check_after_seconds == 0 || self.approval.lifetime_seconds == 0 {
            bail!("approval: check_after_seconds and lifetime_seconds must be at least 1");
        }
        self.quirks()?;
        self.crl.check()?;
        self.offline.check()?;
        self.tls.as_ref().map_or(Ok(()), Tls::check)?;
        self.kem.as_ref().map_or(Ok(()), KemSetting::check)?;
        self.key_generation.as_ref().map_or(Ok(()), KeyGenerationSetting::check)?;
        self.check_profiles()?;
        let mut references = BTreeSet::new();
        for entry in &self.trust.shared_secrets {
            if entry.reference.is_empty() {
                bail!("trust.shared_secrets: a reference is empty");
            }
            if !references.insert(&entry.reference) {
                bail!("trust.shared_secrets: the reference {:?} stands there twice", entry.reference);
            }
        }
        Ok(())
    }

    /// The files of the certificates that somebody renews, but for the root.
    pub(crate) fn own_certificates(&self) -> Vec<&Path> {
        let named = [
            Some(self.cmp.certificate.as_path()),
            self.kem.as_ref().and_then(KemSetting::certificate),
            self.key_generation.as_ref().map(|generation| generation.certificate.as_path()),
            self.tls.as_ref().map(|tls| tls.certificate.as_path()),
        ];
        named.into_iter().flatten().collect()
    }

    /// What a running server cannot change.
    pub(crate) fn check_successor(&self, next: &Self) -> Result<()> {
        let changed = [
            ("listen", self.listen != next.listen),
            ("registry", self.registry != next.registry),
            ("audit", self.audit != next.audit),
            ("cmp.max_message_octets", self.cmp.max_message_octets != next.cmp.max_message_octets),
            (
                "cmp.max_messages_at_a_time",
                self.cmp.max_messages_at_a_time != next.cmp.max_messages_at_a_time,
            ),
            ("tls", self.tls.is_some() != next.tls.is_some()),
        ];
        match changed.into_iter().find(|(_, changed)| *changed) {
            Some((key, _)) => bail!("{key}: is another than before, which takes a restart of `raca serve`"),
            None => Ok(()),
        }
    }

    fn check_profiles(&self) -> Result<()> {
        for (name, definition) in &self.profiles {
            definition.profile(name)?;
            if self.validity_days.contains_key(name) {
                bail!("validity_days.{name}: stands in profiles.{name}, too");
            }
        }
        let trust = &self.trust;
        let lists = std::iter::once(("trust.profiles", &trust.profiles))
            .chain(trust.vendors.iter().map(|entry| ("trust.vendors", &entry.profiles)))
            .chain(trust.ras.iter().map(|entry| ("trust.ras", &entry.profiles)))
            .chain(trust.shared_secrets.iter().map(|entry| ("trust.shared_secrets", &entry.profiles)));
        for (key, list) in lists {
            for name in list {
                self.profile(name).map_err(|reason| anyhow!("{key}: {reason}"))?;
            }
        }
        if trust.profiles.is_empty() {
            bail!("trust.profiles: is empty; the first is what whoever names none gets");
        }
        if trust.vendors.iter().any(|entry| entry.profiles.is_empty()) {
            bail!(
                "trust.vendors: an entry has no profiles; a vendor without its own belongs into trust.vendor_cas"
            );
        }
        if trust.ras.iter().any(|entry| entry.certificate.is_none() && entry.ca.is_none()) {
            bail!("trust.ras: an entry has neither certificate nor ca");
        }
        Ok(())
    }

    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let trust = &mut self.trust;
        [
            &mut self.registry,
            &mut self.audit,
            &mut self.rollovers,
            &mut self.ca.certificate,
            &mut self.cmp.certificate,
        ]
        .into_iter()
        .chain(trust.vendor_cas.iter_mut())
        .chain(trust.ra_cas.iter_mut())
        .chain(trust.vendors.iter_mut().map(|entry| &mut entry.ca))
        .chain(trust.ras.iter_mut().flat_map(|entry| entry.certificate.iter_mut().chain(&mut entry.ca)))
        .chain(trust.crls.iter_mut())
        .chain(trust.shared_secrets.iter_mut().map(|entry| &mut entry.secret_file))
        .chain(
            self.tls
                .iter_mut()
                .flat_map(|tls| std::iter::once(&mut tls.certificate).chain(&mut tls.client_cas)),
        )
        .chain(self.crl.file.iter_mut())
        .chain(self.key_generation.iter_mut().map(|generation| &mut generation.certificate))
    }

    fn keys(&mut self) -> impl Iterator<Item = (&mut KeyLocation, &mut Option<PassphraseSource>)> {
        [(&mut self.ca.key, &mut self.ca.key_passphrase), (&mut self.cmp.key, &mut self.cmp.key_passphrase)]
            .into_iter()
            .chain(self.tls.iter_mut().map(|tls| (&mut tls.key, &mut tls.key_passphrase)))
            .chain(self.key_generation.iter_mut().map(|it| (&mut it.key, &mut it.key_passphrase)))
    }

    /// Where a running `raca serve` listens for the other commands: beside the registry that it has locked.
    pub(crate) fn socket(&self) -> PathBuf {
        self.registry.with_extension("sock")
    }

    pub(crate) fn policy(&self) -> Policy {
        let mut policy = Policy::default();
        policy.profiles = self.all_profiles();
        policy.cert_profiles.clone_from(&self.trust.profiles);
        policy.vendor_names = match self.trust.vendor_names {
            Names::Own => VendorNames::Own,
            Names::Any => VendorNames::Any,
        };
        policy.approval = self.approval.approval();
        policy.implicit_confirm = self.cmp.implicit_confirm;
        policy.confirm_wait = Duration::from_secs(self.cmp.confirm_wait_seconds);
        policy.encrypted_certificates = self.cmp.encrypted_certificates;
        policy.issuing_delay = Duration::from_secs(self.cmp.poll_delay_seconds);
        policy
    }

    /// The others are an RA/CA's.
    pub(crate) fn quirks(&self) -> Result<Quirks> {
        let names = self.cmp.quirks.iter().map(String::as_str);
        Quirks::from_names(names, &[Quirk::Pbes2InPbmac1, Quirk::Sha1InMac]).context("cmp.quirks")
    }

    pub(crate) fn time_window(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.cmp.time_window_seconds)).filter(|window| !window.is_zero())
    }

    /// The ready-made profiles and those that the file defines. They were checked.
    fn all_profiles(&self) -> Vec<Profile> {
        let ready_made = Profile::ALL.into_iter().filter(|it| !self.profiles.contains_key(&*it.name));
        let defined = self.profiles.iter().filter_map(|(name, it)| it.profile(name).ok());
        ready_made.map(|it| self.with_validity(it)).chain(defined).collect()
    }

    pub(crate) fn profile(&self, name: &str) -> Result<Profile> {
        let mut all = self.all_profiles();
        let names = all.iter().map(|profile| profile.name.to_string()).collect::<Vec<_>>().join(", ");
        let position = all.iter().position(|profile| profile.name == name);
        let position =
            position.with_context(|| format!("there is no profile {name:?}; choose one of {names}"))?;
        Ok(all.swap_remove(position))
    }

    fn with_validity(&self, mut profile: Profile) -> Profile {
        if let Some(days) = self.validity_days.get(&*profile.name) {
            profile.validity = Duration::from_secs(u64::from(*days) * 24 * 60 * 60);
        }
        profile
    }
}

/// Where in the file the key stands that a reason begins with, as far as it is there.
fn place(text: &str, reason: &str) -> Option<Range<usize>> {
    let (key, _) = reason.split_once(':')?;
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut place = None;
    for part in key.split('.') {
        let Some((found, value)) = table.get_key_value(part) else { break };
        place = Some(found.span());
        let DeValue::Table(inner) = value.get_ref() else { break };
        table = inner;
    }
    place
}
