//! A Network Element Manager without I/O, for NEM software that is not written in Rust.

mod by_hand;
mod config;
mod credential;
mod ledger;
mod liveness;
mod operation;
mod outputs;
mod passing;
mod standing;
mod traffic;

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use asn1::UnixTime;
use nem::ledger::RequestId;
use nem::{CommandError, Error, Nem as Machine, Output, Refusal, StationAnchors};

use crate::boundary::{call, call_with};
use crate::buffer::{Octets, Variable, array, structure};
use crate::context::{Context, Inner as ContextInner};
use crate::failure::{Failure, cmp_code, pkcs10_code};
use crate::handle::{self, Handle, Locked, lock, opaque};
use crate::heap;
use crate::identity::certificates;
use crate::status::{
    CELLCERT_ERR_ABSENT, CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_KEY, CELLCERT_ERR_LEDGER, CELLCERT_ERR_NAME,
    CELLCERT_ERR_NONE, CELLCERT_ERR_OVERLOAD, CELLCERT_ERR_REQUEST, CELLCERT_ERR_STATE, CELLCERT_ERR_STATION,
    CELLCERT_ERR_TRUST, CELLCERT_ERR_UPSTREAM,
};
use crate::trust::revocation;

use by_hand::Files;
pub use by_hand::*;
pub use config::*;
pub use credential::*;
pub use ledger::{Ledger, LedgerEntry};
pub use liveness::*;
pub use operation::*;
pub use outputs::*;
pub use passing::*;
pub use standing::*;
pub use traffic::*;

/// A Network Element Manager: it takes what stations upload, sends it up in batches, and hands certificates back. It has no socket; a program
/// drives it by its own loop, with whatever the loop is made of:
///
/// 1. Tell it what happened: cellcert_nem_upload, cellcert_nem_answer, cellcert_nem_failure, cellcert_nem_delivered, cellcert_nem_report.
/// 2. Do what it wants, until there is nothing more: cellcert_nem_next_output says of which kind the next output is, and the
///    cellcert_nem_output_ calls what is in it.
/// 3. Wait until something happens, or until the time that cellcert_nem_timeout says, and call cellcert_nem_tick then.
///
/// Every step is in the ledger before its message leaves. When a call returns CELLCERT_ERR_MEMORY or CELLCERT_ERR_BUG, the NEM may be gone:
/// calls return CELLCERT_ERR_STATE from then on. Free it, and make it anew from the ledger, as after a crash: nothing is lost by it.
pub struct Nem(Handle<Inner>);

opaque!(Nem, Inner, b"NEM.");

pub(crate) struct Inner {
    /// None when a call left it half done.
    machine: Option<Machine>,
    /// The output that is read.
    output: Option<Output>,
    /// The error message that was made last, for a station whose message does not go up.
    refusal: Option<Vec<u8>>,
    /// The file that was exported last, and what became of those that were imported last.
    files: Files,
}

/// Makes a NEM, which goes on where its ledger ends. What the configuration points to is not needed any more when this returns, but for what the
/// `ctx` of callbacks points to: those of the context, the ledger and the signers must outlive the NEM.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_new(
    context: *const Context,
    config: *const NemConfig,
    out: *mut *mut Nem,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let (out, config) = unsafe { (Variable::new(out)?, structure(config)?) };
        // SAFETY: the caller's promise.
        let machine = unsafe { config::machine(config, context) }?;
        let nem = handle::make::<Nem>(Inner {
            machine: Some(machine),
            output: None,
            refusal: None,
            files: Files::default(),
        });
        Ok(move || out.give(nem))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Frees a NEM and sets the variable to NULL.
///
/// # Safety
/// `nem` points to a variable with a NEM, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_free(nem: *mut *mut Nem) -> i32 {
    // SAFETY: the caller's promise.
    call(|| unsafe { handle::free(nem) })
}

/// From now on these are the stations. What is under way for stations that are gone or blocked is not sent, or turned down when it comes.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_set_stations(
    context: *const Context,
    nem: *const Nem,
    stations: *const Station,
    count: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            nem.set_inventory(config::inventory(stations, count)?, now)?;
            Ok(|| ())
        })
    }
}

/// From now on stations are known by these CAs, in DER: their vendors' and the operator's, as in cellcert_nem_config. CRLs stay.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_set_anchors(
    context: *const Context,
    nem: *const Nem,
    vendor: *const Octets,
    vendor_count: usize,
    operators: *const Octets,
    operator_count: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, _| {
            let (vendor, operator) =
                (certificates(vendor, vendor_count)?, certificates(operators, operator_count)?);
            nem.set_anchors(StationAnchors::new(vendor, operator));
            Ok(|| ())
        })
    }
}

/// From now on these are the RA/CAs. Requests under way end where they began.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_set_upstreams(
    context: *const Context,
    nem: *const Nem,
    upstreams: *const Upstream,
    count: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, now| {
            nem.set_upstreams(config::upstreams(array(upstreams, count)?)?, now)?;
            Ok(|| ())
        })
    }
}

/// From now on certificates of stations and of RA/CAs are looked up in these CRLs, in DER; `required` as in cellcert_trust_set_crls.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_set_crls(
    context: *const Context,
    nem: *const Nem,
    crls: *const Octets,
    count: usize,
    required: i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, nem, |nem, _| {
            nem.set_revocation(revocation(crls, count, required)?);
            Ok(|| ())
        })
    }
}

/// A call that changes the NEM. When memory runs out in it, or it panics, the machine is not put back.
unsafe fn change<C: FnOnce()>(
    context: *const Context,
    nem: *const Nem,
    work: impl FnOnce(&mut Machine, UnixTime) -> Result<C, Failure>,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { change_by_hand(context, nem, |nem, _, now| work(nem, now)) }
}

/// The same for calls of the manual procedure.
unsafe fn change_by_hand<C: FnOnce()>(
    context: *const Context,
    nem: *const Nem,
    work: impl FnOnce(&mut Machine, &mut Files, UnixTime) -> Result<C, Failure>,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let mut nem: Locked<'_, Nem> = unsafe { lock(nem) }?;
        let now = context.now()?;
        let mut machine = nem.machine.take().ok_or(gone())?;
        let mut files = core::mem::take(&mut nem.files);
        let outcome = work(&mut machine, &mut files, now);
        if !heap::is_exhausted() {
            nem.machine = Some(machine);
            nem.files = files;
        }
        outcome.map(|commit| {
            move || {
                commit();
                drop(nem);
            }
        })
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// A call that only looks.
unsafe fn look<C: FnOnce()>(
    nem: *const Nem,
    work: impl FnOnce(&Machine, &Inner) -> Result<C, Failure>,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let nem: Locked<'_, Nem> = unsafe { lock(nem) }?;
        work(nem.machine.as_ref().ok_or(gone())?, &nem)
    })
}

const fn gone() -> Failure {
    Failure::code(CELLCERT_ERR_STATE)
}

const fn none() -> Failure {
    Failure::code(CELLCERT_ERR_NONE)
}

/// A request's name: 16 octets.
///
/// # Safety
/// It is null or points to 16 octets.
unsafe fn request_id(octets: *const u8) -> Result<RequestId, Failure> {
    // SAFETY: the caller's promise.
    Ok(RequestId::new(*unsafe { structure(octets.cast::<[u8; 16]>()) }?))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Ledger(_) => CELLCERT_ERR_LEDGER,
            Error::Message(error) => cmp_code(error),
            _ => CELLCERT_ERR_ARGUMENT,
        };
        Self::new(code, &error)
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Nem(error) => error.into(),
            CommandError::WrongState(_) => Self::new(CELLCERT_ERR_STATE, &error),
            _ => Self::new(CELLCERT_ERR_NONE, &error),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::MalformedCertificate
            | Refusal::UntrustedCertificate(_)
            | Refusal::OtherSigner { .. } => CELLCERT_ERR_TRUST,
            Refusal::UnknownStation { .. }
            | Refusal::UnknownAccount { .. }
            | Refusal::UnknownAddress { .. }
            | Refusal::Blocked { .. }
            | Refusal::Retired { .. } => CELLCERT_ERR_STATION,
            Refusal::Request { reason, .. } => pkcs10_code(reason),
            Refusal::CertReqMessages { reason, .. } | Refusal::Message { reason, .. } => cmp_code(reason),
            Refusal::Name { .. } | Refusal::AlternativeName { .. } | Refusal::NoSubject { .. } => {
                CELLCERT_ERR_NAME
            }
            Refusal::NoUpstream { .. } => CELLCERT_ERR_UPSTREAM,
            Refusal::DuplicateKey { .. } => CELLCERT_ERR_KEY,
            Refusal::NotConnected { .. } => CELLCERT_ERR_ABSENT,
            Refusal::Busy { .. } => CELLCERT_ERR_OVERLOAD,
            Refusal::Ledger { .. } => CELLCERT_ERR_LEDGER,
            _ => CELLCERT_ERR_REQUEST,
        };
        match refusal.station() {
            "" => Self::new(code, &refusal),
            station => Self::new(code, &alloc::format!("{station}: {refusal}")),
        }
    }
}

fn boxed<T: nem::ledger::Ledger + 'static>(ledger: T) -> Box<dyn nem::ledger::Ledger> {
    Box::new(ledger)
}

/// Of what is one of them, such as an error, the words.
fn failed(code: i32, error: &impl core::fmt::Display) -> Failure {
    Failure::new(code, &error.to_string())
}
