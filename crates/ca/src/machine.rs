//! The CA: a message in, an answer out.

mod approval;
mod cross_certify;
mod enrol;
mod follow_up;
mod general;
mod kem;
mod key_generation;
mod nested;
mod offline;
mod revoke;

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

pub use approval::PendingRequest;
use asn1::{EncodedCertificate, UnixTime};
use cmp::management_entity::{Grant, ReplyTo, Responder, VerifiedRequest};
use cmp::{
    BodyKind, Expectation, MacCredential, PkiBody, PkiFailureInfo, PkiMessage, ProtectedPart, Quirks,
    ReadingPolicy, RootCaKeyUpdateContent, SecretTrust, SenderIdentity, Signer, TransactionId, Trust,
    ValidatedMessage, Validator,
};
use crmf::MacLimits;
use crypto::{CryptoProvider, PathError, PublicKey, SigningKey};
use der::Decode;
pub use kem::{KemExchange, KemExchanges, KemKey};
pub use key_generation::KeyGeneration;
pub use offline::{Demand, OpenBatch, Operator, Proposal, Verdict};
use pkcs10::CertReq;
use x509_cert::Certificate;
use x509_cert::name::Name;

use crate::registry::{CertificateRecord, CertificateStatus, Exchange, Registry};
use crate::{
    CertificateContents, Endpoint, Error, Event, IssuedCertificate, Issuer, Outcome, Policy, Profile, Reply,
};

/// A CA that speaks CMP. It has no clock, no socket and no file; any number of messages can be handled at a time.
#[non_exhaustive]
pub struct Ca {
    /// Whom to believe, in which roles.
    pub trust: Vec<Trust>,
    /// With whom a secret is shared. They are answered with the same secret.
    pub secrets: Vec<SecretTrust>,
    /// How much work their MACs may demand, and how little they must.
    pub mac_limits: MacLimits,
    /// Who may have what.
    pub policy: Policy,
    /// How messages are read before they are believed.
    pub reading: ReadingPolicy,
    /// The CA under its earlier keys, the oldest first: they issue no more, but what they issued stands and falls by their CRLs, and
    /// nobody has such a key certified.
    pub previous: Vec<Issuer>,
    /// A root that followed an earlier one, with the earlier one's certificate: told to whoever asks for it (RFC 9483 section
    /// 4.3.2).
    pub root_updates: Vec<(EncodedCertificate, RootCaKeyUpdateContent)>,
    /// How far messageTime may be from now; `None` when messages age on their way.
    pub time_window: Option<Duration>,
    /// Where the secrets are kept that are encapsulated for requesters with KEM keys. `None`, the default: there is no exchange of
    /// ciphertexts, and so no message without protection that is answered otherwise than by no.
    pub kem_exchanges: Option<Arc<dyn KemExchanges>>,
    /// The KEM key that the CA proves itself with to those who send a ciphertext for it; none by default.
    pub kem_key: Option<KemKey>,
    /// How keys are generated for those who ask for one; `None`, the default: they are not.
    pub key_generation: Option<KeyGeneration>,
    /// What requesters get wrong about protection and are put up with; nothing by default.
    pub quirks: Quirks,
    provider: CryptoProvider,
    issuer: Issuer,
    credential: MessageCredential,
    registry: Arc<dyn Registry>,
}

/// What the CA signs its messages with: the CA's own key, or better another one.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)] // a key and whose it is
pub struct MessageCredential {
    /// Who signs.
    pub identity: SenderIdentity,
    /// With which key.
    pub key: Box<dyn SigningKey>,
}

impl Ca {
    /// A CA that trusts nobody yet, with the default policy and limits, and messageTime within five minutes.
    pub fn new(
        provider: CryptoProvider,
        issuer: Issuer,
        credential: MessageCredential,
        registry: Arc<dyn Registry>,
    ) -> Self {
        Self {
            trust: Vec::new(),
            secrets: Vec::new(),
            mac_limits: MacLimits::default(),
            policy: Policy::default(),
            reading: ReadingPolicy::default(),
            previous: Vec::new(),
            root_updates: Vec::new(),
            time_window: Some(Duration::from_secs(300)),
            kem_exchanges: None,
            kem_key: None,
            key_generation: None,
            quirks: Quirks::NONE,
            provider,
            issuer,
            credential,
            registry,
        }
    }

    /// What signs the certificates.
    pub const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Takes one message and always has an answer: a protected error when anything is wrong.
    ///
    /// What the answer says is in the registry before this returns. A repeat of a message, octet for octet, gets the
    /// same answer; so does one of two that come at the same time. The messages inside a nested one of an RA are answered each by
    /// itself: those of a batch in one nested message, one with added protection as if it had come alone.
    pub fn handle(&self, request: &[u8], now: UnixTime) -> Reply {
        self.handle_at(request, &Endpoint::default(), now)
    }

    /// The same for a message that was posted to a path, which may name a profile and an operation (RFC 9811 section 3.4).
    pub fn handle_at(&self, request: &[u8], endpoint: &Endpoint<'_>, now: UnixTime) -> Reply {
        let message = match PkiMessage::inspect(request, &self.reading) {
            Ok(message) => message,
            Err(error) => return self.refuse(None, error.into(), now),
        };
        self.handle_message(&message, &self.reading, endpoint, now)
    }

    fn handle_message(
        &self,
        message: &PkiMessage,
        policy: &ReadingPolicy,
        endpoint: &Endpoint<'_>,
        now: UnixTime,
    ) -> Reply {
        let reply = match message.body() {
            PkiBody::Nested(_) => self.answer_nested(message, policy, endpoint, now),
            _ => self.answer(message, endpoint, now).map(|(octets, outcome)| {
                let event = Event::new(Some(message), outcome);
                Reply { octets, event, inner: Vec::new() }
            }),
        };
        reply.unwrap_or_else(|error| self.refuse(Some(message), error, now))
    }

    /// Issues a certificate that the CA's operator orders by hand.
    ///
    /// # Errors
    /// When the request's proof of possession fails, or it does not fit the profile, or the registry fails.
    pub fn issue_by_hand(
        &self,
        request: &CertReq,
        profile: &Profile,
        now: UnixTime,
    ) -> Result<CertificateRecord, Error> {
        let request = request.verify_pop(&self.provider).map_err(cmp::Error::CertificationRequest)?;
        let (contents, _) =
            profile.fit(request.subject().clone(), request.public_key(), request.extensions())?;
        let issued = self.issue(&contents, now)?;
        let record = certificate_record(&issued, profile, None, CertificateStatus::Valid, now);
        self.registry.register(&record)?;
        Ok(record)
    }

    /// Issues a certificate for a key of the CA's own that proves itself to nobody: for its CMP messages.
    ///
    /// # Errors
    /// When name or key are those that certificates are signed under, or the registry or the CA's key fails.
    pub fn issue_for_own_messages(
        &self,
        subject: Name,
        key: &PublicKey,
        now: UnixTime,
    ) -> Result<CertificateRecord, Error> {
        let (contents, _) = Profile::CMP.fit(subject, key, &[])?;
        let issued = self.issue(&contents, now)?;
        let record = certificate_record(&issued, &Profile::CMP, None, CertificateStatus::Valid, now);
        self.registry.register(&record)?;
        Ok(record)
    }

    /// Issues a new certificate for the name and the key that sign this CA's messages.
    ///
    /// # Errors
    /// When the registry or the CA's key fails.
    pub fn renew_message_certificate(&self, now: UnixTime) -> Result<CertificateRecord, Error> {
        let (name, key) = (self.credential.identity.name().clone(), self.credential.key.public_key());
        let (contents, _) = Profile::CMP.fit(name, key, &[])?;
        let issued = self.issuer.issue(&contents, &self.provider, now)?;
        let record = certificate_record(&issued, &Profile::CMP, None, CertificateStatus::Valid, now);
        self.registry.register(&record)?;
        Ok(record)
    }

    fn answer(
        &self,
        message: &PkiMessage,
        endpoint: &Endpoint<'_>,
        now: UnixTime,
    ) -> Result<(Vec<u8>, Outcome), Error> {
        endpoint.check(message.body(), &self.policy)?;
        let id = message.header().transaction_id.as_ref().ok_or(cmp::Error::BadTransactionId)?;
        let Some(record) = self.registry.transaction(id)? else {
            return self.begin(id, message, endpoint, now);
        };
        match record.answer_to(message.octets()) {
            Some(answer) => Ok((answer.to_vec(), Outcome::Repeated)),
            None => self.follow_up(record, message, now),
        }
    }

    /// The first message of a transaction, or a repeat of one that was answered for good.
    fn begin(
        &self,
        id: &TransactionId,
        message: &PkiMessage,
        endpoint: &Endpoint<'_>,
        now: UnixTime,
    ) -> Result<(Vec<u8>, Outcome), Error> {
        if let Some(exchange) = self.registry.answered(id)? {
            if exchange.request == message.octets() {
                return Ok((exchange.answer, Outcome::Repeated));
            }
            return Err(cmp::Error::TransactionIdInUse(id.clone()).into());
        }
        if let Some(exchanges) =
            self.kem_exchanges.as_ref().filter(|_| Validator::asks_for_ciphertext(message))
        {
            return self.offer_ciphertext(exchanges.as_ref(), id, message, now);
        }
        match message.body().kind() {
            BodyKind::Rr => self.revoke(message, now),
            BodyKind::Genm => self.inform(message, now),
            _ => self.enrol(message, endpoint.profile, now),
        }
    }

    /// Somebody else wrote first. If that was a copy of this message, both get the same answer.
    fn after_conflict(&self, message: &PkiMessage, otherwise: Error) -> Result<(Vec<u8>, Outcome), Error> {
        let id = message.header().transaction_id.as_ref().ok_or(cmp::Error::BadTransactionId)?;
        let record = self.registry.transaction(id)?;
        let answered = self.registry.answered(id)?.filter(|exchange| exchange.request == message.octets());
        let answer = record.as_ref().and_then(|record| record.answer_to(message.octets()));
        match answer.or(answered.as_ref().map(|exchange| exchange.answer.as_slice())) {
            Some(answer) => Ok((answer.to_vec(), Outcome::Repeated)),
            None => Err(otherwise),
        }
    }

    fn validate(
        &self,
        message: &PkiMessage,
        expectation: &Expectation<'_>,
        now: UnixTime,
    ) -> Result<ValidatedMessage, Error> {
        let exchange = self.kem_exchange(message, now);
        let mut validator = self.validator();
        validator.kem = exchange.as_ref().map(|exchange| &exchange.trust);
        let expectation = match (&exchange, expectation) {
            // Not for its recipNonce, which was ours once: this says what to do.
            (None, Expectation::First) if kem::is_kem_based(message) => {
                return Err(cmp::Error::KemCiphertextMissing.into());
            }
            // The request echoes the answer that brought the ciphertext. Peers that take it for a first message do not; the MAC
            // binds it to that transaction all the same.
            (Some(exchange), Expectation::First) if message.header().recip_nonce.is_some() => {
                &Expectation::Within {
                    transaction_id: exchange.trust.transaction_id(),
                    nonces: core::slice::from_ref(&exchange.nonce),
                    signer: Some(&exchange.trust.signer().credential),
                }
            }
            _ => expectation,
        };
        let mut validated = validator.validate(message.clone(), expectation, now)?;
        self.check_signer_not_revoked(validated.signer())?;
        if let Some(credential) = self.kem_credential(message)? {
            validated.answer_with(credential);
        }
        Ok(validated)
    }

    fn validator(&self) -> Validator<'_> {
        let mut validator = Validator::new(&self.provider, &self.trust);
        validator.secrets = &self.secrets;
        validator.mac_limits = self.mac_limits;
        validator.time_window = self.time_window;
        validator.quirks = self.quirks;
        validator
    }

    /// A certificate that this CA revoked speaks for nobody.
    fn check_signer_not_revoked(&self, signer: &Signer) -> Result<(), Error> {
        let Some(shown) = signer.certificate() else { return Ok(()) };
        let certificate = Certificate::from_der(shown.octets()).map_err(cmp::Error::MalformedCertificate)?;
        let record = self.registry.certificate(certificate.tbs_certificate().serial_number())?;
        let revoked = record.is_some_and(|record| {
            record.certificate == *shown && matches!(record.status, CertificateStatus::Revoked { .. })
        });
        if revoked {
            return Err(cmp::Error::SignerNotTrusted(PathError::Revoked).into());
        }
        Ok(())
    }

    fn issue(&self, contents: &CertificateContents, now: UnixTime) -> Result<IssuedCertificate, Error> {
        self.check_is_another(contents)?;
        self.issuer.issue(contents, &self.provider, now)
    }

    /// Nobody else gets the CA's name or has its key.
    fn check_is_another(&self, contents: &CertificateContents) -> Result<(), Error> {
        let refuse = |reason| Err(Error::policy(PkiFailureInfo::BAD_CERT_TEMPLATE, reason));
        if contents.subject == *self.issuer.name() {
            return refuse("the subject asked for is the CA's own name");
        }
        let issuers = core::iter::once(&self.issuer).chain(&self.previous);
        if issuers.map(Issuer::public_key).any(|key| contents.public_key == *key)
            || contents.public_key == *self.credential.key.public_key()
        {
            return refuse("the public key is the CA's own");
        }
        Ok(())
    }

    /// The root goes along: TS 33.310 section 9.5.4.3 wants it in extraCerts. What leads to it for those who know an earlier one comes
    /// first, because OpenSSL takes the first issuer that fits, and goes no further from a root that it does not know. Whoever has
    /// nothing but a secret is told by caPubs that it is one.
    fn grant(&self, certificate: EncodedCertificate, with_mods: bool, to: &ValidatedMessage) -> Grant {
        let links = self.root_updates.iter().rev().filter_map(|(_, update)| update.new_with_old.clone());
        let chain = links.chain([self.issuer.certificate().clone()]).collect();
        let mut grant = Grant::new(certificate, chain);
        grant.with_mods = with_mods;
        grant.implicit_confirm = self.policy.implicit_confirm;
        grant.confirm_wait = self.policy.confirm_wait;
        if to.signer().certificate().is_none() && self.issuer.is_root() {
            grant.ca_pubs = Vec::from([self.issuer.certificate().clone()]);
        }
        grant
    }

    /// The request in a message whose protection holds, with its proof of possession as far as the policy wants it now.
    fn verify(&self, message: &ValidatedMessage) -> Result<VerifiedRequest, Error> {
        let verify = if self.policy.encrypted_certificates {
            VerifiedRequest::verify_or_defer
        } else {
            VerifiedRequest::verify
        };
        Ok(verify(message, &self.provider)?)
    }

    /// Whoever sent a MAC with a shared secret, or a ciphertext, is answered with a MAC.
    fn responder<'a>(&'a self, mac: Option<&'a MacCredential>, now: UnixTime) -> Responder<'a> {
        let identity = mac.map_or(&self.credential.identity, MacCredential::identity);
        Responder { identity, provider: &self.provider, now }
    }

    fn protect(&self, part: &ProtectedPart, mac: Option<&MacCredential>) -> Result<Vec<u8>, cmp::Error> {
        match mac {
            Some(credential) => part.authenticate(credential, &self.provider),
            None => part.sign(self.credential.key.as_ref()),
        }
    }

    fn exchange(&self, message: &ValidatedMessage, part: &ProtectedPart) -> Result<Exchange, Error> {
        let answer = self.protect(part, message.mac_credential())?;
        Ok(Exchange::new(message.message().octets().to_vec(), answer, part.sender_nonce().clone()))
    }

    fn refuse(&self, message: Option<&PkiMessage>, error: Error, now: UnixTime) -> Reply {
        let mac = message.filter(|_| error.may_be_told_by_mac());
        let mac = mac.and_then(|message| self.validator().mac_credential(message));
        let mac = mac.or_else(|| self.kem_credential(message?).ok().flatten());
        let demanding = self.kem_key.as_ref().filter(|own| own.required && error.is_of_missing_ciphertext());
        let octets = match (message, demanding) {
            (Some(message), Some(own)) => {
                Responder { identity: &own.identity, provider: &self.provider, now }
                    .demand_ciphertext(&ReplyTo::new(message.header()))
            }
            _ => self
                .responder(mac.as_ref(), now)
                .refuse(message, &error.for_requester())
                .and_then(|part| self.protect(&part, mac.as_ref())),
        };
        let octets = octets.unwrap_or_default();
        Reply { octets, event: Event::new(message, Outcome::Refused(error)), inner: Vec::new() }
    }
}

fn certificate_record(
    issued: &IssuedCertificate,
    profile: &Profile,
    requester: Option<Name>,
    status: CertificateStatus,
    now: UnixTime,
) -> CertificateRecord {
    CertificateRecord::new(
        issued.certificate.clone(),
        issued.serial_number.clone(),
        profile.name.to_string(),
        requester,
        now,
        status,
    )
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ca")
            .field("issuer", &self.issuer)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
