//! The one door for every check: `cargo xtask test`.

mod documents;
mod firmware;
mod peers;
mod run;
mod vectors;

use std::process::ExitCode;

use run::Tally;

const USAGE: &str = "\
usage: cargo xtask <command>

commands:
  test    every check: formatting, clippy, documentation, layering, tests with real peers
  peers   installs the real peers: Debian packages, and Python's into the target folder
  vectors records test vectors with OpenSSL's CMP client and mock server; --out DIR [--force]

example: cargo xtask test";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = arguments.first().cloned().unwrap_or_default();
    let mut tally = Tally::default();
    match command.as_str() {
        "test" => test(&mut tally),
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
    tally.check("layers", firmware::check_layers);
    tally.check("no_std", firmware::check_no_std);
    tally.check("formatting", || run::cargo(&["fmt", "--all", "--check"], &[]));
    tally.check("clippy", || {
        run::cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"], &[])
    });
    tally.check("documentation", || {
        run::cargo(&["doc", "--workspace", "--no-deps", "--quiet"], &[("RUSTDOCFLAGS", "-D warnings")])
    });
    // The README's way by hand needs all of them, and cargo builds those only that have tests of their own.
    tally.check("programs", || run::cargo(&["build", "--workspace", "--bins", "--quiet"], &[]));
    tally.tests("tests", &["test", "--workspace", "--no-fail-fast"]);
}
