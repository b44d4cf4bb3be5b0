//! The page about stations that speak CMP themselves, run as it stands there, in an empty folder.
#![allow(clippy::unwrap_used, missing_docs)]

mod script;

use script::Script;

#[test]
fn a_station_enrols_updates_asks_and_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let page = include_str!("../../../docs/enb-cmp.md");
    let output = Script::of(page, "crates/demo/tests/enb_cmp.rs. -->").run(folder.path());
    for expected in ["enb17/cert.pem: OK", "CN=SN-4711,O=Vendor", "certificate of", "revoked: enb17/cert.pem"]
    {
        assert!(output.contains(expected), "{expected} is missing:\n{output}");
    }
}
