use alloc::vec::Vec;
use core::fmt::Debug;

use asn1::oids::rfc5912;
use der::asn1::{Null, OctetStringRef};
use der::{Any, Sequence};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::{AlgorithmError, DigestAlgorithm, EnvelopeError, PublicKey};

/// How RSA hands over a key (RFC 9481 section 4.2). What is sent is OAEP with SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyTransport {
    /// RSAES-OAEP with that digest for label and mask (RFC 4055 section 4.1).
    Oaep(DigestAlgorithm),
    /// RSAES-PKCS1-v1_5, which peers still send. Whoever lets strangers see whether something could be deciphered gives it away.
    Pkcs1V15,
}

/// ```text
/// RSAES-OAEP-params ::= SEQUENCE {
///   hashFunc    [0] AlgorithmIdentifier DEFAULT sha1Identifier,
///   maskGenFunc [1] AlgorithmIdentifier DEFAULT mgf1SHA1Identifier,
///   pSourceFunc [2] AlgorithmIdentifier DEFAULT pSpecifiedEmptyIdentifier }
/// ```
///
/// RFC 4055 section 4.1. What is at its default, SHA-1, is refused, so that the first two must be there.
#[derive(Sequence)]
struct RsaesOaepParams {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    hash_func: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT")]
    mask_gen_func: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    p_source_func: Option<AlgorithmIdentifierOwned>,
}

impl KeyTransport {
    /// The one that is sent.
    pub const SENT: Self = Self::Oaep(DigestAlgorithm::Sha256);

    /// The AlgorithmIdentifier to send.
    ///
    /// # Errors
    /// When it cannot be encoded, which nothing is known to cause.
    pub fn identifier(self) -> der::Result<AlgorithmIdentifierOwned> {
        match self {
            Self::Pkcs1V15 => Ok(AlgorithmIdentifierOwned {
                oid: rfc5912::RSA_ENCRYPTION,
                parameters: Some(Any::from(Null)),
            }),
            Self::Oaep(digest) => {
                let mut hash_func = digest.identifier();
                // RFC 4055 section 2.1: with NULL.
                hash_func.parameters = Some(Any::from(Null));
                let mask_gen_func = AlgorithmIdentifierOwned {
                    oid: rfc5912::MGF1,
                    parameters: Some(Any::encode_from(&hash_func)?),
                };
                let params = RsaesOaepParams { hash_func, mask_gen_func, p_source_func: None };
                let parameters = Some(Any::encode_from(&params)?);
                Ok(AlgorithmIdentifierOwned { oid: rfc5912::RSAES_OAEP, parameters })
            }
        }
    }

    /// Looks an AlgorithmIdentifier up: OAEP has one digest for label and mask, and an empty label.
    ///
    /// # Errors
    /// When the algorithm is not in the table or its parameters are wrong.
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        let bad = AlgorithmError::BadParameters(identifier.oid);
        match (identifier.oid, &identifier.parameters) {
            (rfc5912::RSA_ENCRYPTION, Some(parameters)) if !parameters.is_null() => Err(bad),
            (rfc5912::RSA_ENCRYPTION, _) => Ok(Self::Pkcs1V15),
            (rfc5912::RSAES_OAEP, parameters) => {
                parameters.as_ref().and_then(oaep_digest).map(Self::Oaep).ok_or(bad)
            }
            (other, _) => Err(AlgorithmError::Unsupported(other)),
        }
    }
}

fn oaep_digest(parameters: &Any) -> Option<DigestAlgorithm> {
    let parameters: RsaesOaepParams = parameters.decode_as().ok()?;
    let digest = DigestAlgorithm::from_identifier(&parameters.hash_func).ok()?;
    let mask = parameters.mask_gen_func;
    let of_mask: AlgorithmIdentifierOwned = mask.parameters.as_ref()?.decode_as().ok()?;
    let empty_label = parameters.p_source_func.is_none_or(|source| {
        let label = source.parameters.as_ref().and_then(|label| label.decode_as::<&OctetStringRef>().ok());
        source.oid == rfc5912::P_SPECIFIED && label.is_some_and(|label| label.as_bytes().is_empty())
    });
    let fits =
        mask.oid == rfc5912::MGF1 && DigestAlgorithm::from_identifier(&of_mask) == Ok(digest) && empty_label;
    fits.then_some(digest)
}

/// An RSA private key that keys are handed to: in memory, in a token, in a secure element. It never shows itself; its `Debug` output
/// names the kind of key and no more.
pub trait KeyTransportKey: Send + Sync + Debug {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// What was enciphered.
    ///
    /// # Errors
    /// When nothing was, for this key and in this way, or the key, or the device that holds it, fails: which of them, it does not say.
    fn decrypt(
        &self,
        transport: KeyTransport,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, EnvelopeError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identifier_is_found_again() {
        let oaep = DigestAlgorithm::ALL.into_iter().map(KeyTransport::Oaep);
        for transport in oaep.chain([KeyTransport::Pkcs1V15]) {
            let identifier = transport.identifier().unwrap();
            assert_eq!(KeyTransport::from_identifier(&identifier), Ok(transport));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let good = KeyTransport::SENT.identifier().unwrap();
        let changed = |change: &dyn Fn(&mut RsaesOaepParams)| {
            let mut params: RsaesOaepParams = good.parameters.as_ref().unwrap().decode_as().unwrap();
            change(&mut params);
            let parameters = Any::encode_from(&params).ok();
            KeyTransport::from_identifier(&AlgorithmIdentifierOwned { oid: good.oid, parameters })
        };
        let label = |octets: &[u8]| AlgorithmIdentifierOwned {
            oid: rfc5912::P_SPECIFIED,
            parameters: Any::encode_from(&OctetStringRef::new(octets).unwrap()).ok(),
        };
        assert_eq!(changed(&|params| params.p_source_func = Some(label(b""))), Ok(KeyTransport::SENT));
        let bad = Err(AlgorithmError::BadParameters(rfc5912::RSAES_OAEP));
        assert_eq!(changed(&|params| params.p_source_func = Some(label(b"label"))), bad);
        assert_eq!(changed(&|params| params.hash_func = DigestAlgorithm::Sha384.identifier()), bad);
        assert_eq!(changed(&|params| params.mask_gen_func.oid = rfc5912::SHA256), bad);
        assert_eq!(changed(&|params| params.mask_gen_func.parameters = None), bad);
        // All defaults: SHA-1.
        for parameters in [None, Some(Any::from(Null)), Any::new(der::Tag::Sequence, []).ok()] {
            let identifier = AlgorithmIdentifierOwned { oid: rfc5912::RSAES_OAEP, parameters };
            assert_eq!(KeyTransport::from_identifier(&identifier), bad);
        }
        let other = DigestAlgorithm::Sha256.identifier();
        assert_eq!(KeyTransport::from_identifier(&other), Err(AlgorithmError::Unsupported(other.oid)));
    }
}
