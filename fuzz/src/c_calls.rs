//! Calls of the C interface in any order, with handles that are there, that are not, and that are of another kind.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_void};
use std::ops::Bound::{Excluded, Unbounded};
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

use arbitrary::Arbitrary;
use cellcert::*;
use testkit::vectors;

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
    Key { context: Slot, kind: u8 },
    KeyFrom { context: Slot, pkcs8: Octets },
    ReadKey { key: Slot, private: bool, room: u16 },
    FreeKey(Slot),
    Name { context: Slot, attribute: i8, value: String, room: u8 },
    Request { context: Slot, key: Slot },
    RequestFor { context: Slot, public_key: Octets },
    Change { context: Slot, request: Slot, what: u8, octets: Octets, text: String },
    Sign { context: Slot, request: Slot, key: Slot, crmf: bool },
    ToBeSigned { context: Slot, request: Slot, crmf: bool, room: u16 },
    WithSignature { context: Slot, request: Slot, algorithm: i8, signature: Octets, crmf: bool },
    ReadRequest { request: Slot, room: u16 },
    FreeRequest(Slot),
    Verify { context: Slot, request: Octets, how: u8 },
    ReadVerified { verified: Slot, what: u8, room: u16 },
    FreeVerified(Slot),
    Identity { context: Slot, certificate: Octets, algorithm: i8 },
    GoodIdentity { context: Slot },
    Secret { context: Slot, reference: Octets, secret: String, mac: i8 },
    FreeIdentity(Slot),
    Trust { context: Slot, anchor: Octets },
    GoodTrust { context: Slot },
    Believe { context: Slot, trust: Slot, what: u8, octets: Octets, number: i32 },
    FreeTrust(Slot),
    Enrol { context: Slot, kind: i8, request: Octets },
    Ask { context: Slot, oid: String, value: Octets },
    Revoke { context: Slot, certificate: Octets, reason: i8 },
    Resume { context: Slot, saved: Octets },
    Step { context: Slot, transaction: Slot, identity: Slot, key: Slot, what: u8, text: String },
    Signed { context: Slot, transaction: Slot, signature: Octets },
    Handle { context: Slot, transaction: Slot, trust: Slot, answer: Octets },
    ReadTransaction { transaction: Slot, what: u8, index: u8, room: u16 },
    FreeTransaction(Slot),
    Nem { context: Slot, identity: Slot, key: Slot, trust: Slot, batch: u8 },
    Upload { context: Slot, nem: Slot, request: Octets, crmf: bool, label: String },
    Happened { context: Slot, nem: Slot, what: u8, exchange: u8, octets: Octets, text: String },
    ReadNem { nem: Slot, what: u8, room: u16 },
    FreeNem(Slot),
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

fn good_key() -> &'static [u8] {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    KEY.get_or_init(|| {
        let mut program = Program::default();
        program.call(Call::NewContext);
        program.call(Call::Key { context: 0, kind: 0 });
        program.call(Call::ReadKey { key: 0, private: true, room: 4096 });
        let key = core::mem::take(&mut program.last);
        program.end();
        key
    })
}

fn certificate(name: &str) -> Vec<u8> {
    vectors::own_certificate(name).octets().to_vec()
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

    #[allow(clippy::too_many_lines)] // an arm for each call
    fn call(&mut self, call: Call) -> i32 {
        let other = self.any();
        match call {
            Call::NewContext => {
                keep(&mut self.contexts, |out| unsafe { cellcert_context_new(null(), null(), null(), out) })
            }
            Call::FreeContext(slot) => free(&mut self.contexts, slot, cellcert_context_free),
            Call::Key { context, kind } => {
                // RSA keys take too long to make.
                let kinds = [CELLCERT_KEY_P256, CELLCERT_KEY_P384, CELLCERT_KEY_ED25519, 0, -1, 11];
                let context = self.context(context);
                let kind = kinds[usize::from(kind) % kinds.len()];
                keep(&mut self.keys, |out| unsafe { cellcert_key_generate(context, kind, out) })
            }
            Call::KeyFrom { context, pkcs8 } => {
                let (octets, null) = self.octets(pkcs8);
                let octets = if octets.is_empty() { good_key().to_vec() } else { octets };
                let context = self.context(context);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                keep(&mut self.keys, |out| unsafe {
                    cellcert_key_from_pkcs8(context, data, octets.len(), out)
                })
            }
            Call::ReadKey { key, private, room } => {
                let key = self.key(key);
                self.read(room.into(), |out, len| unsafe {
                    if private {
                        cellcert_key_pkcs8(key, out, len)
                    } else {
                        cellcert_key_public(key, out, len)
                    }
                })
            }
            // What a NEM signs with outlives it: that is C's promise.
            Call::FreeKey(_) if !self.nems.is_empty() => CELLCERT_ERR_BUSY,
            Call::FreeKey(slot) => free(&mut self.keys, slot, cellcert_key_free),
            Call::Name { context, attribute, value, room } => {
                let value = text(&value);
                let part = NamePart { attribute: attribute.into(), value: value.as_ptr() };
                let context = self.context(context);
                self.read(room.into(), |out, len| unsafe {
                    cellcert_name(context, &raw const part, 1, out, len)
                })
            }
            Call::Request { context, key } => {
                let key = self.key(key);
                let code = self.read(4096, |out, len| unsafe { cellcert_key_public(key, out, len) });
                if code != CELLCERT_OK {
                    return code;
                }
                self.call(Call::RequestFor { context, public_key: Octets::Last })
            }
            Call::RequestFor { context, public_key } => {
                let (octets, null) = self.octets(public_key);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let context = self.context(context);
                keep(&mut self.requests, |out| unsafe {
                    cellcert_request_new(context, data, octets.len(), out)
                })
            }
            Call::Change { context, request, what, octets, text: words } => {
                self.change(context, request, what, octets, &words)
            }
            Call::Sign { context, request, key, crmf } => {
                let signer = self.signer(key);
                let signer = signer.as_ref().map_or(null(), core::ptr::from_ref);
                let (context, request) = (self.context(context), at(&self.requests, request, other));
                unsafe {
                    if crmf {
                        cellcert_crmf_sign(context, request, signer)
                    } else {
                        cellcert_pkcs10_sign(context, request, signer)
                    }
                }
            }
            Call::ToBeSigned { context, request, crmf, room } => {
                let (context, request) = (self.context(context), at(&self.requests, request, other));
                let read = if crmf { cellcert_crmf_to_be_signed } else { cellcert_pkcs10_to_be_signed };
                self.read(room.into(), |out, len| unsafe { read(context, request, out, len) })
            }
            Call::WithSignature { context, request, algorithm, signature, crmf } => {
                let (context, request) = (self.context(context), at(&self.requests, request, other));
                let (octets, null) = self.octets(signature);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let make = if crmf { cellcert_crmf_with_signature } else { cellcert_pkcs10_with_signature };
                unsafe { make(context, request, algorithm.into(), data, octets.len()) }
            }
            Call::ReadRequest { request, room } => {
                let request = at(&self.requests, request, other);
                self.read(room.into(), |out, len| unsafe { cellcert_request_octets(request, out, len) })
            }
            Call::FreeRequest(slot) => free(&mut self.requests, slot, cellcert_request_free),
            Call::Verify { context, request, how } => {
                let (octets, null) = self.octets(request);
                let (data, len) = (if null { core::ptr::null() } else { octets.as_ptr() }, octets.len());
                let (context, secret) = (self.context(context), text("secret"));
                keep(&mut self.verified, |out| unsafe {
                    match how % 4 {
                        0 => cellcert_pkcs10_verify(context, data, len, out),
                        1 => cellcert_crmf_verify(context, data, len, core::ptr::null(), 0, out),
                        2 => cellcert_crmf_verify_with_secret(context, data, len, secret.as_ptr(), out),
                        _ => cellcert_crmf_accept_ra_verified(context, data, len, out),
                    }
                })
            }
            Call::ReadVerified { verified, what, room } => {
                let verified = at(&self.verified, verified, other);
                let reads = [
                    cellcert_verified_request,
                    cellcert_verified_subject,
                    cellcert_verified_public_key,
                    cellcert_verified_extensions,
                ];
                let read = reads[usize::from(what) % reads.len()];
                self.read(room.into(), |out, len| unsafe { read(verified, out, len) })
            }
            Call::FreeVerified(slot) => free(&mut self.verified, slot, cellcert_verified_free),
            Call::GoodIdentity { context } => {
                let octets = Octets::These(certificate("openssl-mock/oper-bs.crt.pem"));
                self.call(Call::Identity { context, certificate: octets, algorithm: 7 })
            }
            Call::Identity { context, certificate, algorithm } => {
                let (octets, null) = self.octets(certificate);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let context = self.context(context);
                if algorithm == 99 {
                    return keep(&mut self.identities, |out| unsafe {
                        cellcert_identity_new_kem(context, data, octets.len(), core::ptr::null(), 0, out)
                    });
                }
                keep(&mut self.identities, |out| unsafe {
                    cellcert_identity_new(
                        context,
                        data,
                        octets.len(),
                        core::ptr::null(),
                        0,
                        algorithm.into(),
                        out,
                    )
                })
            }
            Call::Secret { context, reference, secret, mac } => {
                let (octets, null) = self.octets(reference);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let (context, secret) = (self.context(context), text(&secret));
                keep(&mut self.identities, |out| unsafe {
                    cellcert_identity_new_secret(
                        context,
                        data,
                        octets.len(),
                        secret.as_ptr(),
                        mac.into(),
                        core::ptr::null(),
                        0,
                        out,
                    )
                })
            }
            Call::FreeIdentity(slot) => free(&mut self.identities, slot, cellcert_identity_free),
            Call::GoodTrust { context } => {
                let anchor = Octets::These(certificate("openssl-mock/oper-ca.crt.pem"));
                self.call(Call::Trust { context, anchor })
            }
            Call::Trust { context, anchor } => {
                let (octets, null) = self.octets(anchor);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let list = cellcert::Octets { data, len: octets.len() };
                let context = self.context(context);
                keep(&mut self.trusts, |out| unsafe { cellcert_trust_new(context, &raw const list, 1, out) })
            }
            Call::Believe { context, trust, what, octets, number } => {
                let (octets, null) = self.octets(octets);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let list = cellcert::Octets { data, len: octets.len() };
                let (context, trust) = (self.context(context), at(&self.trusts, trust, other));
                let list = &raw const list;
                unsafe {
                    match what % 6 {
                        0 => cellcert_trust_add_signers(context, trust, list, 1),
                        1 => cellcert_trust_add_intermediates(context, trust, list, 1),
                        2 => cellcert_trust_set_crls(context, trust, list, 1, number),
                        3 => cellcert_trust_set_time_window(context, trust, u64::from(number.unsigned_abs())),
                        4 => cellcert_trust_set_lenient(context, trust, number),
                        _ => cellcert_trust_add_quirk(context, trust, number % 10),
                    }
                }
            }
            Call::FreeTrust(slot) => free(&mut self.trusts, slot, cellcert_trust_free),
            Call::Enrol { context, kind, request } => {
                let (octets, null) = self.octets(request);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let context = self.context(context);
                keep(&mut self.transactions, |out| unsafe {
                    cellcert_transaction_enrol(context, kind.into(), data, octets.len(), out)
                })
            }
            Call::Ask { context, oid, value } => {
                let (octets, null) = self.octets(value);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let oid = text(if oid.is_empty() { "1.3.6.1.5.5.7.4.17" } else { &oid });
                let context = self.context(context);
                keep(&mut self.transactions, |out| unsafe {
                    cellcert_transaction_general(context, oid.as_ptr(), data, octets.len(), out)
                })
            }
            Call::Revoke { context, certificate, reason } => {
                let (octets, null) = self.octets(certificate);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let context = self.context(context);
                keep(&mut self.transactions, |out| unsafe {
                    cellcert_transaction_revoke(context, data, octets.len(), reason.into(), out)
                })
            }
            Call::Resume { context, saved } => {
                let (octets, null) = self.octets(saved);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let context = self.context(context);
                keep(&mut self.transactions, |out| unsafe {
                    cellcert_transaction_resume(context, data, octets.len(), out)
                })
            }
            Call::Step { context, transaction, identity, key, what, text: words } => {
                let signer = self.signer(key);
                let signer = signer.as_ref().map_or(null(), core::ptr::from_ref);
                let (context, words) = (self.context(context), text(&words));
                let transaction = at(&self.transactions, transaction, other);
                let identity = at(&self.identities, identity, other);
                unsafe {
                    match what % 7 {
                        0 => cellcert_transaction_start(context, transaction, identity, signer),
                        1 => cellcert_transaction_poll(context, transaction, identity, signer),
                        2 => cellcert_transaction_confirm(context, transaction, identity, signer),
                        3 => cellcert_transaction_set_wishes(context, transaction, 1, words.as_ptr()),
                        4 => cellcert_transaction_ask_ciphertext(context, transaction, identity),
                        5 => {
                            let (secret, length) = (words.as_ptr().cast(), words.as_bytes().len());
                            cellcert_transaction_with_secret(context, transaction, identity, secret, length)
                        }
                        _ => {
                            let bit = u32::from(what);
                            let words = words.as_ptr();
                            cellcert_transaction_reject(context, transaction, identity, signer, bit, words)
                        }
                    }
                }
            }
            Call::Signed { context, transaction, signature } => {
                let (octets, null) = self.octets(signature);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let (context, transaction) =
                    (self.context(context), at(&self.transactions, transaction, other));
                unsafe { cellcert_transaction_with_signature(context, transaction, data, octets.len()) }
            }
            Call::Handle { context, transaction, trust, answer } => {
                let (octets, null) = self.octets(answer);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let (context, transaction) =
                    (self.context(context), at(&self.transactions, transaction, other));
                let trust = at(&self.trusts, trust, other);
                let mut event = 77;
                let out = &raw mut event;
                let code = unsafe {
                    cellcert_transaction_handle(context, transaction, trust, data, octets.len(), out)
                };
                assert_eq!(code == CELLCERT_OK, event != 77);
                code
            }
            Call::ReadTransaction { transaction, what, index, room } => {
                self.read_transaction(transaction, what, index.into(), room.into())
            }
            Call::FreeTransaction(slot) => free(&mut self.transactions, slot, cellcert_transaction_free),
            Call::Nem { context, identity, key, trust, batch } => {
                self.new_nem(context, identity, key, trust, batch)
            }
            Call::Upload { context, nem, request, crmf, label } => {
                let (octets, null) = self.octets(request);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let (context, nem) = (self.context(context), at(&self.nems, nem, other));
                let (account, label) = (text("enb"), text(&label));
                let shown = Shown {
                    certificates: core::ptr::null(),
                    certificate_count: 0,
                    account: account.as_ptr(),
                    tunnel_address: NOTHING,
                };
                let label = if label.is_empty() { core::ptr::null() } else { label.as_ptr() };
                let id = self.id.as_mut_ptr();
                unsafe {
                    cellcert_nem_upload(
                        context,
                        nem,
                        &raw const shown,
                        crmf.into(),
                        data,
                        octets.len(),
                        label,
                        id,
                        null_mut(),
                    )
                }
            }
            Call::Happened { context, nem, what, exchange, octets, text: words } => {
                let (octets, null) = self.octets(octets);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let (context, nem) = (self.context(context), at(&self.nems, nem, other));
                let (exchange, words) = (exchange.into(), text(&words));
                let (id, words) = (self.id.as_ptr(), words.as_ptr());
                let order = Order {
                    form: i32::from(what >> 7),
                    upstream: core::ptr::null(),
                    group: core::ptr::null(),
                    max: 0,
                    anew: 0,
                };
                let mut count = 0;
                unsafe {
                    match what % 14 {
                        0 => cellcert_nem_answer(context, nem, exchange, data, octets.len()),
                        1 => cellcert_nem_failure(context, nem, exchange, (what & 1).into(), words),
                        2 => cellcert_nem_delivered(context, nem, id),
                        3 => cellcert_nem_tick(context, nem),
                        4 => cellcert_nem_hold(context, nem, id),
                        5 => cellcert_nem_release(context, nem, id),
                        6 => cellcert_nem_retry(context, nem, id),
                        7 => cellcert_nem_reject(context, nem, id, words),
                        8 => cellcert_nem_export(
                            context,
                            nem,
                            &raw const order,
                            words,
                            self.export.as_mut_ptr(),
                        ),
                        9 => cellcert_nem_export_again(context, nem, self.export.as_ptr(), words),
                        10 => cellcert_nem_export_written(context, nem),
                        11 => {
                            cellcert_nem_export_release(context, nem, self.export.as_ptr(), 0, &raw mut count)
                        }
                        12 => cellcert_nem_import(context, nem, data, octets.len(), &raw mut count),
                        _ => cellcert_nem_flush(context, nem, core::ptr::null()),
                    }
                }
            }
            Call::ReadNem { nem, what, room } => self.read_nem(nem, what, room.into()),
            Call::FreeNem(slot) => free(&mut self.nems, slot, cellcert_nem_free),
        }
    }

    fn change(&self, context: Slot, request: Slot, what: u8, octets: Octets, words: &str) -> i32 {
        let (octets, null) = self.octets(octets);
        let (data, len) = (if null { core::ptr::null() } else { octets.as_ptr() }, octets.len());
        let (context, request) = (self.context(context), at(&self.requests, request, self.any()));
        let owned = text(words);
        let (words, number) = (owned.as_ptr(), i64::from(what) << 20);
        unsafe {
            match what % 14 {
                0 => cellcert_request_set_subject(context, request, data, len),
                1 => {
                    let kind = i32::from(what / 14);
                    cellcert_request_add_alternative_name(context, request, kind, data, len)
                }
                2 => cellcert_request_add_extension(context, request, data, len),
                3 => cellcert_request_set_challenge_password(context, request, words),
                4 => cellcert_request_set_unstructured_name(context, request, words),
                5 => cellcert_request_set_cert_req_id(context, request, number),
                6 => cellcert_request_set_validity(context, request, number.unsigned_abs(), u64::MAX),
                7 => cellcert_request_set_sender(context, request, data, len),
                8 => cellcert_request_set_old_certificate(context, request, data, len),
                9 => cellcert_request_add_reg_token(context, request, words),
                10 => cellcert_request_add_authenticator(context, request, words),
                11 => cellcert_request_add_control(context, request, words, data, len),
                12 => cellcert_request_add_reg_info(context, request, words),
                _ => cellcert_crmf_ra_verified(context, request),
            }
        }
    }

    fn read_transaction(&mut self, transaction: Slot, what: u8, index: usize, room: usize) -> i32 {
        let transaction = at(&self.transactions, transaction, self.any());
        self.read(room, |out, len| unsafe {
            match what % 9 {
                0 => cellcert_transaction_message(transaction, out, len),
                1 => cellcert_transaction_to_be_signed(transaction, out, len),
                2 => cellcert_transaction_certificate(transaction, out, len),
                3 => cellcert_transaction_save(transaction, out, len),
                4 => cellcert_transaction_extra_cert(transaction, index, out, len),
                5 => cellcert_transaction_ca_pub(transaction, index, out, len),
                6 => cellcert_transaction_information_value(transaction, index, out, len),
                7 => cellcert_transaction_status_text(transaction, out.cast(), len),
                _ => cellcert_transaction_first_contact_root(transaction, out, len),
            }
        })
    }

    fn new_nem(&mut self, context: Slot, identity: Slot, key: Slot, trust: Slot, batch: u8) -> i32 {
        let other = self.any();
        let signer = self.signer(key);
        let signer = signer.as_ref().map_or(null(), core::ptr::from_ref);
        let name = text("enb");
        // CN=enb
        let subject = *b"\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03enb";
        let upstream = Upstream {
            name: name.as_ptr(),
            identity: at(&self.identities, identity, other),
            signer,
            trust: at(&self.trusts, trust, other),
            priority: 0,
            groups: null(),
            group_count: 0,
            profiles: null(),
            profile_count: 0,
            batch_size: batch.into(),
            batch_delay_milliseconds: 0,
            max_in_flight: 0,
            implicit_confirm: 0,
            confirm_when_fetched_seconds: 0,
        };
        let station = Station {
            name: name.as_ptr(),
            subject: cellcert::Octets { data: subject.as_ptr(), len: subject.len() },
            vendor_subject: NOTHING,
            vendor_serial_number: NOTHING,
            vendor_issuer: NOTHING,
            vendor_fingerprint: NOTHING,
            alternative_names: NOTHING,
            profile: null(),
            groups: null(),
            group_count: 0,
            state: 0,
            account: name.as_ptr(),
            tunnel_address: NOTHING,
        };
        let mut map = Box::new(Map::default());
        let ledger = Ledger {
            get: Some(map_get),
            next: Some(map_next),
            write: Some(map_write),
            ctx: core::ptr::from_mut(&mut *map).cast(),
        };
        self.maps.push(map);
        let config = NemConfig {
            upstreams: &raw const upstream,
            upstream_count: 1,
            stations: &raw const station,
            station_count: 1,
            vendor_anchors: null(),
            vendor_anchor_count: 0,
            operator_anchors: null(),
            operator_anchor_count: 0,
            ledger: &raw const ledger,
            ledger_file: null(),
            max_requests: 0,
            max_requests_per_station: 0,
            first_retry_milliseconds: 0,
            last_retry_milliseconds: 0,
            retry_after_milliseconds: 0,
            rejection_stands_milliseconds: 0,
        };
        let context = self.context(context);
        keep(&mut self.nems, |out| unsafe { cellcert_nem_new(context, &raw const config, out) })
    }

    fn read_nem(&mut self, nem: Slot, what: u8, room: usize) -> i32 {
        let (nem, id) = (at(&self.nems, nem, self.any()), self.id);
        let (mut kind, mut number, mut read) = (0, 0, [0; 16]);
        self.read(room, |out, len| unsafe {
            match what % 12 {
                0 => cellcert_nem_output_message(nem, out, len),
                1 => cellcert_nem_output_upstream(nem, out.cast::<c_char>(), len),
                2 => cellcert_nem_output_text(nem, out.cast::<c_char>(), len),
                3 => cellcert_nem_certificate(nem, id.as_ptr(), out, len),
                4 => cellcert_nem_reason(nem, id.as_ptr(), out.cast::<c_char>(), len),
                5 => cellcert_nem_chain(nem, id.as_ptr(), 0, out, len),
                9 => cellcert_nem_export_file(nem, out, len),
                10 => cellcert_nem_export_request(nem, 0, read.as_mut_ptr(), out, len),
                11 => cellcert_nem_verdict_reason(nem, 0, out.cast::<c_char>(), len),
                // These write a number.
                6 => below_ok(cellcert_nem_next_output(nem, &raw mut kind)),
                7 => below_ok(cellcert_nem_timeout(nem, &raw mut number)),
                _ => below_ok(cellcert_nem_standing(nem, id.as_ptr(), &raw mut kind)),
            }
        })
    }

    fn end(mut self) {
        // Signers of NEMs stand as long as their keys.
        while !self.nems.is_empty() {
            free(&mut self.nems, 0, cellcert_nem_free);
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

const NOTHING: cellcert::Octets = cellcert::Octets { data: null(), len: 0 };

/// The buffer has nothing to do with it.
fn below_ok(code: i32) -> i32 {
    if code == CELLCERT_OK { CELLCERT_ERR_NONE } else { code }
}

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

unsafe fn hand_out(octets: Option<&Vec<u8>>, out: *mut u8, len: *mut usize) -> i32 {
    let Some(octets) = octets else { return CELLCERT_ERR_NONE };
    unsafe {
        let room = *len;
        *len = octets.len();
        if room < octets.len() {
            return CELLCERT_ERR_BUFFER;
        }
        core::ptr::copy_nonoverlapping(octets.as_ptr(), out, octets.len());
    }
    CELLCERT_OK
}

unsafe extern "C" fn map_get(
    ctx: *mut c_void,
    key: *const u8,
    len: usize,
    out: *mut u8,
    room: *mut usize,
) -> i32 {
    unsafe {
        let key = core::slice::from_raw_parts(key, len);
        hand_out((*ctx.cast::<Map>()).get(key), out, room)
    }
}

unsafe extern "C" fn map_next(
    ctx: *mut c_void,
    key: *const u8,
    len: usize,
    out: *mut u8,
    room: *mut usize,
) -> i32 {
    unsafe {
        let key = core::slice::from_raw_parts(key, len);
        let next = (*ctx.cast::<Map>()).range::<[u8], _>((Excluded(key), Unbounded)).next();
        hand_out(next.map(|(key, _)| key), out, room)
    }
}

unsafe extern "C" fn map_write(ctx: *mut c_void, entries: *const LedgerEntry, count: usize) -> i32 {
    unsafe {
        let map = &mut *ctx.cast::<Map>();
        for entry in core::slice::from_raw_parts(entries, count) {
            let key = core::slice::from_raw_parts(entry.key, entry.key_len).to_vec();
            if entry.value.is_null() {
                map.remove(&key);
            } else {
                map.insert(key, core::slice::from_raw_parts(entry.value, entry.value_len).to_vec());
            }
        }
    }
    CELLCERT_OK
}
