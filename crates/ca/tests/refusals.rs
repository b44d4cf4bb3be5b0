//! What is refused, each with its failInfo (RFC 9810 section 5.2.3); nothing is issued then.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod support;

use std::time::Duration;

use ca::Profile;
use ca::registry::CertificateStatus;
use cmp::{MessageTime, PkiFailureInfo, PkiMessage, PkiStatusInfo};
use crypto::SigningKey;
use der::asn1::BitString;
use der::{Decode, Encode, Tag, TagNumber};
use support::crafted::tlv;
use support::{
    House, NOW, Requester, certify_contents, csr, csr_octets, forged, granted, key, name, protected_by, root,
    sequence, status,
};
use x509_cert::ext::pkix::CrlReason;

fn own_request(house: &House) -> cmp::end_entity::Enrolment {
    support::ir(support::crmf(&house.station.name(), &key()))
}

#[test]
fn octets_that_are_no_message() {
    let house = House::new();
    let (good, _) = house.start(&house.station, own_request(&house));
    for bad in [
        &b""[..],
        b"garbage",
        &[0x30, 0x80, 0, 0],
        &good[..good.len() - 1],
        &[good.as_slice(), b"x"].concat(),
    ] {
        house.refused_with(bad, PkiFailureInfo::BAD_DATA_FORMAT);
    }
    let large = vec![0x30; house.ca.reading.message_size + 1];
    assert!(house.refused(&large).fail_info.is_some());
}

#[test]
fn every_octet_is_protected() {
    let house = House::new();
    let (good, _) = house.start(&house.station, own_request(&house));
    for position in 0..good.len() {
        let mut bad = good.clone();
        bad[position] ^= 1;
        house.refused(&bad);
    }
    assert_eq!(house.registry.count(), 0);
}

#[test]
fn a_protection_is_whole_octets() {
    let house = House::new();
    let (good, _) = house.start(&house.station, own_request(&house));
    let message = PkiMessage::from_der(&good).unwrap();
    let mut signature = message.protection().unwrap().raw_bytes().to_vec();
    *signature.last_mut().unwrap() &= 0xf0;
    let protection = BitString::new(4, signature).unwrap().to_der().unwrap();
    let explicit = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
    let bad = sequence(&[
        &message.header().to_der().unwrap(),
        &message.body().to_der().unwrap(),
        &tlv(explicit, &protection),
        &tlv(
            Tag::ContextSpecific { constructed: true, number: TagNumber(1) },
            &sequence(&[house.station.certificate.octets()]),
        ),
    ]);
    house.refused_with(&bad, PkiFailureInfo::BAD_MESSAGE_CHECK);
}

/// None of them is verified, let alone issued for.
#[test]
fn messages_that_cost_too_much() {
    let mut house = House::new();
    let (good, _) = house.start(&house.station, own_request(&house));
    let certificates = vec![house.station.certificate.clone(); house.ca.reading.certificates + 1];
    let sign = |octets: &[u8]| Some(house.station.key.sign(octets).unwrap());
    let many_certificates = protected_by(&good, |_, _| {}, sign, certificates);
    house.refused_with(&many_certificates, PkiFailureInfo::BAD_DATA_FORMAT);

    house.ca.reading.nested_messages = 2;
    let requests: Vec<_> = (0..3)
        .map(|_| PkiMessage::from_der(&house.start(&house.station, own_request(&house)).0).unwrap())
        .collect();
    let (part, _) =
        cmp::bundle(&requests, house.ca.issuer().name().clone(), &house.nem.identity, &house.provider, NOW)
            .unwrap();
    house.refused_with(&part.sign(&house.nem.key).unwrap(), PkiFailureInfo::BAD_DATA_FORMAT);
    house.ca.reading.message_size = good.len() - 1;
    house.refused_with(&good, PkiFailureInfo::BAD_DATA_FORMAT);
}

#[test]
fn senders_that_are_not_believed() {
    let house = House::new();
    let stranger = Requester::new(&root("CN=Elsewhere"), &Profile::NE, "CN=enb-0001,O=Vendor");
    let (message, _) = house.start(&stranger, own_request(&house));
    house.refused_with(&message, PkiFailureInfo::SIGNER_NOT_TRUSTED);

    let key = key();
    let profile = Profile::NE;
    let (mut contents, _) =
        profile.fit(name("CN=enb-0001,O=Vendor"), crypto::SigningKey::public_key(&key), &[]).unwrap();
    contents.validity = Duration::from_secs(60);
    let expiring = Requester::with(certify_contents(&house.vendor, &contents, NOW), key);
    let (message, _) = house.start(&expiring, own_request(&house));
    let reply = house.ca.handle(&message, NOW.saturating_add(Duration::from_secs(120)));
    assert_eq!(status(&reply.octets).fail_info, Some(PkiFailureInfo::SIGNER_NOT_TRUSTED));
    assert_eq!(house.registry.count(), 0);
}

#[test]
fn only_an_ra_speaks_for_others() {
    let house = House::new();
    let other = support::p10cr(csr("CN=enb17.operator.example", &key(), Vec::new()));
    let (message, _) = house.start(&house.station, other.clone());
    house.refused_with(&message, PkiFailureInfo::NOT_AUTHORIZED);
    // A certificate of the operator, but without id-kp-cmcRA.
    let (_, answer) = house.enrol(&house.nem, support::p10cr(csr("CN=enb18", &key(), Vec::new())));
    house.confirm(&house.nem, granted(answer), NOW);
    let key = key();
    let (_, answer) = house.enrol(&house.nem, support::p10cr(csr("CN=enb19", &key, Vec::new())));
    let issued = granted(answer);
    let element = Requester::with(issued.certificate().clone(), key);
    house.confirm(&house.nem, issued, NOW);
    let (message, _) = house.start(&element, other);
    house.refused_with(&message, PkiFailureInfo::NOT_AUTHORIZED);
}

#[test]
fn proofs_of_possession_that_do_not_hold() {
    let house = House::new();
    let mut octets = csr_octets("CN=enb17", &key(), Vec::new());
    let last = octets.len() - 1;
    octets[last] ^= 1;
    let request = pkcs10::CertReq::from_der(&octets).unwrap();
    let (message, _) = house.start(&house.nem, support::p10cr(request));
    house.refused_with(&message, PkiFailureInfo::BAD_POP);
}

#[test]
fn names_and_keys_of_the_ca_itself() {
    let house = House::new();
    let request = csr("CN=Operator CA,O=Operator", &key(), Vec::new());
    let (message, _) = house.start(&house.nem, support::p10cr(request));
    house.refused_with(&message, PkiFailureInfo::BAD_CERT_TEMPLATE);
    let nameless = csr("", &key(), Vec::new());
    let (message, _) = house.start(&house.nem, support::p10cr(nameless));
    house.refused_with(&message, PkiFailureInfo::BAD_CERT_TEMPLATE);
}

#[test]
fn clocks_that_do_not_agree() {
    let house = House::new();
    let (message, _) = house.start(&house.station, own_request(&house));
    for now in [NOW.saturating_add(Duration::from_secs(301)), NOW.saturating_sub(Duration::from_secs(301))] {
        let reply = house.ca.handle(&message, now);
        assert_eq!(status(&reply.octets).fail_info, Some(PkiFailureInfo::BAD_TIME));
    }
    assert_eq!(house.registry.count(), 0);
}

#[test]
fn a_certificate_that_is_turned_down_is_revoked() {
    let house = House::new();
    let (_, answer) = house.enrol(&house.station, own_request(&house));
    let granted = granted(answer);
    let serial = granted.check().unwrap().tbs_certificate().serial_number().clone();
    let reason = PkiStatusInfo::rejection(PkiFailureInfo::BAD_CERT_TEMPLATE, "not what was asked for".into());
    let (part, awaiting) = granted.reject(reason, &house.station.identity, &house.provider, NOW).unwrap();
    let reply = house.ca.handle(&part.sign(&house.station.key).unwrap(), NOW);
    let message = house.validate(&reply.octets, &awaiting.expectation(), NOW);
    awaiting.handle(&message).unwrap();
    assert_eq!(
        house.registry.status(&serial),
        CertificateStatus::Revoked { at: NOW, reason: CrlReason::CessationOfOperation }
    );
}

#[test]
fn a_second_confirmation_says_so() {
    let house = House::new();
    let (_, answer) = house.enrol(&house.station, own_request(&house));
    let granted = granted(answer);
    let serial = granted.check().unwrap().tbs_certificate().serial_number().clone();
    house.confirm(&house.station, granted.clone(), NOW);
    let reason = PkiStatusInfo::rejection(PkiFailureInfo::BAD_CERT_TEMPLATE, "changed my mind".into());
    let (part, _) = granted.reject(reason, &house.station.identity, &house.provider, NOW).unwrap();
    house.refused_with(&part.sign(&house.station.key).unwrap(), PkiFailureInfo::CERT_CONFIRMED);
    assert_eq!(house.registry.status(&serial), CertificateStatus::Valid);
}

#[test]
fn nobody_confirms_for_somebody_else() {
    let house = House::new();
    let other = Requester::new(&house.vendor, &Profile::NE, "CN=enb-0002,O=Vendor");
    let (_, answer) = house.enrol(&house.station, own_request(&house));
    let granted = granted(answer);
    let serial = granted.check().unwrap().tbs_certificate().serial_number().clone();
    let (part, _) = granted.confirm(&other.identity, &house.provider, NOW).unwrap();
    assert!(house.refused(&part.sign(&other.key).unwrap()).fail_info.is_some());
    assert_eq!(house.registry.status(&serial), CertificateStatus::Unconfirmed);
}

#[test]
fn a_revoked_certificate_speaks_for_nobody() {
    let house = House::new();
    let key = key();
    let (_, answer) = house.enrol(&house.nem, support::p10cr(csr("CN=enb17", &key, Vec::new())));
    let granted = granted(answer);
    let element = Requester::with(granted.certificate().clone(), key);
    let reason = PkiStatusInfo::rejection(PkiFailureInfo::BAD_CERT_TEMPLATE, "no".into());
    let (part, _) = granted.reject(reason, &house.nem.identity, &house.provider, NOW).unwrap();
    house.ca.handle(&part.sign(&house.nem.key).unwrap(), NOW);
    let own = support::cr(support::crmf(&element.name(), &support::key()));
    let (message, _) = house.start(&element, own);
    house.refused_with(&message, PkiFailureInfo::CERT_REVOKED);
}

/// Strictly read it is refused by the deviation's name; leniently, it is a request like any other.
#[test]
fn local_times_are_a_matter_of_policy() {
    let mut house = House::new();
    let (request, awaiting) = house.start(&house.station, own_request(&house));
    // NOW is 2026-11-18T11:06:40Z.
    let local = MessageTime::from_der(b"\x18\x1320261118120640+0100").unwrap();
    let request = forged(&request, &house.station, |header, _| header.message_time = Some(local));
    let refusal = house.refused(&request);
    assert_eq!(refusal.fail_info, Some(PkiFailureInfo::BAD_DATA_FORMAT));
    let reason = refusal.status_string.unwrap().join(" ");
    assert!(reason.contains("messageTime has an offset"), "{reason}");

    house.ca.reading.lenient = true;
    let reply = house.ca.handle(&request, NOW);
    granted(house.answer(awaiting, &reply, NOW));
}
