//! Which stations are there, as other software knows: a file that it writes, and a call at the listener for those who watch.
//!
//! Both have a line for each station: `connected NAME`, `disconnected NAME`, or `NAME` alone, which means connected. Empty lines, and
//! those that begin with `#`, say nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use crypto::DigestAlgorithm;
use host::{FileWatch, PassphraseSource};
use nem::{Liveness, WhenAbsent};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tracing::{error, info, warn};

use crate::service::Service;

/// More than a line for each station of any operator.
const MAX_FILE: u64 = 256 * 1024 * 1024;
/// Octets of one call: a hundred thousand stations.
const MAX_BODY: usize = 8 * 1024 * 1024;
/// Of the names that no station has, so many are told.
const SHOWN: usize = 100;

/// When stations count as connected.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LivenessConfig {
    silent_after_seconds: Option<u64>,
    own_contact: bool,
    queued: Queued,
    /// What other software writes.
    pub(crate) file: Option<PathBuf>,
    /// What other software must know that reports by HTTP.
    pub(crate) token: Option<PassphraseSource>,
}

impl Default for LivenessConfig {
    fn default() -> Self {
        Self { silent_after_seconds: None, own_contact: true, queued: Queued::Hold, file: None, token: None }
    }
}

/// What becomes of requests that were not sent when their station is not there any more.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Queued {
    Hold,
    Drop,
}

impl LivenessConfig {
    pub(crate) fn check(&self, has_admin: bool) -> Result<()> {
        if self.silent_after_seconds == Some(0) {
            bail!("silent_after_seconds: must be at least 1; without it, stations may be silent for ever");
        }
        if !self.own_contact && self.file.is_none() && self.token.is_none() {
            bail!("own_contact: is false, and nobody reports: name a file or a token");
        }
        if self.token.is_some() && !has_admin {
            bail!("token: reports come in at the listener of [admin], and there is none");
        }
        Ok(())
    }

    pub(crate) fn rules(&self) -> Liveness {
        let mut liveness = Liveness::default();
        liveness.silent_after = self.silent_after_seconds.map(Duration::from_secs);
        liveness.own_contact = self.own_contact;
        liveness.queued = match self.queued {
            Queued::Hold => WhenAbsent::Hold,
            Queued::Drop => WhenAbsent::Drop,
        };
        liveness
    }
}

/// Names, each with whether its station is there.
fn parse(text: &str) -> Result<Vec<(&str, bool)>> {
    let mut reports = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, connected) = match line.split_once(char::is_whitespace) {
            Some(("connected", name)) => (name.trim_start(), true),
            Some(("disconnected", name)) => (name.trim_start(), false),
            _ if line == "connected" || line == "disconnected" => {
                bail!("line {number}: {line} whom? write a station's name behind it")
            }
            _ => (line, true),
        };
        reports.push((name, connected));
    }
    Ok(reports)
}

/// Takes the reports, and logs what came of them. Returns the names that no station has. Blocks.
fn take(service: &Arc<Service>, reports: Vec<(&str, bool)>, from: &str) -> Vec<String> {
    let count = reports.len();
    let unknown: Vec<String> =
        service.act(|nem, now| nem.report(reports, now).into_iter().map(crate::listing::one_line).collect());
    match unknown.first() {
        None => info!(reports = count, "{from}: stations are reported"),
        Some(first) => {
            warn!(reports = count, unknown = unknown.len(), %first, "{from}: some reported stations are unknown");
        }
    }
    unknown
}

/// Reads the file and takes what it says. Blocks.
pub(crate) fn read_file(service: &Arc<Service>, path: &Path) {
    let shown = path.display().to_string();
    let read = || -> Result<String> {
        let length = fs::metadata(path).context("cannot be read")?.len();
        if length > MAX_FILE {
            bail!("has {length} octets; at most {MAX_FILE} are read");
        }
        fs::read_to_string(path).context("cannot be read")
    };
    let taken = read().and_then(|text| {
        take(service, parse(&text)?, &shown);
        Ok(())
    });
    if let Err(reason) = taken {
        error!("{shown}: what is known of stations stays as it was: {reason:#}");
    }
}

/// Takes the file up whenever it changes.
pub(crate) async fn watch_file(service: Arc<Service>, path: PathBuf, mut watch: FileWatch) -> Result<()> {
    loop {
        watch.changed().await;
        let (service, path) = (service.clone(), path.clone());
        tokio::task::spawn_blocking(move || read_file(&service, &path)).await?;
    }
}

/// What whoever reports is answered.
#[derive(Debug, Serialize)]
struct Reported {
    /// Stations that were reported.
    stations: usize,
    /// Those of them that the inventory has not.
    unknown: usize,
    /// The first of their names.
    unknown_names: Vec<String>,
}

/// `POST /heartbeats`, for whoever knows the token.
pub(crate) fn router(service: Arc<Service>, token: &SecretString) -> Router {
    let expected = digest(token.expose_secret().as_bytes());
    let answer = async move |headers: HeaderMap, body: Bytes| {
        if !is_token(&headers, &expected) {
            warn!("reports of stations refused: the token is wrong or missing");
            return (StatusCode::UNAUTHORIZED, "the token is wrong or missing\n").into_response();
        }
        let service = service.clone();
        let taken = tokio::task::spawn_blocking(move || report(&service, &body)).await;
        taken.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    };
    Router::new().route("/heartbeats", post(answer)).layer(DefaultBodyLimit::max(MAX_BODY))
}

fn report(service: &Arc<Service>, body: &[u8]) -> Response {
    let refused = |reason: String| (StatusCode::BAD_REQUEST, reason + "\n").into_response();
    let reports = match str::from_utf8(body).map_err(anyhow::Error::from).and_then(parse) {
        Ok(reports) => reports,
        Err(reason) => return refused(format!("{reason:#}")),
    };
    let stations = reports.len();
    let mut unknown_names = take(service, reports, "POST /heartbeats");
    let unknown = unknown_names.len();
    unknown_names.truncate(SHOWN);
    match serde_json::to_string(&Reported { stations, unknown, unknown_names }) {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json + "\n").into_response(),
        Err(error) => refused(error.to_string()),
    }
}

/// Digests are compared, so that the time it takes tells nothing of the token.
fn is_token(headers: &HeaderMap, expected: &[u8]) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer "));
    shown.is_some_and(|token| digest(token.trim().as_bytes()) == expected)
}

fn digest(octets: &[u8]) -> Vec<u8> {
    crypto_aws_lc::provider().digest(DigestAlgorithm::Sha256, octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_station() {
        let text =
            "# of 08:00\n\nenb1\nconnected  Rotterdam 17\ndisconnected enb 2\r\n\tconnectedness\nNorth 3\n";
        let expected = [
            ("enb1", true),
            ("Rotterdam 17", true),
            ("enb 2", false),
            ("connectedness", true),
            ("North 3", true),
        ];
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse("").unwrap(), []);
        let error = parse("enb1\ndisconnected\n").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn rules_that_let_nobody_in_are_refused() {
        let config = |text: &str| toml::from_str::<LivenessConfig>(text).unwrap();
        for (text, admin, reason) in [
            ("silent_after_seconds = 0", true, "at least 1"),
            ("own_contact = false", true, "nobody reports"),
            ("token = \"file:token\"", false, "[admin]"),
        ] {
            let error = config(text).check(admin).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        config("own_contact = false\nfile = \"connected.txt\"").check(false).unwrap();
        assert!(toml::from_str::<LivenessConfig>("queued = \"forget\"").is_err());
        let rules = config("silent_after_seconds = 60\nqueued = \"drop\"").rules();
        assert_eq!((rules.silent_after, rules.queued), (Some(Duration::from_secs(60)), WhenAbsent::Drop));
    }
}
