//! PKIMessage, RFC 9810 section 5.1.

use alloc::boxed::Box;
use alloc::vec::Vec;

use asn1::{Captured, EncodedCertificate, compose};
use crmf::hmac_without_null;
use der::asn1::BitString;
use der::{Decode, Sequence, Tag};

use crate::body::PkiBody;
use crate::error::Error;
use crate::general_info::is_bare_cert_profile;
use crate::header::PkiHeader;
use crate::reading::{Deviation, ReadingPolicy};

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
    /// Boxed, as it is moved from type to type, and each of them takes its size of a station's stack.
    fields: Box<Fields>,
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

impl Fields {
    /// Its frame is gone before anything else is done.
    #[inline(never)]
    fn boxed(octets: &[u8]) -> Result<Box<Self>, Error> {
        Self::from_der(octets).map(Box::new).map_err(Error::Malformed)
    }
}

impl PkiMessage {
    /// Decodes one message by the default [`ReadingPolicy`], which is strict.
    ///
    /// # Errors
    /// As [`PkiMessage::inspect`].
    pub fn from_der(octets: &[u8]) -> Result<Self, Error> {
        Self::inspect(octets, &ReadingPolicy::default())
    }

    /// Decodes one message and inspects its syntax: strict DER, no trailing octets, no empty lists, and no [`Deviation`] that
    /// the policy does not tolerate.
    ///
    /// # Errors
    /// When the octets are not exactly one PKIMessage, exceed a limit, or deviate; the error names the deviation.
    pub fn inspect(octets: &[u8], policy: &ReadingPolicy) -> Result<Self, Error> {
        if octets.len() > policy.message_size {
            return Err(Error::TooLarge { octets: octets.len(), limit: policy.message_size });
        }
        let message = Self { octets: octets.to_vec(), fields: Fields::boxed(octets)? };
        message.inspect_lists(policy)?;
        let deviation = message.deviations().next().filter(|_| !policy.lenient);
        deviation.map_or(Ok(message), |deviation| Err(Error::Deviation(deviation)))
    }

    /// A nested message as [`PkiMessage::inspect`] would read it, but without the messages inside: the list of them is empty.
    pub(crate) fn inspect_outline(octets: &[u8], policy: &ReadingPolicy) -> Result<Self, Error> {
        let message = Self { octets: octets.to_vec(), fields: Fields::boxed(octets)? };
        match message.inspect_lists(policy) {
            Err(Error::EmptyList("nested")) => {}
            inspected => inspected?,
        }
        let deviation = message.deviations().next().filter(|_| !policy.lenient);
        deviation.map_or(Ok(message), |deviation| Err(Error::Deviation(deviation)))
    }

    /// In what the message deviates from the RFCs. Of a message that was read strictly, there is nothing.
    pub fn deviations(&self) -> impl Iterator<Item = Deviation> {
        let header = self.header();
        let time = header.message_time.is_some_and(|time| time.has_offset());
        let null = header.protection_alg.as_ref().and_then(hmac_without_null);
        let cert_profile = header.general_info.iter().flatten().any(is_bare_cert_profile);
        let extra_certs = self.fields.extra_certs.as_ref().is_some_and(Vec::is_empty);
        [
            time.then_some(Deviation::TimeOffset),
            null.map(Deviation::MissingNull),
            cert_profile.then_some(Deviation::BareCertProfile),
            extra_certs.then_some(Deviation::EmptyExtraCerts),
        ]
        .into_iter()
        .flatten()
    }

    /// `SIZE (1..MAX)`: a list that is there has something in it (RFC 9810 section 5.1).
    fn inspect_lists(&self, limits: &ReadingPolicy) -> Result<(), Error> {
        let header = self.header();
        if header.free_text.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::EmptyList("freeText"));
        }
        if header.general_info.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::EmptyList("generalInfo"));
        }
        inspect_limit("extraCerts", self.extra_certs().len(), limits.certificates)?;
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

    /// The body as received, with its tag.
    pub(crate) fn body_octets(&self) -> &[u8] {
        self.fields.body.octets()
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
    limits: &ReadingPolicy,
) -> Result<(), Error> {
    certificates.map_or(Ok(()), |certificates| inspect_count(list, certificates.len(), limits.certificates))
}

fn inspect_count(list: &'static str, count: usize, limit: usize) -> Result<(), Error> {
    if count == 0 { Err(Error::EmptyList(list)) } else { inspect_limit(list, count, limit) }
}

fn inspect_limit(list: &'static str, count: usize, limit: usize) -> Result<(), Error> {
    if count > limit { Err(Error::TooMany { list, count, limit }) } else { Ok(()) }
}

/// `ProtectedPart ::= SEQUENCE { header PKIHeader, body PKIBody }` over octets that exist already.
pub(crate) fn protected_part(header: &[u8], body: &[u8]) -> Result<Vec<u8>, Error> {
    compose(Tag::Sequence, &[header, body]).map_err(Error::Encoding)
}
