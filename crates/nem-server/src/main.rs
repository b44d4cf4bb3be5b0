//! The command line of `nem`.

mod by_hand_commands;
mod operator;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use crypto_aws_lc::KeyType;
use host::KeySignature;
use nem_server::{ExportFormat, Imported, InitOptions, Initialised};
use serde_json::json;
use tracing::level_filters::LevelFilter;

const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed, 2 wrong usage. Log lines go to stderr, results to stdout.";

/// A Network Element Manager: enrols base stations for operator certificates.
#[derive(Parser)]
#[command(name = "nem", version, after_help = EXIT_CODES)]
struct Arguments {
    /// How much to log: off, error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    log: LevelFilter,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a NEM: keys, requests for their certificates, an inventory and a configuration
    #[command(
        after_help = "Example:\n  nem init --dir nem --upstream http://127.0.0.1:8829/.well-known/cmp \\\n    --ca ra/ca.pem --vendor-ca factory.pem --host nem.operator.example"
    )]
    Init {
        /// Where to write; nothing there is overwritten
        #[arg(long)]
        dir: PathBuf,
        /// The RA/CA's URL for CMP, as `raca serve` prints it
        #[arg(long, value_name = "URL")]
        upstream: String,
        /// A PEM file with the operator's CA certificate; may be repeated
        #[arg(long, value_name = "FILE")]
        ca: Vec<PathBuf>,
        /// A PEM file with a CA that certifies stations in the factory; may be repeated
        #[arg(long, value_name = "FILE")]
        vendor_ca: Vec<PathBuf>,
        /// A host name or IP address under which stations reach the NEM; may be repeated [default: localhost and
        /// 127.0.0.1]
        #[arg(long, value_name = "HOST")]
        host: Vec<String>,
        /// What the NEM is called: the CN of its certificates
        #[arg(long, default_value = "nem")]
        name: String,
        /// The kind of the NEM's keys: p256, p384, p521, rsa3072, rsa4096, ed25519, ml-dsa-44, ml-dsa-65 or ml-dsa-87
        #[arg(long, default_value = "p256", value_parser = strong_key_type)]
        alg: KeyType,
        /// What an RSA key signs CMP messages with: pkcs1-sha256, pkcs1-sha384, pkcs1-sha512, pss-sha256, pss-sha384 or pss-sha512
        #[arg(long, value_name = "SCHEME")]
        signature: Option<KeySignature>,
        /// Use this key of a token to sign CMP messages, a PKCS #11 URI, instead of a new one in a file
        #[arg(long, value_name = "URI")]
        cmp_key: Option<String>,
        /// Use this key of a token for TLS, a PKCS #11 URI, instead of a new one in a file
        #[arg(long, value_name = "URI")]
        tls_key: Option<String>,
        /// Where the passphrase that encrypts new keys, and the token's PIN, come from: file:PATH, env:NAME or prompt
        #[arg(long, value_name = "SOURCE")]
        key_passphrase: Option<String>,
        /// Print what was written as JSON
        #[arg(long)]
        json: bool,
    },
    /// Serve stations until SIGTERM or SIGINT; prints `listening on URL` once connections are accepted
    #[command(after_help = "Example:\n  nem serve --config nem/nem.toml --listen 0.0.0.0:8443")]
    Serve {
        /// The configuration, as `nem init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Where to listen instead of where the configuration says; port 0 picks a free one
        #[arg(long, value_name = "HOST:PORT")]
        listen: Option<String>,
    },
    /// Show the requests, newest first, also while `nem serve` runs
    #[command(after_help = "Example:\n  nem requests --config nem/nem.toml --limit 20")]
    Requests {
        /// The configuration, as `nem init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// How many to show
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show the stations and how their latest requests stand, also while `nem serve` runs; import and export them
    #[command(
        after_help = "Example:\n  nem stations --config nem/nem.toml --json",
        subcommand_negates_reqs = true,
        args_conflicts_with_subcommands = true
    )]
    Stations {
        #[command(subcommand)]
        command: Option<StationsCommand>,
        /// The configuration, as `nem init` writes it
        #[arg(long, value_name = "FILE", required = true)]
        config: Option<PathBuf>,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    #[command(flatten)]
    Operator(operator::Command),
    #[command(flatten)]
    ByHand(by_hand_commands::Command),
    /// Look after the audit log, also while `nem serve` runs
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Hash the password of a station's account, for `password_hash` in the inventory
    #[command(after_help = "Example:\n  nem hash-password --password file:enb17.password")]
    HashPassword {
        /// Where the password comes from: file:PATH, env:NAME or prompt
        #[arg(long, value_name = "SOURCE", default_value = "prompt")]
        password: String,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Verify its chain; a broken one is told with its line and exit code 1
    #[command(after_help = "Example:\n  nem audit verify --config nem/nem.toml")]
    Verify {
        /// The configuration, as `nem init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print the account as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum StationsCommand {
    /// Take stations from a CSV, JSON or TOML file into the inventory; those it knows by name are replaced
    #[command(after_help = "Example:\n  nem stations import --config nem/nem.toml fleet.csv")]
    Import {
        /// The configuration, as `nem init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Remove every station that is not in the file
        #[arg(long)]
        only_these: bool,
        /// Print the counts as JSON
        #[arg(long)]
        json: bool,
        /// The stations: NAME.csv with a line of column names, NAME.json with a list, or NAME.toml
        file: PathBuf,
    },
    /// Write the inventory to stdout, password hashes included
    #[command(
        after_help = "Example:\n  nem stations export --config nem/nem.toml --format json > fleet.json"
    )]
    Export {
        /// The configuration, as `nem init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// csv or json
        #[arg(long, default_value = "csv")]
        format: ExportFormat,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    host::log_to_stderr(arguments.log);
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nem: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Init {
            dir,
            upstream,
            ca,
            vendor_ca,
            host,
            name,
            alg,
            signature,
            cmp_key,
            tls_key,
            key_passphrase,
            json,
        } => {
            let mut options = InitOptions::new(dir, upstream);
            options.operator_cas = ca;
            options.vendor_cas = vendor_ca;
            options.name = name;
            options.alg = alg;
            options.signature = signature;
            options.cmp_key = parsed("--cmp-key", cmp_key);
            options.tls_key = parsed("--tls-key", tls_key);
            options.key_passphrase = parsed("--key-passphrase", key_passphrase);
            if !host.is_empty() {
                options.hosts = host;
            }
            let written = nem_server::init(&options)?;
            print(&if json { as_json(&written) } else { for_people(&written) })
        }
        Command::Serve { config, listen } => {
            host::use_one_heap();
            let runtime = tokio::runtime::Runtime::new().context("the reactor cannot be started")?;
            let served = runtime.block_on(async {
                let shutdown = host::stop_signal()?;
                let ready = |url: &str| {
                    // Nobody may be reading; the server serves all the same.
                    let _ = print(&format!("listening on {url}"));
                };
                nem_server::serve(&config, listen.as_deref(), ready, shutdown).await
            });
            // What is still at the RA/CA is in the ledger, and is sent again after the next start.
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
            served
        }
        Command::Requests { config, limit, json } => {
            let entries = nem_server::requests(&config, limit)?;
            if json {
                print(&serde_json::to_string_pretty(&entries)?)
            } else {
                print(nem_server::requests_table(&entries).trim_end())
            }
        }
        Command::ByHand(command) => by_hand_commands::run(command),
        Command::Operator(command) => print(operator::run(command)?.trim_end()),
        Command::Audit { command: AuditCommand::Verify { config, json } } => {
            let account = nem_server::verify_audit(&config)?;
            print(&if json { serde_json::to_string_pretty(&account)? } else { account.text() })
        }
        Command::HashPassword { password } => {
            let source = parsed("--password", Some(password)).context("--password is missing")?;
            print(&nem_server::hash_password(&source)?)
        }
        Command::Stations { command: Some(command), .. } => transfer_stations(command),
        Command::Stations { command: None, config, json } => {
            let entries = nem_server::stations(&config.context("--config is missing")?)?;
            if json {
                print(&serde_json::to_string_pretty(&entries)?)
            } else {
                print(nem_server::stations_table(&entries).trim_end())
            }
        }
    }
}

fn transfer_stations(command: StationsCommand) -> Result<()> {
    match command {
        StationsCommand::Import { config, only_these, json, file } => {
            let counts = nem_server::import(&config, &file, only_these)?;
            let Imported { added, replaced, removed, .. } = counts;
            print(&if json {
                json!({ "added": added, "replaced": replaced, "removed": removed }).to_string()
            } else {
                format!("{added} added, {replaced} replaced, {removed} removed")
            })
        }
        StationsCommand::Export { config, format } => print(nem_server::export(&config, format)?.trim_end()),
    }
}

fn as_json(written: &Initialised) -> String {
    json!({
        "config": written.config,
        "stations": written.stations,
        "cmp_csr": written.cmp_csr,
        "cmp_certificate": written.cmp_certificate,
        "tls_csr": written.tls_csr,
        "tls_certificate": written.tls_certificate,
        "missing_operator_ca": written.missing_operator_ca,
    })
    .to_string()
}

fn for_people(written: &Initialised) -> String {
    let (config, stations) = (written.config.display(), written.stations.display());
    let missing = written.missing_operator_ca.as_ref().map_or_else(String::new, |path| {
        format!("  copy the operator's CA certificate to {}\n", path.display())
    });
    format!(
        "configuration: {config}\nnext:\n{missing}  let the operator's CA issue the NEM's two certificates, for instance:\n\
         \x20   raca issue --config raca.toml --profile ra --csr {} --out {}\n\
         \x20   raca issue --config raca.toml --profile tls-server --csr {} --out {}\n\
         \x20 enter the stations in {stations}\n\
         \x20 nem serve --config {config}",
        written.cmp_csr.display(),
        written.cmp_certificate.display(),
        written.tls_csr.display(),
        written.tls_certificate.display(),
    )
}

fn print(text: &str) -> Result<()> {
    Ok(host::print(text)?)
}

/// What clap cannot parse it shows, and here that may be a PIN or a passphrase.
fn parsed<T: FromStr<Err: Display>>(option: &str, text: Option<String>) -> Option<T> {
    let parse = |text: String| {
        text.parse().unwrap_or_else(|reason| {
            let reason = format!("{option}: {reason}");
            Arguments::command().error(ErrorKind::ValueValidation, reason).exit()
        })
    };
    text.map(parse)
}

/// RSA with 2048 bits is too weak for a NEM.
fn strong_key_type(name: &str) -> Result<KeyType, String> {
    match name.parse() {
        Ok(KeyType::Rsa2048) => Err("rsa2048 is too weak here; choose rsa3072".to_owned()),
        parsed => parsed.map_err(|error: crypto_aws_lc::KeyFileError| error.to_string()),
    }
}
