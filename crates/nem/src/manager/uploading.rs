//! What stations upload comes into the ledger, or is the same as before.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use asn1::{EncodedCertificate, UnixTime};
use der::Decode;
use x509_cert::Certificate;

use super::presence::meet;
use super::{Nem, Output};
use crate::delivery::Standing;
use crate::error::Refusal;
use crate::event::{Event, Happening};
use crate::intake::Admitted;
use crate::inventory::Shown;
use crate::label::Label;
use crate::ledger::{Record, RequestId, State};
use crate::request::Upload;

/// What became of an upload.
pub type Uploaded = Result<(RequestId, Standing), Refusal>;

/// An upload, and who brings it.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)] // who, what, and as what
pub struct Arrival<'a> {
    /// By what whoever brings it is to be known.
    pub shown: Shown<'a>,
    /// The request.
    pub upload: Upload<'a>,
    /// What it is called, if anything.
    pub label: Option<&'a Label>,
}

/// Requests that are checked, and not in the ledger yet, each with its arrival's position.
#[derive(Default)]
struct Pending<'a> {
    records: Vec<(usize, Record)>,
    octets: BTreeSet<&'a [u8]>,
}

impl Pending<'_> {
    fn of_station(&self, station: &str) -> usize {
        self.records.iter().filter(|(_, record)| record.station == station).count()
    }

    /// Another station brought a request for that key.
    fn has_other(&self, station: &str, public_key: &[u8]) -> bool {
        self.records.iter().any(|(_, record)| record.public_key == public_key && record.station != station)
    }
}

/// What a check came to.
#[allow(clippy::large_enum_variant)] // there is one at a time
enum Verdict {
    New(Record),
    Known(RequestId, Standing),
}

impl Nem {
    /// Takes an upload of whoever shows that. Once this returns the request is in the ledger, under the label if there is one. The
    /// same octets uploaded again are the same request, unless the station shows the certificate that it led to: that is a renewal.
    /// Another request of the same station runs beside it.
    ///
    /// # Errors
    /// Why it is not taken; nothing was stored then.
    pub fn upload(
        &mut self,
        shown: Shown<'_>,
        upload: Upload<'_>,
        label: Option<&Label>,
        now: UnixTime,
    ) -> Uploaded {
        let mut outcomes = self.upload_all(&[Arrival { shown, upload, label }], now);
        outcomes.pop().unwrap_or(Err(Refusal::MalformedCertificate))
    }

    /// Takes uploads that arrived together, each as [`Nem::upload`] does, with one write to the ledger for all: the disk is what an
    /// upload waits for. The outcomes stand in the order of the arrivals.
    pub fn upload_all(&mut self, arrivals: &[Arrival<'_>], now: UnixTime) -> Vec<Uploaded> {
        let mut outcomes: Vec<Option<Uploaded>> = alloc::vec![None; arrivals.len()];
        let mut pending = Pending::default();
        for (position, arrival) in arrivals.iter().enumerate() {
            let octets = arrival.upload.octets();
            // The same again: the ledger must know the first one.
            if pending.octets.contains(octets) {
                self.store(core::mem::take(&mut pending), &mut outcomes, now);
            }
            let outcome = match self.check(arrival, &pending, now) {
                Ok(Verdict::New(record)) => {
                    pending.octets.insert(octets);
                    pending.records.push((position, record));
                    continue;
                }
                Ok(Verdict::Known(id, standing)) => Ok((id, standing)),
                Err(refusal) => Err(refusal),
            };
            if let Some(place) = outcomes.get_mut(position) {
                *place = Some(outcome);
            }
        }
        self.store(pending, &mut outcomes, now);
        // Each has its outcome by now.
        outcomes.into_iter().flatten().collect()
    }

    fn check(
        &mut self,
        arrival: &Arrival<'_>,
        pending: &Pending<'_>,
        now: UnixTime,
    ) -> Result<Verdict, Refusal> {
        let Arrival { shown, upload, label } = *arrival;
        let identified = self.inventory.identify(shown, &self.anchors, &self.provider, now)?;
        let (inventory, settings) = (&self.inventory, &self.settings);
        meet(identified.station(), inventory, &mut self.presence, &mut self.requests, settings, now)?;
        let station = identified.station().name.clone();
        let ledger_failed = |error: String| Refusal::Ledger { station: station.clone(), reason: error };
        let earlier =
            self.ledger.find(&station, upload.octets()).map_err(|error| ledger_failed(error.to_string()))?;
        if let Some(record) = earlier.filter(|record| self.still_stands(record, shown.certificate(), now)) {
            self.relabel(&record, label).map_err(|error| ledger_failed(error.to_string()))?;
            return Ok(Verdict::Known(record.id, Standing::of(&record, self.settings.retry_after)));
        }
        let admitted = Admitted::check(upload, identified, &self.provider)?;
        let owner = self.ledger.owner_of_key(admitted.public_key());
        let owner = owner.map_err(|error| ledger_failed(error.to_string()))?;
        if owner.is_some_and(|owner| owner != station) || pending.has_other(&station, admitted.public_key()) {
            return Err(Refusal::DuplicateKey { station });
        }
        let under_way = self.requests.len().saturating_add(pending.records.len());
        let of_station = self.requests.of_station(&station).saturating_add(pending.of_station(&station));
        if under_way >= self.settings.max_requests || of_station >= self.settings.max_requests_per_station {
            return Err(Refusal::Busy { station, retry_after: self.settings.last_retry });
        }
        let id = self.provider.random::<16>().map_err(|error| ledger_failed(error.to_string()))?;
        let (request, public_key) = (admitted.request().to_vec(), admitted.public_key().to_vec());
        let mut record = Record::new(RequestId::new(id), station, admitted.kind(), request, public_key, now);
        record.label = label.cloned();
        Ok(Verdict::New(record))
    }

    /// Writes them, all or none, and lets them go on.
    fn store(&mut self, pending: Pending<'_>, outcomes: &mut [Option<Uploaded>], now: UnixTime) {
        let (positions, records): (Vec<usize>, Vec<Record>) = pending.records.into_iter().unzip();
        if records.is_empty() {
            return;
        }
        let stored = self.ledger.put_all(&records).map_err(|error| error.to_string());
        for (position, record) in positions.into_iter().zip(records) {
            let outcome = match &stored {
                Ok(()) => {
                    self.outputs.push_back(Output::Event(Event::new(&record, Happening::Accepted)));
                    self.requests.insert(&record);
                    self.requests.schedule(record.id, now);
                    Ok((record.id, Standing::of(&record, self.settings.retry_after)))
                }
                Err(reason) => Err(Refusal::Ledger { station: record.station, reason: reason.clone() }),
            };
            if let Some(place) = outcomes.get_mut(position) {
                *place = Some(outcome);
            }
        }
        if stored.is_ok() {
            self.pump(now);
        }
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
}
