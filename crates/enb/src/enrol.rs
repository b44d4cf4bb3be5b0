//! A station's enrolment at a NEM: PKCS #10 over HTTPS in the form of RFC 7030, mutually authenticated.

mod station;
mod upload;

use std::path::PathBuf;
use std::time::Duration;

use crypto_aws_lc::KeyType;
use host::{KeySignature, KeySource, Names, PassphraseSource, now};
use transfer::est::EstClient;
use transfer::http::ClientOptions;

use crate::blocking::blocking;
use crate::issued::{Trust, check};
use crate::{Enrolled, Error, Progress};
use station::Station;

/// Who enrols where, and as whom.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EnrolOptions {
    /// The NEM: `https://host:port`.
    pub nem: String,
    /// The certificates of those who certify NEMs (PEM): the NEM's TLS certificate must have a path to one.
    pub nem_ca: PathBuf,
    /// How the station shows who it is.
    pub identity: Identity,
    /// The operator's trust anchors (PEM). Without them the CA certificates that the NEM hands out are believed
    /// (RFC 7030 section 4.1.1), because TLS has shown that it is the NEM.
    pub operator_ca: Option<PathBuf>,
    /// Where `key.pem`, `cert.pem` and `chain.pem` lie, or shall lie.
    pub directory: PathBuf,
    /// The kind of key to make, when there is none in the directory.
    pub key_type: KeyType,
    /// What the station's key signs its request with, if it is an RSA key and that is not PKCS #1 v1.5 with SHA-256.
    pub signature: Option<KeySignature>,
    /// Where the passphrase of `key.pem` in the directory comes from; a new key is encrypted with it.
    pub key_passphrase: Option<PassphraseSource>,
    /// The time after which to give up.
    pub timeout: Duration,
}

/// How the station shows who it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Identity {
    /// By its vendor's certificate: it enrols for a certificate of the operator.
    Vendor {
        /// The certificate and what lies between it and the vendor's root (PEM).
        certificate: PathBuf,
        /// Its private key: a PEM file that only its owner may read, or in a token.
        key: KeySource,
        /// The names to be certified.
        names: Names,
    },
    /// By the operator's certificate in the directory: it renews it, with the same names and key.
    Operator,
}

impl EnrolOptions {
    /// Options with a P-256 key and an hour's time.
    pub fn new(
        nem: impl Into<String>,
        nem_ca: impl Into<PathBuf>,
        identity: Identity,
        directory: impl Into<PathBuf>,
    ) -> Self {
        Self {
            nem: nem.into(),
            nem_ca: nem_ca.into(),
            identity,
            operator_ca: None,
            directory: directory.into(),
            key_type: KeyType::P256,
            signature: None,
            key_passphrase: None,
            timeout: Duration::from_secs(3600),
        }
    }
}

/// Enrols a station, or renews its certificate: makes its key and request in the directory, uploads the request until
/// the NEM answers, checks the certificate (its key is the station's, its subject the one asked for, its path leads to
/// the operator's CA) and writes it.
///
/// When it is stopped at any point, the next call goes on with the same key and request. `progress` is called at each
/// step; it must not block.
///
/// # Errors
/// When something given cannot be used, the NEM refuses, time is over, or the certificate is not the one asked for. Then
/// no certificate was written.
pub async fn enrol(
    options: &EnrolOptions,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Enrolled, Error> {
    // Without TLS the NEM does not know who it is, and the station not who answers.
    if !options.nem.starts_with("https://") {
        return Err(Error::NotHttps(options.nem.clone()));
    }
    let station = blocking({
        let options = options.clone();
        move || Station::prepare(&options)
    })
    .await?;
    progress(Progress::RequestReady { continued: station.continued });

    let mut client = ClientOptions::default();
    client.timeout = client.timeout.min(options.timeout);
    client.tls = Some(
        transfer::tls::client_config(&station.nem_anchors, Some(station.tls_identity()))
            .map_err(Error::Transfer)?,
    );
    let client = EstClient::new(&options.nem, client).map_err(Error::Transfer)?;
    let received = upload::upload(&client, &station, options.timeout, progress).await;
    if let Err(Error::Refused { .. }) = &received {
        // The NEM has ended this request. What is asked for next time is a new one.
        station.forget_request();
    }
    let received = received?;

    blocking(move || {
        let trust = Trust::new(station.operator_anchors.clone(), &received.ca_certificates);
        let requested = station.requested();
        let enrolled = check(&requested, &received.certificates, &trust, &station.directory, now())?;
        station.keep(&enrolled)?;
        Ok(enrolled)
    })
    .await
    .inspect(|_| progress(Progress::Issued))
}
