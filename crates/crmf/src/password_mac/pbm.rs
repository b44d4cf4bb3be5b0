use alloc::vec::Vec;

use crypto::{CryptoProvider, DigestAlgorithm, MacAlgorithm, SharedSecret};
use der::Sequence;
use der::asn1::OctetString;
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::{MacError, MacLimits};
use crate::Error;

/// A key that is wiped after use.
pub(super) type Key = Zeroizing<Vec<u8>>;

/// The parameters of PasswordBasedMac.
///
/// ```text
/// PBMParameter ::= SEQUENCE {
///   salt           OCTET STRING,
///   owf            AlgorithmIdentifier,
///   iterationCount INTEGER,
///   mac            AlgorithmIdentifier }
/// ```
///
/// RFC 4211 section 4.4.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct PbmParameter {
    pub salt: OctetString,
    pub owf: AlgorithmIdentifierOwned,
    pub iteration_count: u32,
    pub mac: AlgorithmIdentifierOwned,
}

impl PbmParameter {
    /// With SHA-256 and HMAC-SHA-256.
    ///
    /// # Errors
    /// When the salt is too long for DER.
    pub fn new(salt: &[u8], iteration_count: u32) -> Result<Self, Error> {
        Ok(Self {
            salt: OctetString::new(salt).map_err(Error::Encoding)?,
            owf: DigestAlgorithm::Sha256.identifier(),
            iteration_count,
            mac: MacAlgorithm::HmacSha256.identifier(),
        })
    }

    pub(super) fn inspect(&self, limits: &MacLimits) -> Result<(), MacError> {
        limits.check_iterations(self.iteration_count)?;
        limits.check_salt(self.salt.as_bytes().len())?;
        DigestAlgorithm::from_identifier(&self.owf)?;
        MacAlgorithm::from_identifier(&self.mac)?;
        Ok(())
    }

    /// BASEKEY, which is the HMAC's key as a whole: the one-way function applied iterationCount times in all. RFC 4211's
    /// pseudo-code can be read as once more; RFC 9810 and every implementation count so.
    pub(super) fn key(
        &self,
        provider: &CryptoProvider,
        secret: &SharedSecret,
    ) -> Result<(MacAlgorithm, Key), MacError> {
        let owf = DigestAlgorithm::from_identifier(&self.owf)?;
        let begin = Zeroizing::new([secret.reveal().as_bytes(), self.salt.as_bytes()].concat());
        let mut key = Zeroizing::new(provider.digest(owf, &begin));
        for _ in 1..self.iteration_count {
            key = Zeroizing::new(provider.digest(owf, &key));
        }
        Ok((MacAlgorithm::from_identifier(&self.mac)?, key))
    }
}
