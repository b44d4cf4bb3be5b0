//! The NEM, with a ledger of the program's own.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_void};
use std::ops::Bound::{Excluded, Unbounded};
use std::ptr::{null, null_mut};

use arbitrary::Arbitrary;
use cellcert::*;

use super::{Octets, Program, Slot, at, free, keep, text};

#[derive(Arbitrary, Debug)]
pub(super) enum NemCall {
    Nem { context: Slot, identity: Slot, key: Slot, trust: Slot, batch: u8 },
    Upload { context: Slot, nem: Slot, request: Octets, crmf: bool, label: String },
    Happened { context: Slot, nem: Slot, what: u8, exchange: u8, octets: Octets, text: String },
    ReadNem { nem: Slot, what: u8, room: u16 },
    FreeNem(Slot),
    PassUp { context: Slot, nem: Slot, message: Octets, passing: u8 },
    TakePassed { context: Slot, nem: Slot, passage: Slot, answer: Octets },
    ReadPassage { passage: Slot, what: u8, room: u16 },
    FreePassage(Slot),
    Credential { context: Slot, nem: Slot, identity: Slot, key: Slot },
    Presence { context: Slot, nem: Slot, what: u8, number: u8 },
}

impl Program {
    #[allow(clippy::too_many_lines)] // an arm for each call
    pub(super) fn nem(&mut self, call: NemCall) -> i32 {
        let other = self.any();
        match call {
            NemCall::Nem { context, identity, key, trust, batch } => {
                self.new_nem(context, identity, key, trust, batch)
            }
            NemCall::Upload { context, nem, request, crmf, label } => {
                let (octets, null) = self.octets(request);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let (context, nem) = (self.context(context), at(&self.nems, nem, other));
                let (account, label) = (text("enb"), text(&label));
                let shown = shown(&account);
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
            NemCall::Happened { context, nem, what, exchange, octets, text: words } => {
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
                    match what % 15 {
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
                        13 => {
                            cellcert_nem_refuse_message(context, nem, data, octets.len(), what.into(), words)
                        }
                        _ => cellcert_nem_flush(context, nem, core::ptr::null()),
                    }
                }
            }
            NemCall::ReadNem { nem, what, room } => self.read_nem(nem, what, room.into()),
            NemCall::PassUp { context, nem, message, passing } => {
                let (octets, null) = self.octets(message);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let (context, nem) = (self.context(context), at(&self.nems, nem, other));
                let account = text("enb");
                let (shown, passing) = (shown(&account), i32::from(passing % 4));
                keep(&mut self.passages, |out| unsafe {
                    cellcert_nem_pass_up(context, nem, &raw const shown, data, octets.len(), passing, out)
                })
            }
            NemCall::TakePassed { context, nem, passage, answer } => {
                let (octets, null) = self.octets(answer);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let (context, nem) = (self.context(context), at(&self.nems, nem, other));
                let (passage, mut again) = (at(&self.passages, passage, other), 77);
                let out = &raw mut again;
                let code =
                    unsafe { cellcert_nem_take_passed(context, nem, passage, data, octets.len(), out) };
                assert_eq!(code == CELLCERT_OK, again != 77);
                code
            }
            NemCall::ReadPassage { passage, what, room } => {
                let passage = at(&self.passages, passage, other);
                self.read(room.into(), |out, len| unsafe {
                    match what % 3 {
                        0 => cellcert_passage_message(passage, out, len),
                        1 => cellcert_passage_upstream(passage, out.cast::<c_char>(), len),
                        _ => cellcert_passage_station(passage, out.cast::<c_char>(), len),
                    }
                })
            }
            NemCall::FreePassage(slot) => free(&mut self.passages, slot, cellcert_passage_free),
            NemCall::Credential { context, nem, identity, key } => {
                let signer = self.signer(key);
                let signer = signer.as_ref().map_or(null(), core::ptr::from_ref);
                let (context, nem, name) = (self.context(context), at(&self.nems, nem, other), text("enb"));
                let identity = at(&self.identities, identity, other);
                unsafe { cellcert_nem_set_credential(context, nem, name.as_ptr(), identity, signer) }
            }
            NemCall::Presence { context, nem, what, number } => {
                let (context, nem, name) = (self.context(context), at(&self.nems, nem, other), text("enb"));
                let name = if what >> 7 == 0 { name.as_ptr() } else { null() };
                let (mut connected, mut last, mut count, mut read) = (0, 0, 0, [0; 16]);
                unsafe {
                    match what % 7 {
                        4 => cellcert_nem_request_at(nem, name, number.into(), read.as_mut_ptr()),
                        5 => cellcert_nem_outage(nem, &raw mut last),
                        6 => cellcert_nem_set_anchors(
                            context,
                            nem,
                            null(),
                            usize::from(number >> 7),
                            null(),
                            0,
                        ),
                        0 => cellcert_nem_set_liveness(context, nem, number.into(), (number & 1).into(), 0),
                        1 => cellcert_nem_report(context, nem, name, (number & 1).into()),
                        2 => cellcert_nem_presence(context, nem, name, &raw mut connected, &raw mut last),
                        _ => cellcert_nem_connected_stations(context, nem, &raw mut count),
                    }
                }
            }
            NemCall::FreeNem(slot) => free(&mut self.nems, slot, cellcert_nem_free),
        }
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
            match what % 14 {
                0 => cellcert_nem_output_message(nem, out, len),
                1 => cellcert_nem_output_upstream(nem, out.cast::<c_char>(), len),
                2 => cellcert_nem_output_text(nem, out.cast::<c_char>(), len),
                3 => cellcert_nem_certificate(nem, id.as_ptr(), out, len),
                4 => cellcert_nem_reason(nem, id.as_ptr(), out.cast::<c_char>(), len),
                5 => cellcert_nem_chain(nem, id.as_ptr(), 0, out, len),
                9 => cellcert_nem_export_file(nem, out, len),
                10 => cellcert_nem_export_request(nem, 0, read.as_mut_ptr(), out, len),
                11 => cellcert_nem_verdict_reason(nem, 0, out.cast::<c_char>(), len),
                12 => cellcert_nem_refusal(nem, out, len),
                // These write a number.
                13 => below_ok(cellcert_nem_request_of(
                    nem,
                    c"enb".as_ptr(),
                    c"label".as_ptr(),
                    read.as_mut_ptr(),
                )),
                6 => below_ok(cellcert_nem_next_output(nem, &raw mut kind)),
                7 => below_ok(cellcert_nem_timeout(nem, &raw mut number)),
                _ => below_ok(cellcert_nem_standing(nem, id.as_ptr(), &raw mut kind)),
            }
        })
    }
}

/// By the account of that name.
fn shown(account: &CStr) -> Shown {
    Shown { certificates: null(), certificate_count: 0, account: account.as_ptr(), tunnel_address: NOTHING }
}

const NOTHING: cellcert::Octets = cellcert::Octets { data: null(), len: 0 };

/// The buffer has nothing to do with it.
fn below_ok(code: i32) -> i32 {
    if code == CELLCERT_OK { CELLCERT_ERR_NONE } else { code }
}

pub(super) type Map = BTreeMap<Vec<u8>, Vec<u8>>;

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
