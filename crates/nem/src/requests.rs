//! The requests that are not decided yet. What is kept of each in memory does not depend on its size: the rest is in the ledger.

use alloc::collections::btree_map::Entry;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::sync::Arc;

use asn1::UnixTime;
use cmp::TransactionId;

use crate::event::{Event, Happening};
use crate::ledger::{ExportId, Record, RequestId, State};

/// What is kept in memory of a request that is not decided.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) station: Arc<str>,
    pub(crate) stage: Stage,
    pub(crate) transaction_id: Option<TransactionId>,
    pub(crate) upstream: Option<Arc<str>>,
    pub(crate) attempts: u32,
    /// Whether its message goes by itself, because it was lost in a batch.
    pub(crate) alone: bool,
    pub(crate) held: bool,
    /// The file that it left in.
    pub(crate) export: Option<ExportId>,
    /// When it was accepted.
    pub(crate) received_at: UnixTime,
    turn: Turn,
}

/// Where a request waits until its message goes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Nowhere.
    None,
    /// Until that time.
    Scheduled(UnixTime),
    /// In the queue of an RA/CA since it became due then, unless it was taken out of it since.
    LinedUp(UnixTime),
}

/// How far a request is: its state's name, and whether anything was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) queued: bool,
}

impl Stage {
    fn of(state: &State) -> Self {
        Self { name: state.name(), queued: matches!(state, State::Queued) }
    }
}

impl Open {
    pub(crate) fn event(&self, request: RequestId, happening: Happening) -> Event {
        let (station, transaction_id) = (self.station.to_string(), self.transaction_id.clone());
        Event { station, request, transaction_id, happening }
    }

    /// By what it is found in the queue of an RA/CA, if it can be in one.
    pub(crate) const fn lined_up_since(&self) -> Option<UnixTime> {
        match self.turn {
            Turn::LinedUp(since) => Some(since),
            Turn::None | Turn::Scheduled(_) => None,
        }
    }

    /// Takes over what the record says.
    pub(crate) fn update(&mut self, record: &Record) {
        self.stage = Stage::of(&record.state);
        self.transaction_id = transaction_id(record);
        self.held = record.held;
        self.export = record.state.export();
    }
}

fn transaction_id(record: &Record) -> Option<TransactionId> {
    record.state.transaction().map(|transaction| transaction.transaction_id.clone())
}

/// The open requests, and when each is due.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    open: BTreeMap<RequestId, Open>,
    schedule: BTreeSet<(UnixTime, RequestId)>,
    per_station: BTreeMap<Arc<str>, usize>,
}

impl Requests {
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn of_station(&self, station: &str) -> usize {
        self.per_station.get(station).copied().unwrap_or_default()
    }

    pub(crate) fn get(&self, id: RequestId) -> Option<&Open> {
        self.open.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: RequestId) -> Option<&mut Open> {
        self.open.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (RequestId, &Open)> {
        self.open.iter().map(|(id, open)| (*id, open))
    }

    /// Takes in a request; it is due nowhere yet.
    pub(crate) fn insert(&mut self, record: &Record) {
        let station = match self.per_station.get_key_value(record.station.as_str()) {
            Some((station, _)) => station.clone(),
            None => Arc::from(record.station.as_str()),
        };
        *self.per_station.entry(station.clone()).or_default() += 1;
        let open = Open {
            station,
            stage: Stage::of(&record.state),
            transaction_id: transaction_id(record),
            upstream: record.upstream.as_deref().map(Arc::from),
            attempts: 0,
            alone: false,
            held: record.held,
            export: record.state.export(),
            received_at: record.received_at,
            turn: Turn::None,
        };
        self.open.insert(record.id, open);
    }

    pub(crate) fn remove(&mut self, id: RequestId) -> Option<Open> {
        let open = self.open.remove(&id)?;
        if let Turn::Scheduled(due) = open.turn {
            self.schedule.remove(&(due, id));
        }
        if let Entry::Occupied(mut count) = self.per_station.entry(open.station.clone()) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
        Some(open)
    }

    /// It is due then, and not before. What is held, or left in a file, is never due.
    pub(crate) fn schedule(&mut self, id: RequestId, due: UnixTime) {
        let Some(open) = self.open.get_mut(&id) else { return };
        let waits = !open.held && open.export.is_none();
        let turn = if waits { Turn::Scheduled(due) } else { Turn::None };
        if let Turn::Scheduled(before) = core::mem::replace(&mut open.turn, turn) {
            self.schedule.remove(&(before, id));
        }
        if waits {
            self.schedule.insert((due, id));
        }
    }

    /// Whether it was waiting to become due; it is no more.
    pub(crate) fn unschedule(&mut self, id: RequestId) -> bool {
        match self.open.get_mut(&id).map(|open| core::mem::replace(&mut open.turn, Turn::None)) {
            Some(Turn::Scheduled(due)) => self.schedule.remove(&(due, id)),
            _ => false,
        }
    }

    pub(crate) fn next_due(&self) -> Option<UnixTime> {
        self.schedule.first().map(|(due, _)| *due)
    }

    /// The next request that is due by now, with when it became so: it is to line up.
    pub(crate) fn pop_due(&mut self, now: UnixTime) -> Option<(UnixTime, RequestId)> {
        let (due, id) = self.schedule.first().copied().filter(|(due, _)| *due <= now)?;
        self.schedule.pop_first();
        if let Some(open) = self.open.get_mut(&id) {
            open.turn = Turn::LinedUp(due);
        }
        Some((due, id))
    }
}
