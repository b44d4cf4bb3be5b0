//! What the NEM signs with, and when that is to be renewed.

use alloc::boxed::Box;
use core::ffi::c_char;

use asn1::EncodedCertificate;
use nem::renewal_times;

use super::{Nem, change};
use crate::boundary::call_with;
use crate::buffer::{Variable, octets, text};
use crate::context::Context;
use crate::failure::Failure;
use crate::handle::{Locked, lock};
use crate::identity::{Identity, Inner as IdentityInner};
use crate::signer::{OutsideKey, Signer};
use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_UPSTREAM};

/// From now on the NEM signs with that at the RA/CA of that name; what was signed before is sent as it is. A NEM renews its own certificate by a
/// transaction with CELLCERT_KUR, as a station does, and hands the new one in here. What the signer's `ctx` points to must outlive the NEM, and
/// so must that of the signer before. CELLCERT_ERR_UPSTREAM: there is no RA/CA of that name.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_set_credential(
    context: *const Context,
    nem: *const Nem,
    upstream: *const c_char,
    identity: *const Identity,
    signer: *const Signer,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, _| {
            let (name, identity): (_, Locked<'_, Identity>) = (text(upstream)?, lock(identity)?);
            let IdentityInner::Signature(sender) = &*identity else {
                return Err(Failure::code(CELLCERT_ERR_ARGUMENT));
            };
            let key = Box::new(OutsideKey::of(&identity, signer)?);
            if nem.upstream(name).is_none() {
                return Err(Failure::code(CELLCERT_ERR_UPSTREAM));
            }
            nem.set_credential(name, sender.clone(), key)?;
            Ok(|| ())
        })
    }
}

/// When a certificate, in DER, is to be renewed, after two thirds of its validity, and when it ends: in seconds since 1970-01-01T00:00:00Z.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_renewal_times(
    context: *const Context,
    certificate: *const u8,
    certificate_len: usize,
    renew: *mut u64,
    end: *mut u64,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let (certificate, renew, end) =
            unsafe { (octets(certificate, certificate_len)?, Variable::new(renew)?, Variable::new(end)?) };
        let (from, until) = renewal_times(&EncodedCertificate::new(certificate)?)?;
        Ok(move || {
            renew.set(from.as_secs());
            end.set(until.as_secs());
        })
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}
