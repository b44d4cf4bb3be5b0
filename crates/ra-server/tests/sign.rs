//! `raca sign`: files that are carried to an RA/CA without a network, and what people carry by mistake.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/nem.rs"]
mod nem;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use cmp::{PkiBody, PkiMessage, ReadingPolicy};
use nem::House;
use serde_json::Value;
use testkit::programs::{Ended, Server, run, run_words};

const RACA: &str = env!("CARGO_BIN_EXE_raca");

impl House {
    fn sign(&self, options: &str) -> Ended {
        run(RACA, &format!("sign --config ra/raca.toml {options}"), self.path())
    }

    /// With somebody who types that.
    fn sign_asking(&self, options: &str, typed: &str) -> Ended {
        let mut child = Command::new(RACA)
            .args(["sign", "--config", "ra/raca.toml"])
            .args(options.split(' '))
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn issued(&self) -> usize {
        let list = run(RACA, "list --config ra/raca.toml --json", self.path()).success();
        let list: Value = serde_json::from_str(&list).unwrap();
        list.as_array().unwrap().iter().filter(|entry| entry["profile"] == "ne").count()
    }

    /// The octets of the answers inside an answer to a batch.
    fn answers(&self, file: &str) -> Vec<Vec<u8>> {
        let octets = fs::read(self.path().join(file)).unwrap();
        let mut policy = ReadingPolicy::default();
        policy.message_size = octets.len();
        policy.nested_messages = 100_000;
        let message = PkiMessage::inspect(&octets, &policy).unwrap();
        let PkiBody::Nested(answers) = message.body() else { panic!("{:?}", message.body().kind()) };
        answers.iter().map(|answer| answer.octets().to_vec()).collect()
    }
}

#[test]
fn a_batch_is_listed_signed_and_signed_again_to_the_same_answer() {
    let house = House::new(RACA);
    let messages = [house.request("CN=enb1,O=Operator"), house.request("CN=enb2,O=Operator")];
    house.batch("batch.pki", &messages);
    let listed = house.sign("--in batch.pki --list").success();
    for expected in ["CN=enb1,O=Operator", "proposed", "P-256", "profile   ne", "365 days", "left 2"] {
        assert!(listed.contains(expected), "{expected}: {listed}");
    }
    assert!(listed.contains(&messages[0].header().transaction_id.as_ref().unwrap().to_string()), "{listed}");
    assert_eq!(house.issued(), 0);

    let report = house.sign("--in batch.pki --out answer.pki --yes --json").success();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["issued"], &report["answer"]), (&Value::from(2), &Value::from("answer.pki")));
    let entry = &report["messages"][1];
    assert_eq!((&entry["subject"], &entry["outcome"]), (&"CN=enb2,O=Operator".into(), &"issued".into()));
    let serial = entry["serial_number"].as_str().unwrap();
    run(RACA, &format!("show --config ra/raca.toml --serial {serial}"), house.path()).success();
    assert_eq!(house.issued(), 2);

    let said = house.sign("--in batch.pki --out answer.pki --yes").failure(1);
    assert!(said.contains("answer.pki") && said.contains("nothing is overwritten"), "{said}");
    let again = house.sign("--in batch.pki --out again.pki --yes").success();
    assert!(again.contains("issued 0, answered before 2"), "{again}");
    assert_eq!(house.issued(), 2);
    assert_eq!(house.answers("again.pki"), house.answers("answer.pki"));
    let audit = fs::read_to_string(house.path().join("ra/audit.jsonl")).unwrap();
    assert_eq!(audit.matches("from a file, by the operator").count(), 2, "{audit}");
    // The answer carried back by mistake.
    let said = house.sign("--in answer.pki --out none.pki --yes").failure(1);
    assert!(said.contains("answer.pki") && said.contains("this is the answer"), "{said}");
    assert!(!house.path().join("none.pki").exists());
}

#[test]
fn an_operator_is_asked_for_each_request() {
    let house = House::new(RACA);
    let messages: Vec<_> = (1..=5).map(|n| house.request(&format!("CN=enb{n},O=Operator"))).collect();
    house.batch("batch.pki", &messages);
    let none = house.sign_asking("--in batch.pki --out answer.pki", "q\n").failure(1);
    assert!(none.contains("CN=enb5") && none.contains("nothing in it was decided"), "{none}");
    let options = "--in batch.pki --out answer.pki --reason unwanted";
    let first = house.sign_asking(options, "y\nwhat?\nn\n");
    assert!(first.stderr.matches("approve it?").count() >= 4, "{}", first.stderr);
    let said = first.success();
    assert!(said.contains("issued 1, answered before 0, rejected 1, refused 0, left 3"), "{said}");
    assert!(said.contains("unwanted"), "{said}");
    let said = house.sign_asking("--in batch.pki --out rest.pki", "all\n").success();
    assert!(said.contains("issued 3, answered before 2, rejected 0"), "{said}");
    assert_eq!((house.answers("answer.pki").len(), house.answers("rest.pki").len()), (2, 5));
    assert_eq!(house.issued(), 4);
}

#[test]
fn mistakes_are_named_and_nothing_is_issued() {
    let house = House::new(RACA);
    let path = house.path();
    house.batch("batch.pki", &[house.request("CN=enb1,O=Operator")]);
    let good = fs::read(path.join("batch.pki")).unwrap();
    run("openssl", "req -in nem.csr -outform DER -out csr.der", path).success();
    let stranger = House::new(RACA);
    stranger.batch("foreign.pki", &[stranger.request("CN=enb1,O=Operator")]);
    fs::copy(stranger.path().join("foreign.pki"), path.join("foreign.pki")).unwrap();
    fs::write(path.join("cut.pki"), &good[..good.len() - 7]).unwrap();
    fs::write(path.join("two.pki"), [&good[..], &good[..]].concat()).unwrap();
    fs::write(path.join("empty.pki"), "").unwrap();
    let mut tampered = good.clone();
    let place = tampered.windows(4).position(|octets| octets == b"enb1").unwrap();
    tampered[place + 3] = b'7';
    fs::write(path.join("tampered.pki"), &tampered).unwrap();
    for (file, reasons) in [
        ("nowhere.pki", &["nowhere.pki", "No such file"][..]),
        ("empty.pki", &["empty"]),
        ("cut.pki", &["cut off", "of its"]),
        ("two.pki", &["octets behind the message", "one PKIMessage"]),
        ("tampered.pki", &["signature", "nothing was answered"]),
        ("foreign.pki", &["not trusted"]),
        ("nem.csr", &["PEM (CERTIFICATE REQUEST)", "raca issue"]),
        ("csr.der", &["PKCS #10", "raca issue"]),
        ("nem.pem", &["PEM (CERTIFICATE)"]),
        ("ra/raca.toml", &["no DER"]),
    ] {
        let said = house.sign(&format!("--in {file} --out answer.pki --yes")).failure(1);
        for reason in reasons.iter().chain([&file]) {
            assert!(said.contains(reason), "{file}, {reason}: {said}");
        }
    }
    let config = path.join("ra/raca.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("max_file_octets = 536870912", "max_file_octets = 1024")).unwrap();
    let said = house.sign("--in batch.pki --out answer.pki --yes").failure(1);
    assert!(said.contains("batch.pki") && said.contains("offline.max_file_octets"), "{said}");
    fs::write(&config, text.replace("max_requests = 100000", "max_requests = 0")).unwrap();
    let said = house.sign("--in batch.pki --out answer.pki --yes").failure(1);
    assert!(said.contains("raca.toml: line") && said.contains("offline.max_requests"), "{said}");
    fs::write(&config, text).unwrap();
    assert_eq!(house.issued(), 0);
    assert!(!path.join("answer.pki").exists());
    assert_eq!(house.sign("--in batch.pki --yes").code, Some(2), "--out is missing");
    assert_eq!(house.sign("--in batch.pki --list --out x").code, Some(2));

    let server = Server::start(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", path);
    let said = house.sign("--in batch.pki --out answer.pki --yes").failure(1);
    assert!(said.contains("another process has the registry open") && said.contains("raca serve"), "{said}");
    drop(server);
    house.sign("--in batch.pki --out answer.pki --yes").success();
}

#[test]
fn what_stands_in_a_request_does_not_drive_the_terminal() {
    let house = House::new(RACA);
    house.batch("batch.pki", &[house.request("CN=enb\u{1b}[2J1,O=Operator")]);
    let said =
        run_words(RACA, &["sign", "--config", "ra/raca.toml", "--in", "batch.pki", "--list"], house.path());
    assert!(!said.success().contains('\u{1b}'));
}
