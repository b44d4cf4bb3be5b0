//! The ledger that C keeps.

use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr;

use nem::ledger::LedgerError;
use store::ledger::{Entry, KeyValues};

use crate::heap;
use crate::status::{CELLCERT_ERR_BUFFER, CELLCERT_ERR_NONE, CELLCERT_OK, text};

/// What a ledger is to write.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LedgerEntry {
    /// The key: at most 64 octets.
    pub key: *const u8,
    /// How many octets it has.
    pub key_len: usize,
    /// Its new value; NULL: the key is removed.
    pub value: *const u8,
    /// How many octets it has; it may have none.
    pub value_len: usize,
}

/// Where a NEM keeps its requests: an ordered map of octets to octets, which a table in any database is, or a file. Any code but those named
/// here means that it cannot be used now: the NEM goes on, and tries again later. Values hold no private keys.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Ledger {
    /// The value of a key. `len` is the room at `out` and becomes the value's length. CELLCERT_ERR_NONE: there is no such key.
    /// CELLCERT_ERR_BUFFER: there is too little room, and `len` says how much it takes; the call is made again then.
    pub get: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            key: *const u8,
            key_len: usize,
            out: *mut u8,
            len: *mut usize,
        ) -> i32,
    >,
    /// The first key behind `key`, which need not be there itself; keys are compared octet by octet, as memcmp does, and of two that begin
    /// the same the shorter one comes first. The other arguments and the codes are those of `get`.
    pub next: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            key: *const u8,
            key_len: usize,
            out: *mut u8,
            len: *mut usize,
        ) -> i32,
    >,
    /// Writes entries: all of them, or none. When it returns CELLCERT_OK they survive a crash.
    pub write:
        Option<unsafe extern "C" fn(ctx: *mut c_void, entries: *const LedgerEntry, count: usize) -> i32>,
    /// Handed to every call.
    pub ctx: *mut c_void,
}

/// The map that C keeps.
pub(super) struct Outside(pub(super) Ledger);

// SAFETY: it is used only in calls with its NEM, of which there is one at a time.
unsafe impl Send for Outside {}

type Reading = unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut u8, *mut usize) -> i32;

impl Outside {
    fn read(&self, reading: Option<Reading>, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        /// The largest value that is read.
        const MOST: usize = 1024 * 1024;
        let reading = reading.ok_or_else(|| LedgerError::new("a function is missing"))?;
        let mut room = 4096;
        // A value that grows while it is read is tried anew, not for ever.
        for _ in 0..4 {
            if heap::is_exhausted() {
                break;
            }
            let mut octets = alloc::vec![0; room];
            let mut len = room;
            // SAFETY: whoever made the NEM promised that the function can be called so.
            match unsafe { reading(self.0.ctx, key.as_ptr(), key.len(), octets.as_mut_ptr(), &mut len) } {
                CELLCERT_OK if len <= room => {
                    octets.truncate(len);
                    return Ok(Some(octets));
                }
                CELLCERT_ERR_NONE => return Ok(None),
                CELLCERT_ERR_BUFFER if len > room && len <= MOST => room = len,
                code => return Err(failed(code)),
            }
        }
        Err(LedgerError::new("it is out of memory, or changes all the time"))
    }
}

fn failed(code: i32) -> LedgerError {
    let text = text(code).to_str().unwrap_or_default();
    LedgerError::new(alloc::format!("it returned {code} ({text})"))
}

impl KeyValues for Outside {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        self.read(self.0.get, key)
    }

    fn next(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        let next = self.read(self.0.next, key)?;
        // One that does not go on would be asked for ever.
        if next.as_deref().is_some_and(|next| next <= key) {
            return Err(LedgerError::new("the next key does not come after the one before"));
        }
        Ok(next)
    }

    fn write(&self, entries: &[Entry]) -> Result<(), LedgerError> {
        let write = self.0.write.filter(|_| !heap::is_exhausted());
        let write = write.ok_or_else(|| LedgerError::new("a function is missing, or memory"))?;
        let of = |entry: &Entry| {
            let value = entry.value.as_ref();
            LedgerEntry {
                key: entry.key.as_ptr(),
                key_len: entry.key.len(),
                value: value.map_or(ptr::null(), |value| value.as_ptr()),
                value_len: value.map_or(0, Vec::len),
            }
        };
        let written: Vec<LedgerEntry> = entries.iter().map(of).collect();
        if heap::is_exhausted() {
            return Err(LedgerError::new("it is out of memory"));
        }
        // SAFETY: whoever made the NEM promised that the function can be called so.
        match unsafe { write(self.0.ctx, written.as_ptr(), written.len()) } {
            CELLCERT_OK => Ok(()),
            code => Err(failed(code)),
        }
    }
}
