//! Answers that are not the RA/CA's, or that an RA/CA should not give.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use ca::registry::CertificateStatus;
use ca::{Ca, CertificateContents, Issuer, MessageCredential, Profile};
use cmp::management_entity::{Grant, ReplyTo, Responder, VerifiedRequest};
use cmp::{Expectation, PkiFailureInfo, PkiMessage, Quirk, Quirks, SenderIdentity, Validator, bundle};
use crypto::SigningKey;
use crypto_aws_lc::provider;
use der::Encode;
use der::asn1::{Ia5String, OctetString};
use der::oid::DynAssociatedOid;
use nem::ledger::{RequestId, State};
use nem::{Inventory, Standing};
use support::{House, SUBJECT, certify, csr, key, root};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName};
use x509_cert::name::Name;

/// A request that waits for its answer.
fn sent() -> (House, RequestId, Vec<u8>) {
    let mut house = House::new();
    house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
    let (id, message) = house.sends().remove(0);
    (house, id, message)
}

/// That an answer is dropped, the truth still awaited, and taken when it comes.
fn dropped(mut house: House, id: RequestId, message: &[u8], planted: &[u8]) {
    house.answer(id, planted);
    assert!(house.sends().is_empty());
    assert!(house.logged("not believed"), "{:?}", house.events);
    assert!(matches!(house.ledger.only().state, State::Sent { .. }));
    house.wake();
    let (_, again) = house.sends().remove(0);
    assert_eq!(again, message, "the same octets go again");
    let reply = house.ca.handle(&again, house.now);
    house.answer(id, &reply.octets);
    house.run();
    assert_eq!(house.only_issued().status, CertificateStatus::Valid);
}

#[test]
fn what_is_no_answer_is_dropped() {
    let (house, id, message) = sent();
    dropped(house, id, &message, b"garbage");
    let (house, id, message) = sent();
    dropped(house, id, &message, b"");
    let (house, id, message) = sent();
    // The request itself, reflected.
    dropped(house, id, &message, &message);
}

#[test]
fn a_true_answer_that_was_changed_is_dropped() {
    let (house, id, message) = sent();
    let mut answer = house.ca.handle(&message, house.now).octets;
    answer.pop();
    dropped(house, id, &message, &answer);
    let (house, id, message) = sent();
    let mut answer = house.ca.handle(&message, house.now).octets;
    let middle = answer.len() / 2;
    answer[middle] ^= 1;
    dropped(house, id, &message, &answer);
}

#[test]
fn the_answer_to_another_request_is_dropped() {
    let (house, id, message) = sent();
    let (mut other, _, _) = sent();
    other.ca.trust = Vec::new();
    // Another RA/CA's, and of another transaction.
    let foreign = other.ca.handle(&message, other.now).octets;
    dropped(house, id, &message, &foreign);

    let (mut house, id, message) = sent();
    house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
    let (second, second_message) = house.sends().remove(0);
    let second_answer = house.ca.handle(&second_message, house.now).octets;
    house.answer(id, &second_answer);
    house.answer(second, &second_answer);
    let first_answer = house.ca.handle(&message, house.now).octets;
    house.run();
    assert!(house.logged("not believed"));
    assert_eq!(house.issued().len(), 2);
    // Too late, and twice: nothing happens.
    house.answer(id, &first_answer);
    assert!(house.sends().is_empty());
}

#[test]
fn a_refusal_by_somebody_else_does_not_end_the_transaction() {
    let (house, id, message) = sent();
    let stranger = root("CN=Operator CA");
    let credential = credential(&stranger);
    let registry = std::sync::Arc::new(
        store::registry::EmbeddedRegistry::open(&tempfile::tempdir().unwrap().path().join("r")).unwrap(),
    );
    // It trusts nobody, so it refuses.
    let impostor = Ca::new(provider(), stranger, credential, registry);
    let planted = impostor.handle(&message, house.now).octets;
    dropped(house, id, &message, &planted);
}

#[test]
fn certificates_of_the_same_ca_do_not_speak_for_it() {
    for profile in [Profile::NE, Profile::RA, Profile::TLS_SERVER] {
        let (house, id, message) = sent();
        let insider = credential_for(&house.operator, &profile);
        let issued = certify(&house.operator, &Profile::NE, SUBJECT, &key());
        let planted = granting(&house, &message, issued, &insider);
        dropped(house, id, &message, &planted);
    }
}

/// LightweightCmpRa answers everything nested where nesting is switched on.
#[test]
fn an_answer_inside_a_nested_message_is_taken_only_where_that_is_put_up_with() {
    let nested = |house: &House, message: &[u8]| {
        let answer = PkiMessage::from_der(&house.ca.handle(message, house.now).octets).unwrap();
        let by = credential(&house.operator);
        let (part, _) = bundle(&[answer], Name::default(), &by.identity, &provider(), house.now).unwrap();
        part.sign(by.key.as_ref()).unwrap()
    };
    let (house, id, message) = sent();
    let planted = nested(&house, &message);
    dropped(house, id, &message, &planted);

    let mut house = House::new();
    let mut upstream = house.upstream("raca");
    upstream.quirks = Quirks::NONE.with(Quirk::NestedAnswers);
    let inventory = house.nem.inventory().clone();
    house.restart(vec![upstream], inventory);
    house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
    while let Some((id, message)) = house.sends().pop() {
        let answer = nested(&house, &message);
        house.answer(id, &answer);
    }
    assert_eq!(house.only_issued().status, CertificateStatus::Valid, "pkiconf came so, too");
    assert!(!house.logged("not believed"), "{:?}", house.events);
}

fn credential(issuer: &Issuer) -> MessageCredential {
    credential_for(issuer, &Profile::CMP)
}

fn credential_for(issuer: &Issuer, profile: &Profile) -> MessageCredential {
    let key = key();
    let certificate = certify(issuer, profile, "CN=CMP", &key);
    let identity = SenderIdentity::new(certificate, Vec::new(), key.algorithm()).unwrap();
    MessageCredential { identity, key: Box::new(key) }
}

/// An answer with that certificate.
fn granting(
    house: &House,
    message: &[u8],
    certificate: asn1::EncodedCertificate,
    credential: &MessageCredential,
) -> Vec<u8> {
    let provider = provider();
    let validator = Validator::new(&provider, &house.ca.trust);
    let message = PkiMessage::from_der(message).unwrap();
    let reply_to = ReplyTo::new(message.header());
    let validated = validator.validate(message.clone(), &Expectation::First, house.now).unwrap();
    let request = VerifiedRequest::verify(&validated, &provider).unwrap();
    let responder = Responder { identity: &credential.identity, provider: &provider, now: house.now };
    let (part, _) =
        request.open().grant(&Grant::new(certificate, Vec::new()), &reply_to, &responder).unwrap();
    part.sign(credential.key.as_ref()).unwrap()
}

/// That a certificate is turned down by certConf, and the station told why.
fn turned_down(certificate: impl FnOnce(&House) -> asn1::EncodedCertificate, reason: &str) {
    let (mut house, id, message) = sent();
    let certificate = certificate(&house);
    let answer = granting(&house, &message, certificate, &credential(&house.operator));
    house.answer(id, &answer);
    let (_, cert_conf) = house.sends().remove(0);
    let cmp::PkiBody::CertConf(content) = PkiMessage::from_der(&cert_conf).unwrap().body().clone() else {
        panic!("no certConf")
    };
    let status = format!("{content:?}");
    assert!(status.contains("Rejection") || status.contains("rejection"), "{status}");
    assert!(house.logged(reason), "{:?}", house.events);
    // Whatever the RA/CA makes of it, the station does not get that certificate.
    let reply = house.ca.handle(&cert_conf, house.now);
    house.answer(id, &reply.octets);
    let standing = house.nem.standing(id).unwrap();
    assert!(!matches!(standing, Some(Standing::Issued(_))), "{standing:?}");
}

#[test]
fn certificates_that_are_not_the_station_s() {
    turned_down(|house| certify(&house.operator, &Profile::NE, SUBJECT, &key()), "key");
    turned_down(
        |house| {
            let record = house.ledger.only();
            let csr = pkcs10::CertReq::from_der(&record.request).unwrap();
            let request = csr.verify_pop(&provider()).unwrap();
            let (contents, _) =
                Profile::NE.fit("CN=enb2".parse().unwrap(), request.public_key(), &[]).unwrap();
            house.operator.issue(&contents, &provider(), house.now).unwrap().certificate
        },
        "CN=enb2",
    );
    turned_down(
        |house| {
            let record = house.ledger.only();
            let csr = pkcs10::CertReq::from_der(&record.request).unwrap();
            let request = csr.verify_pop(&provider()).unwrap();
            let (contents, _) = Profile::NE.fit(SUBJECT.parse().unwrap(), request.public_key(), &[]).unwrap();
            root("CN=Elsewhere").issue(&contents, &provider(), house.now).unwrap().certificate
        },
        "not valid",
    );
}

/// A certificate for the station's key and name that the CA's key signs, with these extensions.
fn with_extensions(house: &House, extensions: Vec<Extension>) -> asn1::EncodedCertificate {
    let csr = pkcs10::CertReq::from_der(&house.ledger.only().request).unwrap();
    let request = csr.verify_pop(&provider()).unwrap();
    let (name, key) = (SUBJECT.parse().unwrap(), request.public_key().clone());
    let contents = CertificateContents::new(name, key, extensions, support::YEAR);
    house.operator.issue(&contents, &provider(), house.now).unwrap().certificate
}

fn extension(value: &(impl Encode + DynAssociatedOid)) -> Extension {
    let extn_value = OctetString::new(value.to_der().unwrap()).unwrap();
    Extension { extn_id: value.oid(), critical: false, extn_value }
}

#[test]
fn certificates_that_a_station_has_no_use_for() {
    let ca = BasicConstraints { ca: true, path_len_constraint: None };
    turned_down(|house| with_extensions(house, vec![extension(&ca)]), "is a CA's");
    let certifying = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::KeyCertSign);
    turned_down(|house| with_extensions(house, vec![extension(&certifying)]), "is a CA's");
    let encrypting = KeyUsage(KeyUsages::KeyEncipherment.into());
    turned_down(|house| with_extensions(house, vec![extension(&encrypting)]), "keyUsage");
    let code_signing = ExtendedKeyUsage(vec!["1.3.6.1.5.5.7.3.3".parse().unwrap()]);
    turned_down(|house| with_extensions(house, vec![extension(&code_signing)]), "extKeyUsage");
}

#[test]
fn a_certificate_without_the_alternative_name_that_was_asked_for() {
    let names = |names: &[&str]| {
        let dns = |name: &&str| GeneralName::DnsName(Ia5String::new(name).unwrap());
        SubjectAltName(names.iter().map(dns).collect())
    };
    for (issued, taken) in [(vec!["enb2.example"], false), (vec!["more.example", "ENB1.example"], true)] {
        let mut house = House::new();
        let mut station = support::enb1();
        station.alternative_names = names(&["enb1.example"]).0;
        house.restart_with(Inventory::new(vec![station]).unwrap());
        house.upload(&csr(SUBJECT, &key(), vec![extension(&names(&["enb1.example"]))])).unwrap();
        let (id, message) = house.sends().remove(0);
        let certificate = with_extensions(&house, vec![extension(&names(&issued))]);
        let answer = granting(&house, &message, certificate, &credential(&house.operator));
        house.answer(id, &answer);
        house.sends();
        assert_eq!(house.logged("lacks the alternative name enb1.example"), !taken, "{:?}", house.events);
    }
}

#[test]
fn a_refusal_with_a_reason_reaches_the_station() {
    let (mut house, id, message) = sent();
    house.ca.trust.clear();
    let reply = house.ca.handle(&message, house.now);
    house.answer(id, &reply.octets);
    let Some(Standing::Rejected { reason }) = house.nem.standing(id).unwrap() else { panic!("not rejected") };
    assert!(reason.contains(&PkiFailureInfo::SIGNER_NOT_TRUSTED.to_string()), "{reason}");
}

/// Two RA/CAs, each with a station of its own; the first one is up to no good.
fn two_ra_cas() -> (House, support::Fleet) {
    let (mut house, fleet) = House::with_fleet(2, nem::Batching::NONE);
    let mut stations = fleet.stations();
    let upstreams = ["hostile", "raca"].map(|name| {
        let mut upstream = house.upstream(name);
        upstream.groups = vec![name.to_owned()];
        upstream.max_in_flight = 1;
        upstream
    });
    for (station, group) in stations.iter_mut().zip(["hostile", "raca"]) {
        station.groups = vec![group.to_owned()];
    }
    house.restart(upstreams.into(), Inventory::new(stations).unwrap());
    (house, fleet)
}

#[test]
fn an_ra_ca_that_never_answers_or_lets_wait_for_ever_leaves_the_others_served() {
    for never_answers in [true, false] {
        let (mut house, fleet) = two_ra_cas();
        let (left, served) = (house.upload_of(&fleet, 0), house.upload_of(&fleet, 1));
        let mut asked = 0;
        // A day passes.
        for _ in 0..200 {
            for (exchange, upstream, message) in house.outgoing() {
                let hostile = &*upstream == "hostile";
                asked += usize::from(hostile);
                if hostile && never_answers {
                    continue;
                }
                house.ca.policy.issuing_delay =
                    std::time::Duration::from_secs(if hostile { 1_000_000 } else { 0 });
                let octets = house.ca.handle(&message, house.now).octets;
                house.nem.handle(nem::Input::Answer { exchange, octets: &octets }, house.now).unwrap();
            }
            house.now = house.now.saturating_add(std::time::Duration::from_secs(432));
            house.nem.handle(nem::Input::Tick, house.now).unwrap();
        }
        assert!(matches!(house.nem.standing(served).unwrap(), Some(Standing::Issued(_))));
        assert!(matches!(house.nem.standing(left).unwrap(), Some(Standing::UnderWay { .. })));
        assert!(asked > 0, "{never_answers}");
        // The operator has the last word.
        house.nem.reject(left, "it takes too long", house.now).unwrap();
        assert!(matches!(house.nem.standing(left).unwrap(), Some(Standing::Rejected { .. })));
    }
}
