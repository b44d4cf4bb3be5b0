//! The manual procedure at a running NEM: requests leave in files, and answers come back (docs/manual-procedure.md). Files are read and
//! written by the server, by their paths; what takes long is a job that is asked for until it is done.

pub(crate) mod automatic;
mod jobs;
mod reading;
mod report;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use nem::ledger::{ExportForm, ExportId};
use serde::{Deserialize, Serialize};

use crate::service::Service;

pub(crate) use jobs::Jobs;
pub(crate) use reading::import;
pub use report::{ExportEntry, ExportReport, ImportReport, LeftEntry, TakenEntry, exports_table};
pub(crate) use writing::export;

/// How often a job is asked for.
const PAUSE: Duration = Duration::from_millis(50);

/// What leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::exhaustive_enums)] // for an RA/CA that knows CMP, and for a CA that does not
pub enum Form {
    /// One nested CMP message, for `raca sign` or any RA/CA that knows RFC 9483 section 6.4
    #[default]
    Pki,
    /// The PKCS #10 requests with a manifest, in a folder, or in a zip archive when the name ends with .zip
    Pkcs10,
}

impl From<Form> for ExportForm {
    fn from(form: Form) -> Self {
        match form {
            Form::Pki => Self::Pki,
            Form::Pkcs10 => Self::Pkcs10,
        }
    }
}

/// What `nem export` is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExportOptions {
    /// Where to write; nothing is overwritten.
    pub out: PathBuf,
    /// What leaves.
    pub form: Form,
    /// For which RA/CA; by default the one with the lowest priority.
    pub upstream: Option<String>,
    /// Of stations of that group only.
    pub group: Option<String>,
    /// That many at most.
    pub max: Option<usize>,
    /// What may have reached an RA/CA leaves in new transactions.
    pub anew: bool,
    /// The file of that export is written once more, and no other.
    pub again: Option<String>,
}

impl ExportOptions {
    /// Every request that may leave as CMP.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            out: out.into(),
            form: Form::Pki,
            upstream: None,
            group: None,
            max: None,
            anew: false,
            again: None,
        }
    }
}

/// What the running server is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Command {
    Export(ExportOptions),
    Import { path: PathBuf, detailed: bool },
    Exports,
    Release { export: String, anew: bool },
    Job { number: u64 },
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    Started { number: u64 },
    Running,
    Exported(ExportReport),
    Imported(ImportReport),
    Exports(Vec<ExportEntry>),
    Released { requests: usize },
    Failed(String),
}

impl Command {
    /// What the audit log calls it, if it is an order.
    pub(crate) fn order(&self) -> Option<String> {
        match self {
            Self::Export(options) => Some(format!("export to {}", options.out.display())),
            Self::Import { path, .. } => Some(format!("import {}", path.display())),
            Self::Release { export, anew: false } => Some(format!("release export {export}")),
            Self::Release { export, anew: true } => Some(format!("release export {export} anew")),
            Self::Exports | Self::Job { .. } => None,
        }
    }

    /// What takes long is begun. Blocks shortly.
    pub(crate) fn carry_out(self, service: &Arc<Service>, jobs: &Arc<Jobs>) -> Result<Answer> {
        match self {
            Self::Job { number } => jobs.take(number),
            Self::Exports => {
                let exports = service.act(|nem, _| nem.exports())?;
                Ok(Answer::Exports(exports.iter().map(ExportEntry::new).collect()))
            }
            command => {
                let service = service.clone();
                Ok(jobs.start(move || command.work(&service)))
            }
        }
    }

    fn work(self, service: &Arc<Service>) -> Result<Answer> {
        let order = self.order().unwrap_or_default();
        let outcome = match self {
            Self::Export(options) => export(service, &options).map(Answer::Exported),
            Self::Import { path, detailed } => import(service, &path, detailed).map(Answer::Imported),
            Self::Release { export, anew } => {
                let id = parse(&export)?;
                let released = service.act(|nem, now| nem.release_export(id, anew, now));
                released.map(|requests| Answer::Released { requests }).map_err(anyhow::Error::from)
            }
            Self::Exports | Self::Job { .. } => bail!("it takes no time"),
        };
        let told = match &outcome {
            Ok(answer) => Ok(answer.summary()),
            Err(reason) => Err(anyhow::anyhow!("{reason:#}")),
        };
        service.audit().record(&[crate::audit::order(&order, &told)]);
        outcome
    }
}

impl Answer {
    fn summary(&self) -> String {
        match self {
            Self::Exported(report) => format!("{} requests in export {}", report.requests, report.export),
            Self::Imported(report) => report.summary(),
            Self::Released { requests } => format!("{requests} requests released"),
            _ => String::new(),
        }
    }
}

fn parse(export: &str) -> Result<ExportId> {
    ExportId::parse(export).with_context(|| {
        format!("{export:?} is no export's name: it has 32 hexadecimal digits; see `nem exports`")
    })
}

/// Writes requests that are due into a file, to be signed elsewhere. Asks the running `nem serve`; blocks.
///
/// # Errors
/// When the configuration cannot be used, `nem serve` does not run, nothing may leave, or the file cannot be written.
pub fn export_requests(config: &Path, options: &ExportOptions) -> Result<ExportReport> {
    let out = std::path::absolute(&options.out)?;
    match finish(config, Command::Export(ExportOptions { out, ..options.clone() }))? {
        Answer::Exported(report) => Ok(report),
        _ => crate::admin::another_version(),
    }
}

/// Takes a file or a folder of answers or certificates. The report names what is left to look after, and everything if it is to be
/// detailed. Asks the running `nem serve`; blocks.
///
/// # Errors
/// When the configuration cannot be used, `nem serve` does not run, or nothing of the file is believed.
pub fn import_answers(config: &Path, path: &Path, detailed: bool) -> Result<ImportReport> {
    match finish(config, Command::Import { path: std::path::absolute(path)?, detailed })? {
        Answer::Imported(report) => Ok(report),
        _ => crate::admin::another_version(),
    }
}

/// The exports, newest first. Asks the running `nem serve`; blocks.
///
/// # Errors
/// When the configuration cannot be used, or `nem serve` does not run.
pub fn exports(config: &Path) -> Result<Vec<ExportEntry>> {
    match finish(config, Command::Exports)? {
        Answer::Exports(entries) => Ok(entries),
        _ => crate::admin::another_version(),
    }
}

/// Lets the requests of an export go online again that are still out; returns how many. Asks the running `nem serve`; blocks.
///
/// # Errors
/// When the configuration cannot be used, `nem serve` does not run, or nothing of such an export is out.
pub fn release_export(config: &Path, export: &str, anew: bool) -> Result<usize> {
    match finish(config, Command::Release { export: export.to_owned(), anew })? {
        Answer::Released { requests } => Ok(requests),
        _ => crate::admin::another_version(),
    }
}

fn finish(config: &Path, command: Command) -> Result<Answer> {
    let mut answer = crate::admin::ask_by_hand(config, command)?;
    let Answer::Started { number } = answer else { return Ok(answer) };
    loop {
        answer = crate::admin::ask_by_hand(config, Command::Job { number })?;
        match answer {
            Answer::Running => std::thread::sleep(PAUSE),
            Answer::Failed(reason) => bail!(reason),
            done => return Ok(done),
        }
    }
}
