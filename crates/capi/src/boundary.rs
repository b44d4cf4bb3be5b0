//! What every call goes through.

use crate::context::{Context, Inner};
use crate::failure::Failure;
use crate::handle::{Locked, lock};
use crate::heap::{self, Refused};
#[cfg(not(feature = "host"))]
use crate::status::CELLCERT_ERR_BUSY;
use crate::status::{CELLCERT_ERR_BUG, CELLCERT_ERR_MEMORY, CELLCERT_OK};

/// Runs a call. What it works out is handed over by the function it returns, which must not fail and not allocate; that is not
/// run when memory ran out meanwhile.
pub(crate) fn call<C: FnOnce()>(work: impl FnOnce() -> Result<C, Failure>) -> i32 {
    let _entered = match heap::enter() {
        Ok(entered) => entered,
        Err(Refused::Memory) => return CELLCERT_ERR_MEMORY,
        #[cfg(not(feature = "host"))]
        Err(Refused::Busy) => return CELLCERT_ERR_BUSY,
    };
    let outcome = without_panic(work);
    if heap::is_exhausted() {
        return CELLCERT_ERR_MEMORY;
    }
    match outcome {
        Ok(Ok(commit)) => {
            commit();
            CELLCERT_OK
        }
        Ok(Err(failure)) => failure.code,
        Err(Panicked) => CELLCERT_ERR_BUG,
    }
}

/// The same for a call with a context, which keeps what is said about a failure.
///
/// # Safety
/// The context is null or points to one that is not freed.
pub(crate) unsafe fn call_with<C: FnOnce()>(
    context: *const Context,
    work: impl FnOnce(&Inner) -> Result<C, Failure>,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let mut context: Locked<'_, Context> = unsafe { lock(context) }?;
        context.detail = None;
        let outcome = work(&context);
        if let Err(failure) = &outcome
            && !heap::is_exhausted()
        {
            context.detail = failure.text();
        }
        if heap::is_exhausted() {
            context.detail = None;
        }
        outcome.map(|commit| {
            move || {
                commit();
                drop(context);
            }
        })
    })
}

struct Panicked;

#[cfg(feature = "host")]
fn without_panic<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    // What a panic leaves half done is dropped: results are handed over only by `commit`.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|_| Panicked)
}

/// Firmware ends with a panic, by the port's function.
#[cfg(not(feature = "host"))]
fn without_panic<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    Ok(work())
}

/// Runs what a callback of our own does, which C calls.
pub(crate) fn callback(work: impl FnOnce() -> Result<(), Failure>) -> i32 {
    match without_panic(work) {
        Ok(Ok(())) => CELLCERT_OK,
        Ok(Err(failure)) => failure.code,
        Err(Panicked) => CELLCERT_ERR_BUG,
    }
}
