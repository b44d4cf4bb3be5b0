//! Whom to believe as the RA/CA.

mod kem;

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::ffi::c_char;
use core::time::Duration;

use asn1::oids::rfc6402;
use asn1::{EncodedCertificate, UnixTime};
use cmp::{
    Expectation, KemTrust, PkiMessage, PkiStatusInfo, Quirk, Quirks, ReadingPolicy, Reference, SecretTrust,
    SignerRole, Trust as Believed, ValidatedMessage, Validator,
};
use crypto::{CertificateList, ExtendedKeyUsage, Revocation, RevocationPolicy, SharedSecret};

use crate::boundary::{call, call_with};
use crate::buffer::{Octets, Variable, list, octets, text};
use crate::context::{Context, Inner as ContextInner};
use crate::failure::Failure;
use crate::handle::{self, Handle, Locked, lock, opaque};
use crate::identity::certificates;
use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_LIMIT, CELLCERT_ERR_MALFORMED};

/// Refusals may come without protection.
pub const CELLCERT_QUIRK_UNPROTECTED_ERRORS: i32 = 1;
/// A request with a MAC may be answered with a signature.
pub const CELLCERT_QUIRK_ANSWER_BY_OTHER_KIND: i32 = 2;
/// PBMAC1's key derivation function may be called id-PBES2.
pub const CELLCERT_QUIRK_PBES2_IN_PBMAC1: i32 = 3;
/// An anchor that signs messages itself need not have digitalSignature in its keyUsage.
pub const CELLCERT_QUIRK_SIGNER_WITHOUT_DIGITAL_SIGNATURE: i32 = 4;
/// PasswordBasedMac may name SHA-1.
pub const CELLCERT_QUIRK_SHA1_IN_MAC: i32 = 5;
/// Without anchors, the root is taken from the extraCerts of the first ip (TS 33.310 section 9.5.4.3). Whoever is on the way can be the RA/CA
/// then: only over a way that is protected otherwise. cellcert_transaction_first_contact_root has it.
pub const CELLCERT_QUIRK_ROOT_FROM_EXTRA_CERTS: i32 = 6;
/// The sender field and the senderKID of an answer need not be those of its signer's certificate.
pub const CELLCERT_QUIRK_SENDER_OF_ANOTHER: i32 = 7;
/// The answers of one transaction may be signed with different certificates.
pub const CELLCERT_QUIRK_SIGNER_CHANGES: i32 = 8;
/// The answer to a single message may come inside a nested message, of which nothing is believed.
pub const CELLCERT_QUIRK_NESTED_ANSWERS: i32 = 9;

/// How many certificates, secrets or CRLs there may be.
const MAX_ITEMS: usize = 64;

/// Whom to believe as the RA/CA, and what to put up with. It can be used for any number of transactions.
pub struct Trust(Handle<Inner>);

opaque!(Trust, Inner, b"Trst");

#[derive(Clone)]
pub(crate) struct Inner {
    pub(crate) anchors: Vec<EncodedCertificate>,
    signers: Vec<EncodedCertificate>,
    intermediates: Vec<EncodedCertificate>,
    secrets: Vec<SecretTrust>,
    pub(crate) revocation: Option<Revocation>,
    time_window: Option<Duration>,
    pub(crate) reading: ReadingPolicy,
    quirks: Quirks,
}

/// What an answer is, before anybody looks into it.
pub(crate) enum Answered {
    Believed(Box<ValidatedMessage>),
    /// By CELLCERT_QUIRK_ROOT_FROM_EXTRA_CERTS: with the root that it brought.
    FirstContact(Box<ValidatedMessage>, EncodedCertificate),
    /// By CELLCERT_QUIRK_UNPROTECTED_ERRORS.
    RefusedByAnybody(PkiStatusInfo),
}

impl Inner {
    /// The anchors; where there are none, the root of the first contact.
    pub(crate) fn anchors(&self, root: Option<&EncodedCertificate>) -> Vec<EncodedCertificate> {
        match root {
            Some(root) if self.anchors.is_empty() => Vec::from([root.clone()]),
            _ => self.anchors.clone(),
        }
    }

    /// The RA/CA's messages are signed by an anchor itself, or with a certificate under one that is for it (RFC 9810 section 4.5);
    /// or with one that was named.
    fn believed(&self, root: Option<&EncodedCertificate>) -> Vec<Believed> {
        let of = |anchors: Vec<EncodedCertificate>, purpose| {
            let mut believed = Believed::new(SignerRole::CertificationAuthority, anchors, purpose);
            believed.intermediates.clone_from(&self.intermediates);
            believed.revocation.clone_from(&self.revocation);
            believed
        };
        let purpose = ExtendedKeyUsage::RequiredBelowAnchor(rfc6402::KP_CMC_CA);
        let mut believed = Vec::from([of(self.anchors(root), purpose)]);
        if !self.signers.is_empty() {
            believed.push(of(self.signers.clone(), ExtendedKeyUsage::Any));
        }
        believed
    }

    /// Who may generate keys: whoever has a certificate under an anchor that is for it (RFC 9483 section 4.1.6).
    #[cfg(feature = "enveloped-data")]
    pub(crate) fn key_generation_authority(&self, root: Option<&EncodedCertificate>) -> Believed {
        let purpose = ExtendedKeyUsage::Required(rfc6402::KP_CM_KGA);
        let mut believed = Believed::new(SignerRole::CertificationAuthority, self.anchors(root), purpose);
        believed.intermediates.clone_from(&self.intermediates);
        believed.revocation.clone_from(&self.revocation);
        believed
    }

    /// What an RA/CA of a NEM is to be believed by.
    #[cfg(feature = "nem")]
    pub(crate) fn apply(&self, upstream: &mut nem::Upstream) -> Result<(), Failure> {
        if !self.secrets.is_empty() || !self.intermediates.is_empty() {
            return Err(Failure::code(crate::status::CELLCERT_ERR_UNSUPPORTED));
        }
        if !self.signers.is_empty() {
            upstream.trust_signers(self.signers.clone());
        }
        upstream.time_window = self.time_window;
        upstream.reading = self.reading;
        upstream.quirks = self.quirks;
        upstream.set_revocation(self.revocation.as_ref());
        Ok(())
    }

    /// Reads and validates a message, of a transaction that has a root of its own or has none. A message that is sent again is answered
    /// with what it was answered the first time: its answer may be as old as itself.
    pub(crate) fn validate(
        &self,
        octets: &[u8],
        expectation: &Expectation<'_>,
        root: Option<&EncodedCertificate>,
        kem: Option<&KemTrust>,
        since: Option<UnixTime>,
        context: &ContextInner,
    ) -> Result<Answered, Failure> {
        let now = context.now()?;
        let age = since.map_or(Duration::ZERO, |since| now.abs_diff(since));
        let believed = self.believed(root);
        let mut validator = Validator::new(&context.provider, &believed);
        validator.secrets = &self.secrets;
        validator.kem = kem;
        validator.time_window = self.time_window.map(|window| window.saturating_add(age));
        validator.quirks = self.quirks;
        let message =
            PkiMessage::inspect(octets, &self.reading)?.answer_inside(self.quirks, &self.reading)?;
        let error = match validator.validate(message.clone(), expectation, now) {
            Ok(validated) => return Ok(Answered::Believed(Box::new(validated))),
            Err(error) => error,
        };
        if let Ok(refusal) = validator.unprotected_refusal(&message, expectation, now) {
            return Ok(Answered::RefusedByAnybody(refusal.status().clone()));
        }
        match validator.first_contact(&message, expectation, now) {
            Ok((validated, root)) => Ok(Answered::FirstContact(Box::new(validated), root)),
            Err(_) => Err(error.into()),
        }
    }
}

/// Believes in an RA/CA under these anchors, certificates in DER: its messages are signed by an anchor itself, or with a certificate under
/// one that has the extKeyUsage id-kp-cmcCA. What it issues must have a path to an anchor.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_trust_new(
    context: *const Context,
    anchors: *const Octets,
    count: usize,
    out: *mut *mut Trust,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let (out, anchors) = unsafe { (Variable::new(out)?, certificates(anchors, count)?) };
        if anchors.len() > MAX_ITEMS {
            return Err(Failure::code(CELLCERT_ERR_LIMIT));
        }
        let trust = handle::make::<Trust>(Inner {
            anchors,
            signers: Vec::new(),
            intermediates: Vec::new(),
            secrets: Vec::new(),
            revocation: None,
            time_window: Some(Duration::from_secs(300)),
            reading: ReadingPolicy::default(),
            quirks: Quirks::NONE,
        });
        Ok(move || out.give(trust))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Frees it and sets the variable to NULL.
///
/// # Safety
/// `trust` points to a variable with a trust, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_trust_free(trust: *mut *mut Trust) -> i32 {
    // SAFETY: the caller's promise.
    call(|| unsafe { handle::free(trust) })
}

/// Changes a copy, and puts it in place when all went well.
unsafe fn change(
    context: *const Context,
    trust: *const Trust,
    work: impl FnOnce(&mut Inner) -> Result<(), Failure>,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let mut trust: Locked<'_, Trust> = unsafe { lock(trust) }?;
        let mut changed = trust.clone();
        work(&mut changed)?;
        Ok(move || *trust = changed)
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

fn extend<T>(list: &mut Vec<T>, more: Vec<T>) -> Result<(), Failure> {
    if list.len().saturating_add(more.len()) > MAX_ITEMS {
        return Err(Failure::code(CELLCERT_ERR_LIMIT));
    }
    list.extend(more);
    Ok(())
}

/// Believes messages that are signed with these very certificates, in DER, too: for an RA/CA whose certificate does not say what it is for.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_trust_add_signers(
    context: *const Context,
    trust: *const Trust,
    signers: *const Octets,
    count: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { change(context, trust, |trust| extend(&mut trust.signers, certificates(signers, count)?)) }
}

/// Adds certificates, in DER, that may lie on a path. Nothing is believed because it stands here.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_trust_add_intermediates(
    context: *const Context,
    trust: *const Trust,
    intermediates: *const Octets,
    count: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, trust, |trust| extend(&mut trust.intermediates, certificates(intermediates, count)?))
    }
}

/// Believes whoever shares a secret, to answer what cellcert_identity_new_secret sent: with the same reference and secret.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_trust_add_secret(
    context: *const Context,
    trust: *const Trust,
    reference: *const u8,
    reference_len: usize,
    secret: *const c_char,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, trust, |trust| {
            let reference = Reference::new(octets(reference, reference_len)?);
            let mut secret = SecretTrust::new(reference, SharedSecret::new(text(secret)?.to_string()));
            secret.role = SignerRole::CertificationAuthority;
            extend(&mut trust.secrets, Vec::from([secret]))
        })
    }
}

/// Looks certificates up in these CRLs, in DER, and in none that were set before. With `required` not 0, every certificate below an anchor
/// needs a CRL that is not out of date; otherwise those pass of whose issuer there is none. No CRLs at all: nobody asks.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_trust_set_crls(
    context: *const Context,
    trust: *const Trust,
    crls: *const Octets,
    count: usize,
    required: i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, trust, |trust| {
            trust.revocation = revocation(crls, count, required)?;
            Ok(())
        })
    }
}

/// # Safety
/// As `list`.
pub(crate) unsafe fn revocation(
    crls: *const Octets,
    count: usize,
    required: i32,
) -> Result<Option<Revocation>, Failure> {
    // SAFETY: the caller's promise.
    let crls = unsafe { list(crls, count) }?;
    let read = |crl: Result<&[u8], Failure>| {
        CertificateList::from_der(crl?).map_err(|error| Failure::new(CELLCERT_ERR_MALFORMED, &error))
    };
    let lists = crls.map(read).collect::<Result<Vec<_>, _>>()?;
    let policy = if required == 0 { RevocationPolicy::IfAvailable } else { RevocationPolicy::Required };
    Ok(Some(Revocation::new(lists, policy))
        .filter(|revocation| required != 0 || !revocation.lists().is_empty()))
}

/// How far a message's time may be from now, in seconds, beyond the age of the message that it answers; 300 by default. UINT64_MAX: it is not looked at, for clocks that do not agree.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_trust_set_time_window(
    context: *const Context,
    trust: *const Trust,
    seconds: u64,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, trust, |trust| {
            trust.time_window = Some(seconds).filter(|seconds| *seconds != u64::MAX).map(Duration::from_secs);
            Ok(())
        })
    }
}

/// Whether what real peers get wrong in the syntax is tolerated, where it can be understood nevertheless; 0, no, by default.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_trust_set_lenient(
    context: *const Context,
    trust: *const Trust,
    lenient: i32,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, trust, |trust| {
            trust.reading.lenient = lenient != 0;
            Ok(())
        })
    }
}

/// Puts up with one thing that the RA/CA gets wrong about protection, one of the CELLCERT_QUIRK_ constants. None by default.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_trust_add_quirk(
    context: *const Context,
    trust: *const Trust,
    quirk: i32,
) -> i32 {
    let quirk = match quirk {
        CELLCERT_QUIRK_UNPROTECTED_ERRORS => Some(Quirk::UnprotectedErrors),
        CELLCERT_QUIRK_ANSWER_BY_OTHER_KIND => Some(Quirk::AnswerByOtherKind),
        CELLCERT_QUIRK_PBES2_IN_PBMAC1 => Some(Quirk::Pbes2InPbmac1),
        CELLCERT_QUIRK_SIGNER_WITHOUT_DIGITAL_SIGNATURE => Some(Quirk::SignerWithoutDigitalSignature),
        CELLCERT_QUIRK_SHA1_IN_MAC => Some(Quirk::Sha1InMac),
        CELLCERT_QUIRK_ROOT_FROM_EXTRA_CERTS => Some(Quirk::RootFromExtraCerts),
        CELLCERT_QUIRK_SENDER_OF_ANOTHER => Some(Quirk::SenderOfAnother),
        CELLCERT_QUIRK_SIGNER_CHANGES => Some(Quirk::SignerChanges),
        CELLCERT_QUIRK_NESTED_ANSWERS => Some(Quirk::NestedAnswers),
        _ => None,
    };
    // SAFETY: the caller's promise.
    unsafe {
        change(context, trust, |trust| {
            trust.quirks = trust.quirks.with(quirk.ok_or(Failure::code(CELLCERT_ERR_ARGUMENT))?);
            Ok(())
        })
    }
}
