//! genm: what the CA says of itself (RFC 9483 section 4.3, RFC 9810 section 5.3.19).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use asn1::oids::{rfc5912, rfc9810};
use cmp::end_entity::{Question, Reply};
use cmp::{
    CrlSource, CrlStatus, InfoTypeAndValue, InfoValue, PkiBody, PkiFailureInfo, RootCaKeyUpdateContent,
};
use const_oid::ObjectIdentifier;
use der::Decode;
use support::{House, NOW, forged, name, root, status};
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

fn question(info_type: ObjectIdentifier) -> InfoTypeAndValue {
    InfoTypeAndValue::new(info_type, None)
}

fn ask(house: &House, info: InfoTypeAndValue) -> Vec<InfoTypeAndValue> {
    let (part, awaiting) =
        Question::general(info).start(&house.station.identity, &house.provider, NOW).unwrap();
    let reply = house.ca.handle(&part.sign(&house.station.key).unwrap(), NOW);
    let message = house.validate(&reply.octets, &awaiting.expectation(), NOW);
    match awaiting.handle(&message).unwrap() {
        Reply::Information(answers) => answers,
        other => panic!("{other:?}"),
    }
}

/// The only answer: its type, and its value if it has one.
fn answer(house: &House, info: InfoTypeAndValue) -> (ObjectIdentifier, Option<InfoValue>) {
    let answers = ask(house, info);
    assert_eq!(answers.len(), 1, "{answers:?}");
    (answers[0].info_type, InfoValue::open(&answers[0]).unwrap())
}

#[test]
fn ca_certificates_and_the_keys_that_are_certified() {
    let house = House::new();
    let (info_type, value) = answer(&house, question(rfc9810::IT_CA_CERTS));
    assert_eq!(
        (info_type, value),
        (rfc9810::IT_CA_CERTS, Some(InfoValue::CaCerts(vec![house.root.clone()])))
    );

    let (_, value) = answer(&house, question(rfc9810::IT_SIGN_KEY_PAIR_TYPES));
    let Some(InfoValue::SignKeyPairTypes(keys)) = value else { panic!("{value:?}") };
    assert_eq!(keys.len(), 8, "three curves, RSA, Ed25519, ML-DSA");
    let (info_type, value) = answer(&house, question(rfc9810::IT_ENC_KEY_PAIR_TYPES));
    assert_eq!((info_type, value), (rfc9810::IT_ENC_KEY_PAIR_TYPES, None));
    for none in [rfc9810::IT_CA_PROT_ENC_CERT, rfc9810::IT_PREFERRED_SYMM_ALG] {
        assert_eq!(answer(&house, question(none)), (none, None));
    }

    let (_, value) = answer(&house, question(rfc9810::IT_CERT_REQ_TEMPLATE));
    let Some(InfoValue::CertReqTemplate(content)) = value else { panic!("{value:?}") };
    assert!(content.cert_template.public_key.is_none());
    assert_eq!(content.key_spec.unwrap().len(), 10);
}

#[test]
fn what_is_enciphered_with_is_told_where_anything_is() {
    let mut house = House::new();
    house.ca.policy.encrypted_certificates = true;
    let (_, value) = answer(&house, question(rfc9810::IT_ENC_KEY_PAIR_TYPES));
    let Some(InfoValue::EncKeyPairTypes(keys)) = value else { panic!("{value:?}") };
    assert_eq!(keys.len(), 7, "three curves, RSA, ML-KEM");
    let (_, value) = answer(&house, question(rfc9810::IT_PREFERRED_SYMM_ALG));
    let Some(InfoValue::PreferredSymmAlg(cipher)) = value else { panic!("{value:?}") };
    assert_eq!(cipher.oid, asn1::oids::rfc3565::AES256_CBC);
}

#[test]
fn parameters_of_keys() {
    let house = House::new();
    let ask = |oid| answer(&house, InfoValue::KeyPairParamReq(oid).close().unwrap());
    let (info_type, value) = ask(rfc5912::EC_PUBLIC_KEY);
    assert_eq!(info_type, rfc9810::IT_KEY_PAIR_PARAM_REP);
    let Some(InfoValue::KeyPairParamRep(algorithm)) = value else { panic!("{value:?}") };
    assert_eq!(algorithm.parameters, Some(der::Any::from(rfc5912::SECP256R1)));
    let unknown = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
    assert_eq!(ask(unknown), (rfc9810::IT_KEY_PAIR_PARAM_REP, None));
}

#[test]
fn an_update_of_the_root_is_told_to_whoever_has_the_old_one() {
    let mut house = House::new();
    let old = InfoValue::RootCaCert(house.root.clone()).close().unwrap();
    let none = (rfc9810::IT_ROOT_CA_KEY_UPDATE, None);
    assert_eq!(answer(&house, old.clone()), none);
    let update = RootCaKeyUpdateContent::new(root("CN=New CA").certificate().clone());
    house.ca.root_updates.push((house.root.clone(), update.clone()));
    let told = (rfc9810::IT_ROOT_CA_KEY_UPDATE, Some(InfoValue::RootCaKeyUpdate(update)));
    assert_eq!(answer(&house, old), told);
    assert_eq!(answer(&house, question(rfc9810::IT_ROOT_CA_CERT)), told);
    let strange = InfoValue::RootCaCert(house.vendor.certificate().clone()).close().unwrap();
    assert_eq!(answer(&house, strange), none);
}

#[test]
fn a_crl_is_handed_out_when_it_is_newer() {
    let house = House::new();
    assert_eq!(answer(&house, question(rfc9810::IT_CURRENT_CRL)), (rfc9810::IT_CURRENT_CRL, None));
    let crl = house.ca.publish_crl(NOW, Duration::from_secs(86_400)).unwrap();
    let (_, value) = answer(&house, question(rfc9810::IT_CURRENT_CRL));
    let Some(InfoValue::CurrentCrl(current)) = value else { panic!("{value:?}") };
    assert_eq!(current.octets(), crl.octets);

    let list: CertificateList = CertificateList::from_der(&crl.octets).unwrap();
    let (this_update, before) = (
        list.tbs_cert_list.this_update,
        Time::from(NOW.saturating_sub(Duration::from_secs(1)).to_generalized_time().unwrap()),
    );
    let ask = |issuer: &str, at_hand| {
        let source = CrlSource::Issuer(vec![GeneralName::DirectoryName(name(issuer))]);
        let list = vec![CrlStatus::new(source, at_hand)];
        let (info_type, value) = answer(&house, InfoValue::CrlStatusList(list).close().unwrap());
        assert_eq!(info_type, rfc9810::IT_CRLS);
        value
    };
    let ours = "CN=Operator CA,O=Operator";
    for at_hand in [None, Some(before)] {
        assert!(matches!(ask(ours, at_hand), Some(InfoValue::Crls(crls)) if crls[0].octets() == crl.octets));
    }
    assert_eq!(ask(ours, Some(this_update)), None);
    assert_eq!(ask("CN=Elsewhere", None), None);
}

#[test]
fn languages() {
    let house = House::new();
    let tags = |tags: &[&str]| {
        InfoValue::SuppLangTags(tags.iter().map(|tag| (*tag).to_owned()).collect()).close().unwrap()
    };
    let (_, value) = answer(&house, tags(&["de", "en-GB", "en"]));
    assert_eq!(value, Some(InfoValue::SuppLangTags(vec!["en-GB".into()])));
    let (part, _) =
        Question::general(tags(&["de"])).start(&house.station.identity, &house.provider, NOW).unwrap();
    house.refused_with(&part.sign(&house.station.key).unwrap(), PkiFailureInfo::BAD_REQUEST);
}

#[test]
fn what_is_not_understood_is_named_and_the_rest_answered() {
    let house = House::new();
    let strange = ObjectIdentifier::new_unwrap("1.2.3.4");
    let (part, _) =
        Question::general(question(strange)).start(&house.station.identity, &house.provider, NOW).unwrap();
    let message = part.sign(&house.station.key).unwrap();
    let unsupported = |oids| InfoValue::UnsupportedOids(oids).close().unwrap();
    assert_eq!(ask(&house, question(strange)), [unsupported(vec![strange])]);

    let answers = |questions: Vec<InfoTypeAndValue>| {
        let message = forged(&message, &house.station, |_, body| *body = PkiBody::Genm(questions));
        house.ca.handle(&message, NOW).octets
    };
    let body = |octets: &[u8]| cmp::PkiMessage::from_der(octets).unwrap().body().clone();
    let both = answers(vec![question(strange), question(rfc9810::IT_CA_CERTS)]);
    let PkiBody::Genp(both) = body(&both) else { panic!("no genp") };
    assert_eq!(both.len(), 2);
    assert_eq!(both[1], unsupported(vec![strange]));
    let PkiBody::Genp(none) = body(&answers(Vec::new())) else { panic!("no genp") };
    assert_eq!(none, []);
    let many = status(&answers(vec![question(rfc9810::IT_CA_CERTS); 33]));
    assert_eq!(many.fail_info, Some(PkiFailureInfo::BAD_DATA_FORMAT));
    let malformed = InfoTypeAndValue::new(rfc9810::IT_ROOT_CA_CERT, Some(der::Any::from(der::asn1::Null)));
    let malformed = status(&answers(vec![malformed]));
    assert_eq!(malformed.fail_info, Some(PkiFailureInfo::BAD_DATA_FORMAT));
}

#[test]
fn a_template_is_of_the_profile_that_is_named() {
    let house = House::new();
    let (part, _) = Question::general(question(rfc9810::IT_CERT_REQ_TEMPLATE))
        .start(&house.station.identity, &house.provider, NOW)
        .unwrap();
    let message = part.sign(&house.station.key).unwrap();
    let ask = |profiles: &[&str]| {
        let message = forged(&message, &house.station, |header, _| {
            let names: Vec<String> = profiles.iter().map(|name| (*name).to_owned()).collect();
            let names = der::Any::from_der(&der::Encode::to_der(&names).unwrap()).unwrap();
            header.general_info = Some(vec![InfoTypeAndValue::new(rfc9810::IT_CERT_PROFILE, Some(names))]);
        });
        house.ca.handle(&message, NOW).octets
    };
    let value = |octets: &[u8]| match cmp::PkiMessage::from_der(octets).unwrap().body() {
        PkiBody::Genp(answers) => InfoValue::open(&answers[0]).unwrap(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(value(&ask(&["ne"])), Some(InfoValue::CertReqTemplate(_))));
    assert_eq!(value(&ask(&["ra"])), None);
    assert_eq!(status(&ask(&["ne", "ne"])).fail_info, Some(PkiFailureInfo::BAD_REQUEST));
}
