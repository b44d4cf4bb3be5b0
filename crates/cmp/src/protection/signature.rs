//! Protection by signature, RFC 9810 section 5.1.3.3: made and verified.

use alloc::vec::Vec;

use asn1::EncodedCertificate;
use crypto::{CryptoProvider, PublicKey, SignatureAlgorithm};
use der::asn1::{BitStringRef, ContextSpecificRef};
use der::{Encode, TagMode, TagNumber};

use crate::error::Error;
use crate::message::PkiMessage;

/// `[0]` protection and `[1]` extraCerts, each under its explicit tag.
pub(super) fn trailer(
    signature: &[u8],
    extra_certs: &Vec<EncodedCertificate>,
) -> der::Result<(Vec<u8>, Vec<u8>)> {
    let protection = BitStringRef::from_bytes(signature)?;
    let explicit = TagMode::Explicit;
    Ok((
        ContextSpecificRef { tag_number: TagNumber(0), tag_mode: explicit, value: &protection }.to_der()?,
        ContextSpecificRef { tag_number: TagNumber(1), tag_mode: explicit, value: extra_certs }.to_der()?,
    ))
}

/// Verifies a message's signature over the octets that were received.
pub(crate) fn verify(
    message: &PkiMessage,
    algorithm: SignatureAlgorithm,
    key: &PublicKey,
    provider: &CryptoProvider,
) -> Result<(), Error> {
    let signature = message.protection().ok_or(Error::ProtectionMissing)?;
    let signature = signature.as_bytes().ok_or(Error::MalformedProtection)?;
    provider.verify(algorithm, key, &message.protected_part()?, signature).map_err(Error::BadProtection)
}
