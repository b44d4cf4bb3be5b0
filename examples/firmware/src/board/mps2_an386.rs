//! ARM's MPS2 with the image AN386: a Cortex-M4.

use core::arch::global_asm;

use crate::frame::Line;

// The vector table: the stack's top, then where to begin. Faults, and interrupts that nobody enabled, end the program.
global_asm!(
    ".section .vectors, \"a\"",
    ".word stack_top",
    ".word reset",
    ".rept 14",
    ".word fault",
    ".endr",
    ".text",
);

#[unsafe(no_mangle)]
unsafe extern "C" fn reset() -> ! {
    unsafe extern "C" {
        static mut bss_start: u32;
        static mut bss_end: u32;
        static mut data_start: u32;
        static mut data_end: u32;
        static data_load: u32;
    }
    const COPROCESSOR_ACCESS: *mut u32 = 0xe000_ed88 as *mut u32;
    const SYSTICK_CONTROL: *mut u32 = 0xe000_e010 as *mut u32;
    const SYSTICK_RELOAD: *mut u32 = 0xe000_e014 as *mut u32;
    // SAFETY: the linker script's symbols, and the core's own registers; nothing else runs yet.
    unsafe {
        COPROCESSOR_ACCESS.write_volatile(COPROCESSOR_ACCESS.read_volatile() | 0xf << 20);
        let (mut from, mut to) = (&raw const data_load, &raw mut data_start);
        while to < &raw mut data_end {
            to.write_volatile(from.read_volatile());
            (from, to) = (from.add(1), to.add(1));
        }
        let mut place = &raw mut bss_start;
        while place < &raw mut bss_end {
            place.write_volatile(0);
            place = place.add(1);
        }
        SYSTICK_RELOAD.write_volatile(0x00ff_ffff);
        SYSTICK_CONTROL.write_volatile(0b101);
        super::start()
    }
}

#[unsafe(no_mangle)]
extern "C" fn fault() -> ! {
    semihosting::process::exit(102)
}

/// A clock that counts instructions when the emulator runs with `-icount shift=0`: one instruction a nanosecond, 25 MHz.
/// It goes around after 671 million.
pub fn instructions(since: u64) -> u64 {
    const SYSTICK_CURRENT: *const u32 = 0xe000_e018 as *const u32;
    const PER_TICK: u64 = 40;
    const ROUND: u64 = 0x0100_0000;
    // SAFETY: a register of the core that reading does not change. It counts down.
    let ticks = ROUND - u64::from(unsafe { SYSTICK_CURRENT.read_volatile() });
    (ticks.wrapping_sub(since / PER_TICK) & (ROUND - 1)) * PER_TICK
}

/// UART 0 (ARM DDI 0479, CMSDK APB UART).
#[derive(Debug)]
pub struct Serial(());

const DATA: *mut u32 = 0x4000_4000 as *mut u32;
const STATE: *mut u32 = 0x4000_4004 as *mut u32;
const CONTROL: *mut u32 = 0x4000_4008 as *mut u32;
const DIVIDER: *mut u32 = 0x4000_4010 as *mut u32;

impl Serial {
    /// Opens the line.
    pub fn open() -> Self {
        // SAFETY: the UART's registers.
        unsafe {
            DIVIDER.write_volatile(16);
            CONTROL.write_volatile(0b11);
        }
        Self(())
    }
}

impl Line for Serial {
    fn write(&mut self, octet: u8) {
        // SAFETY: the UART's registers.
        unsafe {
            while STATE.read_volatile() & 0b01 != 0 {}
            DATA.write_volatile(octet.into());
        }
    }

    fn read(&mut self) -> u8 {
        // SAFETY: the UART's registers.
        unsafe {
            while STATE.read_volatile() & 0b10 == 0 {}
            DATA.read_volatile().to_le_bytes()[0]
        }
    }
}
