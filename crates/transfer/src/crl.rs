//! CRLs over HTTP, RFC 2585 section 4.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::server::text;

/// The content type of RFC 2585 section 4.2.
const PKIX_CRL: &str = "application/pkix-crl";

/// Has the CRL of a CA.
pub trait CrlProvider: Send + Sync + 'static {
    /// The latest CRL in DER, if there is one and it can be read. It may block.
    fn crl(&self) -> Option<Vec<u8>>;
}

/// Answers GET at that path with the CRL.
pub fn crl_router<P: CrlProvider>(path: &str, provider: Arc<P>) -> Router {
    let answer = move || {
        let provider = Arc::clone(&provider);
        async move {
            let read = tokio::task::spawn_blocking(move || provider.crl()).await;
            read.ok().flatten().map_or_else(missing, |crl| {
                let headers = [(header::CONTENT_TYPE, PKIX_CRL), (header::CACHE_CONTROL, "no-cache")];
                (headers, crl).into_response()
            })
        }
    };
    Router::new().route(path, get(answer))
}

fn missing() -> Response {
    text(StatusCode::SERVICE_UNAVAILABLE, "there is no CRL now; try again later")
}
