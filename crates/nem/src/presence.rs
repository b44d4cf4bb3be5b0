//! Whether stations are there: when the NEM heard of each last.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use asn1::UnixTime;

use crate::inventory::Inventory;
use crate::ledger::RequestId;

/// When a station counts as connected. One that does not can neither enrol nor renew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Liveness {
    /// How long after the NEM heard of it last; `None`, the default: for ever.
    pub silent_after: Option<Duration>,
    /// Whether its own uploads and polls tell that it is there, as they do by default; otherwise reports of others alone.
    pub own_contact: bool,
    /// What becomes of its requests that were not sent yet.
    pub queued: WhenAbsent,
}

impl Default for Liveness {
    fn default() -> Self {
        Self { silent_after: None, own_contact: true, queued: WhenAbsent::Hold }
    }
}

/// What becomes of a request of a station that is not there when it should be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // it waits, or it does not
pub enum WhenAbsent {
    /// It waits until the station is there again.
    #[default]
    Hold,
    /// It is rejected.
    Drop,
}

/// What is known of a station's being there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StationPresence {
    /// When the NEM heard of it last, since it began.
    pub last_contact: Option<UnixTime>,
    /// Whether it counts as connected.
    pub connected: bool,
}

/// What is kept of one station.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Seconds since the epoch; 0: never.
    last: u64,
    /// Somebody reported that it is not there, and nobody that it is again.
    disconnected: bool,
}

/// What is known of all stations, by their positions in the inventory, and of the requests that wait for them.
#[derive(Debug)]
pub(crate) struct Presence {
    seen: Vec<Seen>,
    /// When the NEM began: nobody was silent before.
    since: Option<UnixTime>,
    parked: BTreeMap<String, BTreeSet<RequestId>>,
}

impl Presence {
    pub(crate) fn new(inventory: &Inventory) -> Self {
        let seen = alloc::vec![Seen::default(); inventory.stations().len()];
        Self { seen, since: None, parked: BTreeMap::new() }
    }

    pub(crate) const fn begin(&mut self, now: UnixTime) {
        if self.since.is_none() {
            self.since = Some(now);
        }
    }

    /// The stations stand elsewhere from now on.
    pub(crate) fn rearrange(&mut self, before: &Inventory, after: &Inventory) {
        let known = |name: &str| self.seen.get(before.position(name)?).copied();
        let seen = after.stations().iter().map(|station| known(&station.name).unwrap_or_default());
        self.seen = seen.collect();
    }

    /// The station itself was here, which counts unless others have the say. Whether it is connected now.
    pub(crate) fn meet(&mut self, position: usize, liveness: &Liveness, now: UnixTime) -> bool {
        let Some(seen) = self.seen.get_mut(position) else { return false };
        if liveness.own_contact {
            seen.last = seen.last.max(now.as_secs());
        }
        seen.is_connected(liveness, now, 0)
    }

    /// Somebody says that the station is there, or is not.
    pub(crate) fn report(&mut self, position: usize, connected: bool, now: UnixTime) {
        let Some(seen) = self.seen.get_mut(position) else { return };
        seen.disconnected = !connected;
        if connected {
            seen.last = seen.last.max(now.as_secs());
        }
    }

    /// Whether what the station left here may be sent. After a start nothing has been heard of anybody: that does not count as
    /// silence.
    pub(crate) fn may_send(&self, position: usize, liveness: &Liveness, now: UnixTime) -> bool {
        let since = self.since.unwrap_or(now).as_secs();
        self.seen.get(position).is_some_and(|seen| seen.is_connected(liveness, now, since))
    }

    pub(crate) fn of(&self, position: usize, liveness: &Liveness, now: UnixTime) -> Option<StationPresence> {
        let seen = self.seen.get(position)?;
        let last_contact = (seen.last > 0).then(|| UnixTime::from_secs(seen.last));
        Some(StationPresence { last_contact, connected: seen.is_connected(liveness, now, 0) })
    }

    pub(crate) fn count_connected(&self, liveness: &Liveness, now: UnixTime) -> usize {
        self.seen.iter().filter(|seen| seen.is_connected(liveness, now, 0)).count()
    }

    /// The request waits for its station. Whether it did not before.
    pub(crate) fn park(&mut self, station: &str, id: RequestId) -> bool {
        match self.parked.get_mut(station) {
            Some(parked) => parked.insert(id),
            None => self.parked.insert(station.to_string(), BTreeSet::from([id])).is_none(),
        }
    }

    pub(crate) fn unpark(&mut self, station: &str) -> BTreeSet<RequestId> {
        self.parked.remove(station).unwrap_or_default()
    }

    pub(crate) fn unpark_all(&mut self) -> impl Iterator<Item = RequestId> + use<> {
        core::mem::take(&mut self.parked).into_values().flatten()
    }
}

impl Seen {
    /// Who was not heard of since `since` is taken for somebody who was heard of then.
    fn is_connected(self, liveness: &Liveness, now: UnixTime, since: u64) -> bool {
        let last = self.last.max(since);
        let fresh = match liveness.silent_after {
            Some(limit) => now.as_secs() <= last.saturating_add(limit.as_secs()),
            // Where reports have the say, there must have been one.
            None => liveness.own_contact || last > 0,
        };
        fresh && !self.disconnected
    }
}
