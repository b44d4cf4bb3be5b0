//! Fuzzing with libFuzzer on the stable compiler.
//!
//! What libFuzzer needs of a compiler is that it counts the edges taken. LLVM's pass for that is reached with options that
//! are stable (`-C passes`, `-C llvm-args`); a nightly compiler adds sanitizers, which find nothing in code without `unsafe`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::vectors;

const USAGE: &str = "usage: cargo xtask fuzz [--seconds N | --runs N] [TARGET ...]

Fuzzes each target, or those named, for N seconds (60 by default) or with N inputs, beginning with the test vectors. What
was found to reach something new is kept in fuzz/corpus, what fails in fuzz/artifacts.";

/// How long, how far, and what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    bound: Bound,
    targets: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Seconds(u32),
    /// With a seed that is always the same.
    Runs(u32),
}

impl Plan {
    /// From the words of the command line.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut plan = Self { bound: Bound::Seconds(60), targets: Vec::new() };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let bound = match argument.as_str() {
                "--seconds" => Bound::Seconds,
                "--runs" => Bound::Runs,
                option if option.starts_with('-') => return Err(format!("{option}: unknown\n{USAGE}")),
                target => {
                    plan.targets.push(target.to_owned());
                    continue;
                }
            };
            let number = rest.next().and_then(|number| number.parse().ok()).filter(|number| *number > 0);
            plan.bound = bound(number.ok_or_else(|| format!("{argument}: wants a number\n{USAGE}"))?);
        }
        Ok(plan)
    }

    /// Every target for so few inputs that it takes seconds: that they build and run, and the vectors pass.
    pub(crate) const fn short() -> Self {
        Self { bound: Bound::Runs(2000), targets: Vec::new() }
    }

    pub(crate) fn run(&self) -> Result<(), String> {
        let fuzz = workspace().join("fuzz");
        let all = targets(&fuzz)?;
        if let Some(unknown) = self.targets.iter().find(|target| !all.contains(target)) {
            return Err(format!("{unknown}: there is no such target; there are: {}", all.join(", ")));
        }
        let seeds = workspace().join("target/fuzz/seeds");
        write_seeds(&seeds)?;
        let binaries = build(&fuzz)?;
        let chosen = if self.targets.is_empty() { &all } else { &self.targets };
        let failed: Vec<&str> = chosen
            .iter()
            .filter(|target| {
                self.fuzz(target, &fuzz, &binaries, &seeds).is_err_and(|reason| {
                    println!("{target} FAILED: {reason}");
                    true
                })
            })
            .map(String::as_str)
            .collect();
        if failed.is_empty() { Ok(()) } else { Err(format!("{} failed", failed.join(", "))) }
    }

    fn fuzz(&self, target: &str, fuzz: &Path, binaries: &Path, seeds: &Path) -> Result<(), String> {
        println!("--> {target}");
        // A run that is to be the same every time leaves nothing behind that changes the next one.
        let corpus = match self.bound {
            Bound::Seconds(_) => fuzz.join("corpus").join(target),
            Bound::Runs(_) => workspace().join("target/fuzz/corpus").join(target),
        };
        if matches!(self.bound, Bound::Runs(_)) {
            let _ = fs::remove_dir_all(&corpus);
        }
        let artifacts = fuzz.join("artifacts").join(target);
        for folder in [&corpus, &artifacts] {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let mut command = Command::new(binaries.join(target));
        command.arg(format!("-artifact_prefix={}/", artifacts.display()));
        command.args(["-max_len=65536", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]);
        match self.bound {
            Bound::Seconds(seconds) => command.arg(format!("-max_total_time={seconds}")),
            Bound::Runs(runs) => command.args([format!("-runs={runs}"), "-seed=1".to_owned()]),
        };
        command.arg(&corpus).arg(seeds.join(if target == "est_http" { "http" } else { "der" }));
        // libFuzzer reports on stderr, at length.
        let output = command.output().map_err(|error| format!("{target} cannot be started: {error}"))?;
        let report = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            return Err(report);
        }
        let told = ["DONE", "stat::number_of_executed_units", "stat::peak_rss_mb"];
        for line in report.lines().filter(|line| told.iter().any(|word| line.contains(word))) {
            println!("    {}", line.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        Ok(())
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn targets(fuzz: &Path) -> Result<Vec<String>, String> {
    let folder = fuzz.join("fuzz_targets");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = entries.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

/// Builds all targets, and returns the folder they are in. That a target triple is named keeps the instrumentation out of
/// build scripts.
fn build(fuzz: &Path) -> Result<PathBuf, String> {
    const FLAGS: [&str; 6] = [
        "--cfg=fuzzing",
        "-Cpasses=sancov-module",
        "-Cllvm-args=-sanitizer-coverage-level=4",
        "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
        "-Cllvm-args=-sanitizer-coverage-pc-table",
        "-Cllvm-args=-sanitizer-coverage-trace-compares",
    ];
    let host = host()?;
    let folder = workspace().join("target/fuzz");
    let status = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--locked", "--bins", "--target", &host, "--manifest-path"])
        .arg(fuzz.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&folder)
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"))
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !status.success() {
        return Err(format!("the targets do not build: {status}"));
    }
    Ok(folder.join(host).join("release"))
}

fn host() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output();
    let output = output.map_err(|error| format!("rustc cannot be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not name its host".to_owned())
}

/// The vectors, and requests in HTTP.
fn write_seeds(folder: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(folder);
    let write = |kind: &str, name: &str, octets: &[u8]| {
        let folder = folder.join(kind);
        let path = folder.join(name.replace('/', "-"));
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&path, octets))
            .map_err(|error| format!("{}: {error}", path.display()))
    };
    let own = vectors::own_names().into_iter().map(|name| (vectors::own(&name), name));
    let outside = vectors::outside_names().unwrap_or_default().into_iter();
    let outside = outside.filter_map(|name| Some((vectors::outside(&name)?, name)));
    for (octets, name) in own.chain(outside) {
        let is_csr = name.ends_with(".csr.pem") || name.contains("csr");
        if is_csr {
            for operation in ["simpleenroll", "simplereenroll"] {
                let length = octets.len();
                let head = format!(
                    "POST /.well-known/est/{operation} HTTP/1.1\r\nHost: nem\r\nContent-Type: application/pkcs10\r\nContent-Length: {length}\r\n\r\n"
                );
                write("http", &format!("{operation}-{name}"), &[head.as_bytes(), &octets].concat())?;
            }
            let text = String::from_utf8_lossy(&octets).into_owned();
            if let Some(der) = vectors::from_pem(&text) {
                write("der", &name, &der)?;
            }
        } else if name.ends_with(".der") || name.ends_with(".bin") {
            write("der", &name, &octets)?;
        }
    }
    write("http", "cacerts", b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: nem\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Plan, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Plan::parse(&words)
    }

    #[test]
    fn a_command_line_is_read_or_refused() {
        let plan = parse(&["--seconds", "5", "nested"]).unwrap();
        assert_eq!(plan, Plan { bound: Bound::Seconds(5), targets: vec!["nested".to_owned()] });
        assert_eq!(parse(&["--runs", "7"]).unwrap().bound, Bound::Runs(7));
        for wrong in [&["--seconds"][..], &["--seconds", "0"], &["--runs", "many"], &["--second", "5"]] {
            assert!(parse(wrong).unwrap_err().contains("usage"), "{wrong:?}");
        }
        let unknown = parse(&["nestd"]).unwrap().run().unwrap_err();
        assert!(unknown.contains("nestd") && unknown.contains("nested"), "{unknown}");
    }
}
