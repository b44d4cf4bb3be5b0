//! How a running NEM does, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use asn1::UnixTime;
use nem::{BatchStatus, Health, Nem, Nesting, UpstreamStatus};
use serde::{Deserialize, Serialize};

use crate::listing::one_line;

/// How the NEM does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// Stations in the inventory.
    pub stations: usize,
    /// Those that count as connected.
    pub connected: usize,
    /// Requests that are not decided, by state.
    pub requests: BTreeMap<String, usize>,
    /// Requests that an operator holds.
    pub held: usize,
    /// Since when no RA/CA answers, RFC 3339.
    pub outage_since: Option<String>,
    /// For how many seconds.
    pub outage_seconds: u64,
    /// The RA/CAs, by name.
    pub upstreams: Vec<UpstreamEntry>,
}

impl Status {
    pub(crate) fn of(nem: &Nem, now: UnixTime) -> Self {
        let (mut requests, mut held) = (BTreeMap::new(), 0);
        for (_, open) in nem.open_requests() {
            *requests.entry(open.state.to_owned()).or_default() += 1;
            held += usize::from(open.held);
        }
        Self {
            stations: nem.inventory().stations().len(),
            connected: nem.connected_stations(now),
            requests,
            held,
            outage_since: nem.outage().map(|since| since.to_string()),
            outage_seconds: nem.outage().map_or(0, |since| now.abs_diff(since).as_secs()),
            upstreams: nem.upstreams().map(UpstreamEntry::from).collect(),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let Self { stations, connected, requests, held, upstreams, outage_since, .. } = self;
        let under_way: usize = requests.values().sum();
        let mut text = format!(
            "stations            {stations}\n  connected         {connected}\nrequests under way  {under_way}\n"
        );
        // Writing to a String does not fail.
        for (state, count) in requests {
            let _ = writeln!(text, "  {state:<16}  {count}");
        }
        let _ = writeln!(text, "held                {held}");
        if let Some(since) = outage_since {
            let _ = writeln!(text, "outage since        {since}");
        }
        text.push('\n');
        text + &upstreams_table(upstreams)
    }
}

/// An RA/CA, and how it does. Times are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UpstreamEntry {
    /// Its name.
    pub name: String,
    /// Its priority; the lowest comes first.
    pub priority: u32,
    /// The groups it serves; none: all.
    pub groups: Vec<String>,
    /// The certificate profiles it serves; none: all.
    pub profiles: Vec<String>,
    /// `up`, `down` or `probed`.
    pub health: String,
    /// When it is down: until when it is left alone.
    pub down_until: Option<String>,
    /// Whether it takes batches apart: `untried`, `works`, `refused` or `off`.
    pub batches: String,
    /// Why it gets no batches.
    pub batches_refused: Option<String>,
    /// Since when it gets none.
    pub batches_refused_since: Option<String>,
    /// Messages in a batch at most.
    pub batch_size: usize,
    /// Messages that wait for their batch, or for the RA/CA.
    pub waiting: usize,
    /// Exchanges under way.
    pub in_flight: usize,
    /// Requests that began there and are not decided.
    pub requests: usize,
    /// Whether it is not in the configuration any more.
    pub retired: bool,
}

impl From<UpstreamStatus> for UpstreamEntry {
    fn from(status: UpstreamStatus) -> Self {
        let (health, down_until) = match status.health {
            Health::Up => ("up", None),
            Health::Down { until } => ("down", Some(until.to_string())),
            Health::Probed => ("probed", None),
        };
        let (batches, refused) = match status.nesting {
            _ if status.batch_size <= 1 => ("off", None),
            Nesting::Untried => ("untried", None),
            Nesting::Works => ("works", None),
            Nesting::Refused(known) => ("refused", Some(known)),
        };
        Self {
            name: status.name.to_string(),
            priority: status.priority,
            groups: status.groups,
            profiles: status.profiles,
            health: health.to_owned(),
            down_until,
            batches: batches.to_owned(),
            batches_refused_since: refused.as_ref().map(|known| known.since.to_string()),
            batches_refused: refused.map(|known| known.reason),
            batch_size: status.batch_size,
            waiting: status.waiting,
            in_flight: status.in_flight,
            requests: status.requests,
            retired: status.retired,
        }
    }
}

/// A batch that was sent. Times are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BatchEntry {
    /// The RA/CA's name.
    pub upstream: String,
    /// The batch's own transaction.
    pub transaction_id: String,
    /// When it was sent.
    pub sent_at: String,
    /// Messages in it.
    pub messages: usize,
    /// What happened to it last.
    pub outcome: String,
}

impl From<&BatchStatus> for BatchEntry {
    fn from(status: &BatchStatus) -> Self {
        Self {
            upstream: status.upstream.clone(),
            transaction_id: status.transaction_id.to_string(),
            sent_at: status.sent_at.to_string(),
            messages: status.messages,
            outcome: status.news.to_string(),
        }
    }
}

/// The RA/CAs for people, one a line.
pub fn upstreams_table(entries: &[UpstreamEntry]) -> String {
    let (name, health, batches) = ("RA/CA", "HEALTH", "BATCHES");
    let mut text = format!(
        "{name:<16}  {:>8}  {health:<8}  {batches:<8}  {:>8}  {:>8}  {:>8}  DETAIL\n",
        "PRIORITY", "WAITING", "FLYING", "REQUESTS"
    );
    for entry in entries {
        let UpstreamEntry { name, priority, health, batches, waiting, in_flight, requests, .. } = entry;
        let _ = writeln!(
            text,
            "{name:<16}  {priority:>8}  {health:<8}  {batches:<8}  {waiting:>8}  {in_flight:>8}  {requests:>8}  {}",
            detail(entry)
        );
    }
    text
}

fn detail(entry: &UpstreamEntry) -> String {
    let retired = entry.retired.then(|| "not in the configuration any more".to_owned());
    let down = entry.down_until.as_ref().map(|until| format!("asked again at {until}"));
    let refused = entry.batches_refused.as_ref().map(|reason| {
        format!("no batches since {}: {reason}", entry.batches_refused_since.as_deref().unwrap_or_default())
    });
    one_line(&[retired, down, refused].into_iter().flatten().collect::<Vec<_>>().join("; "))
}

/// The batches for people, one a line.
pub fn batches_table(entries: &[BatchEntry]) -> String {
    let mut text = format!("{:<20}  {:<16}  {:>8}  {:<32}  OUTCOME\n", "SENT", "RA/CA", "MESSAGES", "BATCH");
    for BatchEntry { upstream, transaction_id, sent_at, messages, outcome } in entries {
        let outcome = one_line(outcome);
        let _ =
            writeln!(text, "{sent_at:<20}  {upstream:<16}  {messages:>8}  {transaction_id:<32}  {outcome}");
    }
    text
}
