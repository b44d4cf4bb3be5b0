//! What is told of exports and imports, to people and to programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use nem::by_hand::{ExportStatus, LeftBehind, Taken};
use nem::ledger::ExportForm;
use serde::{Deserialize, Serialize};

use crate::listing::one_line;

/// What left.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExportReport {
    /// The export's name.
    pub export: String,
    /// Where it was written.
    pub file: String,
    /// Where it says which stations are in it.
    pub manifest: String,
    /// The RA/CA it is for.
    pub upstream: String,
    /// Requests in it.
    pub requests: u64,
    /// Octets of the messages or requests in it.
    pub octets: u64,
    /// What stays, and why.
    pub left: Vec<LeftEntry>,
}

/// Requests that stay.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftEntry {
    /// How many.
    pub requests: usize,
    /// Why.
    pub reason: String,
}

impl LeftEntry {
    pub(super) fn new((why, requests): &(LeftBehind, usize)) -> Self {
        Self { requests: *requests, reason: why.to_string() }
    }
}

impl ExportReport {
    /// For people.
    pub fn text(&self) -> String {
        let Self { export, file, manifest, upstream, requests, left, .. } = self;
        let mut text = format!(
            "export    {export}\nfile      {file}\nmanifest  {manifest}\nrequests  {requests}, for the RA/CA {upstream}\n"
        );
        for LeftEntry { requests, reason } in left {
            // Writing to a String does not fail.
            let _ = writeln!(text, "stay      {requests}: {}", one_line(reason));
        }
        text
    }
}

/// What became of an answer, a certificate, or a request without either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TakenEntry {
    /// The file it stood in.
    pub file: String,
    /// The request, if it is known.
    pub request: Option<String>,
    /// The station, if it is known.
    pub station: Option<String>,
    /// `issued`, `turned down`, `rejected`, `queued`, `undecided`, `before`, `missing` or `refused`.
    pub verdict: String,
    /// Why, if there is more to say.
    pub reason: Option<String>,
    /// Whether there is nothing more to do about it.
    pub settled: bool,
}

impl TakenEntry {
    pub(super) fn new(file: &str, taken: &Taken) -> Self {
        Self {
            file: file.to_owned(),
            request: taken.request.map(|request| request.to_string()),
            station: taken.station.clone(),
            verdict: taken.verdict.name().to_owned(),
            reason: taken.verdict.reason().map(str::to_owned),
            settled: taken.verdict.is_settled(),
        }
    }

    pub(super) fn refused(file: &str, reason: String) -> Self {
        let (file, verdict) = (file.to_owned(), "refused".to_owned());
        Self { file, request: None, station: None, verdict, reason: Some(reason), settled: false }
    }
}

/// What came back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImportReport {
    /// Where it was read.
    pub file: String,
    /// How many of each verdict.
    pub counts: BTreeMap<String, usize>,
    /// What is left to look after; all of it when that was asked for.
    pub entries: Vec<TakenEntry>,
    #[serde(skip)]
    detailed: bool,
}

impl ImportReport {
    /// Of a file with that name, of which nothing is taken yet. Unless it is detailed, what is settled is counted only: of a large file
    /// that is nearly all.
    pub(super) fn new(file: String, detailed: bool) -> Self {
        Self { file, counts: BTreeMap::new(), entries: Vec::new(), detailed }
    }

    pub(super) fn add(&mut self, entry: TakenEntry) {
        *self.counts.entry(entry.verdict.clone()).or_insert(0_usize) += 1;
        if self.detailed || !entry.settled {
            self.entries.push(entry);
        }
    }

    /// How many are left to look after.
    pub fn unsettled(&self) -> usize {
        self.entries.iter().filter(|entry| !entry.settled).count()
    }

    /// How many there are.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }

    pub(super) fn summary(&self) -> String {
        let counts = self.counts.iter().map(|(verdict, count)| format!("{count} {verdict}"));
        let counts: Vec<String> = counts.collect();
        if counts.is_empty() { "nothing was in it".to_owned() } else { counts.join(", ") }
    }

    /// For people: the counts, and whatever is left to look after.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.summary());
        if self.unsettled() > 0 {
            let _ = writeln!(text, "\n{:<20}  {:<11}  DETAIL", "STATION", "VERDICT");
        }
        for entry in self.entries.iter().filter(|entry| !entry.settled) {
            let TakenEntry { file, station, verdict, reason, .. } = entry;
            let station = one_line(station.as_deref().unwrap_or("-"));
            let detail = one_line(reason.as_deref().unwrap_or_default());
            let _ = writeln!(text, "{station:<20}  {verdict:<11}  {} ({})", detail, one_line(file));
        }
        text
    }
}

/// An export. Times are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExportEntry {
    /// Its name.
    pub export: String,
    /// When it was made.
    pub made_at: String,
    /// `pki` or `pkcs10`.
    pub form: String,
    /// The RA/CA it is for.
    pub upstream: String,
    /// Where its file was written.
    pub file: String,
    /// Requests in it.
    pub requests: u64,
    /// Requests that are neither answered nor released.
    pub out: usize,
    /// Whether its file is known to be whole.
    pub written: bool,
}

impl ExportEntry {
    pub(super) fn new(status: &ExportStatus) -> Self {
        let export = &status.export;
        Self {
            export: export.id.to_string(),
            made_at: export.made_at.to_string(),
            form: match export.form {
                ExportForm::Pki => "pki".to_owned(),
                ExportForm::Pkcs10 => "pkcs10".to_owned(),
            },
            upstream: export.upstream.clone(),
            file: export.file.clone(),
            requests: export.requests,
            out: status.out,
            written: export.written,
        }
    }
}

/// The exports for people, one a line.
pub fn exports_table(entries: &[ExportEntry]) -> String {
    let mut text = format!(
        "{:<32}  {:<20}  {:<6}  {:<16}  {:>8}  {:>8}  FILE\n",
        "EXPORT", "MADE", "FORM", "RA/CA", "REQUESTS", "OUT"
    );
    for entry in entries {
        let ExportEntry { export, made_at, form, upstream, requests, out, .. } = entry;
        let unfinished = match (entry.written, *out) {
            (true, _) => "",
            // It was stopped before anything left, or released.
            (false, 0) => " (not finished, but nothing of it is out: nothing to do)",
            (false, _) => " (not finished: nem export --again, or release it)",
        };
        let file = one_line(&entry.file);
        let _ = writeln!(
            text,
            "{export:<32}  {made_at:<20}  {form:<6}  {upstream:<16}  {requests:>8}  {out:>8}  {file}{unfinished}"
        );
    }
    text
}
