//! OpenSSL's mock server as the RA/CA of `nem serve`: a station receives the certificate through the NEM.
//!
//! The mock server issues the one certificate it is given, whoever asks, so the station asks with the key of that one.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::path::Path;

use enb::{EnrolOptions, Identity};
use host::Names;
use support::{House, Plan};
use testkit::programs::{Server, free_port, run};

/// The operator's CA key signs the station's certificate beforehand; the mock server signs its messages with it.
fn mock(folder: &Path, port: u16, options: &str) -> Server {
    let words = format!(
        "cmp -port {port} -srv_cert ra/ca.pem -srv_key ra/ca.key.pem -srv_trusted ra/ca.pem -rsp_cert rsp.pem {options}"
    );
    Server::start_at("openssl", &words, folder, port)
}

fn certify(house: &House, subject: &str) {
    house.request("station", subject);
    run("openssl", "req -inform DER -in station.p10 -out station.csr", house.path()).success();
    let sign = "x509 -req -in station.csr -CA ra/ca.pem -CAkey ra/ca.key.pem -days 30 -set_serial 0x1234 -out rsp.pem -extfile factory.ext";
    run("openssl", sign, house.path()).success();
}

fn house(port: u16, settings: &[(&str, &str)]) -> House {
    let upstream = format!("http://127.0.0.1:{port}/pkix/");
    House::with(&Plan { upstream: Some(&upstream), settings, ..Plan::default() })
}

fn serial_number(house: &House) -> String {
    run("openssl", "x509 -in got.pem -noout -serial", house.path()).success()
}

#[test]
fn a_station_gets_its_certificate_and_the_nem_confirms_it() {
    let port = free_port();
    let house = house(port, &[]);
    certify(&house, "/CN=enb1.operator.example");
    let mock = mock(house.path(), port, "");
    house.delivers("enb1", "station.p10");
    assert_eq!(serial_number(&house).trim(), "serial=1234");
    house.nem.wait_for_log(&["enb1", "certificate confirmed"]);
    drop(mock);
    // The ledger has it; the RA/CA is not asked again.
    house.delivers("enb1", "station.p10");
}

#[test]
fn enb_receives_it() {
    let port = free_port();
    let house = house(port, &[]);
    certify(&house, "/CN=enb1.operator.example");
    let _mock = mock(house.path(), port, "");
    let station = house.path().join("station");
    fs::create_dir(&station).unwrap();
    fs::copy(house.path().join("station.p10.key"), station.join("key.pem")).unwrap();
    let identity = Identity::Vendor {
        certificate: house.path().join("enb1.pem"),
        key: house.path().join("enb1.key").into(),
        names: Names::new(host::parse_name("CN=enb1.operator.example").unwrap()),
    };
    let url = format!("https://{}", house.nem.address());
    let options = EnrolOptions::new(url, house.path().join("ra/ca.pem"), identity, &station);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let enrolled = runtime.block_on(enb::enrol(&options, &|_| {})).unwrap();
    assert!(enrolled.serial_number.ends_with("12:34"), "{}", enrolled.serial_number);
    run("openssl", "verify -CAfile ra/ca.pem station/cert.pem", house.path()).success();
}

#[test]
fn it_is_implicitly_confirmed_and_polled_for() {
    let port = free_port();
    let house = house(port, &[("implicit_confirm = false", "implicit_confirm = true")]);
    certify(&house, "/CN=enb1.operator.example");
    let _mock = mock(house.path(), port, "-grant_implicitconf -poll_count 1 -check_after 1");
    house.delivers("enb1", "station.p10");
    house.nem.wait_for_log(&["enb1", "the RA/CA is working on it"]);
    assert!(!house.nem.log().contains("certConf sent"));
}

#[test]
fn a_rejection_reaches_the_station_with_its_reason() {
    let port = free_port();
    let house = house(port, &[]);
    certify(&house, "/CN=enb1.operator.example");
    let _mock = mock(house.path(), port, "-pkistatus 2 -failurebits 512 -statusstring not-today");
    house.refuses("enb1", "station.p10", 403, "not-today");
    house.nem.wait_for_log(&["WARN", "enb1", "not-today"]);
}

#[test]
fn another_station_s_certificate_is_turned_down() {
    let port = free_port();
    let house = house(port, &[]);
    certify(&house, "/CN=enb2.operator.example");
    let _mock = mock(house.path(), port, "");
    // For another key.
    house.request("mine", "/CN=enb1.operator.example");
    let (status, body) = house.upload("enb1", "mine.p10");
    assert_eq!(status, 403, "{body}{}", house.nem.log());
    house.nem.wait_for_log(&["WARN", "enb1", "certificate turned down"]);
    // For the right key, but another name.
    let asked = "req -new -key station.p10.key -outform DER -out renamed.p10 -subj /CN=enb1.operator.example";
    run("openssl", asked, house.path()).success();
    house.refuses("enb1", "renamed.p10", 403, "enb2.operator.example");
}
