//! Whoever requests a certificate: a station, or a NEM on behalf of one (RFC 9483 sections 4.1 and 5.3.1).
//!
//! A struct per state, and each holds only what that state needs:
//!
//! ```text
//! Enrolment --start--> AwaitingCertificate --handle--> Granted --confirm--> AwaitingPkiConf --handle--> done
//!                             ^       +--> SealedCertificate --open--> Granted
//!                             |       |                   +-- implicitly confirmed: done
//!                             |       +--> Waiting (poll at the time it says)
//!                             +--poll------+
//! ```
//!
//! A state takes [`ValidatedMessage`](crate::ValidatedMessage)s only, so a planted reply cannot end a transaction. What must survive a restart is
//! the [`Transaction`]: octets and RFC facts, from which the states can be entered again.

mod answer;
mod ciphertext;
mod confirmation;
mod question;
mod sealed;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use asn1::UnixTime;
use crmf::CertReqMessages;
use crypto::CryptoProvider;
use der::Encode;
use pkcs10::CertReq;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::CertReqId;
use crate::body::{BodyKind, EncodedBody};
use crate::error::Error;
use crate::general_info::{GeneralInfo, InfoTypeAndValue, of_cert_profile};
use crate::header::{RecipNonce, SenderNonce, TransactionId};
use crate::protection::{Encapsulation, HeaderFields, ProtectedPart, SenderIdentity};
use crate::trust::Credential;
use crate::validation::Expectation;
use crate::version::{self, Pvno};

pub use answer::{Answer, AwaitingCertificate, Correspondent, Granted, Waiting};
pub use ciphertext::{AwaitingCiphertext, Continuation, KemQuestion};
pub use confirmation::{AwaitingPkiConf, Confirmation, DelayedPkiConf};
pub use question::{AwaitingReply, Delayed, Question, Reply};
pub use sealed::SealedCertificate;

/// What is asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CertificateRequest {
    /// The first certificate from this PKI, as CRMF.
    Ir(CertReqMessages),
    /// A further certificate, as CRMF.
    Cr(CertReqMessages),
    /// A new certificate in place of the one that protects the message, as CRMF (RFC 9483 section 4.1.3). The control
    /// [`OldCertId`](crmf::Control::OldCertId), where there is one, names that certificate.
    Kur(CertReqMessages),
    /// A certificate for a PKCS #10 request.
    P10cr(Box<CertReq>),
    /// A certificate of another CA for this one, as CRMF (RFC 9810 section 5.3.11).
    Ccr(CertReqMessages),
}

impl CertificateRequest {
    const fn kind(&self) -> RequestKind {
        match self {
            Self::Ir(_) => RequestKind::Ir,
            Self::Cr(_) => RequestKind::Cr,
            Self::Kur(_) => RequestKind::Kur,
            Self::P10cr(_) => RequestKind::P10cr,
            Self::Ccr(_) => RequestKind::Ccr,
        }
    }
}

/// Which request a transaction began with; it decides how the answer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestKind {
    /// ir, answered by ip
    Ir,
    /// cr, answered by cp
    Cr,
    /// kur, answered by kup
    Kur,
    /// p10cr, answered by cp with certReqId -1
    P10cr,
    /// ccr, answered by ccp
    Ccr,
}

impl RequestKind {
    /// The body that answers it.
    pub const fn response(self) -> BodyKind {
        match self {
            Self::Ir => BodyKind::Ip,
            Self::Kur => BodyKind::Kup,
            Self::Cr | Self::P10cr => BodyKind::Cp,
            Self::Ccr => BodyKind::Ccp,
        }
    }

    /// Its body.
    const fn body(self) -> BodyKind {
        match self {
            Self::Ir => BodyKind::Ir,
            Self::Cr => BodyKind::Cr,
            Self::Kur => BodyKind::Kur,
            Self::P10cr => BodyKind::P10cr,
            Self::Ccr => BodyKind::Ccr,
        }
    }

    /// What RFC 9810 calls its body.
    pub const fn name(self) -> &'static str {
        self.body().name()
    }
}

/// A request for one certificate, before it is sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Enrolment {
    /// The request.
    pub request: CertificateRequest,
    /// The RA/CA's name; the NULL-DN when it is not known.
    pub recipient: Name,
    /// Whether to ask that no certConf be awaited.
    pub implicit_confirm: bool,
    /// The name of the certificate profile asked for.
    pub cert_profile: Option<String>,
    /// The transaction in which a KEM key's ciphertext was asked for. Send with what was inside.
    pub continuation: Option<Continuation>,
    /// For whom a secret was encapsulated: then only they can answer, by a KEM-based MAC. Validate the answers with
    /// [`Encapsulation::within`] the transaction.
    pub answerer: Option<Encapsulation>,
}

impl Enrolment {
    /// Asks for a certificate, with explicit confirmation, from whoever answers.
    pub fn new(request: CertificateRequest) -> Self {
        Self {
            request,
            recipient: Name::default(),
            implicit_confirm: false,
            cert_profile: None,
            continuation: None,
            answerer: None,
        }
    }

    /// Makes the first message of a transaction with a fresh transactionID.
    ///
    /// # Errors
    /// When there is not exactly one request (RFC 9483 section 4.1.1), or randomness fails.
    pub fn start(
        self,
        identity: &SenderIdentity,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(ProtectedPart, AwaitingCertificate), Error> {
        let kind = self.request.kind();
        let (cert_req_id, public_key, body) = match &self.request {
            CertificateRequest::Ir(messages)
            | CertificateRequest::Cr(messages)
            | CertificateRequest::Kur(messages)
            | CertificateRequest::Ccr(messages) => {
                let (id, key) = only_request(messages)?;
                let content = messages.to_der().map_err(Error::Encoding)?;
                (id, key, EncodedBody::new(kind.body(), &content, version::of_requests(messages))?)
            }
            CertificateRequest::P10cr(request) => {
                let key = request.public_key_octets().to_vec();
                let content = request.to_der().map_err(Error::Encoding)?;
                (CertReqId::P10CR, key, EncodedBody::new(kind.body(), &content, Pvno::CMP2000)?)
            }
        };
        let mut general_info = GeneralInfo::new();
        if self.implicit_confirm {
            general_info.push(InfoTypeAndValue::implicit_confirm());
        }
        if let Some(profile) = &self.cert_profile {
            general_info.push(of_cert_profile(profile).map_err(Error::Encoding)?);
        }
        if let Some(encapsulation) = &self.answerer {
            general_info.push(encapsulation.info()?);
        }
        let (transaction_id, recip_nonce) = Continuation::begin(self.continuation, provider)?;
        let recipient = GeneralName::DirectoryName(self.recipient);
        let fields = HeaderFields {
            general_info,
            recip_nonce,
            ..HeaderFields::new(recipient, transaction_id.clone())
        };
        let part = ProtectedPart::new(identity, fields, body, provider, now)?;
        let nonce = part.sender_nonce().clone();
        let transaction = Transaction {
            transaction_id,
            kind,
            cert_req_id,
            implicit_confirm: self.implicit_confirm,
            public_key,
            nonces: Vec::from([nonce]),
            answerer: match &self.answerer {
                Some(encapsulation) => Some(encapsulation.signer().credential.clone()),
                None => identity.answerer(),
            },
        };
        Ok((part, AwaitingCertificate::resume(transaction)))
    }
}

fn only_request(messages: &CertReqMessages) -> Result<(CertReqId, Vec<u8>), Error> {
    match messages.messages() {
        // The key that the RA/CA is to generate is known when it comes.
        [message] if message.template().asks_for_key_generation() => Ok((message.cert_req_id(), Vec::new())),
        [message] => {
            let key = message.template().public_key_octets().map_err(Error::CertReqMsg)?;
            Ok((message.cert_req_id(), key))
        }
        messages => Err(Error::NotExactlyOne { what: "CertReqMsg", count: messages.len() }),
    }
}

/// What a requester remembers of its transaction. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transaction {
    /// The transaction.
    pub transaction_id: TransactionId,
    /// What it began with.
    pub kind: RequestKind,
    /// certReqId as it stands in the answer.
    pub cert_req_id: CertReqId,
    /// Whether implicitConfirm was asked for.
    pub implicit_confirm: bool,
    /// The SubjectPublicKeyInfo that the certificate must hold; empty as long as the RA/CA is to generate the key.
    pub public_key: Vec<u8>,
    /// The senderNonces that the next answer may echo: the request's and, when polling, the last pollReq's
    /// (RFC 9483 section 4.4).
    pub nonces: Vec<SenderNonce>,
    /// With which secret the answers must be protected, when the request was, or by whose KEM key; `None`: they must be signed.
    pub answerer: Option<Credential>,
}

impl Transaction {
    /// From facts that were stored of a request that was signed.
    pub const fn new(
        transaction_id: TransactionId,
        kind: RequestKind,
        cert_req_id: CertReqId,
        implicit_confirm: bool,
        public_key: Vec<u8>,
        nonces: Vec<SenderNonce>,
    ) -> Self {
        Self { transaction_id, kind, cert_req_id, implicit_confirm, public_key, nonces, answerer: None }
    }

    /// What the next message of the other side must look like.
    pub fn expectation(&self) -> Expectation<'_> {
        Expectation::Within {
            transaction_id: &self.transaction_id,
            nonces: &self.nonces,
            signer: self.answerer.as_ref(),
        }
    }

    /// Whether the RA/CA is to generate the key, and it has not come.
    pub(crate) fn awaits_key(&self) -> bool {
        self.public_key.is_empty()
    }

    fn header_fields(&self, recipient: Name, answered: SenderNonce) -> HeaderFields {
        let recipient = GeneralName::DirectoryName(recipient);
        HeaderFields {
            recip_nonce: Some(RecipNonce::from(answered)),
            ..HeaderFields::new(recipient, self.transaction_id.clone())
        }
    }
}
