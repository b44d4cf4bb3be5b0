//! What the tests share: vectors by name, one suite that every crypto provider passes, a NO SECURITY provider for
//! fuzzing, randomness that repeats itself, real programs and peers. Only ever a dev-dependency.
#![allow(clippy::missing_panics_doc, clippy::indexing_slicing)] // a panic is how a test fails

pub mod crafted;
mod hex;
pub mod kill;
pub mod memory;
pub mod no_security;
pub mod paths;
pub mod pkits;
pub mod programs;
pub mod provider;
mod random;
pub mod soft_hsm;
pub mod vectors;

pub use random::InsecureCountingRandom;
