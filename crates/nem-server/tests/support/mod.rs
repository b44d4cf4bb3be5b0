//! A factory, an RA/CA, a NEM and what stations do, in one folder.
#![allow(dead_code, unreachable_pub)] // each test file uses its part

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crypto_aws_lc::KeyType;
use host::KeySignature;
use ra_server::ListEntry;
use tempfile::TempDir;
use testkit::programs::{Ended, Factory, Server, run, run_words, words};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

pub const NEM: &str = env!("CARGO_BIN_EXE_nem");

/// The real RA/CA, in this process.
pub struct Raca {
    pub url: String,
    config: PathBuf,
    runtime: Option<Runtime>,
}

impl Raca {
    /// Serves the RA/CA in `FOLDER/ra`, which is made when there is none.
    pub fn start(folder: &Path, listen: &str, poll_delay: u32) -> Self {
        Self::start_with(folder, listen, poll_delay, (KeyType::P256, None))
    }

    /// With keys of that kind, if it is made.
    pub fn start_with(
        folder: &Path,
        listen: &str,
        poll_delay: u32,
        (alg, signature): (KeyType, Option<KeySignature>),
    ) -> Self {
        let config = folder.join("ra/raca.toml");
        if !config.exists() {
            let mut options = ra_server::InitOptions::new(folder.join("ra"));
            options.vendor_cas = vec![folder.join("factory.pem")];
            options.alg = alg;
            options.signature = signature;
            ra_server::init(&options).unwrap();
            replace(&config, "poll_delay_seconds = 0", &format!("poll_delay_seconds = {poll_delay}"));
        }
        let runtime = Runtime::new().unwrap();
        let (sender, url) = oneshot::channel();
        let (path, listen) = (config.clone(), listen.to_owned());
        runtime.spawn(async move {
            let ready = |url: &str| sender.send(url.to_owned()).unwrap();
            ra_server::serve(&path, Some(&listen), ready, std::future::pending()).await.unwrap();
        });
        Self { url: url.blocking_recv().unwrap(), config, runtime: Some(runtime) }
    }

    pub fn issue(&self, csr: &Path, profile: &str, out: &Path) {
        fs::write(out, ra_server::issue(&self.config, &fs::read(csr).unwrap(), profile).unwrap()).unwrap();
    }

    /// The stations' certificates.
    pub fn issued(&self) -> Vec<ListEntry> {
        let mut entries = ra_server::list(&self.config).unwrap();
        entries.retain(|entry| entry.profile == "ne");
        entries
    }
}

impl Drop for Raca {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The registry is open until the last task is gone.
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}

pub struct House {
    pub nem: Server,
    pub raca: Raca,
    pub factory: Factory,
    pub folder: TempDir,
}

/// What differs from what `nem init` writes: in `nem.toml`, and in where the RA/CA is.
#[derive(Default)]
pub struct Plan<'a> {
    pub upstream: Option<&'a str>,
    pub poll_delay: u32,
    pub settings: &'a [(&'a str, &'a str)],
    /// The kind of the RA/CA's keys and of the NEM's.
    pub algs: Option<(KeyType, KeyType)>,
    /// What both sign with, if they are RSA keys.
    pub signature: Option<KeySignature>,
    /// The kind of the factory's keys, as OpenSSL calls it.
    pub factory: Option<&'static str>,
    /// What else is put into the folder before the NEM serves.
    pub before_serving: Option<&'a dyn Fn(&Path)>,
}

impl House {
    pub fn new() -> Self {
        Self::with(&Plan::default())
    }

    pub fn with(plan: &Plan<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let factory = match plan.factory {
            Some(kind) => Factory::with_keys(folder.path(), kind),
            None => Factory::new(folder.path()),
        };
        factory.certify("enb1", 3650);
        let (of_raca, of_nem) = plan.algs.unwrap_or((KeyType::P256, KeyType::P256));
        let raca = Raca::start_with(folder.path(), "127.0.0.1:0", plan.poll_delay, (of_raca, plan.signature));
        init_nem_with(folder.path(), plan.upstream.unwrap_or(&raca.url), &raca, (of_nem, plan.signature));
        for (from, to) in plan.settings {
            replace(&folder.path().join("nem/nem.toml"), from, to);
        }
        enter(folder.path(), "enb1", "");
        if let Some(prepare) = plan.before_serving {
            prepare(folder.path());
        }
        let nem = serve(folder.path());
        Self { nem, raca, factory, folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a key and a request for it: `NAME.p10`, DER.
    pub fn request(&self, name: &str, subject: &str) {
        request(self.path(), name, subject);
    }

    /// Uploads with curl as that station; returns status and body.
    pub fn upload(&self, station: &str, file: &str) -> (u16, String) {
        upload(self.path(), &self.nem, station, file, "application/pkcs10")
    }

    /// That the station gets this status, the body and a line of the log say why, and the service goes on.
    pub fn refuses(&self, station: &str, file: &str, status: u16, reason: &str) {
        let (got, body) = self.upload(station, file);
        assert_eq!(got, status, "{file}: {body}");
        assert!(body.contains(reason), "{file}: {body}");
    }

    /// That the station gets the certificate, and it is the one in `NAME.p10`.
    pub fn delivers(&self, station: &str, file: &str) -> String {
        let (status, body) = self.upload(station, file);
        assert_eq!(status, 200, "{file}: {body}\n{}", self.nem.log());
        self.certificate(&body)
    }

    /// The first certificate of an answer, in PEM; OpenSSL finds it good.
    pub fn certificate(&self, body: &str) -> String {
        fs::write(self.path().join("answer.b64"), body).unwrap();
        run("openssl", "base64 -d -A -in answer.b64 -out answer.p7", self.path()).success();
        run("openssl", "pkcs7 -inform DER -in answer.p7 -print_certs -out got.pem", self.path()).success();
        run("openssl", "verify -CAfile ra/ca.pem got.pem", self.path()).success();
        run("openssl", "x509 -in got.pem", self.path()).success()
    }
}

pub fn init_nem(folder: &Path, upstream: &str, raca: &Raca) {
    init_nem_with(folder, upstream, raca, (KeyType::P256, None));
}

fn init_nem_with(
    folder: &Path,
    upstream: &str,
    raca: &Raca,
    (alg, signature): (KeyType, Option<KeySignature>),
) {
    let signature = signature.map_or(String::new(), |signature| format!(" --signature {signature}"));
    let init = format!(
        "init --dir nem --upstream {upstream} --ca ra/ca.pem --vendor-ca factory.pem --alg {alg}{signature}"
    );
    run(NEM, &init, folder).success();
    for (profile, name) in [("ra", "cmp"), ("tls-server", "tls")] {
        let nem = folder.join("nem");
        raca.issue(&nem.join(format!("{name}.csr.pem")), profile, &nem.join(format!("{name}.pem")));
    }
}

pub fn serve(folder: &Path) -> Server {
    Server::start(NEM, "serve --config nem/nem.toml --listen 127.0.0.1:0", folder)
}

/// Enters a station that is called as its vendor certificate is, and may be called `NAME.operator.example`.
pub fn enter(folder: &Path, name: &str, more: &str) {
    let entry = format!(
        "\n[[station]]\nname = \"{name}\"\nvendor_subject = \"CN={name},O=Vendor\"\nsubject = \"CN={name}.operator.example\"\ndns = [\"{name}.operator.example\"]\n{more}\n"
    );
    let mut stations = fs::OpenOptions::new().append(true).open(folder.join("nem/stations.toml")).unwrap();
    stations.write_all(entry.as_bytes()).unwrap();
}

pub fn request(folder: &Path, name: &str, subject: &str) {
    let request = format!(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.p10.key -outform DER -out {name}.p10 -subj {subject}"
    );
    run("openssl", &request, folder).success();
}

pub fn upload(folder: &Path, nem: &Server, station: &str, file: &str, kind: &str) -> (u16, String) {
    let (header, body) = (format!("Content-Type: {kind}"), format!("@{file}"));
    let url = format!("https://{}/.well-known/est/simpleenroll", nem.address());
    let (certificate, key) = (format!("{station}.pem"), format!("{station}.key"));
    let mut arguments =
        words("-sS --cacert ra/ca.pem -w %{http_code} -o body", &["-H", &header, "--data-binary", &body]);
    if !station.is_empty() {
        arguments.extend(["--cert", &certificate, "--key", &key]);
    }
    arguments.push(&url);
    let ended: Ended = run_words("curl", &arguments, folder);
    let status = ended.stdout.parse().unwrap_or(0);
    let body = if status == 0 { ended.stderr } else { fs::read_to_string(folder.join("body")).unwrap() };
    (status, body)
}

pub fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

/// Waits until it is so.
pub fn eventually(mut so: impl FnMut() -> bool) {
    let pause = || std::thread::sleep(Duration::from_millis(100));
    assert!((0..100).any(|_| {
        let is_so = so();
        if !is_so {
            pause();
        }
        is_so
    }));
}
