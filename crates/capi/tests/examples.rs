//! The examples: built as C and C++ by two compilers without a warning, and run.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::process::Command;

use support::{CLANG, COMPILERS, House, examples, succeeded};

const ENROLMENT: [&str; 3] = ["enrol.c", "board_posix.c", "cmp_http.c"];

#[test]
fn a_station_enrols_at_the_real_ra_ca() {
    let house = House::new();
    for compiler in COMPILERS {
        let program = house.path().join(compiler.program).with_extension("enrol");
        compiler.build(&examples(&ENROLMENT), &[], &program);
        let said = succeeded(
            Command::new(&program)
                .arg(house.raca.port.to_string())
                .args([
                    "vendor.der",
                    "vendor-key.der",
                    "operator-root.der",
                    "Vendor",
                    "enb1",
                    "own.der",
                    "own-key.der",
                ])
                .current_dir(house.path()),
        );
        assert_eq!(said, "done\n");
        house.verify("own.der", "own-key.der");
    }
}

#[test]
fn a_station_refuses_another_operators_root() {
    let house = House::new();
    let program = house.path().join("enrol");
    CLANG.build(&examples(&ENROLMENT), &[], &program);
    let output = Command::new(&program)
        .arg(house.raca.port.to_string())
        .args(["vendor.der", "vendor-key.der", "vendor.der", "Vendor", "enb1", "own.der", "own-key.der"])
        .current_dir(house.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "the signer is not trusted\n");
    assert!(!output.status.success() && !house.path().join("own.der").exists());
}
