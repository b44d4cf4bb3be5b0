//! Tells what a file holds, in the RFC's own words: a certification request, CRMF, or a PKIMessage.

mod cmp;
mod crmf;
mod detect;
mod fields;
mod pkcs10;
mod tree;

use std::fmt;

use ::cmp::{PkiMessage, ReadingPolicy};
use ::crmf::{CertReqMessages, CertReqMsg};
use ::pkcs10::CertReq;
use serde::Serialize;

pub use detect::InspectError;
use detect::Kind;
use tree::{Fields, Value};

/// The largest file that is looked into, in octets.
pub const MAX_INSPECTED: usize = 4 * 1024 * 1024;

/// How many messages inside messages are opened.
const DEPTH_INSPECTED: u8 = 8;

/// What was found. `Display` prints it for people, indented; it serialises for programs, with the same names.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Inspection(Fields);

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.print(f, 0)
    }
}

/// Looks into a CertificationRequest (RFC 2986), CertReqMessages or a CertReqMsg (RFC 4211), or a PKIMessage
/// (RFC 9810), as DER, PEM or base64. Signatures are verified, and the verdicts shown; the messages inside a nested one
/// are opened. What a strict reader would refuse as a deviation is shown as such.
///
/// # Errors
/// Why it cannot be shown: what it is instead, or where its syntax breaks.
pub fn inspect(file: &[u8]) -> Result<Inspection, InspectError> {
    if file.len() > MAX_INSPECTED {
        return Err(InspectError::TooLarge { octets: file.len(), limit: MAX_INSPECTED });
    }
    let octets = detect::unwrap(file)?;
    let kind = detect::kind(&octets)?;
    let malformed = |reason: String| InspectError::Malformed { kind: kind.name(), reason };
    let content: Value = match kind {
        Kind::CertReq => {
            let request = CertReq::from_der(&octets).map_err(|error| malformed(error.to_string()))?;
            pkcs10::certification_request(&request).into()
        }
        Kind::CertReqMessages => {
            let requests =
                CertReqMessages::from_der(&octets).map_err(|error| malformed(error.to_string()))?;
            crmf::cert_req_messages(requests.messages(), None)
        }
        Kind::CertReqMsg => {
            let request = CertReqMsg::from_der(&octets).map_err(|error| malformed(error.to_string()))?;
            crmf::cert_req_msg(&request, None).into()
        }
        Kind::PkiMessage => {
            let mut policy = ReadingPolicy::lenient();
            policy.message_size = MAX_INSPECTED;
            policy.nested_depth = DEPTH_INSPECTED;
            let message =
                PkiMessage::inspect(&octets, &policy).map_err(|error| malformed(error.to_string()))?;
            cmp::pki_message(&message, &policy).into()
        }
    };
    Ok(Inspection(Fields::new().with(kind.name(), content).with("length", fields::count(octets.len()))))
}
