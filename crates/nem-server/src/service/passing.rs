//! Stations' own messages, on their way to an RA/CA and back.

use std::sync::Arc;

use cmp::{BodyKind, PkiFailureInfo, PkiMessage};
use host::now;
use nem::{Passage, Refusal};
use tracing::error;

use super::{Service, blocking, lock};
use crate::cmp_stations::StationMessages;
use crate::identity::Identity;

impl Service {
    /// See [`Nem::pass_up`].
    pub(crate) async fn pass_up(
        self: &Arc<Self>,
        identity: Identity,
        octets: Arc<Vec<u8>>,
        StationMessages { policy, reading }: StationMessages,
    ) -> Result<Passage, Refusal> {
        let service = self.clone();
        let pass = move || {
            let passed =
                service.act(|nem, now| nem.pass_up(identity.shown(), &octets, &reading, policy, now));
            service.audit.record_passage(&passed);
            passed
        };
        blocking(pass).await
    }

    /// Sends a station's own message up, and takes note of what comes back.
    pub(crate) async fn pass(
        self: &Arc<Self>,
        passage: Passage,
        octets: Arc<Vec<u8>>,
    ) -> Result<Vec<u8>, String> {
        let answer = self.ask(&passage.upstream, passage.message.clone()).await?;
        let (answer, again) = self.take_passed(&passage, &octets, answer).await;
        let Some(again) = again else { return Ok(answer) };
        let answer = self.ask(&again.upstream, again.message.clone()).await?;
        let (answer, _) = self.take_passed(&again, &octets, answer).await;
        if PkiMessage::from_der(&answer).is_ok_and(|answer| answer.body().kind() != BodyKind::Error) {
            let service = self.clone();
            blocking(move || service.act(|nem, now| nem.note_not_nested(&again, now))).await;
        }
        Ok(answer)
    }

    async fn take_passed(
        self: &Arc<Self>,
        passage: &Passage,
        octets: &Arc<Vec<u8>>,
        answer: Vec<u8>,
    ) -> (Vec<u8>, Option<Passage>) {
        let (service, passage, octets) = (self.clone(), passage.clone(), octets.clone());
        blocking(move || {
            let taken = service.act(|nem, now| nem.take_passed(&passage, &octets, &answer, now));
            // The station gets its answer all the same.
            let taken = taken.inspect_err(|error| error!(station = %passage.station, "{error}"));
            (answer, taken.ok().flatten())
        })
        .await
    }

    /// See [`Nem::refuse_message`].
    pub(crate) async fn refuse_message(
        self: &Arc<Self>,
        octets: Arc<Vec<u8>>,
        fail_info: PkiFailureInfo,
        reason: String,
    ) -> Option<Vec<u8>> {
        let service = self.clone();
        let refuse = move || lock(&service.nem).refuse_message(&octets, fail_info, &reason, now());
        blocking(refuse).await.inspect_err(|error| error!("{error}")).ok().flatten()
    }

    /// Sends a station's own message to that RA/CA.
    pub(crate) async fn ask(&self, upstream: &Arc<str>, message: Vec<u8>) -> Result<Vec<u8>, String> {
        let client = lock(&self.clients).get(upstream).cloned();
        let client = client.ok_or_else(|| format!("there is no RA/CA {upstream} any more"))?;
        client.exchange(message).await.map_err(|error| error.to_string())
    }
}
