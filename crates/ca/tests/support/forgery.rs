use asn1::EncodedCertificate;
use cmp::{PkiBody, PkiHeader, PkiMessage};
use crypto::SigningKey;
use der::asn1::{BitString, ContextSpecific};
use der::{Encode, Tag, TagMode, TagNumber};

use super::Requester;

/// A message that the library would not make, properly signed: header and body are changed first.
pub fn forged(
    message: &[u8],
    signer: &Requester,
    change: impl FnOnce(&mut PkiHeader, &mut PkiBody),
) -> Vec<u8> {
    let sign = |octets: &[u8]| Some(signer.key.sign(octets).unwrap());
    protected_by(message, change, sign, vec![signer.certificate.clone()])
}

/// A message with any protection, or none, and any certificates.
pub fn protected_by(
    message: &[u8],
    change: impl FnOnce(&mut PkiHeader, &mut PkiBody),
    protect: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
    extra_certs: Vec<EncodedCertificate>,
) -> Vec<u8> {
    let message = PkiMessage::from_der(message).unwrap();
    let (mut header, mut body) = (message.header().clone(), message.body().clone());
    change(&mut header, &mut body);
    let protected_part = [header.to_der().unwrap(), body.to_der().unwrap()].concat();
    let protection = protect(&sequence(&[&protected_part]))
        .map_or(Vec::new(), |value| explicit(0, BitString::from_bytes(&value).unwrap()));
    let extra_certs = if extra_certs.is_empty() { Vec::new() } else { explicit(1, extra_certs) };
    sequence(&[&protected_part, &protection, &extra_certs])
}

/// The message without its protection and certificates.
pub fn unprotected(message: &[u8]) -> Vec<u8> {
    let message = PkiMessage::from_der(message).unwrap();
    let mut header = message.header().clone();
    header.protection_alg = None;
    sequence(&[&header.to_der().unwrap(), &message.body().to_der().unwrap()])
}

pub fn sequence(elements: &[&[u8]]) -> Vec<u8> {
    let value = elements.concat();
    let mut octets = Vec::new();
    der::Header::new(Tag::Sequence, value.len().try_into().unwrap()).encode_to_vec(&mut octets).unwrap();
    [octets, value].concat()
}

fn explicit<T>(number: u32, value: T) -> Vec<u8>
where
    T: der::EncodeValue + der::Tagged + for<'a> der::DecodeValue<'a>,
{
    let field = ContextSpecific { tag_number: TagNumber(number), tag_mode: TagMode::Explicit, value };
    field.to_der().unwrap()
}
