//! The boards: each has a serial line, a source of entropy and a clock. The last two are the emulator's, by semihosting.

#[cfg(board = "mps2_an386")]
mod mps2_an386;
#[cfg(board = "virt")]
mod virt;

use alloc::vec::Vec;
use core::panic::PanicInfo;

use crypto::{Random, RandomError};
use semihosting::fs::File;
use semihosting::io::Read;

use crate::heap::Arena;

#[cfg(board = "mps2_an386")]
pub use mps2_an386::{Serial, instructions};
#[cfg(board = "virt")]
pub use virt::{Serial, instructions};

#[global_allocator]
static HEAP: Arena = Arena::empty();

/// The heap.
pub fn heap() -> &'static Arena {
    &HEAP
}

/// The size of the heap: octets.
pub const HEAP_SIZE: usize = 128 * 1024;

/// Where the compiler's code begins: the boards call it once memory is in order.
///
/// # Safety
/// To be called once.
unsafe fn start() -> ! {
    unsafe extern "Rust" {
        safe fn firmware_main() -> i32;
    }
    static mut MEMORY: [u8; HEAP_SIZE] = [0; HEAP_SIZE];
    // SAFETY: nobody else knows the memory, and this is called once.
    unsafe { HEAP.give((&raw mut MEMORY).cast(), HEAP_SIZE) };
    semihosting::process::exit(firmware_main())
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    semihosting::process::exit(101)
}

/// The source of entropy: here the emulator's host; on a real board its true random number generator.
#[derive(Debug)]
pub struct Entropy;

impl Random for Entropy {
    fn fill(&self, octets: &mut [u8]) -> Result<(), RandomError> {
        let mut source = File::open(c"/dev/urandom").map_err(|_| RandomError::new())?;
        source.read_exact(octets).map_err(|_| RandomError::new())
    }
}

/// Seconds since 1970, by the emulator's clock.
pub fn now() -> Option<u64> {
    semihosting::sys::arm_compat::sys_time().ok()?.try_into().ok()
}

/// What the factory left in the board's memory: here a file of the emulator's host.
pub fn provisioned(name: &core::ffi::CStr) -> Option<Vec<u8>> {
    let mut file = File::open(name).ok()?;
    let length = file.metadata().ok()?.len().try_into().ok()?;
    let mut octets = alloc::vec![0; length];
    file.read_exact(&mut octets).ok()?;
    Some(octets)
}

/// Marks the unused stack; returns the place up to which it is marked.
///
/// What lies below the caller's frame is nobody's, since no interrupt is enabled.
pub fn mark_stack() {
    let (bottom, here) = (stack_bottom(), stack_pointer());
    let mut place = bottom;
    while place + 256 < here {
        // SAFETY: between the end of the stack and what is in use of it.
        unsafe { (place as *mut u32).write_volatile(MARK) };
        place += 4;
    }
}

/// How many octets of stack were used below the caller's frame since [`mark_stack`].
pub fn stack_used() -> usize {
    let here = stack_pointer();
    let mut place = stack_bottom();
    // SAFETY: within the stack.
    while place < here && unsafe { (place as *const u32).read_volatile() } == MARK {
        place += 4;
    }
    here - place
}

const MARK: u32 = 0x5aa5_c33c;

fn stack_bottom() -> usize {
    unsafe extern "C" {
        static stack_bottom: u8;
    }
    (&raw const stack_bottom) as usize
}

#[inline(always)]
fn stack_pointer() -> usize {
    let pointer: usize;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}
