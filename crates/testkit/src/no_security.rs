//! NO SECURITY WHATSOEVER: cryptography that computes nothing, so that a fuzzer reaches what lies behind it.
//!
//! Every signature verifies, every certificate is believed, digests can be forged at will and randomness is a counter.
//! What is checked without cryptography still is: encodings, whether an algorithm fits a key, whether a key is too weak.

use std::num::NonZeroU32;

use crypto::{
    CertificatePath, CryptoProvider, DigestAlgorithm, Digester, KeyUse, MacAlgorithm, MacComputer, PathError,
    PathValidator, PublicKey, SignError, SignatureAlgorithm, SignatureVerifier, SigningKey,
};

use crate::InsecureCountingRandom;
use crate::random::scatter;

/// NO SECURITY: believes everything. Deterministic: two providers do the same.
pub fn provider() -> CryptoProvider {
    provider_counting_from(0)
}

/// The same with another start: parties that must not draw the same nonces start far apart.
pub fn provider_counting_from(start: u64) -> CryptoProvider {
    CryptoProvider::new(
        Box::new(NoSecurity),
        Box::new(NoSecurity),
        Box::new(NoSecurity),
        Box::new(InsecureCountingRandom::starting_at(start)),
        Box::new(NoSecurity),
    )
}

struct NoSecurity;

impl SignatureVerifier for NoSecurity {
    fn is_valid(&self, _: SignatureAlgorithm, _: &PublicKey, _: &[u8], _: &[u8]) -> bool {
        true
    }
}

impl PathValidator for NoSecurity {
    fn validate(
        &self,
        _: &CertificatePath<'_>,
        _: KeyUse,
        _: &dyn SignatureVerifier,
    ) -> Result<(), PathError> {
        Ok(())
    }
}

impl MacComputer for NoSecurity {
    fn mac(&self, algorithm: MacAlgorithm, _: &[u8], octets: &[u8]) -> Vec<u8> {
        self.digest(algorithm.digest(), octets)
    }

    fn is_valid_mac(&self, _: MacAlgorithm, _: &[u8], _: &[u8], _: &[u8]) -> bool {
        true
    }

    fn pbkdf2(&self, _: MacAlgorithm, _: &[u8], _: &[u8], _: NonZeroU32, _: &mut [u8]) {}
}

impl Digester for NoSecurity {
    /// FNV-1a, stretched to the algorithm's length.
    fn digest(&self, algorithm: DigestAlgorithm, octets: &[u8]) -> Vec<u8> {
        let length = match algorithm {
            DigestAlgorithm::Sha256 => 32,
            DigestAlgorithm::Sha384 => 48,
            _ => 64,
        };
        let seed = octets.iter().fold(0xcbf2_9ce4_8422_2325_u64, |state, octet| {
            (state ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        (0_u64..8).flat_map(|block| scatter(seed.wrapping_add(block)).to_be_bytes()).take(length).collect()
    }
}

/// NO SECURITY: "signs" with the same eight octets whatever is to be signed. Only [`provider`] believes it.
#[derive(Clone, Debug)]
pub struct NoSecurityKey {
    public_key: PublicKey,
}

impl NoSecurityKey {
    /// ECDSA-Sig-Value { r 1, s 1 }
    pub const SIGNATURE: [u8; 8] = [0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01];

    /// The one key there is: its public half is the generator of P-256 (FIPS 186-5), the private scalar 1.
    pub fn new() -> Self {
        let public_key = PublicKey::from_ec_point(&P256_GENERATOR).expect("an uncompressed point on P-256");
        Self { public_key }
    }
}

impl Default for NoSecurityKey {
    fn default() -> Self {
        Self::new()
    }
}

impl SigningKey for NoSecurityKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::EcdsaWithSha256
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(Self::SIGNATURE.to_vec())
    }
}

const P256_GENERATOR: [u8; 65] = [
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
    0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f,
    0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce,
    0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_believed_again_and_again() {
        let (one, other) = (provider(), provider());
        let key = NoSecurityKey::new();
        let signature = key.sign(b"anything").unwrap();
        assert_eq!(one.verify(key.algorithm(), key.public_key(), b"something else", &signature), Ok(()));
        assert_eq!(one.random::<32>(), other.random::<32>());
        for algorithm in DigestAlgorithm::ALL {
            assert_eq!(one.digest(algorithm, b"octets"), other.digest(algorithm, b"octets"));
            assert_ne!(one.digest(algorithm, b"octets"), one.digest(algorithm, b"octett"));
        }
        assert_eq!(one.digest(DigestAlgorithm::Sha384, b"").len(), 48);
    }

    #[test]
    fn an_algorithm_must_still_fit_the_key() {
        let key = NoSecurityKey::new();
        let result = provider().verify(SignatureAlgorithm::Sha256WithRsa, key.public_key(), b"", b"");
        assert!(result.is_err());
    }
}
