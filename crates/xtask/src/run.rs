use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// What went well and what did not.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Runs one check; it counts as one.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<(), String>) {
        println!("==> {name}");
        let begin = Instant::now();
        match check() {
            Ok(()) => self.passed += 1,
            Err(reason) => {
                println!("{name} FAILED: {reason}");
                self.failed += 1;
            }
        }
        println!("    {:.0} s", begin.elapsed().as_secs_f64());
    }

    /// Runs cargo's test runner; each test counts.
    pub(crate) fn tests(&mut self, name: &str, arguments: &[&str]) {
        println!("==> {name}");
        let begin = Instant::now();
        let before = (self.passed, self.failed);
        let outcome = self.run_tests(arguments);
        if let Err(reason) = outcome {
            println!("{name} FAILED: {reason}");
            // A runner that fails without a failed test did not get as far as one.
            if self.failed == before.1 {
                self.failed += 1;
            }
        } else if self.passed == before.0 {
            println!("{name} FAILED: no test ran");
            self.failed += 1;
        }
        println!("    {:.0} s", begin.elapsed().as_secs_f64());
    }

    fn run_tests(&mut self, arguments: &[&str]) -> Result<(), String> {
        let mut child = Command::new("cargo")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cargo cannot be started: {error}"))?;
        let output = child.stdout.take().ok_or("cargo has no output")?;
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|error| error.to_string())?;
            if let Some((passed, failed)) = parse_result(&line) {
                self.passed += passed;
                self.failed += failed;
            }
            println!("{line}");
        }
        let status = child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("cargo test ended with {status}")) }
    }

    /// The last line printed is the count.
    pub(crate) fn finish(&self) -> ExitCode {
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// `test result: ok. 12 passed; 0 failed; ...`
fn parse_result(line: &str) -> Option<(u64, u64)> {
    let counts = line.trim_start().strip_prefix("test result: ")?;
    let count = |what: &str| {
        let (before, _) = counts.split_once(what)?;
        before.trim_end().rsplit([' ', '.']).next()?.parse().ok()
    };
    Some((count("passed")?, count("failed")?))
}

/// Runs cargo with that environment added.
pub(crate) fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let status = Command::new("cargo")
        .args(arguments)
        .envs(environment.iter().copied())
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} ended with {status}", arguments.join(" "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted() {
        let line = "test result: ok. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(parse_result(line), Some((12, 3)));
        assert_eq!(parse_result("running 12 tests"), None);
    }
}
