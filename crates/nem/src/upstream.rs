//! An RA/CA, and how the NEM speaks to it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use asn1::EncodedCertificate;
use asn1::oids::rfc6402;
use cmp::{Quirks, ReadingPolicy, SenderIdentity, SignerRole, Trust};
use crypto::{ExtendedKeyUsage, Revocation, SigningKey};

use crate::station::Station;

/// One RA/CA, and as whom the NEM speaks to it. Its name stands for it as long as there are requests under way: whoever moves to
/// another RA/CA gives that one another name.
#[derive(Clone)]
#[non_exhaustive]
pub struct Upstream {
    /// What the operator calls it.
    pub name: Arc<str>,
    /// Of those that may have a request, the healthy one with the lowest number gets it; 100 by default.
    pub priority: u32,
    /// The groups whose stations it serves; when there are none, every station's.
    pub groups: Vec<String>,
    /// The certificate profiles that it serves; when there are none, all.
    pub profiles: Vec<String>,
    /// How many messages go up together.
    pub batching: Batching,
    /// Exchanges at a time, each of one message or one batch; 32 by default.
    pub max_in_flight: usize,
    /// The certificate the NEM signs with; the RA/CA knows it as an RA's.
    pub identity: SenderIdentity,
    /// Its key.
    pub key: Arc<dyn SigningKey>,
    /// The operator's trust anchors: for the RA/CA's messages, and for the certificates it issues.
    pub anchors: Vec<EncodedCertificate>,
    /// Whether to ask that no certConf be awaited.
    pub implicit_confirm: bool,
    /// Whether a certificate is confirmed only when its station has fetched it, and how long that may take: then it is turned
    /// down. By default it is confirmed as soon as it is checked.
    pub confirm_when_fetched: Option<Duration>,
    /// How far messageTime may be from now; `None` when the clocks do not agree.
    pub time_window: Option<Duration>,
    /// How answers are read before they are believed. The size is that of one message; the answer to a batch may have that many
    /// times as much.
    pub reading: ReadingPolicy,
    /// What it gets wrong about protection and is put up with; nothing by default.
    pub quirks: Quirks,
    trust: Vec<Trust>,
}

/// When messages go up together, in one nested message (RFC 9483 section 5.2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batching {
    /// A batch goes when it has that many messages; 32 by default. With 1, nothing is nested.
    pub size: usize,
    /// A batch goes when its oldest message has waited that long; 100 ms by default.
    pub delay: Duration,
    /// Octets of the messages in a batch together; 64 KiB less what the nested message itself takes by default, since that is
    /// what many RA/CAs read.
    pub octets: usize,
}

impl Batching {
    /// Every message goes by itself, at once.
    pub const NONE: Self = Self { size: 1, delay: Duration::ZERO, octets: 0 };

    /// Batches of at most that many messages, each held for at most that long.
    pub const fn new(size: usize, delay: Duration) -> Self {
        Self { size, delay, octets: 60 * 1024 }
    }
}

impl Default for Batching {
    fn default() -> Self {
        Self::new(32, Duration::from_millis(100))
    }
}

impl Upstream {
    /// An RA/CA under these anchors. Its messages are believed when they are signed by an anchor itself, or with a certificate
    /// under one that has extKeyUsage id-kp-cmcCA (RFC 9810 section 4.5): a station's certificate of the same CA does not
    /// speak for it, nor does another NEM's.
    pub fn new(
        name: &str,
        identity: SenderIdentity,
        key: Box<dyn SigningKey>,
        anchors: Vec<EncodedCertificate>,
    ) -> Self {
        let purpose = ExtendedKeyUsage::RequiredBelowAnchor(rfc6402::KP_CMC_CA);
        let trust = Trust::new(SignerRole::CertificationAuthority, anchors.clone(), purpose);
        Self {
            name: name.into(),
            priority: 100,
            groups: Vec::new(),
            profiles: Vec::new(),
            batching: Batching::default(),
            max_in_flight: 32,
            identity,
            key: key.into(),
            anchors,
            implicit_confirm: false,
            confirm_when_fetched: None,
            time_window: Some(Duration::from_secs(300)),
            reading: ReadingPolicy::default(),
            quirks: Quirks::NONE,
            trust: Vec::from([trust]),
        }
    }

    /// Believes messages signed with these very certificates, too: for an RA/CA whose certificate does not say what it is
    /// for.
    pub fn trust_signers(&mut self, signers: Vec<EncodedCertificate>) {
        self.trust.push(Trust::new(SignerRole::CertificationAuthority, signers, ExtendedKeyUsage::Any));
    }

    /// From now on the certificates that messages are signed with are looked up there; with `None`, nowhere.
    pub fn set_revocation(&mut self, revocation: Option<&Revocation>) {
        for trust in &mut self.trust {
            trust.revocation = revocation.cloned();
        }
    }

    /// Octets of the largest answer that is read.
    pub const fn answer_size(&self) -> usize {
        self.reading.message_size.saturating_mul(if self.batching.size > 1 { self.batching.size } else { 1 })
    }

    /// How the answer to a batch is read.
    pub(crate) const fn batch_reading(&self) -> ReadingPolicy {
        let mut reading = self.reading;
        reading.message_size = self.answer_size();
        reading.nested_messages = self.batching.size.saturating_mul(2);
        reading
    }

    pub(crate) fn trust(&self) -> &[Trust] {
        &self.trust
    }

    pub(crate) fn serves(&self, station: &Station) -> bool {
        let group = self.groups.is_empty() || station.groups.iter().any(|group| self.groups.contains(group));
        let profile = self.profiles.is_empty()
            || station.profile.as_ref().is_some_and(|profile| self.profiles.contains(profile));
        group && profile
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("name", &self.name)
            .field("identity", self.identity.name())
            .finish_non_exhaustive()
    }
}
