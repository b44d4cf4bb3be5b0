//! `enb` enrols, and renews with the operator's certificate: every kind of key on the station's side.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use crypto_aws_lc::KeyType;
use enb::{EnrolOptions, Enrolled, Identity};
use host::{KeySignature, Names};
use support::{House, Plan, enter};
use testkit::programs::run;

fn enrol(house: &House, name: &str, identity: Identity, alg: KeyType) -> Enrolled {
    enrol_with(house, name, identity, (alg, None))
}

fn enrol_with(
    house: &House,
    name: &str,
    identity: Identity,
    (alg, signature): (KeyType, Option<KeySignature>),
) -> Enrolled {
    let url = format!("https://{}", house.nem.address());
    let station = house.path().join(format!("station-{name}"));
    let mut options = EnrolOptions::new(url, house.path().join("ra/ca.pem"), identity, station);
    options.key_type = alg;
    options.signature = signature;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let enrolled = runtime.block_on(enb::enrol(&options, &|_| {})).unwrap();
    // OpenSSL knows ML-DSA only since 3.5.
    if ![KeyType::MlDsa44, KeyType::MlDsa65, KeyType::MlDsa87].contains(&alg) {
        run("openssl", &format!("verify -CAfile ra/ca.pem station-{name}/cert.pem"), house.path()).success();
    }
    enrolled
}

#[test]
fn every_kind_of_key_enrols_and_renews() {
    let house = House::new();
    let kinds = [
        KeyType::P256,
        KeyType::P384,
        KeyType::P521,
        KeyType::Rsa2048,
        KeyType::Rsa3072,
        KeyType::Ed25519,
        KeyType::MlDsa65,
    ];
    for alg in kinds {
        let name = format!("enb-{alg}");
        house.factory.certify(&name, 3650);
        enter(house.path(), &name, "");
    }
    house.nem.wait_for_log(&["inventory read again", "stations=8"]);
    for (number, alg) in kinds.into_iter().enumerate() {
        let name = format!("enb-{alg}");
        let first = enrol(&house, &name, vendor(&house, &name), alg);
        let second = enrol(&house, &name, Identity::Operator, alg);
        assert_eq!(second.subject, first.subject);
        assert_ne!(second.serial_number, first.serial_number, "{alg}");
        assert_eq!(house.raca.issued().len(), 2 * (number + 1), "{alg}");
    }
}

/// But for the vendor's certificate: TLS, CMP, certificates and requests, with the longest signatures there are.
#[test]
fn everything_is_signed_with_ml_dsa() {
    let algs = Some((KeyType::MlDsa87, KeyType::MlDsa87));
    let house = House::with(&Plan { algs, ..Plan::default() });
    let first = enrol(&house, "enb1", vendor(&house, "enb1"), KeyType::MlDsa87);
    let second = enrol(&house, "enb1", Identity::Operator, KeyType::MlDsa87);
    assert_ne!(second.serial_number, first.serial_number);
    let statuses: Vec<_> = house.raca.issued().into_iter().map(|entry| entry.status).collect();
    assert_eq!(statuses, ["valid", "valid"], "both were confirmed");
}

/// Each signs as it can: the vendor with RSA, the operator's CA with P-384, the NEM with P-521, the station with ML-DSA-44.
#[test]
fn every_link_of_the_chain_has_another_kind_of_key() {
    let algs = Some((KeyType::P384, KeyType::P521));
    let house = House::with(&Plan { algs, factory: Some("rsa:3072"), ..Plan::default() });
    let first = enrol(&house, "enb1", vendor(&house, "enb1"), KeyType::MlDsa44);
    let second = enrol(&house, "enb1", Identity::Operator, KeyType::MlDsa44);
    assert_ne!(second.serial_number, first.serial_number);
    assert_eq!(house.raca.issued().len(), 2);
}

/// Certificates, requests and CMP messages.
#[test]
fn everything_is_signed_with_rsassa_pss() {
    let signature: Option<KeySignature> = Some("pss-sha384".parse().unwrap());
    let algs = Some((KeyType::Rsa3072, KeyType::Rsa3072));
    let house = House::with(&Plan { algs, signature, ..Plan::default() });
    let kind = (KeyType::Rsa2048, signature);
    let first = enrol_with(&house, "enb1", vendor(&house, "enb1"), kind);
    let second = enrol_with(&house, "enb1", Identity::Operator, kind);
    assert_ne!(second.serial_number, first.serial_number);
    for file in ["ra/ca.pem", "nem/cmp.pem", "station-enb1/cert.pem"] {
        let text = run("openssl", &format!("x509 -in {file} -noout -text"), house.path()).success();
        assert!(text.contains("Signature Algorithm: rsassaPss"), "{file}: {text}");
    }
    let csr = run("openssl", "req -in nem/cmp.csr.pem -noout -verify -text", house.path()).success();
    assert!(csr.contains("Hash Algorithm: sha384"), "{csr}");
    assert_eq!(house.raca.issued().len(), 2);
}

fn vendor(house: &House, name: &str) -> Identity {
    let mut names = Names::new(host::parse_name(&format!("CN={name}.operator.example")).unwrap());
    names.dns.push(format!("{name}.operator.example"));
    Identity::Vendor {
        certificate: house.path().join(format!("{name}.pem")),
        key: house.path().join(format!("{name}.key")).into(),
        names,
    }
}
