use alloc::vec::Vec;
use core::fmt;

use asn1::oids::rfc5912;
use der::asn1::{BitStringRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, Sequence};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::KeyError;

/// What kind of key a [`PublicKey`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// id-ecPublicKey on secp256r1
    P256,
    /// id-ecPublicKey on secp384r1
    P384,
    /// rsaEncryption
    Rsa {
        /// The modulus's length.
        bits: usize,
    },
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::Rsa { bits } => write!(f, "RSA-{bits}"),
        }
    }
}

/// RSAPublicKey, RFC 8017 appendix A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

/// A public key whose encoding was inspected and whose strength suffices: P-256, P-384, or RSA with 2048 to
/// 8192 bits and an exponent from 65537 (TS 33.310 section 6.1.1).
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
    /// When it is malformed, of an unsupported kind, or too weak. That an elliptic curve point lies on its curve
    /// is found out when a signature is verified with it.
    pub fn from_spki_der(octets: &[u8]) -> Result<Self, KeyError> {
        let spki = SubjectPublicKeyInfoRef::<'_>::from_der(octets).map_err(|_| KeyError::Malformed)?;
        let key = spki.subject_public_key.as_bytes().ok_or(KeyError::Malformed)?;
        let kind = inspect(&spki.algorithm, key)?;
        Ok(Self { spki: octets.to_vec(), kind, key: key.to_vec() })
    }

    /// An elliptic curve key from its uncompressed point (SEC 1 section 2.3.3): 65 octets on P-256, 97 on P-384.
    ///
    /// # Errors
    /// When the octets are not an uncompressed point of either length.
    pub fn from_ec_point(point: &[u8]) -> Result<Self, KeyError> {
        let curve = match point.len() {
            65 => rfc5912::SECP256R1,
            97 => rfc5912::SECP384R1,
            _ => return Err(KeyError::Malformed),
        };
        let spki = SubjectPublicKeyInfoRef {
            algorithm: AlgorithmIdentifierRef {
                oid: rfc5912::EC_PUBLIC_KEY,
                parameters: Some((&curve).into()),
            },
            subject_public_key: BitStringRef::from_bytes(point).map_err(|_| KeyError::Malformed)?,
        };
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

    /// The content of subjectPublicKey: an uncompressed point, or an RSAPublicKey.
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
                other => return Err(KeyError::Unsupported(other)),
            };
            if key.len() == length && key.first() == Some(&0x04) {
                Ok(kind)
            } else {
                Err(KeyError::Malformed)
            }
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
        other => Err(KeyError::Unsupported(other)),
    }
}

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
        point[0] = 2;
        assert_eq!(PublicKey::from_ec_point(&point), Err(KeyError::Malformed));
        assert_eq!(PublicKey::from_ec_point(&[2; 33]), Err(KeyError::Malformed));
    }

    #[test]
    fn garbage_is_malformed() {
        for octets in [&[][..], &[0x30], &[0x30, 0x00], &[0xff; 100]] {
            assert_eq!(PublicKey::from_spki_der(octets), Err(KeyError::Malformed));
        }
    }
}
