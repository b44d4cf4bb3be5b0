//! The commands that look into the ledger: at the file itself, or through the server that has it open.

use std::path::Path;

use anyhow::{Context, Result, bail};
use host::control;
use serde::{Deserialize, Serialize};
use store::ledger::EmbeddedLedger;

use crate::config::Config;
use crate::listing::{RequestEntry, StationEntry, station_entries};

/// More than the requests that any station made.
const ALL: usize = usize::MAX;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Command {
    Requests { limit: usize },
    Stations,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Requests(Vec<RequestEntry>),
    Stations(Vec<StationEntry>),
    Error(String),
}

/// The requests received last, newest first. When `nem serve` runs, it is asked. Blocks.
///
/// # Errors
/// When the configuration cannot be used or the ledger cannot be read.
pub fn requests(config: &Path, limit: usize) -> Result<Vec<RequestEntry>> {
    match carry_out(config, &Command::Requests { limit })? {
        Answer::Requests(entries) => Ok(entries),
        _ => bail!("the running `nem serve` answered something else; is it of another version?"),
    }
}

/// The stations in the inventory, each with its latest request. When `nem serve` runs, it is asked. Blocks.
///
/// # Errors
/// When the configuration or the inventory cannot be used, or the ledger cannot be read.
pub fn stations(config: &Path) -> Result<Vec<StationEntry>> {
    match carry_out(config, &Command::Stations)? {
        Answer::Stations(entries) => Ok(entries),
        _ => bail!("the running `nem serve` answered something else; is it of another version?"),
    }
}

fn carry_out(config: &Path, command: &Command) -> Result<Answer> {
    let config = Config::read(config)?;
    if !config.ledger.exists() {
        return look(command, &config, None);
    }
    match EmbeddedLedger::open(&config.ledger) {
        Ok(ledger) => look(command, &config, Some(&ledger)),
        Err(store::Error::Locked { .. }) => ask(&config.socket(), command),
        Err(error) => Err(error.into()),
    }
}

fn ask(socket: &Path, command: &Command) -> Result<Answer> {
    let answer = control::ask(socket, &serde_json::to_string(command)?).with_context(|| {
        format!(
            "another process has the ledger open and does not answer at {}; if `nem serve` is just starting or \
             stopping, try again",
            socket.display()
        )
    })?;
    match serde_json::from_str(&answer)? {
        Answer::Error(reason) => bail!(reason),
        answer => Ok(answer),
    }
}

/// Answers one line of [`control`].
pub(crate) fn answer(line: &str, config: &Config, ledger: &EmbeddedLedger) -> String {
    let answer = serde_json::from_str(line)
        .context("not a command")
        .and_then(|command| look(&command, config, Some(ledger)))
        .unwrap_or_else(|error| Answer::Error(format!("{error:#}")));
    serde_json::to_string(&answer).unwrap_or_default()
}

/// Before the first request there is no ledger.
fn look(command: &Command, config: &Config, ledger: Option<&EmbeddedLedger>) -> Result<Answer> {
    let latest = |limit| ledger.map_or_else(|| Ok(Vec::new()), |ledger| ledger.latest(limit));
    Ok(match command {
        Command::Requests { limit } => {
            Answer::Requests(latest(*limit)?.iter().map(RequestEntry::new).collect())
        }
        Command::Stations => {
            let inventory = crate::stations::read(&config.stations)?;
            Answer::Stations(station_entries(&inventory, &latest(ALL)?))
        }
    })
}
