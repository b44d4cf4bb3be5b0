//! Whether what came is what was asked for.

use std::path::PathBuf;

use asn1::{EncodedCertificate, UnixTime};
use crypto::{CertificatePath, ExtendedKeyUsage, Requested};
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::time::Time;

use crate::Error;
use crate::directory::Directory;

/// Whom the station believes about its operator's certificates.
pub(crate) struct Trust {
    pub(crate) anchors: Vec<EncodedCertificate>,
    /// What else may lie on a path; believed in nothing.
    pub(crate) others: Vec<EncodedCertificate>,
}

impl Trust {
    /// The anchors given by hand and no others; without them the roots that the NEM handed out (RFC 7030
    /// section 4.1.1).
    pub(crate) fn new(given: Option<Vec<EncodedCertificate>>, handed_out: &[EncodedCertificate]) -> Self {
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

/// A station with its certificate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Enrolled {
    /// The certificate.
    pub certificate: EncodedCertificate,
    /// The CA certificates above it, its issuer's first.
    pub chain: Vec<EncodedCertificate>,
    /// Its subject (RFC 4514).
    pub subject: String,
    /// Its serial number, in hexadecimal digits with colons.
    pub serial_number: String,
    /// From when it is valid.
    pub not_before: UnixTime,
    /// Until when it is valid.
    pub not_after: UnixTime,
    /// Where the private key lies.
    pub key_path: PathBuf,
    /// Where the certificate lies.
    pub certificate_path: PathBuf,
    /// Where the CA certificates lie.
    pub chain_path: PathBuf,
}

/// Checks the certificate for the request's key among those that came, and puts together what is to be known of it.
pub(crate) fn check(
    requested: &Requested<'_>,
    certificates: &[EncodedCertificate],
    trust: &Trust,
    directory: &Directory,
    now: UnixTime,
) -> Result<Enrolled, Error> {
    let (certificate, decoded) = find(certificates, requested.public_key)?
        .ok_or(Error::NoCertificateForKey { count: certificates.len() })?;
    let intermediates: Vec<EncodedCertificate> =
        trust.others.iter().chain(certificates).filter(|other| *other != certificate).cloned().collect();
    let path = CertificatePath {
        end_entity: certificate,
        intermediates: &intermediates,
        anchors: &trust.anchors,
        extended_key_usage: ExtendedKeyUsage::Any,
        revocation: None,
        now,
    };
    let decoded = requested.check(&path, &crypto_aws_lc::provider()).map_err(|fault| {
        let issuer = decoded.tbs_certificate().issuer().to_string();
        Error::NotTaken { fault, issuer }
    })?;
    Ok(Enrolled::new(certificate, &decoded, chain(&decoded, &intermediates, trust), directory))
}

impl Enrolled {
    pub(crate) fn new(
        certificate: &EncodedCertificate,
        decoded: &Certificate,
        chain: Vec<EncodedCertificate>,
        directory: &Directory,
    ) -> Self {
        let tbs = decoded.tbs_certificate();
        Self {
            chain,
            subject: tbs.subject().to_string(),
            serial_number: tbs.serial_number().to_string(),
            not_before: unix_time(tbs.validity().not_before),
            not_after: unix_time(tbs.validity().not_after),
            certificate: certificate.clone(),
            key_path: directory.key.clone(),
            certificate_path: directory.certificate.clone(),
            chain_path: directory.chain.clone(),
        }
    }
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

pub(crate) fn is_self_issued(certificate: &EncodedCertificate) -> bool {
    Certificate::from_der(certificate.octets())
        .is_ok_and(|decoded| decoded.tbs_certificate().issuer() == decoded.tbs_certificate().subject())
}

fn unix_time(time: Time) -> UnixTime {
    UnixTime::from_secs(time.to_unix_duration().as_secs())
}
