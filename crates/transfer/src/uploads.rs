//! Plain uploads beside EST: a station puts a request under a name of its own, asks how it stands, and gets the certificate.
//!
//! ```text
//! POST   /requests                     upload; the server names the request
//! PUT    /requests/NAME                upload under that name
//! GET    /requests                     the station's requests, as JSON
//! GET    /requests/NAME                how one stands, as JSON
//! GET    /requests/NAME/certificate    PEM, or DER when application/pkix-cert is asked for
//! GET    /requests/NAME/chain          with the CA certificates: PEM, or certs-only PKCS #7 when application/pkcs7-mime is
//! DELETE /requests/NAME                cancel
//! GET    /ca-certificates              the operator's CA certificates, in the forms of chain
//! POST   /heartbeat                    the station is there
//! ```
//!
//! Requests are PKCS #10 (`application/pkcs10`, `application/x-pkcs10`) or CertReqMessages (`application/x-crmf`), in DER, PEM or
//! base64.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Path, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use der::pem::{self, LineEnding};

use crate::est::{decode_request, with_retry_after};
use crate::server::{Limits, media_type, read_body, text};
use crate::{Peer, certs_only};

/// What a request is, as its media type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestForm {
    /// RFC 2986.
    Pkcs10,
    /// RFC 4211 CertReqMessages.
    CertReqMessages,
}

/// What a station wants. A name is one segment of a path, percent-decoded, and otherwise unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ask {
    /// A certificate.
    Upload {
        /// What it calls the request.
        name: Option<String>,
        /// What the request is.
        form: RequestForm,
        /// The request in DER.
        octets: Vec<u8>,
    },
    /// A list of its requests.
    List,
    /// How that request stands.
    Status(String),
    /// The certificate that came of it.
    Certificate(String),
    /// The same with the CA certificates above it.
    Chain(String),
    /// That request no more.
    Cancel(String),
    /// The operator's CA certificates; anybody may ask.
    CaCertificates,
    /// To be known as being there.
    Heartbeat,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UploadReply {
    /// JSON.
    Json {
        /// The HTTP status.
        status: u16,
        /// The text.
        body: String,
        /// Where to ask further, a path.
        location: Option<String>,
        /// When to come back.
        retry_after: Option<Duration>,
    },
    /// Certificates in DER, the station's own first.
    Certificates {
        /// They.
        certificates: Vec<Vec<u8>>,
        /// When to come for the next one.
        retry_after: Option<Duration>,
    },
    /// Done; there is nothing to say.
    Done,
    /// No.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why, for people.
        reason: String,
        /// When it may help to ask again.
        retry_after: Option<Duration>,
    },
}

/// Answers stations.
pub trait UploadHandler: Send + Sync + 'static {
    /// Answers one. Who the peer is, and what it may see, is for the handler to find out.
    fn answer(&self, peer: Peer, ask: Ask) -> impl Future<Output = UploadReply> + Send;
}

/// Routes the paths above to the handler.
pub fn upload_router<H: UploadHandler>(handler: Arc<H>, limits: Limits) -> Router {
    let fixed = |ask: Ask| {
        let handler = Arc::clone(&handler);
        move |peer: Extension<Peer>, headers: HeaderMap| async move {
            let wanted = Wanted::new(&headers, true);
            respond(handler.answer(peer.0, ask).await, wanted)
        }
    };
    let upload = Arc::clone(&handler);
    let upload = post(move |peer: Extension<Peer>, request: Request| async move {
        take(upload.as_ref(), limits, peer.0, None, request).await
    });
    let one = Arc::clone(&handler);
    let one = any(move |peer: Extension<Peer>, Path(name): Path<String>, request: Request| async move {
        let ask = match *request.method() {
            Method::PUT | Method::POST => {
                return take(one.as_ref(), limits, peer.0, Some(name), request).await;
            }
            Method::GET => Ask::Status(name),
            Method::DELETE => Ask::Cancel(name),
            _ => return text(StatusCode::METHOD_NOT_ALLOWED, "PUT, POST, GET and DELETE are for requests"),
        };
        respond(one.answer(peer.0, ask).await, Wanted::Pem)
    });
    let fetch = |ask: fn(String) -> Ask, chain: bool| {
        let handler = Arc::clone(&handler);
        get(move |peer: Extension<Peer>, Path(name): Path<String>, headers: HeaderMap| async move {
            respond(handler.answer(peer.0, ask(name)).await, Wanted::new(&headers, chain))
        })
    };
    Router::new()
        .route("/requests", upload.get(fixed(Ask::List)))
        .route("/requests/{name}", one)
        .route("/requests/{name}/certificate", fetch(Ask::Certificate, false))
        .route("/requests/{name}/chain", fetch(Ask::Chain, true))
        .route("/ca-certificates", get(fixed(Ask::CaCertificates)))
        .route("/heartbeat", post(fixed(Ask::Heartbeat)))
}

async fn take<H: UploadHandler>(
    handler: &H,
    limits: Limits,
    peer: Peer,
    name: Option<String>,
    request: Request,
) -> Response {
    let form = match media_type(request.headers()).as_deref() {
        Some("application/pkcs10" | "application/x-pkcs10") => RequestForm::Pkcs10,
        Some("application/x-crmf") => RequestForm::CertReqMessages,
        _ => {
            return text(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the Content-Type must be application/pkcs10 for PKCS #10 or application/x-crmf for CertReqMessages",
            );
        }
    };
    let body = match read_body(request, &limits).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    match decode_request(&body) {
        Ok(octets) => respond(handler.answer(peer, Ask::Upload { name, form, octets }).await, Wanted::Pem),
        Err(reason) => {
            tracing::info!(peer = %peer.address, reason, "upload refused");
            text(StatusCode::BAD_REQUEST, reason)
        }
    }
}

/// In which form certificates go.
#[derive(Clone, Copy)]
enum Wanted {
    Pem,
    Certificate,
    CertsOnly,
}

impl Wanted {
    fn new(headers: &HeaderMap, chain: bool) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let accept = accept.to_ascii_lowercase();
        let asks_for = |wanted: &str| {
            accept.split(',').any(|entry| entry.split(';').next().is_some_and(|kind| kind.trim() == wanted))
        };
        match chain {
            false if asks_for("application/pkix-cert") => Self::Certificate,
            true if asks_for("application/pkcs7-mime") => Self::CertsOnly,
            _ => Self::Pem,
        }
    }
}

fn respond(reply: UploadReply, wanted: Wanted) -> Response {
    match reply {
        UploadReply::Json { status, body, location, retry_after } => {
            let mut answer = ([(header::CONTENT_TYPE, "application/json")], body + "\n").into_response();
            *answer.status_mut() = status_code(status);
            if let Some(location) = location.and_then(|path| path.parse().ok()) {
                answer.headers_mut().insert(header::LOCATION, location);
            }
            hint(answer, retry_after)
        }
        UploadReply::Certificates { certificates, retry_after } => match encode(&certificates, wanted) {
            Some((kind, body)) => hint(([(header::CONTENT_TYPE, kind)], body).into_response(), retry_after),
            None => text(StatusCode::INTERNAL_SERVER_ERROR, "the certificates could not be encoded"),
        },
        UploadReply::Done => StatusCode::NO_CONTENT.into_response(),
        UploadReply::Refused { status, reason, retry_after } => {
            hint(text(status_code(status), &reason), retry_after)
        }
    }
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn hint(answer: Response, retry_after: Option<Duration>) -> Response {
    match retry_after {
        Some(retry_after) => with_retry_after(answer, retry_after),
        None => answer,
    }
}

fn encode(certificates: &[Vec<u8>], wanted: Wanted) -> Option<(&'static str, Vec<u8>)> {
    match wanted {
        Wanted::Certificate => Some(("application/pkix-cert", certificates.first()?.clone())),
        Wanted::CertsOnly => {
            certs_only(certificates).map(|der| ("application/pkcs7-mime; smime-type=certs-only", der))
        }
        Wanted::Pem => {
            Some(("application/pem-certificate-chain", pem_certificates(certificates)?.into_bytes()))
        }
    }
}

/// Certificates one after the other in PEM (RFC 7468, RFC 8555 section 9.1); `None` when one is too long for it.
pub fn pem_certificates(certificates: &[Vec<u8>]) -> Option<String> {
    let blocks = certificates.iter().map(|der| pem::encode_string("CERTIFICATE", LineEnding::LF, der).ok());
    blocks.collect::<Option<Vec<_>>>().map(|blocks| blocks.concat())
}

/// Certificates in a certs-only PKCS #7 (RFC 5272 section 4.1), in DER; `None` when one is no certificate.
pub fn certs_only(certificates: &[Vec<u8>]) -> Option<Vec<u8>> {
    certs_only::encode(certificates).ok()
}

/// A request's DER from what was uploaded: DER, PEM or base64.
///
/// # Errors
/// What is wrong with it, for people.
pub fn request_der(body: &[u8]) -> Result<Vec<u8>, &'static str> {
    decode_request(body)
}
