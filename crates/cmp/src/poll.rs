//! PollReqContent and PollRepContent, RFC 9810 section 5.3.22.

use alloc::vec::Vec;
use core::time::Duration;

use der::{Encode, Sequence};

use crate::CertReqId;
use crate::body::{BodyKind, EncodedBody};
use crate::error::Error;
use crate::status::PkiFreeText;
use crate::version::Pvno;

/// `PollReqContent ::= SEQUENCE OF PollReqItem`
pub type PollReqContent = Vec<PollReqItem>;

/// `PollRepContent ::= SEQUENCE OF PollRepItem`
pub type PollRepContent = Vec<PollRepItem>;

/// Asks for the answer to one request: `SEQUENCE { certReqId INTEGER }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the field
pub struct PollReqItem {
    pub cert_req_id: CertReqId,
}

impl PollReqItem {
    /// Asks for that request's answer.
    pub const fn new(cert_req_id: CertReqId) -> Self {
        Self { cert_req_id }
    }
}

/// The pollReq for one request.
pub(crate) fn request(cert_req_id: CertReqId) -> Result<EncodedBody, Error> {
    let content = Vec::from([PollReqItem::new(cert_req_id)]).to_der().map_err(Error::Encoding)?;
    EncodedBody::new(BodyKind::PollReq, &content, Pvno::CMP2000)
}

/// Says when to ask again, RFC 9810 section 5.3.22.
///
/// ```text
/// PollRepItem ::= SEQUENCE {
///   certReqId   INTEGER,
///   checkAfter  INTEGER,  -- seconds
///   reason      PKIFreeText OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct PollRepItem {
    pub cert_req_id: CertReqId,
    pub check_after: u32,
    pub reason: Option<PkiFreeText>,
}

impl PollRepItem {
    /// Ask again after that time; parts of a second round up.
    pub fn new(cert_req_id: CertReqId, check_after: Duration) -> Self {
        let seconds = check_after.as_secs().saturating_add(u64::from(check_after.subsec_nanos() > 0));
        Self { cert_req_id, check_after: u32::try_from(seconds).unwrap_or(u32::MAX), reason: None }
    }

    /// How long to wait before asking again.
    pub fn check_after(&self) -> Duration {
        Duration::from_secs(u64::from(self.check_after))
    }
}
