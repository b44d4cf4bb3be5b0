//! Messages that stations sign themselves, as TS 33.310 has it: they are passed on as they are, or with the NEM's protection, and their
//! answers as they are (RFC 9483 section 5.2). The transaction is between station and RA/CA; the NEM says who may speak.

mod answered;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use asn1::{EncodedCertificate, UnixTime};
use cmp::management_entity::{ReplyTo, Responder, VerifiedRequest};
use cmp::{
    BodyKind, Error as CmpError, ErrorMsgContent, Expectation, PkiBody, PkiFailureInfo, PkiMessage,
    PkiStatusInfo, ReadingPolicy, SenderNonce, SignerRole, TransactionId, Trust, ValidatedMessage, Validator,
    add_protection, keeps_its_protection, replace_protection,
};
use crmf::CertReqMessages;
use crypto::{CryptoProvider, DigestAlgorithm, ExtendedKeyUsage};

use super::Nem;
use super::presence::meet;
use crate::error::{Error, Refusal};
use crate::intake::{check_names, check_pkcs10};
use crate::inventory::Shown;
use crate::ledger::{LedgerError, PassedId, PassedMessage, PassedTransaction};
use crate::line::{Line, Nesting};
use crate::passages::{Passing, open_until};
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
    /// What follows in a transaction goes where its beginning went, and in the same way, and what is repeated goes up as it did before:
    /// the transaction is in the ledger before its message is returned, unless there is nothing to be known of it, since it goes as it is
    /// to the only RA/CA there is.
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
        let id = transaction_id.as_ref().map(|id| PassedId::of(&station.name, id, &self.provider));
        let failed = |error: LedgerError| ledger_failed(&station.name, &error);
        let begun = id.map(|id| self.begun(&station.name, id)).transpose().map_err(failed)?.flatten();
        let begun = begun.as_ref();
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
        let repeated = begun.and_then(|begun| Some((begun.passing, begun.last.as_ref()?)));
        let repeated = repeated.filter(|(before, last)| last.digest == digest && takes(line, *before));
        if let Some((passing, last)) = repeated {
            return Ok(Passage { passing, ..passage(last.message.clone()) });
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
        if let Some(id) = id {
            // What goes up as it is is repeated as it is.
            let message = made.message.clone();
            let last = (passing != Passing::Unchanged).then_some(PassedMessage { digest, message });
            let next = PassedTransaction {
                id,
                station: station.name.clone(),
                upstream: upstream.name.to_string(),
                passing,
                until: open_until(now),
                signer,
                last,
            };
            let known = self.passages.get(&next.station, id);
            let stored =
                next.last.is_some() || self.lines.len() > 1 || known.is_some_and(|known| known.stored);
            self.commit(&next, stored, now)?;
        }
        Ok(made)
    }

    /// How a station's transaction stands.
    pub(super) fn begun(
        &self,
        station: &str,
        id: PassedId,
    ) -> Result<Option<PassedTransaction>, LedgerError> {
        match self.passages.get(station, id) {
            Some(entry) if entry.stored => self.ledger.passed_transaction(id),
            Some(entry) => Ok(Some(entry.transaction(station))),
            None => Ok(None),
        }
    }

    /// Takes note of how a station's transaction stands, in the ledger first where it is to be there.
    fn commit(&mut self, next: &PassedTransaction, stored: bool, now: UnixTime) -> Result<(), Refusal> {
        let station = || next.station.clone();
        let busy = || Refusal::Busy { station: station(), retry_after: self.settings.retry_after };
        let forgotten = self.passages.room_for(next, now).ok_or_else(busy)?;
        let of_ledger = forgotten.iter().filter(|(_, entry)| entry.stored).map(|(_, entry)| entry.id);
        let of_ledger: Vec<PassedId> = of_ledger.collect();
        if stored || !of_ledger.is_empty() {
            let changed = if stored { core::slice::from_ref(next) } else { &[] };
            let written = self.ledger.put_passed(changed, &of_ledger);
            written.map_err(|error| ledger_failed(&next.station, &error))?;
        }
        forgotten.iter().for_each(|(station, entry)| self.passages.forget(station, entry.id));
        self.passages.put(next, stored);
        Ok(())
    }

    /// The RA/CA that has the transaction, or the best one for the station.
    fn line_for(&self, station: &Station, begun: Option<&PassedTransaction>) -> Result<&Line, Refusal> {
        if let Some(line) = begun.and_then(|begun| self.lines.get(begun.upstream.as_str())) {
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
        begun: Option<&PassedTransaction>,
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
fn passing(message: &PkiMessage, policy: Passing, begun: Option<&PassedTransaction>, line: &Line) -> Passing {
    if follows(message.body().kind()) {
        // One credential protects a transaction (RFC 9483 section 3.2).
        let replaced = begun.is_some_and(|begun| begun.passing == Passing::ReplacedProtection);
        return if replaced { Passing::ReplacedProtection } else { Passing::Unchanged };
    }
    let policy = match policy {
        Passing::ReplacedProtection if keeps_its_protection(message) => Passing::AddedProtection,
        policy => policy,
    };
    if takes(line, policy) { policy } else { Passing::Unchanged }
}

/// Whoever does not take batches apart knows nothing of added protection either.
const fn takes(line: &Line, passing: Passing) -> bool {
    !matches!((passing, &line.nesting), (Passing::AddedProtection, Nesting::Refused(_)))
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

fn ledger_failed(station: &str, error: &LedgerError) -> Refusal {
    Refusal::Ledger { station: station.to_string(), reason: error.to_string() }
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
