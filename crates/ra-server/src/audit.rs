//! What the audit log has of this CA's decisions.

use std::path::Path;

use anyhow::Result;
use ca::registry::{CertificateRecord, CertificateStatus, Registry};
use ca::{Error, Event, Outcome};
use host::audit::{Account, AuditLog, Entry};
use host::now;
use store::registry::EmbeddedRegistry;
use tracing::warn;
use x509_cert::serial_number::SerialNumber;

use crate::config::Config;

/// Who orders by hand.
pub(crate) const OPERATOR: &str = "operator";

/// Verifies the chain of the audit log that the configuration names. Blocks.
///
/// # Errors
/// When the configuration cannot be used, the log cannot be read, or its chain is broken: the error names the line.
pub fn verify_audit(config: &Path) -> Result<Account> {
    Ok(host::audit::verify(&Config::read(config)?.audit)?)
}

/// What is written down of a message, if anything was decided. Whoever is not believed is not: anybody could fill the disk.
pub(crate) fn entry(event: &Event) -> Option<Entry> {
    let what = event.body.map_or("none", |body| body.name());
    let (decision, why) = match &event.outcome {
        Outcome::Issued { implicitly_confirmed: true, .. } => ("issued", Some("implicitly confirmed")),
        Outcome::Issued { .. } => ("issued", None),
        Outcome::AwaitingApproval => ("waits for approval", None),
        Outcome::NotApproved { .. } => ("rejected", None),
        Outcome::Confirmed { .. } => ("confirmed", None),
        Outcome::Rejected { .. } => ("revoked", None),
        Outcome::Revoked { .. } => ("revoked", None),
        Outcome::Reinstated { .. } => ("taken off hold", None),
        Outcome::Refused(Error::Message(error)) if error.is_of_body() => ("refused", None),
        _ => return None,
    };
    let mut entry = Entry::new(&event.sender, what, decision);
    entry.why = why.map(str::to_owned);
    entry.transaction_id = event.transaction_id.as_ref().map(ToString::to_string);
    match &event.outcome {
        Outcome::Issued { serial_number, subject, .. } => {
            entry.serial_number = Some(serial_number.to_string());
            entry.subject = Some(subject.to_string());
        }
        Outcome::Confirmed { serial_number } | Outcome::Reinstated { serial_number } => {
            entry.serial_number = Some(serial_number.to_string());
        }
        Outcome::Rejected { serial_number, status } => {
            entry.serial_number = Some(serial_number.to_string());
            entry.why = Some(format!("its requester did not take it: {status}"));
        }
        Outcome::Revoked { serial_number, reason } => {
            entry.serial_number = Some(serial_number.to_string());
            entry.why = Some(ca::reason_name(*reason).to_owned());
        }
        Outcome::NotApproved { status } => entry.why = Some(status.to_string()),
        Outcome::Refused(error) => entry.why = Some(error.to_string()),
        _ => {}
    }
    Some(entry)
}

/// An operator's order, about one certificate where there is one.
pub(crate) fn order(what: &str, decision: &str, serial_number: Option<String>) -> Entry {
    let mut entry = Entry::new(OPERATOR, what, decision);
    entry.serial_number = serial_number;
    entry
}

/// How many of the latest certificates are compared: more than can have been under way in the moment of a crash.
const UNDER_WAY: usize = 4096;

/// Writes down what a crash kept out of the log: what is in the registry since the time that the latest entries tell of, and not among
/// them. A new log begins with nothing.
pub(crate) fn catch_up(
    log: &AuditLog,
    recent: &[(String, Entry)],
    registry: &EmbeddedRegistry,
) -> Result<()> {
    let Some((since, _)) = recent.first() else { return Ok(()) };
    let told = |decision: &str, serial_number: &SerialNumber| {
        let serial_number = Some(serial_number.to_string());
        recent.iter().any(|(_, entry)| entry.serial_number == serial_number && entry.decision == decision)
    };
    let missing = |what: &str, decision: &str, record: &CertificateRecord| {
        let who = record.requester.as_ref().map_or(OPERATOR.to_owned(), ToString::to_string);
        let mut entry = Entry::new(who, what, decision);
        entry.why = Some("found in the registry after a crash".to_owned());
        entry.serial_number = Some(record.serial_number.to_string());
        entry
    };
    let mut entries = Vec::new();
    for record in registry.latest_certificates(UNDER_WAY)?.iter().rev() {
        if record.issued_at.to_string() >= *since && !told("issued", &record.serial_number) {
            entries.push(missing("unknown", "issued", record));
        }
    }
    for record in registry.revoked()? {
        let CertificateStatus::Revoked { at, .. } = record.status else { continue };
        if at.to_string() >= *since && !told("revoked", &record.serial_number) {
            entries.push(missing("unknown", "revoked", &record));
        }
    }
    if !entries.is_empty() {
        warn!(decisions = entries.len(), "the audit log lacked what was decided just before a crash");
    }
    Ok(log.record(&entries, now())?)
}
