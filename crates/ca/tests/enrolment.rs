//! Every way to a certificate, and what the certificate is.
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

use asn1::oids::{rfc4945, rfc5280};
use ca::Profile;
use ca::registry::CertificateStatus;
use cmp::end_entity::{Answer, Enrolment};
use cmp::{PkiBody, PkiMessage, Pvno};
use crypto::{CertificatePath, DigestAlgorithm, ExtendedKeyUsage as Purpose, SignatureAlgorithm, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use der::asn1::{Ia5String, OctetString};
use der::{Decode, Encode};
use support::{House, NOW, YEAR, csr, granted, key, name};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};

fn alternative_name(host: &str) -> Extension {
    let names = SubjectAltName(vec![GeneralName::DnsName(Ia5String::new(host).unwrap())]);
    let extn_value = OctetString::new(names.to_der().unwrap()).unwrap();
    Extension { extn_id: rfc5280::SUBJECT_ALT_NAME, critical: false, extn_value }
}

#[test]
fn a_station_enrols_with_its_vendor_certificate() {
    let house = House::new();
    let own = house.station.name();
    type Request = fn(&support::Requester, &crypto_aws_lc::SoftwareKey) -> Enrolment;
    let requests: [Request; 3] = [
        |station, key| support::ir(support::crmf(&station.name(), key)),
        |station, key| support::cr(support::crmf_without_subject(station, key)),
        |station, key| support::p10cr(csr(&station.name().to_string(), key, Vec::new())),
    ];
    for (number, request) in requests.iter().enumerate() {
        let key = key();
        let (_, answer) = house.enrol(&house.station, request(&house.station, &key));
        let granted = granted(answer);
        let certificate = granted.check().unwrap();
        assert_eq!(certificate.tbs_certificate().subject(), &own);
        let serial = certificate.tbs_certificate().serial_number().clone();
        assert_eq!(house.registry.status(&serial), CertificateStatus::Unconfirmed);
        house.confirm(&house.station, granted, NOW);
        assert_eq!(house.registry.status(&serial), CertificateStatus::Valid);
        assert_eq!(house.registry.count(), number + 1);
    }
}

#[test]
fn every_kind_of_key_certifies_and_is_certified() {
    for key_type in [KeyType::P521, KeyType::Ed25519, KeyType::MlDsa44, KeyType::MlDsa65, KeyType::MlDsa87] {
        let generate = || SoftwareKey::generate(key_type).unwrap();
        let house = House::with_root_key(generate());
        let (station, key) =
            (support::Requester::with_key(&house.vendor, "CN=enb-0002,O=Vendor", generate()), generate());
        for request in [
            support::ir(support::crmf(&station.name(), &key)),
            support::p10cr(csr(&station.name().to_string(), &key, Vec::new())),
        ] {
            let (_, answer) = house.enrol(&station, request);
            let granted = granted(answer);
            let certificate = granted.check().unwrap();
            let (_, KeyUsage(usage)) =
                certificate.tbs_certificate().get_extension::<KeyUsage>().unwrap().unwrap();
            assert!(usage == KeyUsages::DigitalSignature, "{key_type}");
            let serial = certificate.tbs_certificate().serial_number().clone();
            let (cert_conf, reply) = house.confirm(&station, granted, NOW);
            assert_eq!(house.registry.status(&serial), CertificateStatus::Valid, "{key_type}");

            // ML-DSA names no digest: certConf must, and that is syntax of version 3 (RFC 9810 section 5.3.18).
            let names_digest = !matches!(key_type, KeyType::P521 | KeyType::Ed25519);
            let version = if names_digest { Pvno::CMP2021 } else { Pvno::CMP2000 };
            let cert_conf = PkiMessage::from_der(&cert_conf).unwrap();
            let PkiBody::CertConf(content) = cert_conf.body() else { panic!("{:?}", cert_conf.body()) };
            let sha512 = DigestAlgorithm::Sha512.identifier();
            assert_eq!(content[0].hash_alg, names_digest.then_some(sha512), "{key_type}");
            assert_eq!(content[0].cert_hash.as_bytes().len(), 64, "{key_type}");
            assert_eq!(cert_conf.header().pvno, version);
            assert_eq!(PkiMessage::from_der(&reply.octets).unwrap().header().pvno, version, "it is mirrored");
        }
    }
}

/// The vendor signs with RSASSA-PSS, its station with PKCS #1 v1.5, the operator's CA with P-384, the NEM with Ed25519; the new
/// keys are of ML-DSA-44.
#[test]
fn chains_may_be_mixed() {
    let generate = |key_type| SoftwareKey::generate(key_type).unwrap();
    let mut house = House::with_root_key(generate(KeyType::P384));
    let pss = generate(KeyType::Rsa3072).with_algorithm(SignatureAlgorithm::RsassaPssSha384).unwrap();
    house.vendor = support::root_with("CN=RSA Factory,O=Vendor", pss);
    house.ca.trust[2].anchors = vec![house.vendor.certificate().clone()];
    let station =
        support::Requester::with_key(&house.vendor, "CN=enb-3,O=Vendor", generate(KeyType::Rsa2048));
    let nem = house.credential(&Profile::RA, "CN=nem-2,O=Operator", generate(KeyType::Ed25519));

    let key = generate(KeyType::MlDsa44);
    for (sender, request) in [
        (&station, support::ir(support::crmf(&station.name(), &key))),
        (&station, support::p10cr(csr("CN=enb-3,O=Vendor", &key, Vec::new()))),
        (&nem, support::p10cr(csr("CN=enb3.operator.example", &key, Vec::new()))),
    ] {
        let (_, answer) = house.enrol(sender, request);
        let granted = granted(answer);
        let serial = granted.check().unwrap().tbs_certificate().serial_number().clone();
        house.confirm(sender, granted, NOW);
        assert_eq!(house.registry.status(&serial), CertificateStatus::Valid);
    }
}

#[test]
fn implicit_confirmation_saves_a_message_where_the_policy_grants_it() {
    let mut house = House::new();
    for grants in [true, false] {
        house.ca.policy.implicit_confirm = grants;
        let key = key();
        let mut enrolment = support::ir(support::crmf(&house.station.name(), &key));
        enrolment.implicit_confirm = true;
        let (_, answer) = house.enrol(&house.station, enrolment);
        let granted = granted(answer);
        assert_eq!(granted.implicitly_confirmed(), grants);
        let serial = granted.check().unwrap().tbs_certificate().serial_number().clone();
        let expected = if grants { CertificateStatus::Valid } else { CertificateStatus::Unconfirmed };
        assert_eq!(house.registry.status(&serial), expected);
    }
}

#[test]
fn a_nem_speaks_for_any_station_and_a_vendor_certificate_for_its_own() {
    let house = House::new();
    let key = key();
    let request = csr("CN=enb17.operator.example", &key, vec![alternative_name("enb17.operator.example")]);
    let (_, answer) = house.enrol(&house.nem, support::p10cr(request));
    let certificate = granted(answer).check().unwrap();
    assert_eq!(certificate.tbs_certificate().subject(), &name("CN=enb17.operator.example"));
    let record = house.registry.only_certificate();
    assert_eq!(record.requester, Some(house.nem.name()));
}

#[test]
fn whoever_has_to_wait_polls() {
    let mut house = House::new();
    house.ca.policy.issuing_delay = Duration::from_secs(100);
    let key = key();
    let (_, answer) = house.enrol(&house.station, support::ir(support::crmf(&house.station.name(), &key)));
    let Answer::Waiting(mut waiting) = answer else { panic!("{answer:?}") };
    let (identity, station_key) = (&house.station.identity, &house.station.key);
    for (seconds, done) in [(50, false), (99, false), (100, true)] {
        let now = NOW.saturating_add(Duration::from_secs(seconds));
        let (part, awaiting) = waiting.poll(identity, &house.provider, now).unwrap();
        let reply = house.ca.handle(&part.sign(station_key).unwrap(), now);
        waiting = match house.answer(awaiting, &reply, now) {
            Answer::Waiting(waiting) if !done => waiting,
            Answer::Granted(granted) if done => {
                granted.check().unwrap();
                house.confirm(&house.station, granted, now);
                break;
            }
            other => panic!("after {seconds} s: {other:?}"),
        };
        let rest = waiting.check_after().unwrap();
        assert_eq!(rest, Duration::from_secs(100 - seconds));
    }
    assert_eq!(house.registry.only_certificate().status, CertificateStatus::Valid);
}

#[test]
fn the_certificate_is_fit_for_ikev2_and_tls() {
    let house = House::new();
    let key = key();
    let request = csr("CN=enb17", &key, vec![alternative_name("enb17.operator.example")]);
    let (_, answer) = house.enrol(&house.nem, support::p10cr(request));
    let granted = granted(answer);
    let certificate = granted.check().unwrap();
    let tbs = certificate.tbs_certificate();
    assert_eq!(tbs.subject_public_key_info().to_der().unwrap(), key.public_key().spki_octets());

    let serial = tbs.serial_number().as_bytes();
    assert!((8..=20).contains(&serial.len()) && serial[0] & 0x80 == 0, "{serial:02x?}");
    let (critical, usage) = tbs.get_extension::<KeyUsage>().unwrap().unwrap();
    assert!(critical && usage.digital_signature() && !usage.key_cert_sign());
    let (_, purposes) = tbs.get_extension::<ExtendedKeyUsage>().unwrap().unwrap();
    for purpose in [rfc5280::KP_SERVER_AUTH, rfc5280::KP_CLIENT_AUTH, rfc4945::KP_IPSEC_IKE] {
        assert!(purposes.0.contains(&purpose), "{purpose}");
    }
    let (_, names) = tbs.get_extension::<SubjectAltName>().unwrap().unwrap();
    assert_eq!(names.0.len(), 1);
    assert!(tbs.get_extension::<SubjectKeyIdentifier>().unwrap().is_some());
    let constraints = tbs.get_extension::<BasicConstraints>().unwrap();
    assert!(constraints.is_none_or(|(_, constraints)| !constraints.ca));

    let root = Certificate::from_der(house.root.octets()).unwrap();
    let (_, root_key) = root.tbs_certificate().get_extension::<SubjectKeyIdentifier>().unwrap().unwrap();
    let (_, authority) = tbs.get_extension::<AuthorityKeyIdentifier>().unwrap().unwrap();
    assert_eq!(authority.key_identifier, Some(root_key.0));

    let path = CertificatePath {
        end_entity: granted.certificate(),
        intermediates: &[],
        anchors: std::slice::from_ref(&house.root),
        extended_key_usage: Purpose::Required(rfc4945::KP_IPSEC_IKE),
        revocation: None,
        now: NOW,
    };
    house.provider.validate_path(&path).unwrap();
}

#[test]
fn no_certificate_outlives_the_ca() {
    let mut house = House::new();
    house.ca.policy.profiles[0].validity = YEAR * 50;
    let key = key();
    let (_, answer) = house.enrol(&house.station, support::ir(support::crmf(&house.station.name(), &key)));
    let certificate = granted(answer).check().unwrap();
    let root = Certificate::from_der(house.root.octets()).unwrap();
    let ends =
        |certificate: &Certificate| certificate.tbs_certificate().validity().not_after.to_unix_duration();
    assert_eq!(ends(&certificate), ends(&root));
}

#[test]
fn serial_numbers_do_not_repeat() {
    let house = House::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let key = key();
        let (_, answer) =
            house.enrol(&house.station, support::ir(support::crmf(&house.station.name(), &key)));
        let certificate = granted(answer).check().unwrap();
        assert!(seen.insert(certificate.tbs_certificate().serial_number().as_bytes().to_vec()));
    }
}
