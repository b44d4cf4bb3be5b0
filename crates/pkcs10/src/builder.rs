//! Making certification requests.

use alloc::string::String;
use alloc::vec::Vec;

use asn1::compose;
use crypto::{PublicKey, SharedSecret, SignatureAlgorithm, SigningKey, VerifyError};
use der::{Encode, Tag};
use x509_cert::ext::Extension;
use x509_cert::name::Name;

use crate::{Error, attributes};

/// What goes into a certification request.
///
/// With a key at hand, [`sign`](Self::sign) does all. Where the signature comes from elsewhere, sign what
/// [`to_be_signed`](Self::to_be_signed) returns, and hand the signature to [`with_signature`](Self::with_signature).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CertReqBuilder {
    /// The subject asked for.
    pub subject: Name,
    /// The key to be certified.
    pub public_key: PublicKey,
    /// The extensions asked for, each once and at most [`MAX_EXTENSIONS`](crate::MAX_EXTENSIONS).
    pub extensions: Vec<Extension>,
    /// A password by which the requester may later ask for revocation. It travels in the clear: only inside TLS.
    pub challenge_password: Option<SharedSecret>,
    /// What else the requester is called.
    pub unstructured_name: Option<String>,
}

impl CertReqBuilder {
    /// Asks for a certificate without extensions.
    pub fn new(subject: Name, public_key: &PublicKey) -> Self {
        Self {
            subject,
            public_key: public_key.clone(),
            extensions: Vec::new(),
            challenge_password: None,
            unstructured_name: None,
        }
    }

    /// The octets to sign: the DER CertificationRequestInfo. The same builder always gives the same octets.
    ///
    /// # Errors
    /// When an extension stands there twice, there are too many, or a value cannot be encoded.
    pub fn to_be_signed(&self) -> Result<Vec<u8>, Error> {
        let attributes = attributes::attributes(
            &self.extensions,
            self.challenge_password.as_ref(),
            self.unstructured_name.as_deref(),
        )?;
        let subject = self.subject.to_der().map_err(Error::Encoding)?;
        let fields = [VERSION_1, &subject, self.public_key.spki_octets(), &attributes];
        compose(Tag::Sequence, &fields).map_err(Error::Encoding)
    }

    /// The DER CertificationRequest, from the signature over [`to_be_signed`](Self::to_be_signed). The signature is not
    /// verified here.
    ///
    /// # Errors
    /// As with [`to_be_signed`](Self::to_be_signed), and when the algorithm does not fit the key.
    pub fn with_signature(&self, algorithm: SignatureAlgorithm, signature: &[u8]) -> Result<Vec<u8>, Error> {
        let key = self.public_key.kind();
        if !algorithm.fits(key) {
            return Err(Error::ProofOfPossession(VerifyError::AlgorithmDoesNotFitKey { algorithm, key }));
        }
        let algorithm = algorithm.identifier().to_der().map_err(Error::Encoding)?;
        // No bit of the last octet is unused.
        let signature = compose(Tag::BitString, &[&[0], signature]).map_err(Error::Encoding)?;
        compose(Tag::Sequence, &[&self.to_be_signed()?, &algorithm, &signature]).map_err(Error::Encoding)
    }

    /// Signs with the private key to the public key: the DER CertificationRequest.
    ///
    /// # Errors
    /// As with [`with_signature`](Self::with_signature), and when the key is another one or fails to sign.
    pub fn sign(&self, key: &dyn SigningKey) -> Result<Vec<u8>, Error> {
        if *key.public_key() != self.public_key {
            return Err(Error::OtherSigningKey);
        }
        let signature = key.sign(&self.to_be_signed()?).map_err(Error::Sign)?;
        self.with_signature(key.algorithm(), &signature)
    }
}

/// INTEGER v1(0)
const VERSION_1: &[u8] = &[0x02, 0x01, 0x00];
