use std::fmt::Write;

use anyhow::{Context, Result};
use ca::registry::{CertificateRecord, CertificateStatus};
use der::Decode;
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
    /// `unconfirmed`, `valid` or `revoked`.
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

/// The entries for people, one a line.
pub fn table(entries: &[ListEntry]) -> String {
    let mut text =
        format!("{:<47}  {:<11}  {:<10}  {:<20}  SUBJECT\n", "SERIAL", "STATUS", "PROFILE", "NOT AFTER");
    for entry in entries {
        let subject: String = entry.subject.chars().filter(|c| !c.is_control()).collect();
        let ListEntry { serial_number, status, profile, not_after, .. } = entry;
        // Writing to a String does not fail.
        let _ =
            writeln!(text, "{serial_number:<47}  {status:<11}  {profile:<10}  {not_after:<20}  {subject}");
    }
    text
}
