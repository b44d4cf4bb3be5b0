//! PKIProtection, RFC 9810 section 5.1.3: what is protected, and by whom.

mod kem_mac;
mod password_mac;
mod signature;

use alloc::vec::Vec;

use asn1::{EncodedCertificate, UnixTime, compose};
use crmf::PasswordMac;
use crypto::{CryptoProvider, PublicKey, SignatureAlgorithm};
use der::asn1::{BitStringRef, ContextSpecificRef, OctetString};
use der::{Decode, Encode, Tag, TagMode, TagNumber};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::body::EncodedBody;
use crate::error::Error;
use crate::general_info::GeneralInfo;
use crate::header::{PkiHeader, RecipNonce, SenderNonce, TransactionId};
use crate::message::protected_part;
use crate::message_time::MessageTime;
use crate::trust::Credential;
use crate::version::Pvno;

use kem_mac::KemMac;
pub use kem_mac::{Encapsulation, KemTrust};
use password_mac::MacSecret;
pub use password_mac::{MacCredential, Reference};
pub(crate) use password_mac::{VerifyMac, verify_mac};
pub(crate) use signature::verify;

/// Who sends: the public half of a credential, as it shows in every message (RFC 9483 section 3.1). That of a shared secret is
/// [`MacCredential::identity`], that of a KEM key [`SenderIdentity::with_kem`].
#[derive(Clone, Debug)]
pub struct SenderIdentity {
    name: Name,
    key_id: Option<OctetString>,
    means: Means,
    /// By a pointer and not by `means`, so that firmware links what it has means for.
    due: DueBy,
}

/// What a message is to be protected by, and protectionAlg.
type DueBy = fn(&Means, &CryptoProvider) -> Result<(Due, AlgorithmIdentifierOwned), Error>;

#[derive(Clone, Debug)]
enum Means {
    Signature {
        certificate: EncodedCertificate,
        chain: Vec<EncodedCertificate>,
        algorithm: SignatureAlgorithm,
    },
    Mac(PasswordMac),
    Kem {
        certificate: EncodedCertificate,
        chain: Vec<EncodedCertificate>,
        public_key: PublicKey,
        mac: KemMac,
    },
}

/// What a message is to be protected by; MACs are those of this message.
#[derive(Clone, Debug)]
enum Due {
    Signature,
    Mac(PasswordMac),
    Kem(KemMac),
}

/// The subject to send under, the SubjectKeyIdentifier's octets, and those of the SubjectPublicKeyInfo.
fn inspect(certificate: &EncodedCertificate) -> Result<(Name, Option<OctetString>, Vec<u8>), Error> {
    let decoded = Certificate::from_der(certificate.octets()).map_err(|_| Error::BadCredential)?;
    let tbs = decoded.tbs_certificate();
    let name = tbs.subject().clone();
    if name.is_empty() {
        return Err(Error::BadCredential);
    }
    let key_id = key_id(&decoded).map_err(|_| Error::BadCredential)?;
    Ok((name, key_id, tbs.subject_public_key_info().to_der().map_err(|_| Error::BadCredential)?))
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
        let (name, key_id, _) = inspect(&certificate)?;
        let means = Means::Signature { certificate, chain, algorithm };
        Ok(Self { name, key_id, means, due: signature::due })
    }

    /// The certificate of the key that signs, or opens ciphertexts; `None` when a shared secret protects.
    pub fn certificate(&self) -> Option<&EncodedCertificate> {
        match &self.means {
            Means::Signature { certificate, .. } | Means::Kem { certificate, .. } => Some(certificate),
            Means::Mac(_) => None,
        }
    }

    /// The certificate's subject, or the name that goes with the secret.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Who alone can answer: whoever has the secret, when it is one. Who signs an answer is not known beforehand.
    pub(crate) fn answerer(&self) -> Option<Credential> {
        match (&self.means, &self.key_id) {
            (Means::Mac(_), Some(reference)) => {
                Some(Credential::SharedSecret(Reference::new(reference.as_bytes())))
            }
            _ => None,
        }
    }

    /// The certificate and its chain.
    fn certificates(&self) -> Vec<EncodedCertificate> {
        match &self.means {
            Means::Signature { certificate, chain, .. } | Means::Kem { certificate, chain, .. } => {
                core::iter::once(certificate).chain(chain).cloned().collect()
            }
            Means::Mac(_) => Vec::new(),
        }
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
    /// The version of the message that is answered; the body may need a higher one.
    pub(crate) pvno: Pvno,
    pub(crate) recipient: GeneralName,
    pub(crate) transaction_id: TransactionId,
    /// A fresh one where there is none.
    pub(crate) sender_nonce: Option<SenderNonce>,
    pub(crate) recip_nonce: Option<RecipNonce>,
    pub(crate) general_info: GeneralInfo,
}

impl HeaderFields {
    /// A first message's.
    pub(crate) const fn new(recipient: GeneralName, transaction_id: TransactionId) -> Self {
        Self {
            pvno: Pvno::CMP2000,
            recipient,
            transaction_id,
            sender_nonce: None,
            recip_nonce: None,
            general_info: GeneralInfo::new(),
        }
    }
}

/// A message that is ready but for its signature or MAC.
///
/// ```text
/// ProtectedPart ::= SEQUENCE { header PKIHeader, body PKIBody }
/// ```
///
/// RFC 9810 section 5.1.3. Either hand [`ProtectedPart::to_be_signed`] to whatever holds the key and its answer to
/// [`ProtectedPart::with_signature`], or have a [`SigningKey`](crypto::SigningKey) do both by [`ProtectedPart::sign`]. With a shared
/// secret, [`ProtectedPart::authenticate`] does.
#[derive(Clone, Debug)]
pub struct ProtectedPart {
    header: Vec<u8>,
    body: Vec<u8>,
    extra_certs: Vec<EncodedCertificate>,
    sender_nonce: SenderNonce,
    due: Due,
}

impl ProtectedPart {
    pub(crate) fn new(
        identity: &SenderIdentity,
        fields: HeaderFields,
        body: EncodedBody,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Self, Error> {
        let sender_nonce = match fields.sender_nonce {
            Some(nonce) => nonce,
            None => SenderNonce::random(provider)?,
        };
        let (due, algorithm) = (identity.due)(&identity.means, provider)?;
        let header = PkiHeader {
            pvno: fields.pvno.max(body.least_pvno),
            message_time: Some(MessageTime::new(now).map_err(Error::Encoding)?),
            protection_alg: Some(algorithm),
            sender_kid: identity.key_id.clone(),
            transaction_id: Some(fields.transaction_id),
            sender_nonce: Some(sender_nonce.clone()),
            recip_nonce: fields.recip_nonce,
            general_info: (!fields.general_info.is_empty()).then_some(fields.general_info),
            ..PkiHeader::new(GeneralName::DirectoryName(identity.name.clone()), fields.recipient)
        };
        Ok(Self {
            header: header.to_der().map_err(Error::Encoding)?,
            body: body.octets,
            extra_certs: identity.certificates(),
            sender_nonce,
            due,
        })
    }

    /// A message without protection: the question for a KEM's ciphertext, its answer (RFC 9810 appendix E), and nothing else.
    pub(crate) fn unprotected(
        identity: &SenderIdentity,
        fields: HeaderFields,
        body: EncodedBody,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(Vec<u8>, SenderNonce), Error> {
        let part = Self::new(identity, fields, body, provider, now)?;
        let mut header = PkiHeader::from_der(&part.header).map_err(Error::Encoding)?;
        header.protection_alg = None;
        let header = header.to_der().map_err(Error::Encoding)?;
        let (_, extra_certs) = part.trailer(&[]).map_err(Error::Encoding)?;
        let octets = compose(Tag::Sequence, &[&header, &part.body, &extra_certs]).map_err(Error::Encoding)?;
        Ok((octets, part.sender_nonce))
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

    /// The octets to sign, or to compute the MAC over.
    ///
    /// # Errors
    /// When the message is too long for DER.
    pub fn to_be_signed(&self) -> Result<Vec<u8>, Error> {
        protected_part(&self.header, &self.body)
    }

    fn with_protection(&self, protection: &[u8]) -> Result<Vec<u8>, Error> {
        let (protection, extra_certs) = self.trailer(protection).map_err(Error::Encoding)?;
        compose(Tag::Sequence, &[&self.header, &self.body, &protection, &extra_certs])
            .map_err(Error::Encoding)
    }

    /// From now on these octets are the body, or as much of it as is known.
    pub(crate) fn replace_body(&mut self, body: Vec<u8>) {
        self.body = body;
    }

    pub(crate) fn header_and_body(&self) -> (&[u8], &[u8]) {
        (&self.header, &self.body)
    }

    /// `[0]` protection and `[1]` extraCerts, each under its explicit tag; a list that is there is not empty.
    fn trailer(&self, protection: &[u8]) -> der::Result<(Vec<u8>, Vec<u8>)> {
        let tag_mode = TagMode::Explicit;
        let protection = BitStringRef::from_bytes(protection)?;
        let protection = ContextSpecificRef { tag_number: TagNumber(0), tag_mode, value: &protection };
        let extra_certs = ContextSpecificRef { tag_number: TagNumber(1), tag_mode, value: &self.extra_certs };
        let none = self.extra_certs.is_empty();
        Ok((protection.to_der()?, if none { Vec::new() } else { extra_certs.to_der()? }))
    }
}
