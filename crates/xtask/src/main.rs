//! The one door for every check: `cargo xtask test`.

mod capi;
mod compose;
mod documents;
mod firmware;
mod fuzz;
mod peers;
mod run;
mod vectors;

use std::process::ExitCode;

use run::Tally;

const USAGE: &str = "\
usage: cargo xtask <command>

commands:
  test      every check: formatting, clippy, documentation, layering, tests with real peers
  documents only what documents say: paths, tests, and that every rule of docs/conformance.md has one
  budget    measures what the libraries cost in firmware, and writes it into docs/firmware.md
  capi      builds the C interface and installs it; --out DIR | --check
  firmware  only what concerns firmware: without std, on other machines' processors, in emulators
  fuzz      looks for inputs that break something; [--seconds N | --runs N] [TARGET ...]
  peers     installs the real peers: Debian packages, and Python's into the target folder
  vectors   makes the project's own test vectors; --out DIR [--force]

example: cargo xtask test";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = arguments.first().cloned().unwrap_or_default();
    let mut tally = Tally::default();
    match command.as_str() {
        "test" => test(&mut tally),
        "firmware" => {
            tally.check("no_std", firmware::check_no_std);
            tally.check("firmware", firmware::check_station);
            tally.check("firmware in C", firmware::check_c_station);
            tally.check("firmware budget", firmware::check_budget);
        }
        "documents" => {
            tally.check("document paths", documents::check_paths);
            tally.check("conformance", documents::check_conformance);
        }
        "budget" => tally.check("firmware budget", firmware::record_budget),
        "capi" => {
            tally.check("C interface", || capi::install(arguments.get(1..).unwrap_or_default()));
        }
        "fuzz" => {
            let arguments = arguments.get(1..).unwrap_or_default();
            tally.check("fuzz", || fuzz::Plan::parse(arguments)?.run());
        }
        "peers" => tally.check("real peers", peers::install),
        "vectors" => tally.check("vectors", || vectors::make(arguments.get(1..).unwrap_or_default())),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    tally.finish()
}

fn test(tally: &mut Tally) {
    tally.check("real peers", peers::install);
    tally.check("document paths", documents::check_paths);
    tally.check("conformance", documents::check_conformance);
    tally.check("layers", firmware::check_layers);
    tally.check("no_std", firmware::check_no_std);
    tally.check("formatting", || {
        run::cargo(&["fmt", "--all", "--check"], &[])?;
        run::cargo(&["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"], &[])?;
        run::cargo(&["fmt", "--all", "--check", "--manifest-path", "examples/firmware/Cargo.toml"], &[])
    });
    tally.check("clippy", || {
        run::cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"], &[])
    });
    tally.check("documentation", || {
        run::cargo(&["doc", "--workspace", "--no-deps", "--quiet"], &[("RUSTDOCFLAGS", "-D warnings")])
    });
    // The README's way by hand needs all of them, and cargo builds those only that have tests of their own.
    tally.check("programs", || run::cargo(&["build", "--workspace", "--bins", "--quiet"], &[]));
    tally.check("C interface", capi::check);
    tally.check("firmware", firmware::check_station);
    tally.check("firmware in C", firmware::check_c_station);
    tally.check("firmware budget", firmware::check_budget);
    tally.check("fuzz targets", || fuzz::Plan::short().run());
    tally.tests("tests", &["test", "--workspace", "--no-fail-fast"]);
}
