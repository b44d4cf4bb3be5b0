//! Making requests.

use alloc::vec::Vec;

use crypto::{PublicKey, SignatureAlgorithm, SigningKey};
use der::asn1::Null;
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::pop::{self, Unproven};
use crate::popo::{AuthInfo, PkMacValue, ProofOfPossession};
use crate::{
    AttributeTypeAndValue, CertReqId, CertReqMsg, CertRequest, CertTemplate, Error, OptionalValidity,
    PopoPrivKey, Universal,
};

/// What goes into a request for a certificate.
///
/// With a key at hand, [`sign`](Self::sign) does all. Where the signature comes from elsewhere, sign what
/// [`to_be_signed`](Self::to_be_signed) returns, and hand the signature to [`with_signature`](Self::with_signature).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CertReqMsgBuilder {
    /// The number of the request within its message.
    pub cert_req_id: CertReqId,
    /// The subject asked for; `None` leaves it to the CA (TS 33.310 section 9.5.4.2) and requires a `sender` or
    /// a `public_key_mac`.
    pub subject: Option<Name>,
    /// The key to be certified.
    pub public_key: PublicKey,
    /// With which algorithm the certificate shall be signed: said by a CA that asks for cross-certification only, and then issuer
    /// and both bounds of validity are needed, too (RFC 9810 appendix D.6).
    pub signing_alg: Option<AlgorithmIdentifierOwned>,
    /// The CA that shall issue the certificate; `None` leaves it open.
    pub issuer: Option<Name>,
    /// When the certificate shall be valid; `None` leaves it to the CA.
    pub validity: Option<OptionalValidity>,
    /// The extensions asked for, each once and at most [`MAX_EXTENSIONS`](crate::MAX_EXTENSIONS).
    pub extensions: Vec<Extension>,
    /// How the request shall be treated, [closed](crate::Control::close): in a kur, [`OldCertId`](crate::Control::OldCertId) names the certificate that is to be
    /// updated.
    pub controls: Vec<AttributeTypeAndValue>,
    /// Further information for the CA, [closed](crate::RegInfo::close). The proof of possession does not cover it.
    pub reg_info: Vec<AttributeTypeAndValue>,
    /// The name under which the sender of the message will be authenticated. It belongs into requests without subject
    /// only, where the proof of possession is bound to it.
    pub sender: Option<GeneralName>,
    /// In place of `sender`, where there is no such name: a MAC over the SubjectPublicKeyInfo with a secret shared with the CA,
    /// made by [`PasswordMac::authenticate`](crate::PasswordMac::authenticate).
    pub public_key_mac: Option<PkMacValue>,
}

impl CertReqMsgBuilder {
    /// Asks for a certificate, as the only request of a message.
    pub fn new(subject: Option<Name>, public_key: &PublicKey) -> Self {
        Self {
            cert_req_id: CertReqId::FIRST,
            subject,
            public_key: public_key.clone(),
            signing_alg: None,
            issuer: None,
            validity: None,
            extensions: Vec::new(),
            controls: Vec::new(),
            reg_info: Vec::new(),
            sender: None,
            public_key_mac: None,
        }
    }

    /// The octets to sign: the DER CertRequest, or the DER POPOSigningKeyInput when there is no subject. The same builder
    /// always gives the same octets.
    ///
    /// # Errors
    /// When there is not exactly one of subject, sender and publicKeyMAC, validity has no bounds, an extension stands there twice,
    /// there are too many, or a value cannot be encoded.
    pub fn to_be_signed(&self) -> Result<Vec<u8>, Error> {
        Ok(self.unproven()?.to_be_signed())
    }

    /// The request, from the signature over [`to_be_signed`](Self::to_be_signed). The signature is not verified here.
    ///
    /// # Errors
    /// As with [`to_be_signed`](Self::to_be_signed), and when the algorithm does not fit the key.
    pub fn with_signature(
        &self,
        algorithm: SignatureAlgorithm,
        signature: &[u8],
    ) -> Result<CertReqMsg, Error> {
        self.unproven()?.with_signature(algorithm, signature, self.reg_info.clone())
    }

    /// Signs with the private key to the public key.
    ///
    /// # Errors
    /// As with [`with_signature`](Self::with_signature), and when the key is another one or fails to sign.
    pub fn sign(&self, key: &dyn SigningKey) -> Result<CertReqMsg, Error> {
        if *key.public_key() != self.public_key {
            return Err(Error::OtherSigningKey);
        }
        let unproven = self.unproven()?;
        let signature = key.sign(&unproven.to_be_signed()).map_err(Error::Sign)?;
        unproven.with_signature(key.algorithm(), &signature, self.reg_info.clone())
    }

    /// The request of an RA that has verified the proof of possession by other means, and says so: raVerified.
    ///
    /// # Errors
    /// When validity has no bounds, an extension stands there twice, there are too many, or a value cannot be encoded.
    pub fn ra_verified(&self) -> Result<CertReqMsg, Error> {
        pop::without_signature(
            self.cert_request()?,
            ProofOfPossession::RaVerified(Null),
            self.reg_info.clone(),
        )
    }

    /// The request for a key that deciphers and does not sign: the proof is in the POPOPrivKey, or is yet to come (RFC 4211
    /// section 4.2).
    ///
    /// # Errors
    /// As with [`ra_verified`](Self::ra_verified).
    pub fn key_encipherment(&self, proof: PopoPrivKey) -> Result<CertReqMsg, Error> {
        let proof = ProofOfPossession::KeyEncipherment(proof);
        pop::without_signature(self.cert_request()?, proof, self.reg_info.clone())
    }

    /// The request for a key that agrees on keys and does not sign (RFC 4211 section 4.3).
    ///
    /// # Errors
    /// As with [`ra_verified`](Self::ra_verified).
    pub fn key_agreement(&self, proof: PopoPrivKey) -> Result<CertReqMsg, Error> {
        let proof = ProofOfPossession::KeyAgreement(proof);
        pop::without_signature(self.cert_request()?, proof, self.reg_info.clone())
    }

    fn unproven(&self) -> Result<Unproven, Error> {
        let auth_info = match (&self.sender, &self.public_key_mac) {
            (Some(_), Some(_)) => return Err(Error::UnexpectedPoposkInput),
            (Some(sender), None) => Some(AuthInfo::Sender(sender.clone())),
            (None, mac) => mac.clone().map(AuthInfo::PublicKeyMac),
        };
        Unproven::new(self.cert_request()?, auth_info)
    }

    fn cert_request(&self) -> Result<CertRequest, Error> {
        let public_key = Universal::from_octets(self.public_key.spki_octets()).map_err(Error::Encoding)?;
        let template = CertTemplate {
            signing_alg: self.signing_alg.clone(),
            issuer: self.issuer.clone(),
            validity: self.validity.clone(),
            subject: self.subject.clone(),
            public_key: Some(public_key),
            extensions: Some(self.extensions.clone()).filter(|extensions| !extensions.is_empty()),
            ..CertTemplate::default()
        };
        let mut request = CertRequest::new(self.cert_req_id, template);
        request.controls = Some(self.controls.clone()).filter(|controls| !controls.is_empty());
        Ok(request)
    }
}
