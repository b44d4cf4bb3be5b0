//! Requests that ask for what no certificate may be, or prove nothing (RFC 4211 sections 4 and 5, RFC 9483 section 4.1.1).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod support;

use ca::Outcome;
use cmp::{CertReqId, PkiBody, PkiFailureInfo, PkiMessage, add_protection};
use crmf::{
    CertReqMessages, CertReqMsg, CertReqMsgBuilder, CertRequest, CertTemplate, OptionalValidity, PopoPrivKey,
    SubsequentMessage, Universal,
};
use crypto::SigningKey;
use der::Encode;
use der::asn1::{BitString, OctetString};
use support::{House, NOW, crafted, crmf as signed, forged, ir, key, kur, name, sequence};
use x509_cert::certificate::Version;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::serial_number::SerialNumber;

/// What the NEM may ask for, with raVerified in place of a signature, so that the template can be anything.
fn template() -> CertTemplate {
    let spki = Universal::from_octets(key().public_key().spki_octets()).unwrap();
    let mut template = CertTemplate::default();
    template.subject = Some(name("CN=enb-0001"));
    template.public_key = Some(spki);
    template
}

type Change = Box<dyn Fn(&mut CertTemplate)>;

fn ra_verified(request: &CertRequest) -> CertReqMsg {
    CertReqMsg::from_der(&sequence(&[&request.to_der().unwrap(), &[0x80, 0]])).unwrap()
}

/// The NEM's ir with these requests.
fn from_nem(house: &House, messages: Vec<CertReqMsg>) -> Vec<u8> {
    let (good, _) = house.start(&house.nem, ir(signed(&name("CN=enb-0001"), &key())));
    forged(&good, &house.nem, |_, body| *body = PkiBody::Ir(CertReqMessages::new(messages).unwrap()))
}

fn refused_body(house: &House, message: &[u8], bit: PkiFailureInfo, what: &str) {
    let reply = house.ca.handle(message, NOW);
    let status = support::status(&reply.octets);
    assert_eq!(status.fail_info, Some(bit), "{what}: {status}");
    // Faults of the body are told in a negative answer, not in an error (RFC 9483 section 3.6.4).
    let kind = PkiMessage::from_der(&reply.octets).unwrap().body().kind();
    assert!(matches!(kind, cmp::BodyKind::Ip | cmp::BodyKind::Kup), "{what}: {kind}");
}

#[test]
fn templates_that_no_certificate_is_issued_for() {
    let house = House::new();
    let good = ra_verified(&CertRequest::new(CertReqId::FIRST, template()));
    let reply = house.ca.handle(&from_nem(&house, vec![good]), NOW);
    assert!(matches!(reply.event.outcome, Outcome::Issued { .. }), "{}", reply.event.outcome);

    let same = Extension {
        extn_id: asn1::oids::rfc5280::KEY_USAGE,
        critical: true,
        extn_value: OctetString::new([3, 2, 7, 0x80]).unwrap(),
    };
    let weak = crafted::rsa_spki(&[&[0, 0x80][..], &[1; 127]].concat(), &[1, 0, 1]);
    let cases: [(&str, Change, PkiFailureInfo); 13] = [
        ("version 1", Box::new(|t| t.version = Some(Version::V1)), PkiFailureInfo::BAD_CERT_TEMPLATE),
        (
            "serialNumber",
            Box::new(|t| t.serial_number = Some(SerialNumber::from(1_u32))),
            PkiFailureInfo::BAD_CERT_TEMPLATE,
        ),
        (
            "signingAlg",
            Box::new(|t| t.signing_alg = Some(key().algorithm().identifier())),
            PkiFailureInfo::BAD_CERT_TEMPLATE,
        ),
        (
            "issuerUID",
            Box::new(|t| t.issuer_uid = Some(BitString::from_bytes(&[1]).unwrap())),
            PkiFailureInfo::BAD_CERT_TEMPLATE,
        ),
        (
            "subjectUID",
            Box::new(|t| t.subject_uid = Some(BitString::from_bytes(&[1]).unwrap())),
            PkiFailureInfo::BAD_CERT_TEMPLATE,
        ),
        ("no subject", Box::new(|t| t.subject = None), PkiFailureInfo::BAD_CERT_TEMPLATE),
        (
            "the NULL-DN without a subjectAltName",
            Box::new(|t| t.subject = Some(Default::default())),
            PkiFailureInfo::BAD_CERT_TEMPLATE,
        ),
        ("no publicKey", Box::new(|t| t.public_key = None), PkiFailureInfo::BAD_CERT_TEMPLATE),
        (
            "an RSA key of 1024 bits",
            Box::new(move |t| t.public_key = Some(Universal::from_octets(&weak).unwrap())),
            PkiFailureInfo::BAD_CERT_TEMPLATE,
        ),
        (
            "validity without a bound",
            Box::new(|t| t.validity = Some(OptionalValidity::new(None, None))),
            PkiFailureInfo::BAD_CERT_TEMPLATE,
        ),
        (
            "no extension in extensions",
            Box::new(|t| t.extensions = Some(vec![])),
            PkiFailureInfo::BAD_DATA_FORMAT,
        ),
        (
            "an extension twice",
            Box::new(move |t| t.extensions = Some(vec![same.clone(), same.clone()])),
            PkiFailureInfo::BAD_CERT_TEMPLATE,
        ),
        (
            "another CA as the issuer",
            Box::new(|t| t.issuer = Some(name("CN=Another CA"))),
            PkiFailureInfo::WRONG_AUTHORITY,
        ),
    ];
    for (what, change, bit) in cases {
        let mut template = template();
        change(&mut template);
        let request = ra_verified(&CertRequest::new(CertReqId::FIRST, template));
        refused_body(&house, &from_nem(&house, vec![request]), bit, what);
    }
    // This CA by its name is no fault, and the CA decides on the validity.
    let mut template = template();
    template.issuer = Some(house.ca.issuer().name().clone());
    template.validity = Some(OptionalValidity::new(None, Some(NOW.to_generalized_time().unwrap().into())));
    let reply = house
        .ca
        .handle(&from_nem(&house, vec![ra_verified(&CertRequest::new(CertReqId::FIRST, template))]), NOW);
    assert!(
        matches!(reply.event.outcome, Outcome::Issued { with_mods: true, .. }),
        "{}",
        reply.event.outcome
    );
    assert_eq!(house.registry.count(), 2);
}

#[test]
fn one_request_with_the_id_0() {
    let house = House::new();
    let request = |id| ra_verified(&CertRequest::new(CertReqId::new(id), template()));
    for id in [1, -1, i64::MAX] {
        let message = from_nem(&house, vec![request(id)]);
        refused_body(&house, &message, PkiFailureInfo::BAD_REQUEST, "certReqId");
    }
    let message = from_nem(&house, vec![request(0), request(1)]);
    refused_body(&house, &message, PkiFailureInfo::BAD_REQUEST, "two requests");
    assert_eq!(house.registry.count(), 0);
}

#[test]
fn proofs_that_prove_nothing() {
    let house = House::new();
    let subject = house.station.name();
    let own = key();
    let good = signed(&subject, &own);
    let builder = CertReqMsgBuilder::new(Some(subject.clone()), own.public_key());
    let foreign = key();
    let signature = foreign.sign(&builder.to_be_signed().unwrap()).unwrap();
    let mut nameless = CertReqMsgBuilder::new(None, own.public_key());
    nameless.sender = Some(GeneralName::DirectoryName(name("CN=enb-0002,O=Vendor")));
    let cert_req = good.cert_req().octets();
    let cases = [
        ("none", CertReqMsg::from_der(&sequence(&[cert_req])).unwrap(), PkiFailureInfo::BAD_POP),
        (
            "another key's signature",
            builder.with_signature(foreign.algorithm(), &signature).unwrap(),
            PkiFailureInfo::BAD_POP,
        ),
        (
            "a key that signs, and does not",
            builder.key_encipherment(PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert)).unwrap(),
            PkiFailureInfo::BAD_POP,
        ),
        (
            "challengeResp, which RFC 9483 leaves out",
            builder
                .key_encipherment(PopoPrivKey::SubsequentMessage(SubsequentMessage::ChallengeResp))
                .unwrap(),
            PkiFailureInfo::BAD_POP,
        ),
        ("raVerified", builder.ra_verified().unwrap(), PkiFailureInfo::NOT_AUTHORIZED),
        ("poposkInput of somebody else", nameless.sign(&own).unwrap(), PkiFailureInfo::NOT_AUTHORIZED),
        (
            "another subject than the sender's",
            signed(&name("CN=enb-0002,O=Vendor"), &own),
            PkiFailureInfo::NOT_AUTHORIZED,
        ),
    ];
    for (what, request, bit) in cases {
        let (message, _) = house.start(&house.station, ir(request));
        refused_body(&house, &message, bit, what);
    }
    assert_eq!(house.registry.count(), 0);
}

#[test]
fn only_an_ra_says_ra_verified_and_not_by_vouching_for_a_station() {
    let house = House::new();
    let builder = CertReqMsgBuilder::new(Some(house.station.name()), key().public_key());
    let (inner, _) = house.start(&house.station, ir(builder.ra_verified().unwrap()));
    let inner_message = PkiMessage::from_der(&inner).unwrap();
    let part = add_protection(&inner_message, &house.nem.identity, &house.provider, NOW).unwrap();
    let reply = house.ca.handle(&part.sign(&house.nem.key).unwrap(), NOW);
    assert_eq!(support::status(&reply.octets).fail_info, Some(PkiFailureInfo::NOT_AUTHORIZED));

    let (part, _) = cmp::bundle(
        &[inner_message],
        house.ca.issuer().name().clone(),
        &house.nem.identity,
        &house.provider,
        NOW,
    )
    .unwrap();
    let reply = house.ca.handle(&part.sign(&house.nem.key).unwrap(), NOW);
    let Outcome::Refused(reason) = &reply.inner[0].outcome else { panic!("{}", reply.inner[0].outcome) };
    assert!(reason.to_string().contains("raVerified"), "{reason}");

    // Not even an RA, when it is its own certificate that is to be updated.
    let (good, _) = house.start(&house.nem, kur(&house.nem, &key(), |_| {}));
    let update = CertReqMsgBuilder::new(Some(house.nem.name()), key().public_key()).ra_verified().unwrap();
    let message = forged(&good, &house.nem, |_, body| {
        *body = PkiBody::Kur(CertReqMessages::new(vec![update]).unwrap());
    });
    refused_body(&house, &message, PkiFailureInfo::NOT_AUTHORIZED, "a kur");
    assert_eq!(house.registry.count(), 0);
}
