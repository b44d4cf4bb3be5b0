//! What RA/CAs answer to stations' own messages.

use alloc::string::ToString;
use alloc::vec::Vec;

use asn1::UnixTime;
use cmp::end_entity::RequestKind;
use cmp::{CertOrEncCert, InfoValue, PkiBody, PkiMessage, PkiStatus};
use crypto::{CertificatePath, ExtendedKeyUsage, names_match};
use der::{Decode, Encode};
use x509_cert::Certificate;

use super::{Nem, Passage};
use crate::batch::is_about_nesting;
use crate::error::Error;
use crate::forwarding::{is_ca, is_passing};
use crate::ledger::{Certificates, PassedId, Record, RequestId, State};
use crate::passages::{Passing, ended_until};

impl Nem {
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
        if let PkiBody::Error(content) = answer.body()
            && passage.passing == Passing::AddedProtection
            && is_about_nesting(&content.pki_status_info)
        {
            let (message, passing) = (octets.to_vec(), Passing::Unchanged);
            return Ok(Some(Passage { message, passing, ..passage.clone() }));
        }
        if ends(&answer) {
            self.end_passed(passage, now)?;
        }
        let content = match answer.body() {
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

    /// From now on the station's transaction is kept a while only, for its last message may be repeated. Nobody has verified the answer: if
    /// the station does not believe it and goes on, so does the transaction.
    fn end_passed(&mut self, passage: &Passage, now: UnixTime) -> Result<(), Error> {
        let Some(transaction_id) = &passage.transaction_id else { return Ok(()) };
        let id = PassedId::of(&passage.station, transaction_id, &self.provider);
        let stored = self.passages.get(&passage.station, id).is_some_and(|entry| entry.stored);
        let Some(mut ended) = self.begun(&passage.station, id)? else { return Ok(()) };
        ended.until = ended.until.min(ended_until(now));
        if stored {
            self.ledger.put_passed(core::slice::from_ref(&ended), &[])?;
        }
        self.passages.put(&ended, stored);
        Ok(())
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
}

/// Whether that is the last answer of its transaction.
fn ends(answer: &PkiMessage) -> bool {
    match answer.body() {
        PkiBody::PkiConf | PkiBody::Genp(_) => true,
        PkiBody::Error(content) => {
            let status = &content.pki_status_info;
            status.status != PkiStatus::Waiting && !is_passing(status)
        }
        PkiBody::Ip(content) | PkiBody::Cp(content) | PkiBody::Kup(content) => {
            let waits = content.response.iter().any(|one| one.status.status == PkiStatus::Waiting);
            let granted = content.response.iter().any(|one| one.certified_key_pair.is_some());
            !waits && (!granted || confirms_implicitly(answer))
        }
        _ => false,
    }
}

fn confirms_implicitly(answer: &PkiMessage) -> bool {
    let mut info = answer.header().general_info.iter().flatten();
    info.any(|one| matches!(InfoValue::open(one), Ok(Some(InfoValue::ImplicitConfirm))))
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
