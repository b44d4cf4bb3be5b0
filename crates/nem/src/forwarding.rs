//! A request's way to the RA/CA and back: one p10cr, ir or cr, polled for if need be, and confirmed (RFC 9483 section 5.3.1).

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use cmp::end_entity::{
    Answer, AwaitingCertificate, AwaitingPkiConf, Confirmation, Correspondent, Enrolment, Granted,
    Transaction, Waiting,
};
use cmp::{
    Expectation, PkiFailureInfo, PkiMessage, PkiStatusInfo, SenderNonce, UnprotectedRefusal,
    ValidatedMessage, Validator,
};
use crypto::{CertificateFault, CertificatePath, CryptoProvider, ExtendedKeyUsage};
use der::Decode;
use x509_cert::Certificate;

use crate::error::Error;
use crate::ledger::{Certificates, Confirming, Record, State};
use crate::request::{certificate_request, check_certificate};
use crate::upstream::Upstream;

/// How long to wait at least between two pollReqs, whatever the RA/CA says.
pub(crate) const POLL_PAUSE: Duration = Duration::from_secs(1);

/// What an answer led to.
#[derive(Debug)]
pub(crate) enum Step {
    /// The request is in another state now.
    Next(State),
    /// The RA/CA cannot answer now: the message is sent again.
    Repeat(String),
    /// The answer is not one that can be believed: the message is sent again.
    Unbelieved(String),
    /// The RA/CA did not take the message for a reason that another one cures: that of this state, sent later.
    Later(State, String),
}

/// What forwarding needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forwarding<'a> {
    pub(crate) upstream: &'a Upstream,
    pub(crate) provider: &'a CryptoProvider,
    pub(crate) now: UnixTime,
    /// Why the station is to get nothing any more, if so.
    pub(crate) barred: Option<&'a str>,
}

impl Forwarding<'_> {
    /// The state whose message is to be sent next; it must be stored before it is. `None` when the message of the present
    /// state is to be sent, once more or for the first time.
    pub(crate) fn prepare(&self, record: &Record) -> Result<Option<State>, Error> {
        match &record.state {
            State::Queued => self.request(record).map(Some),
            State::Waiting { transaction, correspondent, .. } => {
                let waiting = Waiting::resume(transaction.clone(), correspondent.clone());
                let (part, next) = waiting.poll(&self.upstream.identity, self.provider, self.now)?;
                let message = part.sign(self.upstream.key.as_ref())?;
                Ok(Some(State::Sent { message, transaction: next.transaction().clone() }))
            }
            // It waited for its batch, or for the RA/CA, so long that its messageTime would be refused.
            State::Confirming(confirming) if self.is_stale(record) => {
                self.confirm_again(confirming).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn is_stale(&self, record: &Record) -> bool {
        let age = self.now.abs_diff(record.changed_at);
        self.upstream.time_window.is_some_and(|window| age > window / 2)
    }

    pub(crate) fn request(&self, record: &Record) -> Result<State, Error> {
        let mut enrolment = Enrolment::new(certificate_request(record.kind, &record.request)?);
        enrolment.implicit_confirm = self.upstream.implicit_confirm;
        let (part, next) = enrolment.start(&self.upstream.identity, self.provider, self.now)?;
        let message = part.sign(self.upstream.key.as_ref())?;
        Ok(State::Sent { message, transaction: next.transaction().clone() })
    }

    /// Takes the RA/CA's answer to the message of the record's state.
    pub(crate) fn handle(&self, record: &Record, octets: &[u8]) -> Result<Step, Error> {
        match &record.state {
            State::Sent { transaction, .. } => self.handle_answer(record, transaction, octets),
            State::Confirming(confirming) => self.handle_pki_conf(record, confirming, octets),
            _ => Ok(Step::Repeat("an answer came where none was due".to_string())),
        }
    }

    /// A message that is repeated is answered with what it was answered the first time: its answer may be as old as itself.
    fn validate(
        &self,
        record: &Record,
        octets: &[u8],
        expectation: &Expectation<'_>,
    ) -> Result<ValidatedMessage, cmp::Error> {
        let message = self.read(octets)?;
        self.validator(record).validate(message, expectation, self.now)
    }

    fn read(&self, octets: &[u8]) -> Result<PkiMessage, cmp::Error> {
        let Upstream { reading, quirks, .. } = self.upstream;
        PkiMessage::inspect(octets, reading)?.answer_inside(*quirks, reading)
    }

    /// A refusal that nobody protected, where the configuration puts up with it.
    fn unprotected_refusal(
        &self,
        record: &Record,
        octets: &[u8],
        expectation: &Expectation<'_>,
    ) -> Result<UnprotectedRefusal, cmp::Error> {
        let message = self.read(octets)?;
        self.validator(record).unprotected_refusal(&message, expectation, self.now)
    }

    fn validator(&self, record: &Record) -> Validator<'_> {
        let mut validator = Validator::new(self.provider, self.upstream.trust());
        let age = self.now.abs_diff(record.changed_at);
        validator.time_window = self.upstream.time_window.map(|window| window.saturating_add(age));
        validator.quirks = self.upstream.quirks;
        validator
    }

    fn handle_answer(
        &self,
        record: &Record,
        transaction: &Transaction,
        octets: &[u8],
    ) -> Result<Step, Error> {
        let awaiting = AwaitingCertificate::resume(transaction.clone());
        let polled = transaction.nonces.len() > 1;
        let message = match self.validate(record, octets, &awaiting.expectation()) {
            Ok(message) => message,
            Err(error) => {
                return Ok(match self.unprotected_refusal(record, octets, &awaiting.expectation()) {
                    Ok(refusal) if !polled => refused_without_protection(&refusal),
                    _ => Step::Unbelieved(believed_nothing(octets, &error)),
                });
            }
        };
        match awaiting.handle(&message) {
            Ok(Answer::Waiting(waiting)) => Ok(Step::Next(State::Waiting {
                transaction: waiting.transaction().clone(),
                correspondent: waiting.correspondent().clone(),
                poll_at: self.poll_at(polled, waiting.check_after()),
            })),
            Ok(Answer::Granted(granted)) => self.handle_certificate(record, granted),
            Ok(Answer::Refused(status)) if polled => Ok(self.handle_refused_poll(record, &message, &status)),
            Ok(Answer::Refused(status)) if is_curable(&status) => {
                Ok(Step::Later(State::Queued, status.to_string()))
            }
            Ok(Answer::Refused(status)) => Ok(rejected(format_reason(&status))),
            Ok(_) => Ok(rejected("the RA/CA gave an answer of a kind that is not understood".to_string())),
            Err(error) => Ok(rejected(alloc::format!("the RA/CA does not keep to the protocol: {error}"))),
        }
    }

    /// The RA/CA has the request, so a new transaction would lead to a second certificate: it is asked once more where that
    /// can help.
    fn handle_refused_poll(
        &self,
        record: &Record,
        answer: &ValidatedMessage,
        status: &PkiStatusInfo,
    ) -> Step {
        let nonce = match &record.state {
            State::Sent { message, .. } => echoed_nonce(message),
            _ => None,
        };
        match (record.state.transaction(), nonce) {
            (Some(transaction), Some(nonce)) if is_too_old(status) => {
                let (name, credential) = (answer.signer().name.clone(), answer.signer().credential.clone());
                let waiting = State::Waiting {
                    transaction: transaction.clone(),
                    correspondent: Correspondent::new(name, nonce, credential),
                    poll_at: self.now,
                };
                Step::Later(waiting, status.to_string())
            }
            _ if is_passing(status) => Step::Repeat(status.to_string()),
            _ => rejected(format_reason(status)),
        }
    }

    /// When the RA/CA says so; the first time, at once when it does not.
    fn poll_at(&self, polled: bool, check_after: Option<Duration>) -> UnixTime {
        let pause = if polled { POLL_PAUSE } else { Duration::ZERO };
        self.now.saturating_add(check_after.unwrap_or_default().max(pause))
    }

    fn handle_certificate(&self, record: &Record, granted: Granted) -> Result<Step, Error> {
        let verdict = match self.barred {
            Some(reason) => Err(reason.to_string()),
            None => self.check_certificate(record, &granted).map_err(|fault| fault.to_string()),
        };
        let chain = granted.extra_certs().iter().filter(|certificate| is_ca(certificate)).cloned().collect();
        let certificates = Certificates { certificate: granted.certificate().clone(), chain };
        match verdict {
            Ok(()) if granted.implicitly_confirmed() => Ok(Step::Next(State::Issued(certificates))),
            Err(reason) if granted.implicitly_confirmed() => Ok(rejected(alloc::format!(
                "{reason}; it was confirmed implicitly, so it must be revoked at the RA/CA by hand"
            ))),
            Ok(()) => self.confirm(granted, certificates, None).map(Step::Next),
            Err(reason) => match self.confirm(granted, certificates, Some(reason.clone())) {
                Err(Error::Message(error)) if has_no_cert_hash(&error) => Ok(rejected(alloc::format!(
                    "{reason}; no certConf can name it, so the RA/CA was not told"
                ))),
                turned_down => turned_down.map(Step::Next),
            },
        }
    }

    /// A certificate is taken only when it is for the station's key and names, and has a path to the operator's anchor.
    fn check_certificate(&self, record: &Record, granted: &Granted) -> Result<(), CertificateFault> {
        let path = CertificatePath {
            end_entity: granted.certificate(),
            intermediates: granted.extra_certs(),
            anchors: &self.upstream.anchors,
            extended_key_usage: ExtendedKeyUsage::Any,
            // It was issued a moment ago.
            revocation: None,
            now: self.now,
        };
        check_certificate(record.kind, &record.request, &path, self.provider)
    }

    fn confirm(
        &self,
        granted: Granted,
        certificates: Certificates,
        turned_down: Option<String>,
    ) -> Result<State, Error> {
        let (transaction, correspondent) = (granted.transaction().clone(), granted.correspondent().clone());
        let (identity, provider) = (&self.upstream.identity, self.provider);
        let (part, _) = match &turned_down {
            None => granted.confirm(identity, provider, self.now)?,
            Some(reason) => {
                let status = PkiStatusInfo::rejection(PkiFailureInfo::BAD_CERT_TEMPLATE, reason.clone());
                granted.reject(status, identity, provider, self.now)?
            }
        };
        Ok(State::Confirming(Box::new(Confirming {
            certificates,
            transaction,
            correspondent,
            message: part.sign(self.upstream.key.as_ref())?,
            nonce: part.sender_nonce().clone(),
            turned_down,
        })))
    }

    fn handle_pki_conf(
        &self,
        record: &Record,
        confirming: &Confirming,
        octets: &[u8],
    ) -> Result<Step, Error> {
        let signer = Some(confirming.correspondent.credential.clone());
        let awaiting =
            AwaitingPkiConf::resume(confirming.transaction.clone(), confirming.nonce.clone(), signer);
        let message = match self.validate(record, octets, &awaiting.expectation()) {
            Ok(message) => message,
            Err(error) => return Ok(Step::Unbelieved(believed_nothing(octets, &error))),
        };
        Ok(match (awaiting.handle(&message), &confirming.turned_down) {
            (Err(cmp::Error::Refused(status)), _) if is_too_old(&status) => {
                Step::Later(self.confirm_again(confirming)?, status.to_string())
            }
            (Err(cmp::Error::Refused(status)), _) if is_passing(&status) => Step::Repeat(status.to_string()),
            (Ok(Confirmation::Delayed(_)), _) => Step::Repeat("the RA/CA delays its pkiconf".to_string()),
            (_, Some(reason)) => rejected(reason.clone()),
            (Ok(_), None) => Step::Next(State::Issued(confirming.certificates.clone())),
            // A pkiconf that got lost: what matters is that the certificate is confirmed.
            (Err(cmp::Error::Refused(status)), None)
                if status.fail_info.is_some_and(|info| info.contains(PkiFailureInfo::CERT_CONFIRMED)) =>
            {
                Step::Next(State::Issued(confirming.certificates.clone()))
            }
            (Err(error), None) => {
                rejected(alloc::format!("the RA/CA did not take the confirmation: {error}"))
            }
        })
    }

    pub(crate) fn confirm_again(&self, confirming: &Confirming) -> Result<State, Error> {
        let granted = Granted::resume(
            confirming.transaction.clone(),
            confirming.certificates.certificate.clone(),
            confirming.correspondent.clone(),
        );
        self.confirm(granted, confirming.certificates.clone(), confirming.turned_down.clone())
    }
}

/// Whether certConf cannot be made because of the certificate it is about.
const fn has_no_cert_hash(error: &cmp::Error) -> bool {
    matches!(error, cmp::Error::MalformedCertificate(_) | cmp::Error::Algorithm(_))
}

/// Only a request may be refused so: whoever polls or confirms is known to the RA/CA, which then has no reason not to sign.
fn refused_without_protection(refusal: &UnprotectedRefusal) -> Step {
    let reason = alloc::format!("{}, without protection", format_reason(refusal.status()));
    if is_curable(refusal.status()) { Step::Later(State::Queued, reason) } else { rejected(reason) }
}

fn rejected(reason: String) -> Step {
    Step::Next(State::Rejected { reason })
}

/// What an answer that is not believed claims to be, beside why it is not: it helps whoever has to find the fault.
pub(crate) fn believed_nothing(octets: &[u8], error: &cmp::Error) -> String {
    let claim = PkiMessage::from_der(octets).ok().and_then(|message| match message.body() {
        cmp::PkiBody::Error(content) => Some(content.pki_status_info.to_string()),
        _ => None,
    });
    match claim {
        Some(claim) => alloc::format!("the RA/CA's answer is not believed: {error}; it claims: {claim}"),
        None => alloc::format!("the RA/CA's answer is not believed: {error}"),
    }
}

pub(crate) fn format_reason(status: &PkiStatusInfo) -> String {
    alloc::format!("the RA/CA answered {status}")
}

/// The message was too old when it arrived: another one is needed, with the time it is now.
pub(crate) fn is_too_old(status: &PkiStatusInfo) -> bool {
    status.fail_info.is_some_and(|info| info.contains(PkiFailureInfo::BAD_TIME))
}

/// The RA/CA was out of order.
pub(crate) fn is_passing(status: &PkiStatusInfo) -> bool {
    const PASSING: [PkiFailureInfo; 2] = [PkiFailureInfo::SYSTEM_UNAVAIL, PkiFailureInfo::SYSTEM_FAILURE];
    status.fail_info.is_some_and(|info| PASSING.iter().any(|bit| info.contains(*bit)))
}

/// Nothing was issued, and nothing is wrong with the request: a new transaction cures it.
fn is_curable(status: &PkiStatusInfo) -> bool {
    let taken = |info: PkiFailureInfo| info.contains(PkiFailureInfo::TRANSACTION_ID_IN_USE);
    is_too_old(status) || is_passing(status) || status.fail_info.is_some_and(taken)
}

/// The RA/CA's nonce that a message of ours echoes.
fn echoed_nonce(message: &[u8]) -> Option<SenderNonce> {
    let message = PkiMessage::from_der(message).ok()?;
    SenderNonce::new(message.header().recip_nonce.as_ref()?.as_octets()).ok()
}

/// Only CA certificates are passed on to stations as a chain.
pub(crate) fn is_ca(certificate: &EncodedCertificate) -> bool {
    Certificate::from_der(certificate.octets()).is_ok_and(|certificate| {
        let constraints =
            certificate.tbs_certificate().get_extension::<x509_cert::ext::pkix::BasicConstraints>();
        matches!(constraints, Ok(Some((_, constraints))) if constraints.ca)
    })
}
