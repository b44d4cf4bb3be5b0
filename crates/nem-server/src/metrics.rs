//! What Prometheus is told, in the OpenMetrics text format.

use std::path::Path;

use anyhow::Result;
use asn1::UnixTime;
use nem::Happening;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::overdue::Renewals;
use crate::status::Status;

pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labelled = Family<Vec<(String, String)>, Gauge>;

/// What happened to requests since the program began.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: Counter,
    issued: Counter,
    delivered: Counter,
    rejected: Counter,
    retried: Counter,
    renewals_failed: Counter,
    fetches_failed: Counter,
    /// When the NEM's own certificates end, by their files.
    own_certificates: Labelled,
}

impl Counters {
    pub(crate) fn count(&self, happening: &Happening) {
        let counter = match happening {
            Happening::Accepted => &self.accepted,
            Happening::Confirmed => &self.issued,
            Happening::Delivered => &self.delivered,
            Happening::Rejected(_) => &self.rejected,
            Happening::Retry { .. } => &self.retried,
            _ => return,
        };
        counter.inc();
    }

    /// One of the NEM's own certificates was not renewed.
    pub(crate) fn renewal_failed(&self) {
        self.renewals_failed.inc();
    }

    /// Not everything was fetched from an RA/CA that should be.
    pub(crate) fn fetch_failed(&self) {
        self.fetches_failed.inc();
    }

    /// When one of the NEM's own certificates ends.
    pub(crate) fn own_certificate(&self, file: &Path, until: UnixTime) {
        let seconds = i64::try_from(until.as_secs()).unwrap_or(i64::MAX);
        let label = label("certificate", &file.display().to_string());
        self.own_certificates.get_or_create(&label).set(seconds);
    }
}

/// Everything, as it is now.
pub(crate) fn text(status: &Status, counters: &Counters, renewals: Renewals) -> Result<String> {
    let mut registry = Registry::with_prefix("nem");
    let happened = [
        ("requests_accepted", "Requests accepted", &counters.accepted),
        ("certificates_issued", "Certificates received and confirmed", &counters.issued),
        ("certificates_delivered", "Certificates that their stations fetched", &counters.delivered),
        ("requests_rejected", "Requests that end without a certificate", &counters.rejected),
        ("retries", "Messages to an RA/CA that are tried again", &counters.retried),
        (
            "own_renewals_failed",
            "Attempts to renew one of the NEM's own certificates that failed",
            &counters.renewals_failed,
        ),
        (
            "fetches_failed",
            "Rounds of questions to an RA/CA that were not all answered",
            &counters.fetches_failed,
        ),
    ];
    for (name, help, counter) in happened {
        registry.register(name, help, counter.clone());
    }
    for (name, help, value) in [
        ("stations", "Stations in the inventory", status.stations),
        ("stations_connected", "Stations that count as connected", status.connected),
        ("requests_held", "Requests that an operator holds", status.held),
        (
            "outage_seconds",
            "For how long no RA/CA has answered",
            usize::try_from(status.outage_seconds).unwrap_or(usize::MAX),
        ),
        ("certificates_due", "Certificates that their stations are to renew", renewals.due),
        ("certificates_renewing", "Certificates that are being renewed", renewals.renewing),
        (
            "certificates_overdue",
            "Certificates that should have been renewed, whose stations are silent",
            renewals.overdue,
        ),
        ("certificates_expired", "Certificates that expired without being renewed", renewals.expired),
    ] {
        let gauge = Gauge::<i64>::default();
        gauge.set(number(value));
        registry.register(name, help, gauge);
    }
    registry.register(
        "own_certificate_expiry_timestamp_seconds",
        "When the NEM's own certificate ends",
        counters.own_certificates.clone(),
    );
    let requests = Labelled::default();
    for (state, count) in &status.requests {
        requests.get_or_create(&label("state", state)).set(number(*count));
    }
    registry.register("requests_under_way", "Requests that are not decided, by state", requests);
    let (up, waiting, in_flight) = (Labelled::default(), Labelled::default(), Labelled::default());
    for upstream in &status.upstreams {
        let label = label("upstream", &upstream.name);
        up.get_or_create(&label).set(i64::from(upstream.health == "up"));
        waiting.get_or_create(&label).set(number(upstream.waiting));
        in_flight.get_or_create(&label).set(number(upstream.in_flight));
    }
    registry.register("upstream_up", "Whether the RA/CA answers", up);
    registry.register("upstream_waiting", "Messages that wait for their batch or for the RA/CA", waiting);
    registry.register("upstream_in_flight", "Exchanges under way with the RA/CA", in_flight);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn label(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
