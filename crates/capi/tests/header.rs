//! The header is what cbindgen makes of the crate.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

fn generated() -> String {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_folder.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new().with_crate(crate_folder).with_config(config).generate().unwrap();
    let mut header = Vec::new();
    bindings.write(&mut header);
    without_safety(&String::from_utf8(header).unwrap())
}

/// What rustdoc wants said of every call: the header says it once.
fn without_safety(header: &str) -> String {
    let mut lines = Vec::new();
    let mut skipping = false;
    for line in header.lines().map(str::trim_end) {
        skipping |= line == " * # Safety";
        skipping &= line != " */";
        if !skipping {
            // The empty line before it.
            if line == " */" && lines.last() == Some(&" *") {
                lines.pop();
            }
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_header_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/cellcert.h");
    let generated = generated();
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "stale: UPDATE_HEADER=1 cargo test -p capi --test header");
}
