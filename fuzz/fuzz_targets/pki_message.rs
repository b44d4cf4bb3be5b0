//! A PKIMessage that decodes has the octets it came with, and what it says can be asked for.
#![no_main]

use cmp::PkiMessage;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(message) = PkiMessage::from_der(octets) else { return };
    assert_eq!(message.octets(), octets);
    let _ = format!("{:?} {:?}", message.header(), message.body());
    let _ = (message.protection(), message.extra_certs());
});
