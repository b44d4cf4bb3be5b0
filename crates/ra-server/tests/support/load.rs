//! `raca` under load: stations that enrol and ask, and strangers that send whatever they like, each over a connection of its own.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use asn1::EncodedCertificate;
use asn1::oids::rfc6402;
use ca::{Issuer, Profile};
use cmp::end_entity::{Answer, CertificateRequest, Enrolment, Question, Reply};
use cmp::{
    Expectation, InfoTypeAndValue, PkiBody, PkiMessage, ProtectedPart, SenderIdentity, SignerRole, Trust,
    ValidatedMessage, Validator,
};
use crmf::{CertReqMessages, CertReqMsgBuilder};
use crypto::{CryptoProvider, ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use tempfile::TempDir;
use testkit::memory::{resident, thirds};
use testkit::programs::{Server, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use transfer::http::{ClientOptions, CmpClient};

/// How long and how much.
pub struct Load {
    pub duration: Duration,
    /// Half of them belong to stations, half to strangers.
    pub connections: u64,
    /// How many messages `raca` handles at a time, if it is not to be as configured by `raca init`.
    pub messages_at_a_time: Option<u64>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Figures {
    /// Certificates that were issued and confirmed.
    pub enrolled: AtomicU64,
    /// genm that were answered.
    pub informed: AtomicU64,
    /// Hostile messages that were refused.
    pub refused: AtomicU64,
    /// Messages that got no answer, or one that should not be: the first reasons.
    faults: std::sync::Mutex<Vec<String>>,
    /// The longest that a station waited for an answer, in milliseconds.
    pub longest: AtomicU64,
    /// Resident memory of `raca` in MiB: at the begin, after each sixteenth of the time, and at the end.
    pub memory: std::sync::Mutex<Vec<u64>>,
    /// Octets of the registry's file at the end.
    pub registry: AtomicU64,
}

impl Figures {
    fn fault(&self, fault: String) {
        self.faults.lock().unwrap().push(fault);
    }

    pub fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        writeln!(f, "enrolled and confirmed: {}", count(&self.enrolled))?;
        writeln!(f, "questions answered: {}", count(&self.informed))?;
        writeln!(f, "hostile messages refused: {}", count(&self.refused))?;
        writeln!(f, "longest wait of a station: {} ms", count(&self.longest))?;
        let memory = self.memory.lock().unwrap();
        writeln!(f, "resident memory in MiB, by sixteenths of the time: {memory:?}")?;
        let (second, last) = thirds(&memory);
        writeln!(f, "its mean: {second:.1} MiB in the second third, {last:.1} MiB in the last")?;
        writeln!(f, "registry on the disk: {} octets", count(&self.registry))?;
        write!(f, "faults: {}", self.faults().len())
    }
}

struct Station {
    key: SoftwareKey,
    identity: SenderIdentity,
}

struct House {
    folder: TempDir,
    vendor: Issuer,
    provider: CryptoProvider,
    figures: Figures,
}

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

impl House {
    fn new(raca: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let provider = crypto_aws_lc::provider();
        let key = Box::new(SoftwareKey::generate(KeyType::P256).unwrap());
        let subject = "CN=Factory CA,O=Vendor".parse().unwrap();
        let vendor = Issuer::self_signed(subject, key, YEAR * 10, &provider, host::now()).unwrap();
        let pem = host::files::certificates_pem(std::slice::from_ref(vendor.certificate())).unwrap();
        fs::write(folder.path().join("factory.pem"), pem).unwrap();
        run(raca, "init --dir ra --vendor-ca factory.pem", folder.path()).success();
        Self { folder, vendor, provider, figures: Figures::default() }
    }

    fn station(&self, issuer: &Issuer, number: u64) -> Station {
        let key = SoftwareKey::generate(KeyType::P256).unwrap();
        let subject = format!("CN=enb{number:06},O=Vendor").parse().unwrap();
        let (contents, _) = Profile::NE.fit(subject, key.public_key(), &[]).unwrap();
        let issued = issuer.issue(&contents, &self.provider, host::now()).unwrap();
        Station {
            identity: SenderIdentity::new(issued.certificate, Vec::new(), key.algorithm()).unwrap(),
            key,
        }
    }

    fn ir(&self, station: &Station) -> (Vec<u8>, cmp::end_entity::AwaitingCertificate) {
        let key = SoftwareKey::generate(KeyType::P256).unwrap();
        let name = station.identity.name().clone();
        let request = CertReqMsgBuilder::new(Some(name), key.public_key()).sign(&key).unwrap();
        let request = CertificateRequest::Ir(CertReqMessages::new(vec![request]).unwrap());
        let (part, awaiting) =
            Enrolment::new(request).start(&station.identity, &self.provider, host::now()).unwrap();
        (part.sign(&station.key).unwrap(), awaiting)
    }
}

/// A station's connection.
struct Line<'a> {
    house: &'a House,
    client: CmpClient,
    trust: [Trust; 1],
}

impl Line<'_> {
    async fn exchange(
        &self,
        station: &Station,
        part: &ProtectedPart,
        expectation: &Expectation<'_>,
    ) -> Result<ValidatedMessage, String> {
        let began = Instant::now();
        let octets = part.sign(&station.key).map_err(|error| error.to_string())?;
        let answer = self.client.exchange(octets).await.map_err(|error| error.to_string())?;
        let waited = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.house.figures.longest.fetch_max(waited, Ordering::Relaxed);
        let message = PkiMessage::from_der(&answer).map_err(|error| error.to_string())?;
        let validator = Validator::new(&self.house.provider, &self.trust);
        validator.validate(message, expectation, host::now()).map_err(|error| error.to_string())
    }

    async fn enrol(&self, station: &Station) -> Result<(), String> {
        let key = SoftwareKey::generate(KeyType::P256).map_err(|error| error.to_string())?;
        let name = station.identity.name().clone();
        let message = |error: cmp::Error| error.to_string();
        let request = CertReqMsgBuilder::new(Some(name), key.public_key()).sign(&key);
        let request = CertReqMessages::new(vec![request.map_err(|error| error.to_string())?]);
        let request = CertificateRequest::Ir(request.map_err(|error| error.to_string())?);
        let (identity, provider) = (&station.identity, &self.house.provider);
        let (part, awaiting) =
            Enrolment::new(request).start(identity, provider, host::now()).map_err(message)?;
        let answer = self.exchange(station, &part, &awaiting.expectation()).await?;
        let Answer::Granted(granted) = awaiting.handle(&answer).map_err(message)? else {
            return Err(format!("{:?}", answer.body()));
        };
        let (part, awaiting) = granted.confirm(identity, provider, host::now()).map_err(message)?;
        let answer = self.exchange(station, &part, &awaiting.expectation()).await?;
        awaiting.handle(&answer).map(|_| ()).map_err(message)
    }

    async fn ask(&self, station: &Station) -> Result<(), String> {
        let message = |error: cmp::Error| error.to_string();
        let question = Question::general(InfoTypeAndValue::new(asn1::oids::rfc9810::IT_CA_CERTS, None));
        let (part, awaiting) =
            question.start(&station.identity, &self.house.provider, host::now()).map_err(message)?;
        let answer = self.exchange(station, &part, &awaiting.expectation()).await?;
        match awaiting.handle(&answer).map_err(message)? {
            Reply::Information(_) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }
}

/// What strangers send, one after the other: each must be answered, and by no certificate.
fn hostile(house: &House, number: u64) -> Vec<Vec<u8>> {
    let key = Box::new(SoftwareKey::generate(KeyType::P256).unwrap());
    let subject = "CN=Factory CA,O=Vendor".parse().unwrap();
    let stranger = Issuer::self_signed(subject, key, YEAR, &house.provider, host::now()).unwrap();
    let (unknown, known) = (house.station(&stranger, number), house.station(&house.vendor, number));
    let (foreign, _) = house.ir(&unknown);
    let (good, _) = house.ir(&known);
    let mut changed = good.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let mut of_both = foreign.clone();
    of_both.extend_from_slice(&good);
    let mut all = vec![b"garbage".to_vec(), Vec::new(), foreign, changed, of_both];
    all.extend((1..good.len()).step_by(97).map(|length| good[..length].to_vec()));
    all.extend(testkit::crafted::pki_messages(32 * 1024).into_iter().map(|(_, octets)| octets));
    all
}

async fn stranger(house: &House, number: u64, url: &str, until: Instant) {
    let client = CmpClient::new(url, patient()).unwrap();
    let messages = hostile(house, number);
    for (count, octets) in messages.iter().cycle().enumerate() {
        if Instant::now() > until {
            break;
        }
        // Now and then somebody hangs up, or posts more than is taken; the next connection must be served all the same.
        if count % 50 == 49 {
            rude(url, count).await;
        }
        let answer = client.exchange(octets.clone()).await;
        let refused = match answer {
            Ok(answer) => PkiMessage::from_der(&answer).is_ok_and(|message| !grants(message.body())),
            Err(transfer::TransferError::BadStatus { .. }) => true,
            Err(error) => {
                house.figures.fault(format!("a stranger's {} octets: {error}", octets.len()));
                continue;
            }
        };
        if refused {
            house.figures.refused.fetch_add(1, Ordering::Relaxed);
        } else {
            house.figures.fault(format!("a stranger's {} octets were not refused", octets.len()));
        }
    }
}

fn grants(body: &PkiBody) -> bool {
    match body {
        PkiBody::Ip(content) | PkiBody::Cp(content) | PkiBody::Kup(content) | PkiBody::Ccp(content) => {
            content.response.iter().any(|response| response.certified_key_pair.is_some())
        }
        _ => false,
    }
}

/// Half a request, or one that is too long.
async fn rude(url: &str, count: usize) {
    let address = url.split("://").nth(1).unwrap().split('/').next().unwrap();
    let Ok(mut stream) = TcpStream::connect(address).await else { return };
    let length = if count % 100 == 99 { 50_000_000 } else { 1000 };
    let head = format!(
        "POST /.well-known/cmp HTTP/1.1\r\nHost: raca\r\nContent-Type: application/pkixcmp\r\nContent-Length: {length}\r\n\r\n"
    );
    // The server may hang up first, which is its right.
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&[0x30; 300]).await;
    if length > 1000 {
        let mut answer = [0; 64];
        let _ = stream.read(&mut answer).await;
    }
}

async fn at_station(house: &House, number: u64, url: &str, root: &EncodedCertificate, until: Instant) {
    let station = house.station(&house.vendor, number);
    let purpose = ExtendedKeyUsage::RequiredBelowAnchor(rfc6402::KP_CMC_CA);
    let trust = [Trust::new(SignerRole::CertificationAuthority, vec![root.clone()], purpose)];
    let line = Line { house, client: CmpClient::new(url, patient()).unwrap(), trust };
    let mut round = number;
    while Instant::now() < until {
        let (counter, done) = if round.is_multiple_of(4) {
            (&house.figures.informed, line.ask(&station).await)
        } else {
            (&house.figures.enrolled, line.enrol(&station).await)
        };
        match done {
            Ok(()) => {
                counter.fetch_add(1, Ordering::Relaxed);
            }
            Err(reason) => house.figures.fault(format!("station {number}: {reason}")),
        }
        round += 1;
    }
}

/// The machine may be busy with other things.
fn patient() -> ClientOptions {
    let mut options = ClientOptions::default();
    options.timeout = Duration::from_secs(120);
    options.connect_timeout = Duration::from_secs(60);
    options
}

/// Runs it.
pub fn run_load(raca: &str, load: &Load) -> Figures {
    let house = Arc::new(House::new(raca));
    if let Some(messages) = load.messages_at_a_time {
        let config = house.folder.path().join("ra/raca.toml");
        let text = fs::read_to_string(&config).unwrap();
        let changed =
            text.replace("max_messages_at_a_time = 4", &format!("max_messages_at_a_time = {messages}"));
        fs::write(&config, changed).unwrap();
    }
    let server = start(raca, house.folder.path());
    let root = host::files::read_certificates(&house.folder.path().join("ra/ca.pem")).unwrap().remove(0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = server.url().to_owned();
    let until = Instant::now() + load.duration;
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..load.connections {
            let (house, url, root) = (house.clone(), url.clone(), root.clone());
            tasks.spawn(async move {
                if number % 2 == 0 {
                    at_station(&house, number, &url, &root, until).await;
                } else {
                    stranger(&house, number, &url, until).await;
                }
            });
        }
        let measure = || house.figures.memory.lock().unwrap().push(resident(&server));
        for left in (1..=16).rev() {
            tokio::time::sleep_until((until - load.duration / 16 * left).into()).await;
            measure();
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        measure();
    });
    let registry = fs::metadata(house.folder.path().join("ra/registry.redb")).unwrap().len();
    house.figures.registry.store(registry, Ordering::Relaxed);
    drop(server);
    Arc::into_inner(house).unwrap().figures
}

fn start(raca: &str, folder: &Path) -> Server {
    Server::start(raca, "--log error serve --config ra/raca.toml --listen 127.0.0.1:0", folder)
}
