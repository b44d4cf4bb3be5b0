//! Decoding takes no more heap than a stated multiple of what came in. One test in this file: the heap is the process's.
#![allow(clippy::unwrap_used, missing_docs)]

use cmp::{PkiMessage, ReadingPolicy};
use pkcs10::CertReq;
use testkit::{crafted, vectors};

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// Octets of heap for each octet of input, at most. Lists of the smallest elements cost most: RevDetails is written in four
/// octets and lies in memory in some hundred, in a vector that doubles as it grows.
const MULTIPLE: usize = 256;

/// What the smallest input may take.
const BASE: usize = 4096;

fn assert_bounded(name: &str, octets: &[u8], decode: impl FnOnce(&[u8])) {
    let before = dhat::HeapStats::get().curr_bytes;
    decode(octets);
    let taken = dhat::HeapStats::get().max_bytes.saturating_sub(before);
    let limit = BASE + MULTIPLE * octets.len();
    eprintln!("{} {name}", taken / octets.len().max(1));
    assert!(taken <= limit, "{name}: {taken} octets of heap for {} octets of input", octets.len());
}

#[test]
fn heap_is_a_multiple_of_the_input() {
    let mut policy = ReadingPolicy::lenient();
    policy.message_size = 1 << 20;
    let message = |octets: &[u8]| drop(PkiMessage::inspect(octets, &policy));
    let request = |octets: &[u8]| drop(CertReq::from_der(octets));
    let crafted_messages = [1 << 10, 1 << 16].into_iter().flat_map(crafted::pki_messages);
    let names = vectors::own_names().into_iter().filter(|name| name.ends_with(".der"));
    let recorded = names.map(|name| (name.clone(), vectors::own(&name)));
    let messages = crafted_messages.map(|(name, octets)| (name.to_owned(), octets)).chain(recorded);
    for (name, octets) in messages.collect::<Vec<_>>() {
        let _profiler = dhat::Profiler::builder().testing().build();
        assert_bounded(&name, &octets, message);
    }
    for (name, octets) in crafted::certification_requests(1 << 16) {
        let _profiler = dhat::Profiler::builder().testing().build();
        assert_bounded(name, &octets, request);
    }
}
