//! The heap, and what happens when there is none left.
//!
//! Rust has no way back from an allocation that fails. So each call into the library takes a reserve from the heap first, and ends
//! at once when it cannot have it. If an allocation fails later in the call, the reserve serves this one and all that follow, and
//! the call is marked: at its end everything it made is dropped, and it returns CELLCERT_ERR_MEMORY. Nothing that a call leaves
//! behind lies in its reserve; should it do so nevertheless, the reserve is never given back.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::mem::size_of;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

#[cfg(not(feature = "host"))]
use crate::port as raw;
#[cfg(feature = "host")]
use host as raw;

#[global_allocator]
static HEAP: Heap = Heap;

struct Heap;

// SAFETY: octets come from the raw heap or from a reserve, of the size and alignment asked for, and go back to where they came
// from. Nothing here unwinds.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise, handed on: the size is not zero.
        let octets = unsafe { raw::allocate(layout) };
        if octets.is_null() { allocate_from_reserve(layout) } else { octets }
    }

    unsafe fn dealloc(&self, octets: *mut u8, layout: Layout) {
        if !release_to_reserve(octets, layout) {
            // SAFETY: what no reserve gave, the raw heap did, with the same layout.
            unsafe { raw::release(octets, layout) }
        }
    }
}

/// How much is set aside for a call whose allocations fail, in octets.
#[cfg(feature = "host")]
const RESERVE: usize = 256 * 1024;

/// How much is set aside for a call whose allocations fail, in octets. `CELLCERT_RESERVE` in the environment of the build sets it;
/// with 0 the port's panic function is called instead.
#[cfg(not(feature = "host"))]
const RESERVE: usize = match option_env!("CELLCERT_RESERVE") {
    Some(text) => parse(text),
    None => 16 * 1024,
};

#[cfg(not(feature = "host"))]
const fn parse(text: &str) -> usize {
    match usize::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("CELLCERT_RESERVE is not a number of octets"),
    }
}

/// The most that anything in a reserve is aligned to.
const ALIGNMENT: usize = 16;

/// What stands before the octets of a reserve.
#[repr(C, align(16))]
struct Reserve {
    /// How many of the octets are given out.
    used: Cell<usize>,
    /// How many pieces are given out.
    pieces: Cell<usize>,
    /// Of those that are never given back.
    next: Cell<*mut Reserve>,
}

const RESERVE_LAYOUT: Layout = match Layout::from_size_align(size_of::<Reserve>() + RESERVE, ALIGNMENT) {
    Ok(layout) => layout,
    Err(_) => panic!("CELLCERT_RESERVE is more than there can be"),
};

impl Reserve {
    /// Where the octets begin.
    fn octets(&self) -> usize {
        core::ptr::from_ref(self).addr().saturating_add(size_of::<Self>())
    }

    fn holds(&self, octets: *mut u8) -> bool {
        octets.addr().checked_sub(self.octets()).is_some_and(|offset| offset < RESERVE)
    }

    /// Cuts a piece off, or gives none. The pointer is the one that the reserve was allocated with: it reaches beyond this struct.
    fn cut(&self, whole: *mut Self, layout: Layout) -> *mut u8 {
        let align = layout.align();
        let begin = self.octets().saturating_add(self.used.get());
        let Some(begin) = begin.checked_next_multiple_of(align) else { return null_mut() };
        let offset = begin.saturating_sub(self.octets());
        let Some(end) = offset.checked_add(layout.size()).filter(|end| *end <= RESERVE) else {
            return null_mut();
        };
        self.used.set(end);
        self.pieces.set(self.pieces.get().saturating_add(1));
        whole.cast::<u8>().with_addr(begin)
    }

    /// Takes a piece back: the last one's octets are used again at once, all of them when no piece is out.
    fn take_back(&self, octets: *mut u8, layout: Layout) {
        self.pieces.set(self.pieces.get().saturating_sub(1));
        let offset = octets.addr().saturating_sub(self.octets());
        if self.pieces.get() == 0 {
            self.used.set(0);
        } else if offset.checked_add(layout.size()) == Some(self.used.get()) {
            self.used.set(offset);
        }
    }
}

/// The call that this thread is in.
struct Call {
    depth: Cell<u32>,
    reserve: Cell<*mut Reserve>,
    exhausted: Cell<bool>,
}

impl Call {
    const fn none() -> Self {
        Self { depth: Cell::new(0), reserve: Cell::new(null_mut()), exhausted: Cell::new(false) }
    }

    fn reserve(&self) -> Option<&Reserve> {
        // SAFETY: it is null, or was made by `enter` and stands until `Entered` is dropped.
        unsafe { self.reserve.get().as_ref() }
    }
}

fn allocate_from_reserve(layout: Layout) -> *mut u8 {
    with_call(|call| match call.reserve() {
        Some(reserve) => {
            call.exhausted.set(true);
            reserve.cut(call.reserve.get(), layout)
        }
        None => null_mut(),
    })
}

/// Whether the octets came from a reserve.
fn release_to_reserve(octets: *mut u8, layout: Layout) -> bool {
    with_call(|call| match call.reserve().filter(|reserve| reserve.holds(octets)) {
        Some(reserve) => {
            reserve.take_back(octets, layout);
            true
        }
        None => kept().any(|reserve| reserve.holds(octets)),
    })
}

/// Reserves that are never given back, because something in them outlived its call.
static KEPT: AtomicPtr<Reserve> = AtomicPtr::new(null_mut());

fn kept() -> impl Iterator<Item = &'static Reserve> {
    // SAFETY: a reserve that was hung into the list stands for ever, and nobody changes its `next` any more.
    let as_ref = |reserve: *mut Reserve| unsafe { reserve.as_ref() };
    core::iter::successors(as_ref(KEPT.load(Ordering::Acquire)), move |reserve| as_ref(reserve.next.get()))
}

fn keep(reserve: NonNull<Reserve>) {
    let mut first = KEPT.load(Ordering::Acquire);
    loop {
        // SAFETY: it is this call's alone until it hangs in the list.
        unsafe { reserve.as_ref() }.next.set(first);
        match KEPT.compare_exchange(first, reserve.as_ptr(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return,
            Err(other) => first = other,
        }
    }
}

/// Stands for as long as a call into the library runs.
pub(crate) struct Entered(());

/// Why a call cannot begin.
pub(crate) enum Refused {
    /// There is no memory for the reserve.
    Memory,
    /// Firmware has one call at a time; another one is running.
    #[cfg(not(feature = "host"))]
    Busy,
}

/// Begins a call, or one inside another, made by a callback.
pub(crate) fn enter() -> Result<Entered, Refused> {
    #[cfg(not(feature = "host"))]
    if !firmware::begin() {
        return Err(Refused::Busy);
    }
    with_call(|call| {
        if call.depth.get() == 0 && RESERVE > 0 {
            // SAFETY: the size is not zero.
            let reserve = unsafe { raw::allocate(RESERVE_LAYOUT) }.cast::<Reserve>();
            let Some(made) = NonNull::new(reserve) else {
                #[cfg(not(feature = "host"))]
                firmware::end();
                return Err(Refused::Memory);
            };
            let empty = Reserve { used: Cell::new(0), pieces: Cell::new(0), next: Cell::new(null_mut()) };
            // SAFETY: it was allocated with room and alignment for this.
            unsafe { made.write(empty) };
            call.reserve.set(reserve);
            call.exhausted.set(false);
        }
        call.depth.set(call.depth.get().saturating_add(1));
        Ok(Entered(()))
    })
}

/// Whether an allocation has failed in this call.
pub(crate) fn is_exhausted() -> bool {
    with_call(|call| call.exhausted.get())
}

impl Drop for Entered {
    fn drop(&mut self) {
        with_call(|call| {
            call.depth.set(call.depth.get().saturating_sub(1));
            if call.depth.get() > 0 {
                return;
            }
            call.exhausted.set(false);
            let Some(reserve) = NonNull::new(call.reserve.replace(null_mut())) else { return };
            // SAFETY: `enter` made it, and it is this call's alone.
            if unsafe { reserve.as_ref() }.pieces.get() > 0 {
                keep(reserve);
                return;
            }
            // SAFETY: it came from there with this layout, and nothing points into it any more.
            unsafe { raw::release(reserve.as_ptr().cast(), RESERVE_LAYOUT) };
        });
        #[cfg(not(feature = "host"))]
        firmware::end();
    }
}

#[cfg(feature = "host")]
mod host {
    use std::alloc::System;

    use super::{GlobalAlloc, Layout};

    pub(super) unsafe fn allocate(layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise: the size is not zero.
        unsafe { System.alloc(layout) }
    }

    pub(super) unsafe fn release(octets: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise: they came from `allocate` with this layout.
        unsafe { System.dealloc(octets, layout) }
    }
}

#[cfg(feature = "host")]
fn with_call<T>(work: impl FnOnce(&Call) -> T) -> T {
    std::thread_local! {
        // Without a destructor, so that it can be had for as long as the thread allocates.
        static CALL: Call = const { Call::none() };
    }
    CALL.with(work)
}

#[cfg(not(feature = "host"))]
use firmware::with_call;

#[cfg(not(feature = "host"))]
mod firmware {
    use core::sync::atomic::AtomicBool;

    use super::{Call, Ordering};

    /// Firmware need not have threads that Rust knows of; the one call that is running is this.
    struct Only(Call);

    // SAFETY: `begin` lets one thread in at a time, and nobody allocates from this heap but the library.
    unsafe impl Sync for Only {}

    static CALL: Only = Only(Call::none());

    static RUNNING: AtomicBool = AtomicBool::new(false);

    pub(super) fn begin() -> bool {
        RUNNING.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    pub(super) fn end() {
        RUNNING.store(false, Ordering::Release);
    }

    pub(super) fn with_call<T>(work: impl FnOnce(&Call) -> T) -> T {
        work(&CALL.0)
    }
}
