//! `nem init`.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use crypto_aws_lc::KeyType;
use host::files::{certificates_pem, read_certificates, request_pem, write_new};
use host::{
    InitKey, KeySignature, Names, PassphraseSource, TokenUri, certification_request, parse_host_name,
    parse_name,
};

/// What `nem init` is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InitOptions {
    /// Where everything is written; it is created when it is missing.
    pub dir: PathBuf,
    /// The RA/CA's URL for CMP.
    pub upstream: String,
    /// PEM files with the operator's CA certificates; they are copied.
    pub operator_cas: Vec<PathBuf>,
    /// PEM files with the vendors' CA certificates; they are copied.
    pub vendor_cas: Vec<PathBuf>,
    /// The names under which stations reach the NEM: host names or IP addresses.
    pub hosts: Vec<String>,
    /// What the NEM is called: the CN of its certificates.
    pub name: String,
    /// The kind of the NEM's keys.
    pub alg: KeyType,
    /// What the key of CMP messages signs with, if it is an RSA key and that is not PKCS #1 v1.5 with SHA-256.
    pub signature: Option<KeySignature>,
    /// Where `nem serve` listens, HOST:PORT.
    pub listen: String,
    /// The key that signs CMP messages, when it is in a token; otherwise one is made in a file.
    pub cmp_key: Option<TokenUri>,
    /// The key of the TLS server, when it is in a token; otherwise one is made in a file.
    pub tls_key: Option<TokenUri>,
    /// What encrypts the keys in files, and the PIN of tokens whose URIs name none.
    pub key_passphrase: Option<PassphraseSource>,
}

impl InitOptions {
    /// A NEM called `nem` with P-256 keys, reached as localhost on 127.0.0.1:8443.
    pub fn new(dir: impl Into<PathBuf>, upstream: impl Into<String>) -> Self {
        Self {
            dir: dir.into(),
            upstream: upstream.into(),
            operator_cas: Vec::new(),
            vendor_cas: Vec::new(),
            hosts: Vec::from(["localhost".to_owned(), "127.0.0.1".to_owned()]),
            name: "nem".to_owned(),
            alg: KeyType::P256,
            signature: None,
            listen: "127.0.0.1:8443".to_owned(),
            cmp_key: None,
            tls_key: None,
            key_passphrase: None,
        }
    }
}

/// What `nem init` wrote, and what it waits for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Initialised {
    /// `nem.toml`
    pub config: PathBuf,
    /// `stations.toml`: the inventory, empty but for an example.
    pub stations: PathBuf,
    /// The request for the certificate that signs CMP messages.
    pub cmp_csr: PathBuf,
    /// Where that certificate is to be put.
    pub cmp_certificate: PathBuf,
    /// The request for the certificate that stations see.
    pub tls_csr: PathBuf,
    /// Where that certificate is to be put.
    pub tls_certificate: PathBuf,
    /// Where the operator's CA certificate is to be put; `None` when it was given.
    pub missing_operator_ca: Option<PathBuf>,
}

/// Makes a NEM's directory: two keys, the requests for their certificates, an empty inventory, and the configuration.
/// Nothing is overwritten.
///
/// # Errors
/// When something given cannot be used, or a file exists already or cannot be written.
pub fn init(options: &InitOptions) -> Result<Initialised> {
    if !options.upstream.starts_with("http://") && !options.upstream.starts_with("https://") {
        bail!(
            "{:?} is no URL of an RA/CA; write it like http://raca.operator.example:8829/.well-known/cmp",
            options.upstream
        );
    }
    let cmp_names = Names::new(name(&options.name)?);
    let tls_names = tls_names(options)?;
    let operator_cas = copies(&options.operator_cas, "operator-ca")?;
    let vendor_cas = copies(&options.vendor_cas, "vendor-ca")?;

    let key = |token: &Option<TokenUri>, file, signature| {
        let kind = (options.alg, signature);
        InitKey::prepare(token.as_ref(), file, kind, options.key_passphrase.as_ref())
    };
    let cmp_key = key(&options.cmp_key, "cmp.key.pem", options.signature)?;
    // TLS agrees with each station on how to sign.
    let tls_key = key(&options.tls_key, "tls.key.pem", None)?;

    let dir = &options.dir;
    fs::create_dir_all(dir).with_context(|| format!("{}: cannot be created", dir.display()))?;
    let written = Initialised {
        config: dir.join("nem.toml"),
        stations: dir.join("stations.toml"),
        cmp_csr: dir.join("cmp.csr.pem"),
        cmp_certificate: dir.join("cmp.pem"),
        tls_csr: dir.join("tls.csr.pem"),
        tls_certificate: dir.join("tls.pem"),
        missing_operator_ca: operator_cas.is_empty().then(|| dir.join("operator-ca.pem")),
    };
    if let Some(path) = [&written.config, &written.stations].into_iter().find(|path| path.exists()) {
        bail!("{}: there is a NEM already; choose another directory", path.display());
    }

    let keys = [cmp_key.configuration(), tls_key.configuration()];
    for (key, csr, names) in
        [(cmp_key, &written.cmp_csr, &cmp_names), (tls_key, &written.tls_csr, &tls_names)]
    {
        let request = certification_request(names, key.make(dir)?.as_ref())?;
        write_new(csr, request_pem(&request)?.as_bytes())?;
    }
    for (file, text) in operator_cas.iter().chain(&vendor_cas) {
        write_new(&dir.join(file), text.as_bytes())?;
    }
    write_new(&written.stations, STATIONS.as_bytes())?;
    write_new(&written.config, config_text(options, &operator_cas, &vendor_cas, &keys).as_bytes())?;
    Ok(written)
}

fn name(common_name: &str) -> Result<x509_cert::name::Name> {
    if common_name.contains([',', '+', '=', '\\']) {
        bail!("{common_name:?} cannot be a NEM's name: leave out , + = and \\");
    }
    parse_name(&format!("CN={common_name}")).map_err(anyhow::Error::msg)
}

fn tls_names(options: &InitOptions) -> Result<Names> {
    if options.hosts.is_empty() {
        bail!("no host name is given under which stations reach the NEM");
    }
    let mut names = Names::new(name(&options.name)?);
    for host in &options.hosts {
        match host.parse::<IpAddr>() {
            Ok(address) => names.ip.push(address),
            Err(_) => names.dns.push(parse_host_name(host).map_err(anyhow::Error::msg)?),
        }
    }
    Ok(names)
}

/// The files as they will lie in the NEM's directory: their names, and their certificates as PEM.
fn copies(files: &[PathBuf], stem: &str) -> Result<Vec<(String, String)>> {
    let copies = files.iter().enumerate().map(|(position, file)| {
        Ok((format!("{stem}-{}.pem", position + 1), certificates_pem(&read_certificates(file)?)?))
    });
    copies.collect()
}

const STATIONS: &str = r#"# The base stations that may enrol. A running NEM takes up changes to this file within seconds, or at once
# on SIGHUP; a file with an error in it is refused, and the stations stay as they were.
# The inventory may be a CSV or JSON file instead: name it in nem.toml. `nem stations import` and `export` read and write both.
#
# [[station]]
# name = "Rotterdam 17"                          # what you call it
# vendor_subject = "CN=SN-4711,O=Vendor"         # how its vendor certificate is known, all that is given must match:
# vendor_serial = "4F:A2:07"                     #   subject, serial number,
# vendor_issuer = "CN=Factory CA,O=Vendor"       #   who issued it,
# vendor_fingerprint = "0A:1B:..."               #   SHA-256 of the certificate
# subject = "CN=enb17.operator.example,O=Operator"   # the name its operator certificate will have
# dns = ["enb17.operator.example"]               # subjectAltNames that it may ask for
# ip = ["192.0.2.17"]
# profile = "ne"                                 # what its certificate is for
# groups = ["south", "5g"]
# state = "expected"                             # expected, enrolled; blocked or retired: it gets nothing
# account = "enb17"                              # its FTP account; `nem hash-password` makes the hash
# password_hash = "$argon2id$v=19$..."
# tunnel_address = "10.0.0.17"                   # its address inside the IPsec tunnel
"#;

fn config_text(
    options: &InitOptions,
    operator_cas: &[(String, String)],
    vendor_cas: &[(String, String)],
    [cmp_key, tls_key]: &[String; 2],
) -> String {
    let list = |files: &[(String, String)]| {
        files.iter().map(|(file, _)| format!("{file:?}")).collect::<Vec<_>>().join(", ")
    };
    let operator_cas =
        if operator_cas.is_empty() { "\"operator-ca.pem\"".to_owned() } else { list(operator_cas) };
    let vendor_cas = list(vendor_cas);
    format!(
        r#"# The configuration of nem. Paths are relative to this file; unknown keys are refused.
# `nem serve` reads it when it starts, and the stations whenever they change.
#
# A key is the path of a PEM file, or names one in a token by its PKCS #11 URI. `key_passphrase` beside it says where the
# passphrase of an encrypted file, or the token's PIN, comes from: "file:PATH", "env:NAME" or "prompt". `key_signature` beside the
# upstream's key, if that is RSA, says what it signs with: "pkcs1-sha256" (the default), "pss-sha256" and so on.

listen = {listen:?}            # HOST:PORT; port 0 picks a free one
ledger = "ledger.redb"               # what was asked for and issued
audit = "audit.jsonl"                # every decision, a line each, chained by hashes: `nem audit verify`
stations = "stations.toml"           # who may enrol
shutdown_seconds = 10                # what is under way when `nem serve` is told to stop may take so long; the rest goes on at the next start

[tls]                                # as stations see the NEM
certificate = "tls.pem"              # with its chain behind it
{tls_key}

[upstream]                           # the RA/CA; several make an array of tables. `nem reload` takes up changes
# name = "raca"                      # requests end where they began: another RA/CA gets another name
# priority = 100                     # of those that may have a request, the healthy one with the lowest gets it
# groups = ["north"]                 # whose stations it serves; without this line, all
# profiles = ["5g"]                  # which certificate profiles it serves; without this line, all
url = {url:?}
certificate = "cmp.pem"              # as it sees the NEM: with extKeyUsage id-kp-cmcRA
{cmp_key}
# signers = ["raca-cmp.pem"]         # what it signs with, if that has no extKeyUsage id-kp-cmcCA and is not its CA key
# tls_ca = "raca-tls-ca.pem"         # whom to believe when the URL begins with https
# tls_client_certificate = true      # its TLS server is shown the certificate above, too
implicit_confirm = false             # true saves a message, but turns no wrong certificate down
# confirm_when_fetched_seconds = 3600  # certConf goes when the station has the certificate, which is turned down after that time
time_window_seconds = 300            # how far messageTime may be off; 0: not checked
timeout_seconds = 60                 # for one exchange
max_in_flight = 32                   # messages or batches at the RA/CA at a time
batch_size = 32                      # messages that go up together in one nested message; 1: nothing is nested
batch_delay_milliseconds = 100       # a batch goes when its oldest message has waited that long
batch_octets = 61440                 # of the messages in a batch; RA/CAs read 64 KiB in most cases
max_answer_octets = 65536
lenient = false                      # true tolerates empty extraCerts, local times, a missing NULL, a bare certProfile
quirks = []                          # of "unprotected-errors", "signer-without-digital-signature", "sender-of-another",
                                     # "signer-changes", "nested-answers": what it gets wrong

[trust]
operator_cas = [{operator_cas}]
vendor_cas = [{vendor_cas}]
crls = []                            # files with the CRLs of those CAs, PEM or DER; changes are taken up
revocation = "if-available"          # "required": no certificate without a CRL that is not out of date

[intake]
max_request_octets = 65536
max_connections = 1024               # at each listener; a further one takes the place of whoever is silent longest
max_connections_per_address = 64     # so that one address alone does not take them all
hold_seconds = 5                     # how long a station is kept waiting before it is told to ask again (202)
retry_after_seconds = 5              # when it is to do so
max_requests = 100000                # under way at a time
max_requests_per_station = 4
station_cmp = "unchanged"            # how messages go up that stations sign themselves; or "added-protection", "replaced-protection", "off"

# [tunnel]                             # where the stations' IPsec tunnel ends: HTTP without TLS, and who has an address is who
# listen = "10.8.0.1:8080"             # the inventory says (tunnel_address); an address inside the tunnel
# ftp_listen = "10.8.0.1:21"           # the same for FTP

# [fetch]                              # what the RA/CA is asked for (genm), and stations are given by EST and /ca-certificates
# interval_seconds = 3600
# upstream = "raca"                    # by default the one with the lowest priority
# ca_certificates = true               # CA certificates that operator_cas vouch for
# root_updates = true                  # their successors: trusted like them once newWithOld holds
# crls = true                          # counts like trust.crls
# directory = "fetched"                # where it is kept

# [renewal]                            # of the NEM's own certificates, by kur after two thirds of their time
# own_certificates = true              # false: by hand
# tls_upstream = "raca"                # which RA/CA renews the TLS certificate; by default the one with the lowest priority

# [liveness]                           # without it, whoever is in the inventory counts as connected, and may enrol
# silent_after_seconds = 3600          # how long after its last upload, poll or heartbeat; then it may not, until it is back
# own_contact = true                   # false: uploads and polls count for nothing, only what others report
# queued = "hold"                      # what becomes of its requests that were not sent: "hold" them, or "drop"
# file = "connected.txt"               # reports of other software: lines `connected NAME` and `disconnected NAME`
# token = "file:heartbeat.token"       # the same by POST /heartbeats at [admin], with `Authorization: Bearer TOKEN`

# [by_hand]                            # while no RA/CA answers: docs/manual-procedure.md
# outage_after_seconds = 600           # then it is an outage
# drop = "outbox"                      # files with requests are laid there during an outage
# answers = "inbox"                    # answers that are laid there are taken, at any time
# max_requests = 10000                 # in one file

# [admin]                              # /healthz, /readyz, /metrics for Prometheus, /certificates/due; it takes no orders
# listen = "127.0.0.1:9100"

# [ftps]                               # FTP with TLS: by account and password of the inventory, or by the vendor certificate
# listen = "0.0.0.0:8021"
# passive = {{ ports = [50000, 50999] }} # for data; `address` is what stations are told, when it is not the one they came to
"#,
        listen = options.listen,
        url = options.upstream,
    )
}
