//! Whatever happens to a NEM, it does not panic, loses no request, and nothing is issued twice.
#![no_main]

use cellcert_fuzz::Script;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: Script| script.play());
