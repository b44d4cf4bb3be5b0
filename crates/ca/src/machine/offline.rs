//! Messages that come in files (RFC 9483 section 6.4): an operator decides on each request before anything is signed.
//!
//! A file holds one message: a request, or a batch of any size. What is wrong with it as a whole refuses it, and nothing is answered;
//! what is wrong with one request inside a batch is answered to that one. Whatever was answered before gets the same answer.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::{RawDer, UnixTime};
use cmp::management_entity::{ReplyTo, RevocationRequest, VerifiedRequest};
use cmp::{
    BodyKind, Expectation, LongBatch, PkiBody, PkiFailureInfo, PkiMessage, ReadingPolicy, ReceivedBatch,
    Signer, TransactionId, Unbundled, ValidatedBatch, ValidatedMessage, unbundle,
};
use crypto::SigningKey;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::serial_number::SerialNumber;

use super::Ca;
use super::approval::rejection;
use super::enrol::Decision;
use super::nested::is_registration_authority;
use super::revoke::next_status;
use crate::registry::{TransactionRecord, TransactionState, Write};
use crate::{CertificateContents, Endpoint, Error, Event, Outcome};

/// A request in a file. Its protection and proof of possession hold, and its sender may have what it asks for.
#[derive(Debug)]
#[non_exhaustive]
pub struct Proposal<'a> {
    /// Its transactionID.
    pub transaction_id: &'a TransactionId,
    /// Which request it is.
    pub body: BodyKind,
    /// When it was made, as far as it says so.
    pub message_time: Option<UnixTime>,
    /// Who asks.
    pub requester: &'a Signer,
    /// What would be done.
    pub demand: Demand<'a>,
}

/// What would be done for a request.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums)] // whoever decides must know what on
pub enum Demand<'a> {
    /// A certificate would be issued.
    Certificate {
        /// What it would say.
        contents: &'a CertificateContents,
        /// The name of its profile.
        profile: &'a str,
        /// Whether that differs from what was asked for.
        with_mods: bool,
    },
    /// A certificate would be revoked, put on hold, or taken off hold.
    Revocation {
        /// Which.
        serial_number: &'a SerialNumber,
        /// Why.
        reason: CrlReason,
    },
}

/// What an operator decides on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // there is nothing else to decide
pub enum Verdict {
    /// It is granted.
    Approve,
    /// It is turned away for good, with that reason of at most 1024 octets. Of a revocation the reason is not passed on, and it can be
    /// asked for again.
    Reject(String),
    /// It is not answered, and can be decided on another time.
    Postpone,
}

const ANSWER: &str = "this is the answer to a batch";

/// A batch that is too long for memory, and believed as a whole: its messages are answered one by one.
#[derive(Debug)]
pub struct OpenBatch {
    validated: ValidatedBatch,
    inside: ReadingPolicy,
    /// The transactionIDs so far: of all that is kept of a message, this alone stays.
    seen: BTreeSet<TransactionId>,
}

/// Who decides on what stands in a file.
pub trait Operator {
    /// Decides on a request that can be granted.
    fn decide(&mut self, proposal: &Proposal<'_>) -> Verdict;

    /// Learns what became of a message in the file; each has its turn, in order.
    fn note(&mut self, event: &Event);
}

impl Ca {
    /// Takes a file with one message, and returns the file with the answer; `None` when the operator left everything for another time.
    /// Nothing is issued that the operator does not approve; [`crate::Policy::approval`] and [`crate::Policy::issuing_delay`] do not
    /// count. What the answer says is in the registry before this returns.
    ///
    /// # Errors
    /// When the file is not one PKIMessage, is an answer, or is not believed as a whole: nothing is issued then. Also when the
    /// registry or the CA's key fails: what was issued before stays in the registry, and the same file again gets it.
    pub fn answer_file(
        &self,
        file: &[u8],
        operator: &mut dyn Operator,
        now: UnixTime,
    ) -> Result<Option<Vec<u8>>, Error> {
        let message = PkiMessage::inspect(file, &self.reading)?;
        match message.body().kind() {
            // It echoes what it answers; a batch of requests is a first message.
            BodyKind::Nested if message.header().recip_nonce.is_some() => {
                return Err(Error::policy(PkiFailureInfo::BAD_REQUEST, ANSWER));
            }
            BodyKind::Nested => {}
            kind if !kind.is_request() => {
                let reason = "this is no request, but an answer or an announcement";
                return Err(Error::policy(PkiFailureInfo::BAD_REQUEST, reason));
            }
            _ => {}
        }
        self.answer_offline(&message, &self.reading, operator, now).or_else(|error| match &error {
            // The request as a whole is good, and so its requester is told what is wrong with what it asks for.
            Error::Message(reason) if reason.is_of_body() && message.body().kind() != BodyKind::Nested => {
                self.turn_down_offline(&message, error, operator, now).map(Some)
            }
            _ => Err(error),
        })
    }

    /// Takes up a batch that is too long for memory, as [`Ca::answer_file`] would take up the whole of it: by the digest that
    /// [`ReceivedBatch::digest`] asks for.
    ///
    /// # Errors
    /// When it is an answer, or is not believed: nothing is issued then.
    pub fn open_batch(&self, batch: ReceivedBatch, digest: &[u8], now: UnixTime) -> Result<OpenBatch, Error> {
        if batch.header().recip_nonce.is_some() {
            return Err(Error::policy(PkiFailureInfo::BAD_REQUEST, ANSWER));
        }
        let validated = self.validator().validate_batch(batch, digest, &Expectation::First, now)?;
        is_registration_authority(validated.signer())?;
        let inside = self.reading.inside().ok_or(cmp::Error::TooDeep)?;
        let seen = BTreeSet::from([validated.transaction_id().clone()]);
        Ok(OpenBatch { validated, inside, seen })
    }

    /// Takes the next message of it, and returns the octets of the answer, if there is one.
    ///
    /// # Errors
    /// When the registry or the CA's key fails, as with [`Ca::answer_file`].
    pub fn answer_in_batch(
        &self,
        batch: &mut OpenBatch,
        octets: &[u8],
        operator: &mut dyn Operator,
        now: UnixTime,
    ) -> Result<Option<Vec<u8>>, Error> {
        let message = PkiMessage::inspect(octets, &batch.inside).and_then(|message| {
            let too_deep = batch.inside.nested_depth == 0 && message.body().kind() == BodyKind::Nested;
            match &message.header().transaction_id {
                _ if too_deep => Err(cmp::Error::TooDeep),
                Some(id) if !batch.seen.insert(id.clone()) => Err(cmp::Error::TransactionIdInUse(id.clone())),
                _ => Ok(message),
            }
        });
        self.answer_opened(message, &batch.inside, operator, now)
    }

    /// What goes around the answers, of that many octets together, and the key that signs it.
    ///
    /// # Errors
    /// When there is no answer, or randomness fails.
    pub fn close_batch(
        &self,
        batch: &OpenBatch,
        answers: usize,
        now: UnixTime,
    ) -> Result<(LongBatch, &dyn SigningKey), Error> {
        let around = self.responder(None, now).bundle_long(&batch.validated, answers)?;
        Ok((around, self.credential.key.as_ref()))
    }

    /// A message inside a batch.
    fn answer_opened(
        &self,
        message: cmp::Opened,
        inside: &ReadingPolicy,
        operator: &mut dyn Operator,
        now: UnixTime,
    ) -> Result<Option<Vec<u8>>, Error> {
        let message = match message {
            Ok(message) => message,
            // There is no transaction to answer in: it is missing among the answers.
            Err(error) => {
                operator.note(&Event::new(None, Outcome::Refused(error.into())));
                return Ok(None);
            }
        };
        match self.answer_offline(&message, inside, operator, now) {
            Err(error @ Error::Message(_)) => {
                self.turn_down_offline(&message, error, operator, now).map(Some)
            }
            answer => answer,
        }
    }

    fn answer_offline(
        &self,
        message: &PkiMessage,
        policy: &ReadingPolicy,
        operator: &mut dyn Operator,
        now: UnixTime,
    ) -> Result<Option<Vec<u8>>, Error> {
        let PkiBody::Nested(_) = message.body() else {
            return self.answer_request(message, operator, now);
        };
        let validated = self.validate_nested(message, now)?;
        let inside = policy.inside().ok_or(cmp::Error::TooDeep)?;
        let messages = match unbundle(&validated, policy)? {
            Unbundled::AddedProtection(request) => {
                return self.answer_offline(&request, &inside, operator, now);
            }
            Unbundled::Batch(messages) => messages,
        };
        let mut answers = Vec::new();
        for message in messages {
            if let Some(answer) = self.answer_opened(message, &inside, operator, now)? {
                answers.push(RawDer::new(&answer).map_err(Error::Encoding)?);
            }
        }
        if answers.is_empty() { Ok(None) } else { self.bundle(&validated, answers, now).map(Some) }
    }

    fn turn_down_offline(
        &self,
        message: &PkiMessage,
        error: Error,
        operator: &mut dyn Operator,
        now: UnixTime,
    ) -> Result<Vec<u8>, Error> {
        let reply = self.refuse(Some(message), error, now);
        operator.note(&reply.event);
        match (reply.event.outcome, reply.octets) {
            (Outcome::Refused(error), octets) if octets.is_empty() => Err(error),
            (_, octets) => Ok(octets),
        }
    }

    /// What was answered before, what only follows from it, and questions need no decision.
    fn answer_request(
        &self,
        message: &PkiMessage,
        operator: &mut dyn Operator,
        now: UnixTime,
    ) -> Result<Option<Vec<u8>>, Error> {
        let id = message.header().transaction_id.as_ref().ok_or(cmp::Error::BadTransactionId)?;
        let is_known = self.registry.transaction(id)?.is_some() || self.registry.answered(id)?.is_some();
        let answered = match message.body().kind() {
            BodyKind::Ir | BodyKind::Cr | BodyKind::Kur | BodyKind::P10cr | BodyKind::Ccr if !is_known => {
                self.decide_on_certificate(message, operator, now)?
            }
            BodyKind::Rr if !is_known => self.decide_on_revocation(message, operator, now)?,
            _ => Some(self.answer(message, &Endpoint::default(), now)?),
        };
        let (octets, outcome) = match answered {
            Some((octets, outcome)) => (Some(octets), outcome),
            None => (None, Outcome::Postponed),
        };
        operator.note(&Event::new(Some(message), outcome));
        Ok(octets)
    }

    fn decide_on_certificate(
        &self,
        message: &PkiMessage,
        operator: &mut dyn Operator,
        now: UnixTime,
    ) -> Result<Option<(Vec<u8>, Outcome)>, Error> {
        let asked = self.verified_request(message, now)?;
        let (validated, request) = (&asked.validated, &asked.request);
        let decision = self.decide(request, None, now)?;
        let Decision { profile, contents, with_mods } = &decision;
        let demand = Demand::Certificate { contents, profile: &profile.name, with_mods: *with_mods };
        match operator.decide(&proposal(validated, demand)) {
            Verdict::Approve => self.issue_for(&asked, decision, Duration::ZERO, now).map(Some),
            Verdict::Reject(reason) => self.turn_away(validated, request, reason, now).map(Some),
            Verdict::Postpone => Ok(None),
        }
    }

    /// The refusal is recorded like a certificate, so that the same file does not ask again.
    fn turn_away(
        &self,
        validated: &ValidatedMessage,
        request: &VerifiedRequest,
        reason: String,
        now: UnixTime,
    ) -> Result<(Vec<u8>, Outcome), Error> {
        let (message, open, status) = (validated.message(), request.open(), rejection(reason)?);
        let responder = self.responder(validated.mac_credential(), now);
        let part = open.refuse(status.clone(), &ReplyTo::new(message.header()), &responder)?;
        let exchange = self.exchange(validated, &part)?;
        let answer = exchange.answer.clone();
        let state = TransactionState::Refused { status: status.clone() };
        let transaction = TransactionRecord::new(open.clone(), None, false, state, Vec::from([exchange]), 0);
        match self.registry.open(&transaction, None)? {
            Write::Done => Ok((answer, Outcome::NotApproved { status })),
            Write::Conflict => {
                let in_use = cmp::Error::TransactionIdInUse(validated.transaction_id().clone());
                self.after_conflict(message, in_use.into())
            }
        }
    }

    fn decide_on_revocation(
        &self,
        message: &PkiMessage,
        operator: &mut dyn Operator,
        now: UnixTime,
    ) -> Result<Option<(Vec<u8>, Outcome)>, Error> {
        let validated = self.validate(message, &Expectation::First, now)?;
        let request = RevocationRequest::inspect(&validated)?;
        next_status(&self.revocable(&request)?, request.reason, now)?;
        let demand = Demand::Revocation { serial_number: &request.serial_number, reason: request.reason };
        match operator.decide(&proposal(&validated, demand)) {
            Verdict::Approve => self.revoke(message, now).map(Some),
            Verdict::Reject(_) => {
                Err(cmp::Error::NotAuthorized("the operator rejected the revocation").into())
            }
            Verdict::Postpone => Ok(None),
        }
    }
}

fn proposal<'a>(validated: &'a ValidatedMessage, demand: Demand<'a>) -> Proposal<'a> {
    let message = validated.message();
    Proposal {
        transaction_id: validated.transaction_id(),
        body: message.body().kind(),
        message_time: message.header().message_time.map(|time| time.time()),
        requester: validated.signer(),
        demand,
    }
}
