//! What an RA/CA that is believed says when it does not, or not yet, issue; and what it should not say at all.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use asn1::EncodedCertificate;
use ca::Profile;
use cmp::{CertRepMessage, CertReqId, CertResponse, PkiBody, PkiFailureInfo, PkiStatusInfo};
use nem::Standing;
use nem::ledger::State;
use support::liar::error;
use support::talk::{Talk, granted, waiting};
use support::{SUBJECT, certify, key, root};

#[test]
fn errors_that_pass_lead_to_a_new_transaction() {
    for fail_info in [
        PkiFailureInfo::SYSTEM_UNAVAIL,
        PkiFailureInfo::SYSTEM_FAILURE,
        PkiFailureInfo::BAD_TIME,
        PkiFailureInfo::TRANSACTION_ID_IN_USE,
    ] {
        let mut talk = Talk::new();
        for delay in [1, 2, 4] {
            let (before, then) = (talk.message.clone(), talk.house.now);
            talk.say(&error(fail_info));
            assert_eq!(talk.house.now.abs_diff(then), Duration::from_secs(delay));
            assert_ne!(talk.message, before);
        }
        talk.ends_well();
    }
}

#[test]
fn errors_that_last_are_told_to_the_station() {
    for fail_info in
        [PkiFailureInfo::BAD_REQUEST, PkiFailureInfo::NOT_AUTHORIZED, PkiFailureInfo::BAD_CERT_TEMPLATE]
    {
        let mut talk = Talk::new();
        talk.say(&error(fail_info));
        talk.rejected(&fail_info.to_string());
        talk.rejected("because");

        let mut talk = Talk::new();
        let status = PkiStatusInfo::rejection(fail_info, "because".into());
        let response = CertResponse::without_certificate(CertReqId::P10CR, status);
        talk.say(&PkiBody::Cp(CertRepMessage::new(response)));
        talk.rejected(&fail_info.to_string());
    }
}

#[test]
fn an_error_that_nobody_signed_says_nothing() {
    let mut talk = Talk::new();
    let planted = talk.liar.unprotected(&talk.message, &error(PkiFailureInfo::BAD_REQUEST), talk.house.now);
    talk.house.answer(talk.id, &planted);
    talk.next();
    assert!(talk.house.logged("not believed"));
    talk.ends_well();
}

#[test]
fn bodies_that_are_no_answer() {
    let response = granted(certify(&root("CN=Operator CA"), &Profile::NE, SUBJECT, &key()));
    let content = CertRepMessage::new(response.clone());
    let mut two = content.clone();
    two.response.push(response.clone());
    let mut other_id = content.clone();
    other_id.response[0].cert_req_id = CertReqId::new(7);
    let mut without = content.clone();
    without.response[0].certified_key_pair = None;
    for body in [
        PkiBody::PkiConf,
        PkiBody::Ip(content),
        PkiBody::Cp(two),
        PkiBody::Cp(other_id),
        PkiBody::Cp(without),
        PkiBody::PollRep(Vec::new()),
    ] {
        let mut talk = Talk::new();
        talk.say(&body);
        talk.rejected("does not keep to the protocol");
        assert_eq!(talk.house.nem.requests_under_way(), 0);
    }
}

#[test]
fn what_is_called_a_certificate_and_is_none() {
    let mut talk = Talk::new();
    let garbage = EncodedCertificate::new(&[0x30, 3, 2, 1, 1]).unwrap();
    talk.say(&PkiBody::Cp(CertRepMessage::new(granted(garbage))));
    talk.rejected("certificate");
}

#[test]
fn errors_instead_of_pkiconf() {
    for fail_info in
        [PkiFailureInfo::SYSTEM_UNAVAIL, PkiFailureInfo::SYSTEM_FAILURE, PkiFailureInfo::BAD_TIME]
    {
        // pkiconf must come from whoever sent the certificate.
        let mut talk = Talk::new();
        talk.truth();
        let planted = error(fail_info);
        talk.say(&planted);
        assert!(talk.house.logged("not believed"));
        assert!(matches!(talk.sent(), PkiBody::CertConf(_)));
        talk.ends_well();
    }
}

/// A certificate from the liar, and then that in answer to certConf.
fn after_cert_conf(body: &PkiBody) -> Talk {
    let mut talk = Talk::new();
    let request = pkcs10::CertReq::from_der(&talk.house.ledger.only().request).unwrap();
    let request = request.verify_pop(&crypto_aws_lc::provider()).unwrap();
    let (contents, _) = Profile::NE.fit(request.subject().clone(), request.public_key(), &[]).unwrap();
    let issued = talk.house.operator.issue(&contents, &crypto_aws_lc::provider(), talk.house.now).unwrap();
    talk.say(&PkiBody::Cp(CertRepMessage::new(granted(issued.certificate))));
    assert!(matches!(talk.sent(), PkiBody::CertConf(_)), "{:?}", talk.house.events);
    talk.say(body);
    talk
}

#[test]
fn what_an_answer_to_cert_conf_means() {
    for fail_info in
        [PkiFailureInfo::SYSTEM_UNAVAIL, PkiFailureInfo::SYSTEM_FAILURE, PkiFailureInfo::BAD_TIME]
    {
        let mut talk = after_cert_conf(&error(fail_info));
        assert!(matches!(talk.house.ledger.only().state, State::Confirming(_)));
        assert!(matches!(talk.sent(), PkiBody::CertConf(_)));
        talk.say(&PkiBody::PkiConf);
        assert!(matches!(talk.standing(), Standing::Issued(_)));
    }
    let talk = after_cert_conf(&error(PkiFailureInfo::CERT_CONFIRMED));
    assert!(matches!(talk.standing(), Standing::Issued(_)));
    let talk = after_cert_conf(&error(PkiFailureInfo::BAD_CERT_ID));
    talk.rejected("did not take the confirmation");
    let talk = after_cert_conf(&waiting());
    talk.rejected("did not take the confirmation");
}
