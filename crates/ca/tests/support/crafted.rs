//! Certificates and requests that no library would make.

use asn1::EncodedCertificate;
use crypto::SigningKey;
use crypto_aws_lc::SoftwareKey;
use der::{Any, Encode, Tag, TagNumber};
use x509_cert::name::Name;

use super::{key, name, sequence};

/// Somebody who certifies whatever he likes.
pub struct Forger {
    pub name: Name,
    pub key: SoftwareKey,
}

/// What a certificate says.
pub struct Contents<'a> {
    pub subject: Name,
    pub spki: &'a [u8],
    /// In whole years from 2020 on.
    pub validity: (u16, u16),
    /// Whether it is a CA's.
    pub is_ca: bool,
    /// DER of further Extensions.
    pub extensions: Vec<Vec<u8>>,
}

impl<'a> Contents<'a> {
    pub fn of(subject: &str, spki: &'a [u8]) -> Self {
        Self { subject: name(subject), spki, validity: (2020, 2049), is_ca: false, extensions: Vec::new() }
    }

    pub fn ca(subject: &str, spki: &'a [u8]) -> Self {
        Self { is_ca: true, ..Self::of(subject, spki) }
    }
}

impl Forger {
    pub fn new(subject: &str) -> Self {
        Self { name: name(subject), key: key() }
    }

    pub fn certify(&self, contents: &Contents<'_>) -> EncodedCertificate {
        let algorithm = self.key.algorithm().identifier().to_der().unwrap();
        let (from, to) = contents.validity;
        let time = |year: u16| tlv(Tag::UtcTime, format!("{:02}0101000000Z", year % 100).as_bytes());
        let mut extensions = contents.extensions.clone();
        if contents.is_ca {
            // basicConstraints, critical: cA TRUE; keyUsage, critical: keyCertSign, cRLSign and digitalSignature.
            extensions.push(extension(&[0x55, 0x1d, 0x13], true, &[0x30, 3, 1, 1, 0xff]));
            extensions.push(extension(&[0x55, 0x1d, 0x0f], true, &[3, 2, 1, 0x86]));
        }
        let list = sequence(&extensions.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let tbs = sequence(&[
            &explicit(0, &[2, 1, 2]),
            &[2, 1, 7],
            &algorithm,
            &self.name.to_der().unwrap(),
            &sequence(&[&time(from), &time(to)]),
            &contents.subject.to_der().unwrap(),
            contents.spki,
            &if extensions.is_empty() { Vec::new() } else { explicit(3, &list) },
        ]);
        let signature = bit_string(&self.key.sign(&tbs).unwrap());
        EncodedCertificate::new(&sequence(&[&tbs, &algorithm, &signature])).unwrap()
    }

    pub fn root(&self) -> EncodedCertificate {
        self.certify(&Contents::ca(&self.name.to_string(), self.key.public_key().spki_octets()))
    }
}

/// A PKCS #10 request for that key, signed by another.
pub fn request(subject: &str, spki: &[u8], signer: &SoftwareKey) -> Vec<u8> {
    let info = sequence(&[&[2, 1, 0], &name(subject).to_der().unwrap(), spki, &[0xa0, 0]]);
    let signature = bit_string(&signer.sign(&info).unwrap());
    sequence(&[&info, &signer.algorithm().identifier().to_der().unwrap(), &signature])
}

pub fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    sequence(&[&tlv(Tag::ObjectIdentifier, oid), critical, &tlv(Tag::OctetString, value)])
}

/// SubjectPublicKeyInfo of these: an AlgorithmIdentifier's content, and the key.
pub fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    sequence(&[&sequence(&[algorithm]), &bit_string(key)])
}

pub fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = sequence(&[&tlv(Tag::Integer, modulus), &tlv(Tag::Integer, exponent)]);
    spki(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0], &key)
}

/// A point of id-ecPublicKey, on the curve with these parameters.
pub fn ec_spki(parameters: &[u8], point: &[u8]) -> Vec<u8> {
    spki(&[&[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], parameters].concat(), point)
}

pub const P256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
pub const P384: [u8; 7] = [6, 5, 0x2b, 0x81, 4, 0, 0x22];

fn bit_string(octets: &[u8]) -> Vec<u8> {
    tlv(Tag::BitString, &[&[0], octets].concat())
}

fn explicit(number: u32, octets: &[u8]) -> Vec<u8> {
    tlv(Tag::ContextSpecific { constructed: true, number: TagNumber(number) }, octets)
}

pub fn tlv(tag: Tag, octets: &[u8]) -> Vec<u8> {
    Any::new(tag, octets).unwrap().to_der().unwrap()
}
