//! A station at OpenSSL's mock server, which issues the one certificate it is given, whoever asks: so the station's key is made
//! beforehand.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use testkit::programs::{Ended, Factory, Server, free_port, run};

const ENB: &str = env!("CARGO_BIN_EXE_enb");

struct House {
    folder: TempDir,
}

impl House {
    /// `ca.pem` signs the mock server's messages and `rsp.pem`, the certificate for the key in `enb1/key.pem`.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Factory::new(folder.path()).certify("vendor", 30);
        let house = Self { folder };
        let ca = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=Mock-CA -days 30";
        run("openssl", ca, house.path()).success();
        house.station("enb1");
        house
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the station's key, and the certificate that the mock server will issue.
    fn station(&self, name: &str) {
        fs::create_dir(self.path().join(name)).unwrap();
        run(ENB, &format!("keygen --out {name}/key.pem"), self.path()).success();
        run(ENB, &format!("csr --key {name}/key.pem --subject CN={name} --out {name}.csr"), self.path())
            .success();
        fs::write(
            self.path().join("ee.ext"),
            "keyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\n",
        )
        .unwrap();
        let sign = format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ee.ext -out {name}.pem"
        );
        run("openssl", &sign, self.path()).success();
    }

    fn mock(&self, options: &str) -> Server {
        let port = free_port();
        let words = format!(
            "cmp -port {port} -srv_cert ca.pem -srv_key ca.key -srv_trusted factory.pem -rsp_cert enb1.pem {options}"
        );
        Server::start_at("openssl", &words, self.path(), port)
    }

    fn enb(&self, server: &Server, words: &str) -> Ended {
        let words = words.replacen(
            ' ',
            &format!(
                " --server {}/pkix/ --operator-ca ca.pem --cert vendor.pem --key vendor.key ",
                server.url()
            ),
            1,
        );
        run(ENB, &format!("cmp {words}"), self.path())
    }

    /// Removes what is left of a request that found no answer to believe.
    fn give_up(&self) {
        let file = self.path().join("enb1/cmp-transaction.json");
        if file.exists() {
            fs::remove_file(file).unwrap();
        }
    }

    fn forget(&self) {
        for name in ["cert.pem", "chain.pem"] {
            fs::remove_file(self.path().join("enb1").join(name)).unwrap();
        }
    }
}

#[test]
fn every_request_polled_for_and_confirmed() {
    let house = House::new();
    for options in ["", "-poll_count 2 -check_after 1", "-grant_implicitconf"] {
        let server = house.mock(options);
        for words in [
            "ir --out enb1 --subject CN=enb1",
            "ir --out enb1 --implicit-confirm",
            "cr --out enb1",
            "p10cr --out enb1 --subject CN=enb1",
        ] {
            let ended = house.enb(&server, words);
            assert_eq!(
                ended.stderr.contains("asking again in 1.0 s"),
                options.contains("poll"),
                "{}",
                ended.stderr
            );
            let implicit = options.contains("implicit") && words.contains("implicit");
            assert_eq!(ended.stderr.contains("sending certConf"), !implicit, "{}", ended.stderr);
            assert!(ended.success().contains("CN=enb1"), "{options} {words}");
            house.forget();
        }
    }
}

#[test]
fn refusals_are_believed_when_they_are_protected_or_put_up_with() {
    let house = House::new();
    let refusing = "-pkistatus 2 -failure 9 -statusstring no-such-luck";
    let reason = house.enb(&house.mock(refusing), "ir --out enb1").failure(3);
    assert!(reason.contains("no-such-luck"), "{reason}");
    house.enb(&house.mock("-send_error"), "ir --out enb1").failure(3);

    for (options, quirk_helps) in [
        (format!("-send_unprot_err {refusing}"), true),
        ("-send_unprotected -send_error".to_owned(), true),
        ("-send_unprotected".to_owned(), false),
    ] {
        let server = house.mock(&options);
        let reason = house.enb(&server, "ir --out enb1 --timeout 1").failure(4);
        assert!(reason.contains("not believed") && reason.contains("protect"), "{options}: {reason}");
        house.give_up();
        let server = house.mock(&options);
        let words = "ir --out enb1 --timeout 1 --quirk unprotected-errors";
        let ended = house.enb(&server, words);
        assert_eq!(ended.code, Some(if quirk_helps { 3 } else { 4 }), "{options}: {}", ended.stderr);
        assert!(!house.path().join("enb1/cert.pem").exists());
        house.give_up();
    }
    let reason = house.enb(&house.mock(""), "ir --out enb1 --quirk unprotected-answers").failure(2);
    assert!(reason.contains("unprotected-errors"), "{reason}");
}

#[test]
fn a_certificate_for_another_key_is_turned_down_and_a_rejected_confirmation_is_told() {
    let house = House::new();
    let server = house.mock("");
    let ended = house.enb(&server, "ir --out another");
    assert!(ended.stderr.contains("sending certConf"), "{}", ended.stderr);
    let reason = ended.failure(1);
    assert!(reason.contains("none of which is for this station's key"), "{reason}");
    assert!(!house.path().join("another/cert.pem").exists());
    assert!(!house.path().join("another/cmp-transaction.json").exists());
    let reason = house.enb(&house.mock(""), "ir --out enb1 --subject CN=somebody-else").failure(1);
    assert!(reason.contains("somebody-else was asked for"), "{reason}");
}

#[test]
fn questions_and_revocation() {
    let house = House::new();
    let server = house.mock("");
    // It echoes whatever it is asked.
    assert_eq!(house.enb(&server, "genm caCerts").success().trim(), "the RA/CA has none");
    let ended = house.enb(&server, "rr --old-cert enb1.pem --reason superseded");
    assert!(ended.success().contains("revoked: enb1.pem"));
}
