//! An HTTP(S) server that nobody can hold up: every connection, handshake, header and body has a bound.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::Peer;
use crate::places::{Place, Places};
use crate::tls::ServerTls;
use crate::visitors::Visitors;

/// What a server spends on its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at a time; 1024 by default. A further one takes the place of the one that has been silent longest: that no whole
    /// request has come from, or since. Where all of them are being answered, it waits.
    pub connections: usize,
    /// Connections of one address at a time; further ones are closed at once. As many as there are by default.
    pub connections_per_address: usize,
    /// Octets of a request's body. 64 KiB by default.
    pub body_size: usize,
    /// Time for a TLS handshake. 10 s by default.
    pub handshake: Duration,
    /// Time for a request's headers, and between two requests on a connection. 30 s by default.
    pub headers: Duration,
    /// Time for a request's body. 30 s by default.
    pub body: Duration,
    /// Time for requests under way when the server stops. 10 s by default.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_address: usize::MAX,
            body_size: 64 * 1024,
            handshake: Duration::from_secs(10),
            headers: Duration::from_secs(30),
            body: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves until `shutdown` is done, then lets the requests under way end. Handlers find a [`Peer`] in the request's
/// extensions.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<ServerTls>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let places = Places::new(limits.connections);
    let visitors = Visitors::new(limits.connections_per_address);
    let (stopping, stop) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let Some(visitor) = visitors.enter(address.ip()) else {
                    let most = limits.connections_per_address;
                    tracing::warn!(peer = %address, "connection closed: the address has {most} already");
                    continue;
                };
                let place = tokio::select! {
                    () = &mut shutdown => break,
                    place = places.take() => Arc::new(place),
                };
                let router = router.clone().layer(from_fn_with_state(place.clone(), answer));
                let connection = Connection { address, router, limits, stop: stop.clone() };
                let tls = tls.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        () = connection.serve(stream, tls) => {}
                        () = place.displaced() => {
                            tracing::info!(peer = %address, "connection closed: it was silent longest, and others came");
                        }
                    }
                    drop((place, visitor));
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: the connections under way will give some back.
                tracing::warn!(reason = %error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    drop(stopping);
    if timeout(limits.drain, places.empty()).await.is_err() {
        tracing::warn!("requests under way did not end in time; they are cut off");
    }
}

/// Serves one connection that exists already, whatever carries it, until it ends: for servers with an accept loop of their
/// own, and for tests. `peer` is whom its other end was found to be.
pub async fn serve_connection<S>(stream: S, peer: Peer, router: Router, limits: Limits)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (_going_on, stop) = watch::channel(());
    Connection { address: peer.address, router, limits, stop }.serve_http(stream, peer.certificates).await;
}

/// Has a connection's place kept while a request is answered that has come in whole.
async fn answer(State(place): State<Arc<Place>>, mut request: Request, next: Next) -> Response {
    if http_body::Body::is_end_stream(request.body()) {
        place.is_heard();
    }
    request.extensions_mut().insert(place.clone());
    let response = next.run(request).await;
    // Whoever asks for what there is not could do so for ever.
    if response.status().is_client_error() {
        place.stays_silent()
    } else {
        place.falls_silent()
    }
    response
}

struct Connection {
    address: SocketAddr,
    router: Router,
    limits: Limits,
    stop: watch::Receiver<()>,
}

impl Connection {
    async fn serve(self, stream: TcpStream, tls: Option<ServerTls>) {
        let address = self.address;
        let Some(tls) = tls else { return self.serve_http(stream, Vec::new()).await };
        let handshake = TlsAcceptor::from(tls.current()).accept(stream);
        match timeout(self.limits.handshake, handshake).await {
            Ok(Ok(stream)) => {
                let (_, session) = stream.get_ref();
                let certificates =
                    session.peer_certificates().unwrap_or_default().iter().map(|der| der.to_vec()).collect();
                self.serve_http(stream, certificates).await;
            }
            Ok(Err(error)) => tracing::info!(peer = %address, reason = %error, "TLS handshake failed"),
            Err(_) => tracing::info!(peer = %address, "TLS handshake took too long"),
        }
    }

    async fn serve_http<S>(mut self, stream: S, certificates: Vec<Vec<u8>>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.layer(Extension(Peer::new(self.address, certificates)));
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.limits.headers)
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        );
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // The sender is dropped when the server stops.
            _ = self.stop.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %self.address, reason = %error, "connection ended early");
        }
    }
}

/// Reads a request's body within the limits; otherwise there is the answer to give.
pub(crate) async fn read_body(request: Request, limits: &Limits) -> Result<Bytes, Response> {
    let limit = limits.body_size;
    let too_large = || text(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body exceeds {limit} octets"));
    if http_body::Body::size_hint(request.body()).lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let place = request.extensions().get::<Arc<Place>>().cloned();
    match timeout(limits.body, Limited::new(request.into_body(), limit).collect()).await {
        Ok(Ok(body)) => {
            place.iter().for_each(|place| place.is_heard());
            Ok(body.to_bytes())
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => {
            tracing::debug!(reason = %error, "a request's body broke off");
            Err(text(StatusCode::BAD_REQUEST, "the body broke off"))
        }
        Err(_) => Err(text(StatusCode::REQUEST_TIMEOUT, "the body took too long")),
    }
}

/// An answer in plain text.
pub(crate) fn text(status: StatusCode, reason: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{reason}\n")).into_response()
}

/// The type and subtype of a Content-Type, in lowercase, without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}
