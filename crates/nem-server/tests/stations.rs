//! Inventories go in and out, also while `nem serve` runs.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;

use support::{House, NEM, eventually};
use testkit::programs::run;

#[test]
fn stations_are_imported_and_exported_while_the_nem_serves() {
    let house = House::new();
    house.request("good", "/CN=enb1.operator.example");
    house.delivers("enb1", "good.p10");

    // Two come in, and one of them is the station there is, blocked from now on.
    let fleet = "name,vendor_subject,subject,state,groups\n\
                 enb1,\"CN=enb1,O=Vendor\",CN=enb1.operator.example,blocked,south\n\
                 enb2,\"CN=enb2,O=Vendor\",CN=enb2.operator.example,,south 5g\n";
    fs::write(house.path().join("fleet.csv"), fleet).unwrap();
    let import = "stations import --config nem/nem.toml fleet.csv --json";
    let counts = run(NEM, import, house.path()).success();
    assert_eq!(counts.trim(), r#"{"added":1,"removed":0,"replaced":1}"#);
    house.nem.wait_for_log(&["inventory read again", "2"]);
    house.request("second", "/CN=enb1.operator.example");
    house.refuses("enb1", "second.p10", 403, "blocked");

    for (format, file) in [("csv", "all.csv"), ("json", "all.json")] {
        let export = format!("stations export --config nem/nem.toml --format {format}");
        let text = run(NEM, &export, house.path()).success();
        assert!(text.contains("enb2") && text.contains("5g"), "{text}");
        fs::write(house.path().join(file), text.replace("blocked", "expected")).unwrap();
        // What was exported is imported again.
        let import = format!("stations import --config nem/nem.toml --only-these {file}");
        let counts = run(NEM, &import, house.path()).success();
        assert_eq!(counts.trim(), "0 added, 2 replaced, 0 removed");
        eventually(|| house.upload("enb1", "second.p10").0 == 200);
    }
    let stations = run(NEM, "stations --config nem/nem.toml --json", house.path()).success();
    assert!(
        stations.contains(r#""state": "enrolled""#) && stations.contains(r#""state": "expected""#),
        "{stations}"
    );
}

#[test]
fn what_would_be_no_inventory_changes_nothing() {
    let house = House::new();
    let before = fs::read_to_string(house.path().join("nem/stations.toml")).unwrap();
    for (text, reason) in [
        ("name,vendor_subject,subject\nenb2,CN=2,CN=enb1.operator.example\n", "same operator subject"),
        ("name,vendor_subject,subject\nenb2,CN=2,CN=a\nenb2,CN=3,CN=b\n", "two stations are called enb2"),
        ("name,subject\nenb2,CN=a\n", "neither a vendor subject"),
        ("name,vendor_serial,subject\nenb2,1,CN=a\nenb3,x,CN=b\n", "line 3"),
    ] {
        fs::write(house.path().join("fleet.csv"), text).unwrap();
        let ended = run(NEM, "stations import --config nem/nem.toml fleet.csv", house.path());
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(reason) && ended.stderr.contains("fleet.csv"), "{}", ended.stderr);
    }
    assert_eq!(fs::read_to_string(house.path().join("nem/stations.toml")).unwrap(), before);
    assert_eq!(run(NEM, "stations --json", house.path()).code, Some(2), "--config is missing");
    assert_eq!(run(NEM, "stations export --config nem/nem.toml --format xml", house.path()).code, Some(2));
}
