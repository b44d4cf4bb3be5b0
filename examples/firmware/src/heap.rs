//! The heap: one arena, first fit, with a count of what is in use at most.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::fmt;
use core::ptr::{NonNull, null_mut};

use linked_list_allocator::Heap;

/// An arena as global allocator, for programs of one thread in which no interrupt allocates.
pub struct Arena(UnsafeCell<State>);

struct State {
    heap: Heap,
    used: usize,
    peak: usize,
    allocations: usize,
}

// SAFETY: see `Arena`: there is one thread.
unsafe impl Sync for Arena {}

/// What was asked of the heap.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Octets in use.
    pub used: usize,
    /// Octets in use at most since [`Arena::reset_peak`].
    pub peak: usize,
    /// How many allocations there were.
    pub allocations: usize,
}

impl Arena {
    /// Without memory: every allocation fails.
    pub const fn empty() -> Self {
        Self(UnsafeCell::new(State { heap: Heap::empty(), used: 0, peak: 0, allocations: 0 }))
    }

    /// Gives it its memory.
    ///
    /// # Safety
    /// To be called once, with `length` octets at `start` that nothing else uses from now on.
    pub unsafe fn give(&self, start: *mut u8, length: usize) {
        // SAFETY: the caller's promise; one thread.
        unsafe { (*self.0.get()).heap.init(start, length) }
    }

    /// What is in use.
    pub fn usage(&self) -> Usage {
        // SAFETY: one thread.
        let state = unsafe { &*self.0.get() };
        Usage { used: state.used, peak: state.peak, allocations: state.allocations }
    }

    /// Begins to count anew.
    pub fn reset_peak(&self) {
        // SAFETY: one thread.
        let state = unsafe { &mut *self.0.get() };
        state.peak = state.used;
        state.allocations = 0;
    }
}

// SAFETY: memory comes from the arena, which hands each octet out once.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: one thread.
        let state = unsafe { &mut *self.0.get() };
        let Ok(place) = state.heap.allocate_first_fit(layout) else { return null_mut() };
        state.used += layout.size();
        state.peak = state.peak.max(state.used);
        state.allocations += 1;
        place.as_ptr()
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: one thread.
        let state = unsafe { &mut *self.0.get() };
        if let Some(place) = NonNull::new(place) {
            state.used -= layout.size();
            // SAFETY: it came from `alloc` with the same layout.
            unsafe { state.heap.deallocate(place, layout) }
        }
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.usage().fmt(f)
    }
}
