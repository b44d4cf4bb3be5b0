//! [`Pkcs11Key`]: a signing key that stays in a PKCS #11 token (OASIS PKCS #11 2.40), and [`TokenUri`], by which it is named
//! (RFC 7512).

mod error;
mod key;
mod module;
mod public_key;
mod signature;
mod uri;

pub use error::{Error, UriError};
pub use key::Pkcs11Key;
pub use uri::TokenUri;
