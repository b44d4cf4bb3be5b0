//! What came in while others had the NEM.

use std::sync::{Arc, mpsc};

use nem::ledger::RequestId;
use nem::{Arrival, Label, Refusal, Standing, Upload, Uploaded};

use super::{Form, Service, blocking, lock};
use crate::identity::Identity;

/// Uploads that are taken together at most: nobody else has the NEM meanwhile.
const TOGETHER: usize = 256;

impl Service {
    pub(crate) async fn upload(
        self: &Arc<Self>,
        identity: Identity,
        form: Form,
        octets: Vec<u8>,
        label: Option<Label>,
    ) -> Result<(RequestId, Standing), Refusal> {
        let service = self.clone();
        blocking(move || {
            if !service.audit.is_writable() {
                let (station, reason) = (String::new(), "the audit log cannot be written".to_owned());
                return Err(Refusal::Ledger { station, reason });
            }
            let (told, outcome) = mpsc::sync_channel(1);
            lock(&service.arrivals).push_back(Waiting { identity, form, octets, label, told });
            service.take_arrivals();
            // It is always told: whoever takes an arrival out of the queue tells it.
            let taken = outcome.recv().unwrap_or(Err(Refusal::MalformedCertificate));
            taken.inspect_err(|refusal| service.audit.record_refusal("upload", refusal))
        })
        .await
    }

    /// Takes what came in while others had the NEM, at once: the ledger is written once for all of it.
    fn take_arrivals(self: &Arc<Self>) {
        let taken = self.act(|nem, now| {
            let mut queue = lock(&self.arrivals);
            let most = queue.len().min(TOGETHER);
            let waiting: Vec<Waiting> = queue.drain(..most).collect();
            drop(queue);
            let arrivals: Vec<Arrival<'_>> = waiting.iter().map(Waiting::arrival).collect();
            let outcomes = nem.upload_all(&arrivals, now);
            waiting.into_iter().map(|waiting| waiting.told).zip(outcomes).collect::<Vec<_>>()
        });
        for (told, outcome) in taken {
            // Whoever waits for it may have been cut off.
            let _ = told.send(outcome);
        }
    }
}

/// An upload that waits for the NEM.
pub(super) struct Waiting {
    identity: Identity,
    form: Form,
    octets: Vec<u8>,
    label: Option<Label>,
    told: mpsc::SyncSender<Uploaded>,
}

impl Waiting {
    fn arrival(&self) -> Arrival<'_> {
        let upload = match self.form {
            Form::Pkcs10 => Upload::Pkcs10(&self.octets),
            Form::CertReqMessages => Upload::CertReqMessages(&self.octets),
        };
        Arrival { shown: self.identity.shown(), upload, label: self.label.as_ref() }
    }
}
