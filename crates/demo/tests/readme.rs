//! The README's way by hand, and how docs/batches.md watches its NEM, run as they stand there, in an empty folder.
#![allow(clippy::unwrap_used, missing_docs)]

mod script;

use script::Script;

#[test]
fn the_way_by_hand_leads_to_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let readme = include_str!("../../../README.md");
    let (by_hand, _) = readme.split_once("\n## In a program").unwrap();
    let batches = include_str!("../../../docs/batches.md");
    let (_, watching) = batches.split_once("\n## Watching and steering").unwrap();
    let output =
        Script::of(&[by_hand, watching].concat(), "crates/demo/tests/readme.rs. -->").run(folder.path());
    for expected in [
        "enb17/cert.pem: OK",
        "delivered",
        "CN=enb17.operator.example",
        "BEGIN CERTIFICATE",
        "RA/CAs read again: raca",
    ] {
        assert!(output.contains(expected), "{expected} is missing:\n{output}");
    }
}
