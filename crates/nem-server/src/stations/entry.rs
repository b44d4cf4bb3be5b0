//! A station in words, whatever the format.

use std::net::IpAddr;

use anyhow::{Context, Result, anyhow};
use host::{Names, parse_host_name, parse_name};
use nem::{Account, Station, StationState, VendorCertificate};
use serde::{Deserialize, Serialize, Serializer};
use x509_cert::ext::pkix::name::GeneralName;

/// A station, each part as an operator writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Entry {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vendor_subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vendor_serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vendor_issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vendor_fingerprint: Option<String>,
    pub(crate) subject: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) dns: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ip: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tunnel_address: Option<String>,
    /// What `state = "blocked"` was written as before there were states.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) blocked: bool,
}

/// What is wrong with an entry, and in which of its parts.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) part: &'static str,
    pub(crate) reason: String,
}

impl Entry {
    /// The station.
    pub(crate) fn station(&self) -> Result<Station, Fault> {
        let one_line = |part, text: &str| match text.trim().is_empty() || text.chars().any(char::is_control) {
            true => Err(Fault { part, reason: "must be a text of one line".to_owned() }),
            false => Ok(text.to_owned()),
        };
        let name = one_line("name", &self.name)?;
        let vendor = self.vendor()?;
        let mut names = Names::new(parsed("subject", &self.subject, parse_name)?);
        for host in &self.dns {
            names.dns.push(parsed("dns", host, parse_host_name)?);
        }
        for address in &self.ip {
            names.ip.push(parsed("ip", address, parse_address)?);
        }
        let mut station = Station::new(name, vendor, names.subject.clone());
        station.alternative_names =
            names.alternative_names().map_err(|error| Fault { part: "dns", reason: error.to_string() })?;
        station.profile = self.profile.as_deref().map(|text| one_line("profile", text)).transpose()?;
        station.groups =
            self.groups.iter().map(|text| parsed("groups", text, parse_group)).collect::<Result<_, _>>()?;
        if let Some(state) = &self.state {
            station.state = parsed("state", state, parse_state)?;
        }
        if self.blocked {
            if self.state.is_some() {
                return Err(Fault {
                    part: "blocked",
                    reason: "stands beside state; leave it out".to_owned(),
                });
            }
            station.state = StationState::Blocked;
        }
        station.account = self.account()?;
        let address = self.tunnel_address.as_deref();
        station.tunnel_address =
            address.map(|text| parsed("tunnel_address", text, parse_address)).transpose()?;
        Ok(station)
    }

    fn vendor(&self) -> Result<VendorCertificate, Fault> {
        let name = |part, text: &Option<String>| {
            text.as_deref().map(|text| parsed(part, text, parse_name)).transpose()
        };
        let serial = self.vendor_serial.as_deref();
        let serial = serial.map(|text| parsed("vendor_serial", text, parse_serial)).transpose()?;
        let fingerprint = self.vendor_fingerprint.as_deref();
        let mut vendor = VendorCertificate::new(name("vendor_subject", &self.vendor_subject)?, serial);
        vendor.issuer = name("vendor_issuer", &self.vendor_issuer)?;
        vendor.fingerprint =
            fingerprint.map(|text| parsed("vendor_fingerprint", text, parse_fingerprint)).transpose()?;
        if vendor.issuer.is_some() && !vendor.is_known() {
            let reason = "says too little without vendor_subject or vendor_serial".to_owned();
            return Err(Fault { part: "vendor_issuer", reason });
        }
        Ok(vendor)
    }

    fn account(&self) -> Result<Option<Account>, Fault> {
        match (&self.account, &self.password_hash) {
            (None, None) => Ok(None),
            (Some(user), Some(password_hash)) => Ok(Some(Account {
                user: parsed("account", user, parse_user)?,
                password_hash: parsed("password_hash", password_hash, parse_password_hash)?,
            })),
            (Some(_), None) => Err(Fault {
                part: "account",
                reason: "has no password_hash; `nem hash-password` makes one".to_owned(),
            }),
            (None, Some(_)) => {
                Err(Fault { part: "password_hash", reason: "belongs to an account; name it".to_owned() })
            }
        }
    }
}

impl From<&Station> for Entry {
    fn from(station: &Station) -> Self {
        let (mut dns, mut ip) = (Vec::new(), Vec::new());
        for name in &station.alternative_names {
            match name {
                GeneralName::DnsName(host) => dns.push(host.to_string()),
                GeneralName::IpAddress(octets) => ip.extend(address(octets.as_bytes())),
                _ => {}
            }
        }
        let vendor = &station.vendor;
        Self {
            name: station.name.clone(),
            vendor_subject: vendor.subject.as_ref().map(ToString::to_string),
            vendor_serial: vendor.serial_number.as_deref().map(hexadecimal),
            vendor_issuer: vendor.issuer.as_ref().map(ToString::to_string),
            vendor_fingerprint: vendor.fingerprint.as_ref().map(|octets| hexadecimal(octets)),
            subject: station.subject.to_string(),
            dns,
            ip,
            profile: station.profile.clone(),
            groups: station.groups.clone(),
            state: Some(station.state.name().to_owned()),
            account: station.account.as_ref().map(|account| account.user.clone()),
            password_hash: station.account.as_ref().map(|account| account.password_hash.clone()),
            tunnel_address: station.tunnel_address.map(|address| address.to_string()),
            blocked: false,
        }
    }
}

/// A list of entries.
pub(super) fn parse_json(text: &str) -> Result<Vec<Station>> {
    let entries: Vec<Entry> = serde_json::from_str(text).context("is no list of stations")?;
    let stations = entries.iter().zip(1..).map(|(entry, number)| {
        entry.station().map_err(|Fault { part, reason }| {
            anyhow!("station {:?} (the {number}. of the list): {part}: {reason}", entry.name)
        })
    });
    stations.collect()
}

pub(super) fn write_json(entries: impl Iterator<Item = Entry>) -> Result<String> {
    let mut text = Vec::new();
    serde_json::Serializer::pretty(&mut text).collect_seq(entries)?;
    text.push(b'\n');
    Ok(String::from_utf8(text)?)
}

fn parsed<T>(part: &'static str, text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, Fault> {
    parse(text).map_err(|reason| Fault { part, reason })
}

/// Hexadecimal digits, as `openssl x509 -serial` prints them, with or without colons.
fn parse_serial(text: &str) -> Result<Vec<u8>, String> {
    let octets = parse_hexadecimal(text).filter(|octets| (1..=20).contains(&octets.len()));
    octets.ok_or_else(|| {
        format!("{text:?} is no serial number: write 1 to 20 octets in hexadecimal digits, such as 4F:A2:07")
    })
}

/// The same, as `openssl x509 -fingerprint -sha256` prints them.
fn parse_fingerprint(text: &str) -> Result<[u8; 32], String> {
    let octets = parse_hexadecimal(text).and_then(|octets| octets.try_into().ok());
    octets.ok_or_else(|| {
        format!("{text:?} is no SHA-256 fingerprint: `openssl x509 -fingerprint -sha256 -noout` prints it")
    })
}

fn parse_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<char> = text.chars().filter(|c| *c != ':').collect();
    if !digits.iter().all(char::is_ascii_hexdigit) {
        return None;
    }
    let pairs = digits.rchunks(2).rev();
    pairs.map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok()).collect()
}

fn parse_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is no IP address; write it like 192.0.2.1 or 2001:db8::1"))
}

fn parse_state(text: &str) -> Result<StationState, String> {
    let known = StationState::ALL.into_iter().find(|state| state.name() == text);
    known.ok_or_else(|| format!("{text:?} is none of expected, enrolled, blocked, retired"))
}

fn parse_group(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    good.then(|| text.to_owned()).ok_or_else(|| format!("{text:?} is no group: write a word without blanks"))
}

fn parse_user(text: &str) -> Result<String, String> {
    let good = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'_' | b'-' | b'@'));
    good.then(|| text.to_owned())
        .ok_or_else(|| format!("{text:?} is no user name: 1 to 64 letters, digits and . _ - @"))
}

fn parse_password_hash(text: &str) -> Result<String, String> {
    crate::password::inspect(text)?;
    Ok(text.to_owned())
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
}

fn address(octets: &[u8]) -> Option<String> {
    let address: Option<IpAddr> = match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        _ => None,
    };
    address.map(|address| address.to_string())
}
