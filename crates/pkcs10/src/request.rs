//! CertificationRequest, RFC 2986 section 4.2.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use asn1::Captured;
use asn1::oids::microsoft::CERT_EXTENSIONS;
use asn1::oids::rfc2985::EXTENSION_REQUEST;
use crypto::SharedSecret;
use der::asn1::BitString;
use der::{Decode, EncodeValue, FixedTag, Length, Reader, Sequence, Tag, Writer};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::request::Version;

use crate::{Error, attributes};

/// A certification request, decoded and unbelieved, with the octets it was received in.
///
/// ```text
/// CertificationRequest ::= SEQUENCE {
///   certificationRequestInfo CertificationRequestInfo,
///   signatureAlgorithm       AlgorithmIdentifier,
///   signature                BIT STRING }
/// ```
///
/// RFC 2986 section 4.2. Encoding writes the octets received. How large a request may be is for the caller to say,
/// before decoding it.
#[derive(Clone, PartialEq, Eq)]
pub struct CertReq(Captured<CertificationRequest>);

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct CertificationRequest {
    pub(crate) info: Captured<CertificationRequestInfo>,
    pub(crate) signature_algorithm: AlgorithmIdentifierOwned,
    pub(crate) signature: BitString,
}

/// What the requester signs.
///
/// ```text
/// CertificationRequestInfo ::= SEQUENCE {
///   version       INTEGER { v1(0) },
///   subject       Name,
///   subjectPKInfo SubjectPublicKeyInfo,
///   attributes    [0] SET OF Attribute }
/// ```
///
/// RFC 2986 section 4.1. attributes is not optional, yet requesters leave it out: that is tolerated, and kept so.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct CertificationRequestInfo {
    pub(crate) version: Version,
    pub(crate) subject: Name,
    pub(crate) public_key: Captured<SubjectPublicKeyInfoOwned>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) attributes: Option<Attributes>,
}

impl CertReq {
    /// Decodes a request from its DER octets.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the octets are not exactly one CertificationRequest of version 0.
    pub fn from_der(octets: &[u8]) -> Result<Self, Error> {
        <Self as Decode>::from_der(octets).map_err(Error::Malformed)
    }

    /// The request's DER octets, as received.
    pub fn octets(&self) -> &[u8] {
        self.0.octets()
    }

    /// The subject asked for. It may be the NULL-DN.
    pub fn subject(&self) -> &Name {
        &self.info().subject
    }

    /// The SubjectPublicKeyInfo to be certified, as received. Neither its strength nor its possession is checked yet.
    pub fn public_key_octets(&self) -> &[u8] {
        self.info().public_key.octets()
    }

    /// The attributes; none when the field is absent.
    pub fn attributes(&self) -> &[Attribute] {
        self.info().attributes.as_ref().map_or(&[], Attributes::as_slice)
    }

    /// The extensions asked for by the extensionRequest attribute, RFC 2985 section 5.4.2; none when there is no such
    /// attribute.
    ///
    /// # Errors
    /// When there are too many attributes or extensions, extensionRequest stands there twice or has not exactly one
    /// value, its value is malformed, or an extension is asked for twice.
    pub fn requested_extensions(&self) -> Result<Vec<Extension>, Error> {
        attributes::requested_extensions(self.attributes(), EXTENSION_REQUEST)
    }

    /// The extensions asked for by Microsoft's predecessor of extensionRequest, 1.3.6.1.4.1.311.2.1.14; none when there is no
    /// such attribute. Nobody heeds it who does not call this: whether it counts is a matter of policy.
    ///
    /// # Errors
    /// As [`requested_extensions`](Self::requested_extensions).
    pub fn microsoft_requested_extensions(&self) -> Result<Vec<Extension>, Error> {
        attributes::requested_extensions(self.attributes(), CERT_EXTENSIONS)
    }

    /// The password of the challengePassword attribute, by which the requester may later ask for revocation, RFC 2985 section
    /// 5.4.1.
    ///
    /// # Errors
    /// When there are too many attributes, it stands there twice, has not exactly one value, or that is no
    /// DirectoryString.
    pub fn challenge_password(&self) -> Result<Option<SharedSecret>, Error> {
        attributes::challenge_password(self.attributes())
    }

    /// The names in unstructuredName, RFC 2985 section 5.4.3.
    ///
    /// # Errors
    /// When one is neither an IA5String nor a DirectoryString.
    pub fn unstructured_names(&self) -> Result<Vec<String>, Error> {
        attributes::unstructured_names(self.attributes())
    }

    pub(crate) fn certification_request(&self) -> &CertificationRequest {
        self.0.value()
    }

    fn info(&self) -> &CertificationRequestInfo {
        self.certification_request().info.value()
    }
}

impl<'a> Decode<'a> for CertReq {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        Ok(Self(Captured::decode(reader)?))
    }
}

impl EncodeValue for CertReq {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

impl FixedTag for CertReq {
    const TAG: Tag = Tag::Sequence;
}

/// Without the attributes: a challengePassword may be among them.
impl fmt::Debug for CertReq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertReq({}, {} octets)", self.subject(), self.octets().len())
    }
}
