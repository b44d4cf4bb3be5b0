//! kur: a new certificate in place of the one that signs the message (RFC 9483 section 4.1.3).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use asn1::oids::rfc5280;
use ca::Profile;
use ca::registry::{CertificateStatus, Registry};
use cmp::{PkiBody, PkiFailureInfo, PkiMessage};
use crmf::{CertId, CertReqMsgBuilder, Control};
use crypto::SigningKey;
use der::asn1::{Ia5String, OctetString};
use der::{Decode, Encode};
use support::{House, NOW, Requester, YEAR, forged, granted, key, kur, name, update};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::serial_number::SerialNumber;

fn alternative_name(host: &str) -> Extension {
    let names = SubjectAltName(vec![GeneralName::DnsName(Ia5String::new(host).unwrap())]);
    let extn_value = OctetString::new(names.to_der().unwrap()).unwrap();
    Extension { extn_id: rfc5280::SUBJECT_ALT_NAME, critical: false, extn_value }
}

fn unchanged(_: &mut CertReqMsgBuilder) {}

#[test]
fn a_station_gets_a_new_certificate_for_a_new_key_as_often_as_it_likes() {
    let house = House::new();
    let mut station = house.enrolled();
    for number in 2..5 {
        let new = key();
        let (_, answer) = house.enrol(&station, kur(&station, &new, unchanged));
        let granted = granted(answer);
        let certificate = granted.check().unwrap();
        let tbs = certificate.tbs_certificate();
        assert_eq!(tbs.subject(), &station.name());
        let octets = granted.certificate().clone();
        let (_, reply) = house.confirm(&station, granted, NOW);
        assert!(matches!(PkiMessage::from_der(&reply.octets).unwrap().body(), PkiBody::PkiConf));
        assert_eq!(house.registry.status(tbs.serial_number()), CertificateStatus::Valid);
        assert_eq!(house.registry.count(), number);
        station = Requester::with(octets, new);
    }
}

#[test]
fn names_and_profile_stay_as_they_are() {
    let mut house = House::new();
    house.ca.policy.vendor_names = ca::VendorNames::Any;
    let own = key();
    let mut builder = CertReqMsgBuilder::new(Some(house.station.name()), own.public_key());
    builder.extensions = vec![alternative_name("enb1.example")];
    let (_, answer) = house.enrol(&house.station, support::ir(builder.sign(&own).unwrap()));
    let first = granted(answer);
    let station = Requester::with(first.certificate().clone(), own);
    house.confirm(&house.station, first, NOW);

    // Neither asked for: the subject may be left out (TS 33.310), the alternative names too.
    let new = key();
    let mut builder = CertReqMsgBuilder::new(None, new.public_key());
    builder.sender = Some(GeneralName::DirectoryName(station.name()));
    let (_, answer) = house.enrol(&station, update(builder.sign(&new).unwrap()));
    let certificate = granted(answer).check().unwrap();
    assert_eq!(certificate.tbs_certificate().subject(), &station.name());
    let extensions = certificate.tbs_certificate().extensions().unwrap();
    assert!(extensions.contains(&alternative_name("enb1.example")));

    let refused = |request, bit| house.refused_with(&house.start(&station, request).0, bit);
    let renamed = kur(&station, &key(), |builder| builder.subject = Some(name("CN=enb-0002,O=Vendor")));
    refused(renamed, PkiFailureInfo::NOT_AUTHORIZED);
    let more = kur(&station, &key(), |builder| builder.extensions = vec![alternative_name("enb2.example")]);
    refused(more, PkiFailureInfo::NOT_AUTHORIZED);
    let mut promoted = kur(&station, &key(), unchanged);
    promoted.cert_profile = Some("ra".into());
    refused(promoted, PkiFailureInfo::NOT_AUTHORIZED);
}

#[test]
fn a_nem_updates_its_own_certificate_and_nobody_else_s() {
    let house = House::new();
    let own = key();
    let csr = support::csr("CN=nem-7", &own, Vec::new());
    let record = house.ca.issue_by_hand(&csr, &Profile::RA, NOW).unwrap();
    let nem = Requester::with(record.certificate, own);
    let (_, answer) = house.enrol(&nem, kur(&nem, &key(), unchanged));
    let granted = granted(answer);
    let serial = granted.check().unwrap().tbs_certificate().serial_number().clone();
    house.confirm(&nem, granted, NOW);
    assert_eq!(house.registry.certificate(&serial).unwrap().unwrap().profile, "ra");

    let station = house.enrolled();
    let of_another = kur(&station, &key(), unchanged);
    house.refused_with(&house.start(&nem, of_another).0, PkiFailureInfo::BAD_CERT_ID);
    let (message, _) = house.start(&nem, kur(&nem, &key(), unchanged));
    let vouched = forged(&message, &nem, |_, body| {
        let PkiBody::Kur(messages) = body else { panic!("no kur") };
        let new = key();
        let builder = CertReqMsgBuilder::new(Some(nem.name()), new.public_key());
        *messages = crmf::CertReqMessages::new(vec![builder.ra_verified().unwrap()]).unwrap();
    });
    house.refused_with(&vouched, PkiFailureInfo::NOT_AUTHORIZED);
}

#[test]
fn the_old_key_is_certified_again_only_where_the_policy_allows_it() {
    let mut house = House::new();
    let station = house.enrolled();
    let again = |house: &House| house.start(&station, kur(&station, &station.key, unchanged)).0;
    house.refused_with(&again(&house), PkiFailureInfo::BAD_CERT_TEMPLATE);
    house.ca.policy.key_reuse = true;
    let (_, answer) = house.enrol(&station, kur(&station, &station.key, unchanged));
    granted(answer).check().unwrap();
}

#[test]
fn old_cert_id_names_the_certificate_that_signs_or_is_left_out() {
    let house = House::new();
    let station = house.enrolled();
    let id = |issuer: &str, serial: SerialNumber| {
        vec![
            Control::OldCertId(CertId::new(GeneralName::DirectoryName(name(issuer)), serial))
                .close()
                .unwrap(),
        ]
    };
    let certificate = Certificate::from_der(station.certificate.octets()).unwrap();
    let own = certificate.tbs_certificate().serial_number().clone();
    let other = SerialNumber::new(&[7]).unwrap();
    for (issuer, serial) in [("CN=Operator CA,O=Operator", other), ("CN=Elsewhere", own.clone())] {
        let request = kur(&station, &key(), |builder| builder.controls = id(issuer, serial));
        house.refused_with(&house.start(&station, request).0, PkiFailureInfo::BAD_CERT_ID);
    }
    for controls in [Vec::new(), id("cn=operator ca,O=OPERATOR", own)] {
        let (_, answer) = house.enrol(&station, kur(&station, &key(), |builder| builder.controls = controls));
        granted(answer).check().unwrap();
    }
}

#[test]
fn only_certificates_that_this_ca_issued_and_that_hold_are_updated() {
    let mut house = House::new();
    let request =
        |house: &House, requester: &Requester| house.start(requester, kur(requester, &key(), unchanged)).0;
    // The vendor's, and one that the CA's key signed and its registry does not know.
    house.refused_with(&request(&house, &house.station), PkiFailureInfo::BAD_CERT_ID);
    let unknown = house.credential(&Profile::NE, "CN=enb-9", key());
    house.refused_with(&request(&house, &unknown), PkiFailureInfo::BAD_CERT_ID);

    // Never confirmed, and then not taken.
    let own = key();
    let (_, answer) = house.enrol(&house.station, support::ir(support::crmf(&house.station.name(), &own)));
    let first = granted(answer);
    let station = Requester::with(first.certificate().clone(), own);
    house.refused_with(&request(&house, &station), PkiFailureInfo::BAD_REQUEST);
    let status = cmp::PkiStatusInfo::rejection(PkiFailureInfo::BAD_CERT_TEMPLATE, "no".into());
    let (part, _) = first.reject(status, &house.station.identity, &house.provider, NOW).unwrap();
    house.ca.handle(&part.sign(&house.station.key).unwrap(), NOW);
    house.refused_with(&request(&house, &station), PkiFailureInfo::CERT_REVOKED);

    // Expired by the time that the message arrives.
    let station = house.enrolled();
    let message = request(&house, &station);
    house.ca.time_window = None;
    let reply = house.ca.handle(&message, NOW.saturating_add(YEAR * 2));
    assert_eq!(support::status(&reply.octets).fail_info, Some(PkiFailureInfo::SIGNER_NOT_TRUSTED));
}

#[test]
fn the_proof_of_possession_is_of_the_new_key() {
    let house = House::new();
    let station = house.enrolled();
    let (message, _) = house.start(&station, kur(&station, &key(), unchanged));
    let stolen = forged(&message, &station, |_, body| {
        let PkiBody::Kur(messages) = body else { panic!("no kur") };
        let other = key();
        let builder = CertReqMsgBuilder::new(Some(station.name()), other.public_key());
        let signature = key().sign(&builder.to_be_signed().unwrap()).unwrap();
        let message = builder.with_signature(other.algorithm(), &signature).unwrap();
        *messages = crmf::CertReqMessages::new(vec![message]).unwrap();
    });
    house.refused_with(&stolen, PkiFailureInfo::BAD_POP);
}
