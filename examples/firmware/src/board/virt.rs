//! QEMU's own board for 64 bits: a Cortex-A53.

use core::arch::{asm, global_asm};

use crate::frame::Line;

// Floating point on, as the compiler takes it for granted; a stack; zeroed memory.
global_asm!(
    ".section .reset, \"ax\"",
    ".global reset",
    "reset:",
    "mov x0, #(3 << 20)",
    "msr cpacr_el1, x0",
    "isb",
    "ldr x0, =stack_top",
    "mov sp, x0",
    "ldr x0, =bss_start",
    "ldr x1, =bss_end",
    "0: cmp x0, x1",
    "b.hs 1f",
    "str xzr, [x0], #8",
    "b 0b",
    "1: bl begin",
    ".text",
);

#[unsafe(no_mangle)]
unsafe extern "C" fn begin() -> ! {
    // SAFETY: called once, by the lines above.
    unsafe { super::start() }
}

/// The generic timer: with `-icount shift=0` it counts one in 16 instructions.
pub fn instructions(since: u64) -> u64 {
    let ticks: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack, preserves_flags)) };
    ticks.wrapping_mul(16).wrapping_sub(since)
}

/// UART 0 (ARM DDI 0183, PL011), which the emulator has ready.
#[derive(Debug)]
pub struct Serial(());

const DATA: *mut u32 = 0x0900_0000 as *mut u32;
const FLAGS: *mut u32 = 0x0900_0018 as *mut u32;

impl Serial {
    /// Opens the line.
    pub fn open() -> Self {
        Self(())
    }
}

impl Line for Serial {
    fn write(&mut self, octet: u8) {
        // SAFETY: the UART's registers.
        unsafe {
            while FLAGS.read_volatile() & 1 << 5 != 0 {}
            DATA.write_volatile(octet.into());
        }
    }

    fn read(&mut self) -> u8 {
        // SAFETY: the UART's registers.
        unsafe {
            while FLAGS.read_volatile() & 1 << 4 != 0 {}
            DATA.read_volatile().to_le_bytes()[0]
        }
    }
}
