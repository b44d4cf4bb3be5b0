//! PKIMessage, RFC 9810 section 5.1.

use alloc::vec::Vec;

use asn1::{Captured, EncodedCertificate};
use der::asn1::BitString;
use der::{Decode, Encode, Header, Sequence, Tag};

use crate::body::PkiBody;
use crate::error::Error;
use crate::header::PkiHeader;

/// What a message may cost before anything of it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of the whole message; 64 KiB by default.
    pub message_size: usize,
    /// Certificates in extraCerts and in caPubs; 32 by default.
    pub certificates: usize,
    /// Messages inside a nested one; 1000 by default.
    pub nested_messages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_size: 64 * 1024, certificates: 32, nested_messages: 1000 }
    }
}

/// A message as it came in: decoded, bounded, and believed in nothing.
///
/// ```text
/// PKIMessage ::= SEQUENCE {
///   header         PKIHeader,
///   body           PKIBody,
///   protection [0] PKIProtection OPTIONAL,
///   extraCerts [1] SEQUENCE SIZE (1..MAX) OF CMPCertificate OPTIONAL }
/// ```
///
/// RFC 9810 section 5.1. The octets of the whole, of the header and of the body are kept: the protection is verified
/// over them, and they are what is forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PkiMessage {
    octets: Vec<u8>,
    fields: Fields,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct Fields {
    header: Captured<PkiHeader>,
    body: Captured<PkiBody>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    protection: Option<BitString>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extra_certs: Option<Vec<EncodedCertificate>>,
}

impl PkiMessage {
    /// Decodes one message within the default [`Limits`].
    ///
    /// # Errors
    /// As [`PkiMessage::inspect`].
    pub fn from_der(octets: &[u8]) -> Result<Self, Error> {
        Self::inspect(octets, &Limits::default())
    }

    /// Decodes one message and inspects its syntax: strict DER, no trailing octets, no empty lists.
    ///
    /// # Errors
    /// When the octets are not exactly one PKIMessage, or exceed a limit.
    pub fn inspect(octets: &[u8], limits: &Limits) -> Result<Self, Error> {
        if octets.len() > limits.message_size {
            return Err(Error::TooLarge { octets: octets.len(), limit: limits.message_size });
        }
        let fields = Fields::from_der(octets).map_err(Error::Malformed)?;
        let message = Self { octets: octets.to_vec(), fields };
        message.inspect_lists(limits)?;
        Ok(message)
    }

    /// `SIZE (1..MAX)`: a list that is there has something in it (RFC 9810 section 5.1).
    fn inspect_lists(&self, limits: &Limits) -> Result<(), Error> {
        let header = self.header();
        if header.free_text.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::EmptyList("freeText"));
        }
        if header.general_info.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::EmptyList("generalInfo"));
        }
        inspect_certificates("extraCerts", self.fields.extra_certs.as_ref(), limits)?;
        match self.body() {
            PkiBody::Ip(content) | PkiBody::Cp(content) | PkiBody::Kup(content) | PkiBody::Ccp(content) => {
                inspect_certificates("caPubs", content.ca_pubs.as_ref(), limits)
            }
            PkiBody::Krp(content) if content.key_pair_hist.as_ref().is_some_and(Vec::is_empty) => {
                Err(Error::EmptyList("keyPairHist"))
            }
            PkiBody::Krp(content) => inspect_certificates("caCerts", content.ca_certs.as_ref(), limits),
            PkiBody::Nested(messages) => inspect_count("nested", messages.len(), limits.nested_messages),
            PkiBody::Rp(content) if content.status.is_empty() => Err(Error::EmptyList("status")),
            _ => Ok(()),
        }
    }

    /// The whole message as received.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The header.
    pub fn header(&self) -> &PkiHeader {
        self.fields.header.value()
    }

    /// The body.
    pub fn body(&self) -> &PkiBody {
        self.fields.body.value()
    }

    /// The signature or MAC.
    pub fn protection(&self) -> Option<&BitString> {
        self.fields.protection.as_ref()
    }

    /// Certificates that came along; nothing is believed because it stands here.
    pub fn extra_certs(&self) -> &[EncodedCertificate] {
        self.fields.extra_certs.as_deref().unwrap_or_default()
    }

    /// What the protection covers: the header's and the body's octets as received, under a SEQUENCE
    /// (RFC 9810 section 5.1.3).
    ///
    /// # Errors
    /// When the two together are longer than DER can say; a decoded message never is.
    pub fn protected_part(&self) -> Result<Vec<u8>, Error> {
        protected_part(self.fields.header.octets(), self.fields.body.octets())
    }
}

fn inspect_certificates(
    list: &'static str,
    certificates: Option<&Vec<EncodedCertificate>>,
    limits: &Limits,
) -> Result<(), Error> {
    certificates.map_or(Ok(()), |certificates| inspect_count(list, certificates.len(), limits.certificates))
}

fn inspect_count(list: &'static str, count: usize, limit: usize) -> Result<(), Error> {
    match count {
        0 => Err(Error::EmptyList(list)),
        _ if count > limit => Err(Error::TooMany { list, count, limit }),
        _ => Ok(()),
    }
}

/// `ProtectedPart ::= SEQUENCE { header PKIHeader, body PKIBody }` over octets that exist already.
pub(crate) fn protected_part(header: &[u8], body: &[u8]) -> Result<Vec<u8>, Error> {
    sequence(&[header, body]).map_err(Error::Encoding)
}

/// A SEQUENCE of TLVs that exist already.
pub(crate) fn sequence(parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut octets = Header::new(Tag::Sequence, der::Length::try_from(length)?).to_der()?;
    octets.reserve_exact(length);
    parts.iter().for_each(|part| octets.extend_from_slice(part));
    Ok(octets)
}
