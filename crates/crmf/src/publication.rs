//! PKIPublicationInfo, RFC 4211 section 6.3.

use alloc::vec::Vec;

use der::{Enumerated, Sequence};
use x509_cert::ext::pkix::name::GeneralName;

/// Whether and where the certificate is to be published.
///
/// ```text
/// PKIPublicationInfo ::= SEQUENCE {
///   action   INTEGER { dontPublish(0), pleasePublish(1) },
///   pubInfos SEQUENCE SIZE (1..MAX) OF SinglePubInfo OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct PkiPublicationInfo {
    pub action: PublicationAction,
    /// Absent with dontPublish.
    pub pub_infos: Option<Vec<SinglePubInfo>>,
}

impl PkiPublicationInfo {
    /// Without places.
    pub const fn new(action: PublicationAction) -> Self {
        Self { action, pub_infos: None }
    }
}

/// Whether to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[asn1(type = "INTEGER")]
#[repr(u8)]
#[non_exhaustive]
pub enum PublicationAction {
    /// dontPublish
    DontPublish = 0,
    /// pleasePublish
    PleasePublish = 1,
}

/// One place.
///
/// ```text
/// SinglePubInfo ::= SEQUENCE {
///   pubMethod   INTEGER { dontCare(0), x500(1), web(2), ldap(3) },
///   pubLocation GeneralName OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct SinglePubInfo {
    pub pub_method: PublicationMethod,
    pub pub_location: Option<GeneralName>,
}

impl SinglePubInfo {
    /// A place.
    pub const fn new(pub_method: PublicationMethod, pub_location: Option<GeneralName>) -> Self {
        Self { pub_method, pub_location }
    }
}

/// How to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[asn1(type = "INTEGER")]
#[repr(u8)]
#[non_exhaustive]
pub enum PublicationMethod {
    /// dontCare
    DontCare = 0,
    /// x500
    X500 = 1,
    /// web
    Web = 2,
    /// ldap
    Ldap = 3,
}
