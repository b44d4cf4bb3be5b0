//! As whom messages are sent.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::ffi::c_char;

use asn1::EncodedCertificate;
use cmp::{MacCredential, Reference, SenderIdentity};
use crmf::PasswordMac;
use crypto::SharedSecret;

use crate::boundary::{call, call_with};
use crate::buffer::{Octets, Variable, list, octets, text};
use crate::context::{Context, Inner as ContextInner};
use crate::failure::Failure;
use crate::handle::{self, Handle, opaque};
use crate::name;
use crate::signer::algorithm;
use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_CERTIFICATE};

/// PBMAC1 (RFC 9481 section 6.1.2), to be preferred
pub const CELLCERT_MAC_PBMAC1: i32 = 1;
/// PasswordBasedMac (RFC 9481 section 6.1.1), for peers that know nothing else
pub const CELLCERT_MAC_PBM: i32 = 2;

/// As whom messages are sent: the public half of a credential. It does not change and can be used for any number of transactions.
pub struct Identity(Handle<Inner>);

opaque!(Identity, Inner, b"Idnt");

pub(crate) enum Inner {
    Signature(SenderIdentity),
    Secret(MacCredential),
    Kem(SenderIdentity),
}

impl Inner {
    pub(crate) const fn sender(&self) -> &SenderIdentity {
        match self {
            Self::Signature(identity) | Self::Kem(identity) => identity,
            Self::Secret(credential) => credential.identity(),
        }
    }
}

/// Whoever signs with the key of a certificate.
///
/// certificate: in DER.
/// chain: the certificates between it and the root, without the root; they are sent with each message.
/// signature_algorithm: what signatures are made with, one of the CELLCERT_SIG_ constants.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_identity_new(
    context: *const Context,
    certificate: *const u8,
    certificate_len: usize,
    chain: *const Octets,
    chain_count: usize,
    signature_algorithm: i32,
    out: *mut *mut Identity,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let (out, certificate, chain) = unsafe {
            (Variable::new(out)?, octets(certificate, certificate_len)?, certificates(chain, chain_count)?)
        };
        let certificate = EncodedCertificate::new(certificate)?;
        let identity = SenderIdentity::new(certificate, chain, algorithm(signature_algorithm)?);
        let identity = identity.map_err(|error| Failure::new(CELLCERT_ERR_CERTIFICATE, &error))?;
        let identity = handle::make::<Identity>(Inner::Signature(identity));
        Ok(move || out.give(identity))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Whoever owns the KEM key of a certificate, and protects messages by KEM-based MACs (RFC 9810 section 5.1.3.4): begin with
/// cellcert_transaction_ask_ciphertext. certificate and chain as in cellcert_identity_new.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_identity_new_kem(
    context: *const Context,
    certificate: *const u8,
    certificate_len: usize,
    chain: *const Octets,
    chain_count: usize,
    out: *mut *mut Identity,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let (out, certificate, chain) = unsafe {
            (Variable::new(out)?, octets(certificate, certificate_len)?, certificates(chain, chain_count)?)
        };
        let identity = SenderIdentity::with_kem(EncodedCertificate::new(certificate)?, chain);
        let identity = identity.map_err(|error| Failure::new(CELLCERT_ERR_CERTIFICATE, &error))?;
        let identity = handle::make::<Identity>(Inner::Kem(identity));
        Ok(move || out.give(identity))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Whoever shares a secret with the RA/CA (RFC 9483 section 4.1.5). Make a new one for each transaction.
///
/// reference: what the RA/CA knows the secret by.
/// mac: one of the CELLCERT_MAC_ constants, with a fresh salt and 10,000 iterations.
/// sender: the distinguished name to send under, in DER; NULL for one with the reference as commonName.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_identity_new_secret(
    context: *const Context,
    reference: *const u8,
    reference_len: usize,
    secret: *const c_char,
    mac: i32,
    sender: *const u8,
    sender_len: usize,
    out: *mut *mut Identity,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let (out, reference, secret, sender) = unsafe {
            (
                Variable::new(out)?,
                octets(reference, reference_len)?,
                text(secret)?,
                octets(sender, sender_len)?,
            )
        };
        let mac = match mac {
            CELLCERT_MAC_PBMAC1 => PasswordMac::pbmac1(&context.provider)?,
            CELLCERT_MAC_PBM => PasswordMac::pbm(&context.provider)?,
            _ => return Err(Failure::code(CELLCERT_ERR_ARGUMENT)),
        };
        let secret = SharedSecret::new(secret.to_string());
        let mut credential = MacCredential::new(Reference::new(reference), secret, mac)?;
        if !sender.is_empty() {
            credential = credential.with_name(name::decode(sender)?);
        }
        let identity = handle::make::<Identity>(Inner::Secret(credential));
        Ok(move || out.give(identity))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Frees an identity and sets the variable to NULL.
///
/// # Safety
/// `identity` points to a variable with an identity, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_identity_free(identity: *mut *mut Identity) -> i32 {
    // SAFETY: the caller's promise.
    call(|| unsafe { handle::free(identity) })
}

/// Certificates in DER.
///
/// # Safety
/// As `list`.
pub(crate) unsafe fn certificates(
    certificates: *const Octets,
    count: usize,
) -> Result<Vec<EncodedCertificate>, Failure> {
    // SAFETY: the caller's promise.
    let certificates = unsafe { list(certificates, count) }?;
    certificates.map(|certificate| Ok(EncodedCertificate::new(certificate?)?)).collect()
}
