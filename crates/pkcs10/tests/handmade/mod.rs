//! DER put together by hand, so that it can be wrong; and a key to sign it with.
#![allow(dead_code, unreachable_pub)] // each test file uses a part

use std::str::FromStr;
use std::sync::LazyLock;

use crypto::{CryptoProvider, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use der::Encode;
use der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::ext::Extension;
use x509_cert::name::Name;

pub static PROVIDER: LazyLock<CryptoProvider> = LazyLock::new(crypto_aws_lc::provider);
pub static KEY: LazyLock<SoftwareKey> = LazyLock::new(|| SoftwareKey::generate(KeyType::P256).unwrap());
pub static OTHER_KEY: LazyLock<SoftwareKey> = LazyLock::new(|| SoftwareKey::generate(KeyType::P256).unwrap());

pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;

/// extensionRequest, 1.2.840.113549.1.9.14
pub const EXTENSION_REQUEST: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
/// challengePassword, 1.2.840.113549.1.9.7
pub const CHALLENGE_PASSWORD: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07];

pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let mut octets = vec![tag];
    match value.len() {
        length @ 0..=0x7f => octets.push(length as u8),
        length @ 0x80..=0xff => octets.extend([0x81, length as u8]),
        length => octets.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    octets.extend(value);
    octets
}

pub fn subject() -> Name {
    Name::from_str("CN=enb0001.operator.example,O=Operator").unwrap()
}

/// An extension by the last number of its object identifier.
pub fn extension(number: u32) -> Extension {
    Extension {
        extn_id: ObjectIdentifier::new(&format!("1.3.6.1.4.1.32473.{number}")).unwrap(),
        critical: number.is_multiple_of(2),
        extn_value: OctetString::new(number.to_be_bytes()).unwrap(),
    }
}

/// A CertificationRequestInfo whose version and attributes are the caller's.
pub fn info(version: u8, attributes: &[u8]) -> Vec<u8> {
    let subject = subject().to_der().unwrap();
    tlv(SEQUENCE, &[&tlv(INTEGER, &[&[version]]), &subject, KEY.public_key().spki_octets(), attributes])
}

/// A CertificationRequest around an info, truly signed by its key.
pub fn signed(info: &[u8]) -> Vec<u8> {
    let signature = KEY.sign(info).unwrap();
    request(info, &KEY.algorithm().identifier().to_der().unwrap(), &signature)
}

pub fn request(info: &[u8], algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[info, algorithm, &tlv(BIT_STRING, &[&[0], signature])])
}

/// The attributes field, `[0]`.
pub fn attributes(attributes: &[&[u8]]) -> Vec<u8> {
    tlv(0xa0, attributes)
}

pub fn attribute(oid: &[u8], values: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &[oid, &tlv(SET, values)])
}

/// One value of extensionRequest: Extensions.
pub fn extensions(extensions: &[Extension]) -> Vec<u8> {
    extensions.to_vec().to_der().unwrap()
}
