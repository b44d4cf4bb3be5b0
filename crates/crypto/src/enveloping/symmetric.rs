use asn1::oids::rfc3565;
use const_oid::ObjectIdentifier;
use der::Any;
use der::asn1::OctetStringRef;
use spki::AlgorithmIdentifierOwned;

use crate::{AesKeySize, AlgorithmError};

/// AES-CBC, which enciphers content (RFC 3565 section 4.1, RFC 9481 section 5.1). Nothing in it tells that the octets were changed: a
/// signature around it, or in it, must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentEncryption {
    /// How long the key is.
    pub key_size: AesKeySize,
    /// The initialization vector: random, and another one each time.
    pub iv: [u8; 16],
}

impl ContentEncryption {
    /// With a key of that size and that vector.
    pub const fn new(key_size: AesKeySize, iv: [u8; 16]) -> Self {
        Self { key_size, iv }
    }

    const fn oid(&self) -> ObjectIdentifier {
        match self.key_size {
            AesKeySize::Aes128 => rfc3565::AES128_CBC,
            AesKeySize::Aes192 => rfc3565::AES192_CBC,
            AesKeySize::Aes256 => rfc3565::AES256_CBC,
        }
    }

    /// The AlgorithmIdentifier to send.
    ///
    /// # Errors
    /// When it cannot be encoded, which nothing is known to cause.
    pub fn identifier(&self) -> Result<AlgorithmIdentifierOwned, AlgorithmError> {
        let oid = self.oid();
        let iv = OctetStringRef::new(&self.iv).map_err(|_| AlgorithmError::BadParameters(oid))?;
        Ok(AlgorithmIdentifierOwned { oid, parameters: Any::encode_from(&iv).ok() })
    }

    /// Looks an AlgorithmIdentifier up.
    ///
    /// # Errors
    /// When the cipher is not in the table, or its vector does not have 16 octets.
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        let oid = identifier.oid;
        let of_size = |size: &AesKeySize| Self::new(*size, [0; 16]).oid() == oid;
        let key_size = AesKeySize::ALL.into_iter().find(of_size).ok_or(AlgorithmError::Unsupported(oid))?;
        let iv = identifier.parameters.as_ref().and_then(|iv| iv.decode_as::<&OctetStringRef>().ok());
        let iv = iv.and_then(|iv| iv.as_bytes().try_into().ok());
        iv.map(|iv| Self { key_size, iv }).ok_or(AlgorithmError::BadParameters(oid))
    }
}

/// AES key wrap, which enciphers keys (RFC 3394, RFC 9481 section 4.4). Other than AES-CBC it notices what was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyWrap {
    /// id-aes128-wrap
    Aes128,
    /// id-aes192-wrap
    Aes192,
    /// id-aes256-wrap
    Aes256,
}

impl KeyWrap {
    /// Every one there is.
    pub const ALL: [Self; 3] = [Self::Aes128, Self::Aes192, Self::Aes256];

    /// The algorithm's object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Aes128 => rfc3565::AES128_WRAP,
            Self::Aes192 => rfc3565::AES192_WRAP,
            Self::Aes256 => rfc3565::AES256_WRAP,
        }
    }

    /// How long its key is; the key that is wrapped is as long (RFC 9481 section 4.4).
    pub const fn key_size(self) -> AesKeySize {
        match self {
            Self::Aes128 => AesKeySize::Aes128,
            Self::Aes192 => AesKeySize::Aes192,
            Self::Aes256 => AesKeySize::Aes256,
        }
    }

    /// The AlgorithmIdentifier to send: without parameters (RFC 3565 section 2.3.2).
    pub const fn identifier(self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: self.oid(), parameters: None }
    }

    /// Looks an AlgorithmIdentifier up; parameters must be absent.
    ///
    /// # Errors
    /// When the algorithm is not in the table or has parameters.
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        let oid = identifier.oid;
        let wrap = Self::ALL.into_iter().find(|wrap| wrap.oid() == oid);
        let wrap = wrap.ok_or(AlgorithmError::Unsupported(oid))?;
        if identifier.parameters.is_some() { Err(AlgorithmError::BadParameters(oid)) } else { Ok(wrap) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::asn1::Null;

    #[test]
    fn every_identifier_is_found_again_and_nothing_else() {
        for key_size in AesKeySize::ALL {
            let cipher = ContentEncryption::new(key_size, [9; 16]);
            let mut identifier = cipher.identifier().unwrap();
            assert_eq!(ContentEncryption::from_identifier(&identifier), Ok(cipher));
            let short = OctetStringRef::new(&[9; 15]).unwrap();
            for parameters in [None, Some(Any::from(Null)), Any::encode_from(&short).ok()] {
                identifier.parameters = parameters;
                let refused = Err(AlgorithmError::BadParameters(identifier.oid));
                assert_eq!(ContentEncryption::from_identifier(&identifier), refused);
            }
        }
        for wrap in KeyWrap::ALL {
            let mut identifier = wrap.identifier();
            assert_eq!(KeyWrap::from_identifier(&identifier), Ok(wrap));
            let other = Err(AlgorithmError::Unsupported(identifier.oid));
            assert_eq!(ContentEncryption::from_identifier(&identifier), other);
            identifier.parameters = Some(Any::from(Null));
            assert_eq!(KeyWrap::from_identifier(&identifier), Err(AlgorithmError::BadParameters(wrap.oid())));
        }
    }
}
