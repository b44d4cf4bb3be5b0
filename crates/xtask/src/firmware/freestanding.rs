//! The proof without another machine: a static library without std, with its own panic handler and heap, linked by the C
//! compiler into a program that has no C library either. It runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::toolchain::{succeeded, workspace};
use crate::peers::target_folder;

/// Builds library and program, runs it, and has OpenSSL verify the request that comes out. The twins must fail: a library that
/// has std in it, and the search for std's symbols in a program full of them.
pub(crate) fn check() -> Result<(), String> {
    let built = build(&[])?;
    if !built.status.success() {
        return Err(String::from_utf8_lossy(&built.stderr).into_owned());
    }
    let program = link()?;
    if let Some(symbol) = std_symbol(&program)? {
        return Err(format!("{symbol} is std's"));
    }
    let request = succeeded("the freestanding program", Command::new(&program).output())?.stdout;
    verify_request(&request)?;

    let twin = build(&["--features", "with-std"])?;
    if twin.status.success() || !String::from_utf8_lossy(&twin.stderr).contains("E0152") {
        return Err("a library with std in it was not noticed: the check is blind".to_owned());
    }
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    std_symbol(&this)?
        .map_or(Err("no symbol of std was found in xtask: the search is blind".to_owned()), |_| Ok(()))
}

fn build(arguments: &[&str]) -> Result<Output, String> {
    Command::new("cargo")
        .args(["build", "--release", "--quiet", "--locked", "--package", "nostd-check", "--manifest-path"])
        .arg(workspace().join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target_folder()?.join("nostd"))
        .args(arguments)
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))
}

fn link() -> Result<PathBuf, String> {
    let folder = target_folder()?.join("nostd/release");
    let program = folder.join("freestanding");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("nostd-check/freestanding.c");
    let output = Command::new("gcc")
        .args(["-std=c11", "-Os", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-nostdlib", "-static"])
        // A loop that copies is not to become a call of the function it stands in.
        .args(["-fno-tree-loop-distribute-patterns", "-fno-stack-protector", "-o"])
        .arg(&program)
        .arg(source)
        .arg(folder.join("libnostd_check.a"))
        .output();
    succeeded("gcc", output)?;
    Ok(program)
}

/// A symbol of the crate std, in either way of writing symbols.
fn std_symbol(program: &Path) -> Result<Option<String>, String> {
    let output = succeeded("nm", Command::new("nm").arg(program).output())?;
    let symbols = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = symbols.lines().filter_map(|line| line.split_whitespace().last());
    Ok(names.into_iter().find(|name| name.contains("_3std") || name.contains("_ZN3std")).map(str::to_owned))
}

pub(super) fn verify_request(request: &[u8]) -> Result<(), String> {
    let mut child = Command::new("openssl")
        .args(["req", "-inform", "DER", "-verify", "-noout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("openssl cannot be run: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        std::io::Write::write_all(&mut input, request).map_err(|error| error.to_string())?;
    }
    let output = succeeded("openssl req -verify", child.wait_with_output())?;
    // OpenSSL 3.0 ends well all the same when the signature does not hold.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("verify OK") { Ok(()) } else { Err(format!("openssl req -verify: {said}")) }
}
