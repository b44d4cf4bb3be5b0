//! Making requests.

use alloc::vec;
use alloc::vec::Vec;

use crypto::{PublicKey, SignatureAlgorithm, SigningKey};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::pop::{self, Unproven};
use crate::{
    AttributeTypeAndValue, CertId, CertReqId, CertReqMsg, CertRequest, CertTemplate, Error, OptionalValidity,
    Universal,
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
    /// The subject asked for; `None` leaves it to the CA (TS 33.310 section 9.5.4.2) and requires a `sender`.
    pub subject: Option<Name>,
    /// The key to be certified.
    pub public_key: PublicKey,
    /// When the certificate shall be valid; `None` leaves it to the CA.
    pub validity: Option<OptionalValidity>,
    /// The extensions asked for, each once and at most [`MAX_EXTENSIONS`](crate::MAX_EXTENSIONS).
    pub extensions: Vec<Extension>,
    /// The certificate that is to be updated, in a kur.
    pub old_cert_id: Option<CertId>,
    /// The name under which the sender of the message will be authenticated. It belongs into requests without subject
    /// only, where the proof of possession is bound to it.
    pub sender: Option<GeneralName>,
}

impl CertReqMsgBuilder {
    /// Asks for a certificate, as the only request of a message.
    pub fn new(subject: Option<Name>, public_key: &PublicKey) -> Self {
        Self {
            cert_req_id: CertReqId::FIRST,
            subject,
            public_key: public_key.clone(),
            validity: None,
            extensions: Vec::new(),
            old_cert_id: None,
            sender: None,
        }
    }

    /// The octets to sign: the DER CertRequest, or the DER POPOSigningKeyInput when there is no subject. The same builder
    /// always gives the same octets.
    ///
    /// # Errors
    /// When there are both or neither of subject and sender, validity has no bounds, an extension stands there twice,
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
        self.unproven()?.with_signature(algorithm, signature)
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
        unproven.with_signature(key.algorithm(), &signature)
    }

    /// The request of an RA that has verified the proof of possession by other means, and says so: raVerified.
    ///
    /// # Errors
    /// When validity has no bounds, an extension stands there twice, there are too many, or a value cannot be encoded.
    pub fn ra_verified(&self) -> Result<CertReqMsg, Error> {
        pop::ra_verified(self.cert_request()?)
    }

    fn unproven(&self) -> Result<Unproven, Error> {
        Unproven::new(self.cert_request()?, self.sender.as_ref())
    }

    fn cert_request(&self) -> Result<CertRequest, Error> {
        let public_key = Universal::from_octets(self.public_key.spki_octets()).map_err(Error::Encoding)?;
        let template = CertTemplate {
            validity: self.validity.clone(),
            subject: self.subject.clone(),
            public_key: Some(public_key),
            extensions: Some(self.extensions.clone()).filter(|extensions| !extensions.is_empty()),
            ..CertTemplate::default()
        };
        let mut request = CertRequest::new(self.cert_req_id, template);
        if let Some(id) = &self.old_cert_id {
            request.controls = Some(vec![AttributeTypeAndValue::for_old_cert_id(id)?]);
        }
        Ok(request)
    }
}
