//! OpenSSL's CMP client enrols at `raca serve`, as a station with a vendor certificate.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use testkit::programs::{Ended, Factory, Server, run, run_words, words};

const RACA: &str = env!("CARGO_BIN_EXE_raca");

struct House {
    server: Server,
    folder: TempDir,
    factory: Factory,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let factory = Factory::new(folder.path());
        factory.certify("enb1", 3650);
        run(RACA, "init --dir ra --vendor-ca factory.pem", folder.path()).success();
        share_secret(folder.path());
        let server = Server::start(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", folder.path());
        run("openssl", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out new.key", folder.path())
            .success();
        Self { server, folder, factory }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn cmp(&self, options: &str) -> Ended {
        let common = format!(
            "cmp -server {} -recipient /CN=Operator -trusted ra/ca.pem -unprotected_errors {options}",
            self.server.url()
        );
        run("openssl", &common, self.path())
    }

    fn serial_numbers(&self) -> Vec<String> {
        let list = run(RACA, "list --json --config ra/raca.toml", self.path()).success();
        let list: Vec<Value> = serde_json::from_str(&list).unwrap();
        let ne = list.iter().filter(|entry| entry.get("profile").unwrap() == "ne");
        ne.map(|entry| {
            assert_eq!(entry.get("status").unwrap(), "valid", "{entry}");
            entry.get("serial_number").unwrap().as_str().unwrap().replace(':', "")
        })
        .collect()
    }
}

const SECRET: &str = "correct-horse-battery-staple";

/// With the station that calls itself 4711.
fn share_secret(folder: &Path) {
    let path = folder.join("ra/4711.secret");
    fs::write(&path, format!("{SECRET}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let mut config = OpenOptions::new().append(true).open(folder.join("ra/raca.toml")).unwrap();
    let entry = "reference = \"4711\"\nsecret_file = \"4711.secret\"\nsubject = \"O=Operator,CN=enb17\"";
    writeln!(config, "\n[[trust.shared_secrets]]\n{entry}").unwrap();
}

const VENDOR: &str = "-cert enb1.pem -key enb1.key";

#[test]
fn every_request_and_both_ways_to_confirm() {
    let house = House::new();
    run("openssl", "req -new -key new.key -subj /O=Vendor/CN=enb1 -out new.csr", house.path()).success();
    let template = "-newkey new.key -subject /O=Vendor/CN=enb1";
    for (number, request) in
        [format!("-cmd ir {template}"), format!("-cmd cr {template}"), "-cmd p10cr -csr new.csr".to_owned()]
            .iter()
            .flat_map(|request| [request.clone(), format!("{request} -implicit_confirm")])
            .enumerate()
    {
        let ended = house.cmp(&format!("{request} {VENDOR} -certout got.pem -chainout chain.pem"));
        assert_eq!(ended.code, Some(0), "{request}: {}{}", ended.stdout, ended.stderr);
        run("openssl", "verify -CAfile ra/ca.pem -purpose sslserver got.pem", house.path()).success();
        let serial = run("openssl", "x509 -in got.pem -noout -serial", house.path()).success();
        let serial_numbers = house.serial_numbers();
        assert_eq!(serial_numbers.len(), number + 1, "{request}");
        assert_eq!(serial.trim(), format!("serial={}", serial_numbers.last().unwrap()));
        let public_key = run("openssl", "x509 -in got.pem -noout -pubkey", house.path()).success();
        assert_eq!(public_key, run("openssl", "pkey -in new.key -pubout", house.path()).success());
    }
    house.server.wait_for_log(&["confirmed", "certConf", "CN=enb1"]);
}

#[test]
fn a_certificate_is_updated_with_a_new_key() {
    let house = House::new();
    let first = format!("-cmd ir -newkey new.key -subject /O=Vendor/CN=enb1 {VENDOR} -certout first.pem");
    assert_eq!(house.cmp(&first).code, Some(0));
    run("openssl", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out next.key", house.path())
        .success();
    // Without -oldcert, OpenSSL names the certificate that it signs with.
    for (number, options) in ["", "-oldcert first.pem", "-implicit_confirm"].into_iter().enumerate() {
        let update =
            format!("-cmd kur -cert first.pem -key new.key -newkey next.key {options} -certout got.pem");
        let ended = house.cmp(&update);
        assert_eq!(ended.code, Some(0), "{options}: {}{}", ended.stdout, ended.stderr);
        run("openssl", "verify -CAfile ra/ca.pem got.pem", house.path()).success();
        let public_key = run("openssl", "x509 -in got.pem -noout -pubkey", house.path()).success();
        assert_eq!(public_key, run("openssl", "pkey -in next.key -pubout", house.path()).success());
        assert_eq!(house.serial_numbers().len(), number + 2);
    }
    let same_key = house.cmp("-cmd kur -cert first.pem -key new.key -newkey new.key -certout got.pem");
    assert_ne!(same_key.code, Some(0));
    house.server.wait_for_log(&["badCertTemplate", "needs a new key"]);
}

#[test]
fn a_certificate_is_revoked_by_whoever_has_it() {
    let house = House::new();
    let ir = |out: &str| {
        let request = "-cmd ir -newkey new.key -subject /O=Vendor/CN=enb1";
        assert_eq!(house.cmp(&format!("{request} {VENDOR} -certout {out}")).code, Some(0));
    };
    ir("first.pem");
    ir("second.pem");
    let revoke = |sender: &str, revoked: &str| {
        house.cmp(&format!("-cmd rr -cert {sender} -key new.key -oldcert {revoked} -revreason 1"))
    };
    assert_ne!(revoke("first.pem", "second.pem").code, Some(0));
    house.server.wait_for_log(&["notAuthorized"]);
    let ended = revoke("first.pem", "first.pem");
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    house.server.wait_for_log(&["revoked", "keyCompromise", "rr"]);
    assert_ne!(revoke("first.pem", "first.pem").code, Some(0));
    house.server.wait_for_log(&["certRevoked"]);
    let list = run(RACA, "list --json --config ra/raca.toml", house.path()).success();
    assert_eq!(list.matches("\"revoked\"").count(), 1, "{list}");
    // Which keys it certifies it tells whoever may speak to it.
    let ended = house.cmp("-cmd genm -cert second.pem -key new.key -infotype signKeyPairTypes");
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_station_without_a_certificate_enrols_with_a_shared_secret() {
    let house = House::new();
    run("openssl", "req -new -key new.key -subj /CN=enb17/O=Operator -out new.csr", house.path()).success();
    let template = "-newkey new.key -subject /CN=enb17/O=Operator";
    let cmp = |options: &str| {
        // Nothing but the secret is trusted, and no error without it is.
        let server = house.server.url();
        let common =
            format!("cmp -server {server} -recipient /CN=Operator -ref 4711 -rspout 1.der,2.der {options}");
        run("openssl", &common, house.path())
    };
    let mac = format!("-secret pass:{SECRET} -mac hmacWithSHA256");
    for (number, request) in
        [format!("-cmd ir {template}"), format!("-cmd cr {template}"), "-cmd p10cr -csr new.csr".to_owned()]
            .iter()
            .flat_map(|request| [request.clone(), format!("{request} -implicit_confirm")])
            .enumerate()
    {
        let ended = cmp(&format!("{request} {mac} -certout got.pem"));
        assert_eq!(ended.code, Some(0), "{request}: {}{}", ended.stdout, ended.stderr);
        run("openssl", "verify -CAfile ra/ca.pem got.pem", house.path()).success();
        assert_eq!(house.serial_numbers().len(), number + 1, "{request}");
        let answer = run("openssl", "asn1parse -inform DER -in 1.der", house.path()).success();
        assert!(answer.contains("password based MAC") && answer.contains("4711"), "{answer}");
        fs::remove_file(house.path().join("got.pem")).unwrap();
    }
    house.server.wait_for_log(&["confirmed", "certConf", "reference 4711"]);

    let other_name = "-newkey new.key -subject /CN=enb18/O=Operator";
    for (options, reason, told) in [
        (format!("-cmd ir {other_name} {mac}"), "notAuthorized", "notAuthorized"),
        (
            format!("-cmd ir {template} -secret pass:some-other-secret -mac hmacWithSHA256"),
            "badMessageCheck",
            "",
        ),
        (format!("-cmd ir {template} {mac} -ref 4712"), "badMessageCheck", ""),
        // OpenSSL's default.
        (format!("-cmd ir {template} -secret pass:{SECRET} -mac hmac-sha1"), "badAlg", ""),
    ] {
        let ended = cmp(&format!("{options} -certout got.pem"));
        assert_ne!(ended.code, Some(0), "{options}");
        let output = ended.stdout + &ended.stderr;
        assert!(output.contains(told), "{options}: {output}");
        assert!(!house.path().join("got.pem").exists(), "{options}");
        house.server.wait_for_log(&["WARN", reason]);
    }
    assert_eq!(house.serial_numbers().len(), 6);
    assert!(!house.server.log().contains(SECRET) && !house.server.log().contains("some-other-secret"));
    let list = run(RACA, "list --json --config ra/raca.toml", house.path()).success();
    assert!(!list.contains(SECRET));
}

#[test]
fn the_certificate_fits_ikev2_and_tls() {
    let house = House::new();
    let template = "-cmd ir -newkey new.key -subject /O=Vendor/CN=enb1";
    house.cmp(&format!("{template} {VENDOR} -certout got.pem")).success();
    let text = run("openssl", "x509 -in got.pem -noout -text", house.path()).success();
    for expected in [
        "Digital Signature",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
        "Subject: CN = enb1, O = Vendor",
    ] {
        let reversed = expected.replace("CN = enb1, O = Vendor", "O = Vendor, CN = enb1");
        assert!(text.contains(expected) || text.contains(&reversed), "{expected} is missing:\n{text}");
    }
}

#[test]
fn whoever_is_not_certified_by_the_factory_gets_nothing() {
    let house = House::new();
    house.factory.certify("old", 0);
    let template = "-cmd ir -newkey new.key";
    let own = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -out own.pem -subj /CN=own";
    run("openssl", own, house.path()).success();
    for (who, reason) in [
        ("-subject /O=Vendor/CN=old -cert old.pem -key old.key", "expired"),
        ("-subject /CN=own -cert own.pem -key own.key", "CN=own"),
        ("-subject /CN=somebody-else -cert enb1.pem -key enb1.key", "somebody-else"),
        ("-subject /O=Vendor/CN=enb1 -sans b.example -cert enb1.pem -key enb1.key", "subjectAltName"),
        ("-subject /CN=x -ref 1 -secret pass:secret", "refused"),
    ] {
        let ended = house.cmp(&format!("{template} {who} -certout got.pem"));
        assert_ne!(ended.code, Some(0), "{who}");
        assert!(!house.path().join("got.pem").exists(), "{who}");
        house.server.wait_for_log(&["WARN", reason]);
    }
    assert!(house.serial_numbers().is_empty());
    assert!(!house.server.log().contains("secret"));
    // And the service goes on.
    house.cmp(&format!("{template} -subject /O=Vendor/CN=enb1 {VENDOR} -certout got.pem")).success();
}

#[test]
fn what_is_no_message_gets_the_right_status() {
    let house = House::new();
    fs::write(house.path().join("garbage"), "garbage").unwrap();
    fs::write(house.path().join("large"), vec![0x30; 70_000]).unwrap();
    let url = house.server.url();
    let elsewhere = url.replace(".well-known/cmp", "pki");
    for (kind, body, url, status) in [
        ("application/pkixcmp", "@garbage", url, "200"), // the error is in the message
        ("application/pkixcmp", "@large", url, "413"),
        ("application/pkixcmp", "", url, "400"),
        ("text/plain", "@garbage", url, "415"),
        ("application/pkixcmp", "@garbage", &elsewhere, "404"),
    ] {
        let header = format!("Content-Type: {kind}");
        let curl = words("-s -o answer -w %{http_code}", &["-H", &header, "--data-binary", body, url]);
        let answered = run_words("curl", &curl, house.path()).success();
        assert_eq!(answered, status, "{kind} {body} {url}");
    }
    let answered = run("curl", &format!("-s -o answer -w %{{http_code}} {url}"), house.path()).success();
    assert_eq!(answered, "405");
    house
        .cmp(&format!("-cmd ir -newkey new.key -subject /O=Vendor/CN=enb1 {VENDOR} -certout got.pem"))
        .success();
}

#[test]
fn both_signals_stop_it_cleanly() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        run(RACA, "init --dir ra", folder.path()).success();
        let server = Server::start(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", folder.path());
        assert_eq!(server.stop(signal).code(), Some(0), "SIG{signal}");
        assert!(!folder.path().join("ra/registry.sock").exists());
    }
}
