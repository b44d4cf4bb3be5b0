//! Links the firmware crates into a static library that has its own panic handler and heap. Any dependency on std
//! brings a second panic handler, and the build fails with E0152.
#![no_std]

#[cfg(feature = "with-std")]
extern crate std;

use core::panic::PanicInfo;
use core::slice;

use crypto::{KeyKind, Random, RandomError, SigningKey};
use crypto_rustcrypto::EcKey;
use firmware::heap::Arena;
use pkcs10::CertReqBuilder;
// Named, so that they are linked though nothing of them is called.
use {asn1 as _, ca as _, crmf as _, nem as _};

#[global_allocator]
static HEAP: Arena = Arena::empty();

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Gives the heap its memory.
///
/// # Safety
/// To be called once, with memory that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nostd_check_begin(memory: *mut u8, length: usize) {
    // SAFETY: the caller's promise.
    unsafe { HEAP.give(memory, length) }
}

/// Whether these octets are a PKIMessage.
///
/// # Safety
/// `octets` must point to `length` readable octets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nostd_check_is_pki_message(octets: *const u8, length: usize) -> bool {
    // SAFETY: the caller's promise.
    let octets = unsafe { slice::from_raw_parts(octets, length) };
    cmp::PkiMessage::from_der(octets).is_ok()
}

/// Makes a P-256 key and a PKCS #10 request for it: 0 when it went well. `length` says how much room there is, and then how
/// long the request is.
///
/// # Safety
/// `out` must point to `*length` writable octets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nostd_check_request(
    entropy: extern "C" fn(*mut u8, usize) -> i32,
    out: *mut u8,
    length: &mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    let room = unsafe { slice::from_raw_parts_mut(out, *length) };
    let Ok(key) = EcKey::generate(KeyKind::P256, &Callback(entropy)) else { return -1 };
    let Ok(subject) = firmware::subject::subject("Vendor", "enb1") else { return -2 };
    let Ok(request) = CertReqBuilder::new(subject, key.public_key()).sign(&key) else { return -3 };
    let Some(room) = room.get_mut(..request.len()) else { return -4 };
    room.copy_from_slice(&request);
    *length = request.len();
    0
}

struct Callback(extern "C" fn(*mut u8, usize) -> i32);

impl Random for Callback {
    fn fill(&self, octets: &mut [u8]) -> Result<(), RandomError> {
        match (self.0)(octets.as_mut_ptr(), octets.len()) {
            0 => Ok(()),
            _ => Err(RandomError::new()),
        }
    }
}
