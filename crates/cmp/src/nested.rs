//! The body nested, RFC 9810 section 5.1.3.4 and RFC 9483 section 5.2.2: closed, opened, made.
//!
//! An RA that has checked one request attests it with *added protection*: a nested message with the request's own
//! transactionID and senderNonce. A *batch* carries any number of messages under fresh ones and says nothing about them. Either
//! way the messages inside travel octet for octet, and each stands and falls by itself.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::{RawDer, UnixTime};
use crypto::CryptoProvider;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::CertReqId;
use crate::body::{BodyKind, PkiBody};
use crate::end_entity::Correspondent;
use crate::error::Error;
use crate::header::{RecipNonce, SenderNonce, TransactionId};
use crate::message::PkiMessage;
use crate::poll::{self, PollRepItem};
use crate::protection::{HeaderFields, ProtectedPart, SenderIdentity};
use crate::quirks::{Quirk, Quirks};
use crate::reading::ReadingPolicy;
use crate::status::PkiStatus;
use crate::trust::Credential;
use crate::validation::{Expectation, ValidatedMessage};

/// Messages inside a message: `PKIMessages ::= SEQUENCE SIZE (1..MAX) OF PKIMessage`.
///
/// They stay closed: each is one TLV of octets, to be opened by [`PkiMessage::open_nested`] one level at a time. No input
/// decides how deep a decoder recurses.
pub type NestedMessageContent = Vec<RawDer>;

/// A message from inside another, or why it cannot be taken. The others are not affected.
pub type Opened = Result<PkiMessage, Error>;

impl PkiMessage {
    /// Opens the messages inside this one, one level deep. They are no more believed than before.
    ///
    /// A nested message among them can be opened by the same call with [`ReadingPolicy::inside`]; how often, the policy says.
    ///
    /// # Errors
    /// [`Error::UnexpectedBody`] when this is not a nested message, [`Error::TooDeep`] when the policy allows no more
    /// levels.
    pub fn open_nested(&self, policy: &ReadingPolicy) -> Result<Vec<Opened>, Error> {
        let PkiBody::Nested(inner) = self.body() else {
            return Err(Error::UnexpectedBody(self.body().kind()));
        };
        let inside = policy.inside().ok_or(Error::TooDeep)?;
        Ok(inner.iter().map(|octets| open(octets, &inside)).collect())
    }

    /// The one message inside a nested one that came in answer to a single message, where [`Quirk::NestedAnswers`] is among the quirks; any
    /// other message stays as it is. Nothing is believed of what was around it, so it has to be validated as if it had come alone.
    ///
    /// # Errors
    /// [`Error::NotExactlyOne`] when there is not one message inside, [`Error::TooDeep`] when that is nested, too; when it cannot be read.
    pub fn answer_inside(self, quirks: Quirks, policy: &ReadingPolicy) -> Result<Self, Error> {
        if !quirks.contains(Quirk::NestedAnswers) || self.body().kind() != BodyKind::Nested {
            return Ok(self);
        }
        let mut inside = policy.inside().ok_or(Error::TooDeep)?;
        inside.nested_depth = 0;
        match self.body() {
            PkiBody::Nested(closed) => match closed.as_slice() {
                [answer] => open(answer, &inside),
                other => {
                    Err(Error::NotExactlyOne { what: "PKIMessage inside of the answer", count: other.len() })
                }
            },
            other => Err(Error::UnexpectedBody(other.kind())),
        }
    }
}

fn open(octets: &RawDer, inside: &ReadingPolicy) -> Opened {
    let message = PkiMessage::inspect(octets.octets(), inside)?;
    let too_deep = inside.nested_depth == 0 && message.body().kind() == BodyKind::Nested;
    if too_deep { Err(Error::TooDeep) } else { Ok(message) }
}

/// What a nested message holds.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // RFC 9483 section 5.2.2 knows these two
pub enum Unbundled<'a> {
    /// One request, attested by whoever protected the nested message. Its own protection is still to be validated.
    AddedProtection(Box<PkiMessage>),
    /// Messages for which nobody vouches, each with its own verdict.
    Batch(Batch<'a>),
}

/// The messages of a batch, opened one by one as they are asked for: of a large one, no more than a single message is decoded at a
/// time. What is wrong with one stands in its place; so does that a transactionID occurs twice, or is the batch's own.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    closed: core::slice::Iter<'a, RawDer>,
    inside: ReadingPolicy,
    seen: BTreeSet<TransactionId>,
}

impl Iterator for Batch<'_> {
    type Item = Opened;

    fn next(&mut self) -> Option<Opened> {
        let message = match open(self.closed.next()?, &self.inside) {
            Ok(message) => message,
            Err(error) => return Some(Err(error)),
        };
        match &message.header().transaction_id {
            Some(id) if !self.seen.insert(id.clone()) => Some(Err(Error::TransactionIdInUse(id.clone()))),
            _ => Some(Ok(message)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.closed.size_hint()
    }
}

impl ExactSizeIterator for Batch<'_> {}

/// Opens a nested message whose protection holds, and tells the two uses apart: one message with the same transactionID inside
/// is added protection, everything else a batch (RFC 9483 section 5.2.2). Only a signature may protect either.
///
/// # Errors
/// [`Error::WrongProtection`] when it is protected by a MAC; when it is not nested or too deep, or an added protection does not fit the
/// request inside.
pub fn unbundle<'a>(message: &'a ValidatedMessage, policy: &ReadingPolicy) -> Result<Unbundled<'a>, Error> {
    if message.mac_credential().is_some() {
        return Err(Error::WrongProtection);
    }
    let PkiBody::Nested(closed) = message.body() else {
        return Err(Error::UnexpectedBody(message.body().kind()));
    };
    let inside = policy.inside().ok_or(Error::TooDeep)?;
    let outer = message.transaction_id();
    if let [single] = closed.as_slice()
        && let Ok(inner) = open(single, &inside)
        && inner.header().transaction_id.as_ref() == Some(outer)
    {
        return added_protection(message, inner);
    }
    Ok(Unbundled::Batch(Batch { closed: closed.iter(), inside, seen: BTreeSet::from([outer.clone()]) }))
}

fn added_protection(outer: &ValidatedMessage, inner: PkiMessage) -> Result<Unbundled<'static>, Error> {
    if inner.header().sender_nonce.as_ref() != Some(outer.sender_nonce()) {
        return Err(Error::BadSenderNonce);
    }
    if !inner.body().kind().is_request() {
        return Err(Error::UnexpectedBody(inner.body().kind()));
    }
    Ok(Unbundled::AddedProtection(Box::new(inner)))
}

/// Adds an RA's protection to a request that it has checked, which stays as it is (RFC 9483 section 5.2.2.1). The answer
/// comes back un-nested, for the requester.
///
/// # Errors
/// [`Error::UnexpectedBody`] when the message is not a request, [`Error::BadTransactionId`] or [`Error::BadSenderNonce`] when
/// it lacks what must be copied.
pub fn add_protection(
    request: &PkiMessage,
    identity: &SenderIdentity,
    provider: &CryptoProvider,
    now: UnixTime,
) -> Result<ProtectedPart, Error> {
    let header = request.header();
    if !request.body().kind().is_request() {
        return Err(Error::UnexpectedBody(request.body().kind()));
    }
    let fields = HeaderFields {
        sender_nonce: Some(header.sender_nonce.clone().ok_or(Error::BadSenderNonce)?),
        recip_nonce: header.recip_nonce.clone(),
        ..HeaderFields::new(
            header.recipient.clone(),
            header.transaction_id.clone().ok_or(Error::BadTransactionId)?,
        )
    };
    ProtectedPart::new(identity, fields, nested(core::slice::from_ref(request))?.encoded()?, provider, now)
}

/// Bundles messages into a batch with a transactionID and a senderNonce of its own (RFC 9483 section 5.2.2.2).
///
/// # Errors
/// When there is no message, one has no transactionID, two have the same, or randomness fails.
pub fn bundle(
    messages: &[PkiMessage],
    recipient: Name,
    identity: &SenderIdentity,
    provider: &CryptoProvider,
    now: UnixTime,
) -> Result<(ProtectedPart, AwaitingBatch), Error> {
    let mut awaited = BTreeSet::new();
    for message in messages {
        let id = message.header().transaction_id.as_ref().ok_or(Error::BadTransactionId)?;
        if !awaited.insert(id.clone()) {
            return Err(Error::TransactionIdInUse(id.clone()));
        }
    }
    let transaction_id = TransactionId::random(provider)?;
    let recipient = GeneralName::DirectoryName(recipient);
    let fields = HeaderFields::new(recipient, transaction_id.clone());
    let part = ProtectedPart::new(identity, fields, nested(messages)?.encoded()?, provider, now)?;
    let nonce = part.sender_nonce().clone();
    Ok((part, AwaitingBatch { transaction_id, nonces: Vec::from([nonce]), awaited, signer: None }))
}

pub(crate) fn nested(messages: &[PkiMessage]) -> Result<PkiBody, Error> {
    if messages.is_empty() {
        return Err(Error::EmptyList("nested"));
    }
    let octets = messages.iter().map(|message| RawDer::new(message.octets()));
    Ok(PkiBody::Nested(octets.collect::<der::Result<_>>().map_err(Error::Encoding)?))
}

/// A batch went out; one message with the answers is awaited (RFC 9483 section 5.2.2.2).
#[derive(Clone, Debug)]
pub struct AwaitingBatch {
    transaction_id: TransactionId,
    nonces: Vec<SenderNonce>,
    awaited: BTreeSet<TransactionId>,
    /// Who said that it takes its time.
    signer: Option<Credential>,
}

/// The answers to a batch. Nobody vouches for them: each is validated in its own transaction.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // an answer is one of these three
pub struct Answers {
    /// Those that belong to a message of the batch, by its transactionID, in any order.
    pub answers: Vec<(TransactionId, PkiMessage)>,
    /// The messages of the batch that were not answered.
    pub missing: BTreeSet<TransactionId>,
    /// What else was in there: malformed, answered twice, or of no transaction of the batch. To be dropped and logged.
    pub unexpected: Vec<Opened>,
}

impl AwaitingBatch {
    /// Enters the state with facts that were stored: the batch's transactionID and senderNonce, and the transactionIDs inside.
    pub fn resume(
        transaction_id: TransactionId,
        nonce: SenderNonce,
        awaited: BTreeSet<TransactionId>,
    ) -> Self {
        Self { transaction_id, nonces: Vec::from([nonce]), awaited, signer: None }
    }

    /// The batch's own transactionID.
    pub const fn transaction_id(&self) -> &TransactionId {
        &self.transaction_id
    }

    /// What the answer must look like.
    pub fn expectation(&self) -> Expectation<'_> {
        Expectation::Within {
            transaction_id: &self.transaction_id,
            nonces: &self.nonces,
            signer: self.signer.as_ref(),
        }
    }

    /// Whether an answer says that the batch as a whole takes its time (RFC 9483 section 4.4), and when to ask again: at once where
    /// it does not say.
    pub fn delay(answer: &ValidatedMessage) -> Option<Duration> {
        match answer.body() {
            PkiBody::Error(content) if content.pki_status_info.status == PkiStatus::Waiting => {
                Some(Duration::ZERO)
            }
            PkiBody::PollRep(items) => items.first().map(PollRepItem::check_after),
            _ => None,
        }
    }

    /// Asks again for the answer to a batch that takes its time, with certReqId -1 (RFC 9483 section 4.4). `correspondent` is who
    /// said so.
    ///
    /// # Errors
    /// When randomness fails.
    pub fn poll(
        mut self,
        correspondent: Correspondent,
        identity: &SenderIdentity,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(ProtectedPart, Self), Error> {
        let recipient = GeneralName::DirectoryName(correspondent.name);
        let fields = HeaderFields {
            recip_nonce: Some(RecipNonce::from(correspondent.nonce)),
            ..HeaderFields::new(recipient, self.transaction_id.clone())
        };
        let body = poll::request(CertReqId::P10CR)?;
        let part = ProtectedPart::new(identity, fields, body, provider, now)?;
        self.nonces.truncate(1);
        self.nonces.push(part.sender_nonce().clone());
        self.signer = Some(correspondent.credential);
        Ok((part, self))
    }

    /// Sorts the answers in a nested message to the messages of the batch.
    ///
    /// # Errors
    /// When the message is not nested or too deep: the batch as a whole was refused, or not understood.
    pub fn handle(self, message: &ValidatedMessage, policy: &ReadingPolicy) -> Result<Answers, Error> {
        let opened = message.message().open_nested(policy)?;
        let mut missing = self.awaited;
        let (mut answers, mut unexpected) = (Vec::new(), Vec::new());
        for inner in opened {
            let id = inner.as_ref().ok().and_then(|inner| inner.header().transaction_id.as_ref());
            match (id.and_then(|id| missing.take(id)), inner) {
                (Some(id), Ok(inner)) => answers.push((id, inner)),
                (_, inner) => unexpected.push(inner),
            }
        }
        Ok(Answers { answers, missing, unexpected })
    }
}
