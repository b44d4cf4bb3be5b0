use alloc::vec::Vec;

use asn1::UnixTime;
use cmp::management_entity::{ReplyTo, VerifiedRequest};
use cmp::{BodyKind, Expectation, PkiMessage};

use super::{Ca, certificate_record};
use crate::registry::{CertificateStatus, TransactionRecord, TransactionState, Write};
use crate::{Error, Outcome};

impl Ca {
    /// The first message of a transaction: ir, cr or p10cr.
    pub(super) fn enrol(&self, message: &PkiMessage, now: UnixTime) -> Result<(Vec<u8>, Outcome), Error> {
        let id = message.header().transaction_id.as_ref().ok_or(cmp::Error::BadTransactionId)?;
        match message.body().kind() {
            BodyKind::Ir | BodyKind::Cr | BodyKind::P10cr => {}
            BodyKind::CertConf | BodyKind::PollReq => {
                return Err(cmp::Error::UnknownTransaction(id.clone()).into());
            }
            other => return Err(cmp::Error::UnexpectedBody(other).into()),
        }
        let validated = self.validate(message, &Expectation::First, now)?;
        let request = VerifiedRequest::verify(&validated, &self.provider)?;
        let (subject, other_subject) = self.policy.subject(&request)?;
        let (contents, modified) =
            self.policy.profile.fit(subject, request.public_key(), request.extensions())?;
        let issued = self.issue(&contents, now)?;

        let open = request.open();
        let with_mods = other_subject || modified;
        let (reply_to, responder) =
            (ReplyTo::new(message.header()), self.responder(validated.mac_credential(), now));
        let (part, state, outcome) = if self.policy.issuing_delay.is_zero() {
            let grant = self.grant(issued.certificate.clone(), with_mods);
            let (part, next) = open.grant(&grant, &reply_to, &responder)?;
            let state = match next {
                Some(_) => TransactionState::AwaitingCertConf,
                None => TransactionState::Confirmed,
            };
            let outcome = Outcome::Issued {
                serial_number: issued.serial_number.clone(),
                subject: contents.subject.clone(),
                with_mods,
                implicitly_confirmed: next.is_none(),
            };
            (part, state, outcome)
        } else {
            let due = now.saturating_add(self.policy.issuing_delay);
            let (part, _) = open.wait(&reply_to, &responder)?;
            (part, TransactionState::Waiting { due }, Outcome::Waiting { due })
        };

        let exchange = self.exchange(&validated, &part)?;
        let answer = exchange.answer.clone();
        let transaction = TransactionRecord::new(
            open.clone(),
            issued.serial_number.clone(),
            with_mods,
            state,
            Vec::from([exchange]),
            0,
        );
        let requester = Some(request.signer().name.clone());
        let status = state.certificate_status(now);
        let certificate = certificate_record(&issued, &self.policy.profile, requester, status, now);
        match self.registry.open(&transaction, &certificate)? {
            Write::Done => Ok((answer, outcome)),
            Write::Conflict => {
                self.after_conflict(message, cmp::Error::TransactionIdInUse(id.clone()).into())
            }
        }
    }
}

impl TransactionState {
    /// What the transaction's certificate is worth in this state.
    pub(super) const fn certificate_status(self, now: UnixTime) -> CertificateStatus {
        match self {
            Self::Waiting { .. } | Self::AwaitingCertConf => CertificateStatus::Unconfirmed,
            Self::Confirmed => CertificateStatus::Valid,
            Self::Rejected => CertificateStatus::Revoked { at: now },
        }
    }
}
