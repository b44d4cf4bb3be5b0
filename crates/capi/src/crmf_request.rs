//! CRMF requests, RFC 4211.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::ffi::c_char;

use crmf::{
    CertReqMessages, CertReqMsg, CertReqMsgBuilder, MacLimits, PopoPrivKey, SubsequentMessage,
    VerifiedCertReqMsg,
};
use crypto::SharedSecret;
use der::Encode;
use x509_cert::ext::pkix::name::GeneralName;

use crate::boundary::call_with;
use crate::buffer::{Buffer, Octets, Variable, list, octets, text};
use crate::context::{Context, Inner as ContextInner};
use crate::failure::Failure;
use crate::handle::{self, Locked, lock};
use crate::key::key_kind;
use crate::name;
use crate::request::{Request, change};
use crate::signer::{OutsideKey, Signer, algorithm};
use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_NONE};
use crate::verified::{self, Verified};

/// The octets to sign: the CertRequest in DER, or the POPOSigningKeyInput when there is no subject. They are the same until the request is
/// changed.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_crmf_to_be_signed(
    context: *const Context,
    request: *const Request,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let (request, buffer): (Locked<'_, Request>, _) = unsafe { (lock(request)?, Buffer::new(out, len)?) };
        buffer.deliver(request.crmf()?.to_be_signed()?)
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Makes the request from a signature over those octets, made by that algorithm, one of the CELLCERT_SIG_ constants. The signature
/// is not verified. Read the request, a CertReqMsg, with cellcert_request_octets.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_crmf_with_signature(
    context: *const Context,
    request: *const Request,
    signature_algorithm: i32,
    signature: *const u8,
    signature_len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        let signature = move || octets(signature, signature_len);
        make(context, request, |builder| {
            Ok(builder.with_signature(algorithm(signature_algorithm)?, signature()?)?)
        })
    }
}

/// Makes the request with a signer at hand. Read it, a CertReqMsg, with cellcert_request_octets.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_crmf_sign(
    context: *const Context,
    request: *const Request,
    signer: *const Signer,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { make(context, request, |builder| Ok(builder.sign(&OutsideKey::new(signer)?)?)) }
}

/// Makes the request of an RA that has verified the proof of possession by other means: raVerified stands in its place.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_crmf_ra_verified(context: *const Context, request: *const Request) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { make(context, request, |builder| Ok(builder.ra_verified()?)) }
}

/// The key deciphers: keyEncipherment (RFC 4211 section 4.2)
pub const CELLCERT_POP_KEY_ENCIPHERMENT: i32 = 2;
/// The key agrees on keys: keyAgreement (RFC 4211 section 4.3)
pub const CELLCERT_POP_KEY_AGREEMENT: i32 = 3;

/// The proof comes with certConf, for a certificate that is sent enciphered: encrCert
pub const CELLCERT_SUBSEQUENT_ENCR_CERT: i32 = 0;
/// The proof comes with popdecr, in answer to popdecc: challengeResp
pub const CELLCERT_SUBSEQUENT_CHALLENGE_RESP: i32 = 1;

/// Makes the request for a key that does not sign, one of the CELLCERT_POP_ constants, whose proof comes with a later message, one of the
/// CELLCERT_SUBSEQUENT_ constants.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_crmf_subsequent_message(
    context: *const Context,
    request: *const Request,
    pop: i32,
    subsequent: i32,
) -> i32 {
    let build = |builder: &CertReqMsgBuilder| {
        let message = match subsequent {
            CELLCERT_SUBSEQUENT_ENCR_CERT => SubsequentMessage::EncrCert,
            CELLCERT_SUBSEQUENT_CHALLENGE_RESP => SubsequentMessage::ChallengeResp,
            _ => return Err(Failure::code(CELLCERT_ERR_ARGUMENT)),
        };
        let proof = PopoPrivKey::SubsequentMessage(message);
        match pop {
            CELLCERT_POP_KEY_ENCIPHERMENT => Ok(builder.key_encipherment(proof)?),
            CELLCERT_POP_KEY_AGREEMENT => Ok(builder.key_agreement(proof)?),
            _ => Err(Failure::code(CELLCERT_ERR_ARGUMENT)),
        }
    };
    // SAFETY: the caller's promise.
    unsafe { make(context, request, build) }
}

/// Makes the request for a certificate and its key, which the RA/CA generates (RFC 9483 section 4.1.6), of a request that
/// cellcert_request_new_without_key began. The key comes enciphered for whatever the message is protected with: see
/// cellcert_transaction_open_private_key.
///
/// kind: one of the CELLCERT_KEY_ constants, or 0 to leave it to the RA/CA, which also chooses the length of an RSA key.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_crmf_generate_key(
    context: *const Context,
    request: *const Request,
    kind: i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            let kind = Some(kind).filter(|kind| *kind != 0).map(key_kind).transpose()?;
            request.octets = Some(request.key_generation(kind)?.build()?.octets().to_vec());
            Ok(())
        })
    }
}

unsafe fn make(
    context: *const Context,
    request: *const Request,
    build: impl FnOnce(&CertReqMsgBuilder) -> Result<CertReqMsg, Failure>,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            request.octets = Some(build(&request.crmf()?)?.octets().to_vec());
            Ok(())
        })
    }
}

/// Puts CertReqMsgs together: a CertReqMessages in DER. At most 64.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_crmf_messages(
    context: *const Context,
    requests: *const Octets,
    count: usize,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let (buffer, requests) = unsafe { (Buffer::new(out, len)?, list(requests, count)?) };
        let messages = requests.map(|request| Ok(CertReqMsg::from_der(request?)?));
        let messages = CertReqMessages::new(messages.collect::<Result<Vec<_>, Failure>>()?)?;
        buffer.deliver(messages.to_der()?)
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// The CertReqMsg at that place, from 0, in a CertReqMessages; both in DER. CELLCERT_ERR_NONE behind the last one.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_crmf_message(
    context: *const Context,
    messages: *const u8,
    messages_len: usize,
    index: usize,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let (buffer, messages) = unsafe { (Buffer::new(out, len)?, octets(messages, messages_len)?) };
        let messages = CertReqMessages::from_der(messages)?;
        let message = messages.messages().get(index).ok_or(Failure::code(CELLCERT_ERR_NONE))?;
        buffer.deliver(message.octets().to_vec())
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Verifies the signature of the proof of possession in a CertReqMsg in DER.
///
/// sender: the distinguished name, in DER, under which the sender of the message is authenticated; a request without subject needs it. NULL
/// when there is none.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_crmf_verify(
    context: *const Context,
    request: *const u8,
    request_len: usize,
    sender: *const u8,
    sender_len: usize,
    out: *mut *mut Verified,
) -> i32 {
    let sender = || {
        // SAFETY: the caller's promise.
        let sender = unsafe { octets(sender, sender_len) }?;
        let sender = Some(sender).filter(|sender| !sender.is_empty());
        sender.map(|sender| name::decode(sender).map(GeneralName::DirectoryName)).transpose()
    };
    // SAFETY: the caller's promise.
    unsafe {
        verify(context, request, request_len, out, |request, context| {
            Ok(request.verify_pop(&context.provider, sender()?.as_ref())?)
        })
    }
}

/// The same for a requester that is known by a secret shared with it: a request without subject must hold a publicKeyMAC made with it.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_crmf_verify_with_secret(
    context: *const Context,
    request: *const u8,
    request_len: usize,
    secret: *const c_char,
    out: *mut *mut Verified,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        verify(context, request, request_len, out, |request, context| {
            let secret = SharedSecret::new(text(secret)?.to_string());
            Ok(request.verify_pop_with_secret(&context.provider, &secret, &MacLimits::DEFAULT)?)
        })
    }
}

/// Takes an RA's word, raVerified, in place of a proof. Nothing is verified by this but that a certificate can be asked for so: whoever
/// calls it asserts that the message is protected by an authorised RA.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_crmf_accept_ra_verified(
    context: *const Context,
    request: *const u8,
    request_len: usize,
    out: *mut *mut Verified,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { verify(context, request, request_len, out, |request, _| Ok(request.accept_ra_verified()?)) }
}

unsafe fn verify(
    context: *const Context,
    request: *const u8,
    request_len: usize,
    out: *mut *mut Verified,
    check: impl FnOnce(&CertReqMsg, &ContextInner) -> Result<VerifiedCertReqMsg, Failure>,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let (out, request) = unsafe { (Variable::new(out)?, octets(request, request_len)?) };
        let verified = check(&CertReqMsg::from_der(request)?, context)?;
        let verified = handle::make::<Verified>(verified::Inner::of_crmf(&verified)?);
        Ok(move || out.give(verified))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}
