//! What the audit log has of this NEM's decisions.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use asn1::EncodedCertificate;
use der::Decode;
use host::audit::{Account, AuditLog, Entry};
use host::now;
use nem::ledger::RequestId;
use nem::{Event, Happening, Nem, Passage, Refusal, Standing};
use tracing::error;
use x509_cert::Certificate;

use crate::cmp_stations::how;
use crate::config::Config;

/// Who orders by hand.
pub(crate) const OPERATOR: &str = "operator";
/// The NEM itself.
pub(crate) const SELF: &str = "nem";
/// A station that tries the same again and again is written down once in that time: it must not fill the disk.
const REPEATED: Duration = Duration::from_secs(60);
/// Refusals that are remembered for that.
const REMEMBERED: usize = 10_000;

/// Verifies the chain of the audit log that the configuration names. Blocks.
///
/// # Errors
/// When the configuration cannot be used, the log cannot be read, or its chain is broken: the error names the line.
pub fn verify_audit(config: &Path) -> Result<Account> {
    Ok(host::audit::verify(&Config::read(config)?.audit)?)
}

/// The audit log of a running NEM.
#[derive(Debug)]
pub(crate) struct Audit {
    log: AuditLog,
    refused: Mutex<HashMap<(String, String), Instant>>,
    is_broken: AtomicBool,
}

impl Audit {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let log = AuditLog::open(path, now())?;
        Ok(Self { log, refused: Mutex::default(), is_broken: AtomicBool::new(false) })
    }

    /// Writes down what was decided. What cannot be written is logged, and nothing new is taken until it can be. Blocks.
    pub(crate) fn record(&self, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        match self.log.record(entries, now()) {
            Ok(()) => self.is_broken.store(false, Ordering::Relaxed),
            Err(reason) => {
                error!("nothing is taken until the audit log can be written: {reason}");
                self.is_broken.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Whether what was decided last could be written down. After a failure it is tried. Blocks.
    pub(crate) fn is_writable(&self) -> bool {
        if self.is_broken.load(Ordering::Relaxed) {
            self.record(&[Entry::new(SELF, "audit", "written again")]);
        }
        !self.is_broken.load(Ordering::Relaxed)
    }

    /// Writes down why a station got nothing. Whoever is no station is not: anybody could fill the disk. Blocks.
    pub(crate) fn record_refusal(&self, what: &str, refusal: &Refusal) {
        let station = match refusal {
            Refusal::MalformedCertificate
            | Refusal::UntrustedCertificate(_)
            | Refusal::UnknownStation { .. }
            | Refusal::UnknownAccount { .. }
            | Refusal::UnknownAddress { .. }
            | Refusal::Busy { .. } => return,
            known => known.station().to_owned(),
        };
        let reason = refusal.to_string();
        {
            let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            refused.retain(|_, at| at.elapsed() < REPEATED);
            let key = (station.clone(), reason.clone());
            if refused.len() >= REMEMBERED || refused.contains_key(&key) {
                return;
            }
            refused.insert(key, Instant::now());
        }
        let mut entry = Entry::new(station, what, "refused");
        entry.why = Some(reason);
        self.record(&[entry]);
    }
}

impl Audit {
    /// Writes down whether a station's own message went up. Blocks.
    pub(crate) fn record_passage(&self, passed: &Result<Passage, Refusal>) {
        match passed {
            Ok(passage) => {
                let decision = format!("passed up to {} {}", passage.upstream, how(passage.passing));
                let mut entry = Entry::new(&passage.station, passage.body, decision);
                entry.transaction_id = passage.transaction_id.as_ref().map(ToString::to_string);
                self.record(&[entry]);
            }
            Err(refusal) => self.record_refusal("message", refusal),
        }
    }
}

/// What is written down of something that happened to a request, if anything was decided.
pub(crate) fn entry(event: &Event, nem: &Nem) -> Option<Entry> {
    let (decision, why) = match &event.happening {
        Happening::Accepted => ("accepted", None),
        Happening::Offered => ("issued; confirmed when the station has it", None),
        Happening::Carried => ("issued by hand; confirmed when the RA/CA is there", None),
        Happening::Exported(export) => ("left in a file", Some(format!("export {export}"))),
        Happening::TakenBack => ("released from its file", None),
        Happening::Confirmed => ("issued", None),
        Happening::TurnedDown(reason) => ("certificate turned down", Some(reason.clone())),
        Happening::Delivered => ("delivered", None),
        Happening::Cancelled => ("cancelled by the station", None),
        Happening::Rejected(reason) => ("rejected", Some(reason.clone())),
        Happening::Absent => ("held until the station is connected", None),
        _ => return None,
    };
    let mut entry = Entry::new(&event.station, format!("request {}", event.request), decision);
    entry.why = why;
    entry.transaction_id = event.transaction_id.as_ref().map(ToString::to_string);
    entry.serial_number = serial_number_of(event.request, nem);
    Some(entry)
}

fn serial_number_of(request: RequestId, nem: &Nem) -> Option<String> {
    match nem.standing(request) {
        Ok(Some(Standing::Issued(certificates))) => serial_number(&certificates.certificate),
        _ => None,
    }
}

pub(crate) fn serial_number(certificate: &EncodedCertificate) -> Option<String> {
    let decoded = Certificate::from_der(certificate.octets()).ok()?;
    Some(decoded.tbs_certificate().serial_number().to_string())
}

/// An operator's order, and what came of it.
pub(crate) fn order(what: &str, outcome: &Result<String>) -> Entry {
    match outcome {
        Ok(done) => Entry::new(OPERATOR, what, done),
        Err(reason) => {
            let mut entry = Entry::new(OPERATOR, what, "refused");
            entry.why = Some(format!("{reason:#}"));
            entry
        }
    }
}
