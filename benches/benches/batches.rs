//! A fleet's enrolment through NEM and RA/CA, both with their data on disk, by the size of batches: from the upload over the ledger,
//! the batch, the RA/CA and its answer to the delivery. `whole` is all of it with P-256; `NEM alone` counts the time in the NEM only,
//! with cryptography that does nothing, so what it costs beside signing and verifying.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use asn1::{EncodedCertificate, UnixTime};
use ca::{Ca, Issuer, MessageCredential, Profile};
use cmp::{SenderIdentity, SignerRole, Trust};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use crypto::{CryptoProvider, ExtendedKeyUsage, PublicKey, SignatureAlgorithm, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use nem::ledger::RequestId;
use nem::{
    Arrival, Batching, Input, Inventory, Nem, Output, Settings, Shown, Standing, Station, StationAnchors,
    Upload, Upstream, VendorCertificate,
};
use pkcs10::CertReqBuilder;
use store::ledger::EmbeddedLedger;
use store::registry::EmbeddedRegistry;
use tempfile::TempDir;
use testkit::no_security::{self, NoSecurityKey};
use testkit::vectors::NOW;
use x509_cert::name::Name;

const SIZES: [u32; 4] = [1, 10, 100, 1000];
/// Uploads and deliveries that come in together, as `nem serve` takes them.
const TOGETHER: usize = 256;
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Which cryptography.
struct Kit {
    provider: fn(u64) -> CryptoProvider,
    key: fn() -> Box<dyn SigningKey>,
    /// A station's request for its name, with another key in each round.
    request: fn(round: u32, number: u32) -> Vec<u8>,
}

const REAL: Kit = Kit {
    provider: |_| crypto_aws_lc::provider(),
    key: || Box::new(SoftwareKey::generate(KeyType::P256).unwrap()),
    request: |_, number| {
        let key = SoftwareKey::generate(KeyType::P256).unwrap();
        CertReqBuilder::new(own_name(number), key.public_key()).sign(&key).unwrap()
    },
};
const NONE: Kit = Kit {
    provider: no_security::provider_counting_from,
    key: || Box::new(NoSecurityKey::new()),
    request: |round, number| {
        // No point on any curve, which nobody here finds out.
        let mut point = [4; 65];
        point[1..5].copy_from_slice(&round.to_be_bytes());
        point[5..9].copy_from_slice(&number.to_be_bytes());
        let key = PublicKey::from_ec_point(&point).unwrap();
        let builder = CertReqBuilder::new(own_name(number), &key);
        builder.with_signature(SignatureAlgorithm::EcdsaWithSha256, &NoSecurityKey::SIGNATURE).unwrap()
    },
};

fn own_name(number: u32) -> Name {
    format!("CN=enb{number}").parse().unwrap()
}

struct House {
    kit: Kit,
    nem: Nem,
    raca: Ca,
    chains: Vec<Vec<EncodedCertificate>>,
    rounds: u32,
    now: UnixTime,
    _folder: TempDir,
}

impl House {
    fn new(kit: Kit, size: u32) -> Self {
        let count = usize::try_from(size).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let provider = (kit.provider)(1 << 50);
        let root = |subject: &str| {
            Issuer::self_signed(subject.parse().unwrap(), (kit.key)(), 10 * YEAR, &provider, NOW).unwrap()
        };
        let certify = |issuer: &Issuer, profile: &Profile, subject: String| {
            let key = (kit.key)();
            let (contents, _) = profile.fit(subject.parse().unwrap(), key.public_key(), &[]).unwrap();
            (issuer.issue(&contents, &provider, NOW).unwrap().certificate, key)
        };
        let credential = |issuer: &Issuer, profile: &Profile, subject: &str| {
            let (certificate, key) = certify(issuer, profile, subject.to_owned());
            (SenderIdentity::new(certificate, Vec::new(), key.algorithm()).unwrap(), key)
        };
        let (vendor, operator) = (root("CN=Factory"), root("CN=CA"));
        let anchors = vec![operator.certificate().clone()];
        let (identity, key) = credential(&operator, &Profile::RA, "CN=nem");
        let mut upstream = Upstream::new("raca", identity, key, anchors.clone());
        upstream.batching = Batching::new(count, Duration::from_secs(1));
        upstream.batching.octets = 16 << 20;
        upstream.max_in_flight = usize::MAX;
        let stations = (0..size).map(|number| {
            let subject = Some(format!("CN=SN-{number}").parse().unwrap());
            let vendor = VendorCertificate::new(subject, None);
            Station::new(format!("enb{number}"), vendor, own_name(number))
        });
        let nem = Nem::new(
            (kit.provider)(2 << 50),
            vec![upstream],
            StationAnchors::new(vec![vendor.certificate().clone()], anchors.clone()),
            Inventory::new(stations.collect()).unwrap(),
            Settings::default(),
            Box::new(EmbeddedLedger::open(&folder.path().join("ledger.redb")).unwrap()),
        );
        let chain = |number| vec![certify(&vendor, &Profile::NE, format!("CN=SN-{number}")).0];
        let chains = (0..size).map(chain).collect();

        let (identity, key) = credential(&operator, &Profile::CMP, "CN=CMP,CN=CA");
        let registry = Arc::new(EmbeddedRegistry::open(&folder.path().join("registry.redb")).unwrap());
        let mut raca =
            Ca::new((kit.provider)(3 << 50), operator, MessageCredential { identity, key }, registry);
        let purpose = ExtendedKeyUsage::REGISTRATION_AUTHORITY;
        raca.trust = vec![Trust::new(SignerRole::RegistrationAuthority, anchors, purpose)];
        raca.reading.message_size = 16 << 20;
        raca.reading.nested_messages = count.max(raca.reading.nested_messages);
        Self { kit, nem: nem.unwrap(), raca, chains, rounds: 0, now: NOW, _folder: folder }
    }

    /// A request of each station.
    fn requests(&mut self) -> Vec<Vec<u8>> {
        self.rounds += 1;
        (0..).take(self.chains.len()).map(|number| (self.kit.request)(self.rounds, number)).collect()
    }

    /// From all uploads to all deliveries: how long it takes, and how much of that the RA/CA.
    fn enrol(&mut self, requests: &[Vec<u8>]) -> (Duration, Duration) {
        let (begun, mut in_raca) = (Instant::now(), Duration::ZERO);
        let both = self.chains.iter().zip(requests);
        let arrivals: Vec<Arrival<'_>> = both
            .map(|(chain, request)| Arrival {
                shown: Shown::Certificates(chain),
                upload: Upload::Pkcs10(request),
                label: None,
            })
            .collect();
        let outcomes = arrivals.chunks(TOGETHER).flat_map(|some| self.nem.upload_all(some, self.now));
        let ids: Vec<RequestId> = outcomes.map(|outcome| outcome.unwrap().0).collect();
        while self.nem.requests_under_way() > 0 {
            while let Some(output) = self.nem.poll_output() {
                let Output::Send { exchange, message, .. } = output else { continue };
                let asked = Instant::now();
                let octets = self.raca.handle(&message, self.now).octets;
                in_raca += asked.elapsed();
                self.nem.handle(Input::Answer { exchange, octets: &octets }, self.now).unwrap();
            }
            if let Some(due) = self.nem.poll_timeout() {
                self.now = self.now.max(due);
                self.nem.handle(Input::Tick, self.now).unwrap();
            }
        }
        for request in &ids {
            assert!(matches!(self.nem.standing(*request), Ok(Some(Standing::Issued(_)))));
        }
        for some in ids.chunks(TOGETHER) {
            self.nem.delivered(some, self.now).unwrap();
        }
        (begun.elapsed(), in_raca)
    }
}

fn batches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a fleet through NEM and RA/CA");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for size in SIZES {
        group.throughput(Throughput::Elements(size.into()));
        for (what, kit) in [("whole", REAL), ("NEM alone", NONE)] {
            let alone = what != "whole";
            let mut house = House::new(kit, size);
            group.bench_function(BenchmarkId::new(what, size), |bencher| {
                bencher.iter_custom(|rounds| {
                    let round = |_| {
                        let requests = house.requests();
                        let (whole, in_raca) = house.enrol(&requests);
                        if alone { whole.saturating_sub(in_raca) } else { whole }
                    };
                    (0..rounds).map(round).sum()
                });
            });
        }
    }
    group.finish();
    // What a NEM's share of an enrolment is compared with.
    let (key, provider) = (SoftwareKey::generate(KeyType::P256).unwrap(), crypto_aws_lc::provider());
    let (octets, algorithm) = ([7; 300], key.algorithm());
    let signature = key.sign(&octets).unwrap();
    criterion.bench_function("one P-256 verification", |bencher| {
        bencher.iter(|| provider.verify(algorithm, key.public_key(), &octets, &signature).unwrap());
    });
}

criterion_group!(benches, batches);
criterion_main!(benches);
