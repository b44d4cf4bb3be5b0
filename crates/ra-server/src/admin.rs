//! The commands that need the registry, and how they reach a running `raca serve`, which alone has it open.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use host::control;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::authority::Authority;
use crate::listing::ListEntry;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Command {
    List,
    Issue { csr: String, profile: String },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    Certificates(Vec<ListEntry>),
    Certificate(String),
    Error(String),
}

/// Has the running server carry out a command.
pub(crate) fn ask(socket: &Path, command: &Command) -> Result<Answer> {
    let answer = control::ask(socket, &serde_json::to_string(command)?).with_context(|| {
        format!(
            "another process has the registry open and does not answer at {}; if `raca serve` is just starting \
             or stopping, try again",
            socket.display()
        )
    })?;
    match serde_json::from_str(&answer)? {
        Answer::Error(reason) => bail!(reason),
        answer => Ok(answer),
    }
}

/// Answers one line of [`control`].
pub(crate) fn answer(line: &str, authority: &Arc<Authority>) -> String {
    let answer = serde_json::from_str(line)
        .context("not a command")
        .and_then(|command| carry_out(&command, authority))
        .unwrap_or_else(|error| Answer::Error(format!("{error:#}")));
    serde_json::to_string(&answer).unwrap_or_default()
}

fn carry_out(command: &Command, authority: &Arc<Authority>) -> Result<Answer> {
    let answer = authority.carry_out(command)?;
    if let Command::Issue { profile, .. } = command {
        info!(%profile, "issued a certificate by hand");
    }
    Ok(answer)
}
