//! rr, the CRL, and who may do what with whose certificate (RFC 9483 sections 4.2 and 5.3.2).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use ca::registry::{CertificateStatus, Registry};
use ca::{Outcome, Profile};
use cmp::end_entity::{Question, Reply};
use cmp::{PkiBody, PkiFailureInfo};
use crmf::CertId;
use crypto::{PublicKey, SignatureAlgorithm};
use der::{Decode, Encode};
use support::{Fault, House, NOW, Requester, YEAR, forged, key, name, status};
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{CrlNumber, CrlReason};
use x509_cert::serial_number::SerialNumber;

const LIFETIME: Duration = Duration::from_secs(7 * 86_400);

fn serial(requester: &Requester) -> SerialNumber {
    let certificate = Certificate::from_der(requester.certificate.octets()).unwrap();
    certificate.tbs_certificate().serial_number().clone()
}

fn id(issuer: &str, serial: SerialNumber) -> CertId {
    CertId::new(GeneralName::DirectoryName(name(issuer)), serial)
}

fn rr(house: &House, sender: &Requester, certificate: CertId, reason: CrlReason) -> Vec<u8> {
    let question = Question::revoke(certificate, reason).unwrap();
    let (part, _) = question.start(&sender.identity, &house.provider, NOW).unwrap();
    part.sign(&sender.key).unwrap()
}

const CA: &str = "CN=Operator CA,O=Operator";

fn of(requester: &Requester) -> CertId {
    id(CA, serial(requester))
}

/// Sends it and takes the answer, which must be rp.
fn revoke(house: &House, sender: &Requester, certificate: CertId, reason: CrlReason) -> Outcome {
    let question = Question::revoke(certificate, reason).unwrap();
    let (part, awaiting) = question.start(&sender.identity, &house.provider, NOW).unwrap();
    let reply = house.ca.handle(&part.sign(&sender.key).unwrap(), NOW);
    let message = house.validate(&reply.octets, &awaiting.expectation(), NOW);
    assert!(matches!(awaiting.handle(&message).unwrap(), Reply::Revoked), "{}", reply.event.outcome);
    reply.event.outcome
}

/// The serial numbers and reasons on the latest list, whose signature holds.
fn listed(house: &House) -> Vec<(SerialNumber, Option<CrlReason>)> {
    let crl = house.ca.publish_crl(NOW, LIFETIME).unwrap();
    let list: CertificateList = CertificateList::from_der(&crl.octets).unwrap();
    let root = Certificate::from_der(house.root.octets()).unwrap();
    let spki = root.tbs_certificate().subject_public_key_info().to_der().unwrap();
    let key = PublicKey::from_spki_der(&spki).unwrap();
    let tbs = list.tbs_cert_list.to_der().unwrap();
    let signature = list.signature.as_bytes().unwrap();
    house.provider.verify(SignatureAlgorithm::EcdsaWithSha256, &key, &tbs, signature).unwrap();
    let entries = list.tbs_cert_list.revoked_certificates.unwrap_or_default();
    entries
        .into_iter()
        .map(|entry| {
            let extensions = entry.crl_entry_extensions.unwrap_or_default();
            let reason = extensions.first().map(|it| CrlReason::from_der(it.extn_value.as_bytes()).unwrap());
            (entry.serial_number, reason)
        })
        .collect()
}

#[test]
fn a_station_revokes_its_own_certificate() {
    let house = House::new();
    let station = house.enrolled();
    assert_eq!(listed(&house), []);
    let outcome = revoke(&house, &station, of(&station), CrlReason::KeyCompromise);
    assert!(matches!(outcome, Outcome::Revoked { reason: CrlReason::KeyCompromise, .. }), "{outcome}");
    let status = house.registry.status(&serial(&station));
    assert_eq!(status, CertificateStatus::Revoked { at: NOW, reason: CrlReason::KeyCompromise });
    assert_eq!(listed(&house), [(serial(&station), Some(CrlReason::KeyCompromise))]);

    // It speaks for nobody from now on, not even to have itself revoked once more.
    let again = rr(&house, &station, of(&station), CrlReason::Superseded);
    house.refused_with(&again, PkiFailureInfo::CERT_REVOKED);
    let (request, _) = house.start(&station, support::cr(support::crmf(&station.name(), &key())));
    house.refused_with(&request, PkiFailureInfo::CERT_REVOKED);
    let (request, _) = house.start(&station, support::kur(&station, &key(), |_| {}));
    house.refused_with(&request, PkiFailureInfo::CERT_REVOKED);
}

#[test]
fn an_ra_revokes_for_stations_and_takes_them_off_hold() {
    let house = House::new();
    let station = house.enrolled();
    revoke(&house, &house.nem, of(&station), CrlReason::CertificateHold);
    assert!(house.registry.status(&serial(&station)).is_on_hold());
    assert_eq!(listed(&house), [(serial(&station), Some(CrlReason::CertificateHold))]);
    let hold = rr(&house, &house.nem, of(&station), CrlReason::CertificateHold);
    house.refused_with(&hold, PkiFailureInfo::CERT_REVOKED);
    let (request, _) = house.start(&station, support::kur(&station, &key(), |_| {}));
    house.refused_with(&request, PkiFailureInfo::CERT_REVOKED);

    let outcome = revoke(&house, &house.nem, of(&station), CrlReason::RemoveFromCRL);
    assert!(matches!(outcome, Outcome::Reinstated { .. }));
    assert_eq!(house.registry.status(&serial(&station)), CertificateStatus::Valid);
    assert_eq!(listed(&house), []);
    let not_on_hold = rr(&house, &house.nem, of(&station), CrlReason::RemoveFromCRL);
    house.refused_with(&not_on_hold, PkiFailureInfo::BAD_REQUEST);

    // What is on hold can be revoked for good, and then stays so.
    revoke(&house, &house.nem, of(&station), CrlReason::CertificateHold);
    revoke(&house, &house.nem, of(&station), CrlReason::Unspecified);
    assert_eq!(listed(&house), [(serial(&station), None)]);
    let revive = rr(&house, &house.nem, of(&station), CrlReason::RemoveFromCRL);
    house.refused_with(&revive, PkiFailureInfo::BAD_REQUEST);
}

#[test]
fn nobody_revokes_what_is_not_his() {
    let house = House::new();
    let (station, other) = (house.enrolled(), house.enrolled());
    let refused = |sender: &Requester, certificate: CertId, bit| {
        let message = rr(&house, sender, certificate, CrlReason::KeyCompromise);
        house.refused_with(&message, bit);
    };
    refused(&other, of(&station), PkiFailureInfo::NOT_AUTHORIZED);
    refused(&house.station, of(&station), PkiFailureInfo::NOT_AUTHORIZED);
    refused(&station, id(CA, SerialNumber::new(&[9]).unwrap()), PkiFailureInfo::NOT_AUTHORIZED);
    refused(&station, id("CN=Elsewhere", serial(&station)), PkiFailureInfo::BAD_CERT_ID);
    refused(&house.nem, id(CA, SerialNumber::new(&[9]).unwrap()), PkiFailureInfo::BAD_CERT_ID);
    // One RA does not switch another one off.
    let csr = support::csr("CN=nem-7", &key(), Vec::new());
    let record = house.ca.issue_by_hand(&csr, &Profile::RA, NOW).unwrap();
    refused(&house.nem, id(CA, record.serial_number), PkiFailureInfo::NOT_AUTHORIZED);
    assert_eq!(house.registry.revoked().unwrap(), []);
}

#[test]
fn requests_name_one_certificate_and_one_reason() {
    let house = House::new();
    let station = house.enrolled();
    let good = rr(&house, &station, of(&station), CrlReason::KeyCompromise);
    type Change = fn(&mut Vec<cmp::RevDetails>);
    let bad: [(Change, PkiFailureInfo); 7] = [
        (Vec::clear, PkiFailureInfo::BAD_REQUEST),
        (|content| content.push(content[0].clone()), PkiFailureInfo::BAD_REQUEST),
        (|content| content[0].cert_details.serial_number = None, PkiFailureInfo::BAD_CERT_TEMPLATE),
        (|content| content[0].cert_details.issuer = None, PkiFailureInfo::BAD_CERT_TEMPLATE),
        (|content| content[0].crl_entry_details = None, PkiFailureInfo::BAD_CERT_TEMPLATE),
        (
            |content| {
                let extensions = content[0].crl_entry_details.as_mut().unwrap();
                extensions.push(extensions[0].clone());
            },
            PkiFailureInfo::BAD_REQUEST,
        ),
        (
            |content| {
                // 7 is not used.
                let value = der::asn1::OctetString::new([0x0a, 0x01, 0x07]).unwrap();
                content[0].crl_entry_details.as_mut().unwrap()[0].extn_value = value;
            },
            PkiFailureInfo::BAD_CERT_TEMPLATE,
        ),
    ];
    for (change, bit) in bad {
        let message = forged(&good, &station, |_, body| {
            let PkiBody::Rr(content) = body else { panic!("no rr") };
            change(content);
        });
        house.refused_with(&message, bit);
    }
    assert_eq!(house.registry.status(&serial(&station)), CertificateStatus::Valid);
}

#[test]
fn a_repeat_gets_the_same_answer_and_another_message_does_not() {
    let mut house = House::new();
    let station = house.enrolled();
    let message = rr(&house, &station, of(&station), CrlReason::KeyCompromise);
    house.registry.set_fault(Fault::WrittenUnreported);
    let lost = house.ca.handle(&message, NOW);
    assert_eq!(status(&lost.octets).fail_info, Some(PkiFailureInfo::SYSTEM_UNAVAIL));
    house.registry.set_fault(Fault::None);
    house.restart();
    let first = house.ca.handle(&message, NOW);
    assert!(matches!(first.event.outcome, Outcome::Repeated), "{}", first.event.outcome);
    assert_eq!(house.ca.handle(&message, NOW).octets, first.octets);

    let other = forged(&message, &station, |header, _| header.recipient = header.sender.clone());
    house.refused_with(&other, PkiFailureInfo::TRANSACTION_ID_IN_USE);
}

#[test]
fn a_certificate_that_was_revoked_is_not_confirmed_any_more() {
    let house = House::new();
    let own = key();
    let (_, answer) = house.enrol(&house.station, support::ir(support::crmf(&house.station.name(), &own)));
    let granted = support::granted(answer);
    let serial = granted.check().unwrap().tbs_certificate().serial_number().clone();
    house.ca.revoke_by_hand(&serial, CrlReason::PrivilegeWithdrawn, NOW).unwrap();
    let (part, _) = granted.confirm(&house.station.identity, &house.provider, NOW).unwrap();
    house.refused_with(&part.sign(&house.station.key).unwrap(), PkiFailureInfo::CERT_REVOKED);
    assert!(matches!(house.registry.status(&serial), CertificateStatus::Revoked { .. }));
}

#[test]
fn lists_are_numbered_and_forget_what_has_expired() {
    let house = House::new();
    let station = house.enrolled();
    revoke(&house, &station, of(&station), CrlReason::Superseded);
    for number in 1..4_u8 {
        let crl = house.ca.publish_crl(NOW, LIFETIME).unwrap();
        assert_eq!(crl.number, u64::from(number));
        assert_eq!(house.registry.crl().unwrap(), Some(crl.clone()));
        let list: CertificateList = CertificateList::from_der(&crl.octets).unwrap();
        let extensions = list.tbs_cert_list.crl_extensions.unwrap();
        let number_of = CrlNumber::from_der(extensions[1].extn_value.as_bytes()).unwrap();
        assert_eq!(number_of.0.as_bytes(), [number]);
    }
    let entries = |now| {
        let crl = house.ca.publish_crl(now, LIFETIME).unwrap();
        let list: CertificateList = CertificateList::from_der(&crl.octets).unwrap();
        list.tbs_cert_list.revoked_certificates.map_or(0, |entries| entries.len())
    };
    assert_eq!(entries(NOW.saturating_add(YEAR + LIFETIME)), 1, "it stays for a while after it expired");
    assert_eq!(entries(NOW.saturating_add(YEAR + LIFETIME * 5)), 0);
}
