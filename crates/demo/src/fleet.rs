//! The stations: from the factory to their operator certificates.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use asn1::EncodedCertificate;
use crypto::{CertificatePath, ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::read_key_file;
use der::{Decode, Encode};
use enb::{EnrolOptions, Identity, Progress};
use host::files::read_certificates;
use host::{Names, parse_name};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::info;
use x509_cert::Certificate;

use crate::factory::{Factory, Product};

/// Stations that enrol at a time: each has a TLS connection, and files open.
const AT_A_TIME: usize = 64;

/// More than any demo takes; a station that waits that long will wait for ever.
const TIME_LIMIT: Duration = Duration::from_secs(120);

pub(crate) struct Station {
    pub(crate) name: String,
    pub(crate) subject: String,
    pub(crate) product: Product,
    directory: PathBuf,
}

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) station: String,
    pub(crate) subject: String,
    pub(crate) serial_number: String,
    pub(crate) not_before: String,
    pub(crate) not_after: String,
    pub(crate) milliseconds: u128,
    pub(crate) directory: PathBuf,
}

impl Station {
    pub(crate) fn make(number: usize, fleet: &Path, factory: &Factory) -> Result<Self> {
        let name = format!("enb{number:04}");
        let directory = fleet.join(&name);
        Ok(Self {
            subject: format!("CN={name}.operator.example,O=Operator"),
            product: factory.make(number, &directory)?,
            name,
            directory,
        })
    }

    fn host_name(&self) -> String {
        format!("{}.operator.example", self.name)
    }

    /// Its part of the NEM's inventory.
    pub(crate) fn inventory_entry(&self) -> String {
        format!(
            "\n[[station]]\nname = {:?}\nvendor_subject = {:?}\nsubject = {:?}\ndns = [{:?}]\n",
            self.name,
            self.product.vendor_subject,
            self.subject,
            self.host_name()
        )
    }

    async fn enrol(&self, nem: &str, operator_ca: &Path) -> Result<Row> {
        let mut names = Names::new(parse_name(&self.subject).map_err(anyhow::Error::msg)?);
        names.dns.push(self.host_name());
        let identity = Identity::Vendor {
            certificate: self.product.certificate.clone(),
            key: self.product.key.clone().into(),
            names,
        };
        let mut options = EnrolOptions::new(nem, operator_ca, identity, &self.directory);
        options.operator_ca = Some(operator_ca.to_owned());
        options.timeout = TIME_LIMIT;
        let began = Instant::now();
        let log = |progress: Progress| info!(station = self.name, "{progress}");
        let enrolled = enb::enrol(&options, &log).await?;
        let milliseconds = began.elapsed().as_millis();
        Ok(Row {
            station: self.name.clone(),
            subject: enrolled.subject,
            serial_number: enrolled.serial_number,
            not_before: enrolled.not_before.to_string(),
            not_after: enrolled.not_after.to_string(),
            milliseconds,
            directory: self.directory.clone(),
        })
    }
}

/// Makes the stations of a fleet.
pub(crate) fn make(count: usize, fleet: &Path, factory: &Factory, bar: &ProgressBar) -> Result<Vec<Station>> {
    let station = |number| {
        let station = Station::make(number, fleet, factory);
        bar.inc(1);
        station
    };
    (1..=count).map(station).collect()
}

/// Enrols them in parallel. Returns what became of each, in their order.
pub(crate) async fn enrol(
    stations: Arc<Vec<Station>>,
    nem: &str,
    operator_ca: &Path,
    bar: &ProgressBar,
) -> Vec<Result<Row>> {
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut running = JoinSet::new();
    for number in 0..stations.len() {
        let (stations, places) = (stations.clone(), places.clone());
        let (nem, operator_ca, bar) = (nem.to_owned(), operator_ca.to_owned(), bar.clone());
        running.spawn(async move {
            // The semaphore is never closed.
            let _place = places.acquire().await;
            let station = stations.get(number).context("there is no such station")?;
            let row = station.enrol(&nem, &operator_ca).await;
            bar.inc(1);
            if let Ok(row) = &row {
                bar.set_message(row.station.clone());
            }
            row.with_context(|| station.name.clone())
        });
    }
    let mut rows = running.join_all().await;
    rows.sort_by_key(name_of);
    rows
}

fn name_of(row: &Result<Row>) -> String {
    row.as_ref().map_or_else(ToString::to_string, |row| row.station.clone())
}

/// That the station's files are what they should be, read as anybody else would read them: the certificate leads to the
/// operator's CA, is for the station's own key, and for its name.
pub(crate) fn verify(row: &Row, operator_ca: &[EncodedCertificate]) -> Result<()> {
    let certificates = read_certificates(&row.directory.join("cert.pem"))?;
    let leaf = certificates.first().context("there is no certificate")?;
    let path = CertificatePath {
        end_entity: leaf,
        intermediates: &[],
        anchors: operator_ca,
        extended_key_usage: ExtendedKeyUsage::Any,
        revocation: None,
        now: host::now(),
    };
    crypto_aws_lc::provider()
        .validate_path(&path)
        .with_context(|| format!("{}: the certificate does not verify", row.station))?;
    let certificate = Certificate::from_der(leaf.octets())?;
    let tbs = certificate.tbs_certificate();
    let key = read_key_file(row.directory.join("key.pem"))?;
    ensure!(
        tbs.subject_public_key_info().to_der()? == key.public_key().spki_octets(),
        "{}: the certificate is for another key than the station's",
        row.station
    );
    ensure!(
        tbs.subject().to_string() == row.subject,
        "{}: the certificate is for {}",
        row.station,
        tbs.subject()
    );
    Ok(())
}
