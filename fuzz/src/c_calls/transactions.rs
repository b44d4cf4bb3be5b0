//! Identities, trust, and the transactions of end entities.

use std::ptr::null;

use arbitrary::Arbitrary;
use cellcert::*;
use testkit::vectors;

use super::{Octets, Program, Slot, at, free, keep, text};

#[derive(Arbitrary, Debug)]
pub(super) enum TransactionCall {
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
    Open { context: Slot, transaction: Slot, trust: Slot, identity: Slot, key: Slot, private_key: bool },
    Answerer { context: Slot, transaction: Slot, trust: Slot, octets: Octets, refused: bool },
    ReadTransaction { transaction: Slot, what: u8, index: u8, room: u16 },
    FreeTransaction(Slot),
}

impl Program {
    #[allow(clippy::too_many_lines)] // an arm for each call
    pub(super) fn transaction(&mut self, call: TransactionCall) -> i32 {
        let other = self.any();
        match call {
            TransactionCall::GoodIdentity { context } => {
                let octets = Octets::These(certificate("openssl-mock/oper-bs.crt.pem"));
                self.transaction(TransactionCall::Identity { context, certificate: octets, algorithm: 7 })
            }
            TransactionCall::Identity { context, certificate, algorithm } => {
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
            TransactionCall::Secret { context, reference, secret, mac } => {
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
            TransactionCall::FreeIdentity(slot) => free(&mut self.identities, slot, cellcert_identity_free),
            TransactionCall::GoodTrust { context } => {
                let anchor = Octets::These(certificate("openssl-mock/oper-ca.crt.pem"));
                self.transaction(TransactionCall::Trust { context, anchor })
            }
            TransactionCall::Trust { context, anchor } => {
                let (octets, null) = self.octets(anchor);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let list = cellcert::Octets { data, len: octets.len() };
                let context = self.context(context);
                keep(&mut self.trusts, |out| unsafe { cellcert_trust_new(context, &raw const list, 1, out) })
            }
            TransactionCall::Believe { context, trust, what, octets, number } => {
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
            TransactionCall::FreeTrust(slot) => free(&mut self.trusts, slot, cellcert_trust_free),
            TransactionCall::Enrol { context, kind, request } => {
                let (octets, null) = self.octets(request);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let context = self.context(context);
                keep(&mut self.transactions, |out| unsafe {
                    cellcert_transaction_enrol(context, kind.into(), data, octets.len(), out)
                })
            }
            TransactionCall::Ask { context, oid, value } => {
                let (octets, null) = self.octets(value);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let oid = text(if oid.is_empty() { "1.3.6.1.5.5.7.4.17" } else { &oid });
                let context = self.context(context);
                keep(&mut self.transactions, |out| unsafe {
                    cellcert_transaction_general(context, oid.as_ptr(), data, octets.len(), out)
                })
            }
            TransactionCall::Revoke { context, certificate, reason } => {
                let (octets, null) = self.octets(certificate);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let context = self.context(context);
                keep(&mut self.transactions, |out| unsafe {
                    cellcert_transaction_revoke(context, data, octets.len(), reason.into(), out)
                })
            }
            TransactionCall::Resume { context, saved } => {
                let (octets, null) = self.octets(saved);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let context = self.context(context);
                keep(&mut self.transactions, |out| unsafe {
                    cellcert_transaction_resume(context, data, octets.len(), out)
                })
            }
            TransactionCall::Step { context, transaction, identity, key, what, text: words } => {
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
            TransactionCall::Signed { context, transaction, signature } => {
                let (octets, null) = self.octets(signature);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let (context, transaction) =
                    (self.context(context), at(&self.transactions, transaction, other));
                unsafe { cellcert_transaction_with_signature(context, transaction, data, octets.len()) }
            }
            TransactionCall::Handle { context, transaction, trust, answer } => {
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
            TransactionCall::Open { context, transaction, trust, identity, key, private_key } => {
                let decipherer = self.decipherer(key);
                let decipherer = decipherer.as_ref().map_or(null(), core::ptr::from_ref);
                let (context, transaction) =
                    (self.context(context), at(&self.transactions, transaction, other));
                let (trust, identity) =
                    (at(&self.trusts, trust, other), at(&self.identities, identity, other));
                unsafe {
                    if private_key {
                        cellcert_transaction_open_private_key(
                            context,
                            transaction,
                            trust,
                            identity,
                            decipherer,
                        )
                    } else {
                        cellcert_transaction_open_certificate(context, transaction, decipherer)
                    }
                }
            }
            TransactionCall::Answerer { context, transaction, trust, octets, refused } => {
                let (octets, null) = self.octets(octets);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let (context, transaction) =
                    (self.context(context), at(&self.transactions, transaction, other));
                let (trust, length) = (at(&self.trusts, trust, other), octets.len());
                if refused {
                    return self.read(2048, |out, len| unsafe {
                        cellcert_transaction_kem_refusal(context, transaction, trust, data, length, out, len)
                    });
                }
                unsafe { cellcert_transaction_set_answerer(context, transaction, trust, data, length) }
            }
            TransactionCall::ReadTransaction { transaction, what, index, room } => {
                self.read_transaction(transaction, what, index.into(), room.into())
            }
            TransactionCall::FreeTransaction(slot) => {
                free(&mut self.transactions, slot, cellcert_transaction_free)
            }
        }
    }

    fn read_transaction(&mut self, transaction: Slot, what: u8, index: usize, room: usize) -> i32 {
        let transaction = at(&self.transactions, transaction, self.any());
        self.read(room, |out, len| unsafe {
            match what % 10 {
                0 => cellcert_transaction_message(transaction, out, len),
                1 => cellcert_transaction_to_be_signed(transaction, out, len),
                2 => cellcert_transaction_certificate(transaction, out, len),
                3 => cellcert_transaction_save(transaction, out, len),
                4 => cellcert_transaction_extra_cert(transaction, index, out, len),
                5 => cellcert_transaction_ca_pub(transaction, index, out, len),
                6 => cellcert_transaction_information_value(transaction, index, out, len),
                8 => cellcert_transaction_private_key(transaction, out, len),
                7 => cellcert_transaction_status_text(transaction, out.cast(), len),
                _ => cellcert_transaction_first_contact_root(transaction, out, len),
            }
        })
    }
}

fn certificate(name: &str) -> Vec<u8> {
    vectors::own_certificate(name).octets().to_vec()
}
