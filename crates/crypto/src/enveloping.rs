//! What EnvelopedData takes (RFC 5652 section 6, RFC 9481 sections 4 and 5): ciphers for content and keys, and the ways to hand a key to
//! whoever has a private one.

mod key_agreement;
mod key_transport;
mod symmetric;

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::{DigestAlgorithm, EnvelopeError, PublicKey, Random};

pub use key_agreement::{Agreed, KeyAgreement, KeyAgreementKey};
pub use key_transport::{KeyTransport, KeyTransportKey};
pub use symmetric::{ContentEncryption, KeyWrap};

/// Enciphers content and keys, and deciphers what a key at hand is enough for.
pub trait Enveloping: Send + Sync {
    /// AES-CBC with the padding of RFC 5652 section 6.3; `None` when the key does not have the cipher's length.
    fn encrypt(&self, cipher: &ContentEncryption, key: &[u8], octets: &[u8]) -> Option<Vec<u8>>;

    /// The reverse; `None` when the key does not have the cipher's length, or the padding is none.
    fn decrypt(&self, cipher: &ContentEncryption, key: &[u8], octets: &[u8]) -> Option<Zeroizing<Vec<u8>>>;

    /// AES key wrap (RFC 3394); `None` when a length is wrong.
    fn wrap(&self, wrap: KeyWrap, wrapping_key: &[u8], key: &[u8]) -> Option<Vec<u8>>;

    /// The reverse; `None` when a length is wrong, or it was wrapped with another key.
    fn unwrap(&self, wrap: KeyWrap, wrapping_key: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>>;

    /// RSAES-OAEP with SHA-256. `random` may be left alone by what has better randomness.
    ///
    /// # Errors
    /// When the key is no RSA key, the octets are too many for it, or randomness fails.
    fn transport(
        &self,
        key: &PublicKey,
        octets: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, EnvelopeError>;

    /// ECDH of a fresh key with that one. `random` may be left alone by what has better randomness.
    ///
    /// # Errors
    /// When the key is no point of a curve that is known, or randomness fails.
    fn agree(&self, key: &PublicKey, random: &dyn Random) -> Result<Agreed, EnvelopeError>;

    /// Fills `key` by the KDF of ANSI X9.63 (SEC 1 section 3.6.1).
    fn derive_x963(&self, digest: DigestAlgorithm, secret: &[u8], info: &[u8], key: &mut [u8]);

    /// The public half of a private key, a PrivateKeyInfo in DER (PKCS #8, RFC 5208); `None` when it is none that is known.
    fn public_half(&self, private_key: &[u8]) -> Option<PublicKey>;
}
