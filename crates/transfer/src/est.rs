//! The PKCS #10 part of Enrollment over Secure Transport, RFC 7030: cacerts, simpleenroll, simplereenroll.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Path, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::excerpt;
use crate::http::{Answer, ClientOptions, HttpClient};
use crate::server::{Limits, media_type, read_body, text};
use crate::{Peer, TransferError, certs_only};

/// A certification request as it was uploaded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EstEnroll {
    /// The PKCS #10 request in DER, as the station made it.
    pub csr: Vec<u8>,
    /// Whether it came to simplereenroll.
    pub renewal: bool,
    /// The label in `/.well-known/est/<label>/...`.
    pub label: Option<String>,
    /// Who uploaded it; it showed a certificate.
    pub peer: Peer,
}

/// The answer to a station.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EstReply {
    /// Certificates in DER.
    Certificates(Vec<Vec<u8>>),
    /// The certificate that was asked for, and what comes along with it, in DER.
    Issued {
        /// The certificates.
        certificates: Vec<Vec<u8>>,
        /// When to ask for the next one; Retry-After says so (RFC 9110 section 10.2.3).
        renew_after: Option<Duration>,
    },
    /// 202: ask again with the same request.
    Pending {
        /// When to ask again.
        retry_after: Duration,
    },
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

impl EstReply {
    /// No, and asking again will not help.
    pub fn refused(status: u16, reason: impl Into<String>) -> Self {
        Self::Refused { status, reason: reason.into(), retry_after: None }
    }
}

/// Answers stations.
pub trait EstHandler: Send + Sync + 'static {
    /// The CA certificates (RFC 7030 section 4.1); anybody may ask.
    fn ca_certs(&self) -> impl Future<Output = EstReply> + Send;

    /// The certificate for a request (RFC 7030 section 4.2).
    fn enroll(&self, request: EstEnroll) -> impl Future<Output = EstReply> + Send;
}

/// Routes `/.well-known/est[/<label>]/{cacerts,simpleenroll,simplereenroll}` to the handler. A station that shows no
/// certificate is refused here: a PKCS #10 request proves no identity.
pub fn est_router<H: EstHandler>(handler: Arc<H>, limits: Limits) -> Router {
    let mut router = Router::new();
    for (prefix, labelled) in [("/.well-known/est", false), ("/.well-known/est/{label}", true)] {
        let ca_certs = Arc::clone(&handler);
        let ca_certs = get(move || async move { answer(ca_certs.ca_certs().await) });
        router = router.route(&format!("{prefix}/cacerts"), ca_certs);
        for (operation, renewal) in [("simpleenroll", false), ("simplereenroll", true)] {
            let handler = Arc::clone(&handler);
            let enroll = post(
                move |peer: Extension<Peer>, Path(names): Path<Vec<String>>, request: Request| async move {
                    let label = names.into_iter().next().filter(|_| labelled);
                    enroll(handler.as_ref(), limits, peer.0, label, renewal, request).await
                },
            );
            router = router.route(&format!("{prefix}/{operation}"), enroll);
        }
    }
    router
}

async fn enroll<H: EstHandler>(
    handler: &H,
    limits: Limits,
    peer: Peer,
    label: Option<String>,
    renewal: bool,
    request: Request,
) -> Response {
    if peer.certificates.is_empty() {
        return text(
            StatusCode::UNAUTHORIZED,
            "no client certificate was shown; enrol over TLS with the vendor certificate and its key",
        );
    }
    if media_type(request.headers()).as_deref() != Some("application/pkcs10") {
        return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the Content-Type must be application/pkcs10");
    }
    let body = match read_body(request, &limits).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    match decode_request(&body) {
        Ok(csr) => answer(handler.enroll(EstEnroll { csr, renewal, label, peer }).await),
        Err(reason) => {
            tracing::info!(peer = %peer.address, reason, "upload refused");
            text(StatusCode::BAD_REQUEST, reason)
        }
    }
}

/// The request's DER. RFC 7030 sends base64; DER itself and PEM are what people try with curl.
pub(crate) fn decode_request(body: &[u8]) -> Result<Vec<u8>, &'static str> {
    const SEQUENCE: u8 = 0x30;
    match body.first() {
        None => Err("the body is empty; it must be a request in base64, PEM or DER"),
        // `0` is the same octet in ASCII, but no base64 of a DER SEQUENCE begins with it.
        Some(&SEQUENCE) => Ok(body.to_vec()),
        Some(_) if body.trim_ascii_start().starts_with(b"-----BEGIN") => der::Document::from_pem(
            str::from_utf8(body).map_err(|_| "the body is neither DER, base64 nor PEM")?,
        )
        .map(|(_, document)| document.as_bytes().to_vec())
        .map_err(|_| "the body is no whole PEM block"),
        Some(_) => decode_base64(body).ok_or("the body is neither DER, base64 nor PEM"),
    }
}

/// base64 with line breaks wherever they are.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok()
}

fn answer(reply: EstReply) -> Response {
    match reply {
        EstReply::Certificates(certificates) => certs(&certificates),
        EstReply::Issued { certificates, renew_after } => {
            let answer = certs(&certificates);
            match renew_after {
                Some(renew_after) => with_retry_after(answer, renew_after),
                None => answer,
            }
        }
        EstReply::Pending { retry_after } => with_retry_after(
            text(StatusCode::ACCEPTED, "not decided yet; ask again with the same request"),
            retry_after,
        ),
        EstReply::Refused { status, reason, retry_after } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let answer = text(status, &reason);
            match retry_after {
                Some(retry_after) => with_retry_after(answer, retry_after),
                None => answer,
            }
        }
    }
}

fn certs(certificates: &[Vec<u8>]) -> Response {
    match certs_only::encode(certificates) {
        Ok(der) => (
            [
                (header::CONTENT_TYPE, "application/pkcs7-mime; smime-type=certs-only"),
                (header::HeaderName::from_static("content-transfer-encoding"), "base64"),
            ],
            encode_base64(&der),
        )
            .into_response(),
        Err(error) => {
            tracing::error!(reason = %error, "certificates could not be encoded");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the certificates could not be encoded")
        }
    }
}

pub(crate) fn with_retry_after(mut answer: Response, retry_after: Duration) -> Response {
    let seconds = retry_after.as_secs().max(1);
    answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    answer
}

/// base64 without line breaks: RFC 8951 section 3.1 wants none sent, and strongSwan reads none.
fn encode_base64(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

/// What a client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EstOutcome {
    /// Certificates in DER; the new one is found by its key.
    Certificates(Vec<Vec<u8>>),
    /// Ask again with the same request.
    Pending {
        /// When to ask again.
        retry_after: Duration,
    },
    /// No.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why, fit for a terminal.
        reason: String,
        /// When it may help to ask again.
        retry_after: Option<Duration>,
    },
}

/// A client of one EST server, a NEM for instance.
#[derive(Clone, Debug)]
pub struct EstClient {
    http: HttpClient,
    base: String,
}

impl EstClient {
    /// A client of the server at `https://host:port`; a longer path is taken as the base of the operations itself.
    ///
    /// # Errors
    /// When the URL is neither http nor https, or needs TLS and the options have none.
    pub fn new(url: &str, options: ClientOptions) -> Result<Self, TransferError> {
        let http = HttpClient::new(url, options)?;
        let url = url.trim_end_matches('/');
        let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
        let base = if has_path { url.to_owned() } else { format!("{url}/.well-known/est") };
        Ok(Self { http, base })
    }

    /// The CA certificates.
    ///
    /// # Errors
    /// When no answer came, or none that holds certificates.
    pub async fn ca_certs(&self) -> Result<Vec<Vec<u8>>, TransferError> {
        let url = format!("{}/cacerts", self.base);
        let answer = self.http.get(&url).await?;
        match self.outcome(&url, answer)? {
            EstOutcome::Certificates(certificates) => Ok(certificates),
            EstOutcome::Pending { .. } => {
                Err(TransferError::BadStatus { url, status: 202, text: String::new() })
            }
            EstOutcome::Refused { status, reason, .. } => {
                Err(TransferError::BadStatus { url, status, text: reason })
            }
        }
    }

    /// Uploads a request: to simplereenroll when it renews a certificate, else to simpleenroll.
    ///
    /// # Errors
    /// When no answer came, or one that is malformed.
    pub async fn enroll(&self, csr: &[u8], renewal: bool) -> Result<EstOutcome, TransferError> {
        let operation = if renewal { "simplereenroll" } else { "simpleenroll" };
        let url = format!("{}/{operation}", self.base);
        let headers = [("content-type", "application/pkcs10"), ("content-transfer-encoding", "base64")];
        let answer = self.http.post(&url, &headers, encode_base64(csr).into_bytes()).await?;
        self.outcome(&url, answer)
    }

    fn outcome(&self, url: &str, answer: Answer) -> Result<EstOutcome, TransferError> {
        let bad_body =
            |reason: &str| TransferError::BadBody { url: url.to_owned(), reason: reason.to_owned() };
        let retry_after = answer
            .headers
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        match answer.status {
            200 => {
                if media_type(&answer.headers).as_deref() != Some("application/pkcs7-mime") {
                    let content_type = media_type(&answer.headers).unwrap_or_default();
                    let content_type = excerpt(content_type.as_bytes());
                    return Err(TransferError::BadContentType { url: url.to_owned(), content_type });
                }
                let der = decode_base64(&answer.body).ok_or_else(|| bad_body("it is not base64"))?;
                let certificates =
                    certs_only::decode(&der).map_err(|_| bad_body("it is no certs-only PKCS #7"))?;
                Ok(EstOutcome::Certificates(certificates))
            }
            // A server that gives no time is asked again at the interval strongSwan uses, too.
            202 => Ok(EstOutcome::Pending { retry_after: retry_after.unwrap_or(Duration::from_secs(60)) }),
            status => Ok(EstOutcome::Refused { status, reason: excerpt(&answer.body), retry_after }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_in_the_forms_people_send() {
        let der = vec![0x30, 0x03, 0x02, 0x01, 0x05];
        assert_eq!(decode_request(&der).unwrap(), der);
        assert_eq!(decode_request(b"MAMC\r\nAQU=\n").unwrap(), der);
        let pem = b"-----BEGIN CERTIFICATE REQUEST-----\nMAMCAQU=\n-----END CERTIFICATE REQUEST-----\n";
        assert_eq!(decode_request(pem).unwrap(), der);
        for bad in [&b""[..], b"MAMC*", b"-----BEGIN", b"\xff\xfe"] {
            assert!(decode_request(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn base64_is_one_line_and_is_read_in_lines() {
        let encoded = encode_base64(&[7; 100]);
        assert_eq!(encoded.lines().count(), 1);
        let (first, rest) = encoded.split_at(76);
        assert_eq!(decode_base64(format!("{first}\r\n{rest}\n").as_bytes()).unwrap(), [7; 100]);
    }
}
