//! CMP over HTTP and HTTPS, RFC 9811.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Path, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rustls::ClientConfig;

use crate::error::excerpt;
use crate::server::{Limits, media_type, read_body, text};
use crate::tls::client_config;
use crate::{Peer, TransferError};

/// The content type of RFC 9811 section 3.3.
pub const PKIXCMP: &str = "application/pkixcmp";

/// A CMP message as it was posted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CmpRequest {
    /// The message.
    pub octets: Vec<u8>,
    /// The name in `/.well-known/cmp/p/<name>`.
    pub profile: Option<String>,
    /// The operation in `/.well-known/cmp/<operation>` (RFC 9811 section 3.4).
    pub operation: Option<String>,
    /// Who posted it.
    pub peer: Peer,
}

/// The answer to a CMP message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CmpResponse {
    /// The HTTP status: 200, whatever the message says, unless the server itself failed.
    pub status: u16,
    /// The message.
    pub octets: Vec<u8>,
}

impl CmpResponse {
    /// A message with HTTP status 200.
    pub const fn ok(octets: Vec<u8>) -> Self {
        Self { status: 200, octets }
    }
}

/// Answers CMP messages.
pub trait CmpHandler: Send + Sync + 'static {
    /// The answer to one message.
    fn handle(&self, request: CmpRequest) -> impl Future<Output = CmpResponse> + Send;
}

/// Routes `/.well-known/cmp`, `/<operation>` and `/p/<name>[/<operation>]` below it to the handler (RFC 9811
/// section 3.4). Whatever is no POST of an `application/pkixcmp` within the limits is answered here.
pub fn cmp_router<H: CmpHandler>(handler: Arc<H>, limits: Limits) -> Router {
    let route = |profile: Option<usize>, operation: Option<usize>| {
        let handler = Arc::clone(&handler);
        post(move |peer: Extension<Peer>, Path(names): Path<Vec<String>>, request: Request| async move {
            let name = |at: Option<usize>| at.and_then(|at| names.get(at)).cloned();
            serve(handler.as_ref(), limits, peer.0, name(profile), name(operation), request).await
        })
    };
    Router::new()
        .route("/.well-known/cmp", route(None, None))
        .route("/.well-known/cmp/", route(None, None))
        .route("/.well-known/cmp/{operation}", route(None, Some(0)))
        .route("/.well-known/cmp/p/{name}", route(Some(0), None))
        .route("/.well-known/cmp/p/{name}/{operation}", route(Some(0), Some(1)))
}

async fn serve<H: CmpHandler>(
    handler: &H,
    limits: Limits,
    peer: Peer,
    profile: Option<String>,
    operation: Option<String>,
    request: Request,
) -> Response {
    if !media_type(request.headers()).is_some_and(|media_type| is_pkixcmp(&media_type)) {
        let reason = format!("the Content-Type must be {PKIXCMP}");
        return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, &reason);
    }
    let body = match read_body(request, &limits).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    if body.is_empty() {
        return text(StatusCode::BAD_REQUEST, "the body is empty; it must be one PKIMessage in DER");
    }
    let answer = handler.handle(CmpRequest { octets: body.into(), profile, operation, peer }).await;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, PKIXCMP)], answer.octets).into_response()
}

/// pkixcmp-poll is a content type of old drafts, for the same messages.
fn is_pkixcmp(media_type: &str) -> bool {
    media_type == PKIXCMP || media_type == "application/pkixcmp-poll"
}

/// How a client connects and how long it waits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// For `https` URLs: whom to believe, and as whom to appear.
    pub tls: Option<Arc<ClientConfig>>,
    /// Time to connect. 10 s by default.
    pub connect_timeout: Duration,
    /// Time for the whole exchange. 60 s by default.
    pub timeout: Duration,
    /// Octets of an answer. 64 KiB by default; an answer to a batch is larger.
    pub answer_size: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            tls: None,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            answer_size: 64 * 1024,
        }
    }
}

/// One HTTP answer, within its bounds.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// An HTTP client of one base URL; connections are kept alive, redirects are not followed.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
    options: ClientOptions,
}

impl HttpClient {
    pub(crate) fn new(url: &str, options: ClientOptions) -> Result<Self, TransferError> {
        let bad_url = |reason: &str| TransferError::BadUrl { url: url.to_owned(), reason: reason.to_owned() };
        let parsed = reqwest::Url::parse(url).map_err(|error| bad_url(&error.to_string()))?;
        match (parsed.scheme(), &options.tls) {
            ("http", _) | ("https", Some(_)) => {}
            ("https", None) => return Err(bad_url("https needs the certificate of the CA to believe")),
            _ => return Err(bad_url("it must begin with http:// or https://")),
        }
        // Without anchors nobody is believed, which is right for a client of an http URL.
        let tls = match &options.tls {
            Some(tls) => Arc::clone(tls),
            None => client_config(&[], None)?,
        };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.as_ref().clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(options.connect_timeout)
            .timeout(options.timeout)
            .build()
            .map_err(|error| TransferError::BadCredential(error.to_string()))?;
        Ok(Self { client, options })
    }

    pub(crate) async fn get(&self, url: &str) -> Result<Answer, TransferError> {
        self.exchange(url, self.client.get(url)).await
    }

    pub(crate) async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, &'static str)],
        body: Vec<u8>,
    ) -> Result<Answer, TransferError> {
        let mut request = self.client.post(url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.exchange(url, request).await
    }

    async fn exchange(&self, url: &str, request: reqwest::RequestBuilder) -> Result<Answer, TransferError> {
        let mut answer = request.send().await.map_err(|error| self.error(url, &error))?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.error(url, &error))? {
            if body.len() + chunk.len() > self.options.answer_size {
                return Err(TransferError::TooLarge { url: url.to_owned(), limit: self.options.answer_size });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body })
    }

    fn error(&self, url: &str, error: &reqwest::Error) -> TransferError {
        let url = url.to_owned();
        let mut reason = error.to_string();
        let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
        let mut tls = false;
        while let Some(inner) = source {
            tls |= is_tls(inner);
            reason = inner.to_string();
            source = inner.source();
        }
        if tls {
            TransferError::Tls { url, reason }
        } else if error.is_timeout() && error.is_connect() {
            let reason = format!("no connection within {} s", self.options.connect_timeout.as_secs_f32());
            TransferError::Unreachable { url, reason }
        } else if error.is_timeout() {
            TransferError::Timeout { url, after: self.options.timeout }
        } else if error.is_connect() {
            TransferError::Unreachable { url, reason }
        } else {
            TransferError::Interrupted { url, reason }
        }
    }
}

/// rustls errors arrive wrapped into I/O errors, sometimes twice.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<rustls::Error>()
        || error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            .is_some_and(|inner| is_tls(inner))
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

/// A client of one CMP server.
#[derive(Clone, Debug)]
pub struct CmpClient {
    http: HttpClient,
    url: String,
}

impl CmpClient {
    /// A client that posts to that URL.
    ///
    /// # Errors
    /// When the URL is neither http nor https, or needs TLS and the options have none.
    pub fn new(url: &str, options: ClientOptions) -> Result<Self, TransferError> {
        Ok(Self { http: HttpClient::new(url, options)?, url: url.to_owned() })
    }

    /// Posts a message and returns the answer, also when the HTTP status is an error's (RFC 9811 section 3.5): what
    /// counts is what the message says.
    ///
    /// # Errors
    /// When no answer came, or one that holds no message.
    pub async fn exchange(&self, message: Vec<u8>) -> Result<Vec<u8>, TransferError> {
        let headers = [("content-type", PKIXCMP), ("accept", PKIXCMP), ("cache-control", "no-cache")];
        let answer = self.http.post(&self.url, &headers, message).await?;
        let url = || self.url.clone();
        let media_type = media_type(&answer.headers).unwrap_or_default();
        let carries_message = answer.status == 200 || (400..600).contains(&answer.status);
        if carries_message && is_pkixcmp(&media_type) && !answer.body.is_empty() {
            Ok(answer.body)
        } else if answer.status != 200 {
            let text =
                if media_type.starts_with("text/plain") { excerpt(&answer.body) } else { String::new() };
            Err(TransferError::BadStatus { url: url(), status: answer.status, text })
        } else if answer.body.is_empty() {
            Err(TransferError::BadBody { url: url(), reason: "it is empty".to_owned() })
        } else {
            Err(TransferError::BadContentType { url: url(), content_type: excerpt(media_type.as_bytes()) })
        }
    }
}
