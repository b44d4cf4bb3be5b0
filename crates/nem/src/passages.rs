//! The transactions of stations that sign their messages themselves, as far as the NEM has a part in them. What is kept here of each does
//! not depend on its size: the rest is in the ledger.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::UnixTime;
use cmp::Credential;

use crate::ledger::{PassedId, PassedTransaction};

/// How a station's own message goes up, RFC 9483 section 5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // the RFC has these three
pub enum Passing {
    /// As it is (section 5.2.1).
    Unchanged,
    /// What begins a transaction is verified, and nested in a message that the NEM signs (section 5.2.2.1); what follows goes as it is.
    AddedProtection,
    /// The NEM's signature takes the place of the station's, which is verified (section 5.2.3). A kur, and whatever else is nothing
    /// without the station's, has protection added.
    ReplacedProtection,
}

/// What is kept in memory of a transaction.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: PassedId,
    pub(crate) upstream: Arc<str>,
    pub(crate) passing: Passing,
    pub(crate) until: UnixTime,
    /// Whether it is in the ledger. What goes up as it is need not be, where it can go to one RA/CA only.
    pub(crate) stored: bool,
    octets: usize,
    /// Tells entries apart that end at the same time: the later one has been heard of later.
    number: u64,
}

impl Entry {
    /// All there is to know of one that goes up as it is.
    pub(crate) fn transaction(&self, station: &str) -> PassedTransaction {
        PassedTransaction {
            id: self.id,
            station: String::from(station),
            upstream: String::from(&*self.upstream),
            passing: self.passing,
            until: self.until,
            signer: None,
            last: None,
        }
    }
}

/// The transactions that may go on.
#[derive(Debug, Default)]
pub(crate) struct Passages {
    /// Those of each station.
    of_stations: BTreeMap<String, Vec<Entry>>,
    /// Whose each is, the first to be forgotten first: those that have ended, then those that were heard of last the longest ago.
    order: BTreeMap<(UnixTime, u64), (String, PassedId)>,
    last: u64,
    octets: usize,
}

/// Transactions of one station.
const OF_STATION: usize = 4;

/// Of all of them.
const TRANSACTIONS: usize = 100_000;

/// Octets of them in the ledger.
const OCTETS: usize = 512 * 1024 * 1024;

/// How many are forgotten beside one that is written, when their time has come.
const EXPIRED: usize = 64;

/// How long a transaction may be silent: longer than RA/CAs let wait.
const OPEN: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long the last message of one that has ended may be repeated, because its answer was lost.
const ENDED: Duration = Duration::from_secs(3600);

/// When a transaction may be forgotten that was heard of now.
pub(crate) fn open_until(now: UnixTime) -> UnixTime {
    now.saturating_add(OPEN)
}

/// The same of one that has ended now.
pub(crate) fn ended_until(now: UnixTime) -> UnixTime {
    now.saturating_add(ENDED)
}

impl Passages {
    pub(crate) fn get(&self, station: &str, id: PassedId) -> Option<&Entry> {
        self.of_stations.get(station)?.iter().find(|entry| entry.id == id)
    }

    /// Those that are not in the ledger, with their stations.
    pub(crate) fn not_stored(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let all =
            self.of_stations.iter().flat_map(|(station, entries)| entries.iter().map(|e| (&**station, e)));
        all.filter(|(_, entry)| !entry.stored)
    }

    /// What is to be forgotten so that there is room for that one: of the same station the one that was silent longest, of others what
    /// has ended. `None` when there is no room: what others have not ended does not give way.
    pub(crate) fn room_for(&self, next: &PassedTransaction, now: UnixTime) -> Option<Vec<(String, Entry)>> {
        let known = self.get(&next.station, next.id);
        let before = known.map_or(0, |known| known.octets);
        let mut count = self.order.len().saturating_add(usize::from(known.is_none()));
        let mut octets = self.octets.saturating_add(size(next)).saturating_sub(before);
        let mut forgotten: Vec<(String, Entry)> = Vec::new();
        let of_station = self.of_stations.get(&next.station).map(Vec::as_slice).unwrap_or_default();
        if known.is_none() && of_station.len() >= OF_STATION {
            let eldest = of_station.iter().min_by_key(|entry| (entry.until, entry.number))?;
            count = count.saturating_sub(1);
            octets = octets.saturating_sub(eldest.octets);
            forgotten.push((next.station.clone(), eldest.clone()));
        }
        for ((until, _), (station, id)) in &self.order {
            let full = count > TRANSACTIONS || octets > OCTETS;
            if !full && (*until > now || forgotten.len() >= EXPIRED) {
                break;
            }
            let Some(entry) = self.get(station, *id).filter(|entry| entry.id != next.id) else { continue };
            if forgotten.iter().any(|(_, other)| other.id == entry.id) {
                continue;
            }
            if *until > ended_until(now) {
                return None;
            }
            count = count.saturating_sub(1);
            octets = octets.saturating_sub(entry.octets);
            forgotten.push((station.clone(), entry.clone()));
        }
        (count <= TRANSACTIONS && octets <= OCTETS).then_some(forgotten)
    }

    /// Takes note of how a transaction stands.
    pub(crate) fn put(&mut self, transaction: &PassedTransaction, stored: bool) {
        self.forget(&transaction.station, transaction.id);
        self.last = self.last.saturating_add(1);
        let entry = Entry {
            id: transaction.id,
            upstream: transaction.upstream.as_str().into(),
            passing: transaction.passing,
            until: transaction.until,
            stored,
            octets: size(transaction),
            number: self.last,
        };
        self.octets = self.octets.saturating_add(entry.octets);
        self.order.insert((entry.until, entry.number), (transaction.station.clone(), entry.id));
        self.of_stations.entry(transaction.station.clone()).or_default().push(entry);
    }

    pub(crate) fn forget(&mut self, station: &str, id: PassedId) {
        let Some(of_station) = self.of_stations.get_mut(station) else { return };
        if let Some(position) = of_station.iter().position(|entry| entry.id == id) {
            let entry = of_station.swap_remove(position);
            self.order.remove(&(entry.until, entry.number));
            self.octets = self.octets.saturating_sub(entry.octets);
        }
        if of_station.is_empty() {
            self.of_stations.remove(station);
        }
    }
}

fn size(transaction: &PassedTransaction) -> usize {
    let signer = match &transaction.signer {
        Some(Credential::Certificate(certificate)) => certificate.octets().len(),
        _ => 0,
    };
    transaction.last.as_ref().map_or(0, |last| last.message.len()).saturating_add(signer)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::ledger::PassedMessage;

    const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

    fn begun(station: &str, number: u32, octets: usize) -> PassedTransaction {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let message = Vec::from_iter(core::iter::repeat_n(0, octets));
        PassedTransaction {
            id: PassedId::new(id),
            station: station.to_string(),
            upstream: "raca".to_string(),
            passing: Passing::ReplacedProtection,
            until: open_until(NOW),
            signer: None,
            last: Some(PassedMessage { digest: [0; 32], message }),
        }
    }

    /// What gives way.
    fn put(passages: &mut Passages, next: &PassedTransaction, now: UnixTime) -> Option<Vec<PassedId>> {
        let forgotten = passages.room_for(next, now)?;
        forgotten.iter().for_each(|(station, entry)| passages.forget(station, entry.id));
        passages.put(next, true);
        Some(forgotten.into_iter().map(|(_, entry)| entry.id).collect())
    }

    #[test]
    fn a_station_that_begins_many_displaces_its_own() {
        let mut passages = Passages::default();
        put(&mut passages, &begun("enb1", 0, 1), NOW).unwrap();
        for number in 1..100 {
            put(&mut passages, &begun("enb2", number, 1), NOW).unwrap();
        }
        let has = |station: &str, number| passages.get(station, begun("", number, 0).id).is_some();
        assert!(has("enb1", 0) && !has("enb2", 95) && has("enb2", 96) && has("enb2", 99) && !has("enb1", 99));
        assert_eq!((passages.order.len(), passages.octets), (5, 5));
        // Whoever is heard of stays.
        put(&mut passages, &begun("enb2", 96, 7), NOW).unwrap();
        assert_eq!(put(&mut passages, &begun("enb2", 100, 1), NOW), Some(alloc::vec![begun("", 97, 0).id]));
        assert_eq!((passages.order.len(), passages.octets), (5, 11));
    }

    #[test]
    fn all_together_take_no_more_than_they_may_and_only_what_has_ended_gives_way() {
        let mut passages = Passages::default();
        let begun = |number: u32, octets| begun(&number.to_string(), number, octets);
        for number in 0..32 {
            put(&mut passages, &begun(number, OCTETS / 32), NOW).unwrap();
        }
        assert_eq!(put(&mut passages, &begun(32, 1), NOW), None);
        assert_eq!(put(&mut passages, &begun(8, OCTETS / 32 + 1), NOW), None);
        let ended = PassedTransaction { until: ended_until(NOW), ..begun(7, OCTETS / 32) };
        assert_eq!(put(&mut passages, &ended, NOW), Some(Vec::new()));
        assert_eq!(put(&mut passages, &begun(32, 1), NOW), Some(alloc::vec![ended.id]));
        assert_eq!((passages.octets, passages.order.len()), (OCTETS / 32 * 31 + 1, 32));
        assert_eq!(passages.of_stations.len(), 32);
    }

    #[test]
    fn whoever_comes_when_there_are_too_many_is_turned_away() {
        let mut passages = Passages::default();
        let begun = |number: u32| begun(&number.to_string(), number, 0);
        for number in 0..100_000 {
            passages.put(&begun(number), true);
        }
        assert_eq!(put(&mut passages, &begun(100_000), NOW), None);
        assert_eq!(put(&mut passages, &begun(5), NOW), Some(Vec::new()));
        let later = open_until(NOW).saturating_add(Duration::from_secs(1));
        let next = PassedTransaction { until: open_until(later), ..begun(100_000) };
        assert_eq!(put(&mut passages, &next, later).map(|forgotten| forgotten.len()), Some(EXPIRED));
        assert_eq!(passages.order.len(), 100_000 - EXPIRED + 1);
    }
}
