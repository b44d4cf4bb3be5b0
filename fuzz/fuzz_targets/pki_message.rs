//! A PKIMessage that decodes has the octets it came with, what it says can be asked for, and a lenient reader takes exactly the
//! deviations more.
#![no_main]

use cmp::{Error, PkiMessage, ReadingPolicy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let strict = PkiMessage::from_der(octets);
    let lenient = PkiMessage::inspect(octets, &ReadingPolicy::lenient());
    match (&strict, &lenient) {
        (Ok(strict), Ok(lenient)) => assert_eq!(strict, lenient),
        (Err(Error::Deviation(named)), Ok(lenient)) => assert_eq!(lenient.deviations().next(), Some(*named)),
        (Err(strict), Err(lenient)) => assert_eq!(strict, lenient),
        (strict, lenient) => panic!("{strict:?} and {lenient:?}"),
    }
    let Ok(message) = lenient else { return };
    assert_eq!(message.octets(), octets);
    let _ = format!("{:?} {:?} {:?}", message.header(), message.body(), message.body().least_pvno());
    let _ = (message.protection(), message.extra_certs());
});
