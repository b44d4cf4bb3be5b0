//! What C hands in and out: octets, texts, variables.

use core::ffi::{CStr, c_char};

use alloc::boxed::Box;

use crate::failure::Failure;
use crate::handle::Opaque;
use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_BUFFER, CELLCERT_ERR_LIMIT, CELLCERT_ERR_NULL};

/// Octets that stay the caller's.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Octets {
    /// Where they begin.
    pub data: *const u8,
    /// How many there are.
    pub len: usize,
}

/// The most octets that one argument may have.
const MAX_INPUT: usize = 1024 * 1024;

/// The most items that one array may have.
const MAX_ITEMS: usize = 1024;

/// Octets from C; none when there are to be none.
///
/// # Safety
/// `data` is null or points to `len` octets that nobody changes for as long as the call lasts.
pub(crate) unsafe fn octets<'a>(data: *const u8, len: usize) -> Result<&'a [u8], Failure> {
    // SAFETY: the caller's promise.
    unsafe { items(data, len, MAX_INPUT) }
}

/// Lists of octets.
///
/// # Safety
/// As `octets`, for the list and for every item.
pub(crate) unsafe fn list<'a>(
    data: *const Octets,
    len: usize,
) -> Result<impl Iterator<Item = Result<&'a [u8], Failure>>, Failure> {
    // SAFETY: the caller's promise.
    let list = unsafe { array(data, len) }?;
    Ok(list.iter().map(|item| {
        // SAFETY: the caller's promise.
        unsafe { octets(item.data, item.len) }
    }))
}

/// Items from C.
///
/// # Safety
/// As `octets`.
pub(crate) unsafe fn array<'a, T>(data: *const T, len: usize) -> Result<&'a [T], Failure> {
    // SAFETY: the caller's promise.
    unsafe { items(data, len, MAX_ITEMS) }
}

/// As many items from C as the caller says.
///
/// # Safety
/// As `octets`.
#[cfg(feature = "nem")]
pub(crate) unsafe fn many<'a, T>(data: *const T, len: usize, most: usize) -> Result<&'a [T], Failure> {
    // SAFETY: the caller's promise.
    unsafe { items(data, len, most) }
}

unsafe fn items<'a, T>(data: *const T, len: usize, most: usize) -> Result<&'a [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Failure::code(CELLCERT_ERR_NULL));
    }
    if !data.is_aligned() {
        return Err(Failure::code(CELLCERT_ERR_ARGUMENT));
    }
    if len > most {
        return Err(Failure::code(CELLCERT_ERR_LIMIT));
    }
    // SAFETY: the caller's promise, and the length is far below what a slice may have.
    Ok(unsafe { core::slice::from_raw_parts(data, len) })
}

/// A text from C.
///
/// # Safety
/// It is null or ends with a NUL, and nobody changes it for as long as the call lasts.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, Failure> {
    // SAFETY: the caller's promise.
    unsafe { optional_text(text) }?.ok_or(Failure::code(CELLCERT_ERR_NULL))
}

/// A text from C, or null.
///
/// # Safety
/// As `text`.
pub(crate) unsafe fn optional_text<'a>(text: *const c_char) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| Failure::code(CELLCERT_ERR_ARGUMENT))
}

/// A struct from C.
///
/// # Safety
/// It is null or points to such a struct, which nobody changes for as long as the call lasts.
pub(crate) unsafe fn structure<'a, T>(pointer: *const T) -> Result<&'a T, Failure> {
    // SAFETY: the caller's promise.
    unsafe { optional(pointer) }?.ok_or(Failure::code(CELLCERT_ERR_NULL))
}

/// A struct from C, or null.
///
/// # Safety
/// As `structure`.
pub(crate) unsafe fn optional<'a, T>(pointer: *const T) -> Result<Option<&'a T>, Failure> {
    if !pointer.is_null() && !pointer.is_aligned() {
        return Err(Failure::code(CELLCERT_ERR_ARGUMENT));
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { pointer.as_ref() })
}

/// A variable of C's that a call sets when it succeeds.
pub(crate) struct Variable<T>(*mut T);

impl<T> Variable<T> {
    /// # Safety
    /// It is null or may be written to until the call ends.
    pub(crate) unsafe fn new(variable: *mut T) -> Result<Self, Failure> {
        if variable.is_null() {
            Err(Failure::code(CELLCERT_ERR_NULL))
        } else if variable.is_aligned() {
            Ok(Self(variable))
        } else {
            Err(Failure::code(CELLCERT_ERR_ARGUMENT))
        }
    }

    pub(crate) fn set(self, value: T) {
        // SAFETY: `new`'s promise.
        unsafe { self.0.write(value) }
    }
}

impl<H: Opaque> Variable<*mut H> {
    /// Hands a handle over: it is C's from now on.
    pub(crate) fn give(self, handle: Box<H>) {
        self.set(Box::into_raw(handle));
    }
}

/// A buffer of C's: where to write, and a variable with its size, which becomes the length of what was written.
pub(crate) struct Buffer {
    out: *mut u8,
    len: *mut usize,
}

impl Buffer {
    /// # Safety
    /// `len` is null or a variable; `out` is null or has room for as many octets as that says.
    pub(crate) unsafe fn new(out: *mut u8, len: *mut usize) -> Result<Self, Failure> {
        if len.is_null() {
            Err(Failure::code(CELLCERT_ERR_NULL))
        } else if len.is_aligned() {
            Ok(Self { out, len })
        } else {
            Err(Failure::code(CELLCERT_ERR_ARGUMENT))
        }
    }

    /// For a text, which gets its NUL.
    ///
    /// # Safety
    /// As `new`.
    pub(crate) unsafe fn for_text(out: *mut c_char, len: *mut usize) -> Result<Self, Failure> {
        // SAFETY: the caller's promise.
        unsafe { Self::new(out.cast(), len) }
    }

    /// Writes the octets, or the length alone where there is no buffer; where it is too small, that is an error, and the length
    /// is written nevertheless.
    pub(crate) fn deliver<T: AsRef<[u8]>>(self, octets: T) -> Result<impl FnOnce(), Failure> {
        let needed = octets.as_ref().len();
        if !self.out.is_null() {
            // SAFETY: `new`'s promise.
            let room = unsafe { self.len.read() };
            if room < needed {
                // SAFETY: `new`'s promise.
                unsafe { self.len.write(needed) };
                return Err(Failure::code(CELLCERT_ERR_BUFFER));
            }
        }
        Ok(move || {
            if !self.out.is_null() {
                // SAFETY: there is room, and what is copied is ours, so they do not overlap.
                unsafe { core::ptr::copy_nonoverlapping(octets.as_ref().as_ptr(), self.out, needed) };
            }
            // SAFETY: `new`'s promise.
            unsafe { self.len.write(needed) };
        })
    }

    /// The same for a text, with its NUL.
    pub(crate) fn deliver_text(self, text: &str) -> Result<impl FnOnce() + use<>, Failure> {
        let mut octets = alloc::vec::Vec::with_capacity(text.len().saturating_add(1));
        // What C takes for the end must not stand in the middle.
        octets.extend(text.bytes().map(|octet| if octet == 0 { b'?' } else { octet }));
        octets.push(0);
        self.deliver(octets)
    }
}
