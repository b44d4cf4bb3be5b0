//! Everything fails once that C hands in or that the heap gives, and what C does wrong is noticed: by C programs, under the tools that see
//! what they do to memory.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;
use std::process::Command;

use support::{COMPILERS, GCC, House, SANITIZED, WRAPPED, examples, succeeded, test_programs, valgrind};

/// What fails in turn, and how the program that lets it fail is built and run.
struct Faults {
    program: &'static str,
    /// What is used at least once.
    uses: &'static [&'static str],
    /// What comes behind the number of the RA/CA's port.
    files: &'static str,
}

/// A station's enrolment.
const STATION: Faults = Faults {
    program: "faults.c",
    uses: &["randomness", "clock", "signing", "verification", "one allocation"],
    files: "vendor.der vendor-key.der operator-root.der Vendor enb1",
};

/// A NEM that lets a station enrol.
const NEM: Faults = Faults {
    program: "nem_faults.c",
    uses: &["randomness", "clock", "signing", "ledger", "one allocation"],
    files: "nem.der nem-key.der operator-root.der factory.der enb1 online",
};

/// The same while the RA/CA is away: the request leaves in a file.
const NEM_BY_HAND: Faults =
    Faults { files: "nem.der nem-key.der operator-root.der factory.der enb1 by-hand", ..NEM };

impl Faults {
    /// Of the allocations every so many fails.
    fn run(&self, command: impl Fn(&Path) -> Command, options: &[&str], stride: &str) {
        let house = House::new();
        house.certify_nem_and_stations(&["enb1"]);
        let program = house.path().join("faults");
        let sources =
            [test_programs(&[self.program, "ledger_map.c", "world.c"]), examples(&["cmp_http.c"])].concat();
        GCC.build(&sources, &[&WRAPPED, options].concat(), &program);
        let said = succeeded(
            command(&program)
                .arg(house.raca.port.to_string())
                .args(self.files.split(' '))
                .arg(stride)
                .current_dir(house.path()),
        );
        for what in self.uses {
            let line = said.lines().find(|line| line.starts_with(&format!("{what}: ")));
            assert!(line.is_some_and(|line| !line.contains(": 0, ")), "{what} was not used: {said}");
        }
    }
}

#[test]
fn what_fails_in_turn_in_a_nem_is_told_and_leaves_nothing_behind() {
    NEM.run(|program| Command::new(program), &[], "1");
}

#[test]
fn what_fails_in_turn_in_a_nem_does_so_cleanly_before_the_sanitizers() {
    NEM.run(|program| Command::new(program), &SANITIZED, "11");
}

#[test]
fn what_fails_in_turn_in_a_nem_does_so_cleanly_before_valgrind() {
    NEM.run(valgrind, &["-DSANITIZED"], "151");
}

#[test]
fn what_fails_in_turn_by_hand_is_told_and_leaves_nothing_behind() {
    NEM_BY_HAND.run(|program| Command::new(program), &[], "1");
}

#[test]
fn what_fails_in_turn_by_hand_does_so_cleanly_before_the_sanitizers() {
    NEM_BY_HAND.run(|program| Command::new(program), &SANITIZED, "11");
}

#[test]
fn what_fails_in_turn_by_hand_does_so_cleanly_before_valgrind() {
    NEM_BY_HAND.run(valgrind, &["-DSANITIZED"], "151");
}

#[test]
fn what_fails_in_turn_is_told_and_leaves_nothing_behind() {
    STATION.run(|program| Command::new(program), &[], "1");
}

#[test]
fn what_fails_in_turn_does_so_cleanly_before_the_sanitizers() {
    STATION.run(|program| Command::new(program), &SANITIZED, "7");
}

#[test]
fn what_fails_in_turn_does_so_cleanly_before_valgrind() {
    STATION.run(valgrind, &["-DSANITIZED"], "101");
}

#[test]
fn a_station_enrols_before_valgrind_and_the_sanitizers() {
    let house = House::new();
    let sources = examples(&["enrol.c", "board_posix.c", "cmp_http.c"]);
    let (plain, sanitized) = (house.path().join("plain"), house.path().join("sanitized"));
    GCC.build(&sources, &[], &plain);
    GCC.build(&sources, &SANITIZED, &sanitized);
    for command in [&mut valgrind(&plain), &mut Command::new(&sanitized)] {
        command.arg(house.raca.port.to_string());
        command.args(["vendor.der", "vendor-key.der", "operator-root.der", "Vendor", "enb1"]);
        let said = succeeded(command.args(["own.der", "own-key.der"]).current_dir(house.path()));
        assert_eq!(said, "done\n");
        house.verify("own.der", "own-key.der");
    }
}

#[test]
fn a_mistake_is_a_code() {
    let folder = tempfile::tempdir().unwrap();
    for compiler in COMPILERS {
        let program = folder.path().join(compiler.program);
        compiler.build(&test_programs(&["misuse.c"]), &[], &program);
        assert_eq!(succeeded(&mut Command::new(&program)), "0 mistakes unnoticed\n");
    }
    let (plain, sanitized) = (folder.path().join("plain"), folder.path().join("sanitized"));
    GCC.build(&test_programs(&["misuse.c"]), &["-DSANITIZED"], &plain);
    GCC.build(&test_programs(&["misuse.c"]), &SANITIZED, &sanitized);
    for command in [&mut valgrind(&plain), &mut Command::new(&sanitized)] {
        assert_eq!(succeeded(command), "0 mistakes unnoticed\n");
    }
}
