//! Reads an audit log from its beginning, and tells where its chain is broken.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crypto::CryptoProvider;
use serde::Serialize;

use super::{FIRST, MAX_LINE, UNFINISHED, Unfinished, audit_error, chained, is_torn, parse};
use crate::Error;

/// What an audit log holds whose chain is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Account {
    /// How many entries there are.
    pub entries: u64,
    /// The last one's hash: whoever notes it elsewhere sees later that nothing before it was changed, and nothing is missing.
    pub last_hash: String,
    /// The numbers of the entries that say that a line before was not finished, because the program was killed.
    pub mended: Vec<u64>,
    /// How many octets of an unfinished line stand at the end; the program mends that when it starts.
    pub unfinished_octets: usize,
}

impl Account {
    /// For people.
    pub fn text(&self) -> String {
        let Self { entries, last_hash, mended, unfinished_octets } = self;
        let mut text = format!("{entries} entries, the last hash is {last_hash}");
        for number in mended {
            text += &format!("\nentry {number} tells of a line before it that was not finished, by a crash");
        }
        if *unfinished_octets > 0 {
            text += &format!(
                "\n{unfinished_octets} octets of an unfinished line stand at the end; the next start mends that"
            );
        }
        text
    }
}

/// Verifies the whole chain. Reads one line at a time.
///
/// # Errors
/// When the file cannot be read, or the chain is broken: the error names the first line of the file that does not follow from the one
/// before.
pub fn verify(path: &Path) -> Result<Account, Error> {
    let failed = |error| Error::File { path: path.to_owned(), error };
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let mut chain = Chain::new();
    for position in 1_u64.. {
        let mut line = Vec::new();
        let limit = u64::try_from(4 * MAX_LINE).unwrap_or(u64::MAX);
        let read = (&mut reader).take(limit).read_until(b'\n', &mut line).map_err(failed)?;
        if read == 0 {
            break;
        }
        chain.take(position, &line).map_err(|broken| broken.error(path))?;
    }
    Ok(chain.end())
}

/// The first line that does not follow, and why.
struct Broken {
    line: u64,
    reason: String,
}

impl Broken {
    fn error(self, path: &Path) -> Error {
        audit_error(path, format!("line {}: {}", self.line, self.reason))
    }
}

struct Chain {
    provider: CryptoProvider,
    account: Account,
    /// What does not follow from the last entry: left unfinished, if an entry says so or it is the end.
    found: Vec<u8>,
    /// Why it does not, and since which line.
    broken: Option<Broken>,
}

impl Chain {
    fn new() -> Self {
        let account =
            Account { entries: 0, last_hash: FIRST.to_owned(), mended: Vec::new(), unfinished_octets: 0 };
        Self { provider: crypto_aws_lc::provider(), account, found: Vec::new(), broken: None }
    }

    fn take(&mut self, position: u64, line: &[u8]) -> Result<(), Broken> {
        let whole = line.strip_suffix(b"\n").unwrap_or(line);
        let due = self.account.entries.saturating_add(1);
        let reason = match parse(whole) {
            None => "is no line of an audit log".to_owned(),
            Some((entry, hash, rest)) => {
                let follows = chained(&self.provider, &self.account.last_hash, rest) == hash;
                if follows && entry.number == due && self.explains(entry.unfinished.as_ref()) {
                    if entry.entry.what == UNFINISHED {
                        self.account.mended.push(due);
                    }
                    self.account.entries = due;
                    self.account.last_hash = hash.to_owned();
                    self.found.clear();
                    self.broken = None;
                    return Ok(());
                }
                if entry.number > due {
                    format!("is entry {}, and {due} is missing", entry.number)
                } else {
                    "does not follow from the line before: one of them was changed, or a line was removed or put in".to_owned()
                }
            }
        };
        let broken = self.broken.get_or_insert(Broken { line: position, reason });
        self.found.extend_from_slice(line);
        if is_torn(whole) && self.found.len() <= 4 * MAX_LINE {
            return Ok(());
        }
        Err(Broken { line: broken.line, reason: std::mem::take(&mut broken.reason) })
    }

    /// Whether an entry tells of exactly what stands before it.
    fn explains(&self, unfinished: Option<&Unfinished>) -> bool {
        match unfinished {
            None => self.found.is_empty(),
            Some(unfinished) => {
                // The end of line was written with the entry.
                let found = self.found.strip_suffix(b"\n").unwrap_or(&self.found);
                *unfinished == Unfinished::of(found, &self.provider)
            }
        }
    }

    /// What is left is no line that was finished: the program was killed while it wrote it, or while it mended that.
    fn end(mut self) -> Account {
        self.account.unfinished_octets = self.found.len();
        self.account
    }
}
