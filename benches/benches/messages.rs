//! Decoding, proofs of possession and protection, the two providers side by side.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use cmp::{Expectation, PkiMessage, SignerRole, Trust, Validator};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crypto::{CryptoProvider, ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use pkcs10::{CertReq, CertReqBuilder};
use testkit::InsecureCountingRandom;
use testkit::vectors::{NOW, own, own_certificate};

fn providers() -> [(&'static str, CryptoProvider); 2] {
    let random = Box::new(InsecureCountingRandom::starting_at(0));
    [("aws-lc", crypto_aws_lc::provider()), ("rustcrypto", crypto_rustcrypto::provider(random))]
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(1));
    for name in ["sig_1_ir", "sig_2_ip", "p10cr_1"] {
        let octets = own(&format!("openssl-mock/{name}.der"));
        group.bench_function(name, |bencher| {
            bencher.iter(|| PkiMessage::from_der(black_box(&octets)).unwrap());
        });
    }
    group.finish();
}

fn proof_of_possession(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("PKCS #10 decode and proof of possession, P-256");
    group.throughput(Throughput::Elements(1));
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    let builder = CertReqBuilder::new("CN=enb1,O=Operator".parse().unwrap(), key.public_key());
    let request = builder.sign(&key).unwrap();
    for (name, provider) in providers() {
        group.bench_function(name, |bencher| {
            bencher.iter(|| CertReq::from_der(black_box(&request)).unwrap().verify_pop(&provider).unwrap());
        });
    }
    group.finish();
}

fn validate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("validate an ip: decode, path, signature");
    group.throughput(Throughput::Elements(1));
    let octets = own("openssl-mock/sig_2_ip.der");
    let anchors = vec![own_certificate("openssl-mock/oper-ca.crt.pem")];
    let trust = [Trust::new(SignerRole::CertificationAuthority, anchors, ExtendedKeyUsage::Any)];
    for (name, provider) in providers() {
        let mut validator = Validator::new(&provider, &trust);
        validator.time_window = None;
        let header = PkiMessage::from_der(&octets).unwrap().header().clone();
        let id = header.transaction_id.unwrap();
        let nonces = [cmp::SenderNonce::new(header.recip_nonce.unwrap().as_octets()).unwrap()];
        let expectation = Expectation::Within { transaction_id: &id, nonces: &nonces, signer: None };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let message = PkiMessage::from_der(black_box(&octets)).unwrap();
                validator.validate(message, &expectation, NOW).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode, proof_of_possession, validate);
criterion_main!(benches);
