use alloc::vec::Vec;

use asn1::UnixTime;
use cmp::management_entity::{AwaitingCertConf, AwaitingPollReq, Confirmation, ReplyTo};
use cmp::{BodyKind, Expectation, PkiFailureInfo, PkiMessage, ProtectedPart, SenderNonce, ValidatedMessage};
use der::Decode;
use x509_cert::Certificate;

use super::Ca;
use crate::registry::{
    CertificateRecord, CertificateStatus, RegistryError, TransactionRecord, TransactionState, Write,
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

        use TransactionState::{AwaitingCertConf, Confirmed, Rejected, Waiting};
        let (state, part, outcome) = match (message.body().kind(), record.state) {
            (BodyKind::CertConf, AwaitingCertConf) => self.confirm(&record, nonce, &validated, now)?,
            (BodyKind::CertConf, Confirmed | Rejected) => {
                return Err(Error::policy(
                    PkiFailureInfo::CERT_CONFIRMED,
                    "the certificate was confirmed or rejected before",
                ));
            }
            (BodyKind::PollReq, Waiting { due }) if due > now => {
                self.wait_again(&record, due, nonce, &validated, now)?
            }
            (BodyKind::PollReq, Waiting { .. } | AwaitingCertConf) => {
                self.hand_out(&record, nonce, &validated, now)?
            }
            (other, _) => return Err(cmp::Error::UnexpectedBody(other).into()),
        };

        let exchange = self.exchange(&validated, &part)?;
        let answer = exchange.answer.clone();
        let mut next = record;
        next.state = state;
        next.keep(exchange);
        match self.registry.advance(&next, state.certificate_status(now))? {
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
        let certificate = certificate.certificate;
        let awaiting = AwaitingCertConf::resume(record.request.clone(), certificate, nonce);
        let (confirmation, part) =
            awaiting.handle(message, &self.responder(message.mac_credential(), now))?;
        let serial_number = record.serial_number.clone();
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
        due: UnixTime,
        nonce: SenderNonce,
        message: &ValidatedMessage,
        now: UnixTime,
    ) -> Result<(TransactionState, ProtectedPart, Outcome), Error> {
        let open = AwaitingPollReq::resume(record.request.clone(), nonce).handle(message)?;
        let reply_to = ReplyTo::new(message.message().header());
        let (part, _) =
            open.wait_again(due.abs_diff(now), &reply_to, &self.responder(message.mac_credential(), now))?;
        Ok((record.state, part, Outcome::Waiting { due }))
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
        let certificate = self.certificate_of(record)?.certificate;
        let decoded =
            Certificate::from_der(certificate.octets()).map_err(cmp::Error::MalformedCertificate)?;
        let reply_to = ReplyTo::new(message.message().header());
        let grant = self.grant(certificate, record.with_mods);
        let (part, next) = open.grant(&grant, &reply_to, &self.responder(message.mac_credential(), now))?;
        let outcome = Outcome::Issued {
            serial_number: record.serial_number.clone(),
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

    fn certificate_of(&self, record: &TransactionRecord) -> Result<CertificateRecord, Error> {
        let found = self.registry.certificate(&record.serial_number)?;
        found.ok_or_else(|| inconsistent("a transaction without its certificate"))
    }
}

fn inconsistent(what: &'static str) -> Error {
    Error::Registry(RegistryError::new(what))
}
