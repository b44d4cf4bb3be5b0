//! Whether what came is what was asked for.

use asn1::{EncodedCertificate, UnixTime};
use crypto::{CertificatePath, ExtendedKeyUsage, Requested, SigningKey};
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::time::Time;

use super::Enrolled;
use super::station::Station;
use super::upload::Received;
use crate::Error;

/// Whom the station believes about its operator's certificates.
pub(super) struct Trust {
    anchors: Vec<EncodedCertificate>,
    others: Vec<EncodedCertificate>,
}

impl Trust {
    /// The anchors given by hand and no others; without them the roots that the NEM handed out (RFC 7030
    /// section 4.1.1).
    pub(super) fn new(given: Option<Vec<EncodedCertificate>>, handed_out: &[EncodedCertificate]) -> Self {
        match given {
            Some(anchors) => Self { anchors, others: handed_out.to_vec() },
            None => {
                let (anchors, others) = handed_out.iter().cloned().partition(is_self_issued);
                Self { anchors, others }
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &EncodedCertificate> {
        self.others.iter().chain(&self.anchors)
    }
}

/// Checks the certificate, and puts together what is to be known of it.
pub(super) fn check(
    station: &Station,
    received: &Received,
    trust: &Trust,
    now: UnixTime,
) -> Result<Enrolled, Error> {
    let own_key = station.key.public_key().spki_octets();
    let (certificate, decoded) = find(&received.certificates, own_key)?
        .ok_or(Error::NoCertificateForKey { count: received.certificates.len() })?;
    let intermediates: Vec<EncodedCertificate> = trust
        .others
        .iter()
        .chain(&received.certificates)
        .filter(|other| *other != certificate)
        .cloned()
        .collect();
    let path = CertificatePath {
        end_entity: certificate,
        intermediates: &intermediates,
        anchors: &trust.anchors,
        extended_key_usage: ExtendedKeyUsage::Any,
        revocation: None,
        now,
    };
    let requested =
        Requested { public_key: own_key, subject: Some(&station.subject), extensions: &station.extensions };
    let decoded = requested.check(&path, &crypto_aws_lc::provider()).map_err(|fault| {
        let issuer = decoded.tbs_certificate().issuer().to_string();
        Error::NotTaken { fault, issuer }
    })?;
    let tbs = decoded.tbs_certificate();
    Ok(Enrolled {
        chain: chain(&decoded, &intermediates, trust),
        subject: tbs.subject().to_string(),
        serial_number: tbs.serial_number().to_string(),
        not_before: unix_time(tbs.validity().not_before),
        not_after: unix_time(tbs.validity().not_after),
        certificate: certificate.clone(),
        key_path: station.paths.key.clone(),
        certificate_path: station.paths.certificate.clone(),
        chain_path: station.paths.chain.clone(),
    })
}

/// The certificate for that key among others.
fn find<'a>(
    certificates: &'a [EncodedCertificate],
    spki: &[u8],
) -> Result<Option<(&'a EncodedCertificate, Certificate)>, Error> {
    for certificate in certificates {
        let decoded = Certificate::from_der(certificate.octets()).map_err(Error::Malformed)?;
        let key = decoded.tbs_certificate().subject_public_key_info().to_der().map_err(Error::Malformed)?;
        if key == spki {
            return Ok(Some((certificate, decoded)));
        }
    }
    Ok(None)
}

/// From the certificate's issuer up to a root, by names; the path itself has been validated.
fn chain(
    certificate: &Certificate,
    intermediates: &[EncodedCertificate],
    trust: &Trust,
) -> Vec<EncodedCertificate> {
    let candidates: Vec<(&EncodedCertificate, Certificate)> = intermediates
        .iter()
        .chain(trust.all())
        .filter_map(|octets| Some((octets, Certificate::from_der(octets.octets()).ok()?)))
        .collect();
    let mut chain: Vec<EncodedCertificate> = Vec::new();
    let mut issuer = certificate.tbs_certificate().issuer();
    while let Some((octets, above)) = candidates.iter().find(|(octets, candidate)| {
        candidate.tbs_certificate().subject() == issuer && !chain.contains(octets)
    }) {
        chain.push((*octets).clone());
        if above.tbs_certificate().issuer() == above.tbs_certificate().subject() {
            break;
        }
        issuer = above.tbs_certificate().issuer();
    }
    chain
}

fn is_self_issued(certificate: &EncodedCertificate) -> bool {
    Certificate::from_der(certificate.octets())
        .is_ok_and(|decoded| decoded.tbs_certificate().issuer() == decoded.tbs_certificate().subject())
}

fn unix_time(time: Time) -> UnixTime {
    UnixTime::from_secs(time.to_unix_duration().as_secs())
}
