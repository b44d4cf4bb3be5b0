//! Thousands of random schedules of a NEM, stations and two RA/CAs in memory: messages and answers are lost, doubled, late and
//! for others, RA/CAs are away, slow, or cannot take batches apart, requests leave in files, which are signed, imported, lost and
//! released, the ledger fails at any write, the NEM crashes and is configured anew. In the end every station has its certificate, and no other was issued.
//!
//! All depends on the seed that is printed when one fails. `NEM_SCHEDULES=4711..4712 cargo test -p nem --test schedules` plays that
//! one again, and any other range.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    unreachable_pub,
    missing_docs
)]

#[path = "support/simulation.rs"]
mod simulation;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use simulation::Simulation;

/// How many things happen before all goes well again.
const STEPS: usize = 150;

fn range(text: &str) -> Range<u64> {
    let (from, to) = text.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn no_request_is_lost_and_none_is_issued_twice() {
    let seeds = std::env::var("NEM_SCHEDULES").map_or(0..1000, |text| range(&text));
    let (mut nested, mut crashes, mut by_hand) = (0, 0, 0);
    for seed in seeds.clone() {
        let played = catch_unwind(AssertUnwindSafe(|| {
            let mut simulation = Simulation::new(seed);
            for _ in 0..STEPS {
                simulation.step();
            }
            simulation.end();
            simulation.check();
            (simulation.batches_answered, simulation.crashes, simulation.taken_by_hand)
        }));
        let (batches, crashed, carried) = played.unwrap_or_else(|_| {
            panic!("schedule {seed} failed; NEM_SCHEDULES={seed}..{} plays it again", seed + 1)
        });
        nested += batches;
        crashes += crashed;
        by_hand += carried;
    }
    // That something was tried at all.
    let played = usize::try_from(seeds.end - seeds.start).unwrap();
    let enough = nested > played / 2 && crashes > played && by_hand > played / 4;
    assert!(played < 100 || enough, "{nested} batches, {crashes} crashes, {by_hand} by hand");
}
