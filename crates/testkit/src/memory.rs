//! What a program takes of memory while it is under load.

use std::fs;

use crate::programs::Server;

/// Resident memory in MiB.
pub fn resident(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.process_id())).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    let kibibytes: Option<u64> = line.split_whitespace().nth(1).and_then(|number| number.parse().ok());
    kibibytes.expect("the program runs, and the system tells of its memory") / 1024
}

/// The means of the second third and of the last of what was measured, the first value left out: in the first third caches fill.
pub fn thirds(memory: &[u64]) -> (f64, f64) {
    let warm = memory.get(1..).unwrap_or_default();
    let third = warm.len() / 3;
    let number = |number: u64| u32::try_from(number).map_or(f64::INFINITY, f64::from);
    let mean = |part: &[u64]| number(part.iter().sum()) / part.iter().map(|_| 1.0).sum::<f64>();
    (mean(&warm[third..2 * third]), mean(&warm[warm.len() - third..]))
}

/// # Panics
/// When the last third takes more than the second.
pub fn assert_flat(memory: &[u64]) {
    let (second, last) = thirds(memory);
    assert!(last < second * 1.1 + 2.0, "the memory grows: {second} MiB, then {last} MiB");
}
