//! `cargo demo`: the main job on one machine, with the real programs' code.

mod factory;
mod fleet;
mod show;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use clap::Parser;
use host::files::{read_certificates, write_new};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use factory::Factory;
use fleet::Row;
use show::Show;

/// Makes a factory CA, vendor certificates, an RA/CA and a NEM on loopback, and enrols a fleet of base stations over
/// mutual TLS.
#[derive(Parser)]
#[command(
    name = "demo",
    version,
    after_help = "Example:\n  cargo demo -- --stations 100 --dir /tmp/fleet\n\n\
                  Exit codes: 0 every certificate verifies and matches its station's key, 1 failed, 2 wrong usage."
)]
struct Arguments {
    /// How many stations to enrol
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    stations: u16,
    /// Where to write everything: a new or empty directory [default: a new temporary one]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let directory = directory(arguments.dir.as_deref())?;
    log_to(&directory.join("demo.log"))?;
    let runtime = tokio::runtime::Runtime::new().context("the reactor cannot be started")?;
    runtime.block_on(async {
        let stopped = host::stop_signal()?;
        tokio::select! {
            outcome = demonstrate(arguments, &directory) => outcome,
            () = stopped => bail!("stopped; the files so far lie in {}", directory.display()),
        }
    })
}

/// A directory with nothing in it.
fn directory(given: Option<&Path>) -> Result<PathBuf> {
    let Some(path) = given else {
        let made = tempfile::Builder::new().prefix("cellcert-demo-").tempdir();
        return Ok(made.context("no temporary directory can be made; choose one with --dir")?.keep());
    };
    fs::create_dir_all(path).with_context(|| format!("{}: cannot be created", path.display()))?;
    if fs::read_dir(path).with_context(|| path.display().to_string())?.next().is_some() {
        bail!("{}: is not empty, and nothing is overwritten; choose another directory", path.display());
    }
    path.canonicalize().with_context(|| path.display().to_string())
}

/// The programs log as ever; on the screen it would tear up what is shown.
fn log_to(path: &Path) -> Result<()> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    let file: File = file.with_context(|| format!("{}: cannot be written", path.display()))?;
    tracing_subscriber::fmt().with_ansi(false).with_writer(Mutex::new(file)).init();
    Ok(())
}

async fn demonstrate(arguments: &Arguments, directory: &Path) -> Result<()> {
    let show = Show::new(!arguments.json);
    let count = usize::from(arguments.stations);

    let bar = show.bar("factory", count, "vendor certificates");
    let fleet_directory = directory.join("stations");
    let (factory, stations) = blocking({
        let (directory, bar) = (directory.join("factory"), bar.clone());
        move || {
            let factory = Factory::open(&directory)?;
            let stations = fleet::make(count, &fleet_directory, &factory, &bar)?;
            Ok((factory, stations))
        }
    })
    .await?;
    show.done(&bar, &format!("CA and {count} vendor certificates"));

    let (stop, stopped) = watch::channel(());
    let mut options = ra_server::InitOptions::new(directory.join("raca"));
    options.vendor_cas = vec![factory.certificate.clone()];
    options.subject = "CN=Operator CA,O=Operator".to_owned();
    let raca = blocking(move || ra_server::init(&options)).await?;
    let (cmp_url, raca_task) = started("raca serve", stopped.clone(), {
        let config = raca.config.clone();
        move |ready, stop| async move { ra_server::serve(&config, Some("127.0.0.1:0"), ready, stop).await }
    })
    .await?;
    show.line("RA/CA", &cmp_url);

    let mut options = nem_server::InitOptions::new(directory.join("nem"), &cmp_url);
    options.operator_cas = vec![raca.ca_certificate.clone()];
    options.vendor_cas = vec![factory.certificate.clone()];
    let inventory: String = stations.iter().map(fleet::Station::inventory_entry).collect();
    let raca_config = raca.config.clone();
    let nem = blocking(move || {
        let nem = nem_server::init(&options)?;
        for (profile, csr, certificate) in
            [("ra", &nem.cmp_csr, &nem.cmp_certificate), ("tls-server", &nem.tls_csr, &nem.tls_certificate)]
        {
            write_new(certificate, &ra_server::issue(&raca_config, &fs::read(csr)?, profile)?)?;
        }
        OpenOptions::new().append(true).open(&nem.stations)?.write_all(inventory.as_bytes())?;
        Ok(nem)
    })
    .await?;
    let (nem_url, nem_task) = started("nem serve", stopped, {
        let config = nem.config.clone();
        move |ready, stop| async move { nem_server::serve(&config, Some("127.0.0.1:0"), ready, stop).await }
    })
    .await?;
    show.line("NEM", &nem_url);

    let bar = show.bar("fleet", count, "enrolled");
    let outcomes = fleet::enrol(Arc::new(stations), &nem_url, &raca.ca_certificate, &bar).await;
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    show.done(&bar, &format!("{} of {count} stations enrolled", count - failed));

    let config = nem.config.clone();
    let batches = blocking(move || nem_server::batches(&config)).await?;
    show.batches(&batches);

    let rows = settle(&raca, outcomes).await?;
    stop.send_replace(());
    for server in [nem_task, raca_task] {
        server.await.context("a server ended badly")??;
    }
    show.result(&rows, directory, &raca.config, &nem.config)
}

/// Checks every certificate, and that the RA/CA issued none beside them.
async fn settle(raca: &ra_server::Initialised, outcomes: Vec<Result<Row>>) -> Result<Vec<Row>> {
    let (config, anchor) = (raca.config.clone(), raca.ca_certificate.clone());
    blocking(move || {
        let rows: Vec<Row> = outcomes.into_iter().collect::<Result<_>>()?;
        let anchors = read_certificates(&anchor)?;
        rows.iter().try_for_each(|row| fleet::verify(row, &anchors))?;
        let issued = ra_server::list(&config)?;
        let issued = issued.iter().filter(|entry| entry.profile == "ne" && entry.status == "valid").count();
        if issued != rows.len() {
            bail!("{} stations have certificates, but the RA/CA issued {issued}", rows.len());
        }
        Ok(rows)
    })
    .await
}

/// Starts a server and waits until it accepts connections. Returns its URL.
async fn started<F>(
    name: &'static str,
    mut stopped: watch::Receiver<()>,
    serve: impl FnOnce(Box<dyn FnOnce(&str) + Send>, std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) -> F,
) -> Result<(String, JoinHandle<Result<()>>)>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (sender, url) = oneshot::channel();
    let ready = Box::new(move |url: &str| {
        // Whoever waits for it is gone only when the demo is over.
        let _ = sender.send(url.to_owned());
    });
    let stop = Box::pin(async move {
        // A sender that is gone stops the server as well.
        let _ = stopped.changed().await;
    });
    let task = tokio::spawn(serve(ready, stop));
    match url.await {
        Ok(url) => Ok((url, task)),
        Err(_) => {
            task.await.with_context(|| name)?.context(name)?;
            bail!("{name}: ended before it accepted connections")
        }
    }
}

/// Keys, signatures and files take their time, and others run on the reactor.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.context("a task ended badly")?
}
