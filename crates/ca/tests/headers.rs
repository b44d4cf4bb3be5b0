//! Headers that break a rule of RFC 9483 section 3.1 or RFC 9810 section 5.1.1, in messages whose protection holds.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod support;

use asn1::oids::rfc9810;
use cmp::{
    InfoTypeAndValue, PkiFailureInfo, PkiHeader, PkiMessage, Pvno, RecipNonce, SenderIdentity, SenderNonce,
    TransactionId,
};
use const_oid::ObjectIdentifier;
use der::asn1::{Null, OctetString};
use der::{Any, Decode, Encode};
use support::{House, NOW, crmf, forged, granted, ir, key, name};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

fn request(house: &House) -> Vec<u8> {
    house.start(&house.station, ir(crmf(&house.station.name(), &key()))).0
}

type Change = fn(&mut PkiHeader);

fn refused(cases: &[(&str, Change, PkiFailureInfo)]) {
    let house = House::new();
    let good = request(&house);
    for (fault, change, bit) in cases {
        let bad = forged(&good, &house.station, |header, _| change(header));
        let status = house.refused(&bad);
        assert_eq!(status.fail_info, Some(*bit), "{fault}: {status}");
    }
    assert_eq!(house.registry.count(), 0);
    assert!(matches!(house.ca.handle(&good, NOW).event.outcome, ca::Outcome::Issued { .. }));
}

fn accepted(cases: &[(&str, Change)]) {
    let house = House::new();
    for (what, change) in cases {
        let (good, awaiting) = house.start(&house.station, ir(crmf(&house.station.name(), &key())));
        let message = forged(&good, &house.station, |header, _| change(header));
        let reply = house.ca.handle(&message, NOW);
        assert!(matches!(reply.event.outcome, ca::Outcome::Issued { .. }), "{what}: {}", reply.event.outcome);
        granted(house.answer(awaiting, &reply, NOW));
    }
}

fn item(oid: ObjectIdentifier, value: impl Encode) -> InfoTypeAndValue {
    InfoTypeAndValue::new(oid, Some(Any::from_der(&value.to_der().unwrap()).unwrap()))
}

#[test]
fn versions_that_are_not_spoken_are_answered_with_the_nearest() {
    let house = House::new();
    let good = request(&house);
    for (pvno, answer) in [(0, 2), (1, 2), (4, 3), (255, 3)] {
        let pvno = Pvno::from_der(&u8::to_der(&pvno).unwrap()).unwrap();
        let message = forged(&good, &house.station, |header, _| header.pvno = pvno);
        let reply = house.ca.handle(&message, NOW);
        assert_eq!(support::status(&reply.octets).fail_info, Some(PkiFailureInfo::UNSUPPORTED_VERSION));
        assert_eq!(PkiMessage::from_der(&reply.octets).unwrap().header().pvno.number(), answer);
    }
    assert_eq!(house.registry.count(), 0);
}

#[test]
fn transaction_ids_and_nonces() {
    refused(&[
        ("no transactionID", |header| header.transaction_id = None, PkiFailureInfo::BAD_DATA_FORMAT),
        (
            "an empty transactionID",
            |header| header.transaction_id = Some(TransactionId::new(b"").unwrap()),
            PkiFailureInfo::BAD_DATA_FORMAT,
        ),
        (
            "a transactionID of 65 octets",
            |header| header.transaction_id = Some(TransactionId::new(&[1; 65]).unwrap()),
            PkiFailureInfo::BAD_DATA_FORMAT,
        ),
        ("no senderNonce", |header| header.sender_nonce = None, PkiFailureInfo::BAD_SENDER_NONCE),
        (
            "a senderNonce of 120 bits",
            |header| header.sender_nonce = Some(SenderNonce::new(&[1; 15]).unwrap()),
            PkiFailureInfo::BAD_SENDER_NONCE,
        ),
        (
            "recipNonce in a first message",
            |header| header.recip_nonce = Some(RecipNonce::new(&[1; 16]).unwrap()),
            PkiFailureInfo::BAD_RECIPIENT_NONCE,
        ),
    ]);
}

#[test]
fn senders_are_named_as_in_their_certificates() {
    refused(&[
        (
            "another sender",
            |header| header.sender = GeneralName::DirectoryName(name("CN=enb-0002,O=Vendor")),
            PkiFailureInfo::BAD_MESSAGE_CHECK,
        ),
        (
            "the NULL-DN, without a secret",
            |header| header.sender = GeneralName::DirectoryName(Name::default()),
            PkiFailureInfo::BAD_MESSAGE_CHECK,
        ),
        (
            "a sender that is no directoryName",
            |header| header.sender = GeneralName::DnsName(der::asn1::Ia5String::new("enb-0001").unwrap()),
            PkiFailureInfo::BAD_MESSAGE_CHECK,
        ),
        (
            "another senderKID",
            |header| header.sender_kid = Some(OctetString::new([1; 20]).unwrap()),
            PkiFailureInfo::BAD_MESSAGE_CHECK,
        ),
    ]);
}

#[test]
fn general_info_with_values_of_another_kind() {
    refused(&[
        (
            "implicitConfirm that is not NULL",
            |header| header.general_info = Some(vec![item(rfc9810::IT_IMPLICIT_CONFIRM, true)]),
            PkiFailureInfo::BAD_DATA_FORMAT,
        ),
        (
            "implicitConfirm without a value",
            |header| {
                header.general_info = Some(vec![InfoTypeAndValue::new(rfc9810::IT_IMPLICIT_CONFIRM, None)]);
            },
            PkiFailureInfo::BAD_DATA_FORMAT,
        ),
        (
            "certProfile that is a UTF8String",
            |header| header.general_info = Some(vec![item(rfc9810::IT_CERT_PROFILE, String::from("ne"))]),
            PkiFailureInfo::BAD_DATA_FORMAT,
        ),
        (
            "two certProfiles",
            |header| {
                let names = vec![String::from("ne"), String::from("ne")];
                header.general_info = Some(vec![item(rfc9810::IT_CERT_PROFILE, names)]);
            },
            PkiFailureInfo::BAD_REQUEST,
        ),
        (
            "a certProfile that cannot be had",
            |header| {
                let names = vec![String::from("ra")];
                header.general_info = Some(vec![item(rfc9810::IT_CERT_PROFILE, names)]);
            },
            PkiFailureInfo::NOT_AUTHORIZED,
        ),
        ("empty generalInfo", |header| header.general_info = Some(vec![]), PkiFailureInfo::BAD_DATA_FORMAT),
        ("empty freeText", |header| header.free_text = Some(vec![]), PkiFailureInfo::BAD_DATA_FORMAT),
    ]);
}

#[test]
fn what_a_receiver_has_to_put_up_with() {
    accepted(&[
        ("another recipient", |header| header.recipient = GeneralName::DirectoryName(name("CN=Elsewhere"))),
        ("the NULL-DN as recipient", |header| header.recipient = GeneralName::DirectoryName(Name::default())),
        ("no messageTime", |header| header.message_time = None),
        ("no senderKID", |header| header.sender_kid = None),
        ("an item that nobody knows", |header| {
            header.general_info = Some(vec![item(ObjectIdentifier::new_unwrap("1.2.3.4"), Null)]);
        }),
        ("the certProfile that there is", |header| {
            header.general_info = Some(vec![item(rfc9810::IT_CERT_PROFILE, vec![String::from("ne")])]);
        }),
    ]);
}

/// RFC 9483 section 3.3, and TS 33.310 section 9.5.4.3 for the root.
#[test]
fn the_certificates_that_go_along() {
    let house = House::new();
    let intermediate = house.credential(&ca::Profile::NE, "CN=between,O=Vendor", key()).certificate;
    let chain = vec![intermediate.clone(), intermediate.clone()];
    let algorithm = crypto::SigningKey::algorithm(&house.station.key);
    let identity = SenderIdentity::new(house.station.certificate.clone(), chain, algorithm).unwrap();
    let (part, awaiting) =
        ir(crmf(&house.station.name(), &key())).start(&identity, &house.provider, NOW).unwrap();
    let request = part.sign(&house.station.key).unwrap();
    let message = PkiMessage::from_der(&request).unwrap();
    assert_eq!(message.extra_certs()[..2], [house.station.certificate.clone(), intermediate]);

    let reply = house.ca.handle(&request, NOW);
    let answer = PkiMessage::from_der(&reply.octets).unwrap();
    let believed = house.validate(&reply.octets, &awaiting.expectation(), NOW);
    assert_eq!(answer.extra_certs().first(), believed.signer().certificate(), "the signer's comes first");
    assert!(answer.extra_certs().contains(&house.root));
    let mut different = answer.extra_certs().to_vec();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), answer.extra_certs().len(), "each once");
    granted(awaiting.handle(&believed).unwrap());
}
