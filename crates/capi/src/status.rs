//! The codes that calls return. They keep their numbers for ever.

use core::ffi::{CStr, c_char};

/// Done.
pub const CELLCERT_OK: i32 = 0;

/// A pointer is null that must not be.
pub const CELLCERT_ERR_NULL: i32 = -1;
/// A handle is none: it is of another kind, or freed.
pub const CELLCERT_ERR_HANDLE: i32 = -2;
/// The handle is in use by another call; in the firmware profile, another call is running.
pub const CELLCERT_ERR_BUSY: i32 = -3;
/// The call does not come next: nothing was changed.
pub const CELLCERT_ERR_STATE: i32 = -4;
/// The buffer is too small; its length variable says what is needed.
pub const CELLCERT_ERR_BUFFER: i32 = -5;
/// A value is none of those that can be had, a text is not UTF-8, or a pointer is not aligned.
pub const CELLCERT_ERR_ARGUMENT: i32 = -6;
/// There is no memory left: nothing was changed, but see the call.
pub const CELLCERT_ERR_MEMORY: i32 = -7;
/// The library has a fault: please report it.
pub const CELLCERT_ERR_BUG: i32 = -8;
/// This build does not have it.
pub const CELLCERT_ERR_UNSUPPORTED: i32 = -9;
/// There is no such item: the index is too high, or the optional value absent.
pub const CELLCERT_ERR_NONE: i32 = -10;

/// The source of randomness failed.
pub const CELLCERT_ERR_RANDOM: i32 = -20;
/// The clock failed.
pub const CELLCERT_ERR_CLOCK: i32 = -21;
/// The key, or the device that holds it, did not sign.
pub const CELLCERT_ERR_SIGN: i32 = -22;
/// The key, or the device that holds it, did not decipher; or it was enciphered for another one, or changed.
pub const CELLCERT_ERR_DECIPHER: i32 = -24;
/// The ledger could not be read or written: nothing was accepted, and the NEM repeats what it has.
pub const CELLCERT_ERR_LEDGER: i32 = -23;

/// The octets are not what they should be: not DER, or not of that type.
pub const CELLCERT_ERR_MALFORMED: i32 = -40;
/// It is larger, or there are more, than is accepted.
pub const CELLCERT_ERR_LIMIT: i32 = -41;
/// The public key is malformed, of an unsupported kind, or too weak.
pub const CELLCERT_ERR_KEY: i32 = -42;
/// The algorithm is not supported, or does not fit the key.
pub const CELLCERT_ERR_ALGORITHM: i32 = -43;
/// The request asks for something that cannot be asked for so.
pub const CELLCERT_ERR_REQUEST: i32 = -44;
/// The proof of possession is missing or does not hold.
pub const CELLCERT_ERR_POP: i32 = -45;

/// The message's protection is missing, of the wrong kind, or does not hold.
pub const CELLCERT_ERR_PROTECTION: i32 = -60;
/// The signer is not known or not trusted.
pub const CELLCERT_ERR_TRUST: i32 = -61;
/// The message belongs to another transaction, or answers another message.
pub const CELLCERT_ERR_TRANSACTION: i32 = -62;
/// The message's time is too far from now.
pub const CELLCERT_ERR_TIME: i32 = -63;
/// The message is trustworthy, and not what the protocol wants now: the transaction is over.
pub const CELLCERT_ERR_ANSWER: i32 = -64;
/// The certificate is not the one that was asked for, or cannot be used.
pub const CELLCERT_ERR_CERTIFICATE: i32 = -65;
/// Whoever answers has refused.
pub const CELLCERT_ERR_REFUSED: i32 = -66;

/// No station that may have certificates is known by that.
pub const CELLCERT_ERR_STATION: i32 = -80;
/// The request asks for a name that is not the station's, or for none.
pub const CELLCERT_ERR_NAME: i32 = -81;
/// Too many requests are under way: the station is to come back later.
pub const CELLCERT_ERR_OVERLOAD: i32 = -82;
/// No RA/CA serves the station.
pub const CELLCERT_ERR_UPSTREAM: i32 = -83;
/// The station does not count as connected: it is to come back later.
pub const CELLCERT_ERR_ABSENT: i32 = -84;

/// What a code means, in a few words; a text that stands for ever, of any number.
#[unsafe(no_mangle)]
pub extern "C" fn cellcert_error_text(code: i32) -> *const c_char {
    text(code).as_ptr()
}

pub(crate) const fn text(code: i32) -> &'static CStr {
    match code {
        CELLCERT_OK => c"done",
        CELLCERT_ERR_NULL => c"a pointer is null",
        CELLCERT_ERR_HANDLE => c"not a handle of this kind, or freed",
        CELLCERT_ERR_BUSY => c"in use by another call",
        CELLCERT_ERR_STATE => c"not the call that comes next",
        CELLCERT_ERR_BUFFER => c"the buffer is too small",
        CELLCERT_ERR_ARGUMENT => c"a value that cannot be had",
        CELLCERT_ERR_MEMORY => c"no memory left",
        CELLCERT_ERR_BUG => c"a fault of the library",
        CELLCERT_ERR_UNSUPPORTED => c"not in this build",
        CELLCERT_ERR_NONE => c"no such item",
        CELLCERT_ERR_RANDOM => c"the source of randomness failed",
        CELLCERT_ERR_CLOCK => c"the clock failed",
        CELLCERT_ERR_SIGN => c"the key did not sign",
        CELLCERT_ERR_DECIPHER => c"the key did not decipher",
        CELLCERT_ERR_LEDGER => c"the ledger cannot be used",
        CELLCERT_ERR_MALFORMED => c"malformed",
        CELLCERT_ERR_LIMIT => c"larger or more than is accepted",
        CELLCERT_ERR_KEY => c"the public key is refused",
        CELLCERT_ERR_ALGORITHM => c"the algorithm is refused",
        CELLCERT_ERR_REQUEST => c"the request is refused",
        CELLCERT_ERR_POP => c"no proof of possession",
        CELLCERT_ERR_PROTECTION => c"the message's protection does not hold",
        CELLCERT_ERR_TRUST => c"the signer is not trusted",
        CELLCERT_ERR_TRANSACTION => c"the message belongs to another transaction",
        CELLCERT_ERR_TIME => c"the message is too old or too new",
        CELLCERT_ERR_ANSWER => c"the answer is not what is due",
        CELLCERT_ERR_CERTIFICATE => c"the certificate is refused",
        CELLCERT_ERR_REFUSED => c"the other side refused",
        CELLCERT_ERR_STATION => c"no station that may have certificates",
        CELLCERT_ERR_NAME => c"not the station's name",
        CELLCERT_ERR_OVERLOAD => c"too many requests are under way",
        CELLCERT_ERR_ABSENT => c"the station does not count as connected",
        CELLCERT_ERR_UPSTREAM => c"no RA/CA serves the station",
        _ => c"no code of this library",
    }
}
