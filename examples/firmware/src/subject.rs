//! A name built from its parts. One parsed from a string would bring the table of all attribute names: 100 KiB.

use alloc::vec::Vec;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME};
use der::Tag;
use der::asn1::Any;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

/// `O=organization,CN=common_name`, as the factory wrote it into the vendor certificate.
///
/// # Errors
/// When a part is longer than DER can say.
pub fn subject(organization: &str, common_name: &str) -> der::Result<Name> {
    let parts = [part(ORGANIZATION_NAME, organization)?, part(COMMON_NAME, common_name)?];
    // Of values that are UTF8Strings, as RFC 5280 section 4.1.2.4 wants them; the name says so of other kinds.
    Ok(Name::hazmat_from_rdn_sequence(RdnSequence::from(Vec::from(parts))))
}

fn part(oid: ObjectIdentifier, text: &str) -> der::Result<RelativeDistinguishedName> {
    let value = Any::new(Tag::Utf8String, text.as_bytes())?;
    RelativeDistinguishedName::try_from(Vec::from([AttributeTypeAndValue { oid, value }]))
}
