use asn1::EncodedCertificate;
use ca::{Issuer, Profile};
use cmp::SenderIdentity;
use cmp::end_entity::{CertificateRequest, Enrolment};
use crmf::{CertId, CertReqMessages, CertReqMsg, CertReqMsgBuilder, Control};
use crypto::SigningKey;
use crypto_aws_lc::SoftwareKey;
use der::Decode;
use pkcs10::{CertReq, CertReqBuilder};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use super::{certify, key, name};

/// Somebody with a certificate and its key.
pub struct Requester {
    pub key: SoftwareKey,
    pub certificate: EncodedCertificate,
    pub identity: SenderIdentity,
}

impl Requester {
    pub fn new(issuer: &Issuer, profile: &Profile, subject: &str) -> Self {
        let key = key();
        let certificate = certify(issuer, profile, subject, &key);
        Self::with(certificate, key)
    }

    /// A station with a key of its own kind.
    pub fn with_key(issuer: &Issuer, subject: &str, key: SoftwareKey) -> Self {
        Self::with(certify(issuer, &Profile::NE, subject, &key), key)
    }

    pub fn with(certificate: EncodedCertificate, key: SoftwareKey) -> Self {
        let identity = SenderIdentity::new(certificate.clone(), Vec::new(), key.algorithm()).unwrap();
        Self { key, certificate, identity }
    }

    pub fn name(&self) -> Name {
        self.identity.name().clone()
    }
}

pub fn ir(message: CertReqMsg) -> Enrolment {
    Enrolment::new(CertificateRequest::Ir(CertReqMessages::new(vec![message]).unwrap()))
}

pub fn cr(message: CertReqMsg) -> Enrolment {
    Enrolment::new(CertificateRequest::Cr(CertReqMessages::new(vec![message]).unwrap()))
}

/// An update of the requester's certificate, which oldCertID names.
pub fn kur(old: &Requester, new: &SoftwareKey, change: impl FnOnce(&mut CertReqMsgBuilder)) -> Enrolment {
    let certificate = Certificate::from_der(old.certificate.octets()).unwrap();
    let tbs = certificate.tbs_certificate();
    let issuer = GeneralName::DirectoryName(tbs.issuer().clone());
    let mut builder = CertReqMsgBuilder::new(Some(old.name()), new.public_key());
    builder.controls =
        vec![Control::OldCertId(CertId::new(issuer, tbs.serial_number().clone())).close().unwrap()];
    change(&mut builder);
    update(builder.sign(new).unwrap())
}

/// Whatever it is that shall be an update.
pub fn update(message: CertReqMsg) -> Enrolment {
    Enrolment::new(CertificateRequest::Kur(CertReqMessages::new(vec![message]).unwrap()))
}

pub fn p10cr(request: CertReq) -> Enrolment {
    Enrolment::new(CertificateRequest::P10cr(Box::new(request)))
}

/// A CRMF request for that subject and key.
pub fn crmf(subject: &Name, key: &SoftwareKey) -> CertReqMsg {
    CertReqMsgBuilder::new(Some(subject.clone()), key.public_key()).sign(key).unwrap()
}

/// A CRMF request that leaves the subject to the CA.
pub fn crmf_without_subject(sender: &Requester, key: &SoftwareKey) -> CertReqMsg {
    let mut builder = CertReqMsgBuilder::new(None, key.public_key());
    builder.sender = Some(GeneralName::DirectoryName(sender.name()));
    builder.sign(key).unwrap()
}

pub fn csr(subject: &str, key: &SoftwareKey, extensions: Vec<Extension>) -> CertReq {
    CertReq::from_der(&csr_octets(subject, key, extensions)).unwrap()
}

pub fn csr_octets(subject: &str, key: &SoftwareKey, extensions: Vec<Extension>) -> Vec<u8> {
    let subject = if subject.is_empty() { Name::default() } else { name(subject) };
    let mut builder = CertReqBuilder::new(subject, key.public_key());
    builder.extensions = extensions;
    builder.sign(key).unwrap()
}
