//! kill -9 of `nem serve` at every point of an enrolment: after a restart the station gets its certificate, and exactly one
//! was issued.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ca::{Issuer, Profile};
use crypto::SigningKey;
use crypto_aws_lc::{KeyType, SoftwareKey, write_key_file};
use enb::{EnrolOptions, Identity};
use host::Names;
use host::files::{certificates_pem, write_new};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use transfer::http::{ClientOptions, CmpClient, CmpHandler, CmpRequest, CmpResponse, cmp_router};
use transfer::server::Limits;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Where an exchange with the RA/CA is held up.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    BeforeTheRaca,
    BehindTheRaca,
}

/// Stands between NEM and RA/CA. It holds up the exchange with that number, for ever, and passes on all others.
struct Gate {
    raca: CmpClient,
    exchanges: AtomicUsize,
    hold: usize,
    held: Held,
    reached: Arc<Notify>,
}

impl CmpHandler for Gate {
    async fn handle(&self, request: CmpRequest) -> CmpResponse {
        let number = self.exchanges.fetch_add(1, Ordering::SeqCst);
        if number == self.hold && self.held == Held::BeforeTheRaca {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
        let answer = self.raca.exchange(request.octets).await.unwrap();
        if number == self.hold {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
        CmpResponse::ok(answer)
    }
}

struct Nem(Child);

impl Nem {
    /// Starts it and waits until it accepts connections; returns its address, too.
    fn start(config: &Path, listen: &str) -> (Self, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nem"))
            .args(["serve", "--listen", listen, "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on https://").unwrap().to_owned();
        (Self(child), address)
    }
}

impl Drop for Nem {
    /// kill -9
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn vendor_certificate(directory: &Path) -> (PathBuf, PathBuf, PathBuf) {
    let provider = crypto_aws_lc::provider();
    let name = |text: &str| host::parse_name(text).unwrap();
    let ca_key = SoftwareKey::generate(KeyType::P256).unwrap();
    let issuer =
        Issuer::self_signed(name("CN=Factory"), Box::new(ca_key), 10 * YEAR, &provider, host::now()).unwrap();
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    let (contents, _) = Profile::NE.fit(name("CN=SN-1"), key.public_key(), &[]).unwrap();
    let issued = issuer.issue(&contents, &provider, host::now()).unwrap();
    let [ca, certificate, key_file] =
        ["factory.pem", "vendor.pem", "vendor.key.pem"].map(|name| directory.join(name));
    write_key_file(&key_file, &key).unwrap();
    write_new(&ca, certificates_pem(&[issuer.certificate().clone()]).unwrap().as_bytes()).unwrap();
    write_new(&certificate, certificates_pem(&[issued.certificate]).unwrap().as_bytes()).unwrap();
    (ca, certificate, key_file)
}

/// Serves CMP through the gate; returns its URL.
async fn serve_gate(gate: Gate) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/.well-known/cmp", listener.local_addr().unwrap());
    let limits = Limits::default();
    let router = cmp_router(Arc::new(gate), limits);
    tokio::spawn(transfer::server::serve(listener, router, None, limits, std::future::pending()));
    url
}

async fn crash_at(hold: usize, held: Held, poll_delay: u32) {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let (vendor_ca, vendor_certificate, vendor_key) = vendor_certificate(directory);

    let mut options = ra_server::InitOptions::new(directory.join("raca"));
    options.vendor_cas = vec![vendor_ca.clone()];
    let raca = ra_server::init(&options).unwrap();
    let text = fs::read_to_string(&raca.config).unwrap();
    let text = text.replace("poll_delay_seconds = 0", &format!("poll_delay_seconds = {poll_delay}"));
    fs::write(&raca.config, text).unwrap();
    let (sender, raca_url) = oneshot::channel();
    let config = raca.config.clone();
    tokio::spawn(async move {
        let ready = |url: &str| sender.send(url.to_owned()).unwrap();
        ra_server::serve(&config, Some("127.0.0.1:0"), ready, std::future::pending()).await.unwrap();
    });
    let reached = Arc::new(Notify::new());
    let url = serve_gate(Gate {
        raca: CmpClient::new(&raca_url.await.unwrap(), ClientOptions::default()).unwrap(),
        exchanges: AtomicUsize::new(0),
        hold,
        held,
        reached: reached.clone(),
    })
    .await;

    let mut options = nem_server::InitOptions::new(directory.join("nem"), url);
    options.operator_cas = vec![raca.ca_certificate.clone()];
    options.vendor_cas = vec![vendor_ca];
    let nem = nem_server::init(&options).unwrap();
    let config = raca.config.clone();
    let issue =
        move |csr: &Path, profile| ra_server::issue(&config, &fs::read(csr).unwrap(), profile).unwrap();
    let nem = tokio::task::spawn_blocking(move || {
        write_new(&nem.cmp_certificate, &issue(&nem.cmp_csr, "ra")).unwrap();
        write_new(&nem.tls_certificate, &issue(&nem.tls_csr, "tls-server")).unwrap();
        nem
    })
    .await
    .unwrap();
    let entry = "[[station]]\nname = \"enb1\"\nvendor_subject = \"CN=SN-1\"\nsubject = \"CN=enb1\"\n";
    fs::OpenOptions::new().append(true).open(&nem.stations).unwrap().write_all(entry.as_bytes()).unwrap();

    let (server, address) = Nem::start(&nem.config, "127.0.0.1:0");
    let identity = Identity::Vendor {
        certificate: vendor_certificate,
        key: vendor_key.into(),
        names: Names::new(host::parse_name("CN=enb1").unwrap()),
    };
    let station = directory.join("station");
    let mut options =
        EnrolOptions::new(format!("https://{address}"), &raca.ca_certificate, identity, &station);
    options.timeout = Duration::from_secs(60);
    let enrolment = tokio::spawn(async move { enb::enrol(&options, &|_| {}).await });

    reached.notified().await;
    drop(server);
    let (_server, _) = Nem::start(&nem.config, &address);
    let enrolled = enrolment.await.unwrap().unwrap();

    let issued = tokio::task::spawn_blocking(move || ra_server::list(&raca.config).unwrap()).await.unwrap();
    let issued: Vec<_> = issued.iter().filter(|entry| entry.profile == "ne").collect();
    let [issued] = issued.as_slice() else { panic!("not exactly one certificate: {issued:?}") };
    assert_eq!(issued.status, "valid");
    assert_eq!(issued.subject, enrolled.subject);
    assert_eq!(enrolled.serial_number, issued.serial_number);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_request_reaches_the_raca() {
    crash_at(0, Held::BeforeTheRaca, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_raca_has_issued() {
    crash_at(0, Held::BehindTheRaca, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_confirmation_reaches_the_raca() {
    crash_at(1, Held::BeforeTheRaca, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_raca_has_the_confirmation() {
    crash_at(1, Held::BehindTheRaca, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_polling() {
    crash_at(1, Held::BeforeTheRaca, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_raca_has_answered_a_poll() {
    crash_at(1, Held::BehindTheRaca, 1).await;
}
