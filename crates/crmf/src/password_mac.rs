//! MACs with a secret that was shared out of band: PBMAC1 (RFC 9481 section 6.1.2) and PasswordBasedMac (RFC 4211 section 4.4).

mod pbm;
mod pbmac1;

use asn1::oids::{rfc8018, rfc9810};
use const_oid::ObjectIdentifier;
use core::fmt;
use crypto::{CryptoProvider, MacAlgorithm, SharedSecret, VerifyError};
use der::asn1::BitString;
use der::{Any, Encode};
use spki::AlgorithmIdentifierOwned;

use crate::{Error, PkMacValue};

pub use pbm::PbmParameter;
pub use pbmac1::{Pbkdf2Params, Pbmac1Params};

/// How much work a MAC from outside may demand, and how little it must: looked at before anything is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MacLimits {
    /// The fewest iterations; 100 by default, as RFC 4211 section 4.4 has it. RFC 9045 wants 10,000 for secrets that people
    /// make up.
    pub min_iterations: u32,
    /// The most iterations; 1,000,000 by default.
    pub max_iterations: u32,
    /// Octets of the longest salt; 256 by default.
    pub max_salt: usize,
    /// Octets of the longest key that is derived; 512 by default.
    pub max_key_length: usize,
    /// Whether PBMAC1 may call its key derivation function id-PBES2 where id-PBKDF2 belongs, as Bouncy Castle does; `false` by
    /// default. It is then taken for id-PBKDF2.
    pub pbes2_in_pbmac1: bool,
    /// Whether PasswordBasedMac may name SHA-1 and HMAC-SHA-1; `false` by default. It is then verified, and never made: an answer
    /// has SHA-256 in its place.
    pub sha1: bool,
}

impl Default for MacLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl MacLimits {
    /// The defaults, for constants.
    pub const DEFAULT: Self = Self {
        min_iterations: 100,
        max_iterations: 1_000_000,
        max_salt: 256,
        max_key_length: 512,
        pbes2_in_pbmac1: false,
        sha1: false,
    };

    fn check_iterations(&self, count: u32) -> Result<(), MacError> {
        let (least, most) = (self.min_iterations, self.max_iterations);
        if (least..=most).contains(&count) {
            Ok(())
        } else {
            Err(MacError::Iterations { count, least, most })
        }
    }

    fn check_salt(&self, octets: usize) -> Result<(), MacError> {
        let most = self.max_salt;
        if octets <= most { Ok(()) } else { Err(MacError::Salt { octets, most }) }
    }

    /// 20 octets are the least by RFC 9579 section 4, which is sensible here, too.
    fn check_key_length(&self, octets: usize) -> Result<(), MacError> {
        let (least, most) = (20, self.max_key_length);
        if (least..=most).contains(&octets) {
            Ok(())
        } else {
            Err(MacError::KeyLength { octets, least, most })
        }
    }
}

/// Why a MAC's algorithm is refused, before anything is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MacError {
    /// The algorithm, or one inside it, is not in the table.
    Unsupported(ObjectIdentifier),
    /// The parameters are not what the algorithm prescribes.
    BadParameters(ObjectIdentifier),
    /// A policy may have such a MAC verified; none has it made.
    VerifiedOnly(ObjectIdentifier),
    /// Too few or too many iterations.
    Iterations {
        /// How many there are.
        count: u32,
        /// The fewest accepted.
        least: u32,
        /// The most accepted.
        most: u32,
    },
    /// The salt is too long.
    Salt {
        /// Its length in octets.
        octets: usize,
        /// The most accepted.
        most: usize,
    },
    /// The key to be derived is too short or too long, or its length is not said.
    KeyLength {
        /// Its length in octets.
        octets: usize,
        /// The least accepted.
        least: usize,
        /// The most accepted.
        most: usize,
    },
}

impl fmt::Display for MacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(oid) => write!(f, "MAC algorithm {oid} is not supported"),
            Self::BadParameters(oid) => write!(f, "MAC algorithm {oid} has wrong parameters"),
            Self::VerifiedOnly(oid) => write!(f, "MAC algorithm {oid} is verified at most, and never made"),
            Self::Iterations { count, least, most } => {
                write!(f, "the MAC has {count} iterations; {least} to {most} are accepted")
            }
            Self::Salt { octets, most } => {
                write!(f, "the MAC's salt has {octets} octets; at most {most} are accepted")
            }
            Self::KeyLength { octets, least, most } => {
                write!(f, "the MAC's key has {octets} octets; {least} to {most} are accepted")
            }
        }
    }
}

impl core::error::Error for MacError {}

impl From<crypto::AlgorithmError> for MacError {
    fn from(error: crypto::AlgorithmError) -> Self {
        match error {
            crypto::AlgorithmError::Unsupported(oid) => Self::Unsupported(oid),
            crypto::AlgorithmError::BadParameters(oid) => Self::BadParameters(oid),
            _ => Self::BadParameters(rfc8018::PBMAC1),
        }
    }
}

/// How a MAC is computed with a shared secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordMac {
    /// PBMAC1, to be preferred (RFC 9481 section 6.1.2).
    Pbmac1(Pbmac1Params),
    /// PasswordBasedMac, for peers that know nothing else (RFC 9481 section 6.1.1).
    Pbm(PbmParameter),
}

impl PasswordMac {
    /// PBMAC1 with HMAC-SHA-256, a fresh salt of 16 octets and 10,000 iterations (RFC 9045 section 4).
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn pbmac1(provider: &CryptoProvider) -> Result<Self, Error> {
        let salt = provider.random::<16>().map_err(Error::Random)?;
        Ok(Self::Pbmac1(Pbmac1Params::new(&salt, 10_000)?))
    }

    /// PasswordBasedMac with SHA-256, HMAC-SHA-256, a fresh salt of 16 octets and 10,000 iterations (RFC 9045 section 4).
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn pbm(provider: &CryptoProvider) -> Result<Self, Error> {
        let salt = provider.random::<16>().map_err(Error::Random)?;
        Ok(Self::Pbm(PbmParameter::new(&salt, 10_000)?))
    }

    /// Looks an AlgorithmIdentifier up, and its parameters over.
    ///
    /// # Errors
    /// When it is neither, or demands more or less work than the limits allow.
    pub fn from_identifier(
        identifier: &AlgorithmIdentifierOwned,
        limits: &MacLimits,
    ) -> Result<Self, MacError> {
        let bad = |_| MacError::BadParameters(identifier.oid);
        let parameters = identifier.parameters.as_ref().ok_or(MacError::BadParameters(identifier.oid))?;
        match identifier.oid {
            rfc8018::PBMAC1 => {
                let mut parameters: Pbmac1Params = parameters.decode_as().map_err(bad)?;
                if limits.pbes2_in_pbmac1 && parameters.key_derivation_func.oid == rfc8018::PBES2 {
                    parameters.key_derivation_func.oid = rfc8018::PBKDF2;
                }
                parameters.inspect(limits).map(|()| Self::Pbmac1(parameters))
            }
            rfc9810::PASSWORD_BASED_MAC => {
                let parameters: PbmParameter = parameters.decode_as().map_err(bad)?;
                parameters.inspect(limits).map(|()| Self::Pbm(parameters))
            }
            oid => Err(MacError::Unsupported(oid)),
        }
    }

    /// The AlgorithmIdentifier to send.
    ///
    /// # Errors
    /// When a value cannot be encoded as DER.
    pub fn identifier(&self) -> Result<AlgorithmIdentifierOwned, Error> {
        let (oid, parameters) = match self {
            Self::Pbmac1(parameters) => (rfc8018::PBMAC1, any(parameters)?),
            Self::Pbm(parameters) => (rfc9810::PASSWORD_BASED_MAC, any(parameters)?),
        };
        Ok(AlgorithmIdentifierOwned { oid, parameters: Some(parameters) })
    }

    /// Computes the MAC over `octets`.
    ///
    /// # Errors
    /// When the parameters name algorithms that are not in the table, or that are verified only.
    pub fn authenticate(
        &self,
        provider: &CryptoProvider,
        secret: &SharedSecret,
        octets: &[u8],
    ) -> Result<PkMacValue, Error> {
        let tag = match self {
            Self::Pbmac1(parameters) => parameters.make(provider, secret, octets),
            Self::Pbm(parameters) => parameters.make(provider, secret, octets),
        };
        let tag = BitString::from_bytes(&tag.map_err(Error::Mac)?).map_err(Error::Encoding)?;
        Ok(PkMacValue::new(self.identifier()?, tag))
    }

    /// Verifies a MAC over `octets` as received.
    ///
    /// # Errors
    /// When it does not hold.
    pub fn verify(
        &self,
        provider: &CryptoProvider,
        secret: &SharedSecret,
        octets: &[u8],
        tag: &[u8],
    ) -> Result<(), Error> {
        match self {
            Self::Pbmac1(parameters) => parameters.verify(provider, secret, octets, tag),
            Self::Pbm(parameters) => parameters.verify(provider, secret, octets, tag),
        }
    }

    /// What to protect the next message with: the same, but for the nonce of AES-GMAC, which never serves twice.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn renew(self, provider: &CryptoProvider) -> Result<Self, Error> {
        match self {
            Self::Pbm(parameters) => parameters.renew(provider).map(Self::Pbm),
            pbmac1 => Ok(pbmac1),
        }
    }

    /// What to answer it with: the same, with SHA-256 in place of SHA-1.
    #[must_use]
    pub fn without_sha1(self) -> Self {
        match self {
            Self::Pbm(parameters) => Self::Pbm(parameters.without_sha1()),
            pbmac1 => pbmac1,
        }
    }

    /// Whether one is the other, [renewed](Self::renew) or not.
    pub fn renews(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pbm(one), Self::Pbm(another)) => one.derives_like(another),
            (one, another) => one == another,
        }
    }
}

/// The first of PBMAC1's two HMACs that lacks its NULL, which RFC 8018 appendix B.1.2 demands. Nothing else of the parameters is
/// judged. PasswordBasedMac is not looked at: RFC 9481 section 6.2.1 wants absent parameters accepted there, and OpenSSL sends
/// them so.
pub fn hmac_without_null(identifier: &AlgorithmIdentifierOwned) -> Option<ObjectIdentifier> {
    let parameters = identifier.parameters.as_ref().filter(|_| identifier.oid == rfc8018::PBMAC1)?;
    let parameters: Pbmac1Params = parameters.decode_as().ok()?;
    let prf = parameters.pbkdf2().ok().and_then(|pbkdf2| pbkdf2.prf);
    let lacks_null = |hmac: &AlgorithmIdentifierOwned| {
        hmac.parameters.is_none() && MacAlgorithm::ALL.iter().any(|known| known.oid() == hmac.oid)
    };
    let hmacs = [prf, Some(parameters.message_auth_scheme)];
    hmacs.into_iter().flatten().find(lacks_null).map(|hmac| hmac.oid)
}

impl PkMacValue {
    /// Verifies the MAC over `octets`, once its algorithm is within the limits.
    ///
    /// # Errors
    /// When the algorithm is refused, or the MAC does not hold.
    pub fn verify(
        &self,
        provider: &CryptoProvider,
        secret: &SharedSecret,
        octets: &[u8],
        limits: &MacLimits,
    ) -> Result<(), Error> {
        let mac = PasswordMac::from_identifier(&self.alg_id, limits).map_err(Error::Mac)?;
        let tag = self.value.as_bytes().ok_or(Error::ProofOfPossession(VerifyError::BadMac))?;
        mac.verify(provider, secret, octets, tag)
    }
}

fn any(parameters: &impl Encode) -> Result<Any, Error> {
    parameters.to_der().and_then(|octets| der::Decode::from_der(&octets)).map_err(Error::Encoding)
}
