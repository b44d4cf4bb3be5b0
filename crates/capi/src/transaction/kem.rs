//! Enrolments whose messages are protected by KEM-based MACs (RFC 9810 section 5.1.3.4 and appendix E).

use alloc::boxed::Box;

use asn1::EncodedCertificate;
use cmp::end_entity::KemQuestion;
use cmp::{Encapsulation, Expectation, KemTrust, MacCredential, PkiMessage, SenderIdentity};
use crypto::{AlgorithmError, KemAlgorithm, PublicKey};
use der::{Decode, Encode};
use x509_cert::Certificate;
use zeroize::Zeroizing;

use super::{Answerer, Inner, Next, State, Transaction, advance};
use crate::boundary::{call, call_with};
use crate::buffer::{Buffer, octets};
use crate::context::{Context, Inner as ContextInner};
use crate::failure::Failure;
use crate::handle::{Locked, lock};
use crate::identity::{Identity, Inner as IdentityInner};
use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_CERTIFICATE, CELLCERT_ERR_STATE};
use crate::trust::{Inner as TrustInner, Trust};

const fn out_of_order() -> Failure {
    Failure::code(CELLCERT_ERR_STATE)
}

/// In place of cellcert_transaction_start, with the identity of a KEM key: makes the question for a ciphertext, which is not protected, as
/// there is nothing yet to protect it with. Its answer is CELLCERT_EVENT_CIPHERTEXT.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_ask_ciphertext(
    context: *const Context,
    transaction: *const Transaction,
    identity: *const Identity,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        advance(context, transaction, |transaction, context| {
            let identity: Locked<'_, Identity> = lock(identity)?;
            let IdentityInner::Kem(sender) = &*identity else {
                return Err(Failure::code(CELLCERT_ERR_ARGUMENT));
            };
            let State::Enrolment(enrolment) = core::mem::replace(&mut transaction.state, State::Over) else {
                return Err(out_of_order());
            };
            let mut question = KemQuestion::new();
            question.recipient.clone_from(&enrolment.recipient);
            let now = context.now()?;
            let (message, next) = question.start(sender, &context.provider, now)?;
            transaction.made_at = Some(now);
            transaction.state = State::Sent(message, Next::Ciphertext(enrolment, Box::new(next)));
            Ok(())
        })
    }
}

/// Takes the answer to that question. Nobody has signed it: what is wrong with it may be somebody else's doing.
pub(super) fn taken(
    transaction: &Inner,
    trust: &TrustInner,
    answer: &[u8],
    context: &ContextInner,
) -> Result<State, Failure> {
    let State::Sent(_, Next::Ciphertext(enrolment, next)) = &transaction.state else {
        return Err(out_of_order());
    };
    let message = PkiMessage::inspect(answer, &trust.reading)?;
    let (info, continuation) = trust.with_validator(transaction.made_at, context, |validator, now| {
        Ok(next.handle(&message, validator, now)?)
    })?;
    let mut enrolment = enrolment.clone();
    enrolment.continuation = Some(continuation);
    Ok(State::Ciphertext(enrolment, Box::new(info)))
}

/// After CELLCERT_EVENT_CIPHERTEXT: the ciphertext, for the KEM key to decapsulate.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_ciphertext(
    transaction: *const Transaction,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (transaction, buffer): (Locked<'_, Transaction>, _) =
            unsafe { (lock(transaction)?, Buffer::new(out, len)?) };
        let State::Ciphertext(_, info) = &transaction.state else { return Err(out_of_order()) };
        buffer.deliver(info.ct.as_bytes().to_vec())
    })
}

/// After CELLCERT_EVENT_CIPHERTEXT: makes the request, protected with the secret that the KEM key has decapsulated; go on as with any other
/// enrolment. The transaction keeps the secret for its later messages, until it is freed; it cannot be stored. A wrong secret shows when
/// the RA/CA refuses the request. CELLCERT_ERR_ALGORITHM when the ciphertext is of another mechanism than the key.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_with_secret(
    context: *const Context,
    transaction: *const Transaction,
    identity: *const Identity,
    secret: *const u8,
    secret_len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        advance(context, transaction, |transaction, context| {
            let identity: Locked<'_, Identity> = lock(identity)?;
            let IdentityInner::Kem(sender) = &*identity else {
                return Err(Failure::code(CELLCERT_ERR_ARGUMENT));
            };
            let State::Ciphertext(enrolment, info) = core::mem::replace(&mut transaction.state, State::Over)
            else {
                return Err(out_of_order());
            };
            let continuation = enrolment.continuation.as_ref().ok_or(out_of_order())?;
            let mechanism = KemAlgorithm::from_identifier(&info.kem)?;
            if mechanism_of(sender)? != mechanism {
                return Err(AlgorithmError::Unsupported(info.kem.oid).into());
            }
            let secret = Zeroizing::new(octets(secret, secret_len)?.to_vec());
            let transaction_id = continuation.transaction_id.clone();
            let credential = MacCredential::with_decapsulated(sender.clone(), secret, transaction_id)?;
            let now = context.now()?;
            let (part, next) = enrolment.start(sender, &context.provider, now)?;
            let message = part.authenticate(&credential, &context.provider)?;
            transaction.made_at = Some(now);
            transaction.kem = Some(credential);
            transaction.state = State::Sent(message, Next::Certificate(Box::new(next)));
            Ok(())
        })
    }
}

/// Before the start of an enrolment: encapsulates a secret for an RA/CA that owns the KEM key of that certificate, in DER, which `trust` must
/// believe. From then on only whoever decapsulates it can answer, by a KEM-based MAC; signatures are not accepted any more. The transaction
/// keeps the secret until it is freed; it cannot be stored. CELLCERT_ERR_TRUST when the certificate is not believed, CELLCERT_ERR_KEY when it
/// is not one of a KEM key, CELLCERT_ERR_UNSUPPORTED in firmware that is built without `ml-kem`.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_set_answerer(
    context: *const Context,
    transaction: *const Transaction,
    trust: *const Trust,
    certificate: *const u8,
    certificate_len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        advance(context, transaction, |transaction, context| {
            let (trust, certificate): (Locked<'_, Trust>, _) =
                (lock(trust)?, octets(certificate, certificate_len)?);
            let State::Enrolment(enrolment) = &mut transaction.state else { return Err(out_of_order()) };
            let encapsulation = trust.encapsulate(&EncodedCertificate::new(certificate)?, context)?;
            enrolment.answerer = Some(encapsulation.clone());
            transaction.answerer = Some(Box::new(Answerer { encapsulation, within: Encapsulation::within }));
            Ok(())
        })
    }
}

/// With what its answer is verified, when a secret was encapsulated.
pub(super) fn answerer(transaction: &Inner, expectation: &Expectation<'_>) -> Option<KemTrust> {
    let answerer = transaction.answerer.as_ref()?;
    let Expectation::Within { transaction_id, .. } = expectation else { return None };
    Some((answerer.within)(answerer.encapsulation.clone(), (*transaction_id).clone()))
}

/// Reads an answer that cellcert_transaction_handle does not believe because it is not protected: so an RA/CA that answers by KEM-based MACs
/// only refuses what brings no ciphertext for it (RFC 9810 appendix E). Delivers the certificate of its KEM key, in DER, which `trust` believes.
/// Nothing else follows from the refusal, and the transaction stays as it is: begin another one, and hand the certificate to
/// cellcert_transaction_set_answerer. CELLCERT_ERR_PROTECTION when it is not such a refusal.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_kem_refusal(
    context: *const Context,
    transaction: *const Transaction,
    trust: *const Trust,
    answer: *const u8,
    answer_len: usize,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let (transaction, trust, answer, buffer): (Locked<'_, Transaction>, Locked<'_, Trust>, _, _) = unsafe {
            (lock(transaction)?, lock(trust)?, octets(answer, answer_len)?, Buffer::new(out, len)?)
        };
        let State::Sent(_, Next::Certificate(next)) = &transaction.state else { return Err(out_of_order()) };
        let certificate = trust.kem_refusal(answer, &next.expectation(), transaction.made_at, context)?;
        buffer.deliver(certificate.octets().to_vec())
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

fn mechanism_of(sender: &SenderIdentity) -> Result<KemAlgorithm, Failure> {
    let key = |certificate: &EncodedCertificate| {
        let certificate = Certificate::from_der(certificate.octets()).ok()?;
        let key = certificate.tbs_certificate().subject_public_key_info().to_der().ok()?;
        KemAlgorithm::of(PublicKey::from_spki_der(&key).ok()?.kind())
    };
    sender.certificate().and_then(key).ok_or(Failure::code(CELLCERT_ERR_CERTIFICATE))
}
