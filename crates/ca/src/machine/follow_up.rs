use alloc::vec::Vec;
use core::time::Duration;

use asn1::UnixTime;
use cmp::management_entity::{AwaitingCertConf, AwaitingPollReq, Confirmation, ReplyTo};
use cmp::{
    BodyKind, Expectation, PkiBody, PkiFailureInfo, PkiMessage, PkiStatusInfo, ProtectedPart, SenderNonce,
    ValidatedMessage,
};
use crmf::CertReqMsg;
use crypto::PublicKey;
use der::{Decode, Encode};
use x509_cert::Certificate;

use super::Ca;
use crate::registry::{
    CertificateRecord, CertificateStatus, CertificateStep, RegistryError, TransactionRecord,
    TransactionState, Write,
};
use crate::{Error, Outcome};

impl Ca {
    /// A later message of a transaction: certConf or pollReq.
    pub(super) fn follow_up(
        &self,
        record: TransactionRecord,
        message: &PkiMessage,
        now: UnixTime,
    ) -> Result<(Vec<u8>, Outcome), Error> {
        let id = &record.request.transaction_id;
        match message.body().kind() {
            BodyKind::CertConf | BodyKind::PollReq => {}
            _ => return Err(cmp::Error::TransactionIdInUse(id.clone()).into()),
        }
        let expectation = Expectation::Within {
            transaction_id: id,
            nonces: &record.nonces(),
            signer: Some(&record.request.signer),
        };
        let validated = self.validate(message, &expectation, now)?;
        let nonce = record.nonces().pop().ok_or_else(|| inconsistent("a transaction without an exchange"))?;

        use TransactionState::{AwaitingApproval, AwaitingCertConf, Confirmed, Refused, Rejected, Waiting};
        let (state, part, outcome) = match (message.body().kind(), &record.state) {
            (BodyKind::CertConf, AwaitingCertConf) => self.confirm(&record, nonce, &validated, now)?,
            (BodyKind::CertConf, Confirmed | Rejected) => {
                return Err(Error::policy(
                    PkiFailureInfo::CERT_CONFIRMED,
                    "the certificate was confirmed or rejected before",
                ));
            }
            (BodyKind::PollReq, Waiting { due }) if *due > now => {
                let part = self.wait_again(&record, due.abs_diff(now), nonce, &validated, now)?;
                (record.state.clone(), part, Outcome::Waiting { due: *due })
            }
            (BodyKind::PollReq, AwaitingApproval { received, .. })
                if !self.policy.approval.is_over(*received, now) =>
            {
                let after = self.policy.approval.check_after;
                let part = self.wait_again(&record, after, nonce, &validated, now)?;
                (record.state.clone(), part, Outcome::AwaitingApproval)
            }
            (BodyKind::PollReq, AwaitingApproval { .. }) => {
                self.turn_down(&record, nobody_decided(), nonce, &validated, now)?
            }
            (BodyKind::PollReq, Refused { status }) => {
                self.turn_down(&record, status.clone(), nonce, &validated, now)?
            }
            (BodyKind::PollReq, Waiting { .. } | AwaitingCertConf) => {
                self.hand_out(&record, nonce, &validated, now)?
            }
            // It was confirmed as it went out, and nobody may have it: whoever asks by a new message has lost the answer.
            (BodyKind::PollReq, Confirmed) if record.request.implicit_confirm => {
                self.hand_out(&record, nonce, &validated, now)?
            }
            (other, _) => return Err(cmp::Error::UnexpectedBody(other).into()),
        };

        let exchange = self.exchange(&validated, &part)?;
        let answer = exchange.answer.clone();
        let mut next = record;
        next.state = state;
        next.keep(exchange);
        let step = match next.serial_number {
            Some(_) => CertificateStep::Status(next.state.certificate_status(now)),
            None => CertificateStep::None,
        };
        match self.registry.advance(&next, step)? {
            Write::Done => Ok((answer, outcome)),
            Write::Conflict => {
                let error = Error::policy(
                    PkiFailureInfo::BAD_REQUEST,
                    "another message of this transaction was handled at the same time",
                );
                self.after_conflict(message, error)
            }
        }
    }

    fn confirm(
        &self,
        record: &TransactionRecord,
        nonce: SenderNonce,
        message: &ValidatedMessage,
        now: UnixTime,
    ) -> Result<(TransactionState, ProtectedPart, Outcome), Error> {
        let certificate = self.certificate_of(record)?;
        if matches!(certificate.status, CertificateStatus::Revoked { .. }) {
            return Err(Error::policy(PkiFailureInfo::CERT_REVOKED, "the certificate is revoked by now"));
        }
        let awaiting = AwaitingCertConf::resume(record.request.clone(), certificate.certificate, nonce);
        let (confirmation, part) =
            awaiting.handle(message, &self.responder(message.mac_credential(), now))?;
        let serial_number = certificate.serial_number;
        Ok(match confirmation {
            Confirmation::Rejected(status) => {
                (TransactionState::Rejected, part, Outcome::Rejected { serial_number, status })
            }
            _ => (TransactionState::Confirmed, part, Outcome::Confirmed { serial_number }),
        })
    }

    fn wait_again(
        &self,
        record: &TransactionRecord,
        check_after: Duration,
        nonce: SenderNonce,
        message: &ValidatedMessage,
        now: UnixTime,
    ) -> Result<ProtectedPart, Error> {
        let open = AwaitingPollReq::resume(record.request.clone(), nonce).handle(message)?;
        let reply_to = ReplyTo::new(message.message().header());
        let (part, _) =
            open.wait_again(check_after, &reply_to, &self.responder(message.mac_credential(), now))?;
        Ok(part)
    }

    /// There will be no certificate.
    fn turn_down(
        &self,
        record: &TransactionRecord,
        status: PkiStatusInfo,
        nonce: SenderNonce,
        message: &ValidatedMessage,
        now: UnixTime,
    ) -> Result<(TransactionState, ProtectedPart, Outcome), Error> {
        let open = AwaitingPollReq::resume(record.request.clone(), nonce).handle(message)?;
        let reply_to = ReplyTo::new(message.message().header());
        let part = open.refuse(status.clone(), &reply_to, &self.responder(message.mac_credential(), now))?;
        Ok((TransactionState::Refused { status: status.clone() }, part, Outcome::NotApproved { status }))
    }

    /// The certificate goes out; once more to a requester that asks again because the answer was lost.
    fn hand_out(
        &self,
        record: &TransactionRecord,
        nonce: SenderNonce,
        message: &ValidatedMessage,
        now: UnixTime,
    ) -> Result<(TransactionState, ProtectedPart, Outcome), Error> {
        let open = AwaitingPollReq::resume(record.request.clone(), nonce).handle(message)?;
        let CertificateRecord { certificate, serial_number, .. } = self.certificate_of(record)?;
        let decoded =
            Certificate::from_der(certificate.octets()).map_err(cmp::Error::MalformedCertificate)?;
        let reply_to = ReplyTo::new(message.message().header());
        let mut grant = self.grant(certificate, record.with_mods, message);
        if self.proves_possession(record)? {
            let key =
                decoded.tbs_certificate().subject_public_key_info().to_der().map_err(Error::Encoding)?;
            grant.encipher_for =
                Some(PublicKey::from_spki_der(&key).map_err(|_| inconsistent("a weak key"))?);
        }
        let (part, next) = open.grant(&grant, &reply_to, &self.responder(message.mac_credential(), now))?;
        let outcome = Outcome::Issued {
            serial_number,
            subject: decoded.tbs_certificate().subject().clone(),
            with_mods: record.with_mods,
            implicitly_confirmed: next.is_none(),
        };
        let state = match next {
            Some(_) => TransactionState::AwaitingCertConf,
            None => TransactionState::Confirmed,
        };
        Ok((state, part, outcome))
    }

    /// Whether deciphering the certificate proves possession: the first exchange, which is always kept, tells.
    fn proves_possession(&self, record: &TransactionRecord) -> Result<bool, Error> {
        let exchange = record.exchanges.first();
        let exchange = exchange.ok_or_else(|| inconsistent("a transaction without an exchange"))?;
        let message = PkiMessage::inspect(&exchange.request, &self.reading)?;
        Ok(match message.body() {
            PkiBody::Ir(requests) | PkiBody::Cr(requests) | PkiBody::Kur(requests) => {
                requests.messages().iter().any(CertReqMsg::is_encr_cert)
            }
            _ => false,
        })
    }

    fn certificate_of(&self, record: &TransactionRecord) -> Result<CertificateRecord, Error> {
        let found = match &record.serial_number {
            Some(serial_number) => self.registry.certificate(serial_number)?,
            None => None,
        };
        found.ok_or_else(|| inconsistent("a transaction without its certificate"))
    }
}

fn nobody_decided() -> PkiStatusInfo {
    PkiStatusInfo::rejection(PkiFailureInfo::SYSTEM_UNAVAIL, "nobody approved the request in time".into())
}

pub(super) fn inconsistent(what: &'static str) -> Error {
    Error::Registry(RegistryError::new(what))
}
