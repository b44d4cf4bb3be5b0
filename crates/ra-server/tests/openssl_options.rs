//! What OpenSSL's CMP client can be told to do, with a certificate and with a shared secret: polling, no confirmation, requests from
//! a CSR, every reason, every question, caPubs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use testkit::programs::{Ended, Factory, Server, run};

const RACA: &str = env!("CARGO_BIN_EXE_raca");

struct House {
    server: Server,
    folder: TempDir,
}

impl House {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        Factory::new(path).certify("enb1", 3650);
        run(RACA, "init --dir ra --vendor-ca factory.pem", path).success();
        let secret = path.join("ra/4711.secret");
        fs::write(&secret, "correct-horse-battery-staple\n").unwrap();
        fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
        let mut config = OpenOptions::new().append(true).open(path.join("ra/raca.toml")).unwrap();
        let entry = "reference = \"4711\"\nsecret_file = \"4711.secret\"\nsubject = \"CN=enb1,O=Vendor\"";
        writeln!(config, "\n[[trust.shared_secrets]]\n{entry}").unwrap();
        for (from, to) in settings {
            let text = fs::read_to_string(path.join("ra/raca.toml")).unwrap();
            assert!(text.contains(from), "{from}");
            fs::write(path.join("ra/raca.toml"), text.replace(from, to)).unwrap();
        }
        let server = Server::start(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", path);
        run("openssl", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out new.key", path).success();
        run("openssl", "req -new -key new.key -subj /O=Vendor/CN=enb1 -out new.csr", path).success();
        Self { server, folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn cmp(&self, protection: &str, options: &str) -> Ended {
        let server = self.server.url();
        run(
            "openssl",
            &format!("cmp -server {server} -recipient /CN=Operator {protection} {options}"),
            self.path(),
        )
    }

    /// Status and reason of the certificates that stations have, the last one last.
    fn statuses(&self) -> Vec<String> {
        let list = run(RACA, "list --json --config ra/raca.toml", self.path()).success();
        let list: Vec<Value> = serde_json::from_str(&list).unwrap();
        let ne = list.iter().filter(|entry| entry["profile"] == "ne");
        ne.map(|entry| entry["status"].as_str().unwrap().to_owned()).collect()
    }
}

const BY_SIGNATURE: &str = "-trusted ra/ca.pem -cert enb1.pem -key enb1.key";
const BY_MAC: &str = "-ref 4711 -secret pass:correct-horse-battery-staple -mac hmacWithSHA256";
const BOTH: [&str; 2] = [BY_SIGNATURE, BY_MAC];

/// Every request for a certificate; all for `new.key`.
const REQUESTS: [&str; 4] = [
    "-cmd ir -newkey new.key -subject /O=Vendor/CN=enb1",
    "-cmd cr -newkey new.key -subject /O=Vendor/CN=enb1",
    "-cmd ir -csr new.csr -newkey new.key",
    "-cmd p10cr -csr new.csr",
];

#[test]
fn it_polls_however_it_is_protected() {
    let house = House::with(&[("poll_delay_seconds = 0", "poll_delay_seconds = 1")]);
    for protection in BOTH {
        for request in REQUESTS {
            for confirm in ["", "-implicit_confirm"] {
                let ended = house.cmp(protection, &format!("{request} {confirm} -certout got.pem"));
                let output = format!("{}{}", ended.stdout, ended.stderr);
                assert_eq!(ended.code, Some(0), "{protection} {request}: {output}");
                assert!(output.contains("received 'waiting' PKIStatus"), "{output}");
                run("openssl", "verify -CAfile ra/ca.pem got.pem", house.path()).success();
            }
        }
    }
    assert_eq!(house.statuses(), vec!["valid"; 16]);
    // Whoever does not wait as long gets nothing, and ends nothing for others.
    let ended = house.cmp(BY_SIGNATURE, &format!("{} -total_timeout 1 -certout none.pem", REQUESTS[0]));
    assert_ne!(ended.code, Some(0));
    house.cmp(BY_MAC, &format!("{} -certout got.pem", REQUESTS[0])).success();
}

#[test]
fn whoever_does_not_confirm_has_a_certificate_that_is_not() {
    let house = House::new();
    for (number, (protection, request)) in
        BOTH.iter().flat_map(|protection| REQUESTS.map(|request| (*protection, request))).enumerate()
    {
        let ended = house.cmp(protection, &format!("{request} -disable_confirm -certout got.pem"));
        assert_eq!(ended.code, Some(0), "{protection} {request}: {}{}", ended.stdout, ended.stderr);
        let statuses = house.statuses();
        assert_eq!(
            (statuses.len(), statuses.last().unwrap().as_str()),
            (number + 1, "unconfirmed"),
            "{request}"
        );
    }
    // What was not confirmed is not updated.
    let options = "-trusted ra/ca.pem -cert got.pem -key new.key -cmd kur -newkey enb1.key -certout none.pem";
    assert_ne!(house.cmp("", options).code, Some(0));
    house.server.wait_for_log(&["badRequest", "never confirmed"]);
    assert!(!house.server.log().contains("certConf"));
}

#[test]
fn ca_pubs_come_to_those_who_have_nothing_but_a_secret() {
    let house = House::new();
    let subject =
        |file: &str| run("openssl", &format!("x509 -noout -fingerprint -in {file}"), house.path()).success();
    for (protection, expected) in [(BY_SIGNATURE, false), (BY_MAC, true)] {
        for request in REQUESTS {
            let pubs = house.path().join("pubs.pem");
            let options = format!("{request} -certout got.pem -cacertsout pubs.pem");
            house.cmp(protection, &options).success();
            // RFC 9483 section 4.1.1: in ip only.
            let expected = expected && request.contains("-cmd ir");
            let told = fs::read_to_string(&pubs).is_ok_and(|text| text.contains("BEGIN CERTIFICATE"));
            assert_eq!(told, expected, "{protection} {request}");
            if expected {
                assert_eq!(subject("pubs.pem"), subject("ra/ca.pem"));
            }
            fs::write(pubs, "").unwrap();
        }
    }
}

#[test]
fn every_question_is_answered() {
    let house = House::new();
    for protection in BOTH {
        for question in [
            "caProtEncCert",
            "signKeyPairTypes",
            "encKeyPairTypes",
            "preferredSymmAlg",
            "caKeyUpdateInfo",
            "currentCRL",
            "suppLangTags",
            "caCerts",
            "certReqTemplate",
        ] {
            let ended = house.cmp(protection, &format!("-cmd genm -infotype {question} -rspout answer.der"));
            let answered = run("openssl", "asn1parse -inform DER -in answer.der", house.path()).success();
            assert_eq!(ended.code, Some(0), "{protection} {question}: {}{}", ended.stdout, ended.stderr);
            // genp, and what it answers.
            assert!(
                answered.contains("cont [ 22 ]") && answered.contains("id-it-"),
                "{question}: {answered}"
            );
        }
    }
}

#[test]
fn certificates_are_revoked_for_every_reason() {
    let house = House::new();
    let path = house.path();
    run("openssl", "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout nem.key -subj /CN=nem -out nem.csr", path)
        .success();
    run(RACA, "issue --config ra/raca.toml --profile ra --csr nem.csr --out nem.pem", path).success();
    let revoke = |who: &str, reason: u32| {
        house.cmp("-trusted ra/ca.pem", &format!("-cmd rr {who} -oldcert got.pem -revreason {reason}"))
    };
    let enrol = || house.cmp(BY_SIGNATURE, &format!("{} -certout got.pem", REQUESTS[0])).success();
    let (own, nem) = ("-cert got.pem -key new.key", "-cert nem.pem -key nem.key");
    let mut revoked = 0;
    for who in [own, nem] {
        for reason in [0, 1, 3, 4, 5, 6, 9] {
            enrol();
            let ended = revoke(who, reason);
            assert_eq!(ended.code, Some(0), "{who} {reason}: {}{}", ended.stdout, ended.stderr);
            let status = house.statuses().pop().unwrap();
            assert_eq!(status, if reason == 6 { "on hold" } else { "revoked" }, "{reason}");
            if reason == 6 {
                // On hold it speaks for nobody; an RA takes it off.
                assert_ne!(revoke(own, 8).code, Some(0));
                assert_eq!(revoke(nem, 8).code, Some(0));
                assert_eq!(house.statuses().pop().unwrap(), "valid");
            } else {
                assert_ne!(revoke(nem, reason).code, Some(0), "{reason}: twice");
                revoked += 1;
            }
        }
    }
    house.server.wait_for_log(&["certRevoked"]);
    assert_eq!(house.statuses().iter().filter(|status| *status == "revoked").count(), revoked);
    // A secret revokes nothing, nor does a vendor's certificate.
    enrol();
    assert_ne!(house.cmp(BY_MAC, "-cmd rr -oldcert got.pem -revreason 1").code, Some(0));
    house.server.wait_for_log(&["wrongIntegrity", "rr"]);
    assert_ne!(house.cmp(BY_SIGNATURE, "-cmd rr -oldcert got.pem -revreason 1").code, Some(0));
    assert_eq!(house.statuses().pop().unwrap(), "valid");
}
