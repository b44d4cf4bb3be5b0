//! What `docs/stations.md` tells stations to type works.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::path::Path;

use support::{House, Plan, Raca, eventually, upload};
use testkit::programs::{free_port, run, run_with};

// Between these two the RA/CA is away.
const AWAY: &str = "<!-- The RA/CA is away from here on. -->";
const BACK: &str = "<!-- It is back. -->";

#[test]
fn every_line_of_the_document_runs() {
    let port = free_port();
    let section = format!("[ftps]\nlisten = \"127.0.0.1:{port}\"\n\n[intake]");
    let house = House::with(&Plan { settings: &[("[intake]", &section)], ..Plan::default() });
    for request in ["enb1", "next", "later", "last", "scratch"] {
        house.request(request, "/CN=enb1.operator.example");
    }
    fs::copy(house.path().join("ra/ca.pem"), house.path().join("ca.pem")).unwrap();
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/stations.md");
    let document = fs::read_to_string(document).unwrap();
    let runs =
        |line: &&str| ["curl ", "lftp ", "openssl ", AWAY, BACK].iter().any(|word| line.starts_with(word));
    let lines: Vec<&str> = document.lines().filter(runs).collect();
    assert!(lines.len() > 25);
    let (nem, ftps) = (format!("https://{}", house.nem.address()), format!("ftp://localhost:{port}"));
    let environment = [("NEM", nem.as_str()), ("FTPS", ftps.as_str())];
    let House { nem: server, raca, folder, .. } = house;
    let at = raca.url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let (mut raca, mut before) = (Some(raca), 0);
    for line in lines {
        match line {
            AWAY => {
                before = raca.take().map_or(0, |raca| raca.issued().len());
                // Until the NEM has noticed, it makes messages for it.
                upload(folder.path(), &server, "enb1", "scratch.p10", "application/pkcs10");
                server.wait_for_log(&["WARN", "it does not answer; asking again"]);
                continue;
            }
            BACK => {
                let back = Raca::start(folder.path(), &at, 0);
                // What noticed that it was away, and the one that was not cancelled.
                let valid = || back.issued().iter().filter(|entry| entry.status == "valid").count();
                eventually(|| valid() == before + 2);
                raca = Some(back);
                continue;
            }
            _ => {}
        }
        let ended = run_with("sh", &["-c", line], folder.path(), &environment);
        assert_eq!(ended.code, Some(0), "{line}\n{}{}{}", ended.stdout, ended.stderr, server.log());
    }
    for pem in ["first.pem", "second.pem", "third.pem", "sixth.pem"] {
        run("openssl", &format!("verify -CAfile ca.pem {pem}"), folder.path()).success();
    }
    run("openssl", "x509 -inform DER -in first.der -noout", folder.path()).success();
    for p7c in ["first.p7c", "second.p7c"] {
        run("openssl", &format!("pkcs7 -inform DER -in {p7c} -print_certs -noout"), folder.path()).success();
    }
}
