//! Whether stations are there.

use core::ffi::c_char;
use core::time::Duration;

use nem::{Liveness, WhenAbsent};

use super::config::{Known, Shown};
use super::{Nem, change, gone};
use crate::boundary::call_with;
use crate::buffer::{Buffer, Variable, text};
use crate::context::{Context, Inner as ContextInner};
use crate::failure::Failure;
use crate::handle::{Locked, lock};
use crate::status::CELLCERT_ERR_STATION;

/// From now on stations count as connected by these rules. One that does not can neither enrol nor renew: CELLCERT_ERR_ABSENT. By default all do that
/// nobody has reported absent, for ever.
///
/// silent_after_seconds: how long after the NEM heard of a station last it counts as gone; 0: never.
/// own_contact: not 0 when a station's own uploads and messages tell that it is there, as by default; 0: reports alone.
/// drop_queued: not 0 to reject what is to be sent for a station that is not there; 0, by default: it waits for its station.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_set_liveness(
    context: *const Context,
    nem: *const Nem,
    silent_after_seconds: u64,
    own_contact: i32,
    drop_queued: i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            let mut liveness = Liveness::default();
            let silent_after = Some(silent_after_seconds).filter(|seconds| *seconds > 0);
            liveness.silent_after = silent_after.map(Duration::from_secs);
            liveness.own_contact = own_contact != 0;
            liveness.queued = if drop_queued == 0 { WhenAbsent::Hold } else { WhenAbsent::Drop };
            nem.set_liveness(liveness, now);
            Ok(|| ())
        })
    }
}

/// Others know of a station: not 0 when it is there, a heartbeat for instance; 0 when it is not, which then counts, whatever the station does
/// itself, until the opposite is reported. CELLCERT_ERR_STATION: there is no station of that name.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_report(
    context: *const Context,
    nem: *const Nem,
    station: *const c_char,
    connected: i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            let unknown = nem.report([(text(station)?, connected != 0)], now);
            if unknown.is_empty() { Ok(|| ()) } else { Err(Failure::code(CELLCERT_ERR_STATION)) }
        })
    }
}

/// Finds the station that shows that, and takes note that it is there, as an upload does: a heartbeat of the station's own. Delivers its
/// name. The codes are those of cellcert_nem_upload.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_identify(
    context: *const Context,
    nem: *const Nem,
    shown: *const Shown,
    out: *mut c_char,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            let (known, buffer) = (Known::new(shown)?, Buffer::for_text(out, len)?);
            let delivered: Result<_, Failure> = buffer.deliver_text(&nem.identify(known.shown(), now)?.name);
            delivered
        })
    }
}

/// Whether the station of that name counts as connected, 1 or 0; and when the NEM heard of it last since it was made, in seconds since
/// 1970-01-01T00:00:00Z, 0 when it did not. `last_contact` may be NULL. CELLCERT_ERR_STATION: there is no station of that name.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_presence(
    context: *const Context,
    nem: *const Nem,
    station: *const c_char,
    connected: *mut i32,
    last_contact: *mut u64,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let (nem, station, connected): (Locked<'_, Nem>, _, _) =
            unsafe { (lock(nem)?, text(station)?, Variable::new(connected)?) };
        let last_contact = match last_contact.is_null() {
            true => None,
            // SAFETY: the caller's promise.
            false => Some(unsafe { Variable::new(last_contact) }?),
        };
        let machine = nem.machine.as_ref().ok_or(gone())?;
        let presence = machine.presence(station, context.now()?);
        let presence = presence.ok_or(Failure::code(CELLCERT_ERR_STATION))?;
        Ok(move || {
            connected.set(presence.connected.into());
            if let Some(last_contact) = last_contact {
                last_contact.set(presence.last_contact.map_or(0, |time| time.as_secs()));
            }
        })
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// How many stations count as connected.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_connected_stations(
    context: *const Context,
    nem: *const Nem,
    count: *mut usize,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let (nem, out): (Locked<'_, Nem>, _) = unsafe { (lock(nem)?, Variable::new(count)?) };
        let count = nem.machine.as_ref().ok_or(gone())?.connected_stations(context.now()?);
        Ok(move || out.set(count))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}
