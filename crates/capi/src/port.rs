//! What firmware hands in when it is linked: a heap, and the end of the program.

use core::alloc::Layout;
use core::ffi::{c_char, c_void};
use core::mem::size_of;
use core::panic::PanicInfo;
use core::ptr::null_mut;

unsafe extern "C" {
    fn cellcert_port_malloc(size: usize) -> *mut c_void;
    fn cellcert_port_free(octets: *mut c_void);
    fn cellcert_port_panic(file: *const c_char, file_len: usize, line: u32) -> !;
}

/// What the port's malloc aligns to: as much as two pointers.
const ALIGNMENT: usize = 2 * size_of::<usize>();

/// # Safety
/// The size is not zero.
pub(crate) unsafe fn allocate(layout: Layout) -> *mut u8 {
    if layout.align() <= ALIGNMENT {
        // SAFETY: the port's promise: octets of that size, aligned, or null.
        return unsafe { cellcert_port_malloc(layout.size()) }.cast();
    }
    let Some(room) = layout.size().checked_add(layout.align()) else { return null_mut() };
    // SAFETY: as above.
    let octets: *mut u8 = unsafe { cellcert_port_malloc(room) }.cast();
    if octets.is_null() {
        return octets;
    }
    // The next multiple beyond: at least `ALIGNMENT` octets further, where the beginning is noted.
    let shift = layout.align() - octets.addr() % layout.align();
    // SAFETY: the shift is at most the alignment, by which there is more room than the size.
    let aligned = unsafe { octets.add(shift) };
    // SAFETY: the note stands before the octets and is aligned as they are.
    let note = unsafe { aligned.cast::<*mut u8>().sub(1) };
    // SAFETY: as above.
    unsafe { note.write(octets) };
    aligned
}

/// # Safety
/// The octets came from `allocate` with this layout.
pub(crate) unsafe fn release(octets: *mut u8, layout: Layout) {
    let begin = if layout.align() <= ALIGNMENT {
        octets
    } else {
        // SAFETY: `allocate` noted the beginning there.
        let note = unsafe { octets.cast::<*mut u8>().sub(1) };
        // SAFETY: as above.
        unsafe { note.read() }
    };
    // SAFETY: these came from the port's malloc.
    unsafe { cellcert_port_free(begin.cast()) };
}

/// Where the program ends. Nothing is known to lead here but a reserve that is too small.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let (file, line) = info.location().map_or(("", 0), |location| (location.file(), location.line()));
    // SAFETY: the port's function does not return; it gets octets that stand for ever.
    unsafe { cellcert_port_panic(file.as_ptr().cast(), file.len(), line) }
}
