//! `raca` under load for two minutes, over 200 connections: `cargo bench -p ra-server --bench load [-- SECONDS CONNECTIONS [MESSAGES]]`.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/support/load.rs"]
mod load;

use std::time::Duration;

fn main() {
    // cargo itself adds `--bench`.
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse().ok());
    let duration = Duration::from_secs(numbers.next().unwrap_or(120));
    let connections = numbers.next().unwrap_or(200);
    let messages_at_a_time = numbers.next();
    println!("{} s, {connections} connections", duration.as_secs());
    let load = load::Load { duration, connections, messages_at_a_time };
    let figures = load::run_load(env!("CARGO_BIN_EXE_raca"), &load);
    println!("{figures}");
    for fault in figures.faults().iter().take(10) {
        println!("{fault}");
    }
    assert!(figures.faults().is_empty(), "not every message was answered as it should be");
    testkit::memory::assert_flat(&figures.memory.lock().unwrap());
}
