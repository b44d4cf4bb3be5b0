//! The page for whoever runs the RA/CA, run as it stands there, in an empty folder.
#![allow(clippy::unwrap_used, missing_docs)]

mod script;

use script::Script;

#[test]
fn the_operators_page_holds() {
    let folder = tempfile::tempdir().unwrap();
    let page = include_str!("../../../docs/raca.md");
    let output = Script::of(page, "crates/demo/tests/operator.rs. -->").run(folder.path());
    for expected in
        ["CN=enb17", "keyCompromise", "1 revoked", "ra/cmp.pem: OK", "the last hash is", "new.pem: OK"]
    {
        assert!(output.contains(expected), "{expected} is missing:\n{output}");
    }
}
