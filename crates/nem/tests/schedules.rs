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
use std::thread;

use simulation::Simulation;

/// How many things happen before all goes well again.
const STEPS: usize = 150;

fn range(text: &str) -> Range<u64> {
    let (from, to) = text.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

/// What came to pass in schedules, to see that something was tried at all.
#[derive(Default)]
struct Tried {
    played: usize,
    nested: usize,
    crashes: usize,
    by_hand: usize,
}

fn play(seeds: impl Iterator<Item = u64>) -> Tried {
    let mut tried = Tried::default();
    for seed in seeds {
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
        tried.played += 1;
        tried.nested += batches;
        tried.crashes += crashed;
        tried.by_hand += carried;
    }
    tried
}

#[test]
fn no_request_is_lost_and_none_is_issued_twice() {
    let seeds = std::env::var("NEM_SCHEDULES").map_or(0..4000, |text| range(&text));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    // Each schedule is alone in its thread, so that its seed tells all.
    let tried: Vec<Tried> = thread::scope(|scope| {
        let share = |first: usize| {
            let seeds = seeds.clone();
            scope.spawn(move || play(seeds.skip(first).step_by(threads)))
        };
        let playing: Vec<_> = (0..threads).map(share).collect();
        playing.into_iter().map(|share| share.join().unwrap()).collect()
    });
    let sum = |of: fn(&Tried) -> usize| tried.iter().map(of).sum::<usize>();
    let (played, nested) = (sum(|tried| tried.played), sum(|tried| tried.nested));
    let (crashes, by_hand) = (sum(|tried| tried.crashes), sum(|tried| tried.by_hand));
    let enough = nested > played / 2 && crashes > played && by_hand > played / 4;
    assert!(played < 100 || enough, "{nested} batches, {crashes} crashes, {by_hand} by hand");
}
