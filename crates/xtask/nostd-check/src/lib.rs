//! Links the firmware crates into a static library that has its own panic handler and heap. Any dependency on std
//! brings a second panic handler, and the build fails with E0152.
#![no_std]

#[cfg(feature = "with-std")]
extern crate std;

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

// Named, so that they are linked though nothing of them is called.
use {asn1 as _, ca as _, cmp as _, crmf as _, crypto as _, crypto_rustcrypto as _, nem as _, pkcs10 as _};

struct NoHeap;

// SAFETY: it never hands memory out.
unsafe impl GlobalAlloc for NoHeap {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static HEAP: NoHeap = NoHeap;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Whether these octets are a PKIMessage: something for the linker to keep.
///
/// # Safety
/// `octets` must point to `length` readable octets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_is_pki_message(octets: *const u8, length: usize) -> bool {
    // SAFETY: the caller's promise.
    let octets = unsafe { core::slice::from_raw_parts(octets, length) };
    cmp::PkiMessage::from_der(octets).is_ok()
}
