//! The NEM, in this process, and what it says of itself.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use host::files::write_new;
use indicatif::ProgressBar;
use nem_server::by_hand::{ExportOptions, ExportReport, ImportReport};
use nem_server::{BatchEntry, Initialised, Status};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::blocking;

/// How often it is asked how it does.
const PAUSE: Duration = Duration::from_millis(50);
/// For everything that a stage waits for; a larger fleet takes longer elsewhere.
const TIME_LIMIT: Duration = Duration::from_secs(90);

/// What differs from what `nem init` writes. Stations are told to come back sooner, as nobody wants to watch them wait; all of them
/// come from one address; and an outage is one at once.
const SETTINGS: [(&str, &str); 4] = [
    ("hold_seconds = 5 ", "hold_seconds = 1 "),
    ("retry_after_seconds = 5 ", "retry_after_seconds = 1 "),
    ("max_connections_per_address = 64 ", "max_connections_per_address = 1024 "),
    ("\n[intake]", "\n[by_hand]\noutage_after_seconds = 1\npoll_seconds = 1\n\n[intake]"),
];

pub(crate) struct Nem {
    pub(crate) files: Initialised,
    pub(crate) url: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Nem {
    /// Makes a NEM whose certificates that RA/CA issues. Blocks.
    pub(crate) fn init(
        directory: &Path,
        raca: (&str, &ra_server::Initialised),
        vendor_ca: &Path,
        inventory: &str,
    ) -> Result<Initialised> {
        let (url, raca) = raca;
        let mut options = nem_server::InitOptions::new(directory, url);
        options.operator_cas = vec![raca.ca_certificate.clone()];
        options.vendor_cas = vec![vendor_ca.to_owned()];
        let nem = nem_server::init(&options)?;
        for (profile, csr, certificate) in
            [("ra", &nem.cmp_csr, &nem.cmp_certificate), ("tls-server", &nem.tls_csr, &nem.tls_certificate)]
        {
            write_new(certificate, &ra_server::issue(&raca.config, &fs::read(csr)?, profile)?)?;
        }
        OpenOptions::new().append(true).open(&nem.stations)?.write_all(inventory.as_bytes())?;
        let mut text = fs::read_to_string(&nem.config)?;
        for (from, to) in SETTINGS {
            if !text.contains(from) {
                bail!("{}: does not say {from:?}", nem.config.display());
            }
            text = text.replacen(from, to, 1);
        }
        fs::write(&nem.config, text)?;
        Ok(nem)
    }

    /// Starts it, and waits until it accepts connections.
    pub(crate) async fn start(files: Initialised) -> Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (sender, url) = oneshot::channel();
        let ready = move |url: &str| {
            // Whoever waits for it is gone only when the demo is over.
            let _ = sender.send(url.to_owned());
        };
        let config = files.config.clone();
        let task = tokio::spawn(async move {
            let stopped = async {
                // A sender that is gone stops the server as well.
                let _ = stopped.await;
            };
            nem_server::serve(&config, Some("127.0.0.1:0"), ready, stopped).await
        });
        match url.await {
            Ok(url) => Ok(Self { files, url, stop, task }),
            Err(_) => {
                task.await.context("nem serve")??;
                bail!("nem serve ended before it accepted connections")
            }
        }
    }

    pub(crate) async fn stop(self) -> Result<()> {
        // It may have ended by itself.
        let _ = self.stop.send(());
        self.task.await.context("nem serve ended badly")?
    }

    pub(crate) async fn status(&self) -> Result<Status> {
        self.ask(nem_server::status).await
    }

    pub(crate) async fn batches(&self) -> Result<Vec<BatchEntry>> {
        self.ask(nem_server::batches).await
    }

    /// Waits until it does so; the bar shows what it does meanwhile.
    pub(crate) async fn until(
        &self,
        what: &str,
        bar: &ProgressBar,
        mut fits: impl FnMut(&Status, &ProgressBar) -> bool,
    ) -> Result<Status> {
        let began = Instant::now();
        loop {
            let status = self.status().await?;
            if fits(&status, bar) {
                return Ok(status);
            }
            if began.elapsed() > TIME_LIMIT {
                bail!("{what}: not within {} s", TIME_LIMIT.as_secs());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// `nem export`.
    pub(crate) async fn export(&self, out: PathBuf) -> Result<ExportReport> {
        let mut attempts = 5;
        loop {
            let options = ExportOptions::new(out.clone());
            let exported =
                self.ask(move |config| nem_server::by_hand::export_requests(config, &options)).await;
            attempts -= 1;
            match exported {
                Ok(report) => return Ok(report),
                // The only request there is may be the one by which the NEM sees whether the RA/CA is back.
                Err(_) if attempts > 0 => tokio::time::sleep(4 * PAUSE).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// `nem import`.
    pub(crate) async fn import(&self, answer: PathBuf) -> Result<ImportReport> {
        self.ask(move |config| nem_server::by_hand::import_answers(config, &answer, true)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        command: impl FnOnce(&Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let config = self.files.config.clone();
        blocking(move || command(&config)).await
    }
}

/// How many requests it has that are not decided.
pub(crate) fn under_way(status: &Status) -> usize {
    status.requests.values().sum()
}
