//! What goes up and what comes back: messages leave when their states are in the ledger, and answers change states.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::UnixTime;
use asn1::oids::rfc9810::IT_CA_CERTS;
use cmp::TransactionId;
use cmp::end_entity::{Correspondent, Question};
use cmp::{InfoTypeAndValue, PkiMessage};

use crate::batch::{Batch, Opening};
use crate::error::Error;
use crate::event::{Event, Happening, News, Notice};
use crate::forwarding::{Forwarding, POLL_PAUSE, Step};
use crate::ledger::{CannotUnbundle, Fetch, Record, RequestId, State};
use crate::line::{Due, Nesting};
use crate::manager::{Nem, Output};
use crate::operate::{BatchStatus, RECENT_BATCHES};
use crate::upstream::Upstream;

/// A message that was sent and its answer, as long as the NEM runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(u64);

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

/// A batch that the RA/CA lets wait.
#[derive(Debug)]
pub(crate) struct Delayed {
    upstream: Arc<Upstream>,
    batch: Batch,
    correspondent: Correspondent,
}

/// That many batches in a row may be answered by what is no CMP message before the RA/CA counts as one that cannot unbundle.
const NOT_UNDERSTOOD: u32 = 3;

const BLOCKED_MEANWHILE: &str = "the station was blocked or removed while the RA/CA had its request";

/// A request's message, ready to go.
struct Loaded {
    since: UnixTime,
    id: RequestId,
    /// What must be in the ledger before it goes, if it is not there already.
    next: Option<Record>,
    body: &'static str,
    message: Vec<u8>,
}

impl Nem {
    /// Sends what is due, each after its state is in the ledger.
    pub(crate) fn pump(&mut self, now: UnixTime) {
        self.now = now;
        self.ripen(now);
        while let Some(delayed) = self.pop_delayed(now) {
            self.poll_batch(delayed, now);
        }
        let names: Vec<Arc<str>> = self.lines.keys().cloned().collect();
        for name in names {
            while let Some(line) = self.lines.get_mut(&name) {
                match line.next(now) {
                    Due::Nothing => break,
                    Due::Probe => self.probe(&name, now),
                    Due::Load(requests) => self.load(&name, requests, now),
                }
            }
        }
    }

    /// What became due lines up at its RA/CA.
    fn ripen(&mut self, now: UnixTime) {
        while let Some((due, id)) = self.requests.pop_due(now) {
            match self.route(id) {
                Ok(name) => {
                    let alone = self.requests.get(id).is_some_and(|open| open.alone);
                    if let Some(line) = self.lines.get_mut(&name) {
                        line.push(due, id, alone);
                    }
                }
                Err(reason) => self.retry(id, reason, now),
            }
        }
    }

    /// Where a request goes: where it began, or, when nothing was sent yet, to the best RA/CA that serves its station.
    fn route(&self, id: RequestId) -> Result<Arc<str>, String> {
        let open = self.requests.get(id).ok_or_else(String::new)?;
        if let Some(name) = &open.upstream {
            let known = self.lines.get_key_value(name).map(|(name, _)| name.clone());
            return known.ok_or_else(|| {
                alloc::format!("it began at the RA/CA {name}, which is not in the configuration any more")
            });
        }
        let station = self.inventory.station(&open.station);
        self.lines
            .iter()
            .filter(|(_, line)| !line.retired && station.is_none_or(|station| line.upstream.serves(station)))
            .min_by_key(|(_, line)| (!line.breaker.is_up(), line.upstream.priority))
            .map(|(name, _)| name.clone())
            .ok_or_else(|| {
                "no RA/CA in the configuration serves its station's groups and profile".to_string()
            })
    }

    /// Makes and sends one message or one batch; what does not fit any more waits for the next.
    fn load(&mut self, name: &Arc<str>, requests: Vec<(UnixTime, RequestId)>, now: UnixTime) {
        let Some(line) = self.lines.get(name) else { return };
        let (upstream, batches) = (line.upstream.clone(), line.batches());
        let mut loaded: Vec<Loaded> = Vec::new();
        let mut room = upstream.batching.octets;
        for (since, id) in requests {
            let item = match self.prepare(since, id, &upstream, now) {
                Ok(Some(item)) => item,
                Ok(None) => continue,
                Err(error) => {
                    self.retry(id, error.to_string(), now);
                    continue;
                }
            };
            match room.checked_sub(item.message.len()) {
                Some(left) => room = left,
                None if loaded.is_empty() => room = 0,
                None => {
                    if let Some(line) = self.lines.get_mut(name) {
                        line.push(item.since, item.id, false);
                    }
                    continue;
                }
            }
            loaded.push(item);
        }
        if let Err(error) = self.dispatch(upstream, &mut loaded, batches, now) {
            let reason = error.to_string();
            loaded.iter().for_each(|item| self.retry(item.id, reason.clone(), now));
        }
    }

    /// The message of a request's state, or the next state with its message. `None` when nothing is to be sent.
    fn prepare(
        &mut self,
        since: UnixTime,
        id: RequestId,
        upstream: &Upstream,
        now: UnixTime,
    ) -> Result<Option<Loaded>, Error> {
        let Some(open) = self.requests.get(id).filter(|open| !open.held) else { return Ok(None) };
        if open.stage.queued && self.may_not_enrol(&open.station) {
            return self.bar(id, now).map(|()| None);
        }
        let Some(record) = self.ledger.request(id)? else { return Ok(None) };
        if let (State::Queued, Some(reason)) = (&record.state, record.unwanted()) {
            let reason = reason.to_string();
            return self.enter(id, State::Rejected { reason }, now).map(|()| None);
        }
        if record.fetch == Some(Fetch::Awaited) {
            return self.await_fetch(record, upstream, now).map(|()| None);
        }
        let forwarding = Forwarding { upstream, provider: &self.provider, now, barred: None };
        let state = forwarding.prepare(&record)?;
        let next = state.map(|state| {
            let upstream = Some(upstream.name.to_string());
            Record { state, changed_at: now, upstream, ..record.clone() }
        });
        let state = next.as_ref().map_or(&record.state, |next| &next.state);
        let (message, body) = match state {
            State::Sent { message, transaction } if transaction.nonces.len() > 1 => (message, "pollReq"),
            State::Sent { message, transaction } => (message, transaction.kind.name()),
            State::Confirming(confirming) => (&confirming.message, "certConf"),
            _ => return Ok(None),
        };
        let message = message.clone();
        Ok(Some(Loaded { since, id, next, body, message }))
    }

    /// Nothing goes before the station has its certificate, or does not come for it.
    fn await_fetch(&mut self, record: Record, upstream: &Upstream, now: UnixTime) -> Result<(), Error> {
        let until = record.changed_at.saturating_add(upstream.confirm_when_fetched.unwrap_or_default());
        if until <= now {
            return self.decline(record, "the station did not fetch it in time", now);
        }
        self.requests.schedule(record.id, until);
        Ok(())
    }

    /// Commits the states, all at once, and sends the messages.
    fn dispatch(
        &mut self,
        upstream: Arc<Upstream>,
        loaded: &mut Vec<Loaded>,
        batches: bool,
        now: UnixTime,
    ) -> Result<(), Error> {
        let next: Vec<Record> = loaded.iter().filter_map(|item| item.next.clone()).collect();
        self.ledger.put_all(&next)?;
        for record in &next {
            self.bind(record.id, &upstream.name);
            if let Some(open) = self.requests.get_mut(record.id) {
                open.update(record);
            }
        }
        let messages: Vec<(RequestId, Vec<u8>)> =
            loaded.iter_mut().map(|item| (item.id, core::mem::take(&mut item.message))).collect();
        let sent: Vec<(RequestId, &'static str)> = loaded.iter().map(|item| (item.id, item.body)).collect();
        match messages.as_slice() {
            [] => return Ok(()),
            [(id, message)] => {
                self.send(&upstream, Cargo::Single(*id), message.clone());
            }
            _ if batches => {
                let (message, batch) = Batch::bundle(&messages, &upstream, &self.provider, now)?;
                let news = News::BatchSent { messages: messages.len() };
                self.notice(&upstream.name, Some(batch.transaction_id()), news);
                self.send(&upstream, Cargo::Batch(batch), message);
            }
            _ => {
                for (id, message) in messages {
                    self.send(&upstream, Cargo::Single(id), message);
                }
            }
        }
        for (id, body) in sent {
            if let Some(open) = self.requests.get(id) {
                let event = open.event(id, Happening::Sent(body));
                self.outputs.push_back(Output::Event(event));
            }
        }
        loaded.clear();
        Ok(())
    }

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

    /// One more batch was answered by what is no CMP message, by an RA/CA that never took one apart.
    fn counts_as_unable(&mut self, name: &Arc<str>) -> bool {
        let Some(line) = self.lines.get_mut(name).filter(|line| line.nesting == Nesting::Untried) else {
            return false;
        };
        line.not_understood = line.not_understood.saturating_add(1);
        line.not_understood >= NOT_UNDERSTOOD
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

    fn handle_batch(
        &mut self,
        upstream: &Arc<Upstream>,
        batch: Batch,
        octets: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        let name = &upstream.name;
        match batch.open(octets, upstream, &self.provider, now) {
            Opening::Answers { answers, missing, unexpected } => {
                if let Some(line) =
                    self.lines.get_mut(name).filter(|line| !matches!(line.nesting, Nesting::Refused(_)))
                {
                    line.nesting = Nesting::Works;
                }
                let news = News::BatchAnswered { answered: answers.len(), missing: missing.len() };
                self.notice(name, Some(batch.transaction_id()), news);
                for what in unexpected {
                    self.notice(name, Some(batch.transaction_id()), News::Unexpected(what));
                }
                // Alone it gets the answer that tells what is wrong, or the answer that got lost.
                for request in missing {
                    self.set_alone(request);
                    let reason = "systemUnavail: the answer to the batch has none for it".to_string();
                    self.retry(request, reason, now);
                }
                let answers: Vec<(RequestId, &[u8])> =
                    answers.iter().map(|(request, octets)| (*request, octets.as_slice())).collect();
                self.take_answers(upstream, &answers, now)
            }
            Opening::Delayed { correspondent, after } => {
                self.succeeded(name);
                let until = now.saturating_add(after.max(POLL_PAUSE));
                self.notice(name, Some(batch.transaction_id()), News::BatchDelayed { until });
                let key = (until, batch.transaction_id().clone());
                self.delayed.insert(key, Delayed { upstream: upstream.clone(), batch, correspondent });
                Ok(())
            }
            Opening::NotUnbundled { reason, answered } => {
                self.succeeded(name);
                self.notice(name, Some(batch.transaction_id()), News::BatchFailed(reason.clone()));
                self.cannot_unbundle(name, &reason, now);
                let answered_id = answered.as_ref().map(|(request, _)| *request);
                let others = batch.requests().filter(|request| Some(*request) != answered_id);
                others.for_each(|request| self.requests.schedule(request, now));
                let answered: Vec<(RequestId, &[u8])> =
                    answered.iter().map(|(request, octets)| (*request, octets.as_slice())).collect();
                self.take_answers(upstream, &answered, now)
            }
            Opening::Refused(reason) => {
                self.succeeded(name);
                self.notice(name, Some(batch.transaction_id()), News::BatchFailed(reason));
                for request in batch.requests() {
                    self.set_alone(request);
                    self.requests.schedule(request, now);
                }
                Ok(())
            }
            Opening::Repeat(reason) => {
                self.succeeded(name);
                self.retry_batch(upstream, &batch, &reason, now);
                Ok(())
            }
            Opening::Unbelieved(reason) => {
                self.failed(name, &reason, now);
                self.retry_batch(upstream, &batch, &reason, now);
                Ok(())
            }
        }
    }

    /// Takes answers, each by itself, and commits what they lead to all at once.
    fn take_answers(
        &mut self,
        upstream: &Arc<Upstream>,
        answers: &[(RequestId, &[u8])],
        now: UnixTime,
    ) -> Result<(), Error> {
        let (mut next, mut again) = (Vec::new(), Vec::new());
        let mut believed = false;
        let mut first_error = None;
        for (id, octets) in answers {
            let Some(open) = self.requests.get(*id) else { continue };
            let blocked = self.may_not_enrol(&open.station).then_some(BLOCKED_MEANWHILE);
            let record = match self.ledger.request(*id) {
                Ok(Some(record)) => record,
                Ok(None) => continue,
                Err(error) => {
                    again.push((*id, error.to_string()));
                    first_error.get_or_insert(Error::Ledger(error));
                    continue;
                }
            };
            let barred = record.unwanted().or(blocked);
            let forwarding = Forwarding { upstream, provider: &self.provider, now, barred };
            let step = forwarding.handle(&record, octets);
            believed |= !matches!(step, Ok(Step::Unbelieved(_)));
            let moved = |state: State| {
                let before = record.upstream.clone().filter(|_| !matches!(state, State::Queued));
                let (state, fetch) = after(&record, state, upstream);
                Record { state, fetch, changed_at: now, upstream: before, ..record.clone() }
            };
            match step {
                Ok(Step::Next(state)) => next.push((moved(state), None)),
                Ok(Step::Later(state, reason)) => next.push((moved(state), Some(reason))),
                Ok(Step::Repeat(reason) | Step::Unbelieved(reason)) => again.push((*id, reason)),
                Err(error) => {
                    again.push((*id, error.to_string()));
                    first_error.get_or_insert(error);
                }
            }
        }
        match again.first() {
            _ if believed => self.succeeded(&upstream.name),
            Some((_, reason)) => self.failed(&upstream.name, &reason.clone(), now),
            None => {}
        }
        again.into_iter().for_each(|(id, reason)| self.retry(id, reason, now));
        let records: Vec<Record> = next.iter().map(|(record, _)| record.clone()).collect();
        if let Err(error) = self.ledger.put_all(&records) {
            let reason = error.to_string();
            records.iter().for_each(|record| self.retry(record.id, reason.clone(), now));
            return Err(error.into());
        }
        for (record, later) in next {
            match later {
                None => self.entered(&record, now),
                Some(reason) => {
                    self.update(&record);
                    self.retry(record.id, reason, now);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn set_alone(&mut self, id: RequestId) {
        if let Some(open) = self.requests.get_mut(id) {
            open.alone = true;
        }
    }

    fn retry_batch(&mut self, upstream: &Upstream, batch: &Batch, reason: &str, now: UnixTime) {
        let news = News::BatchFailed(reason.to_string());
        self.notice(&upstream.name, Some(batch.transaction_id()), news);
        for request in batch.requests() {
            self.retry(request, reason.to_string(), now);
        }
    }

    fn pop_delayed(&mut self, now: UnixTime) -> Option<Delayed> {
        let (key, _) = self.delayed.first_key_value().filter(|((until, _), _)| *until <= now)?;
        let key: (UnixTime, TransactionId) = key.clone();
        self.delayed.remove(&key)
    }

    fn poll_batch(&mut self, delayed: Delayed, now: UnixTime) {
        let Delayed { upstream, batch, correspondent } = delayed;
        match batch.clone().poll(correspondent, &upstream, &self.provider, now) {
            Ok((message, batch)) => self.send(&upstream, Cargo::Batch(batch), message),
            Err(error) => self.retry_batch(&upstream, &batch, &error.to_string(), now),
        }
    }

    fn cannot_unbundle(&mut self, name: &Arc<str>, reason: &str, now: UnixTime) {
        let Some(line) = self.lines.get_mut(name) else { return };
        if matches!(line.nesting, Nesting::Refused(_)) {
            return;
        }
        let known = CannotUnbundle { reason: reason.to_string(), since: now };
        line.nesting = Nesting::Refused(known.clone());
        self.notice(name, None, News::CannotUnbundle(reason.to_string()));
        // If it cannot be written now, it is found out once more after the next start.
        let _ = self.ledger.set_cannot_unbundle(name, Some(&known));
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

/// The state that is really reached, where the confirmation waits for the station.
fn after(record: &Record, state: State, upstream: &Upstream) -> (State, Option<Fetch>) {
    match (state, record.fetch) {
        (State::Issued(certificates), Some(Fetch::Done)) => (State::Delivered(certificates), None),
        (State::Confirming(confirming), None)
            if confirming.turned_down.is_none()
                && upstream.confirm_when_fetched.is_some()
                && !matches!(record.state, State::Confirming(_)) =>
        {
            (State::Confirming(confirming), Some(Fetch::Awaited))
        }
        (state @ State::Confirming(_), fetch) => (state, fetch),
        (state, _) => (state, None),
    }
}

fn retry_delay(attempts: u32, first: Duration, last: Duration) -> Duration {
    first.saturating_mul(1_u32.checked_shl(attempts).unwrap_or(u32::MAX)).min(last)
}
