//! What the operator revokes, and the CRLs that say so, as OpenSSL reads them.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use testkit::programs::{Ended, Server, run};

const RACA: &str = env!("CARGO_BIN_EXE_raca");
const SERVE: &str = "serve --config ra/raca.toml --listen 127.0.0.1:0";

/// A CA whose certificates say where its CRL is, and one certificate of it: `enb.pem`.
fn house() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    run(RACA, "init --dir ra", folder.path()).success();
    replace(folder.path(), "# distribution_point", "distribution_point");
    let request = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout enb.key -out enb.csr -subj /CN=enb";
    run("openssl", request, folder.path()).success();
    issue("enb.pem", folder.path());
    folder
}

fn issue(out: &str, folder: &Path) {
    let issue = format!("issue --config ra/raca.toml --csr enb.csr --profile ne --out {out}");
    run(RACA, &issue, folder).success();
}

fn serial(certificate: &str, folder: &Path) -> String {
    let printed = run("openssl", &format!("x509 -noout -serial -in {certificate}"), folder).success();
    printed.trim().strip_prefix("serial=").unwrap().to_owned()
}

fn raca(words: &str, folder: &Path) -> Ended {
    let (command, options) = words.split_once(' ').unwrap_or((words, ""));
    run(RACA, &format!("{command} --config ra/raca.toml {options}"), folder)
}

fn json(words: &str, folder: &Path) -> Value {
    serde_json::from_str(&raca(words, folder).success()).unwrap()
}

fn replace(folder: &Path, from: &str, to: &str) {
    let config = folder.join("ra/raca.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&config, text.replacen(from, to, 1)).unwrap();
}

/// What OpenSSL says of a certificate, by the CRL in a file in DER.
fn verify(certificate: &str, crl: &str, folder: &Path) -> Ended {
    run("openssl", &format!("crl -inform DER -in {crl} -out {crl}.pem"), folder).success();
    let verify = format!("verify -CAfile ra/ca.pem -crl_check -CRLfile {crl}.pem {certificate}");
    run("openssl", &verify, folder)
}

fn refuses_as_revoked(certificate: &str, crl: &str, folder: &Path) {
    let ended = verify(certificate, crl, folder);
    let said = ended.stdout + &ended.stderr;
    assert!(ended.code != Some(0) && said.contains("certificate revoked"), "{said}");
}

#[test]
fn what_is_revoked_stands_on_the_next_crl() {
    let folder = house();
    let path = folder.path();
    assert!(!path.join("ra/ca.crl").exists());
    let serial = serial("enb.pem", path);
    let first = json("crl --json", path);
    assert_eq!((first["number"].as_u64(), first["revoked"].as_u64()), (Some(1), Some(0)));
    verify("enb.pem", "ra/ca.crl", path).success();
    let text = run("openssl", "crl -inform DER -in ra/ca.crl -noout -text -CAfile ra/ca.pem", path);
    let text = text.stdout + &text.stderr;
    assert!(text.contains("verify OK") && text.contains("No Revoked Certificates"), "{text}");

    // On hold, off hold, and for good.
    let entry = json(&format!("revoke --serial {serial} --reason certificateHold --json"), path);
    assert_eq!(entry["status"], "on hold");
    refuses_as_revoked("enb.pem", "ra/ca.crl", path);
    let entry =
        json(&format!("revoke --serial {} --reason removeFromCRL --json", serial.to_lowercase()), path);
    assert_eq!((&entry["status"], &entry["reason"]), (&Value::from("valid"), &Value::Null));
    verify("enb.pem", "ra/ca.crl", path).success();
    let text = raca(&format!("revoke --serial {serial} --reason keyCompromise"), path).success();
    assert!(text.contains("status         revoked") && text.contains("keyCompromise"), "{text}");
    refuses_as_revoked("enb.pem", "ra/ca.crl", path);
    let text = run("openssl", "crl -inform DER -in ra/ca.crl -noout -text", path).success();
    assert!(text.contains("Key Compromise") && text.contains(&serial), "{text}");

    for (options, reasons) in [
        (format!("--serial {serial}"), &["revoked already"][..]),
        (format!("--serial {serial} --reason removeFromCRL"), &["not on hold"]),
        ("--serial 4A".to_owned(), &["no such certificate"]),
        ("--serial 4".to_owned(), &["no serial number", "raca list"]),
        ("--serial 4G".to_owned(), &["no serial number"]),
        (format!("--serial {}", "4A".repeat(30)), &["no serial number"]),
    ] {
        let said = raca(&format!("revoke {options}"), path).failure(1);
        assert!(reasons.iter().all(|reason| said.contains(reason)), "{options}: {said}");
    }
    let said = raca("show --serial 4A", path).failure(1);
    assert!(said.contains("issued no certificate 4A"), "{said}");
    raca(&format!("revoke --serial {serial} --reason tired"), path).failure(2);

    let shown = json(&format!("show --serial {serial} --json"), path);
    assert_eq!(shown["reason"], "keyCompromise");
    assert_eq!(shown["pem"], fs::read_to_string(path.join("enb.pem")).unwrap());
    let listed = json("list --json", path);
    let listed = listed.as_array().unwrap().iter().find(|entry| entry["subject"] == "CN=enb").unwrap();
    assert_eq!((&listed["status"], &listed["serial_number"]), (&shown["status"], &shown["serial_number"]));

    let out = raca("crl --out here.pem", path).success();
    assert!(out.contains("1 revoked") && out.contains("ra/ca.crl"), "{out}");
    run("openssl", "crl -in here.pem -noout -CAfile ra/ca.pem", path).success();
}

#[test]
fn a_running_server_publishes_at_once_in_time_and_after_a_crash() {
    let folder = house();
    let path = folder.path();
    let serial = serial("enb.pem", path);
    let text = run("openssl", "x509 -noout -ext crlDistributionPoints -in enb.pem", path).success();
    assert!(text.contains("URI:http://pki.operator.example/ca.crl"), "{text}");

    let server = Server::start(RACA, SERVE, path);
    server.wait_for_log(&["INFO", "CRL published", "number=1"]);
    let fetch = |server: &Server| {
        let url = format!("http://{}/ca.crl", server.address());
        let printed = run("curl", &format!("-sSf -o got.crl -w %{{content_type}} {url}"), path).success();
        assert_eq!(printed, "application/pkix-crl");
    };
    fetch(&server);
    verify("enb.pem", "got.crl", path).success();

    raca(&format!("revoke --serial {serial}"), path).success();
    server.wait_for_log(&["INFO", "by hand", "revoked"]);
    refuses_as_revoked("enb.pem", "ra/ca.crl", path);
    fetch(&server);
    refuses_as_revoked("enb.pem", "got.crl", path);

    // By a station, with the certificate itself.
    issue("other.pem", path);
    let rr = format!(
        "cmp -server {} -recipient /CN=Operator -trusted ra/ca.pem -cmd rr -oldcert other.pem -cert other.pem -key enb.key -revreason 1",
        server.url()
    );
    run("openssl", &rr, path).success();
    server.wait_for_log(&["INFO", "CRL published", "number=3"]);
    refuses_as_revoked("other.pem", "ra/ca.crl", path);

    // The file is written anew after an end at any point, and once an interval.
    assert!(!server.stop("KILL").success());
    fs::write(path.join("ra/ca.crl"), "half").unwrap();
    replace(path, "interval_seconds = 86400", "interval_seconds = 1");
    let server = Server::start(RACA, SERVE, path);
    server.wait_for_log(&["INFO", "CRL published", "number=4"]);
    refuses_as_revoked("enb.pem", "ra/ca.crl", path);
    server.wait_for_log(&["INFO", "CRL published", "number=6"]);
    refuses_as_revoked("other.pem", "ra/ca.crl", path);
}

#[test]
fn a_crl_that_cannot_be_laid_is_told_and_the_revocation_stands() {
    let folder = house();
    let path = folder.path();
    let serial = serial("enb.pem", path);
    fs::create_dir(path.join("ra/ca.crl")).unwrap();
    let said = raca(&format!("revoke --serial {serial}"), path).failure(1);
    assert!(
        said.contains("revoked") && said.contains("no CRL says so yet") && said.contains("ca.crl"),
        "{said}"
    );
    assert_eq!(json(&format!("show --serial {serial} --json"), path)["status"], "revoked");
    let server = Server::start(RACA, SERVE, path);
    server.wait_for_log(&["ERROR", "the CRL could not be published", "ca.crl"]);
    // What is served is what was signed.
    run("curl", &format!("-sSf -o got.crl http://{}/ca.crl", server.address()), path).success();
    refuses_as_revoked("enb.pem", "got.crl", path);
    drop(server);

    for (from, to, reason) in [
        ("interval_seconds = 86400", "interval_seconds = 0", "crl.interval_seconds"),
        ("interval_seconds = 0", "interval_seconds = 604800", "crl.validity_seconds"),
        ("interval_seconds = 604800", "interval_seconds = 5000000", "crl.interval_seconds"),
        ("interval_seconds = 5000000", "interval = 5", "line"),
        ("interval = 5", "interval_seconds = 1", "crl.distribution_point"),
    ] {
        replace(path, from, to);
        if reason == "crl.distribution_point" {
            replace(path, "\"http://pki", "\"ldap://pki");
        }
        let said = raca("crl", path).failure(1);
        assert!(said.contains(reason) && said.contains("raca.toml"), "{to}: {said}");
    }
}
