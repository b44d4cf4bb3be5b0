use std::path::Path;
use std::process::{Command, Output};

/// What firmware links must not drag in what servers need.
const FIRMWARE: [&str; 6] = ["asn1", "crypto", "crypto-rustcrypto", "pkcs10", "crmf", "cmp"];
const SERVER_ONLY: [&str; 11] = [
    "tokio",
    "hyper",
    "axum",
    "rustls",
    "reqwest",
    "aws-lc-rs",
    "aws-lc-sys",
    "cryptoki",
    "libloading",
    "redb",
    "getrandom",
];

pub(crate) fn check_layers() -> Result<(), String> {
    for package in FIRMWARE {
        let output = Command::new("cargo")
            .args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", package])
            .output()
            .map_err(|error| format!("cargo cannot be started: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let tree = String::from_utf8_lossy(&output.stdout).into_owned();
        let names = tree.lines().filter_map(|line| line.split_whitespace().next());
        if let Some(name) = names.into_iter().find(|name| SERVER_ONLY.contains(name)) {
            return Err(format!("{package} depends on {name}, which firmware must not link"));
        }
    }
    Ok(())
}

/// Builds the static library of `nostd-check`, and its twin that must fail because it has std in it.
pub(crate) fn check_no_std() -> Result<(), String> {
    let built = build_no_std(&[])?;
    if !built.status.success() {
        return Err(String::from_utf8_lossy(&built.stderr).into_owned());
    }
    let twin = build_no_std(&["--features", "with-std"])?;
    if twin.status.success() || !String::from_utf8_lossy(&twin.stderr).contains("E0152") {
        return Err("a library with std in it was not noticed: the check is blind".to_owned());
    }
    Ok(())
}

fn build_no_std(arguments: &[&str]) -> Result<Output, String> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    Command::new("cargo")
        .args(["build", "--release", "--quiet", "--locked", "--manifest-path"])
        .arg(xtask.join("nostd-check/Cargo.toml"))
        .arg("--target-dir")
        .arg(xtask.join("../../target/nostd"))
        .args(arguments)
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))
}
