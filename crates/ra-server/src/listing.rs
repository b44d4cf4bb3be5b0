use std::fmt::Write;

use anyhow::{Context, Result};
use ca::reason_name;
use ca::registry::{CertificateRecord, CertificateStatus};
use der::Decode;
use host::files::certificates_pem;
use serde::{Deserialize, Serialize};
use x509_cert::Certificate;

/// A certificate that was issued. Times are RFC 3339, names RFC 4514.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ListEntry {
    /// The serial number, hexadecimal with colons.
    pub serial_number: String,
    /// The subject.
    pub subject: String,
    /// The profile.
    pub profile: String,
    /// `unconfirmed`, `valid`, `on hold` or `revoked`.
    pub status: String,
    /// From when it is valid.
    pub not_before: String,
    /// Until when it is valid.
    pub not_after: String,
    /// When it was issued.
    pub issued_at: String,
    /// When it was revoked, if it was.
    pub revoked_at: Option<String>,
    /// Who asked for it; absent when it was issued by hand.
    pub requester: Option<String>,
}

impl ListEntry {
    pub(crate) fn new(record: &CertificateRecord) -> Result<Self> {
        let certificate = Certificate::from_der(record.certificate.octets())
            .context("a certificate in the registry cannot be decoded")?;
        let tbs = certificate.tbs_certificate();
        let revoked_at = match record.status {
            CertificateStatus::Revoked { at, .. } => Some(at.to_string()),
            _ => None,
        };
        Ok(Self {
            serial_number: record.serial_number.to_string(),
            subject: tbs.subject().to_string(),
            profile: record.profile.clone(),
            status: record.status.to_string(),
            not_before: tbs.validity().not_before.to_string(),
            not_after: tbs.validity().not_after.to_string(),
            issued_at: record.issued_at.to_string(),
            revoked_at,
            requester: record.requester.as_ref().map(ToString::to_string),
        })
    }
}

/// All that is known of one certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CertificateEntry {
    /// What the list says of it.
    #[serde(flatten)]
    pub entry: ListEntry,
    /// Why it was revoked, if it was (RFC 5280 section 5.3.1).
    pub reason: Option<String>,
    /// The certificate.
    pub pem: String,
}

impl CertificateEntry {
    pub(crate) fn new(record: &CertificateRecord) -> Result<Self> {
        let reason = match record.status {
            CertificateStatus::Revoked { reason, .. } => Some(reason_name(reason).to_owned()),
            _ => None,
        };
        let pem = certificates_pem(std::slice::from_ref(&record.certificate))?;
        Ok(Self { entry: ListEntry::new(record)?, reason, pem })
    }

    /// For people: a fact a line, and the certificate.
    pub fn text(&self) -> String {
        let Self { entry, reason, pem } = self;
        let facts = [
            ("serial number", Some(&entry.serial_number)),
            ("subject", Some(&entry.subject)),
            ("profile", Some(&entry.profile)),
            ("status", Some(&entry.status)),
            ("reason", reason.as_ref()),
            ("revoked at", entry.revoked_at.as_ref()),
            ("not before", Some(&entry.not_before)),
            ("not after", Some(&entry.not_after)),
            ("issued at", Some(&entry.issued_at)),
            ("requester", entry.requester.as_ref()),
        ];
        let mut text = String::new();
        for (name, fact) in facts {
            if let Some(fact) = fact {
                // Writing to a String does not fail.
                let _ = writeln!(text, "{name:<13}  {}", printable(fact));
            }
        }
        text + pem
    }
}

/// Names come from outside, and must not drive a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

/// The entries for people, one a line.
pub fn table(entries: &[ListEntry]) -> String {
    let mut text =
        format!("{:<47}  {:<11}  {:<10}  {:<20}  SUBJECT\n", "SERIAL", "STATUS", "PROFILE", "NOT AFTER");
    for entry in entries {
        let subject = printable(&entry.subject);
        let ListEntry { serial_number, status, profile, not_after, .. } = entry;
        // Writing to a String does not fail.
        let _ =
            writeln!(text, "{serial_number:<47}  {status:<11}  {profile:<10}  {not_after:<20}  {subject}");
    }
    text
}
