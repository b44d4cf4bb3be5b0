//! Requests whose key the RA/CA is to generate: without publicKey, or with an algorithm and no octets behind it, and without a proof of
//! possession (RFC 4211 section 5, RFC 9483 section 4.1.6).

use alloc::vec::Vec;

use asn1::Captured;
use crypto::KeyKind;
use der::asn1::BitString;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::ext::Extension;
use x509_cert::name::Name;

use crate::{AttributeTypeAndValue, CertReqId, CertReqMsg, CertRequest, CertTemplate, Error, Universal};

/// What goes into a request for a certificate and its key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyGenerationBuilder {
    /// The number of the request within its message.
    pub cert_req_id: CertReqId,
    /// The subject asked for; `None` leaves it to the CA.
    pub subject: Option<Name>,
    /// What kind of key is wanted; of an RSA key no length can be said. `None` leaves it to the CA.
    pub key: Option<KeyKind>,
    /// The extensions asked for, each once and at most [`MAX_EXTENSIONS`](crate::MAX_EXTENSIONS).
    pub extensions: Vec<Extension>,
    /// How the request shall be treated, [closed](crate::Control::close).
    pub controls: Vec<AttributeTypeAndValue>,
}

impl KeyGenerationBuilder {
    /// Asks for a certificate and its key, as the only request of a message.
    pub const fn new(subject: Option<Name>, key: Option<KeyKind>) -> Self {
        Self { cert_req_id: CertReqId::FIRST, subject, key, extensions: Vec::new(), controls: Vec::new() }
    }

    /// The request.
    ///
    /// # Errors
    /// When an extension stands there twice, there are too many, or a value cannot be encoded.
    pub fn build(&self) -> Result<CertReqMsg, Error> {
        let public_key = match self.key {
            None => None,
            Some(kind) => {
                let subject_public_key = BitString::from_bytes(&[]).map_err(Error::Encoding)?;
                let spki = SubjectPublicKeyInfoOwned { algorithm: kind.identifier(), subject_public_key };
                Some(Universal::build(spki).map_err(Error::Encoding)?)
            }
        };
        let template = CertTemplate {
            subject: self.subject.clone(),
            public_key,
            extensions: Some(self.extensions.clone()).filter(|extensions| !extensions.is_empty()),
            ..CertTemplate::default()
        };
        template.inspect_key_generation()?;
        let mut request = CertRequest::new(self.cert_req_id, template);
        request.controls = Some(self.controls.clone()).filter(|controls| !controls.is_empty());
        CertReqMsg::build(Captured::build(request).map_err(Error::Encoding)?, None, Vec::new())
    }
}

impl CertReqMsg {
    /// The AlgorithmIdentifier of the key that the RA/CA is to generate; `None` when it is left to choose.
    ///
    /// # Errors
    /// When the request has a key, the template is not for a certificate, or a proof of possession stands there.
    pub fn key_to_generate(&self) -> Result<Option<&AlgorithmIdentifierOwned>, Error> {
        self.inspect_key_generation()?;
        match self.popo() {
            Some(_) => Err(Error::UnexpectedPop),
            None => Ok(self.template().public_key.as_ref().map(|key| &key.value().algorithm)),
        }
    }
}
