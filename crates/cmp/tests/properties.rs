//! What holds for every message, not only for the recorded ones.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc, missing_docs)]

use std::time::Duration;

use asn1::{EncodedCertificate, RawDer, UnixTime};
use cmp::{
    CaKeyUpdAnnContent, CaKeyUpdContent, CertRepMessage, CertReqId, CertResponse, CertStatus, Challenge,
    ErrorMsgContent, InfoTypeAndValue, KeyRecRepContent, MessageTime, PkiBody, PkiFailureInfo, PkiHeader,
    PkiMessage, PkiStatus, PkiStatusInfo, PollRepItem, PollReqItem, Rand, RecipNonce, RevAnnContent,
    RootCaKeyUpdateContent, SenderNonce, TransactionId,
};
use crmf::CertId;
use der::asn1::{GeneralizedTime, Int, OctetString};
use der::{Decode, Encode};
use proptest::prelude::*;
use testkit::vectors;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

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

fn certificate() -> impl Strategy<Value = EncodedCertificate> {
    any::<u8>().prop_map(|octet| EncodedCertificate::new(&[0x30, 0x03, 0x04, 0x01, octet]).unwrap())
}

fn sequence() -> impl Strategy<Value = RawDer> {
    any::<u8>().prop_map(|octet| RawDer::new(&[0x30, 0x03, 0x04, 0x01, octet]).unwrap())
}

fn name() -> GeneralName {
    GeneralName::DirectoryName("CN=Operator CA".parse().unwrap())
}

fn time() -> impl Strategy<Value = GeneralizedTime> {
    (0..4_000_000_000_u64).prop_map(|time| UnixTime::from_secs(time).to_generalized_time().unwrap())
}

/// Integers as DER has them: the shortest form.
fn integer() -> impl Strategy<Value = Int> {
    any::<i64>().prop_map(|number| Int::from_der(&number.to_der().unwrap()).unwrap())
}

fn challenge() -> impl Strategy<Value = Challenge> {
    let witness = prop::collection::vec(any::<u8>(), 0..40);
    (witness, sequence(), any::<bool>()).prop_map(|(witness, data, first)| {
        let owf = first.then(|| crypto::DigestAlgorithm::Sha256.identifier());
        Challenge::new(owf, &witness, data).unwrap()
    })
}

fn key_recovery() -> impl Strategy<Value = KeyRecRepContent> {
    let certificates = prop::collection::vec(certificate(), 1..3);
    (status(), prop::option::of(certificate()), prop::option::of(certificates), response()).prop_map(
        |(status, new_sig_cert, ca_certs, response)| {
            let mut content = KeyRecRepContent::new(status);
            content.new_sig_cert = new_sig_cert;
            content.ca_certs = ca_certs;
            content.key_pair_hist = response.certified_key_pair.map(|pair| vec![pair]);
            content
        },
    )
}

fn key_update() -> impl Strategy<Value = CaKeyUpdContent> {
    let link = || prop::option::of(certificate());
    prop_oneof![
        (certificate(), certificate(), certificate())
            .prop_map(|(a, b, c)| CaKeyUpdContent::V2(CaKeyUpdAnnContent::new(a, b, c))),
        (certificate(), link(), link()).prop_map(|(new, new_with_old, old_with_new)| {
            let mut content = RootCaKeyUpdateContent::new(new);
            content.new_with_old = new_with_old;
            content.old_with_new = old_with_new;
            CaKeyUpdContent::V3(content)
        }),
    ]
}

fn revocation() -> impl Strategy<Value = RevAnnContent> {
    (1..=i64::MAX, time(), time()).prop_map(|(serial, when, since)| {
        let serial = SerialNumber::new(&serial.to_be_bytes()).unwrap();
        RevAnnContent::new(PkiStatus::RevocationWarning, CertId::new(name(), serial), when, since)
    })
}

/// Bodies of RFC 9810 that the profile of RFC 9483 has no use for.
fn rare_body() -> impl Strategy<Value = PkiBody> {
    prop_oneof![
        prop::collection::vec(challenge(), 0..3).prop_map(PkiBody::Popdecc),
        prop::collection::vec(integer(), 0..3).prop_map(PkiBody::Popdecr),
        key_recovery().prop_map(|content| PkiBody::Krp(Box::new(content))),
        response().prop_map(|response| PkiBody::Ccp(CertRepMessage::new(response))),
        key_update().prop_map(PkiBody::Ckuann),
        certificate().prop_map(PkiBody::Cann),
        revocation().prop_map(|content| PkiBody::Rann(Box::new(content))),
        prop::collection::vec(sequence(), 0..3).prop_map(PkiBody::Crlann),
    ]
}

fn body() -> impl Strategy<Value = PkiBody> {
    prop_oneof![
        rare_body(),
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
            header.message_time = Some(MessageTime::new(UnixTime::from_secs(time)).unwrap());
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
    fn what_a_challenge_enciphers_encodes_and_decodes(int in integer()) {
        let rand = Rand::new(int, name());
        prop_assert_eq!(Rand::from_der(&rand.to_der().unwrap()).unwrap(), rand);
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

#[test]
fn lists_that_must_not_be_empty_are_not() {
    let message = |body: PkiBody| {
        let header = PkiHeader::new(name(), name()).to_der().unwrap();
        let parts = [header, body.to_der().unwrap()].concat();
        PkiMessage::from_der(&der::Any::new(der::Tag::Sequence, parts).unwrap().to_der().unwrap())
    };
    let status = || PkiStatusInfo::new(PkiStatus::Accepted);
    let mut without_history = KeyRecRepContent::new(status());
    without_history.key_pair_hist = Some(Vec::new());
    let mut without_certificates = KeyRecRepContent::new(status());
    without_certificates.ca_certs = Some(Vec::new());
    let mut without_anchors =
        CertRepMessage::new(CertResponse::without_certificate(CertReqId::FIRST, status()));
    without_anchors.ca_pubs = Some(Vec::new());
    for (body, list) in [
        (PkiBody::Krp(Box::new(without_history)), "keyPairHist"),
        (PkiBody::Krp(Box::new(without_certificates)), "caCerts"),
        (PkiBody::Ccp(without_anchors), "caPubs"),
        (PkiBody::Nested(Vec::new()), "nested"),
    ] {
        assert_eq!(message(body), Err(cmp::Error::EmptyList(list)));
    }
}
