//! Uploads a request until there is an answer, or no time left.

use std::time::Duration;

use asn1::EncodedCertificate;
use tokio::time::{Instant, sleep, timeout_at};
use transfer::TransferError;
use transfer::est::{EstClient, EstOutcome};

use super::Progress;
use super::station::Station;
use crate::Error;

/// The first pause after a failure, and the longest; in between each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// What the NEM handed out, unbelieved.
pub(super) struct Received {
    pub(super) certificates: Vec<EncodedCertificate>,
    pub(super) ca_certificates: Vec<EncodedCertificate>,
}

/// Gets the CA certificates, then the station's.
pub(super) async fn upload(
    client: &EstClient,
    station: &Station,
    timeout: Duration,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Received, Error> {
    let mut attempts = Attempts { timeout, deadline: Instant::now() + timeout, pause: PAUSES.0, progress };
    let ca_certificates = loop {
        match attempts.within("the NEM's CA certificates", client.ca_certs()).await? {
            Ok(certificates) => break certificates,
            // Who brought the operator's CA along can do without.
            Err(TransferError::BadStatus { status: 404 | 501, .. }) if station.operator_anchors.is_some() => {
                break Vec::new();
            }
            Err(error) => attempts.pause_after(error).await?,
        }
    };
    let certificates = loop {
        progress(Progress::Uploading);
        let outcome =
            attempts.within("the NEM's answer", client.enroll(&station.request, station.renewal)).await?;
        match outcome {
            Ok(EstOutcome::Certificates(certificates)) => break certificates,
            Ok(EstOutcome::Pending { retry_after }) => {
                attempts.pause = PAUSES.0;
                progress(Progress::Waiting { retry_after });
                attempts.sleep(retry_after, "the NEM is still working on the request").await?;
            }
            Ok(EstOutcome::Refused { status, reason, retry_after: Some(retry_after) }) => {
                let reason = format!("the NEM is not ready (HTTP status {status}): {reason}");
                attempts.retry(reason, retry_after).await?;
            }
            Ok(EstOutcome::Refused { status, reason, .. }) if passes(status) => {
                attempts.back_off(format!("the NEM is not ready (HTTP status {status}): {reason}")).await?;
            }
            Ok(EstOutcome::Refused { status, reason, .. }) => return Err(Error::Refused { status, reason }),
            Ok(_) => return Err(Error::Refused { status: 0, reason: "an unknown answer".to_owned() }),
            Err(error) => attempts.pause_after(error).await?,
        }
    };
    Ok(Received { certificates: encoded(certificates)?, ca_certificates: encoded(ca_certificates)? })
}

/// HTTP statuses that another attempt may change (RFC 9110 section 15.5 and 15.6).
const fn passes(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

fn encoded(certificates: Vec<Vec<u8>>) -> Result<Vec<EncodedCertificate>, Error> {
    certificates.iter().map(|octets| EncodedCertificate::new(octets).map_err(Error::Malformed)).collect()
}

struct Attempts<'a> {
    timeout: Duration,
    deadline: Instant,
    pause: Duration,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl Attempts<'_> {
    async fn within<T>(&self, what: &str, work: impl Future<Output = T>) -> Result<T, Error> {
        timeout_at(self.deadline, work).await.map_err(|_| self.timed_out(format!("{what} did not come")))
    }

    async fn pause_after(&mut self, error: TransferError) -> Result<(), Error> {
        match error {
            TransferError::Unreachable { .. } | TransferError::Timeout { .. } => {
                self.back_off(error.to_string()).await
            }
            TransferError::BadStatus { status, .. } if passes(status) => {
                self.back_off(error.to_string()).await
            }
            TransferError::BadStatus { status, text, .. } => Err(Error::Refused { status, reason: text }),
            error => Err(Error::Transfer(error)),
        }
    }

    /// Stations that failed together do not come back together: up to half of a pause is left to chance.
    async fn back_off(&mut self, reason: String) -> Result<(), Error> {
        let chance = crypto_aws_lc::provider().random::<1>().map_or(0, |[octet]| octet);
        let pause = self.pause / 2 + self.pause / 2 * u32::from(chance) / 255;
        self.pause = self.pause.saturating_mul(2).min(PAUSES.1);
        self.retry(reason, pause).await
    }

    async fn retry(&self, reason: String, after: Duration) -> Result<(), Error> {
        (self.progress)(Progress::Retrying { reason: reason.clone(), after });
        self.sleep(after, &reason).await
    }

    /// To sleep beyond the deadline would be in vain.
    async fn sleep(&self, pause: Duration, waiting_for: &str) -> Result<(), Error> {
        if Instant::now().checked_add(pause).is_none_or(|until| until > self.deadline) {
            return Err(self.timed_out(waiting_for.to_owned()));
        }
        sleep(pause).await;
        Ok(())
    }

    fn timed_out(&self, waiting_for: String) -> Error {
        Error::TimedOut { after: self.timeout, waiting_for }
    }
}
