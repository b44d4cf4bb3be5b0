//! What an answer to a batch, or its absence, means to the messages inside.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use asn1::UnixTime;
use cmp::TransactionId;
use cmp::end_entity::Correspondent;

use super::Cargo;
use crate::batch::{Batch, Opening};
use crate::error::Error;
use crate::event::News;
use crate::forwarding::POLL_PAUSE;
use crate::ledger::{CannotUnbundle, RequestId};
use crate::line::Nesting;
use crate::manager::Nem;
use crate::upstream::Upstream;

/// A batch that the RA/CA lets wait.
#[derive(Debug)]
pub(crate) struct Delayed {
    upstream: Arc<Upstream>,
    pub(super) batch: Batch,
    correspondent: Correspondent,
}

/// That many batches in a row may be answered by what is no CMP message before the RA/CA counts as one that cannot unbundle.
const NOT_UNDERSTOOD: u32 = 3;

impl Nem {
    pub(super) fn handle_batch(
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

    /// One more batch was answered by what is no CMP message, by an RA/CA that never took one apart.
    pub(super) fn counts_as_unable(&mut self, name: &Arc<str>) -> bool {
        let Some(line) = self.lines.get_mut(name).filter(|line| line.nesting == Nesting::Untried) else {
            return false;
        };
        line.not_understood = line.not_understood.saturating_add(1);
        line.not_understood >= NOT_UNDERSTOOD
    }

    pub(super) fn retry_batch(&mut self, upstream: &Upstream, batch: &Batch, reason: &str, now: UnixTime) {
        let news = News::BatchFailed(reason.to_string());
        self.notice(&upstream.name, Some(batch.transaction_id()), news);
        for request in batch.requests() {
            self.retry(request, reason.to_string(), now);
        }
    }

    pub(super) fn pop_delayed(&mut self, now: UnixTime) -> Option<Delayed> {
        let (key, _) = self.delayed.first_key_value().filter(|((until, _), _)| *until <= now)?;
        let key: (UnixTime, TransactionId) = key.clone();
        self.delayed.remove(&key)
    }

    pub(super) fn poll_batch(&mut self, delayed: Delayed, now: UnixTime) {
        let Delayed { upstream, batch, correspondent } = delayed;
        match batch.clone().poll(correspondent, &upstream, &self.provider, now) {
            Ok((message, batch)) => self.send(&upstream, Cargo::Batch(batch), message),
            Err(error) => self.retry_batch(&upstream, &batch, &error.to_string(), now),
        }
    }

    pub(crate) fn cannot_unbundle(&mut self, name: &Arc<str>, reason: &str, now: UnixTime) {
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
}
