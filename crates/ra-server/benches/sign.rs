//! `raca sign` of one large file: `cargo bench -p ra-server --bench sign [-- REQUESTS]`.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/support/nem.rs"]
mod nem;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nem::House;

const RACA: &str = env!("CARGO_BIN_EXE_raca");

fn main() {
    // cargo itself adds `--bench`.
    let requests: usize = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(100_000);
    let house = House::new(RACA);
    let messages: Vec<_> =
        (0..requests).map(|number| house.request(&format!("CN=enb{number},O=Operator"))).collect();
    house.batch("batch.pki", &messages);
    drop(messages);
    let size = |file: &str| fs::metadata(house.path().join(file)).unwrap().len() / (1024 * 1024);
    println!("{requests} requests in {} MiB", size("batch.pki"));
    for (run, answer) in [("signed", "answer.pki"), ("the same file again", "again.pki")] {
        let began = Instant::now();
        let mut child = Command::new(RACA)
            .args(["sign", "--config", "ra/raca.toml", "--in", "batch.pki", "--yes", "--out", answer])
            .current_dir(house.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (mut peak, status) = (0, format!("/proc/{}/status", child.id()));
        let ended = loop {
            let memory = fs::read_to_string(&status).unwrap_or_default();
            let line = memory.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(peak);
            match child.try_wait().unwrap() {
                Some(ended) => break ended,
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        assert!(ended.success(), "raca sign failed");
        let (seconds, peak, octets) = (began.elapsed().as_secs_f64(), peak / 1024, size(answer));
        println!("{run}: {seconds:.1} s, {peak} MiB at most, an answer of {octets} MiB");
    }
}
