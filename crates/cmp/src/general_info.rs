//! InfoTypeAndValue and the generalInfo field, RFC 9810 section 5.1.1 and 5.3.19.

use alloc::string::String;
use alloc::vec::Vec;

use asn1::UnixTime;
use asn1::oids::rfc9810;
use const_oid::ObjectIdentifier;
use der::asn1::{GeneralizedTime, Null};
use der::{Any, Sequence};

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

    /// confirmWaitTime: certConf is awaited until then, RFC 9810 section 5.1.1.2.
    ///
    /// # Errors
    /// When the time lies after the year 9999.
    pub fn confirm_wait_time(until: UnixTime) -> der::Result<Self> {
        Ok(Self::new(rfc9810::IT_CONFIRM_WAIT_TIME, Some(Any::encode_from(&until.to_generalized_time()?)?)))
    }

    /// certProfile: the name of the profile that the request is for, RFC 9810 section 5.1.1.4.
    ///
    /// # Errors
    /// When the name is too long for DER.
    pub fn cert_profile(name: &str) -> der::Result<Self> {
        let names = Vec::from([String::from(name)]);
        Ok(Self::new(rfc9810::IT_CERT_PROFILE, Some(Any::encode_from(&names)?)))
    }
}

/// What a generalInfo field holds.
pub type GeneralInfo = Vec<InfoTypeAndValue>;

/// Whether implicitConfirm is there. Its value must be NULL (RFC 9810 section 5.1.1.1).
pub(crate) fn has_implicit_confirm(info: Option<&GeneralInfo>) -> der::Result<bool> {
    match value(info, rfc9810::IT_IMPLICIT_CONFIRM) {
        None => Ok(false),
        Some(Some(value)) if value.is_null() => Ok(true),
        Some(_) => Err(der::Tag::Null.value_error().into()),
    }
}

/// The time of confirmWaitTime, if it is there.
pub(crate) fn confirm_wait_time(info: Option<&GeneralInfo>) -> der::Result<Option<UnixTime>> {
    match value(info, rfc9810::IT_CONFIRM_WAIT_TIME) {
        None => Ok(None),
        Some(Some(value)) => Ok(Some(value.decode_as::<GeneralizedTime>()?.into())),
        Some(None) => Err(der::Tag::GeneralizedTime.value_error().into()),
    }
}

/// The profile names of certProfile; empty when it is not there.
pub(crate) fn cert_profile(info: Option<&GeneralInfo>) -> der::Result<Vec<String>> {
    match value(info, rfc9810::IT_CERT_PROFILE) {
        None => Ok(Vec::new()),
        Some(Some(value)) => value.decode_as(),
        Some(None) => Err(der::Tag::Sequence.value_error().into()),
    }
}

fn value(info: Option<&GeneralInfo>, info_type: ObjectIdentifier) -> Option<Option<&Any>> {
    info?.iter().find(|item| item.info_type == info_type).map(|item| item.info_value.as_ref())
}
