//! Keys, names, and requests for certificates.

use std::ptr::null;
use std::sync::OnceLock;

use arbitrary::Arbitrary;
use cellcert::*;

use super::{Call, Octets, Program, Slot, at, free, keep, text};

#[derive(Arbitrary, Debug)]
pub(super) enum RequestCall {
    Key { context: Slot, kind: u8 },
    KeyFrom { context: Slot, pkcs8: Octets },
    ReadKey { key: Slot, private: bool, room: u16 },
    FreeKey(Slot),
    Name { context: Slot, attribute: i8, value: String, room: u8 },
    Request { context: Slot, key: Slot },
    RequestFor { context: Slot, public_key: Octets },
    RequestWithoutKey { context: Slot },
    Change { context: Slot, request: Slot, what: u8, octets: Octets, text: String },
    Sign { context: Slot, request: Slot, key: Slot, crmf: bool },
    ToBeSigned { context: Slot, request: Slot, crmf: bool, room: u16 },
    WithSignature { context: Slot, request: Slot, algorithm: i8, signature: Octets, crmf: bool },
    ReadRequest { request: Slot, room: u16 },
    FreeRequest(Slot),
    Verify { context: Slot, request: Octets, how: u8 },
    ReadVerified { verified: Slot, what: u8, room: u16 },
    FreeVerified(Slot),
}

impl Program {
    #[allow(clippy::too_many_lines)] // an arm for each call
    pub(super) fn request(&mut self, call: RequestCall) -> i32 {
        let other = self.any();
        match call {
            RequestCall::Key { context, kind } => {
                // RSA keys take too long to make.
                let kinds = [CELLCERT_KEY_P256, CELLCERT_KEY_P384, CELLCERT_KEY_ED25519, 0, -1, 11];
                let context = self.context(context);
                let kind = kinds[usize::from(kind) % kinds.len()];
                keep(&mut self.keys, |out| unsafe { cellcert_key_generate(context, kind, out) })
            }
            RequestCall::KeyFrom { context, pkcs8 } => {
                let (octets, null) = self.octets(pkcs8);
                let octets = if octets.is_empty() { good_key().to_vec() } else { octets };
                let context = self.context(context);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                keep(&mut self.keys, |out| unsafe {
                    cellcert_key_from_pkcs8(context, data, octets.len(), out)
                })
            }
            RequestCall::ReadKey { key, private, room } => {
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
            RequestCall::FreeKey(_) if !self.nems.is_empty() => CELLCERT_ERR_BUSY,
            RequestCall::FreeKey(slot) => free(&mut self.keys, slot, cellcert_key_free),
            RequestCall::Name { context, attribute, value, room } => {
                let value = text(&value);
                let part = NamePart { attribute: attribute.into(), value: value.as_ptr() };
                let context = self.context(context);
                self.read(room.into(), |out, len| unsafe {
                    cellcert_name(context, &raw const part, 1, out, len)
                })
            }
            RequestCall::Request { context, key } => {
                let key = self.key(key);
                let code = self.read(4096, |out, len| unsafe { cellcert_key_public(key, out, len) });
                if code != CELLCERT_OK {
                    return code;
                }
                self.request(RequestCall::RequestFor { context, public_key: Octets::Last })
            }
            RequestCall::RequestFor { context, public_key } => {
                let (octets, null) = self.octets(public_key);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let context = self.context(context);
                keep(&mut self.requests, |out| unsafe {
                    cellcert_request_new(context, data, octets.len(), out)
                })
            }
            RequestCall::RequestWithoutKey { context } => {
                let context = self.context(context);
                keep(&mut self.requests, |out| unsafe { cellcert_request_new_without_key(context, out) })
            }
            RequestCall::Change { context, request, what, octets, text: words } => {
                self.change(context, request, what, octets, &words)
            }
            RequestCall::Sign { context, request, key, crmf } => {
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
            RequestCall::ToBeSigned { context, request, crmf, room } => {
                let (context, request) = (self.context(context), at(&self.requests, request, other));
                let read = if crmf { cellcert_crmf_to_be_signed } else { cellcert_pkcs10_to_be_signed };
                self.read(room.into(), |out, len| unsafe { read(context, request, out, len) })
            }
            RequestCall::WithSignature { context, request, algorithm, signature, crmf } => {
                let (context, request) = (self.context(context), at(&self.requests, request, other));
                let (octets, null) = self.octets(signature);
                let data = if null { core::ptr::null() } else { octets.as_ptr() };
                let make = if crmf { cellcert_crmf_with_signature } else { cellcert_pkcs10_with_signature };
                unsafe { make(context, request, algorithm.into(), data, octets.len()) }
            }
            RequestCall::ReadRequest { request, room } => {
                let request = at(&self.requests, request, other);
                self.read(room.into(), |out, len| unsafe { cellcert_request_octets(request, out, len) })
            }
            RequestCall::FreeRequest(slot) => free(&mut self.requests, slot, cellcert_request_free),
            RequestCall::Verify { context, request, how } => {
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
            RequestCall::ReadVerified { verified, what, room } => {
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
            RequestCall::FreeVerified(slot) => free(&mut self.verified, slot, cellcert_verified_free),
        }
    }

    fn change(&self, context: Slot, request: Slot, what: u8, octets: Octets, words: &str) -> i32 {
        let (octets, null) = self.octets(octets);
        let (data, len) = (if null { core::ptr::null() } else { octets.as_ptr() }, octets.len());
        let (context, request) = (self.context(context), at(&self.requests, request, self.any()));
        let owned = text(words);
        let (words, number) = (owned.as_ptr(), i64::from(what) << 20);
        unsafe {
            match what % 16 {
                0 => cellcert_request_set_subject(context, request, data, len),
                1 => {
                    let kind = i32::from(what / 16);
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
                13 => cellcert_crmf_generate_key(context, request, i32::from(what / 16)),
                14 => cellcert_crmf_subsequent_message(
                    context,
                    request,
                    i32::from(what / 32),
                    i32::from(what / 16 % 2),
                ),
                _ => cellcert_crmf_ra_verified(context, request),
            }
        }
    }
}

fn good_key() -> &'static [u8] {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    KEY.get_or_init(|| {
        let mut program = Program::default();
        program.call(Call::NewContext);
        program.request(RequestCall::Key { context: 0, kind: 0 });
        program.request(RequestCall::ReadKey { key: 0, private: true, room: 4096 });
        let key = core::mem::take(&mut program.last);
        program.end();
        key
    })
}
