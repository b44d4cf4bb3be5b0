//! Whatever an RA/CA is sent, one message behind the other, it answers each with one, and a repeat issues nothing.
#![no_main]

use asn1::RawDer;
use cellcert_fuzz::{House, NOW};
use cmp::PkiMessage;
use der::{Decode, SliceReader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let mut house = House::new();
    house.ca.time_window = None;
    let Ok(mut messages) = SliceReader::new(octets) else { return };
    for _ in 0..4 {
        let Ok(message) = RawDer::decode(&mut messages) else { return };
        let (first, issued) = (house.ca.handle(message.octets(), NOW), house.registry.count());
        PkiMessage::from_der(&first.octets).expect("the answer is a PKIMessage");
        house.ca.handle(message.octets(), NOW);
        assert_eq!(house.registry.count(), issued, "a second certificate for one message");
    }
});
