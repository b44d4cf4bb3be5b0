//! The RA/CA: a process of its own, since it will be killed.

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

/// What this program is called with to be the RA/CA.
pub(crate) const ROLE: &str = "--serve-raca";

pub(crate) struct Raca {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Raca {
    /// Starts it on a free port, and waits until it accepts connections.
    pub(crate) async fn start(config: &Path, log: &Path) -> Result<Self> {
        let program = std::env::current_exe().context("this program's own file is not known")?;
        let log = OpenOptions::new().append(true).open(log).with_context(|| log.display().to_string())?;
        let child = Command::new(program)
            .arg(ROLE)
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        let mut child = child.context("the RA/CA cannot be started")?;
        let stdout = child.stdout.take().context("the RA/CA has no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await?;
        let Ok(address) = line.trim().parse() else {
            bail!("the RA/CA ended before it accepted connections; the log says why");
        };
        Ok(Self { child, address })
    }

    /// kill -9: nothing of what it was doing is finished.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("the RA/CA cannot be killed")
    }

    /// Lets it end what it is doing.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let ended = self.child.wait().await?;
        if !ended.success() {
            bail!("the RA/CA ended badly ({ended}); the log says why");
        }
        Ok(())
    }
}

/// `raca serve` until stdin ends: it does, whatever becomes of the process that holds the other end.
pub(crate) async fn serve(config: PathBuf) -> Result<()> {
    let ready = |url: &str| {
        let address = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
        println!("{address}");
    };
    let (ended, stop) = oneshot::channel();
    // The reactor would wait for a thread of its own.
    std::thread::spawn(move || {
        // An error is an end, too.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    });
    let stop = async {
        let _ = stop.await;
    };
    ra_server::serve(&config, Some("127.0.0.1:0"), ready, stop).await
}
