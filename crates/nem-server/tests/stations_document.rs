//! What `docs/stations.md` tells stations to type works.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::path::Path;

use support::{House, Plan};
use testkit::programs::{free_port, run, run_with};

#[test]
fn every_line_of_the_document_runs() {
    let port = free_port();
    let section = format!("[ftps]\nlisten = \"127.0.0.1:{port}\"\n\n[intake]");
    let house = House::with(&Plan { settings: &[("[intake]", &section)], ..Plan::default() });
    house.request("enb1", "/CN=enb1.operator.example");
    fs::copy(house.path().join("ra/ca.pem"), house.path().join("ca.pem")).unwrap();
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/stations.md");
    let document = fs::read_to_string(document).unwrap();
    let runs = |line: &&str| ["curl ", "lftp ", "openssl "].iter().any(|word| line.starts_with(word));
    let lines: Vec<&str> = document.lines().filter(runs).collect();
    assert!(lines.len() > 15);
    let (nem, ftps) = (format!("https://{}", house.nem.address()), format!("ftp://localhost:{port}"));
    let environment = [("NEM", nem.as_str()), ("FTPS", ftps.as_str())];
    for line in lines {
        let ended = run_with("sh", &["-c", line], house.path(), &environment);
        assert_eq!(ended.code, Some(0), "{line}\n{}{}", ended.stderr, house.nem.log());
    }
    for pem in ["first.pem", "second.pem", "third.pem"] {
        run("openssl", &format!("verify -CAfile ca.pem {pem}"), house.path()).success();
    }
    run("openssl", "x509 -inform DER -in first.der -noout", house.path()).success();
    for p7c in ["first.p7c", "second.p7c"] {
        run("openssl", &format!("pkcs7 -inform DER -in {p7c} -print_certs -noout"), house.path()).success();
    }
}
