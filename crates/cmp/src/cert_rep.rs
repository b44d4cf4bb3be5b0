//! CertRepMessage: the bodies ip, cp, kup and ccp, RFC 9810 section 5.3.4.

use alloc::vec::Vec;

use asn1::{EncodedCertificate, RawDer, constructed, encode_choice};
use der::asn1::OctetString;
use der::{Any, AnyRef, Decode, Reader, Sequence, Tagged};

use crate::CertReqId;
use crate::status::PkiStatusInfo;

/// The answer to a certification request, RFC 9810 section 5.3.4.
///
/// ```text
/// CertRepMessage ::= SEQUENCE {
///   caPubs   [1] SEQUENCE SIZE (1..MAX) OF CMPCertificate OPTIONAL,
///   response     SEQUENCE OF CertResponse }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct CertRepMessage {
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub ca_pubs: Option<Vec<EncodedCertificate>>,
    pub response: Vec<CertResponse>,
}

impl CertRepMessage {
    /// The answer to one request.
    pub fn new(response: CertResponse) -> Self {
        Self { ca_pubs: None, response: Vec::from([response]) }
    }
}

/// The answer to one CertReqMsg or CertificationRequest, RFC 9810 section 5.3.4.
///
/// ```text
/// CertResponse ::= SEQUENCE {
///   certReqId         INTEGER,
///   status            PKIStatusInfo,
///   certifiedKeyPair  CertifiedKeyPair  OPTIONAL,
///   rspInfo           OCTET STRING      OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct CertResponse {
    pub cert_req_id: CertReqId,
    pub status: PkiStatusInfo,
    pub certified_key_pair: Option<CertifiedKeyPair>,
    pub rsp_info: Option<OctetString>,
}

impl CertResponse {
    /// A status without a certificate.
    pub const fn without_certificate(cert_req_id: CertReqId, status: PkiStatusInfo) -> Self {
        Self { cert_req_id, status, certified_key_pair: None, rsp_info: None }
    }

    /// A certificate, with the status that came with it.
    pub const fn with_certificate(
        cert_req_id: CertReqId,
        status: PkiStatusInfo,
        certificate: EncodedCertificate,
    ) -> Self {
        Self::with_key_pair(cert_req_id, status, CertifiedKeyPair::new(certificate))
    }

    /// A certificate that is enciphered, or one with a private key.
    pub const fn with_key_pair(
        cert_req_id: CertReqId,
        status: PkiStatusInfo,
        pair: CertifiedKeyPair,
    ) -> Self {
        Self { cert_req_id, status, certified_key_pair: Some(pair), rsp_info: None }
    }
}

/// RFC 9810 section 5.3.4.
///
/// ```text
/// CertifiedKeyPair ::= SEQUENCE {
///   certOrEncCert       CertOrEncCert,
///   privateKey      [0] EncryptedKey       OPTIONAL,
///   publicationInfo [1] PKIPublicationInfo OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct CertifiedKeyPair {
    pub cert_or_enc_cert: CertOrEncCert,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub private_key: Option<RawDer>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub publication_info: Option<RawDer>,
}

impl CertifiedKeyPair {
    /// A certificate alone, for all to read.
    pub const fn new(certificate: EncodedCertificate) -> Self {
        let cert_or_enc_cert = CertOrEncCert::Certificate(certificate);
        Self { cert_or_enc_cert, private_key: None, publication_info: None }
    }
}

/// RFC 9810 section 5.3.4. An encrypted certificate stays closed.
///
/// ```text
/// CertOrEncCert ::= CHOICE {
///   certificate   [0] CMPCertificate,
///   encryptedCert [1] EncryptedKey }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the choices
pub enum CertOrEncCert {
    Certificate(EncodedCertificate),
    EncryptedCert(RawDer),
}

impl<'a> Decode<'a> for CertOrEncCert {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        let choice = AnyRef::decode(reader)?;
        match choice.tag() {
            tag if tag == constructed(0) => {
                EncodedCertificate::from_der(choice.value()).map(Self::Certificate)
            }
            tag if tag == constructed(1) => RawDer::from_der(choice.value()).map(Self::EncryptedCert),
            tag => Err(tag.value_error().into()),
        }
    }
}

impl CertOrEncCert {
    fn choice(&self) -> der::Result<Any> {
        match self {
            Self::Certificate(certificate) => Any::new(constructed(0), certificate.octets()),
            Self::EncryptedCert(key) => Any::new(constructed(1), key.octets()),
        }
    }
}

encode_choice!(CertOrEncCert);
