//! The operators' page about keys, run as it stands there, in an empty folder: an RA/CA and a NEM with their keys in
//! SoftHSM2, and a station with encrypted ones.
#![allow(clippy::unwrap_used, missing_docs)]

mod script;

use script::Script;

#[test]
fn the_way_with_tokens_and_encrypted_files_leads_to_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let page = include_str!("../../../docs/keys.md");
    let output = Script::of(page, "crates/demo/tests/keys.rs. -->").run(folder.path());
    assert!(output.contains("enb17/cert.pem: OK"), "{output}");
    let files = |folder: std::path::PathBuf| {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    for directory in ["raca", "nem"] {
        let files = files(folder.path().join(directory));
        assert!(!files.iter().any(|file| file.contains("key")), "a key was written: {files:?}");
    }
    let own = std::fs::read_to_string(folder.path().join("enb17/key.pem")).unwrap();
    assert!(own.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{own}");
}
