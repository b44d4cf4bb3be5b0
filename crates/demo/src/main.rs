//! `cargo demo`: the main job on one machine, with the real programs' code.

mod account;
mod factory;
mod fleet;
mod link;
mod nem;
mod raca;
mod show;
mod story;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use clap::{CommandFactory, Parser};

use show::Show;

/// Makes a factory CA, vendor certificates, an RA/CA and a NEM on loopback, and enrols a fleet of base stations over mutual TLS.
///
/// Midway the RA/CA is killed. The requests that wait are carried to it in a file, signed, and carried back; then it is started again,
/// and what is left goes online, as renewals do. In the end the RA/CA's registry is put against the stations' files: one certificate for
/// each enrolment and each renewal, no other.
#[derive(Parser)]
#[command(
    name = "demo",
    bin_name = "cargo demo --",
    version,
    after_help = "Example:\n  cargo demo -- --stations 100 --dir /tmp/fleet\n\n\
                  Exit codes: 0 each station holds its latest certificate, and none else was issued, 1 failed, 2 wrong usage."
)]
struct Arguments {
    /// How many stations to enrol, 1 to 10000
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    stations: u16,
    /// Where to write everything: a new or empty directory [default: a new temporary one]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Print JSON instead of stages and a table
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == raca::ROLE) {
        return ended(serve_raca(words.next().map(PathBuf::from)));
    }
    // `cargo demo -- --stations 3` arrives with the two dashes, and `cargo demo --stations 3` without.
    let own = |(position, word): &(usize, OsString)| *position != 1 || word != "--";
    let words = std::env::args_os().enumerate().filter(own).map(|(_, word)| word);
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => return misused(&error),
    };
    ended(run(&arguments))
}

fn ended(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Says what is wrong, and what there is.
fn misused(error: &clap::Error) -> ExitCode {
    // Neither a terminal nor a pipe that is gone can be told so.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    eprintln!("\n{}", Arguments::command().render_help());
    ExitCode::from(2)
}

fn serve_raca(config: Option<PathBuf>) -> Result<()> {
    let config = config.context("no configuration is given")?;
    host::log_to_stderr(tracing::level_filters::LevelFilter::INFO);
    tokio::runtime::Runtime::new().context("the reactor cannot be started")?.block_on(raca::serve(config))
}

fn run(arguments: &Arguments) -> Result<()> {
    let directory = directory(arguments.dir.as_deref())?;
    let log = directory.join("demo.log");
    log_to(&log)?;
    let show = Show::new(!arguments.json);
    let runtime = tokio::runtime::Runtime::new().context("the reactor cannot be started")?;
    runtime.block_on(async {
        let stopped = host::stop_signal()?;
        tokio::select! {
            outcome = story::play(arguments.stations.into(), &directory, &log, &show) => match outcome {
                Ok(true) => Ok(()),
                Ok(false) => bail!("the account is not as it should be"),
                Err(error) => Err(error.context(format!("{} says more", log.display()))),
            },
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

/// Keys, signatures and files take their time, and others run on the reactor.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.context("a task ended badly")?
}
