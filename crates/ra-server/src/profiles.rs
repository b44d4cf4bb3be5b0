//! `[profiles.NAME]` in `raca.toml`.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use asn1::oids::{rfc4945, rfc5280, rfc6402};
use ca::Profile;
use crypto::KeyKind;
use host::parse_name;
use serde::Deserialize;
use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::name::Name;
use x509_cert::spki::ObjectIdentifier;

const DAY: u64 = 24 * 60 * 60;

/// What makes a profile differ from the one it is like.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileDefinition {
    like: Option<String>,
    validity_days: Option<u32>,
    subject_below: Option<SubjectName>,
    subject_required: Option<Vec<Attribute>>,
    subject_allowed: Option<Vec<Attribute>>,
    dns: Option<Vec<String>>,
    ip: Option<Vec<Network>>,
    alternative_name_required: Option<bool>,
    keys: Option<Vec<Key>>,
    key_usage: Option<Vec<Usage>>,
    extended_key_usage: Option<Vec<Purpose>>,
    path_length: Option<u8>,
}

impl ProfileDefinition {
    /// A ready-made profile can be defined anew; it is like itself then.
    pub(crate) fn profile(&self, name: &str) -> Result<Profile> {
        let base = self.like.as_deref().or(Profile::by_name(name).map(|_| name)).unwrap_or("ne");
        let Some(mut profile) = Profile::by_name(base) else {
            bail!(
                "profiles.{name}.like: there is no ready-made profile {base:?}; there are ne, ra and tls-server"
            );
        };
        let is_name = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
        if name.is_empty() || !name.bytes().all(is_name) || name == Profile::CMP.name {
            bail!(
                "profiles.{name}: a profile's name stands in paths; it has letters, digits, hyphens and dots only, and is not \"cmp\""
            );
        }
        profile.name = Cow::Owned(name.to_owned());
        if let Some(days) = self.validity_days {
            if days == 0 {
                bail!("profiles.{name}.validity_days: must be at least 1");
            }
            profile.validity = Duration::from_secs(u64::from(days) * DAY);
        }
        profile.subject.below = self.subject_below.as_ref().map(|name| name.0.clone());
        let attributes = |list: &Vec<Attribute>| list.iter().map(|attribute| attribute.0).collect::<Vec<_>>();
        profile.subject.required = self.subject_required.as_ref().map(attributes).unwrap_or_default();
        profile.subject.allowed = self.subject_allowed.as_ref().map(attributes);
        profile.alternative_names.dns.clone_from(&self.dns);
        profile.alternative_names.ip = self.ip.as_ref().map(|list| list.iter().map(|it| it.0).collect());
        profile.alternative_names.required = self.alternative_name_required.unwrap_or(false);
        profile.keys = self.keys.as_ref().map(|list| list.iter().map(|key| key.0).collect());
        profile.path_length = self.path_length;
        let usage = |list: &Vec<Usage>| list.iter().fold(FlagSet::default(), |all, usage| all | usage.0);
        profile.key_usage = self.key_usage.as_ref().map(usage);
        if profile.key_usage.is_some_and(|usage| usage.is_empty()) {
            bail!("profiles.{name}.key_usage: names none");
        }
        match &self.extended_key_usage {
            Some(purposes) => profile.purposes = purposes.iter().map(|purpose| purpose.0).collect(),
            // What a network element is for is nothing for a CA.
            None if profile.path_length.is_some() => profile.purposes = Cow::Borrowed(&[]),
            None => {}
        }
        if profile.purposes.is_empty() && profile.path_length.is_none() {
            bail!("profiles.{name}.extended_key_usage: names none; only a CA's certificate needs none");
        }
        if profile.path_length.is_none()
            && profile.key_usage.is_some_and(|usage| usage.contains(KeyUsages::KeyCertSign))
        {
            bail!("profiles.{name}.key_usage: keyCertSign is for CAs, which need path_length as well");
        }
        Ok(profile)
    }
}

/// A name as RFC 4514 writes it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct SubjectName(Name);

impl TryFrom<String> for SubjectName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_name(&text).map(Self)
    }
}

/// An attribute type: `CN`, or an OID.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Attribute(ObjectIdentifier);

impl TryFrom<String> for Attribute {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let example = parse_name(&format!("{text}=NL"))?;
        let attribute = example.iter().next().map(|attribute| attribute.oid);
        attribute.map(Self).ok_or_else(|| format!("there is no attribute type {text:?}"))
    }
}

/// An address, or a network: `10.0.0.0/8`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Network((IpAddr, u8));

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no network; write it like 10.0.0.0/8 or 2001:db8::/32");
        let (address, prefix) = text.split_once('/').map_or((text.as_str(), None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if prefix <= most { Ok(Self((address, prefix))) } else { Err(wrong()) }
    }
}

/// A kind of key; of RSA, the least length.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Key(KeyKind);

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        const KINDS: [(&str, KeyKind); 13] = [
            ("p256", KeyKind::P256),
            ("p384", KeyKind::P384),
            ("p521", KeyKind::P521),
            ("rsa2048", KeyKind::Rsa { bits: 2048 }),
            ("rsa3072", KeyKind::Rsa { bits: 3072 }),
            ("rsa4096", KeyKind::Rsa { bits: 4096 }),
            ("ed25519", KeyKind::Ed25519),
            ("ml-dsa-44", KeyKind::MlDsa44),
            ("ml-dsa-65", KeyKind::MlDsa65),
            ("ml-dsa-87", KeyKind::MlDsa87),
            ("ml-kem-512", KeyKind::MlKem512),
            ("ml-kem-768", KeyKind::MlKem768),
            ("ml-kem-1024", KeyKind::MlKem1024),
        ];
        named(&KINDS, &text).map(Self)
    }
}

/// A bit of keyUsage as RFC 5280 names it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Usage(KeyUsages);

impl TryFrom<String> for Usage {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        const USAGES: [(&str, KeyUsages); 7] = [
            ("digitalSignature", KeyUsages::DigitalSignature),
            ("nonRepudiation", KeyUsages::NonRepudiation),
            ("keyEncipherment", KeyUsages::KeyEncipherment),
            ("dataEncipherment", KeyUsages::DataEncipherment),
            ("keyAgreement", KeyUsages::KeyAgreement),
            ("keyCertSign", KeyUsages::KeyCertSign),
            ("cRLSign", KeyUsages::CRLSign),
        ];
        named(&USAGES, &text).map(Self)
    }
}

/// A purpose as RFC 5280 and its kin name it, or an OID.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Purpose(ObjectIdentifier);

impl TryFrom<String> for Purpose {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        const PURPOSES: [(&str, ObjectIdentifier); 5] = [
            ("serverAuth", rfc5280::KP_SERVER_AUTH),
            ("clientAuth", rfc5280::KP_CLIENT_AUTH),
            ("ipsecIKE", rfc4945::KP_IPSEC_IKE),
            ("cmcRA", rfc6402::KP_CMC_RA),
            ("cmcCA", rfc6402::KP_CMC_CA),
        ];
        match ObjectIdentifier::new(&text) {
            Ok(oid) => Ok(Self(oid)),
            Err(_) => named(&PURPOSES, &text).map(Self).map_err(|reason| format!("{reason}, and any OID")),
        }
    }
}

fn named<T: Copy>(all: &[(&'static str, T)], text: &str) -> Result<T, String> {
    let found = all.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
        format!("there is no {text:?}; there are {}", names.join(", "))
    })
}
