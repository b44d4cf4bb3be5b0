//! The NEM: what happens goes in, what to send and to log comes out.

mod asking;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use crypto::{CryptoProvider, Revocation};
use der::Decode;
use x509_cert::Certificate;

use crate::delivery::Standing;
use crate::error::{Error, Refusal};
use crate::event::{Event, Happening};
use crate::forwarding::{Forwarding, Step, Upstream};
use crate::intake::Admitted;
use crate::inventory::{Inventory, Shown, StationAnchors};
use crate::label::Label;
use crate::ledger::{Ledger, Record, RequestId, State};
use crate::request::Upload;

/// How much the NEM takes on, and how patient it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Requests under way at a time; 100,000 by default.
    pub max_requests: usize,
    /// Requests of one station under way at a time; 4 by default.
    pub max_requests_per_station: usize,
    /// Messages at the RA/CA at a time; 32 by default.
    pub max_in_flight: usize,
    /// The first delay before something is tried again; it doubles each time. 1 s by default.
    pub first_retry: Duration,
    /// The longest such delay; 60 s by default.
    pub last_retry: Duration,
    /// When a station is told to come back; 5 s by default.
    pub retry_after: Duration,
    /// How long a station that uploads a rejected request again is told the reason, before it is tried anew; 60 s by
    /// default.
    pub rejection_stands: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_requests: 100_000,
            max_requests_per_station: 4,
            max_in_flight: 32,
            first_retry: Duration::from_secs(1),
            last_retry: Duration::from_secs(60),
            retry_after: Duration::from_secs(5),
            rejection_stands: Duration::from_secs(60),
        }
    }
}

/// Something that happened outside.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// The RA/CA's answer to a message that was sent.
    Answer {
        /// The request it was about.
        request: RequestId,
        /// The answer.
        octets: &'a [u8],
    },
    /// A message that was sent got no answer.
    Failure {
        /// The request it was about.
        request: RequestId,
        /// Why.
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
    /// Send this to the RA/CA; come back with [`Input::Answer`] or [`Input::Failure`].
    Send {
        /// The request it is about.
        request: RequestId,
        /// The message.
        message: Vec<u8>,
    },
    /// Log this; a request that is decided may be waited for.
    Event(Event),
}

/// A request that is not decided yet.
struct Open {
    record: Record,
    due: UnixTime,
    attempts: u32,
    in_flight: bool,
}

/// A Network Element Manager. It has no clock, no socket and no file.
pub struct Nem {
    provider: CryptoProvider,
    upstream: Upstream,
    anchors: StationAnchors,
    inventory: Inventory,
    settings: Settings,
    ledger: Box<dyn Ledger>,
    open: BTreeMap<RequestId, Open>,
    /// How many of them each station has.
    per_station: BTreeMap<String, usize>,
    schedule: BTreeSet<(UnixTime, RequestId)>,
    in_flight: usize,
    outputs: VecDeque<Output>,
}

impl Nem {
    /// A NEM that goes on where the ledger ends.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn new(
        provider: CryptoProvider,
        upstream: Upstream,
        anchors: StationAnchors,
        inventory: Inventory,
        settings: Settings,
        ledger: Box<dyn Ledger>,
    ) -> Result<Self, Error> {
        let records = ledger.open_requests()?;
        let mut nem = Self {
            provider,
            upstream,
            anchors,
            inventory,
            settings,
            ledger,
            open: BTreeMap::new(),
            per_station: BTreeMap::new(),
            schedule: BTreeSet::new(),
            in_flight: 0,
            outputs: VecDeque::new(),
        };
        for record in records {
            let due = match &record.state {
                State::Waiting { poll_at, .. } => *poll_at,
                _ => record.received_at,
            };
            nem.track(record, due);
        }
        Ok(nem)
    }

    /// The stations.
    pub const fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// From now on these are the stations. Requests under way go on, but those of stations that are gone or blocked: what was
    /// not sent is not sent, and a certificate that is still issued is turned down.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn set_inventory(&mut self, inventory: Inventory, now: UnixTime) -> Result<(), Error> {
        self.inventory = inventory;
        let gone: Vec<RequestId> = self
            .open
            .values()
            .filter(|open| self.is_barred(&open.record))
            .map(|open| open.record.id)
            .collect();
        gone.into_iter().try_for_each(|id| self.bar(id, now))
    }

    /// From now on the certificates of stations and of the RA/CA are looked up there; with `None`, nowhere. Requests under way go
    /// on.
    pub fn set_revocation(&mut self, revocation: Option<Revocation>) {
        self.upstream.set_revocation(revocation.as_ref());
        self.anchors.revocation = revocation;
    }

    /// Whether it has not been sent, and must not be any more.
    fn is_barred(&self, record: &Record) -> bool {
        matches!(record.state, State::Queued) && self.may_not_enrol(&record.station)
    }

    fn may_not_enrol(&self, station: &str) -> bool {
        self.inventory.station(station).is_none_or(|station| !station.state.may_enrol())
    }

    fn why_barred(&self, record: &Record) -> Option<&'static str> {
        if record.cancelled {
            Some("the station cancelled its request while the RA/CA had it")
        } else if self.may_not_enrol(&record.station) {
            Some("the station was blocked or removed while the RA/CA had its request")
        } else {
            None
        }
    }

    fn bar(&mut self, id: RequestId, now: UnixTime) -> Result<(), Error> {
        let reason = "the station was blocked or removed before its request was sent".to_string();
        self.enter(id, State::Rejected { reason }, now)
    }

    /// How many requests are not decided yet.
    pub fn requests_under_way(&self) -> usize {
        self.open.len()
    }

    /// Takes an upload of whoever shows that. Once this returns the request is in the ledger, under the label if there is one. The same octets uploaded again are the same request, unless
    /// the station shows the certificate that it led to: that is a renewal. Another request of the same station runs
    /// beside it.
    ///
    /// # Errors
    /// Why it is not taken; nothing was stored then.
    pub fn upload(
        &mut self,
        shown: Shown<'_>,
        upload: Upload<'_>,
        label: Option<&Label>,
        now: UnixTime,
    ) -> Result<(RequestId, Standing), Refusal> {
        let identified = self.inventory.identify(shown, &self.anchors, &self.provider, now)?;
        let station = identified.station().name.clone();
        let ledger_failed = |error: String| Refusal::Ledger { station: station.clone(), reason: error };
        let earlier =
            self.ledger.find(&station, upload.octets()).map_err(|error| ledger_failed(error.to_string()))?;
        if let Some(record) = earlier.filter(|record| self.still_stands(record, shown.certificate(), now)) {
            self.relabel(&record, label).map_err(|error| ledger_failed(error.to_string()))?;
            return Ok((record.id, Standing::of(&record.state, self.settings.retry_after)));
        }
        let admitted = Admitted::check(upload, identified, &self.provider)?;
        let owner = self.ledger.owner_of_key(admitted.public_key());
        let owner = owner.map_err(|error| ledger_failed(error.to_string()))?;
        if owner.is_some_and(|owner| owner != station) {
            return Err(Refusal::DuplicateKey { station });
        }
        let of_station = self.per_station.get(&station).copied().unwrap_or_default();
        if self.open.len() >= self.settings.max_requests
            || of_station >= self.settings.max_requests_per_station
        {
            return Err(Refusal::Busy { station, retry_after: self.settings.last_retry });
        }
        let id = self.provider.random::<16>().map_err(|error| ledger_failed(error.to_string()))?;
        let mut record = Record::new(
            RequestId::new(id),
            station.clone(),
            admitted.kind(),
            admitted.request().to_vec(),
            admitted.public_key().to_vec(),
            now,
        );
        record.label = label.cloned();
        self.ledger.put(&record).map_err(|error| ledger_failed(error.to_string()))?;
        let id = record.id;
        self.outputs.push_back(Output::Event(Event::new(&record, Happening::Accepted)));
        self.track(record, now);
        self.pump(now);
        Ok((id, Standing::of(&State::Queued, self.settings.retry_after)))
    }

    /// A rejection stands for a while, everything else until it is decided, and a certificate as long as it is valid: but
    /// whoever shows that very certificate has it, and wants the next. With RSA, the request for that can be the same, octet
    /// for octet.
    fn still_stands(&self, record: &Record, shown: Option<&EncodedCertificate>, now: UnixTime) -> bool {
        match &record.state {
            State::Rejected { .. } => now.abs_diff(record.changed_at) < self.settings.rejection_stands,
            State::Issued(certificates) | State::Delivered(certificates)
                if shown == Some(&certificates.certificate) =>
            {
                false
            }
            State::Issued(certificates) | State::Delivered(certificates) => {
                Certificate::from_der(certificates.certificate.octets()).is_ok_and(|certificate| {
                    let end = certificate.tbs_certificate().validity().not_after;
                    now.as_secs() <= end.to_unix_duration().as_secs()
                })
            }
            _ => true,
        }
    }

    /// The same request under another name: it goes by that from now on.
    fn relabel(&mut self, record: &Record, label: Option<&Label>) -> Result<(), Error> {
        if label.is_none() || record.label.as_ref() == label {
            return Ok(());
        }
        let record = Record { label: label.cloned(), ..record.clone() };
        self.ledger.put(&record)?;
        if let Some(open) = self.open.get_mut(&record.id) {
            open.record.label = record.label;
        }
        Ok(())
    }

    /// The station wants that certificate no more. What was not sent is not sent; a certificate that is still issued is turned
    /// down; one that is confirmed stays as it is. `false`: the request is decided already, or is not the station's.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn cancel(&mut self, station: &str, id: RequestId, now: UnixTime) -> Result<bool, Error> {
        let Some(open) = self.open.get_mut(&id).filter(|open| open.record.station == station) else {
            return Ok(false);
        };
        if matches!(open.record.state, State::Confirming(_)) {
            return Ok(false);
        }
        let next = Record { cancelled: true, ..open.record.clone() };
        self.ledger.put(&next)?;
        self.outputs.push_back(Output::Event(Event::new(&next, Happening::Cancelled)));
        open.record = next;
        if matches!(open.record.state, State::Queued) {
            let reason = "cancelled by the station".to_string();
            self.enter(id, State::Rejected { reason }, now)?;
        }
        Ok(true)
    }

    /// How a request stands.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn standing(&self, id: RequestId) -> Result<Option<Standing>, Error> {
        let record = self.ledger.request(id)?;
        Ok(record.map(|record| Standing::of(&record.state, self.settings.retry_after)))
    }

    /// Takes something that happened.
    ///
    /// # Errors
    /// When the ledger cannot be written: the request stays as it was, and is tried again.
    pub fn handle(&mut self, input: Input<'_>, now: UnixTime) -> Result<(), Error> {
        let outcome = match input {
            Input::Answer { request, octets } => self.handle_answer(request, octets, now),
            Input::Failure { request, reason } => {
                self.landed(request);
                self.retry(request, reason.to_string(), now);
                Ok(())
            }
            Input::Delivered { request } => self.handle_delivered(request, now),
            Input::Tick => Ok(()),
        };
        self.pump(now);
        outcome
    }

    fn handle_answer(&mut self, id: RequestId, octets: &[u8], now: UnixTime) -> Result<(), Error> {
        self.landed(id);
        let Some(open) = self.open.get(&id) else { return Ok(()) };
        let barred = self.why_barred(&open.record);
        let step = Forwarding { barred, ..self.forwarding(now) }.handle(&open.record, octets);
        let outcome = match step {
            Ok(Step::Next(state)) => self.enter(id, state, now),
            Ok(Step::Later(state, reason)) => {
                let outcome = self.replace(id, state, now);
                self.retry(id, reason, now);
                return outcome;
            }
            Ok(Step::Repeat(reason)) => {
                self.retry(id, reason, now);
                return Ok(());
            }
            Err(error) => Err(error),
        };
        outcome.inspect_err(|error| self.retry(id, error.to_string(), now))
    }

    fn handle_delivered(&mut self, id: RequestId, now: UnixTime) -> Result<(), Error> {
        let Some(mut record) = self.ledger.request(id)? else { return Ok(()) };
        if let State::Issued(certificates) = record.state {
            record.state = State::Delivered(certificates);
            record.changed_at = now;
            self.ledger.put(&record)?;
            self.outputs.push_back(Output::Event(Event::new(&record, Happening::Delivered)));
        }
        Ok(())
    }

    /// The next thing to do; `None` when there is nothing until something happens.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back with [`Input::Tick`], if nothing happens before.
    pub fn poll_timeout(&self) -> Option<UnixTime> {
        if self.in_flight >= self.settings.max_in_flight {
            return None;
        }
        self.schedule.first().map(|(due, _)| *due)
    }

    fn forwarding(&self, now: UnixTime) -> Forwarding<'_> {
        Forwarding { upstream: &self.upstream, provider: &self.provider, now, barred: None }
    }

    fn track(&mut self, record: Record, due: UnixTime) {
        self.schedule.insert((due, record.id));
        *self.per_station.entry(record.station.clone()).or_default() += 1;
        self.open.insert(record.id, Open { record, due, attempts: 0, in_flight: false });
    }

    fn untrack(&mut self, station: &str) {
        if let Some(count) = self.per_station.get_mut(station) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.per_station.remove(station);
            }
        }
    }

    /// Sends what is due, each after its state is in the ledger.
    fn pump(&mut self, now: UnixTime) {
        while self.in_flight < self.settings.max_in_flight {
            let Some((due, id)) = self.schedule.first().copied() else { return };
            if due > now {
                return;
            }
            self.schedule.remove(&(due, id));
            if let Err(error) = self.send(id, now) {
                self.retry(id, error.to_string(), now);
            }
        }
    }

    fn send(&mut self, id: RequestId, now: UnixTime) -> Result<(), Error> {
        let Some(open) = self.open.get(&id) else { return Ok(()) };
        if self.is_barred(&open.record) {
            return self.bar(id, now);
        }
        let prepared = self.forwarding(now).prepare(&open.record)?;
        let Some(open) = self.open.get_mut(&id) else { return Ok(()) };
        if let Some(state) = prepared {
            let next = Record { state, changed_at: now, ..open.record.clone() };
            self.ledger.put(&next)?;
            open.record = next;
        }
        let (message, body) = match &open.record.state {
            State::Sent { message, transaction } if transaction.nonces.len() > 1 => (message, "pollReq"),
            State::Sent { message, transaction } => (message, transaction.kind.name()),
            State::Confirming(confirming) => (&confirming.message, "certConf"),
            _ => return Ok(()),
        };
        let send = Output::Send { request: id, message: message.clone() };
        open.in_flight = true;
        self.in_flight += 1;
        self.outputs.push_back(Output::Event(Event::new(&open.record, Happening::Sent(body))));
        self.outputs.push_back(send);
        Ok(())
    }

    /// The message about that request is back, one way or the other.
    fn landed(&mut self, id: RequestId) {
        if let Some(open) = self.open.get_mut(&id).filter(|open| open.in_flight) {
            open.in_flight = false;
            self.in_flight = self.in_flight.saturating_sub(1);
        }
    }

    /// Stores a state that is no progress: one more attempt.
    fn replace(&mut self, id: RequestId, state: State, now: UnixTime) -> Result<(), Error> {
        let Some(open) = self.open.get_mut(&id) else { return Ok(()) };
        let next = Record { state, changed_at: now, ..open.record.clone() };
        self.ledger.put(&next)?;
        open.record = next;
        Ok(())
    }

    /// Stores a new state, and arranges for what follows from it.
    fn enter(&mut self, id: RequestId, state: State, now: UnixTime) -> Result<(), Error> {
        let Some(open) = self.open.get_mut(&id) else { return Ok(()) };
        let next = Record { state, changed_at: now, ..open.record.clone() };
        self.ledger.put(&next)?;
        let due = match &next.state {
            State::Waiting { poll_at, .. } => *poll_at,
            _ => now,
        };
        let happening = match &next.state {
            State::Waiting { poll_at, .. } => Some(Happening::Waiting { until: *poll_at }),
            State::Confirming(confirming) => Some(match &confirming.turned_down {
                None => Happening::Issued,
                Some(reason) => Happening::TurnedDown(reason.clone()),
            }),
            State::Issued(_) => Some(Happening::Confirmed),
            State::Rejected { reason } => Some(Happening::Rejected(reason.clone())),
            _ => None,
        };
        // A request that is decided has no transaction any more; the log line should name the one it had.
        if let Some(happening) = happening {
            let mut event = Event::new(&next, happening);
            if event.transaction_id.is_none() {
                event.transaction_id = Event::new(&open.record, Happening::Accepted).transaction_id;
            }
            self.outputs.push_back(Output::Event(event));
        }
        let before = open.due;
        if next.state.is_decided() {
            self.open.remove(&id);
            self.schedule.remove(&(before, id));
            self.untrack(&next.station);
        } else {
            open.attempts = 0;
            open.record = next;
            self.reschedule(id, due);
        }
        Ok(())
    }

    /// Tries again later, and later still each time.
    fn retry(&mut self, id: RequestId, reason: String, now: UnixTime) {
        let Some(open) = self.open.get_mut(&id) else { return };
        let delay = self
            .settings
            .first_retry
            .saturating_mul(1_u32.checked_shl(open.attempts).unwrap_or(u32::MAX))
            .min(self.settings.last_retry);
        open.attempts = open.attempts.saturating_add(1);
        let at = now.saturating_add(delay);
        let event = Event::new(&open.record, Happening::Retry { reason, at });
        self.outputs.push_back(Output::Event(event));
        self.reschedule(id, at);
    }

    fn reschedule(&mut self, id: RequestId, due: UnixTime) {
        let Some(open) = self.open.get_mut(&id) else { return };
        self.schedule.remove(&(open.due, id));
        open.due = due;
        self.schedule.insert((due, id));
    }
}

impl fmt::Debug for Nem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nem")
            .field("upstream", &self.upstream)
            .field("requests_under_way", &self.open.len())
            .finish_non_exhaustive()
    }
}
