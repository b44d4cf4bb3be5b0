//! Requests whose sender has the private key.

use alloc::vec::Vec;

use crmf::VerifiedCertReqMsg;
use der::Encode;
use pkcs10::VerifiedRequest;
use x509_cert::ext::Extension;
use x509_cert::name::Name;

use crate::boundary::call;
use crate::buffer::{Buffer, Variable};
use crate::failure::Failure;
use crate::handle::{self, Handle, Locked, lock, opaque};
use crate::status::CELLCERT_ERR_NONE;

/// A request whose proof of possession holds. Whether its sender may have the certificate is not known by that.
pub struct Verified(Handle<Inner>);

opaque!(Verified, Inner, b"Vrfd");

pub(crate) struct Inner {
    request: Vec<u8>,
    subject: Option<Vec<u8>>,
    public_key: Vec<u8>,
    extensions: Option<Vec<u8>>,
    cert_req_id: Option<i64>,
}

impl Inner {
    pub(crate) fn of_pkcs10(verified: &VerifiedRequest) -> Result<Self, Failure> {
        Ok(Self {
            request: verified.request().octets().to_vec(),
            subject: Some(verified.subject().to_der()?),
            public_key: verified.public_key().spki_octets().to_vec(),
            extensions: extensions(verified.extensions())?,
            cert_req_id: None,
        })
    }

    pub(crate) fn of_crmf(verified: &VerifiedCertReqMsg) -> Result<Self, Failure> {
        Ok(Self {
            request: verified.message().octets().to_vec(),
            subject: verified.subject().map(Name::to_der).transpose()?,
            public_key: verified.public_key().spki_octets().to_vec(),
            extensions: extensions(verified.extensions())?,
            cert_req_id: Some(verified.message().cert_req_id().number()),
        })
    }
}

fn extensions(extensions: &[Extension]) -> Result<Option<Vec<u8>>, Failure> {
    if extensions.is_empty() {
        return Ok(None);
    }
    Ok(Some(extensions.to_vec().to_der()?))
}

/// Frees a verified request and sets the variable to NULL.
///
/// # Safety
/// `verified` points to a variable with a verified request, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_verified_free(verified: *mut *mut Verified) -> i32 {
    // SAFETY: the caller's promise.
    call(|| unsafe { handle::free(verified) })
}

/// The request, as it was received.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_verified_request(
    verified: *const Verified,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { field(verified, out, len, |verified| Some(&verified.request)) }
}

/// The subject asked for, a distinguished name in DER; CELLCERT_ERR_NONE when it is left to the CA.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_verified_subject(
    verified: *const Verified,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { field(verified, out, len, |verified| verified.subject.as_ref()) }
}

/// The key to be certified, a SubjectPublicKeyInfo in DER.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_verified_public_key(
    verified: *const Verified,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { field(verified, out, len, |verified| Some(&verified.public_key)) }
}

/// The extensions asked for, each once: an Extensions (RFC 5280 section 4.1) in DER; CELLCERT_ERR_NONE when there are none.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_verified_extensions(
    verified: *const Verified,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { field(verified, out, len, |verified| verified.extensions.as_ref()) }
}

/// The certReqId of a CRMF request; CELLCERT_ERR_NONE of a PKCS #10 request.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_verified_cert_req_id(verified: *const Verified, out: *mut i64) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (verified, out): (Locked<'_, Verified>, _) = unsafe { (lock(verified)?, Variable::new(out)?) };
        let number = verified.cert_req_id.ok_or(Failure::code(CELLCERT_ERR_NONE))?;
        Ok(move || out.set(number))
    })
}

unsafe fn field(
    verified: *const Verified,
    out: *mut u8,
    len: *mut usize,
    field: impl FnOnce(&Inner) -> Option<&Vec<u8>>,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (verified, buffer): (Locked<'_, Verified>, _) =
            unsafe { (lock(verified)?, Buffer::new(out, len)?) };
        let octets = field(&verified).ok_or(Failure::code(CELLCERT_ERR_NONE))?;
        buffer.deliver(octets.clone())
    })
}
