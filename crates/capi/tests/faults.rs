//! Everything fails once that C hands in or that the heap gives, and what C does wrong is noticed: by C programs, under the tools that see
//! what they do to memory.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;
use std::process::Command;

use support::{COMPILERS, Compiler, GCC, House, examples, succeeded, test_programs};

/// GCC's: Debian's clang comes without the libraries for it.
const SANITIZED: [&str; 3] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DSANITIZED"];

/// The heap's functions go through the program.
const WRAPPED: [&str; 5] = [
    "-Wl,--wrap=malloc",
    "-Wl,--wrap=calloc",
    "-Wl,--wrap=realloc",
    "-Wl,--wrap=posix_memalign",
    "-Wl,--wrap=free",
];

fn valgrind(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    command.arg(program);
    command
}

/// The enrolment in which everything fails in turn; of the allocations every so many.
fn faults(command: impl Fn(&Path) -> Command, compiler: Compiler, options: &[&str], stride: &str) {
    let house = House::new();
    let program = house.path().join("faults");
    let sources = [test_programs(&["faults.c"]), examples(&["cmp_http.c"])].concat();
    compiler.build(&sources, &[&WRAPPED, options].concat(), &program);
    let said = succeeded(
        command(&program)
            .arg(house.raca.port.to_string())
            .args(["vendor.der", "vendor-key.der", "operator-root.der", "Vendor", "enb1", stride])
            .current_dir(house.path()),
    );
    for what in ["randomness", "clock", "signing", "verification", "one allocation"] {
        let line = said.lines().find(|line| line.starts_with(&format!("{what}: ")));
        assert!(line.is_some_and(|line| !line.contains(": 0, ")), "{what} was not used: {said}");
    }
}

#[test]
fn what_fails_in_turn_is_told_and_leaves_nothing_behind() {
    faults(|program| Command::new(program), GCC, &[], "1");
}

#[test]
fn what_fails_in_turn_does_so_cleanly_before_the_sanitizers() {
    faults(|program| Command::new(program), GCC, &SANITIZED, "7");
}

#[test]
fn what_fails_in_turn_does_so_cleanly_before_valgrind() {
    faults(valgrind, GCC, &["-DSANITIZED"], "101");
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
