//! The command line of `enb`: keys and requests as OpenSSL sees them, and the mistakes people make.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use testkit::programs::{Factory, run, run_words, words};

const ENB: &str = env!("CARGO_BIN_EXE_enb");

#[test]
fn every_command_shows_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "keygen",
        "csr",
        "enrol",
        "cmp ir",
        "cmp cr",
        "cmp p10cr",
        "cmp kur",
        "cmp rr",
        "cmp genm",
        "inspect",
    ] {
        let help = run(ENB, &format!("{command} --help"), folder.path()).success();
        assert!(help.contains(&format!("  enb {command}")), "{help}");
    }
    assert!(run(ENB, "--help", folder.path()).success().contains("Exit codes"));
    run(ENB, "enroll", folder.path()).failure(2);
}

#[test]
fn openssl_accepts_keys_and_requests() {
    let folder = tempfile::tempdir().unwrap();
    for alg in ["p256", "p384", "p521", "rsa2048", "rsa3072", "ed25519"] {
        run(ENB, &format!("keygen --out {alg}.key --alg {alg}"), folder.path()).success();
        let key = folder.path().join(format!("{alg}.key"));
        assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
        run("openssl", &format!("pkey -in {alg}.key -check -noout"), folder.path()).success();

        let csr = format!(
            "csr --key {alg}.key --out {alg}.csr --dns enb1.operator.example --ip 192.0.2.1 --ip 2001:db8::1"
        );
        run_words(
            ENB,
            &words(&csr, &["--subject", "CN=enb1.operator.example,O=Operator\\, Inc.,C=NL"]),
            folder.path(),
        )
        .success();
        let ended = run("openssl", &format!("req -in {alg}.csr -verify -noout -text"), folder.path());
        let text = ended.stdout.clone() + &ended.stderr;
        assert!(ended.code == Some(0) && text.contains("verify OK"), "{alg}: {text}");
        for expected in [
            "DNS:enb1.operator.example",
            "IP Address:192.0.2.1",
            "IP Address:2001:DB8:0:0:0:0:0:1",
            "Operator, Inc.",
        ] {
            assert!(text.contains(expected), "{alg}: {expected} is missing:\n{text}");
        }
        assert!(
            run(ENB, &format!("inspect {alg}.csr"), folder.path()).success().contains("CertificationRequest")
        );
    }
}

#[test]
fn rsa_keys_sign_as_they_are_told_and_others_have_no_choice() {
    let folder = tempfile::tempdir().unwrap();
    run(ENB, "keygen --out rsa.key --alg rsa2048", folder.path()).success();
    run(ENB, "keygen --out ec.key", folder.path()).success();
    let csr = |key: &str, signature: &str| {
        let words =
            format!("csr --key {key}.key --subject CN=enb1 --out {signature}.csr --signature {signature}");
        run(ENB, &words, folder.path())
    };
    for (signature, name, hash) in [
        ("pkcs1-sha384", "sha384WithRSAEncryption", ""),
        ("pss-sha256", "rsassaPss", "Hash Algorithm: sha256"),
        ("pss-sha512", "rsassaPss", "Salt Length: 0x40"),
    ] {
        csr("rsa", signature).success();
        let text =
            run("openssl", &format!("req -in {signature}.csr -verify -noout -text"), folder.path()).success();
        assert!(text.contains(name) && text.contains(hash), "{signature}: {text}");
    }
    let reason = csr("ec", "pss-sha384").failure(1);
    assert!(reason.contains("ec.key") && reason.contains("P-256") && reason.contains("PSS"), "{reason}");
    let reason = csr("rsa", "pss-sha1").failure(2);
    assert!(reason.contains("pss-sha256") && reason.contains("pkcs1-sha512"), "{reason}");
}

#[test]
fn post_quantum_keys_and_requests_are_made() {
    let folder = tempfile::tempdir().unwrap();
    for (alg, name) in [("ml-dsa-44", "ML-DSA-44"), ("ml-dsa-65", "ML-DSA-65"), ("ml-dsa-87", "ML-DSA-87")] {
        run(ENB, &format!("keygen --out {alg}.key --alg {alg}"), folder.path()).success();
        run(ENB, &format!("csr --key {alg}.key --out {alg}.csr --subject CN=enb1"), folder.path()).success();
        let told = run(ENB, &format!("inspect {alg}.csr"), folder.path()).success();
        assert!(told.contains(name), "{told}");
    }
}

#[test]
fn what_was_written_is_told_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let json =
        |words: &str| -> Value { serde_json::from_str(&run(ENB, words, folder.path()).success()).unwrap() };
    assert_eq!(json("keygen --out a.key --json"), json!({ "key": "a.key", "alg": "p256" }));
    assert_eq!(json("csr --key a.key --subject CN=a --out a.csr --json"), json!({ "request": "a.csr" }));
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    run(ENB, "keygen --out a.key", folder.path()).success();
    let before = fs::read(folder.path().join("a.key")).unwrap();
    let reason = run(ENB, "keygen --out a.key", folder.path()).failure(1);
    assert!(reason.contains("a.key") && reason.contains("move it away"), "{reason}");
    let reason = run(ENB, "csr --key a.key --subject CN=a --out a.key", folder.path()).failure(1);
    assert!(reason.contains("a.key"), "{reason}");
    assert_eq!(fs::read(folder.path().join("a.key")).unwrap(), before);
}

#[test]
fn mistakes_are_named_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    run(ENB, "keygen --out a.key", folder.path()).success();
    run(ENB, "csr --key a.key --subject CN=a --out a.csr", folder.path()).success();
    fs::write(folder.path().join("open.key"), fs::read(folder.path().join("a.key")).unwrap()).unwrap();
    fs::set_permissions(folder.path().join("open.key"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::copy(folder.path().join("a.csr"), folder.path().join("csr.key")).unwrap();
    fs::set_permissions(folder.path().join("csr.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let run_csr = |key: &str, subject: &str, more: &str| {
        let csr = format!("csr --key {key} --out new.csr {more}");
        run_words(ENB, &words(&csr, &["--subject", subject]), folder.path())
    };
    for (ended, code, reason) in [
        (run_csr("a.key", "CM=a", ""), 2, "\"CM\""),
        (run_csr("a.key", "enb1", ""), 2, "has no ="),
        (run_csr("a.key", "CN=a", "--dns *.example"), 2, "*.example"),
        (run_csr("a.key", "CN=a", "--ip 300.1.1.1"), 2, "300.1.1.1"),
        (run_csr("nowhere.key", "CN=a", ""), 1, "nowhere.key"),
        (run_csr("open.key", "CN=a", ""), 1, "chmod 600"),
        (run_csr("csr.key", "CN=a", ""), 1, "csr.key"),
        (run(ENB, "keygen --out new.csr --alg p257", folder.path()), 2, "p257"),
        (run(ENB, "keygen --out nowhere/new.key", folder.path()), 1, "nowhere/new.key"),
    ] {
        assert_eq!(ended.code, Some(code), "{reason}: {}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"));
    }
    assert!(!folder.path().join("new.csr").exists());
}

#[test]
fn enrolment_that_cannot_begin_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let factory = Factory::new(folder.path());
    factory.certify("enb1", 3650);
    factory.certify("enb2", 3650);
    let enrol = |cert: &str, key: &str, ca: &str, more: &str| {
        let enrol = format!(
            "enrol --nem https://127.0.0.1:1 --cert {cert} --key {key} --ca {ca} --subject CN=a --out station --timeout 1 {more}"
        );
        run(ENB, &enrol, folder.path())
    };
    for (ended, code, reason) in [
        (enrol("nowhere.pem", "enb1.key", "factory.pem", ""), 1, "nowhere.pem"),
        (enrol("enb1.key", "enb1.key", "factory.pem", ""), 1, "enb1.key"),
        (enrol("enb1.pem", "enb1.pem", "factory.pem", ""), 1, "enb1.pem"),
        (enrol("enb1.pem", "enb2.key", "factory.pem", ""), 1, "enb2.key"),
        (enrol("enb1.pem", "enb1.key", "enb1.csr", ""), 1, "enb1.csr"),
        (enrol("enb1.pem", "enb1.key", "factory.pem", "--renew"), 2, "--renew"),
        (
            run(ENB, "enrol --nem https://127.0.0.1:1 --ca factory.pem --renew --out station", folder.path()),
            1,
            "enrol first",
        ),
    ] {
        assert_eq!(ended.code, Some(code), "{reason}: {}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
        assert!(!folder.path().join("station").exists(), "{reason}");
    }
    for wrong in ["http://127.0.0.1:1", "127.0.0.1:1", "nem"] {
        let enrol = format!(
            "enrol --nem {wrong} --cert enb1.pem --key enb1.key --ca factory.pem --subject CN=a --out station"
        );
        let reason = run(ENB, &enrol, folder.path()).failure(1);
        assert!(reason.contains(wrong) && reason.contains("https://nem"), "{reason}");
        assert!(!folder.path().join("station").exists(), "{wrong}");
    }
    // Nobody there: out of time, and the next run goes on with the same key and request.
    let ended = enrol("enb1.pem", "enb1.key", "factory.pem", "");
    let reason = ended.failure(4);
    assert!(reason.contains("cannot be reached") && reason.contains("goes on"), "{reason}");
    assert!(!reason.contains("PRIVATE"));
    let key = fs::read(folder.path().join("station/key.pem")).unwrap();
    let reason = enrol("enb1.pem", "enb1.key", "factory.pem", "").failure(4);
    assert!(reason.contains("going on with the request"), "{reason}");
    assert_eq!(fs::read(folder.path().join("station/key.pem")).unwrap(), key);
    assert!(!folder.path().join("station/cert.pem").exists());
}
