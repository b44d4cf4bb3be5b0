use alloc::vec::Vec;
use core::fmt::{self, Debug};

use asn1::oids::rfc5753;
use const_oid::ObjectIdentifier;
use der::asn1::OctetStringRef;
use der::{Any, Sequence};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::{AlgorithmError, DigestAlgorithm, EnvelopeError, KeyWrap, PublicKey};

/// Ephemeral-static ECDH with the KDF of ANSI X9.63 (RFC 5753 section 3.1, RFC 9481 section 4.1): dhSinglePass-stdDH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyAgreement {
    /// The digest in the KDF.
    pub digest: DigestAlgorithm,
    /// What the agreed key wraps the content's key with.
    pub wrap: KeyWrap,
}

/// ```text
/// ECC-CMS-SharedInfo ::= SEQUENCE {
///   keyInfo         AlgorithmIdentifier,
///   entityUInfo [0] EXPLICIT OCTET STRING OPTIONAL,
///   suppPubInfo [2] EXPLICIT OCTET STRING }
/// ```
///
/// RFC 5753 section 7.2.
#[derive(Sequence)]
struct SharedInfo<'a> {
    key_info: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    entity_u_info: Option<&'a OctetStringRef>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT")]
    supp_pub_info: &'a OctetStringRef,
}

impl KeyAgreement {
    /// With that digest and wrap.
    pub const fn new(digest: DigestAlgorithm, wrap: KeyWrap) -> Self {
        Self { digest, wrap }
    }

    const fn oid(self) -> ObjectIdentifier {
        match self.digest {
            DigestAlgorithm::Sha256 => rfc5753::STD_DH_SHA256_KDF,
            DigestAlgorithm::Sha384 => rfc5753::STD_DH_SHA384_KDF,
            DigestAlgorithm::Sha512 => rfc5753::STD_DH_SHA512_KDF,
        }
    }

    /// The AlgorithmIdentifier to send: the wrap is its parameter (RFC 5753 section 7.1.4).
    ///
    /// # Errors
    /// When it cannot be encoded, which nothing is known to cause.
    pub fn identifier(self) -> der::Result<AlgorithmIdentifierOwned> {
        let parameters = Some(Any::encode_from(&self.wrap.identifier())?);
        Ok(AlgorithmIdentifierOwned { oid: self.oid(), parameters })
    }

    /// Looks an AlgorithmIdentifier up.
    ///
    /// # Errors
    /// When the scheme or the wrap is not in the tables, or has wrong parameters.
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        let oid = identifier.oid;
        let digests = DigestAlgorithm::ALL.into_iter();
        let digest = digests.into_iter().find(|digest| Self::new(*digest, KeyWrap::Aes128).oid() == oid);
        let digest = digest.ok_or(AlgorithmError::Unsupported(oid))?;
        let wrap = identifier.parameters.as_ref().and_then(|parameters| parameters.decode_as().ok());
        let wrap: AlgorithmIdentifierOwned = wrap.ok_or(AlgorithmError::BadParameters(oid))?;
        Ok(Self { digest, wrap: KeyWrap::from_identifier(&wrap)? })
    }

    /// What the KDF takes besides the secret, with the octets in the ukm field.
    ///
    /// # Errors
    /// When ukm is too long for DER.
    pub fn shared_info(self, ukm: Option<&[u8]>) -> der::Result<Vec<u8>> {
        let bits: u32 = match self.wrap {
            KeyWrap::Aes128 => 128,
            KeyWrap::Aes192 => 192,
            KeyWrap::Aes256 => 256,
        };
        let bits = bits.to_be_bytes();
        let info = SharedInfo {
            key_info: self.wrap.identifier(),
            entity_u_info: ukm.map(OctetStringRef::new).transpose()?,
            supp_pub_info: OctetStringRef::new(&bits)?,
        };
        der::Encode::to_der(&info)
    }
}

/// A secret for two: whoever has the private key agrees on it with the ephemeral one. `Debug` does not show it.
#[non_exhaustive]
pub struct Agreed {
    /// What is sent: the ephemeral key's public half.
    pub ephemeral: PublicKey,
    /// What is kept, and wiped when it is dropped.
    pub secret: Zeroizing<Vec<u8>>,
}

impl Agreed {
    /// What came out of an agreement.
    pub const fn new(ephemeral: PublicKey, secret: Zeroizing<Vec<u8>>) -> Self {
        Self { ephemeral, secret }
    }
}

impl Debug for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Agreed({})", self.ephemeral.kind())
    }
}

/// A private key on a curve that agrees on keys: in memory, in a token, in a secure element. It never shows itself; its `Debug` output
/// names the kind of key and no more.
pub trait KeyAgreementKey: Send + Sync + Debug {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// ECDH with a key of the same curve: the x-coordinate (SEC 1 section 3.3.1).
    ///
    /// # Errors
    /// When it is of another curve, or no point of it, or the key, or the device that holds it, fails.
    fn agree(&self, other: &PublicKey) -> Result<Zeroizing<Vec<u8>>, EnvelopeError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::asn1::Null;

    #[test]
    fn every_identifier_is_found_again_and_nothing_else() {
        for digest in DigestAlgorithm::ALL {
            for wrap in KeyWrap::ALL {
                let agreement = KeyAgreement::new(digest, wrap);
                let mut identifier = agreement.identifier().unwrap();
                assert_eq!(KeyAgreement::from_identifier(&identifier), Ok(agreement));
                for parameters in [None, Some(Any::from(Null))] {
                    identifier.parameters = parameters;
                    let refused = Err(AlgorithmError::BadParameters(identifier.oid));
                    assert_eq!(KeyAgreement::from_identifier(&identifier), refused);
                }
            }
        }
        let other = KeyWrap::Aes128.identifier();
        assert_eq!(KeyAgreement::from_identifier(&other), Err(AlgorithmError::Unsupported(other.oid)));
    }

    #[test]
    fn the_length_of_the_key_stands_in_the_shared_info() {
        let info = KeyAgreement::new(DigestAlgorithm::Sha256, KeyWrap::Aes256).shared_info(None).unwrap();
        assert!(info.ends_with(&[0xa2, 6, 4, 4, 0, 0, 1, 0]), "{info:02x?}");
        let info = KeyAgreement::new(DigestAlgorithm::Sha256, KeyWrap::Aes192).shared_info(None).unwrap();
        assert!(info.ends_with(&[0xa2, 6, 4, 4, 0, 0, 0, 192]), "{info:02x?}");
        let info = KeyAgreement::new(DigestAlgorithm::Sha256, KeyWrap::Aes128).shared_info(Some(&[7; 2]));
        assert!(info.unwrap().ends_with(&[0xa0, 4, 4, 2, 7, 7, 0xa2, 6, 4, 4, 0, 0, 0, 128]));
    }
}
