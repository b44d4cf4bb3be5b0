//! Bodies that nobody sends to a CA, and messages out of turn (RFC 9483 sections 3.6 and 4.4, RFC 9810 section 5.3).
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

use ca::registry::CertificateStatus;
use ca::{Outcome, Profile};
use cmp::end_entity::{Answer, Granted, Waiting};
use cmp::{
    BodyKind, CertRepMessage, CertReqId, CertResponse, CertStatus, Challenge, ErrorMsgContent,
    KeyRecRepContent, PkiBody, PkiFailureInfo, PkiMessage, PkiStatus, PkiStatusInfo, PollRepItem,
    PollReqItem, RecipNonce, RevAnnContent, RevRepContent,
};
use crmf::{CertId, CertReqMessages};
use der::asn1::{Int, OctetString};
use spki::AlgorithmIdentifierOwned;
use support::{House, NOW, Requester, crmf, forged, granted, ir, key, status};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::serial_number::SerialNumber;

fn request(house: &House) -> Vec<u8> {
    house.start(&house.station, ir(crmf(&house.station.name(), &key()))).0
}

#[test]
fn bodies_that_no_requester_sends() {
    let house = House::new();
    let good = request(&house);
    let requests = CertReqMessages::new(vec![crmf(&house.station.name(), &key())]).unwrap();
    let rejection = || PkiStatusInfo::new(PkiStatus::Rejection);
    let response = || CertRepMessage::new(CertResponse::without_certificate(CertReqId::FIRST, rejection()));
    let time = NOW.to_generalized_time().unwrap();
    let cert_id =
        CertId::new(GeneralName::DirectoryName(house.ca.issuer().name().clone()), SerialNumber::from(1_u32));
    let cases = [
        PkiBody::Ip(response()),
        PkiBody::Cp(response()),
        PkiBody::Kup(response()),
        PkiBody::Ccp(response()),
        PkiBody::Popdecc(vec![
            Challenge::new(None, &[1; 16], asn1::RawDer::new(&[0x30, 0]).unwrap()).unwrap(),
        ]),
        PkiBody::Popdecr(vec![Int::new(&[1]).unwrap()]),
        PkiBody::Krr(requests.clone()),
        PkiBody::Krp(Box::new(KeyRecRepContent::new(rejection()))),
        PkiBody::Rp(RevRepContent::new(rejection())),
        PkiBody::Cann(house.root.clone()),
        PkiBody::Rann(Box::new(RevAnnContent::new(PkiStatus::Rejection, cert_id, time, time))),
        PkiBody::Crlann(vec![]),
        PkiBody::PkiConf,
        PkiBody::Genp(vec![]),
        PkiBody::Error(ErrorMsgContent::new(rejection())),
        PkiBody::PollRep(vec![PollRepItem::new(CertReqId::FIRST, Duration::ZERO)]),
        // These are sent, but not first.
        PkiBody::CertConf(vec![]),
        PkiBody::PollReq(vec![PollReqItem::new(CertReqId::FIRST)]),
    ];
    for case in cases {
        let kind = case.kind();
        let message = forged(&good, &house.station, |_, body| *body = case);
        let reply = house.ca.handle(&message, NOW);
        assert_eq!(status(&reply.octets).fail_info, Some(PkiFailureInfo::BAD_REQUEST), "{kind}");
        assert_eq!(PkiMessage::from_der(&reply.octets).unwrap().body().kind(), BodyKind::Error, "{kind}");
    }
    assert_eq!(house.registry.count(), 0);
    // None of them took the transactionID away.
    assert!(matches!(house.ca.handle(&good, NOW).event.outcome, Outcome::Issued { .. }));
}

/// The station has a certificate and is about to confirm it.
fn about_to_confirm(house: &House) -> (Granted, Vec<u8>, SerialNumber) {
    let (_, answer) = house.enrol(&house.station, ir(crmf(&house.station.name(), &key())));
    let granted = granted(answer);
    let serial = granted.check().unwrap().tbs_certificate().serial_number().clone();
    let (part, _) = granted.clone().confirm(&house.station.identity, &house.provider, NOW).unwrap();
    (granted, part.sign(&house.station.key).unwrap(), serial)
}

#[test]
fn confirmations_that_confirm_nothing() {
    let house = House::new();
    let (granted, cert_conf, serial) = about_to_confirm(&house);
    let of = |change: &dyn Fn(&mut Vec<CertStatus>)| {
        forged(&cert_conf, &house.station, |_, body| {
            let PkiBody::CertConf(statuses) = body else { panic!("no certConf") };
            change(statuses);
        })
    };
    let sha1 = AlgorithmIdentifierOwned { oid: "1.3.14.3.2.26".parse().unwrap(), parameters: None };
    let cases: [(&str, Vec<u8>, PkiFailureInfo); 6] = [
        (
            "another hash",
            of(&|statuses| statuses[0].cert_hash = OctetString::new([1; 32]).unwrap()),
            PkiFailureInfo::BAD_CERT_ID,
        ),
        (
            "an empty hash",
            of(&|statuses| statuses[0].cert_hash = OctetString::new([]).unwrap()),
            PkiFailureInfo::BAD_CERT_ID,
        ),
        (
            "another certReqId",
            of(&|statuses| statuses[0].cert_req_id = CertReqId::new(5)),
            PkiFailureInfo::BAD_CERT_ID,
        ),
        ("two CertStatus", of(&|statuses| statuses.push(statuses[0].clone())), PkiFailureInfo::BAD_REQUEST),
        ("hashAlg SHA-1", of(&|statuses| statuses[0].hash_alg = Some(sha1.clone())), PkiFailureInfo::BAD_ALG),
        (
            "a pollReq",
            forged(&cert_conf, &house.station, |_, body| *body = PkiBody::PollReq(vec![])),
            PkiFailureInfo::BAD_REQUEST,
        ),
    ];
    for (what, message, bit) in cases {
        let status = house.refused(&message);
        assert_eq!(status.fail_info, Some(bit), "{what}: {status}");
        assert_eq!(house.registry.status(&serial), CertificateStatus::Unconfirmed, "{what}");
    }
    // None of them ended the transaction.
    house.confirm(&house.station, granted, NOW);
    assert_eq!(house.registry.status(&serial), CertificateStatus::Valid);
}

#[test]
fn a_transaction_goes_on_with_its_nonces_and_its_signer() {
    let house = House::new();
    let (granted, cert_conf, serial) = about_to_confirm(&house);
    let other = RecipNonce::new(&[1; 16]).unwrap();
    for nonce in [None, Some(other)] {
        let message = forged(&cert_conf, &house.station, |header, _| header.recip_nonce = nonce.clone());
        house.refused_with(&message, PkiFailureInfo::BAD_RECIPIENT_NONCE);
    }
    // The same name, from the same factory, with another key.
    let twin = Requester::new(&house.vendor, &Profile::NE, "CN=enb-0001,O=Vendor");
    let message = forged(&cert_conf, &twin, |header, _| header.sender_kid = None);
    house.refused_with(&message, PkiFailureInfo::NOT_AUTHORIZED);
    house.refused_with(&support::unprotected(&cert_conf), PkiFailureInfo::BAD_MESSAGE_CHECK);
    assert_eq!(house.registry.status(&serial), CertificateStatus::Unconfirmed);
    house.confirm(&house.station, granted, NOW);
}

#[test]
fn an_empty_confirmation_rejects() {
    let house = House::new();
    let (_, cert_conf, serial) = about_to_confirm(&house);
    let empty = forged(&cert_conf, &house.station, |_, body| *body = PkiBody::CertConf(vec![]));
    let reply = house.ca.handle(&empty, NOW);
    assert!(matches!(reply.event.outcome, Outcome::Rejected { .. }), "{}", reply.event.outcome);
    assert!(matches!(house.registry.status(&serial), CertificateStatus::Revoked { .. }));
}

fn waiting(house: &mut House) -> Waiting {
    house.ca.policy.issuing_delay = Duration::from_secs(100);
    match house.enrol(&house.station, ir(crmf(&house.station.name(), &key()))).1 {
        Answer::Waiting(waiting) => waiting,
        other => panic!("{other:?}"),
    }
}

#[test]
fn polls_for_something_else() {
    let mut house = House::new();
    let (poll_req, awaiting) = {
        let waiting = waiting(&mut house);
        house.poll(waiting, NOW)
    };
    let of = |items: Vec<PollReqItem>| {
        forged(&poll_req, &house.station, |_, body| *body = PkiBody::PollReq(items))
    };
    let item = |id| PollReqItem::new(CertReqId::new(id));
    for items in [vec![], vec![item(7)], vec![item(0), item(0)]] {
        house.refused_with(&of(items), PkiFailureInfo::BAD_REQUEST);
    }
    // A confirmation of what was not issued yet.
    let early = forged(&poll_req, &house.station, |_, body| *body = PkiBody::CertConf(vec![]));
    house.refused_with(&early, PkiFailureInfo::BAD_REQUEST);
    let reply = house.ca.handle(&poll_req, NOW);
    assert!(matches!(house.answer(awaiting, &reply, NOW), Answer::Waiting(_)));
}

#[test]
fn nobody_polls_after_the_end() {
    let mut house = House::new();
    let (poll_req, awaiting) = {
        let waiting = waiting(&mut house);
        house.poll(waiting, NOW.saturating_add(Duration::from_secs(100)))
    };
    let now = NOW.saturating_add(Duration::from_secs(100));
    let reply = house.ca.handle(&poll_req, now);
    let granted = granted(house.answer(awaiting, &reply, now));
    let (cert_conf, pki_conf) = house.confirm(&house.station, granted, now);
    let nonce = PkiMessage::from_der(&pki_conf.octets).unwrap().header().sender_nonce.clone().unwrap();
    let message = forged(&cert_conf, &house.station, |header, body| {
        header.message_time = None;
        header.recip_nonce = Some(RecipNonce::from(nonce));
        *body = PkiBody::PollReq(vec![PollReqItem::new(CertReqId::FIRST)]);
    });
    house.refused_with(&message, PkiFailureInfo::BAD_REQUEST);
}

/// One CA certifies another by agreement only, never whoever asks for it.
#[test]
fn an_end_entity_is_cross_certified_by_nobody() {
    let house = House::new();
    for (sender, bit) in
        [(&house.station, PkiFailureInfo::NOT_AUTHORIZED), (&house.nem, PkiFailureInfo::NOT_AUTHORIZED)]
    {
        let (good, _) = house.start(sender, ir(crmf(&sender.name(), &key())));
        let ccr = CertReqMessages::new(vec![crmf(&sender.name(), &key())]).unwrap();
        let message = forged(&good, sender, |_, body| *body = PkiBody::Ccr(ccr));
        house.refused_with(&message, bit);
    }
    let stranger = Requester::new(&support::root("CN=Elsewhere"), &Profile::NE, "CN=enb-0001,O=Vendor");
    let (good, _) = house.start(&stranger, ir(crmf(&stranger.name(), &key())));
    let ccr = CertReqMessages::new(vec![crmf(&stranger.name(), &key())]).unwrap();
    let message = forged(&good, &stranger, |_, body| *body = PkiBody::Ccr(ccr));
    house.refused_with(&message, PkiFailureInfo::SIGNER_NOT_TRUSTED);
}

/// RFC 9483 section 3.6.4: nothing follows a refusal, and what comes in its transaction begins anew or not at all.
#[test]
fn a_refusal_ends_the_transaction() {
    let house = House::new();
    let (_, cert_conf, _) = about_to_confirm(&house);
    let refused = house.start(&house.station, ir(crmf(&support::name("CN=somebody-else"), &key()))).0;
    house.refused_with(&refused, PkiFailureInfo::NOT_AUTHORIZED);
    let id = PkiMessage::from_der(&refused).unwrap().header().transaction_id.clone();
    let late = forged(&cert_conf, &house.station, |header, _| header.transaction_id.clone_from(&id));
    house.refused_with(&late, PkiFailureInfo::BAD_REQUEST);
    // A better request may have the same transactionID: there is no such transaction.
    let better = request(&house);
    let better = forged(&better, &house.station, |header, _| header.transaction_id.clone_from(&id));
    let reply = house.ca.handle(&better, NOW);
    assert!(matches!(reply.event.outcome, Outcome::Issued { .. }), "{}", reply.event.outcome);
}
