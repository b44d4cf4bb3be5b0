//! What the library gets from outside: randomness, time, and where wished the verification of signatures.

use alloc::boxed::Box;
use alloc::string::String;
use core::ffi::{c_char, c_void};
use core::time::Duration;

use asn1::UnixTime;
use crypto::{CryptoProvider, PublicKey, RandomError, SignatureAlgorithm, SignatureVerifier};

use crate::boundary::call;
use crate::buffer::{Buffer, Variable, optional};
use crate::failure::Failure;
use crate::handle::{self, Handle, Locked, lock, opaque};
use crate::heap;
use crate::signer::algorithm_code;
use crate::status::{CELLCERT_ERR_CLOCK, CELLCERT_ERR_NONE, CELLCERT_ERR_UNSUPPORTED, CELLCERT_OK};

/// A source of randomness that is cryptographically secure.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Random {
    /// Fills `out` with `len` random octets. Returns CELLCERT_OK, or anything else when it cannot: the call that asked fails then with
    /// CELLCERT_ERR_RANDOM.
    pub fill: Option<unsafe extern "C" fn(ctx: *mut c_void, out: *mut u8, len: usize) -> i32>,
    /// Handed to every call of `fill`.
    pub ctx: *mut c_void,
}

/// A clock.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Sets `milliseconds` to the milliseconds since 1970-01-01T00:00:00Z; a clock of whole seconds will do where there is no NEM. Returns
    /// CELLCERT_OK, or anything else when it cannot: the call that asked fails then with CELLCERT_ERR_CLOCK.
    pub now: Option<unsafe extern "C" fn(ctx: *mut c_void, milliseconds: *mut u64) -> i32>,
    /// Handed to every call of `now`.
    pub ctx: *mut c_void,
}

/// Whatever verifies signatures in place of the library, hardware for instance.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Verifier {
    /// Whether `signature` was made over `octets` (not their digest) by the key, a SubjectPublicKeyInfo in DER; `algorithm` is one of the
    /// CELLCERT_SIG_ constants and fits the key. Returns CELLCERT_OK when it was, CELLCERT_ERR_UNSUPPORTED to leave it to the library, and
    /// anything else when it was not.
    pub verify: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            algorithm: i32,
            public_key: *const u8,
            public_key_len: usize,
            octets: *const u8,
            octets_len: usize,
            signature: *const u8,
            signature_len: usize,
        ) -> i32,
    >,
    /// Handed to every call of `verify`.
    pub ctx: *mut c_void,
}

/// What every other call begins with: the callbacks, and what is said about the last failure. Only one thread at a time may use a
/// context; several threads have one each.
pub struct Context(Handle<Inner>);

opaque!(Context, Inner, b"Cntx");

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) provider: CryptoProvider,
    /// As it was handed in: for what does not go through the provider.
    #[cfg(not(feature = "host"))]
    pub(crate) random: Source,
    /// The same, and the verifier, for a NEM's own provider.
    #[cfg(feature = "nem")]
    parts: (Option<Source>, Option<Verifier>),
    clock: Option<Clock>,
    pub(crate) detail: Option<String>,
}

impl Inner {
    /// What time it is.
    pub(crate) fn now(&self) -> Result<UnixTime, Failure> {
        let failed = || Failure::code(CELLCERT_ERR_CLOCK);
        let Some(Clock { now: Some(now), ctx }) = self.clock else { return system_time().ok_or(failed()) };
        let mut milliseconds = 0;
        // SAFETY: whoever made the context promised that the function can be called so.
        let code = unsafe { now(ctx, &mut milliseconds) };
        if code != CELLCERT_OK || heap::is_exhausted() {
            return Err(failed());
        }
        Ok(UnixTime::from_duration(Duration::from_millis(milliseconds)))
    }
}

#[cfg(feature = "host")]
fn system_time() -> Option<UnixTime> {
    std::time::UNIX_EPOCH.elapsed().ok().map(UnixTime::from_duration)
}

#[cfg(not(feature = "host"))]
const fn system_time() -> Option<UnixTime> {
    None
}

/// C's source of randomness.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source(Random);

// SAFETY: it is used only in calls with its context, of which there is one at a time.
unsafe impl Send for Source {}
// SAFETY: as above.
unsafe impl Sync for Source {}

impl crypto::Random for Source {
    fn fill(&self, octets: &mut [u8]) -> Result<(), RandomError> {
        let Some(fill) = self.0.fill.filter(|_| !heap::is_exhausted()) else {
            return Err(RandomError::new());
        };
        // SAFETY: whoever made the context promised that the function can be called so.
        let code = unsafe { fill(self.0.ctx, octets.as_mut_ptr(), octets.len()) };
        if code == CELLCERT_OK { Ok(()) } else { Err(RandomError::new()) }
    }
}

struct Outside {
    verifier: Verifier,
    built_in: Box<dyn SignatureVerifier>,
}

// SAFETY: as with `Source`.
unsafe impl Send for Outside {}
// SAFETY: as with `Source`.
unsafe impl Sync for Outside {}

impl SignatureVerifier for Outside {
    fn is_valid(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        octets: &[u8],
        signature: &[u8],
    ) -> bool {
        if heap::is_exhausted() {
            return false;
        }
        let spki = key.spki_octets();
        let code = match self.verifier.verify {
            // SAFETY: whoever made the context promised that the function can be called so.
            Some(verify) => unsafe {
                verify(
                    self.verifier.ctx,
                    algorithm_code(algorithm),
                    spki.as_ptr(),
                    spki.len(),
                    octets.as_ptr(),
                    octets.len(),
                    signature.as_ptr(),
                    signature.len(),
                )
            },
            None => CELLCERT_ERR_UNSUPPORTED,
        };
        match code {
            CELLCERT_OK => true,
            CELLCERT_ERR_UNSUPPORTED => self.built_in.is_valid(algorithm, key, octets, signature),
            _ => false,
        }
    }
}

#[cfg(feature = "host")]
fn provider(random: Option<Source>) -> Result<CryptoProvider, Failure> {
    let provider = crypto_aws_lc::provider();
    Ok(match random {
        Some(random) => provider.with_random(Box::new(random)),
        None => provider,
    })
}

#[cfg(not(feature = "host"))]
fn provider(random: Option<Source>) -> Result<CryptoProvider, Failure> {
    let random = random.ok_or(Failure::code(crate::status::CELLCERT_ERR_NULL))?;
    Ok(crypto_rustcrypto::provider(Box::new(random)))
}

fn verified_by(verifier: Option<Verifier>, provider: CryptoProvider) -> CryptoProvider {
    match verifier {
        Some(verifier) => {
            provider.with_signature_verifier(|built_in| Box::new(Outside { verifier, built_in }))
        }
        None => provider,
    }
}

/// A provider like the context's, for what outlives it.
#[cfg(feature = "nem")]
pub(crate) fn provider_of(context: &Inner) -> Result<CryptoProvider, Failure> {
    let (random, verifier) = context.parts;
    Ok(verified_by(verifier, provider(random)?))
}

/// Makes a context. The callbacks are copied; what their `ctx` points to must outlive the context. They are called by the thread that
/// makes the call, and must not use the context or a handle of that call; they return normally, neither by longjmp nor by an
/// exception.
///
/// random: NULL for the operating system's, which firmware does not have.
/// clock: NULL for the operating system's, which firmware does not have: calls that need the time fail there then.
/// verifier: NULL for the library's own.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_context_new(
    random: *const Random,
    clock: *const Clock,
    verifier: *const Verifier,
    out: *mut *mut Context,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { Variable::new(out) }?;
        // SAFETY: the caller's promise.
        let random = unsafe { optional(random) }?.copied().filter(|random| random.fill.is_some());
        // SAFETY: the caller's promise.
        let clock = unsafe { optional(clock) }?.copied().filter(|clock| clock.now.is_some());
        // SAFETY: the caller's promise.
        let verifier = unsafe { optional(verifier) }?.copied().filter(|verifier| verifier.verify.is_some());
        let random = random.map(Source);
        let provider = verified_by(verifier, provider(random)?);
        let context = handle::make::<Context>(Inner {
            provider,
            #[cfg(not(feature = "host"))]
            random: random.unwrap_or(Source(Random { fill: None, ctx: core::ptr::null_mut() })),
            #[cfg(feature = "nem")]
            parts: (random, verifier),
            clock,
            detail: None,
        });
        Ok(move || out.give(context))
    })
}

/// Frees a context and sets the variable to NULL. Handles made with it can still be used, with another one.
///
/// # Safety
/// `context` points to a variable with a context, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_context_free(context: *mut *mut Context) -> i32 {
    // SAFETY: the caller's promise.
    call(|| unsafe { handle::free(context) })
}

/// What is said about the failure of the last call with this context, a text with its NUL. CELLCERT_ERR_NONE when it has not failed, or the
/// code says all.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_error_detail(
    context: *const Context,
    out: *mut c_char,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let context: Locked<'_, Context> = unsafe { lock(context) }?;
        // SAFETY: the caller's promise.
        let buffer = unsafe { Buffer::for_text(out, len) }?;
        let detail = context.detail.as_deref().ok_or(Failure::code(CELLCERT_ERR_NONE))?;
        buffer.deliver_text(detail)
    })
}
