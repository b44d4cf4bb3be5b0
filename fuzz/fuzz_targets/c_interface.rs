//! Whatever a C program calls, in whatever order: each call says something, keeps to its buffer, and does not panic.
#![no_main]

use cellcert_fuzz::CallScript;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: CallScript| script.play());
