//! Which version of the library is linked.

use core::ffi::{CStr, c_char};

/// The version of this header, as MAJOR * 10000 + MINOR * 100 + PATCH. Versions with the same MAJOR, and below 1.0 the same MINOR,
/// fit together.
pub const CELLCERT_VERSION: u32 = 100;

/// The version of the library that is linked, numbered as CELLCERT_VERSION is.
#[unsafe(no_mangle)]
pub extern "C" fn cellcert_version() -> u32 {
    CELLCERT_VERSION
}

/// The version of the library that is linked, as "MAJOR.MINOR.PATCH"; a text that stands for ever.
#[unsafe(no_mangle)]
pub extern "C" fn cellcert_version_text() -> *const c_char {
    const TEXT: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => c"",
    };
    TEXT.as_ptr()
}

#[cfg(all(test, feature = "host"))]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_cargos() {
        let mut parts = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse::<u32>().unwrap());
        let mut next = || parts.next().unwrap();
        assert_eq!(CELLCERT_VERSION, next() * 10_000 + next() * 100 + next());
    }
}
