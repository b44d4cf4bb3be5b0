//! What stations upload comes into the ledger, or is the same as before.

use alloc::string::{String, ToString};

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

impl Nem {
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
        let (inventory, settings) = (&self.inventory, &self.settings);
        meet(identified.station(), inventory, &mut self.presence, &mut self.requests, settings, now)?;
        let station = identified.station().name.clone();
        let ledger_failed = |error: String| Refusal::Ledger { station: station.clone(), reason: error };
        let earlier =
            self.ledger.find(&station, upload.octets()).map_err(|error| ledger_failed(error.to_string()))?;
        if let Some(record) = earlier.filter(|record| self.still_stands(record, shown.certificate(), now)) {
            self.relabel(&record, label).map_err(|error| ledger_failed(error.to_string()))?;
            return Ok((record.id, Standing::of(&record, self.settings.retry_after)));
        }
        let admitted = Admitted::check(upload, identified, &self.provider)?;
        let owner = self.ledger.owner_of_key(admitted.public_key());
        let owner = owner.map_err(|error| ledger_failed(error.to_string()))?;
        if owner.is_some_and(|owner| owner != station) {
            return Err(Refusal::DuplicateKey { station });
        }
        let of_station = self.requests.of_station(&station);
        if self.requests.len() >= self.settings.max_requests
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
        self.requests.insert(&record);
        self.requests.schedule(id, now);
        self.pump(now);
        Ok((id, Standing::of(&record, self.settings.retry_after)))
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
