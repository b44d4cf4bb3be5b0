//! The manual procedure: requests leave in files while the RA/CA is away, and answers come back in files.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::ffi::c_char;

use ::nem::CommandError;
use ::nem::by_hand::{ExportItem, ExportOrder, Exporting, ImportError, Taken, Verdict, is_ca};
use ::nem::ledger::{ExportForm, ExportId};
use asn1::UnixTime;

use super::{Machine, Nem, change_by_hand, look, none};
use crate::buffer::{Buffer, Octets, Variable, octets, optional_text, structure, text};
use crate::context::Context;
use crate::failure::Failure;
use crate::identity::certificates;
use crate::status::{
    CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_MALFORMED, CELLCERT_ERR_NONE, CELLCERT_ERR_REFUSED,
    CELLCERT_ERR_SIGN, CELLCERT_ERR_TRUST, CELLCERT_ERR_UPSTREAM,
};

/// One nested PKIMessage (RFC 9483 section 6.4), for an RA/CA that knows CMP
pub const CELLCERT_EXPORT_PKI: i32 = 0;
/// The PKCS #10 requests themselves, for a CA that does not
pub const CELLCERT_EXPORT_PKCS10: i32 = 1;

/// The certificate is good; its station may fetch it.
pub const CELLCERT_VERDICT_ISSUED: i32 = 0;
/// A certificate came that nobody wants, or that is not good: it must be revoked.
pub const CELLCERT_VERDICT_TURNED_DOWN: i32 = 1;
/// The RA/CA refuses the request.
pub const CELLCERT_VERDICT_REJECTED: i32 = 2;
/// The message was not taken for a reason that another one cures: the request is queued again.
pub const CELLCERT_VERDICT_QUEUED: i32 = 3;
/// The RA/CA has not decided.
pub const CELLCERT_VERDICT_UNDECIDED: i32 = 4;
/// It was imported before.
pub const CELLCERT_VERDICT_BEFORE: i32 = 5;
/// The file has no answer for the request.
pub const CELLCERT_VERDICT_MISSING: i32 = 6;
/// It is not taken; nothing is changed.
pub const CELLCERT_VERDICT_REFUSED: i32 = 7;

/// Which requests leave in a file. All of it may be zero: then every request that may leave does.
#[repr(C)]
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)] // C's
pub struct Order {
    /// What is in the file: one of the CELLCERT_EXPORT_ constants.
    pub form: i32,
    /// For which RA/CA it is; NULL: the one that comes first.
    pub upstream: *const c_char,
    /// Of stations of that group only; NULL: of all.
    pub group: *const c_char,
    /// That many at most, those that wait longest; 0: all. The file is held in memory until it is written.
    pub max: usize,
    /// Not 0: what may have reached an RA/CA leaves, too, in new transactions. Somebody made sure that nothing was issued for it.
    pub anew: i32,
}

/// What a program reads after a call.
#[derive(Default)]
pub(super) struct Files {
    export: Option<Filled>,
    taken: Vec<Taken>,
}

/// A file that is to be written.
struct Filled {
    exporting: Exporting,
    items: Vec<ExportItem>,
    octets: Vec<u8>,
}

/// Has requests leave in a file, which will be called so: from now on nothing about them goes online. Read what is in it, write it, and call
/// cellcert_nem_export_written. When the program ends before, cellcert_nem_exports has the export, and cellcert_nem_export_again the same
/// octets. CELLCERT_ERR_NONE: no request may leave; cellcert_error_detail says why. `id`: 16 octets, which become the export's name.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_export(
    context: *const Context,
    nem: *const Nem,
    order: *const Order,
    file: *const c_char,
    id: *mut u8,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change_by_hand(context, nem, |nem, files, now| {
            let (order, file) = (structure(order)?, text(file)?);
            let id = Variable::new(id.cast::<[u8; 16]>())?;
            let form = match order.form {
                CELLCERT_EXPORT_PKI => ExportForm::Pki,
                CELLCERT_EXPORT_PKCS10 => ExportForm::Pkcs10,
                _ => return Err(Failure::code(CELLCERT_ERR_ARGUMENT)),
            };
            let mut wanted = ExportOrder::new(form);
            wanted.upstream = optional_text(order.upstream)?.map(ToString::to_string);
            wanted.group = optional_text(order.group)?.map(ToString::to_string);
            wanted.max = if order.max == 0 { usize::MAX } else { order.max };
            wanted.anew = order.anew != 0;
            let exporting = nem.begin_export(wanted, file, now)?;
            let filled = fill(nem, exporting, now)?;
            let made = *filled.exporting.export().id.as_octets();
            files.export = Some(filled);
            Ok(move || id.set(made))
        })
    }
}

/// The file of an export once more, given its 16 octets: those of its requests that are still out, octet for octet.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_export_again(
    context: *const Context,
    nem: *const Nem,
    id: *const u8,
    file: *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change_by_hand(context, nem, |nem, files, now| {
            let exporting = nem.export_again(export_id(id)?, text(file)?)?;
            files.export = Some(fill(nem, exporting, now)?);
            Ok(|| ())
        })
    }
}

fn fill(nem: &mut Machine, mut exporting: Exporting, now: UnixTime) -> Result<Filled, Failure> {
    let mut items = Vec::new();
    while let Some(more) = nem.export_next(&mut exporting, now)? {
        items.extend(more);
    }
    if items.is_empty() {
        return Err(CommandError::NothingToExport(exporting.left_behind()).into());
    }
    let octets = match exporting.export().form {
        ExportForm::Pki => {
            let (batch, key) = nem.close_export(&exporting, now)?;
            let messages: Vec<&[u8]> = items.iter().map(|item| item.octets.as_slice()).collect();
            let messages = messages.concat();
            let signed = [batch.signed_prefix()?.as_slice(), &messages].concat();
            let signature = key.sign(&signed);
            let signature = signature.map_err(|error| Failure::new(CELLCERT_ERR_SIGN, &error))?;
            let (before, behind) = batch.with_signature(&signature)?;
            [before, messages, behind].concat()
        }
        ExportForm::Pkcs10 => Vec::new(),
    };
    Ok(Filled { exporting, items, octets })
}

/// After an export as CELLCERT_EXPORT_PKI: what is in the file, a PKIMessage in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_export_file(nem: *const Nem, out: *mut u8, len: *mut usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |_, inner| {
            let buffer = Buffer::new(out, len)?;
            let octets = &inner.files.export.as_ref().ok_or(none())?.octets;
            if octets.is_empty() { Err(none()) } else { buffer.deliver(octets.clone()) }
        })
    }
}

/// After an export: of the request at that place, from 0, its 16 octets and what left of it, a PKIMessage or the PKCS #10 request in DER.
/// CELLCERT_ERR_NONE: there is none at that place.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_export_request(
    nem: *const Nem,
    index: usize,
    id: *mut u8,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |_, inner| {
            let (id, buffer) = (Variable::new(id.cast::<[u8; 16]>())?, Buffer::new(out, len)?);
            let item = inner.files.item(index)?;
            let (request, deliver) = (*item.request.as_octets(), buffer.deliver(item.octets.clone())?);
            Ok(move || {
                id.set(request);
                deliver();
            })
        })
    }
}

/// After an export: the name of the station of the request at that place.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_export_station(
    nem: *const Nem,
    index: usize,
    out: *mut c_char,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |_, inner| Buffer::for_text(out, len)?.deliver_text(&inner.files.item(index)?.station))
    }
}

/// The file of the last export is written: that is in the ledger then.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_export_written(context: *const Context, nem: *const Nem) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change_by_hand(context, nem, |nem, files, _| {
            nem.finish_export(files.export.take().ok_or(none())?.exporting)?;
            Ok(|| ())
        })
    }
}

/// The export at that place, from 0, newest first: its 16 octets, how many of its requests are still out, and whether its file is known to be
/// written. CELLCERT_ERR_NONE: there is none at that place.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_exports(
    nem: *const Nem,
    index: usize,
    id: *mut u8,
    requests_out: *mut usize,
    written: *mut i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |nem, _| {
            let id = Variable::new(id.cast::<[u8; 16]>())?;
            let (count, flag) = (Variable::new(requests_out)?, Variable::new(written)?);
            let exports = nem.exports()?;
            let status = exports.get(index).ok_or(none())?;
            let (name, out, done) = (*status.export.id.as_octets(), status.out, status.export.written);
            Ok(move || {
                id.set(name);
                count.set(out);
                flag.set(i32::from(done));
            })
        })
    }
}

/// Those requests of an export that are still out go online again; `count` becomes how many.
///
/// anew: not 0 to have each begin a new transaction, at whatever RA/CA: somebody made sure that nothing was, or will be, issued for the
/// file.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_export_release(
    context: *const Context,
    nem: *const Nem,
    id: *const u8,
    anew: i32,
    count: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change_by_hand(context, nem, |nem, _, now| {
            let out = Variable::new(count)?;
            let released = nem.release_export(export_id(id)?, anew != 0, now)?;
            Ok(move || out.set(released))
        })
    }
}

/// Takes a file of answers, a PKIMessage in DER: the answer to an export. It must be believed as a whole; each answer in it fares by itself,
/// and `count` becomes how many verdicts there are to read. CELLCERT_ERR_NONE: it answers no export that is out.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_import(
    context: *const Context,
    nem: *const Nem,
    answers: *const u8,
    answers_len: usize,
    count: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change_by_hand(context, nem, |nem, files, now| {
            let (count, answers) = (Variable::new(count)?, octets(answers, answers_len)?);
            let mut file = nem.open_answers(answers, now)?;
            files.taken.clear();
            while let Some(taken) = nem.take_answers_by_hand(&mut file, now)? {
                files.taken.extend(taken);
            }
            let taken = files.taken.len();
            Ok(move || count.set(taken))
        })
    }
}

/// Takes certificates, in DER, that a CA issued for an export as CELLCERT_EXPORT_PKCS10, in any order; CA certificates among them are taken as
/// parts of chains. `count` becomes how many verdicts there are to read.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_import_certificates(
    context: *const Context,
    nem: *const Nem,
    issued: *const Octets,
    issued_count: usize,
    count: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change_by_hand(context, nem, |nem, files, now| {
            let count = Variable::new(count)?;
            let (pool, issued): (Vec<_>, Vec<_>) =
                certificates(issued, issued_count)?.into_iter().partition(is_ca);
            files.taken.clear();
            let mut rest = issued.as_slice();
            while !rest.is_empty() {
                files.taken.extend(nem.take_certificates(&mut rest, &pool, now)?);
            }
            let taken = files.taken.len();
            Ok(move || count.set(taken))
        })
    }
}

/// After an import: what became of the answer, or the request, at that place, from 0: one of the CELLCERT_VERDICT_ constants, and the 16 octets
/// of the request; zeros where none is known. CELLCERT_ERR_NONE: there is none at that place.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_verdict(
    nem: *const Nem,
    index: usize,
    id: *mut u8,
    verdict: *mut i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |_, inner| {
            let (id, out) = (Variable::new(id.cast::<[u8; 16]>())?, Variable::new(verdict)?);
            let taken = inner.files.taken.get(index).ok_or(none())?;
            let request = taken.request.map_or([0; 16], |request| *request.as_octets());
            let number = match taken.verdict {
                Verdict::Issued => CELLCERT_VERDICT_ISSUED,
                Verdict::TurnedDown(_) => CELLCERT_VERDICT_TURNED_DOWN,
                Verdict::Rejected(_) => CELLCERT_VERDICT_REJECTED,
                Verdict::Queued(_) => CELLCERT_VERDICT_QUEUED,
                Verdict::Undecided => CELLCERT_VERDICT_UNDECIDED,
                Verdict::Before => CELLCERT_VERDICT_BEFORE,
                Verdict::Missing => CELLCERT_VERDICT_MISSING,
                _ => CELLCERT_VERDICT_REFUSED,
            };
            Ok(move || {
                id.set(request);
                out.set(number);
            })
        })
    }
}

/// After an import: the name of the station at that place. CELLCERT_ERR_NONE: it is not known.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_verdict_station(
    nem: *const Nem,
    index: usize,
    out: *mut c_char,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |_, inner| {
            let buffer = Buffer::for_text(out, len)?;
            let station = inner.files.taken.get(index).and_then(|taken| taken.station.as_deref());
            buffer.deliver_text(station.ok_or(none())?)
        })
    }
}

/// After an import: what people should know beside the verdict at that place. CELLCERT_ERR_NONE: nothing.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_nem_verdict_reason(
    nem: *const Nem,
    index: usize,
    out: *mut c_char,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        look(nem, |_, inner| {
            let buffer = Buffer::for_text(out, len)?;
            let reason = inner.files.taken.get(index).and_then(|taken| taken.verdict.reason());
            buffer.deliver_text(reason.ok_or(none())?)
        })
    }
}

impl Files {
    fn item(&self, index: usize) -> Result<&ExportItem, Failure> {
        self.export.as_ref().and_then(|filled| filled.items.get(index)).ok_or(none())
    }
}

/// An export's name: 16 octets.
///
/// # Safety
/// It is null or points to 16 octets.
unsafe fn export_id(octets: *const u8) -> Result<ExportId, Failure> {
    // SAFETY: the caller's promise.
    Ok(ExportId::new(*unsafe { structure(octets.cast::<[u8; 16]>()) }?))
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        let code = match error {
            ImportError::Nem(error) => return error.into(),
            ImportError::Malformed(_) => CELLCERT_ERR_MALFORMED,
            ImportError::Unknown(_) | ImportError::Over(_) => CELLCERT_ERR_NONE,
            ImportError::NoUpstream(_) => CELLCERT_ERR_UPSTREAM,
            ImportError::Unbelieved(_) => CELLCERT_ERR_TRUST,
            ImportError::Refused(_) => CELLCERT_ERR_REFUSED,
            _ => CELLCERT_ERR_ARGUMENT,
        };
        Self::new(code, &error)
    }
}
