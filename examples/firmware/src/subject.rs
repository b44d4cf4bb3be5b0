//! A name built from its parts. One parsed from a string would bring the table of all attribute names: 100 KiB.

use alloc::vec::Vec;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME};
use der::asn1::{Any, Utf8StringRef};
use der::{Decode, Encode};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RelativeDistinguishedName};

/// `O=organization,CN=common_name`, as the factory wrote it into the vendor certificate.
///
/// # Errors
/// When a part is longer than DER can say.
pub fn subject(organization: &str, common_name: &str) -> der::Result<Name> {
    let parts = [part(ORGANIZATION_NAME, organization)?, part(COMMON_NAME, common_name)?];
    Name::from_der(&Vec::from(parts).to_der()?)
}

fn part(oid: ObjectIdentifier, text: &str) -> der::Result<RelativeDistinguishedName> {
    let value = Any::from_der(&Utf8StringRef::new(text)?.to_der()?)?;
    RelativeDistinguishedName::try_from(Vec::from([AttributeTypeAndValue { oid, value }]))
}
