//! `enb inspect` over every vector at hand, and over what is no message.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::programs::run;

const ENB: &str = env!("CARGO_BIN_EXE_enb");

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "der") {
            found.push(path);
        }
    }
}

fn vectors() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    files(&crates.join("testkit/vectors"), &mut found);
    let outside = crates.join("../../shared/spec/vectors");
    if outside.exists() {
        files(&outside, &mut found);
    } else {
        println!("the outside vectors are not at hand; the project's own are used");
    }
    found
}

#[test]
fn every_vector_is_shown_or_refused_with_a_reason() {
    let mut shown = 0;
    for path in vectors() {
        let octets = fs::read(&path).unwrap();
        match enb::inspect(&octets) {
            Ok(inspection) => {
                shown += 1;
                let text = inspection.to_string();
                let kinds = ["PKIMessage", "CertificationRequest", "CertReqMessages"];
                assert!(kinds.iter().any(|kind| text.starts_with(kind)), "{}: {text}", path.display());
                assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{}", path.display());
            }
            Err(reason) => assert!(!reason.to_string().is_empty(), "{}", path.display()),
        }
    }
    assert!(shown > 30, "{shown}");
}

#[test]
fn cut_short_or_changed_it_still_says_something() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/vectors/openssl-mock");
    for name in ["sig_1_ir.der", "p10cr_1.der", "rr_1.der"] {
        let good = fs::read(folder.join(name)).unwrap();
        for length in 0..good.len() {
            enb::inspect(good.get(..length).unwrap()).unwrap_err();
        }
        for position in 0..good.len() {
            let mut bad = good.clone();
            *bad.get_mut(position).unwrap() ^= 0x55;
            let _ = enb::inspect(&bad);
        }
    }
}

#[test]
fn the_command_prints_text_and_json() {
    let folder = tempfile::tempdir().unwrap();
    let vector = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/vectors/openssl-mock/sig_1_ir.der");
    fs::copy(vector, folder.path().join("ir.der")).unwrap();
    let text = run(ENB, "inspect ir.der", folder.path()).success();
    for expected in ["PKIMessage", "transactionID:", "certTemplate", "verdict: the signature verifies"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let json: Value =
        serde_json::from_str(&run(ENB, "inspect --json ir.der", folder.path()).success()).unwrap();
    assert!(json.to_string().contains("transactionID"), "{json}");
}

#[test]
fn what_lies_inside_is_shown() {
    let own = |name: &str| enb::inspect(&testkit::vectors::own(name)).unwrap().to_string();
    let batch = own("derived/nested_batch_request.der");
    for expected in
        ["nested[2]", "p10cr", "oldCertID", "extensionRequest", "proofOfPossession: the signature verifies"]
    {
        assert!(batch.contains(expected), "{expected}: {batch}");
    }
    let deep = own("composed/20_nested.der");
    assert!(deep.contains("kur[0]"), "messages of messages: {deep}");
    let mac = own("derived/pbmac1_p10cr.der");
    for expected in
        ["id-PBMAC1", "iterationCount: 10000", "keyLength: 32", "messageAuthScheme: id-hmacWithSHA256"]
    {
        assert!(mac.contains(expected), "{expected}: {mac}");
    }
    let mac = own("derived/pbm_sha256_p10cr.der");
    assert!(mac.contains("owf: id-sha256") && mac.contains("mac: id-hmacWithSHA256"), "{mac}");
}

/// Not a single number where a name is known: every body, proof, control and type of information.
#[test]
fn object_identifiers_have_their_names() {
    let names = testkit::vectors::own_names().into_iter().filter(|name| name.starts_with("composed/"));
    for name in names {
        let shown = enb::inspect(&testkit::vectors::own(&name)).unwrap().to_string();
        let unnamed = shown.lines().filter(|line| line.contains("1.2.840.") || line.contains("1.3.6.1.5.5."));
        assert_eq!(unnamed.collect::<Vec<_>>(), [""; 0], "{name}");
        assert!(!shown.contains("malformed"), "{name}: {shown}");
        // A secret is not shown.
        for secret in ["tellnobody", "again and again"] {
            assert!(!shown.contains(secret), "{name}: {shown}");
        }
    }
}

#[test]
fn what_deviates_is_shown_as_such() {
    let Some(octets) = testkit::vectors::outside("cmp-test-suite/example-p10cr-rufus.der") else { return };
    let shown = enb::inspect(&octets).unwrap().to_string();
    assert!(shown.contains("deviations[0]: messageTime has an offset"), "{shown}");
}

#[test]
fn what_is_no_message_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, octets: &[u8]| fs::write(folder.path().join(name), octets).unwrap();
    write("empty", b"");
    write("text", b"hello");
    write("other.der", &[0x30, 0x03, 0x02, 0x01, 0x05]);
    write("large", &vec![0x30; 20_000_000]);
    for file in ["empty", "text", "other.der", "large", "nowhere"] {
        let reason = run(ENB, &format!("inspect {file}"), folder.path()).failure(1);
        assert!(reason.contains(file) && reason.len() > file.len() + 10, "{reason}");
    }
    run(ENB, "keygen --out a.key", folder.path()).success();
    let reason = run(ENB, "inspect a.key", folder.path()).failure(1);
    let key = fs::read_to_string(folder.path().join("a.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    assert!(!reason.contains(secret), "{reason}");
}
