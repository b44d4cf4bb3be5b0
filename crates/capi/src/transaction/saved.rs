//! Transactions that survive a restart: octets and RFC facts.

use alloc::boxed::Box;
use alloc::vec::Vec;

use asn1::{EncodedCertificate, UnixTime};
use cmp::end_entity::{
    AwaitingCertificate, AwaitingPkiConf, Correspondent, Granted, RequestKind, Transaction as Facts, Waiting,
};
use cmp::{CertReqId, Credential, Reference, SenderNonce, TransactionId};
use crypto::KeyUse;
use der::asn1::OctetString;
use der::{Choice, Decode, Encode, Sequence};
use x509_cert::ext::Extension;
use x509_cert::name::Name;

use super::{
    Answer, CELLCERT_CCR, CELLCERT_CR, CELLCERT_IR, CELLCERT_KUR, CELLCERT_P10CR, Inner, Next, Requested,
    State, Transaction, begin,
};
use crate::boundary::call;
use crate::buffer::{Buffer, octets};
use crate::context::Context;
use crate::failure::Failure;
use crate::handle::{Locked, lock};
use crate::status::{CELLCERT_ERR_MALFORMED, CELLCERT_ERR_STATE, CELLCERT_ERR_UNSUPPORTED};

/// Which form the octets have; another form gets another number.
const VERSION: u8 = 1;

#[derive(Sequence)]
struct Saved {
    version: u8,
    kind: u8,
    transaction_id: OctetString,
    cert_req_id: CertReqId,
    implicit_confirm: bool,
    public_key: OctetString,
    nonces: Vec<OctetString>,
    extensions: Vec<Extension>,
    state: SavedState,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    subject: Option<Name>,
    /// The reference of the secret that must protect the answers.
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    answerer: Option<OctetString>,
    /// The root of the first contact.
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    root: Option<OctetString>,
    /// When the message was made, in seconds since 1970.
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    made_at: Option<u64>,
    /// Of a key that others encipher for.
    #[asn1(context_specific = "4", tag_mode = "EXPLICIT", optional = "true")]
    enciphering: Option<bool>,
}

#[derive(Choice)]
enum SavedState {
    /// The request or a pollReq is to be sent.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", constructed = "true")]
    Sent(OctetString),
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", constructed = "true")]
    Waiting(SavedCorrespondent),
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    Granted(SavedGranted),
    /// A certConf is to be sent.
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", constructed = "true")]
    Confirming(SavedConfirming),
}

#[derive(Sequence)]
struct SavedCorrespondent {
    name: Name,
    nonce: OctetString,
    credential: SavedCredential,
}

#[derive(Sequence)]
struct SavedGranted {
    certificate: OctetString,
    extra_certs: Vec<OctetString>,
    correspondent: SavedCorrespondent,
}

#[derive(Sequence)]
struct SavedConfirming {
    message: OctetString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    signer: Option<SavedCredential>,
}

#[derive(Choice)]
enum SavedCredential {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", constructed = "true")]
    Certificate(OctetString),
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", constructed = "true")]
    Secret(OctetString),
}

/// An enrolment as octets, to be stored before its message is sent, and taken up again by cellcert_transaction_resume. Nothing in them is
/// secret: store a key that the RA/CA generated elsewhere, before certConf is sent. CELLCERT_ERR_STATE before the first message is made, while
/// a signature is due, while what came enciphered is not opened (what was stored with the request will do: it brings the same again), when the
/// certificate was confirmed implicitly, while the answer to certConf is delayed (what was stored with certConf will do), and when it is over; CELLCERT_ERR_UNSUPPORTED for questions,
/// which can simply be asked again, and for enrolments with a KEM key on either side, whose secret is not stored.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_save(
    transaction: *const Transaction,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (transaction, buffer): (Locked<'_, Transaction>, _) =
            unsafe { (lock(transaction)?, Buffer::new(out, len)?) };
        buffer.deliver(save(&transaction)?.to_der()?)
    })
}

/// Takes an enrolment up again where it was stored.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_resume(
    context: *const Context,
    saved: *const u8,
    saved_len: usize,
    out: *mut *mut Transaction,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { begin(context, out, || resume(octets(saved, saved_len)?)) }
}

fn save(transaction: &Inner) -> Result<Saved, Failure> {
    if transaction.kem.is_some() || transaction.answerer.is_some() {
        return Err(Failure::code(CELLCERT_ERR_UNSUPPORTED));
    }
    let (facts, state) = match &transaction.state {
        State::Sent(message, Next::Certificate(next)) => {
            (next.transaction(), SavedState::Sent(OctetString::new(message.as_slice())?))
        }
        State::Waiting(waiting) => {
            (waiting.transaction(), SavedState::Waiting(correspondent(waiting.correspondent())?))
        }
        State::Granted(granted) if !granted.implicitly_confirmed() && !transaction.awaits_private_key() => {
            (granted.transaction(), SavedState::Granted(self::granted(granted)?))
        }
        // A pollReq is no certConf: the one that is stored already is sent once more.
        State::Sent(message, Next::PkiConf(next)) if next.transaction().nonces.len() == 1 => {
            let signer = next.signer().map(credential).transpose()?;
            let message = OctetString::new(message.as_slice())?;
            (next.transaction(), SavedState::Confirming(SavedConfirming { message, signer }))
        }
        State::Question(_) | State::Delayed(_) | State::Sent(_, Next::Reply(_)) => {
            return Err(Failure::code(CELLCERT_ERR_UNSUPPORTED));
        }
        _ => return Err(Failure::code(CELLCERT_ERR_STATE)),
    };
    let requested = transaction.requested.clone().unwrap_or_default();
    let nonces = facts.nonces.iter().map(|nonce| OctetString::new(nonce.as_octets()));
    let answerer = match &facts.answerer {
        Some(Credential::SharedSecret(reference)) => Some(OctetString::new(reference.as_octets())?),
        _ => None,
    };
    Ok(Saved {
        version: VERSION,
        kind: kind_number(facts.kind)?,
        transaction_id: OctetString::new(facts.transaction_id.as_octets())?,
        cert_req_id: facts.cert_req_id,
        implicit_confirm: facts.implicit_confirm,
        public_key: OctetString::new(facts.public_key.as_slice())?,
        nonces: nonces.collect::<Result<_, _>>()?,
        subject: requested.subject,
        extensions: requested.extensions,
        answerer,
        root: transaction.root.as_ref().map(|root| OctetString::new(root.octets())).transpose()?,
        made_at: transaction.made_at.map(UnixTime::as_secs),
        enciphering: (requested.key_use == KeyUse::Enciphering).then_some(true),
        state,
    })
}

fn kind_number(kind: RequestKind) -> Result<u8, Failure> {
    let kind = match kind {
        RequestKind::Ir => CELLCERT_IR,
        RequestKind::Cr => CELLCERT_CR,
        RequestKind::P10cr => CELLCERT_P10CR,
        RequestKind::Kur => CELLCERT_KUR,
        RequestKind::Ccr => CELLCERT_CCR,
        _ => return Err(Failure::code(CELLCERT_ERR_UNSUPPORTED)),
    };
    u8::try_from(kind).map_err(|_| Failure::code(CELLCERT_ERR_UNSUPPORTED))
}

fn correspondent(correspondent: &Correspondent) -> Result<SavedCorrespondent, Failure> {
    Ok(SavedCorrespondent {
        name: correspondent.name.clone(),
        nonce: OctetString::new(correspondent.nonce.as_octets())?,
        credential: credential(&correspondent.credential)?,
    })
}

fn credential(credential: &Credential) -> Result<SavedCredential, Failure> {
    Ok(match credential {
        Credential::Certificate(certificate) => {
            SavedCredential::Certificate(OctetString::new(certificate.octets())?)
        }
        Credential::SharedSecret(reference) => {
            SavedCredential::Secret(OctetString::new(reference.as_octets())?)
        }
    })
}

fn granted(granted: &Granted) -> Result<SavedGranted, Failure> {
    let extra_certs = granted.extra_certs().iter().map(|certificate| OctetString::new(certificate.octets()));
    Ok(SavedGranted {
        certificate: OctetString::new(granted.certificate().octets())?,
        extra_certs: extra_certs.collect::<Result<_, _>>()?,
        correspondent: correspondent(granted.correspondent())?,
    })
}

fn resume(octets: &[u8]) -> Result<Inner, Failure> {
    let malformed = || Failure::code(CELLCERT_ERR_MALFORMED);
    let saved = Saved::from_der(octets)?;
    if saved.version != VERSION {
        return Err(Failure::code(CELLCERT_ERR_UNSUPPORTED));
    }
    let kind = match i32::from(saved.kind) {
        CELLCERT_IR => RequestKind::Ir,
        CELLCERT_CR => RequestKind::Cr,
        CELLCERT_P10CR => RequestKind::P10cr,
        CELLCERT_KUR => RequestKind::Kur,
        CELLCERT_CCR => RequestKind::Ccr,
        _ => return Err(malformed()),
    };
    let nonces = saved.nonces.iter().map(|nonce| SenderNonce::new(nonce.as_bytes()));
    let mut facts = Facts::new(
        TransactionId::new(saved.transaction_id.as_bytes())?,
        kind,
        saved.cert_req_id,
        saved.implicit_confirm,
        saved.public_key.as_bytes().to_vec(),
        nonces.collect::<Result<_, _>>()?,
    );
    let answerer = saved.answerer.as_ref().map(|reference| Reference::new(reference.as_bytes()));
    facts.answerer = answerer.map(Credential::SharedSecret);
    let mut answer = Answer::default();
    let state = match saved.state {
        SavedState::Sent(message) => {
            let next = Next::Certificate(Box::new(AwaitingCertificate::resume(facts)));
            State::Sent(message.into_bytes().into(), next)
        }
        SavedState::Waiting(other) => State::Waiting(Box::new(Waiting::resume(facts, other.open()?))),
        SavedState::Granted(granted) => {
            let certificate = EncodedCertificate::new(granted.certificate.as_bytes())?;
            let extra_certs = granted.extra_certs.iter();
            let extra_certs = extra_certs.map(|octets| EncodedCertificate::new(octets.as_bytes()));
            answer.extra_certs = extra_certs.collect::<Result<_, _>>()?;
            answer.certificate = Some(certificate.clone());
            let other = granted.correspondent.open()?;
            State::Granted(Box::new(Granted::resume(facts, certificate, other)))
        }
        SavedState::Confirming(confirming) => {
            let nonce = facts.nonces.first().cloned().ok_or(malformed())?;
            let signer = confirming.signer.map(SavedCredential::open).transpose()?;
            let next = Next::PkiConf(Box::new(AwaitingPkiConf::resume(facts, nonce, signer)));
            State::Sent(confirming.message.into_bytes().into(), next)
        }
    };
    let key_use = if saved.enciphering == Some(true) { KeyUse::Enciphering } else { KeyUse::Signing };
    let requested = Requested { subject: saved.subject, extensions: saved.extensions, key_use };
    let root = saved.root.map(|root| EncodedCertificate::new(root.as_bytes())).transpose()?;
    let made_at = saved.made_at.map(UnixTime::from_secs);
    Ok(Inner {
        state,
        requested: Some(requested),
        answer,
        root,
        made_at,
        private_key: None,
        kem: None,
        answerer: None,
    })
}

impl SavedCorrespondent {
    fn open(self) -> Result<Correspondent, Failure> {
        let nonce = SenderNonce::new(self.nonce.as_bytes())?;
        Ok(Correspondent::new(self.name, nonce, self.credential.open()?))
    }
}

impl SavedCredential {
    fn open(self) -> Result<Credential, Failure> {
        Ok(match self {
            Self::Certificate(octets) => Credential::Certificate(EncodedCertificate::new(octets.as_bytes())?),
            Self::Secret(octets) => Credential::SharedSecret(Reference::new(octets.as_bytes())),
        })
    }
}
