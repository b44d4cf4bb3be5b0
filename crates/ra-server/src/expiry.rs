//! When the RA/CA's own certificates end, which nobody else watches: told in the log in time, and to whoever asks at `/healthz`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use asn1::UnixTime;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use der::Decode;
use host::files::read_certificates;
use host::now;
use tracing::{error, warn};
use x509_cert::Certificate;

use crate::authority::Authority;

const DAY: u64 = 24 * 60 * 60;

/// How often it is told.
const INTERVAL: Duration = Duration::from_secs(DAY);

/// From when on it is told: 30 days before the end, or the last third of what is valid for less than 90.
const NOTICE: u64 = 30 * DAY;

/// A certificate of the RA/CA's own.
struct Own {
    file: PathBuf,
    not_before: u64,
    not_after: u64,
}

impl Own {
    fn read(file: &Path) -> Result<Self> {
        let shown = || file.display().to_string();
        let certificate = read_certificates(file)?.into_iter().next().with_context(shown)?;
        let certificate = Certificate::from_der(certificate.octets()).with_context(shown)?;
        let validity = certificate.tbs_certificate().validity();
        Ok(Self {
            file: file.to_owned(),
            not_before: validity.not_before.to_unix_duration().as_secs(),
            not_after: validity.not_after.to_unix_duration().as_secs(),
        })
    }

    fn is_over(&self, now: UnixTime) -> bool {
        now.as_secs() > self.not_after
    }

    fn is_due(&self, now: UnixTime) -> bool {
        let notice = NOTICE.min(self.not_after.saturating_sub(self.not_before) / 3);
        now.as_secs().saturating_add(notice) >= self.not_after
    }

    /// The same, by the file's name alone.
    fn named(&self) -> Self {
        let file = self.file.file_name().map_or_else(|| self.file.clone(), PathBuf::from);
        Self { file, not_before: self.not_before, not_after: self.not_after }
    }

    fn told(&self, now: UnixTime) -> String {
        let (file, end) = (self.file.display(), UnixTime::from_secs(self.not_after));
        if self.is_over(now) {
            format!("{file}: the certificate ended at {end}")
        } else {
            let days = self.not_after.saturating_sub(now.as_secs()) / DAY;
            format!("{file}: the certificate ends at {end}, in {days} days")
        }
    }
}

/// Those that end soon, or have ended. What cannot be read is told as an error.
fn due(authority: &Authority, now: UnixTime) -> Result<Vec<Own>> {
    let current = authority.current();
    let mut own = Vec::new();
    for file in current.certificate_files() {
        own.push(Own::read(&file)?);
    }
    own.retain(|own| own.is_due(now));
    Ok(own)
}

/// Says at the start, and once a day from then on, what ends soon.
pub(crate) async fn tell_in_time(authority: Arc<Authority>) -> Result<()> {
    loop {
        let watched = authority.clone();
        let now = now();
        match tokio::task::spawn_blocking(move || due(&watched, now)).await? {
            Ok(due) => due.iter().for_each(|own| {
                warn!("{}; docs/raca.md says how each is renewed", own.told(now));
            }),
            Err(reason) => error!("when the own certificates end cannot be told: {reason:#}"),
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// `/healthz`: 200 and `ok`, with what ends soon below it; 503 when something has ended.
pub(crate) fn health_router(authority: Arc<Authority>) -> Router {
    let answer = move || {
        let authority = authority.clone();
        async move {
            let answered = tokio::task::spawn_blocking(move || health(&authority, now())).await;
            answered.unwrap_or_else(|reason| {
                (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response()
            })
        }
    };
    Router::new().route("/healthz", get(answer))
}

fn health(authority: &Authority, now: UnixTime) -> Response {
    match due(authority, now) {
        Ok(due) => {
            let over = due.iter().any(|own| own.is_over(now));
            let (status, mut text) = match over {
                true => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
                false => (StatusCode::OK, "ok\n".to_owned()),
            };
            for own in &due {
                // Only the name: where the files lie is nobody's business. Writing to a String does not fail.
                let _ = writeln!(text, "{}", own.named().told(now));
            }
            (status, text).into_response()
        }
        Err(reason) => {
            error!("when the own certificates end cannot be told: {reason:#}");
            (StatusCode::SERVICE_UNAVAILABLE, "a certificate cannot be read\n").into_response()
        }
    }
}
