use std::fmt::Write;
use std::net::IpAddr;

use ca::{CertificateContents, Demand, Event, Outcome, Proposal, reason_name};
use der::Decode;
use der::oid::AssociatedOid;
use serde::Serialize;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::listing::printable;

/// A message in a file, and what became of it. Times are RFC 3339, names RFC 4514.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct SignEntry {
    /// Its transactionID, hexadecimal; absent when it could not even be decoded.
    pub transaction_id: Option<String>,
    /// `ir`, `cr`, `kur`, `p10cr`, `rr` and so on.
    pub message: Option<String>,
    /// Who sent it, as it says.
    pub sender: String,
    /// When it was made, as it says.
    pub made: Option<String>,
    /// The subject that the certificate would have, or has.
    pub subject: Option<String>,
    /// The names in subjectAltName: `dns:` and `ip:`.
    pub alternative_names: Vec<String>,
    /// The kind of key.
    pub key: Option<String>,
    /// The profile.
    pub profile: Option<String>,
    /// For how many days.
    pub validity_days: Option<u64>,
    /// Whether the certificate differs from what was asked for.
    pub with_mods: bool,
    /// Which certificate shall be revoked, and why.
    pub revocation: Option<String>,
    /// `proposed`, `issued`, `repeated`, `rejected`, `refused`, `postponed` or `answered`.
    pub outcome: &'static str,
    /// The serial number of what was issued.
    pub serial_number: Option<String>,
    /// The outcome for people: why it was refused, for one.
    pub detail: String,
}

impl SignEntry {
    pub(super) fn proposed(proposal: &Proposal<'_>) -> Self {
        let mut entry = Self {
            transaction_id: Some(proposal.transaction_id.to_string()),
            message: Some(proposal.body.name().to_owned()),
            sender: printable(&proposal.requester.name.to_string()),
            made: proposal.message_time.map(|time| time.to_string()),
            outcome: "proposed",
            ..Self::default()
        };
        match &proposal.demand {
            Demand::Certificate { contents, profile, with_mods } => {
                let CertificateContents { subject, public_key, validity, .. } = contents;
                entry.subject = Some(printable(&subject.to_string()));
                entry.alternative_names = alternative_names(contents);
                entry.key = Some(public_key.kind().to_string());
                entry.profile = Some((*profile).to_owned());
                entry.validity_days = Some(validity.as_secs() / (24 * 60 * 60));
                entry.with_mods = *with_mods;
            }
            Demand::Revocation { serial_number, reason } => {
                entry.revocation = Some(format!("{serial_number} ({})", reason_name(*reason)));
            }
        }
        entry
    }

    /// What was proposed, if it was, and then became of it.
    pub(super) fn done(proposed: Option<Self>, event: &Event) -> Self {
        let mut entry = proposed.unwrap_or_else(|| Self {
            transaction_id: event.transaction_id.as_ref().map(ToString::to_string),
            message: event.body.map(|body| body.name().to_owned()),
            sender: event.sender.clone(),
            ..Self::default()
        });
        entry.outcome = match &event.outcome {
            Outcome::Issued { serial_number, .. } => {
                entry.serial_number = Some(serial_number.to_string());
                "issued"
            }
            Outcome::Repeated => "repeated",
            Outcome::NotApproved { .. } => "rejected",
            Outcome::Refused(_) => "refused",
            Outcome::Postponed => "postponed",
            _ => "answered",
        };
        entry.detail = event.outcome.to_string();
        entry
    }

    /// For people: what is asked for, a few lines.
    pub fn details(&self) -> String {
        let mut text = self.line();
        let names = Some(self.alternative_names.join(", ")).filter(|names| !names.is_empty());
        let days = self.validity_days.map(|days| format!("{days} days"));
        let modified = self.with_mods.then(|| "differs from what was asked for".to_owned());
        let facts = [
            ("names", &names),
            ("key", &self.key),
            ("profile", &self.profile),
            ("validity", &days),
            ("modified", &modified),
            ("revokes", &self.revocation),
            ("made", &self.made),
        ];
        text.push('\n');
        for (name, fact) in facts {
            if let Some(fact) = fact {
                // Writing to a String does not fail.
                let _ = writeln!(text, "    {name:<9} {}", printable(fact));
            }
        }
        text
    }

    /// For people, in one line.
    pub fn line(&self) -> String {
        let Self { outcome, sender, detail, .. } = self;
        let id = self.transaction_id.as_deref().unwrap_or("-");
        let message = self.message.as_deref().unwrap_or("-");
        let subject = self.subject.as_deref().unwrap_or("-");
        let mut line = format!("{outcome:<9}  {id:<32}  {message:<5}  {subject}  from {sender}");
        if !detail.is_empty() {
            line = line + ": " + &printable(detail);
        }
        line
    }
}

fn alternative_names(contents: &CertificateContents) -> Vec<String> {
    let extension = contents.extensions.iter().find(|extension| extension.extn_id == SubjectAltName::OID);
    let names =
        extension.and_then(|extension| SubjectAltName::from_der(extension.extn_value.as_bytes()).ok());
    let shown = |name: &GeneralName| match name {
        GeneralName::DnsName(host) => format!("dns:{host}"),
        GeneralName::IpAddress(octets) => match address(octets.as_bytes()) {
            Some(address) => format!("ip:{address}"),
            None => "ip:malformed".to_owned(),
        },
        _ => "another kind of name".to_owned(),
    };
    names.map(|names| names.0.iter().map(shown).collect()).unwrap_or_default()
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}
