//! What holds for every message, not only for the recorded ones.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc, missing_docs)]

use std::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use cmp::{
    CertRepMessage, CertReqId, CertResponse, CertStatus, ErrorMsgContent, InfoTypeAndValue, PkiBody,
    PkiFailureInfo, PkiHeader, PkiMessage, PkiStatus, PkiStatusInfo, PollRepItem, PollReqItem, RecipNonce,
    SenderNonce, TransactionId,
};
use der::asn1::OctetString;
use der::{Decode, Encode};
use proptest::prelude::*;
use testkit::vectors;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

fn cert_req_id() -> impl Strategy<Value = CertReqId> {
    any::<i64>().prop_map(CertReqId::new)
}

fn status() -> impl Strategy<Value = PkiStatusInfo> {
    prop_oneof![
        Just(PkiStatusInfo::new(PkiStatus::Accepted)),
        Just(PkiStatusInfo::new(PkiStatus::Waiting)),
        ".{0,40}".prop_map(|text| {
            PkiStatusInfo::rejection(PkiFailureInfo::BAD_POP | PkiFailureInfo::DUPLICATE_CERT_REQ, text)
        }),
    ]
}

fn response() -> impl Strategy<Value = CertResponse> {
    let certificate = EncodedCertificate::new(&[0x30, 0x03, 0x02, 0x01, 0x05]).unwrap();
    (cert_req_id(), status(), any::<bool>()).prop_map(move |(id, status, with)| {
        if with {
            CertResponse::with_certificate(id, status, certificate.clone())
        } else {
            CertResponse::without_certificate(id, status)
        }
    })
}

fn body() -> impl Strategy<Value = PkiBody> {
    prop_oneof![
        Just(PkiBody::PkiConf),
        response().prop_map(|response| PkiBody::Ip(CertRepMessage::new(response))),
        response().prop_map(|response| PkiBody::Cp(CertRepMessage::new(response))),
        status().prop_map(|status| PkiBody::Error(ErrorMsgContent::new(status))),
        prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..65), cert_req_id(), prop::option::of(status())),
            0..3
        )
        .prop_map(|statuses| {
            let status = |(hash, id, status): (Vec<u8>, _, _)| {
                CertStatus::new(OctetString::new(hash).unwrap(), id, status)
            };
            PkiBody::CertConf(statuses.into_iter().map(status).collect())
        }),
        prop::collection::vec(cert_req_id(), 0..4)
            .prop_map(|ids| PkiBody::PollReq(ids.into_iter().map(PollReqItem::new).collect())),
        prop::collection::vec((cert_req_id(), 0..100_000_u64), 0..4).prop_map(|items| {
            let item = |(id, seconds)| PollRepItem::new(id, Duration::from_secs(seconds));
            PkiBody::PollRep(items.into_iter().map(item).collect())
        }),
    ]
}

fn header() -> impl Strategy<Value = PkiHeader> {
    let octets = || prop::option::of(prop::collection::vec(any::<u8>(), 0..40));
    (octets(), octets(), octets(), octets(), any::<bool>(), 0..4_000_000_000_u64).prop_map(
        |(kid, id, nonce, recip_nonce, implicit, time)| {
            let name = GeneralName::DirectoryName(Name::default());
            let mut header = PkiHeader::new(name.clone(), name);
            header.sender_kid = kid.map(|octets| OctetString::new(octets).unwrap());
            header.transaction_id = id.map(|octets| TransactionId::new(&octets).unwrap());
            header.sender_nonce = nonce.map(|octets| SenderNonce::new(&octets).unwrap());
            header.recip_nonce =
                recip_nonce.map(|octets| RecipNonce::from(SenderNonce::new(&octets).unwrap()));
            header.message_time = Some(UnixTime::from_secs(time).to_generalized_time().unwrap());
            header.general_info = implicit.then(|| vec![InfoTypeAndValue::implicit_confirm()]);
            header
        },
    )
}

proptest! {
    #[test]
    fn headers_encode_and_decode(header in header()) {
        prop_assert_eq!(PkiHeader::from_der(&header.to_der().unwrap()).unwrap(), header);
    }

    #[test]
    fn bodies_encode_and_decode(body in body()) {
        prop_assert_eq!(PkiBody::from_der(&body.to_der().unwrap()).unwrap(), body);
    }

    #[test]
    fn messages_keep_what_they_were_decoded_from(header in header(), body in body()) {
        let parts = [header.to_der().unwrap(), body.to_der().unwrap()].concat();
        let octets = der::Any::new(der::Tag::Sequence, parts).unwrap().to_der().unwrap();
        let message = PkiMessage::from_der(&octets).unwrap();
        prop_assert_eq!(message.octets(), &octets);
        prop_assert_eq!(message.protected_part().unwrap(), octets);
        prop_assert_eq!(message.header(), &header);
        prop_assert_eq!(message.body(), &body);
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = PkiMessage::from_der(&octets);
    }

    #[test]
    fn damaged_messages_never_panic(position in any::<prop::sample::Index>(), octet in any::<u8>()) {
        for name in ["sig_1_ir", "sig_2_ip", "p10cr_1", "p10cr_2_cp", "sig_3_certConf", "poll_4_pollRep"] {
            let mut octets = vectors::own(&format!("openssl-mock/{name}.der"));
            let position = position.index(octets.len());
            octets[position] = octet;
            if let Ok(message) = PkiMessage::from_der(&octets) {
                prop_assert_eq!(message.octets(), &octets);
            }
        }
    }
}

#[test]
fn deep_nesting_costs_nothing() {
    // 34 KB of nested messages overflow the stack of a decoder that recurses.
    let mut octets = vectors::own("openssl-mock/sig_4_pkiConf.der");
    let header = PkiMessage::from_der(&octets).unwrap().header().to_der().unwrap();
    while octets.len() < 60_000 {
        let inner = der::Any::new(der::Tag::Sequence, octets).unwrap().to_der().unwrap();
        let number = der::TagNumber(20);
        let tag = der::Tag::ContextSpecific { constructed: true, number };
        let body = der::Any::new(tag, inner).unwrap().to_der().unwrap();
        octets =
            der::Any::new(der::Tag::Sequence, [header.clone(), body].concat()).unwrap().to_der().unwrap();
    }
    assert!(matches!(PkiMessage::from_der(&octets).unwrap().body(), PkiBody::Nested(..)));
}

#[test]
fn oversized_messages_are_refused_before_they_are_decoded() {
    let error = PkiMessage::from_der(&vec![0x30; 65 * 1024]).unwrap_err();
    assert_eq!(error, cmp::Error::TooLarge { octets: 65 * 1024, limit: 64 * 1024 });
}
