//! Uploads a request until there is an answer, or no time left.

use std::time::Duration;

use asn1::EncodedCertificate;
use transfer::TransferError;
use transfer::est::{EstClient, EstOutcome};

use super::station::Station;
use crate::attempts::{Attempts, passes};
use crate::{Error, Progress};

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
    let mut attempts = Attempts::new(timeout, progress);
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
                attempts.succeeded();
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

fn encoded(certificates: Vec<Vec<u8>>) -> Result<Vec<EncodedCertificate>, Error> {
    certificates.iter().map(|octets| EncodedCertificate::new(octets).map_err(Error::Malformed)).collect()
}
