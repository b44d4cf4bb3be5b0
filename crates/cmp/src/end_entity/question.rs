use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::UnixTime;
use crmf::{CertId, CertTemplate};
use crypto::CryptoProvider;
use der::Encode;
use der::asn1::OctetString;
use der::oid::AssociatedOid;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use super::{Continuation, Correspondent};
use crate::CertReqId;
use crate::body::{BodyKind, PkiBody};
use crate::error::Error;
use crate::general_info::{InfoTypeAndValue, of_cert_profile};
use crate::header::{RecipNonce, SenderNonce, TransactionId};
use crate::poll;
use crate::protection::{HeaderFields, ProtectedPart, SenderIdentity};
use crate::revocation::RevDetails;
use crate::status::{PkiStatus, PkiStatusInfo};
use crate::trust::Credential;
use crate::validation::{Expectation, ValidatedMessage};

/// What is answered once and for all, without confirmation: rr (RFC 9483 section 4.2) and genm (section 4.3).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// The RA/CA's name; the NULL-DN when it is not known.
    pub recipient: Name,
    /// The name of the certificate profile that certReqTemplate is asked of.
    pub cert_profile: Option<String>,
    /// Where it goes on, when a ciphertext for our KEM key was asked for first.
    pub continuation: Option<Continuation>,
    body: PkiBody,
    answer: BodyKind,
}

impl Question {
    /// Asks that a certificate be revoked: sign with that certificate, or as an RA. The reason removeFromCRL takes a
    /// certificate off hold.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    pub fn revoke(certificate: CertId, reason: CrlReason) -> Result<Self, Error> {
        let GeneralName::DirectoryName(issuer) = certificate.issuer else {
            return Err(Error::Encoding(der::ErrorKind::Failed.into()));
        };
        let mut template = CertTemplate::default();
        template.serial_number = Some(certificate.serial_number);
        template.issuer = Some(issuer);
        let reason = reason.to_der().and_then(OctetString::new).map_err(Error::Encoding)?;
        let reason = Extension { extn_id: CrlReason::OID, critical: false, extn_value: reason };
        let body = PkiBody::Rr(Vec::from([RevDetails::new(template, Some(Vec::from([reason])))]));
        Ok(Self::asking(body, BodyKind::Rp))
    }

    /// Asks for information of that type; some questions have a value, most have none.
    pub fn general(info: InfoTypeAndValue) -> Self {
        Self::asking(PkiBody::Genm(Vec::from([info])), BodyKind::Genp)
    }

    fn asking(body: PkiBody, answer: BodyKind) -> Self {
        Self { recipient: Name::default(), cert_profile: None, continuation: None, body, answer }
    }

    /// Makes the message, with a fresh transactionID unless it goes on with one.
    ///
    /// # Errors
    /// When a value cannot be encoded, or randomness fails.
    pub fn start(
        self,
        identity: &SenderIdentity,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(ProtectedPart, AwaitingReply), Error> {
        let (transaction_id, recip_nonce) = Continuation::begin(self.continuation, provider)?;
        let recipient = GeneralName::DirectoryName(self.recipient);
        let mut fields = HeaderFields { recip_nonce, ..HeaderFields::new(recipient, transaction_id.clone()) };
        if let Some(profile) = &self.cert_profile {
            fields.general_info.push(of_cert_profile(profile).map_err(Error::Encoding)?);
        }
        let part = ProtectedPart::new(identity, fields, self.body.encoded()?, provider, now)?;
        let nonces = Vec::from([part.sender_nonce().clone()]);
        let signer = identity.answerer();
        Ok((part, AwaitingReply { transaction_id, answer: self.answer, nonces, signer }))
    }
}

/// The question, or a pollReq, was sent; its answer is awaited.
#[derive(Clone, Debug)]
pub struct AwaitingReply {
    transaction_id: TransactionId,
    answer: BodyKind,
    nonces: Vec<SenderNonce>,
    signer: Option<Credential>,
}

/// What came back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// The certificate is revoked, or off hold.
    Revoked,
    /// What the RA/CA knows; RFC 9483 section 4.3 says which types answer which.
    Information(Vec<InfoTypeAndValue>),
    /// No; the transaction is over.
    Refused(PkiStatusInfo),
    /// Not yet: poll.
    Delayed(Delayed),
}

impl AwaitingReply {
    /// What the answer must look like.
    pub fn expectation(&self) -> Expectation<'_> {
        Expectation::Within {
            transaction_id: &self.transaction_id,
            nonces: &self.nonces,
            signer: self.signer.as_ref(),
        }
    }

    /// Takes the answer.
    ///
    /// # Errors
    /// When a validated message is no answer to this question.
    pub fn handle(self, message: &ValidatedMessage) -> Result<Reply, Error> {
        match message.body() {
            PkiBody::Rp(content) if self.answer == BodyKind::Rp => match content.status.as_slice() {
                [status] => match status.status {
                    PkiStatus::Accepted | PkiStatus::GrantedWithMods => Ok(Reply::Revoked),
                    PkiStatus::Rejection => Ok(Reply::Refused(status.clone())),
                    _ => Err(Error::InconsistentAnswer),
                },
                statuses => Err(Error::NotExactlyOne { what: "PKIStatusInfo", count: statuses.len() }),
            },
            PkiBody::Genp(content) if self.answer == BodyKind::Genp => {
                Ok(Reply::Information(content.clone()))
            }
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
            PkiBody::Error(content) => Ok(Reply::Refused(content.pki_status_info.clone())),
            other => Err(Error::UnexpectedBody(other.kind())),
        }
    }

    fn delayed(self, check_after: Option<Duration>, message: &ValidatedMessage) -> Reply {
        let correspondent = Correspondent::of(message);
        Reply::Delayed(Delayed { awaiting: self, check_after, correspondent })
    }
}

/// The RA/CA is working on it (RFC 9483 section 4.4).
#[derive(Clone, Debug)]
pub struct Delayed {
    awaiting: AwaitingReply,
    check_after: Option<Duration>,
    correspondent: Correspondent,
}

impl Delayed {
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
    ) -> Result<(ProtectedPart, AwaitingReply), Error> {
        let mut awaiting = self.awaiting;
        let recipient = GeneralName::DirectoryName(self.correspondent.name);
        let fields = HeaderFields {
            recip_nonce: Some(RecipNonce::from(self.correspondent.nonce)),
            ..HeaderFields::new(recipient, awaiting.transaction_id.clone())
        };
        let body = poll::request(CertReqId::P10CR)?;
        let part = ProtectedPart::new(identity, fields, body, provider, now)?;
        awaiting.nonces.truncate(1);
        awaiting.nonces.push(part.sender_nonce().clone());
        awaiting.signer = Some(self.correspondent.credential);
        Ok((part, awaiting))
    }
}
