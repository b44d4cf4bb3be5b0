//! Connections that say nothing, or not enough, on all places there are: whoever has something to say is served all the while.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use transfer::http::{ClientOptions, CmpClient, CmpHandler, CmpRequest, CmpResponse, cmp_router};
use transfer::server::{Limits, serve};
use transfer::tls::{Identity, ServerTls, client_config, server_config};

const PLACES: usize = 8;
/// Nothing here ends because its time is over.
const FOR_EVER: Duration = Duration::from_secs(24 * 3600);

/// The first octets of a TLS handshake: of a record, and of the ClientHello in it.
const HELLO: &[u8] = &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
const HEAD: &[u8] = b"POST /.well-known/cmp HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkixcmp\r\n";
const SLOW_BODY: &[u8] =
    b"POST /.well-known/cmp HTTP/1.1\r\nHost: x\r\nContent-Type: application/pkixcmp\r\n\
    Content-Length: 100\r\n\r\nmess";
const NOT_FOUND: &[u8] = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";

fn limits(places: usize) -> Limits {
    let mut limits = Limits::default();
    limits.connections = places;
    (limits.handshake, limits.headers, limits.body) = (FOR_EVER, FOR_EVER, FOR_EVER);
    limits
}

async fn start(handler: impl CmpHandler, tls: Option<ServerTls>, limits: Limits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = cmp_router(Arc::new(handler), limits);
    tokio::spawn(serve(listener, router, tls, limits, std::future::pending()));
    address
}

struct Echo;

impl CmpHandler for Echo {
    async fn handle(&self, request: CmpRequest) -> CmpResponse {
        CmpResponse::ok(request.octets)
    }
}

/// As many connections as there are places, each of which says that and no more.
async fn occupy(address: SocketAddr, word: &[u8]) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..PLACES {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // One that is closed already has given way.
        let _ = stream.write_all(word).await;
        held.push(stream);
    }
    held
}

#[tokio::test]
async fn silent_and_slow_connections_give_way() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = certified.cert.der().to_vec();
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let identity = Identity::new(vec![certificate.clone()], any_supported_type(&key).unwrap());
    let tls = ServerTls::new(server_config(identity, &[]).unwrap());
    let over_tls = start(Echo, Some(tls), limits(PLACES)).await;
    let plain = start(Echo, None, limits(PLACES)).await;
    let port = |address: SocketAddr| address.port();
    for (address, scheme, word) in [
        (plain, "http", &b""[..]),
        (plain, "http", HEAD),
        (plain, "http", SLOW_BODY),
        (plain, "http", NOT_FOUND),
        (over_tls, "https", b""),
        (over_tls, "https", HELLO),
    ] {
        let mut held = Vec::new();
        for _ in 0..5 {
            held.push(occupy(address, word).await);
            let mut options = ClientOptions::default();
            options.tls = Some(client_config(std::slice::from_ref(&certificate), None).unwrap());
            options.timeout = FOR_EVER;
            let url = format!("{scheme}://localhost:{}/.well-known/cmp", port(address));
            let client = CmpClient::new(&url, options).unwrap();
            assert_eq!(client.exchange(b"message".to_vec()).await.unwrap(), b"message");
        }
        // All but those that have places still.
        let mut closed = 0;
        for stream in held.iter_mut().flatten().take(4 * PLACES) {
            while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
            closed += 1;
        }
        assert_eq!(closed, 4 * PLACES);
    }
}

/// Answers when it is told to, and tells when it has got something to answer.
struct Waiting {
    come: tokio::sync::mpsc::UnboundedSender<()>,
    go: Arc<Notify>,
}

impl CmpHandler for Waiting {
    async fn handle(&self, request: CmpRequest) -> CmpResponse {
        self.come.send(()).unwrap();
        self.go.notified().await;
        CmpResponse::ok(request.octets)
    }
}

#[tokio::test]
async fn whoever_is_being_answered_keeps_the_place() {
    let (come, mut coming) = tokio::sync::mpsc::unbounded_channel();
    let go = Arc::new(Notify::new());
    let address = start(Waiting { come, go: go.clone() }, None, limits(2)).await;
    let ask = |(): ()| {
        let url = format!("http://{address}/.well-known/cmp");
        let (told, answer) = oneshot::channel();
        tokio::spawn(async move {
            let mut options = ClientOptions::default();
            options.timeout = FOR_EVER;
            let client = CmpClient::new(&url, options).unwrap();
            let _ = told.send(client.exchange(b"message".to_vec()).await.unwrap());
        });
        answer
    };
    let under_way = [(); 2].map(ask);
    coming.recv().await.unwrap();
    coming.recv().await.unwrap();
    // They come in, and displace each other, not those two.
    let held = occupy(address, HEAD).await;
    let last = ask(());
    go.notify_waiters();
    for answer in under_way {
        assert_eq!(answer.await.unwrap(), b"message");
    }
    coming.recv().await.unwrap();
    go.notify_waiters();
    assert_eq!(last.await.unwrap(), b"message");
    drop(held);
}
