use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::{EncodedCertificate, RawDer, UnixTime};
use crypto::CryptoProvider;
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::name::Name;

use super::{AwaitingPkiConf, SealedCertificate, Transaction};
use crate::body::PkiBody;
use crate::cert_conf::{self, CertStatus, cert_hash};
use crate::cert_rep::{CertOrEncCert, CertRepMessage, CertResponse};
use crate::error::Error;
use crate::general_info::{confirm_wait_time, has_implicit_confirm};
use crate::header::SenderNonce;
use crate::poll;
use crate::protection::{ProtectedPart, SenderIdentity};
use crate::status::{PkiStatus, PkiStatusInfo};
use crate::trust::Credential;
use crate::validation::{Expectation, ValidatedMessage};

/// The request, or a pollReq, was sent; its answer is awaited.
#[derive(Clone, Debug)]
pub struct AwaitingCertificate {
    transaction: Transaction,
}

/// What came back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// A certificate.
    Granted(Granted),
    /// A certificate that only whoever has the key can decipher.
    Sealed(Box<SealedCertificate>),
    /// Not yet.
    Waiting(Waiting),
    /// No; the transaction is over.
    Refused(PkiStatusInfo),
}

impl AwaitingCertificate {
    /// Enters the state with facts that were stored.
    pub const fn resume(transaction: Transaction) -> Self {
        Self { transaction }
    }

    /// What to store.
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// What the answer must look like.
    pub fn expectation(&self) -> Expectation<'_> {
        self.transaction.expectation()
    }

    /// Takes the answer.
    ///
    /// # Errors
    /// When a validated message is no answer to this request. The transaction is over then: whoever signed it is
    /// trusted, and does not keep to the protocol.
    pub fn handle(self, message: &ValidatedMessage) -> Result<Answer, Error> {
        match message.body() {
            PkiBody::Ip(content) | PkiBody::Cp(content) | PkiBody::Kup(content) | PkiBody::Ccp(content)
                if message.body().kind() == self.transaction.kind.response() =>
            {
                self.handle_response(content, message)
            }
            PkiBody::PollRep(items) => match items.as_slice() {
                [item] => Ok(Answer::Waiting(self.waiting(Some(item.check_after()), message))),
                items => Err(Error::NotExactlyOne { what: "PollRepItem", count: items.len() }),
            },
            // A delay of the whole message, RFC 9483 section 4.4, or a refusal.
            PkiBody::Error(content) if content.pki_status_info.status == PkiStatus::Waiting => {
                Ok(Answer::Waiting(self.waiting(None, message)))
            }
            PkiBody::Error(content) => Ok(Answer::Refused(content.pki_status_info.clone())),
            other => Err(Error::UnexpectedBody(other.kind())),
        }
    }

    fn handle_response(self, content: &CertRepMessage, message: &ValidatedMessage) -> Result<Answer, Error> {
        let [response] = content.response.as_slice() else {
            return Err(Error::NotExactlyOne { what: "CertResponse", count: content.response.len() });
        };
        // The answer to p10cr says -1; RFC 9483 section 4.1.4 lets it say 0.
        let id = response.cert_req_id;
        if id != self.transaction.cert_req_id && id != crate::CertReqId::FIRST {
            return Err(Error::BadCertReqId(id));
        }
        let issued = response.certified_key_pair.as_ref().map(|pair| &pair.cert_or_enc_cert);
        match (response.status.status, issued) {
            (
                PkiStatus::Accepted | PkiStatus::GrantedWithMods,
                Some(CertOrEncCert::Certificate(certificate)),
            ) => {
                let circumstances = self.circumstances(content, response, message)?;
                Ok(Answer::Granted(Granted { certificate: certificate.clone(), circumstances }))
            }
            (
                PkiStatus::Accepted | PkiStatus::GrantedWithMods,
                Some(CertOrEncCert::EncryptedCert(sealed)),
            ) => {
                let circumstances = self.circumstances(content, response, message)?;
                Ok(Answer::Sealed(Box::new(SealedCertificate::new(sealed.clone(), circumstances))))
            }
            (PkiStatus::Rejection, None) => Ok(Answer::Refused(response.status.clone())),
            (PkiStatus::Waiting, None) => Ok(Answer::Waiting(self.waiting(None, message))),
            _ => Err(Error::InconsistentAnswer),
        }
    }

    fn circumstances(
        self,
        content: &CertRepMessage,
        response: &CertResponse,
        message: &ValidatedMessage,
    ) -> Result<Box<Circumstances>, Error> {
        let info = message.message().header().general_info.as_ref();
        let granted = has_implicit_confirm(info).map_err(Error::BadGeneralInfo)?;
        let private_key = response.certified_key_pair.as_ref().and_then(|pair| pair.private_key.clone());
        // A key that was asked for comes, and no other.
        if private_key.is_some() != self.transaction.awaits_key() {
            return Err(if private_key.is_some() {
                Error::InconsistentAnswer
            } else {
                Error::PrivateKeyMissing
            });
        }
        Ok(Box::new(Circumstances {
            extra_certs: message.message().extra_certs().to_vec(),
            ca_pubs: content.ca_pubs.clone().unwrap_or_default(),
            status: response.status.clone(),
            implicitly_confirmed: granted && self.transaction.implicit_confirm,
            confirm_until: confirm_wait_time(info).map_err(Error::BadGeneralInfo)?,
            correspondent: Correspondent::of(message),
            transaction: self.transaction,
            private_key,
        }))
    }

    fn waiting(self, check_after: Option<Duration>, message: &ValidatedMessage) -> Waiting {
        Waiting { check_after, correspondent: Correspondent::of(message), transaction: self.transaction }
    }
}

/// The other side, as its last message showed it: to whom the next one goes, and which nonce it echoes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Correspondent {
    /// The name it sends under.
    pub name: Name,
    /// Its last senderNonce.
    pub nonce: SenderNonce,
    /// What it protects its messages with, and must protect the transaction's other messages with.
    pub credential: Credential,
}

impl Correspondent {
    /// From facts that were stored.
    pub const fn new(name: Name, nonce: SenderNonce, credential: Credential) -> Self {
        Self { name, nonce, credential }
    }

    pub(super) fn of(message: &ValidatedMessage) -> Self {
        Self {
            name: message.message().header().sender_name().cloned().unwrap_or_default(),
            nonce: message.sender_nonce().clone(),
            credential: message.signer().credential.clone(),
        }
    }
}

/// The RA/CA is working on it (RFC 9483 section 4.4).
#[derive(Clone, Debug)]
pub struct Waiting {
    check_after: Option<Duration>,
    correspondent: Correspondent,
    transaction: Transaction,
}

impl Waiting {
    /// Enters the state with facts that were stored.
    pub const fn resume(transaction: Transaction, correspondent: Correspondent) -> Self {
        Self { check_after: None, correspondent, transaction }
    }

    /// What to store: the transaction.
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// What to store: the other side.
    pub const fn correspondent(&self) -> &Correspondent {
        &self.correspondent
    }

    /// How long to wait before polling; `None` when the RA/CA has not said: poll at once to be told.
    pub const fn check_after(&self) -> Option<Duration> {
        self.check_after
    }

    /// Asks again.
    ///
    /// # Errors
    /// When randomness fails.
    pub fn poll(
        self,
        identity: &SenderIdentity,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(ProtectedPart, AwaitingCertificate), Error> {
        let body = poll::request(self.transaction.cert_req_id)?;
        let fields = self.transaction.header_fields(self.correspondent.name, self.correspondent.nonce);
        let part = ProtectedPart::new(identity, fields, body, provider, now)?;
        let mut transaction = self.transaction;
        transaction.nonces.truncate(1);
        transaction.nonces.push(part.sender_nonce().clone());
        Ok((part, AwaitingCertificate { transaction }))
    }
}

/// A certificate was issued. It is not checked yet: see [`Granted::check`].
#[derive(Clone, Debug)]
pub struct Granted {
    pub(super) certificate: EncodedCertificate,
    pub(super) circumstances: Box<Circumstances>,
}

/// What comes with a certificate.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    pub(super) extra_certs: Vec<EncodedCertificate>,
    pub(super) ca_pubs: Vec<EncodedCertificate>,
    pub(super) status: PkiStatusInfo,
    pub(super) implicitly_confirmed: bool,
    pub(super) confirm_until: Option<UnixTime>,
    pub(super) correspondent: Correspondent,
    pub(super) transaction: Transaction,
    /// The EncryptedKey, when the key was to be generated.
    pub(super) private_key: Option<RawDer>,
}

impl Granted {
    /// Enters the state with facts that were stored, to confirm or reject the certificate once more. Of a key that was generated, the
    /// transaction has the public half by then.
    pub fn resume(
        transaction: Transaction,
        certificate: EncodedCertificate,
        correspondent: Correspondent,
    ) -> Self {
        Self {
            certificate,
            circumstances: Box::new(Circumstances {
                extra_certs: Vec::new(),
                ca_pubs: Vec::new(),
                status: PkiStatusInfo::new(PkiStatus::Accepted),
                implicitly_confirmed: false,
                confirm_until: None,
                correspondent,
                transaction,
                private_key: None,
            }),
        }
    }

    /// What to store besides the certificate and the transaction: the other side.
    pub const fn correspondent(&self) -> &Correspondent {
        &self.circumstances.correspondent
    }

    /// The certificate.
    pub const fn certificate(&self) -> &EncodedCertificate {
        &self.certificate
    }

    /// What came along in extraCerts, the chain of the certificate among it; believed in nothing.
    pub fn extra_certs(&self) -> &[EncodedCertificate] {
        &self.circumstances.extra_certs
    }

    /// What came in caPubs (RFC 9810 section 5.3.2); to be installed only by the rules of RFC 9483 section 4.1.1.
    pub fn ca_pubs(&self) -> &[EncodedCertificate] {
        &self.circumstances.ca_pubs
    }

    /// The EncryptedKey that came when the RA/CA was to generate the key.
    pub const fn encrypted_private_key(&self) -> Option<&RawDer> {
        self.circumstances.private_key.as_ref()
    }

    /// accepted, or grantedWithMods: then compare.
    pub const fn status(&self) -> &PkiStatusInfo {
        &self.circumstances.status
    }

    /// Whether no certConf is awaited, because that was asked for and granted.
    pub const fn implicitly_confirmed(&self) -> bool {
        self.circumstances.implicitly_confirmed
    }

    /// Until when certConf is awaited, if the RA/CA said so (RFC 9810 section 5.1.1.2).
    pub const fn confirm_until(&self) -> Option<UnixTime> {
        self.circumstances.confirm_until
    }

    /// The transaction it belongs to.
    pub const fn transaction(&self) -> &Transaction {
        &self.circumstances.transaction
    }

    /// Checks that the certificate is for the key it was requested for (RFC 9483 section 4.1.1), and decodes it. A key that was to be
    /// generated is opened before ([`Granted::open_private_key`]). Its names, its
    /// path and what it is good for are checked by [`crypto::Requested::check`].
    ///
    /// # Errors
    /// When it is not, or is no certificate, or there is a key to be opened.
    pub fn check(&self) -> Result<Certificate, Error> {
        if self.circumstances.transaction.awaits_key() {
            return Err(Error::PrivateKeyMissing);
        }
        let certificate =
            Certificate::from_der(self.certificate.octets()).map_err(Error::MalformedCertificate)?;
        let key =
            certificate.tbs_certificate().subject_public_key_info().to_der().map_err(Error::Encoding)?;
        if key == self.circumstances.transaction.public_key {
            Ok(certificate)
        } else {
            Err(Error::OtherPublicKey)
        }
    }

    /// Takes the certificate: makes certConf.
    ///
    /// # Errors
    /// When it is for another key, its signature algorithm has no known digest, or randomness fails.
    pub fn confirm(
        self,
        identity: &SenderIdentity,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(ProtectedPart, AwaitingPkiConf), Error> {
        self.check()?;
        self.certify(None, identity, provider, now)
    }

    /// Does not take the certificate: makes a certConf that says why. The RA/CA revokes it.
    ///
    /// # Errors
    /// When the certificate's signature algorithm has no known digest, or randomness fails.
    pub fn reject(
        self,
        reason: PkiStatusInfo,
        identity: &SenderIdentity,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(ProtectedPart, AwaitingPkiConf), Error> {
        self.certify(Some(reason), identity, provider, now)
    }

    fn certify(
        self,
        status: Option<PkiStatusInfo>,
        identity: &SenderIdentity,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(ProtectedPart, AwaitingPkiConf), Error> {
        let (hash, hash_alg) = cert_hash(provider, &self.certificate)?;
        let mut status = CertStatus::new(hash, self.circumstances.transaction.cert_req_id, status);
        status.hash_alg = hash_alg;
        let Circumstances { correspondent, mut transaction, .. } = *self.circumstances;
        let fields = transaction.header_fields(correspondent.name, correspondent.nonce);
        let body = cert_conf::encoded(&Vec::from([status]))?;
        let part = ProtectedPart::new(identity, fields, body, provider, now)?;
        transaction.nonces = Vec::from([part.sender_nonce().clone()]);
        Ok((part, AwaitingPkiConf { transaction, signer: Some(correspondent.credential) }))
    }
}
