use std::collections::HashMap;
use std::fmt::Write;

use asn1::UnixTime;
use crypto::DigestAlgorithm;
use der::Decode;
use nem::ledger::{Certificates, Record, State};
use nem::{Inventory, Nem, StationState};
use serde::{Deserialize, Serialize};
use x509_cert::Certificate;

/// A request. Times are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestEntry {
    /// Its name within the NEM.
    pub request: String,
    /// The station.
    pub station: String,
    /// `queued`, `sent`, `waiting`, `exported`, `confirming`, `issued`, `delivered` or `rejected`.
    pub state: String,
    /// When it was accepted.
    pub received_at: String,
    /// When its state changed last.
    pub changed_at: String,
    /// The CMP transaction, while one is under way.
    pub transaction_id: Option<String>,
    /// The certificate's serial number, when there is one.
    pub serial_number: Option<String>,
    /// Until when the certificate is valid.
    pub not_after: Option<String>,
    /// Why there is none, or why it is turned down.
    pub reason: Option<String>,
}

impl RequestEntry {
    pub(crate) fn new(record: &Record) -> Self {
        let (certificates, reason) = match &record.state {
            State::Confirming(confirming) => (Some(&confirming.certificates), confirming.turned_down.clone()),
            State::Issued(certificates) | State::Delivered(certificates) => (Some(certificates), None),
            State::Rejected { reason } => (None, Some(reason.clone())),
            _ => (None, None),
        };
        let certificate = certificates.and_then(decode);
        let tbs = certificate.as_ref().map(Certificate::tbs_certificate);
        Self {
            request: record.id.to_string(),
            station: record.station.clone(),
            state: record.state.name().to_owned(),
            received_at: record.received_at.to_string(),
            changed_at: record.changed_at.to_string(),
            transaction_id: record.state.transaction().map(|known| known.transaction_id.to_string()),
            serial_number: tbs.map(|tbs| tbs.serial_number().to_string()),
            not_after: tbs.map(|tbs| tbs.validity().not_after.to_string()),
            reason,
        }
    }
}

fn decode(certificates: &Certificates) -> Option<Certificate> {
    Certificate::from_der(certificates.certificate.octets()).ok()
}

/// A station, and how its latest request stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StationEntry {
    /// What the operator calls it.
    pub name: String,
    /// The name its operator certificate has.
    pub subject: String,
    /// How its vendor certificate is known.
    pub vendor_subject: Option<String>,
    /// How its vendor certificate is known: the serial number.
    pub vendor_serial: Option<String>,
    /// How its vendor certificate is known: who issued it.
    pub vendor_issuer: Option<String>,
    /// How its vendor certificate is known: its SHA-256.
    pub vendor_fingerprint: Option<String>,
    /// The certificate profile it is for.
    pub profile: Option<String>,
    /// The groups it belongs to.
    pub groups: Vec<String>,
    /// `expected`, `enrolled`, `blocked` or `retired`, as the inventory says; `enrolled`, too, once it has a certificate.
    pub state: String,
    /// When the running `nem serve` heard of it last, RFC 3339.
    #[serde(default)]
    pub last_contact: Option<String>,
    /// Whether it counts as connected; only a running `nem serve` knows.
    #[serde(default)]
    pub connected: Option<bool>,
    /// Its latest request, if it made one.
    pub request: Option<RequestEntry>,
}

impl StationEntry {
    /// Takes over what the running NEM knows of the station.
    pub(crate) fn meet(&mut self, nem: &Nem, now: UnixTime) {
        let presence = nem.presence(&self.name, now);
        self.last_contact = presence.and_then(|presence| presence.last_contact).map(|at| at.to_string());
        self.connected = presence.map(|presence| presence.connected);
    }
}

/// The stations in the inventory's order. `newest_first` are the requests.
pub(crate) fn station_entries(inventory: &Inventory, newest_first: &[Record]) -> Vec<StationEntry> {
    let mut latest: HashMap<&str, &Record> = HashMap::new();
    for record in newest_first {
        latest.entry(&record.station).or_insert(record);
    }
    let entry = |station: &nem::Station| StationEntry {
        name: station.name.clone(),
        subject: station.subject.to_string(),
        vendor_subject: station.vendor.subject.as_ref().map(ToString::to_string),
        vendor_serial: station.vendor.serial_number.as_deref().map(hexadecimal),
        vendor_issuer: station.vendor.issuer.as_ref().map(ToString::to_string),
        vendor_fingerprint: station.vendor.fingerprint.as_ref().map(|octets| hexadecimal(octets)),
        profile: station.profile.clone(),
        groups: station.groups.clone(),
        state: state(station, latest.get(station.name.as_str()).copied()).to_string(),
        last_contact: None,
        connected: None,
        request: latest.get(station.name.as_str()).copied().map(RequestEntry::new),
    };
    inventory.stations().iter().map(entry).collect()
}

fn state(station: &nem::Station, latest: Option<&Record>) -> StationState {
    match latest.map(|record| &record.state) {
        Some(State::Issued(_) | State::Delivered(_)) if station.state == StationState::Expected => {
            StationState::Enrolled
        }
        _ => station.state,
    }
}

/// A certificate's SHA-256, as `openssl x509 -fingerprint -sha256` prints it.
pub(crate) fn fingerprint(certificate: &[u8]) -> String {
    hexadecimal(&crypto_aws_lc::provider().digest(DigestAlgorithm::Sha256, certificate))
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
}

/// The requests for people, one a line.
pub fn requests_table(entries: &[RequestEntry]) -> String {
    let mut text = format!("{:<20}  {:<10}  {:<20}  DETAIL\n", "STATION", "STATE", "CHANGED");
    for entry in entries {
        let RequestEntry { station, state, changed_at, .. } = entry;
        let detail = detail(entry);
        // Writing to a String does not fail.
        let _ = writeln!(text, "{station:<20}  {state:<10}  {changed_at:<20}  {detail}");
    }
    text
}

fn detail(entry: &RequestEntry) -> String {
    match (&entry.serial_number, &entry.reason, &entry.transaction_id) {
        (_, Some(reason), _) => one_line(reason),
        (Some(serial_number), None, _) => format!("serial number {serial_number}"),
        (None, None, Some(transaction)) => format!("transaction {transaction}"),
        (None, None, None) => String::new(),
    }
}

/// The stations for people, one a line.
pub fn stations_table(entries: &[StationEntry]) -> String {
    let mut text =
        format!("{:<20}  {:<10}  {:<20}  {:<20}  SUBJECT\n", "STATION", "STATE", "NOT AFTER", "LAST CONTACT");
    for StationEntry { name, subject, state, request, last_contact, .. } in entries {
        let last_contact = last_contact.as_deref().unwrap_or("");
        let state = match request {
            Some(request) if state != "blocked" && state != "retired" => &request.state,
            _ => state,
        };
        let not_after = request.as_ref().and_then(|request| request.not_after.as_deref()).unwrap_or("");
        let _ = writeln!(
            text,
            "{name:<20}  {state:<10}  {not_after:<20}  {last_contact:<20}  {}",
            one_line(subject)
        );
    }
    text
}

pub(crate) fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
