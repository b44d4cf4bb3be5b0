//! Proof of possession: what holds, and every way in which it does not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions, missing_docs)]

mod handmade;

use asn1::oids::rfc2985::EXTENSION_REQUEST as EXTENSION_REQUEST_OID;
use crypto::{AlgorithmError, KeyError, KeyKind, PublicKey, SignatureAlgorithm, SigningKey, VerifyError};
use der::asn1::{BitStringRef, Null, UintRef};
use der::{Encode, Sequence};
use handmade::*;
use pkcs10::{CertReq, CertReqBuilder, Error, MAX_ATTRIBUTES, MAX_EXTENSIONS, VerifiedRequest};

fn verify(octets: &[u8]) -> Result<VerifiedRequest, Error> {
    CertReq::from_der(octets)?.verify_pop(&PROVIDER)
}

fn builder() -> CertReqBuilder {
    let mut builder = CertReqBuilder::new(subject(), KEY.public_key());
    builder.extensions = vec![extension(1), extension(2)];
    builder
}

#[test]
fn microsoft_s_variant_counts_for_those_who_ask() {
    let name = &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x0e];
    let value = extensions(&[extension(1)]);
    let octets = signed(&info(0, &attributes(&[&attribute(name, &[&value])])));
    let request = verify(&octets).unwrap();
    assert_eq!(request.extensions(), []);
    let asked = request.request().microsoft_requested_extensions().unwrap();
    assert_eq!(asked.len(), 1);
    let twice = signed(&info(0, &attributes(&[&attribute(name, &[&value, &value])])));
    let error = verify(&twice).unwrap().request().microsoft_requested_extensions().unwrap_err();
    assert!(matches!(error, Error::NotSingleValued { values: 2, .. }), "{error}");
}

#[test]
fn what_was_built_verifies() {
    let octets = builder().sign(&*KEY).unwrap();
    let verified = verify(&octets).unwrap();
    assert_eq!(verified.request().octets(), octets);
    assert_eq!(verified.request().to_der().unwrap(), octets);
    assert_eq!(verified.public_key(), KEY.public_key());
    assert_eq!(verified.request().public_key_octets(), KEY.public_key().spki_octets());
    assert_eq!(*verified.subject(), subject());
    assert_eq!(verified.extensions(), [extension(1), extension(2)]);
}

#[test]
fn signing_in_two_phases_is_the_same() {
    let builder = builder();
    let signature = KEY.sign(&builder.to_be_signed().unwrap()).unwrap();
    let octets = builder.with_signature(KEY.algorithm(), &signature).unwrap();
    assert_eq!(octets, request(&builder.to_be_signed().unwrap(), &algorithm(&*KEY), &signature));
    assert!(verify(&octets).is_ok());
}

#[test]
fn without_extensions_the_attributes_are_empty_but_there() {
    let builder = CertReqBuilder::new(subject(), KEY.public_key());
    assert_eq!(builder.to_be_signed().unwrap(), info(0, &[0xa0, 0x00]));
    assert!(verify(&builder.sign(&*KEY).unwrap()).unwrap().extensions().is_empty());
}

#[test]
fn every_flipped_bit_is_noticed() {
    let octets = builder().sign(&*KEY).unwrap();
    for bit in 0..octets.len() * 8 {
        let mut flipped = octets.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn truncated_and_prolonged_requests_are_malformed() {
    let octets = builder().sign(&*KEY).unwrap();
    for length in 0..octets.len() {
        assert!(matches!(CertReq::from_der(&octets[..length]), Err(Error::Malformed(_))), "{length} octets");
    }
    assert!(matches!(CertReq::from_der(&[&octets[..], &[0]].concat()), Err(Error::Malformed(_))));
}

#[test]
fn another_key_proves_nothing() {
    let info = builder().to_be_signed().unwrap();
    let forged = request(&info, &algorithm(&*KEY), &OTHER_KEY.sign(&info).unwrap());
    assert_eq!(verify(&forged).unwrap_err(), Error::ProofOfPossession(VerifyError::BadSignature));
    assert_eq!(builder().sign(&*OTHER_KEY), Err(Error::OtherSigningKey));
}

#[test]
fn a_signature_over_other_octets_proves_nothing() {
    let mut other = builder();
    other.extensions.pop();
    let signature = KEY.sign(&other.to_be_signed().unwrap()).unwrap();
    let octets = builder().with_signature(KEY.algorithm(), &signature).unwrap();
    assert_eq!(verify(&octets).unwrap_err(), Error::ProofOfPossession(VerifyError::BadSignature));
}

#[test]
fn the_signature_covers_the_octets_received_even_where_they_are_not_canonical() {
    // DER sorts a SET OF and omits `critical FALSE`; what was signed is what counts.
    let extension = [&[0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0x00, 0x04, 0x02, 0x05, 0x00][..]];
    let value = tlv(SEQUENCE, &[&tlv(SEQUENCE, &extension)]);
    let request_attribute = attribute(EXTENSION_REQUEST, &[&value]);
    let password = attribute(CHALLENGE_PASSWORD, &[&tlv(0x0c, &[b"secret"])]);
    assert!(password < request_attribute);
    let octets = signed(&info(0, &attributes(&[&request_attribute, &password])));
    let verified = verify(&octets).unwrap();
    assert_eq!(verified.request().to_der().unwrap(), octets);
    assert_eq!(verified.request().attributes().len(), 2);
    assert_eq!(verified.extensions().len(), 1);
}

#[test]
fn missing_attributes_are_tolerated_and_stay_missing() {
    let octets = signed(&info(0, &[]));
    let verified = verify(&octets).unwrap();
    assert_eq!(verified.request().to_der().unwrap(), octets);
    assert!(verified.request().attributes().is_empty());
}

#[test]
fn an_empty_extension_request_asks_for_nothing() {
    let octets = signed(&info(0, &attributes(&[&attribute(EXTENSION_REQUEST, &[&[0x30, 0x00]])])));
    assert!(verify(&octets).unwrap().extensions().is_empty());
}

#[test]
fn version_must_be_0() {
    for version in [1, 2, 0xff] {
        let octets = signed(&info(version, &[0xa0, 0x00]));
        assert!(matches!(CertReq::from_der(&octets), Err(Error::Malformed(_))), "{version}");
    }
}

#[test]
fn extension_request_stands_there_once_with_one_value() {
    let value = extensions(&[extension(1)]);
    let one = attribute(EXTENSION_REQUEST, &[&value]);
    let twice = signed(&info(0, &attributes(&[&one, &one])));
    assert_eq!(verify(&twice).unwrap_err(), Error::DuplicateAttribute(EXTENSION_REQUEST_OID));

    let other_value = extensions(&[extension(2)]);
    for (values, count) in [(vec![], 0), (vec![&value[..], &other_value], 2)] {
        let octets = signed(&info(0, &attributes(&[&attribute(EXTENSION_REQUEST, &values)])));
        let expected = Error::NotSingleValued { attribute: EXTENSION_REQUEST_OID, values: count };
        assert_eq!(verify(&octets).unwrap_err(), expected);
    }
}

#[test]
fn a_malformed_extension_request_is_malformed() {
    for value in [&[0x05, 0x00][..], &[0x30, 0x02, 0x05, 0x00], &[0x30, 0x02, 0x30, 0x00]] {
        let octets = signed(&info(0, &attributes(&[&attribute(EXTENSION_REQUEST, &[value])])));
        assert!(matches!(verify(&octets), Err(Error::Malformed(_))), "{value:02x?}");
    }
}

#[test]
fn an_extension_is_asked_for_once() {
    let twice = [extension(1), extension(2), extension(1)];
    let octets = signed(&info(0, &attributes(&[&attribute(EXTENSION_REQUEST, &[&extensions(&twice)])])));
    let expected = Error::DuplicateExtension(extension(1).extn_id);
    assert_eq!(verify(&octets).unwrap_err(), expected);

    let mut builder = builder();
    builder.extensions = twice.to_vec();
    assert_eq!(builder.to_be_signed(), Err(expected));
}

#[test]
fn attributes_and_extensions_are_bounded() {
    let password = attribute(CHALLENGE_PASSWORD, &[&tlv(0x0c, &[b"secret"])]);
    let count = MAX_ATTRIBUTES + 1;
    let octets = signed(&info(0, &attributes(&vec![&password[..]; count])));
    let expected = Error::TooManyAttributes { count, limit: MAX_ATTRIBUTES };
    assert_eq!(verify(&octets).unwrap_err(), expected);
    assert!(verify(&signed(&info(0, &attributes(&vec![&password[..]; MAX_ATTRIBUTES])))).is_ok());

    let many: Vec<_> = (0..33).map(extension).collect();
    let octets = signed(&info(0, &attributes(&[&attribute(EXTENSION_REQUEST, &[&extensions(&many)])])));
    let expected = Error::TooManyExtensions { count: many.len(), limit: MAX_EXTENSIONS };
    assert_eq!(verify(&octets).unwrap_err(), expected);
}

#[test]
fn a_signature_is_whole_octets() {
    let info = info(0, &[0xa0, 0x00]);
    let signature = tlv(BIT_STRING, &[&[1], &[0x30; 70]]);
    let octets = tlv(SEQUENCE, &[&info, &algorithm(&*KEY), &signature]);
    assert_eq!(verify(&octets).unwrap_err(), Error::UnusedBits);
}

#[test]
fn sha1_is_refused() {
    let oid = der::asn1::ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
    let info = info(0, &[0xa0, 0x00]);
    let octets = request(&info, &tlv(SEQUENCE, &[&oid.to_der().unwrap()]), &KEY.sign(&info).unwrap());
    assert_eq!(verify(&octets).unwrap_err(), Error::Algorithm(AlgorithmError::Unsupported(oid)));
}

#[test]
fn the_algorithm_must_fit_the_key() {
    let info = info(0, &[0xa0, 0x00]);
    let rsa = SignatureAlgorithm::Sha256WithRsa;
    let octets = request(&info, &rsa.identifier().to_der().unwrap(), &KEY.sign(&info).unwrap());
    let expected =
        Error::ProofOfPossession(VerifyError::AlgorithmDoesNotFitKey { algorithm: rsa, key: KeyKind::P256 });
    assert_eq!(verify(&octets).unwrap_err(), expected);
    assert_eq!(builder().with_signature(rsa, &[1; 256]), Err(expected));
}

#[test]
fn weak_keys_are_refused() {
    #[derive(Sequence)]
    struct RsaPublicKey<'a> {
        modulus: UintRef<'a>,
        public_exponent: UintRef<'a>,
    }
    let modulus = UintRef::new(&[0xff; 128]).unwrap();
    let key = RsaPublicKey { modulus, public_exponent: UintRef::new(&[1, 0, 1]).unwrap() }.to_der().unwrap();
    let spki = spki::SubjectPublicKeyInfoRef {
        algorithm: spki::AlgorithmIdentifierRef {
            oid: asn1::oids::rfc5912::RSA_ENCRYPTION,
            parameters: Some(Null.into()),
        },
        subject_public_key: BitStringRef::from_bytes(&key).unwrap(),
    };
    let subject = subject().to_der().unwrap();
    let info = tlv(SEQUENCE, &[&[2, 1, 0], &subject, &spki.to_der().unwrap(), &[0xa0, 0x00]]);
    let octets = request(&info, &SignatureAlgorithm::Sha256WithRsa.identifier().to_der().unwrap(), &[1; 128]);
    let expected = Error::PublicKey(KeyError::RsaModulus { bits: 1024 });
    assert_eq!(verify(&octets).unwrap_err(), expected);
}

#[test]
fn a_point_off_its_curve_proves_nothing() {
    let mut point = KEY.public_key().key_octets().to_vec();
    point[64] ^= 1;
    let off_curve = PublicKey::from_ec_point(&point).unwrap();
    let builder = CertReqBuilder::new(subject(), &off_curve);
    let signature = KEY.sign(&builder.to_be_signed().unwrap()).unwrap();
    let octets = builder.with_signature(KEY.algorithm(), &signature).unwrap();
    assert_eq!(verify(&octets).unwrap_err(), Error::ProofOfPossession(VerifyError::BadSignature));
}

fn algorithm(key: &dyn SigningKey) -> Vec<u8> {
    key.algorithm().identifier().to_der().unwrap()
}
