//! A CA that certifies another CA (RFC 9810 section 5.3.11 and appendix D.6).
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

use asn1::UnixTime;
use ca::{Issuer, Outcome};
use cmp::end_entity::{Answer, CertificateRequest, Enrolment};
use cmp::{BodyKind, PkiFailureInfo, PkiMessage, SignerRole, Trust};
use crmf::{CertReqMessages, CertReqMsg, CertReqMsgBuilder, OptionalValidity};
use crypto::{ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::SoftwareKey;
use der::{Decode, Encode};
use support::{House, NOW, Requester, YEAR, granted, key, name, root_with};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
use x509_cert::time::Time;

fn time(time: UnixTime) -> Time {
    time.to_generalized_time().unwrap().into()
}

/// A CA of another operator, and this CA's house, which agreed with it.
fn houses() -> (House, Requester) {
    let mut house = House::new();
    let own = key();
    let copy = SoftwareKey::from_pkcs8_der(&own.to_pkcs8_der().unwrap()).unwrap();
    let other: Issuer = root_with("CN=Other CA,O=Other", copy);
    let anchors = vec![other.certificate().clone()];
    house.ca.trust.push(Trust::new(SignerRole::CertificationAuthority, anchors, ExtendedKeyUsage::Any));
    house.ca.policy.cross_certification = Some(0);
    (house, Requester::with(other.certificate().clone(), own))
}

fn builder(house: &House, other: &Requester) -> CertReqMsgBuilder {
    let mut builder = CertReqMsgBuilder::new(Some(other.name()), other.key.public_key());
    let own = Certificate::from_der(house.root.octets()).unwrap();
    builder.signing_alg = Some(own.signature_algorithm().clone());
    builder.issuer = Some(house.ca.issuer().name().clone());
    builder.validity = Some(OptionalValidity::new(Some(time(NOW)), Some(time(NOW.saturating_add(YEAR)))));
    builder
}

fn ccr(message: CertReqMsg) -> Enrolment {
    Enrolment::new(CertificateRequest::Ccr(CertReqMessages::new(vec![message]).unwrap()))
}

#[test]
fn a_ca_is_certified_by_agreement() {
    let (house, other) = houses();
    let (_, answer) = house.enrol(&other, ccr(builder(&house, &other).sign(&other.key).unwrap()));
    let granted = granted(answer);
    let certificate = granted.check().unwrap();
    let tbs = certificate.tbs_certificate();
    assert_eq!((tbs.issuer(), tbs.subject()), (house.ca.issuer().name(), &other.name()));
    let (critical, constraints) = tbs.get_extension::<BasicConstraints>().unwrap().unwrap();
    assert!(critical && constraints.ca && constraints.path_len_constraint == Some(0));
    let (_, usage) = tbs.get_extension::<KeyUsage>().unwrap().unwrap();
    assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
    assert_eq!(
        tbs.validity().not_after.to_unix_duration(),
        time(NOW.saturating_add(YEAR)).to_unix_duration()
    );
    // It is believed as an issuer: what the other CA certifies has a path to this CA's root.
    let issuer = Issuer::new(
        other.certificate.clone(),
        Box::new(SoftwareKey::from_pkcs8_der(&other.key.to_pkcs8_der().unwrap()).unwrap()),
    )
    .unwrap();
    let element = Requester::new(&issuer, &ca::Profile::NE, "CN=enb-0001,O=Other");
    let path = crypto::CertificatePath {
        end_entity: &element.certificate,
        intermediates: std::slice::from_ref(granted.certificate()),
        anchors: std::slice::from_ref(&house.root),
        extended_key_usage: ExtendedKeyUsage::Any,
        revocation: None,
        now: NOW,
    };
    house.provider.validate_path(&path).unwrap();
    house.confirm(&other, granted, NOW);
    assert_eq!(house.registry.only_certificate().profile, "cross-ca");
}

#[test]
fn what_no_ca_may_have() {
    let (house, other) = houses();
    let longer = NOW.saturating_add(YEAR * 9);
    type Change = Box<dyn Fn(&mut CertReqMsgBuilder)>;
    let cases: [(&str, Change, PkiFailureInfo); 5] = [
        ("another name", Box::new(|b| b.subject = Some(name("CN=Third CA"))), PkiFailureInfo::NOT_AUTHORIZED),
        (
            "another algorithm",
            Box::new(|b| b.signing_alg = Some(crypto::SignatureAlgorithm::Ed25519.identifier())),
            PkiFailureInfo::BAD_ALG,
        ),
        (
            "another issuer",
            Box::new(|b| b.issuer = Some(name("CN=Third CA"))),
            PkiFailureInfo::WRONG_AUTHORITY,
        ),
        (
            "a validity that is over",
            Box::new(|b| b.validity = Some(OptionalValidity::new(Some(time(NOW)), Some(time(NOW))))),
            PkiFailureInfo::BAD_CERT_TEMPLATE,
        ),
        (
            "this CA's own name",
            Box::new(|b| b.subject = Some(name("CN=Operator CA,O=Operator"))),
            PkiFailureInfo::NOT_AUTHORIZED,
        ),
    ];
    for (what, change, bit) in cases {
        let mut builder = builder(&house, &other);
        change(&mut builder);
        let (message, _) = house.start(&other, ccr(builder.sign(&other.key).unwrap()));
        let reply = house.ca.handle(&message, NOW);
        let status = support::status(&reply.octets);
        assert_eq!(status.fail_info, Some(bit), "{what}: {status}");
        assert_eq!(PkiMessage::from_der(&reply.octets).unwrap().body().kind(), BodyKind::Ccp, "{what}");
    }
    // More than the profile has is cut short.
    let mut wish = builder(&house, &other);
    wish.validity = Some(OptionalValidity::new(Some(time(NOW)), Some(time(longer))));
    let (message, _) = house.start(&other, ccr(wish.sign(&other.key).unwrap()));
    let reply = house.ca.handle(&message, NOW);
    assert!(
        matches!(reply.event.outcome, Outcome::Issued { with_mods: true, .. }),
        "{}",
        reply.event.outcome
    );
}

#[test]
fn templates_and_proofs_of_another_ca() {
    let (house, other) = houses();
    let good = builder(&house, &other);
    let (message, _) = house.start(&other, ccr(good.sign(&other.key).unwrap()));
    let refused = |request: CertReqMsg, bit, what: &str| {
        let bad = support::forged(&message, &other, |_, body| {
            *body = cmp::PkiBody::Ccr(CertReqMessages::new(vec![request]).unwrap());
        });
        let status = house.refused(&bad);
        assert_eq!(status.fail_info, Some(bit), "{what}: {status}");
    };
    // An ordinary request, without signingAlg.
    let ordinary = support::crmf(&other.name(), &other.key);
    refused(ordinary, PkiFailureInfo::BAD_CERT_TEMPLATE, "no signingAlg");
    let proven = good.sign(&other.key).unwrap();
    let cert_req = proven.cert_req().octets().to_vec();
    let without = CertReqMsg::from_der(&support::sequence(&[&cert_req])).unwrap();
    refused(without, PkiFailureInfo::BAD_POP, "no proof");
    let vouched = CertReqMsg::from_der(&support::sequence(&[&cert_req, &[0x80, 0]])).unwrap();
    refused(vouched, PkiFailureInfo::NOT_AUTHORIZED, "raVerified");
    let foreign = key();
    let signature = foreign.sign(&good.to_be_signed().unwrap()).unwrap();
    let stolen = good.with_signature(foreign.algorithm(), &signature).unwrap();
    refused(stolen, PkiFailureInfo::BAD_POP, "another key's proof");
    // The same template is no station's: signingAlg is the CA's to choose.
    let (ir, _) = house.start(&house.nem, support::ir(support::crmf(&name("CN=enb-1"), &key())));
    let bad = support::forged(&ir, &house.nem, |_, body| {
        *body = cmp::PkiBody::Ir(CertReqMessages::new(vec![good.sign(&other.key).unwrap()]).unwrap());
    });
    house.refused_with(&bad, PkiFailureInfo::BAD_CERT_TEMPLATE);
}

#[test]
fn without_a_policy_no_ca_is_certified() {
    let (mut house, other) = houses();
    house.ca.policy.cross_certification = None;
    let (message, _) = house.start(&other, ccr(builder(&house, &other).sign(&other.key).unwrap()));
    house.refused_with(&message, PkiFailureInfo::NOT_AUTHORIZED);
    // With one, an administrator may still want to see it.
    house.ca.policy.cross_certification = Some(0);
    house.ca.policy.approval.of = vec![SignerRole::CertificationAuthority];
    let (_, answer) = house.enrol(&other, ccr(builder(&house, &other).sign(&other.key).unwrap()));
    assert!(matches!(answer, Answer::Waiting(_)), "{answer:?}");
    let pending = house.ca.pending(NOW).unwrap().remove(0);
    house.ca.approve(&pending.transaction_id, NOW.saturating_add(Duration::from_secs(60))).unwrap();
    assert_eq!(house.registry.only_certificate().profile, "cross-ca");
    assert!(pending.contents.unwrap().0.extensions[0].to_der().is_ok());
}
