use alloc::vec::Vec;
use core::fmt;

use asn1::compose;
use asn1::oids::{rfc5912, rfc8410, rfc9881, rfc9935};
use der::asn1::{BitStringRef, Null, ObjectIdentifier, UintRef};
use der::{Any, Decode, Encode, Sequence, Tag};
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::KeyError;

/// What kind of key a [`PublicKey`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// id-ecPublicKey on secp256r1
    P256,
    /// id-ecPublicKey on secp384r1
    P384,
    /// id-ecPublicKey on secp521r1
    P521,
    /// rsaEncryption
    Rsa {
        /// The modulus's length.
        bits: usize,
    },
    /// id-Ed25519
    Ed25519,
    /// id-ml-dsa-44
    MlDsa44,
    /// id-ml-dsa-65
    MlDsa65,
    /// id-ml-dsa-87
    MlDsa87,
    /// id-alg-ml-kem-512, which signs nothing
    MlKem512,
    /// id-alg-ml-kem-768, which signs nothing
    MlKem768,
    /// id-alg-ml-kem-1024, which signs nothing
    MlKem1024,
}

impl KeyKind {
    /// Against how many bits of work the key stands: RFC 9481 section 7, for ML-DSA the security categories 2, 3 and 5 of FIPS 204,
    /// for ML-KEM 1, 3 and 5 of FIPS 203,
    /// for RSA beyond 3072 bits NIST SP 800-57 part 1 section 5.6.1.1.
    pub const fn strength(self) -> u16 {
        match self {
            Self::Rsa { bits } if bits < 3072 => 112,
            Self::Rsa { bits } if bits < 7680 => 128,
            Self::P256 | Self::Ed25519 | Self::MlDsa44 | Self::MlKem512 => 128,
            Self::Rsa { .. } | Self::P384 | Self::MlDsa65 | Self::MlKem768 => 192,
            Self::P521 | Self::MlDsa87 | Self::MlKem1024 => 256,
        }
    }
}

impl KeyKind {
    /// The AlgorithmIdentifier in front of such a key.
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match self {
            Self::P256 => (rfc5912::EC_PUBLIC_KEY, Some(Any::from(rfc5912::SECP256R1))),
            Self::P384 => (rfc5912::EC_PUBLIC_KEY, Some(Any::from(rfc5912::SECP384R1))),
            Self::P521 => (rfc5912::EC_PUBLIC_KEY, Some(Any::from(rfc5912::SECP521R1))),
            Self::Rsa { .. } => (rfc5912::RSA_ENCRYPTION, Some(Any::from(Null))),
            Self::Ed25519 => (rfc8410::ED25519, None),
            Self::MlDsa44 => (rfc9881::ML_DSA_44, None),
            Self::MlDsa65 => (rfc9881::ML_DSA_65, None),
            Self::MlDsa87 => (rfc9881::ML_DSA_87, None),
            Self::MlKem512 => (rfc9935::ML_KEM_512, None),
            Self::MlKem768 => (rfc9935::ML_KEM_768, None),
            Self::MlKem1024 => (rfc9935::ML_KEM_1024, None),
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::P521 => f.write_str("P-521"),
            Self::Rsa { bits } => write!(f, "RSA-{bits}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::MlDsa44 => f.write_str("ML-DSA-44"),
            Self::MlDsa65 => f.write_str("ML-DSA-65"),
            Self::MlDsa87 => f.write_str("ML-DSA-87"),
            Self::MlKem512 => f.write_str("ML-KEM-512"),
            Self::MlKem768 => f.write_str("ML-KEM-768"),
            Self::MlKem1024 => f.write_str("ML-KEM-1024"),
        }
    }
}

/// RSAPublicKey, RFC 8017 appendix A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

/// A public key whose encoding was inspected and whose strength suffices: P-256, P-384, P-521, Ed25519, ML-DSA, ML-KEM, or RSA
/// with 2048 to 8192 bits and an exponent from 65537 (TS 33.310 section 6.1.1).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    spki: Vec<u8>,
    kind: KeyKind,
    key: Vec<u8>,
}

impl PublicKey {
    /// From the DER octets of a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    ///
    /// # Errors
    /// When it is malformed, of an unsupported kind, or too weak. Whether a point lies on its curve is found out when a
    /// signature is verified with it.
    pub fn from_spki_der(octets: &[u8]) -> Result<Self, KeyError> {
        let spki = SubjectPublicKeyInfoRef::<'_>::from_der(octets).map_err(|_| KeyError::Malformed)?;
        let key = spki.subject_public_key.as_bytes().ok_or(KeyError::Malformed)?;
        let kind = inspect(&spki.algorithm, key)?;
        Ok(Self { spki: octets.to_vec(), kind, key: key.to_vec() })
    }

    /// An elliptic curve key from its uncompressed point (SEC 1 section 2.3.3): 65 octets on P-256, 97 on P-384, 133 on
    /// P-521.
    ///
    /// # Errors
    /// When the octets are not an uncompressed point of one of these lengths.
    pub fn from_ec_point(point: &[u8]) -> Result<Self, KeyError> {
        let (kind, curve) = match point.len() {
            65 => (KeyKind::P256, rfc5912::SECP256R1),
            97 => (KeyKind::P384, rfc5912::SECP384R1),
            133 => (KeyKind::P521, rfc5912::SECP521R1),
            _ => return Err(KeyError::Malformed),
        };
        inspect_point(point, point.len())?;
        Self::build(kind, rfc5912::EC_PUBLIC_KEY, Some(curve), point)
    }

    /// A key whose kind says all there is to say beside its octets: Ed25519 (RFC 8410 section 4), ML-DSA (RFC 9881
    /// section 4) and ML-KEM (RFC 9935 section 4).
    ///
    /// # Errors
    /// When there are no such keys of that kind, or the octets are none.
    pub fn from_raw(kind: KeyKind, octets: &[u8]) -> Result<Self, KeyError> {
        let (oid, length) = match kind {
            KeyKind::Ed25519 => (rfc8410::ED25519, 32),
            KeyKind::MlDsa44 => (rfc9881::ML_DSA_44, 1312),
            KeyKind::MlDsa65 => (rfc9881::ML_DSA_65, 1952),
            KeyKind::MlDsa87 => (rfc9881::ML_DSA_87, 2592),
            KeyKind::MlKem512 => (rfc9935::ML_KEM_512, 800),
            KeyKind::MlKem768 => (rfc9935::ML_KEM_768, 1184),
            KeyKind::MlKem1024 => (rfc9935::ML_KEM_1024, 1568),
            _ => return Err(KeyError::Malformed),
        };
        if octets.len() != length {
            return Err(KeyError::Malformed);
        }
        if kind == KeyKind::Ed25519 {
            inspect_ed25519(octets)?;
        }
        Self::build(kind, oid, None, octets)
    }

    /// Of octets that were inspected.
    fn build(
        kind: KeyKind,
        algorithm: ObjectIdentifier,
        curve: Option<ObjectIdentifier>,
        key: &[u8],
    ) -> Result<Self, KeyError> {
        let encoded = || {
            let curve = curve.map(|curve| curve.to_der()).transpose()?.unwrap_or_default();
            let algorithm = compose(Tag::Sequence, &[&algorithm.to_der()?, &curve])?;
            // No bit of the last octet is unused.
            let subject_public_key = compose(Tag::BitString, &[&[0], key])?;
            compose(Tag::Sequence, &[&algorithm, &subject_public_key])
        };
        let spki = encoded().map_err(|_: der::Error| KeyError::Malformed)?;
        Ok(Self { spki, kind, key: key.to_vec() })
    }

    pub(crate) fn from_parts(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Result<Self, KeyError> {
        let subject_public_key = BitStringRef::from_bytes(key).map_err(|_| KeyError::Malformed)?;
        let spki = SubjectPublicKeyInfoRef { algorithm, subject_public_key };
        Self::from_spki_der(&spki.to_der().map_err(|_| KeyError::Malformed)?)
    }

    /// The kind of key.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The SubjectPublicKeyInfo's DER octets, as received.
    pub fn spki_octets(&self) -> &[u8] {
        &self.spki
    }

    /// The content of subjectPublicKey: an uncompressed point, an RSAPublicKey, or the key's own octets.
    pub fn key_octets(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.kind)
    }
}

fn inspect(algorithm: &AlgorithmIdentifierRef<'_>, key: &[u8]) -> Result<KeyKind, KeyError> {
    match algorithm.oid {
        rfc5912::EC_PUBLIC_KEY => {
            let parameters = algorithm.parameters.ok_or(KeyError::Malformed)?;
            // Explicit curve parameters are a SEQUENCE and fail here (RFC 5480 section 2.1.1).
            let curve: ObjectIdentifier = parameters.decode_as().map_err(|_| KeyError::Malformed)?;
            let (kind, length) = match curve {
                rfc5912::SECP256R1 => (KeyKind::P256, 65),
                rfc5912::SECP384R1 => (KeyKind::P384, 97),
                rfc5912::SECP521R1 => (KeyKind::P521, 133),
                other => return Err(KeyError::Unsupported(other)),
            };
            inspect_point(key, length)?;
            Ok(kind)
        }
        rfc5912::RSA_ENCRYPTION => {
            if algorithm.parameters.is_some_and(|parameters| !parameters.is_null()) {
                return Err(KeyError::Malformed);
            }
            let rsa = RsaPublicKey::from_der(key).map_err(|_| KeyError::Malformed)?;
            let bits = bit_length(rsa.modulus.as_bytes());
            if !(2048..=8192).contains(&bits) {
                return Err(KeyError::RsaModulus { bits });
            }
            if rsa.modulus.as_bytes().last().is_none_or(|octet| octet % 2 == 0) {
                return Err(KeyError::Malformed);
            }
            let exponent = rsa.public_exponent.as_bytes();
            let value = exponent.iter().fold(0_u64, |value, octet| (value << 8) | u64::from(*octet));
            if exponent.len() > 8 || value < 65537 || value % 2 == 0 {
                return Err(KeyError::RsaExponent);
            }
            Ok(KeyKind::Rsa { bits })
        }
        rfc8410::ED25519 => {
            inspect_length(algorithm, key, 32)?;
            inspect_ed25519(key)?;
            Ok(KeyKind::Ed25519)
        }
        rfc9881::ML_DSA_44 => inspect_length(algorithm, key, 1312).map(|()| KeyKind::MlDsa44),
        rfc9881::ML_DSA_65 => inspect_length(algorithm, key, 1952).map(|()| KeyKind::MlDsa65),
        rfc9881::ML_DSA_87 => inspect_length(algorithm, key, 2592).map(|()| KeyKind::MlDsa87),
        rfc9935::ML_KEM_512 => inspect_length(algorithm, key, 800).map(|()| KeyKind::MlKem512),
        rfc9935::ML_KEM_768 => inspect_length(algorithm, key, 1184).map(|()| KeyKind::MlKem768),
        rfc9935::ML_KEM_1024 => inspect_length(algorithm, key, 1568).map(|()| KeyKind::MlKem1024),
        other => Err(KeyError::Unsupported(other)),
    }
}

/// Uncompressed points only (RFC 5480 section 2.2).
fn inspect_point(key: &[u8], length: usize) -> Result<(), KeyError> {
    if key.len() == length && key.first() == Some(&0x04) { Ok(()) } else { Err(KeyError::Malformed) }
}

/// For keys of one length, whose parameters must be absent (RFC 8410 section 3, RFC 9881 section 2, RFC 9935 section 3).
fn inspect_length(algorithm: &AlgorithmIdentifierRef<'_>, key: &[u8], length: usize) -> Result<(), KeyError> {
    if algorithm.parameters.is_none() && key.len() == length { Ok(()) } else { Err(KeyError::Malformed) }
}

/// A coordinate of Ed25519 is below 2^255 - 19 (RFC 8032 section 5.1.3). With a point of small order, one signature
/// may hold for any octets, and so prove nothing.
fn inspect_ed25519(key: &[u8]) -> Result<(), KeyError> {
    let mut y = <[u8; 32]>::try_from(key).map_err(|_| KeyError::Malformed)?;
    // The top bit is the other coordinate's sign.
    let [least, middle @ .., most] = &mut y;
    *most &= 0x7f;
    if *least >= 0xed && middle.iter().all(|octet| *octet == 0xff) && *most == 0x7f {
        return Err(KeyError::Malformed);
    }
    if SMALL_ORDER.contains(&y) { Err(KeyError::Ed25519SmallOrder) } else { Ok(()) }
}

/// The coordinates y, little-endian, of the eight points whose order divides the cofactor 8.
const SMALL_ORDER: [[u8; 32]; 5] = [
    // order 4
    [0; 32],
    // order 1
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    // order 2
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
    // order 8
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// The length in bits of an unsigned big-endian integer without leading zero octets.
fn bit_length(octets: &[u8]) -> usize {
    let leading = octets.first().map_or(0, |octet| usize::try_from(octet.leading_zeros()).unwrap_or(0));
    (octets.len() * 8).saturating_sub(leading)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let key = RsaPublicKey {
            modulus: UintRef::new(modulus).unwrap(),
            public_exponent: UintRef::new(exponent).unwrap(),
        }
        .to_der()
        .unwrap();
        SubjectPublicKeyInfoRef {
            algorithm: AlgorithmIdentifierRef {
                oid: rfc5912::RSA_ENCRYPTION,
                parameters: Some(der::asn1::Null.into()),
            },
            subject_public_key: BitStringRef::from_bytes(&key).unwrap(),
        }
        .to_der()
        .unwrap()
    }

    #[test]
    fn short_and_huge_rsa_keys_are_refused() {
        for (octets, bits) in [(128, 1024), (1025, 8200)] {
            let error = PublicKey::from_spki_der(&rsa(&vec![0xff; octets], &[1, 0, 1])).unwrap_err();
            assert_eq!(error, KeyError::RsaModulus { bits });
        }
        let key = PublicKey::from_spki_der(&rsa(&[0xff; 256], &[1, 0, 1])).unwrap();
        assert_eq!(key.kind(), KeyKind::Rsa { bits: 2048 });
        // 2047 bits are not 2048
        let mut modulus = [0xff; 256];
        modulus[0] = 0x7f;
        let error = PublicKey::from_spki_der(&rsa(&modulus, &[1, 0, 1])).unwrap_err();
        assert_eq!(error, KeyError::RsaModulus { bits: 2047 });
    }

    #[test]
    fn odd_rsa_exponents_from_65537_are_accepted() {
        for bad in [&[3][..], &[1, 0, 0], &[1, 0, 1, 0, 0, 0, 0, 0, 1]] {
            let error = PublicKey::from_spki_der(&rsa(&[0xff; 256], bad)).unwrap_err();
            assert_eq!(error, KeyError::RsaExponent, "{bad:?}");
        }
    }

    #[test]
    fn points_must_be_uncompressed() {
        let mut point = [4; 65];
        assert_eq!(PublicKey::from_ec_point(&point).unwrap().kind(), KeyKind::P256);
        assert_eq!(PublicKey::from_ec_point(&[4; 97]).unwrap().kind(), KeyKind::P384);
        assert_eq!(PublicKey::from_ec_point(&[4; 133]).unwrap().kind(), KeyKind::P521);
        point[0] = 2;
        assert_eq!(PublicKey::from_ec_point(&point), Err(KeyError::Malformed));
        assert_eq!(PublicKey::from_ec_point(&[2; 33]), Err(KeyError::Malformed));
    }

    #[test]
    fn raw_keys_have_their_length_and_no_parameters() {
        for (kind, length) in [
            (KeyKind::Ed25519, 32),
            (KeyKind::MlDsa44, 1312),
            (KeyKind::MlDsa65, 1952),
            (KeyKind::MlDsa87, 2592),
            (KeyKind::MlKem512, 800),
            (KeyKind::MlKem768, 1184),
            (KeyKind::MlKem1024, 1568),
        ] {
            let key = PublicKey::from_raw(kind, &vec![2; length]).unwrap();
            let spki = spki::SubjectPublicKeyInfoOwned::from_der(key.spki_octets()).unwrap();
            assert_eq!(spki.algorithm, kind.identifier());
            assert_eq!((key.kind(), key.key_octets().len()), (kind, length));
            for other in [0, length - 1, length + 1] {
                assert_eq!(PublicKey::from_raw(kind, &vec![2; other]), Err(KeyError::Malformed), "{kind}");
            }
            let spki = SubjectPublicKeyInfoRef::from_der(key.spki_octets()).unwrap();
            let parameters = Some(der::asn1::Null.into());
            let algorithm = AlgorithmIdentifierRef { oid: spki.algorithm.oid, parameters };
            assert_eq!(PublicKey::from_parts(algorithm, key.key_octets()), Err(KeyError::Malformed));
        }
        for kind in [KeyKind::P256, KeyKind::Rsa { bits: 2048 }] {
            assert_eq!(PublicKey::from_raw(kind, &[4; 65]), Err(KeyError::Malformed));
        }
    }

    #[test]
    fn ed25519_points_are_canonical_and_of_large_order() {
        for sign in [0, 0x80] {
            for least in 0xed..=0xff {
                let mut key = [0xff; 32];
                (key[0], key[31]) = (least, 0x7f | sign);
                assert_eq!(PublicKey::from_raw(KeyKind::Ed25519, &key), Err(KeyError::Malformed));
            }
            for mut key in SMALL_ORDER {
                key[31] |= sign;
                assert_eq!(PublicKey::from_raw(KeyKind::Ed25519, &key), Err(KeyError::Ed25519SmallOrder));
            }
        }
    }

    #[test]
    fn strength_follows_rfc_9481() {
        for (bits, strength) in [(2048, 112), (3071, 112), (3072, 128), (4096, 128), (8192, 192)] {
            assert_eq!(KeyKind::Rsa { bits }.strength(), strength, "{bits}");
        }
    }

    #[test]
    fn garbage_is_malformed() {
        for octets in [&[][..], &[0x30], &[0x30, 0x00], &[0xff; 100]] {
            assert_eq!(PublicKey::from_spki_der(octets), Err(KeyError::Malformed));
        }
    }
}
