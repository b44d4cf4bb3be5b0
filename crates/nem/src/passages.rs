//! The transactions of stations that sign their messages themselves, as far as the NEM has a part in them.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use cmp::{Credential, TransactionId};

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

/// A transaction that a station began. It is in memory only: after a restart the station begins anew.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    /// Where it ends, too.
    pub(crate) upstream: Arc<str>,
    /// How its last message went up.
    pub(crate) passing: Passing,
    /// Who signs the station's messages, where the NEM's signature takes the place of theirs.
    pub(crate) signer: Option<Credential>,
    /// The digest of the station's last message, and what went up in its stead: a repeat is one at the RA/CA, too.
    pub(crate) last: Option<([u8; 32], Vec<u8>)>,
}

/// The latest of such transactions.
#[derive(Debug, Default)]
pub(crate) struct Passages {
    /// Those of each station, the eldest first, each with its number.
    begun: BTreeMap<String, VecDeque<(u64, TransactionId, Begun)>>,
    /// Whose each is.
    order: BTreeMap<u64, String>,
    last: u64,
    octets: usize,
}

/// Transactions of one station.
const OF_STATION: usize = 4;

/// Of all of them.
const TRANSACTIONS: usize = 16 * 1024;

/// Octets of the messages that are kept for repetition.
const OCTETS: usize = 32 * 1024 * 1024;

impl Passages {
    pub(crate) fn get(&self, station: &str, id: &TransactionId) -> Option<&Begun> {
        let of_station = self.begun.get(station)?;
        of_station.iter().find(|(_, known, _)| known == id).map(|(_, _, begun)| begun)
    }

    /// Takes note of what goes up. The eldest are forgotten when there are too many, those of the same station first.
    pub(crate) fn put(&mut self, station: &str, id: &TransactionId, begun: Begun) {
        self.octets = self.octets.saturating_add(size(&begun));
        let of_station = self.begun.entry(String::from(station)).or_default();
        if let Some((_, _, known)) = of_station.iter_mut().find(|(_, known, _)| known == id) {
            self.octets = self.octets.saturating_sub(size(known));
            *known = begun;
        } else {
            self.last = self.last.saturating_add(1);
            of_station.push_back((self.last, id.clone(), begun));
            self.order.insert(self.last, String::from(station));
            if of_station.len() > OF_STATION {
                self.forget_eldest_of(station);
            }
        }
        while self.order.len() > TRANSACTIONS || self.octets > OCTETS {
            let Some((_, eldest)) = self.order.first_key_value() else { break };
            let eldest = eldest.clone();
            self.forget_eldest_of(&eldest);
        }
    }

    fn forget_eldest_of(&mut self, station: &str) {
        let Some(of_station) = self.begun.get_mut(station) else { return };
        if let Some((number, _, begun)) = of_station.pop_front() {
            self.order.remove(&number);
            self.octets = self.octets.saturating_sub(size(&begun));
        }
        if of_station.is_empty() {
            self.begun.remove(station);
        }
    }
}

fn size(begun: &Begun) -> usize {
    begun.last.as_ref().map_or(0, |(_, up)| up.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> TransactionId {
        TransactionId::new(&[number; 16]).unwrap()
    }

    fn begun(octets: usize) -> Begun {
        let last = Some(([0; 32], Vec::from_iter(core::iter::repeat_n(0, octets))));
        Begun { upstream: "raca".into(), passing: Passing::ReplacedProtection, signer: None, last }
    }

    #[test]
    fn a_station_that_begins_many_displaces_its_own() {
        let mut passages = Passages::default();
        passages.put("enb1", &id(0), begun(1));
        (0..100).for_each(|number| passages.put("enb2", &id(number), begun(1)));
        assert!(passages.get("enb1", &id(0)).is_some());
        assert!(passages.get("enb2", &id(0)).is_none());
        assert!(passages.get("enb2", &id(99)).is_some());
        assert!(passages.get("enb1", &id(99)).is_none());
        assert_eq!((passages.order.len(), passages.octets), (5, 5));
    }

    #[test]
    fn all_together_take_no_more_than_they_may() {
        let mut passages = Passages::default();
        for station in 0..40 {
            passages.put(&alloc::format!("enb{station}"), &id(0), begun(OCTETS / 32));
        }
        assert_eq!((passages.octets, passages.order.len(), passages.begun.len()), (OCTETS, 32, 32));
        assert!(passages.get("enb7", &id(0)).is_none());
        assert!(passages.get("enb8", &id(0)).is_some());
        passages.put("enb8", &id(0), begun(1));
        assert_eq!(passages.octets, OCTETS / 32 * 31 + 1);
    }
}
