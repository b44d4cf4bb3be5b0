//! What operators do.

use core::ffi::c_char;

use asn1::UnixTime;
use nem::ledger::RequestId;
use nem::{CommandError, Health};

use super::{Machine, Nem, change, look, none, request_id};
use crate::buffer::{Variable, optional_text, text};
use crate::context::Context;

/// Lets what waits for its batch go now: at the RA/CA of that name, or with NULL at all.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_flush(
    context: *const Context,
    nem: *const Nem,
    upstream: *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            nem.flush(optional_text(upstream)?, now)?;
            Ok(|| ())
        })
    }
}

/// Holds a request, given its 16 octets: nothing about it goes up until it is released.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_hold(context: *const Context, nem: *const Nem, id: *const u8) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { command(context, nem, id, Machine::hold) }
}

/// Lets a request go on that was held.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_release(
    context: *const Context,
    nem: *const Nem,
    id: *const u8,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { command(context, nem, id, Machine::release) }
}

/// Tries a request again at once: one that waits for that, or one that was rejected, which begins anew.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_retry(context: *const Context, nem: *const Nem, id: *const u8) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { command(context, nem, id, Machine::retry_now) }
}

/// Rejects a request; a certificate that still comes for it is turned down.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_reject(
    context: *const Context,
    nem: *const Nem,
    id: *const u8,
    reason: *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            nem.reject(request_id(id)?, text(reason)?, now)?;
            Ok(|| ())
        })
    }
}

/// The station of that name wants that certificate no more. CELLCERT_ERR_NONE: the request is decided already, or not the station's.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_cancel(
    context: *const Context,
    nem: *const Nem,
    station: *const c_char,
    id: *const u8,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            if nem.cancel(text(station)?, request_id(id)?, now)? { Ok(|| ()) } else { Err(none()) }
        })
    }
}

unsafe fn command(
    context: *const Context,
    nem: *const Nem,
    id: *const u8,
    command: impl FnOnce(&mut Machine, RequestId, UnixTime) -> Result<(), CommandError>,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            command(nem, request_id(id)?, now)?;
            Ok(|| ())
        })
    }
}

/// How many requests are not decided.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_requests_under_way(nem: *const Nem, count: *mut usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |nem, _| {
            let out = Variable::new(count)?;
            let count = nem.requests_under_way();
            Ok(move || out.set(count))
        })
    }
}

/// Since when no RA/CA answers, in seconds since 1970-01-01T00:00:00Z: if it lasts, carry requests by hand. CELLCERT_ERR_NONE: one does.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_outage(nem: *const Nem, since: *mut u64) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |nem, _| {
            let out = Variable::new(since)?;
            let since = nem.outage().ok_or(none())?.as_secs();
            Ok(move || out.set(since))
        })
    }
}

/// It answers.
pub const CELLCERT_HEALTH_UP: i32 = 0;
/// It does not answer, and is left alone for a while.
pub const CELLCERT_HEALTH_DOWN: i32 = 1;
/// It is asked whether it answers again.
pub const CELLCERT_HEALTH_PROBED: i32 = 2;

/// How the RA/CA of that name does: one of the CELLCERT_HEALTH_ constants; and how many messages wait for it. CELLCERT_ERR_NONE: there is none of
/// that name.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_health(
    nem: *const Nem,
    upstream: *const c_char,
    health: *mut i32,
    waiting: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |nem, _| {
            let (out, count, name) = (Variable::new(health)?, Variable::new(waiting)?, text(upstream)?);
            let status = nem.upstreams().find(|status| &*status.name == name).ok_or(none())?;
            let number = match status.health {
                Health::Up => CELLCERT_HEALTH_UP,
                Health::Down { .. } => CELLCERT_HEALTH_DOWN,
                Health::Probed => CELLCERT_HEALTH_PROBED,
            };
            Ok(move || {
                out.set(number);
                count.set(status.waiting);
            })
        })
    }
}
