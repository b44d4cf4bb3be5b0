//! How requests stand, as their stations see it.

use core::ffi::c_char;

use nem::Standing;
use nem::ledger::Certificates;

use super::{Machine, Nem, look, none, request_id};
use crate::buffer::{Buffer, Variable, text};
use crate::failure::Failure;

/// Not decided yet: the station is to ask again.
pub const CELLCERT_STANDING_UNDER_WAY: i32 = 0;
/// The certificate is there.
pub const CELLCERT_STANDING_ISSUED: i32 = 1;
/// There will be none.
pub const CELLCERT_STANDING_REJECTED: i32 = 2;

/// How many requests of one station are looked through.
const MAX_REQUESTS: usize = 1024;

pub(super) const fn standing_number(standing: &Standing) -> i32 {
    match standing {
        Standing::Issued(_) => CELLCERT_STANDING_ISSUED,
        Standing::Rejected { .. } => CELLCERT_STANDING_REJECTED,
        _ => CELLCERT_STANDING_UNDER_WAY,
    }
}

/// The request that the station of that name calls so, the latest of them, or whose 16 octets are written so in 32 hexadecimal digits; sets the
/// 16 octets at `id`. CELLCERT_ERR_NONE: the station has no such request.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_request_of(
    nem: *const Nem,
    station: *const c_char,
    name: *const c_char,
    id: *mut u8,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |nem, _| {
            let id = Variable::new(id.cast::<[u8; 16]>())?;
            let found = nem.request_of(text(station)?, text(name)?)?.ok_or(none())?;
            Ok(move || id.set(*found.id.as_octets()))
        })
    }
}

/// The request of the station of that name at that place, from 0, the latest first; sets the 16 octets at `id`. CELLCERT_ERR_NONE behind the last
/// one.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_request_at(
    nem: *const Nem,
    station: *const c_char,
    index: usize,
    id: *mut u8,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |nem, _| {
            let id = Variable::new(id.cast::<[u8; 16]>())?;
            // What is read from the ledger is bounded.
            if index >= MAX_REQUESTS {
                return Err(none());
            }
            let mut found = nem.requests_of(text(station)?, index.saturating_add(1))?;
            let found = if found.len() > index { found.pop() } else { None };
            let found = *found.ok_or(none())?.id.as_octets();
            Ok(move || id.set(found))
        })
    }
}

/// How a request stands, given its 16 octets: one of the CELLCERT_STANDING_ constants. CELLCERT_ERR_NONE: there is no such request.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_standing(nem: *const Nem, id: *const u8, standing: *mut i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |nem, _| {
            let out = Variable::new(standing)?;
            let number = standing_number(&self::standing(nem, id)?);
            Ok(move || out.set(number))
        })
    }
}

/// CELLCERT_STANDING_ISSUED: the certificate, in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_certificate(
    nem: *const Nem,
    id: *const u8,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |nem, _| {
            let buffer = Buffer::new(out, len)?;
            buffer.deliver(issued(nem, id)?.certificate.octets().to_vec())
        })
    }
}

/// CELLCERT_STANDING_ISSUED: the CA certificate at that place, from 0, of those above the certificate, in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_chain(
    nem: *const Nem,
    id: *const u8,
    index: usize,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |nem, _| {
            let buffer = Buffer::new(out, len)?;
            buffer.deliver(issued(nem, id)?.chain.get(index).ok_or(none())?.octets().to_vec())
        })
    }
}

/// CELLCERT_STANDING_REJECTED: why.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_reason(
    nem: *const Nem,
    id: *const u8,
    out: *mut c_char,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |nem, _| {
            let buffer = Buffer::for_text(out, len)?;
            let Standing::Rejected { reason } = standing(nem, id)? else { return Err(none()) };
            buffer.deliver_text(&reason)
        })
    }
}

unsafe fn standing(nem: &Machine, id: *const u8) -> Result<Standing, Failure> {
    // SAFETY: the caller's promise.
    nem.standing(unsafe { request_id(id) }?)?.ok_or(none())
}

unsafe fn issued(nem: &Machine, id: *const u8) -> Result<Certificates, Failure> {
    // SAFETY: the caller's promise.
    match unsafe { standing(nem, id) }? {
        Standing::Issued(certificates) => Ok(certificates),
        _ => Err(none()),
    }
}
