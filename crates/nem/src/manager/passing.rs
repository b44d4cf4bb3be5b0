//! Messages that stations sign themselves, as TS 33.310 has it: they are passed on as they are, or with the NEM's protection, and their
//! answers as they are (RFC 9483 section 5.2). The transaction is between station and RA/CA; the NEM says who may speak.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use asn1::{EncodedCertificate, UnixTime};
use cmp::end_entity::RequestKind;
use cmp::management_entity::{ReplyTo, Responder, VerifiedRequest};
use cmp::{
    BodyKind, CertOrEncCert, Error as CmpError, ErrorMsgContent, Expectation, PkiBody, PkiFailureInfo,
    PkiMessage, PkiStatusInfo, ReadingPolicy, SenderNonce, SignerRole, TransactionId, Trust,
    ValidatedMessage, Validator, add_protection, keeps_its_protection, replace_protection,
};
use crmf::CertReqMessages;
use crypto::{CertificatePath, CryptoProvider, DigestAlgorithm, ExtendedKeyUsage, names_match};
use der::{Decode, Encode};
use x509_cert::Certificate;

use super::Nem;
use super::presence::meet;
use crate::batch::is_about_nesting;
use crate::error::{Error, Refusal};
use crate::forwarding::is_ca;
use crate::intake::{check_names, check_pkcs10};
use crate::inventory::Shown;
use crate::ledger::{Certificates, Record, RequestId, State};
use crate::line::{Line, Nesting};
use crate::passages::{Begun, Passing};
use crate::station::Station;
use crate::upstream::Upstream;

/// A station's message that may go up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passage {
    /// The station.
    pub station: String,
    /// To which RA/CA.
    pub upstream: Arc<str>,
    /// What to send there.
    pub message: Vec<u8>,
    /// What the station's message is, for the log.
    pub body: &'static str,
    /// How it goes up.
    pub passing: Passing,
    /// The station's transaction, for the log.
    pub transaction_id: Option<TransactionId>,
}

impl Nem {
    /// Looks at a station's message. Whoever shows that must be a station that may enrol; the certificate that the message is signed
    /// with must be the same station's, and what it asks for must be that station's, too. Where the NEM's signature is added or put in
    /// place of the station's, the message's protection and proof of possession are verified first; otherwise both are for the
    /// RA/CA to verify.
    ///
    /// What follows in a transaction goes where its beginning went, and in the same way.
    ///
    /// # Errors
    /// Why it does not go up.
    pub fn pass_up(
        &mut self,
        shown: Shown<'_>,
        octets: &[u8],
        reading: &ReadingPolicy,
        policy: Passing,
        now: UnixTime,
    ) -> Result<Passage, Refusal> {
        let station = self.inventory.identify(shown, &self.anchors, &self.provider, now)?.station();
        meet(station, &self.inventory, &mut self.presence, &mut self.requests, &self.settings, now)?;
        let refused =
            |reason: CmpError| Refusal::Message { station: station.name.clone(), reason: Box::new(reason) };
        let message = PkiMessage::inspect(octets, reading).map_err(refused)?;
        self.check_signer(message.extra_certs(), message.body().kind(), station, now)?;
        self.check_body(&message, station)?;
        let (body, transaction_id) = (message.body().kind(), message.header().transaction_id.clone());
        let begun = transaction_id.as_ref().and_then(|id| self.passages.get(&station.name, id));
        let line = self.line_for(station, begun)?;
        let passing = passing(&message, policy, begun, line);
        let upstream = line.upstream.clone();
        let passage = |message| Passage {
            station: station.name.clone(),
            upstream: upstream.name.clone(),
            message,
            body: body.name(),
            passing,
            transaction_id: transaction_id.clone(),
        };
        let digest = self.provider.digest(DigestAlgorithm::Sha256, octets);
        let digest: [u8; 32] = digest.as_slice().try_into().unwrap_or_default();
        let same = begun.filter(|begun| begun.passing == passing);
        let repeated = same.and_then(|begun| begun.last.as_ref()).filter(|(last, _)| *last == digest);
        if let Some((_, up)) = repeated {
            return Ok(passage(up.clone()));
        }
        let (up, signer) = match passing {
            Passing::Unchanged => (octets.to_vec(), None),
            Passing::AddedProtection => {
                let validated = self.validate(message, begun, station, &upstream, now)?;
                verify_possession(&validated, &self.provider).map_err(refused)?;
                let message = validated.message();
                let part = add_protection(message, &upstream.identity, &self.provider, now);
                (part.and_then(|part| part.sign(upstream.key.as_ref())).map_err(refused)?, None)
            }
            Passing::ReplacedProtection => {
                let validated = self.validate(message, begun, station, &upstream, now)?;
                let subject = Some(&station.subject);
                let part = replace_protection(&validated, subject, &upstream.identity, &self.provider, now);
                let up = part.and_then(|part| part.sign(upstream.key.as_ref())).map_err(refused)?;
                (up, Some(validated.signer().credential.clone()))
            }
        };
        let made = passage(up);
        if let Some(id) = &made.transaction_id {
            // What goes up as it is is repeated as it is.
            let last = (passing != Passing::Unchanged).then(|| (digest, made.message.clone()));
            let begun = Begun { upstream: upstream.name.clone(), passing, signer, last };
            self.passages.put(&station.name, id, begun);
        }
        Ok(made)
    }

    /// The RA/CA that has the transaction, or the best one for the station.
    fn line_for(&self, station: &Station, begun: Option<&Begun>) -> Result<&Line, Refusal> {
        if let Some(line) = begun.and_then(|begun| self.lines.get(&begun.upstream)) {
            return Ok(line);
        }
        let lines = self.lines.values().filter(|line| !line.retired && line.upstream.serves(station));
        let best = lines.min_by_key(|line| (!line.breaker.is_up(), line.upstream.priority));
        best.ok_or_else(|| Refusal::NoUpstream { station: station.name.clone() })
    }

    /// Whether a message's protection is that of the station (RFC 9483 section 5.2: an RA vouches for what it has verified).
    fn validate(
        &self,
        message: PkiMessage,
        begun: Option<&Begun>,
        station: &Station,
        upstream: &Upstream,
        now: UnixTime,
    ) -> Result<ValidatedMessage, Refusal> {
        let refused =
            |reason: CmpError| Refusal::Message { station: station.name.clone(), reason: Box::new(reason) };
        let roles = [
            (SignerRole::VendorCertified, &self.anchors.vendor),
            (SignerRole::OperatorCertified, &self.anchors.operator),
        ];
        let trust = roles.map(|(role, anchors)| {
            let mut trust = Trust::new(role, anchors.clone(), ExtendedKeyUsage::Any);
            trust.revocation.clone_from(&self.revocation);
            trust
        });
        let mut validator = Validator::new(&self.provider, &trust);
        validator.time_window = upstream.time_window;
        let (id, kind) = (message.header().transaction_id.clone(), message.body().kind());
        let nonces = echoed(&message).map_err(refused)?;
        let within = id.as_ref().filter(|_| follows(kind)).map(|transaction_id| Expectation::Within {
            transaction_id,
            // The nonces are the RA/CA's to check: they go up as they are.
            nonces: &nonces,
            signer: begun.and_then(|begun| begun.signer.as_ref()),
        });
        let expectation = within.unwrap_or(Expectation::First);
        let validated = validator.validate(message, &expectation, now).map_err(refused)?;
        // Several certificates may have come along, and the first need not be the signer's.
        let signer = validated.signer().certificate().cloned();
        let chain = [signer.as_slice(), validated.message().extra_certs()].concat();
        self.check_signer(&chain, kind, station, now)?;
        Ok(validated)
    }

    /// Takes note of the RA/CA's answer to a station's message: when the certificate in it ends, so that its renewal is watched over as
    /// that of others is. The answer is handed on as it is; `Some` is to be sent to the RA/CA first: the station's own message, since
    /// the RA/CA does not know what to do with a nested one.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn take_passed(
        &mut self,
        passage: &Passage,
        octets: &[u8],
        answer: &[u8],
        now: UnixTime,
    ) -> Result<Option<Passage>, Error> {
        let Ok(answer) = PkiMessage::from_der(answer) else { return Ok(None) };
        let content = match answer.body() {
            PkiBody::Error(content) => {
                let nested = passage.passing == Passing::AddedProtection;
                let unknown = nested && is_about_nesting(&content.pki_status_info);
                return Ok(unknown.then(|| Passage {
                    message: octets.to_vec(),
                    passing: Passing::Unchanged,
                    ..passage.clone()
                }));
            }
            PkiBody::Ip(content) | PkiBody::Cp(content) | PkiBody::Kup(content) => content,
            _ => return Ok(None),
        };
        let (Some(kind), [response]) = (kind_of(answer.body()), content.response.as_slice()) else {
            return Ok(None);
        };
        let granted = response.certified_key_pair.as_ref().map(|pair| &pair.cert_or_enc_cert);
        let Some(CertOrEncCert::Certificate(certificate)) = granted else { return Ok(None) };
        let above = answer.extra_certs().iter().filter(|other| is_ca(other)).cloned().collect();
        let certificates = Certificates { certificate: certificate.clone(), chain: above };
        let Some(public_key) = self.is_of_station(&certificates, &passage.station, now) else {
            return Ok(None);
        };
        let known = self.ledger.latest_of(&passage.station, 1)?;
        if known.iter().any(|known| known.deliverable() == Some(&certificates)) {
            return Ok(None);
        }
        let id = RequestId::new(self.provider.random::<16>().map_err(cmp::Error::from)?);
        let station = passage.station.clone();
        let mut record = Record::new(id, station, kind, octets.to_vec(), public_key, now);
        record.upstream = Some(passage.upstream.to_string());
        record.state = State::Delivered(certificates);
        self.ledger.put(&record)?;
        Ok(None)
    }

    /// The RA/CA did not know what to do with a nested message, and with the message inside it did: it is sent no more of them.
    pub fn note_not_nested(&mut self, passage: &Passage, now: UnixTime) {
        let reason = "it refused added protection, and answered the message without it";
        self.cannot_unbundle(&passage.upstream, reason, now);
    }

    /// The SubjectPublicKeyInfo of an operator's certificate that is that station's.
    fn is_of_station(&self, certificates: &Certificates, station: &str, now: UnixTime) -> Option<Vec<u8>> {
        let decoded = Certificate::from_der(certificates.certificate.octets()).ok()?;
        let tbs = decoded.tbs_certificate();
        let named = self.inventory.station(station).is_some_and(|s| names_match(tbs.subject(), &s.subject));
        let path = CertificatePath {
            end_entity: &certificates.certificate,
            intermediates: &certificates.chain,
            anchors: &self.anchors.operator,
            extended_key_usage: ExtendedKeyUsage::Any,
            revocation: None,
            now,
        };
        if !named || self.provider.validate_path(&path).is_err() {
            return None;
        }
        tbs.subject_public_key_info().to_der().ok()
    }

    /// An error message for a station whose message does not go up, signed by the NEM. `None` when there is no RA/CA, for which the
    /// NEM would have a key.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn refuse_message(
        &self,
        octets: &[u8],
        fail_info: PkiFailureInfo,
        reason: &str,
        now: UnixTime,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(line) = self.lines.values().next() else { return Ok(None) };
        let reply_to = PkiMessage::from_der(octets)
            .map_or_else(|_| ReplyTo::unknown(), |message| ReplyTo::new(message.header()));
        let status = PkiStatusInfo::rejection(fail_info, reason.to_string());
        let body = PkiBody::Error(ErrorMsgContent::new(status));
        let responder = Responder { identity: &line.upstream.identity, provider: &self.provider, now };
        Ok(Some(responder.reply(&reply_to, &body)?.sign(line.upstream.key.as_ref())?))
    }

    /// A message without certificates belongs to a transaction that the RA/CA knows the signer of (RFC 9483 section 3.3), so only those
    /// that begin none may come without.
    fn check_signer(
        &self,
        chain: &[EncodedCertificate],
        kind: BodyKind,
        station: &Station,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let other = || Refusal::OtherSigner { station: station.name.clone() };
        if chain.is_empty() {
            return if follows(kind) { Ok(()) } else { Err(other()) };
        }
        let shown = Shown::Certificates(chain);
        let signer = self.inventory.identify(shown, &self.anchors, &self.provider, now)?;
        if signer.station().name == station.name { Ok(()) } else { Err(other()) }
    }

    fn check_body(&self, message: &PkiMessage, station: &Station) -> Result<(), Refusal> {
        let refused =
            |reason: CmpError| Refusal::Message { station: station.name.clone(), reason: Box::new(reason) };
        match message.body() {
            PkiBody::Ir(messages) | PkiBody::Cr(messages) | PkiBody::Kur(messages) => {
                check_template(messages, station)
            }
            PkiBody::P10cr(request) => check_pkcs10(request.octets(), station, &self.provider).map(|_| ()),
            PkiBody::CertConf(_) | PkiBody::PollReq(_) | PkiBody::Genm(_) => Ok(()),
            body => Err(refused(CmpError::UnexpectedBody(body.kind()))),
        }
    }
}

/// Whether a message follows in a transaction. What is approved is the request; the rest is the station's word alone.
const fn follows(kind: BodyKind) -> bool {
    matches!(kind, BodyKind::CertConf | BodyKind::PollReq)
}

/// In which way a message goes up.
fn passing(message: &PkiMessage, policy: Passing, begun: Option<&Begun>, line: &Line) -> Passing {
    if follows(message.body().kind()) {
        // One credential protects a transaction (RFC 9483 section 3.2).
        let replaced = begun.is_some_and(|begun| begun.passing == Passing::ReplacedProtection);
        return if replaced { Passing::ReplacedProtection } else { Passing::Unchanged };
    }
    let policy = match policy {
        Passing::ReplacedProtection if keeps_its_protection(message) => Passing::AddedProtection,
        policy => policy,
    };
    match policy {
        // Who does not take batches apart knows nothing of this either.
        Passing::AddedProtection if matches!(line.nesting, Nesting::Refused(_)) => Passing::Unchanged,
        policy => policy,
    }
}

/// Of a request for a certificate whose key signs: what an RA attests, it has verified (RFC 9483 section 5.2.2.1).
fn verify_possession(message: &ValidatedMessage, provider: &CryptoProvider) -> Result<(), CmpError> {
    let requests =
        matches!(message.body(), PkiBody::Ir(_) | PkiBody::Cr(_) | PkiBody::Kur(_) | PkiBody::P10cr(_));
    if !requests || VerifiedRequest::key_to_generate(message)?.is_some() {
        return Ok(());
    }
    VerifiedRequest::verify_or_defer(message, provider).map(|_| ())
}

/// The nonce that the message echoes.
fn echoed(message: &PkiMessage) -> Result<Vec<SenderNonce>, CmpError> {
    let nonce = message.header().recip_nonce.as_ref().map(|nonce| SenderNonce::new(nonce.as_octets()));
    nonce.map_or(Ok(Vec::new()), |nonce| nonce.map(|nonce| Vec::from([nonce])).map_err(CmpError::Encoding))
}

/// With what kind of request an answer of that body began.
const fn kind_of(body: &PkiBody) -> Option<RequestKind> {
    match body {
        PkiBody::Ip(_) => Some(RequestKind::Ir),
        PkiBody::Cp(_) => Some(RequestKind::Cr),
        PkiBody::Kup(_) => Some(RequestKind::Kur),
        _ => None,
    }
}

fn check_template(messages: &CertReqMessages, station: &Station) -> Result<(), Refusal> {
    let [message] = messages.messages() else {
        let reason = CmpError::NotExactlyOne { what: "CertReqMsg", count: messages.messages().len() };
        return Err(Refusal::Message { station: station.name.clone(), reason: Box::new(reason) });
    };
    let template = message.template();
    // Without a subject the RA/CA takes it from the vendor certificate (TS 33.310 section 9.5.4.2).
    let subject = template.subject.as_ref().unwrap_or(&station.subject);
    check_names(subject, template.extensions(), station)
}
