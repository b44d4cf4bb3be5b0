//! What happens outside and is told to the NEM.

use core::ffi::c_char;

use nem::{ExchangeId, Input, Label, Upload};

use super::config::{Known, Shown};
use super::standing::standing_number;
use super::{Nem, change, look, none, request_id};
use crate::buffer::{Variable, octets, optional_text, text};
use crate::context::Context;
use crate::failure::Failure;
use crate::status::CELLCERT_ERR_ARGUMENT;

/// A PKCS #10 request: a CertificationRequest in DER
pub const CELLCERT_UPLOAD_PKCS10: i32 = 0;
/// CertReqMessages (RFC 4211) in DER, with one request
pub const CELLCERT_UPLOAD_CRMF: i32 = 1;

/// Takes an upload of whoever shows that. When this returns CELLCERT_OK the request is in the ledger. The same octets uploaded again are the same
/// request. CELLCERT_ERR_STATION, CELLCERT_ERR_NAME and others say why it is not taken; nothing was stored then.
///
/// kind: one of the CELLCERT_UPLOAD_ constants.
/// label: what the station calls it, 1 to 64 letters, digits, '.', '_' and '-', the first one no '.'; or NULL.
/// id: 16 octets, which become the request's name.
/// standing: one of the CELLCERT_STANDING_ constants, or NULL.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_upload(
    context: *const Context,
    nem: *const Nem,
    shown: *const Shown,
    kind: i32,
    request: *const u8,
    request_len: usize,
    label: *const c_char,
    id: *mut u8,
    standing: *mut i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            let id = Variable::new(id.cast::<[u8; 16]>())?;
            let standing = if standing.is_null() { None } else { Some(Variable::new(standing)?) };
            let (known, request) = (Known::new(shown)?, octets(request, request_len)?);
            let upload = match kind {
                CELLCERT_UPLOAD_PKCS10 => Upload::Pkcs10(request),
                CELLCERT_UPLOAD_CRMF => Upload::CertReqMessages(request),
                _ => return Err(Failure::code(CELLCERT_ERR_ARGUMENT)),
            };
            let wrong = || Failure::code(CELLCERT_ERR_ARGUMENT);
            let label = optional_text(label)?.map(|label| Label::new(label).ok_or_else(wrong)).transpose()?;
            let (made, stands) = nem.upload(known.shown(), upload, label.as_ref(), now)?;
            let (made, stands) = (*made.as_octets(), standing_number(&stands));
            Ok(move || {
                id.set(made);
                if let Some(standing) = standing {
                    standing.set(stands);
                }
            })
        })
    }
}

unsafe fn happened<'a>(
    context: *const Context,
    nem: *const Nem,
    input: impl FnOnce() -> Result<Input<'a>, Failure>,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            nem.handle(input()?, now)?;
            Ok(|| ())
        })
    }
}

/// The RA/CA answered a message that was sent, with a PKIMessage in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_answer(
    context: *const Context,
    nem: *const Nem,
    exchange: u64,
    answer: *const u8,
    answer_len: usize,
) -> i32 {
    let exchange = ExchangeId::new(exchange);
    // SAFETY: the caller's promise.
    unsafe { happened(context, nem, || Ok(Input::Answer { exchange, octets: octets(answer, answer_len)? })) }
}

/// A message that was sent got no answer; it is sent again later.
///
/// understood: 0 when it was answered by something that is no CMP message, an HTTP status for instance; 1 when nothing came back.
/// reason: for the log.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_failure(
    context: *const Context,
    nem: *const Nem,
    exchange: u64,
    understood: i32,
    reason: *const c_char,
) -> i32 {
    let exchange = ExchangeId::new(exchange);
    // SAFETY: the caller's promise.
    unsafe {
        happened(context, nem, || {
            let reason = text(reason)?;
            Ok(match understood {
                0 => Input::Misunderstood { exchange, reason },
                _ => Input::Failure { exchange, reason },
            })
        })
    }
}

/// The station has fetched its certificate. id: the request's 16 octets.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_delivered(
    context: *const Context,
    nem: *const Nem,
    id: *const u8,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { happened(context, nem, || Ok(Input::Delivered { request: request_id(id)? })) }
}

/// Time has passed.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_tick(context: *const Context, nem: *const Nem) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { happened(context, nem, || Ok(Input::Tick)) }
}

/// When to call cellcert_nem_tick, if nothing happens before: in milliseconds since 1970-01-01T00:00:00Z. CELLCERT_ERR_NONE: never.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_timeout(nem: *const Nem, milliseconds: *mut u64) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |nem, _| {
            let out = Variable::new(milliseconds)?;
            let due = nem.poll_timeout().ok_or(none())?.as_duration().as_millis();
            let due = u64::try_from(due).unwrap_or(u64::MAX);
            Ok(move || out.set(due))
        })
    }
}
