//! Proof of possession with a key that signs, made and verified: RFC 4211 section 4.1, RFC 9810 section 5.2.8.
//!
//! A template with both subject and public key is itself what is signed, as the CertRequest around it. When the subject
//! is left to the CA, the signature binds the key to the name of the sender instead: a POPOSigningKeyInput is signed.

use alloc::vec::Vec;

use asn1::Captured;
use crypto::{CryptoProvider, PublicKey, SharedSecret, SignatureAlgorithm, VerifyError};
use der::asn1::{BitString, Null};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::popo::{AuthInfo, PopoSigningKey, PopoSigningKeyInput, ProofOfPossession};
use crate::{AttributeTypeAndValue, CertReqMsg, CertRequest, CertTemplate, Error, MacLimits, Universal};

/// A request whose sender has the private key, or for which an authorised RA vouches. Whether the sender may have the
/// certificate is not known by that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCertReqMsg {
    message: CertReqMsg,
    public_key: PublicKey,
}

impl VerifiedCertReqMsg {
    /// The request.
    pub const fn message(&self) -> &CertReqMsg {
        &self.message
    }

    /// The key to be certified.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The subject asked for; `None` when it is left to the CA.
    pub fn subject(&self) -> Option<&Name> {
        self.message.template().subject.as_ref()
    }

    /// The extensions asked for, each once.
    pub fn extensions(&self) -> &[Extension] {
        self.message.template().extensions()
    }

    /// The same request with a subject, as an RA makes it that has verified the proof of possession: that does not cover a subject, so
    /// raVerified takes its place (RFC 9483 section 5.2.3.2).
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn with_subject(&self, subject: Name) -> Result<CertReqMsg, Error> {
        let mut cert_req = self.message.cert_req().value().clone();
        cert_req.cert_template.subject = Some(subject);
        without_signature(cert_req, ProofOfPossession::RaVerified(Null), self.message.reg_info().to_vec())
    }
}

impl CertReqMsg {
    /// Verifies the signature of the proof of possession over the octets received, and that the template is one for a
    /// certificate.
    ///
    /// `authenticated_sender` is the name under which the sender of the message is authenticated. A request without
    /// subject needs it: its signature covers that name and the key, and nothing else of the request, so the message's
    /// own protection must hold the rest together.
    ///
    /// # Errors
    /// When the template is not for a certificate, the key is refused, the proof is missing, of another kind than a
    /// signature, for somebody else, or does not hold.
    pub fn verify_pop(
        &self,
        provider: &CryptoProvider,
        authenticated_sender: Option<&GeneralName>,
    ) -> Result<VerifiedCertReqMsg, Error> {
        self.verify_signature(provider, Requester::Sender(authenticated_sender))
    }

    /// The same for a requester that is known by a secret shared with it: a request without subject must hold a publicKeyMAC
    /// made with that secret.
    ///
    /// # Errors
    /// As with [`verify_pop`](Self::verify_pop), and when the MAC's algorithm is not within the limits or the MAC does not
    /// hold.
    pub fn verify_pop_with_secret(
        &self,
        provider: &CryptoProvider,
        secret: &SharedSecret,
        limits: &MacLimits,
    ) -> Result<VerifiedCertReqMsg, Error> {
        self.verify_signature(provider, Requester::Secret(secret, limits))
    }

    /// The same for another CA that asks for cross-certification: its template says all of signingAlg, issuer, validity with both
    /// bounds, subject and publicKey (RFC 9810 appendix D.6).
    ///
    /// # Errors
    /// As with [`verify_pop`](Self::verify_pop), and [`Error::MissingField`] when the template lacks one of these.
    pub fn verify_pop_of_ca(&self, provider: &CryptoProvider) -> Result<VerifiedCertReqMsg, Error> {
        self.verify_signature(provider, Requester::Ca)
    }

    fn verify_signature(
        &self,
        provider: &CryptoProvider,
        requester: Requester<'_>,
    ) -> Result<VerifiedCertReqMsg, Error> {
        let public_key = match requester {
            Requester::Ca => self.inspect_cross_certification()?,
            _ => self.inspect()?,
        };
        let proof = match self.popo() {
            Some(ProofOfPossession::Signature(proof)) => proof,
            Some(ProofOfPossession::RaVerified(_)) => return Err(Error::RaVerified),
            Some(ProofOfPossession::KeyEncipherment(_)) => {
                return Err(Error::UnsupportedPop("keyEncipherment"));
            }
            Some(ProofOfPossession::KeyAgreement(_)) => return Err(Error::UnsupportedPop("keyAgreement")),
            None => return Err(Error::MissingPop),
        };
        let signed = match (&self.template().subject, &proof.poposk_input) {
            (Some(_), None) => self.cert_req().octets(),
            (Some(_), Some(_)) => return Err(Error::UnexpectedPoposkInput),
            (None, None) => return Err(Error::MissingPoposkInput),
            (None, Some(input)) => {
                inspect_input(input.value(), self.template(), requester, provider)?;
                input.octets()
            }
        };
        let algorithm =
            SignatureAlgorithm::from_identifier(&proof.algorithm_identifier).map_err(Error::Algorithm)?;
        let signature = proof.signature.as_bytes().ok_or(Error::UnusedBits)?;
        provider.verify(algorithm, &public_key, signed, signature).map_err(Error::ProofOfPossession)?;
        Ok(VerifiedCertReqMsg { message: self.clone(), public_key })
    }

    /// Takes an RA's word, raVerified, in place of a proof of possession (RFC 9810 section 5.2.8.1).
    ///
    /// Nothing is verified by this call but that the template is one for a certificate: whoever makes it asserts that the
    /// message is protected by an authorised RA. From anybody else raVerified must be refused.
    ///
    /// # Errors
    /// When the request does not say raVerified, the template is not for a certificate, or the key is refused.
    pub fn accept_ra_verified(&self) -> Result<VerifiedCertReqMsg, Error> {
        if !self.is_ra_verified() {
            return Err(Error::NotRaVerified);
        }
        Ok(VerifiedCertReqMsg { message: self.clone(), public_key: self.inspect()? })
    }
}

/// As whom the requester is known.
#[derive(Clone, Copy)]
enum Requester<'a> {
    Sender(Option<&'a GeneralName>),
    Secret(&'a SharedSecret, &'a MacLimits),
    Ca,
}

fn inspect_input(
    input: &PopoSigningKeyInput,
    template: &CertTemplate,
    requester: Requester<'_>,
    provider: &CryptoProvider,
) -> Result<(), Error> {
    match (&input.auth_info, requester) {
        (AuthInfo::Sender(sender), Requester::Sender(Some(authenticated)))
            if authenticated == sender && !is_null_dn(sender) => {}
        (AuthInfo::Sender(_), _) => return Err(Error::PoposkInputSender),
        (AuthInfo::PublicKeyMac(mac), Requester::Secret(secret, limits)) => {
            mac.verify(provider, secret, input.public_key.octets(), limits)?;
        }
        (AuthInfo::PublicKeyMac(_), Requester::Sender(_) | Requester::Ca) => return Err(Error::PublicKeyMac),
    }
    if input.public_key.octets() == template.spki()?.octets() {
        Ok(())
    } else {
        Err(Error::PoposkInputPublicKey)
    }
}

/// The NULL-DN names nobody, so a key bound to it is bound to nobody.
fn is_null_dn(name: &GeneralName) -> bool {
    matches!(name, GeneralName::DirectoryName(name) if name.is_empty())
}

/// A request to which only the signature of its proof of possession is missing.
pub(crate) struct Unproven {
    cert_req: Captured<CertRequest>,
    poposk_input: Option<Universal<PopoSigningKeyInput>>,
    public_key: PublicKey,
}

impl Unproven {
    /// The requester is named when, and only when, the template has no subject.
    pub(crate) fn new(cert_req: CertRequest, auth_info: Option<AuthInfo>) -> Result<Self, Error> {
        let template = &cert_req.cert_template;
        let public_key = match template.signing_alg {
            Some(_) => template.inspect_cross_certification()?,
            None => template.inspect()?,
        };
        let poposk_input = match (&template.subject, auth_info) {
            (Some(_), None) => None,
            (Some(_), Some(_)) => return Err(Error::UnexpectedPoposkInput),
            (None, None) => return Err(Error::MissingPoposkInput),
            (None, Some(AuthInfo::Sender(sender))) if is_null_dn(&sender) => {
                return Err(Error::PoposkInputSender);
            }
            (None, Some(auth_info)) => {
                let input = PopoSigningKeyInput::new(auth_info, template.spki()?.clone());
                Some(Universal::build(input).map_err(Error::Encoding)?)
            }
        };
        let cert_req = Captured::build(cert_req).map_err(Error::Encoding)?;
        Ok(Self { cert_req, poposk_input, public_key })
    }

    pub(crate) fn to_be_signed(&self) -> Vec<u8> {
        self.poposk_input.as_ref().map_or(self.cert_req.octets(), Universal::octets).to_vec()
    }

    pub(crate) fn with_signature(
        self,
        algorithm: SignatureAlgorithm,
        signature: &[u8],
        reg_info: Vec<AttributeTypeAndValue>,
    ) -> Result<CertReqMsg, Error> {
        let key = self.public_key.kind();
        if !algorithm.fits(key) {
            return Err(Error::ProofOfPossession(VerifyError::AlgorithmDoesNotFitKey { algorithm, key }));
        }
        let proof = PopoSigningKey {
            poposk_input: self.poposk_input,
            algorithm_identifier: algorithm.identifier(),
            signature: BitString::from_bytes(signature).map_err(Error::Encoding)?,
        };
        CertReqMsg::build(self.cert_req, Some(ProofOfPossession::Signature(proof)), reg_info)
    }
}

/// The request with something else in place of a signature.
pub(crate) fn without_signature(
    cert_req: CertRequest,
    proof: ProofOfPossession,
    reg_info: Vec<AttributeTypeAndValue>,
) -> Result<CertReqMsg, Error> {
    cert_req.cert_template.inspect()?;
    CertReqMsg::build(Captured::build(cert_req).map_err(Error::Encoding)?, Some(proof), reg_info)
}
