//! Distinguished names, which C holds as DER.

use alloc::vec::Vec;
use core::ffi::c_char;

use asn1::oids::x520;
use der::{Any, Decode, Encode, Tag};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RelativeDistinguishedName};

use crate::boundary::call_with;
use crate::buffer::{Buffer, array, text};
use crate::context::Context;
use crate::failure::Failure;
use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_MALFORMED};

/// commonName (CN)
pub const CELLCERT_NAME_COMMON_NAME: i32 = 1;
/// serialNumber
pub const CELLCERT_NAME_SERIAL_NUMBER: i32 = 2;
/// countryName (C): two letters
pub const CELLCERT_NAME_COUNTRY: i32 = 3;
/// localityName (L)
pub const CELLCERT_NAME_LOCALITY: i32 = 4;
/// stateOrProvinceName (ST)
pub const CELLCERT_NAME_STATE: i32 = 5;
/// organizationName (O)
pub const CELLCERT_NAME_ORGANIZATION: i32 = 6;
/// organizationalUnitName (OU)
pub const CELLCERT_NAME_ORGANIZATIONAL_UNIT: i32 = 7;
/// domainComponent (DC)
pub const CELLCERT_NAME_DOMAIN_COMPONENT: i32 = 8;

/// One part of a distinguished name.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NamePart {
    /// One of the CELLCERT_NAME_ constants.
    pub attribute: i32,
    /// What it says: UTF-8, of 1 to 64 characters.
    pub value: *const c_char,
}

/// Makes a distinguished name in DER from its parts, as they stand in the encoding: the widest first, the commonName as a rule last. Of no
/// parts it is the NULL-DN.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_name(
    context: *const Context,
    parts: *const NamePart,
    count: usize,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let (buffer, parts) = unsafe { (Buffer::new(out, len)?, array(parts, count)?) };
        let rdn = |part: &NamePart| {
            // SAFETY: the caller's promise.
            let value = unsafe { text(part.value) }?;
            rdn(part.attribute, value)
        };
        let rdns = parts.iter().map(rdn).collect::<Result<Vec<_>, _>>()?;
        buffer.deliver(rdns.to_der()?)
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Which strings an attribute may hold: RFC 5280 appendix A.1 for the kind, RFC 4519 section 2.4 for domainComponent.
fn rdn(attribute: i32, value: &str) -> Result<RelativeDistinguishedName, Failure> {
    let (oid, tag) = match attribute {
        CELLCERT_NAME_COMMON_NAME => (x520::COMMON_NAME, Tag::Utf8String),
        CELLCERT_NAME_SERIAL_NUMBER => (x520::SERIAL_NUMBER, Tag::PrintableString),
        CELLCERT_NAME_COUNTRY => (x520::COUNTRY_NAME, Tag::PrintableString),
        CELLCERT_NAME_LOCALITY => (x520::LOCALITY_NAME, Tag::Utf8String),
        CELLCERT_NAME_STATE => (x520::STATE_OR_PROVINCE_NAME, Tag::Utf8String),
        CELLCERT_NAME_ORGANIZATION => (x520::ORGANIZATION_NAME, Tag::Utf8String),
        CELLCERT_NAME_ORGANIZATIONAL_UNIT => (x520::ORGANIZATIONAL_UNIT_NAME, Tag::Utf8String),
        CELLCERT_NAME_DOMAIN_COMPONENT => (x520::DOMAIN_COMPONENT, Tag::Ia5String),
        _ => return Err(Failure::code(CELLCERT_ERR_ARGUMENT)),
    };
    let fits = match tag {
        Tag::PrintableString => value.bytes().all(is_printable),
        Tag::Ia5String => value.is_ascii(),
        _ => true,
    };
    let length = if attribute == CELLCERT_NAME_COUNTRY { 2..=2 } else { 1..=64 };
    if !fits || !length.contains(&value.chars().count()) {
        return Err(Failure::code(CELLCERT_ERR_ARGUMENT));
    }
    let attribute = AttributeTypeAndValue { oid, value: Any::new(tag, value.as_bytes())? };
    Ok(RelativeDistinguishedName::try_from(Vec::from([attribute]))?)
}

/// PrintableString, X.680 section 41.4.
const fn is_printable(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(octet, b' ' | b'\'' | b'(' | b')' | b'+'..=b'/' | b':' | b'=' | b'?')
}

/// A name as C holds it.
pub(crate) fn decode(octets: &[u8]) -> Result<Name, Failure> {
    Name::from_der(octets).map_err(|error| Failure::new(CELLCERT_ERR_MALFORMED, &error))
}
