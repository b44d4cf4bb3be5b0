//! CertReqMessages, CertReqMsg and CertRequest, RFC 4211 sections 3 and 5.

use alloc::vec::Vec;
use core::fmt;

use asn1::Captured;
use crypto::PublicKey;
use der::{
    Decode, DecodeValue, EncodeValue, ErrorKind, FixedTag, Header, Length, Reader, Sequence, Tag, Writer,
};

use crate::controls::{self, AttributeTypeAndValue, CertId};
use crate::{CertTemplate, Error, ProofOfPossession};

/// How many requests one [`CertReqMessages`] may hold. RFC 9483 section 4.1.1 allows one.
pub const MAX_CERT_REQ_MESSAGES: usize = 64;

/// Requests that travel together.
///
/// ```text
/// CertReqMessages ::= SEQUENCE SIZE (1..MAX) OF CertReqMsg
/// ```
///
/// RFC 4211 section 3. From 1 to [`MAX_CERT_REQ_MESSAGES`] are accepted. How large they may be together is for the
/// caller to say, before decoding them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertReqMessages(Vec<CertReqMsg>);

impl CertReqMessages {
    /// Puts requests together.
    ///
    /// # Errors
    /// When there are none, or more than [`MAX_CERT_REQ_MESSAGES`].
    pub fn new(messages: Vec<CertReqMsg>) -> Result<Self, Error> {
        if (1..=MAX_CERT_REQ_MESSAGES).contains(&messages.len()) {
            Ok(Self(messages))
        } else {
            Err(Error::MessageCount { count: messages.len(), limit: MAX_CERT_REQ_MESSAGES })
        }
    }

    /// Decodes requests from their DER octets.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the octets are not exactly one CertReqMessages, or hold too many requests.
    pub fn from_der(octets: &[u8]) -> Result<Self, Error> {
        <Self as Decode>::from_der(octets).map_err(Error::Malformed)
    }

    /// The requests, at least one.
    pub fn messages(&self) -> &[CertReqMsg] {
        &self.0
    }
}

impl<'a> DecodeValue<'a> for CertReqMessages {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, _header: Header) -> der::Result<Self> {
        let mut messages = Vec::new();
        while !reader.is_finished() {
            if messages.len() == MAX_CERT_REQ_MESSAGES {
                return Err(reader.error(ErrorKind::Overlength));
            }
            messages.push(CertReqMsg::decode(reader)?);
        }
        if messages.is_empty() {
            return Err(reader.error(Tag::Sequence.length_error()));
        }
        Ok(Self(messages))
    }
}

impl EncodeValue for CertReqMessages {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

impl FixedTag for CertReqMessages {
    const TAG: Tag = Tag::Sequence;
}

/// A request for one certificate, decoded and unbelieved, with the octets it was received in.
///
/// ```text
/// CertReqMsg ::= SEQUENCE {
///   certReq  CertRequest,
///   popo     ProofOfPossession OPTIONAL,
///   regInfo  SEQUENCE SIZE (1..MAX) OF AttributeTypeAndValue OPTIONAL }
/// ```
///
/// RFC 4211 section 3. Encoding writes the octets received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertReqMsg(Captured<Fields>);

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct Fields {
    cert_req: Captured<CertRequest>,
    popo: Option<ProofOfPossession>,
    reg_info: Option<Vec<AttributeTypeAndValue>>,
}

impl CertReqMsg {
    pub(crate) fn build(
        cert_req: Captured<CertRequest>,
        popo: Option<ProofOfPossession>,
        reg_info: Vec<AttributeTypeAndValue>,
    ) -> Result<Self, Error> {
        let reg_info = Some(reg_info).filter(|reg_info| !reg_info.is_empty());
        let fields = Fields { cert_req, popo, reg_info };
        Captured::build(fields).map(Self).map_err(Error::Encoding)
    }

    /// Decodes a request from its DER octets.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the octets are not exactly one CertReqMsg.
    pub fn from_der(octets: &[u8]) -> Result<Self, Error> {
        <Self as Decode>::from_der(octets).map_err(Error::Malformed)
    }

    /// The request's DER octets, as received.
    pub fn octets(&self) -> &[u8] {
        self.0.octets()
    }

    /// The number of the request within its message: its answer bears the same.
    pub fn cert_req_id(&self) -> CertReqId {
        self.cert_req().value().cert_req_id
    }

    /// What the certificate shall hold.
    pub fn template(&self) -> &CertTemplate {
        &self.cert_req().value().cert_template
    }

    /// The CertRequest with its octets: what the signature of an ordinary proof of possession is made over.
    pub fn cert_req(&self) -> &Captured<CertRequest> {
        &self.0.value().cert_req
    }

    /// The proof of possession.
    pub fn popo(&self) -> Option<&ProofOfPossession> {
        self.0.value().popo.as_ref()
    }

    /// Whether, in place of a proof, an RA's word stands that it verified one.
    pub fn is_ra_verified(&self) -> bool {
        matches!(self.popo(), Some(ProofOfPossession::RaVerified(_)))
    }

    /// Further information for the CA, RFC 4211 section 7.
    pub fn reg_info(&self) -> &[AttributeTypeAndValue] {
        self.0.value().reg_info.as_deref().unwrap_or_default()
    }

    /// Whether a certificate can be asked for so: returns its key, which is strong enough. SIZE (1..MAX) holds.
    pub(crate) fn inspect(&self) -> Result<PublicKey, Error> {
        self.inspect_lists()?;
        self.template().inspect()
    }

    /// Whether a certificate for a key yet to be generated can be asked for so.
    pub(crate) fn inspect_key_generation(&self) -> Result<(), Error> {
        self.inspect_lists()?;
        self.template().inspect_key_generation()
    }

    /// The same of a CA that asks for cross-certification.
    pub(crate) fn inspect_cross_certification(&self) -> Result<PublicKey, Error> {
        self.inspect_lists()?;
        self.template().inspect_cross_certification()
    }

    fn inspect_lists(&self) -> Result<(), Error> {
        let lists = [("controls", &self.cert_req().value().controls), ("regInfo", &self.0.value().reg_info)];
        for (name, list) in lists {
            if list.as_ref().is_some_and(Vec::is_empty) {
                return Err(Error::EmptyList(name));
            }
        }
        Ok(())
    }
}

impl<'a> Decode<'a> for CertReqMsg {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        Ok(Self(Captured::decode(reader)?))
    }
}

impl EncodeValue for CertReqMsg {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

impl FixedTag for CertReqMsg {
    const TAG: Tag = Tag::Sequence;
}

/// What is asked for, without the proof of possession.
///
/// ```text
/// CertRequest ::= SEQUENCE {
///   certReqId    INTEGER,
///   certTemplate CertTemplate,
///   controls     Controls OPTIONAL }
/// Controls ::= SEQUENCE SIZE (1..MAX) OF AttributeTypeAndValue
/// ```
///
/// RFC 4211 section 5.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
pub struct CertRequest {
    /// The number of the request within its message.
    pub cert_req_id: CertReqId,
    /// What the certificate shall hold.
    pub cert_template: CertTemplate,
    /// How the request shall be treated, RFC 4211 section 6.
    pub controls: Option<Vec<AttributeTypeAndValue>>,
}

impl CertRequest {
    /// A request without controls.
    pub const fn new(cert_req_id: CertReqId, cert_template: CertTemplate) -> Self {
        Self { cert_req_id, cert_template, controls: None }
    }

    /// The certificate that is to be updated, from the oldCertID control (RFC 4211 section 6.5).
    ///
    /// # Errors
    /// When the control stands there twice or its value is malformed.
    pub fn old_cert_id(&self) -> Result<Option<CertId>, Error> {
        controls::old_cert_id(self.controls.as_deref().unwrap_or_default())
    }
}

/// certReqId, RFC 4211 section 5: an INTEGER, of which 64 bits are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertReqId(i64);

impl CertReqId {
    /// The id of the only request of a message, or the first (RFC 9483 section 4.1.1).
    pub const FIRST: Self = Self(0);

    /// The id in the answer to a PKCS #10 request, which has none itself (RFC 9483 section 4.1.4).
    pub const P10CR: Self = Self(-1);

    /// An id by its number.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for CertReqId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'a> DecodeValue<'a> for CertReqId {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        i64::decode_value(reader, header).map(Self)
    }
}

impl EncodeValue for CertReqId {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

impl FixedTag for CertReqId {
    const TAG: Tag = Tag::Integer;
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::Encode;

    #[test]
    fn cert_req_ids_are_integers_of_at_most_64_bits() {
        for (number, octets) in [
            (0, &[0x02, 0x01, 0x00][..]),
            (-1, &[0x02, 0x01, 0xff]),
            (i64::MAX, &[0x02, 0x08, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            (i64::MIN, &[0x02, 0x08, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            assert_eq!(CertReqId::new(number).to_der().unwrap(), octets);
            assert_eq!(CertReqId::from_der(octets).unwrap().number(), number);
        }
        for octets in [
            &[0x02, 0x09, 0x00, 0x80, 0, 0, 0, 0, 0, 0, 0][..],
            &[0x02, 0x00],
            &[0x02, 0x02, 0x00, 0x01],
            &[0x0a, 0x01, 0x00],
        ] {
            assert!(CertReqId::from_der(octets).is_err(), "{octets:02x?}");
        }
    }
}
