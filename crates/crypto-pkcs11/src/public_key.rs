//! A public key out of a token's objects.

use asn1::oids::rfc5912;
use crypto::{KeyError, KeyKind, PublicKey};
use cryptoki::error::Error as CryptokiError;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use der::asn1::{BitStringRef, Null, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

/// What of a key's attributes says what its public half is.
#[derive(Default)]
struct Found {
    key_type: Option<KeyType>,
    id: Option<Vec<u8>>,
    label: Option<Vec<u8>>,
    modulus: Option<Vec<u8>>,
    public_exponent: Option<Vec<u8>>,
    ec_point: Option<Vec<u8>>,
}

fn read(session: &Session, object: ObjectHandle) -> Result<Found, CryptokiError> {
    let wanted = [
        AttributeType::KeyType,
        AttributeType::Id,
        AttributeType::Label,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
        AttributeType::EcPoint,
    ];
    let mut found = Found::default();
    // What an object does not have is left out.
    for attribute in session.get_attributes(object, &wanted)? {
        match attribute {
            Attribute::KeyType(key_type) => found.key_type = Some(key_type),
            Attribute::Id(id) => found.id = Some(id).filter(|id| !id.is_empty()),
            Attribute::Label(label) => found.label = Some(label).filter(|label| !label.is_empty()),
            Attribute::Modulus(modulus) => found.modulus = Some(modulus),
            Attribute::PublicExponent(exponent) => found.public_exponent = Some(exponent),
            Attribute::EcPoint(point) => found.ec_point = Some(point),
            _ => {}
        }
    }
    Ok(found)
}

/// The public half of a private key: of RSA from the private key itself, otherwise from the public key with the same
/// CKA_ID, or where there is none the same label. `None` when the token does not hold it.
pub(crate) fn find(
    session: &Session,
    private_key: ObjectHandle,
) -> Result<Option<Result<PublicKey, KeyError>>, CryptokiError> {
    let private = read(session, private_key)?;
    if let Some(key) = decode(&private) {
        return Ok(Some(key));
    }
    let name = match (private.id, private.label) {
        (Some(id), _) => Attribute::Id(id),
        (None, Some(label)) => Attribute::Label(label),
        (None, None) => return Ok(None),
    };
    for object in session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY), name])? {
        let mut public = read(session, object)?;
        public.key_type = public.key_type.or(private.key_type);
        if public.key_type == private.key_type
            && let Some(key) = decode(&public)
        {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

fn decode(found: &Found) -> Option<Result<PublicKey, KeyError>> {
    match (found.key_type?, found) {
        (KeyType::RSA, Found { modulus: Some(modulus), public_exponent: Some(exponent), .. }) => {
            Some(rsa(modulus, exponent))
        }
        (KeyType::EC, Found { ec_point: Some(point), .. }) => Some(PublicKey::from_ec_point(unwrap(point))),
        (KeyType::EC_EDWARDS, Found { ec_point: Some(point), .. }) => {
            Some(PublicKey::from_raw(KeyKind::Ed25519, unwrap(point)))
        }
        _ => None,
    }
}

/// CKA_EC_POINT is an OCTET STRING in DER (PKCS #11 section 2.3.3), but some tokens leave that out.
fn unwrap(point: &[u8]) -> &[u8] {
    <&OctetStringRef>::from_der(point).map_or(point, |point| point.as_bytes())
}

/// RSAPublicKey, RFC 8017 appendix A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

fn rsa(modulus: &[u8], public_exponent: &[u8]) -> Result<PublicKey, KeyError> {
    let encode = || {
        let key =
            RsaPublicKey { modulus: UintRef::new(modulus)?, public_exponent: UintRef::new(public_exponent)? }
                .to_der()?;
        SubjectPublicKeyInfoRef {
            algorithm: AlgorithmIdentifierRef { oid: rfc5912::RSA_ENCRYPTION, parameters: Some(Null.into()) },
            subject_public_key: BitStringRef::from_bytes(&key)?,
        }
        .to_der()
    };
    PublicKey::from_spki_der(&encode().map_err(|_: der::Error| KeyError::Malformed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_with_and_without_their_octet_string() {
        let mut point = vec![4; 65];
        let bare = PublicKey::from_ec_point(&point).unwrap();
        let found = |ec_point: Vec<u8>| Found {
            key_type: Some(KeyType::EC),
            ec_point: Some(ec_point),
            ..Found::default()
        };
        assert_eq!(decode(&found(point.clone())), Some(Ok(bare.clone())));
        point.splice(..0, [0x04, 65]);
        assert_eq!(decode(&found(point)), Some(Ok(bare)));
        for bad in [vec![], vec![4; 64], vec![0x04, 0x41], vec![2; 33]] {
            assert_eq!(decode(&found(bad)), Some(Err(KeyError::Malformed)));
        }
    }

    #[test]
    fn an_rsa_key_is_checked_as_any_other() {
        let key = rsa(&[0xff; 256], &[1, 0, 1]).unwrap();
        assert_eq!(key.kind(), KeyKind::Rsa { bits: 2048 });
        assert_eq!(rsa(&[0xff; 128], &[1, 0, 1]), Err(KeyError::RsaModulus { bits: 1024 }));
        assert_eq!(rsa(&[0xff; 256], &[3]), Err(KeyError::RsaExponent));
        assert!(rsa(&[], &[]).is_err());
    }
}
