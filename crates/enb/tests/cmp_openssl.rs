//! A station at OpenSSL's mock server, which issues the one certificate it is given, whoever asks: so the station's key is made
//! beforehand.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;
use testkit::programs::{Ended, Factory, Server, free_port, run};

const ENB: &str = env!("CARGO_BIN_EXE_enb");

const SECRET: &str = "correct-horse-battery-staple";

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

    /// A mock server that shares a secret with the station, and has no key of its own.
    fn mock_with_secret(&self, options: &str) -> Server {
        let port = free_port();
        let words =
            format!("cmp -port {port} -srv_ref 4711 -srv_secret pass:{SECRET} -rsp_cert enb1.pem {options}");
        Server::start_at("openssl", &words, self.path(), port)
    }

    /// A station that has nothing but the secret.
    fn enb_with_secret(&self, server: &Server, words: &str) -> Ended {
        let path = self.path().join("4711.secret");
        fs::write(&path, format!("{SECRET}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let more =
            format!(" --server {}/pkix/ --ref 4711 --secret-file 4711.secret --mac pbm ", server.url());
        run(ENB, &format!("cmp {}", words.replacen(' ', &more, 1)), self.path())
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

/// It answers with SHA-1, whatever it was asked with.
#[test]
fn a_station_with_nothing_but_a_secret_takes_the_root_from_ca_pubs() {
    let house = House::new();
    let server = house.mock_with_secret("-rsp_capubs ca.pem");
    let reason = house.enb_with_secret(&server, "ir --out enb1 --timeout 1").failure(4);
    assert!(reason.contains("not believed"), "{reason}");
    house.give_up();
    let quirk = "--quirk sha1-in-mac";
    for options in [
        "-rsp_capubs ca.pem",
        "-rsp_capubs ca.pem -poll_count 1 -check_after 1",
        "-rsp_capubs ca.pem -grant_implicitconf",
    ] {
        let server = house.mock_with_secret(options);
        let ended = house
            .enb_with_secret(&server, &format!("ir --out enb1 --subject CN=enb1 --implicit-confirm {quirk}"));
        assert!(ended.success().contains("CN=enb1"), "{options}");
        let chain = fs::read_to_string(house.path().join("enb1/chain.pem")).unwrap();
        assert_eq!(chain.trim(), fs::read_to_string(house.path().join("ca.pem")).unwrap().trim());
        house.forget();
    }
    // Without caPubs there is no root, and what another CA certified is not taken.
    for (options, words) in [
        ("", ""),
        ("-rsp_capubs factory.pem", ""),
        // Roots come with ip only.
        ("-rsp_capubs ca.pem", "cr"),
    ] {
        let request = if words.is_empty() { "ir" } else { words };
        let server = house.mock_with_secret(options);
        let ended = house.enb_with_secret(&server, &format!("{request} --out enb1 --timeout 5 {quirk}"));
        assert_ne!(ended.code, Some(0), "{options} {request}");
        assert!(!house.path().join("enb1/cert.pem").exists(), "{options} {request}");
        house.give_up();
    }
}

#[test]
fn a_server_that_takes_anything_gets_protected_requests_all_the_same() {
    let house = House::new();
    let server = house.mock("-accept_unprotected -accept_unprot_err -accept_raverified");
    house.enb(&server, "ir --out enb1 --subject CN=enb1").success();
    house.forget();
    // And whoever does not protect its answers gets no further by taking ours.
    let server = house.mock("-accept_unprotected -send_unprotected");
    let reason = house.enb(&server, "ir --out enb1 --timeout 1").failure(4);
    assert!(reason.contains("not believed"), "{reason}");
}

#[test]
fn every_status_and_failure_is_told() {
    let house = House::new();
    for (options, code, told) in [
        // grantedWithMods
        ("-pkistatus 1", 0, "CN=enb1"),
        ("-pkistatus 2 -failure 0", 3, "badAlg"),
        ("-pkistatus 2 -failure 25 -statusstring because", 3, "because"),
        ("-pkistatus 2 -failurebits 3", 3, "badMessageCheck"),
        // Warnings are no answers to a request for a certificate.
        ("-pkistatus 4", 1, ""),
        ("-pkistatus 5", 1, ""),
        ("-send_error -pkistatus 2 -failure 2", 3, "badRequest"),
    ] {
        let ended = house.enb(&house.mock(options), "ir --out enb1 --subject CN=enb1 --timeout 5");
        let output = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, Some(code), "{options}: {output}");
        assert!(output.contains(told), "{options}: {output}");
        assert_eq!(house.path().join("enb1/cert.pem").exists(), code == 0, "{options}");
        assert!(!house.path().join("enb1/cmp-transaction.json").exists(), "{options}");
        if code == 0 {
            house.forget();
        }
    }
}
