use asn1::oids::rfc9044;
use const_oid::ObjectIdentifier;
use core::fmt;
use der::asn1::OctetString;
use der::{Any, Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;

use crate::AlgorithmError;

/// How long an AES key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AesKeySize {
    /// 128 bits
    Aes128,
    /// 192 bits
    Aes192,
    /// 256 bits
    Aes256,
}

impl AesKeySize {
    /// Every size there is.
    pub const ALL: [Self; 3] = [Self::Aes128, Self::Aes192, Self::Aes256];

    /// Octets of the key.
    pub const fn length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }
}

/// AES-GMAC, RFC 9044, with a tag of 16 octets as RFC 9045 section 4 has it. Whoever computes two MACs with one key and one
/// nonce gives the key away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Gmac {
    /// How long the key is.
    pub key_size: AesKeySize,
    /// The nonce. Other lengths than the recommended one are refused.
    pub nonce: [u8; 12],
}

/// ```text
/// GMACParameters ::= SEQUENCE {
///   nonce  OCTET STRING, -- recommended size is 12 octets
///   length MACLength DEFAULT 12 }
/// ```
///
/// RFC 9044 section 2.
#[derive(Sequence)]
struct GmacParameters {
    nonce: OctetString,
    #[asn1(default = "default_length")]
    length: u8,
}

const fn default_length() -> u8 {
    12
}

impl Gmac {
    /// Octets of the tag.
    pub const LENGTH: usize = 16;

    /// With a key of that size and that nonce.
    pub const fn new(key_size: AesKeySize, nonce: [u8; 12]) -> Self {
        Self { key_size, nonce }
    }

    /// The algorithm's object identifier.
    pub const fn oid(&self) -> ObjectIdentifier {
        match self.key_size {
            AesKeySize::Aes128 => rfc9044::AES128_GMAC,
            AesKeySize::Aes192 => rfc9044::AES192_GMAC,
            AesKeySize::Aes256 => rfc9044::AES256_GMAC,
        }
    }

    /// The AlgorithmIdentifier to send.
    ///
    /// # Errors
    /// Never, with a nonce of 12 octets.
    pub fn identifier(&self) -> der::Result<AlgorithmIdentifierOwned> {
        let parameters = GmacParameters { nonce: OctetString::new(self.nonce)?, length: 16 };
        let parameters = Some(Any::from_der(&parameters.to_der()?)?);
        Ok(AlgorithmIdentifierOwned { oid: self.oid(), parameters })
    }

    /// Looks an AlgorithmIdentifier up.
    ///
    /// # Errors
    /// When it is not AES-GMAC, its nonce does not have 12 octets, or its tag does not have 16.
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        let oid = identifier.oid;
        let sizes = AesKeySize::ALL.into_iter();
        let key_size = sizes.into_iter().find(|size| Self::new(*size, [0; 12]).oid() == oid);
        let key_size = key_size.ok_or(AlgorithmError::Unsupported(oid))?;
        let parameters: Option<GmacParameters> =
            identifier.parameters.as_ref().and_then(|parameters| parameters.decode_as().ok());
        let parameters = parameters.filter(|parameters| usize::from(parameters.length) == Self::LENGTH);
        let nonce = parameters.and_then(|parameters| parameters.nonce.as_bytes().try_into().ok());
        nonce.map(|nonce| Self { key_size, nonce }).ok_or(AlgorithmError::BadParameters(oid))
    }
}

impl fmt::Display for Gmac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.key_size {
            AesKeySize::Aes128 => "AES-128-GMAC",
            AesKeySize::Aes192 => "AES-192-GMAC",
            AesKeySize::Aes256 => "AES-256-GMAC",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identifier_is_found_again() {
        for size in AesKeySize::ALL {
            let gmac = Gmac::new(size, [7; 12]);
            assert_eq!(Gmac::from_identifier(&gmac.identifier().unwrap()), Ok(gmac));
        }
    }

    #[test]
    fn other_nonces_and_tags_are_refused() {
        let gmac = Gmac::new(AesKeySize::Aes128, [7; 12]);
        let refused = Err(AlgorithmError::BadParameters(gmac.oid()));
        let with = |parameters: Option<GmacParameters>| {
            let parameters =
                parameters.map(|parameters| Any::from_der(&parameters.to_der().unwrap()).unwrap());
            Gmac::from_identifier(&AlgorithmIdentifierOwned { oid: gmac.oid(), parameters })
        };
        assert_eq!(with(None), refused);
        for (nonce, length) in [(12, 12), (12, 13), (12, 15), (12, 17), (12, 0), (0, 16), (11, 16), (13, 16)]
        {
            let nonce = OctetString::new(alloc::vec![7; nonce]).unwrap();
            assert_eq!(with(Some(GmacParameters { nonce, length })), refused, "tag of {length}");
        }
        let oid = rfc9044::AES128_GMAC.parent().unwrap();
        let other = AlgorithmIdentifierOwned { oid, parameters: None };
        assert_eq!(Gmac::from_identifier(&other), Err(AlgorithmError::Unsupported(oid)));
    }
}
