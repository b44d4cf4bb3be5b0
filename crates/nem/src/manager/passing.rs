//! Messages that stations sign themselves, as TS 33.310 has it: they are passed on as they are, and so are their answers (RFC 9483
//! section 5.2). The transaction is between station and RA/CA; the NEM says only who may speak.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use asn1::UnixTime;
use cmp::end_entity::RequestKind;
use cmp::management_entity::{ReplyTo, Responder};
use cmp::{
    BodyKind, CertOrEncCert, Error as CmpError, ErrorMsgContent, PkiBody, PkiFailureInfo, PkiMessage,
    PkiStatusInfo, ReadingPolicy, TransactionId, add_protection,
};
use crmf::CertReqMessages;
use crypto::{CertificatePath, ExtendedKeyUsage, names_match};
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
use crate::line::Nesting;
use crate::station::Station;

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
    /// Whether it is nested in a message of the NEM's.
    pub nested: bool,
    /// The station's transaction, for the log.
    pub transaction_id: Option<TransactionId>,
}

impl Nem {
    /// Looks at a station's message. Whoever shows that must be a station that may enrol; the certificate that the message is signed
    /// with must be the same station's, and what it asks for must be that station's, too. The message's protection and proof of
    /// possession are for the RA/CA to verify. It goes up unchanged, or, when it begins a transaction, nested with the NEM's signature added (RFC 9483 section
    /// 5.2.2.1): its own protection stays in both cases.
    ///
    /// # Errors
    /// Why it does not go up.
    pub fn pass_up(
        &mut self,
        shown: Shown<'_>,
        octets: &[u8],
        reading: &ReadingPolicy,
        add: bool,
        now: UnixTime,
    ) -> Result<Passage, Refusal> {
        let station = self.inventory.identify(shown, &self.anchors, &self.provider, now)?.station();
        meet(station, &self.inventory, &mut self.presence, &mut self.requests, &self.settings, now)?;
        let refused =
            |reason: CmpError| Refusal::Message { station: station.name.clone(), reason: Box::new(reason) };
        let message = PkiMessage::inspect(octets, reading).map_err(refused)?;
        self.check_signer(&message, station, now)?;
        self.check_body(&message, station)?;
        let lines = self.lines.iter().filter(|(_, line)| !line.retired && line.upstream.serves(station));
        let best = lines.min_by_key(|(_, line)| (!line.breaker.is_up(), line.upstream.priority));
        let (name, line) = best.ok_or_else(|| Refusal::NoUpstream { station: station.name.clone() })?;
        // What is approved is the request; what follows in its transaction is the station's word alone.
        let begins = !matches!(message.body().kind(), BodyKind::CertConf | BodyKind::PollReq);
        // Who does not take batches apart knows nothing of this either.
        let nested = add && begins && !matches!(line.nesting, Nesting::Refused(_));
        let message_up = if nested {
            let upstream = &line.upstream;
            let part = add_protection(&message, &upstream.identity, &self.provider, now).map_err(refused)?;
            part.sign(upstream.key.as_ref()).map_err(refused)?
        } else {
            octets.to_vec()
        };
        Ok(Passage {
            station: station.name.clone(),
            upstream: name.clone(),
            message: message_up,
            body: message.body().kind().name(),
            nested,
            transaction_id: message.header().transaction_id.clone(),
        })
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
                let unknown = passage.nested && is_about_nesting(&content.pki_status_info);
                return Ok(unknown.then(|| Passage {
                    message: octets.to_vec(),
                    nested: false,
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
    fn check_signer(&self, message: &PkiMessage, station: &Station, now: UnixTime) -> Result<(), Refusal> {
        let other = || Refusal::OtherSigner { station: station.name.clone() };
        if message.extra_certs().is_empty() {
            return match message.body().kind() {
                BodyKind::CertConf | BodyKind::PollReq => Ok(()),
                _ => Err(other()),
            };
        }
        let shown = Shown::Certificates(message.extra_certs());
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
