//! What answers lead to, each by itself.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use asn1::UnixTime;

use crate::error::Error;
use crate::forwarding::{Forwarding, Step};
use crate::ledger::{Fetch, Record, RequestId, State};
use crate::manager::Nem;
use crate::upstream::Upstream;

const BLOCKED_MEANWHILE: &str = "the station was blocked or removed while the RA/CA had its request";

impl Nem {
    /// Takes answers, each by itself, and commits what they lead to all at once.
    pub(super) fn take_answers(
        &mut self,
        upstream: &Arc<Upstream>,
        answers: &[(RequestId, &[u8])],
        now: UnixTime,
    ) -> Result<(), Error> {
        let (mut next, mut later, mut again) = (Vec::new(), Vec::new(), Vec::new());
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
                let upstream_name = record.upstream.clone().filter(|_| !matches!(state, State::Queued));
                let (state, fetch) = after(&record, state, upstream);
                Record { state, fetch, changed_at: now, upstream: upstream_name, ..record }
            };
            match step {
                Ok(Step::Next(state)) => {
                    next.push(moved(state));
                    later.push(None);
                }
                Ok(Step::Later(state, reason)) => {
                    next.push(moved(state));
                    later.push(Some(reason));
                }
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
        if let Err(error) = self.ledger.put_all(&next) {
            let reason = error.to_string();
            next.iter().for_each(|record| self.retry(record.id, reason.clone(), now));
            return Err(error.into());
        }
        for (record, later) in next.iter().zip(later) {
            match later {
                None => self.entered(record, now),
                Some(reason) => {
                    self.update(record);
                    self.retry(record.id, reason, now);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    pub(super) fn set_alone(&mut self, id: RequestId) {
        if let Some(open) = self.requests.get_mut(id) {
            open.alone = true;
        }
    }
}

/// The state that is really reached, where the confirmation waits for the station.
pub(crate) fn after(record: &Record, state: State, upstream: &Upstream) -> (State, Option<Fetch>) {
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
