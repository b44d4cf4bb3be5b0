//! An append-only log of who asked for what, what was decided, and why: a JSON object a line, chained by hashes.
//!
//! ```text
//! {"hash":"<64 hexadecimal digits>",<rest>
//! hash = SHA-256(the hash of the line before, as it stands there | rest)      before the first line: 64 zeros
//! ```
//!
//! So no line can be changed, removed or put in without every later one being made anew. Whoever notes the last hash elsewhere now and
//! then finds that out, too, and that lines are missing at the end.
//!
//! A program that is killed while it writes leaves an unfinished line. The next start says so in a line of its own (`unfinished-line`, with
//! length and hash of what it found) and goes on behind it.

mod verify;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use asn1::UnixTime;
use crypto::{CryptoProvider, DigestAlgorithm};
use serde::{Deserialize, Serialize};

use crate::Error;
pub use verify::{Account, verify};

/// The most octets of a line: the texts below, every character of them escaped.
const MAX_LINE: usize = 32 * 1024;
/// The most characters of each text in an entry, and of the reason.
const MAX_TEXT: usize = 512;
const MAX_REASON: usize = 1024;
const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const BEFORE_HASH: &str = "{\"hash\":\"";
const AFTER_HASH: &str = "\",";
const UNFINISHED: &str = "unfinished-line";

/// What is written down of one decision. Nothing in it is secret. Texts longer than 512 characters are cut, reasons
/// longer than 1024.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Who asked: a name, or `operator` for whoever has the program's folder.
    pub who: String,
    /// What for: a message's body, or a command.
    pub what: String,
    /// What was decided.
    pub decision: String,
    /// Why, or what else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whom it is about, if that is another than whoever asked: a subject, a station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The CMP transaction, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// The certificate, by its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
}

impl Entry {
    /// Who asked for what, and what was decided; the rest is to be set where there is any.
    pub fn new(who: impl Into<String>, what: impl Into<String>, decision: impl Into<String>) -> Self {
        Self { who: who.into(), what: what.into(), decision: decision.into(), ..Self::default() }
    }

    fn cut(&self) -> Self {
        let text = |text: &String| text.chars().take(MAX_TEXT).collect::<String>();
        Self {
            who: text(&self.who),
            what: text(&self.what),
            decision: text(&self.decision),
            why: self.why.as_ref().map(|why| why.chars().take(MAX_REASON).collect()),
            subject: self.subject.as_ref().map(text),
            transaction_id: self.transaction_id.as_ref().map(text),
            serial_number: self.serial_number.as_ref().map(text),
        }
    }
}

/// A line without its hash.
#[derive(Serialize, Deserialize)]
struct Line {
    /// Counted from 1.
    number: u64,
    /// RFC 3339.
    time: String,
    #[serde(flatten)]
    entry: Entry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unfinished: Option<Unfinished>,
}

/// What a program that was killed left behind.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unfinished {
    octets: usize,
    sha256: String,
}

impl Unfinished {
    fn of(found: &[u8], provider: &CryptoProvider) -> Self {
        Self { octets: found.len(), sha256: digest(provider, found) }
    }
}

/// An audit log that one process writes, from any number of threads.
#[derive(Debug)]
pub struct AuditLog {
    path: PathBuf,
    provider: CryptoProvider,
    end: Mutex<End>,
    /// Up to which line the disk has it.
    synced: Mutex<u64>,
    to_be_synced: File,
}

#[derive(Debug)]
struct End {
    file: File,
    length: u64,
    number: u64,
    hash: String,
    /// A line could neither be written nor be taken back.
    is_damaged: bool,
}

impl AuditLog {
    /// Opens the log, or creates an empty one that only its owner reads. An unfinished line at its end is mended.
    ///
    /// # Errors
    /// When it cannot be read or written, another process writes it, or its end is no audit log's.
    pub fn open(path: &Path, now: UnixTime) -> Result<Self, Error> {
        let failed = |error| Error::File { path: path.to_owned(), error };
        let provider = crypto_aws_lc::provider();
        let mut file = private_file(path).map_err(failed)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(audit_error(path, "another process writes it".to_owned()));
            }
            other => other.map_err(|error| failed(error.into()))?,
        }
        let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        let tail = last_octets(&mut file, length).map_err(failed)?;
        let is_cut = length > u64::try_from(tail.len()).unwrap_or(u64::MAX);
        let (last, found) = last_line(&tail, is_cut).ok_or_else(|| {
            let reason = "its end is no audit log's; move it away, and a new one is begun";
            audit_error(path, reason.to_owned())
        })?;
        let (number, hash) = last.unwrap_or((0, FIRST.to_owned()));
        let unfinished = (!found.is_empty()).then(|| Unfinished::of(found, &provider));
        if unfinished.is_none() && tail.last().is_some_and(|octet| *octet != b'\n') {
            file.write_all(b"\n").map_err(failed)?;
        }
        let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        let to_be_synced = file.try_clone().map_err(failed)?;
        let end = Mutex::new(End { file, length, number, hash, is_damaged: false });
        let log = Self { path: path.to_owned(), provider, end, synced: Mutex::new(number), to_be_synced };
        if let Some(unfinished) = unfinished {
            let entry = Entry::new("nobody", UNFINISHED, "the line before was not finished");
            log.write(entry, Some(unfinished), now)?;
            log.sync()?;
        }
        Ok(log)
    }

    /// Writes decisions down. When this returns they are on the disk.
    ///
    /// # Errors
    /// When the log cannot be written; what was decided must not be made known then.
    pub fn record(&self, entries: &[Entry], now: UnixTime) -> Result<(), Error> {
        for entry in entries {
            self.append(entry, now)?;
        }
        if entries.is_empty() { Ok(()) } else { self.sync() }
    }

    /// Writes a decision down, to be [synced](AuditLog::sync) with others.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn append(&self, entry: &Entry, now: UnixTime) -> Result<(), Error> {
        self.write(entry.cut(), None, now)
    }

    /// Waits until all that was written is on the disk. Who waits at the same time waits once.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&self) -> Result<(), Error> {
        let wanted = lock(&self.end).number;
        let mut synced = lock(&self.synced);
        if *synced >= wanted {
            return Ok(());
        }
        let written = lock(&self.end).number;
        self.to_be_synced.sync_data().map_err(|error| Error::File { path: self.path.clone(), error })?;
        *synced = written;
        Ok(())
    }

    fn write(&self, entry: Entry, unfinished: Option<Unfinished>, now: UnixTime) -> Result<(), Error> {
        let mut end = lock(&self.end);
        if end.is_damaged {
            return Err(audit_error(&self.path, "could not be written before; start anew".to_owned()));
        }
        let number = end.number.saturating_add(1);
        // What was left unfinished ends here.
        let break_before = if unfinished.is_some() { "\n" } else { "" };
        let line = Line { number, time: now.to_string(), entry, unfinished };
        let json = serde_json::to_string(&line)
            .map_err(|error| audit_error(&self.path, format!("line {number} cannot be made: {error}")))?;
        let rest = json.strip_prefix('{').unwrap_or(&json);
        let hash = chained(&self.provider, &end.hash, rest);
        let line = format!("{break_before}{BEFORE_HASH}{hash}{AFTER_HASH}{rest}\n");
        if let Err(error) = end.file.write_all(line.as_bytes()) {
            end.is_damaged = end.file.set_len(end.length).is_err();
            return Err(Error::File { path: self.path.clone(), error });
        }
        end.length = end.length.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        end.number = number;
        end.hash = hash;
        Ok(())
    }
}

/// The latest entries with their times (RFC 3339), the oldest first, as many as a few hundred; none when there is no log yet. Their chain
/// is not verified.
///
/// # Errors
/// When the log cannot be read.
pub fn recent(path: &Path) -> Result<Vec<(String, Entry)>, Error> {
    let failed = |error| Error::File { path: path.to_owned(), error };
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file.map_err(failed)?,
    };
    let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
    let tail = last_octets(&mut file, length).map_err(failed)?;
    let lines = tail.split(|octet| *octet == b'\n').filter_map(parse);
    Ok(lines.map(|(line, ..)| (line.time, line.entry)).collect())
}

fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn audit_error(path: &Path, reason: String) -> Error {
    Error::Audit { path: path.to_owned(), reason }
}

fn digest(provider: &CryptoProvider, octets: &[u8]) -> String {
    use std::fmt::Write;
    provider.digest(DigestAlgorithm::Sha256, octets).iter().fold(String::new(), |mut text, octet| {
        // Writing to a String does not fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

fn chained(provider: &CryptoProvider, previous: &str, rest: &str) -> String {
    digest(provider, [previous, rest].concat().as_bytes())
}

/// The hash of a line and what it is of; `None` when it has another form.
fn split(line: &str) -> Option<(&str, &str)> {
    let (hash, rest) = line.strip_prefix(BEFORE_HASH)?.split_once(AFTER_HASH)?;
    (hash.len() == FIRST.len()).then_some((hash, rest))
}

/// What a line says; `None` when it is not one.
fn parse(line: &[u8]) -> Option<(Line, &str, &str)> {
    let text = str::from_utf8(line).ok()?;
    let (hash, rest) = split(text)?;
    Some((serde_json::from_str(text).ok()?, hash, rest))
}

/// Whether it can be the beginning of a line that was being written when the program was killed.
fn is_torn(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err()
}

fn last_octets(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let window = u64::try_from(4 * MAX_LINE).unwrap_or(u64::MAX).min(length);
    file.seek(SeekFrom::Start(length.saturating_sub(window)))?;
    let mut octets = Vec::new();
    file.take(window).read_to_end(&mut octets)?;
    Ok(octets)
}

/// Number and hash of a line.
type Last = (u64, String);

/// The last whole line, and what stands behind it; `None` when the end is no audit log's. With `is_cut` the log begins before.
fn last_line(tail: &[u8], is_cut: bool) -> Option<(Option<Last>, &[u8])> {
    let mut found = tail.len();
    let mut rest = tail;
    while !rest.is_empty() {
        let is_whole = rest.last() == Some(&b'\n');
        let end = if is_whole { rest.len().checked_sub(1)? } else { rest.len() };
        let start =
            rest.get(..end)?.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at.saturating_add(1));
        let line = rest.get(start..end)?;
        if let Some((line, hash, _)) = parse(line) {
            return Some((Some((line.number, hash.to_owned())), tail.get(found..)?));
        }
        if !is_torn(line) {
            return None;
        }
        found = start;
        rest = rest.get(..start)?;
    }
    (!is_cut).then_some((None, tail))
}
