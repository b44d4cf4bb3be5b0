//! What the NEM wants done.

use alloc::string::{String, ToString};
use core::ffi::c_char;

use nem::{Happening, Output};

use super::{Inner, Nem, gone, look, none};
use crate::boundary::call;
use crate::buffer::{Buffer, Variable};
use crate::failure::Failure;
use crate::handle::{Locked, lock};

/// Send a message to an RA/CA; come back with cellcert_nem_answer or cellcert_nem_failure.
pub const CELLCERT_OUTPUT_SEND: i32 = 1;
/// Something happened to a request: log it. When the certificate is there, or there will be none, tell the station.
pub const CELLCERT_OUTPUT_EVENT: i32 = 2;
/// Something happened to an RA/CA or to a batch: log it.
pub const CELLCERT_OUTPUT_NOTICE: i32 = 3;
/// Something that this version of the interface has no number for.
pub const CELLCERT_OUTPUT_OTHER: i32 = 4;

/// Something else happened to the request.
pub const CELLCERT_HAPPENING_OTHER: i32 = 0;
/// It is in the ledger.
pub const CELLCERT_HAPPENING_ACCEPTED: i32 = 1;
/// The certificate is there: the station can have it.
pub const CELLCERT_HAPPENING_READY: i32 = 2;
/// There will be no certificate.
pub const CELLCERT_HAPPENING_REJECTED: i32 = 3;
/// Something failed that will be tried again.
pub const CELLCERT_HAPPENING_RETRY: i32 = 4;

/// Takes the next thing to do, and sets `kind` to one of the CELLCERT_OUTPUT_ constants; the cellcert_nem_output_ calls are about it then. What was
/// taken before is gone. CELLCERT_ERR_NONE: there is nothing until something happens.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_next_output(nem: *const Nem, kind: *mut i32) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (mut nem, kind): (Locked<'_, Nem>, _) = unsafe { (lock(nem)?, Variable::new(kind)?) };
        nem.output = nem.machine.as_mut().ok_or(gone())?.poll_output();
        let number = match nem.output.as_ref().ok_or(none())? {
            Output::Send { .. } => CELLCERT_OUTPUT_SEND,
            Output::Event(_) => CELLCERT_OUTPUT_EVENT,
            Output::Notice(_) => CELLCERT_OUTPUT_NOTICE,
            _ => CELLCERT_OUTPUT_OTHER,
        };
        Ok(move || {
            kind.set(number);
            drop(nem);
        })
    })
}

/// CELLCERT_OUTPUT_SEND: the number of the exchange.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_output_exchange(nem: *const Nem, exchange: *mut u64) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |_, inner| {
            let out = Variable::new(exchange)?;
            let Some(Output::Send { exchange, .. }) = &inner.output else { return Err(none()) };
            let number = exchange.number();
            Ok(move || out.set(number))
        })
    }
}

/// CELLCERT_OUTPUT_SEND: the message, a PKIMessage in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_output_message(nem: *const Nem, out: *mut u8, len: *mut usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |_, inner| {
            let buffer = Buffer::new(out, len)?;
            let Some(Output::Send { message, .. }) = &inner.output else { return Err(none()) };
            buffer.deliver(message.clone())
        })
    }
}

/// CELLCERT_OUTPUT_SEND and CELLCERT_OUTPUT_NOTICE: the name of the RA/CA.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_output_upstream(
    nem: *const Nem,
    out: *mut c_char,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        words(nem, out, len, |inner| match &inner.output {
            Some(Output::Send { upstream, .. }) => Some(upstream.to_string()),
            Some(Output::Notice(notice)) => Some(notice.upstream.clone()),
            _ => None,
        })
    }
}

/// CELLCERT_OUTPUT_EVENT: the name of the station.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_output_station(
    nem: *const Nem,
    out: *mut c_char,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        words(nem, out, len, |inner| match &inner.output {
            Some(Output::Event(event)) => Some(event.station.clone()),
            _ => None,
        })
    }
}

/// CELLCERT_OUTPUT_EVENT: the request, 16 octets at `id`; and what happened, one of the CELLCERT_HAPPENING_ constants.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_output_event(nem: *const Nem, id: *mut u8, happening: *mut i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |_, inner| {
            let (id, out) = (Variable::new(id.cast::<[u8; 16]>())?, Variable::new(happening)?);
            let Some(Output::Event(event)) = &inner.output else { return Err(none()) };
            let number = match &event.happening {
                Happening::Accepted => CELLCERT_HAPPENING_ACCEPTED,
                Happening::Offered | Happening::Carried | Happening::Confirmed => CELLCERT_HAPPENING_READY,
                Happening::Rejected(_) => CELLCERT_HAPPENING_REJECTED,
                Happening::Retry { .. } => CELLCERT_HAPPENING_RETRY,
                _ => CELLCERT_HAPPENING_OTHER,
            };
            let request = *event.request.as_octets();
            Ok(move || {
                id.set(request);
                out.set(number);
            })
        })
    }
}

/// CELLCERT_OUTPUT_EVENT and CELLCERT_OUTPUT_NOTICE: what happened, in words for the log.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_output_text(nem: *const Nem, out: *mut c_char, len: *mut usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        words(nem, out, len, |inner| match &inner.output {
            Some(Output::Event(event)) => Some(event.happening.to_string()),
            Some(Output::Notice(notice)) => Some(notice.news.to_string()),
            _ => None,
        })
    }
}

unsafe fn words(
    nem: *const Nem,
    out: *mut c_char,
    len: *mut usize,
    words: impl FnOnce(&Inner) -> Option<String>,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |_, inner| {
            let buffer = Buffer::for_text(out, len)?;
            let words: String = words(inner).ok_or(none())?;
            let told: Result<_, Failure> = buffer.deliver_text(&words);
            told
        })
    }
}
