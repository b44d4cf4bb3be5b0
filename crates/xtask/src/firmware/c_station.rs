//! The C interface's firmware profile: built for a Cortex-M4, linked by the C compiler with the enrolment of the examples, which runs on an
//! emulated board.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use testkit::programs::run;

use super::emulator::{Board, House, run_program};
use super::toolchain::{Unpacked, arm_gcc, cargo, succeeded};
use crate::peers::target_folder;

/// Builds it, and has it enrol at `raca`.
pub(crate) fn check() -> Result<(), String> {
    let program = build()?;
    let emulators = Unpacked::emulators()?;
    // Servers and peers of the test kit say by a panic what went wrong.
    let enrolled = || enrol(&emulators, &program);
    catch_unwind(AssertUnwindSafe(enrolled)).map_err(|_| "see above".to_owned())?
}

fn build() -> Result<PathBuf, String> {
    let target = Board::Mps2An386.target();
    let folder = target_folder()?.join("firmware");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = cargo(&Unpacked::compiler()?, &["rustc", "--profile", "firmware"], target)
        .args(["--package", "capi", "--lib", "--crate-type", "staticlib"])
        .args(["--no-default-features", "--features", "firmware", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&folder)
        .output();
    succeeded("cargo rustc", output)?;
    let library = folder.join(target).join("firmware/libcellcert.a");
    let program = library.with_file_name("c-station");
    let examples = root.join("crates/capi/examples");
    let sources = ["enrol.c", "board_mps2.c", "mps2_an386.c"].map(|name| examples.join(name));
    arm_gcc(&program, &[&examples, &root.join("crates/capi/include")], &[&sources[..], &[library]].concat())?;
    Ok(program)
}

fn enrol(emulators: &Unpacked, program: &Path) -> Result<(), String> {
    let house = House::new()?;
    let path = house.path();
    let enrolled = run_program(emulators, Board::Mps2An386, program, &house, &|reply| reply)?;
    if enrolled.code != Some(0) {
        return Err(format!("it ended with {:?}: {}", enrolled.code, enrolled.console));
    }
    fs::write(path.join("certificate.der"), enrolled.only(b'c')?).map_err(|error| error.to_string())?;
    run("openssl", "x509 -inform DER -in certificate.der -out certificate.pem", path).success();
    run("openssl", "verify -CAfile ra/ca.pem certificate.pem", path).success();

    // Another operator's root is pinned.
    fs::copy(path.join("vendor.der"), path.join("operator-root.der")).map_err(|error| error.to_string())?;
    let refused = run_program(emulators, Board::Mps2An386, program, &house, &|reply| reply)?;
    if refused.code == Some(1) && refused.console.contains("not trusted") && refused.only(b'c').is_err() {
        Ok(())
    } else {
        Err(format!("it should have refused another root: {:?} {}", refused.code, refused.console))
    }
}
