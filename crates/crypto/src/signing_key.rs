use alloc::vec::Vec;
use core::fmt::Debug;

use crate::{PublicKey, SignError, SignatureAlgorithm};

/// A private key that signs: in memory, in a token, in a secure element. It never shows itself; its `Debug` output
/// names the kind of key and no more.
///
/// Whoever cannot answer at once (a remote signer) uses the two-phase calls of the builders instead:
/// octets to sign out, signature in.
pub trait SigningKey: Send + Sync + Debug {
    /// The algorithm its signatures are made with.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs `octets` (not their digest). ECDSA signatures are DER `Ecdsa-Sig-Value`s.
    ///
    /// # Errors
    /// When the key, or the device that holds it, fails.
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SignError>;

    /// Signs octets by their digest, computed elsewhere with [`SignatureAlgorithm::prehash`]: for what is too long to be held in
    /// memory. `None` where a key cannot: Ed25519 and ML-DSA need the octets themselves, and by default no key can.
    fn sign_digest(&self, digest: &[u8]) -> Option<Result<Vec<u8>, SignError>> {
        let _ = digest;
        None
    }
}
