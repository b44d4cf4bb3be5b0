//! The demo as a newcomer runs it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_demo")).args(arguments).output().unwrap()
}

fn openssl_accepts(certificate: &Path, anchor: &Path) -> bool {
    let verify = Command::new("openssl").arg("verify").arg("-CAfile").arg(anchor).arg(certificate).output();
    verify.unwrap().status.success()
}

#[test]
fn a_fleet_of_three_is_enrolled() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("demo");
    let output = demo(&["--stations", "3", "--json", "--dir", directory.to_str().unwrap()]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(errors.is_empty(), "nothing but JSON is asked for: {errors}");

    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let stations = result.get("stations").unwrap().as_array().unwrap();
    assert_eq!(stations.len(), 3);
    let mut serial_numbers: Vec<&Value> =
        stations.iter().map(|station| station.get("serial_number").unwrap()).collect();
    serial_numbers.dedup();
    assert_eq!(serial_numbers.len(), 3);
    let anchor = directory.canonicalize().unwrap().join("raca/ca.pem");
    for station in stations {
        let files = Path::new(station.get("directory").unwrap().as_str().unwrap());
        assert!(openssl_accepts(&files.join("cert.pem"), &anchor), "{station}");
    }
    let log = std::fs::read_to_string(directory.join("demo.log")).unwrap();
    assert!(log.contains("certificate delivered"), "{log}");
    assert!(!log.contains("PRIVATE KEY"));
}

#[test]
fn nothing_is_overwritten_and_typos_are_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("mine.txt"), "mine").unwrap();
    let output = demo(&["--stations", "1", "--dir", directory.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not empty"));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);

    for wrong in [&["--stations", "0"][..], &["--stations", "many"], &["--station", "3"]] {
        assert_eq!(demo(wrong).status.code(), Some(2), "{wrong:?}");
    }
}
