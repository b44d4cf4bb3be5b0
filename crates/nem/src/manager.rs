//! The NEM: what happens goes in, what to send and to log comes out.

mod asking;
pub(crate) mod passing;
mod presence;
mod reconfiguring;
pub(crate) mod uploading;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use asn1::UnixTime;
use cmp::TransactionId;
use crypto::{CryptoProvider, Revocation};

use crate::delivery::Standing;
use crate::error::Error;
use crate::event::{Event, Happening, Notice};
use crate::exchange::{Delayed, Exchange, ExchangeId};
use crate::inventory::{Inventory, StationAnchors};
use crate::ledger::{Fetch, Ledger, Record, RequestId, State};
use crate::line::Line;
use crate::operate::BatchStatus;
use crate::passages::Passages;
use crate::presence::{Liveness, Presence};
use crate::requests::{Open, Requests};
use crate::upstream::Upstream;

/// How much the NEM takes on, and how patient it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Requests under way at a time; 100,000 by default.
    pub max_requests: usize,
    /// Requests of one station under way at a time; 4 by default.
    pub max_requests_per_station: usize,
    /// The first delay before something is tried again; it doubles each time. 1 s by default.
    pub first_retry: Duration,
    /// The longest such delay; 60 s by default.
    pub last_retry: Duration,
    /// When a station is told to come back; 5 s by default.
    pub retry_after: Duration,
    /// How long a station that uploads a rejected request again is told the reason, before it is tried anew; 60 s by
    /// default.
    pub rejection_stands: Duration,
    /// When stations count as connected; by default always.
    pub liveness: Liveness,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_requests: 100_000,
            max_requests_per_station: 4,
            first_retry: Duration::from_secs(1),
            last_retry: Duration::from_secs(60),
            retry_after: Duration::from_secs(5),
            rejection_stands: Duration::from_secs(60),
            liveness: Liveness::default(),
        }
    }
}

/// Something that happened outside.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// The RA/CA's answer to a message that was sent.
    Answer {
        /// The exchange.
        exchange: ExchangeId,
        /// The answer.
        octets: &'a [u8],
    },
    /// A message that was sent got no answer.
    Failure {
        /// The exchange.
        exchange: ExchangeId,
        /// Why.
        reason: &'a str,
    },
    /// A message that was sent was answered by something that is no CMP message, an HTTP status for instance.
    Misunderstood {
        /// The exchange.
        exchange: ExchangeId,
        /// What it was.
        reason: &'a str,
    },
    /// The station has fetched its certificate.
    Delivered {
        /// Its request.
        request: RequestId,
    },
    /// Time has passed.
    Tick,
}

/// Something to do outside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Send this to an RA/CA; come back with [`Input::Answer`], [`Input::Failure`] or [`Input::Misunderstood`].
    Send {
        /// The exchange.
        exchange: ExchangeId,
        /// The RA/CA's name.
        upstream: Arc<str>,
        /// The message.
        message: Vec<u8>,
    },
    /// Log this about a request; when it is decided, it may be waited for.
    Event(Event),
    /// Log this about an RA/CA or a batch.
    Notice(Notice),
}

/// A Network Element Manager. It has no clock, no socket and no file.
pub struct Nem {
    pub(crate) provider: CryptoProvider,
    pub(crate) inventory: Inventory,
    pub(crate) settings: Settings,
    pub(crate) ledger: Box<dyn Ledger>,
    pub(crate) lines: BTreeMap<Arc<str>, Line>,
    pub(crate) requests: Requests,
    pub(crate) presence: Presence,
    passages: Passages,
    pub(crate) exchanges: BTreeMap<ExchangeId, Exchange>,
    pub(crate) last_exchange: u64,
    /// Batches that an RA/CA lets wait, by when it is asked again.
    pub(crate) delayed: BTreeMap<(UnixTime, TransactionId), Delayed>,
    pub(crate) outputs: VecDeque<Output>,
    /// The batches that were sent last, newest last.
    pub(crate) recent: VecDeque<BatchStatus>,
    /// The latest time that was handed in.
    pub(crate) now: UnixTime,
    anchors: StationAnchors,
    revocation: Option<Revocation>,
}

impl Nem {
    /// A NEM that goes on where the ledger ends.
    ///
    /// # Errors
    /// When the ledger cannot be read, there is no RA/CA, or two have the same name.
    pub fn new(
        provider: CryptoProvider,
        upstreams: Vec<Upstream>,
        anchors: StationAnchors,
        inventory: Inventory,
        settings: Settings,
        ledger: Box<dyn Ledger>,
    ) -> Result<Self, Error> {
        let mut nem = Self {
            provider,
            presence: Presence::new(&inventory),
            inventory,
            settings,
            ledger,
            lines: BTreeMap::new(),
            requests: Requests::default(),
            passages: Passages::default(),
            exchanges: BTreeMap::new(),
            last_exchange: 0,
            delayed: BTreeMap::new(),
            outputs: VecDeque::new(),
            recent: VecDeque::new(),
            now: UnixTime::from_secs(0),
            anchors,
            revocation: None,
        };
        check_names(&upstreams)?;
        // What was sent before RA/CAs had names was sent to the only one there was.
        let first = upstreams.iter().min_by_key(|upstream| upstream.priority).map(|first| first.name.clone());
        for upstream in upstreams {
            let known = nem.ledger.cannot_unbundle(&upstream.name)?;
            nem.lines.insert(upstream.name.clone(), Line::new(Arc::new(upstream), known));
        }
        let (requests, lines) = (&mut nem.requests, &mut nem.lines);
        let passages = &mut nem.passages;
        nem.ledger.passed_transactions(&mut |transaction| passages.put(&transaction, true))?;
        nem.ledger.open_requests(&mut |mut record| {
            if record.upstream.is_none() && !matches!(record.state, State::Queued) {
                record.upstream = first.as_deref().map(String::from);
            }
            requests.insert(&record);
            if let Some(line) = record.upstream.as_deref().and_then(|name| lines.get_mut(name)) {
                line.bound = line.bound.saturating_add(1);
            }
            requests.schedule(record.id, due(&record, record.received_at));
        })?;
        Ok(nem)
    }

    /// The stations.
    pub const fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// How many requests are not decided yet.
    pub fn requests_under_way(&self) -> usize {
        self.requests.len()
    }

    /// How a request stands.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn standing(&self, id: RequestId) -> Result<Option<Standing>, Error> {
        let record = self.ledger.request(id)?;
        Ok(record.map(|record| Standing::of(&record, self.settings.retry_after)))
    }

    /// Takes something that happened.
    ///
    /// # Errors
    /// When the ledger cannot be written: the request stays as it was, and is tried again.
    pub fn handle(&mut self, input: Input<'_>, now: UnixTime) -> Result<(), Error> {
        let outcome = match input {
            Input::Answer { exchange, octets } => self.handle_answer(exchange, octets, now),
            Input::Failure { exchange, reason } => {
                self.handle_failure(exchange, reason, true, now);
                Ok(())
            }
            Input::Misunderstood { exchange, reason } => {
                self.handle_failure(exchange, reason, false, now);
                Ok(())
            }
            Input::Delivered { request } => self.handle_delivered(&[request], now),
            Input::Tick => Ok(()),
        };
        self.pump(now);
        outcome
    }

    /// The next thing to do; `None` when there is nothing until something happens.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back with [`Input::Tick`], if nothing happens before.
    pub fn poll_timeout(&self) -> Option<UnixTime> {
        let delayed = self.delayed.first_key_value().map(|((until, _), _)| *until);
        let lines = self.lines.values().filter_map(Line::next_due);
        lines.chain(delayed).chain(self.requests.next_due()).min()
    }

    /// From now on the request belongs to that RA/CA.
    pub(crate) fn bind(&mut self, id: RequestId, name: &Arc<str>) {
        let Some(open) = self.requests.get_mut(id).filter(|open| open.upstream.is_none()) else { return };
        open.upstream = Some(name.clone());
        if let Some(line) = self.lines.get_mut(name) {
            line.bound = line.bound.saturating_add(1);
        }
    }

    pub(crate) fn unbind(&mut self, name: Option<Arc<str>>) {
        if let Some(line) = name.and_then(|name| self.lines.get_mut(&name)) {
            line.bound = line.bound.saturating_sub(1);
        }
        self.forget_retired();
    }

    fn forget_retired(&mut self) {
        self.lines.retain(|_, line| !line.retired || line.bound > 0);
    }

    /// Takes over a state that is in the ledger and is no progress.
    pub(crate) fn update(&mut self, record: &Record) {
        let Some(open) = self.requests.get_mut(record.id) else { return };
        open.update(record);
        if record.upstream.is_none() {
            let before = open.upstream.take();
            self.unbind(before);
        }
    }

    /// Stores a new state, and arranges for what follows from it.
    pub(crate) fn enter(&mut self, id: RequestId, state: State, now: UnixTime) -> Result<(), Error> {
        let Some(record) = self.ledger.request(id)? else { return Ok(()) };
        let next = Record { state, changed_at: now, ..record };
        self.ledger.put(&next)?;
        self.entered(&next, now);
        Ok(())
    }

    /// Arranges for what follows from a state that is in the ledger.
    pub(crate) fn entered(&mut self, record: &Record, now: UnixTime) {
        let id = record.id;
        let happening = match &record.state {
            State::Waiting { poll_at, .. } => Some(Happening::Waiting { until: *poll_at }),
            State::Confirming(confirming) => Some(match &confirming.turned_down {
                None if record.fetch == Some(Fetch::Awaited) => Happening::Offered,
                None if record.fetch == Some(Fetch::Ahead) => Happening::Carried,
                None => Happening::Issued,
                Some(reason) => Happening::TurnedDown(reason.clone()),
            }),
            State::Issued(_) | State::Delivered(_) => Some(Happening::Confirmed),
            State::Rejected { reason } => Some(Happening::Rejected(reason.clone())),
            _ => None,
        };
        // A request that is decided has no transaction any more; the log line should name the one it had.
        if let (Some(happening), Some(open)) = (happening, self.requests.get(id)) {
            let event = open.event(id, happening);
            self.outputs.push_back(Output::Event(event));
        }
        if record.state.is_decided() {
            let open = self.requests.remove(id);
            if let Some(since) = open.as_ref().and_then(Open::lined_up_since) {
                self.lines.values_mut().for_each(|line| _ = line.remove(since, id));
            }
            self.unbind(open.and_then(|open| open.upstream));
        } else {
            self.update(record);
            if let Some(open) = self.requests.get_mut(id) {
                open.attempts = 0;
                open.alone = false;
            }
            self.requests.schedule(id, due(record, now));
        }
    }
}

/// When a request is due that has reached this state.
pub(crate) fn due(record: &Record, now: UnixTime) -> UnixTime {
    match &record.state {
        State::Waiting { poll_at, .. } => *poll_at,
        _ => now,
    }
}

fn check_names(upstreams: &[Upstream]) -> Result<(), Error> {
    let mut names: Vec<&str> = upstreams.iter().map(|upstream| &*upstream.name).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair.first() == pair.last());
    match twice.and_then(|pair| pair.first()) {
        Some(name) => Err(Error::DuplicateUpstream((*name).to_string())),
        None if names.is_empty() => Err(Error::NoUpstream),
        None => Ok(()),
    }
}

impl fmt::Debug for Nem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nem")
            .field("upstreams", &self.lines.keys())
            .field("requests_under_way", &self.requests.len())
            .finish_non_exhaustive()
    }
}
