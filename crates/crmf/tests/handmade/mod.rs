//! DER put together by hand, so that it can be wrong; and a key to sign it with.
#![allow(dead_code, unreachable_pub)] // each test file uses a part

use std::str::FromStr;
use std::sync::LazyLock;

use crypto::{CryptoProvider, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use der::Encode;
use der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

pub static PROVIDER: LazyLock<CryptoProvider> = LazyLock::new(crypto_aws_lc::provider);
pub static KEY: LazyLock<SoftwareKey> = LazyLock::new(|| SoftwareKey::generate(KeyType::P256).unwrap());
pub static OTHER_KEY: LazyLock<SoftwareKey> = LazyLock::new(|| SoftwareKey::generate(KeyType::P256).unwrap());

pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const SEQUENCE: u8 = 0x30;

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

/// The same TLV under another tag.
pub fn retagged(tag: u8, tlv: &[u8]) -> Vec<u8> {
    [&[tag], &tlv[1..]].concat()
}

pub fn subject() -> Name {
    Name::from_str("CN=enb0001.operator.example,O=Operator").unwrap()
}

/// Who is authenticated.
pub fn sender() -> GeneralName {
    GeneralName::DirectoryName(Name::from_str("CN=eNB-SN-0001,O=Vendor").unwrap())
}

pub fn other_sender() -> GeneralName {
    GeneralName::DirectoryName(Name::from_str("CN=eNB-SN-0002,O=Vendor").unwrap())
}

/// An extension by the last number of its object identifier.
pub fn extension(number: u32) -> Extension {
    Extension {
        extn_id: ObjectIdentifier::new(&format!("1.3.6.1.4.1.32473.{number}")).unwrap(),
        critical: number.is_multiple_of(2),
        extn_value: OctetString::new(number.to_be_bytes()).unwrap(),
    }
}

/// The key's SubjectPublicKeyInfo.
pub fn spki() -> &'static [u8] {
    KEY.public_key().spki_octets()
}

/// subject, as it stands in a template.
pub fn subject_field() -> Vec<u8> {
    tlv(0xa5, &[&subject().to_der().unwrap()])
}

/// publicKey, as it stands in a template.
pub fn public_key_field() -> Vec<u8> {
    retagged(0xa6, spki())
}

/// A CertRequest with these fields in its template, and no controls.
pub fn cert_request(template: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &[&[INTEGER, 1, 0], &tlv(SEQUENCE, template)])
}

/// A CertReqMsg with a signature over `signed`, truly made by the key.
pub fn cert_req_msg(cert_request: &[u8], poposk_input: &[u8], signed: &[u8]) -> Vec<u8> {
    with_signature(cert_request, poposk_input, &KEY.sign(signed).unwrap())
}

pub fn with_signature(cert_request: &[u8], poposk_input: &[u8], signature: &[u8]) -> Vec<u8> {
    let algorithm = KEY.algorithm().identifier().to_der().unwrap();
    let signature = tlv(BIT_STRING, &[&[0], signature]);
    tlv(SEQUENCE, &[cert_request, &tlv(0xa1, &[poposk_input, &algorithm, &signature])])
}

/// POPOSigningKeyInput under its universal tag, as it is signed.
pub fn poposk_input(sender: &GeneralName, spki: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&tlv(0xa0, &[&sender.to_der().unwrap()]), spki])
}
