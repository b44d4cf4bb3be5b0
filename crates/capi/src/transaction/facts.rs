//! What can be read of a transaction.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::ffi::c_char;

use asn1::UnixTime;
use cmp::{InfoTypeAndValue, PkiFailureInfo, PkiStatus, PkiStatusInfo};
use der::Encode;

use super::{Answer, Transaction};
use crate::boundary::call;
use crate::buffer::{Buffer, Variable};
use crate::failure::Failure;
use crate::handle::{Locked, lock};
use crate::status::CELLCERT_ERR_NONE;

/// accepted
pub const CELLCERT_STATUS_ACCEPTED: i32 = 0;
/// grantedWithMods: something was changed; compare
pub const CELLCERT_STATUS_GRANTED_WITH_MODS: i32 = 1;
/// rejection
pub const CELLCERT_STATUS_REJECTION: i32 = 2;
/// Another status of RFC 9810 section 5.2.3
pub const CELLCERT_STATUS_OTHER: i32 = 3;

const fn none() -> Failure {
    Failure::code(CELLCERT_ERR_NONE)
}

/// After CELLCERT_EVENT_WAITING: how many seconds to wait before polling. CELLCERT_ERR_NONE when the RA/CA has not said: poll at once to be
/// told.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_check_after(
    transaction: *const Transaction,
    seconds: *mut u64,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { number(transaction, seconds, |answer| answer.check_after.map(|after| after.as_secs())) }
}

/// After CELLCERT_EVENT_GRANTED: the certificate in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_certificate(
    transaction: *const Transaction,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        read(transaction, out, len, |answer| Ok(answer.certificate.as_ref().ok_or(none())?.octets().to_vec()))
    }
}

/// After CELLCERT_EVENT_GRANTED: the certificate in DER at that place, from 0, in extraCerts, where the chain of the certificate is; believed
/// in nothing.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_extra_cert(
    transaction: *const Transaction,
    index: usize,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        read(transaction, out, len, |answer| {
            Ok(answer.extra_certs.get(index).ok_or(none())?.octets().to_vec())
        })
    }
}

/// After CELLCERT_EVENT_GRANTED: the certificate in DER at that place, from 0, in caPubs; to be installed only by the rules of RFC 9483
/// section 4.1.1.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_ca_pub(
    transaction: *const Transaction,
    index: usize,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        read(transaction, out, len, |answer| Ok(answer.ca_pubs.get(index).ok_or(none())?.octets().to_vec()))
    }
}

/// After CELLCERT_EVENT_GRANTED by CELLCERT_QUIRK_ROOT_FROM_EXTRA_CERTS: the root certificate in DER that was taken for the operator's. Keep it:
/// it is to be the only anchor from now on. CELLCERT_ERR_NONE when the anchors served.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_first_contact_root(
    transaction: *const Transaction,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (transaction, buffer): (Locked<'_, Transaction>, _) =
            unsafe { (lock(transaction)?, Buffer::new(out, len)?) };
        buffer.deliver(transaction.root.as_ref().ok_or(none())?.octets().to_vec())
    })
}

/// After CELLCERT_EVENT_GRANTED: until when certConf is awaited, in seconds since 1970-01-01T00:00:00Z. CELLCERT_ERR_NONE when the RA/CA has not
/// said.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_confirm_until(
    transaction: *const Transaction,
    seconds: *mut u64,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { number(transaction, seconds, |answer| answer.confirm_until.map(UnixTime::as_secs)) }
}

/// After CELLCERT_EVENT_GRANTED: sets `out` to 1 when no certConf is awaited, because that was asked for and granted, and to 0 otherwise.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_implicitly_confirmed(
    transaction: *const Transaction,
    out: *mut i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        number(transaction, out, |answer| {
            answer.certificate.as_ref().map(|_| i32::from(answer.implicitly_confirmed))
        })
    }
}

/// After CELLCERT_EVENT_GRANTED and CELLCERT_EVENT_REFUSED: the status, one of the CELLCERT_STATUS_ constants, and why: bit n of `fail_info`
/// is bit n of PKIFailureInfo (RFC 9810 section 5.2.3). `fail_info` may be NULL.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_status(
    transaction: *const Transaction,
    status: *mut i32,
    fail_info: *mut u32,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (transaction, status): (Locked<'_, Transaction>, _) =
            unsafe { (lock(transaction)?, Variable::new(status)?) };
        let fail_info = match fail_info.is_null() {
            true => None,
            // SAFETY: the caller's promise.
            false => Some(unsafe { Variable::new(fail_info) }?),
        };
        let info = transaction.answer.status.as_ref().ok_or(none())?;
        let (number, bits) = (status_number(info.status), info.fail_info.map_or(0, bits));
        Ok(move || {
            status.set(number);
            if let Some(fail_info) = fail_info {
                fail_info.set(bits);
            }
        })
    })
}

const fn status_number(status: PkiStatus) -> i32 {
    match status {
        PkiStatus::Accepted => CELLCERT_STATUS_ACCEPTED,
        PkiStatus::GrantedWithMods => CELLCERT_STATUS_GRANTED_WITH_MODS,
        PkiStatus::Rejection => CELLCERT_STATUS_REJECTION,
        _ => CELLCERT_STATUS_OTHER,
    }
}

fn bits(info: PkiFailureInfo) -> u32 {
    let numbered = (0_u32..).zip(PkiFailureInfo::ALL);
    numbered.filter(|(_, bit)| info.contains(**bit)).fold(0, |bits, (number, _)| bits | (1 << number))
}

/// What the RA/CA says about the status, for people: UTF-8 without control characters. CELLCERT_ERR_NONE when it says nothing.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_status_text(
    transaction: *const Transaction,
    out: *mut c_char,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (transaction, buffer): (Locked<'_, Transaction>, _) =
            unsafe { (lock(transaction)?, Buffer::for_text(out, len)?) };
        let texts = transaction
            .answer
            .status
            .as_ref()
            .and_then(|status: &PkiStatusInfo| status.status_string.as_ref());
        let text = texts.ok_or(none())?.join("; ");
        let text = text.chars().filter(|c| !c.is_control()).collect::<alloc::string::String>();
        buffer.deliver_text(&text)
    })
}

/// After CELLCERT_EVENT_INFORMATION: the type of the item at that place, from 0, an object identifier as "1.3.6.1.5.5.7.4.17".
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_information_type(
    transaction: *const Transaction,
    index: usize,
    out: *mut c_char,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (transaction, buffer): (Locked<'_, Transaction>, _) =
            unsafe { (lock(transaction)?, Buffer::for_text(out, len)?) };
        let item: &InfoTypeAndValue = transaction.answer.information.get(index).ok_or(none())?;
        buffer.deliver_text(&item.info_type.to_string())
    })
}

/// After CELLCERT_EVENT_INFORMATION: the value of the item at that place, from 0, in DER. CELLCERT_ERR_NONE when it has none.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_information_value(
    transaction: *const Transaction,
    index: usize,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        read(transaction, out, len, |answer| {
            let value = answer.information.get(index).and_then(|item| item.info_value.as_ref());
            Ok(value.ok_or(none())?.to_der()?)
        })
    }
}

unsafe fn read(
    transaction: *const Transaction,
    out: *mut u8,
    len: *mut usize,
    field: impl FnOnce(&Answer) -> Result<Vec<u8>, Failure>,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (transaction, buffer): (Locked<'_, Transaction>, _) =
            unsafe { (lock(transaction)?, Buffer::new(out, len)?) };
        buffer.deliver(field(&transaction.answer)?)
    })
}

unsafe fn number<T>(
    transaction: *const Transaction,
    out: *mut T,
    field: impl FnOnce(&Answer) -> Option<T>,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (transaction, out): (Locked<'_, Transaction>, _) =
            unsafe { (lock(transaction)?, Variable::new(out)?) };
        let number = field(&transaction.answer).ok_or(none())?;
        Ok(move || out.set(number))
    })
}
