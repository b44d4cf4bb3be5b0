//! Refusals that nobody protected, for whoever has to put up with them.

use asn1::UnixTime;

use crate::body::PkiBody;
use crate::error::Error;
use crate::message::PkiMessage;
use crate::quirks::Quirk;
use crate::status::{PkiStatus, PkiStatusInfo};
use crate::validation::{Expectation, Validator};

/// A refusal without protection that answers the message that was sent, as [`Quirk::UnprotectedErrors`] takes it. Whoever saw that
/// message can have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnprotectedRefusal {
    status: PkiStatusInfo,
}

impl UnprotectedRefusal {
    /// Why, as whoever sent it says.
    pub const fn status(&self) -> &PkiStatusInfo {
        &self.status
    }
}

impl Validator<'_> {
    /// Takes a message that has no protection at all, and is a refusal of the message that was sent: transactionID and recipNonce
    /// fit, and all that it says is one rejection, in the body error, ip, cp, kup, ccp or rp. Call it when [`Validator::validate`]
    /// has failed; what it returns should be logged as what it is.
    ///
    /// # Errors
    /// [`Error::Unprotected`] without [`Quirk::UnprotectedErrors`], and whenever the message says anything else than no. What is
    /// wrong with its header. [`Error::WrongProtection`] when it has a protection.
    pub fn unprotected_refusal(
        &self,
        message: &PkiMessage,
        expectation: &Expectation<'_>,
        now: UnixTime,
    ) -> Result<UnprotectedRefusal, Error> {
        if message.protection().is_some() || message.header().protection_alg.is_some() {
            return Err(Error::WrongProtection);
        }
        if !self.quirks.contains(Quirk::UnprotectedErrors) || matches!(expectation, Expectation::First) {
            return Err(Error::Unprotected);
        }
        self.validate_header(message.header(), expectation, now)?;
        match rejection(message.body()) {
            Some(status) => Ok(UnprotectedRefusal { status: status.clone() }),
            None => Err(Error::Unprotected),
        }
    }
}

/// The status of a body that grants nothing, promises nothing and brings nothing.
fn rejection(body: &PkiBody) -> Option<&PkiStatusInfo> {
    let status = match body {
        PkiBody::Error(content) => &content.pki_status_info,
        PkiBody::Ip(content) | PkiBody::Cp(content) | PkiBody::Kup(content) | PkiBody::Ccp(content) => {
            match (content.response.as_slice(), &content.ca_pubs) {
                ([response], None) if response.certified_key_pair.is_none() => &response.status,
                _ => return None,
            }
        }
        PkiBody::Rp(content) => match (content.status.as_slice(), &content.rev_certs, &content.crls) {
            ([status], None, None) => status,
            _ => return None,
        },
        _ => return None,
    };
    (status.status == PkiStatus::Rejection).then_some(status)
}
