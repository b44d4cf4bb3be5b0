//! The demo as a newcomer runs it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_demo")).args(arguments).output().unwrap()
}

/// What a fleet in that directory leads to, and what was said meanwhile.
fn play(arguments: &[&str], directory: &Path) -> (Value, String) {
    let output = demo(&[arguments, &["--dir", directory.to_str().unwrap()]].concat());
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let log = std::fs::read_to_string(directory.join("demo.log")).unwrap();
    assert!(output.status.success(), "{errors}\n{log}");
    (serde_json::from_slice(&output.stdout).unwrap_or_default(), errors)
}

fn openssl_accepts(certificate: &Path, anchor: &Path) -> bool {
    let verify = Command::new("openssl").arg("verify").arg("-CAfile").arg(anchor).arg(certificate).output();
    verify.unwrap().status.success()
}

/// What is true of every fleet, whatever its size.
fn check(result: &Value, count: usize, directory: &Path) {
    let stations = result["stations"].as_array().unwrap();
    let account = &result["account"];
    let renewed = count.min(100);
    for (what, number) in
        [("stations", count), ("issued", count + renewed), ("renewed", renewed), ("held", count)]
    {
        assert_eq!(account[what], number, "{result}");
    }
    assert_eq!(account["deviations"], Value::Array(Vec::new()));
    assert_eq!(stations.len(), count);
    let serial_numbers: BTreeSet<&str> =
        stations.iter().map(|station| station["serial_number"].as_str().unwrap()).collect();
    assert_eq!(serial_numbers.len(), count);
    for (position, station) in stations.iter().enumerate() {
        assert_eq!(station["issued"], 1 + usize::from(position < renewed), "{station}");
    }
    let by_hand = stations.iter().filter(|station| station["way"] == "by hand").count();
    assert_eq!(Value::from(by_hand), result["outage"]["imported"], "{result}");
    // The registry says the same to somebody else, after everything has stopped.
    let issued = ra_server::list(&directory.join("raca/raca.toml")).unwrap();
    let issued: BTreeSet<&str> = issued
        .iter()
        .filter(|entry| entry.profile == "ne")
        .map(|entry| entry.serial_number.as_str())
        .collect();
    assert_eq!(issued.len(), count + renewed);
    assert!(issued.is_superset(&serial_numbers));
    let log = std::fs::read_to_string(directory.join("demo.log")).unwrap();
    assert!(log.contains("certificate delivered"), "{log}");
    assert!(log.contains("it does not answer"), "{log}");
    assert!(!log.contains("PRIVATE KEY"));
}

#[test]
fn a_fleet_is_enrolled_through_an_outage() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("demo");
    let (result, errors) = play(&["--stations", "12", "--json"], &directory);
    assert!(errors.is_empty(), "nothing but JSON is asked for: {errors}");
    check(&result, 12, &directory);
    let outage = &result["outage"];
    // Two were issued when it was killed, and are found again; two more are signed by hand; one comes late.
    for (what, count) in
        [("caught", 2), ("exported", 4), ("signed", 2), ("answered_before", 2), ("imported", 4), ("late", 1)]
    {
        assert_eq!(outage[what], count, "{what}: {outage}");
    }
    // What was sent before asks for no implicitConfirm; others may have been sent in vain.
    assert!((2..=4).contains(&outage["confirmations"].as_u64().unwrap()), "{outage}");
    let anchor = directory.canonicalize().unwrap().join("raca/ca.pem");
    for station in result["stations"].as_array().unwrap() {
        let files = Path::new(station["directory"].as_str().unwrap());
        assert!(openssl_accepts(&files.join("cert.pem"), &anchor), "{station}");
    }
}

#[test]
fn a_single_station_is_enrolled_and_every_stage_is_explained() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("demo");
    let (_, said) = play(&["--stations", "1"], &directory);
    for stage in [
        "1 factory",
        "2 RA/CA",
        "3 NEM",
        "4 online",
        "5 outage",
        "kill -9",
        "outage since",
        "6 by hand",
        "batch.pki: 1",
        "raca sign:  issued: 0; issued before",
        "checked and taken: 1",
        "7 late",
        "8 back",
        "9 renewal",
        "next certificates: 1 of 1",
        "10 account",
    ] {
        assert!(said.contains(stage), "{stage} is missing:\n{said}");
    }
}

#[test]
fn nothing_is_overwritten_and_typos_are_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("mine.txt"), "mine").unwrap();
    let output = demo(&["--stations", "1", "--dir", directory.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not empty"));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);

    for (wrong, reason) in [
        (&["--stations", "0"][..], "1..=10000"),
        (&["--stations", "10001"], "1..=10000"),
        (&["--stations", "many"], "invalid digit"),
        (&["--station", "3"], "'--station'"),
        (&["3"], "'3'"),
        (&["--", "--stations", "0"], "1..=10000"),
    ] {
        let output = demo(wrong);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(
            said.contains(reason) && said.contains("Exit codes") && said.contains("--stations <N>"),
            "{said}"
        );
    }
    let help = demo(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("Example"));
}
