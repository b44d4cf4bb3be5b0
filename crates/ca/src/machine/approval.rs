//! Requests that wait for an administrator (RFC 9483 section 4.4: a delay of any length).
//!
//! Nothing is signed for a request that waits. What is kept of it is its octets, as received: whoever approves it has them
//! validated once more, as of the time they came.

use alloc::string::String;
use alloc::vec::Vec;

use asn1::UnixTime;
use cmp::end_entity::RequestKind;
use cmp::management_entity::{ReplyTo, VerifiedRequest};
use cmp::{Expectation, PkiFailureInfo, PkiMessage, PkiStatusInfo, TransactionId, ValidatedMessage};
use x509_cert::name::Name;

use super::enrol::Decision;
use super::follow_up::inconsistent;
use super::{Ca, certificate_record};
use crate::registry::{
    CertificateRecord, CertificateStatus, CertificateStep, TransactionRecord, TransactionState, Write,
};
use crate::{CertificateContents, Error, Outcome};

/// The most octets of an administrator's reason.
const REASON_OCTETS: usize = 1024;

/// A request that waits for an administrator.
#[derive(Debug)]
#[non_exhaustive]
pub struct PendingRequest {
    /// By what it is approved or rejected.
    pub transaction_id: TransactionId,
    /// What it is.
    pub kind: RequestKind,
    /// When it came.
    pub received: UnixTime,
    /// What would be issued now, for whom; or why it can no longer be.
    pub contents: Result<(CertificateContents, Name), Error>,
}

impl Ca {
    /// The first answer to a request that needs approval.
    pub(super) fn hold(
        &self,
        validated: &ValidatedMessage,
        request: &VerifiedRequest,
        endpoint_profile: Option<&str>,
        now: UnixTime,
    ) -> Result<(Vec<u8>, Outcome), Error> {
        let message = validated.message();
        let reply_to = ReplyTo::new(message.header());
        let (part, _) = request.open().wait(&reply_to, &self.responder(validated.mac_credential(), now))?;
        let exchange = self.exchange(validated, &part)?;
        let answer = exchange.answer.clone();
        let state = TransactionState::AwaitingApproval {
            received: now,
            endpoint_profile: endpoint_profile.map(String::from),
        };
        let transaction =
            TransactionRecord::new(request.open().clone(), None, false, state, Vec::from([exchange]), 0);
        match self.registry.open(&transaction, None)? {
            Write::Done => Ok((answer, Outcome::AwaitingApproval)),
            Write::Conflict => {
                let in_use = cmp::Error::TransactionIdInUse(validated.transaction_id().clone());
                self.after_conflict(message, in_use.into())
            }
        }
    }

    /// The requests that wait for an administrator, the oldest first.
    ///
    /// # Errors
    /// When the registry cannot be read.
    pub fn pending(&self, now: UnixTime) -> Result<Vec<PendingRequest>, Error> {
        let mut pending: Vec<_> = self
            .registry
            .awaiting_approval()?
            .into_iter()
            .filter_map(|record| {
                let TransactionState::AwaitingApproval { received, endpoint_profile } = record.state.clone()
                else {
                    return None;
                };
                (!self.policy.approval.is_over(received, now)).then(|| PendingRequest {
                    contents: self.reopen(&record, received).and_then(|request| {
                        let contents = self.decide(&request, endpoint_profile.as_deref(), now)?.contents;
                        Ok((contents, request.signer().name.clone()))
                    }),
                    transaction_id: record.request.transaction_id,
                    kind: record.request.kind,
                    received,
                })
            })
            .collect();
        pending.sort_by_key(|request| request.received);
        Ok(pending)
    }

    /// Issues the certificate for a request that waits; it is handed out when its requester polls.
    ///
    /// # Errors
    /// When no such request waits, it may no longer have what it asks for, or the registry or the CA's key fails.
    pub fn approve(&self, id: &TransactionId, now: UnixTime) -> Result<CertificateRecord, Error> {
        loop {
            let (mut transaction, received, endpoint_profile) = self.awaiting_approval(id, now)?;
            let request = self.reopen(&transaction, received)?;
            let Decision { profile, contents, with_mods } =
                self.decide(&request, endpoint_profile.as_deref(), now)?;
            let issued = self.issue(&contents, now)?;
            let requester = Some(request.signer().name.clone());
            let certificate =
                certificate_record(&issued, profile, requester, CertificateStatus::Unconfirmed, now);
            transaction.serial_number = Some(issued.serial_number);
            transaction.with_mods = with_mods;
            transaction.state = TransactionState::Waiting { due: now };
            // A conflict: its requester polled meanwhile.
            if self.registry.advance(&transaction, CertificateStep::Issue(&certificate))? == Write::Done {
                return Ok(certificate);
            }
        }
    }

    /// Rejects a request that waits; its requester is told so, with the reason, when it polls.
    ///
    /// # Errors
    /// When no such request waits, the reason is longer than 1024 octets, or the registry fails.
    pub fn reject(&self, id: &TransactionId, reason: String, now: UnixTime) -> Result<(), Error> {
        let status = rejection(reason)?;
        loop {
            let (mut transaction, ..) = self.awaiting_approval(id, now)?;
            transaction.state = TransactionState::Refused { status: status.clone() };
            if self.registry.advance(&transaction, CertificateStep::None)? == Write::Done {
                return Ok(());
            }
        }
    }

    fn awaiting_approval(
        &self,
        id: &TransactionId,
        now: UnixTime,
    ) -> Result<(TransactionRecord, UnixTime, Option<String>), Error> {
        match self.registry.transaction(id)? {
            Some(record) => match &record.state {
                TransactionState::AwaitingApproval { received, endpoint_profile }
                    if !self.policy.approval.is_over(*received, now) =>
                {
                    let (received, endpoint_profile) = (*received, endpoint_profile.clone());
                    Ok((record, received, endpoint_profile))
                }
                _ => Err(Error::policy(
                    PkiFailureInfo::BAD_REQUEST,
                    "this request waits no more: it was approved or rejected, or waited too long",
                )),
            },
            None => Err(cmp::Error::UnknownTransaction(id.clone()).into()),
        }
    }

    /// The request from its octets. It is believed as of the time it came, by those who are trusted now.
    fn reopen(&self, record: &TransactionRecord, received: UnixTime) -> Result<VerifiedRequest, Error> {
        let exchange = record.exchanges.first();
        let exchange = exchange.ok_or_else(|| inconsistent("a transaction without an exchange"))?;
        let message = PkiMessage::inspect(&exchange.request, &self.reading).map_err(Error::from)?;
        let validated = self.validate(&message, &Expectation::First, received)?;
        self.verify(&validated)
    }
}

/// What a requester is told whom an administrator turns away.
pub(super) fn rejection(reason: String) -> Result<PkiStatusInfo, Error> {
    if reason.len() > REASON_OCTETS {
        return Err(Error::policy(PkiFailureInfo::BAD_REQUEST, "the reason has more than 1024 octets"));
    }
    Ok(PkiStatusInfo::rejection(PkiFailureInfo::NOT_AUTHORIZED, reason))
}
