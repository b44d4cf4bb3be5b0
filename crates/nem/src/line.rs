//! What waits for one RA/CA, and what is known of it.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use asn1::UnixTime;

use crate::health::{Breaker, Health};
use crate::ledger::{CannotUnbundle, RequestId};
use crate::upstream::Upstream;

/// Whether an RA/CA takes batches apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // it does, it does not, or nobody knows
pub enum Nesting {
    /// Nobody has tried since the configuration was read.
    Untried,
    /// It has done so.
    Works,
    /// It has not: each message goes by itself.
    Refused(CannotUnbundle),
}

/// An RA/CA and its queue.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) breaker: Breaker,
    pub(crate) nesting: Nesting,
    /// Batches in a row that were answered by something that is no CMP message.
    pub(crate) not_understood: u32,
    pub(crate) in_flight: usize,
    /// Requests that began here.
    pub(crate) bound: usize,
    /// It is not in the configuration any more, and gets no new requests.
    pub(crate) retired: bool,
    /// Messages that may go up together, by when they became ready.
    ready: BTreeSet<(UnixTime, RequestId)>,
    /// Messages that go by themselves.
    singles: BTreeSet<(UnixTime, RequestId)>,
    flush: bool,
}

/// What a line has to do.
pub(crate) enum Due {
    Nothing,
    /// To ask whether the RA/CA is there.
    Probe,
    /// To send these, the one that waits longest first.
    Load(Vec<(UnixTime, RequestId)>),
}

impl Line {
    pub(crate) fn new(upstream: Arc<Upstream>, known: Option<CannotUnbundle>) -> Self {
        Self {
            upstream,
            breaker: Breaker::new(),
            nesting: known.map_or(Nesting::Untried, Nesting::Refused),
            not_understood: 0,
            in_flight: 0,
            bound: 0,
            retired: false,
            ready: BTreeSet::new(),
            singles: BTreeSet::new(),
            flush: false,
        }
    }

    /// From now on it is spoken to as that says; whether it answers and takes batches apart is tried anew.
    pub(crate) fn renew(&mut self, upstream: Arc<Upstream>, now: UnixTime) {
        self.upstream = upstream;
        self.retired = false;
        self.breaker.ask_anew(now);
        self.nesting = Nesting::Untried;
        self.not_understood = 0;
    }

    pub(crate) fn waiting(&self) -> usize {
        self.ready.len().saturating_add(self.singles.len())
    }

    pub(crate) fn push(&mut self, since: UnixTime, id: RequestId, alone: bool) {
        let queue = if alone { &mut self.singles } else { &mut self.ready };
        queue.insert((since, id));
    }

    /// Everything that waits for its batch goes now. Returns how many messages that are.
    pub(crate) fn flush(&mut self) -> usize {
        self.flush = !self.ready.is_empty();
        self.ready.len()
    }

    /// Takes out one. Whether it was there.
    pub(crate) fn remove(&mut self, since: UnixTime, id: RequestId) -> bool {
        self.ready.remove(&(since, id)) || self.singles.remove(&(since, id))
    }

    /// Takes out those that fit. That looks at all of them.
    pub(crate) fn withdraw(&mut self, fits: impl Fn(RequestId) -> bool) -> Vec<RequestId> {
        let mut taken = Vec::new();
        for queue in [&mut self.ready, &mut self.singles] {
            queue.retain(|(_, id)| {
                let fits = fits(*id);
                if fits {
                    taken.push(*id);
                }
                !fits
            });
        }
        taken
    }

    pub(crate) fn batches(&self) -> bool {
        self.upstream.batching.size > 1 && !matches!(self.nesting, Nesting::Refused(_))
    }

    pub(crate) fn next(&mut self, now: UnixTime) -> Due {
        if self.breaker.probe(now) {
            return Due::Probe;
        }
        if !self.breaker.is_up() || self.in_flight >= self.upstream.max_in_flight {
            return Due::Nothing;
        }
        if let Some(single) = self.singles.pop_first() {
            return Due::Load(Vec::from([single]));
        }
        let count = if self.batches() { self.upstream.batching.size } else { 1 };
        let full = self.ready.len() >= count || self.flush;
        let Some((oldest, _)) = self.ready.first().copied() else { return Due::Nothing };
        if !full && oldest.saturating_add(self.upstream.batching.delay) > now {
            return Due::Nothing;
        }
        let taken = core::iter::from_fn(|| self.ready.pop_first()).take(count).collect();
        self.flush &= !self.ready.is_empty();
        Due::Load(taken)
    }

    /// When it has something to do, if nothing happens before.
    pub(crate) fn next_due(&self) -> Option<UnixTime> {
        match self.breaker.health() {
            Health::Down { until } => return Some(until),
            Health::Probed => return None,
            Health::Up => {}
        }
        if self.in_flight >= self.upstream.max_in_flight {
            return None;
        }
        let (oldest, _) = self.ready.first()?;
        Some(oldest.saturating_add(self.upstream.batching.delay))
    }
}
