//! CRLs over HTTP, RFC 2585 section 4.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::server::text;

/// The content type of RFC 2585 section 4.2.
const PKIX_CRL: &str = "application/pkix-crl";

/// Has the CRLs of a CA.
pub trait CrlProvider: Send + Sync + 'static {
    /// The latest CRL of that name, in DER. It may block.
    fn crl(&self, name: &str) -> CrlLookup;
}

/// What is there under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // there is one, or not now, or never
pub enum CrlLookup {
    /// A CRL.
    Found(Vec<u8>),
    /// None now, or none that can be read.
    NotNow,
    /// There is no list of that name.
    Unknown,
}

impl From<Option<Vec<u8>>> for CrlLookup {
    fn from(list: Option<Vec<u8>>) -> Self {
        list.map_or(Self::NotNow, Self::Found)
    }
}

/// Answers GET at `/NAME` with the CRL of that name.
pub fn crl_router<P: CrlProvider>(provider: Arc<P>) -> Router {
    let answer = move |Path(name): Path<String>| {
        let provider = Arc::clone(&provider);
        async move {
            let read = tokio::task::spawn_blocking(move || provider.crl(&name)).await;
            match read.unwrap_or(CrlLookup::NotNow) {
                CrlLookup::Found(crl) => {
                    let headers = [(header::CONTENT_TYPE, PKIX_CRL), (header::CACHE_CONTROL, "no-cache")];
                    (headers, crl).into_response()
                }
                CrlLookup::NotNow => missing(),
                CrlLookup::Unknown => text(StatusCode::NOT_FOUND, "there is no such CRL"),
            }
        }
    };
    // Whoever sends something to a path of one segment learns that nobody takes it there, and not that GET is what is meant.
    let nothing = || async { text(StatusCode::NOT_FOUND, "nothing is taken here") };
    Router::new().route("/{name}", get(answer).fallback(nothing))
}

fn missing() -> Response {
    text(StatusCode::SERVICE_UNAVAILABLE, "there is no CRL now; try again later")
}
