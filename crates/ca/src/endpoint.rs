//! The paths of RFC 9811 section 3.4, and what may come to them.

use asn1::oids::rfc9810::{IT_CA_CERTS, IT_CERT_REQ_TEMPLATE, IT_CRL_STATUS_LIST, IT_ROOT_CA_CERT};
use cmp::{BodyKind, PkiBody, PkiFailureInfo};

use crate::{Error, Policy};

/// Where a message was posted: `/.well-known/cmp[/p/<profile>][/<operation>]`.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs)] // the two parts of a path
pub struct Endpoint<'a> {
    /// The certificate profile in the path.
    pub profile: Option<&'a str>,
    /// The operation in the path, RFC 9483 section 6.1: `initialization` and so on.
    pub operation: Option<&'a str>,
}

impl Endpoint<'_> {
    /// A message fits when its body belongs to the operation, certConf and pollReq included. A single message with an RA's protection
    /// comes to the path of what is inside, or as any nested one to `nested`.
    pub(crate) fn check(&self, body: &PkiBody, policy: &Policy) -> Result<(), Error> {
        let refuse = |reason| Err(Error::policy(PkiFailureInfo::BAD_REQUEST, reason));
        if self.profile.is_some_and(|name| policy.by_name(name).is_none()) {
            return refuse("the path names a profile that this CA does not have");
        }
        let Some(operation) = self.operation else { return Ok(()) };
        let enrols = |first| {
            let kind = body.kind();
            kind == first || matches!(kind, BodyKind::CertConf | BodyKind::PollReq)
        };
        let asks = |info_type| match body {
            PkiBody::Genm(questions) => questions.iter().all(|question| question.info_type == info_type),
            _ => false,
        };
        let fits = match operation {
            "initialization" => enrols(BodyKind::Ir),
            "certification" => enrols(BodyKind::Cr),
            "keyupdate" => enrols(BodyKind::Kur),
            "pkcs10" => enrols(BodyKind::P10cr),
            "revocation" => body.kind() == BodyKind::Rr,
            "getcacerts" => asks(IT_CA_CERTS),
            "getrootupdate" => asks(IT_ROOT_CA_CERT),
            "getcertreqtemplate" => asks(IT_CERT_REQ_TEMPLATE),
            "getcrls" => asks(IT_CRL_STATUS_LIST),
            // What is inside was nested to come here.
            "nested" => true,
            _ => return refuse("the path names an operation that does not exist (RFC 9483 section 6.1)"),
        };
        if fits { Ok(()) } else { refuse("the message's body does not belong to the operation in the path") }
    }
}
