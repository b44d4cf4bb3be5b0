//! Some seconds of what `cargo bench -p ra-server --bench load` does for minutes.
#![allow(missing_docs)]

#[path = "support/load.rs"]
mod load;

use std::sync::atomic::Ordering;
use std::time::Duration;

#[test]
fn stations_are_served_among_strangers() {
    let load = load::Load { duration: Duration::from_secs(4), connections: 24, messages_at_a_time: None };
    let figures = load::run_load(env!("CARGO_BIN_EXE_raca"), &load);
    assert!(figures.faults().is_empty(), "{figures}: {:?}", figures.faults().first());
    for counter in [&figures.enrolled, &figures.informed, &figures.refused] {
        assert!(counter.load(Ordering::Relaxed) > 0, "{figures}");
    }
}
