//! The steps of a transaction.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::ffi::c_char;
use core::time::Duration;

use asn1::UnixTime;
use cmp::end_entity::{Answer as Answered, Confirmation, Reply};
use cmp::{PkiFailureInfo, PkiStatusInfo, ProtectedPart};
use crypto::{CertificatePath, ExtendedKeyUsage, KeyUse, Requested as Asked};

use super::{Answer, Inner, Next, State, Transaction, advance};
use crate::boundary::{call, call_with};
use crate::buffer::{Buffer, Variable, octets, text};
use crate::context::{Context, Inner as ContextInner};
use crate::failure::Failure;
use crate::handle::{Locked, lock};
use crate::identity::{Identity, Inner as IdentityInner};
use crate::signer::{OutsideKey, Signer};
use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_CERTIFICATE, CELLCERT_ERR_STATE};
use crate::trust::{Answered as Message, Inner as TrustInner, Trust};

/// A certificate came: check it.
pub const CELLCERT_EVENT_GRANTED: i32 = 1;
/// The RA/CA is working on it: poll later.
pub const CELLCERT_EVENT_WAITING: i32 = 2;
/// The RA/CA has the confirmation, or the rejection: the transaction is over.
pub const CELLCERT_EVENT_CONFIRMED: i32 = 3;
/// The certificate is revoked, or off hold: the transaction is over.
pub const CELLCERT_EVENT_REVOKED: i32 = 4;
/// The question is answered: the transaction is over.
pub const CELLCERT_EVENT_INFORMATION: i32 = 5;
/// The RA/CA refuses: the transaction is over. cellcert_transaction_status says why.
pub const CELLCERT_EVENT_REFUSED: i32 = 6;
/// A ciphertext came for the KEM key: decapsulate it.
pub const CELLCERT_EVENT_CIPHERTEXT: i32 = 7;
/// A certificate came, enciphered for its key: open it. Firmware that is built without `enveloped-data` has CELLCERT_ERR_UNSUPPORTED instead, and
/// the transaction is over.
pub const CELLCERT_EVENT_SEALED: i32 = 8;

const fn out_of_order() -> Failure {
    Failure::code(CELLCERT_ERR_STATE)
}

/// Makes the first message.
///
/// signer: the key that belongs to the identity's certificate; NULL to sign it elsewhere. With a shared secret it is not looked at.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_start(
    context: *const Context,
    transaction: *const Transaction,
    identity: *const Identity,
    signer: *const Signer,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        step(context, transaction, identity, signer, |state, identity, context, now| {
            let sender = identity.sender();
            match state {
                State::Enrolment(_) if matches!(identity, IdentityInner::Kem(_)) => Err(out_of_order()),
                State::Enrolment(enrolment) => {
                    let (part, next) = enrolment.start(sender, &context.provider, now)?;
                    Ok((part, Next::Certificate(Box::new(next))))
                }
                State::Question(question) => {
                    let (part, next) = question.start(sender, &context.provider, now)?;
                    Ok((part, Next::Reply(Box::new(next))))
                }
                _ => Err(out_of_order()),
            }
        })
    }
}

/// After CELLCERT_EVENT_WAITING: makes a pollReq.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_poll(
    context: *const Context,
    transaction: *const Transaction,
    identity: *const Identity,
    signer: *const Signer,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        step(context, transaction, identity, signer, |state, identity, context, now| {
            let sender = identity.sender();
            match state {
                State::Waiting(waiting) => {
                    let (part, next) = waiting.poll(sender, &context.provider, now)?;
                    Ok((part, Next::Certificate(Box::new(next))))
                }
                State::Delayed(delayed) => {
                    let (part, next) = delayed.poll(sender, &context.provider, now)?;
                    Ok((part, Next::Reply(Box::new(next))))
                }
                State::DelayedPkiConf(delayed) => {
                    let (part, next) = delayed.poll(sender, &context.provider, now)?;
                    Ok((part, Next::PkiConf(Box::new(next))))
                }
                _ => Err(out_of_order()),
            }
        })
    }
}

/// After CELLCERT_EVENT_GRANTED: takes the certificate, makes a certConf. CELLCERT_ERR_CERTIFICATE when it is for another key: reject it
/// then. CELLCERT_ERR_STATE when it is confirmed implicitly, or a key that the RA/CA generated is not opened.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_confirm(
    context: *const Context,
    transaction: *const Transaction,
    identity: *const Identity,
    signer: *const Signer,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        step(context, transaction, identity, signer, |state, identity, context, now| match state {
            // A key that was generated is opened before.
            State::Granted(granted)
                if !granted.implicitly_confirmed() && !granted.transaction().public_key.is_empty() =>
            {
                let (part, next) = granted.confirm(identity.sender(), &context.provider, now)?;
                Ok((part, Next::PkiConf(Box::new(next))))
            }
            _ => Err(out_of_order()),
        })
    }
}

/// After CELLCERT_EVENT_GRANTED: does not take the certificate, makes a certConf that says why. The RA/CA revokes it.
///
/// fail_info: the number of a PKIFailureInfo bit (RFC 9810 section 5.2.3), 19 for badCertTemplate for instance.
/// reason: for people.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_reject(
    context: *const Context,
    transaction: *const Transaction,
    identity: *const Identity,
    signer: *const Signer,
    fail_info: u32,
    reason: *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        step(context, transaction, identity, signer, |state, identity, context, now| match state {
            State::Granted(granted) if !granted.implicitly_confirmed() => {
                let bit = usize::try_from(fail_info).ok().and_then(|bit| PkiFailureInfo::ALL.get(bit));
                let bit = bit.ok_or(Failure::code(CELLCERT_ERR_ARGUMENT))?;
                let status = PkiStatusInfo::rejection(*bit, text(reason)?.to_string());
                let (part, next) = granted.reject(status, identity.sender(), &context.provider, now)?;
                Ok((part, Next::PkiConf(Box::new(next))))
            }
            _ => Err(out_of_order()),
        })
    }
}

unsafe fn step(
    context: *const Context,
    transaction: *const Transaction,
    identity: *const Identity,
    signer: *const Signer,
    make: impl FnOnce(State, &IdentityInner, &ContextInner, UnixTime) -> Result<(ProtectedPart, Next), Failure>,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        advance(context, transaction, |transaction, context| {
            let identity: Locked<'_, Identity> = lock(identity)?;
            let state = core::mem::replace(&mut transaction.state, State::Over);
            let now = context.now()?;
            let (part, next) = make(state, &identity, context, now)?;
            transaction.made_at = Some(now);
            transaction.state = match &*identity {
                IdentityInner::Secret(credential) => {
                    State::Sent(part.authenticate(credential, &context.provider)?, next)
                }
                IdentityInner::Kem(_) => {
                    let credential = transaction.kem.as_ref().ok_or(out_of_order())?;
                    State::Sent(part.authenticate(credential, &context.provider)?, next)
                }
                IdentityInner::Signature(_) if signer.is_null() => State::ToBeSigned(Box::new(part), next),
                IdentityInner::Signature(_) => {
                    State::Sent(part.sign(&OutsideKey::of(&identity, signer)?)?, next)
                }
            };
            Ok(())
        })
    }
}

/// The octets to sign, when a message was made without a signer.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_to_be_signed(
    transaction: *const Transaction,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (transaction, buffer): (Locked<'_, Transaction>, _) =
            unsafe { (lock(transaction)?, Buffer::new(out, len)?) };
        let State::ToBeSigned(part, _) = &transaction.state else { return Err(out_of_order()) };
        buffer.deliver(part.to_be_signed()?)
    })
}

/// Makes the message from the signature over those octets. The signature is not verified.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_with_signature(
    context: *const Context,
    transaction: *const Transaction,
    signature: *const u8,
    signature_len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        advance(context, transaction, |transaction, _| {
            let State::ToBeSigned(part, next) = &transaction.state else { return Err(out_of_order()) };
            let message = part.with_signature(octets(signature, signature_len)?)?;
            transaction.state = State::Sent(message, next.clone());
            Ok(())
        })
    }
}

/// The message to send: a PKIMessage in DER, the same ever after until the next one is made. Send the same again when no answer comes.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_message(
    transaction: *const Transaction,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (transaction, buffer): (Locked<'_, Transaction>, _) =
            unsafe { (lock(transaction)?, Buffer::new(out, len)?) };
        let State::Sent(message, _) = &transaction.state else { return Err(out_of_order()) };
        buffer.deliver(message.clone())
    })
}

/// Takes an answer, a PKIMessage in DER, and sets `event` to one of the CELLCERT_EVENT_ constants. What is not believed changes nothing: the
/// true answer may still come. After CELLCERT_ERR_ANSWER the transaction is over: whoever answers is trusted, and does not keep to the
/// protocol.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_handle(
    context: *const Context,
    transaction: *const Transaction,
    trust: *const Trust,
    answer: *const u8,
    answer_len: usize,
    event: *mut i32,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let (mut transaction, trust, event, answer): (Locked<'_, Transaction>, Locked<'_, Trust>, _, _) =
            unsafe { (lock(transaction)?, lock(trust)?, Variable::new(event)?, octets(answer, answer_len)?) };
        let State::Sent(_, next) = &transaction.state else { return Err(out_of_order()) };
        let root = transaction.root.clone();
        let expectation = match next {
            Next::Ciphertext(..) => None,
            Next::Certificate(next) => Some(next.expectation()),
            Next::PkiConf(next) => Some(next.expectation()),
            Next::Reply(next) => Some(next.expectation()),
        };
        let (root, taken) = match expectation {
            None => {
                let state = super::kem::taken(&transaction, &trust, answer, context)?;
                (root, Ok((state, Answer::default(), CELLCERT_EVENT_CIPHERTEXT)))
            }
            Some(expectation) => {
                let since = transaction.made_at;
                let kem = super::kem::answerer(&transaction, &expectation);
                let message =
                    trust.validate(answer, &expectation, root.as_ref(), kem.as_ref(), since, context)?;
                let root = match &message {
                    Message::FirstContact(_, root) => Some(root.clone()),
                    _ => root,
                };
                let key_use =
                    transaction.requested.as_ref().map_or(KeyUse::Signing, |requested| requested.key_use);
                (root, taken(next.clone(), message, key_use))
            }
        };
        match taken {
            Ok((state, read, happened)) => Ok(move || {
                transaction.state = state;
                transaction.answer = read;
                transaction.root = root;
                event.set(happened);
            }),
            Err(failure) => {
                // Not where memory ran out: then it is as if nothing had come.
                if !crate::heap::is_exhausted() {
                    transaction.state = State::Over;
                }
                Err(failure)
            }
        }
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

fn refused(status: PkiStatusInfo) -> (State, Answer, i32) {
    (State::Over, Answer { status: Some(status), ..Answer::default() }, CELLCERT_EVENT_REFUSED)
}

fn waiting(state: State, check_after: Option<Duration>) -> (State, Answer, i32) {
    (state, Answer { check_after, ..Answer::default() }, CELLCERT_EVENT_WAITING)
}

/// What a message leads to.
fn taken(next: Next, message: Message, key_use: KeyUse) -> Result<(State, Answer, i32), Failure> {
    let message = match message {
        Message::Believed(message) | Message::FirstContact(message, _) => message,
        Message::RefusedByAnybody(status) => return Ok(refused(status)),
    };
    let not_known = || Failure::code(crate::status::CELLCERT_ERR_ANSWER);
    Ok(match next {
        Next::Ciphertext(..) => return Err(out_of_order()),
        Next::Certificate(next) => match next.handle(&message)? {
            Answered::Granted(granted) => {
                let read = Answer::of(&granted);
                (State::Granted(Box::new(granted)), read, CELLCERT_EVENT_GRANTED)
            }
            #[cfg(feature = "enveloped-data")]
            Answered::Sealed(sealed) if key_use == KeyUse::Enciphering => {
                (State::Sealed(sealed), Answer::default(), CELLCERT_EVENT_SEALED)
            }
            #[cfg(not(feature = "enveloped-data"))]
            Answered::Sealed(_) if key_use == KeyUse::Enciphering => {
                return Err(Failure::code(crate::status::CELLCERT_ERR_UNSUPPORTED));
            }
            Answered::Waiting(state) => {
                let check_after = state.check_after();
                waiting(State::Waiting(Box::new(state)), check_after)
            }
            Answered::Refused(status) => refused(status),
            _ => return Err(not_known()),
        },
        Next::PkiConf(next) => match next.handle(&message) {
            Ok(Confirmation::Done) => (State::Over, Answer::default(), CELLCERT_EVENT_CONFIRMED),
            Ok(Confirmation::Delayed(state)) => {
                let check_after = state.check_after();
                waiting(State::DelayedPkiConf(state), check_after)
            }
            Ok(_) => return Err(not_known()),
            Err(cmp::Error::Refused(status)) => refused(status),
            Err(error) => return Err(error.into()),
        },
        Next::Reply(next) => match next.handle(&message)? {
            Reply::Revoked => (State::Over, Answer::default(), CELLCERT_EVENT_REVOKED),
            Reply::Information(information) => {
                (State::Over, Answer { information, ..Answer::default() }, CELLCERT_EVENT_INFORMATION)
            }
            Reply::Refused(status) => refused(status),
            Reply::Delayed(state) => {
                let check_after = state.check_after();
                waiting(State::Delayed(Box::new(state)), check_after)
            }
            _ => return Err(not_known()),
        },
    })
}

/// After CELLCERT_EVENT_GRANTED: checks that the certificate is the one that was asked for and of use to a base station (RFC 9483 section
/// 4.1.1, TS 33.310 section 6.1.3): its key and its names, that it is an end entity's and may sign for IKEv2 or TLS, and that its path leads
/// to one of the anchors. CELLCERT_ERR_CERTIFICATE when it is not: reject it then.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_check_certificate(
    context: *const Context,
    transaction: *const Transaction,
    trust: *const Trust,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let (transaction, trust): (Locked<'_, Transaction>, Locked<'_, Trust>) =
            unsafe { (lock(transaction)?, lock(trust)?) };
        check(&transaction, &trust, context)?;
        Ok(|| ())
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

fn check(transaction: &Inner, trust: &TrustInner, context: &ContextInner) -> Result<(), Failure> {
    let State::Granted(granted) = &transaction.state else { return Err(out_of_order()) };
    if transaction.awaits_private_key() {
        return Err(out_of_order());
    }
    granted.check().map_err(|error| Failure::new(CELLCERT_ERR_CERTIFICATE, &error))?;
    let requested = transaction.requested.as_ref();
    let asked = Asked {
        public_key: &granted.transaction().public_key,
        subject: requested.and_then(|requested| requested.subject.as_ref()),
        extensions: requested.map_or(&[], |requested| requested.extensions.as_slice()),
        key_use: requested.map_or(KeyUse::Signing, |requested| requested.key_use),
    };
    // Not the state's own: it has none when it was stored and taken up again.
    let answer = &transaction.answer;
    let intermediates: Vec<_> = answer
        .extra_certs
        .iter()
        .chain(&answer.ca_pubs)
        .filter(|other| *other != granted.certificate())
        .cloned()
        .collect();
    let path = CertificatePath {
        end_entity: granted.certificate(),
        intermediates: &intermediates,
        anchors: &trust.anchors(transaction.root.as_ref()),
        extended_key_usage: ExtendedKeyUsage::Any,
        revocation: trust.revocation.as_ref(),
        now: context.now()?,
    };
    asked.check(&path, &context.provider)?;
    Ok(())
}
