use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;

use asn1::oids::rfc8018;
use const_oid::ObjectIdentifier;
use der::Any;
use der::asn1::Null;
use spki::AlgorithmIdentifierOwned;

use crate::{AlgorithmError, DigestAlgorithm, Gmac};

/// A MAC algorithm of RFC 9481 section 6, which also serves PBKDF2 as its pseudorandom function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MacAlgorithm {
    /// hmacWithSHA256, RFC 8018
    HmacSha256,
    /// hmacWithSHA384, RFC 8018
    HmacSha384,
    /// hmacWithSHA512, RFC 8018
    HmacSha512,
}

impl MacAlgorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 3] = [Self::HmacSha256, Self::HmacSha384, Self::HmacSha512];

    /// The algorithm's object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::HmacSha256 => rfc8018::HMAC_WITH_SHA256,
            Self::HmacSha384 => rfc8018::HMAC_WITH_SHA384,
            Self::HmacSha512 => rfc8018::HMAC_WITH_SHA512,
        }
    }

    /// The digest inside; its length is the MAC's.
    pub const fn digest(self) -> DigestAlgorithm {
        match self {
            Self::HmacSha256 => DigestAlgorithm::Sha256,
            Self::HmacSha384 => DigestAlgorithm::Sha384,
            Self::HmacSha512 => DigestAlgorithm::Sha512,
        }
    }

    /// The AlgorithmIdentifier to send: NULL parameters (RFC 8018 appendix B.1.2).
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: self.oid(), parameters: Some(Any::from(Null)) }
    }

    /// Looks an AlgorithmIdentifier up. Real peers leave the NULL out: a policy that minds must look for itself.
    ///
    /// # Errors
    /// When the algorithm is not in the table or its parameters are wrong.
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        let algorithm = Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.oid() == identifier.oid)
            .ok_or(AlgorithmError::Unsupported(identifier.oid))?;
        match &identifier.parameters {
            Some(parameters) if !parameters.is_null() => Err(AlgorithmError::BadParameters(identifier.oid)),
            _ => Ok(algorithm),
        }
    }
}

impl fmt::Display for MacAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HmacSha256 => "hmacWithSHA256",
            Self::HmacSha384 => "hmacWithSHA384",
            Self::HmacSha512 => "hmacWithSHA512",
        })
    }
}

/// Computes MACs, and keys from passwords.
pub trait MacComputer: Send + Sync {
    /// The MAC over `octets`.
    fn mac(&self, algorithm: MacAlgorithm, key: &[u8], octets: &[u8]) -> Vec<u8>;

    /// Whether `tag` is the whole MAC over `octets`. How long the answer takes tells nothing about the right one.
    fn is_valid_mac(&self, algorithm: MacAlgorithm, key: &[u8], octets: &[u8], tag: &[u8]) -> bool;

    /// Fills `key` by PBKDF2, RFC 8018 section 5.2.
    fn pbkdf2(&self, prf: MacAlgorithm, password: &[u8], salt: &[u8], iterations: NonZeroU32, key: &mut [u8]);

    /// AES-GMAC over `octets`; `None` when it is not at hand, or the key does not have the right length.
    fn gmac(&self, _gmac: &Gmac, _key: &[u8], _octets: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// Whether `tag` is the whole AES-GMAC over `octets`. How long the answer takes tells nothing about the right one.
    fn is_valid_gmac(&self, _gmac: &Gmac, _key: &[u8], _octets: &[u8], _tag: &[u8]) -> bool {
        false
    }

    /// What SHA-1 is still good for; `None` when it is not at hand.
    fn legacy(&self) -> Option<&dyn LegacyMac> {
        None
    }
}

/// What it takes to verify the MACs of peers that know SHA-1 only. Nothing here makes a MAC.
pub trait LegacyMac {
    /// The SHA-1 digest: the one-way function of PasswordBasedMac, and nothing else.
    fn sha1(&self, octets: &[u8]) -> Vec<u8>;

    /// Whether `tag` is the whole HMAC-SHA-1 over `octets`. How long the answer takes tells nothing about the right one.
    fn is_valid_hmac_sha1(&self, key: &[u8], octets: &[u8], tag: &[u8]) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identifier_is_found_again_with_or_without_null() {
        for algorithm in MacAlgorithm::ALL {
            let mut identifier = algorithm.identifier();
            assert_eq!(MacAlgorithm::from_identifier(&identifier), Ok(algorithm));
            identifier.parameters = None;
            assert_eq!(MacAlgorithm::from_identifier(&identifier), Ok(algorithm));
            identifier.parameters = Any::new(der::Tag::OctetString, []).ok();
            assert_eq!(
                MacAlgorithm::from_identifier(&identifier),
                Err(AlgorithmError::BadParameters(algorithm.oid()))
            );
        }
    }
}
