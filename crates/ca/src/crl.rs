//! Certificate revocation lists, RFC 5280 section 5.

use alloc::vec::Vec;
use core::time::Duration;

use asn1::UnixTime;
use der::asn1::{BitString, Uint};
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber, CrlReason};

use crate::Error;
use crate::issue::{Issuer, time};
use crate::profile::extension;
use crate::registry::{CertificateRecord, CertificateStatus, CrlRecord};

/// How long a revoked certificate that has expired still stands on the list: longer than the time between two lists, as RFC 5280
/// section 3.3 demands.
const KEPT_AFTER_EXPIRY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Issuer {
    /// Signs a list of these certificates, which is to be replaced by `next_update`.
    pub(crate) fn sign_crl(
        &self,
        number: u64,
        revoked: &[CertificateRecord],
        now: UnixTime,
        next_update: UnixTime,
    ) -> Result<CrlRecord, Error> {
        let mut entries = Vec::new();
        for record in revoked {
            entries.extend(entry(record, now)?);
        }
        let number_value = CrlNumber(Uint::new(&number.to_be_bytes()).map_err(Error::Encoding)?);
        let key_identifier = AuthorityKeyIdentifier {
            key_identifier: Some(self.key_id().clone()),
            ..AuthorityKeyIdentifier::default()
        };
        let tbs_cert_list: TbsCertList = TbsCertList {
            version: Version::V2,
            signature: self.key().algorithm().identifier(),
            issuer: self.name().clone(),
            this_update: time(now)?,
            next_update: Some(time(next_update)?),
            revoked_certificates: Some(entries).filter(|entries| !entries.is_empty()),
            crl_extensions: Some(Vec::from([
                extension(false, &key_identifier)?,
                extension(false, &number_value)?,
            ])),
        };
        let to_be_signed = tbs_cert_list.to_der().map_err(Error::Encoding)?;
        let signature = self.key().sign(&to_be_signed)?;
        let list = CertificateList {
            signature_algorithm: tbs_cert_list.signature.clone(),
            signature: BitString::from_bytes(&signature).map_err(Error::Encoding)?,
            tbs_cert_list,
        };
        Ok(CrlRecord { number, octets: list.to_der().map_err(Error::Encoding)? })
    }
}

/// What the list says of a certificate; nothing of one that is not revoked, or has expired long ago. The reason is left out where there
/// is none to tell (RFC 5280 section 5.3.1).
fn entry(record: &CertificateRecord, now: UnixTime) -> Result<Option<RevokedCert>, Error> {
    let CertificateStatus::Revoked { at, reason } = record.status else { return Ok(None) };
    let certificate =
        Certificate::from_der(record.certificate.octets()).map_err(cmp::Error::MalformedCertificate)?;
    let not_after = certificate.tbs_certificate().validity().not_after.to_unix_duration().as_secs();
    if UnixTime::from_secs(not_after).saturating_add(KEPT_AFTER_EXPIRY) < now {
        return Ok(None);
    }
    let extensions = match reason {
        CrlReason::Unspecified => None,
        reason => Some(Vec::from([extension(false, &reason)?])),
    };
    Ok(Some(RevokedCert {
        serial_number: record.serial_number.clone(),
        revocation_date: time(at)?,
        crl_entry_extensions: extensions,
    }))
}
