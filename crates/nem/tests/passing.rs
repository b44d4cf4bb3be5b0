//! Messages that stations sign themselves: what goes up in their place, and what does not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use asn1::UnixTime;
use ca::Profile;
use cmp::end_entity::{Answer, CertificateRequest, Question};
use cmp::{InfoValue, PkiBody, PkiFailureInfo, PkiMessage, ReadingPolicy};
use crmf::{CertId, CertReqMessages, CertReqMsgBuilder, PopoPrivKey, SubsequentMessage};
use crypto::SigningKey;
use crypto_aws_lc::{KeyType, SoftwareKey, provider};
use der::Encode;
use nem::{Passing, Refusal};
use support::speaker::{Speaker, answer, enrol, house, ir, messages, pass, replaced};
use support::{House, NOW, SUBJECT, certify, copy, csr, key, name};
use x509_cert::ext::pkix::CrlReason;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::serial_number::SerialNumber;

#[test]
fn the_nem_s_signature_takes_the_station_s_place_and_nothing_else_changes() {
    let (mut house, station) = house();
    let new = key();
    let (octets, _) = station.start(ir(SUBJECT, &new), NOW);
    let received = PkiMessage::from_der(&octets).unwrap();
    let passage = replaced(&mut house, &octets);
    let up = PkiMessage::from_der(&passage.message).unwrap();
    let ids = |message: &PkiMessage| {
        let header = message.header();
        (header.transaction_id.clone(), header.sender_nonce.clone(), header.recip_nonce.clone(), header.pvno)
    };
    assert_eq!(ids(&up), ids(&received));
    assert_eq!(up.body().to_der().unwrap(), received.body().to_der().unwrap());
    assert_eq!(up.header().sender_name(), Some(&name("CN=nem")));
    assert!(up.extra_certs().contains(&station.certificate));
    // Lost on the way: the same goes up once more, and is one request at the RA/CA.
    assert_eq!(pass(&mut house, &octets, Passing::ReplacedProtection).unwrap(), passage);

    // The RA/CA of this house believes RAs only.
    assert_ne!(enrol(&mut house, &station, ir(SUBJECT, &new)).octets(), up.octets());
    let csr = pkcs10::CertReq::from_der(&csr(SUBJECT, &key(), Vec::new())).unwrap();
    enrol(&mut house, &station, CertificateRequest::P10cr(Box::new(csr)));
    assert_eq!(house.issued().len(), 2);
    assert_eq!(house.ledger.records().len(), 2, "their renewal is watched over");
}

#[test]
fn a_request_without_subject_gets_the_station_s_and_says_ra_verified() {
    let (mut house, station) = house();
    let new = key();
    let mut builder = CertReqMsgBuilder::new(None, new.public_key());
    builder.sender = Some(GeneralName::DirectoryName(name("CN=SN-1,O=Vendor")));
    let up = enrol(&mut house, &station, CertificateRequest::Ir(messages(&builder, &new)));
    let PkiBody::Ir(inner) = up.body() else { panic!("{up:?}") };
    assert!(inner.messages()[0].is_ra_verified());
    assert_eq!(inner.messages()[0].template().subject, Some(name(SUBJECT)));
    let info = up.header().general_info.as_ref().unwrap();
    let Some(InfoValue::OrigPkiMessage(original)) = InfoValue::open(&info[0]).unwrap() else {
        panic!("{info:?}")
    };
    let original = PkiMessage::from_der(original[0].octets()).unwrap();
    let PkiBody::Ir(inner) = original.body() else { panic!("{original:?}") };
    assert!(!inner.messages()[0].is_ra_verified());
    assert_eq!(house.issued().len(), 1);

    // The proof is bound to another's name, or made with another key.
    builder.sender = Some(GeneralName::DirectoryName(name("CN=SN-2,O=Vendor")));
    let (octets, _) = station.start(CertificateRequest::Ir(messages(&builder, &new)), NOW);
    refused(&mut house, &octets, PkiFailureInfo::NOT_AUTHORIZED);
    builder.sender = Some(GeneralName::DirectoryName(name("CN=SN-1,O=Vendor")));
    let signature = key().sign(&builder.to_be_signed().unwrap()).unwrap();
    let planted = builder.with_signature(new.algorithm(), &signature).unwrap();
    let planted = CertReqMessages::new(vec![planted]).unwrap();
    let (octets, _) = station.start(CertificateRequest::Ir(planted), NOW);
    refused(&mut house, &octets, PkiFailureInfo::BAD_POP);
}

fn refused(house: &mut House, octets: &[u8], fail_info: PkiFailureInfo) {
    for policy in [Passing::ReplacedProtection, Passing::AddedProtection] {
        match pass(house, octets, policy).unwrap_err() {
            Refusal::Message { reason, .. } => assert_eq!(reason.fail_info(), fail_info, "{reason}"),
            refusal => panic!("{refusal}"),
        }
    }
}

#[test]
fn what_is_nothing_without_the_station_s_protection_keeps_it() {
    let (mut house, _) = house();
    let old = key();
    let station = Speaker::new(certify(&house.operator, &Profile::NE, SUBJECT, &old), copy(&old));
    let new = key();
    let builder = CertReqMsgBuilder::new(Some(name(SUBJECT)), new.public_key());
    let kur = CertificateRequest::Kur(messages(&builder, &new));
    let later = PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert);
    let deciphers = SoftwareKey::generate(KeyType::Rsa2048).unwrap();
    let enciphered = CertReqMsgBuilder::new(Some(name(SUBJECT)), deciphers.public_key());
    let enciphered = CertReqMessages::new(vec![enciphered.key_encipherment(later).unwrap()]).unwrap();
    for request in [kur, CertificateRequest::Ir(enciphered)] {
        let (octets, _) = station.start(request, NOW);
        let passage = pass(&mut house, &octets, Passing::ReplacedProtection).unwrap();
        assert_eq!(passage.passing, Passing::AddedProtection);
        let nested = PkiMessage::from_der(&passage.message).unwrap();
        let inner = nested.open_nested(&ReadingPolicy::default()).unwrap().remove(0).unwrap();
        assert_eq!(inner.octets(), octets);
    }
    let serial_number = SerialNumber::new(&[1]).unwrap();
    let certificate = CertId::new(GeneralName::DirectoryName(name("CN=Operator CA")), serial_number);
    let question = Question::revoke(certificate, CrlReason::KeyCompromise).unwrap();
    let (part, _) = question.start(&station.identity, &provider(), NOW).unwrap();
    let rr = part.sign(&station.key).unwrap();
    for policy in [Passing::Unchanged, Passing::AddedProtection, Passing::ReplacedProtection] {
        let refusal = pass(&mut house, &rr, policy).unwrap_err();
        assert!(refusal.to_string().contains("rr"), "{refusal}");
    }
}

#[test]
fn the_nem_vouches_for_nothing_that_it_cannot_verify() {
    let (mut house, station) = house();
    let new = key();
    let (good, _) = station.start(ir(SUBJECT, &new), NOW);
    // Who signs shows the station's certificate, and has a key of its own.
    let mallory = Speaker::new(station.certificate.clone(), key());
    let (octets, _) = mallory.start(ir(SUBJECT, &new), NOW);
    refused(&mut house, &octets, PkiFailureInfo::BAD_MESSAGE_CHECK);

    let builder = CertReqMsgBuilder::new(Some(name(SUBJECT)), new.public_key());
    let claimed = CertReqMessages::new(vec![builder.ra_verified().unwrap()]).unwrap();
    let (octets, _) = station.start(CertificateRequest::Ir(claimed), NOW);
    refused(&mut house, &octets, PkiFailureInfo::NOT_AUTHORIZED);

    let (old, _) = station.start(ir(SUBJECT, &new), UnixTime::from_secs(NOW.as_secs() - 301));
    refused(&mut house, &old, PkiFailureInfo::BAD_TIME);

    assert!(house.issued().is_empty());
    replaced(&mut house, &good);
}

#[test]
fn nobody_else_goes_on_with_a_station_s_transaction() {
    let (mut house, station) = house();
    let (octets, awaiting) = station.start(ir(SUBJECT, &key()), NOW);
    let passage = replaced(&mut house, &octets);
    let expectation = awaiting.expectation();
    let ip = answer(&mut house, &passage, &expectation);
    let Answer::Granted(granted) = awaiting.handle(&ip).unwrap() else { panic!("{ip:?}") };
    let (part, _) = granted.clone().confirm(&station.identity, &provider(), house.now).unwrap();
    // Under the same name, with another key; the NEM would sign it.
    let planted = part.sign(&key()).unwrap();
    let refusal = pass(&mut house, &planted, Passing::ReplacedProtection).unwrap_err();
    assert!(matches!(refusal, Refusal::Message { .. }), "{refusal}");
    // With a certificate of the same station, which did not begin it.
    let other = key();
    let other = Speaker::new(certify(&house.vendor, &Profile::NE, "CN=SN-1,O=Vendor", &other), copy(&other));
    let (part, _) = granted.clone().confirm(&other.identity, &provider(), house.now).unwrap();
    let octets = part.sign(&other.key).unwrap();
    let refusal = pass(&mut house, &octets, Passing::ReplacedProtection).unwrap_err();
    assert!(refusal.to_string().contains("somebody else"), "{refusal}");
    let (part, _) = granted.clone().confirm(&station.identity, &provider(), house.now).unwrap();
    replaced(&mut house, &part.sign(&station.key).unwrap());
}
