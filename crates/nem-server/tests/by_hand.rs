//! The manual procedure with the real programs: what `docs/manual-procedure.md` tells to type, archives, and folders that are watched.
//! `by_hand_killed.rs` has kill -9 at every step.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;

use ra_server::{SignApproval, SignOptions};
use serde_json::Value;
use support::{House, NEM, Plan, eventually};
use testkit::programs::{Server, free_port, run, run_with};

const SUBJECT: &str = "/CN=enb1.operator.example";

/// A NEM whose RA/CA does not answer: it is there for `raca sign` only.
fn away(settings: &[(&str, &str)]) -> House {
    let upstream = format!("http://127.0.0.1:{}/.well-known/cmp", free_port());
    let no_hold = [
        ("hold_seconds = 5", "hold_seconds = 0"),
        ("max_requests_per_station = 4", "max_requests_per_station = 99"),
    ];
    let settings: Vec<(&str, &str)> = no_hold.into_iter().chain(settings.iter().copied()).collect();
    let house = House::with(&Plan { upstream: Some(&upstream), settings: &settings, ..Plan::default() });
    upload(house.path(), &house.nem, "first");
    house.nem.wait_for_log(&["it does not answer"]);
    house
}

/// A new request of enb1, which is told to come back.
fn upload(folder: &Path, nem: &Server, name: &str) {
    support::request(folder, name, SUBJECT);
    let file = format!("{name}.p10");
    assert_eq!(support::upload(folder, nem, "enb1", &file, "application/pkcs10").0, 202);
}

fn sign(folder: &Path, input: &str, output: &str) {
    let mut options = SignOptions::new(folder.join(input), folder.join(output));
    options.approval = SignApproval::All;
    ra_server::sign(&folder.join("ra/raca.toml"), &options, &mut |_| {}).unwrap();
}

fn nem(folder: &Path, words: &str) -> String {
    run(NEM, &format!("{words} --config nem/nem.toml --log error"), folder).success()
}

fn json(folder: &Path, words: &str) -> Value {
    serde_json::from_str(&nem(folder, &format!("{words} --json"))).unwrap()
}

fn fetched(folder: &Path, server: &Server, name: &str) {
    let file = format!("{name}.p10");
    let (status, body) = support::upload(folder, server, "enb1", &file, "application/pkcs10");
    assert_eq!(status, 200, "{name}: {body}\n{}", server.log());
}

#[test]
fn every_line_of_the_document_runs() {
    let House { nem: server, raca, folder, .. } = away(&[]);
    drop(raca); // Its registry is for `raca sign` now.
    let folder = folder.path();
    for (from, to) in [("ra/ca.pem", "ca.pem"), ("ra/ca.key.pem", "ca.key")] {
        fs::copy(folder.join(from), folder.join(to)).unwrap();
    }
    fs::create_dir(folder.join("bin")).unwrap();
    std::os::unix::fs::symlink(NEM, folder.join("bin/nem")).unwrap();
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manual-procedure.md");
    let document = fs::read_to_string(document).unwrap();
    let is_command = |line: &&str| {
        ["nem ", "raca ", "openssl ", "printf ", "mkdir ", "for "].iter().any(|word| line.starts_with(word))
    };
    let lines: Vec<&str> = document.lines().filter(is_command).collect();
    assert!(lines.len() > 12, "{lines:?}");
    let mut exports = 0;
    for line in lines {
        if line.starts_with("raca sign") {
            let words: Vec<&str> = line.split_whitespace().collect();
            sign(folder, words[5], words[7]);
            continue;
        }
        if line.starts_with("nem export ") && !line.contains("--again") {
            exports += 1;
            if exports > 1 {
                upload(folder, &server, &format!("request{exports}"));
            }
        }
        let known = json(folder, "exports");
        let out = known.as_array().unwrap().iter().find(|export| export["out"] != 0);
        let export = out.map_or("", |export| export["export"].as_str().unwrap());
        let environment = [("PATH", path.as_str()), ("EXPORT", export)];
        let ended = run_with("sh", &["-c", line], folder, &environment);
        assert_eq!(ended.code, Some(0), "{line}\n{}{}{}", ended.stdout, ended.stderr, server.log());
    }
    assert_eq!(exports, 3);
    fetched(folder, &server, "first");
    fetched(folder, &server, "request2");
    let issued = ra_server::list(&folder.join("ra/raca.toml")).unwrap();
    assert_eq!(issued.iter().filter(|entry| entry.profile == "ne").count(), 1);
}

#[test]
fn files_that_are_wrong_are_refused_and_nothing_is_overwritten() {
    let House { nem: server, raca, folder, .. } = away(&[]);
    drop(raca);
    let folder = folder.path();
    let refused = |words: &str, reason: &str| {
        let error = run(NEM, &format!("{words} --config nem/nem.toml"), folder).failure(1);
        assert!(error.contains(reason), "{words}: {error}");
    };
    fs::write(folder.join("mine.pki"), "mine").unwrap();
    refused("export --out mine.pki", "nothing is overwritten");
    refused("export --out nowhere/batch.pki", "cannot be written");
    refused("export --out batch.zip --form pkcs10", "the RA/CA may have it");
    refused("export --out batch.pki --upstream far", "no RA/CA of that name");
    assert!(json(folder, "exports").as_array().unwrap().is_empty());
    upload(folder, &server, "second");
    // Now only questions that ask for nothing go up.
    eventually(|| json(folder, "status")["upstreams"][0]["health"] == "down");
    assert_eq!(json(folder, "export --out batch.pki")["requests"], 2);
    let list = fs::read_to_string(folder.join("batch.pki.txt")).unwrap();
    assert_eq!(list.matches("enb1\t").count(), 2, "{list}");
    refused("export --out again.pki", "nothing to export");
    assert!(!folder.join("again.pki").exists() && !folder.join("again.pki.txt.tmp").exists());
    sign(folder, "batch.pki", "answer.pki");
    let answer = fs::read(folder.join("answer.pki")).unwrap();
    fs::write(folder.join("short.pki"), &answer[..answer.len() / 2]).unwrap();
    let mut changed = answer.clone();
    changed[answer.len() / 2] ^= 1;
    fs::write(folder.join("changed.pki"), changed).unwrap();
    fs::write(folder.join("text"), "hello").unwrap();
    refused("import short.pki", "not whole");
    refused("import changed.pki", "changed.pki");
    refused("import text", "neither");
    refused("import batch.pki", "not the answer");
    refused("import nowhere", "nowhere");
    refused("import ra/ca.pem", "holds neither");
    let taken = json(folder, "import answer.pki");
    assert_eq!(taken["counts"]["issued"], 2);
    assert_eq!(taken["entries"].as_array().unwrap().len(), 2, "--json tells all");
    refused("import answer.pki", "answered or released before");
    refused("release --export 00112233445566778899aabbccddeeff", "no such export");
    refused("release --export 1", "nem exports");
    fetched(folder, &server, "first");
}

#[test]
fn an_archive_leaves_and_another_comes_back() {
    let House { nem: server, raca, folder, .. } = away(&[]);
    let folder = folder.path();
    upload(folder, &server, "second");
    upload(folder, &server, "third");
    let report = json(folder, "export --out requests.zip --form pkcs10");
    assert_eq!((&report["requests"], &report["left"][0]["requests"]), (&2.into(), &1.into()));
    let mut archive = zip::ZipArchive::new(fs::File::open(folder.join("requests.zip")).unwrap()).unwrap();
    let mut certificates = zip::ZipWriter::new(fs::File::create(folder.join("answers.zip")).unwrap());
    for position in 0..archive.len() {
        let mut file = archive.by_index(position).unwrap();
        let name = file.name().unwrap().into_owned();
        let path = folder.join(&name);
        std::io::copy(&mut file, &mut fs::File::create(&path).unwrap()).unwrap();
        if name.ends_with(".csr") {
            raca.issue(&path, "ne", &folder.join("issued.pem"));
            // Names lead nowhere.
            certificates
                .start_file(format!("../../{name}.pem"), zip::write::SimpleFileOptions::default())
                .unwrap();
            // As some CAs hand them out: PKCS #7, one in DER and one in PEM.
            let form = if position % 2 == 0 { "DER" } else { "PEM" };
            let wrap = format!(
                "crl2pkcs7 -nocrl -certfile issued.pem -certfile ra/ca.pem -outform {form} -out issued.p7"
            );
            run("openssl", &wrap, folder).success();
            certificates.write_all(&fs::read(folder.join("issued.p7")).unwrap()).unwrap();
        }
    }
    certificates.finish().unwrap();
    let whole = fs::read(folder.join("answers.zip")).unwrap();
    fs::write(folder.join("cut.zip"), &whole[..whole.len() - 30]).unwrap();
    let error = run(NEM, "import cut.zip --config nem/nem.toml", folder).failure(1);
    assert!(error.contains("no whole zip archive"), "{error}");
    assert_eq!(json(folder, "import answers.zip")["counts"]["issued"], 2);
    assert_eq!(json(folder, "import answers.zip")["counts"]["before"], 2);
    fetched(folder, &server, "second");
    fetched(folder, &server, "third");
    assert!(!folder.parent().unwrap().join("x").exists());
}

#[test]
fn folders_are_enough_to_carry() {
    let port = free_port();
    let section = format!(
        "[by_hand]\noutage_after_seconds = 0\npoll_seconds = 1\n\n[admin]\nlisten = \"127.0.0.1:{port}\"\n\n[intake]"
    );
    let House { nem: server, raca, folder, .. } = away(&[("[intake]", &section)]);
    drop(raca);
    let folder = folder.path();
    let config = fs::read_to_string(folder.join("nem/nem.toml")).unwrap();
    let folders = "[by_hand]\ndrop = \"outbox\"\nanswers = \"inbox\"\n";
    fs::write(folder.join("nem/nem.toml"), config.replace("[by_hand]\n", folders)).unwrap();
    nem(folder, "reload");
    server.wait_for_log(&["this is an outage"]);
    server.wait_for_log(&["requests left in a file"]);
    assert!(nem(folder, "status").contains("outage since"));
    eventually(|| {
        let metrics = run("curl", &format!("-sS --fail http://127.0.0.1:{port}/metrics"), folder).success();
        let lasts =
            metrics.lines().find_map(|line| line.strip_prefix("nem_outage_seconds ")).unwrap().to_owned();
        lasts != "0"
    });
    let outbox = folder.join("nem/outbox");
    let files: Vec<_> = fs::read_dir(&outbox).unwrap().map(|entry| entry.unwrap().path()).collect();
    let batch = files.iter().find(|path| path.extension().is_some_and(|ending| ending == "pki")).unwrap();
    fs::write(folder.join("nem/inbox/wrong.pki"), "wrong").unwrap();
    sign(folder, batch.to_str().unwrap(), "answer.pki");
    let answer = fs::read(folder.join("answer.pki")).unwrap();
    let arriving = folder.join("nem/inbox/answer.pki");
    fs::write(&arriving, &answer[..answer.len() / 2]).unwrap();
    fs::write(folder.join("nem/inbox/wrong too.pki"), "wrong").unwrap();
    eventually(|| folder.join("nem/inbox/refused/wrong.pki.report.txt").exists());
    // What came after the half of the answer was looked at as often, and is gone.
    eventually(|| folder.join("nem/inbox/refused/wrong too.pki.report.txt").exists());
    assert!(arriving.exists(), "a copy that stands still for a moment is waited for");
    fs::write(&arriving, &answer).unwrap();
    eventually(|| folder.join("nem/inbox/done/answer.pki.report.txt").exists());
    assert_eq!(fs::read(folder.join("nem/inbox/done/answer.pki")).unwrap(), answer, "nothing is deleted");
    assert_eq!(fs::read(folder.join("nem/inbox/refused/wrong.pki")).unwrap(), b"wrong");
    fetched(folder, &server, "first");
}
