//! The commands that look into the ledger, at the file itself or through the server that has it open, and those that only a
//! running server can carry out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use host::control;
use serde::{Deserialize, Serialize};
use store::ledger::EmbeddedLedger;

use crate::audit::{Audit, order};
use crate::by_hand;
use crate::config::Config;
use crate::current::Current;
use crate::listing::{RequestEntry, StationEntry, station_entries};
use crate::operation::Operation;
use crate::overdue::{self, DueCertificate};
use crate::own::Keeper;
use crate::service::Service;
use crate::status::{BatchEntry, Status, UpstreamEntry};

/// More than the requests that any station made.
const ALL: usize = usize::MAX;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Command {
    Requests {
        limit: usize,
    },
    Stations,
    Status,
    Upstreams,
    Batches,
    Overdue,
    Operate(Operation),
    #[serde(rename = "by_hand")]
    ByHand(by_hand::Command),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Requests(Vec<RequestEntry>),
    Stations(Vec<StationEntry>),
    Status(Status),
    Upstreams(Vec<UpstreamEntry>),
    Batches(Vec<BatchEntry>),
    Overdue(Vec<DueCertificate>),
    #[serde(rename = "by_hand")]
    ByHand(by_hand::Answer),
    Done(String),
    Error(String),
}

/// The requests received last, newest first. When `nem serve` runs, it is asked. Blocks.
///
/// # Errors
/// When the configuration cannot be used or the ledger cannot be read.
pub fn requests(config: &Path, limit: usize) -> Result<Vec<RequestEntry>> {
    match carry_out(config, &Command::Requests { limit })? {
        Answer::Requests(entries) => Ok(entries),
        _ => another_version(),
    }
}

/// The stations in the inventory, each with its latest request. When `nem serve` runs, it is asked. Blocks.
///
/// # Errors
/// When the configuration or the inventory cannot be used, or the ledger cannot be read.
pub fn stations(config: &Path) -> Result<Vec<StationEntry>> {
    match carry_out(config, &Command::Stations)? {
        Answer::Stations(entries) => Ok(entries),
        _ => another_version(),
    }
}

/// How the running `nem serve` does. Blocks.
///
/// # Errors
/// When the configuration cannot be used, or `nem serve` does not run.
pub fn status(config: &Path) -> Result<Status> {
    match carry_out(config, &Command::Status)? {
        Answer::Status(status) => Ok(status),
        _ => another_version(),
    }
}

/// The RA/CAs of the running `nem serve`, by name. Blocks.
///
/// # Errors
/// When the configuration cannot be used, or `nem serve` does not run.
pub fn upstreams(config: &Path) -> Result<Vec<UpstreamEntry>> {
    match carry_out(config, &Command::Upstreams)? {
        Answer::Upstreams(entries) => Ok(entries),
        _ => another_version(),
    }
}

/// The batches that the running `nem serve` sent last, newest first. Blocks.
///
/// # Errors
/// When the configuration cannot be used, or `nem serve` does not run.
pub fn batches(config: &Path) -> Result<Vec<BatchEntry>> {
    match carry_out(config, &Command::Batches)? {
        Answer::Batches(entries) => Ok(entries),
        _ => another_version(),
    }
}

/// The certificates that are to be renewed, or should have been. When `nem serve` runs, it is asked. Blocks.
///
/// # Errors
/// When the configuration or the inventory cannot be used, or the ledger cannot be read.
pub fn overdue(config: &Path) -> Result<Vec<DueCertificate>> {
    match carry_out(config, &Command::Overdue)? {
        Answer::Overdue(certificates) => Ok(certificates),
        _ => another_version(),
    }
}

/// Lets the running `nem serve` do something; returns what it did. Blocks.
///
/// # Errors
/// When the configuration cannot be used, `nem serve` does not run, or why it could not.
pub fn operate(config: &Path, operation: Operation) -> Result<String> {
    match carry_out(config, &Command::Operate(operation))? {
        Answer::Done(what) => Ok(what),
        _ => another_version(),
    }
}

/// Asks about the manual procedure.
pub(crate) fn ask_by_hand(config: &Path, command: by_hand::Command) -> Result<by_hand::Answer> {
    match carry_out(config, &Command::ByHand(command))? {
        Answer::ByHand(answer) => Ok(answer),
        _ => another_version(),
    }
}

pub(crate) fn another_version<T>() -> Result<T> {
    bail!("the running `nem serve` answered something else; is it of another version?")
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

/// What a running server's commands work on.
#[derive(Clone)]
pub(crate) struct Running {
    path: PathBuf,
    config: Arc<Config>,
    ledger: EmbeddedLedger,
    service: Arc<Service>,
    keeper: Keeper,
    current: Arc<Current>,
    jobs: Arc<by_hand::Jobs>,
}

impl Running {
    pub(crate) fn new(
        path: PathBuf,
        config: Arc<Config>,
        ledger: EmbeddedLedger,
        service: Arc<Service>,
        keeper: Keeper,
        current: Arc<Current>,
    ) -> Self {
        let jobs = Arc::default();
        Self { path, config, ledger, service, keeper, current, jobs }
    }

    /// Answers one line of [`control`].
    pub(crate) fn answer(&self, line: &str) -> String {
        let answer = serde_json::from_str(line)
            .context("not a command")
            .and_then(|command| self.carry_out(command))
            .unwrap_or_else(|error| Answer::Error(format!("{error:#}")));
        serde_json::to_string(&answer).unwrap_or_default()
    }

    fn carry_out(&self, command: Command) -> Result<Answer> {
        Ok(match command {
            Command::Requests { .. } => return look(&command, &self.config, Some(&self.ledger)),
            Command::Stations => {
                let answer = look(&command, &self.config, Some(&self.ledger))?;
                if let Answer::Stations(mut entries) = answer {
                    self.service.act(|nem, now| entries.iter_mut().for_each(|entry| entry.meet(nem, now)));
                    return Ok(Answer::Stations(entries));
                }
                answer
            }
            Command::Overdue => {
                let in_service = |station: &str| self.service.may_enrol(station);
                let mut due = overdue::collect(&self.ledger, in_service, host::now())?;
                self.service.act(|nem, now| due.iter_mut().for_each(|one| one.meet(nem, now)));
                Answer::Overdue(due)
            }
            Command::Status => Answer::Status(self.service.act(|nem, now| Status::of(nem, now))),
            Command::Upstreams => Answer::Upstreams(
                self.service.act(|nem, _| nem.upstreams().map(UpstreamEntry::from).collect()),
            ),
            Command::Batches => {
                Answer::Batches(self.service.act(|nem, _| nem.batches().map(BatchEntry::from).collect()))
            }
            Command::ByHand(command) => Answer::ByHand(command.carry_out(&self.service, &self.jobs)?),
            Command::Operate(operation) => {
                let what = operation.to_string();
                let outcome = self.operate(operation);
                self.service.audit().record(&[order(&what, &outcome)]);
                Answer::Done(outcome?)
            }
        })
    }

    fn operate(&self, operation: Operation) -> Result<String> {
        let wait = tokio::runtime::Handle::current();
        match operation {
            Operation::Reload => self.reload(),
            Operation::Renew => wait.block_on(self.keeper.renew_all()),
            Operation::Fetch => wait.block_on(crate::fetch::fetch_now(&self.current)),
            Operation::Block { .. } | Operation::Unblock { .. } => {
                let done = mark(&operation, &self.config)?;
                self.service.set_inventory(crate::stations::read(&self.config.stations)?)?;
                Ok(done)
            }
            operation => self.service.act(|nem, now| operation.carry_out(nem, now)),
        }
    }

    /// Reads the configuration again, and takes up what it says about RA/CAs, credentials, trust, liveness and the manual procedure.
    /// Returns what it did. Blocks.
    pub(crate) fn reload(&self) -> Result<String> {
        let config = Config::read(&self.path)?;
        let names: Vec<String> = config.upstreams.iter().map(|upstream| upstream.name.clone()).collect();
        self.current.reconfigure(config)?;
        let done = format!("RA/CAs read again: {}", names.join(", "));
        tracing::info!("{done}");
        Ok(done)
    }
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
        Command::Overdue => {
            let inventory = crate::stations::read(&config.stations)?;
            let in_service =
                |station: &str| inventory.station(station).is_some_and(|known| known.state.may_enrol());
            let due = ledger.map(|ledger| overdue::collect(ledger, in_service, host::now())).transpose()?;
            Answer::Overdue(due.unwrap_or_default())
        }
        Command::Operate(operation) if operation.mark().is_some() => {
            let outcome = mark(operation, config);
            // Who has the ledger's lock has that of the audit log, too.
            Audit::open(&config.audit)?.record(&[order(&operation.to_string(), &outcome)]);
            Answer::Done(outcome?)
        }
        _ => bail!("`nem serve` does not run with this configuration, and only it can tell or do that"),
    })
}

/// Blocks a station or lets it in, in the inventory.
fn mark(operation: &Operation, config: &Config) -> Result<String> {
    let (station, state) = operation.mark().context("it marks nothing")?;
    crate::stations::mark(&config.stations, station, state)?;
    Ok(format!("station {station} is {state}"))
}
