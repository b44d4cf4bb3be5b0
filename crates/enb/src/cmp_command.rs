//! `enb cmp`: the command line of a station that speaks CMP with the RA/CA itself.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Subcommand, ValueEnum};
use cmp::end_entity::RequestKind;
use cmp::{Quirk, Quirks};
use const_oid::ObjectIdentifier;
use crypto_aws_lc::KeyType;
use enb::{
    CertificateOptions, CmpOptions, CmpSender, Error, Inquiry, KeyAlgorithm, MacKind, RevocationReason,
    WantedKey,
};
use host::{KeySource, Names, parse_name};
use serde_json::json;
use x509_cert::name::Name;

use crate::{AlternativeNames, Arguments, KeyPassphrase, Signature, names, parsed, print, show, to_the_end};

/// The example of a command, and what holds for all of them.
macro_rules! example {
    ($example:literal) => {
        concat!(
            "Example:\n",
            $example,
            "\n\nA run that was stopped at any point goes on when the same command is given again.\n\
             Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the RA/CA, 4 out of time."
        )
    };
}
#[derive(Subcommand)]
pub(crate) enum CmpCommand {
    /// Get the first certificate from this PKI (initialization request, CRMF)
    #[command(after_help = example!(
        "  enb cmp ir --server http://ra.operator.example/.well-known/cmp --operator-ca operator-root.pem \
         --cert vendor.pem --key vendor.key --out enb0001\n  enb cmp ir --server http://ra.operator.example/.well-known/cmp \
         --operator-ca operator-root.pem --ref 4711 --secret-file 4711.secret --subject CN=enb0001,O=Operator --out enb0001\n  \
         enb cmp ir --generate-key --server http://ra.operator.example/.well-known/cmp --operator-ca operator-root.pem \
         --cert vendor.pem --key vendor.key --out enb0001"
    ))]
    Ir(Box<RequestArguments>),
    /// Get a further certificate (certification request, CRMF)
    #[command(after_help = example!(
        "  enb cmp cr --server http://ra.operator.example/.well-known/cmp --operator-ca operator-root.pem \
         --cert enb0001/cert.pem --key enb0001/key.pem --subject CN=enb0001,O=Operator --out further"
    ))]
    Cr(Box<RequestArguments>),
    /// Get a certificate by a PKCS #10 request
    #[command(after_help = example!(
        "  enb cmp p10cr --server http://ra.operator.example/.well-known/cmp --operator-ca operator-root.pem \
         --cert vendor.pem --key vendor.key --subject CN=enb0001,O=Operator --out enb0001"
    ))]
    P10cr(Box<SignedRequestArguments>),
    /// Get a certificate for a new key in place of the one in a directory (key update request)
    #[command(after_help = example!(
        "  enb cmp kur --server http://ra.operator.example/.well-known/cmp --operator-ca operator-root.pem --out enb0001"
    ))]
    Kur(Box<UpdateArguments>),
    /// Have a certificate revoked, by whoever has its key (revocation request)
    #[command(after_help = "Example:\n  enb cmp rr --server http://ra.operator.example/.well-known/cmp \
        --operator-ca operator-root.pem --cert enb0001/cert.pem --key enb0001/key.pem --reason keyCompromise")]
    Rr(Box<RevokeArguments>),
    /// Ask the RA/CA for information (general message)
    #[command(
        after_help = "Examples:\n  enb cmp genm caCerts --server http://ra.operator.example/.well-known/cmp \
        --operator-ca operator-root.pem --cert enb0001/cert.pem --key enb0001/key.pem --out ca-certs.pem\n  \
        enb cmp genm rootCaCert --old-root operator-root.pem --out new-root.pem ...\n  \
        enb cmp genm crls --issuer operator-root.pem --crl old.crl --out new.crl ...\n\n\
        A root's successor is taken only when the old root's key vouches for it. caCerts are no trust anchors by that."
    )]
    Genm(Box<InquireArguments>),
}

/// The RA/CA.
#[derive(Args)]
struct Peer {
    /// Where the RA/CA is, such as http://ra.operator.example/.well-known/cmp; may be repeated: the next one is tried when one
    /// cannot be reached
    #[arg(long = "server", value_name = "URL", required = true)]
    servers: Vec<String>,
    /// The CA that certifies the server's TLS certificate (PEM), for https
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// The operator's trust anchors (PEM), for the RA/CA's messages and the certificates it issues
    #[arg(long, value_name = "FILE")]
    operator_ca: Option<PathBuf>,
    /// Certificates (PEM) that may sign the RA/CA's messages although they lack extKeyUsage id-kp-cmcCA
    #[arg(long, value_name = "FILE")]
    server_cert: Option<PathBuf>,
    /// The RA/CA's name (RFC 4514), if it is known
    #[arg(long, value_name = "DN", value_parser = parse_name)]
    recipient: Option<Name>,
    /// What the RA/CA gets wrong and is put up with; may be repeated
    #[arg(long = "quirk", value_name = "NAME", value_parser = parse_quirk)]
    quirks: Vec<Quirk>,
    /// After how many seconds to give up
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    timeout: u64,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Peer {
    fn options(self) -> CmpOptions {
        let mut options = CmpOptions::new("");
        options.servers = self.servers;
        options.tls_ca = self.tls_ca;
        options.operator_ca = self.operator_ca;
        options.server_certificates = self.server_cert;
        options.recipient = self.recipient.unwrap_or_default();
        options.quirks = self.quirks.into_iter().collect::<Quirks>();
        options.timeout = Duration::from_secs(self.timeout);
        options
    }
}

fn parse_quirk(name: &str) -> Result<Quirk, String> {
    let known = Quirks::from_names([name], &Quirk::ALL).map_err(|unknown| unknown.to_string())?;
    Quirk::ALL
        .into_iter()
        .find(|quirk| known.contains(*quirk))
        .ok_or_else(|| format!("there is no quirk {name:?}"))
}

/// As whom.
#[derive(Args)]
struct Sender {
    /// The certificate to sign with, and what lies between it and its root (PEM); with one of an ML-KEM key, messages are protected by MACs
    #[arg(
        long,
        value_name = "FILE",
        requires = "key",
        required_unless_present = "reference",
        conflicts_with = "reference"
    )]
    cert: Option<PathBuf>,
    /// Its private key (PEM), readable by its owner only, or its PKCS #11 URI
    #[arg(long, value_name = "KEY", requires = "cert")]
    key: Option<String>,
    #[command(flatten)]
    passphrase: KeyPassphrase,
    /// The reference number of a secret that is shared with the RA/CA
    #[arg(long = "ref", value_name = "REFERENCE", requires = "secret_file")]
    reference: Option<String>,
    /// The file with that secret, its only line, readable by its owner only
    #[arg(long, value_name = "FILE", requires = "reference")]
    secret_file: Option<PathBuf>,
    /// How MACs are made with the secret
    #[arg(long, value_name = "KIND", default_value = "pbmac1", requires = "reference")]
    mac: Mac,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mac {
    /// PBMAC1 (RFC 9481 section 6.1.2)
    Pbmac1,
    /// PasswordBasedMac, for RA/CAs that know nothing else
    Pbm,
}

impl Sender {
    fn sender(self) -> Option<CmpSender> {
        match (self.cert, self.key, self.reference, self.secret_file) {
            (Some(certificate), Some(key), _, _) => {
                let key = KeySource::new(parsed("--key", &key), self.passphrase.source());
                Some(CmpSender::Certificate { certificate, key })
            }
            (_, _, Some(reference), Some(secret_file)) => {
                let mac = match self.mac {
                    Mac::Pbmac1 => MacKind::Pbmac1,
                    Mac::Pbm => MacKind::Pbm,
                };
                Some(CmpSender::Secret { reference, secret_file, mac })
            }
            // clap demands one of the two.
            _ => None,
        }
    }
}

/// What is the same for every certificate.
#[derive(Args)]
struct Wanted {
    /// The directory for key.pem, cert.pem, chain.pem, and what is remembered of the transaction
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The kind of key: p256, p384, p521, rsa2048, rsa3072, rsa4096, ed25519, ml-dsa-44, ml-dsa-65 or ml-dsa-87, with --encryption-key
    /// also ml-kem-512, ml-kem-768 or ml-kem-1024; p256 unless it is said, with --generate-key whichever the RA/CA chooses
    #[arg(long, value_name = "KIND", value_parser = |name: &str| name.parse::<KeyAlgorithm>())]
    alg: Option<KeyAlgorithm>,
    #[command(flatten)]
    signature: Signature,
    /// Where the passphrase of key.pem in DIR comes from; a new key is encrypted with it
    #[arg(long, value_name = "SOURCE")]
    own_key_passphrase: Option<String>,
    /// Ask that no confirmation be awaited; TS 33.310 has every certificate confirmed
    #[arg(long)]
    implicit_confirm: bool,
    /// The name of the certificate profile to ask for
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// A key that is not the station's own, or does not sign.
#[derive(Args)]
struct KeyOrigin {
    /// Have the RA/CA generate the key; it comes enciphered for --cert and --key, whose keyUsage must allow that, or with the secret,
    /// and is written to key.pem
    #[arg(long, conflicts_with_all = ["encryption_key", "signature"])]
    generate_key: bool,
    /// Get a certificate for a key that others encipher for (RSA, P-256, P-384, P-521 or ML-KEM) and that need not sign; deciphering
    /// the certificate proves possession
    #[arg(long, conflicts_with_all = ["implicit_confirm", "signature"])]
    encryption_key: bool,
}

impl KeyOrigin {
    fn key(&self, alg: Option<KeyAlgorithm>) -> WantedKey {
        let signing = |alg| match alg {
            KeyAlgorithm::Signature(key_type) => key_type,
            _ => usage("a key of a KEM does not sign; --encryption-key gets a certificate for it"),
        };
        match self {
            Self { generate_key: true, .. } => WantedKey::Generated(alg.map(signing)),
            Self { encryption_key: true, .. } => WantedKey::Enciphering(alg.unwrap_or(DEFAULT)),
            _ => WantedKey::Signing(alg.map_or(KeyType::P256, signing)),
        }
    }
}

const DEFAULT: KeyAlgorithm = KeyAlgorithm::Signature(KeyType::P256);

fn usage(reason: &str) -> ! {
    Arguments::command().error(ErrorKind::ValueValidation, reason).exit()
}

#[derive(Args)]
pub(crate) struct RequestArguments {
    #[command(flatten)]
    request: SignedRequestArguments,
    #[command(flatten)]
    origin: KeyOrigin,
}

#[derive(Args)]
pub(crate) struct SignedRequestArguments {
    #[command(flatten)]
    peer: Peer,
    #[command(flatten)]
    sender: Sender,
    /// The name to be certified (RFC 4514); without it the RA/CA chooses one
    #[arg(long, value_name = "DN", value_parser = parse_name)]
    subject: Option<Name>,
    #[command(flatten)]
    alternative_names: AlternativeNames,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Args)]
pub(crate) struct UpdateArguments {
    #[command(flatten)]
    peer: Peer,
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    origin: KeyOrigin,
}

#[derive(Args)]
pub(crate) struct RevokeArguments {
    #[command(flatten)]
    peer: Peer,
    #[command(flatten)]
    sender: Sender,
    /// The certificate to be revoked (PEM); without it the one that signs
    #[arg(long, value_name = "FILE", required_unless_present = "cert")]
    old_cert: Option<PathBuf>,
    /// Why: unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, certificateHold,
    /// removeFromCRL, privilegeWithdrawn or aACompromise
    #[arg(long, value_name = "REASON", default_value = "unspecified", value_parser = |name: &str| name.parse::<RevocationReason>())]
    reason: RevocationReason,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "camelCase")]
enum InfoType {
    /// CA certificates
    CaCerts,
    /// The successor of a root certificate
    RootCaCert,
    /// What a request has to look like
    CertReqTemplate,
    /// A CRL, if it is newer than the one at hand
    Crls,
    /// The CRL of now
    #[value(name = "currentCRL")]
    CurrentCrl,
    /// With which algorithms signing keys are certified
    SignKeyPairTypes,
    /// With which algorithms other keys are certified
    EncKeyPairTypes,
    /// The symmetric algorithm that is preferred
    PreferredSymmAlg,
    /// The certificate to encipher for
    CaProtEncCert,
    /// Which parameters the keys of an algorithm have
    KeyPairParamReq,
    /// In which language texts come
    SuppLangTags,
}

#[derive(Args)]
pub(crate) struct InquireArguments {
    /// What to ask for
    #[arg(value_name = "TYPE")]
    info_type: InfoType,
    #[command(flatten)]
    peer: Peer,
    #[command(flatten)]
    sender: Sender,
    /// With rootCaCert: the root whose successor is asked for (PEM)
    #[arg(long, value_name = "FILE", required_if_eq("info_type", "rootCaCert"))]
    old_root: Option<PathBuf>,
    /// With crls: the certificate of the CA whose CRL is asked for (PEM)
    #[arg(long, value_name = "FILE", required_if_eq("info_type", "crls"))]
    issuer: Option<PathBuf>,
    /// With crls: the CRL at hand (PEM or DER)
    #[arg(long, value_name = "FILE")]
    crl: Option<PathBuf>,
    /// With certReqTemplate: the name of the certificate profile
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// With keyPairParamReq: the object identifier of the algorithm
    #[arg(long, value_name = "OID", required_if_eq("info_type", "keyPairParamReq"))]
    algorithm: Option<ObjectIdentifier>,
    /// With suppLangTags: a language that is understood (RFC 5646), the best first; may be repeated
    #[arg(long = "language", value_name = "TAG", required_if_eq("info_type", "suppLangTags"))]
    languages: Vec<String>,
    /// Where to write certificates or CRLs (PEM), or a template (DER)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl InquireArguments {
    fn inquiry(&self) -> Inquiry {
        let path = |path: &Option<PathBuf>| path.clone().unwrap_or_default();
        match self.info_type {
            InfoType::CaCerts => Inquiry::CaCerts,
            InfoType::RootCaCert => Inquiry::RootCaCert(path(&self.old_root)),
            InfoType::CertReqTemplate => Inquiry::CertReqTemplate(self.profile.clone()),
            InfoType::Crls => Inquiry::Crls(path(&self.issuer), self.crl.clone()),
            InfoType::CurrentCrl => Inquiry::CurrentCrl,
            InfoType::SignKeyPairTypes => Inquiry::SignKeyPairTypes,
            InfoType::EncKeyPairTypes => Inquiry::EncKeyPairTypes,
            InfoType::PreferredSymmAlg => Inquiry::PreferredSymmAlg,
            InfoType::CaProtEncCert => Inquiry::CaProtEncCert,
            // clap demands it.
            InfoType::KeyPairParamReq => {
                Inquiry::KeyPairParamReq(self.algorithm.unwrap_or(asn1::oids::rfc5912::EC_PUBLIC_KEY))
            }
            InfoType::SuppLangTags => Inquiry::SuppLangTags(self.languages.clone()),
        }
    }
}

fn revoke(arguments: RevokeArguments) -> Result<ExitCode, Error> {
    let certificate = arguments.old_cert.or_else(|| arguments.sender.cert.clone()).unwrap_or_default();
    // clap demands a certificate or a secret.
    let sender = arguments.sender.sender().ok_or(Error::NoAnchors)?;
    let json = arguments.peer.json;
    let (peer, reason) = (arguments.peer.options(), arguments.reason);
    to_the_end(async |progress| {
        enb::revoke(&peer, &sender, &certificate, reason, progress).await?;
        let shown = certificate.display().to_string();
        print(&if json { json!({ "revoked": shown }).to_string() } else { format!("revoked: {shown}") })
    })
}

fn inquire(arguments: InquireArguments) -> Result<ExitCode, Error> {
    let inquiry = arguments.inquiry();
    let sender = arguments.sender.sender().ok_or(Error::NoAnchors)?;
    let (json, out) = (arguments.peer.json, arguments.out);
    let peer = arguments.peer.options();
    to_the_end(async |progress| {
        let answer = enb::inquire(&peer, &sender, &inquiry, progress).await?;
        if let (Some(answer), Some(out)) = (&answer, &out)
            && let Some(octets) = enb::file_of(answer)?
        {
            host::files::write_atomically(out, &octets)?;
        }
        let lines = answer.as_ref().map(enb::lines_of).unwrap_or_default();
        print(&match (json, lines.is_empty()) {
            (true, _) => format!("{:#}", json!({ "answer": lines })),
            (false, true) => "the RA/CA has none".to_owned(),
            (false, false) => lines.join("\n"),
        })
    })
}

pub(crate) fn run(command: CmpCommand) -> Result<ExitCode, Error> {
    let own = KeyOrigin { generate_key: false, encryption_key: false };
    let (kind, arguments, origin) = match command {
        CmpCommand::Ir(arguments) => (RequestKind::Ir, arguments.request, arguments.origin),
        CmpCommand::Cr(arguments) => (RequestKind::Cr, arguments.request, arguments.origin),
        CmpCommand::P10cr(arguments) => (RequestKind::P10cr, *arguments, own),
        CmpCommand::Kur(arguments) => {
            let names = Names::new(Name::default());
            let UpdateArguments { peer, wanted, origin } = *arguments;
            return certificate(RequestKind::Kur, peer, None, names, wanted, &origin);
        }
        CmpCommand::Rr(arguments) => return revoke(*arguments),
        CmpCommand::Genm(arguments) => return inquire(*arguments),
    };
    let names = names(arguments.subject.unwrap_or_default(), arguments.alternative_names);
    certificate(kind, arguments.peer, arguments.sender.sender(), names, arguments.wanted, &origin)
}

fn certificate(
    kind: RequestKind,
    peer: Peer,
    sender: Option<CmpSender>,
    names: Names,
    wanted: Wanted,
    origin: &KeyOrigin,
) -> Result<ExitCode, Error> {
    let mut options = CertificateOptions::new(kind, sender, wanted.out);
    options.names = names;
    options.implicit_confirm = wanted.implicit_confirm;
    options.cert_profile = wanted.profile;
    options.key = origin.key(wanted.alg);
    options.signature = wanted.signature.signature;
    options.key_passphrase =
        wanted.own_key_passphrase.as_deref().map(|text| parsed("--own-key-passphrase", text));
    let json = peer.json;
    let peer = peer.options();
    to_the_end(async |progress| show(&enb::request_certificate(&peer, &options, progress).await?, json))
}
