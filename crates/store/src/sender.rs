use asn1::EncodedCertificate;
use cmp::{Credential, Reference};
use der::asn1::OctetString;
use der::{Any, Decode, Reader, Tag};

use crate::Error;

/// What a message was protected with: `CHOICE { certificate Certificate, reference OCTET STRING }`. Of a shared secret, only the
/// reference is kept.
pub(crate) enum Sender {
    Certificate(EncodedCertificate),
    Reference(OctetString),
}

impl<'a> Decode<'a> for Sender {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        match Tag::peek(reader)? {
            Tag::OctetString => reader.decode().map(Self::Reference),
            _ => reader.decode().map(Self::Certificate),
        }
    }
}

impl Sender {
    fn choice(&self) -> der::Result<Any> {
        match self {
            Self::Certificate(certificate) => Any::from_der(certificate.octets()),
            Self::Reference(reference) => Any::encode_from(reference),
        }
    }
}

asn1::encode_choice!(Sender);

impl Sender {
    pub(crate) fn new(credential: &Credential) -> Result<Self, Error> {
        Ok(match credential {
            Credential::Certificate(certificate) => Self::Certificate(certificate.clone()),
            Credential::SharedSecret(reference) => {
                Self::Reference(OctetString::new(reference.as_octets()).map_err(Error::Encoding)?)
            }
        })
    }
}

impl From<Sender> for Credential {
    fn from(sender: Sender) -> Self {
        match sender {
            Sender::Certificate(certificate) => Self::Certificate(certificate),
            Sender::Reference(reference) => Self::SharedSecret(Reference::new(reference.as_bytes())),
        }
    }
}
