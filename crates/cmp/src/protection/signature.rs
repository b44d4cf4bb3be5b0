//! Protection by signature, RFC 9810 section 5.1.3.3: made and verified.

use alloc::vec::Vec;

use crypto::{CryptoProvider, PublicKey, SignatureAlgorithm, SigningKey};
use spki::AlgorithmIdentifierOwned;

use super::{Due, Means, ProtectedPart};
use crate::error::Error;
use crate::message::PkiMessage;

pub(super) fn due(means: &Means, _: &CryptoProvider) -> Result<(Due, AlgorithmIdentifierOwned), Error> {
    let Means::Signature { algorithm, .. } = means else { return Err(Error::BadCredential) };
    Ok((Due::Signature, algorithm.identifier()))
}

impl ProtectedPart {
    /// The complete message: with the signature over [`ProtectedPart::to_be_signed`], the signer's certificate first in
    /// extraCerts.
    ///
    /// # Errors
    /// [`Error::BadCredential`] when the message is to be protected with a MAC; when it is too long for DER.
    pub fn with_signature(&self, signature: &[u8]) -> Result<Vec<u8>, Error> {
        if !matches!(self.due, Due::Signature) {
            return Err(Error::BadCredential);
        }
        self.with_protection(signature)
    }

    /// What stands behind the body of the complete message.
    pub(crate) fn suffix(&self, signature: &[u8]) -> Result<Vec<u8>, Error> {
        if !matches!(self.due, Due::Signature) {
            return Err(Error::BadCredential);
        }
        let (protection, extra_certs) = self.trailer(signature).map_err(Error::Encoding)?;
        Ok([protection, extra_certs].concat())
    }

    /// Both at once, with a key at hand.
    ///
    /// # Errors
    /// As [`ProtectedPart::with_signature`], and when the key does not sign.
    pub fn sign(&self, key: &dyn SigningKey) -> Result<Vec<u8>, Error> {
        self.with_signature(&key.sign(&self.to_be_signed()?)?)
    }
}

/// Verifies a message's signature over the octets that were received, or over those whose digest was computed as they came.
pub(crate) fn verify(
    message: &PkiMessage,
    digest: Option<&[u8]>,
    algorithm: SignatureAlgorithm,
    key: &PublicKey,
    provider: &CryptoProvider,
) -> Result<(), Error> {
    let signature = message.protection().ok_or(Error::ProtectionMissing)?;
    let signature = signature.as_bytes().ok_or(Error::MalformedProtection)?;
    let verified = match digest {
        Some(digest) => provider.verify_digest(algorithm, key, digest, signature),
        None => provider.verify(algorithm, key, &message.protected_part()?, signature),
    };
    verified.map_err(Error::BadProtection)
}
