//! Calls of the C interface in any order, with handles that are there, that are not, and that are of another kind.

mod nem;
mod requests;
mod transactions;

use std::ffi::{CString, c_void};
use std::ptr::{null, null_mut};

use arbitrary::Arbitrary;
use cellcert::*;

use nem::{Map, NemCall};
use requests::RequestCall;
use transactions::TransactionCall;

/// What a C program does.
#[derive(Arbitrary, Debug)]
pub struct CallScript {
    calls: Vec<Call>,
}

/// Which of the handles of a kind: none of them, when there are not so many.
type Slot = u8;

#[derive(Arbitrary, Debug)]
enum Octets {
    /// What the last call wrote.
    Last,
    These(Vec<u8>),
    Null(u8),
}

#[derive(Arbitrary, Debug)]
enum Call {
    NewContext,
    FreeContext(Slot),
    Request(RequestCall),
    Transaction(TransactionCall),
    Nem(NemCall),
}

/// What the program holds.
#[derive(Default)]
struct Program {
    contexts: Vec<*mut Context>,
    keys: Vec<*mut Key>,
    requests: Vec<*mut Request>,
    verified: Vec<*mut Verified>,
    identities: Vec<*mut Identity>,
    trusts: Vec<*mut Trust>,
    transactions: Vec<*mut Transaction>,
    nems: Vec<*mut Nem>,
    passages: Vec<*mut Passage>,
    last: Vec<u8>,
    /// The uploads' names, all in one place.
    id: [u8; 16],
    export: [u8; 16],
    maps: Vec<Box<Map>>,
}

/// How many handles of a kind there are at most.
const HANDLES: usize = 3;

impl CallScript {
    /// Makes the calls, and checks that each says something and keeps to its buffer.
    pub fn play(self) {
        let mut program = Program::default();
        for call in self.calls.into_iter().take(64) {
            let code = program.call(call);
            assert!((-100..=0).contains(&code) && code != CELLCERT_ERR_BUG, "{code}");
        }
        program.end();
    }
}

fn at<T>(handles: &[*mut T], slot: Slot, other: *mut c_void) -> *mut T {
    if slot == u8::MAX {
        // Of another kind.
        return other.cast();
    }
    handles.get(usize::from(slot % 4)).copied().unwrap_or(null_mut())
}

fn keep<T>(handles: &mut Vec<*mut T>, make: impl FnOnce(*mut *mut T) -> i32) -> i32 {
    if handles.len() == HANDLES {
        return make(null_mut());
    }
    let mut made = null_mut();
    let code = make(&raw mut made);
    assert_eq!(code == CELLCERT_OK, !made.is_null());
    if !made.is_null() {
        handles.push(made);
    }
    code
}

fn free<T>(handles: &mut Vec<*mut T>, slot: Slot, free: unsafe extern "C" fn(*mut *mut T) -> i32) -> i32 {
    let position = usize::from(slot % 4);
    let mut handle = handles.get(position).copied().unwrap_or(null_mut());
    let there = !handle.is_null();
    let code = unsafe { free(&raw mut handle) };
    assert_eq!(code == CELLCERT_OK, there);
    assert!(handle.is_null());
    if there {
        handles.remove(position);
    }
    code
}

fn text(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap()
}
impl Program {
    fn any(&self) -> *mut c_void {
        self.keys.first().map_or(null_mut(), |key| key.cast())
    }

    fn context(&self, slot: Slot) -> *mut Context {
        at(&self.contexts, slot, self.any())
    }

    fn key(&self, slot: Slot) -> *mut Key {
        at(&self.keys, slot, self.contexts.first().map_or(null_mut(), |context| context.cast()))
    }

    fn octets(&self, octets: Octets) -> (Vec<u8>, bool) {
        match octets {
            Octets::Last => (self.last.clone(), false),
            Octets::These(octets) => (octets, false),
            Octets::Null(len) => (vec![0; len.into()], true),
        }
    }

    /// Runs a call that writes into a buffer with that much room.
    fn read(&mut self, room: usize, read: impl FnOnce(*mut u8, *mut usize) -> i32) -> i32 {
        let mut buffer = vec![0xa5; room + 1];
        let mut len = room;
        let out = if room == 0 { null_mut() } else { buffer.as_mut_ptr() };
        let code = read(out, &raw mut len);
        assert_eq!(buffer[room], 0xa5);
        match code {
            CELLCERT_OK if room > 0 => {
                assert!(len <= room);
                buffer.truncate(len);
                self.last = buffer;
            }
            CELLCERT_OK => {}
            CELLCERT_ERR_BUFFER => assert!(len > room),
            _ => assert!(len == room && buffer.iter().all(|octet| *octet == 0xa5)),
        }
        code
    }

    fn signer(&self, slot: Slot) -> Option<Signer> {
        let mut signer =
            Signer { sign: None, ctx: null_mut(), algorithm: 0, public_key: null(), public_key_len: 0 };
        let code = unsafe { cellcert_key_signer(self.key(slot), &raw mut signer) };
        (code == CELLCERT_OK).then_some(signer)
    }

    fn decipherer(&self, slot: Slot) -> Option<Decipherer> {
        let mut decipherer =
            Decipherer { decipher: None, ctx: null_mut(), public_key: null(), public_key_len: 0 };
        let code = unsafe { cellcert_key_decipherer(self.key(slot), &raw mut decipherer) };
        (code == CELLCERT_OK).then_some(decipherer)
    }

    fn call(&mut self, call: Call) -> i32 {
        match call {
            Call::NewContext => {
                keep(&mut self.contexts, |out| unsafe { cellcert_context_new(null(), null(), null(), out) })
            }
            Call::FreeContext(slot) => free(&mut self.contexts, slot, cellcert_context_free),
            Call::Request(call) => self.request(call),
            Call::Transaction(call) => self.transaction(call),
            Call::Nem(call) => self.nem(call),
        }
    }

    fn end(mut self) {
        // Signers of NEMs stand as long as their keys.
        while !self.nems.is_empty() {
            free(&mut self.nems, 0, cellcert_nem_free);
        }
        while !self.passages.is_empty() {
            free(&mut self.passages, 0, cellcert_passage_free);
        }
        while !self.transactions.is_empty() {
            free(&mut self.transactions, 0, cellcert_transaction_free);
        }
        while !self.trusts.is_empty() {
            free(&mut self.trusts, 0, cellcert_trust_free);
        }
        while !self.identities.is_empty() {
            free(&mut self.identities, 0, cellcert_identity_free);
        }
        while !self.verified.is_empty() {
            free(&mut self.verified, 0, cellcert_verified_free);
        }
        while !self.requests.is_empty() {
            free(&mut self.requests, 0, cellcert_request_free);
        }
        while !self.keys.is_empty() {
            free(&mut self.keys, 0, cellcert_key_free);
        }
        while !self.contexts.is_empty() {
            free(&mut self.contexts, 0, cellcert_context_free);
        }
    }
}
