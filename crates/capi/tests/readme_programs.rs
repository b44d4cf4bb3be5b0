//! The C programs in the README: short, compiled without a warning, and run.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{CLANG, COMPILERS, GCC, House};
use testkit::programs::run;

/// The program that a section of the README has.
fn program(section: &str) -> String {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once(&format!("\n## {section}\n")).unwrap();
    let (_, rest) = rest.split_once("\n```c\n").unwrap();
    let (program, _) = rest.split_once("```\n").unwrap();
    assert!(program.lines().count() <= 40, "{section}: {}", program.lines().count());
    program.to_owned()
}

fn write(folder: &Path, program: &str) -> std::path::PathBuf {
    let source = folder.join("readme.c");
    fs::write(&source, program).unwrap();
    source
}

#[test]
fn firmware_engineers_get_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let source = write(path, &program("In firmware"));
    for compiler in COMPILERS {
        compiler.build(std::slice::from_ref(&source), &[], &path.join("program"));
        let output = Command::new(path.join("program")).output().unwrap();
        assert!(output.status.success());
        fs::write(path.join("request"), output.stdout).unwrap();
        let said = run("openssl", "req -in request -inform DER -verify -noout -subject", path);
        assert!(said.stderr.contains("verify OK"), "{}", said.stderr);
        assert!(said.stdout.contains("O = Operator, CN = enb17"), "{}", said.stdout);
    }
}

#[test]
fn nem_programmers_get_a_certificate() {
    let house = House::new();
    let path = house.path();
    house.certify_nem_and_stations(&["enb17"]);
    run("openssl", "asn1parse -inform DER -in enb17.p10 -strparse 9 -noout -out enb17.name", path).success();
    fs::copy(path.join("operator-root.der"), path.join("root.der")).unwrap();
    let program =
        program("In NEM software").replace("127.0.0.1:8829", &format!("127.0.0.1:{}", house.raca.port));
    let source = write(path, &program);
    for compiler in [GCC, CLANG] {
        compiler.build(std::slice::from_ref(&source), &["-Wno-pedantic"], &path.join("program"));
        let output = Command::new(path.join("program")).current_dir(path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::write(path.join("issued.der"), output.stdout).unwrap();
        run("openssl", "pkey -in enb17.own -outform DER -out enb17.own.der", path).success();
        house.verify("issued.der", "enb17.own.der");
    }
}
