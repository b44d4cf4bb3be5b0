//! Controls and registration information, RFC 4211 sections 6 and 7.

use alloc::boxed::Box;
use alloc::string::String;

use asn1::RawDer;
use asn1::oids::rfc4211::{
    REG_CTRL_ALG_ID, REG_CTRL_ALT_CERT_TEMPLATE, REG_CTRL_AUTHENTICATOR, REG_CTRL_OLD_CERT_ID,
    REG_CTRL_PKI_ARCHIVE_OPTIONS, REG_CTRL_PKI_PUBLICATION_INFO, REG_CTRL_PROTOCOL_ENCR_KEY,
    REG_CTRL_REG_TOKEN, REG_CTRL_RSA_KEY_LEN, REG_INFO_CERT_REQ, REG_INFO_UTF8_PAIRS,
};
use const_oid::ObjectIdentifier;
use crypto::SharedSecret;
use der::asn1::Utf8StringRef;
use der::{Encode, Sequence};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::serial_number::SerialNumber;

use crate::archive::PkiArchiveOptions;
use crate::publication::PkiPublicationInfo;
use crate::{CertRequest, Error};

/// A control, or a piece of registration information: its value is kept as octets.
///
/// ```text
/// AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY DEFINED BY type }
/// ```
///
/// RFC 4211 section 3.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
pub struct AttributeTypeAndValue {
    /// What it is.
    pub oid: ObjectIdentifier,
    /// Its value.
    pub value: RawDer,
}

impl AttributeTypeAndValue {
    /// A control by its type and value.
    pub const fn new(oid: ObjectIdentifier, value: RawDer) -> Self {
        Self { oid, value }
    }
}

pub(crate) fn old_cert_id(controls: &[AttributeTypeAndValue]) -> Result<Option<CertId>, Error> {
    let mut found = controls.iter().filter(|control| control.oid == REG_CTRL_OLD_CERT_ID);
    let Some(control) = found.next() else {
        return Ok(None);
    };
    if found.next().is_some() {
        return Err(Error::DuplicateControl(REG_CTRL_OLD_CERT_ID));
    }
    control.value.decode_as().map(Some).map_err(Error::Malformed)
}

/// A control with its value, RFC 4211 section 6.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// A secret that is used once, to authenticate the request (section 6.1).
    RegToken(SharedSecret),
    /// A secret that authenticates the requester again and again (section 6.2).
    Authenticator(SharedSecret),
    /// Whether and where the certificate is published (section 6.3).
    PkiPublicationInfo(PkiPublicationInfo),
    /// How the private key is archived (section 6.4).
    PkiArchiveOptions(Box<PkiArchiveOptions>),
    /// The certificate that is updated (section 6.5).
    OldCertId(CertId),
    /// The key with which the CA enciphers its answer (section 6.6).
    ProtocolEncrKey(SubjectPublicKeyInfoOwned),
    /// A template of another kind of certificate (RFC 9810 section 5.2.9).
    AltCertTemplate(AttributeTypeAndValue),
    /// The algorithm of the key to be generated, in certReqTemplate (RFC 9810 section 5.3.19.16).
    AlgId(AlgorithmIdentifierOwned),
    /// The length of the RSA key to be generated in bits, in certReqTemplate (RFC 9810 section 5.3.19.16).
    RsaKeyLen(u32),
    /// A control of another type.
    Other(AttributeTypeAndValue),
}

impl Control {
    /// Opens a control.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the value is not what the type prescribes.
    pub fn open(control: &AttributeTypeAndValue) -> Result<Self, Error> {
        let value = &control.value;
        let opened = match control.oid {
            REG_CTRL_REG_TOKEN => value.decode_as().map(SharedSecret::new).map(Self::RegToken),
            REG_CTRL_AUTHENTICATOR => value.decode_as().map(SharedSecret::new).map(Self::Authenticator),
            REG_CTRL_PKI_PUBLICATION_INFO => value.decode_as().map(Self::PkiPublicationInfo),
            REG_CTRL_PKI_ARCHIVE_OPTIONS => value.decode_as().map(Box::new).map(Self::PkiArchiveOptions),
            REG_CTRL_OLD_CERT_ID => value.decode_as().map(Self::OldCertId),
            REG_CTRL_PROTOCOL_ENCR_KEY => value.decode_as().map(Self::ProtocolEncrKey),
            REG_CTRL_ALT_CERT_TEMPLATE => value.decode_as().map(Self::AltCertTemplate),
            REG_CTRL_ALG_ID => value.decode_as().map(Self::AlgId),
            REG_CTRL_RSA_KEY_LEN => value.decode_as().map(Self::RsaKeyLen),
            _ => Ok(Self::Other(control.clone())),
        };
        opened.map_err(Error::Malformed)
    }

    /// The control as it travels.
    ///
    /// # Errors
    /// [`Error::Encoding`] when the value cannot be encoded as DER.
    pub fn close(&self) -> Result<AttributeTypeAndValue, Error> {
        match self {
            Self::RegToken(token) => close(REG_CTRL_REG_TOKEN, &utf8(token)?),
            Self::Authenticator(secret) => close(REG_CTRL_AUTHENTICATOR, &utf8(secret)?),
            Self::PkiPublicationInfo(info) => close(REG_CTRL_PKI_PUBLICATION_INFO, info),
            Self::PkiArchiveOptions(options) => close(REG_CTRL_PKI_ARCHIVE_OPTIONS, options.as_ref()),
            Self::OldCertId(id) => close(REG_CTRL_OLD_CERT_ID, id),
            Self::ProtocolEncrKey(key) => close(REG_CTRL_PROTOCOL_ENCR_KEY, key),
            Self::AltCertTemplate(template) => close(REG_CTRL_ALT_CERT_TEMPLATE, template),
            Self::AlgId(algorithm) => close(REG_CTRL_ALG_ID, algorithm),
            Self::RsaKeyLen(bits) => close(REG_CTRL_RSA_KEY_LEN, bits),
            Self::Other(control) => Ok(control.clone()),
        }
    }
}

fn utf8(secret: &SharedSecret) -> Result<Utf8StringRef<'_>, Error> {
    Utf8StringRef::new(secret.reveal()).map_err(Error::Encoding)
}

fn close(oid: ObjectIdentifier, value: &impl Encode) -> Result<AttributeTypeAndValue, Error> {
    Ok(AttributeTypeAndValue::new(oid, RawDer::build(value).map_err(Error::Encoding)?))
}

/// A piece of registration information, RFC 4211 section 7.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegInfo {
    /// Pairs of name and value, as `name?value%name?value%` (section 7.1).
    Utf8Pairs(String),
    /// Another request (section 7.2).
    CertReq(Box<CertRequest>),
    /// Information of another type.
    Other(AttributeTypeAndValue),
}

impl RegInfo {
    /// Opens a piece of information.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the value is not what the type prescribes.
    pub fn open(info: &AttributeTypeAndValue) -> Result<Self, Error> {
        let opened = match info.oid {
            REG_INFO_UTF8_PAIRS => info.value.decode_as().map(Self::Utf8Pairs),
            REG_INFO_CERT_REQ => info.value.decode_as().map(Box::new).map(Self::CertReq),
            _ => Ok(Self::Other(info.clone())),
        };
        opened.map_err(Error::Malformed)
    }

    /// The information as it travels.
    ///
    /// # Errors
    /// [`Error::Encoding`] when the value cannot be encoded as DER.
    pub fn close(&self) -> Result<AttributeTypeAndValue, Error> {
        match self {
            Self::Utf8Pairs(pairs) => close(REG_INFO_UTF8_PAIRS, pairs),
            Self::CertReq(request) => close(REG_INFO_CERT_REQ, request.as_ref()),
            Self::Other(info) => Ok(info.clone()),
        }
    }
}

/// Names a certificate.
///
/// ```text
/// CertId ::= SEQUENCE { issuer GeneralName, serialNumber INTEGER }
/// ```
///
/// RFC 4211 section 6.5.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
pub struct CertId {
    /// The certificate's issuer, as a directoryName.
    pub issuer: GeneralName,
    /// Its serial number.
    pub serial_number: SerialNumber,
}

impl CertId {
    /// A certificate by its issuer and serial number.
    pub const fn new(issuer: GeneralName, serial_number: SerialNumber) -> Self {
        Self { issuer, serial_number }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::{Decode, Encode};
    use x509_cert::name::Name;

    fn cert_id() -> CertId {
        CertId::new(GeneralName::DirectoryName(Name::default()), SerialNumber::new(&[42]).unwrap())
    }

    #[test]
    fn cert_id_names_its_issuer_as_directory_name() {
        let octets = [0x30, 0x07, 0xa4, 0x02, 0x30, 0x00, 0x02, 0x01, 0x2a];
        assert_eq!(cert_id().to_der().unwrap(), octets);
        assert_eq!(CertId::from_der(&octets).unwrap(), cert_id());
    }

    #[test]
    fn old_cert_id_is_found_among_other_controls() {
        let other = AttributeTypeAndValue::new(
            ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.5.1.1"),
            RawDer::new(&[0x0c, 0x00]).unwrap(),
        );
        assert_eq!(old_cert_id(&[]), Ok(None));
        assert_eq!(old_cert_id(core::slice::from_ref(&other)), Ok(None));
        let control = Control::OldCertId(cert_id()).close().unwrap();
        assert_eq!(old_cert_id(&[other, control]), Ok(Some(cert_id())));
    }

    #[test]
    fn old_cert_id_stands_there_once_and_is_a_cert_id() {
        let control = Control::OldCertId(cert_id()).close().unwrap();
        let twice = [control.clone(), control];
        assert_eq!(old_cert_id(&twice), Err(Error::DuplicateControl(REG_CTRL_OLD_CERT_ID)));
        let value = RawDer::new(&[0x30, 0x00]).unwrap();
        let malformed = AttributeTypeAndValue::new(REG_CTRL_OLD_CERT_ID, value);
        assert!(matches!(old_cert_id(&[malformed]), Err(Error::Malformed(_))));
    }
}
