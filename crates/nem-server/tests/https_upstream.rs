//! CMP over HTTPS between NEM and RA/CA (RFC 9811 section 3.1).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use host::files::read_certificates;
use host::{KeyLocation, KeySource, read_tls_credential};
use support::{NEM, Raca, enter, eventually, init_nem, replace, request, serve, upload};
use testkit::programs::{Factory, run};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use transfer::http::{CmpHandler, CmpRequest, CmpResponse, cmp_router};
use transfer::server::Limits;
use transfer::tls::{ClientTrust, Identity, ServerTls, server_config_trusting};

const COMMENT: &str = "# tls_ca = \"raca-tls-ca.pem\"";

/// An RA/CA that serves HTTPS, with that in its `[tls]`, too; a NEM's folder that names it, and enb1 with a request.
fn house(path: &Path, more: &str) -> Raca {
    Factory::new(path).certify("enb1", 3650);
    let raca = Raca::start(path, "127.0.0.1:0", 0);
    let csr = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ra/tls.key.pem -out ra/tls.csr -subj /CN=raca -addext subjectAltName=IP:127.0.0.1";
    run("openssl", csr, path).success();
    raca.issue(&path.join("ra/tls.csr"), "tls-server", &path.join("ra/tls.pem"));
    drop(raca);
    let mut config = fs::OpenOptions::new().append(true).open(path.join("ra/raca.toml")).unwrap();
    let section = format!("\n[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key.pem\"\n{more}");
    config.write_all(section.as_bytes()).unwrap();
    let raca = Raca::start(path, "127.0.0.1:0", 0);
    assert!(raca.url.starts_with("https://"), "{}", raca.url);
    init_nem(path, &raca.url, &raca);
    enter(path, "enb1", "");
    request(path, "good", "/CN=enb1.operator.example");
    raca
}

#[test]
fn the_nem_believes_the_ra_ca_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let raca = house(path, "");
    let config = path.join("nem/nem.toml");
    let answer = || {
        let nem = serve(path);
        let answer = upload(path, &nem, "enb1", "good.p10", "application/pkcs10");
        (nem, answer)
    };

    // Somebody else's CA: TLS fails, and the station is told to come back.
    replace(&config, "hold_seconds = 5", "hold_seconds = 1");
    replace(&config, COMMENT, "tls_ca = \"vendor-ca-1.pem\"");
    let (nem, (status, _)) = answer();
    assert_eq!(status, 202);
    nem.wait_for_log(&["WARN", "enb1", "no TLS with", "UnknownIssuer"]);
    drop(nem);

    // The right one: the same request goes on.
    replace(&config, "tls_ca = \"vendor-ca-1.pem\"", "tls_ca = \"operator-ca-1.pem\"");
    let (nem, (status, body)) = answer();
    assert_eq!(status, 200, "{body}{}", nem.log());
    assert_eq!(raca.issued().len(), 1);
}

#[test]
fn an_ra_ca_that_lets_nobody_in_without_a_certificate_knows_the_nem_by_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let raca = house(path, "client_cas = [\"ca.pem\"]\nclient_certificate_required = true\n");
    let config = path.join("nem/nem.toml");
    replace(&config, "hold_seconds = 5", "hold_seconds = 1");
    replace(&config, COMMENT, "tls_ca = \"operator-ca-1.pem\"");
    let (status, _) = {
        let nem = serve(path);
        let answer = upload(path, &nem, "enb1", "good.p10", "application/pkcs10");
        nem.wait_for_log(&["WARN", "enb1", "CertificateRequired"]);
        answer
    };
    assert_eq!(status, 202);
    assert!(raca.issued().is_empty());

    replace(&config, "# tls_client_certificate = true", "tls_client_certificate = true");
    replace(&config, "hold_seconds = 1", "hold_seconds = 5");
    let nem = serve(path);
    let (status, body) = upload(path, &nem, "enb1", "good.p10", "application/pkcs10");
    assert_eq!(status, 200, "{body}{}", nem.log());

    // The renewed certificate is shown from then on, also to whoever serves at the RA/CA's address next.
    let own = path.join("nem/cmp.pem");
    let before = read_certificates(&own).unwrap();
    run(NEM, "renew --config nem/nem.toml", path).success();
    let renewed = read_certificates(&own).unwrap();
    assert_ne!(renewed, before);
    request(path, "next", "/CN=enb1.operator.example");
    let (status, body) = upload(path, &nem, "enb1", "next.p10", "application/pkcs10");
    assert_eq!(status, 200, "{body}{}", nem.log());
    assert_eq!(raca.issued().len(), 2);

    let address = raca.url.trim_start_matches("https://").split('/').next().unwrap().to_owned();
    drop(raca);
    let guard = Guard::start(path, &address);
    nem.signal("HUP");
    request(path, "third", "/CN=enb1.operator.example");
    upload(path, &nem, "enb1", "third.p10", "application/pkcs10");
    eventually(|| !guard.seen.lock().unwrap().is_empty());
    assert_eq!(guard.seen.lock().unwrap()[0], renewed[0].octets());
}

/// Somebody in the RA/CA's place who looks at certificates, and answers nothing.
struct Guard {
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    _runtime: Runtime,
}

struct Look(Arc<Mutex<Vec<Vec<u8>>>>);

impl CmpHandler for Look {
    async fn handle(&self, request: CmpRequest) -> CmpResponse {
        self.0.lock().unwrap().extend(request.peer.certificates.first().cloned());
        let mut answer = CmpResponse::ok(Vec::new());
        answer.status = 503;
        answer
    }
}

impl Guard {
    fn start(path: &Path, address: &str) -> Self {
        let key = KeySource::new(KeyLocation::File(path.join("ra/tls.key.pem")), None);
        let (chain, key) = read_tls_credential(&path.join("ra/tls.pem"), &key).unwrap();
        let identity = Identity::new(chain.iter().map(|one| one.octets().to_vec()).collect(), key);
        let anchor = read_certificates(&path.join("ra/ca.pem")).unwrap()[0].octets().to_vec();
        let tls = server_config_trusting(identity, &ClientTrust::mandatory(&[anchor]).unwrap()).unwrap();
        let (runtime, seen) = (Runtime::new().unwrap(), Arc::default());
        let router = cmp_router(Arc::new(Look(Arc::clone(&seen))), Limits::default());
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        let tls = Some(ServerTls::new(tls));
        runtime.spawn(transfer::server::serve(
            listener,
            router,
            tls,
            Limits::default(),
            std::future::pending(),
        ));
        Self { seen, _runtime: runtime }
    }
}

#[test]
fn https_without_a_ca_to_believe_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    Factory::new(folder.path());
    let raca = Raca::start(folder.path(), "127.0.0.1:0", 0);
    init_nem(folder.path(), "https://127.0.0.1:1/.well-known/cmp", &raca);
    let reason = run(NEM, "serve --config nem/nem.toml --listen 127.0.0.1:0", folder.path()).failure(1);
    assert!(reason.contains("https needs the certificate of the CA to believe"), "{reason}");
}
