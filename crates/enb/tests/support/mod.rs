//! A factory, an RA/CA, and somebody on the way to it.
#![allow(dead_code, unreachable_pub)] // each test file uses its part

use std::fs::{self, Permissions};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cmp::{BodyKind, PkiMessage};
use enb::{CmpOptions, CmpSender};
use host::KeySource;
use ra_server::ListEntry;
use tempfile::TempDir;
use testkit::programs::Factory;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use transfer::http::{ClientOptions, CmpClient, CmpHandler, CmpRequest, CmpResponse, cmp_router};
use transfer::server::Limits;

pub const ENB: &str = env!("CARGO_BIN_EXE_enb");
pub const SECRET: &str = "correct-horse-battery-staple";

/// `enb1.pem` is the vendor's certificate of a station, the RA/CA is in the folder `ra`.
pub struct House {
    pub folder: TempDir,
    pub factory: Factory,
    pub runtime: Runtime,
    pub url: String,
}

impl House {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With some settings of the RA/CA replaced.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        Self::prepared(settings, |_| ())
    }

    /// The same, and with more files in the folder before the RA/CA starts.
    pub fn prepared(settings: &[(&str, &str)], prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let factory = Factory::new(folder.path());
        factory.certify("enb1", 3650);
        let mut options = ra_server::InitOptions::new(folder.path().join("ra"));
        options.vendor_cas = vec![folder.path().join("factory.pem")];
        ra_server::init(&options).unwrap();
        prepare(folder.path());
        let config = folder.path().join("ra/raca.toml");
        let mut text = fs::read_to_string(&config).unwrap();
        for (from, to) in settings {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        fs::write(&config, text).unwrap();
        share_secret(folder.path(), &config);
        let runtime = Runtime::new().unwrap();
        let url = serve(&runtime, config);
        Self { folder, factory, runtime, url }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn options(&self, url: &str) -> CmpOptions {
        let mut options = CmpOptions::new(url);
        options.operator_ca = Some(self.path().join("ra/ca.pem"));
        options
    }

    pub fn vendor(&self) -> CmpSender {
        let location = self.path().join("enb1.key").display().to_string().parse().unwrap();
        CmpSender::Certificate {
            certificate: self.path().join("enb1.pem"),
            key: KeySource::new(location, None),
        }
    }

    /// What was issued to stations.
    pub fn issued(&self) -> Vec<ListEntry> {
        let mut entries = ra_server::list(&self.path().join("ra/raca.toml")).unwrap();
        entries.retain(|entry| entry.profile == "ne");
        entries
    }

    /// Somebody on the way, who may do anything with what passes.
    pub fn proxy(&self, meddle: impl Fn(&Passing) -> Meddling + Send + Sync + 'static) -> Proxy {
        let upstream = CmpClient::new(&self.url, ClientOptions::default()).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handler = Arc::new(Meddler { upstream, meddle: Box::new(meddle), seen: seen.clone() });
        let listener = self.runtime.block_on(TcpListener::bind(loopback())).unwrap();
        let url = format!("http://{}/.well-known/cmp", listener.local_addr().unwrap());
        let router = cmp_router(handler, Limits::default());
        let served =
            transfer::server::serve(listener, router, None, Limits::default(), std::future::pending());
        self.runtime.spawn(served);
        Proxy { url, seen }
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn share_secret(folder: &Path, config: &Path) {
    for path in [folder.join("ra/4711.secret"), folder.join("4711.secret")] {
        fs::write(&path, format!("{SECRET}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
    let mut config = fs::OpenOptions::new().append(true).open(config).unwrap();
    let entry = "reference = \"4711\"\nsecret_file = \"4711.secret\"\nsubject = \"O=Operator,CN=enb17\"";
    writeln!(config, "\n[[trust.shared_secrets]]\n{entry}").unwrap();
}

fn serve(runtime: &Runtime, config: PathBuf) -> String {
    let (sender, url) = oneshot::channel();
    runtime.spawn(async move {
        let ready = |url: &str| sender.send(url.to_owned()).unwrap();
        ra_server::serve(&config, Some("127.0.0.1:0"), ready, std::future::pending()).await.unwrap();
    });
    url.blocking_recv().unwrap()
}

/// A message that passed.
pub type Seen = (BodyKind, Vec<u8>);

/// A message on its way.
pub struct Passing {
    /// How many passed before it.
    pub number: usize,
    pub body: BodyKind,
    pub octets: Vec<u8>,
    /// What the RA/CA answers.
    pub answer: Vec<u8>,
}

/// What becomes of an answer.
pub enum Meddling {
    /// It arrives.
    Nothing,
    /// It does not arrive.
    Lose,
    /// Something else arrives in its place.
    Replace(Vec<u8>),
    /// Nothing ever arrives.
    Hang,
}

struct Meddler {
    upstream: CmpClient,
    meddle: Box<dyn Fn(&Passing) -> Meddling + Send + Sync>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl CmpHandler for Meddler {
    async fn handle(&self, request: CmpRequest) -> CmpResponse {
        let body = PkiMessage::from_der(&request.octets).unwrap().body().kind();
        let answer = self.upstream.exchange(request.octets.clone()).await.unwrap();
        let number = {
            let mut seen = self.seen.lock().unwrap();
            seen.push((body, request.octets.clone()));
            seen.len() - 1
        };
        let passing = Passing { number, body, octets: request.octets, answer };
        match (self.meddle)(&passing) {
            Meddling::Nothing => CmpResponse::ok(passing.answer),
            Meddling::Replace(answer) => CmpResponse::ok(answer),
            Meddling::Lose => {
                let mut response = CmpResponse::ok(Vec::new());
                response.status = 503;
                response
            }
            Meddling::Hang => std::future::pending().await,
        }
    }
}

pub struct Proxy {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Proxy {
    /// The messages that passed.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}
