//! How the other commands reach a running `raca serve`, which alone has the registry open: a Unix socket that only the
//! owner may use, one line of JSON each way.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tracing::{debug, info, warn};

use crate::authority::Authority;
use crate::listing::ListEntry;

const TIME_LIMIT: Duration = Duration::from_secs(30);
const LINE_LIMIT: u64 = 128 * 1024;

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
    let answer = exchange(socket, command).with_context(|| {
        format!(
            "another process has the registry open and does not answer at {}; if `raca serve` is just starting \
             or stopping, try again",
            socket.display()
        )
    })?;
    match answer {
        Answer::Error(reason) => bail!(reason),
        answer => Ok(answer),
    }
}

fn exchange(socket: &Path, command: &Command) -> Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIME_LIMIT))?;
    stream.set_write_timeout(Some(TIME_LIMIT))?;
    let mut line = serde_json::to_string(command)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}

/// Binds the socket. Whoever calls this has the registry open, so what lies there was left behind by a crash.
pub(crate) fn bind(socket: &Path) -> Result<UnixListener> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{}: cannot be removed", socket.display()));
        }
        _ => {}
    }
    let listener =
        UnixListener::bind(socket).with_context(|| format!("{}: cannot listen there", socket.display()))?;
    fs::set_permissions(socket, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Carries out commands, one connection after another.
pub(crate) async fn listen(listener: UnixListener, authority: Arc<Authority>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let served = tokio::time::timeout(TIME_LIMIT, answer(stream, authority.clone())).await;
                if !matches!(served, Ok(Ok(()))) {
                    debug!("a command at the admin socket was not finished");
                }
            }
            Err(error) => {
                warn!(%error, "the admin socket does not accept");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn answer(mut stream: tokio::net::UnixStream, authority: Arc<Authority>) -> Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    tokio::io::BufReader::new(reader.take(LINE_LIMIT)).read_line(&mut line).await?;
    let answer = match serde_json::from_str::<Command>(&line) {
        Ok(command) => {
            let done = tokio::task::spawn_blocking(move || {
                let answer = authority.carry_out(&command);
                if let (Command::Issue { profile, .. }, Ok(_)) = (&command, &answer) {
                    info!(%profile, "issued a certificate by hand");
                }
                answer
            });
            done.await?.unwrap_or_else(|error| Answer::Error(format!("{error:#}")))
        }
        Err(error) => Answer::Error(format!("not a command: {error}")),
    };
    let mut line = serde_json::to_string(&answer)?;
    line.push('\n');
    writer.write_all(line.as_bytes()).await?;
    Ok(())
}
