use alloc::vec::Vec;
use core::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use crypto::CryptoProvider;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::CertReqId;
use crate::body::{BodyKind, PkiBody};
use crate::cert_conf::cert_hash;
use crate::cert_rep::{CertRepMessage, CertResponse};
use crate::end_entity::RequestKind;
use crate::error::Error;
use crate::error_msg::ErrorMsgContent;
use crate::general_info::GeneralInfo;
use crate::header::{PkiHeader, RecipNonce, SenderNonce, TransactionId};
use crate::long_batch::{LongBatch, ValidatedBatch};
use crate::message::PkiMessage;
use crate::nested::NestedMessageContent;
use crate::poll::PollRepItem;
use crate::protection::{Encapsulation, HeaderFields, ProtectedPart, SenderIdentity};
use crate::revocation::RevRepContent;
use crate::status::{PkiFailureInfo, PkiStatus, PkiStatusInfo};
use crate::trust::Credential;
use crate::validation::{Expectation, ValidatedMessage};
use crate::version::Pvno;

/// What every answer needs.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)] // parameters of a call
pub struct Responder<'a> {
    /// Who answers.
    pub identity: &'a SenderIdentity,
    /// With which cryptography.
    pub provider: &'a CryptoProvider,
    /// When.
    pub now: UnixTime,
}

/// Where an answer goes, taken from a message that need not be believed: an error can be answered, too.
#[derive(Clone, Debug)]
pub struct ReplyTo {
    pvno: Pvno,
    recipient: GeneralName,
    transaction_id: Option<TransactionId>,
    recip_nonce: Option<RecipNonce>,
}

impl ReplyTo {
    /// The sender of that message.
    pub fn new(header: &PkiHeader) -> Self {
        Self {
            pvno: header.pvno.of_answer(),
            recipient: header.sender.clone(),
            transaction_id: header.transaction_id.clone(),
            recip_nonce: header.sender_nonce.clone().map(RecipNonce::from),
        }
    }

    /// The version that the answer speaks, if its body needs no higher one.
    pub const fn pvno(&self) -> Pvno {
        self.pvno
    }

    /// Whoever sent something that could not even be decoded.
    pub fn unknown() -> Self {
        Self {
            pvno: Pvno::CMP2000,
            recipient: GeneralName::DirectoryName(Name::default()),
            transaction_id: None,
            recip_nonce: None,
        }
    }
}

impl Responder<'_> {
    /// The answer to a message that failed: a negative ip, cp, kup or rp where the request got as far as that, else an error
    /// (RFC 9483 section 3.6). `message` is the message that failed, if it could be decoded.
    ///
    /// # Errors
    /// When randomness fails or the answer cannot be encoded.
    pub fn refuse(&self, message: Option<&PkiMessage>, error: &Error) -> Result<ProtectedPart, Error> {
        let status = error.status_info();
        let rejection =
            |id: CertReqId| CertRepMessage::new(CertResponse::without_certificate(id, status.clone()));
        let body = match message.map(PkiMessage::body) {
            Some(PkiBody::Ir(_)) if error.is_of_body() => PkiBody::Ip(rejection(CertReqId::FIRST)),
            Some(PkiBody::Cr(_)) if error.is_of_body() => PkiBody::Cp(rejection(CertReqId::FIRST)),
            Some(PkiBody::Kur(_)) if error.is_of_body() => PkiBody::Kup(rejection(CertReqId::FIRST)),
            Some(PkiBody::Ccr(_)) if error.is_of_body() => PkiBody::Ccp(rejection(CertReqId::FIRST)),
            Some(PkiBody::P10cr(_)) if error.is_of_body() => PkiBody::Cp(rejection(CertReqId::P10CR)),
            Some(PkiBody::Rr(_)) if error.is_of_body() => PkiBody::Rp(RevRepContent::new(status)),
            _ => PkiBody::Error(ErrorMsgContent::new(status)),
        };
        let reply_to = message.map_or_else(ReplyTo::unknown, |message| ReplyTo::new(message.header()));
        self.part(&reply_to, &body, GeneralInfo::new())
    }

    /// The answer to the question for a KEM's ciphertext, without protection, and its senderNonce
    /// ([`Validator::take_kem_question`](crate::Validator::take_kem_question)).
    ///
    /// # Errors
    /// When randomness fails or the answer cannot be encoded.
    pub fn ciphertext(
        &self,
        to: &ReplyTo,
        encapsulation: &Encapsulation,
    ) -> Result<(Vec<u8>, SenderNonce), Error> {
        let body = PkiBody::Genp(Vec::from([encapsulation.info()?]));
        let fields = self.fields(to, GeneralInfo::new())?;
        ProtectedPart::unprotected(self.identity, fields, body.encoded()?, self.provider, self.now)
    }

    /// The refusal without protection of a request that brought no ciphertext for our KEM key: wrongIntegrity, with the certificate
    /// of the key (RFC 9810 appendix E).
    ///
    /// # Errors
    /// When randomness fails or the answer cannot be encoded.
    pub fn demand_ciphertext(&self, to: &ReplyTo) -> Result<Vec<u8>, Error> {
        let body = PkiBody::Error(ErrorMsgContent::new(Error::KemCiphertextMissing.status_info()));
        let fields = self.fields(to, GeneralInfo::new())?;
        let sent =
            ProtectedPart::unprotected(self.identity, fields, body.encoded()?, self.provider, self.now);
        sent.map(|(octets, _)| octets)
    }

    /// An answer that ends the transaction: rp or genp.
    ///
    /// # Errors
    /// When randomness fails or the answer cannot be encoded.
    pub fn reply(&self, to: &ReplyTo, body: &PkiBody) -> Result<ProtectedPart, Error> {
        self.part(to, body, GeneralInfo::new())
    }

    /// The answers to the messages of a batch, in one nested message (RFC 9483 section 5.2.2.2): each the octets of a PKIMessage that
    /// was just made. Messages that are not answered yet are left out.
    ///
    /// # Errors
    /// When there is no answer, or randomness fails.
    pub fn bundle(
        &self,
        batch: &ValidatedMessage,
        answers: NestedMessageContent,
    ) -> Result<ProtectedPart, Error> {
        if answers.is_empty() {
            return Err(Error::EmptyList("nested"));
        }
        let reply_to = ReplyTo::new(batch.message().header());
        self.part(&reply_to, &PkiBody::Nested(answers), GeneralInfo::new())
    }

    /// The same for answers that are too long for memory, of that many octets together.
    ///
    /// # Errors
    /// When there is no answer, or randomness fails; when they are more than can be counted (2^32).
    pub fn bundle_long(&self, batch: &ValidatedBatch, answers: usize) -> Result<LongBatch, Error> {
        let reply_to = ReplyTo::new(batch.header());
        LongBatch::around(self.part(&reply_to, &PkiBody::Nested(Vec::new()), GeneralInfo::new())?, answers)
    }

    pub(super) fn part(
        &self,
        to: &ReplyTo,
        body: &PkiBody,
        info: GeneralInfo,
    ) -> Result<ProtectedPart, Error> {
        let fields = self.fields(to, info)?;
        ProtectedPart::new(self.identity, fields, body.encoded()?, self.provider, self.now)
    }

    fn fields(&self, to: &ReplyTo, info: GeneralInfo) -> Result<HeaderFields, Error> {
        let transaction_id = match &to.transaction_id {
            Some(id) => id.clone(),
            None => TransactionId::random(self.provider)?,
        };
        Ok(HeaderFields {
            pvno: to.pvno,
            recip_nonce: to.recip_nonce.clone(),
            general_info: info,
            ..HeaderFields::new(to.recipient.clone(), transaction_id)
        })
    }
}

impl Error {
    /// Whether the message's header and protection were fine, and its body was not (RFC 9483 section 3.6.4).
    pub const fn is_of_body(&self) -> bool {
        matches!(
            self,
            Self::NotExactlyOne { .. }
                | Self::BadCertReqId(_)
                | Self::CertificationRequest(_)
                | Self::CertReqMsg(_)
                | Self::NameNotAllowed(_)
                | Self::NotAuthorized(_)
                | Self::Policy { .. }
        )
    }
}

/// A request that is accepted and not answered for good: what to store of it. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenRequest {
    /// The transaction.
    pub transaction_id: TransactionId,
    /// What it began with.
    pub kind: RequestKind,
    /// certReqId as it stands in the answer.
    pub cert_req_id: CertReqId,
    /// Whether implicit confirmation was asked for.
    pub implicit_confirm: bool,
    /// What the request was protected with, and the transaction's other messages must be.
    pub signer: Credential,
}

impl OpenRequest {
    /// From facts that were stored.
    pub const fn new(
        transaction_id: TransactionId,
        kind: RequestKind,
        cert_req_id: CertReqId,
        implicit_confirm: bool,
        signer: Credential,
    ) -> Self {
        Self { transaction_id, kind, cert_req_id, implicit_confirm, signer }
    }

    /// Answers that the requester has to wait (RFC 9483 section 4.4): the first answer, before any pollReq.
    ///
    /// # Errors
    /// When randomness fails or the answer cannot be encoded.
    pub fn wait(
        &self,
        reply_to: &ReplyTo,
        responder: &Responder<'_>,
    ) -> Result<(ProtectedPart, AwaitingPollReq), Error> {
        let status = PkiStatusInfo::new(PkiStatus::Waiting);
        let body = self.response(CertResponse::without_certificate(self.cert_req_id, status));
        self.awaiting_poll_req(responder.part(reply_to, &body, GeneralInfo::new())?)
    }

    /// Answers a pollReq: not yet, ask again after that time.
    ///
    /// # Errors
    /// When randomness fails or the answer cannot be encoded.
    pub fn wait_again(
        &self,
        check_after: Duration,
        reply_to: &ReplyTo,
        responder: &Responder<'_>,
    ) -> Result<(ProtectedPart, AwaitingPollReq), Error> {
        let body = PkiBody::PollRep(Vec::from([PollRepItem::new(self.cert_req_id, check_after)]));
        self.awaiting_poll_req(responder.part(reply_to, &body, GeneralInfo::new())?)
    }

    /// Answers that there will be no certificate.
    ///
    /// # Errors
    /// When randomness fails or the answer cannot be encoded.
    pub fn refuse(
        &self,
        status: PkiStatusInfo,
        reply_to: &ReplyTo,
        responder: &Responder<'_>,
    ) -> Result<ProtectedPart, Error> {
        let body = self.response(CertResponse::without_certificate(self.cert_req_id, status));
        responder.part(reply_to, &body, GeneralInfo::new())
    }

    fn awaiting_poll_req(&self, part: ProtectedPart) -> Result<(ProtectedPart, AwaitingPollReq), Error> {
        let nonce = part.sender_nonce().clone();
        Ok((part, AwaitingPollReq { open: self.clone(), nonce }))
    }

    pub(super) fn response(&self, response: CertResponse) -> PkiBody {
        let content = CertRepMessage::new(response);
        match self.kind.response() {
            BodyKind::Ip => PkiBody::Ip(content),
            BodyKind::Kup => PkiBody::Kup(content),
            BodyKind::Ccp => PkiBody::Ccp(content),
            _ => PkiBody::Cp(content),
        }
    }

    /// p10cr is polled for and confirmed with -1 by OpenSSL, with 0 by RFC 9483's table: both are accepted.
    fn check_id(&self, id: CertReqId) -> Result<(), Error> {
        if id == self.cert_req_id || id == CertReqId::FIRST { Ok(()) } else { Err(Error::BadCertReqId(id)) }
    }
}

/// The certificate went out; certConf is awaited (RFC 9810 section 5.3.18).
#[derive(Clone, Debug)]
pub struct AwaitingCertConf {
    pub(super) open: OpenRequest,
    pub(super) certificate: EncodedCertificate,
    pub(super) nonce: SenderNonce,
}

/// What certConf says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirmation {
    /// The requester takes the certificate.
    Accepted,
    /// The requester does not: it is to be revoked.
    Rejected(PkiStatusInfo),
}

impl AwaitingCertConf {
    /// Enters the state with facts that were stored: the request, what was issued, and the answer's senderNonce.
    pub const fn resume(open: OpenRequest, certificate: EncodedCertificate, nonce: SenderNonce) -> Self {
        Self { open, certificate, nonce }
    }

    /// What certConf must look like.
    pub fn expectation(&self) -> Expectation<'_> {
        expectation(&self.open, &self.nonce)
    }

    /// The answer's senderNonce.
    pub const fn nonce(&self) -> &SenderNonce {
        &self.nonce
    }

    /// Takes certConf and makes pkiconf. An empty certConf rejects the certificate (RFC 9810 section 5.3.18).
    ///
    /// # Errors
    /// When it is for another certificate, or no certConf at all.
    pub fn handle(
        self,
        message: &ValidatedMessage,
        responder: &Responder<'_>,
    ) -> Result<(Confirmation, ProtectedPart), Error> {
        let PkiBody::CertConf(content) = message.body() else {
            return Err(Error::UnexpectedBody(message.body().kind()));
        };
        let confirmation = match content.as_slice() {
            [] => Confirmation::Rejected(PkiStatusInfo::new(PkiStatus::Rejection)),
            [status] => {
                self.open.check_id(status.cert_req_id).map_err(|_| Error::Policy {
                    fail_info: PkiFailureInfo::BAD_CERT_ID,
                    reason: "certConf has the certReqId of no certificate that was issued",
                })?;
                if status.cert_hash != self.expected_hash(status, responder.provider)? {
                    return Err(Error::BadCertHash);
                }
                match &status.status_info {
                    Some(info) if info.status == PkiStatus::Rejection => Confirmation::Rejected(info.clone()),
                    _ => Confirmation::Accepted,
                }
            }
            statuses => return Err(Error::NotExactlyOne { what: "CertStatus", count: statuses.len() }),
        };
        let reply_to = ReplyTo::new(message.message().header());
        Ok((confirmation, responder.part(&reply_to, &PkiBody::PkiConf, GeneralInfo::new())?))
    }

    fn expected_hash(
        &self,
        status: &crate::CertStatus,
        provider: &CryptoProvider,
    ) -> Result<der::asn1::OctetString, Error> {
        match &status.hash_alg {
            None => cert_hash(provider, &self.certificate).map(|(hash, _)| hash),
            Some(identifier) => {
                let digest =
                    crypto::DigestAlgorithm::from_identifier(identifier).map_err(Error::Algorithm)?;
                let hash = provider.digest(digest, self.certificate.octets());
                der::asn1::OctetString::new(hash).map_err(Error::Encoding)
            }
        }
    }
}

/// The requester was told to wait; pollReq is awaited (RFC 9483 section 4.4).
#[derive(Clone, Debug)]
pub struct AwaitingPollReq {
    open: OpenRequest,
    nonce: SenderNonce,
}

impl AwaitingPollReq {
    /// Enters the state with facts that were stored: the request and the last answer's senderNonce.
    pub const fn resume(open: OpenRequest, nonce: SenderNonce) -> Self {
        Self { open, nonce }
    }

    /// What pollReq must look like.
    pub fn expectation(&self) -> Expectation<'_> {
        expectation(&self.open, &self.nonce)
    }

    /// The last answer's senderNonce.
    pub const fn nonce(&self) -> &SenderNonce {
        &self.nonce
    }

    /// Takes pollReq; the request can then be granted, refused, or made to wait again.
    ///
    /// # Errors
    /// When it asks for another request, or is no pollReq at all.
    pub fn handle(self, message: &ValidatedMessage) -> Result<OpenRequest, Error> {
        match message.body() {
            PkiBody::PollReq(items) => match items.as_slice() {
                [item] => self.open.check_id(item.cert_req_id).map(|()| self.open),
                items => Err(Error::NotExactlyOne { what: "PollReqItem", count: items.len() }),
            },
            other => Err(Error::UnexpectedBody(other.kind())),
        }
    }
}

fn expectation<'a>(open: &'a OpenRequest, nonce: &'a SenderNonce) -> Expectation<'a> {
    Expectation::Within {
        transaction_id: &open.transaction_id,
        nonces: core::slice::from_ref(nonce),
        signer: Some(&open.signer),
    }
}
