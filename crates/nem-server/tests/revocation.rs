//! CRLs that OpenSSL makes for a vendor's factory decide whom `nem serve` lets in.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;

use support::{House, enter, replace, serve};
use testkit::programs::{Factory, run};

const SUBJECT: &str = "/CN=enb1.operator.example";

/// A house whose NEM has the factory's CRL and the operator's, with a second station in it.
fn house(revocation: &str) -> House {
    let house = House::new();
    let House { nem, raca, factory, folder } = house;
    drop(nem);
    factory.crl("vendor.crl", 30);
    let operator = folder.path().join("operator");
    fs::create_dir(&operator).unwrap();
    let ra = folder.path().join("ra");
    Factory::of(&operator, &ra.join("ca.pem"), &ra.join("ca.key.pem")).crl("operator.crl", 30);
    let config = folder.path().join("nem/nem.toml");
    replace(&config, "crls = []", "crls = [\"../vendor.crl\", \"../operator/operator.crl\"]");
    replace(&config, "\"if-available\"", &format!("{revocation:?}"));
    factory.certify("enb2", 3650);
    enter(folder.path(), "enb2", "");
    let house = House { nem: serve(folder.path()), raca, factory, folder };
    house.request("one", SUBJECT);
    house.request("two", "/CN=enb2.operator.example");
    house
}

#[test]
fn a_revoked_station_is_refused_by_tls_from_the_next_crl_on() {
    let house = house("if-available");
    house.nem.wait_for_log(&["INFO", "CRL read", "CN=Factory CA,O=Vendor", "revoked=0"]);
    house.delivers("enb1", "one.p10");

    house.factory.revoke("enb1");
    house.factory.crl("vendor.crl", 30);
    house.nem.wait_for_log(&["INFO", "CRL read", "revoked=1"]);
    let (status, body) = house.upload("enb1", "one.p10");
    assert_eq!(status, 0, "{body}");
    house.nem.wait_for_log(&["WARN", "CN=enb1,O=Vendor", "Revoked"]);
    house.delivers("enb2", "two.p10");

    // A broken file changes nothing, whatever is wrong with it.
    let good = fs::read_to_string(house.path().join("vendor.crl")).unwrap();
    let certificate = fs::read(house.path().join("factory.pem")).unwrap();
    let half = good.get(..good.len() / 2).unwrap().as_bytes();
    for (broken, reason) in [
        (half, "it ends within a CRL"),
        (&certificate, "there is no X509 CRL in it"),
        (b"0 is what DER begins with", "not a CertificateList"),
    ] {
        fs::write(house.path().join("vendor.crl"), broken).unwrap();
        house.nem.wait_for_log(&["ERROR", "the CRLs stay as they were", "vendor.crl", reason]);
        assert_eq!(house.upload("enb1", "one.p10").0, 0);
    }
    house.delivers("enb2", "two.p10");
}

#[test]
fn where_a_crl_is_required_none_passes_without_one() {
    let house = house("required");
    house.delivers("enb1", "one.p10");

    house.factory.crl("vendor.crl", 0);
    house.nem.wait_for_log(&["WARN", "CRL is out of date"]);
    assert_eq!(house.upload("enb1", "one.p10").0, 0);
    house.nem.wait_for_log(&["WARN", "CN=enb1,O=Vendor", "certificate revocation list expired"]);

    // Another CA's says nothing about the factory's stations.
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Factory::named(elsewhere.path(), "/O=Vendor/CN=Other CA");
    other.crl("other.crl", 30);
    fs::copy(elsewhere.path().join("other.crl"), house.path().join("vendor.crl")).unwrap();
    house.nem.wait_for_log(&["CRL read", "CN=Other CA,O=Vendor"]);
    assert_eq!(house.upload("enb1", "one.p10").0, 0);
    house.nem.wait_for_log(&["WARN", "CN=enb1,O=Vendor", "UnknownRevocationStatus"]);

    // One that only has the name is not believed.
    let elsewhere = tempfile::tempdir().unwrap();
    let forger = Factory::new(elsewhere.path());
    forger.certify("nobody", 30);
    forger.revoke("nobody");
    forger.crl("forged.crl", 30);
    fs::copy(elsewhere.path().join("forged.crl"), house.path().join("vendor.crl")).unwrap();
    house.nem.wait_for_log(&["CRL read", "CN=Factory CA,O=Vendor", "revoked=1"]);
    assert_eq!(house.upload("enb1", "one.p10").0, 0);
    house.nem.wait_for_log(&["WARN", "CN=enb1,O=Vendor", "certificate revocation list: BadSignature"]);
    house.factory.crl("good.crl", 30);
    fs::rename(house.path().join("good.crl"), house.path().join("vendor.crl")).unwrap();
    support::eventually(|| house.upload("enb1", "one.p10").0 == 200);
}

#[test]
fn an_ra_ca_whose_certificate_is_revoked_is_not_believed() {
    let house = house("if-available");
    let operator = house.path().join("operator");
    let ra = house.path().join("ra");
    fs::copy(ra.join("cmp.pem"), operator.join("cmp.pem")).unwrap();
    let authority = Factory::of(&operator, &ra.join("ca.pem"), &ra.join("ca.key.pem"));
    authority.revoke("cmp");
    authority.crl("operator.crl", 30);
    house.nem.wait_for_log(&["CRL read", "CN=Operator CA", "revoked=1"]);
    assert_eq!(house.upload("enb1", "one.p10").0, 202);
    house.nem.wait_for_log(&["WARN", "answer is not believed", "a certificate of the path is revoked"]);

    // Taken back, it is believed at the next attempt, and the one request is answered.
    let authority = Factory::of(&operator, &ra.join("ca.pem"), &ra.join("ca.key.pem"));
    authority.crl("operator.crl", 30);
    support::eventually(|| house.upload("enb1", "one.p10").0 == 200);
    assert_eq!(house.raca.issued().len(), 1);
}

#[test]
fn a_configuration_whose_crls_cannot_be_used_is_refused() {
    let house = House::new();
    let config = house.path().join("nem/nem.toml");
    let refused = |reason: &str| {
        let ended = run(support::NEM, "serve --config nem/nem.toml --listen 127.0.0.1:0", house.path());
        let error = ended.failure(1);
        assert!(error.contains(reason), "{error}");
    };
    replace(&config, "\"if-available\"", "\"required\"");
    refused("trust.crls names no file");
    replace(&config, "crls = []", "crls = [\"../vendor.crl\"]");
    refused("vendor.crl");
    fs::copy(house.path().join("factory.pem"), house.path().join("vendor.crl")).unwrap();
    refused("there is no X509 CRL in it");
    replace(&config, "\"required\"", "\"sometimes\"");
    refused("sometimes");
    replace(&config, "\"sometimes\"", "\"if-available\"");
    house.factory.crl("vendor.crl", 30);
    drop(house.nem);
    serve(house.folder.path());
}
