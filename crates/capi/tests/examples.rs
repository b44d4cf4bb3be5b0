//! The examples: built as C and C++ by two compilers without a warning, and run.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::process::Command;

use support::{CLANG, COMPILERS, GCC, House, SANITIZED, examples, succeeded, valgrind};
use testkit::programs::run;

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

#[test]
fn a_nem_with_a_loop_of_its_own_enrols_three_stations() {
    const STATIONS: [&str; 3] = ["enb1", "enb2", "enb3"];
    let house = House::new();
    house.certify_nem_and_stations(&STATIONS);
    let sources = examples(&["nem_poll.c", "ledger_log.c", "cmp_http.c"]);
    for compiler in COMPILERS {
        let program = house.path().join(compiler.program).with_extension("nem");
        compiler.build(&sources, &[], &program);
    }
    let sanitized = house.path().join("sanitized");
    GCC.build(&sources, &SANITIZED, &sanitized);
    let gcc = house.path().join("gcc.nem");
    // The last one finds everything done, in the ledger of the one before.
    for (mut command, ledger) in [
        (Command::new(&sanitized), "1"),
        (valgrind(&gcc), "2"),
        (Command::new(&gcc), "3"),
        (Command::new(&gcc), "3"),
    ] {
        for station in STATIONS {
            let _ = fs::remove_file(house.path().join(station).with_extension("certificate"));
        }
        command.arg(house.raca.port.to_string());
        command.args([
            "nem.der",
            "nem-key.der",
            "operator-root.der",
            "factory.der",
            &format!("ledger-{ledger}"),
        ]);
        succeeded(command.args(STATIONS).current_dir(house.path()));
        for station in STATIONS {
            run(
                "openssl",
                &format!("pkey -in {station}.own -outform DER -out {station}.own.der"),
                house.path(),
            )
            .success();
            house.verify(&format!("{station}.certificate"), &format!("{station}.own.der"));
        }
    }
}
