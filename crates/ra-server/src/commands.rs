//! What operators order: carried out here, or by the running `raca serve`, which alone has the registry open.

use std::path::Path;

use anyhow::{Context, Result, bail};
use ca::{REASONS, reason_by_name, reason_name};
use cmp::TransactionId;
use host::files::{parse_request, request_pem};
use x509_cert::ext::pkix::CrlReason;
use x509_cert::serial_number::SerialNumber;

use crate::admin::{self, Answer, Command};
use crate::authority::Authority;
use crate::config::Config;
use crate::crl::CrlEntry;
use crate::listing::{CertificateEntry, ListEntry};
use crate::pending::PendingEntry;

/// Issues a certificate by hand, for a PKCS #10 request in PEM or DER, under a profile that is ready-made or configured;
/// returns it as PEM. When `raca serve` runs, it is asked to do so. Blocks.
///
/// # Errors
/// When the configuration cannot be used, the request is refused, or the registry fails.
pub fn issue(config: &Path, csr_pem_or_der: &[u8], profile: &str) -> Result<Vec<u8>> {
    let csr = request_pem(&parse_request(csr_pem_or_der)?)?;
    let command = Command::Issue { csr, profile: profile.to_owned() };
    match carry_out(config, &command)? {
        Answer::Certificate(pem) => Ok(pem.into_bytes()),
        _ => unexpected(),
    }
}

/// The certificates issued so far, oldest first. When `raca serve` runs, it is asked. Blocks.
///
/// # Errors
/// When the configuration cannot be used or the registry cannot be read.
pub fn list(config: &Path) -> Result<Vec<ListEntry>> {
    match carry_out(config, &Command::List)? {
        Answer::Certificates(entries) => Ok(entries),
        _ => unexpected(),
    }
}

/// All that is known of one certificate, by its serial number: hexadecimal, with or without colons. When `raca serve` runs, it is
/// asked. Blocks.
///
/// # Errors
/// When the configuration cannot be used, the registry cannot be read, or there is no such certificate.
pub fn show(config: &Path, serial_number: &str) -> Result<CertificateEntry> {
    parse_serial_number(serial_number)?;
    match carry_out(config, &Command::Show { serial_number: serial_number.to_owned() })? {
        Answer::Shown(entry) => Ok(entry),
        _ => unexpected(),
    }
}

/// Revokes a certificate, puts it on hold (`certificateHold`) or takes it off hold (`removeFromCRL`), and publishes a CRL that says so.
/// `reason` is a name of RFC 5280 section 5.3.1. When `raca serve` runs, it is asked to do so. Blocks.
///
/// # Errors
/// When the configuration cannot be used, there is no such certificate, it has that status already, or the registry fails. Also when
/// the CRL cannot be published; the certificate is revoked all the same then, and the error says so.
pub fn revoke(config: &Path, serial_number: &str, reason: &str) -> Result<CertificateEntry> {
    parse_serial_number(serial_number)?;
    parse_reason(reason)?;
    let command = Command::Revoke { serial_number: serial_number.to_owned(), reason: reason.to_owned() };
    match carry_out(config, &command)? {
        Answer::Shown(entry) => Ok(entry),
        _ => unexpected(),
    }
}

/// Signs and publishes a new CRL. When `raca serve` runs, it is asked to do so. Blocks.
///
/// # Errors
/// When the configuration cannot be used, the CA's key or the registry fails, or the CRL cannot be written.
pub fn crl(config: &Path) -> Result<CrlEntry> {
    match carry_out(config, &Command::Crl)? {
        Answer::Crl(entry) => Ok(entry),
        _ => unexpected(),
    }
}

/// The requests that wait for approval, the oldest first. When `raca serve` runs, it is asked. Blocks.
///
/// # Errors
/// When the configuration cannot be used or the registry cannot be read.
pub fn pending(config: &Path) -> Result<Vec<PendingEntry>> {
    match carry_out(config, &Command::Pending)? {
        Answer::Pending(entries) => Ok(entries),
        _ => unexpected(),
    }
}

/// Issues the certificate for a request that waits; its requester has it when it asks again. When `raca serve` runs, it is asked to do
/// so. Blocks.
///
/// # Errors
/// When the configuration cannot be used, no such request waits, it may no longer have what it asks for, or the registry fails.
pub fn approve(config: &Path, transaction_id: &str) -> Result<CertificateEntry> {
    parse_transaction_id(transaction_id)?;
    match carry_out(config, &Command::Approve { transaction_id: transaction_id.to_owned() })? {
        Answer::Shown(entry) => Ok(entry),
        _ => unexpected(),
    }
}

/// Rejects a request that waits; its requester is told why when it asks again. When `raca serve` runs, it is asked to do so. Blocks.
///
/// # Errors
/// When the configuration cannot be used, no such request waits, the reason is too long, or the registry fails.
pub fn reject(config: &Path, transaction_id: &str, reason: &str) -> Result<()> {
    parse_transaction_id(transaction_id)?;
    let command = Command::Reject { transaction_id: transaction_id.to_owned(), reason: reason.to_owned() };
    match carry_out(config, &command)? {
        Answer::Done => Ok(()),
        _ => unexpected(),
    }
}

/// Has the running `raca serve` read its configuration again. Blocks.
///
/// # Errors
/// When the configuration cannot be used, and the one before stands; or no `raca serve` runs.
pub fn reload(config: &Path) -> Result<()> {
    let path = config;
    let config = Config::read(path)?;
    let socket = config.socket();
    if Authority::open(path, config)?.is_some() {
        bail!("no `raca serve` runs that could read it again; the configuration is good");
    }
    admin::ask(&socket, &Command::Reload).map(|_| ())
}

/// Issues a new certificate for the key that signs this CA's messages, and has the running `raca serve` use it from now on; no connection is
/// dropped. Blocks.
///
/// # Errors
/// When the configuration cannot be used, the present certificate is not this CA's, or something cannot be written: it stays then.
pub fn renew_signer(config: &Path) -> Result<CertificateEntry> {
    match carry_out(config, &Command::RenewSigner)? {
        Answer::Shown(entry) => Ok(entry),
        _ => unexpected(),
    }
}

pub(crate) fn carry_out(config: &Path, command: &Command) -> Result<Answer> {
    let path = config;
    let config = Config::read(path)?;
    let socket = config.socket();
    match Authority::open(path, config)? {
        Some(authority) => admin::carry_out(command, &authority),
        None => admin::ask(&socket, command),
    }
}

fn unexpected<T>() -> Result<T> {
    bail!("the running `raca serve` answered something else; is it of another version?")
}

pub(crate) fn parse_serial_number(text: &str) -> Result<SerialNumber> {
    let wrong = || format!("{text:?} is no serial number: hexadecimal digits, as `raca list` shows them");
    SerialNumber::new(&parse_octets(text).with_context(wrong)?).with_context(wrong)
}

pub(crate) fn parse_transaction_id(text: &str) -> Result<TransactionId> {
    let octets = parse_octets(text).filter(|octets| !octets.is_empty());
    let octets = octets.with_context(|| {
        format!("{text:?} is no transactionID: hexadecimal digits, as `raca pending` shows them")
    })?;
    Ok(TransactionId::new(&octets)?)
}

fn parse_octets(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|character| *character != ':')
        .map(|character| character.to_digit(16))
        .collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| u8::try_from(high << 4 | low).ok()).collect()
}

pub(crate) fn parse_reason(name: &str) -> Result<CrlReason> {
    reason_by_name(name).with_context(|| {
        format!("there is no reason {name:?}; there are {}", REASONS.map(reason_name).join(", "))
    })
}
