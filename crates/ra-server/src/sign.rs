//! `raca sign`: an RA/CA without a network, which takes requests in files and lays the answers beside them (RFC 9483 section 6.4).

mod entry;
mod file;
mod operator;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ca::Ca;
use ca::registry::Registry;
use host::batch_file::{BatchFile, BatchWriter};
use host::files::write_new_atomically;
use host::now;
use serde::Serialize;
use tracing::info;

use crate::authority::Authority;
use crate::config::Config;
use file::Input;
use operator::Clerk;

pub use entry::SignEntry;

/// What `raca sign` is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignOptions {
    /// The file with the requests.
    pub input: PathBuf,
    /// Where the answer goes; nothing is overwritten.
    pub output: PathBuf,
    /// Who approves.
    pub approval: SignApproval,
    /// What a requester is told whose request is rejected.
    pub reason: String,
    /// Whether the report has every message in it: of a large file, that is a lot.
    pub detailed: bool,
}

impl SignOptions {
    /// Signs only what is approved one by one.
    pub fn new(input: PathBuf, output: PathBuf) -> Self {
        let reason = "the operator rejected the request".to_owned();
        Self { input, output, approval: SignApproval::Ask, reason, detailed: false }
    }
}

/// Who approves the requests in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignApproval {
    /// Nobody: they are listed, and nothing is signed or written.
    List,
    /// Somebody who answers at stdin: all are listed first, then each is asked for.
    Ask,
    /// All that may have what they ask for are approved.
    All,
}

/// What became of a file.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SignReport {
    /// Where the answer was written; absent when they were only listed.
    pub answer: Option<String>,
    /// How many certificates were issued now.
    pub issued: usize,
    /// How many messages were answered before, and got the same answer.
    pub repeated: usize,
    /// How many requests the operator rejected.
    pub rejected: usize,
    /// How many messages were refused: the answer tells why.
    pub refused: usize,
    /// How many requests were left for another time: the answer does not mention them.
    pub postponed: usize,
    /// How many other messages were answered: revocations, confirmations, questions.
    pub others: usize,
    /// Each message, in the order of the file, when [`SignOptions::detailed`] asks for them.
    pub messages: Vec<SignEntry>,
}

impl SignReport {
    /// For people, in one line.
    pub fn text(&self) -> String {
        let Self { issued, repeated, rejected, refused, postponed, others, .. } = self;
        let counts = format!(
            "issued {issued}, answered before {repeated}, rejected {rejected}, refused {refused}, left {postponed}, others {others}"
        );
        match &self.answer {
            Some(answer) => format!("{counts}\nanswer: {answer}"),
            None => counts,
        }
    }
}

/// An answer that nobody has seen yet.
enum Answer {
    Whole(Vec<u8>),
    Written(BatchWriter),
}

/// `None`: nothing was decided, or nobody wants it written.
fn answer(ca: &Ca, file: &Input, clerk: &mut Clerk<'_>, output: Option<&Path>) -> Result<Option<Answer>> {
    match file {
        Input::Whole(octets) => Ok(ca.answer_file(octets, clerk, now())?.map(Answer::Whole)),
        Input::Batch(batch) => {
            let answered = answer_batch(ca, batch, clerk, output);
            if let (Some(output), Ok(None) | Err(_)) = (output, &answered) {
                BatchWriter::discard(output);
            }
            Ok(answered?.map(Answer::Written))
        }
    }
}

/// Message by message: what is in memory does not grow with the file.
fn answer_batch(
    ca: &Ca,
    file: &BatchFile,
    clerk: &mut Clerk<'_>,
    output: Option<&Path>,
) -> Result<Option<BatchWriter>> {
    let now = now();
    let mut batch = ca.open_batch(file.received().clone(), file.digest(), now)?;
    let mut writer = output.map(BatchWriter::create).transpose()?;
    for message in file.messages()? {
        let answer = ca.answer_in_batch(&mut batch, &message?, clerk, now)?;
        if let (Some(answer), Some(writer)) = (answer, &mut writer) {
            writer.push(&answer)?;
        }
    }
    let Some(mut writer) = writer.filter(|writer| writer.octets() > 0) else { return Ok(None) };
    let (around, key) = ca.close_batch(&batch, writer.octets(), now)?;
    writer.sign(&around, key)?;
    Ok(Some(writer))
}

/// Takes a file of requests, has each approved, issues, and writes the answer. `told` learns of each message when it is done. Blocks;
/// asks at stdin and stderr where it is told to.
///
/// # Errors
/// When the configuration cannot be used, another process has the registry open, the file is not believed as a whole, nothing in it was
/// decided, or the answer exists already or cannot be written. What was issued before a failure stays in the registry, and the same file
/// again gets it.
pub fn sign(config: &Path, options: &SignOptions, told: &mut dyn FnMut(&SignEntry)) -> Result<SignReport> {
    let (input, output) = (options.input.display(), options.output.display());
    let path = config;
    let config = Config::read(path)?;
    if options.approval != SignApproval::List && options.output.try_exists().unwrap_or(true) {
        bail!("{output}: is there already, and nothing is overwritten");
    }
    let file = Input::open(&options.input, &config.offline, config.cmp.lenient)?;
    let authority = Authority::open(path, config)?.context(
        "another process has the registry open; stop `raca serve` for as long as files are signed, since only one of them can issue",
    )?;
    let current = authority.current();
    current.take_files();

    let answer = |clerk: &mut Clerk<'_>, output: Option<&Path>| {
        answer(&current.ca(), &file, clerk, output).with_context(|| format!("{input}: nothing was answered"))
    };
    if options.approval == SignApproval::Ask {
        let mut list = |entry: &SignEntry| eprint!("{}", entry.details());
        answer(&mut Clerk::who_lists(&mut list), None)?;
    }
    let mut clerk = match options.approval {
        SignApproval::List => Clerk::who_lists(told),
        SignApproval::Ask => Clerk::who_asks(&options.reason, &authority.audit, told),
        SignApproval::All => Clerk::who_approves(&authority.audit, told),
    };
    clerk.detailed = options.detailed;
    // Nothing of it leaves before all of it is on the disk.
    let written = (options.approval != SignApproval::List).then_some(options.output.as_path());
    let mut answered = None;
    authority.registry.together(&mut || answered = Some(answer(&mut clerk, written)))?;
    authority.audit.sync()?;
    let answered = answered.transpose()?.flatten();
    let revoked = clerk.changed_status();
    let mut report = clerk.report()?;
    if options.approval == SignApproval::List {
        return Ok(report);
    }
    match answered {
        Some(Answer::Whole(octets)) => write_new_atomically(&options.output, &octets)?,
        Some(Answer::Written(batch)) => batch.publish()?,
        None => bail!("{input}: nothing in it was decided, so there is no answer"),
    }
    if revoked {
        authority.publish_crl().context("the answer was written, but no CRL says yet what was revoked")?;
    }
    report.answer = Some(output.to_string());
    info!(issued = report.issued, repeated = report.repeated, "signed {input}");
    Ok(report)
}
