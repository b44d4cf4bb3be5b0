//! Handles: pointers that C holds and cannot look behind.
//!
//! Each begins with a word that says of which kind it is, and whether a call is using it. A handle of another kind, one that another
//! thread is using, and, while its memory is not used for something else, one that was freed, are noticed by it.

use alloc::boxed::Box;
use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering};

use crate::failure::Failure;
use crate::status::{CELLCERT_ERR_BUSY, CELLCERT_ERR_HANDLE, CELLCERT_ERR_NULL};

/// A kind of handle.
pub(crate) trait Opaque: Sized + 'static {
    /// What is inside.
    type Inner;
    /// The word it begins with while no call uses it. The lowest bit is free.
    const KIND: u32;

    fn new(handle: Handle<Self::Inner>) -> Self;
    fn handle(&self) -> &Handle<Self::Inner>;
}

/// Makes a struct of one `Handle` a kind of handle.
macro_rules! opaque {
    ($name:ident, $inner:ty, $kind:literal) => {
        const _: () = assert!(core::mem::offset_of!($name, 0) == 0);

        impl $crate::handle::Opaque for $name {
            type Inner = $inner;
            const KIND: u32 = u32::from_be_bytes(*$kind) & !1;

            fn new(handle: $crate::handle::Handle<$inner>) -> Self {
                Self(handle)
            }

            fn handle(&self) -> &$crate::handle::Handle<$inner> {
                &self.0
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use opaque;

const IN_USE: u32 = 1;

/// The word comes first in every kind.
#[repr(C)]
pub(crate) struct Handle<T> {
    word: AtomicU32,
    inner: UnsafeCell<T>,
}

/// A handle that is not yet C's.
pub(crate) fn make<H: Opaque>(inner: H::Inner) -> Box<H> {
    Box::new(H::new(Handle { word: AtomicU32::new(H::KIND), inner: UnsafeCell::new(inner) }))
}

/// What is inside a handle, for as long as nobody else uses it.
pub(crate) struct Locked<'a, H: Opaque>(&'a H);

/// Takes a handle into use.
///
/// # Safety
/// It is null or points to a handle that is not freed.
pub(crate) unsafe fn lock<'a, H: Opaque>(pointer: *const H) -> Result<Locked<'a, H>, Failure> {
    if pointer.is_null() {
        return Err(Failure::code(CELLCERT_ERR_NULL));
    }
    if !pointer.is_aligned() {
        return Err(Failure::code(CELLCERT_ERR_HANDLE));
    }
    // SAFETY: the caller's promise. Of a handle of another kind, which is a mistake that C lets through with a cast, only the
    // first word is read: all kinds have it.
    let word = unsafe { &*pointer.cast::<AtomicU32>() };
    match word.compare_exchange(H::KIND, H::KIND | IN_USE, Ordering::Acquire, Ordering::Relaxed) {
        // SAFETY: it is of this kind.
        Ok(_) => Ok(Locked(unsafe { &*pointer })),
        Err(other) if other == H::KIND | IN_USE => Err(Failure::code(CELLCERT_ERR_BUSY)),
        Err(_) => Err(Failure::code(CELLCERT_ERR_HANDLE)),
    }
}

impl<H: Opaque> Deref for Locked<'_, H> {
    type Target = H::Inner;

    fn deref(&self) -> &H::Inner {
        // SAFETY: the word keeps everybody else out.
        unsafe { &*self.0.handle().inner.get() }
    }
}

impl<H: Opaque> DerefMut for Locked<'_, H> {
    fn deref_mut(&mut self) -> &mut H::Inner {
        // SAFETY: the word keeps everybody else out.
        unsafe { &mut *self.0.handle().inner.get() }
    }
}

impl<H: Opaque> Drop for Locked<'_, H> {
    fn drop(&mut self) {
        self.0.handle().word.store(H::KIND, Ordering::Release);
    }
}

/// Frees a handle, and clears the variable it is in.
///
/// # Safety
/// The variable is readable and writable, and what it holds is null or a handle that `make` made and that is not freed.
pub(crate) unsafe fn free<H: Opaque>(variable: *mut *mut H) -> Result<impl FnOnce(), Failure> {
    if variable.is_null() {
        return Err(Failure::code(CELLCERT_ERR_NULL));
    }
    // SAFETY: the caller's promise.
    let pointer = unsafe { variable.read() };
    if pointer.is_null() {
        return Err(Failure::code(CELLCERT_ERR_HANDLE));
    }
    // SAFETY: the caller's promise.
    let locked: Locked<'_, H> = unsafe { lock(pointer) }?;
    Ok(move || {
        // From here on nobody else gets in any more.
        locked.0.handle().word.store(0, Ordering::Release);
        core::mem::forget(locked);
        // SAFETY: the caller's promise.
        unsafe { variable.write(core::ptr::null_mut()) };
        // SAFETY: it was a Box once, and nobody uses it.
        drop(unsafe { Box::from_raw(pointer) });
    })
}
