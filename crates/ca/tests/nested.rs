//! Batches and added protection: each message inside stands and falls by itself.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use ca::Outcome;
use cmp::{AwaitingBatch, Expectation, PkiFailureInfo, PkiMessage, ReadingPolicy, add_protection, bundle};
use support::{House, NOW, Requester, forged, key, status};
use x509_cert::name::Name;

fn message(octets: &[u8]) -> PkiMessage {
    PkiMessage::from_der(octets).unwrap()
}

fn batch(house: &House, by: &Requester, messages: &[Vec<u8>]) -> (Vec<u8>, AwaitingBatch) {
    let messages: Vec<_> = messages.iter().map(|octets| message(octets)).collect();
    let (part, awaiting) = bundle(&messages, Name::default(), &by.identity, &house.provider, NOW).unwrap();
    (part.sign(&by.key).unwrap(), awaiting)
}

fn request(house: &House) -> (Vec<u8>, cmp::end_entity::AwaitingCertificate) {
    house.start(&house.station, support::ir(support::crmf(&house.station.name(), &key())))
}

#[test]
fn a_batch_is_answered_message_by_message() {
    let house = House::new();
    let (first, awaiting_first) = request(&house);
    let (second, awaiting_second) = request(&house);
    // Somebody's else, which nobody trusts.
    let stranger = House::new();
    let (third, _) = request(&stranger);
    let (octets, awaiting) = batch(&house, &house.nem, &[first.clone(), third, second]);
    let reply = house.ca.handle(&octets, NOW);
    assert!(matches!(reply.event.outcome, Outcome::Batch { answers: 3 }), "{}", reply.event.outcome);
    assert_eq!(reply.inner.len(), 3);
    assert_eq!(house.registry.count(), 2);

    let validated = house.validate(&reply.octets, &awaiting.expectation(), NOW);
    let answers = awaiting.handle(&validated, &ReadingPolicy::default()).unwrap();
    assert!(answers.missing.is_empty() && answers.unexpected.is_empty());
    for (awaiting, (_, answer)) in
        [(awaiting_first, &answers.answers[0]), (awaiting_second, &answers.answers[2])]
    {
        let validated = house.validate(answer.octets(), &awaiting.expectation(), NOW);
        support::granted(awaiting.handle(&validated).unwrap());
    }
    assert_eq!(status(answers.answers[1].1.octets()).fail_info, Some(PkiFailureInfo::SIGNER_NOT_TRUSTED));

    // The batch again, and a message of it alone: the same certificates.
    house.ca.handle(&octets, NOW);
    assert!(matches!(house.ca.handle(&first, NOW).event.outcome, Outcome::Repeated));
    assert_eq!(house.registry.count(), 2);
}

#[test]
fn a_request_with_added_protection_is_answered_as_if_it_had_come_alone() {
    let house = House::new();
    let (inner, awaiting) = request(&house);
    let part = add_protection(&message(&inner), &house.nem.identity, &house.provider, NOW).unwrap();
    let reply = house.ca.handle(&part.sign(&house.nem.key).unwrap(), NOW);
    assert!(matches!(reply.event.outcome, Outcome::VouchedFor), "{}", reply.event.outcome);
    let validated = house.validate(&reply.octets, &awaiting.expectation(), NOW);
    support::granted(awaiting.handle(&validated).unwrap());
    assert_eq!(house.registry.count(), 1);
}

#[test]
fn an_ra_s_word_does_not_stand_for_the_protection_inside() {
    let house = House::new();
    let (inner, _) = request(&House::new());
    let part = add_protection(&message(&inner), &house.nem.identity, &house.provider, NOW).unwrap();
    let reply = house.ca.handle(&part.sign(&house.nem.key).unwrap(), NOW);
    assert_eq!(status(&reply.octets).fail_info, Some(PkiFailureInfo::SIGNER_NOT_TRUSTED));
    assert_eq!(house.registry.count(), 0);
}

#[test]
fn only_an_ra_nests() {
    let house = House::new();
    let (inner, _) = request(&house);
    let (octets, _) = batch(&house, &house.station, std::slice::from_ref(&inner));
    house.refused_with(&octets, PkiFailureInfo::NOT_AUTHORIZED);
    let part = add_protection(&message(&inner), &house.station.identity, &house.provider, NOW).unwrap();
    house.refused_with(&part.sign(&house.station.key).unwrap(), PkiFailureInfo::NOT_AUTHORIZED);
    assert_eq!(house.registry.count(), 0);
}

#[test]
fn what_is_wrong_with_the_batch_itself_refuses_it_as_a_whole() {
    let house = House::new();
    let (inner, _) = request(&house);
    let (octets, _) = batch(&house, &house.nem, std::slice::from_ref(&inner));
    let unsigned = forged(&octets, &house.nem, |header, _| header.sender_nonce = None);
    house.refused_with(&unsigned, PkiFailureInfo::BAD_SENDER_NONCE);
    // Nothing in it that could be answered.
    let garbage = forged(&octets, &house.nem, |_, body| {
        *body = cmp::PkiBody::Nested(vec![asn1::RawDer::new(&[0x30, 0]).unwrap()]);
    });
    house.refused_with(&garbage, PkiFailureInfo::BAD_DATA_FORMAT);
    // Batches in batches, deeper than is allowed.
    let mut deep = inner;
    for _ in 0..4 {
        deep = batch(&house, &house.nem, &[deep]).0;
    }
    let reply = house.ca.handle(&deep, NOW);
    assert_eq!(house.registry.count(), 0, "{}", reply.event.outcome);
    house.validate(&reply.octets, &within(&deep), NOW);
}

fn within(octets: &[u8]) -> Expectation<'static> {
    let header = message(octets).header().clone();
    let id = Box::leak(Box::new(header.transaction_id.unwrap()));
    let nonces = Box::leak(Box::new([header.sender_nonce.unwrap()]));
    Expectation::Within { transaction_id: id, nonces, signer: None }
}
