//! A NEM in C, and a station that speaks CMP itself.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::process::Command;

use support::{
    COMPILERS, GCC, House, SANITIZED, WRAPPED, examples, succeeded, test_programs, to_der, valgrind,
};
use testkit::programs::run_words;

const FILES: &str =
    "nem.der nem-key.der operator-root.der factory.der vendor.der vendor-key.der vendor.p10 enb1";

struct Prepared {
    house: House,
}

impl Prepared {
    fn new() -> Self {
        let house = House::new();
        house.certify_nem_and_stations(&["enb1"]);
        to_der(house.path(), "enb1", "vendor");
        // Of the vendor's name, and another key each time.
        let words = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout p10.key -out vendor.p10 -outform DER -subj /O=Vendor/CN=enb1";
        run_words("openssl", &testkit::programs::words(words, &[]), house.path()).success();
        Self { house }
    }

    /// What it printed.
    fn run(&self, mut command: Command, passing: &str, stride: &str) -> String {
        command.arg(self.house.raca.port.to_string()).args(FILES.split(' ')).args([passing, stride]);
        let said = succeeded(command.current_dir(self.house.path()));
        assert!(said.ends_with("done\n"), "{said}");
        said
    }
}

fn sources() -> Vec<std::path::PathBuf> {
    [test_programs(&["nem_stations.c", "ledger_map.c", "world.c"]), examples(&["cmp_http.c"])].concat()
}

#[test]
fn a_station_that_speaks_cmp_enrols_through_a_nem_in_c() {
    for passing in ["0", "1", "2"] {
        let prepared = Prepared::new();
        let compiler = COMPILERS[if passing == "0" { 1 } else { 2 }];
        let program = prepared.house.path().join("program");
        compiler.build(&sources(), &WRAPPED, &program);
        prepared.run(Command::new(&program), passing, "0");
    }
}

#[test]
fn what_fails_in_turn_meanwhile_is_told_and_leaves_nothing_behind() {
    for (options, stride) in [(&[][..], "1"), (&SANITIZED[..], "71"), (&[], "997")] {
        let prepared = Prepared::new();
        let program = prepared.house.path().join("program");
        GCC.build(&sources(), &[&WRAPPED, options].concat(), &program);
        let command = if stride == "997" { valgrind(&program) } else { Command::new(&program) };
        let said = prepared.run(command, "2", stride);
        for what in ["randomness", "clock", "signing", "ledger", "one allocation"] {
            let line = said.lines().find(|line| line.starts_with(&format!("{what}: ")));
            assert!(line.is_some_and(|line| !line.contains(": 0, ")), "{what} was not used: {said}");
        }
    }
}
