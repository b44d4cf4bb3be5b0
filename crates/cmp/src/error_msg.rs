//! ErrorMsgContent: the body error, RFC 9810 section 5.3.21.

use der::Sequence;
use der::asn1::Int;

use crate::status::{PkiFreeText, PkiStatusInfo};

/// Says that an operation has failed, or (status waiting) that it is delayed, RFC 9810 section 5.3.21.
///
/// ```text
/// ErrorMsgContent ::= SEQUENCE {
///   pKIStatusInfo  PKIStatusInfo,
///   errorCode      INTEGER      OPTIONAL,
///   errorDetails   PKIFreeText  OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct ErrorMsgContent {
    pub pki_status_info: PkiStatusInfo,
    pub error_code: Option<Int>,
    pub error_details: Option<PkiFreeText>,
}

impl ErrorMsgContent {
    /// An error that says no more than its status.
    pub const fn new(pki_status_info: PkiStatusInfo) -> Self {
        Self { pki_status_info, error_code: None, error_details: None }
    }
}
