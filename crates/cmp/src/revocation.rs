//! RevReqContent and RevRepContent: the bodies rr and rp, RFC 9810 sections 5.3.9 and 5.3.10.

use alloc::vec::Vec;

use asn1::RawDer;
use crmf::{CertId, CertTemplate};
use der::Sequence;
use x509_cert::ext::Extensions;

use crate::status::PkiStatusInfo;

/// `RevReqContent ::= SEQUENCE OF RevDetails`; RFC 9483 section 4.2 wants exactly one.
pub type RevReqContent = Vec<RevDetails>;

/// Which certificate to revoke, and why, RFC 9810 section 5.3.9.
///
/// ```text
/// RevDetails ::= SEQUENCE {
///   certDetails      CertTemplate,
///   crlEntryDetails  Extensions OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct RevDetails {
    pub cert_details: CertTemplate,
    pub crl_entry_details: Option<Extensions>,
}

impl RevDetails {
    /// Names a certificate by issuer and serial number in the template, with a reasonCode extension.
    pub const fn new(cert_details: CertTemplate, crl_entry_details: Option<Extensions>) -> Self {
        Self { cert_details, crl_entry_details }
    }
}

/// The verdicts on a revocation request, RFC 9810 section 5.3.10.
///
/// ```text
/// RevRepContent ::= SEQUENCE {
///   status       SEQUENCE SIZE (1..MAX) OF PKIStatusInfo,
///   revCerts [0] SEQUENCE SIZE (1..MAX) OF CertId OPTIONAL,
///   crls     [1] SEQUENCE SIZE (1..MAX) OF CertificateList OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct RevRepContent {
    pub status: Vec<PkiStatusInfo>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub rev_certs: Option<Vec<CertId>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub crls: Option<Vec<RawDer>>,
}

impl RevRepContent {
    /// The verdict on one request.
    pub fn new(status: PkiStatusInfo) -> Self {
        Self { status: Vec::from([status]), rev_certs: None, crls: None }
    }
}
