//! An RA's protection in place of the sender's, RFC 9483 section 5.2.3.
//!
//! The message stays in its transaction: transactionID, nonces and generalInfo are the sender's, and so are the octets of the body.
//! The RA/CA sees the RA's word alone for who sent it, so everything is verified before. What must be seen under the
//! sender's own protection is not changed: [`keeps_its_protection`].

use alloc::vec::Vec;

use asn1::{RawDer, UnixTime};
use crmf::{CertReqMessages, CertReqMsg};
use crypto::CryptoProvider;
use x509_cert::name::Name;

use crate::body::{BodyKind, PkiBody};
use crate::error::Error;
use crate::info_value::InfoValue;
use crate::management_entity::{VerifiedRequest, verify_pop};
use crate::message::PkiMessage;
use crate::protection::{HeaderFields, ProtectedPart, SenderIdentity};
use crate::validation::ValidatedMessage;

/// Whether a request is worth nothing under another's protection: a kur and an rr are believed because of the certificate that signs
/// them (RFC 9483 sections 4.1.3 and 4.2), and a key that the RA/CA generates, or a certificate that proves possession, is
/// enciphered for whoever protected the request (section 4.1.6, RFC 9810 section 5.2.8.3.2).
pub fn keeps_its_protection(message: &PkiMessage) -> bool {
    match message.body() {
        PkiBody::Kur(_) | PkiBody::Rr(_) => true,
        PkiBody::Ir(messages) | PkiBody::Cr(messages) => {
            let enciphered =
                |request: &CertReqMsg| request.template().asks_for_key_generation() || request.is_encr_cert();
            messages.messages().iter().any(enciphered)
        }
        _ => false,
    }
}

/// Puts an RA's protection in the place of a validated message's own: an ir, cr or p10cr whose proof of possession holds, or
/// a certConf, pollReq or genm. The RA has decided that the sender may send it.
///
/// The proof of possession stays as it is (RFC 9483 section 5.2.3.1), unless the request has no subject: then the proof is bound to
/// the sender's name, which is not in the message any more. The RA enters `subject` in its place, says raVerified, and the
/// message as it was goes along as origPKIMessage (section 5.2.3.2).
///
/// # Errors
/// [`Error::NotAuthorized`] when the message [keeps its protection](keeps_its_protection), or there is no subject at all;
/// [`Error::UnexpectedBody`] when it is none of these; whatever is wrong with the proof of possession.
pub fn replace_protection(
    message: &ValidatedMessage,
    subject: Option<&Name>,
    identity: &SenderIdentity,
    provider: &CryptoProvider,
    now: UnixTime,
) -> Result<ProtectedPart, Error> {
    let received = message.message();
    if keeps_its_protection(received) {
        return Err(Error::NotAuthorized("this request goes up under its sender's own protection"));
    }
    let named = match received.body() {
        PkiBody::Ir(messages) | PkiBody::Cr(messages) => {
            VerifiedRequest::verify(message, provider)?;
            named(messages, message, subject, provider)?
        }
        PkiBody::P10cr(_) => {
            VerifiedRequest::verify(message, provider)?;
            None
        }
        PkiBody::CertConf(_) | PkiBody::PollReq(_) | PkiBody::Genm(_) => None,
        body => return Err(Error::UnexpectedBody(body.kind())),
    };
    let header = received.header();
    let mut general_info = header.general_info.clone().unwrap_or_default();
    if named.is_some() {
        let original = RawDer::new(received.octets()).map_err(Error::Encoding)?;
        let original = InfoValue::OrigPkiMessage(Vec::from([original]));
        general_info.push(original.close().map_err(Error::Encoding)?);
    }
    let fields = HeaderFields {
        pvno: header.pvno,
        sender_nonce: Some(message.sender_nonce().clone()),
        recip_nonce: header.recip_nonce.clone(),
        general_info,
        ..HeaderFields::new(header.recipient.clone(), message.transaction_id().clone())
    };
    let part = |body: &PkiBody| ProtectedPart::new(identity, fields, body.encoded()?, provider, now);
    let mut part = match (named, received.body().kind()) {
        (Some(named), BodyKind::Ir) => part(&PkiBody::Ir(named))?,
        (Some(named), _) => part(&PkiBody::Cr(named))?,
        (None, _) => {
            let mut part = part(received.body())?;
            part.replace_body(received.body_octets().to_vec());
            part
        }
    };
    part.add_extra_certs(received.extra_certs());
    Ok(part)
}

/// The request with the subject that it lacks; `None` when it has one.
fn named(
    messages: &CertReqMessages,
    message: &ValidatedMessage,
    subject: Option<&Name>,
    provider: &CryptoProvider,
) -> Result<Option<CertReqMessages>, Error> {
    let [request] = messages.messages() else { return Ok(None) };
    if request.template().subject.is_some() {
        return Ok(None);
    }
    let subject = subject.ok_or(Error::NotAuthorized("the request has no subject"))?;
    let verified = verify_pop(request, message, provider)?;
    let named = verified.with_subject(subject.clone()).map_err(Error::CertReqMsg)?;
    CertReqMessages::new(Vec::from([named])).map(Some).map_err(Error::CertReqMsg)
}
