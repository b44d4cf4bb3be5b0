//! The commands with which operators watch and steer a running NEM.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};
use nem_server::Operation;
use serde::Serialize;

#[derive(Args)]
pub(crate) struct Where {
    /// The configuration, as `nem init` writes it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show how the running `nem serve` does: requests by state, the RA/CAs
    #[command(after_help = "Example:\n  nem status --config nem/nem.toml")]
    Status {
        #[command(flatten)]
        at: Where,
    },
    /// Show the RA/CAs of the running `nem serve`: health, and whether they take batches apart
    #[command(after_help = "Example:\n  nem upstreams --config nem/nem.toml --json")]
    Upstreams {
        #[command(flatten)]
        at: Where,
    },
    /// Show the batches that the running `nem serve` sent last, newest first
    #[command(after_help = "Example:\n  nem batches --config nem/nem.toml")]
    Batches {
        #[command(flatten)]
        at: Where,
    },
    /// Show the certificates that are to be renewed, and whose stations are silent, also while `nem serve` does not run
    #[command(after_help = "Example:\n  nem overdue --config nem/nem.toml --json")]
    Overdue {
        #[command(flatten)]
        at: Where,
    },
    /// Send what waits for its batch now
    #[command(after_help = "Example:\n  nem flush --config nem/nem.toml")]
    Flush {
        #[command(flatten)]
        at: Where,
        /// To that RA/CA only
        #[arg(long, value_name = "NAME")]
        upstream: Option<String>,
    },
    /// Take up what the configuration says about RA/CAs now, as SIGHUP does; requests under way end where they began
    #[command(after_help = "Example:\n  nem reload --config nem/nem.toml")]
    Reload {
        #[command(flatten)]
        at: Where,
    },
    /// Renew the NEM's own certificates now, with new keys; before they expire that happens by itself
    #[command(after_help = "Example:\n  nem renew --config nem/nem.toml")]
    Renew {
        #[command(flatten)]
        at: Where,
    },
    /// Ask the RA/CA for CA certificates, successors of root certificates, and CRLs now, as [fetch] in the configuration says
    #[command(after_help = "Example:\n  nem fetch --config nem/nem.toml")]
    Fetch {
        #[command(flatten)]
        at: Where,
    },
    /// Let a station have nothing any more: what it asked for is not sent, what is still issued is turned down
    #[command(after_help = "Example:\n  nem block --config nem/nem.toml enb17")]
    Block {
        #[command(flatten)]
        at: Where,
        /// The station, as the inventory calls it
        station: String,
    },
    /// Let a station in again
    #[command(after_help = "Example:\n  nem unblock --config nem/nem.toml enb17")]
    Unblock {
        #[command(flatten)]
        at: Where,
        /// The station, as the inventory calls it
        station: String,
    },
    /// Send nothing about a request until it is released
    #[command(after_help = "Example:\n  nem hold --config nem/nem.toml 00112233445566778899aabbccddeeff")]
    Hold {
        #[command(flatten)]
        at: Where,
        /// The request, as `nem requests --json` names it
        request: String,
    },
    /// Try a request again at once, also one that was rejected
    #[command(after_help = "Example:\n  nem retry --config nem/nem.toml 00112233445566778899aabbccddeeff")]
    Retry {
        #[command(flatten)]
        at: Where,
        /// The request, as `nem requests --json` names it
        request: String,
    },
    /// Reject a request; a certificate that still comes for it is turned down
    #[command(
        after_help = "Example:\n  nem reject --config nem/nem.toml 00112233445566778899aabbccddeeff --reason \"wrong site\""
    )]
    Reject {
        #[command(flatten)]
        at: Where,
        /// The request, as `nem requests --json` names it
        request: String,
        /// What its station is told
        #[arg(long, value_name = "TEXT", default_value = "rejected by the operator")]
        reason: String,
    },
}

/// Returns what to print.
pub(crate) fn run(command: Command) -> Result<String> {
    match command {
        Command::Status { at } => shown(&at, nem_server::status, nem_server::Status::text),
        Command::Upstreams { at } => {
            shown(&at, nem_server::upstreams, |entries| nem_server::upstreams_table(entries))
        }
        Command::Batches { at } => {
            shown(&at, nem_server::batches, |entries| nem_server::batches_table(entries))
        }
        Command::Overdue { at } => {
            shown(&at, nem_server::overdue, |entries| nem_server::overdue_table(entries))
        }
        Command::Flush { at, upstream } => operate(&at, Operation::Flush { upstream }),
        Command::Reload { at } => operate(&at, Operation::Reload),
        Command::Renew { at } => operate(&at, Operation::Renew),
        Command::Fetch { at } => operate(&at, Operation::Fetch),
        Command::Block { at, station } => operate(&at, Operation::Block { station }),
        Command::Unblock { at, station } => operate(&at, Operation::Unblock { station }),
        Command::Hold { at, request } => operate(&at, Operation::Hold { request }),
        Command::Retry { at, request } => operate(&at, Operation::Retry { request }),
        Command::Reject { at, request, reason } => operate(&at, Operation::Reject { request, reason }),
    }
}

fn shown<T: Serialize>(
    at: &Where,
    look: impl Fn(&Path) -> Result<T>,
    for_people: impl Fn(&T) -> String,
) -> Result<String> {
    let seen = look(&at.config)?;
    Ok(if at.json { serde_json::to_string_pretty(&seen)? } else { for_people(&seen) })
}

fn operate(at: &Where, operation: Operation) -> Result<String> {
    let done = nem_server::operate(&at.config, operation)?;
    Ok(if at.json { serde_json::json!({ "done": done }).to_string() } else { done })
}
