//! Uploads that are refused: nothing is stored and nothing is sent.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use asn1::oids::rfc5280;
use ca::Profile;
use crypto::{KeyError, SigningKey};
use crypto_aws_lc::SoftwareKey;
use der::asn1::{Any, BitString, Ia5String, ObjectIdentifier, OctetString, Uint};
use der::{Encode, Tag};
use nem::{Inventory, InventoryError, Refusal, Station, StationState, VendorCertificate};
use pkcs10::CertReqBuilder;
use support::{House, SUBJECT, YEAR, certify, csr, enb1, key, name, root};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

fn refused(house: &mut House, request: &[u8]) -> Refusal {
    let before = house.ledger.records().len();
    let refusal = house.upload(request).unwrap_err();
    assert!(house.sends().is_empty());
    assert_eq!(house.ledger.records().len(), before);
    refusal
}

fn host(name: &str) -> GeneralName {
    GeneralName::DnsName(Ia5String::new(name).unwrap())
}

fn alternative_names(names: Vec<GeneralName>) -> Vec<Extension> {
    let extn_value = OctetString::new(SubjectAltName(names).to_der().unwrap()).unwrap();
    vec![Extension { extn_id: rfc5280::SUBJECT_ALT_NAME, critical: false, extn_value }]
}

#[test]
fn stations_that_may_not() {
    let mut house = House::new();
    let request = csr(SUBJECT, &key(), Vec::new());

    house.station.clear();
    assert!(matches!(refused(&mut house, &request), Refusal::MalformedCertificate));
    house.station = vec![certify(&root("CN=Elsewhere"), &Profile::NE, "CN=SN-1,O=Vendor", &key())];
    assert!(matches!(refused(&mut house, &request), Refusal::UntrustedCertificate(_)));
    house.station = vec![certify(&house.vendor, &Profile::NE, "CN=SN-2,O=Vendor", &key())];
    let refusal = refused(&mut house, &request);
    assert!(matches!(&refusal, Refusal::UnknownStation { subject } if subject == "CN=SN-2,O=Vendor"));

    house.station = vec![certify(&house.vendor, &Profile::NE, "CN=SN-1,O=Vendor", &key())];
    let mut blocked = enb1();
    blocked.state = StationState::Blocked;
    house.nem.set_inventory(Inventory::new(vec![blocked]).unwrap(), house.now).unwrap();
    assert!(matches!(refused(&mut house, &request), Refusal::Blocked { .. }));
    house.nem.set_inventory(Inventory::new(vec![enb1()]).unwrap(), house.now).unwrap();
    house.now = house.now.saturating_add(YEAR * 2);
    assert!(matches!(refused(&mut house, &request), Refusal::UntrustedCertificate(_)));
}

#[test]
fn requests_that_are_none() {
    let mut house = House::new();
    let good = csr(SUBJECT, &key(), Vec::new());
    for length in 0..good.len() {
        assert!(matches!(refused(&mut house, &good[..length]), Refusal::Request { .. }), "{length}");
    }
    for position in 0..good.len() {
        let mut bad = good.clone();
        bad[position] ^= 1;
        refused(&mut house, &bad);
    }
    let trailing = [good.as_slice(), &[0]].concat();
    let endless = [0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30];
    for bad in [b"-----BEGIN CERTIFICATE REQUEST-----".as_slice(), &trailing, &endless, &[0x30; 100_000]] {
        assert!(matches!(refused(&mut house, bad), Refusal::Request { .. }));
    }
    house.upload(&good).unwrap();
}

#[test]
fn requests_that_prove_nothing() {
    let mut house = House::new();
    let (mine, other) = (key(), key());
    let builder = CertReqBuilder::new(name(SUBJECT), mine.public_key());
    let signed = |octets: &[u8], key: &SoftwareKey| {
        builder.with_signature(key.algorithm(), &key.sign(octets).unwrap()).unwrap()
    };
    let octets = builder.to_be_signed().unwrap();
    let reason = |refusal: Refusal| match refusal {
        Refusal::Request { reason, .. } => reason,
        other => panic!("{other}"),
    };
    // By another key, over other octets, over nothing.
    for request in [signed(&octets, &other), signed(&octets[1..], &mine), signed(b"", &mine)] {
        let reason = reason(refused(&mut house, &request));
        assert!(matches!(reason, pkcs10::Error::ProofOfPossession(_)), "{reason}");
    }
    let reason = reason(refused(&mut house, &weak_request()));
    assert!(matches!(reason, pkcs10::Error::PublicKey(KeyError::RsaModulus { bits: 1024 })), "{reason}");
    house.upload(&signed(&octets, &mine)).unwrap();
}

/// With an RSA key of 1024 bits: it is refused before its signature is looked at.
fn weak_request() -> Vec<u8> {
    let sequence = |parts: &[&[u8]]| Any::new(Tag::Sequence, parts.concat()).unwrap().to_der().unwrap();
    let modulus = Uint::new(&[0xff; 128]).unwrap().to_der().unwrap();
    let key = sequence(&[&modulus, &Uint::new(&[1, 0, 1]).unwrap().to_der().unwrap()]);
    let rsa_encryption = ObjectIdentifier::new("1.2.840.113549.1.1.1").unwrap().to_der().unwrap();
    let algorithm = sequence(&[&rsa_encryption, &Any::null().to_der().unwrap()]);
    let bits = |octets: &[u8]| BitString::from_bytes(octets).unwrap().to_der().unwrap();
    let spki = sequence(&[&algorithm, &bits(&key)]);
    let info = sequence(&[&[2, 1, 0], &name(SUBJECT).to_der().unwrap(), &spki, &[0xa0, 0]]);
    sequence(&[&info, &algorithm, &bits(&[0; 128])])
}

#[test]
fn names_and_keys_of_others() {
    let mut house = House::new();
    let mut station = enb1();
    station.alternative_names = vec![host("enb1.operator.example")];
    let second = VendorCertificate::new(Some(name("CN=SN-2,O=Vendor")), None);
    let second = Station::new("enb2".into(), second, name("CN=enb2.operator.example"));
    house.nem.set_inventory(Inventory::new(vec![station, second]).unwrap(), house.now).unwrap();

    let refusal = refused(&mut house, &csr("CN=enb2.operator.example", &key(), Vec::new()));
    assert!(matches!(refusal, Refusal::Name { .. }));
    for names in [
        vec![host("enb2.operator.example")],
        vec![host("enb1.operator.example"), host("*.operator.example")],
        vec![GeneralName::Rfc822Name(Ia5String::new("a@operator.example").unwrap())],
    ] {
        let refusal = refused(&mut house, &csr(SUBJECT, &key(), alternative_names(names)));
        assert!(matches!(refusal, Refusal::AlternativeName { .. }));
    }

    let key = key();
    let names = alternative_names(vec![host("ENB1.operator.example")]);
    house.upload(&csr("CN=ENB1.Operator.Example", &key, names)).unwrap();
    house.sends();
    house.station = vec![certify(&house.vendor, &Profile::NE, "CN=SN-2,O=Vendor", &support::key())];
    let refusal = refused(&mut house, &csr("CN=enb2.operator.example", &key, Vec::new()));
    assert!(matches!(refusal, Refusal::DuplicateKey { station } if station == "enb2"));
}

#[test]
fn more_requests_than_a_station_needs() {
    let mut house = House::new();
    for _ in 0..4 {
        house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
        house.sends();
    }
    let refusal = refused(&mut house, &csr(SUBJECT, &key(), Vec::new()));
    assert!(matches!(refusal, Refusal::Busy { .. }));
    // After a restart they still count, and no longer when they are decided.
    house.crash();
    let refusal = refused(&mut house, &csr(SUBJECT, &key(), Vec::new()));
    assert!(matches!(refusal, Refusal::Busy { .. }));
    house.run();
    assert_eq!(house.issued().len(), 4);
    house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
}

#[test]
fn a_station_that_is_blocked_while_its_request_is_queued() {
    let mut house = House::new();
    // More than are at the RA/CA at a time, so that the last ones are still queued.
    let stations = (0..40).map(|number| {
        let vendor = VendorCertificate::new(Some(name(&format!("CN=SN-{number},O=Vendor"))), None);
        Station::new(format!("enb{number}"), vendor, name(&format!("CN=enb{number}")))
    });
    let mut stations: Vec<Station> = stations.collect();
    house.nem.set_inventory(Inventory::new(stations.clone()).unwrap(), house.now).unwrap();
    for number in 0..40 {
        let subject = format!("CN=SN-{number},O=Vendor");
        house.station = vec![certify(&house.vendor, &Profile::NE, &subject, &key())];
        house.upload(&csr(&format!("CN=enb{number}"), &key(), Vec::new())).unwrap();
    }
    stations[39].state = StationState::Blocked;
    house.nem.set_inventory(Inventory::new(stations).unwrap(), house.now).unwrap();
    house.run();
    assert_eq!(house.issued().len(), 39);
    assert!(house.logged("blocked"));
}

#[test]
fn a_renewal_is_the_operator_certificate_s_owner_s() {
    let mut house = House::new();
    // The operator's certificate of enb1 speaks for enb1, however its vendor's is called.
    house.station = vec![certify(&house.operator, &Profile::NE, SUBJECT, &key())];
    house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
    house.sends();
    // A vendor that certifies that name does not.
    house.station = vec![certify(&house.vendor, &Profile::NE, SUBJECT, &key())];
    let refusal = refused(&mut house, &csr(SUBJECT, &key(), Vec::new()));
    assert!(matches!(refusal, Refusal::UnknownStation { .. }));
    // Nor does the operator's CA speak for vendors' serial numbers.
    house.station = vec![certify(&house.operator, &Profile::NE, "CN=SN-1,O=Vendor", &key())];
    let refusal = refused(&mut house, &csr(SUBJECT, &key(), Vec::new()));
    assert!(matches!(refusal, Refusal::UnknownStation { .. }));
}

#[test]
fn inventories_that_cannot_tell_stations_apart() {
    let station = |station: &str, subject: &str| {
        let vendor = VendorCertificate::new(Some(name("CN=SN-1")), None);
        Station::new(station.into(), vendor, name(subject))
    };
    for (stations, expected) in [
        (vec![station("a", "CN=a"), station("a", "CN=b")], InventoryError::DuplicateName("a".into())),
        (
            vec![station("a", "CN=x"), station("b", "CN=X")],
            InventoryError::DuplicateSubject("a".into(), "b".into()),
        ),
        (
            vec![Station::new("a".into(), VendorCertificate::default(), name("CN=a"))],
            InventoryError::NoVendorCertificate("a".into()),
        ),
    ] {
        assert_eq!(Inventory::new(stations).unwrap_err(), expected);
    }
}
