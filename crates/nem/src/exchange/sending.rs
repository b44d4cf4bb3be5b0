//! What is due is prepared, committed, and sent.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use asn1::UnixTime;

use super::Cargo;
use crate::batch::Batch;
use crate::error::Error;
use crate::event::{Happening, News};
use crate::forwarding::Forwarding;
use crate::ledger::{Fetch, Record, RequestId, State};
use crate::line::Due;
use crate::manager::{Nem, Output};
use crate::upstream::Upstream;

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
        self.presence.begin(now);
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
        if open.stage.queued && !self.is_there(&open.station, now) {
            return self.set_aside(id, now).map(|()| None);
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
        let (record, is_new) = match state {
            Some(state) => {
                let upstream = Some(upstream.name.to_string());
                (Record { state, changed_at: now, upstream, ..record }, true)
            }
            None => (record, false),
        };
        let (message, body) = match &record.state {
            State::Sent { message, transaction } if transaction.nonces.len() > 1 => (message, "pollReq"),
            State::Sent { message, transaction } => (message, transaction.kind.name()),
            State::Confirming(confirming) => (&confirming.message, "certConf"),
            _ => return Ok(None),
        };
        let message = message.clone();
        Ok(Some(Loaded { since, id, next: is_new.then_some(record), body, message }))
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
        let next: Vec<Record> = loaded.iter_mut().filter_map(|item| item.next.take()).collect();
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
}
