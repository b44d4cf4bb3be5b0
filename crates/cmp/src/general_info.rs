//! InfoTypeAndValue and the generalInfo field, RFC 9810 section 5.1.1 and 5.3.19.

use alloc::string::String;
use alloc::vec::Vec;

use asn1::oids::rfc9810;
use asn1::{UnixTime, compose};
use const_oid::ObjectIdentifier;
use der::asn1::{GeneralizedTime, Null, Utf8StringRef};
use der::{Any, DecodeOwned, Encode, Sequence, Tag};

/// One piece of information by its type, RFC 9810 section 5.3.19.
///
/// ```text
/// InfoTypeAndValue ::= SEQUENCE {
///   infoType  OBJECT IDENTIFIER,
///   infoValue ANY DEFINED BY infoType OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct InfoTypeAndValue {
    pub info_type: ObjectIdentifier,
    pub info_value: Option<Any>,
}

impl InfoTypeAndValue {
    /// An item of that type.
    pub const fn new(info_type: ObjectIdentifier, info_value: Option<Any>) -> Self {
        Self { info_type, info_value }
    }

    /// implicitConfirm, RFC 9810 section 5.1.1.1.
    pub fn implicit_confirm() -> Self {
        Self::new(rfc9810::IT_IMPLICIT_CONFIRM, Some(Null.into()))
    }
}

/// What a generalInfo field holds.
pub type GeneralInfo = Vec<InfoTypeAndValue>;

/// Whether implicitConfirm is there. Its value must be NULL (RFC 9810 section 5.1.1.1).
pub(crate) fn has_implicit_confirm(info: Option<&GeneralInfo>) -> der::Result<bool> {
    find::<Null>(info, rfc9810::IT_IMPLICIT_CONFIRM).map(|value| value.is_some())
}

/// The time of confirmWaitTime, if it is there.
pub(crate) fn confirm_wait_time(info: Option<&GeneralInfo>) -> der::Result<Option<UnixTime>> {
    find::<GeneralizedTime>(info, rfc9810::IT_CONFIRM_WAIT_TIME).map(|time| time.map(UnixTime::from))
}

/// Whether it is a certProfile that only a lenient reader lets pass.
pub(crate) fn is_bare_cert_profile(item: &InfoTypeAndValue) -> bool {
    bare_cert_profile(item).is_some()
}

fn bare_cert_profile(item: &InfoTypeAndValue) -> Option<String> {
    let value = item.info_value.as_ref().filter(|_| item.info_type == rfc9810::IT_CERT_PROFILE)?;
    value.decode_as::<Utf8StringRef<'_>>().ok().map(|name| String::from(name.as_str()))
}

/// The profile names of certProfile; empty when it is not there.
pub(crate) fn cert_profile(info: Option<&GeneralInfo>) -> der::Result<Vec<String>> {
    if let Some(name) = info.into_iter().flatten().find_map(bare_cert_profile) {
        return Ok(Vec::from([name]));
    }
    find(info, rfc9810::IT_CERT_PROFILE).map(Option::unwrap_or_default)
}

/// certProfile with the name of one profile.
pub(crate) fn of_cert_profile(name: &str) -> der::Result<InfoTypeAndValue> {
    let names = compose(Tag::Utf8String, &[name.as_bytes()])?;
    Ok(InfoTypeAndValue::new(rfc9810::IT_CERT_PROFILE, Some(Any::new(Tag::Sequence, names)?)))
}

/// The first item of that type. In a header an item must have its value. Not by way of `InfoValue`, which knows all types.
fn find<T: DecodeOwned<Error = der::Error>>(
    info: Option<&GeneralInfo>,
    info_type: ObjectIdentifier,
) -> der::Result<Option<T>> {
    let Some(item) = info.and_then(|info| info.iter().find(|item| item.info_type == info_type)) else {
        return Ok(None);
    };
    let value = item.info_value.as_ref().ok_or_else(|| Tag::Null.value_error())?;
    T::from_der(&value.to_der()?).map(Some)
}
