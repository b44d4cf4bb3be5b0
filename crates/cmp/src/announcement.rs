//! What a CA announces unasked: the bodies ckuann, cann, rann and crlann, RFC 9810 sections 5.3.13 to 5.3.16.

use alloc::vec::Vec;

use asn1::{EncodedCertificate, RawDer, constructed, encode_choice};
use crmf::CertId;
use der::asn1::GeneralizedTime;
use der::{Any, AnyRef, Decode, Encode, Reader, Sequence, Tag, Tagged};
use x509_cert::ext::Extensions;

use crate::status::PkiStatus;

/// `CRLAnnContent ::= SEQUENCE OF CertificateList`; the lists are kept as octets.
pub type CrlAnnContent = Vec<RawDer>;

/// A CA's new key, in one of two forms, RFC 9810 section 5.3.13.
///
/// ```text
/// CAKeyUpdContent ::= CHOICE {
///   cAKeyUpdAnnV2     CAKeyUpdAnnContent,
///   cAKeyUpdAnnV3 [0] RootCaKeyUpdateContent }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaKeyUpdContent {
    /// As pvno 2 has it: the old certificate first.
    V2(CaKeyUpdAnnContent),
    /// As pvno 3 has it: the new certificate first.
    V3(RootCaKeyUpdateContent),
}

const V3: Tag = constructed(0);

impl<'a> Decode<'a> for CaKeyUpdContent {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        let choice = AnyRef::decode(reader)?;
        match choice.tag() {
            V3 => RootCaKeyUpdateContent::from_der(choice.value()).map(Self::V3),
            _ => choice.decode_as().map(Self::V2),
        }
    }
}

impl CaKeyUpdContent {
    fn choice(&self) -> der::Result<Any> {
        match self {
            Self::V2(content) => Any::encode_from(content),
            Self::V3(content) => Any::new(V3, content.to_der()?),
        }
    }
}

encode_choice!(CaKeyUpdContent);

/// The certificates that lead from one CA key to the next, RFC 9810 section 5.3.13.
///
/// ```text
/// CAKeyUpdAnnContent ::= SEQUENCE {
///   oldWithNew CMPCertificate,
///   newWithOld CMPCertificate,
///   newWithNew CMPCertificate }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct CaKeyUpdAnnContent {
    pub old_with_new: EncodedCertificate,
    pub new_with_old: EncodedCertificate,
    pub new_with_new: EncodedCertificate,
}

impl CaKeyUpdAnnContent {
    /// All three, in the RFC's order.
    pub const fn new(
        old_with_new: EncodedCertificate,
        new_with_old: EncodedCertificate,
        new_with_new: EncodedCertificate,
    ) -> Self {
        Self { old_with_new, new_with_old, new_with_new }
    }
}

/// A root CA's new certificate, and those that link it to the old one, RFC 9810 section 5.3.19.15.
///
/// ```text
/// RootCaKeyUpdateContent ::= SEQUENCE {
///   newWithNew     CMPCertificate,
///   newWithOld [0] CMPCertificate OPTIONAL,
///   oldWithNew [1] CMPCertificate OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct RootCaKeyUpdateContent {
    pub new_with_new: EncodedCertificate,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub new_with_old: Option<EncodedCertificate>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub old_with_new: Option<EncodedCertificate>,
}

impl RootCaKeyUpdateContent {
    /// The new certificate alone.
    pub const fn new(new_with_new: EncodedCertificate) -> Self {
        Self { new_with_new, new_with_old: None, old_with_new: None }
    }
}

/// A revocation that is about to happen, RFC 9810 section 5.3.15.
///
/// ```text
/// RevAnnContent ::= SEQUENCE {
///   status          PKIStatus,
///   certId          CertId,
///   willBeRevokedAt GeneralizedTime,
///   badSinceDate    GeneralizedTime,
///   crlDetails      Extensions OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct RevAnnContent {
    pub status: PkiStatus,
    pub cert_id: CertId,
    pub will_be_revoked_at: GeneralizedTime,
    pub bad_since_date: GeneralizedTime,
    pub crl_details: Option<Extensions>,
}

impl RevAnnContent {
    /// Without crlDetails.
    pub const fn new(
        status: PkiStatus,
        cert_id: CertId,
        will_be_revoked_at: GeneralizedTime,
        bad_since_date: GeneralizedTime,
    ) -> Self {
        Self { status, cert_id, will_be_revoked_at, bad_since_date, crl_details: None }
    }
}
