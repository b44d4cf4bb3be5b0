//! Certificates come back from a CA that knows no CMP.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use asn1::{EncodedCertificate, UnixTime};
use crypto::{CertificatePath, ExtendedKeyUsage};
use der::{Decode, Encode};
use x509_cert::Certificate;

use super::import::{BLOCKED, Move, taken};
use super::{Taken, Verdict};
use crate::error::Error;
use crate::ledger::{Certificates, Record, State};
use crate::manager::Nem;
use crate::request::check_certificate;

/// How many certificates are taken in one step: others are served in between.
const STEP: usize = 250;
/// How many of a station's requests are looked through.
const MAX_REQUESTS: usize = 100;
/// CA certificates in a chain.
const MAX_CHAIN: usize = 8;

impl Nem {
    /// Takes some of these certificates, matched to requests by their public keys, and checked as if they had come online: key,
    /// name, what they are good for, and a path to the operator's anchors, with the CA certificates in `pool` where it needs
    /// them. Takes them from the front of the list, which is empty in the end.
    ///
    /// # Errors
    /// When the ledger fails: what was told before is done, the rest can be imported again.
    pub fn take_certificates(
        &mut self,
        certificates: &mut &[EncodedCertificate],
        pool: &[EncodedCertificate],
        now: UnixTime,
    ) -> Result<Vec<Taken>, Error> {
        let (mut moves, mut in_step) = (Vec::new(), BTreeSet::new());
        while moves.len() < STEP {
            let Some((certificate, rest)) = certificates.split_first() else { break };
            let step = self.take_certificate(certificate, pool, now)?;
            let request = step.next.as_ref().map(|next| next.id);
            // A second one for the same request sees what became of the first.
            if request.is_some_and(|request| !in_step.insert(request)) {
                break;
            }
            *certificates = rest;
            moves.push(step);
        }
        self.carry_out(moves, now)
    }

    fn take_certificate(
        &self,
        certificate: &EncodedCertificate,
        pool: &[EncodedCertificate],
        now: UnixTime,
    ) -> Result<Move, Error> {
        let records = self.requests_for_key(certificate)?;
        let exported = records.into_iter().find(|record| record.state.export().is_some());
        let Some(record) = exported else {
            return Ok(Move { next: None, taken: self.explain(certificate)? });
        };
        let refused = |reason: String| Ok(Move::none(&record, Verdict::Refused(reason)));
        if self.may_not_enrol(&record.station) {
            return refused(BLOCKED.to_string());
        }
        let Some(line) = record.upstream.as_deref().and_then(|name| self.lines.get(name)) else {
            return refused("the RA/CA it was exported for is not in the configuration any more".to_string());
        };
        let chain = chain(certificate, pool);
        let path = CertificatePath {
            end_entity: certificate,
            intermediates: &chain,
            anchors: &line.upstream.anchors,
            extended_key_usage: ExtendedKeyUsage::Any,
            // It was issued not long ago.
            revocation: None,
            now,
        };
        if let Err(fault) = check_certificate(record.kind, &record.request, &path, &self.provider) {
            return refused(fault.to_string());
        }
        let (state, verdict) = match record.unwanted() {
            Some(reason) => {
                let reason = alloc::format!("{reason}; the certificate must be revoked at the CA by hand");
                (State::Rejected { reason: reason.clone() }, Verdict::TurnedDown(reason))
            }
            None => {
                let certificates = Certificates { certificate: certificate.clone(), chain };
                (State::Issued(certificates), Verdict::Issued)
            }
        };
        let told = taken(&record, verdict);
        let next = Record { state, fetch: None, changed_at: now, ..record };
        Ok(Move { next: Some(next), taken: told })
    }

    /// The requests for that certificate's key, the latest first.
    fn requests_for_key(&self, certificate: &EncodedCertificate) -> Result<Vec<Record>, Error> {
        let Some(key) = public_key(certificate) else { return Ok(Vec::new()) };
        let Some(station) = self.ledger.owner_of_key(&key)? else { return Ok(Vec::new()) };
        let mut records = self.ledger.latest_of(&station, MAX_REQUESTS)?;
        records.retain(|record| record.public_key == key);
        Ok(records)
    }

    /// Why a certificate is not taken that no exported request waits for.
    pub(super) fn explain(&self, certificate: &EncodedCertificate) -> Result<Taken, Error> {
        let refused = |request, station, reason: &str| {
            Ok(Taken { request, station, verdict: Verdict::Refused(reason.to_string()) })
        };
        if public_key(certificate).is_none() {
            return refused(None, None, "it is no certificate");
        }
        let records = self.requests_for_key(certificate)?;
        let has_it = records.iter().find(|record| certificate_of(record) == Some(certificate));
        if let Some(record) = has_it {
            return Ok(taken(record, Verdict::Before));
        }
        let Some(record) = records.first() else {
            return refused(None, None, "no request of this NEM is for its key: is it another NEM's?");
        };
        let reason = match &record.state {
            State::Issued(_) | State::Delivered(_) | State::Confirming(_) => {
                "its request has another certificate; this one must be revoked at the CA"
            }
            State::Rejected { .. } => "its request was rejected; the certificate must be revoked at the CA",
            _ => {
                "its request is not exported, it goes online: was it released? The certificate must be revoked at the CA"
            }
        };
        refused(Some(record.id), Some(record.station.clone()), reason)
    }
}

fn certificate_of(record: &Record) -> Option<&EncodedCertificate> {
    match &record.state {
        State::Issued(certificates) | State::Delivered(certificates) => Some(&certificates.certificate),
        State::Confirming(confirming) => Some(&confirming.certificates.certificate),
        _ => None,
    }
}

fn public_key(certificate: &EncodedCertificate) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(certificate.octets()).ok()?;
    certificate.tbs_certificate().subject_public_key_info().to_der().ok()
}

/// The CA certificates above one, as far as the pool has them: by name, the path is validated later.
fn chain(certificate: &EncodedCertificate, pool: &[EncodedCertificate]) -> Vec<EncodedCertificate> {
    let pool: Vec<(Certificate, &EncodedCertificate)> = pool
        .iter()
        .filter_map(|octets| Some((Certificate::from_der(octets.octets()).ok()?, octets)))
        .collect();
    let mut chain: Vec<EncodedCertificate> = Vec::new();
    let mut next = Certificate::from_der(certificate.octets()).ok();
    while let Some(below) = next.take().filter(|_| chain.len() < MAX_CHAIN) {
        let issuer = below.tbs_certificate().issuer();
        let found = pool
            .iter()
            .find(|(above, octets)| above.tbs_certificate().subject() == issuer && !chain.contains(octets));
        if let Some((above, octets)) = found {
            chain.push((*octets).clone());
            next = Some(above.clone());
        }
    }
    chain
}
