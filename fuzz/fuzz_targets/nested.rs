//! Messages in messages are opened one by one, never deeper than is allowed.
#![no_main]

use cmp::{PkiBody, PkiMessage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| open(octets));

fn open(octets: &[u8]) {
    let Ok(message) = PkiMessage::from_der(octets) else { return };
    if let PkiBody::Nested(inner) = message.body() {
        for octets in inner {
            let _ = PkiMessage::from_der(octets.octets());
        }
    }
}
