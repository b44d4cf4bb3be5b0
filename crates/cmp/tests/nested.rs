//! Messages inside messages: bundled, unbundled, protected once more; and every way in which they do not fit.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::collections::BTreeSet;

use asn1::RawDer;
use cmp::end_entity::{CertificateRequest, Enrolment};
use cmp::management_entity::{ReplyTo, Responder};
use cmp::{
    AwaitingBatch, Error, Expectation, LongBatch, PkiBody, PkiFailureInfo, PkiMessage, ReadingPolicy,
    SenderIdentity, SenderNonce, SignerRole, TransactionId, Trust, Unbundled, ValidatedMessage, Validator,
    add_protection, bundle, unbundle,
};
use crypto::{CryptoProvider, ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::SoftwareKey;
use pkcs10::{CertReq, CertReqBuilder};
use testkit::vectors::{NOW, own, own_certificate, own_text};
use x509_cert::name::Name;

struct Party {
    key: SoftwareKey,
    identity: SenderIdentity,
}

fn party(name: &str) -> Party {
    let key = SoftwareKey::from_pem(&own_text(&format!("openssl-mock/{name}.key.pem"))).unwrap();
    let certificate = own_certificate(&format!("openssl-mock/{name}.crt.pem"));
    let identity = SenderIdentity::new(certificate, vec![], key.algorithm()).unwrap();
    Party { key, identity }
}

struct House {
    provider: CryptoProvider,
    station: Party,
    nem: Party,
    ca: Party,
}

impl House {
    fn new() -> Self {
        Self {
            provider: crypto_aws_lc::provider(),
            station: party("vendor-bs"),
            nem: party("nem-ra"),
            ca: party("oper-ca"),
        }
    }

    /// A request of a station, each in its own transaction.
    fn request(&self) -> PkiMessage {
        let name: Name = "CN=enb0001.operator.example".parse().unwrap();
        let csr = CertReqBuilder::new(name, self.station.key.public_key()).sign(&self.station.key).unwrap();
        let request = CertificateRequest::P10cr(Box::new(CertReq::from_der(&csr).unwrap()));
        let started = Enrolment::new(request).start(&self.station.identity, &self.provider, NOW).unwrap();
        PkiMessage::from_der(&started.0.sign(&self.station.key).unwrap()).unwrap()
    }

    fn bundle(&self, messages: &[PkiMessage]) -> (Vec<u8>, AwaitingBatch) {
        let recipient = Name::default();
        let (part, awaiting) = bundle(messages, recipient, &self.nem.identity, &self.provider, NOW).unwrap();
        (part.sign(&self.nem.key).unwrap(), awaiting)
    }

    /// The same without holding the messages in memory.
    fn bundle_long(&self, messages: &[PkiMessage]) -> (Vec<u8>, AwaitingBatch) {
        let id = TransactionId::random(&self.provider).unwrap();
        let nonce = SenderNonce::random(&self.provider).unwrap();
        let inner: Vec<u8> = messages.iter().flat_map(|message| message.octets().to_vec()).collect();
        let ids = (id.clone(), nonce.clone());
        let batch = LongBatch::new(ids, inner.len(), &self.nem.identity, &self.provider, NOW).unwrap();
        let signed = [batch.signed_prefix().unwrap(), inner.clone()].concat();
        let (before, behind) = batch.with_signature(&self.nem.key.sign(&signed).unwrap()).unwrap();
        let awaited = messages.iter().map(|message| message.header().transaction_id.clone().unwrap());
        ([before, inner, behind].concat(), AwaitingBatch::resume(id, nonce, awaited.collect()))
    }

    fn validate(&self, octets: &[u8], expectation: &Expectation<'_>) -> ValidatedMessage {
        let anchors = vec![own_certificate("openssl-mock/oper-ca.crt.pem")];
        let trust = [Trust::new(SignerRole::RegistrationAuthority, anchors, ExtendedKeyUsage::Any)];
        let message = PkiMessage::from_der(octets).unwrap();
        Validator::new(&self.provider, &trust).validate(message, expectation, NOW).unwrap()
    }

    /// What comes apart as one request with added protection, or why nothing does.
    fn attested(&self, octets: &[u8]) -> Result<PkiMessage, Error> {
        match unbundle(&self.validate(octets, &Expectation::First), &ReadingPolicy::default())? {
            Unbundled::AddedProtection(inner) => Ok(*inner),
            other => panic!("{other:?}"),
        }
    }

    fn batch(&self, octets: &[u8]) -> Vec<cmp::Opened> {
        let message = self.validate(octets, &Expectation::First);
        match unbundle(&message, &ReadingPolicy::default()).unwrap() {
            Unbundled::Batch(messages) => messages.collect(),
            other => panic!("{other:?}"),
        }
    }

    fn responder(&self) -> Responder<'_> {
        Responder { identity: &self.ca.identity, provider: &self.provider, now: NOW }
    }

    /// The RA/CA's answer to a message: no.
    fn refusal(&self, message: &PkiMessage) -> PkiMessage {
        let part = self.responder().refuse(Some(message), &Error::BadSenderNonce).unwrap();
        PkiMessage::from_der(&part.sign(&self.ca.key).unwrap()).unwrap()
    }
}

fn closed(messages: &[PkiMessage]) -> Vec<RawDer> {
    messages.iter().map(|message| RawDer::new(message.octets()).unwrap()).collect()
}

fn id(message: &PkiMessage) -> TransactionId {
    message.header().transaction_id.clone().unwrap()
}

#[test]
fn a_batch_comes_apart_as_it_was_put_together() {
    let house = House::new();
    for count in [1, 2, 7] {
        let messages: Vec<_> = (0..count).map(|_| house.request()).collect();
        let (batch, awaiting) = house.bundle(&messages);
        let opened: Vec<_> = house.batch(&batch).into_iter().map(Result::unwrap).collect();
        assert_eq!(opened, messages);
        let outer = PkiMessage::from_der(&batch).unwrap();
        assert_eq!(id(&outer), *awaiting.transaction_id());
        let inner = |message: &PkiMessage| message.header().sender_nonce == outer.header().sender_nonce;
        assert!(!messages.iter().any(|message| id(message) == id(&outer) || inner(message)), "fresh ids");
    }
}

#[test]
fn answers_find_their_messages_in_any_order() {
    let house = House::new();
    let messages: Vec<_> = (0..4).map(|_| house.request()).collect();
    let (batch, awaiting) = house.bundle(&messages);
    let request = house.validate(&batch, &Expectation::First);
    // The second is missing, the third answered twice, one belongs to nobody.
    let refusals: Vec<_> = messages.iter().map(|message| house.refusal(message)).collect();
    let stranger = house.refusal(&house.request());
    let answers = [&refusals[3], &refusals[2], &stranger, &refusals[0], &refusals[2]].map(Clone::clone);
    let part = house.responder().bundle(&request, closed(&answers)).unwrap();
    let reply = house.validate(&part.sign(&house.ca.key).unwrap(), &awaiting.expectation());

    let sorted = awaiting.handle(&reply, &ReadingPolicy::default()).unwrap();
    let expected = [3, 2, 0].map(|number| (id(&messages[number]), refusals[number].clone()));
    assert_eq!(sorted.answers, expected);
    assert_eq!(sorted.missing, BTreeSet::from([id(&messages[1])]));
    let unexpected: Vec<_> = sorted.unexpected.into_iter().map(Result::unwrap).collect();
    assert_eq!(unexpected, [stranger, refusals[2].clone()]);
}

#[test]
fn a_batch_that_is_refused_as_a_whole_says_so() {
    let house = House::new();
    let (batch, awaiting) = house.bundle(&[house.request()]);
    let refusal = house.refusal(&PkiMessage::from_der(&batch).unwrap());
    let reply = house.validate(refusal.octets(), &awaiting.expectation());
    let error = awaiting.handle(&reply, &ReadingPolicy::default()).unwrap_err();
    assert!(matches!(error, Error::UnexpectedBody(_)), "{error}");
}

#[test]
fn a_batch_can_be_awaited_after_a_restart() {
    let house = House::new();
    let message = house.request();
    let (batch, _) = house.bundle(core::slice::from_ref(&message));
    let outer = PkiMessage::from_der(&batch).unwrap();
    let nonce = outer.header().sender_nonce.clone().unwrap();
    let awaiting = AwaitingBatch::resume(id(&outer), nonce, BTreeSet::from([id(&message)]));
    let request = house.validate(&batch, &Expectation::First);
    let part = house.responder().bundle(&request, closed(&[house.refusal(&message)])).unwrap();
    let reply = house.validate(&part.sign(&house.ca.key).unwrap(), &awaiting.expectation());
    let sorted = awaiting.handle(&reply, &ReadingPolicy::default()).unwrap();
    assert_eq!((sorted.answers.len(), sorted.missing.len(), sorted.unexpected.len()), (1, 0, 0));
}

#[test]
fn one_bad_message_fails_alone() {
    let house = House::new();
    let good = house.request();
    let nested = |inner: Vec<RawDer>| {
        // As a bundle is made, but of anything.
        let (batch, _) = house.bundle(core::slice::from_ref(&good));
        let mut message = PkiMessage::from_der(&batch).unwrap().header().to_der_vec();
        message.extend(PkiBody::Nested(inner).to_der_vec());
        sign(&house.nem, &message)
    };
    let raw = |octets: &[u8]| RawDer::new(octets).unwrap();
    let batch = nested(vec![raw(good.octets()), raw(&[0x30, 0]), raw(good.octets()), raw(&[5, 0])]);
    let opened = house.batch(&batch);
    assert_eq!(opened[0].as_ref().unwrap(), &good);
    assert!(matches!(opened[1], Err(Error::Malformed(_))));
    assert_eq!(opened[2].as_ref().unwrap_err(), &Error::TransactionIdInUse(id(&good)));
    assert!(matches!(opened[3], Err(Error::Malformed(_))));
}

#[test]
fn a_transaction_is_bundled_once() {
    let house = House::new();
    let message = house.request();
    let twice = [message.clone(), message.clone()];
    let bundled = |messages: &[PkiMessage]| {
        bundle(messages, Name::default(), &house.nem.identity, &house.provider, NOW).unwrap_err()
    };
    assert_eq!(bundled(&twice), Error::TransactionIdInUse(id(&message)));
    assert_eq!(bundled(&[]), Error::EmptyList("nested"));
}

#[test]
fn added_protection_keeps_the_request_and_its_ids() {
    let house = House::new();
    let request = house.request();
    let part = add_protection(&request, &house.nem.identity, &house.provider, NOW).unwrap();
    let message = part.sign(&house.nem.key).unwrap();
    let outer = PkiMessage::from_der(&message).unwrap();
    assert_eq!(outer.header().transaction_id, request.header().transaction_id);
    assert_eq!(outer.header().sender_nonce, request.header().sender_nonce);
    assert_eq!(house.attested(&message).unwrap(), request);
    let error = add_protection(&house.refusal(&request), &house.nem.identity, &house.provider, NOW);
    assert!(matches!(error.unwrap_err(), Error::UnexpectedBody(_)), "an answer is not attested");
}

#[test]
fn added_protection_with_another_nonce_is_refused() {
    let house = House::new();
    let request = house.request();
    let part = add_protection(&request, &house.nem.identity, &house.provider, NOW).unwrap();
    let outer = PkiMessage::from_der(&part.sign(&house.nem.key).unwrap()).unwrap();
    let mut header = outer.header().clone();
    header.sender_nonce = Some(cmp::SenderNonce::new(&[9; 16]).unwrap());
    let octets = [header.to_der_vec(), outer.body().to_der_vec()].concat();
    let error = house.attested(&sign(&house.nem, &octets)).unwrap_err();
    assert_eq!(error.fail_info(), PkiFailureInfo::BAD_SENDER_NONCE);
}

#[test]
fn depth_is_bounded_before_anything_else() {
    let house = House::new();
    let mut message = house.request();
    for _ in 0..3 {
        let (batch, _) = house.bundle(&[message]);
        message = PkiMessage::from_der(&batch).unwrap();
    }
    let mut policy = ReadingPolicy::default();
    policy.nested_depth = 3;
    let mut inner = message.clone();
    for _ in 0..3 {
        inner = inner.open_nested(&policy).unwrap().remove(0).unwrap();
        policy = policy.inside().unwrap();
    }
    assert_eq!(inner.open_nested(&policy).unwrap_err(), Error::UnexpectedBody(cmp::BodyKind::P10cr));

    let policy = ReadingPolicy::default();
    let second = message.open_nested(&policy).unwrap().remove(0).unwrap();
    let third = second.open_nested(&policy.inside().unwrap()).unwrap().remove(0);
    assert_eq!(third.unwrap_err(), Error::TooDeep);
    let mut flat = ReadingPolicy::default();
    flat.nested_depth = 0;
    assert_eq!(message.open_nested(&flat).unwrap_err(), Error::TooDeep);
    assert_eq!(Error::TooDeep.fail_info(), PkiFailureInfo::BAD_DATA_FORMAT);
}

#[test]
fn the_vectors_of_others_come_apart() {
    let policy = ReadingPolicy::default();
    let open = |name: &str| PkiMessage::from_der(&own(&format!("derived/{name}.der"))).unwrap();
    for (name, inner) in [
        ("nested_batch_request", &["sig_1_ir", "p10cr_1", "kur_1"][..]),
        ("nested_batch_response", &["sig_2_ip", "p10cr_2_cp", "kur_2_kup_implicitConfirm"]),
        ("nested_added_protection", &["sig_1_ir"]),
    ] {
        let opened = open(name).open_nested(&policy).unwrap();
        assert_eq!(opened.len(), inner.len());
        for (opened, inner) in opened.iter().zip(inner) {
            let inner = own(&format!("openssl-mock/{inner}.der"));
            assert_eq!(opened.as_ref().unwrap().octets(), inner, "{name}");
        }
    }
}

#[test]
fn an_answer_speaks_the_version_of_its_question() {
    let house = House::new();
    let request = house.request();
    for (asked, answered) in [(0, 2), (1, 2), (2, 2), (3, 3), (4, 3), (127, 3)] {
        let mut header = request.header().to_der_vec();
        // pvno is the first field.
        let place = header.windows(3).position(|octets| octets == [2, 1, 2]).unwrap();
        header[place + 2] = asked;
        let octets = sign(&house.nem, &[header, request.body().to_der_vec()].concat());
        let message = PkiMessage::from_der(&octets).unwrap();
        assert_eq!(message.header().pvno.number(), asked);
        let answer = house.refusal(&message);
        assert_eq!(answer.header().pvno.number(), answered, "asked in {asked}");
        assert_eq!(ReplyTo::new(message.header()).pvno().number(), answered);
    }
}

trait ToDer {
    fn to_der_vec(&self) -> Vec<u8>;
}

impl<T: der::Encode> ToDer for T {
    fn to_der_vec(&self) -> Vec<u8> {
        self.to_der().unwrap()
    }
}

/// Header and body, signed, with the signer's certificate.
fn sign(party: &Party, header_and_body: &[u8]) -> Vec<u8> {
    let sequence = |octets: &[u8]| der::Any::new(der::Tag::Sequence, octets).unwrap().to_der_vec();
    let explicit = |number, octets: &[u8]| {
        let number = der::TagNumber(number);
        let tag = der::Tag::ContextSpecific { constructed: true, number };
        der::Any::new(tag, octets).unwrap().to_der_vec()
    };
    let signature = party.key.sign(&sequence(header_and_body)).unwrap();
    let protection = der::asn1::BitString::from_bytes(&signature).unwrap().to_der_vec();
    let extra_certs = sequence(party.identity.certificate().unwrap().octets());
    sequence(&[header_and_body, &explicit(0, &protection), &explicit(1, &extra_certs)].concat())
}

#[test]
fn a_long_batch_is_a_batch() {
    let house = House::new();
    for count in [1, 2, 60] {
        let messages: Vec<PkiMessage> = (0..count).map(|_| house.request()).collect();
        let (octets, awaiting) = house.bundle_long(&messages);
        let mut reading = ReadingPolicy::default();
        reading.message_size = 1 << 20;
        let message = PkiMessage::inspect(&octets, &reading).unwrap();
        let anchors = vec![own_certificate("openssl-mock/oper-ca.crt.pem")];
        let trust = [Trust::new(SignerRole::RegistrationAuthority, anchors, ExtendedKeyUsage::Any)];
        let validated =
            Validator::new(&house.provider, &trust).validate(message, &Expectation::First, NOW).unwrap();
        assert_eq!(validated.transaction_id(), awaiting.transaction_id());
        let Unbundled::Batch(opened) = unbundle(&validated, &reading).unwrap() else { panic!("{count}") };
        let opened: Vec<PkiMessage> = opened.into_iter().map(Result::unwrap).collect();
        assert_eq!(opened, messages);
    }
}

#[test]
fn a_batch_of_nothing_and_one_that_is_too_long_are_refused() {
    let house = House::new();
    for inner in [0, 0xffff_ffff, usize::MAX] {
        let id = TransactionId::random(&house.provider).unwrap();
        let nonce = SenderNonce::random(&house.provider).unwrap();
        let batch = LongBatch::new((id, nonce), inner, &house.nem.identity, &house.provider, NOW);
        assert!(batch.is_err(), "{inner}");
    }
}
