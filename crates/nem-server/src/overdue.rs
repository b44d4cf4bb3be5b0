//! Which certificates are to be renewed, and which of their stations are silent.

use std::fmt::Write;

use anyhow::Result;
use asn1::UnixTime;
use nem::Nem;
use nem::ledger::{Record, State};
use serde::{Deserialize, Serialize};
use store::ledger::EmbeddedLedger;

use crate::renewal::Window;

/// A certificate whose station is to renew it, or has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DueCertificate {
    /// The station.
    pub station: String,
    /// `renewing` while a newer request is under way; else `due`, `overdue` when its whole batch should be renewed by now and the station
    /// is silent, or `expired`.
    pub state: String,
    /// From when on its station is told to renew it, RFC 3339.
    pub renew_from: String,
    /// Until when it is valid, RFC 3339.
    pub not_after: String,
    /// Why the latest attempt to renew it failed.
    pub refused: Option<String>,
    /// When the running `nem serve` heard of the station last, RFC 3339.
    pub last_contact: Option<String>,
}

impl DueCertificate {
    /// Takes over what the running NEM knows of the station.
    pub(crate) fn meet(&mut self, nem: &Nem, now: UnixTime) {
        let last = nem.presence(&self.station, now).and_then(|presence| presence.last_contact);
        self.last_contact = last.map(|at| at.to_string());
    }
}

/// How many certificates are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Renewals {
    pub(crate) due: usize,
    pub(crate) renewing: usize,
    pub(crate) overdue: usize,
    pub(crate) expired: usize,
}

impl Renewals {
    pub(crate) fn of(certificates: &[DueCertificate]) -> Self {
        let mut renewals = Self::default();
        for certificate in certificates {
            match certificate.state.as_str() {
                "renewing" => renewals.renewing += 1,
                "overdue" => renewals.overdue += 1,
                "expired" => renewals.expired += 1,
                _ => renewals.due += 1,
            }
        }
        renewals
    }
}

/// Of each station that is in service the latest certificate counts. By station, in the order of their names.
pub(crate) fn collect(
    ledger: &EmbeddedLedger,
    in_service: impl Fn(&str) -> bool,
    now: UnixTime,
) -> Result<Vec<DueCertificate>> {
    let mut due = Vec::new();
    // What the station asked for since its latest certificate.
    let mut newer: Option<(String, State)> = None;
    ledger.by_station(|record| {
        let since = newer.take().filter(|(station, _)| *station == record.station);
        let Some(certificate) = certificate_of(record) else {
            newer = since.or_else(|| Some((record.station.clone(), record.state.clone())));
            return true;
        };
        if let Some(window) = Window::of(certificate).filter(|window| now.as_secs() >= window.from)
            && in_service(&record.station)
        {
            due.push(entry(&record.station, window, since.map(|(_, state)| state).as_ref(), now));
        }
        false
    })?;
    due.reverse();
    Ok(due)
}

fn entry(station: &str, window: Window, newer: Option<&State>, now: UnixTime) -> DueCertificate {
    let now = now.as_secs();
    let refused = match newer {
        Some(State::Rejected { reason }) => Some(reason.clone()),
        _ => None,
    };
    let state = match newer {
        _ if now > window.not_after => "expired",
        Some(state) if !state.is_decided() => "renewing",
        _ if now > window.until => "overdue",
        _ => "due",
    };
    DueCertificate {
        station: station.to_owned(),
        state: state.to_owned(),
        renew_from: UnixTime::from_secs(window.from).to_string(),
        not_after: UnixTime::from_secs(window.not_after).to_string(),
        refused,
        last_contact: None,
    }
}

fn certificate_of(record: &Record) -> Option<&[u8]> {
    match &record.state {
        State::Issued(certificates) | State::Delivered(certificates) => {
            Some(certificates.certificate.octets())
        }
        _ => None,
    }
}

/// The certificates for people, one a line.
pub fn overdue_table(certificates: &[DueCertificate]) -> String {
    let mut text = format!(
        "{:<20}  {:<8}  {:<20}  {:<20}  {:<20}  LAST REFUSAL\n",
        "STATION", "STATE", "RENEW FROM", "NOT AFTER", "LAST CONTACT"
    );
    for DueCertificate { station, state, renew_from, not_after, refused, last_contact } in certificates {
        let last_contact = last_contact.as_deref().unwrap_or("");
        let refused = crate::listing::one_line(refused.as_deref().unwrap_or(""));
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{station:<20}  {state:<8}  {renew_from:<20}  {not_after:<20}  {last_contact:<20}  {refused}"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use asn1::EncodedCertificate;
    use cmp::end_entity::RequestKind;
    use nem::ledger::{Certificates, Ledger, RequestId};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn stations_that_are_due_and_silent_are_told_from_those_that_renew() {
        let folder = tempfile::tempdir().unwrap();
        let factory = testkit::programs::Factory::new(folder.path());
        let ledger = EmbeddedLedger::open(&folder.path().join("ledger.redb")).unwrap();
        let mut number = 0;
        let mut put = |station: &str, state: State| {
            number += 1;
            let mut record = Record::new(
                RequestId::new([number; 16]),
                station.to_owned(),
                RequestKind::P10cr,
                vec![number],
                vec![number],
                host::now(),
            );
            record.state = state;
            ledger.put(&record).unwrap();
        };
        let certify = |name: &str| {
            factory.certify(name, 30);
            let file = folder.path().join(format!("{name}.pem"));
            let certificate: EncodedCertificate = host::files::read_certificates(&file).unwrap().remove(0);
            State::Issued(Certificates { certificate, chain: Vec::new() })
        };
        for name in ["a", "b", "c", "d"] {
            put(name, certify(name));
        }
        put("b", State::Queued);
        put("c", State::Rejected { reason: "not today".to_owned() });
        put("e", State::Queued);
        let states = |days: u32| -> Vec<(String, String)> {
            let due = collect(&ledger, |station| station != "d", host::now().saturating_add(DAY * days));
            due.unwrap().into_iter().map(|one| (one.station, one.state)).collect()
        };
        let named = |states: [&str; 3]| -> Vec<(String, String)> {
            let stations = ["a", "b", "c"].into_iter().zip(states);
            stations.map(|(station, state)| (station.to_owned(), state.to_owned())).collect()
        };
        assert_eq!(states(10), []);
        assert_eq!(states(26), named(["overdue", "renewing", "overdue"]));
        assert_eq!(states(31), named(["expired", "expired", "expired"]));
        // When the first of them is due, it is not overdue.
        let first = (20..26).map(states).find(|states| !states.is_empty()).unwrap();
        assert!(first.iter().all(|(_, state)| state != "overdue"), "{first:?}");
        let due = collect(&ledger, |_| true, host::now().saturating_add(DAY * 26)).unwrap();
        let refused: Vec<_> = due.iter().filter_map(|one| one.refused.as_deref()).collect();
        assert_eq!(refused, ["not today"]);
        assert_eq!(Renewals::of(&due), Renewals { due: 0, renewing: 1, overdue: 3, expired: 0 });
    }
}
