//! Nested messages: each message inside is answered by itself (RFC 9483 section 5.2.2).

use alloc::vec::Vec;

use asn1::{RawDer, UnixTime};
use cmp::{
    Batch, Expectation, PkiMessage, ReadingPolicy, Signer, SignerRole, Unbundled, ValidatedMessage, unbundle,
};

use super::Ca;
use crate::event::{Event, Outcome, Reply};
use crate::{Endpoint, Error};

impl Ca {
    /// The answer to a nested message of an RA. That the RA vouches for a request changes nothing about the request: its own
    /// protection must hold, too.
    pub(super) fn answer_nested(
        &self,
        message: &PkiMessage,
        policy: &ReadingPolicy,
        endpoint: &Endpoint<'_>,
        now: UnixTime,
    ) -> Result<Reply, Error> {
        let validated = self.validate_nested(message, now)?;
        let inside = policy.inside().ok_or(cmp::Error::TooDeep)?;
        match unbundle(&validated, policy)? {
            Unbundled::AddedProtection(request) => {
                let reply = self.handle_message(&request, &inside, endpoint, now);
                let mut inner = Vec::from([reply.event]);
                inner.extend(reply.inner);
                let event = Event::new(Some(message), Outcome::VouchedFor);
                Ok(Reply { octets: reply.octets, event, inner })
            }
            Unbundled::Batch(messages) => {
                endpoint.check(message.body(), &self.policy)?;
                self.answer_batch(&validated, messages, &inside, endpoint, now)
            }
        }
    }

    /// A nested message that an RA signed.
    pub(super) fn validate_nested(
        &self,
        message: &PkiMessage,
        now: UnixTime,
    ) -> Result<ValidatedMessage, Error> {
        let validated = self.validate(message, &Expectation::First, now)?;
        if validated.mac_credential().is_some() {
            return Err(cmp::Error::WrongProtection.into());
        }
        is_registration_authority(validated.signer())?;
        Ok(validated)
    }

    /// What cannot be opened has no transaction to answer in: it is missing among the answers, and the RA tells its requester.
    fn answer_batch(
        &self,
        batch: &ValidatedMessage,
        mut messages: Batch<'_>,
        inside: &ReadingPolicy,
        endpoint: &Endpoint<'_>,
        now: UnixTime,
    ) -> Result<Reply, Error> {
        let (mut answers, mut inner) = (Vec::new(), Vec::new());
        // The answers leave together, so what they say is written together: the disk is what a message waits for most.
        self.registry.together(&mut || {
            for message in messages.by_ref() {
                match message {
                    Ok(message) => {
                        let reply = self.handle_message(&message, inside, endpoint, now);
                        // Not even a refusal could be signed: that answer is missing, too.
                        answers.extend(RawDer::new(&reply.octets));
                        inner.push(reply.event);
                        inner.extend(reply.inner);
                    }
                    Err(error) => inner.push(Event::new(None, Outcome::Refused(error.into()))),
                }
            }
        })?;
        let event = Event::new(Some(batch.message()), Outcome::Batch { answers: answers.len() });
        let octets = self.bundle(batch, answers, now)?;
        Ok(Reply { octets, event, inner })
    }

    pub(super) fn bundle(
        &self,
        batch: &ValidatedMessage,
        answers: Vec<RawDer>,
        now: UnixTime,
    ) -> Result<Vec<u8>, Error> {
        let part = self.responder(None, now).bundle(batch, answers)?;
        Ok(self.protect(&part, None)?)
    }
}

pub(super) fn is_registration_authority(signer: &Signer) -> Result<(), Error> {
    if signer.role == SignerRole::RegistrationAuthority {
        return Ok(());
    }
    Err(cmp::Error::NotAuthorized("only a registration authority nests messages").into())
}
