use der::Decode;
use der::oid::AssociatedOid;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

use crate::body::PkiBody;
use crate::error::Error;
use crate::revocation::RevDetails;
use crate::status::PkiFailureInfo;
use crate::trust::Signer;
use crate::validation::ValidatedMessage;

/// A request to revoke one certificate, inspected (RFC 9483 section 4.2). Whether its sender may ask for that is not decided
/// yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RevocationRequest {
    /// Who issued the certificate.
    pub issuer: Name,
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// Why it shall be revoked; removeFromCRL takes it off hold.
    pub reason: CrlReason,
    /// Who asks.
    pub signer: Signer,
}

impl RevocationRequest {
    /// Inspects an rr.
    ///
    /// # Errors
    /// When it is another body, names no or several certificates, or has no or a malformed reason.
    pub fn inspect(message: &ValidatedMessage) -> Result<Self, Error> {
        let PkiBody::Rr(content) = message.body() else {
            return Err(Error::UnexpectedBody(message.body().kind()));
        };
        let [details] = content.as_slice() else {
            return Err(Error::NotExactlyOne { what: "RevDetails", count: content.len() });
        };
        // A MAC proves who somebody is, and not that he has the certificate.
        if message.signer().certificate().is_none() {
            return Err(Error::WrongProtection);
        }
        let refuse = |reason| Error::Policy { fail_info: PkiFailureInfo::BAD_CERT_TEMPLATE, reason };
        let template = &details.cert_details;
        let issuer = template.issuer.clone().ok_or(refuse("certDetails lacks the issuer"))?;
        let serial_number =
            template.serial_number.clone().ok_or(refuse("certDetails lacks the serialNumber"))?;
        Ok(Self {
            issuer,
            serial_number,
            reason: reason_code(details)?.ok_or(refuse("crlEntryDetails lacks the reasonCode"))?,
            signer: message.signer().clone(),
        })
    }
}

/// RFC 9483 section 4.2 wants it there, once. Other extensions, such as invalidityDate, are not heeded.
fn reason_code(details: &RevDetails) -> Result<Option<CrlReason>, Error> {
    let extensions = details.crl_entry_details.as_deref().unwrap_or_default();
    let mut reasons = extensions.iter().filter(|extension| extension.extn_id == CrlReason::OID);
    let (reason, twice) = (reasons.next(), reasons.next().is_some());
    if twice {
        return Err(Error::NotExactlyOne { what: "reasonCode", count: 2 });
    }
    let reason = reason.map(|extension| CrlReason::from_der(extension.extn_value.as_bytes()));
    reason.transpose().map_err(|_| Error::Policy {
        fail_info: PkiFailureInfo::BAD_CERT_TEMPLATE,
        reason: "the reasonCode is none of RFC 5280 section 5.3.1",
    })
}
