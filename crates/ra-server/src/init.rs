//! `raca init`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use asn1::EncodedCertificate;
use ca::registry::{CertificateRecord, CertificateStatus, Registry};
use ca::{Issuer, Profile};
use crypto::PublicKey;
use crypto_aws_lc::KeyType;
use host::audit::AuditLog;
use host::files::{certificates_pem, read_certificates, write_new};
use host::{InitKey, KeySignature, PassphraseSource, TokenUri, now, parse_name};
use store::registry::EmbeddedRegistry;
use x509_cert::name::Name;

use crate::audit::order;
use crate::config::AUDIT;

/// The new CA's own certificate: ten years.
pub(crate) const ROOT_VALIDITY: Duration = Duration::from_secs(3653 * 24 * 60 * 60);

/// What `raca init` is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InitOptions {
    /// Where everything is written; it is created when it is missing.
    pub dir: PathBuf,
    /// The CA's distinguished name, RFC 4514.
    pub subject: String,
    /// The kind of the CA's keys.
    pub alg: KeyType,
    /// What they sign with, if they are RSA keys and that is not PKCS #1 v1.5 with SHA-256.
    pub signature: Option<KeySignature>,
    /// PEM files with the trust anchors for vendors' certificates; they are copied.
    pub vendor_cas: Vec<PathBuf>,
    /// Where `raca serve` listens, HOST:PORT.
    pub listen: String,
    /// The CA's key, when it is in a token; otherwise one is made in a file.
    pub ca_key: Option<TokenUri>,
    /// The key that signs CMP messages, when it is in a token; otherwise one is made in a file.
    pub cmp_key: Option<TokenUri>,
    /// What encrypts the keys in files, and the PIN of tokens whose URIs name none.
    pub key_passphrase: Option<PassphraseSource>,
}

impl InitOptions {
    /// A CA named `CN=Operator CA` with P-256 keys, on 127.0.0.1:8829.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            subject: "CN=Operator CA".to_owned(),
            alg: KeyType::P256,
            signature: None,
            vendor_cas: Vec::new(),
            listen: "127.0.0.1:8829".to_owned(),
            ca_key: None,
            cmp_key: None,
            key_passphrase: None,
        }
    }
}

/// What `raca init` wrote.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Initialised {
    /// `raca.toml`
    pub config: PathBuf,
    /// `ca.pem`: the trust anchor of what the CA will issue.
    pub ca_certificate: PathBuf,
}

/// Makes a CA: its key and self-signed certificate, a second key that signs its CMP messages, a registry, and the
/// configuration. Nothing is overwritten.
///
/// # Errors
/// When a file exists already, cannot be written, or a vendor's CA certificates cannot be read.
pub fn init(options: &InitOptions) -> Result<Initialised> {
    let name = |text: &str| parse_name(text).map_err(anyhow::Error::msg);
    let (subject, cmp_subject) = (name(&options.subject)?, name(&format!("CN=CMP,{}", options.subject))?);
    let vendor_anchors = vendor_anchors(&options.vendor_cas)?;

    let key = |token: &Option<TokenUri>, file| {
        let kind = (options.alg, options.signature);
        InitKey::prepare(token.as_ref(), file, kind, options.key_passphrase.as_ref())
    };
    let (ca_key, cmp_key) = (key(&options.ca_key, "ca.key.pem")?, key(&options.cmp_key, "cmp.key.pem")?);

    let dir = &options.dir;
    fs::create_dir_all(dir).with_context(|| format!("{}: cannot be created", dir.display()))?;
    let config = dir.join("raca.toml");
    let ca_certificate = dir.join("ca.pem");
    let registry = dir.join("registry.redb");
    for path in [&config, &ca_certificate, &registry] {
        if path.exists() {
            bail!("{}: there is a CA already; choose another directory", path.display());
        }
    }

    let names = vendor_anchors.iter().map(|(name, _)| name.as_str());
    let text = config_text(&options.listen, names, &ca_key.configuration(), &cmp_key.configuration());
    let issuer =
        Issuer::self_signed(subject, ca_key.make(dir)?, ROOT_VALIDITY, &crypto_aws_lc::provider(), now())?;
    write_certificate(&ca_certificate, issuer.certificate())?;

    let cmp_key = cmp_key.make(dir)?;
    let cmp_certificate = issue_cmp_certificate(&issuer, cmp_subject, cmp_key.public_key(), &registry)?;
    write_certificate(&dir.join("cmp.pem"), &cmp_certificate)?;

    for (name, text) in &vendor_anchors {
        write_new(&dir.join(name), text.as_bytes())?;
    }
    write_new(&config, text.as_bytes())?;
    Ok(Initialised { config, ca_certificate })
}

/// The files as they will lie in the CA's directory: their names, and their certificates as PEM.
fn vendor_anchors(files: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let anchors = files.iter().enumerate().map(|(position, file)| {
        Ok((format!("vendor-ca-{}.pem", position + 1), certificates_pem(&read_certificates(file)?)?))
    });
    anchors.collect()
}

/// The certificate is registered like any other.
fn issue_cmp_certificate(
    issuer: &Issuer,
    subject: Name,
    key: &PublicKey,
    registry: &Path,
) -> Result<EncodedCertificate> {
    let now = now();
    let (contents, _) = Profile::CMP.fit(subject, key, &[])?;
    let issued = issuer.issue(&contents, &crypto_aws_lc::provider(), now)?;
    let record = CertificateRecord::new(
        issued.certificate.clone(),
        issued.serial_number,
        Profile::CMP.name.into_owned(),
        None,
        now,
        CertificateStatus::Valid,
    );
    EmbeddedRegistry::open(registry)?.register(&record)?;
    // The audit log begins with the CA, so that nothing that was decided comes before it.
    let mut entry = order("init", "issued", Some(record.serial_number.to_string()));
    entry.why = Some("profile cmp".to_owned());
    AuditLog::open(&registry.with_file_name(AUDIT), now)?.record(&[entry], now)?;
    Ok(issued.certificate)
}

fn write_certificate(path: &Path, certificate: &EncodedCertificate) -> Result<()> {
    let pem = certificates_pem(std::slice::from_ref(certificate))?;
    Ok(write_new(path, pem.as_bytes())?)
}

fn config_text<'a>(
    listen: &str,
    vendor_cas: impl Iterator<Item = &'a str>,
    ca_key: &str,
    cmp_key: &str,
) -> String {
    let vendor_cas: Vec<String> = vendor_cas.map(|name| format!("{name:?}")).collect();
    format!(
        r#"# The configuration of raca. Paths are relative to this file; unknown keys are refused.
# `raca serve` reads it when it starts, on SIGHUP, and when `raca reload` says so.
#
# A key is the path of a PEM file, or names one in a token by its PKCS #11 URI. `key_passphrase` beside it says where the
# passphrase of an encrypted file, or the token's PIN, comes from: "file:PATH", "env:NAME" or "prompt". `key_signature` beside an
# RSA key says what it signs with: "pkcs1-sha256" (the default), "pkcs1-sha384", "pkcs1-sha512", "pss-sha256" and so on.

listen = {listen:?}            # HOST:PORT; port 0 picks a free one
registry = "registry.redb"           # what was issued: back it up
audit = "audit.jsonl"                # every decision, a line each, chained by hashes: `raca audit verify`

rollovers = "rollovers"              # the keys that `raca rollover` makes, a folder each: back them up

[ca]                                 # signs certificates
certificate = "ca.pem"
{ca_key}

[cmp]                                # signs CMP messages
certificate = "cmp.pem"
{cmp_key}
max_message_octets = 65536
max_messages_at_a_time = 4           # further ones wait for their turn; more when the keys are in a slow token
lenient = false                      # true tolerates empty extraCerts, local times, a missing NULL, a bare certProfile
quirks = []                          # of "pbes2-in-pbmac1", "sha1-in-mac": what requesters get wrong
time_window_seconds = 300            # how far messageTime may be off; 0: not checked
confirm_wait_seconds = 300           # how long certConf is awaited
implicit_confirm = true              # whether it is granted to those who ask for it
poll_delay_seconds = 0               # how long requesters have to wait for their certificates
max_mac_iterations = 1000000         # how much work a MAC with a shared secret may demand
encrypted_certificates = false       # true certifies keys that do not sign: their certificates go out enciphered

[trust]
vendor_cas = [{vendor_cas}]          # who certifies stations in the factory
ra_cas = []                          # who else, beside this CA, certifies RAs (extKeyUsage id-kp-cmcRA)
crls = []                            # files with the CRLs of those CAs, PEM or DER; changes are taken up
revocation = "if-available"          # "required": no vendor's or other CA's certificate without a CRL that is not out of date
profiles = ["ne"]                    # what all these may have by CMP; the first is for those who name none
vendor_names = "own"                 # "any": stations may ask for names other than their vendor's; laboratories only

# [[trust.shared_secrets]]           # a station without a certificate; as often as there are such stations
# reference = "4711"                 # what it says who it is
# secret_file = "4711.secret"        # one line, readable by its owner only (chmod 600)
# subject = "CN=enb17,O=Operator"    # the name that it gets; the default is CN= and the reference
# profiles = ["gnb"]                 # instead of those above

# [[trust.vendors]]                  # a vendor with profiles of its own; as often as there are such vendors
# ca = "other-vendor.pem"
# profiles = ["gnb"]

# [[trust.ras]]                      # RAs with profiles of their own: one by its certificate, or all that a CA certifies
# certificate = "nem.pem"            # or: ca = "ra-ca.pem"
# profiles = ["ne", "gnb"]

# [profiles.gnb]                     # beside ne, ra and tls-server; docs/raca.md has all that can stand here
# like = "ne"
# dns = ["ran.operator.example"]
# keys = ["p256", "p384"]

[approval]
of = []                              # whose requests wait for `raca approve`: "vendor", "operator", "secret", "ra"
updates = false                      # whether theirs for a new key do, too
check_after_seconds = 60             # when those who wait may ask again
lifetime_seconds = 2592000           # how long a request waits at most

[offline]                            # files that are carried by hand: `raca sign`
max_file_octets = 536870912
max_requests = 100000                # in one batch
time_window_seconds = 2592000        # how old a request may be; 0: of any age
confirm_wait_seconds = 7776000       # how long certConf is awaited for what was signed by hand

[crl]                                # what this CA revoked; served at /ca.crl
file = "ca.crl"                      # where it is laid, too, in DER
interval_seconds = 86400             # how often it is signed anew; a revocation does so at once
validity_seconds = 604800            # how long each is good for
# distribution_point = "http://pki.operator.example/ca.crl"  # where certificates say that it is

[validity_days]
ne = 365
ra = 730
tls-server = 365

# [kem]                              # KEM-based MACs (RFC 9810 section 5.1.3.4): serves those who have nothing but a KEM key
# max_exchanges = 1000               # how many of them at a time; the oldest give way, and ask anew
# certificate = "kem.pem"            # what this CA proves itself with to those who want that; `raca kem-key` makes both
# key = "kem.key.pem"
# required = false                   # true: requests that bring no ciphertext for that key are refused

# [tls]                              # HTTPS instead of HTTP
# certificate = "tls.pem"            # with its chain behind it
# key = "tls.key.pem"
# client_cas = ["clients.pem"]       # clients may show a certificate, and a wrong one is turned away
# client_certificate_required = true # so is who shows none
"#,
        vendor_cas = vendor_cas.join(", "),
    )
}
