//! Other people's EST clients (RFC 7030) enrol at `nem serve`: curl and strongSwan.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;

use support::{House, Plan};
use testkit::programs::{run, run_words, words};

#[test]
fn curl_gets_the_ca_certificates_and_a_certificate() {
    let house = House::new();
    let url = format!("https://{}/.well-known/est/cacerts", house.nem.address());
    let body = run("curl", &format!("-sS --fail --cacert ra/ca.pem {url}"), house.path()).success();
    let anchor = run("openssl", "x509 -in ra/ca.pem", house.path()).success();
    assert_eq!(house.certificate(&body), anchor);

    // base64 as RFC 7030 has it, PEM and DER as people try it.
    for (name, form) in
        [("base64", "base64 -A"), ("pem", "req -inform DER"), ("der", "req -inform DER -outform DER")]
    {
        house.request(name, "/CN=enb1.operator.example");
        let convert = format!("{form} -in {name}.p10 -out {name}.upload");
        run("openssl", &convert, house.path()).success();
        house.delivers("enb1", &format!("{name}.upload"));
        let key = run("openssl", &format!("pkey -in {name}.p10.key -pubout"), house.path()).success();
        assert_eq!(run("openssl", "x509 -in got.pem -noout -pubkey", house.path()).success(), key);
    }
    assert_eq!(house.raca.issued().len(), 3);
}

#[test]
fn whoever_cannot_wait_is_told_when_to_come_back() {
    let plan =
        Plan { poll_delay: 1, settings: &[("hold_seconds = 5", "hold_seconds = 0")], ..Plan::default() };
    let house = House::with(&plan);
    house.request("good", "/CN=enb1.operator.example");
    let url = format!("https://{}/.well-known/est/simpleenroll", house.nem.address());
    let curl = "-sS --cacert ra/ca.pem --cert enb1.pem --key enb1.key -D headers --data-binary @good.p10 -H";
    let answered = run_words("curl", &words(curl, &["Content-Type: application/pkcs10", &url]), house.path());
    assert!(answered.success().contains("not decided yet"));
    let headers = fs::read_to_string(house.path().join("headers")).unwrap().to_lowercase();
    assert!(headers.starts_with("http/1.1 202"), "{headers}");
    assert!(headers.contains("retry-after: 5"), "{headers}");
    house.nem.wait_for_log(&["INFO", "enb1", "certificate confirmed"]);
    house.delivers("enb1", "good.p10");
    assert_eq!(house.raca.issued().len(), 1);
}

/// 200 at both operations says when to renew, each certificate its own moment in the window: a fleet is spread by that.
#[test]
fn whoever_gets_a_certificate_is_told_when_to_renew_it() {
    let house = House::new();
    let ask = |operation: &str, file: &str, certificate: &str, key: &str| -> u64 {
        house.request(file, "/CN=enb1.operator.example");
        let url = format!("https://{}/.well-known/est/{operation}", house.nem.address());
        let body = format!("@{file}.p10");
        let curl =
            format!("-sS --fail --cacert ra/ca.pem --cert {certificate} --key {key} -D headers -o body");
        let more = ["-H", "Content-Type: application/pkcs10", "--data-binary", &body, &url];
        run_words("curl", &words(&curl, &more), house.path()).success();
        house.certificate(&fs::read_to_string(house.path().join("body")).unwrap());
        let headers = fs::read_to_string(house.path().join("headers")).unwrap().to_lowercase();
        let hint = headers.lines().find_map(|line| line.strip_prefix("retry-after: "));
        hint.unwrap_or_else(|| panic!("{headers}")).trim().parse().unwrap()
    };
    let first = ask("simpleenroll", "first", "enb1.pem", "enb1.key");
    fs::rename(house.path().join("got.pem"), house.path().join("operator.pem")).unwrap();
    let second = ask("simplereenroll", "second", "operator.pem", "first.p10.key");
    let day = 24 * 3600;
    for hint in [first, second] {
        assert!((365 * day / 3 * 2 - day..365 * day / 6 * 5 + day).contains(&hint), "{hint}");
    }
    assert_ne!(first, second);
}

fn strongswan_enrols(house: &House) {
    run("openssl", "x509 -in enb1.pem -outform DER -out enb1.der", house.path()).success();
    run("openssl", "pkey -in enb1.key -outform DER -out enb1.key.der", house.path()).success();
    run("openssl", "x509 -in ra/ca.pem -outform DER -out ca.der", house.path()).success();
    run("openssl", "ecparam -name prime256v1 -genkey -noout -outform DER -out new.der", house.path())
        .success();
    let made = run_words(
        "sh",
        &[
            "-c",
            "pki --req --in new.der --type ecdsa --dn 'CN=enb1.operator.example' --san enb1.operator.example > new.csr",
        ],
        house.path(),
    );
    made.success();
    let pki = format!(
        "pki --est --url https://localhost:{} --in new.csr --cacert ca.der --cert enb1.der --key enb1.key.der --interval 1 > new.crt",
        house.nem.address().rsplit_once(':').unwrap().1
    );
    let ended = run_words("sh", &["-c", &pki], house.path());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stderr, house.nem.log());
    run("openssl", "x509 -inform DER -in new.crt -out new.pem", house.path()).success();
    run("openssl", "verify -CAfile ra/ca.pem new.pem", house.path()).success();
    let key = run("openssl", "pkey -inform DER -in new.der -pubout", house.path()).success();
    assert_eq!(run("openssl", "x509 -in new.pem -noout -pubkey", house.path()).success(), key);
    assert_eq!(house.raca.issued().len(), 1);
}

#[test]
fn strongswan_gets_a_certificate() {
    strongswan_enrols(&House::new());
}

#[test]
fn strongswan_polls_until_it_gets_one() {
    let settings =
        &[("hold_seconds = 5", "hold_seconds = 0"), ("retry_after_seconds = 5", "retry_after_seconds = 1")];
    let house = House::with(&Plan { poll_delay: 1, settings, ..Plan::default() });
    strongswan_enrols(&house);
}
