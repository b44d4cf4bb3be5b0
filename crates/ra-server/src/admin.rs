//! The commands that need the registry, and how they reach a running `raca serve`, which alone has it open.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use ca::registry::{CertificateRecord, Registry};
use crypto::PublicKey;
use der::Decode;
use host::files::{certificates_pem, parse_request, read_certificates, write_atomically};
use host::{control, now, parse_name};
use pkcs10::CertReq;
use serde::{Deserialize, Serialize};
use tracing::info;
use x509_cert::Certificate;
use x509_cert::serial_number::SerialNumber;

use crate::audit::order;
use crate::authority::Authority;
use crate::commands::{parse_reason, parse_serial_number, parse_transaction_id};
use crate::crl::CrlEntry;
use crate::kem_key::pem;
use crate::listing::{CertificateEntry, ListEntry};
use crate::pending::PendingEntry;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Command {
    List,
    Issue {
        csr: String,
        profile: String,
    },
    Show {
        serial_number: String,
    },
    Revoke {
        serial_number: String,
        reason: String,
    },
    Crl,
    Pending,
    Approve {
        transaction_id: String,
    },
    Reject {
        transaction_id: String,
        reason: String,
    },
    Reload,
    Rollover {
        number: u32,
    },
    KemKey {
        spki: Vec<u8>,
    },
    #[serde(rename = "renew-signer")]
    RenewSigner,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    Certificates(Vec<ListEntry>),
    Certificate(String),
    Shown(CertificateEntry),
    Crl(CrlEntry),
    Pending(Vec<PendingEntry>),
    Done,
    Error(String),
}

/// Has the running server carry out a command.
pub(crate) fn ask(socket: &Path, command: &Command) -> Result<Answer> {
    let answer = control::ask(socket, &serde_json::to_string(command)?).with_context(|| {
        format!(
            "another process has the registry open and does not answer at {}; if `raca serve` is just starting \
             or stopping, try again",
            socket.display()
        )
    })?;
    match serde_json::from_str(&answer)? {
        Answer::Error(reason) => bail!(reason),
        answer => Ok(answer),
    }
}

/// Answers one line of [`control`].
pub(crate) fn answer(line: &str, authority: &Arc<Authority>) -> String {
    let answer = serde_json::from_str(line)
        .context("not a command")
        .and_then(|command| carry_out(&command, authority))
        .unwrap_or_else(|error| Answer::Error(format!("{error:#}")));
    serde_json::to_string(&answer).unwrap_or_default()
}

/// Carries out a command with the registry open here.
pub(crate) fn carry_out(command: &Command, authority: &Authority) -> Result<Answer> {
    match command {
        Command::List => {
            let records = authority.registry.certificates()?;
            Ok(Answer::Certificates(records.iter().map(ListEntry::new).collect::<Result<_>>()?))
        }
        Command::Issue { csr, profile } => issue(csr, profile, authority),
        Command::Show { serial_number } => {
            show(&parse_serial_number(serial_number)?, authority).map(Answer::Shown)
        }
        Command::Revoke { serial_number, reason } => {
            let serial_number = parse_serial_number(serial_number)?;
            let outcome =
                authority.current().ca().revoke_by_hand(&serial_number, parse_reason(reason)?, now())?;
            info!("by hand: {outcome}");
            let mut entry = order("revoke", "revoked", Some(serial_number.to_string()));
            entry.why = Some(reason.clone());
            authority.audit.record(&[entry], now())?;
            authority.publish_crl().with_context(|| format!("{outcome}, but no CRL says so yet"))?;
            show(&serial_number, authority).map(Answer::Shown)
        }
        Command::Crl => {
            let crl = authority.publish_crl()?;
            let file = authority.current().crl_file().map(|file| file.display().to_string());
            Ok(Answer::Crl(CrlEntry::new(&crl, file)?))
        }
        Command::Pending => {
            let pending = authority.current().ca().pending(now())?;
            Ok(Answer::Pending(pending.iter().map(PendingEntry::new).collect()))
        }
        Command::Approve { transaction_id } => {
            let id = parse_transaction_id(transaction_id)?;
            let record = authority.current().ca().approve(&id, now())?;
            info!(transaction = %id, "approved by hand: {}", record.serial_number);
            let mut entry = order("approve", "issued", Some(record.serial_number.to_string()));
            entry.transaction_id = Some(id.to_string());
            authority.audit.record(&[entry], now())?;
            show(&record.serial_number, authority).map(Answer::Shown)
        }
        Command::Reject { transaction_id, reason } => {
            let id = parse_transaction_id(transaction_id)?;
            authority.current().ca().reject(&id, reason.clone(), now())?;
            info!(transaction = %id, "rejected by hand");
            let mut entry = order("reject", "rejected", None);
            entry.transaction_id = Some(id.to_string());
            entry.why = Some(reason.clone());
            authority.audit.record(&[entry], now())?;
            Ok(Answer::Done)
        }
        Command::Reload => {
            authority.reload()?;
            authority.audit.record(&[order("reload", "the configuration was read again", None)], now())?;
            Ok(Answer::Done)
        }
        Command::KemKey { spki } => {
            let current = authority.current();
            let subject = parse_name(&format!("CN=KEM,{}", current.ca().issuer().name()));
            let subject = subject.map_err(anyhow::Error::msg)?;
            let key = PublicKey::from_spki_der(spki)?;
            let record = current.ca().issue_for_own_messages(subject.clone(), &key, now())?;
            let mut entry = order("kem-key", "issued", Some(record.serial_number.to_string()));
            entry.subject = Some(subject.to_string());
            authority.audit.record(&[entry], now())?;
            Ok(Answer::Certificate(pem(&record.certificate)?))
        }
        Command::RenewSigner => {
            let record = renew_signer(authority)?;
            let mut entry = order("renew-signer", "issued", Some(record.serial_number.to_string()));
            entry.why = Some("profile cmp".to_owned());
            authority.audit.record(&[entry], now())?;
            authority.reload().context("the certificate is there, but was not taken up")?;
            show(&record.serial_number, authority).map(Answer::Shown)
        }
        Command::Rollover { number } => {
            authority.reload()?;
            let mut entry = order("rollover", "the CA has a new key", None);
            entry.why = Some(format!("key {number}"));
            authority.audit.record(&[entry], now())?;
            authority.publish_crl().context("the CA has a new key, but no CRL is signed with it yet")?;
            Ok(Answer::Done)
        }
    }
}

fn issue(csr: &str, profile: &str, authority: &Authority) -> Result<Answer> {
    let request = CertReq::from_der(&parse_request(csr.as_bytes())?).context("not a PKCS #10 request")?;
    let profile = authority.current().config.profile(profile)?;
    let record = authority
        .current()
        .ca()
        .issue_by_hand(&request, &profile, now())
        .with_context(|| format!("no certificate for {}", request.subject()))?;
    info!(profile = %profile.name, "issued a certificate by hand");
    let mut entry = order("issue", "issued", Some(record.serial_number.to_string()));
    entry.why = Some(format!("profile {}", profile.name));
    entry.subject = Some(request.subject().to_string());
    authority.audit.record(&[entry], now())?;
    Ok(Answer::Certificate(pem(&record.certificate)?))
}

/// A new certificate for the key that signs messages, in the place of the old one. The key stays, so that the two files belong together at
/// any moment.
fn renew_signer(authority: &Authority) -> Result<CertificateRecord> {
    let current = authority.current();
    let path = &current.config.cmp.certificate;
    let shown = || path.display().to_string();
    let mut certificates = read_certificates(path)?;
    let own = certificates.first_mut().with_context(shown)?;
    let decoded = Certificate::from_der(own.octets()).with_context(shown)?;
    let serial_number = decoded.tbs_certificate().serial_number();
    if authority.registry.certificate(serial_number)?.is_none_or(|record| record.certificate != *own) {
        bail!("{}: this CA has not issued it; whoever has must renew it", shown());
    }
    let record = current.ca().renew_message_certificate(now())?;
    *own = record.certificate.clone();
    write_atomically(path, certificates_pem(&certificates)?.as_bytes())?;
    info!(serial_number = %record.serial_number, "a new certificate for the messages of this CA");
    Ok(record)
}

fn show(serial_number: &SerialNumber, authority: &Authority) -> Result<CertificateEntry> {
    let record = authority.registry.certificate(serial_number)?;
    let record = record.with_context(|| format!("this CA has issued no certificate {serial_number}"))?;
    CertificateEntry::new(&record)
}
