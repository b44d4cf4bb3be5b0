//! What goes up and what comes back: messages leave when their states are in the ledger, and answers change states.

mod answering;
mod nesting;
mod sending;

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::UnixTime;
use asn1::oids::rfc9810::IT_CA_CERTS;
use cmp::TransactionId;
use cmp::end_entity::Question;
use cmp::{InfoTypeAndValue, PkiMessage};

use crate::batch::Batch;
use crate::error::Error;
use crate::event::{Event, Happening, News, Notice};
use crate::ledger::RequestId;
use crate::manager::{Nem, Output};
use crate::operate::{BatchStatus, RECENT_BATCHES};
use crate::upstream::Upstream;

pub(crate) use answering::after;
pub(crate) use nesting::Delayed;

/// A message that was sent and its answer, as long as the NEM runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(u64);

impl ExchangeId {
    /// From its number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number, for programs that are not written in Rust.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A message that was sent, with what it takes to open its answer: requests under way are not troubled by a new configuration.
#[derive(Debug)]
pub(crate) struct Exchange {
    upstream: Arc<Upstream>,
    cargo: Cargo,
}

#[derive(Debug)]
enum Cargo {
    /// One request's message.
    Single(RequestId),
    /// Messages of several.
    Batch(Batch),
    /// A question whether somebody is there.
    Probe,
}

impl Nem {
    fn send(&mut self, upstream: &Arc<Upstream>, cargo: Cargo, message: Vec<u8>) {
        self.last_exchange = self.last_exchange.wrapping_add(1);
        let id = ExchangeId(self.last_exchange);
        if let Some(line) = self.lines.get_mut(&upstream.name) {
            line.in_flight = line.in_flight.saturating_add(1);
        }
        self.exchanges.insert(id, Exchange { upstream: upstream.clone(), cargo });
        self.outputs.push_back(Output::Send { exchange: id, upstream: upstream.name.clone(), message });
    }

    /// Asks whether somebody is there: any question will do, and any answer.
    fn probe(&mut self, name: &Arc<str>, now: UnixTime) {
        let Some(upstream) = self.lines.get(name).map(|line| line.upstream.clone()) else { return };
        let question = || -> Result<Vec<u8>, cmp::Error> {
            let info = InfoTypeAndValue::new(IT_CA_CERTS, None);
            let (part, _) = Question::general(info).start(&upstream.identity, &self.provider, now)?;
            part.sign(upstream.key.as_ref())
        };
        match question() {
            Ok(message) => self.send(&upstream, Cargo::Probe, message),
            Err(error) => self.failed(name, &error.to_string(), now),
        }
    }

    pub(crate) fn is_in_flight(&self, id: RequestId) -> bool {
        let carries = |batch: &Batch| batch.requests().any(|request| request == id);
        let in_exchange = self.exchanges.values().any(|exchange| match &exchange.cargo {
            Cargo::Single(request) => *request == id,
            Cargo::Batch(batch) => carries(batch),
            Cargo::Probe => false,
        });
        in_exchange || self.delayed.values().any(|delayed| carries(&delayed.batch))
    }

    /// Every request that something is on its way about.
    pub(crate) fn in_flight(&self) -> BTreeSet<RequestId> {
        let in_exchanges = self.exchanges.values().map(|exchange| &exchange.cargo);
        let mut ids: BTreeSet<RequestId> =
            self.delayed.values().flat_map(|delayed| delayed.batch.requests()).collect();
        for cargo in in_exchanges {
            match cargo {
                Cargo::Single(request) => ids.extend([*request]),
                Cargo::Batch(batch) => ids.extend(batch.requests()),
                Cargo::Probe => {}
            }
        }
        ids
    }

    /// The message is back, one way or the other.
    fn land(&mut self, id: ExchangeId) -> Option<Exchange> {
        let exchange = self.exchanges.remove(&id)?;
        if let Some(line) = self.lines.get_mut(&exchange.upstream.name) {
            line.in_flight = line.in_flight.saturating_sub(1);
        }
        Some(exchange)
    }

    pub(crate) fn handle_failure(&mut self, id: ExchangeId, reason: &str, understood: bool, now: UnixTime) {
        let Some(Exchange { upstream, cargo }) = self.land(id) else { return };
        self.failed(&upstream.name, reason, now);
        match cargo {
            Cargo::Single(request) => self.retry(request, reason.to_string(), now),
            Cargo::Batch(batch) if !understood && self.counts_as_unable(&upstream.name) => {
                self.cannot_unbundle(&upstream.name, reason, now);
                batch.requests().for_each(|request| self.requests.schedule(request, now));
            }
            Cargo::Batch(batch) => self.retry_batch(&upstream, &batch, reason, now),
            Cargo::Probe => {}
        }
    }

    pub(crate) fn handle_answer(
        &mut self,
        id: ExchangeId,
        octets: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        let Some(Exchange { upstream, cargo }) = self.land(id) else { return Ok(()) };
        match cargo {
            Cargo::Single(request) => self.take_answers(&upstream, &[(request, octets)], now),
            Cargo::Batch(batch) => self.handle_batch(&upstream, batch, octets, now),
            Cargo::Probe if PkiMessage::inspect(octets, &upstream.reading).is_ok() => {
                self.succeeded(&upstream.name);
                Ok(())
            }
            Cargo::Probe => {
                self.failed(&upstream.name, "its answer is no CMP message", now);
                Ok(())
            }
        }
    }

    fn succeeded(&mut self, name: &Arc<str>) {
        if self.lines.get_mut(name).is_some_and(|line| line.breaker.succeeded()) {
            self.notice(name, None, News::Up);
        }
    }

    /// One more exchange led to nothing. When the RA/CA counts as down, what it has not got yet goes elsewhere if it can.
    fn failed(&mut self, name: &Arc<str>, reason: &str, now: UnixTime) {
        let pauses = (self.settings.first_retry, self.settings.last_retry);
        // Without randomness the pause is a whole one.
        let random = self.provider.random::<2>().unwrap_or_default();
        let Some(line) = self.lines.get_mut(name) else { return };
        let Some(until) = line.breaker.failed(now, pauses, random) else { return };
        let requests = &self.requests;
        let queued = line.withdraw(|id| requests.get(id).is_some_and(|open| open.stage.queued));
        queued.into_iter().for_each(|id| self.requests.schedule(id, now));
        self.notice(name, None, News::Down { reason: reason.to_string(), until });
    }

    pub(crate) fn notice(&mut self, name: &Arc<str>, transaction_id: Option<&TransactionId>, news: News) {
        self.remember(name, transaction_id, &news);
        let notice = Notice { upstream: name.to_string(), transaction_id: transaction_id.cloned(), news };
        self.outputs.push_back(Output::Notice(notice));
    }

    /// Keeps in mind what happened to a batch, for people.
    fn remember(&mut self, name: &Arc<str>, transaction_id: Option<&TransactionId>, news: &News) {
        let Some(transaction_id) = transaction_id else { return };
        match news {
            News::BatchSent { messages } => {
                if self.recent.len() >= RECENT_BATCHES {
                    self.recent.pop_front();
                }
                self.recent.push_back(BatchStatus {
                    upstream: name.to_string(),
                    transaction_id: transaction_id.clone(),
                    messages: *messages,
                    sent_at: self.now,
                    news: news.clone(),
                });
            }
            News::Unexpected(_) => {}
            _ => {
                let mut recent = self.recent.iter_mut().rev();
                if let Some(batch) = recent.find(|batch| batch.transaction_id == *transaction_id) {
                    batch.news = news.clone();
                }
            }
        }
    }

    /// Tries again later, and later still each time.
    pub(crate) fn retry(&mut self, id: RequestId, reason: String, now: UnixTime) {
        let Some(open) = self.requests.get_mut(id) else { return };
        let delay = retry_delay(open.attempts, self.settings.first_retry, self.settings.last_retry);
        open.attempts = open.attempts.saturating_add(1);
        let at = now.saturating_add(delay);
        let event: Event = open.event(id, Happening::Retry { reason, at });
        self.outputs.push_back(Output::Event(event));
        self.requests.schedule(id, at);
    }
}

fn retry_delay(attempts: u32, first: Duration, last: Duration) -> Duration {
    first.saturating_mul(1_u32.checked_shl(attempts).unwrap_or(u32::MAX)).min(last)
}
