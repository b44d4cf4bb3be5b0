//! CertConfirmContent: the body certConf, RFC 9810 section 5.3.18.

use alloc::vec::Vec;

use asn1::EncodedCertificate;
use crypto::{CryptoProvider, DigestAlgorithm, SignatureAlgorithm};
use der::asn1::OctetString;
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;

use crate::CertReqId;
use crate::body::{BodyKind, EncodedBody};
use crate::error::Error;
use crate::status::PkiStatusInfo;
use crate::version;

/// `CertConfirmContent ::= SEQUENCE OF CertStatus`; an empty one rejects every certificate.
pub type CertConfirmContent = Vec<CertStatus>;

/// Whether a requester takes a certificate, RFC 9810 section 5.3.18.
///
/// ```text
/// CertStatus ::= SEQUENCE {
///   certHash    OCTET STRING,
///   certReqId   INTEGER,
///   statusInfo  PKIStatusInfo       OPTIONAL,  -- absent: accepted
///   hashAlg [0] AlgorithmIdentifier OPTIONAL } -- pvno 3 only
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct CertStatus {
    pub cert_hash: OctetString,
    pub cert_req_id: CertReqId,
    pub status_info: Option<PkiStatusInfo>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub hash_alg: Option<AlgorithmIdentifierOwned>,
}

impl CertStatus {
    /// A verdict over the certificate with that hash; none means that it is accepted.
    pub const fn new(
        cert_hash: OctetString,
        cert_req_id: CertReqId,
        status_info: Option<PkiStatusInfo>,
    ) -> Self {
        Self { cert_hash, cert_req_id, status_info, hash_alg: None }
    }
}

/// The certConf with these verdicts.
pub(crate) fn encoded(statuses: &CertConfirmContent) -> Result<EncodedBody, Error> {
    let content = statuses.to_der().map_err(Error::Encoding)?;
    EncodedBody::new(BodyKind::CertConf, &content, version::of_statuses(statuses))
}

/// The hash that names a certificate in certConf: over its DER octets, with the digest of the algorithm it was signed
/// with; where that has none, with SHA-512, which hashAlg then has to tell (RFC 9810 section 5.3.18).
pub(crate) fn cert_hash(
    provider: &CryptoProvider,
    certificate: &EncodedCertificate,
) -> Result<(OctetString, Option<AlgorithmIdentifierOwned>), Error> {
    let decoded = Certificate::from_der(certificate.octets()).map_err(Error::MalformedCertificate)?;
    let algorithm =
        SignatureAlgorithm::from_identifier(decoded.signature_algorithm()).map_err(Error::Algorithm)?;
    let (digest, hash_alg) = match algorithm.digest() {
        Some(digest) => (digest, None),
        None => (DigestAlgorithm::Sha512, Some(DigestAlgorithm::Sha512.identifier())),
    };
    let hash = OctetString::new(provider.digest(digest, certificate.octets())).map_err(Error::Encoding)?;
    Ok((hash, hash_alg))
}
