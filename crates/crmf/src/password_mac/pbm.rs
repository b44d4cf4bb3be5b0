use alloc::vec::Vec;

use asn1::oids::{legacy, rfc8018};
use const_oid::ObjectIdentifier;
use crypto::{
    AesKeySize, CryptoProvider, DigestAlgorithm, Gmac, LegacyMac, MacAlgorithm, SharedSecret, VerifyError,
};
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

/// owf; SHA-1 only serves verification.
#[derive(Clone, Copy)]
enum OneWayFunction {
    Digest(DigestAlgorithm),
    Sha1,
}

/// mac; HMAC-SHA-1 is only verified.
#[derive(Clone, Copy)]
enum Mac {
    Hmac(MacAlgorithm),
    Gmac(Gmac),
    HmacSha1,
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

    /// With AES-GMAC in place of HMAC-SHA-256, for peers that want it (RFC 9045 section 4). The nonce is a fresh one.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn with_gmac(mut self, key_size: AesKeySize, provider: &CryptoProvider) -> Result<Self, Error> {
        let gmac = Gmac::new(key_size, provider.random().map_err(Error::Random)?);
        self.mac = gmac.identifier().map_err(Error::Encoding)?;
        Ok(self)
    }

    pub(super) fn inspect(&self, limits: &MacLimits) -> Result<(), MacError> {
        limits.check_iterations(self.iteration_count)?;
        limits.check_salt(self.salt.as_bytes().len())?;
        match self.owf()? {
            OneWayFunction::Sha1 if !limits.sha1 => return Err(MacError::Unsupported(self.owf.oid)),
            _ => {}
        }
        match self.mac()? {
            Mac::HmacSha1 if !limits.sha1 => Err(MacError::Unsupported(self.mac.oid)),
            _ => Ok(()),
        }
    }

    fn owf(&self) -> Result<OneWayFunction, MacError> {
        if self.owf.oid == legacy::SHA1 {
            return absent_or_null(&self.owf).map(|()| OneWayFunction::Sha1);
        }
        Ok(OneWayFunction::Digest(DigestAlgorithm::from_identifier(&self.owf)?))
    }

    fn mac(&self) -> Result<Mac, MacError> {
        if [legacy::HMAC_SHA1, rfc8018::HMAC_WITH_SHA1].contains(&self.mac.oid) {
            return absent_or_null(&self.mac).map(|()| Mac::HmacSha1);
        }
        match Gmac::from_identifier(&self.mac) {
            Err(crypto::AlgorithmError::Unsupported(_)) => {
                Ok(Mac::Hmac(MacAlgorithm::from_identifier(&self.mac)?))
            }
            gmac => Ok(Mac::Gmac(gmac?)),
        }
    }

    /// The MAC over `octets`; never with SHA-1.
    pub(super) fn make(
        &self,
        provider: &CryptoProvider,
        secret: &SharedSecret,
        octets: &[u8],
    ) -> Result<Vec<u8>, MacError> {
        let OneWayFunction::Digest(_) = self.owf()? else {
            return Err(MacError::VerifiedOnly(self.owf.oid));
        };
        match self.mac()? {
            Mac::Hmac(algorithm) => Ok(provider.mac(algorithm, &self.base_key(provider, secret, 0)?, octets)),
            Mac::Gmac(gmac) => {
                let key = self.base_key(provider, secret, gmac.key_size.length())?;
                Ok(provider.gmac(&gmac, &key, octets)?)
            }
            Mac::HmacSha1 => Err(MacError::VerifiedOnly(self.mac.oid)),
        }
    }

    /// Whether `tag` is the MAC over `octets`.
    pub(super) fn verify(
        &self,
        provider: &CryptoProvider,
        secret: &SharedSecret,
        octets: &[u8],
        tag: &[u8],
    ) -> Result<(), Error> {
        let verified = match self.mac().map_err(Error::Mac)? {
            Mac::Hmac(algorithm) => {
                let key = self.base_key(provider, secret, 0).map_err(Error::Mac)?;
                provider.verify_mac(algorithm, &key, octets, tag)
            }
            Mac::Gmac(gmac) => {
                let key = self.base_key(provider, secret, gmac.key_size.length()).map_err(Error::Mac)?;
                provider.verify_gmac(&gmac, &key, octets, tag)
            }
            Mac::HmacSha1 => {
                let key = self.base_key(provider, secret, 0).map_err(Error::Mac)?;
                let valid = self.sha1(provider).map_err(Error::Mac)?.is_valid_hmac_sha1(&key, octets, tag);
                if valid { Ok(()) } else { Err(VerifyError::BadMac) }
            }
        };
        verified.map_err(Error::ProofOfPossession)
    }

    /// BASEKEY, which is the HMAC's key as a whole: the one-way function applied iterationCount times in all. RFC 4211's
    /// pseudo-code can be read as once more; RFC 9810 and every implementation count so. With `length` octets wanted, its leftmost
    /// ones, or those of BASEKEY || OWF("1" || BASEKEY) || OWF("2" || BASEKEY) and so on.
    fn base_key(
        &self,
        provider: &CryptoProvider,
        secret: &SharedSecret,
        length: usize,
    ) -> Result<Key, MacError> {
        let owf: &dyn Fn(&[u8]) -> Vec<u8> = match self.owf()? {
            OneWayFunction::Digest(algorithm) => &move |octets| provider.digest(algorithm, octets),
            OneWayFunction::Sha1 => {
                let sha1 = self.sha1(provider)?;
                &move |octets| sha1.sha1(octets)
            }
        };
        let begin = Zeroizing::new([secret.reveal().as_bytes(), self.salt.as_bytes()].concat());
        let mut base = Zeroizing::new(owf(&begin));
        for _ in 1..self.iteration_count {
            base = Zeroizing::new(owf(&base));
        }
        if length == 0 {
            return Ok(base);
        }
        let mut key = base.clone();
        // The longest key has 32 octets and the shortest digest 20: one round does.
        for counter in [b"1", b"2"] {
            if key.len() < length {
                let block = Zeroizing::new([counter.as_slice(), base.as_slice()].concat());
                key = Zeroizing::new([key.as_slice(), Zeroizing::new(owf(&block)).as_slice()].concat());
            }
        }
        key.truncate(length);
        Ok(key)
    }

    fn sha1<'a>(&self, provider: &'a CryptoProvider) -> Result<&'a dyn LegacyMac, MacError> {
        provider.legacy_mac().ok_or(MacError::Unsupported(legacy::SHA1))
    }

    /// The same for the next message: AES-GMAC's nonce never serves twice.
    pub(super) fn renew(self, provider: &CryptoProvider) -> Result<Self, Error> {
        match Gmac::from_identifier(&self.mac) {
            Ok(gmac) => self.with_gmac(gmac.key_size, provider),
            Err(_) => Ok(self),
        }
    }

    /// What answers it: SHA-256 where it has SHA-1.
    pub(super) fn without_sha1(mut self) -> Self {
        if matches!(self.owf(), Ok(OneWayFunction::Sha1)) {
            self.owf = DigestAlgorithm::Sha256.identifier();
        }
        if matches!(self.mac(), Ok(Mac::HmacSha1)) {
            self.mac = MacAlgorithm::HmacSha256.identifier();
        }
        self
    }

    /// Whether both are the same but for AES-GMAC's nonce.
    pub(super) fn derives_like(&self, other: &Self) -> bool {
        let key_size = |mac| Gmac::from_identifier(mac).map(|gmac| gmac.key_size);
        let same_mac = self.mac == other.mac
            || matches!((key_size(&self.mac), key_size(&other.mac)), (Ok(one), Ok(another)) if one == another);
        same_mac
            && self.salt == other.salt
            && self.owf == other.owf
            && self.iteration_count == other.iteration_count
    }
}

fn absent_or_null(identifier: &AlgorithmIdentifierOwned) -> Result<(), MacError> {
    let oid: ObjectIdentifier = identifier.oid;
    match &identifier.parameters {
        Some(parameters) if !parameters.is_null() => Err(MacError::BadParameters(oid)),
        _ => Ok(()),
    }
}
