//! The command line of `enb`.

mod cmp_command;

use std::fmt::Display;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use cmp_command::CmpCommand;
use crypto_aws_lc::KeyType;
use enb::{EnrolOptions, Enrolled, Error, Identity, Progress};
use host::{KeySignature, KeySource, Names, PassphraseSource, parse_host_name, parse_name};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;
use x509_cert::name::Name;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the NEM or the RA/CA, 4 out of time, \
                          130 and 143 stopped by SIGINT and SIGTERM. Log lines go to stderr, results to stdout.";

/// A base station's side of enrolment: keys, requests, certificates through a Network Element Manager (NEM).
#[derive(Parser)]
#[command(name = "enb", version, after_help = EXIT_CODES)]
struct Arguments {
    /// How much to log: off, error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    log: LevelFilter,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a private key in a new file that only its owner may read
    #[command(after_help = concat!("Example:\n  enb keygen --out key.pem --alg p384"))]
    Keygen {
        /// Where to write the key (PKCS #8, PEM); nothing is overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        kind: KeyKind,
        #[command(flatten)]
        passphrase: KeyPassphrase,
        /// Print what was written as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a certification request (PKCS #10)
    #[command(
        after_help = "Example:\n  enb csr --key key.pem --subject CN=enb0001.operator.example,O=Operator \
                      --dns enb0001.operator.example --ip 192.0.2.1 --out csr.pem"
    )]
    Csr {
        /// The private key (PEM), readable by its owner only, or its PKCS #11 URI
        #[arg(long, value_name = "KEY")]
        key: String,
        #[command(flatten)]
        passphrase: KeyPassphrase,
        #[command(flatten)]
        signature: Signature,
        /// The name to be certified (RFC 4514)
        #[arg(long, value_name = "DN", value_parser = parse_name)]
        subject: Name,
        #[command(flatten)]
        alternative_names: AlternativeNames,
        /// Where to write the request (PEM); nothing is overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Print what was written as JSON
        #[arg(long)]
        json: bool,
    },
    /// Get a certificate of the operator through a NEM, or renew it
    #[command(
        after_help = "Examples:\n  enb enrol --nem https://nem.operator.example:8443 --cert vendor.pem --key vendor.key \
                      --ca nem-ca.pem --subject CN=enb0001.operator.example,O=Operator --out enb0001\n  \
                      enb enrol --renew --nem https://nem.operator.example:8443 --ca nem-ca.pem --out enb0001\n\n\
                      A run that was stopped at any point goes on when the same command is given again.\n\
                      Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the NEM, 4 out of time."
    )]
    Enrol(Box<EnrolArguments>),
    /// Speak CMP with the RA/CA directly (RFC 9483, TS 33.310), without a NEM
    #[command(subcommand)]
    Cmp(CmpCommand),
    /// Show what a CSR, CRMF or CMP message says, in the RFCs' own words
    #[command(
        after_help = "Examples:\n  enb inspect csr.pem\n  enb inspect --json message.der\n  curl ... | enb inspect -\n\n\
                      PEM, DER and base64 are told apart, and so are CertificationRequest (RFC 2986), CertReqMessages \
                      (RFC 4211) and PKIMessage (RFC 9810)."
    )]
    Inspect {
        /// The file; - is stdin
        file: PathBuf,
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct KeyKind {
    /// The kind of key: p256, p384, p521, rsa2048, rsa3072, rsa4096, ed25519, ml-dsa-44, ml-dsa-65 or ml-dsa-87
    #[arg(long, value_name = "KIND", default_value = "p256", value_parser = |name: &str| name.parse::<KeyType>())]
    alg: KeyType,
}

#[derive(Args)]
struct Signature {
    /// What an RSA key signs with: pkcs1-sha256 (the default), pkcs1-sha384, pkcs1-sha512, pss-sha256, pss-sha384 or pss-sha512
    #[arg(long, value_name = "SCHEME")]
    signature: Option<KeySignature>,
}

#[derive(Args)]
struct KeyPassphrase {
    /// Where the passphrase of the key, or its token's PIN, comes from: file:PATH, env:NAME or prompt
    #[arg(long, value_name = "SOURCE")]
    key_passphrase: Option<String>,
}

impl KeyPassphrase {
    fn source(self) -> Option<PassphraseSource> {
        self.key_passphrase.map(|text| parsed("--key-passphrase", &text))
    }
}

#[derive(Args)]
struct AlternativeNames {
    /// A host name for subjectAltName; may be repeated
    #[arg(long, value_name = "NAME", value_parser = parse_host_name)]
    dns: Vec<String>,
    /// An IP address for subjectAltName; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    ip: Vec<IpAddr>,
}

#[derive(Args)]
struct EnrolArguments {
    /// The NEM, such as https://nem.operator.example:8443
    #[arg(long, value_name = "URL")]
    nem: String,
    /// The CA that certifies the NEM's TLS server (PEM)
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// The vendor's certificate, and what lies between it and the vendor's root (PEM)
    #[arg(long, value_name = "FILE", required_unless_present = "renew", conflicts_with = "renew")]
    cert: Option<PathBuf>,
    /// The private key of the vendor's certificate (PEM), readable by its owner only, or its PKCS #11 URI
    #[arg(long, value_name = "KEY", required_unless_present = "renew", conflicts_with = "renew")]
    key: Option<String>,
    #[command(flatten)]
    passphrase: KeyPassphrase,
    /// Where the passphrase of key.pem in DIR comes from, as with --key-passphrase; a new key is encrypted with it
    #[arg(long, value_name = "SOURCE")]
    own_key_passphrase: Option<String>,
    /// The name to be certified (RFC 4514), as the operator's inventory has it
    #[arg(long, value_name = "DN", value_parser = parse_name, required_unless_present = "renew", conflicts_with = "renew")]
    subject: Option<Name>,
    #[command(flatten)]
    alternative_names: AlternativeNames,
    /// The directory for key.pem, cert.pem and chain.pem; a key that is there is used
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    kind: KeyKind,
    #[command(flatten)]
    signature: Signature,
    /// The operator's trust anchors (PEM); without them the CA certificates that the NEM hands out over TLS are believed
    #[arg(long, value_name = "FILE")]
    operator_ca: Option<PathBuf>,
    /// Renew the certificate in DIR, shown in TLS instead of the vendor's; names and key stay
    #[arg(long, conflicts_with_all = ["dns", "ip", "alg", "key_passphrase"])]
    renew: bool,
    /// After how many seconds to give up
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    timeout: u64,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    host::log_to_stderr(arguments.log);
    match run(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("enb: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Keygen { out, kind, passphrase, json } => {
            enb::keygen(&out, kind.alg, passphrase.source().as_ref())?;
            let (key, alg) = (out.display().to_string(), kind.alg.to_string());
            print(&if json {
                json!({ "key": key, "alg": alg }).to_string()
            } else {
                format!("private key: {key} ({alg})")
            })
        }
        Command::Csr { key, passphrase, signature, subject, alternative_names, out, json } => {
            let key = KeySource::new(parsed("--key", &key), passphrase.source())
                .with_signature(signature.signature);
            enb::write_request(&key, &names(subject, alternative_names), &out)?;
            let out = out.display().to_string();
            print(&if json { json!({ "request": out }).to_string() } else { format!("request: {out}") })
        }
        Command::Enrol(arguments) => enrol(*arguments),
        Command::Cmp(command) => cmp_command::run(command),
        Command::Inspect { file, json } => {
            let inspection = enb::inspect_file(&file)?;
            if json {
                print(&format!("{:#}", json!(inspection)))
            } else {
                print(inspection.to_string().trim_end())
            }
        }
    }
}

/// What clap cannot parse it shows, and here that may be a PIN or a passphrase.
fn parsed<T: FromStr<Err: Display>>(option: &str, text: &str) -> T {
    text.parse().unwrap_or_else(|reason| {
        Arguments::command().error(ErrorKind::ValueValidation, format!("{option}: {reason}")).exit()
    })
}

fn names(subject: Name, alternative_names: AlternativeNames) -> Names {
    let mut names = Names::new(subject);
    names.dns = alternative_names.dns;
    names.ip = alternative_names.ip;
    names
}

fn enrol(arguments: EnrolArguments) -> Result<ExitCode, Error> {
    let own_key_passphrase =
        arguments.own_key_passphrase.as_deref().map(|text| parsed("--own-key-passphrase", text));
    let identity = match (arguments.cert, arguments.key, arguments.subject) {
        (Some(certificate), Some(key), Some(subject)) => {
            let key = KeySource::new(parsed("--key", &key), arguments.passphrase.source());
            Identity::Vendor { certificate, key, names: names(subject, arguments.alternative_names) }
        }
        // clap demands all three unless there is --renew.
        _ => Identity::Operator,
    };
    let mut options = EnrolOptions::new(arguments.nem, arguments.ca, identity, arguments.out);
    options.operator_ca = arguments.operator_ca;
    options.key_type = arguments.kind.alg;
    options.signature = arguments.signature.signature;
    options.key_passphrase = own_key_passphrase;
    options.timeout = Duration::from_secs(arguments.timeout);

    to_the_end(async |progress| show(&enb::enrol(&options, progress).await?, arguments.json))
}

/// Does what takes its time, and tells of its progress, unless a signal ends it.
fn to_the_end(
    work: impl AsyncFnOnce(&(dyn Fn(Progress) + Send + Sync)) -> Result<ExitCode, Error>,
) -> Result<ExitCode, Error> {
    let begun = Instant::now();
    let progress = move |progress: Progress| {
        let seconds = begun.elapsed().as_secs();
        match progress {
            Progress::Retrying { .. } => tracing::warn!(seconds, "{progress}"),
            _ => tracing::info!(seconds, "{progress}"),
        }
    };
    let reactor = |error| host::Error::File { path: PathBuf::from("(reactor)"), error };
    let runtime = tokio::runtime::Runtime::new().map_err(reactor)?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(reactor)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(reactor)?;
        let stopped = |code: u8| {
            eprintln!("enb: stopped; nothing is lost, the same command goes on where this one stopped");
            Ok(ExitCode::from(code))
        };
        tokio::select! {
            ended = work(&progress) => ended,
            _ = interrupt.recv() => stopped(130),
            _ = terminate.recv() => stopped(143),
        }
    })
}

fn show(enrolled: &Enrolled, json: bool) -> Result<ExitCode, Error> {
    let path = |path: &PathBuf| path.display().to_string();
    let (key, certificate, chain) =
        (path(&enrolled.key_path), path(&enrolled.certificate_path), path(&enrolled.chain_path));
    let (subject, serial_number) = (&enrolled.subject, &enrolled.serial_number);
    let (not_before, not_after) = (enrolled.not_before.to_string(), enrolled.not_after.to_string());
    if json {
        print(&format!(
            "{:#}",
            json!({
                "subject": subject, "serialNumber": serial_number, "notBefore": not_before, "notAfter": not_after,
                "key": key, "certificate": certificate, "chain": chain,
            })
        ))
    } else {
        print(&format!(
            "subject:      {subject}\nserialNumber: {serial_number}\nvalid:        {not_before} to {not_after}\n\
             certificate:  {certificate}\nchain:        {chain}\nprivate key:  {key}"
        ))
    }
}

fn print(text: &str) -> Result<ExitCode, Error> {
    host::print(text)?;
    Ok(ExitCode::SUCCESS)
}
