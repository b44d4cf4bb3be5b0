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
    let message = PkiMessage::from_der(message).unwrap();
    let (mut header, mut body) = (message.header().clone(), message.body().clone());
    change(&mut header, &mut body);
    let protected_part = [header.to_der().unwrap(), body.to_der().unwrap()].concat();
    let signature = signer.key.sign(&sequence(&[&protected_part])).unwrap();
    let protection = explicit(0, BitString::from_bytes(&signature).unwrap());
    let extra_certs = explicit(1, vec![signer.certificate.clone()]);
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
