//! Clients and servers over loopback, the well-behaved and the others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc, missing_docs)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use transfer::TransferError;
use transfer::est::{EstClient, EstEnroll, EstHandler, EstOutcome, EstReply, est_router};
use transfer::http::{ClientOptions, CmpClient, CmpHandler, CmpRequest, CmpResponse, cmp_router};
use transfer::server::{Limits, serve};
use transfer::tls::{ClientTrust, Identity, ServerTls, client_config, server_config, server_config_trusting};

fn signing_key(pkcs8: &[u8]) -> Arc<dyn SigningKey> {
    any_supported_type(&PrivateKeyDer::Pkcs8(pkcs8.to_vec().into())).unwrap()
}

struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(router: Router, tls: Option<ServerTls>, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(serve(listener, router, tls, limits, shutdown));
        Self { address, stop: Some(stop), task }
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://localhost:{}{path}", self.address.port())
    }
}

/// Answers with what came in, and where.
struct Echo;

impl CmpHandler for Echo {
    async fn handle(&self, request: CmpRequest) -> CmpResponse {
        let place = format!("{:?} {:?} ", request.profile, request.operation);
        CmpResponse::ok([place.as_bytes(), &request.octets].concat())
    }
}

async fn cmp_server(limits: Limits) -> Running {
    Running::start(cmp_router(Arc::new(Echo), limits), None, limits).await
}

async fn post(address: SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn messages_reach_their_endpoint_and_the_answer_comes_back() {
    let server = cmp_server(Limits::default()).await;
    for (path, place) in [
        ("/.well-known/cmp", "None None "),
        ("/.well-known/cmp/", "None None "),
        ("/.well-known/cmp/initialization", "None Some(\"initialization\") "),
        ("/.well-known/cmp/p/stations", "Some(\"stations\") None "),
        ("/.well-known/cmp/p/stations/pkcs10", "Some(\"stations\") Some(\"pkcs10\") "),
    ] {
        let client = CmpClient::new(&server.url("http", path), ClientOptions::default()).unwrap();
        let answer = client.exchange(b"message".to_vec()).await.unwrap();
        assert_eq!(String::from_utf8(answer).unwrap(), format!("{place}message"), "{path}");
    }
}

#[tokio::test]
async fn whatever_is_no_message_is_refused_by_its_status() {
    let mut limits = Limits::default();
    limits.body_size = 100;
    limits.body = Duration::from_millis(200);
    let server = cmp_server(limits).await;
    let head = |method: &str, content_type: &str, length: usize| {
        format!(
            "{method} /.well-known/cmp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    for (head, body, status) in [
        (head("POST", "application/pkixcmp", 4), &b"good"[..], "200"),
        (head("POST", "application/pkixcmp; charset=x", 4), b"good", "200"),
        (head("POST", "text/plain", 4), b"text", "415"),
        (head("GET", "application/pkixcmp", 0), b"", "405"),
        (head("POST", "application/pkixcmp", 0), b"", "400"),
        (head("POST", "application/pkixcmp", 101), &[0; 101], "413"),
        // A body that never comes.
        (head("POST", "application/pkixcmp", 50), b"half", "408"),
        ("POST /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), b"", "404"),
        ("garbage\r\n\r\n".to_owned(), b"", "400"),
    ] {
        let answer = post(server.address, &head, body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head}{answer}");
    }
    let chunked = "POST /.well-known/cmp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                   Content-Type: application/pkixcmp\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = [b"80\r\n".to_vec(), vec![b'x'; 128], b"\r\n0\r\n\r\n".to_vec()].concat();
    let answer = post(server.address, chunked, &body).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn slow_clients_do_not_stop_the_others() {
    let mut limits = Limits::default();
    limits.connections = 2;
    limits.headers = Duration::from_millis(300);
    let server = cmp_server(limits).await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"POST /.well-known/cmp HT").await.unwrap();
        slow.push(stream);
    }
    let client = CmpClient::new(&server.url("http", "/.well-known/cmp"), ClientOptions::default()).unwrap();
    client.exchange(b"message".to_vec()).await.unwrap();
}

#[tokio::test]
async fn one_address_does_not_take_all_connections() {
    let mut limits = Limits::default();
    limits.connections_per_address = 2;
    let server = cmp_server(limits).await;
    let first = TcpStream::connect(server.address).await.unwrap();
    let _second = TcpStream::connect(server.address).await.unwrap();
    let mut third = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(third.read(&mut [0]).await.unwrap(), 0, "closed at once");
    drop(first);
    // Its place is free as soon as the server has seen that it is gone.
    loop {
        let mut next = TcpStream::connect(server.address).await.unwrap();
        let _ = next.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        let mut answer = Vec::new();
        if next.read_to_end(&mut answer).await.is_ok() && answer.starts_with(b"HTTP/1.1") {
            break;
        }
    }
}

#[tokio::test]
async fn answers_that_are_none_are_told_apart() {
    let canned = |answer: &'static str| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let mut options = ClientOptions::default();
        options.answer_size = 100;
        options.timeout = Duration::from_millis(500);
        CmpClient::new(&format!("http://{address}/"), options).unwrap().exchange(vec![1]).await
    };
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: application/pkixcmp\r\n";
    let leak = |head: String| -> &'static str { Box::leak(head.into_boxed_str()) };
    let answer = canned(leak(format!("{ok}Content-Length: 2\r\n\r\nhi"))).await;
    assert_eq!(answer.unwrap(), b"hi");
    let answer = canned(leak(format!("{ok}Content-Length: 101\r\n\r\n{}", "x".repeat(101)))).await;
    assert!(matches!(answer, Err(TransferError::TooLarge { limit: 100, .. })), "{answer:?}");
    let answer = canned(leak(format!("{ok}Content-Length: 0\r\n\r\n"))).await;
    assert!(matches!(answer, Err(TransferError::BadBody { .. })), "{answer:?}");
    let answer = canned(leak(format!("{ok}Content-Length: 50\r\n\r\nhalf"))).await;
    assert!(answer.is_err());
    let answer = canned("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi").await;
    assert!(matches!(answer, Err(TransferError::BadContentType { .. })), "{answer:?}");
    // RFC 9811: redirects are not followed, and errors may carry a message.
    let answer =
        canned("HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n").await;
    assert!(matches!(answer, Err(TransferError::BadStatus { status: 301, .. })), "{answer:?}");
    let answer =
        canned("HTTP/1.1 500 Oops\r\nContent-Type: application/pkixcmp\r\nContent-Length: 2\r\n\r\nhi").await;
    assert_eq!(answer.unwrap(), b"hi");
    let answer = canned("").await;
    assert!(answer.is_err());
    let nobody = CmpClient::new("http://127.0.0.1:1/", ClientOptions::default()).unwrap();
    let answer = nobody.exchange(vec![1]).await;
    assert!(matches!(answer, Err(TransferError::Unreachable { .. })), "{answer:?}");
    for url in ["ftp://host/", "https://host/", "nonsense"] {
        let error = CmpClient::new(url, ClientOptions::default()).unwrap_err();
        assert!(matches!(error, TransferError::BadUrl { .. }), "{url}");
    }
}

struct Pki {
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self { ca: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn anchor(&self) -> Vec<u8> {
        self.ca.der().to_vec()
    }

    fn issue(&self, name: &str, expired: bool) -> (Vec<u8>, Vec<u8>) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(SerialNumber::from(17_u64));
        if expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.ca).unwrap();
        (certificate.der().to_vec(), key.serialize_der())
    }

    /// A CRL with these serial numbers.
    fn crl(&self, revoked: &[u64]) -> Vec<u8> {
        let revoked = revoked.iter().map(|serial_number| RevokedCertParams {
            serial_number: SerialNumber::from(*serial_number),
            revocation_time: date_time_ymd(2025, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2025, 1, 1),
            next_update: date_time_ymd(2125, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.ca).unwrap().der().to_vec()
    }

    fn identity(&self, name: &str, expired: bool) -> Identity {
        let (certificate, key) = self.issue(name, expired);
        Identity::new(vec![certificate], signing_key(&key))
    }
}

/// Certifies by echo: the "certificate" is the request.
struct Est;

impl EstHandler for Est {
    async fn ca_certs(&self) -> EstReply {
        EstReply::Certificates(vec![vec![0x30, 0x03, 0x02, 0x01, 0x09]])
    }

    async fn enroll(&self, request: EstEnroll) -> EstReply {
        match request.csr.get(4) {
            Some(1) => EstReply::Pending { retry_after: Duration::from_secs(7) },
            Some(2) => EstReply::refused(403, "station unknown"),
            Some(3) => EstReply::Issued {
                certificates: vec![request.csr],
                renew_after: Some(Duration::from_secs(86_400)),
            },
            _ => EstReply::Certificates(vec![request.csr, vec![0x30, 0x01, u8::from(request.renewal)]]),
        }
    }
}

fn csr(number: u8) -> Vec<u8> {
    vec![0x30, 0x03, 0x02, 0x01, number]
}

fn est_client(server: &Running, ca: &Pki, identity: Option<Identity>) -> EstClient {
    let mut options = ClientOptions::default();
    options.tls = Some(client_config(&[ca.anchor()], identity).unwrap());
    EstClient::new(&server.url("https", ""), options).unwrap()
}

async fn est_server(operator: &Pki, vendor: &Pki) -> (Running, ServerTls) {
    let config = server_config(operator.identity("nem", false), &[vendor.anchor()]).unwrap();
    let tls = ServerTls::new(config);
    let limits = Limits::default();
    (Running::start(est_router(Arc::new(Est), limits), Some(tls.clone()), limits).await, tls)
}

#[tokio::test]
async fn a_station_with_a_vendor_certificate_is_served() {
    let (operator, vendor) = (Pki::new("operator"), Pki::new("vendor"));
    let (server, _) = est_server(&operator, &vendor).await;
    let client = est_client(&server, &operator, Some(vendor.identity("enb", false)));
    assert_eq!(client.ca_certs().await.unwrap(), [csr(9)]);
    let outcome = client.enroll(&csr(5), false).await.unwrap();
    assert_eq!(outcome, EstOutcome::Certificates(vec![vec![0x30, 0x01, 0], csr(5)]));
    // That it says when to renew makes it no refusal.
    assert_eq!(client.enroll(&csr(3), false).await.unwrap(), EstOutcome::Certificates(vec![csr(3)]));
    let outcome = client.enroll(&csr(1), true).await.unwrap();
    assert_eq!(outcome, EstOutcome::Pending { retry_after: Duration::from_secs(7) });
    let EstOutcome::Refused { status, reason, .. } = client.enroll(&csr(2), false).await.unwrap() else {
        panic!()
    };
    assert_eq!((status, reason.as_str()), (403, "station unknown"));
}

#[tokio::test]
async fn whoever_shows_no_certificate_gets_the_ca_certificates_and_no_more() {
    let (operator, vendor) = (Pki::new("operator"), Pki::new("vendor"));
    let (server, _) = est_server(&operator, &vendor).await;
    let client = est_client(&server, &operator, None);
    client.ca_certs().await.unwrap();
    let outcome = client.enroll(&csr(5), false).await.unwrap();
    assert!(matches!(outcome, EstOutcome::Refused { status: 401, .. }), "{outcome:?}");
}

#[tokio::test]
async fn expired_and_foreign_certificates_do_not_get_through_tls() {
    let (operator, vendor) = (Pki::new("operator"), Pki::new("vendor"));
    let (server, _) = est_server(&operator, &vendor).await;
    let foreign = Pki::new("vendor"); // the same name, another key
    for identity in [vendor.identity("enb", true), foreign.identity("enb", false)] {
        let client = est_client(&server, &operator, Some(identity));
        assert!(client.enroll(&csr(5), false).await.is_err());
    }
    // And the client believes only its own anchor.
    let client = est_client(&server, &foreign, Some(vendor.identity("enb", false)));
    let error = client.enroll(&csr(5), false).await.unwrap_err();
    assert!(matches!(error, TransferError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn tls_credentials_change_while_connections_are_served() {
    let (operator, vendor, successor) = (Pki::new("operator"), Pki::new("vendor"), Pki::new("successor"));
    let (server, tls) = est_server(&operator, &vendor).await;
    est_client(&server, &operator, None).ca_certs().await.unwrap();
    tls.replace(server_config(successor.identity("nem", false), &[vendor.anchor()]).unwrap());
    est_client(&server, &successor, None).ca_certs().await.unwrap();
    assert!(est_client(&server, &operator, None).ca_certs().await.is_err());
}

#[tokio::test]
async fn stopping_lets_requests_under_way_end() {
    struct Slow;
    impl CmpHandler for Slow {
        async fn handle(&self, request: CmpRequest) -> CmpResponse {
            tokio::time::sleep(Duration::from_millis(300)).await;
            CmpResponse::ok(request.octets)
        }
    }
    let limits = Limits::default();
    let mut server = Running::start(cmp_router(Arc::new(Slow), limits), None, limits).await;
    let client = CmpClient::new(&server.url("http", "/.well-known/cmp"), ClientOptions::default()).unwrap();
    let exchange = tokio::spawn(async move { client.exchange(vec![1]).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(server.stop.take());
    assert_eq!(exchange.await.unwrap().unwrap(), [1]);
    server.task.await.unwrap();
}

#[tokio::test]
async fn curl_enrols_over_mutual_tls() {
    let (operator, vendor) = (Pki::new("operator"), Pki::new("vendor"));
    let (server, _) = est_server(&operator, &vendor).await;
    let folder = tempfile::tempdir().unwrap();
    let pem = |label: &str, der: &[u8]| {
        der::Document::try_from(der)
            .unwrap()
            .to_pem(Box::leak(label.into()), der::pem::LineEnding::LF)
            .unwrap()
    };
    let (certificate, key) = vendor.issue("enb", false);
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write("ca.pem", pem("CERTIFICATE", &operator.anchor()));
    write("cert.pem", pem("CERTIFICATE", &certificate));
    write("key.pem", pem("PRIVATE KEY", &key));
    std::fs::write(folder.path().join("csr.der"), csr(1)).unwrap();
    let output = tokio::process::Command::new("curl")
        .current_dir(folder.path())
        .args(["--silent", "--include", "--cacert", "ca.pem", "--cert", "cert.pem", "--key", "key.pem"])
        .args(["--data-binary", "@csr.der", "--header", "Content-Type: application/pkcs10"])
        .arg(server.url("https", "/.well-known/est/simpleenroll"))
        .output()
        .await
        .expect("curl is needed: apt-get install curl");
    let answer = String::from_utf8_lossy(&output.stdout).to_lowercase();
    assert!(answer.starts_with("http/1.1 202"), "{answer}");
    assert!(answer.contains("retry-after: 7"), "{answer}");
}

#[tokio::test]
async fn a_revoked_certificate_does_not_get_through_tls_from_the_next_crl_on() {
    let (operator, vendor) = (Pki::new("operator"), Pki::new("vendor"));
    let clients = ClientTrust::new(&[vendor.anchor()]).unwrap();
    let config = server_config_trusting(operator.identity("nem", false), &clients).unwrap();
    let limits = Limits::default();
    let router = est_router(Arc::new(Est), limits);
    let server = Running::start(router, Some(ServerTls::new(config)), limits).await;
    let (certificate, key) = vendor.issue("enb", false);
    let enrols = async |chain: Vec<Vec<u8>>| {
        let client = est_client(&server, &operator, Some(Identity::new(chain, signing_key(&key))));
        client.enroll(&csr(5), false).await.is_ok()
    };
    let station = || vec![certificate.clone()];
    assert!(enrols(station()).await);
    for (crl, required, is_served) in [
        (vendor.crl(&[]), true, true),
        (vendor.crl(&[18]), true, true),
        (vendor.crl(&[16, 17]), false, false),
        (vendor.crl(&[17]), true, false),
        (operator.crl(&[17]), false, true),
        (operator.crl(&[]), true, false),
        // Of another key: it is not believed, and nothing without it.
        (Pki::new("vendor").crl(&[]), false, false),
    ] {
        clients.set_crls(&[&crl], required).unwrap();
        assert_eq!(enrols(station()).await, is_served, "{required} {crl:02x?}");
        // What cannot be read changes nothing.
        let broken = &crl[..crl.len() - 1];
        assert!(clients.set_crls(&[broken], required).is_err());
        assert_eq!(enrols(station()).await, is_served);
    }
    clients.set_crls(&[], false).unwrap();
    assert!(enrols(station()).await);
    assert!(enrols([station(), vec![vendor.anchor(); 8]].concat()).await);
    assert!(!enrols([station(), vec![vendor.anchor(); 9]].concat()).await, "a heap of certificates");
}
