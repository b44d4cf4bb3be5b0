//! The benches are in `benches/benches`: `cargo bench -p benches`. Machines are noisy; compare within one run.
