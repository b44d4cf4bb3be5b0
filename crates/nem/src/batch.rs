//! Batches: messages of many requests in one nested message (RFC 9483 section 5.2.2.2), and what comes back for them.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use asn1::UnixTime;
use cmp::end_entity::Correspondent;
use cmp::{
    AwaitingBatch, BodyKind, Opened, PkiBody, PkiFailureInfo, PkiMessage, PkiStatusInfo, TransactionId,
    ValidatedMessage, Validator, bundle,
};
use crypto::CryptoProvider;
use x509_cert::name::Name;

use crate::error::Error;
use crate::forwarding::{believed_nothing, format_reason, is_passing, is_too_old};
use crate::ledger::RequestId;
use crate::upstream::Upstream;

/// A batch that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    awaiting: AwaitingBatch,
    members: BTreeMap<TransactionId, RequestId>,
}

/// What an answer to a batch brings.
#[derive(Debug)]
pub(crate) enum Opening {
    /// Answers, each to be believed or not by itself.
    Answers { answers: Vec<(RequestId, Vec<u8>)>, missing: Vec<RequestId>, unexpected: Vec<String> },
    /// The batch as a whole takes its time.
    Delayed { correspondent: Correspondent, after: Duration },
    /// The RA/CA does not take batches apart; it may have answered one message.
    NotUnbundled { reason: String, answered: Option<(RequestId, Vec<u8>)> },
    /// It does not take this batch: each message must fare for itself.
    Refused(String),
    /// It cannot answer now.
    Repeat(String),
    /// Nothing that can be believed.
    Unbelieved(String),
}

impl Batch {
    /// Bundles the messages, and signs the batch.
    pub(crate) fn bundle(
        messages: &[(RequestId, Vec<u8>)],
        upstream: &Upstream,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(Vec<u8>, Self), Error> {
        let (mut inner, mut members) = (Vec::new(), BTreeMap::new());
        for (id, octets) in messages {
            let message = PkiMessage::from_der(octets)?;
            members.extend(message.header().transaction_id.clone().map(|transaction| (transaction, *id)));
            inner.push(message);
        }
        let (part, awaiting) = bundle(&inner, Name::default(), &upstream.identity, provider, now)?;
        Ok((part.sign(upstream.key.as_ref())?, Self { awaiting, members }))
    }

    pub(crate) const fn transaction_id(&self) -> &TransactionId {
        self.awaiting.transaction_id()
    }

    pub(crate) fn requests(&self) -> impl Iterator<Item = RequestId> {
        self.members.values().copied()
    }

    /// Asks again for the answers to a batch that takes its time.
    pub(crate) fn poll(
        self,
        correspondent: Correspondent,
        upstream: &Upstream,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(Vec<u8>, Self), Error> {
        let (part, awaiting) = self.awaiting.poll(correspondent, &upstream.identity, provider, now)?;
        Ok((part.sign(upstream.key.as_ref())?, Self { awaiting, ..self }))
    }

    /// Opens the answer. The answers inside are for those who await them to believe.
    pub(crate) fn open(
        &self,
        octets: &[u8],
        upstream: &Upstream,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Opening {
        let unbelieved = |error: &cmp::Error| Opening::Unbelieved(believed_nothing(octets, error));
        let message = match PkiMessage::inspect(octets, &upstream.batch_reading()) {
            Ok(message) => message,
            Err(error) => return unbelieved(&error),
        };
        let of_member = message.header().transaction_id.as_ref().and_then(|id| self.members.get(id)).copied();
        if let Some(request) = of_member {
            let kind = message.body().kind().name();
            let reason = alloc::format!("it answered one message of a batch, with {kind}, and not the batch");
            return Opening::NotUnbundled { reason, answered: Some((request, octets.to_vec())) };
        }
        let mut validator = Validator::new(provider, upstream.trust());
        validator.time_window = upstream.time_window;
        validator.quirks = upstream.quirks;
        match validator.validate(message.clone(), &self.awaiting.expectation(), now) {
            Ok(message) => self.handle(&message, upstream),
            Err(error) if message.body().kind() == BodyKind::Nested => unbelieved(&error),
            // Whoever does not understand a batch may not answer in its transaction either (OpenSSL's mock server does not). A
            // planted answer costs batches, and no more: each message goes by itself then.
            Err(error) => match message.body() {
                PkiBody::Error(content) if !is_about_nesting(&content.pki_status_info) => unbelieved(&error),
                PkiBody::Error(content) => not_unbundled(&content.pki_status_info),
                _ => unbelieved(&error),
            },
        }
    }

    fn handle(&self, message: &ValidatedMessage, upstream: &Upstream) -> Opening {
        if let Some(after) = AwaitingBatch::delay(message) {
            let (name, credential) = (message.signer().name.clone(), message.signer().credential.clone());
            let correspondent = Correspondent::new(name, message.sender_nonce().clone(), credential);
            return Opening::Delayed { correspondent, after };
        }
        match message.body() {
            PkiBody::Nested(_) => {}
            PkiBody::Error(content) => return refused(&content.pki_status_info),
            body => {
                let reason = alloc::format!("it answered a batch with {}", body.kind().name());
                return Opening::NotUnbundled { reason, answered: None };
            }
        }
        match self.awaiting.clone().handle(message, &upstream.batch_reading()) {
            Ok(opened) => {
                let request = |id: &TransactionId| self.members.get(id).copied();
                let answer = |(id, message): &(TransactionId, PkiMessage)| {
                    Some((request(id)?, message.octets().to_vec()))
                };
                Opening::Answers {
                    answers: opened.answers.iter().filter_map(answer).collect(),
                    missing: opened.missing.iter().filter_map(request).collect(),
                    unexpected: opened.unexpected.iter().map(describe).collect(),
                }
            }
            Err(error) => Opening::Refused(error.to_string()),
        }
    }
}

/// A refusal of a batch as a whole that is believed.
fn refused(status: &PkiStatusInfo) -> Opening {
    if is_passing(status) || is_too_old(status) {
        Opening::Repeat(format_reason(status))
    } else if is_about_nesting(status) {
        not_unbundled(status)
    } else {
        Opening::Refused(format_reason(status))
    }
}

fn not_unbundled(status: &PkiStatusInfo) -> Opening {
    Opening::NotUnbundled { reason: alloc::format!("it answered a batch with {status}"), answered: None }
}

/// What an RA/CA says that does not know the body nested.
pub(crate) fn is_about_nesting(status: &PkiStatusInfo) -> bool {
    const BITS: [PkiFailureInfo; 2] = [PkiFailureInfo::BAD_REQUEST, PkiFailureInfo::BAD_DATA_FORMAT];
    status.fail_info.is_none_or(|info| BITS.iter().any(|bit| info.contains(*bit)))
}

/// What an answer that nobody awaits claims to be.
fn describe(opened: &Opened) -> String {
    match opened {
        Ok(message) => {
            let id = message.header().transaction_id.as_ref().map(ToString::to_string).unwrap_or_default();
            alloc::format!("{} of transaction {id}", message.body().kind().name())
        }
        Err(error) => alloc::format!("something that cannot be read: {error}"),
    }
}
