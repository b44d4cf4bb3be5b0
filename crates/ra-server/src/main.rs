//! The command line of `raca`.

use std::fmt::Display;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use crypto::KemAlgorithm;
use crypto_aws_lc::KeyType;
use host::KeySignature;
use ra_server::{CertificateEntry, InitOptions, RolloverOptions, SignApproval, SignEntry, SignOptions};
use serde_json::json;
use tracing::level_filters::LevelFilter;

const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed, 2 wrong usage. Log lines go to stderr, results to stdout.";

/// An RA/CA that speaks CMP (RFC 9810, RFC 9483) over HTTP.
#[derive(Parser)]
#[command(name = "raca", version, after_help = EXIT_CODES)]
struct Arguments {
    /// How much to log: off, error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    log: LevelFilter,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a CA: keys, certificates, registry and configuration
    #[command(
        after_help = "Example:\n  raca init --dir ra --subject 'CN=Operator CA,O=Operator' --vendor-ca factory.pem"
    )]
    Init {
        /// Where to write; nothing there is overwritten
        #[arg(long)]
        dir: PathBuf,
        /// The CA's distinguished name (RFC 4514)
        #[arg(long, value_name = "DN", default_value = "CN=Operator CA")]
        subject: String,
        /// The kind of the CA's keys: p256, p384, p521, rsa3072, rsa4096, ed25519, ml-dsa-44, ml-dsa-65 or ml-dsa-87
        #[arg(long, default_value = "p256", value_parser = strong_key_type)]
        alg: KeyType,
        /// What RSA keys sign with: pkcs1-sha256, pkcs1-sha384, pkcs1-sha512, pss-sha256, pss-sha384 or pss-sha512
        #[arg(long, value_name = "SCHEME")]
        signature: Option<KeySignature>,
        /// A PEM file with a CA that certifies stations in the factory; may be repeated
        #[arg(long, value_name = "FILE")]
        vendor_ca: Vec<PathBuf>,
        /// Use this key of a token for the CA, a PKCS #11 URI, instead of a new one in a file
        #[arg(long, value_name = "URI")]
        ca_key: Option<String>,
        /// Use this key of a token to sign CMP messages, a PKCS #11 URI, instead of a new one in a file
        #[arg(long, value_name = "URI")]
        cmp_key: Option<String>,
        /// Where the passphrase that encrypts new keys, and the token's PIN, come from: file:PATH, env:NAME or prompt
        #[arg(long, value_name = "SOURCE")]
        key_passphrase: Option<String>,
        /// Print what was written as JSON
        #[arg(long)]
        json: bool,
    },
    /// Serve CMP until SIGTERM or SIGINT; prints `listening on URL` once connections are accepted
    #[command(after_help = "Example:\n  raca serve --config ra/raca.toml --listen 127.0.0.1:0")]
    Serve {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Where to listen instead of where the configuration says; port 0 picks a free one
        #[arg(long, value_name = "HOST:PORT")]
        listen: Option<String>,
    },
    /// Issue a certificate by hand, also while `raca serve` runs
    #[command(
        after_help = "Example:\n  raca issue --config ra/raca.toml --csr nem/cmp.csr --profile ra --out nem/cmp.pem"
    )]
    Issue {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The PKCS #10 request, PEM or DER
        #[arg(long, value_name = "FILE")]
        csr: PathBuf,
        /// What the certificate is for: ra (a NEM's CMP messages), tls-server, ne (a network element), or a profile of the configuration
        #[arg(long, value_name = "NAME")]
        profile: String,
        /// Where to write the certificate (PEM); nothing is overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Print what was written as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the certificates issued so far, oldest first, also while `raca serve` runs
    #[command(after_help = "Example:\n  raca list --config ra/raca.toml --json")]
    List {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show all that is known of one certificate, also while `raca serve` runs
    #[command(after_help = "Example:\n  raca show --config ra/raca.toml --serial 4B:F2:...:07")]
    Show {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Its serial number, as `raca list` shows it; the colons can be left out
        #[arg(long, value_name = "HEX")]
        serial: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a certificate and publish a CRL that says so, also while `raca serve` runs
    #[command(
        after_help = "Example:\n  raca revoke --config ra/raca.toml --serial 4B:F2:...:07 --reason keyCompromise"
    )]
    Revoke {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Its serial number, as `raca list` shows it; the colons can be left out
        #[arg(long, value_name = "HEX")]
        serial: String,
        /// Why, as RFC 5280 names it; certificateHold can be taken back, by removeFromCRL
        #[arg(long, default_value = "unspecified", value_parser = ca::REASONS.map(ca::reason_name))]
        reason: String,
        /// Print what is known of it now as JSON
        #[arg(long)]
        json: bool,
    },
    /// Sign and publish a new CRL, also while `raca serve` runs
    #[command(after_help = "Example:\n  raca crl --config ra/raca.toml --out ca.crl.pem")]
    Crl {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Where to write it as PEM, too; a file that is there is replaced
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Print it, and what it says, as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the requests that wait for approval, the oldest first, also while `raca serve` runs
    #[command(after_help = "Example:\n  raca pending --config ra/raca.toml --json")]
    Pending {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Approve a request that waits: its certificate is issued, also while `raca serve` runs
    #[command(
        after_help = "Example:\n  raca approve --config ra/raca.toml --transaction 8f14e45fceea167a5a36dedd4bea2543"
    )]
    Approve {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Its transactionID, as `raca pending` shows it
        #[arg(long, value_name = "HEX")]
        transaction: String,
        /// Print what is known of the certificate as JSON
        #[arg(long)]
        json: bool,
    },
    /// Reject a request that waits, also while `raca serve` runs
    #[command(
        after_help = "Example:\n  raca reject --config ra/raca.toml --transaction 8f14e45fceea167a5a36dedd4bea2543 --reason 'not one of ours'"
    )]
    Reject {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Its transactionID, as `raca pending` shows it
        #[arg(long, value_name = "HEX")]
        transaction: String,
        /// What its requester is told
        #[arg(long, value_name = "TEXT", default_value = "the operator rejected the request")]
        reason: String,
        /// Print what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Sign a file of requests that was carried here, while no `raca serve` runs: no network is needed
    #[command(
        after_help = "Example:\n  raca sign --config ra/raca.toml --in batch.pki --list\n  raca sign --config ra/raca.toml --in batch.pki --out answer.pki --yes"
    )]
    Sign {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The file: one PKIMessage in DER, usually a batch that a NEM exported and signed
        #[arg(long = "in", value_name = "FILE")]
        input: PathBuf,
        /// Where to write the answer; nothing is overwritten
        #[arg(long, value_name = "FILE", required_unless_present = "list")]
        out: Option<PathBuf>,
        /// Only list what is in the file; nothing is signed or written
        #[arg(long, conflicts_with_all = ["out", "yes"])]
        list: bool,
        /// Approve every request that can be granted, instead of asking for each: y, n, all or quit
        #[arg(long)]
        yes: bool,
        /// What requesters are told whose requests are answered with n
        #[arg(long, value_name = "TEXT", default_value = "the operator rejected the request")]
        reason: String,
        /// Print what became of each message as JSON
        #[arg(long)]
        json: bool,
    },
    /// Give the CA a new key and root certificate, also while `raca serve` runs
    #[command(after_help = "Example:\n  raca rollover --config ra/raca.toml --alg p384")]
    Rollover {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The kind of the new key, as in `raca init`; the same as before unless it is said
        #[arg(long, value_parser = strong_key_type)]
        alg: Option<KeyType>,
        /// What an RSA key signs with, as in `raca init`
        #[arg(long, value_name = "SCHEME")]
        signature: Option<KeySignature>,
        /// Use this key of a token, a PKCS #11 URI, instead of a new one in a file
        #[arg(long, value_name = "URI")]
        ca_key: Option<String>,
        /// Where the passphrase that encrypts the new key, or the token's PIN, comes from; as before unless it is said
        #[arg(long, value_name = "SOURCE")]
        key_passphrase: Option<String>,
        /// Print what was made as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make an ML-KEM key and its certificate for this CA's CMP messages, also while `raca serve` runs
    #[command(after_help = "Example:\n  raca kem-key --config ra/raca.toml --alg ml-kem-768")]
    KemKey {
        /// The configuration, as `raca init` writes it; both files are laid beside it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// ml-kem-512, ml-kem-768 or ml-kem-1024
        #[arg(long, default_value = "ml-kem-768", value_parser = kem_algorithm)]
        alg: KemAlgorithm,
        /// Where the passphrase that encrypts the key comes from: file:PATH, env:NAME or prompt
        #[arg(long, value_name = "SOURCE")]
        key_passphrase: Option<String>,
        /// Print what was made as JSON
        #[arg(long)]
        json: bool,
    },
    /// Renew the certificate that this CA signs its CMP messages with, also while `raca serve` runs; the key stays
    #[command(after_help = "Example:\n  raca renew-signer --config ra/raca.toml")]
    RenewSigner {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print what is known of it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Look after the audit log, also while `raca serve` runs
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Have the running `raca serve` read its configuration again, as SIGHUP does
    #[command(after_help = "Example:\n  raca reload --config ra/raca.toml")]
    Reload {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Verify its chain; a broken one is told with its line and exit code 1
    #[command(after_help = "Example:\n  raca audit verify --config ra/raca.toml")]
    Verify {
        /// The configuration, as `raca init` writes it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print the account as JSON
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    host::log_to_stderr(arguments.log);
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("raca: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Init { dir, subject, alg, signature, vendor_ca, ca_key, cmp_key, key_passphrase, json } => {
            let mut options = InitOptions::new(dir);
            options.subject = subject;
            options.alg = alg;
            options.signature = signature;
            options.vendor_cas = vendor_ca;
            options.ca_key = parsed("--ca-key", ca_key);
            options.cmp_key = parsed("--cmp-key", cmp_key);
            options.key_passphrase = parsed("--key-passphrase", key_passphrase);
            let written = ra_server::init(&options)?;
            let (config, ca) = (written.config.display(), written.ca_certificate.display());
            if json {
                print(&json!({ "config": config.to_string(), "ca_certificate": ca.to_string() }).to_string())
            } else {
                print(&format!(
                    "configuration: {config}\nCA certificate (the operator's trust anchor): {ca}\n\
                     next: raca serve --config {config}"
                ))
            }
        }
        Command::Serve { config, listen } => {
            host::use_one_heap();
            let runtime = tokio::runtime::Runtime::new().context("the reactor cannot be started")?;
            runtime.block_on(async {
                let shutdown = host::stop_signal()?;
                let ready = |url: &str| {
                    // Nobody may be reading; the server serves all the same.
                    let _ = print(&format!("listening on {url}"));
                };
                ra_server::serve(&config, listen.as_deref(), ready, shutdown).await
            })
        }
        Command::Issue { config, csr, profile, out, json } => {
            let request = fs::read(&csr).with_context(|| format!("{}: cannot be read", csr.display()))?;
            // Before anything is issued: a certificate that cannot be written is lost to its owner.
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&out)
                .with_context(|| format!("{}: cannot be created", out.display()))?;
            let issued =
                ra_server::issue(&config, &request, &profile).with_context(|| csr.display().to_string());
            let pem = issued.inspect_err(|_| {
                // The empty file was made a moment ago and would stand in the way of the next attempt.
                let _ = fs::remove_file(&out);
            })?;
            file.write_all(&pem).with_context(|| format!("{}: cannot be written", out.display()))?;
            let out = out.display().to_string();
            print(&if json {
                json!({ "certificate": out }).to_string()
            } else {
                format!("certificate: {out}")
            })
        }
        Command::List { config, json } => {
            let entries = ra_server::list(&config)?;
            if json {
                print(&serde_json::to_string_pretty(&entries)?)
            } else {
                print(ra_server::table(&entries).trim_end())
            }
        }
        Command::Show { config, serial, json } => print_entry(&ra_server::show(&config, &serial)?, json),
        Command::Revoke { config, serial, reason, json } => {
            print_entry(&ra_server::revoke(&config, &serial, &reason)?, json)
        }
        Command::Crl { config, out, json } => {
            let crl = ra_server::crl(&config)?;
            if let Some(out) = out {
                host::files::write_atomically(&out, crl.pem.as_bytes())?;
            }
            print(&if json { serde_json::to_string_pretty(&crl)? } else { crl.text() })
        }
        Command::Pending { config, json } => {
            let entries = ra_server::pending(&config)?;
            let text = if json {
                serde_json::to_string_pretty(&entries)?
            } else {
                ra_server::pending_table(&entries)
            };
            print(text.trim_end())
        }
        Command::Approve { config, transaction, json } => {
            print_entry(&ra_server::approve(&config, &transaction)?, json)
        }
        Command::Reject { config, transaction, reason, json } => {
            ra_server::reject(&config, &transaction, &reason)?;
            print(&if json {
                json!({ "rejected": transaction, "reason": reason }).to_string()
            } else {
                format!("rejected: {transaction}")
            })
        }
        Command::Sign { config, input, out, list, yes, reason, json } => {
            let mut options = SignOptions::new(input, out.unwrap_or_default());
            options.reason = reason;
            options.detailed = json;
            options.approval = match (list, yes) {
                (true, _) => SignApproval::List,
                (_, true) => SignApproval::All,
                _ => SignApproval::Ask,
            };
            let report = ra_server::sign(&config, &options, &mut |entry: &SignEntry| {
                if !json {
                    // Nobody may be reading; the file is signed all the same.
                    let _ = print(if list { entry.details() } else { entry.line() }.trim_end());
                }
            })?;
            print(&if json { serde_json::to_string_pretty(&report)? } else { report.text() })
        }
        Command::Rollover { config, alg, signature, ca_key, key_passphrase, json } => {
            let mut options = RolloverOptions::default();
            (options.alg, options.signature) = (alg, signature);
            options.ca_key = parsed("--ca-key", ca_key);
            options.key_passphrase = parsed("--key-passphrase", key_passphrase);
            let made = ra_server::rollover(&config, &options)?;
            print(&if json { serde_json::to_string_pretty(&made)? } else { made.text() })
        }
        Command::KemKey { config, alg, key_passphrase, json } => {
            let passphrase = parsed("--key-passphrase", key_passphrase);
            let lines = ra_server::kem_key(&config, alg, passphrase.as_ref())?;
            print(&if json {
                json!({ "configuration": lines }).to_string()
            } else {
                format!("next: these lines in {}, and `raca reload`\n{lines}", config.display())
            })
        }
        Command::RenewSigner { config, json } => print_entry(&ra_server::renew_signer(&config)?, json),
        Command::Audit { command: AuditCommand::Verify { config, json } } => {
            let account = ra_server::verify_audit(&config)?;
            print(&if json { serde_json::to_string_pretty(&account)? } else { account.text() })
        }
        Command::Reload { config } => {
            ra_server::reload(&config)?;
            print("the configuration was read again")
        }
    }
}

fn print_entry(entry: &CertificateEntry, json: bool) -> Result<()> {
    print(&if json { serde_json::to_string_pretty(entry)? } else { entry.text().trim_end().to_owned() })
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

/// RSA with 2048 bits is too weak for a CA.
fn strong_key_type(name: &str) -> Result<KeyType, String> {
    match name.parse() {
        Ok(KeyType::Rsa2048) => Err("rsa2048 is too weak here; choose rsa3072".to_owned()),
        parsed => parsed.map_err(|error: crypto_aws_lc::KeyFileError| error.to_string()),
    }
}

fn kem_algorithm(name: &str) -> Result<KemAlgorithm, String> {
    let named = |algorithm: &KemAlgorithm| algorithm.to_string().eq_ignore_ascii_case(name);
    KemAlgorithm::ALL
        .into_iter()
        .find(named)
        .ok_or_else(|| "choose ml-kem-512, ml-kem-768 or ml-kem-1024".to_owned())
}
