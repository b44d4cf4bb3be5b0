//! The secrets that were encapsulated for requesters with KEM keys: in memory, and never too many.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use asn1::UnixTime;
use ca::{KemExchange, KemExchanges};
use cmp::TransactionId;

/// At most so many; the oldest give way. Whoever is forgotten is told to ask anew.
#[derive(Debug, Default)]
pub(crate) struct BoundedExchanges(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    limit: usize,
    by_id: BTreeMap<TransactionId, KemExchange>,
    /// The oldest first.
    order: VecDeque<TransactionId>,
}

impl BoundedExchanges {
    pub(crate) fn set_limit(&self, limit: usize) {
        let mut kept = self.kept();
        kept.limit = limit;
        kept.make_room(limit);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn make_room(&mut self, limit: usize) {
        while self.order.len() > limit {
            if let Some(id) = self.order.pop_front() {
                self.by_id.remove(&id);
            }
        }
    }
}

impl KemExchanges for BoundedExchanges {
    fn keep(&self, exchange: KemExchange) -> KemExchange {
        let mut kept = self.kept();
        let id = exchange.trust.transaction_id();
        if let Some(earlier) = kept.by_id.get(id) {
            return earlier.clone();
        }
        let limit = kept.limit.saturating_sub(1);
        kept.make_room(limit);
        kept.order.push_back(id.clone());
        kept.by_id.insert(id.clone(), exchange.clone());
        exchange
    }

    fn find(&self, id: &TransactionId, now: UnixTime) -> Option<KemExchange> {
        let mut kept = self.kept();
        // Those whose time is over go first, as all are kept for the same time.
        while let Some(id) =
            kept.order.front().filter(|id| kept.by_id.get(id).is_none_or(|it| it.until < now))
        {
            let id = id.clone();
            kept.order.pop_front();
            kept.by_id.remove(&id);
        }
        kept.by_id.get(id).filter(|exchange| now <= exchange.until).cloned()
    }
}
