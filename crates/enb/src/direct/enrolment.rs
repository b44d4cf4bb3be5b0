//! From the request to the certificate: each step is on the disk before its message leaves.

use std::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use cmp::end_entity::{
    Answer, AwaitingCertificate, AwaitingPkiConf, Confirmation, Granted, RequestKind, Waiting,
};
use cmp::{BodyKind, Credential, PkiFailureInfo, PkiStatusInfo, SenderNonce};
use crypto::GeneratedKey;
use der::Encode;
use host::now;

use super::line::{Letter, Line, Verdict};
use super::state::{Issued, Octets, Other, State, Step};
use super::station::{Prepared, Station, install};
use super::{CertificateOptions, CmpOptions};
use crate::blocking::blocking;
use crate::issued::{Trust, check, is_self_issued};
use crate::{Enrolled, Error, Progress};

/// How long to wait at least between two pollReqs, whatever the RA/CA says.
const POLL_PAUSE: Duration = Duration::from_secs(1);

/// Gets a certificate of the operator from the RA/CA, or updates it: makes the key, sends the request until there is an answer to
/// believe, polls, checks the certificate, confirms or rejects it, and writes it.
///
/// When it is stopped at any point, the next call goes on with the same transaction, and sends the octets again that were sent
/// before: no second certificate comes of it. `progress` is called at each step; it must not block.
///
/// # Errors
/// When something given cannot be used, the RA/CA refuses, time is over, or the certificate is not the one asked for. Then
/// no certificate was written.
pub async fn request_certificate(
    options: &CmpOptions,
    wanted: &CertificateOptions,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Enrolled, Error> {
    let prepared = blocking({
        let (options, wanted) = (options.clone(), wanted.clone());
        move || Station::prepare(&options, &wanted)
    })
    .await?;
    let (mut station, state) = match prepared {
        Prepared::Ready(station, state) => (station, state),
        Prepared::Finished(enrolled) => {
            progress(Progress::RequestReady { continued: true });
            progress(Progress::Issued);
            return Ok(enrolled);
        }
    };
    progress(Progress::RequestReady { continued: state.is_some() });
    let tls_identity = super::tls_identity(options, wanted.sender.as_ref())?;
    let mut line = Line::new(options, station.belief.clone(), tls_identity, progress)?;
    let state = match state {
        Some(state) => state,
        None => begin(&mut station, &mut line).await?,
    };
    if let Some(Octets(root)) = &state.root {
        line.believe(EncodedCertificate::new(root).map_err(Error::Malformed)?);
    }
    let mut run = Run { station, line, state };
    let issued = run.finish().await;
    if issued.as_ref().is_err_and(ends_transaction) {
        run.station.forget_generated()?;
        run.station.state_file.remove()?;
    }
    let issued = issued?;
    let enrolled = install(&run.station.directory, &run.station.state_file, &issued)?;
    progress(Progress::Issued);
    Ok(enrolled)
}

/// Makes a request with a fresh transactionID, or in the transaction of a ciphertext, and writes it down.
async fn begin(station: &mut Station, line: &mut Line<'_>) -> Result<State, Error> {
    let mut enrolment = station.enrolment()?;
    let (mut ciphertext, mut server) = (None, None);
    if let Some(opening) = line.ask_for_ciphertext(&station.credential, &enrolment.recipient).await? {
        let id = opening.continuation.transaction_id.clone();
        station.credential.open_ciphertext(&opening.ciphertext, id)?;
        ciphertext = Some(Octets(opening.ciphertext.to_der().map_err(Error::Malformed)?));
        (enrolment.continuation, server) = (Some(opening.continuation), opening.server);
    }
    let (credential, provider) = (&station.credential, &station.provider);
    let now = now();
    let (part, next) = enrolment.start(credential.identity(), provider, now)?;
    let message = credential.protect(&part, provider)?;
    let mut state = State::new(&station.asked()?, credential.octets(), next.transaction(), message, now);
    (state.ciphertext, state.server) = (ciphertext, server);
    station.state_file.write(&state)?;
    Ok(state)
}

/// Whether the RA/CA, or what it sent, has put an end to the transaction.
const fn ends_transaction(error: &Error) -> bool {
    matches!(
        error,
        Error::Rejected { .. } | Error::TurnedDown(_) | Error::Protocol(_) | Error::Undecipherable(_)
    )
}

struct Run<'a> {
    station: Station,
    line: Line<'a>,
    state: State,
}

impl Run<'_> {
    async fn finish(&mut self) -> Result<Issued, Error> {
        loop {
            match self.state.step.clone() {
                Step::Sent { message, polling } => self.send(&message.0, polling).await?,
                Step::Waiting { correspondent, poll_at } => self.poll(&correspondent, poll_at).await?,
                Step::Confirming { message, nonce, correspondent, certificates, turned_down } => {
                    self.confirm(message.0, &nonce, &correspondent, certificates, turned_down).await?;
                }
                Step::Issued(issued) => return Ok(issued),
            }
        }
    }

    /// Writes the next step down.
    fn enter(&mut self, step: Step) -> Result<(), Error> {
        self.state.step = step;
        self.station.state_file.write(&self.state)
    }

    async fn exchange<A: super::line::Awaiting>(
        &mut self,
        body: BodyKind,
        octets: &[u8],
        awaiting: &A,
    ) -> Result<Verdict, Error> {
        let since = UnixTime::from_secs(self.state.since);
        let letter = Letter { body, octets, since };
        let bound = self.state.server.clone();
        let (state, file) = (&mut self.state, &self.station.state_file);
        let mut bind = |server: Option<&str>| {
            state.server = server.map(str::to_owned);
            file.write(state)
        };
        self.line.exchange(&letter, awaiting, bound, &mut bind).await
    }

    async fn send(&mut self, message: &[u8], polling: bool) -> Result<(), Error> {
        let kind = self.station.kind;
        let awaiting = AwaitingCertificate::resume(self.state.transaction(kind)?);
        let body = if polling { BodyKind::PollReq } else { body_of(kind) };
        let answer = match self.exchange(body, message, &awaiting).await? {
            Verdict::Believed(message) => awaiting.handle(&message).map_err(Error::Protocol)?,
            Verdict::FirstContact(message, root) => {
                self.state.root = Some(Octets(root.octets().to_vec()));
                self.line.believe(root);
                awaiting.handle(&message).map_err(Error::Protocol)?
            }
            Verdict::Refused(status) => Answer::Refused(status),
            Verdict::Ciphertext(..) => return Err(Error::Protocol(cmp::Error::InconsistentAnswer)),
        };
        match answer {
            Answer::Granted(granted) => self.granted(granted),
            // One that cannot be deciphered cannot be named in a certConf, either; unconfirmed it ends at the RA/CA.
            Answer::Sealed(sealed) => self.granted(self.station.open_certificate(*sealed)?),
            Answer::Waiting(waiting) => {
                let pause = if polling { POLL_PAUSE } else { Duration::ZERO };
                let pause = waiting.check_after().unwrap_or_default().max(pause);
                let correspondent = Other::of(waiting.correspondent())?;
                self.enter(Step::Waiting { correspondent, poll_at: now().saturating_add(pause).as_secs() })?;
                // Here, because whole seconds can make the time that is left too short.
                self.pause(pause).await
            }
            // It has done nothing with the request.
            Answer::Refused(status) if !polling && has(&status, PkiFailureInfo::SYSTEM_UNAVAIL) => {
                self.station.state_file.remove()?;
                self.line.attempts.back_off(format!("the RA/CA cannot answer now: {status}")).await?;
                self.state = begin(&mut self.station, &mut self.line).await?;
                Ok(())
            }
            Answer::Refused(status) => Err(Error::Rejected { status: status.to_string() }),
            _ => Err(Error::Protocol(cmp::Error::InconsistentAnswer)),
        }
    }

    async fn poll(&mut self, correspondent: &Other, poll_at: u64) -> Result<(), Error> {
        self.pause(Duration::from_secs(poll_at.saturating_sub(now().as_secs()))).await?;
        let transaction = self.state.transaction(self.station.kind)?;
        let waiting = Waiting::resume(transaction, correspondent.open()?);
        let (credential, provider) = (&self.station.credential, &self.station.provider);
        let now = now();
        let (part, next) = waiting.poll(credential.identity(), provider, now)?;
        let message = Octets(credential.protect(&part, provider)?);
        self.state.set_transaction(next.transaction());
        self.state.since = now.as_secs();
        self.enter(Step::Sent { message, polling: true })
    }

    async fn pause(&self, pause: Duration) -> Result<(), Error> {
        if !pause.is_zero() {
            self.line.attempts.tell(Progress::Waiting { retry_after: pause });
        }
        self.line.attempts.sleep(pause, "the RA/CA is still working on the request").await
    }

    /// The certificate is held against what was asked for before anything is made of it.
    fn granted(&mut self, mut granted: Granted) -> Result<(), Error> {
        let enrolled = match self.check(&mut granted) {
            Ok((enrolled, generated)) => {
                if let Some(generated) = &generated {
                    self.station.keep_generated(generated)?;
                }
                Ok(enrolled)
            }
            Err(error) => Err(error),
        };
        let certificates = match &enrolled {
            Ok(enrolled) => Issued::of(&enrolled.certificate, &enrolled.chain),
            Err(_) => Issued::of(granted.certificate(), &[]),
        };
        match (enrolled, granted.implicitly_confirmed()) {
            (Ok(_), true) => self.enter(Step::Issued(certificates)),
            (Ok(_), false) => self.certify(granted, certificates, None),
            (Err(error), true) => Err(Error::TurnedDown(format!(
                "{error}. It was confirmed implicitly, so it must be revoked at the RA/CA by hand"
            ))),
            (Err(error), false) => self.certify(granted, certificates, Some(error.to_string())),
        }
    }

    /// A key that was generated comes out of it, too.
    fn check(&self, granted: &mut Granted) -> Result<(Enrolled, Option<GeneratedKey>), Error> {
        let given = &self.line.belief().anchors;
        // RFC 9483 section 4.1.1: roots are taken from caPubs only of whoever shares a secret.
        let by_secret = matches!(granted.correspondent().credential, Credential::SharedSecret(_));
        let anchors = if given.is_empty() && by_secret {
            granted.ca_pubs().iter().filter(|certificate| is_self_issued(certificate)).cloned().collect()
        } else {
            given.clone()
        };
        let generated = self.station.open_private_key(granted, &anchors)?;
        let trust = Trust { anchors, others: granted.extra_certs().to_vec() };
        let certificate = std::slice::from_ref(granted.certificate());
        let requested = self.station.requested(granted);
        Ok((check(&requested, certificate, &trust, &self.station.directory, now())?, generated))
    }

    /// Makes certConf.
    fn certify(
        &mut self,
        granted: Granted,
        certificates: Issued,
        turned_down: Option<String>,
    ) -> Result<(), Error> {
        let correspondent = Other::of(granted.correspondent())?;
        let (credential, provider) = (&self.station.credential, &self.station.provider);
        let (identity, now) = (credential.identity(), now());
        let (part, _) = match &turned_down {
            None => granted.confirm(identity, provider, now)?,
            Some(reason) => {
                let status = PkiStatusInfo::rejection(PkiFailureInfo::BAD_CERT_TEMPLATE, reason.clone());
                // A certificate that certConf cannot name is not taken, either.
                granted
                    .reject(status, identity, provider, now)
                    .map_err(|_| Error::TurnedDown(format!("{reason}. No certConf can name it")))?
            }
        };
        let nonce = Octets(part.sender_nonce().as_octets().to_vec());
        let message = Octets(credential.protect(&part, provider)?);
        self.state.since = now.as_secs();
        self.enter(Step::Confirming { message, nonce, correspondent, certificates, turned_down })
    }

    async fn confirm(
        &mut self,
        mut message: Vec<u8>,
        nonce: &Octets,
        correspondent: &Other,
        certificates: Issued,
        turned_down: Option<String>,
    ) -> Result<(), Error> {
        let transaction = self.state.transaction(self.station.kind)?;
        let nonce = SenderNonce::new(&nonce.0).map_err(Error::Malformed)?;
        let signer = Some(correspondent.open()?.credential);
        let mut awaiting = AwaitingPkiConf::resume(transaction, nonce, signer);
        let mut body = BodyKind::CertConf;
        let confirmed = loop {
            let delayed = match self.exchange(body, &message, &awaiting).await? {
                Verdict::Refused(status) => break Err(Error::Rejected { status: status.to_string() }),
                Verdict::Ciphertext(..) => break Err(Error::Protocol(cmp::Error::InconsistentAnswer)),
                Verdict::Believed(answer) | Verdict::FirstContact(answer, _) => {
                    match awaiting.handle(&answer) {
                        Ok(Confirmation::Done) => break Ok(()),
                        Ok(Confirmation::Delayed(delayed)) => delayed,
                        // A pkiconf that got lost: what matters is that the certificate is confirmed.
                        Err(cmp::Error::Refused(status)) if has(&status, PkiFailureInfo::CERT_CONFIRMED) => {
                            break Ok(());
                        }
                        Err(cmp::Error::Refused(status)) => {
                            break Err(Error::Rejected { status: status.to_string() });
                        }
                        Err(error) => break Err(Error::Protocol(error)),
                        Ok(_) => break Err(Error::Protocol(cmp::Error::InconsistentAnswer)),
                    }
                }
            };
            let pause = if body == BodyKind::PollReq { POLL_PAUSE } else { Duration::ZERO };
            self.pause(delayed.check_after().unwrap_or_default().max(pause)).await?;
            let (credential, provider) = (&self.station.credential, &self.station.provider);
            let (part, next) = delayed.poll(credential.identity(), provider, now())?;
            // Not written down: a later run repeats certConf, and is told to poll once more.
            (message, awaiting, body) = (credential.protect(&part, provider)?, next, BodyKind::PollReq);
        };
        match (confirmed, turned_down) {
            (_, Some(reason)) => Err(Error::TurnedDown(reason)),
            (Ok(()), None) => self.enter(Step::Issued(certificates)),
            (Err(error), None) => Err(error),
        }
    }
}

const fn body_of(kind: RequestKind) -> BodyKind {
    match kind {
        RequestKind::Cr => BodyKind::Cr,
        RequestKind::Kur => BodyKind::Kur,
        RequestKind::P10cr => BodyKind::P10cr,
        _ => BodyKind::Ir,
    }
}

fn has(status: &PkiStatusInfo, reason: PkiFailureInfo) -> bool {
    status.fail_info.is_some_and(|info| info.contains(reason))
}
