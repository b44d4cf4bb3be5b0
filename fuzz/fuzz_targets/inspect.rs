//! Whatever is looked into is shown or refused, and drives no terminal.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Ok(inspection) = enb::inspect(octets) {
        assert!(!inspection.to_string().chars().any(|c| c.is_control() && c != '\n'));
    }
});
