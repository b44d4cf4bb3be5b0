//! Controls, RFC 4211 section 6.

use asn1::RawDer;
use asn1::oids::rfc4211::REG_CTRL_OLD_CERT_ID;
use const_oid::ObjectIdentifier;
use der::Sequence;
use der::asn1::Int;
use x509_cert::ext::pkix::name::GeneralName;

use crate::Error;

/// A control, or a piece of registration information: its value is kept as octets.
///
/// ```text
/// AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY DEFINED BY type }
/// ```
///
/// RFC 4211 section 3.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
pub struct AttributeTypeAndValue {
    /// What it is.
    pub oid: ObjectIdentifier,
    /// Its value.
    pub value: RawDer,
}

impl AttributeTypeAndValue {
    /// A control by its type and value.
    pub const fn new(oid: ObjectIdentifier, value: RawDer) -> Self {
        Self { oid, value }
    }

    pub(crate) fn for_old_cert_id(id: &CertId) -> Result<Self, Error> {
        Ok(Self::new(REG_CTRL_OLD_CERT_ID, RawDer::build(id).map_err(Error::Encoding)?))
    }
}

pub(crate) fn old_cert_id(controls: &[AttributeTypeAndValue]) -> Result<Option<CertId>, Error> {
    let mut found = controls.iter().filter(|control| control.oid == REG_CTRL_OLD_CERT_ID);
    let Some(control) = found.next() else {
        return Ok(None);
    };
    if found.next().is_some() {
        return Err(Error::DuplicateControl(REG_CTRL_OLD_CERT_ID));
    }
    control.value.decode_as().map(Some).map_err(Error::Malformed)
}

/// Names a certificate.
///
/// ```text
/// CertId ::= SEQUENCE { issuer GeneralName, serialNumber INTEGER }
/// ```
///
/// RFC 4211 section 6.5.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
pub struct CertId {
    /// The certificate's issuer, as a directoryName.
    pub issuer: GeneralName,
    /// Its serial number.
    pub serial_number: Int,
}

impl CertId {
    /// A certificate by its issuer and serial number.
    pub const fn new(issuer: GeneralName, serial_number: Int) -> Self {
        Self { issuer, serial_number }
    }
}
