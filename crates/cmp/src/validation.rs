//! The ladder that a message climbs before anything of it is believed, RFC 9483 section 3.5.

use alloc::vec::Vec;
use core::time::Duration;

use asn1::oids::{rfc8018, rfc9810};
use asn1::{EncodedCertificate, UnixTime};
use crypto::{CertificatePath, CryptoProvider, ExtendedKeyUsage, PathError, PublicKey, SignatureAlgorithm};
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::name::Name;

use crate::body::PkiBody;
use crate::error::Error;
use crate::header::{PkiHeader, SenderNonce, TransactionId};
use crate::message::PkiMessage;
use crate::protection::{key_id, verify};
use crate::version::Pvno;

/// In what capacity somebody signs messages; it decides what is done for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignerRole {
    /// An RA: vouches for the requests it passes on.
    RegistrationAuthority,
    /// A station with its vendor's certificate: may ask for its first certificate.
    VendorCertified,
    /// An end entity with a certificate of the operator's PKI.
    OperatorCertified,
    /// The RA/CA that answers requests.
    CertificationAuthority,
}

/// Whom to believe in a role: by which anchors, with what in the extKeyUsage extension.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trust {
    /// The role.
    pub role: SignerRole,
    /// The trust anchors.
    pub anchors: Vec<EncodedCertificate>,
    /// Certificates at hand that may lie on a path.
    pub intermediates: Vec<EncodedCertificate>,
    /// What the signer's certificate must be for.
    pub extended_key_usage: ExtendedKeyUsage,
}

impl Trust {
    /// Believes in whoever has a path to one of the anchors.
    pub const fn new(
        role: SignerRole,
        anchors: Vec<EncodedCertificate>,
        extended_key_usage: ExtendedKeyUsage,
    ) -> Self {
        Self { role, anchors, intermediates: Vec::new(), extended_key_usage }
    }
}

/// Which message is due.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Expectation<'a> {
    /// The first of a transaction: no recipNonce.
    First,
    /// A later one.
    Within {
        /// The transaction.
        transaction_id: &'a TransactionId,
        /// recipNonce must echo one of these.
        nonces: &'a [SenderNonce],
        /// Who signed the other side's first message, if there was one: the same must sign the later ones.
        signer: Option<&'a EncodedCertificate>,
    },
}

/// Validates messages: header, protection, path (RFC 9483 section 3.5).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Validator<'a> {
    /// The cryptography.
    pub provider: &'a CryptoProvider,
    /// Whom to believe, in which roles; the first that fits is the signer's role.
    pub trust: &'a [Trust],
    /// How far messageTime may be from now; `None` when there is no reliable clock.
    pub time_window: Option<Duration>,
}

/// A message whose protection holds and whose signer has a path to an anchor of the role.
#[derive(Clone, Debug)]
pub struct ValidatedMessage {
    message: PkiMessage,
    signer: Signer,
    transaction_id: TransactionId,
    sender_nonce: SenderNonce,
}

/// Who signed a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signer {
    /// The certificate.
    pub certificate: EncodedCertificate,
    /// Its subject.
    pub name: Name,
    /// The role it was found trustworthy in.
    pub role: SignerRole,
}

impl<'a> Validator<'a> {
    /// Validates with messageTime within five minutes.
    pub const fn new(provider: &'a CryptoProvider, trust: &'a [Trust]) -> Self {
        Self { provider, trust, time_window: Some(Duration::from_secs(300)) }
    }

    /// Validates a message: its header, then its protection, then its signer. What costs least comes first.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(
        &self,
        message: PkiMessage,
        expectation: &Expectation<'_>,
        now: UnixTime,
    ) -> Result<ValidatedMessage, Error> {
        let (transaction_id, sender_nonce) = self.validate_header(message.header(), expectation, now)?;
        let algorithm = protection_algorithm(&message)?;
        let signer = self.find_signer(&message, algorithm, expectation, now)?;
        Ok(ValidatedMessage { message, signer, transaction_id, sender_nonce })
    }

    fn validate_header(
        &self,
        header: &PkiHeader,
        expectation: &Expectation<'_>,
        now: UnixTime,
    ) -> Result<(TransactionId, SenderNonce), Error> {
        if !(Pvno::CMP2000..=Pvno::CMP2021).contains(&header.pvno) {
            return Err(Error::UnsupportedVersion(header.pvno));
        }
        let transaction_id = header.transaction_id.as_ref().ok_or(Error::BadTransactionId)?;
        if !(8..=64).contains(&transaction_id.as_octets().len()) {
            return Err(Error::BadTransactionId);
        }
        let sender_nonce = header.sender_nonce.as_ref().ok_or(Error::BadSenderNonce)?;
        if !(16..=64).contains(&sender_nonce.as_octets().len()) {
            return Err(Error::BadSenderNonce);
        }
        match (expectation, &header.recip_nonce) {
            (Expectation::First, None) => {}
            (Expectation::First, Some(_)) | (Expectation::Within { .. }, None) => {
                return Err(Error::BadRecipientNonce);
            }
            (Expectation::Within { transaction_id: due, nonces, .. }, Some(recip_nonce)) => {
                if transaction_id != *due {
                    return Err(Error::OtherTransaction(transaction_id.clone()));
                }
                if !nonces.iter().any(|nonce| recip_nonce.echoes(nonce)) {
                    return Err(Error::BadRecipientNonce);
                }
            }
        }
        if let (Some(window), Some(time)) = (self.time_window, header.message_time) {
            let distance = now.abs_diff(time.time());
            if distance > window {
                return Err(Error::BadTime { seconds: distance.as_secs() });
            }
        }
        Ok((transaction_id.clone(), sender_nonce.clone()))
    }

    /// The certificate that the sender and senderKID fields name, whose key made the signature, and that is trusted.
    /// By rule it comes first in extraCerts; it is looked for everywhere (TS 33.310 allows any order), also among the
    /// certificates of the transaction's first message and the anchors, as later messages may leave it out.
    fn find_signer(
        &self,
        message: &PkiMessage,
        algorithm: SignatureAlgorithm,
        expectation: &Expectation<'_>,
        now: UnixTime,
    ) -> Result<Signer, Error> {
        let first_signer = match expectation {
            Expectation::Within { signer, .. } => *signer,
            Expectation::First => None,
        };
        let at_hand = self.trust.iter().flat_map(|trust| trust.intermediates.iter().chain(&trust.anchors));
        let candidates = message.extra_certs().iter().chain(first_signer).chain(at_hand);
        let mut error = Error::SignerNotFound;
        let mut tried: Vec<&EncodedCertificate> = Vec::new();
        for candidate in candidates {
            if tried.contains(&candidate) {
                continue;
            }
            tried.push(candidate);
            let Some((name, key)) = named_signer(candidate, message.header()) else { continue };
            match self.believe(message, algorithm, candidate, key, now) {
                Ok(role) if first_signer.is_none_or(|first| first == candidate) => {
                    return Ok(Signer { certificate: candidate.clone(), name, role });
                }
                Ok(_) => error = Error::OtherSigner,
                Err(reason) => error = reason,
            }
        }
        Err(error)
    }

    fn believe(
        &self,
        message: &PkiMessage,
        algorithm: SignatureAlgorithm,
        candidate: &EncodedCertificate,
        key: Vec<u8>,
        now: UnixTime,
    ) -> Result<SignerRole, Error> {
        let key = PublicKey::from_spki_der(&key).map_err(Error::SignerKey)?;
        verify(message, algorithm, &key, self.provider)?;
        let mut error = PathError::UnknownIssuer;
        for trust in self.trust {
            let mut intermediates = message.extra_certs().to_vec();
            intermediates.extend(trust.intermediates.iter().cloned());
            let path = CertificatePath {
                end_entity: candidate,
                intermediates: &intermediates,
                anchors: &trust.anchors,
                extended_key_usage: trust.extended_key_usage,
                now,
            };
            match self.provider.validate_path(&path) {
                Ok(()) => return Ok(trust.role),
                // Of several refusals the one that found a path and disliked it tells most.
                Err(PathError::UnknownIssuer) => {}
                Err(reason) => error = reason,
            }
        }
        Err(Error::SignerNotTrusted(error))
    }
}

/// The subject and the SubjectPublicKeyInfo's octets of a certificate that the header names as the sender's.
fn named_signer(candidate: &EncodedCertificate, header: &PkiHeader) -> Option<(Name, Vec<u8>)> {
    let certificate = Certificate::from_der(candidate.octets()).ok()?;
    let tbs = certificate.tbs_certificate();
    if header.sender_name() != Some(tbs.subject()) {
        return None;
    }
    if header.sender_kid.is_some() && key_id(&certificate).ok()? != header.sender_kid {
        return None;
    }
    Some((tbs.subject().clone(), tbs.subject_public_key_info().to_der().ok()?))
}

fn protection_algorithm(message: &PkiMessage) -> Result<SignatureAlgorithm, Error> {
    let identifier = match (&message.header().protection_alg, message.protection()) {
        (Some(identifier), Some(_)) => identifier,
        (Some(_), None) => return Err(Error::ProtectionMissing),
        (None, _) => return Err(Error::Unprotected),
    };
    const MACS: [der::asn1::ObjectIdentifier; 4] =
        [rfc9810::PASSWORD_BASED_MAC, rfc9810::DH_BASED_MAC, rfc9810::KEM_BASED_MAC, rfc8018::PBMAC1];
    if MACS.contains(&identifier.oid) {
        return Err(Error::WrongProtection);
    }
    SignatureAlgorithm::from_identifier(identifier).map_err(Error::Algorithm)
}

impl ValidatedMessage {
    /// The message.
    pub fn message(&self) -> &PkiMessage {
        &self.message
    }

    /// Its body.
    pub fn body(&self) -> &PkiBody {
        self.message.body()
    }

    /// Who signed it.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The transaction it belongs to.
    pub fn transaction_id(&self) -> &TransactionId {
        &self.transaction_id
    }

    /// Its senderNonce, which the answer echoes.
    pub fn sender_nonce(&self) -> &SenderNonce {
        &self.sender_nonce
    }
}
