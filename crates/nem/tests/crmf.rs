//! CertReqMessages: what the RA/CA gets of them, and which are refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use ca::Profile;
use cmp::{CertReqId, PkiBody, PkiMessage};
use crmf::{CertReqMessages, CertReqMsg, CertReqMsgBuilder};
use crypto::SigningKey;
use crypto_aws_lc::SoftwareKey;
use der::Encode;
use nem::{Refusal, Standing};
use support::{House, SUBJECT, certify, key, name};

fn messages(requests: Vec<CertReqMsg>) -> Vec<u8> {
    CertReqMessages::new(requests).unwrap().to_der().unwrap()
}

fn request(subject: &str, key: &SoftwareKey) -> CertReqMsg {
    CertReqMsgBuilder::new(Some(name(subject)), key.public_key()).sign(key).unwrap()
}

#[test]
fn the_station_s_octets_reach_the_ra_ca_and_its_certificate_comes_back() {
    let mut house = House::new();
    // From the vendor's certificate to the first one, and from that to the next.
    for body in ["ir", "cr"] {
        let key = key();
        let upload = messages(vec![request(SUBJECT, &key)]);
        let (id, _) = house.upload_crmf(&upload).unwrap();
        // As before, after a crash.
        house.crash();
        house.wake();
        let sends = house.sends();
        let [(request, message)] = sends.as_slice() else { panic!("{sends:?}") };
        let sent = PkiMessage::from_der(message).unwrap();
        let inner = match sent.body() {
            PkiBody::Ir(inner) if body == "ir" => inner,
            PkiBody::Cr(inner) if body == "cr" => inner,
            other => panic!("{other:?}"),
        };
        assert_eq!(inner.to_der().unwrap(), upload);
        assert!(house.logged(&format!("{body} sent")));
        let reply = house.ca.handle(message, house.now);
        house.answer(*request, &reply.octets);
        house.run();
        let Some(Standing::Issued(certificates)) = house.nem.standing(id).unwrap() else {
            panic!("{:?}", house.events)
        };
        assert_eq!(house.upload_crmf(&upload).unwrap().1, Standing::Issued(certificates));
        house.station = vec![certify(&house.operator, &Profile::NE, SUBJECT, &support::key())];
    }
    assert_eq!(house.issued().len(), 2);
}

#[test]
fn what_the_ra_ca_would_not_believe_is_refused() {
    let mut house = House::new();
    let (mine, other) = (key(), key());
    let builder = |subject: Option<&str>| CertReqMsgBuilder::new(subject.map(name), mine.public_key());
    let good = messages(vec![request(SUBJECT, &mine)]);

    let mut numbered = builder(Some(SUBJECT));
    numbered.cert_req_id = CertReqId::new(1);
    let octets = builder(Some(SUBJECT)).to_be_signed().unwrap();
    let planted =
        builder(Some(SUBJECT)).with_signature(other.algorithm(), &other.sign(&octets).unwrap()).unwrap();
    for bad in [
        messages(vec![request(SUBJECT, &mine), request(SUBJECT, &other)]),
        messages(vec![numbered.sign(&mine).unwrap()]),
        messages(vec![planted]),
        messages(vec![builder(Some(SUBJECT)).ra_verified().unwrap()]),
        support::csr(SUBJECT, &mine, Vec::new()),
        good[..good.len() - 1].to_vec(),
        [good.as_slice(), &[0]].concat(),
        Vec::new(),
    ] {
        let refusal = house.upload_crmf(&bad).unwrap_err();
        assert!(matches!(refusal, Refusal::CertReqMessages { .. }), "{refusal}");
    }
    // Its proof of possession would name the station, and the RA/CA sees a message of the NEM's.
    let mut nameless = builder(None);
    nameless.sender = Some(x509_cert::ext::pkix::name::GeneralName::DirectoryName(name(SUBJECT)));
    let refusal = house.upload_crmf(&messages(vec![nameless.sign(&mine).unwrap()])).unwrap_err();
    assert!(matches!(refusal, Refusal::NoSubject { .. }), "{refusal}");
    let refusal = house.upload_crmf(&messages(vec![request("CN=enb2", &mine)])).unwrap_err();
    assert!(matches!(refusal, Refusal::Name { .. }), "{refusal}");
    assert!(house.ledger.records().is_empty());
    house.upload_crmf(&good).unwrap();
}
