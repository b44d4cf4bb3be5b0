//! What an InfoTypeAndValue says, type by type: RFC 9810 sections 5.1.1.1 to 5.1.1.5 and 5.3.19.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use asn1::oids::rfc9810::{
    IT_CA_CERTS, IT_CA_KEY_UPDATE_INFO, IT_CA_PROT_ENC_CERT, IT_CERT_PROFILE, IT_CERT_REQ_TEMPLATE,
    IT_CONFIRM_WAIT_TIME, IT_CRL_STATUS_LIST, IT_CRLS, IT_CURRENT_CRL, IT_ENC_KEY_PAIR_TYPES,
    IT_IMPLICIT_CONFIRM, IT_KEM_CIPHERTEXT_INFO, IT_KEY_PAIR_PARAM_REP, IT_KEY_PAIR_PARAM_REQ,
    IT_ORIG_PKI_MESSAGE, IT_PREFERRED_SYMM_ALG, IT_REV_PASSPHRASE, IT_ROOT_CA_CERT, IT_ROOT_CA_KEY_UPDATE,
    IT_SIGN_KEY_PAIR_TYPES, IT_SUPP_LANG_TAGS, IT_UNSUPPORTED_OIDS,
};
use asn1::{EncodedCertificate, RawDer, UnixTime, constructed, encode_choice};
use const_oid::ObjectIdentifier;
use crmf::{AttributeTypeAndValue, CertTemplate, EncryptedKey};
use der::asn1::{GeneralizedTime, Null, OctetString};
use der::{Any, AnyRef, Decode, DecodeOwned, Encode, Reader, Sequence, Tagged};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralNames};
use x509_cert::time::Time;

use crate::announcement::{CaKeyUpdAnnContent, RootCaKeyUpdateContent};
use crate::general_info::InfoTypeAndValue;
use crate::nested::NestedMessageContent;

/// The value of an [`InfoTypeAndValue`], in the order of the types' numbers. CRLs and messages stay closed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InfoValue {
    /// caProtEncCert: a certificate to encipher for the CA with.
    CaProtEncCert(EncodedCertificate),
    /// signKeyPairTypes: with which algorithms the CA certifies signing keys.
    SignKeyPairTypes(Vec<AlgorithmIdentifierOwned>),
    /// encKeyPairTypes: with which algorithms it certifies other keys.
    EncKeyPairTypes(Vec<AlgorithmIdentifierOwned>),
    /// preferredSymmAlg: the symmetric algorithm it prefers.
    PreferredSymmAlg(AlgorithmIdentifierOwned),
    /// caKeyUpdateInfo: the CA's new key; deprecated in favour of rootCaKeyUpdate.
    CaKeyUpdateInfo(CaKeyUpdAnnContent),
    /// currentCRL: the CRL of now.
    CurrentCrl(RawDer),
    /// unsupportedOIDs: what of the question is not understood.
    UnsupportedOids(Vec<ObjectIdentifier>),
    /// keyPairParamReq: the algorithm whose parameters are asked for.
    KeyPairParamReq(ObjectIdentifier),
    /// keyPairParamRep: the algorithm with its parameters.
    KeyPairParamRep(AlgorithmIdentifierOwned),
    /// revPassphrase: the passphrase for later revocation requests, enciphered.
    RevPassphrase(EncryptedKey),
    /// implicitConfirm: no certConf is awaited.
    ImplicitConfirm,
    /// confirmWaitTime: certConf is awaited until then.
    ConfirmWaitTime(UnixTime),
    /// origPKIMessage: the messages that this one was made of.
    OrigPkiMessage(NestedMessageContent),
    /// suppLangTags: the languages of free texts, as RFC 5646 names them.
    SuppLangTags(Vec<String>),
    /// caCerts: CA certificates.
    CaCerts(Vec<EncodedCertificate>),
    /// rootCaKeyUpdate: a root CA's new certificate.
    RootCaKeyUpdate(RootCaKeyUpdateContent),
    /// certReqTemplate: what a request has to look like.
    CertReqTemplate(Box<CertReqTemplateContent>),
    /// rootCaCert: the root CA certificate whose update is asked for.
    RootCaCert(EncodedCertificate),
    /// certProfile: the names of profiles, one for each request of the body.
    CertProfile(Vec<String>),
    /// crlStatusList: which CRLs are asked for if they are newer.
    CrlStatusList(Vec<CrlStatus>),
    /// crls: CRLs.
    Crls(Vec<RawDer>),
    /// KemCiphertextInfo: the ciphertext of a KEM, for KEM-based MACs.
    KemCiphertextInfo(KemCiphertextInfo),
    /// A value of another type.
    Other(ObjectIdentifier, Any),
}

impl InfoValue {
    /// The value, when there is one: questions often have none.
    ///
    /// # Errors
    /// When it is not what its type prescribes.
    pub fn open(info: &InfoTypeAndValue) -> der::Result<Option<Self>> {
        info.info_value.as_ref().map(|value| Self::open_value(info.info_type, value)).transpose()
    }

    fn open_value(info_type: ObjectIdentifier, value: &Any) -> der::Result<Self> {
        match info_type {
            IT_CA_PROT_ENC_CERT => decoded(value).map(Self::CaProtEncCert),
            IT_SIGN_KEY_PAIR_TYPES => decoded(value).map(Self::SignKeyPairTypes),
            IT_ENC_KEY_PAIR_TYPES => decoded(value).map(Self::EncKeyPairTypes),
            IT_PREFERRED_SYMM_ALG => decoded(value).map(Self::PreferredSymmAlg),
            IT_CA_KEY_UPDATE_INFO => decoded(value).map(Self::CaKeyUpdateInfo),
            IT_CURRENT_CRL => decoded(value).map(Self::CurrentCrl),
            IT_UNSUPPORTED_OIDS => decoded(value).map(Self::UnsupportedOids),
            IT_KEY_PAIR_PARAM_REQ => decoded(value).map(Self::KeyPairParamReq),
            IT_KEY_PAIR_PARAM_REP => decoded(value).map(Self::KeyPairParamRep),
            IT_REV_PASSPHRASE => decoded(value).map(Self::RevPassphrase),
            IT_IMPLICIT_CONFIRM => decoded(value).map(|Null| Self::ImplicitConfirm),
            IT_CONFIRM_WAIT_TIME => {
                decoded::<GeneralizedTime>(value).map(|time| Self::ConfirmWaitTime(time.into()))
            }
            IT_ORIG_PKI_MESSAGE => decoded(value).map(Self::OrigPkiMessage),
            IT_SUPP_LANG_TAGS => decoded(value).map(Self::SuppLangTags),
            IT_CA_CERTS => decoded(value).map(Self::CaCerts),
            IT_ROOT_CA_KEY_UPDATE => decoded(value).map(Self::RootCaKeyUpdate),
            IT_CERT_REQ_TEMPLATE => decoded(value).map(Box::new).map(Self::CertReqTemplate),
            IT_ROOT_CA_CERT => decoded(value).map(Self::RootCaCert),
            IT_CERT_PROFILE => decoded(value).map(Self::CertProfile),
            IT_CRL_STATUS_LIST => decoded(value).map(Self::CrlStatusList),
            IT_CRLS => decoded(value).map(Self::Crls),
            IT_KEM_CIPHERTEXT_INFO => decoded(value).map(Self::KemCiphertextInfo),
            other => Ok(Self::Other(other, value.clone())),
        }
    }

    /// The value with its type, as it travels.
    ///
    /// # Errors
    /// When it cannot be encoded as DER, or a time lies after the year 9999.
    pub fn close(&self) -> der::Result<InfoTypeAndValue> {
        match self {
            Self::CaProtEncCert(certificate) => closed(IT_CA_PROT_ENC_CERT, certificate),
            Self::SignKeyPairTypes(algorithms) => closed(IT_SIGN_KEY_PAIR_TYPES, algorithms),
            Self::EncKeyPairTypes(algorithms) => closed(IT_ENC_KEY_PAIR_TYPES, algorithms),
            Self::PreferredSymmAlg(algorithm) => closed(IT_PREFERRED_SYMM_ALG, algorithm),
            Self::CaKeyUpdateInfo(content) => closed(IT_CA_KEY_UPDATE_INFO, content),
            Self::CurrentCrl(crl) => closed(IT_CURRENT_CRL, crl),
            Self::UnsupportedOids(oids) => closed(IT_UNSUPPORTED_OIDS, oids),
            Self::KeyPairParamReq(oid) => closed(IT_KEY_PAIR_PARAM_REQ, oid),
            Self::KeyPairParamRep(algorithm) => closed(IT_KEY_PAIR_PARAM_REP, algorithm),
            Self::RevPassphrase(key) => closed(IT_REV_PASSPHRASE, key),
            Self::ImplicitConfirm => closed(IT_IMPLICIT_CONFIRM, &Null),
            Self::ConfirmWaitTime(until) => closed(IT_CONFIRM_WAIT_TIME, &until.to_generalized_time()?),
            Self::OrigPkiMessage(messages) => closed(IT_ORIG_PKI_MESSAGE, messages),
            Self::SuppLangTags(tags) => closed(IT_SUPP_LANG_TAGS, tags),
            Self::CaCerts(certificates) => closed(IT_CA_CERTS, certificates),
            Self::RootCaKeyUpdate(content) => closed(IT_ROOT_CA_KEY_UPDATE, content),
            Self::CertReqTemplate(content) => closed(IT_CERT_REQ_TEMPLATE, content.as_ref()),
            Self::RootCaCert(certificate) => closed(IT_ROOT_CA_CERT, certificate),
            Self::CertProfile(names) => closed(IT_CERT_PROFILE, names),
            Self::CrlStatusList(list) => closed(IT_CRL_STATUS_LIST, list),
            Self::Crls(crls) => closed(IT_CRLS, crls),
            Self::KemCiphertextInfo(info) => closed(IT_KEM_CIPHERTEXT_INFO, info),
            Self::Other(info_type, value) => Ok(InfoTypeAndValue::new(*info_type, Some(value.clone()))),
        }
    }
}

fn decoded<T: DecodeOwned<Error = der::Error>>(value: &Any) -> der::Result<T> {
    T::from_der(&value.to_der()?)
}

fn closed(info_type: ObjectIdentifier, value: &impl Encode) -> der::Result<InfoTypeAndValue> {
    Ok(InfoTypeAndValue::new(info_type, Some(Any::from_der(&value.to_der()?)?)))
}

/// What a certification request has to look like, RFC 9810 section 5.3.19.16.
///
/// ```text
/// CertReqTemplateContent ::= SEQUENCE {
///   certTemplate CertTemplate,
///   keySpec      Controls OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct CertReqTemplateContent {
    pub cert_template: CertTemplate,
    /// The keys that are accepted: controls algId and rsaKeyLen.
    pub key_spec: Option<Vec<AttributeTypeAndValue>>,
}

impl CertReqTemplateContent {
    /// A template for any key.
    pub const fn new(cert_template: CertTemplate) -> Self {
        Self { cert_template, key_spec: None }
    }
}

/// A CRL that somebody may have, RFC 9810 section 5.3.19.17.
///
/// ```text
/// CRLStatus ::= SEQUENCE {
///   source     CRLSource,
///   thisUpdate Time OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct CrlStatus {
    pub source: CrlSource,
    /// Of the CRL at hand; absent when there is none.
    pub this_update: Option<Time>,
}

impl CrlStatus {
    /// A CRL by its source, and which one is at hand.
    pub const fn new(source: CrlSource, this_update: Option<Time>) -> Self {
        Self { source, this_update }
    }
}

/// Which CRL, RFC 9810 section 5.3.19.17.
///
/// ```text
/// CRLSource ::= CHOICE {
///   dpn    [0] DistributionPointName,
///   issuer [1] GeneralNames }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrlSource {
    /// By where it is distributed.
    Dpn(DistributionPointName),
    /// By who issues it.
    Issuer(GeneralNames),
}

impl<'a> Decode<'a> for CrlSource {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        let choice = AnyRef::decode(reader)?;
        match choice.tag() {
            tag if tag == constructed(0) => DistributionPointName::from_der(choice.value()).map(Self::Dpn),
            tag if tag == constructed(1) => GeneralNames::from_der(choice.value()).map(Self::Issuer),
            tag => Err(tag.value_error().into()),
        }
    }
}

impl CrlSource {
    fn choice(&self) -> der::Result<Any> {
        match self {
            Self::Dpn(name) => Any::new(constructed(0), name.to_der()?),
            Self::Issuer(names) => Any::new(constructed(1), names.to_der()?),
        }
    }
}

encode_choice!(CrlSource);

/// The ciphertext from which both sides derive a MAC's key, RFC 9810 section 5.1.1.5.
///
/// ```text
/// KemCiphertextInfo ::= SEQUENCE {
///   kem AlgorithmIdentifier,
///   ct  OCTET STRING }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct KemCiphertextInfo {
    pub kem: AlgorithmIdentifierOwned,
    pub ct: OctetString,
}

impl KemCiphertextInfo {
    /// A ciphertext, and the KEM it is of.
    pub const fn new(kem: AlgorithmIdentifierOwned, ct: OctetString) -> Self {
        Self { kem, ct }
    }
}
