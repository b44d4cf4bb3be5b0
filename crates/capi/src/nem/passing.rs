//! Messages that stations have signed themselves.

use alloc::vec::Vec;
use core::ffi::c_char;

use cmp::{BodyKind, PkiFailureInfo, PkiMessage, ReadingPolicy};
use nem::{Passage as Machines, Passing};

use super::config::{Known, Shown};
use super::{Nem, change, gone, look, none};
use crate::boundary::{call, call_with};
use crate::buffer::{Buffer, Variable, octets, text};
use crate::context::{Context, Inner as ContextInner};
use crate::failure::Failure;
use crate::handle::{self, Handle, Locked, lock, opaque};
use crate::status::CELLCERT_ERR_ARGUMENT;

/// As the station has sent it
pub const CELLCERT_PASSING_UNCHANGED: i32 = 0;
/// With the NEM's signature added to what begins a transaction (RFC 9483 section 5.2.2.1)
pub const CELLCERT_PASSING_ADDED: i32 = 1;
/// With the NEM's signature in place of the station's where that may be (RFC 9483 section 5.2.3)
pub const CELLCERT_PASSING_REPLACED: i32 = 2;

/// A station's own message on its way to the RA/CA.
pub struct Passage(Handle<Inner>);

opaque!(Passage, Inner, b"Pssg");

#[derive(Clone)]
pub(crate) struct Inner {
    passage: Machines,
    /// What the station sent.
    octets: Vec<u8>,
    /// The RA/CA did not know what to do with added protection, and gets the message without.
    again: bool,
}

/// Looks at a PKIMessage that a station has signed itself: whether it may go up. Send what cellcert_passage_message has to the RA/CA that
/// cellcert_passage_upstream names, hand what comes back to cellcert_nem_take_passed, and then to the station. A message that the station repeats goes
/// up as it did before. When this refuses, cellcert_nem_refuse_message makes what the station is to be told.
///
/// passing: one of the CELLCERT_PASSING_ constants. With the NEM's signature the station's is verified before, and its proof of possession.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_pass_up(
    context: *const Context,
    nem: *const Nem,
    shown: *const Shown,
    message: *const u8,
    message_len: usize,
    passing: i32,
    out: *mut *mut Passage,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            let out = Variable::new(out)?;
            let (known, octets) = (Known::new(shown)?, octets(message, message_len)?);
            let policy = match passing {
                CELLCERT_PASSING_UNCHANGED => Passing::Unchanged,
                CELLCERT_PASSING_ADDED => Passing::AddedProtection,
                CELLCERT_PASSING_REPLACED => Passing::ReplacedProtection,
                _ => return Err(Failure::code(CELLCERT_ERR_ARGUMENT)),
            };
            let passage = nem.pass_up(known.shown(), octets, &ReadingPolicy::default(), policy, now)?;
            let passage = handle::make::<Passage>(Inner { passage, octets: octets.to_vec(), again: false });
            Ok(move || out.give(passage))
        })
    }
}

/// Frees a passage and sets the variable to NULL.
///
/// # Safety
/// `passage` points to a variable with a passage, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_passage_free(passage: *mut *mut Passage) -> i32 {
    // SAFETY: the caller's promise.
    call(|| unsafe { handle::free(passage) })
}

/// What to send, a PKIMessage in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_passage_message(
    passage: *const Passage,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (passage, buffer): (Locked<'_, Passage>, _) = unsafe { (lock(passage)?, Buffer::new(out, len)?) };
        buffer.deliver(passage.passage.message.clone())
    })
}

/// The name of the RA/CA.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_passage_upstream(
    passage: *const Passage,
    out: *mut c_char,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { words(passage, out, len, |passage| &passage.upstream) }
}

/// The name of the station.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_passage_station(
    passage: *const Passage,
    out: *mut c_char,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { words(passage, out, len, |passage| &passage.station) }
}

unsafe fn words(
    passage: *const Passage,
    out: *mut c_char,
    len: *mut usize,
    words: impl FnOnce(&Machines) -> &str,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (passage, buffer): (Locked<'_, Passage>, _) =
            unsafe { (lock(passage)?, Buffer::for_text(out, len)?) };
        buffer.deliver_text(words(&passage.passage))
    })
}

/// Takes note of what the RA/CA answered, a PKIMessage in DER, of which nothing is verified: the station does that. A certificate in it that is
/// the station's is in the ledger, so that its renewal can be watched over.
///
/// again: becomes 1 when the RA/CA did not know what to do with added protection: the answer is not for the station then. Send what
/// cellcert_passage_message has now, the station's message as it was, and call this with the answer to that. When it is no error, this RA/CA gets
/// nothing with added protection any more. Otherwise 0.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_take_passed(
    context: *const Context,
    nem: *const Nem,
    passage: *const Passage,
    answer: *const u8,
    answer_len: usize,
    again: *mut i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            let (mut passage, again): (Locked<'_, Passage>, _) = (lock(passage)?, Variable::new(again)?);
            let answer = octets(answer, answer_len)?;
            let next = nem.take_passed(&passage.passage, &passage.octets, answer, now)?;
            let understood =
                || PkiMessage::from_der(answer).is_ok_and(|answer| answer.body().kind() != BodyKind::Error);
            if passage.again && next.is_none() && understood() {
                nem.note_not_nested(&passage.passage, now);
            }
            let next = next.map(|next| Inner { passage: next, octets: passage.octets.clone(), again: true });
            Ok(move || {
                again.set(next.is_some().into());
                if let Some(next) = next {
                    *passage = next;
                }
            })
        })
    }
}

/// Makes an error message, signed by the NEM, for a station whose message does not go up. Read it with cellcert_nem_refusal. CELLCERT_ERR_NONE when there
/// is no RA/CA, and so no key to sign with.
///
/// message: what the station sent.
/// fail_info: the number of a PKIFailureInfo bit (RFC 9810 section 5.2.3), 23 for notAuthorized for instance.
/// reason: for people.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_refuse_message(
    context: *const Context,
    nem: *const Nem,
    message: *const u8,
    message_len: usize,
    fail_info: u32,
    reason: *const c_char,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let (mut nem, octets, reason): (Locked<'_, Nem>, _, _) =
            unsafe { (lock(nem)?, octets(message, message_len)?, text(reason)?) };
        let bit = usize::try_from(fail_info).ok().and_then(|bit| PkiFailureInfo::ALL.get(bit));
        let bit = bit.ok_or(Failure::code(CELLCERT_ERR_ARGUMENT))?;
        let machine = nem.machine.as_ref().ok_or(gone())?;
        let made = machine.refuse_message(octets, *bit, reason, context.now()?)?.ok_or(none())?;
        Ok(move || nem.refusal = Some(made))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// What cellcert_nem_refuse_message made last, a PKIMessage in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_refusal(nem: *const Nem, out: *mut u8, len: *mut usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |_, inner| {
            let buffer = Buffer::new(out, len)?;
            buffer.deliver(inner.refusal.clone().ok_or(none())?)
        })
    }
}
