//! Proof of possession: the request's self-signature, RFC 2986 section 4.2.

use alloc::vec::Vec;

use crypto::{CryptoProvider, PublicKey, SignatureAlgorithm};
use x509_cert::ext::Extension;
use x509_cert::name::Name;

use crate::{CertReq, Error};

/// A request whose sender has the private key to the public key in it. Who the sender is, is not known by that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRequest {
    request: CertReq,
    public_key: PublicKey,
    extensions: Vec<Extension>,
}

impl CertReq {
    /// Verifies that the request was signed with the key that it asks a certificate for, over the octets received.
    ///
    /// # Errors
    /// When the key is refused or too weak, the signature's algorithm is not in the table or does not fit the key, the
    /// signature does not hold, or the attributes are not in order (see [`CertReq::requested_extensions`]).
    pub fn verify_pop(&self, provider: &CryptoProvider) -> Result<VerifiedRequest, Error> {
        let extensions = self.requested_extensions()?;
        let public_key = PublicKey::from_spki_der(self.public_key_octets()).map_err(Error::PublicKey)?;
        let request = self.certification_request();
        let algorithm =
            SignatureAlgorithm::from_identifier(&request.signature_algorithm).map_err(Error::Algorithm)?;
        let signature = request.signature.as_bytes().ok_or(Error::UnusedBits)?;
        provider
            .verify(algorithm, &public_key, request.info.octets(), signature)
            .map_err(Error::ProofOfPossession)?;
        Ok(VerifiedRequest { request: self.clone(), public_key, extensions })
    }
}

impl VerifiedRequest {
    /// The request.
    pub const fn request(&self) -> &CertReq {
        &self.request
    }

    /// The key to be certified.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The subject asked for. It may be the NULL-DN.
    pub fn subject(&self) -> &Name {
        self.request.subject()
    }

    /// The extensions asked for, each once.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }
}
