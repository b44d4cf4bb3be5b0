use alloc::vec::Vec;
use core::fmt::{self, Debug};

use zeroize::Zeroizing;

use crate::{EnvelopeError, KeyKind, PublicKey};

/// A private key that was generated for somebody else. `Debug` does not show it.
#[derive(Clone)]
#[non_exhaustive]
pub struct GeneratedKey {
    /// The private key, a PrivateKeyInfo in DER (PKCS #8, RFC 5208); wiped when it is dropped.
    pub private_key: Zeroizing<Vec<u8>>,
    /// Its public half.
    pub public_key: PublicKey,
}

impl GeneratedKey {
    /// A private key and its public half.
    pub const fn new(private_key: Zeroizing<Vec<u8>>, public_key: PublicKey) -> Self {
        Self { private_key, public_key }
    }
}

impl Debug for GeneratedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GeneratedKey({})", self.public_key.kind())
    }
}

/// Generates keys for others (RFC 9483 section 4.1.6).
pub trait KeyGenerator: Send + Sync {
    /// A fresh key.
    ///
    /// # Errors
    /// [`EnvelopeError::OtherKind`] when such keys are not generated; when randomness fails.
    fn generate(&self, kind: KeyKind) -> Result<GeneratedKey, EnvelopeError>;
}
