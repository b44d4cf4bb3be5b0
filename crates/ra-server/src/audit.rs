//! What the audit log has of this CA's decisions.

use std::path::Path;

use anyhow::Result;
use ca::{Error, Event, Outcome};
use host::audit::{Account, Entry};

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
