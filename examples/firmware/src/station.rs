//! How a base station gets its operator certificate by CMP (RFC 9483 section 4.1.1), step by step: octets in, octets out.
//! Entropy, time and what the factory provisioned are handed in.

use alloc::vec::Vec;
use core::fmt;

use asn1::oids::rfc6402;
use asn1::{EncodedCertificate, UnixTime};
use cmp::end_entity::{
    Answer, AwaitingCertificate, AwaitingPkiConf, CertificateRequest, Confirmation, Enrolment, Granted,
};
use cmp::{Expectation, PkiMessage, SenderIdentity, SignerRole, Trust, ValidatedMessage, Validator};
use crmf::{CertReqMessages, CertReqMsgBuilder};
use crypto::{
    CertificateFault, CertificatePath, CryptoProvider, ExtendedKeyUsage, KeyUse, Requested, SigningKey,
};
use pkcs10::CertReqBuilder;
use x509_cert::name::Name;

/// What a base station has when it leaves the factory, and whom it will believe.
pub struct Station<'a> {
    provider: &'a CryptoProvider,
    vendor_key: &'a dyn SigningKey,
    identity: SenderIdentity,
    /// What it asks a certificate for.
    subject: Name,
    /// Whoever answers must have a path to the pinned root, and be made for it.
    trust: [Trust; 1],
}

impl<'a> Station<'a> {
    /// From the vendor's certificate with its key, and the operator's root.
    ///
    /// # Errors
    /// When one of the certificates is malformed.
    pub fn new(
        provider: &'a CryptoProvider,
        vendor_certificate: &[u8],
        vendor_key: &'a dyn SigningKey,
        operator_root: &[u8],
        subject: Name,
    ) -> Result<Self, Failure> {
        let certificate = EncodedCertificate::new(vendor_certificate).map_err(Failure::Provisioned)?;
        let root = EncodedCertificate::new(operator_root).map_err(Failure::Provisioned)?;
        let identity = SenderIdentity::new(certificate, Vec::new(), vendor_key.algorithm())?;
        let purpose = ExtendedKeyUsage::RequiredBelowAnchor(rfc6402::KP_CMC_CA);
        let trust = [Trust::new(SignerRole::CertificationAuthority, Vec::from([root]), purpose)];
        Ok(Self { provider, vendor_key, identity, subject, trust })
    }

    /// The PKCS #10 request with its proof of possession, for a NEM.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn certification_request(&self, key: &dyn SigningKey) -> Result<Vec<u8>, Failure> {
        CertReqBuilder::new(self.subject.clone(), key.public_key()).sign(key).map_err(Failure::CertReq)
    }

    /// The CRMF request with its proof of possession.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn cert_req_messages(&self, key: &dyn SigningKey) -> Result<CertReqMessages, Failure> {
        let request = CertReqMsgBuilder::new(Some(self.subject.clone()), key.public_key()).sign(key)?;
        Ok(CertReqMessages::new(Vec::from([request]))?)
    }

    /// The ir, signed with the vendor's key.
    ///
    /// # Errors
    /// When randomness fails or the key does not sign.
    pub fn initialization_request(
        &self,
        request: CertReqMessages,
        now: UnixTime,
    ) -> Result<(Vec<u8>, AwaitingCertificate), Failure> {
        let enrolment = Enrolment::new(CertificateRequest::Ir(request));
        let (part, awaiting) = enrolment.start(&self.identity, self.provider, now)?;
        Ok((part.sign(self.vendor_key)?, awaiting))
    }

    /// Takes the ip: whoever signed it is believed, and the certificate in it is the one asked for.
    ///
    /// # Errors
    /// When something of that does not hold, or the RA/CA has refused or is not done yet.
    pub fn certificate(
        &self,
        awaiting: AwaitingCertificate,
        reply: &[u8],
        key: &dyn SigningKey,
        now: UnixTime,
    ) -> Result<Granted, Failure> {
        let message = self.validate(reply, &awaiting.expectation(), now)?;
        let granted = match awaiting.handle(&message)? {
            Answer::Granted(granted) => granted,
            Answer::Refused(status) => return Err(cmp::Error::Refused(status).into()),
            _ => return Err(Failure::NotYet),
        };
        let requested = Requested {
            public_key: key.public_key().spki_octets(),
            subject: Some(&self.subject),
            extensions: &[],
            key_use: KeyUse::Signing,
        };
        let path = CertificatePath {
            end_entity: granted.certificate(),
            intermediates: granted.extra_certs(),
            anchors: self.trust.first().map_or(&[], |trust| &trust.anchors),
            extended_key_usage: ExtendedKeyUsage::Any,
            revocation: None,
            now,
        };
        requested.check(&path, self.provider)?;
        Ok(granted)
    }

    /// The certConf, signed with the vendor's key.
    ///
    /// # Errors
    /// When randomness fails or the key does not sign.
    pub fn certificate_confirmation(
        &self,
        granted: Granted,
        now: UnixTime,
    ) -> Result<(Vec<u8>, AwaitingPkiConf), Failure> {
        let (part, awaiting) = granted.confirm(&self.identity, self.provider, now)?;
        Ok((part.sign(self.vendor_key)?, awaiting))
    }

    /// Takes the pkiconf; the certificate is the station's then.
    ///
    /// # Errors
    /// When whoever signed it is not believed, or it is something else.
    pub fn confirmed(&self, awaiting: AwaitingPkiConf, reply: &[u8], now: UnixTime) -> Result<(), Failure> {
        let message = self.validate(reply, &awaiting.expectation(), now)?;
        match awaiting.handle(&message)? {
            Confirmation::Done => Ok(()),
            // This station does not poll.
            _ => Err(Failure::NotYet),
        }
    }

    fn validate(
        &self,
        reply: &[u8],
        expectation: &Expectation<'_>,
        now: UnixTime,
    ) -> Result<ValidatedMessage, Failure> {
        let message = PkiMessage::from_der(reply)?;
        Ok(Validator::new(self.provider, &self.trust).validate(message, expectation, now)?)
    }
}

impl fmt::Debug for Station<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Station").finish_non_exhaustive()
    }
}

/// Why there is no certificate.
#[derive(Debug)]
pub enum Failure {
    /// What the factory provisioned is no certificate.
    Provisioned(der::Error),
    /// The PKCS #10 request could not be made.
    CertReq(pkcs10::Error),
    /// The CRMF request could not be made.
    CertReqMsg(crmf::Error),
    /// A message could not be made, or one that came is not believed.
    Cmp(cmp::Error),
    /// The certificate is not the one asked for.
    Certificate(CertificateFault),
    /// The RA/CA wants to be asked again.
    NotYet,
}

impl From<crmf::Error> for Failure {
    fn from(error: crmf::Error) -> Self {
        Self::CertReqMsg(error)
    }
}

impl From<cmp::Error> for Failure {
    fn from(error: cmp::Error) -> Self {
        Self::Cmp(error)
    }
}

impl From<crypto::SignError> for Failure {
    fn from(error: crypto::SignError) -> Self {
        Self::Cmp(error.into())
    }
}

impl From<CertificateFault> for Failure {
    fn from(fault: CertificateFault) -> Self {
        Self::Certificate(fault)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provisioned(error) => write!(f, "a provisioned certificate is malformed: {error}"),
            Self::CertReq(error) => error.fmt(f),
            Self::CertReqMsg(error) => error.fmt(f),
            Self::Cmp(error) => error.fmt(f),
            Self::Certificate(fault) => fault.fmt(f),
            Self::NotYet => f.write_str("the RA/CA has not decided yet"),
        }
    }
}
