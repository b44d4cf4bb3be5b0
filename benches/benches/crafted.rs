//! Decoding inputs that were crafted to cost as much as they can, in three sizes: where the throughput stays the same, the time
//! is linear.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use cmp::{PkiMessage, ReadingPolicy};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pkcs10::CertReq;
use testkit::crafted;

const SIZES: [usize; 3] = [16 * 1024, 64 * 1024, 256 * 1024];

fn crafted(criterion: &mut Criterion) {
    let mut policy = ReadingPolicy::default();
    policy.message_size = usize::MAX;
    for size in SIZES {
        for (name, octets) in crafted::pki_messages(size) {
            let mut group = criterion.benchmark_group(format!("PKIMessage: {name}"));
            group.throughput(Throughput::Bytes(octets.len().try_into().unwrap()));
            group.bench_with_input(BenchmarkId::from_parameter(size), &octets, |bencher, octets| {
                bencher.iter(|| PkiMessage::inspect(black_box(octets), &policy).is_ok());
            });
        }
        for (name, octets) in crafted::certification_requests(size) {
            let mut group = criterion.benchmark_group(format!("CertificationRequest: {name}"));
            group.throughput(Throughput::Bytes(octets.len().try_into().unwrap()));
            group.bench_with_input(BenchmarkId::from_parameter(size), &octets, |bencher, octets| {
                bencher.iter(|| CertReq::from_der(black_box(octets)).is_ok());
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(std::time::Duration::from_millis(300)).warm_up_time(std::time::Duration::from_millis(100));
    targets = crafted
}
criterion_main!(benches);
