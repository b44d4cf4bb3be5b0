//! certConf and what answers it, RFC 9483 section 4.1.1.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::UnixTime;
use crypto::CryptoProvider;

use super::{Correspondent, Transaction};
use crate::CertReqId;
use crate::body::PkiBody;
use crate::error::Error;
use crate::header::SenderNonce;
use crate::poll;
use crate::protection::{ProtectedPart, SenderIdentity};
use crate::status::PkiStatus;
use crate::trust::Credential;
use crate::validation::{Expectation, ValidatedMessage};

/// certConf was sent; pkiconf is awaited (RFC 9483 section 4.1.1).
#[derive(Clone, Debug)]
pub struct AwaitingPkiConf {
    pub(super) transaction: Transaction,
    pub(super) signer: Option<Credential>,
}

impl AwaitingPkiConf {
    /// Enters the state with facts that were stored: the transaction, with certConf's nonce, and what the answer was
    /// protected with.
    pub fn resume(
        mut transaction: Transaction,
        cert_conf_nonce: SenderNonce,
        signer: Option<Credential>,
    ) -> Self {
        transaction.nonces = Vec::from([cert_conf_nonce]);
        Self { transaction, signer }
    }

    /// What to store.
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// What pkiconf must be protected with: the same as the answer.
    pub const fn signer(&self) -> Option<&Credential> {
        self.signer.as_ref()
    }

    /// What pkiconf must look like.
    pub fn expectation(&self) -> Expectation<'_> {
        Expectation::Within {
            transaction_id: &self.transaction.transaction_id,
            nonces: &self.transaction.nonces,
            signer: self.signer.as_ref(),
        }
    }

    /// Takes pkiconf, or the news that it is delayed (RFC 9483 section 4.4).
    ///
    /// # Errors
    /// When it is a refusal, or something else altogether.
    pub fn handle(self, message: &ValidatedMessage) -> Result<Confirmation, Error> {
        match message.body() {
            PkiBody::PkiConf => Ok(Confirmation::Done),
            PkiBody::Error(content) if content.pki_status_info.status == PkiStatus::Waiting => {
                Ok(self.delayed(None, message))
            }
            PkiBody::PollRep(items) => match items.as_slice() {
                [item] => {
                    let check_after = item.check_after();
                    Ok(self.delayed(Some(check_after), message))
                }
                items => Err(Error::NotExactlyOne { what: "PollRepItem", count: items.len() }),
            },
            PkiBody::Error(content) => Err(Error::Refused(content.pki_status_info.clone())),
            other => Err(Error::UnexpectedBody(other.kind())),
        }
    }

    fn delayed(self, check_after: Option<Duration>, message: &ValidatedMessage) -> Confirmation {
        let correspondent = Correspondent::of(message);
        Confirmation::Delayed(Box::new(DelayedPkiConf { awaiting: self, check_after, correspondent }))
    }
}

/// What came back for certConf.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Confirmation {
    /// pkiconf; the transaction is over.
    Done,
    /// Not yet: poll.
    Delayed(Box<DelayedPkiConf>),
}

/// The RA/CA has certConf, and pkiconf is yet to come (RFC 9483 section 4.4).
#[derive(Clone, Debug)]
pub struct DelayedPkiConf {
    awaiting: AwaitingPkiConf,
    check_after: Option<Duration>,
    correspondent: Correspondent,
}

impl DelayedPkiConf {
    /// How long to wait before polling; `None` when the RA/CA has not said: poll at once to be told.
    pub const fn check_after(&self) -> Option<Duration> {
        self.check_after
    }

    /// Asks again. The whole message is delayed, so certReqId is -1 (RFC 9483 section 4.4).
    ///
    /// # Errors
    /// When randomness fails.
    pub fn poll(
        self,
        identity: &SenderIdentity,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(ProtectedPart, AwaitingPkiConf), Error> {
        let AwaitingPkiConf { mut transaction, signer } = self.awaiting;
        let fields = transaction.header_fields(self.correspondent.name, self.correspondent.nonce);
        let body = poll::request(CertReqId::P10CR)?;
        let part = ProtectedPart::new(identity, fields, body, provider, now)?;
        transaction.nonces.truncate(1);
        transaction.nonces.push(part.sender_nonce().clone());
        Ok((part, AwaitingPkiConf { transaction, signer }))
    }
}
