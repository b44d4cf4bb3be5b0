//! PKIProtection, RFC 9810 section 5.1.3: what is protected, and by whom.

mod signature;

use alloc::vec::Vec;

use asn1::{EncodedCertificate, UnixTime};
use crypto::{CryptoProvider, SignatureAlgorithm, SigningKey};
use der::Decode;
use der::Encode;
use der::asn1::OctetString;
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::body::PkiBody;
use crate::error::Error;
use crate::general_info::GeneralInfo;
use crate::header::{PkiHeader, Pvno, RecipNonce, SenderNonce, TransactionId};
use crate::message::{protected_part, sequence};

pub(crate) use signature::verify;

/// Who signs: the public half of a credential, as it shows in every message (RFC 9483 section 3.1).
#[derive(Clone, Debug)]
pub struct SenderIdentity {
    certificate: EncodedCertificate,
    chain: Vec<EncodedCertificate>,
    algorithm: SignatureAlgorithm,
    name: Name,
    key_id: Option<OctetString>,
}

impl SenderIdentity {
    /// From the certificate that signs, and the certificates between it and the root (which is left out).
    ///
    /// # Errors
    /// [`Error::BadCredential`] when the certificate cannot be decoded or has no subject to send under.
    pub fn new(
        certificate: EncodedCertificate,
        chain: Vec<EncodedCertificate>,
        algorithm: SignatureAlgorithm,
    ) -> Result<Self, Error> {
        let decoded = Certificate::from_der(certificate.octets()).map_err(|_| Error::BadCredential)?;
        let name = decoded.tbs_certificate().subject().clone();
        if name.is_empty() {
            return Err(Error::BadCredential);
        }
        let key_id = key_id(&decoded).map_err(|_| Error::BadCredential)?;
        Ok(Self { certificate, chain, algorithm, name, key_id })
    }

    /// The certificate that signs.
    pub fn certificate(&self) -> &EncodedCertificate {
        &self.certificate
    }

    /// Its subject.
    pub fn name(&self) -> &Name {
        &self.name
    }
}

/// The SubjectKeyIdentifier's octets.
pub(crate) fn key_id(certificate: &Certificate) -> der::Result<Option<OctetString>> {
    let extension = certificate.tbs_certificate().get_extension::<SubjectKeyIdentifier>()?;
    Ok(extension.map(|(_, identifier)| identifier.0))
}

/// The header fields that differ from message to message.
#[derive(Debug)]
pub(crate) struct HeaderFields {
    pub(crate) pvno: Pvno,
    pub(crate) recipient: GeneralName,
    pub(crate) transaction_id: TransactionId,
    pub(crate) recip_nonce: Option<RecipNonce>,
    pub(crate) general_info: GeneralInfo,
}

/// A message that is ready but for its signature.
///
/// ```text
/// ProtectedPart ::= SEQUENCE { header PKIHeader, body PKIBody }
/// ```
///
/// RFC 9810 section 5.1.3. Either hand [`ProtectedPart::to_be_signed`] to whatever holds the key and its answer to
/// [`ProtectedPart::with_signature`], or have a [`SigningKey`] do both.
#[derive(Clone, Debug)]
pub struct ProtectedPart {
    header: Vec<u8>,
    body: Vec<u8>,
    extra_certs: Vec<EncodedCertificate>,
    sender_nonce: SenderNonce,
}

impl ProtectedPart {
    pub(crate) fn new(
        identity: &SenderIdentity,
        fields: HeaderFields,
        body: &PkiBody,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Self, Error> {
        let sender_nonce = SenderNonce::random(provider)?;
        let header = PkiHeader {
            pvno: fields.pvno,
            message_time: Some(now.to_generalized_time().map_err(Error::Encoding)?),
            protection_alg: Some(identity.algorithm.identifier()),
            sender_kid: identity.key_id.clone(),
            transaction_id: Some(fields.transaction_id),
            sender_nonce: Some(sender_nonce.clone()),
            recip_nonce: fields.recip_nonce,
            general_info: (!fields.general_info.is_empty()).then_some(fields.general_info),
            ..PkiHeader::new(GeneralName::DirectoryName(identity.name.clone()), fields.recipient)
        };
        let mut extra_certs = Vec::from([identity.certificate.clone()]);
        extra_certs.extend(identity.chain.iter().cloned());
        Ok(Self {
            header: header.to_der().map_err(Error::Encoding)?,
            body: body.to_der().map_err(Error::Encoding)?,
            extra_certs,
            sender_nonce,
        })
    }

    /// Adds certificates behind the signer's own chain, each once (RFC 9483 section 3.3).
    pub(crate) fn add_extra_certs(&mut self, certificates: &[EncodedCertificate]) {
        for certificate in certificates {
            if !self.extra_certs.contains(certificate) {
                self.extra_certs.push(certificate.clone());
            }
        }
    }

    /// The senderNonce it carries; the answer echoes it.
    pub fn sender_nonce(&self) -> &SenderNonce {
        &self.sender_nonce
    }

    /// The octets to sign.
    ///
    /// # Errors
    /// When the message is too long for DER.
    pub fn to_be_signed(&self) -> Result<Vec<u8>, Error> {
        protected_part(&self.header, &self.body)
    }

    /// The complete message: with the signature over [`ProtectedPart::to_be_signed`], the signer's certificate first in
    /// extraCerts.
    ///
    /// # Errors
    /// When the message is too long for DER.
    pub fn with_signature(&self, signature: &[u8]) -> Result<Vec<u8>, Error> {
        let (protection, extra_certs) =
            signature::trailer(signature, &self.extra_certs).map_err(Error::Encoding)?;
        sequence(&[&self.header, &self.body, &protection, &extra_certs]).map_err(Error::Encoding)
    }

    /// Both at once, with a key at hand.
    ///
    /// # Errors
    /// When the key does not sign, or the message is too long for DER.
    pub fn sign(&self, key: &dyn SigningKey) -> Result<Vec<u8>, Error> {
        self.with_signature(&key.sign(&self.to_be_signed()?)?)
    }
}
