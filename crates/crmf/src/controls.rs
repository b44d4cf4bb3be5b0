//! Controls, RFC 4211 section 6.

use asn1::RawDer;
use asn1::oids::rfc4211::REG_CTRL_OLD_CERT_ID;
use const_oid::ObjectIdentifier;
use der::Sequence;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::serial_number::SerialNumber;

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
    pub serial_number: SerialNumber,
}

impl CertId {
    /// A certificate by its issuer and serial number.
    pub const fn new(issuer: GeneralName, serial_number: SerialNumber) -> Self {
        Self { issuer, serial_number }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::{Decode, Encode};
    use x509_cert::name::Name;

    fn cert_id() -> CertId {
        CertId::new(GeneralName::DirectoryName(Name::default()), SerialNumber::new(&[42]).unwrap())
    }

    #[test]
    fn cert_id_names_its_issuer_as_directory_name() {
        let octets = [0x30, 0x07, 0xa4, 0x02, 0x30, 0x00, 0x02, 0x01, 0x2a];
        assert_eq!(cert_id().to_der().unwrap(), octets);
        assert_eq!(CertId::from_der(&octets).unwrap(), cert_id());
    }

    #[test]
    fn old_cert_id_is_found_among_other_controls() {
        let other = AttributeTypeAndValue::new(
            ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.5.1.1"),
            RawDer::new(&[0x0c, 0x00]).unwrap(),
        );
        assert_eq!(old_cert_id(&[]), Ok(None));
        assert_eq!(old_cert_id(core::slice::from_ref(&other)), Ok(None));
        let control = AttributeTypeAndValue::for_old_cert_id(&cert_id()).unwrap();
        assert_eq!(old_cert_id(&[other, control]), Ok(Some(cert_id())));
    }

    #[test]
    fn old_cert_id_stands_there_once_and_is_a_cert_id() {
        let control = AttributeTypeAndValue::for_old_cert_id(&cert_id()).unwrap();
        let twice = [control.clone(), control];
        assert_eq!(old_cert_id(&twice), Err(Error::DuplicateControl(REG_CTRL_OLD_CERT_ID)));
        let value = RawDer::new(&[0x30, 0x00]).unwrap();
        let malformed = AttributeTypeAndValue::new(REG_CTRL_OLD_CERT_ID, value);
        assert!(matches!(old_cert_id(&[malformed]), Err(Error::Malformed(_))));
    }
}
