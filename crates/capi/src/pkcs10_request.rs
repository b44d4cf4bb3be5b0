//! PKCS #10 requests, RFC 2986.

use pkcs10::CertReq;

use crate::boundary::call_with;
use crate::buffer::{Buffer, Variable, octets};
use crate::context::{Context, Inner as ContextInner};
use crate::handle::{self, Locked, lock};
use crate::request::{Request, change};
use crate::signer::{OutsideKey, Signer, algorithm};
use crate::verified::{self, Verified};

/// The octets to sign: the CertificationRequestInfo in DER. They are the same until the request is changed.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_pkcs10_to_be_signed(
    context: *const Context,
    request: *const Request,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    let work = |_: &_| {
        // SAFETY: the caller's promise.
        let (request, buffer): (Locked<'_, Request>, _) = unsafe { (lock(request)?, Buffer::new(out, len)?) };
        buffer.deliver(request.pkcs10()?.to_be_signed()?)
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}

/// Makes the request from a signature over those octets, made by that algorithm, one of the CELLCERT_SIG_ constants. The signature
/// is not verified. Read the request with cellcert_request_octets.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_pkcs10_with_signature(
    context: *const Context,
    request: *const Request,
    signature_algorithm: i32,
    signature: *const u8,
    signature_len: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            let signature = octets(signature, signature_len)?;
            let algorithm = algorithm(signature_algorithm)?;
            request.octets = Some(request.pkcs10()?.with_signature(algorithm, signature)?);
            Ok(())
        })
    }
}

/// Makes the request with a signer at hand. Read it with cellcert_request_octets.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_pkcs10_sign(
    context: *const Context,
    request: *const Request,
    signer: *const Signer,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        change(context, request, |request, _| {
            let key = OutsideKey::new(signer)?;
            request.octets = Some(request.pkcs10()?.sign(&key)?);
            Ok(())
        })
    }
}

/// Verifies that a CertificationRequest in DER was signed with the key that it asks a certificate for.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_pkcs10_verify(
    context: *const Context,
    request: *const u8,
    request_len: usize,
    out: *mut *mut Verified,
) -> i32 {
    let work = |context: &ContextInner| {
        // SAFETY: the caller's promise.
        let (out, request) = unsafe { (Variable::new(out)?, octets(request, request_len)?) };
        let verified = CertReq::from_der(request)?.verify_pop(&context.provider)?;
        let verified = handle::make::<Verified>(verified::Inner::of_pkcs10(&verified)?);
        Ok(move || out.give(verified))
    };
    // SAFETY: the caller's promise.
    unsafe { call_with(context, work) }
}
