//! What firmware links: checked by its dependencies, by a program without std, on emulated machines.

mod budget;
mod c_station;
mod comparison;
mod emulator;
mod freestanding;
mod station;
mod toolchain;

use std::process::Command;

pub(crate) use budget::{check as check_budget, record as record_budget};
pub(crate) use c_station::check as check_c_station;
pub(crate) use freestanding::check as check_no_std;
pub(crate) use station::check as check_station;

/// What firmware links must not drag in what servers need: packages, and how cargo is told to build them.
const FIRMWARE: [(&str, &[&str]); 7] = [
    ("asn1", &[]),
    ("crypto", &[]),
    ("crypto-rustcrypto", &[]),
    ("pkcs10", &[]),
    ("crmf", &[]),
    ("cmp", &[]),
    ("capi", &["--no-default-features", "--features", "firmware"]),
];
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
    for (package, features) in FIRMWARE {
        let output = Command::new("cargo")
            .args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", package])
            .args(features)
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
