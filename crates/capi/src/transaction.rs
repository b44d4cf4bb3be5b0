//! What an end entity does in CMP, step by step and without I/O (RFC 9483 section 4).

mod facts;
mod kem;
mod saved;
mod sealed;
mod steps;

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::ffi::c_char;
use core::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use cmp::end_entity::{
    AwaitingCertificate, AwaitingCiphertext, AwaitingPkiConf, AwaitingReply, CertificateRequest, Delayed,
    DelayedPkiConf, Enrolment, Granted, Question, Waiting,
};
use cmp::{
    Encapsulation, InfoTypeAndValue, KemCiphertextInfo, KemTrust, MacCredential, PkiStatusInfo,
    ProtectedPart, TransactionId,
};
use crmf::{CertReqMessages, CertReqMsg, ProofOfPossession};
use crypto::KeyUse;
use der::{Any, Decode, Encode};
use pkcs10::CertReq;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::name::Name;
use zeroize::Zeroizing;

use crate::boundary::{call, call_with};
use crate::buffer::{Variable, octets, optional_text, text};
use crate::context::{Context, Inner as ContextInner};
use crate::failure::Failure;
use crate::handle::{self, Handle, Locked, lock, opaque};
use crate::name;
use crate::request::{cert_id, object_identifier};
use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_STATE};

pub use facts::*;
pub use kem::*;
pub use saved::{cellcert_transaction_resume, cellcert_transaction_save};
pub use sealed::*;
pub use steps::*;

/// ir: the first certificate from this PKI, for a CertReqMsg
pub const CELLCERT_IR: i32 = 0;
/// cr: a further certificate, for a CertReqMsg
pub const CELLCERT_CR: i32 = 2;
/// p10cr: a certificate, for a PKCS #10 request
pub const CELLCERT_P10CR: i32 = 4;
/// kur: a new certificate in place of the one that signs the message, for a CertReqMsg
pub const CELLCERT_KUR: i32 = 7;
/// ccr: a certificate for another CA, for a CertReqMsg (RFC 9810 section 5.3.11)
pub const CELLCERT_CCR: i32 = 13;

/// One transaction. The order of the calls, until nothing is left to do:
///
/// 1. cellcert_transaction_enrol, _revoke or _general makes it.
/// 2. cellcert_transaction_start makes the first message. Without a signer at hand, sign what cellcert_transaction_to_be_signed has, and
///    hand the signature to cellcert_transaction_with_signature: this holds for every later message, too.
/// 3. Send what cellcert_transaction_message has, and hand the answer to cellcert_transaction_handle. When an answer is refused it may be a
///    planted one: wait for another one, or send the same message again. Only CELLCERT_ERR_ANSWER ends the transaction.
/// 4. CELLCERT_EVENT_WAITING: wait as long as cellcert_transaction_check_after says, call cellcert_transaction_poll, go on with 3.
///    CELLCERT_EVENT_GRANTED: call cellcert_transaction_check_certificate; then cellcert_transaction_confirm or, when the certificate is not
///    good, cellcert_transaction_reject, and go on with 3; but when cellcert_transaction_implicitly_confirmed says so, it is over.
///    Every other event is the end.
///
/// Of a certificate for a key that does not sign, there is CELLCERT_EVENT_SEALED after 3.: call cellcert_transaction_open_certificate, and go on
/// as after CELLCERT_EVENT_GRANTED. Of a key that the RA/CA was to generate, call cellcert_transaction_open_private_key after
/// CELLCERT_EVENT_GRANTED, before anything else.
///
/// With the identity of a KEM key, 2. is cellcert_transaction_ask_ciphertext. After 3. there is CELLCERT_EVENT_CIPHERTEXT: decapsulate what
/// cellcert_transaction_ciphertext has, hand the secret to cellcert_transaction_with_secret, and go on with 3.
///
/// An RA/CA that answers by KEM-based MACs is told so before 2.: cellcert_transaction_set_answerer.
///
/// A call that does not come next returns CELLCERT_ERR_STATE and changes nothing.
pub struct Transaction(Handle<Inner>);

opaque!(Transaction, Inner, b"Tran");

#[derive(Clone)]
pub(crate) struct Inner {
    state: State,
    requested: Option<Requested>,
    answer: Answer,
    /// What was taken for the RA/CA's root at the first contact.
    root: Option<EncodedCertificate>,
    /// When the message that is to be sent was made.
    made_at: Option<UnixTime>,
    /// What the RA/CA generated, once it is opened: a PrivateKeyInfo.
    private_key: Option<Zeroizing<Vec<u8>>>,
    /// What was decapsulated, to protect the transaction's other messages with.
    kem: Option<MacCredential>,
    /// What was encapsulated: nobody else can answer.
    answerer: Option<Box<Answerer>>,
}

/// What was asked for; of a request by somebody else nothing is known but this.
#[derive(Clone, Default)]
struct Requested {
    subject: Option<Name>,
    extensions: Vec<Extension>,
    key_use: KeyUse,
}

/// Who owns the KEM key that the secret is for.
#[derive(Clone)]
struct Answerer {
    encapsulation: Encapsulation,
    /// By a pointer, so that firmware that encapsulates nothing does not link the verification.
    within: fn(Encapsulation, TransactionId) -> KemTrust,
}

/// What came back, and can be read from then on.
#[derive(Clone, Default)]
struct Answer {
    check_after: Option<Duration>,
    certificate: Option<EncodedCertificate>,
    extra_certs: Vec<EncodedCertificate>,
    ca_pubs: Vec<EncodedCertificate>,
    implicitly_confirmed: bool,
    confirm_until: Option<UnixTime>,
    status: Option<PkiStatusInfo>,
    information: Vec<InfoTypeAndValue>,
}

#[derive(Clone)]
enum State {
    Enrolment(Box<Enrolment>),
    Question(Box<Question>),
    /// A ciphertext waits to be decapsulated.
    Ciphertext(Box<Enrolment>, Box<KemCiphertextInfo>),
    /// A message waits for its signature.
    ToBeSigned(Box<ProtectedPart>, Next),
    /// A message is to be sent, and its answer awaited.
    Sent(Vec<u8>, Next),
    Waiting(Box<Waiting>),
    Delayed(Box<Delayed>),
    DelayedPkiConf(Box<DelayedPkiConf>),
    #[cfg(feature = "enveloped-data")]
    Sealed(Box<cmp::end_entity::SealedCertificate>),
    Granted(Box<Granted>),
    Over,
}

/// What is awaited of the answer.
#[derive(Clone)]
enum Next {
    /// For the request that is made then.
    Ciphertext(Box<Enrolment>, Box<AwaitingCiphertext>),
    Certificate(Box<AwaitingCertificate>),
    PkiConf(Box<AwaitingPkiConf>),
    Reply(Box<AwaitingReply>),
}

impl Inner {
    fn new(state: State, requested: Option<Requested>) -> Self {
        Self {
            state,
            requested,
            answer: Answer::default(),
            root: None,
            made_at: None,
            private_key: None,
            kem: None,
            answerer: None,
        }
    }

    fn enrol(kind: i32, request: &[u8]) -> Result<Self, Failure> {
        if kind == CELLCERT_P10CR {
            let request = CertReq::from_der(request)?;
            let requested = Requested {
                subject: Some(request.subject().clone()),
                extensions: request.requested_extensions()?,
                key_use: KeyUse::Signing,
            };
            let request = CertificateRequest::P10cr(Box::new(request));
            return Ok(Self::new(State::Enrolment(Box::new(Enrolment::new(request))), Some(requested)));
        }
        let message = CertReqMsg::from_der(request)?;
        let template = message.template();
        let requested = Requested {
            subject: template.subject.clone(),
            extensions: template.extensions().to_vec(),
            key_use: match message.popo() {
                Some(ProofOfPossession::KeyEncipherment(_) | ProofOfPossession::KeyAgreement(_)) => {
                    KeyUse::Enciphering
                }
                _ => KeyUse::Signing,
            },
        };
        let messages = CertReqMessages::new(Vec::from([message]))?;
        let request = match kind {
            CELLCERT_IR => CertificateRequest::Ir(messages),
            CELLCERT_CR => CertificateRequest::Cr(messages),
            CELLCERT_KUR => CertificateRequest::Kur(messages),
            CELLCERT_CCR => CertificateRequest::Ccr(messages),
            _ => return Err(Failure::code(CELLCERT_ERR_ARGUMENT)),
        };
        Ok(Self::new(State::Enrolment(Box::new(Enrolment::new(request))), Some(requested)))
    }
}

/// Begins the enrolment of a certificate for a request: CELLCERT_IR, CELLCERT_CR, CELLCERT_KUR or CELLCERT_CCR for a CertReqMsg in DER,
/// CELLCERT_P10CR for a CertificationRequest in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_enrol(
    context: *const Context,
    kind: i32,
    request: *const u8,
    request_len: usize,
    out: *mut *mut Transaction,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { begin(context, out, || Inner::enrol(kind, octets(request, request_len)?)) }
}

/// Begins the revocation of a certificate, in DER (RFC 9483 section 4.2): sign with its own key, or as an RA. reason: a CRLReason's number
/// (RFC 5280 section 5.3.1); 8, removeFromCRL, takes it off hold.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_revoke(
    context: *const Context,
    certificate: *const u8,
    certificate_len: usize,
    reason: i32,
    out: *mut *mut Transaction,
) -> i32 {
    let make = || {
        // SAFETY: the caller's promise.
        let certificate = unsafe { octets(certificate, certificate_len) }?;
        let question = Question::revoke(cert_id(certificate)?, crl_reason(reason)?)?;
        Ok(Inner::new(State::Question(Box::new(question)), None))
    };
    // SAFETY: the caller's promise.
    unsafe { begin(context, out, make) }
}

fn crl_reason(number: i32) -> Result<CrlReason, Failure> {
    let reasons = [
        CrlReason::Unspecified,
        CrlReason::KeyCompromise,
        CrlReason::CaCompromise,
        CrlReason::AffiliationChanged,
        CrlReason::Superseded,
        CrlReason::CessationOfOperation,
        CrlReason::CertificateHold,
        CrlReason::RemoveFromCRL,
        CrlReason::PrivilegeWithdrawn,
        CrlReason::AaCompromise,
    ];
    let found = reasons
        .into_iter()
        .find(|reason| reason.to_der().is_ok_and(|der| der.last() == u8::try_from(number).ok().as_ref()));
    found.ok_or(Failure::code(CELLCERT_ERR_ARGUMENT))
}

/// Begins a question to the RA/CA (genm, RFC 9483 section 4.3), of a type given as an object identifier, "1.3.6.1.5.5.7.4.17" for caCerts
/// for instance. Most questions have no value; of one that has, it is in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_general(
    context: *const Context,
    info_type: *const c_char,
    info_value: *const u8,
    info_value_len: usize,
    out: *mut *mut Transaction,
) -> i32 {
    let make = || {
        // SAFETY: the caller's promise.
        let (info_type, value) = unsafe { (text(info_type)?, octets(info_value, info_value_len)?) };
        let value = Some(value).filter(|value| !value.is_empty()).map(Any::from_der).transpose()?;
        let question = Question::general(InfoTypeAndValue::new(object_identifier(info_type)?, value));
        Ok(Inner::new(State::Question(Box::new(question)), None))
    };
    // SAFETY: the caller's promise.
    unsafe { begin(context, out, make) }
}

unsafe fn begin(
    context: *const Context,
    out: *mut *mut Transaction,
    make: impl FnOnce() -> Result<Inner, Failure>,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let out = unsafe { Variable::new(out) }?;
        let transaction = handle::make::<Transaction>(make()?);
        Ok(move || out.give(transaction))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Frees a transaction and sets the variable to NULL.
///
/// # Safety
/// `transaction` points to a variable with a transaction, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_free(transaction: *mut *mut Transaction) -> i32 {
    // SAFETY: the caller's promise.
    call(|| unsafe { handle::free(transaction) })
}

/// Before the start: to whom it goes, a distinguished name in DER. The NULL-DN by default.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_set_recipient(
    context: *const Context,
    transaction: *const Transaction,
    recipient: *const u8,
    recipient_len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        advance(context, transaction, |transaction, _| {
            let recipient = name::decode(octets(recipient, recipient_len)?)?;
            match &mut transaction.state {
                State::Enrolment(enrolment) => enrolment.recipient = recipient,
                State::Question(question) => question.recipient = recipient,
                _ => return Err(Failure::code(CELLCERT_ERR_STATE)),
            }
            Ok(())
        })
    }
}

/// Before the start: whether to ask that no certConf be awaited, which only an enrolment can; and for which certificate profile (NULL for
/// none), which a question for certReqTemplate may name, too.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_set_wishes(
    context: *const Context,
    transaction: *const Transaction,
    implicit_confirm: i32,
    cert_profile: *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        advance(context, transaction, |transaction, _| {
            let cert_profile = optional_text(cert_profile)?.map(ToString::to_string);
            match &mut transaction.state {
                State::Enrolment(enrolment) => {
                    enrolment.implicit_confirm = implicit_confirm != 0;
                    enrolment.cert_profile = cert_profile;
                }
                State::Question(question) => question.cert_profile = cert_profile,
                _ => return Err(Failure::code(CELLCERT_ERR_STATE)),
            }
            Ok(())
        })
    }
}

/// Takes a step on a copy, and puts it in place when all went well.
unsafe fn advance(
    context: *const Context,
    transaction: *const Transaction,
    step: impl FnOnce(&mut Inner, &ContextInner) -> Result<(), Failure>,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let mut transaction: Locked<'_, Transaction> = unsafe { lock(transaction) }?;
        let mut advanced = transaction.clone();
        step(&mut advanced, context)?;
        Ok(move || *transaction = advanced)
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}
