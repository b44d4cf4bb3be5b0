//! What the NEM asks on its own account: its next certificate, and general information.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use asn1::EncodedCertificate;
use asn1::oids::rfc9810::IT_CA_CERTS;
use ca::Profile;
use ca::registry::{CertificateRecord, CertificateStatus};
use cmp::{InfoTypeAndValue, InfoValue};
use crypto::SigningKey;
use crypto_aws_lc::{SoftwareKey, provider};
use der::Decode;
use nem::ledger::Certificates;
use nem::{Error, Inquiry, Next, Update, renewal_times};
use support::{House, NOW, YEAR, certify, copy, key};
use x509_cert::Certificate;

/// A certificate of the NEM's, issued under that profile, of which the RA/CA believes that it was the other one.
struct Own {
    house: House,
    certificate: EncodedCertificate,
    key: SoftwareKey,
    next: SoftwareKey,
}

fn own(registered_as: &str) -> Own {
    let (house, key, next) = (House::new(), key(), support::key());
    let certificate = certify(&house.operator, &Profile::RA, "CN=nem", &key);
    let decoded = Certificate::from_der(certificate.octets()).unwrap();
    let serial_number = decoded.tbs_certificate().serial_number().clone();
    house.register(&CertificateRecord::new(
        certificate.clone(),
        serial_number,
        registered_as.to_owned(),
        None,
        NOW,
        CertificateStatus::Valid,
    ));
    Own { house, certificate, key, next }
}

impl Own {
    fn start(&self) -> (Update, Vec<u8>) {
        let upstream = Arc::new(self.house.upstream("raca"));
        let key: Arc<dyn SigningKey> = Arc::new(copy(&self.key));
        let (chain, now) = (Vec::new(), self.house.now);
        Update::start(upstream, &self.certificate, chain, key, &self.next, &provider(), now).unwrap()
    }

    /// Carries messages to the RA/CA and back.
    fn run(&mut self) -> Result<Certificates, Error> {
        let (mut update, mut message) = self.start();
        loop {
            let answer = self.house.ca.handle(&message, self.house.now).octets;
            (update, message) = match update.handle(&answer, &provider(), self.house.now)? {
                Next::Done(certificates) => return Ok(certificates),
                Next::Send(update, message) => (update, message),
                Next::Wait(update, pause) => {
                    self.house.now = self.house.now.saturating_add(pause);
                    update.poll(&provider(), self.house.now)?
                }
            };
        }
    }

    fn issued(&self) -> Vec<CertificateRecord> {
        let mut issued = self.house.issued();
        issued.retain(|record| record.certificate != self.certificate);
        issued
    }
}

#[test]
fn the_next_certificate_has_the_next_key_and_the_same_name() {
    for delay in [0, 30] {
        let mut own = own("ra");
        own.house.ca.policy.issuing_delay = Duration::from_secs(delay);
        let certificates = own.run().unwrap();
        let issued = own.issued();
        assert_eq!((issued.len(), issued[0].status), (1, CertificateStatus::Valid));
        assert_eq!(issued[0].certificate, certificates.certificate);
        let decoded = Certificate::from_der(certificates.certificate.octets()).unwrap();
        assert_eq!(decoded.tbs_certificate().subject().to_string(), "CN=nem");
        let key = der::Encode::to_der(decoded.tbs_certificate().subject_public_key_info()).unwrap();
        assert_eq!(key, own.next.public_key().spki_octets());
    }
}

#[test]
fn a_certificate_that_is_not_good_for_the_same_is_turned_down() {
    // The RA/CA takes it for a network element's, and updates it to one.
    let mut own = own("ne");
    let fault = own.run().unwrap_err();
    assert!(matches!(&fault, Error::NotTaken(fault) if fault.contains("not good for")), "{fault}");
    assert_ne!(own.issued()[0].status, CertificateStatus::Valid);
}

#[test]
fn what_is_no_answer_or_a_refusal_renews_nothing() {
    let own = own("ra");
    let (other, message) = own.start();
    let for_another = own.house.ca.handle(&message, own.house.now).octets;
    drop(other);
    for planted in [&b"garbage"[..], &message, &for_another, &for_another[..for_another.len() - 1]] {
        let (update, _) = own.start();
        let outcome = update.handle(planted, &provider(), own.house.now);
        assert!(matches!(outcome, Err(Error::Unbelieved(_))), "{outcome:?}");
    }
    // One that the RA/CA did not issue.
    let (update, message) = {
        let mut own = own;
        own.certificate = certify(&own.house.operator, &Profile::RA, "CN=nem", &own.key);
        let (update, message) = own.start();
        let answer = own.house.ca.handle(&message, own.house.now).octets;
        (update.handle(&answer, &provider(), own.house.now), message)
    };
    assert!(matches!(update, Err(Error::Refused(_))), "{update:?} {}", message.len());
}

#[test]
fn it_is_renewed_after_two_thirds_of_its_time() {
    let own = own("ra");
    let (renew, until) = renewal_times(&own.certificate).unwrap();
    let whole = until.abs_diff(NOW);
    assert!(whole > YEAR && until > NOW);
    // It begins a few minutes before it is issued.
    assert!(renew.abs_diff(NOW).abs_diff(whole / 3 * 2) < Duration::from_secs(600), "{renew}");
}

#[test]
fn questions_are_answered_and_planted_answers_dropped() {
    let own = own("ra");
    let ask = || {
        let upstream = Arc::new(own.house.upstream("raca"));
        Inquiry::start(upstream, InfoTypeAndValue::new(IT_CA_CERTS, None), &provider(), own.house.now)
            .unwrap()
    };
    let (inquiry, message) = ask();
    let answer = own.house.ca.handle(&message, own.house.now).octets;
    let Ok(Next::Done(items)) = inquiry.handle(&answer, &provider(), own.house.now) else { panic!("no") };
    let expected = InfoValue::CaCerts(vec![own.house.operator.certificate().clone()]);
    assert_eq!(InfoValue::open(&items[0]).unwrap(), Some(expected));
    let (inquiry, _) = ask();
    assert!(matches!(inquiry.handle(&answer, &provider(), own.house.now), Err(Error::Unbelieved(_))));
}
