//! A station that speaks CMP with the RA/CA itself (RFC 9483, TS 33.310 section 9), without a NEM in between.

mod certified_key;
mod credential;
mod enrolment;
mod line;
mod question;
mod state;
mod station;

use std::path::PathBuf;
use std::time::Duration;

use cmp::Quirks;
use cmp::end_entity::RequestKind;
use crypto_aws_lc::KeyType;
use host::{KeySignature, KeySource, Names, PassphraseSource};
use x509_cert::name::Name;

use crate::Error;

pub use certified_key::{KeyAlgorithm, WantedKey};
pub use enrolment::request_certificate;
pub use question::{Inquiry, RevocationReason, file_of, inquire, lines_of, revoke};

/// How to speak with the RA/CA.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CmpOptions {
    /// Where it is, such as `http://ra.operator.example/.well-known/cmp`; several are tried in order. Once a message may have
    /// arrived at one, the others get nothing of that transaction.
    pub servers: Vec<String>,
    /// The certificates of those who certify its TLS server (PEM), for https.
    pub tls_ca: Option<PathBuf>,
    /// Its trust anchors (PEM): for its messages, and for the certificate it issues. With a shared secret they may be missing; then
    /// the root certificates in caPubs are believed. By the quirk root-from-extra-certs they may be missing, too.
    pub operator_ca: Option<PathBuf>,
    /// Certificates (PEM) whose messages are believed, too, although they do not say that they are an RA/CA's by extKeyUsage
    /// id-kp-cmcCA.
    pub server_certificates: Option<PathBuf>,
    /// The RA/CA's name; the NULL-DN when it is not known.
    pub recipient: Name,
    /// What it gets wrong and is put up with.
    pub quirks: Quirks,
    /// The time after which to give up.
    pub timeout: Duration,
}

impl CmpOptions {
    /// Speaks with that server, for an hour at most, and puts up with nothing.
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            servers: vec![server.into()],
            tls_ca: None,
            operator_ca: None,
            server_certificates: None,
            recipient: Name::default(),
            quirks: Quirks::NONE,
            timeout: Duration::from_secs(3600),
        }
    }
}

/// As whom to speak with the RA/CA.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CmpSender {
    /// By a certificate: the vendor's for an ir, the operator's for anything else. With one of a KEM key the RA/CA is asked for a ciphertext
    /// first, and messages are protected by MACs with what is inside (RFC 9810 section 5.1.3.4).
    Certificate {
        /// The certificate and what lies between it and its root (PEM).
        certificate: PathBuf,
        /// Its private key: a PEM file that only its owner may read, or in a token.
        key: KeySource,
    },
    /// By a secret that the RA/CA knows, too.
    Secret {
        /// What the RA/CA finds it by.
        reference: String,
        /// The file with the secret, which only its owner may read.
        secret_file: PathBuf,
        /// How MACs are made with it.
        mac: MacKind,
    },
}

/// How MACs are made with a shared secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MacKind {
    /// PBMAC1 (RFC 9481 section 6.1.2)
    #[default]
    Pbmac1,
    /// PasswordBasedMac (RFC 9481 section 6.1.1), for RA/CAs that know nothing else
    Pbm,
}

/// Which certificate to ask for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CertificateOptions {
    /// With which request.
    pub kind: RequestKind,
    /// As whom to ask; `None` for a kur, which the certificate in the directory signs.
    pub sender: Option<CmpSender>,
    /// The names to be certified. Without a subject, the RA/CA chooses one (TS 33.310 section 9.5.4.2). A kur asks for the names of
    /// the certificate in the directory.
    pub names: Names,
    /// Whether to ask that no certConf be awaited; TS 33.310 has it confirmed.
    pub implicit_confirm: bool,
    /// The name of the certificate profile to ask for.
    pub cert_profile: Option<String>,
    /// Where `key.pem`, `cert.pem` and `chain.pem` lie, or shall lie.
    pub directory: PathBuf,
    /// The key to be certified. A p10cr takes none but one that signs.
    pub key: WantedKey,
    /// What the station's key signs with, if it is an RSA key and that is not PKCS #1 v1.5 with SHA-256.
    pub signature: Option<KeySignature>,
    /// Where the passphrase of `key.pem` in the directory comes from; a new key is encrypted with it.
    pub key_passphrase: Option<PassphraseSource>,
}

impl CertificateOptions {
    /// Asks for a certificate for a P-256 key, under a name that the RA/CA chooses, and confirms it.
    pub fn new(kind: RequestKind, sender: Option<CmpSender>, directory: impl Into<PathBuf>) -> Self {
        Self {
            kind,
            sender,
            names: Names::new(Name::default()),
            implicit_confirm: false,
            cert_profile: None,
            directory: directory.into(),
            key: WantedKey::Signing(KeyType::P256),
            signature: None,
            key_passphrase: None,
        }
    }
}

/// As whom to appear in TLS, when the server asks: as whoever signs the messages. A key of a KEM signs nothing.
fn tls_identity(
    options: &CmpOptions,
    sender: Option<&CmpSender>,
) -> Result<Option<transfer::tls::Identity>, Error> {
    match sender {
        Some(CmpSender::Certificate { certificate, key })
            if options.tls_ca.is_some() && !credential::is_kem(certificate)? =>
        {
            let (chain, key) = host::read_tls_credential(certificate, key)?;
            Ok(Some(transfer::tls::Identity::new(crate::directory::octets(&chain), key)))
        }
        _ => Ok(None),
    }
}
