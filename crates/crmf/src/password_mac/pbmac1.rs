use alloc::vec::Vec;
use asn1::oids::rfc8018;
use core::num::NonZeroU32;

use crypto::{CryptoProvider, MacAlgorithm, SharedSecret};
use der::asn1::OctetString;
use der::{Any, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::pbm::Key;
use super::{MacError, MacLimits};
use crate::Error;

/// The parameters of PBMAC1.
///
/// ```text
/// PBMAC1-params ::= SEQUENCE {
///   keyDerivationFunc AlgorithmIdentifier,  -- PBKDF2
///   messageAuthScheme AlgorithmIdentifier }
/// ```
///
/// RFC 8018 appendix A.5.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct Pbmac1Params {
    pub key_derivation_func: AlgorithmIdentifierOwned,
    pub message_auth_scheme: AlgorithmIdentifierOwned,
}

/// The parameters of PBKDF2. The other choice of the salt, an algorithm to find it by, was never used.
///
/// ```text
/// PBKDF2-params ::= SEQUENCE {
///   salt           CHOICE { specified OCTET STRING, otherSource AlgorithmIdentifier },
///   iterationCount INTEGER (1..MAX),
///   keyLength      INTEGER (1..MAX) OPTIONAL,
///   prf            AlgorithmIdentifier DEFAULT algid-hmacWithSHA1 }
/// ```
///
/// RFC 8018 appendix A.2.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct Pbkdf2Params {
    pub salt: OctetString,
    pub iteration_count: u32,
    /// In octets.
    pub key_length: Option<u32>,
    /// Absent: HMAC-SHA-1, which is not supported.
    pub prf: Option<AlgorithmIdentifierOwned>,
}

impl Pbmac1Params {
    /// With PBKDF2 and HMAC-SHA-256.
    ///
    /// # Errors
    /// When the salt is too long for DER.
    pub fn new(salt: &[u8], iteration_count: u32) -> Result<Self, Error> {
        let parameters = Pbkdf2Params::new(salt, iteration_count, 32).map_err(Error::Encoding)?;
        let parameters = parameters.to_der().and_then(|octets| <Any as der::Decode>::from_der(&octets));
        let parameters = Some(parameters.map_err(Error::Encoding)?);
        Ok(Self {
            key_derivation_func: AlgorithmIdentifierOwned { oid: rfc8018::PBKDF2, parameters },
            message_auth_scheme: MacAlgorithm::HmacSha256.identifier(),
        })
    }

    /// The parameters of PBKDF2.
    ///
    /// # Errors
    /// When the key derivation function is another one, or they are malformed.
    pub fn pbkdf2(&self) -> Result<Pbkdf2Params, MacError> {
        let function = &self.key_derivation_func;
        if function.oid != rfc8018::PBKDF2 {
            return Err(MacError::Unsupported(function.oid));
        }
        let parameters = function.parameters.as_ref().and_then(|parameters| parameters.decode_as().ok());
        parameters.ok_or(MacError::BadParameters(function.oid))
    }

    pub(super) fn inspect(&self, limits: &MacLimits) -> Result<(), MacError> {
        let parameters = self.pbkdf2()?;
        parameters.inspect(limits)?;
        limits.check_key_length(parameters.key_length()?)?;
        MacAlgorithm::from_identifier(&self.message_auth_scheme)?;
        Ok(())
    }

    pub(super) fn make(
        &self,
        provider: &CryptoProvider,
        secret: &SharedSecret,
        octets: &[u8],
    ) -> Result<Vec<u8>, MacError> {
        let (algorithm, key) = self.key(provider, secret)?;
        Ok(provider.mac(algorithm, &key, octets))
    }

    pub(super) fn verify(
        &self,
        provider: &CryptoProvider,
        secret: &SharedSecret,
        octets: &[u8],
        tag: &[u8],
    ) -> Result<(), Error> {
        let (algorithm, key) = self.key(provider, secret).map_err(Error::Mac)?;
        provider.verify_mac(algorithm, &key, octets, tag).map_err(Error::ProofOfPossession)
    }

    fn key(&self, provider: &CryptoProvider, secret: &SharedSecret) -> Result<(MacAlgorithm, Key), MacError> {
        let parameters = self.pbkdf2()?;
        let mut key = Zeroizing::new(alloc::vec![0; parameters.key_length()?]);
        parameters.fill(provider, secret, &mut key)?;
        Ok((MacAlgorithm::from_identifier(&self.message_auth_scheme)?, key))
    }
}

impl Pbkdf2Params {
    /// With HMAC-SHA-256, for a key of so many octets.
    ///
    /// # Errors
    /// When the salt is too long for DER.
    pub fn new(salt: &[u8], iteration_count: u32, key_length: u32) -> der::Result<Self> {
        let prf = Some(MacAlgorithm::HmacSha256.identifier());
        Ok(Self { salt: OctetString::new(salt)?, iteration_count, key_length: Some(key_length), prf })
    }

    /// Derives a key that something is enciphered with (RFC 9483 section 4.1.6.3).
    ///
    /// # Errors
    /// When that takes more or less work than the limits allow, or the key is said to have another length.
    pub fn derive(
        &self,
        provider: &CryptoProvider,
        secret: &SharedSecret,
        limits: &MacLimits,
        key: &mut [u8],
    ) -> Result<(), MacError> {
        self.inspect(limits)?;
        if self.key_length.is_some_and(|length| usize::try_from(length) != Ok(key.len())) {
            return Err(MacError::BadParameters(rfc8018::PBKDF2));
        }
        self.fill(provider, secret, key)
    }

    fn inspect(&self, limits: &MacLimits) -> Result<(), MacError> {
        limits.check_iterations(self.iteration_count)?;
        limits.check_salt(self.salt.as_bytes().len())?;
        self.prf().map(|_| ())
    }

    fn fill(&self, provider: &CryptoProvider, secret: &SharedSecret, key: &mut [u8]) -> Result<(), MacError> {
        let iterations = NonZeroU32::new(self.iteration_count).ok_or(MacError::Iterations {
            count: 0,
            least: 1,
            most: u32::MAX,
        })?;
        let salt = self.salt.as_bytes();
        provider.pbkdf2(self.prf()?, secret.reveal().as_bytes(), salt, iterations, key);
        Ok(())
    }

    /// It must be said (RFC 9579 section 4); where it is not, it counts as 0.
    fn key_length(&self) -> Result<usize, MacError> {
        usize::try_from(self.key_length.unwrap_or(0)).map_err(|_| MacError::BadParameters(rfc8018::PBKDF2))
    }

    fn prf(&self) -> Result<MacAlgorithm, MacError> {
        let prf = self.prf.as_ref().ok_or(MacError::Unsupported(rfc8018::HMAC_WITH_SHA1))?;
        Ok(MacAlgorithm::from_identifier(prf)?)
    }
}
