//! `raca sign`: an RA/CA without a network, which takes requests in files and lays the answers beside them (RFC 9483 section 6.4).

mod entry;
mod file;
mod operator;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use host::files::write_new_atomically;
use host::now;
use serde::Serialize;
use tracing::info;

use crate::authority::Authority;
use crate::config::Config;
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
}

impl SignOptions {
    /// Signs only what is approved one by one.
    pub fn new(input: PathBuf, output: PathBuf) -> Self {
        let reason = "the operator rejected the request".to_owned();
        Self { input, output, approval: SignApproval::Ask, reason }
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
    /// Each message, in the order of the file.
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
    let file = file::read(&options.input, &config.offline)?;
    let authority = Authority::open(path, config)?.context(
        "another process has the registry open; stop `raca serve` for as long as files are signed, since only one of them can issue",
    )?;
    let current = authority.current();
    current.take_files();

    let answer = |clerk: &mut Clerk<'_>| {
        current
            .ca()
            .answer_file(&file, clerk, now())
            .with_context(|| format!("{input}: nothing was answered"))
    };
    if options.approval == SignApproval::Ask {
        let mut list = |entry: &SignEntry| eprint!("{}", entry.details());
        answer(&mut Clerk::who_lists(&mut list))?;
    }
    let mut clerk = match options.approval {
        SignApproval::List => Clerk::who_lists(told),
        SignApproval::Ask => Clerk::who_asks(&options.reason, &authority.audit, told),
        SignApproval::All => Clerk::who_approves(&authority.audit, told),
    };
    // Nothing of it leaves before all of it is on the disk.
    authority.registry.defer_sync();
    let octets = answer(&mut clerk);
    authority.registry.sync()?;
    authority.audit.sync()?;
    let octets = octets?;
    let revoked = clerk.changed_status();
    let mut report = clerk.report()?;
    if options.approval == SignApproval::List {
        return Ok(report);
    }
    let octets =
        octets.with_context(|| format!("{input}: nothing in it was decided, so there is no answer"))?;
    write_new_atomically(&options.output, &octets)?;
    if revoked {
        authority.publish_crl().context("the answer was written, but no CRL says yet what was revoked")?;
    }
    report.answer = Some(output.to_string());
    info!(issued = report.issued, repeated = report.repeated, "signed {input}");
    Ok(report)
}
