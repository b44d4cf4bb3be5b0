//! What operators see and do.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use asn1::UnixTime;
use cmp::TransactionId;

use crate::by_hand::LeftBehind;
use crate::error::Error;
use crate::event::{Event, Happening, News};
use crate::health::Health;
use crate::ledger::{Fetch, Record, RequestId, State};
use crate::line::{Line, Nesting};
use crate::manager::{Nem, Output, due};
use crate::requests::Open;

/// How an RA/CA does, for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UpstreamStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Its priority.
    pub priority: u32,
    /// The groups it serves; none: all.
    pub groups: Vec<String>,
    /// The certificate profiles it serves; none: all.
    pub profiles: Vec<String>,
    /// Whether it answers.
    pub health: Health,
    /// Whether it takes batches apart.
    pub nesting: Nesting,
    /// Messages in a batch at most.
    pub batch_size: usize,
    /// Messages that wait for their batch, or for the RA/CA.
    pub waiting: usize,
    /// Exchanges under way.
    pub in_flight: usize,
    /// Requests that began there and are not decided.
    pub requests: usize,
    /// Whether it is not in the configuration any more, and is there for what began there only.
    pub retired: bool,
}

/// A batch that was sent since the NEM began.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchStatus {
    /// The RA/CA's name.
    pub upstream: String,
    /// Its transaction.
    pub transaction_id: TransactionId,
    /// Messages in it.
    pub messages: usize,
    /// When it was sent.
    pub sent_at: UnixTime,
    /// What happened to it last.
    pub news: News,
}

/// How many batches are remembered.
pub(crate) const RECENT_BATCHES: usize = 200;

/// A request that is not decided, for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenStatus {
    /// Its state's name.
    pub state: &'static str,
    /// Where it is, once it was sent.
    pub upstream: Option<Arc<str>>,
    /// Whether an operator holds it.
    pub held: bool,
}

/// Why an operator's command was not carried out.
#[derive(Debug)]
#[non_exhaustive]
pub enum CommandError {
    /// No such request.
    UnknownRequest,
    /// No RA/CA of that name.
    UnknownUpstream,
    /// The request is in a state where that cannot be done: the state's name.
    WrongState(&'static str),
    /// No export of that name.
    UnknownExport,
    /// No request may leave in a file now: why the others stay.
    NothingToExport(Vec<(LeftBehind, usize)>),
    /// The NEM cannot go on.
    Nem(Error),
}

impl core::fmt::Display for CommandError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::UnknownRequest => f.write_str("there is no such request"),
            Self::UnknownUpstream => f.write_str("there is no RA/CA of that name"),
            Self::WrongState(state) => write!(f, "the request is {state}, so that cannot be done"),
            Self::UnknownExport => {
                f.write_str("there is no such export, or none of its requests is out any more")
            }
            Self::NothingToExport(left) => {
                f.write_str("there is nothing to export")?;
                left.iter().try_for_each(|(why, count)| write!(f, "; {count}: {why}"))
            }
            Self::Nem(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for CommandError {}

impl<E: Into<Error>> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self::Nem(error.into())
    }
}

impl Nem {
    /// The RA/CAs, by name.
    pub fn upstreams(&self) -> impl Iterator<Item = UpstreamStatus> {
        self.lines.iter().map(|(name, line)| status(name, line))
    }

    /// The batches that were sent last, newest first.
    pub fn batches(&self) -> impl Iterator<Item = &BatchStatus> {
        self.recent.iter().rev()
    }

    /// The requests that are not decided.
    pub fn open_requests(&self) -> impl Iterator<Item = (RequestId, OpenStatus)> {
        let open = |open: &Open| OpenStatus {
            state: open.stage.name,
            upstream: open.upstream.clone(),
            held: open.held,
        };
        self.requests.iter().map(move |(id, request)| (id, open(request)))
    }

    /// Lets what waits for its batch go now: at one RA/CA, or at all. Returns how many messages that were.
    ///
    /// # Errors
    /// When there is no RA/CA of that name.
    pub fn flush(&mut self, upstream: Option<&str>, now: UnixTime) -> Result<usize, CommandError> {
        if upstream.is_some_and(|name| !self.lines.contains_key(name)) {
            return Err(CommandError::UnknownUpstream);
        }
        let lines = self.lines.iter_mut();
        let lines = lines.filter(|(name, _)| upstream.is_none_or(|wanted| wanted == &***name));
        let flushed = lines.map(|(_, line)| line.flush()).sum();
        self.pump(now);
        Ok(flushed)
    }

    /// Holds a request: nothing about it goes up until it is released, also after a restart. What is at the RA/CA already is
    /// still answered.
    ///
    /// # Errors
    /// When there is no such request under way, or the ledger cannot be written.
    pub fn hold(&mut self, id: RequestId, now: UnixTime) -> Result<(), CommandError> {
        self.set_held(id, true, now)
    }

    /// Lets a request go on that was held, or that left in a file: see [`Nem::release_export`].
    ///
    /// # Errors
    /// As [`Nem::hold`].
    pub fn release(&mut self, id: RequestId, now: UnixTime) -> Result<(), CommandError> {
        if self.requests.get(id).is_some_and(|open| open.export.is_some()) {
            self.take_back(&[id], false, now)?;
            self.pump(now);
            return Ok(());
        }
        self.set_held(id, false, now)
    }

    fn set_held(&mut self, id: RequestId, held: bool, now: UnixTime) -> Result<(), CommandError> {
        let record = self.ledger.request(id)?.ok_or(CommandError::UnknownRequest)?;
        if record.state.is_decided() || record.state.export().is_some() {
            return Err(CommandError::WrongState(record.state.name()));
        }
        // changed_at stays: it says how old the message is.
        let record = Record { held, ..record };
        self.ledger.put(&record)?;
        let waits = self.withdraw(id);
        if let Some(open) = self.requests.get_mut(id) {
            open.held = held;
        }
        // What is at the RA/CA goes on when its answer comes.
        if waits || !self.is_in_flight(id) {
            self.requests.schedule(id, due(&record, now));
        }
        let happening = if held { Happening::Held } else { Happening::Released };
        self.outputs.push_back(Output::Event(Event::new(&record, happening)));
        self.pump(now);
        Ok(())
    }

    /// Tries a request again at once: one that waits to be tried again, or one that was rejected, which begins anew.
    ///
    /// # Errors
    /// When there is no such request, it has its certificate, or the ledger cannot be written.
    pub fn retry_now(&mut self, id: RequestId, now: UnixTime) -> Result<(), CommandError> {
        let record = self.ledger.request(id)?.ok_or(CommandError::UnknownRequest)?;
        match &record.state {
            State::Rejected { .. } => {
                let (state, turn_down) = (State::Queued, None);
                let record =
                    Record { state, turn_down, upstream: None, held: false, changed_at: now, ..record };
                self.ledger.put(&record)?;
                self.requests.insert(&record);
                self.requests.schedule(id, now);
                self.outputs.push_back(Output::Event(Event::new(&record, Happening::Accepted)));
            }
            state if state.is_decided() || state.export().is_some() => {
                return Err(CommandError::WrongState(state.name()));
            }
            _ if self.is_in_flight(id) => {}
            _ => {
                self.withdraw(id);
                if let Some(open) = self.requests.get_mut(id) {
                    open.attempts = 0;
                }
                self.requests.schedule(id, now);
            }
        }
        self.pump(now);
        Ok(())
    }

    /// Rejects a request. One that the RA/CA has already may still lead to a certificate, which is turned down then; the station is
    /// told at once.
    ///
    /// # Errors
    /// When there is no such request, its certificate is taken already, or the ledger cannot be written.
    pub fn reject(&mut self, id: RequestId, reason: &str, now: UnixTime) -> Result<(), CommandError> {
        let record = self.ledger.request(id)?.ok_or(CommandError::UnknownRequest)?;
        let lost = record.upstream.as_deref().is_some_and(|name| !self.lines.contains_key(name));
        match &record.state {
            State::Queued => self.enter(id, State::Rejected { reason: reason.to_string() }, now)?,
            State::Confirming(_) if record.fetch == Some(Fetch::Awaited) => {
                self.decline(record, reason, now)?;
            }
            State::Sent { .. } | State::Waiting { .. } | State::Exported(_) if lost => {
                self.enter(id, State::Rejected { reason: reason.to_string() }, now)?;
            }
            State::Sent { .. } | State::Waiting { .. } | State::Exported(_) => {
                let record = Record { turn_down: Some(reason.to_string()), ..record };
                self.ledger.put(&record)?;
                let happening = Happening::Rejected(reason.to_string());
                self.outputs.push_back(Output::Event(Event::new(&record, happening)));
            }
            state => return Err(CommandError::WrongState(state.name())),
        }
        self.pump(now);
        Ok(())
    }

    /// Takes a request out of the queue of its RA/CA and out of the schedule. Whether it was there.
    pub(crate) fn withdraw(&mut self, id: RequestId) -> bool {
        let since = self.requests.get(id).and_then(Open::lined_up_since);
        let scheduled = self.requests.unschedule(id);
        let lines = &mut self.lines;
        scheduled || since.is_some_and(|since| lines.values_mut().any(|line| line.remove(since, id)))
    }
}

fn status(name: &Arc<str>, line: &Line) -> UpstreamStatus {
    UpstreamStatus {
        name: name.clone(),
        priority: line.upstream.priority,
        groups: line.upstream.groups.clone(),
        profiles: line.upstream.profiles.clone(),
        health: line.breaker.health(),
        nesting: line.nesting.clone(),
        batch_size: line.upstream.batching.size,
        waiting: line.waiting(),
        in_flight: line.in_flight,
        requests: line.bound,
        retired: line.retired,
    }
}
