//! The stations: from the factory to their operator certificates.

use std::ops::Range;
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
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::info;
use x509_cert::Certificate;

use crate::factory::{Factory, Product};

/// Stations that enrol at a time: each has a TLS connection, and files open. More than those that have to wait in the outage.
const AT_A_TIME: usize = 192;

/// More than any demo takes; a station that waits that long will wait for ever.
const TIME_LIMIT: Duration = Duration::from_secs(600);

pub(crate) struct Station {
    pub(crate) name: String,
    pub(crate) subject: String,
    pub(crate) product: Product,
    pub(crate) directory: PathBuf,
}

/// A station that has its certificate.
#[derive(Clone, Debug)]
pub(crate) struct Enrolled {
    pub(crate) station: String,
    pub(crate) not_before: String,
    pub(crate) not_after: String,
    pub(crate) milliseconds: u128,
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

    async fn enrol(&self, nem: &str, operator_ca: &Path, with: With) -> Result<Enrolled> {
        let identity = match with {
            With::VendorCertificate => {
                let mut names = Names::new(parse_name(&self.subject).map_err(anyhow::Error::msg)?);
                names.dns.push(self.host_name());
                Identity::Vendor {
                    certificate: self.product.certificate.clone(),
                    key: self.product.key.clone().into(),
                    names,
                }
            }
            With::OperatorCertificate => Identity::Operator,
        };
        let mut options = EnrolOptions::new(nem, operator_ca, identity, &self.directory);
        options.operator_ca = Some(operator_ca.to_owned());
        options.timeout = TIME_LIMIT;
        let began = Instant::now();
        let log = |progress: Progress| info!(station = self.name, "{progress}");
        let enrolled = enb::enrol(&options, &log).await?;
        Ok(Enrolled {
            station: self.name.clone(),
            not_before: enrolled.not_before.to_string(),
            not_after: enrolled.not_after.to_string(),
            milliseconds: began.elapsed().as_millis(),
        })
    }

    /// The serial number of the certificate in the station's file, read as anybody else would read it: it leads to the operator's CA,
    /// and is for the station's own key and name.
    pub(crate) fn holds(&self, operator_ca: &[EncodedCertificate]) -> Result<String> {
        let certificates = read_certificates(&self.directory.join("cert.pem"))?;
        let leaf = certificates.first().context("there is no certificate")?;
        let path = CertificatePath {
            end_entity: leaf,
            intermediates: &[],
            anchors: operator_ca,
            extended_key_usage: ExtendedKeyUsage::Any,
            revocation: None,
            now: host::now(),
        };
        crypto_aws_lc::provider().validate_path(&path).context("the certificate does not verify")?;
        let certificate = Certificate::from_der(leaf.octets())?;
        let tbs = certificate.tbs_certificate();
        let key = read_key_file(self.directory.join("key.pem"))?;
        ensure!(
            tbs.subject_public_key_info().to_der()? == key.public_key().spki_octets(),
            "the certificate is for another key than the station's"
        );
        ensure!(tbs.subject().to_string() == self.subject, "the certificate is for {}", tbs.subject());
        Ok(tbs.serial_number().to_string())
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

/// What stations show the NEM.
#[derive(Clone, Copy)]
pub(crate) enum With {
    /// The vendor's, to get the operator's.
    VendorCertificate,
    /// The operator's, to get the next one.
    OperatorCertificate,
}

/// Stations that enrol or renew, all at once.
pub(crate) struct Enrolments {
    stations: Arc<Vec<Station>>,
    nem: Arc<str>,
    operator_ca: Arc<Path>,
    places: Arc<Semaphore>,
    running: JoinSet<Result<Enrolled>>,
    /// What became of those that are not running any more.
    ended: Vec<Result<Enrolled>>,
}

impl Enrolments {
    pub(crate) fn new(stations: Arc<Vec<Station>>, nem: &str, operator_ca: &Path) -> Self {
        Self {
            stations,
            nem: nem.into(),
            operator_ca: operator_ca.into(),
            places: Arc::new(Semaphore::new(AT_A_TIME)),
            running: JoinSet::new(),
            ended: Vec::new(),
        }
    }

    /// These begin, by their positions in the fleet.
    pub(crate) fn begin(&mut self, numbers: Range<usize>, with: With) {
        for number in numbers {
            let (stations, places) = (self.stations.clone(), self.places.clone());
            let (nem, operator_ca) = (self.nem.clone(), self.operator_ca.clone());
            self.running.spawn(async move {
                // The semaphore is never closed.
                let _place = places.acquire().await;
                let station = stations.get(number).context("there is no such station")?;
                station.enrol(&nem, &operator_ca, with).await.with_context(|| station.name.clone())
            });
        }
    }

    /// Waits until that many more have ended; returns how many of them have certificates.
    pub(crate) async fn end(&mut self, count: usize, bar: &ProgressBar) -> Result<usize> {
        let mut enrolled = 0;
        for _ in 0..count {
            let Some(ended) = self.running.join_next().await else { break };
            let ended = ended.context("a station's task ended badly")?;
            if let Ok(station) = &ended {
                enrolled += 1;
                bar.set_message(station.station.clone());
            }
            bar.inc(1);
            self.ended.push(ended);
        }
        Ok(enrolled)
    }

    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }

    pub(crate) fn into_ended(self) -> Vec<Result<Enrolled>> {
        self.ended
    }
}
