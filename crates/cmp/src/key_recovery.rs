//! KeyRecRepContent: the body krp, RFC 9810 section 5.3.8. A krr is a CertReqMessages.

use alloc::vec::Vec;

use asn1::EncodedCertificate;
use der::Sequence;

use crate::cert_rep::CertifiedKeyPair;
use crate::status::PkiStatusInfo;

/// The answer to a key recovery request, RFC 9810 section 5.3.8.
///
/// ```text
/// KeyRecRepContent ::= SEQUENCE {
///   status          PKIStatusInfo,
///   newSigCert  [0] CMPCertificate OPTIONAL,
///   caCerts     [1] SEQUENCE SIZE (1..MAX) OF CMPCertificate OPTIONAL,
///   keyPairHist [2] SEQUENCE SIZE (1..MAX) OF CertifiedKeyPair OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct KeyRecRepContent {
    pub status: PkiStatusInfo,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub new_sig_cert: Option<EncodedCertificate>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub ca_certs: Option<Vec<EncodedCertificate>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    pub key_pair_hist: Option<Vec<CertifiedKeyPair>>,
}

impl KeyRecRepContent {
    /// A status without keys.
    pub const fn new(status: PkiStatusInfo) -> Self {
        Self { status, new_sig_cert: None, ca_certs: None, key_pair_hist: None }
    }
}
