//! What a station is told about its request, and what it does with it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use asn1::UnixTime;

use crate::error::Error;
use crate::event::{Event, Happening};
use crate::forwarding::Forwarding;
use crate::label::Label;
use crate::ledger::{Certificates, Confirming, Fetch, Record, RequestId, State};
use crate::manager::{Nem, Output};

/// How a request stands, as its station sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// Not decided yet: ask again.
    UnderWay {
        /// How far it is; see [`State::name`].
        progress: &'static str,
        /// When.
        retry_after: Duration,
    },
    /// The certificate.
    Issued(Certificates),
    /// There will be none.
    Rejected {
        /// Why.
        reason: String,
    },
}

impl Standing {
    pub(crate) fn of(record: &Record, retry_after: Duration) -> Self {
        if let Some(reason) = &record.turn_down {
            return Self::Rejected { reason: reason.clone() };
        }
        if let Some(certificates) = record.deliverable() {
            return Self::Issued(certificates.clone());
        }
        match &record.state {
            State::Rejected { reason } => Self::Rejected { reason: reason.clone() },
            state => Self::UnderWay { progress: state.name(), retry_after },
        }
    }
}

impl Nem {
    /// The same request under another name: it goes by that from now on.
    pub(crate) fn relabel(&mut self, record: &Record, label: Option<&Label>) -> Result<(), Error> {
        if label.is_none() || record.label.as_ref() == label {
            return Ok(());
        }
        let record = Record { label: label.cloned(), ..record.clone() };
        self.ledger.put(&record)?;
        Ok(())
    }

    /// The station wants that certificate no more. What was not sent is not sent; a certificate that is still issued is turned
    /// down; one that is confirmed stays as it is. `false`: the request is decided already, or is not the station's.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn cancel(&mut self, station: &str, id: RequestId, now: UnixTime) -> Result<bool, Error> {
        let Some(record) = self.ledger.request(id)?.filter(|record| record.station == station) else {
            return Ok(false);
        };
        if record.fetch == Some(Fetch::Awaited) {
            self.decline(record, "the station cancelled its request", now)?;
            self.pump(now);
            return Ok(true);
        }
        if record.state.is_decided() || matches!(record.state, State::Confirming(_)) {
            return Ok(false);
        }
        let next = Record { cancelled: true, ..record };
        self.ledger.put(&next)?;
        self.outputs.push_back(Output::Event(Event::new(&next, Happening::Cancelled)));
        if matches!(next.state, State::Queued) {
            let reason = "cancelled by the station".to_string();
            self.enter(id, State::Rejected { reason }, now)?;
        }
        Ok(true)
    }

    /// Stations have fetched their certificates. That is one write to the ledger for all of them.
    ///
    /// # Errors
    /// When the ledger cannot be read or written: then none of them counts as fetched.
    pub fn delivered(&mut self, requests: &[RequestId], now: UnixTime) -> Result<(), Error> {
        let outcome = self.handle_delivered(requests, now);
        self.pump(now);
        outcome
    }

    pub(crate) fn handle_delivered(&mut self, requests: &[RequestId], now: UnixTime) -> Result<(), Error> {
        let mut fetched: Vec<Record> = Vec::new();
        for id in requests {
            let is_known = fetched.iter().any(|record| record.id == *id);
            let Some(mut record) = self.ledger.request(*id)?.filter(|_| !is_known) else { continue };
            record.state = match record.state {
                State::Issued(certificates) => State::Delivered(certificates),
                State::Confirming(confirming) if record.fetch == Some(Fetch::Awaited) => {
                    record.fetch = Some(Fetch::Done);
                    self.confirm_anew(record.upstream.as_deref(), *confirming, now)?
                }
                State::Confirming(confirming) if record.fetch == Some(Fetch::Ahead) => {
                    record.fetch = Some(Fetch::Done);
                    State::Confirming(confirming)
                }
                _ => continue,
            };
            record.changed_at = now;
            fetched.push(record);
        }
        if fetched.is_empty() {
            return Ok(());
        }
        self.ledger.put_all(&fetched)?;
        for record in &fetched {
            self.outputs.push_back(Output::Event(Event::new(record, Happening::Delivered)));
            self.confirm_now(record, now);
        }
        Ok(())
    }

    /// The certificate that its station was to fetch is turned down.
    pub(crate) fn decline(&mut self, record: Record, reason: &str, now: UnixTime) -> Result<(), Error> {
        let State::Confirming(confirming) = record.state else { return Ok(()) };
        let confirming = Confirming { turned_down: Some(reason.to_string()), ..*confirming };
        let state = self.confirm_anew(record.upstream.as_deref(), confirming, now)?;
        let record = Record { state, fetch: None, changed_at: now, ..record };
        self.ledger.put(&record)?;
        let happening = Happening::TurnedDown(reason.to_string());
        self.outputs.push_back(Output::Event(Event::new(&record, happening)));
        self.confirm_now(&record, now);
        Ok(())
    }

    /// certConf as of now: the one that was made before may be too old by now, or say something else.
    fn confirm_anew(
        &self,
        upstream: Option<&str>,
        confirming: Confirming,
        now: UnixTime,
    ) -> Result<State, Error> {
        // An RA/CA that is not in the configuration any more gets the one that there is, should it come back.
        let Some(line) = upstream.and_then(|name| self.lines.get(name)) else {
            return Ok(State::Confirming(confirming.into()));
        };
        let forwarding = Forwarding { upstream: &line.upstream, provider: &self.provider, now, barred: None };
        forwarding.confirm_again(&confirming)
    }

    /// certConf is due, if there is one.
    fn confirm_now(&mut self, record: &Record, now: UnixTime) {
        if !record.state.is_decided() {
            self.update(record);
            self.withdraw(record.id);
            self.requests.schedule(record.id, now);
        }
    }
}
