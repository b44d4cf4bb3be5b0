use asn1::oids::{rfc5912, rfc8410, rfc9881};
use const_oid::ObjectIdentifier;
use core::fmt;
use der::Any;
use der::asn1::Null;
use spki::AlgorithmIdentifierOwned;

use crate::{AlgorithmError, KeyKind, rsassa_pss};

/// A signature algorithm of RFC 9481 section 3 or RFC 9881. SHA-1 and MD5 have no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// sha256WithRSAEncryption, RFC 4055
    Sha256WithRsa,
    /// sha384WithRSAEncryption, RFC 4055
    Sha384WithRsa,
    /// sha512WithRSAEncryption, RFC 4055
    Sha512WithRsa,
    /// RSASSA-PSS with SHA-256, RFC 4055
    RsassaPssSha256,
    /// RSASSA-PSS with SHA-384, RFC 4055
    RsassaPssSha384,
    /// RSASSA-PSS with SHA-512, RFC 4055
    RsassaPssSha512,
    /// ecdsa-with-SHA256, RFC 5758
    EcdsaWithSha256,
    /// ecdsa-with-SHA384, RFC 5758
    EcdsaWithSha384,
    /// ecdsa-with-SHA512, RFC 5758
    EcdsaWithSha512,
    /// Ed25519 without prehash, RFC 8410
    Ed25519,
    /// ML-DSA-44 without prehash, with an empty context, RFC 9881
    MlDsa44,
    /// ML-DSA-65 without prehash, with an empty context, RFC 9881
    MlDsa65,
    /// ML-DSA-87 without prehash, with an empty context, RFC 9881
    MlDsa87,
}

impl SignatureAlgorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 13] = [
        Self::Sha256WithRsa,
        Self::Sha384WithRsa,
        Self::Sha512WithRsa,
        Self::RsassaPssSha256,
        Self::RsassaPssSha384,
        Self::RsassaPssSha512,
        Self::EcdsaWithSha256,
        Self::EcdsaWithSha384,
        Self::EcdsaWithSha512,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// The algorithm's object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha256WithRsa => rfc5912::SHA256_WITH_RSA_ENCRYPTION,
            Self::Sha384WithRsa => rfc5912::SHA384_WITH_RSA_ENCRYPTION,
            Self::Sha512WithRsa => rfc5912::SHA512_WITH_RSA_ENCRYPTION,
            Self::RsassaPssSha256 | Self::RsassaPssSha384 | Self::RsassaPssSha512 => rfc5912::RSASSA_PSS,
            Self::EcdsaWithSha256 => rfc5912::ECDSA_WITH_SHA256,
            Self::EcdsaWithSha384 => rfc5912::ECDSA_WITH_SHA384,
            Self::EcdsaWithSha512 => rfc5912::ECDSA_WITH_SHA512,
            Self::Ed25519 => rfc8410::ED25519,
            Self::MlDsa44 => rfc9881::ML_DSA_44,
            Self::MlDsa65 => rfc9881::ML_DSA_65,
            Self::MlDsa87 => rfc9881::ML_DSA_87,
        }
    }

    const fn is_pkcs1(self) -> bool {
        matches!(self, Self::Sha256WithRsa | Self::Sha384WithRsa | Self::Sha512WithRsa)
    }

    const fn is_pss(self) -> bool {
        matches!(self, Self::RsassaPssSha256 | Self::RsassaPssSha384 | Self::RsassaPssSha512)
    }

    const fn is_ecdsa(self) -> bool {
        matches!(self, Self::EcdsaWithSha256 | Self::EcdsaWithSha384 | Self::EcdsaWithSha512)
    }

    /// The AlgorithmIdentifier to send: NULL parameters with PKCS #1 v1.5 (RFC 4055 section 5), digest and salt's length with PSS
    /// (RFC 4055 section 3.1), none with any other (RFC 5758 section 3.2, RFC 8410 section 3, RFC 9881 section 2).
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        let parameters = match self.digest() {
            Some(digest) if self.is_pss() => rsassa_pss::parameters(digest),
            _ => self.is_pkcs1().then(|| Any::from(Null)),
        };
        AlgorithmIdentifierOwned { oid: self.oid(), parameters }
    }

    /// Looks an AlgorithmIdentifier up. PKCS #1 v1.5's NULL may be absent (RFC 4055 section 5), PSS's parameters must fit
    /// together (RFC 9481 section 3.2), all others' must be absent.
    ///
    /// # Errors
    /// When the algorithm is not in the table or its parameters are wrong.
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        if identifier.oid == rfc5912::RSASSA_PSS {
            let digest = rsassa_pss::digest(identifier.parameters.as_ref());
            let of_digest = |algorithm: &Self| algorithm.is_pss() && algorithm.digest() == digest;
            let algorithm = digest.and_then(|_| Self::ALL.into_iter().find(of_digest));
            return algorithm.ok_or(AlgorithmError::BadParameters(identifier.oid));
        }
        let algorithm = Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.oid() == identifier.oid)
            .ok_or(AlgorithmError::Unsupported(identifier.oid))?;
        match &identifier.parameters {
            None => Ok(algorithm),
            Some(parameters) if algorithm.is_pkcs1() && parameters.is_null() => Ok(algorithm),
            Some(_) => Err(AlgorithmError::BadParameters(identifier.oid)),
        }
    }

    /// The digest that certHash uses for a certificate signed so (RFC 9810 section 5.3.18): the one inside; SHA-512 with
    /// Ed25519 (RFC 9481 section 3.3). No specification names one for ML-DSA: there, hashAlg must.
    pub const fn digest(self) -> Option<DigestAlgorithm> {
        match self {
            Self::Sha256WithRsa | Self::RsassaPssSha256 | Self::EcdsaWithSha256 => {
                Some(DigestAlgorithm::Sha256)
            }
            Self::Sha384WithRsa | Self::RsassaPssSha384 | Self::EcdsaWithSha384 => {
                Some(DigestAlgorithm::Sha384)
            }
            Self::Sha512WithRsa | Self::RsassaPssSha512 | Self::EcdsaWithSha512 | Self::Ed25519 => {
                Some(DigestAlgorithm::Sha512)
            }
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => None,
        }
    }

    /// The digest that is signed, where the signature can be made and verified of that alone. Ed25519 and ML-DSA need the octets
    /// themselves.
    pub fn prehash(self) -> Option<DigestAlgorithm> {
        self.digest().filter(|_| !matches!(self, Self::Ed25519))
    }

    /// Against how many bits of work forging a signature stands, with that key (RFC 9481 section 7).
    pub fn strength(self, key: KeyKind) -> u16 {
        // What is signed with EdDSA or ML-DSA is not reduced to a digest that could collide.
        self.prehash().map_or(key.strength(), |digest| key.strength().min(digest.strength()))
    }

    /// Whether keys of this kind can make such signatures.
    pub const fn fits(self, key: KeyKind) -> bool {
        match key {
            KeyKind::Rsa { .. } => self.is_pkcs1() || self.is_pss(),
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => self.is_ecdsa(),
            KeyKind::Ed25519 => matches!(self, Self::Ed25519),
            KeyKind::MlDsa44 => matches!(self, Self::MlDsa44),
            KeyKind::MlDsa65 => matches!(self, Self::MlDsa65),
            KeyKind::MlDsa87 => matches!(self, Self::MlDsa87),
            KeyKind::MlKem512 | KeyKind::MlKem768 | KeyKind::MlKem1024 => false,
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256WithRsa => "sha256WithRSAEncryption",
            Self::Sha384WithRsa => "sha384WithRSAEncryption",
            Self::Sha512WithRsa => "sha512WithRSAEncryption",
            Self::RsassaPssSha256 => "RSASSA-PSS with SHA-256",
            Self::RsassaPssSha384 => "RSASSA-PSS with SHA-384",
            Self::RsassaPssSha512 => "RSASSA-PSS with SHA-512",
            Self::EcdsaWithSha256 => "ecdsa-with-SHA256",
            Self::EcdsaWithSha384 => "ecdsa-with-SHA384",
            Self::EcdsaWithSha512 => "ecdsa-with-SHA512",
            Self::Ed25519 => "Ed25519",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        })
    }
}

/// A digest algorithm of RFC 9481 section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-256, 32 octets
    Sha256,
    /// SHA-384, 48 octets
    Sha384,
    /// SHA-512, 64 octets
    Sha512,
}

impl DigestAlgorithm {
    /// Every digest there is.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The digest's object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha256 => rfc5912::SHA256,
            Self::Sha384 => rfc5912::SHA384,
            Self::Sha512 => rfc5912::SHA512,
        }
    }

    /// The digest's length in octets.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Against how many bits of work finding a collision stands (RFC 9481 section 7).
    pub const fn strength(self) -> u16 {
        match self {
            Self::Sha256 => 128,
            Self::Sha384 => 192,
            Self::Sha512 => 256,
        }
    }

    /// The AlgorithmIdentifier to send: without parameters (RFC 5754 section 2).
    pub const fn identifier(self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: self.oid(), parameters: None }
    }

    /// Looks an AlgorithmIdentifier up; parameters may be absent or NULL (RFC 5754 section 2).
    ///
    /// # Errors
    /// When the digest is not in the table or its parameters are wrong.
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        let digest = Self::ALL
            .into_iter()
            .find(|digest| digest.oid() == identifier.oid)
            .ok_or(AlgorithmError::Unsupported(identifier.oid))?;
        match &identifier.parameters {
            Some(parameters) if !parameters.is_null() => Err(AlgorithmError::BadParameters(identifier.oid)),
            _ => Ok(digest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identifier_is_found_again() {
        for algorithm in SignatureAlgorithm::ALL {
            assert_eq!(SignatureAlgorithm::from_identifier(&algorithm.identifier()), Ok(algorithm));
        }
        for digest in DigestAlgorithm::ALL {
            assert_eq!(DigestAlgorithm::from_identifier(&digest.identifier()), Ok(digest));
        }
    }

    #[test]
    fn parameters_follow_their_rfc() {
        let mut rsa = SignatureAlgorithm::Sha256WithRsa.identifier();
        rsa.parameters = None;
        assert_eq!(SignatureAlgorithm::from_identifier(&rsa), Ok(SignatureAlgorithm::Sha256WithRsa));
        for algorithm in SignatureAlgorithm::ALL
            .into_iter()
            .filter(|algorithm| !algorithm.is_pkcs1() && !algorithm.is_pss())
        {
            let mut identifier = algorithm.identifier();
            assert_eq!(identifier.parameters, None);
            identifier.parameters = Some(Any::from(Null));
            let refused = Err(AlgorithmError::BadParameters(algorithm.oid()));
            assert_eq!(SignatureAlgorithm::from_identifier(&identifier), refused);
        }
    }

    #[test]
    fn each_kind_of_key_has_its_algorithms() {
        let count = |key| SignatureAlgorithm::ALL.into_iter().filter(|algorithm| algorithm.fits(key)).count();
        assert_eq!(count(KeyKind::Rsa { bits: 2048 }), 6);
        for key in [KeyKind::P256, KeyKind::P384, KeyKind::P521] {
            assert_eq!(count(key), 3, "{key}");
        }
        for key in [KeyKind::Ed25519, KeyKind::MlDsa44, KeyKind::MlDsa65, KeyKind::MlDsa87] {
            assert_eq!(count(key), 1, "{key}");
        }
        for key in [KeyKind::MlKem512, KeyKind::MlKem768, KeyKind::MlKem1024] {
            assert_eq!(count(key), 0, "{key} signs nothing");
        }
    }

    #[test]
    fn the_weakest_part_decides_on_strength() {
        let strength = |algorithm: SignatureAlgorithm, key| algorithm.strength(key);
        assert_eq!(strength(SignatureAlgorithm::EcdsaWithSha256, KeyKind::P384), 128);
        assert_eq!(strength(SignatureAlgorithm::EcdsaWithSha512, KeyKind::P384), 192);
        assert_eq!(strength(SignatureAlgorithm::EcdsaWithSha512, KeyKind::P521), 256);
        assert_eq!(strength(SignatureAlgorithm::Sha512WithRsa, KeyKind::Rsa { bits: 2048 }), 112);
        assert_eq!(strength(SignatureAlgorithm::Ed25519, KeyKind::Ed25519), 128);
        assert_eq!(strength(SignatureAlgorithm::MlDsa87, KeyKind::MlDsa87), 256);
    }

    #[test]
    fn sha1_is_not_in_the_table() {
        let oid = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
        let sha1 = AlgorithmIdentifierOwned { oid, parameters: Some(Any::from(Null)) };
        assert_eq!(SignatureAlgorithm::from_identifier(&sha1), Err(AlgorithmError::Unsupported(oid)));
    }
}
