//! `nem serve` under load, between stations and `raca`: `cargo bench -p nem-server --bench load [-- SECONDS CONNECTIONS]`, by default four
//! minutes and 48 connections. Half of them belong to stations that enrol for one key after the other over HTTPS, half to strangers.
//! It fails when a station does not get its certificate, a stranger gets anything, or the NEM's memory still grows in the last third.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ca::{Issuer, Profile};
use crypto::{CryptoProvider, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use host::files::{certificates_pem, read_certificates};
use pkcs10::CertReqBuilder;
use support::{NEM, Raca, enter, init_nem};
use testkit::memory::{assert_flat, resident};
use testkit::programs::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use transfer::est::{EstClient, EstOutcome};
use transfer::http::ClientOptions;
use transfer::tls::{Identity, client_config};

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

fn main() {
    // cargo itself adds `--bench`.
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse().ok());
    let duration = Duration::from_secs(numbers.next().unwrap_or(240));
    let connections = numbers.next().unwrap_or(48);
    println!("{} s, {connections} connections", duration.as_secs());
    let house = Arc::new(House::new(connections));
    let memory = house.run(duration, connections);
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!("certificates delivered: {}", count(&house.delivered));
    println!("hostile requests refused: {}", count(&house.refused));
    println!("longest from an upload to its certificate: {} ms", count(&house.longest));
    println!("resident memory in MiB, by sixteenths of the time: {memory:?}");
    let ledger = fs::metadata(house.folder.path().join("nem/ledger.redb")).unwrap().len();
    println!("ledger on the disk: {} MiB", ledger >> 20);
    let faults = house.faults.lock().unwrap();
    faults.iter().take(10).for_each(|fault| println!("{fault}"));
    assert!(faults.is_empty(), "{} requests did not end as they should", faults.len());
    assert_flat(&memory);
}

struct House {
    folder: tempfile::TempDir,
    server: Server,
    _raca: Raca,
    vendor: Issuer,
    stranger: Issuer,
    provider: CryptoProvider,
    delivered: AtomicU64,
    refused: AtomicU64,
    /// In milliseconds.
    longest: AtomicU64,
    faults: Mutex<Vec<String>>,
}

impl House {
    fn new(connections: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (path, provider) = (folder.path(), crypto_aws_lc::provider());
        let issuer = || {
            let key = Box::new(SoftwareKey::generate(KeyType::P256).unwrap());
            let subject = "CN=Factory CA,O=Vendor".parse().unwrap();
            Issuer::self_signed(subject, key, YEAR, &provider, host::now()).unwrap()
        };
        let (vendor, stranger) = (issuer(), issuer());
        let pem = certificates_pem(std::slice::from_ref(vendor.certificate())).unwrap();
        fs::write(path.join("factory.pem"), pem).unwrap();
        let raca = Raca::start(path, "127.0.0.1:0", 0);
        init_nem(path, &raca.url, &raca);
        (0..connections).for_each(|number| enter(path, &format!("enb{number}"), ""));
        support::replace(
            &path.join("nem/nem.toml"),
            "max_connections_per_address = 64",
            "max_connections_per_address = 1024",
        );
        let words = "--log error serve --config nem/nem.toml --listen 127.0.0.1:0";
        let server = Server::start(NEM, words, path);
        Self {
            server,
            _raca: raca,
            vendor,
            stranger,
            provider,
            delivered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            longest: AtomicU64::new(0),
            faults: Mutex::default(),
            folder,
        }
    }

    /// The NEM's memory in MiB at the beginning of each sixteenth of the time, and at the end.
    fn run(self: &Arc<Self>, duration: Duration, connections: u64) -> Vec<u64> {
        let until = Instant::now() + duration;
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let (mut tasks, mut memory) = (JoinSet::new(), Vec::new());
            for number in 0..connections {
                let house = self.clone();
                tasks.spawn(async move {
                    if number % 2 == 0 {
                        house.station(number, until).await;
                    } else {
                        house.stranger(number, until).await;
                    }
                });
            }
            for left in (1..=16).rev() {
                tokio::time::sleep_until((until - duration / 16 * left).into()).await;
                memory.push(resident(&self.server));
            }
            while let Some(ended) = tasks.join_next().await {
                ended.unwrap();
            }
            memory.push(resident(&self.server));
            memory
        })
    }

    /// A client that shows a certificate of that issuer with the station's name.
    fn client(&self, issuer: &Issuer, number: u64) -> EstClient {
        let key = SoftwareKey::generate(KeyType::P256).unwrap();
        let subject = format!("CN=enb{number},O=Vendor").parse().unwrap();
        let (contents, _) = Profile::NE.fit(subject, key.public_key(), &[]).unwrap();
        let issued = issuer.issue(&contents, &self.provider, host::now()).unwrap();
        let chain = vec![issued.certificate.octets().to_vec()];
        let identity = Identity::new(chain, host::tls_key(&key).unwrap());
        let mut options = ClientOptions::default();
        options.tls = Some(client_config(&anchors(self.folder.path()), Some(identity)).unwrap());
        EstClient::new(self.server.url(), options).unwrap()
    }

    async fn station(&self, number: u64, until: Instant) {
        let client = self.client(&self.vendor, number);
        while Instant::now() < until {
            let (octets, began) = (request(number), Instant::now());
            loop {
                match client.enroll(&octets, false).await {
                    Ok(EstOutcome::Certificates(_)) => break,
                    Ok(EstOutcome::Pending { retry_after }) => tokio::time::sleep(retry_after).await,
                    other => {
                        self.faults.lock().unwrap().push(format!("station {number}: {other:?}"));
                        return;
                    }
                }
            }
            self.delivered.fetch_add(1, Ordering::Relaxed);
            let waited = u64::try_from(began.elapsed().as_millis()).unwrap();
            self.longest.fetch_max(waited, Ordering::Relaxed);
        }
    }

    /// One whose vendor nobody knows, one that asks for another's certificate and sends garbage, and one that hangs up.
    async fn stranger(&self, number: u64, until: Instant) {
        let (unknown, known) = (self.client(&self.stranger, number), self.client(&self.vendor, number));
        let (own, other) = (request(number), request(number - 1));
        let cut = own.get(..own.len() / 2).unwrap().to_vec();
        let long = vec![0x30; 1 << 20];
        while Instant::now() < until {
            let attempts =
                [(&unknown, &own), (&known, &other), (&known, &cut), (&known, &long), (&known, &Vec::new())];
            for (client, octets) in attempts {
                match client.enroll(octets, false).await {
                    Ok(EstOutcome::Refused { .. }) | Err(_) => {
                        self.refused.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(taken) => {
                        self.faults.lock().unwrap().push(format!("stranger {number}: {taken:?}"));
                    }
                }
            }
            hang_up(self.server.address()).await;
        }
    }
}

fn request(number: u64) -> Vec<u8> {
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    let subject = format!("CN=enb{number}.operator.example").parse().unwrap();
    CertReqBuilder::new(subject, key.public_key()).sign(&key).unwrap()
}

fn anchors(folder: &Path) -> Vec<Vec<u8>> {
    let certificates = read_certificates(&folder.join("ra/ca.pem")).unwrap();
    certificates.iter().map(|certificate| certificate.octets().to_vec()).collect()
}

/// Something that is no TLS.
async fn hang_up(address: &str) {
    let Ok(mut stream) = TcpStream::connect(address).await else { return };
    // The server may hang up first, which is its right.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
    let _ = stream.read(&mut [0; 64]).await;
}
