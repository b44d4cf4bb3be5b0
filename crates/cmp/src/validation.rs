//! The ladder that a message climbs before anything of it is believed, RFC 9483 section 3.5.

mod kem;

use alloc::vec::Vec;
use core::time::Duration;

use asn1::oids::{rfc8018, rfc9810};
use asn1::{EncodedCertificate, UnixTime};
use crmf::MacLimits;
use crypto::{
    CertificatePath, CryptoProvider, ExtendedKeyUsage, PathError, PublicKey, SharedSecret,
    SignatureAlgorithm, VerifyError,
};
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::body::PkiBody;
use crate::error::Error;
use crate::header::{PkiHeader, SenderNonce, TransactionId};
use crate::message::PkiMessage;
use crate::protection::{KemTrust, MacCredential, key_id, verify};
use crate::quirks::{Quirk, Quirks};
use crate::trust::{Credential, SecretTrust, Signer, SignerRole, Trust};
use crate::version::Pvno;

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
        /// What the other side's first message was protected with, if there was one: the same must protect the later ones
        /// (RFC 9483 section 3.2). To a request with a MAC, only whoever shares the secret can answer. `None`: nobody has
        /// spoken yet, and a signature is due.
        signer: Option<&'a Credential>,
    },
}

impl<'a> Expectation<'a> {
    const fn signer(&self) -> Option<&'a Credential> {
        match self {
            Self::Within { signer, .. } => *signer,
            Self::First => None,
        }
    }
}

/// Validates messages: header, protection, path (RFC 9483 section 3.5).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Validator<'a> {
    /// The cryptography.
    pub provider: &'a CryptoProvider,
    /// Whom to believe, in which roles; the first that fits is the signer's role.
    pub trust: &'a [Trust],
    /// With whom a secret is shared; with nobody by default, and then no MAC is looked at.
    pub secrets: &'a [SecretTrust],
    /// For whom a secret was encapsulated in this transaction: then nobody else sends its messages, and a KEM-based MAC protects
    /// them. `None` by default, and then none is accepted.
    pub kem: Option<&'a KemTrust>,
    /// How much work a MAC may demand, and how little it must.
    pub mac_limits: MacLimits,
    /// How far messageTime may be from now; `None` when there is no reliable clock.
    pub time_window: Option<Duration>,
    /// What the other side gets wrong and is put up with; nothing by default.
    pub quirks: Quirks,
}

/// A message whose protection holds, and whose signer has a path to an anchor of the role, or shares a secret.
#[derive(Clone, Debug)]
pub struct ValidatedMessage {
    message: PkiMessage,
    signer: Signer,
    mac: Option<(MacCredential, MacLimits)>,
    answer: Option<MacCredential>,
    transaction_id: TransactionId,
    sender_nonce: SenderNonce,
}

impl<'a> Validator<'a> {
    /// Validates signatures, with messageTime within five minutes.
    pub const fn new(provider: &'a CryptoProvider, trust: &'a [Trust]) -> Self {
        let mac_limits = MacLimits::DEFAULT;
        let time_window = Some(Duration::from_secs(300));
        Self { provider, trust, secrets: &[], kem: None, mac_limits, time_window, quirks: Quirks::NONE }
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
        self.validate_by(message, None, expectation, now)
    }

    /// Where a digest is given, that is what is signed: the message is the outline of a long batch.
    pub(crate) fn validate_by(
        &self,
        message: PkiMessage,
        digest: Option<&[u8]>,
        expectation: &Expectation<'_>,
        now: UnixTime,
    ) -> Result<ValidatedMessage, Error> {
        let (transaction_id, sender_nonce) = self.validate_header(message.header(), expectation, now)?;
        let (signer, mac) = match self.protection(&message, expectation)? {
            Protection::Mac | Protection::Kem(_) if digest.is_some() => return Err(Error::WrongProtection),
            Protection::Signature(algorithm) => {
                let signer = self.find_signer(&message, digest, algorithm, expectation, now)?;
                // A quirk of the RA/CA is nobody else's.
                let due = matches!(expectation.signer(), Some(Credential::SharedSecret(_)));
                if due && signer.role != SignerRole::CertificationAuthority {
                    return Err(Error::WrongProtection);
                }
                (signer, None)
            }
            Protection::Mac => {
                let (signer, credential) = self.find_secret(&message, expectation)?;
                (signer, Some((credential, self.limits())))
            }
            Protection::Kem(trust) => {
                trust.verify(&message, self.provider)?;
                (trust.signer().clone(), None)
            }
        };
        Ok(ValidatedMessage { message, signer, mac, answer: None, transaction_id, sender_nonce })
    }

    /// What to answer a message with whose MAC holds, whatever else is wrong with it: the same secret, by the same algorithm.
    /// `None` when it has no MAC, or one that does not hold.
    pub fn mac_credential(&self, message: &PkiMessage) -> Option<MacCredential> {
        let Ok(Protection::Mac) = self.protection(message, &Expectation::First) else { return None };
        self.find_secret(message, &Expectation::First).ok().map(|(_, credential)| credential)
    }

    /// By [`Quirk::SignerWithoutDigitalSignature`]: an anchor that signs as the RA/CA.
    fn may_sign_nevertheless(&self, trust: &Trust, candidate: &EncodedCertificate, now: UnixTime) -> bool {
        self.quirks.contains(Quirk::SignerWithoutDigitalSignature)
            && trust.role == SignerRole::CertificationAuthority
            && !matches!(trust.extended_key_usage, ExtendedKeyUsage::Required(_))
            && trust.anchors.contains(candidate)
            && is_valid_at(candidate, now)
    }

    /// By [`Quirk::SignerChanges`]: another certificate of the RA/CA than the first answer's.
    fn may_change(&self, trust: &Trust) -> bool {
        self.quirks.contains(Quirk::SignerChanges) && trust.role == SignerRole::CertificationAuthority
    }

    /// The kind of protection, which is the same throughout a transaction (RFC 9483 section 3.2).
    fn protection(
        &self,
        message: &PkiMessage,
        expectation: &Expectation<'_>,
    ) -> Result<Protection<'_>, Error> {
        let identifier = match (&message.header().protection_alg, message.protection()) {
            (Some(identifier), Some(_)) => identifier,
            (Some(_), None) => return Err(Error::ProtectionMissing),
            (None, _) => return Err(Error::Unprotected),
        };
        if let Some(trust) = self.kem {
            let due = expectation.signer().is_none_or(|signer| *signer == trust.signer().credential);
            let kind = identifier.oid == rfc9810::KEM_BASED_MAC;
            return if due && kind { Ok(Protection::Kem(trust)) } else { Err(Error::WrongProtection) };
        }
        let (signature_due, mac_due) = match expectation {
            Expectation::First => (true, !self.secrets.is_empty()),
            Expectation::Within { signer: Some(Credential::SharedSecret(_)), .. } => {
                (self.quirks.contains(Quirk::AnswerByOtherKind), true)
            }
            Expectation::Within { .. } => (true, false),
        };
        match identifier.oid {
            rfc9810::PASSWORD_BASED_MAC | rfc8018::PBMAC1 if mac_due => Ok(Protection::Mac),
            rfc9810::PASSWORD_BASED_MAC | rfc8018::PBMAC1 | rfc9810::DH_BASED_MAC => {
                Err(Error::WrongProtection)
            }
            rfc9810::KEM_BASED_MAC => Err(Error::KemCiphertextMissing),
            _ if signature_due => SignatureAlgorithm::from_identifier(identifier)
                .map(Protection::Signature)
                .map_err(Error::Algorithm),
            _ => Err(Error::WrongProtection),
        }
    }

    /// How much work a MAC may demand, with what the quirks say of MACs.
    const fn limits(&self) -> MacLimits {
        let mut limits = self.mac_limits;
        limits.pbes2_in_pbmac1 = limits.pbes2_in_pbmac1 || self.quirks.contains(Quirk::Pbes2InPbmac1);
        limits.sha1 = limits.sha1 || self.quirks.contains(Quirk::Sha1InMac);
        limits
    }

    pub(crate) fn validate_header(
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
        digest: Option<&[u8]>,
        algorithm: SignatureAlgorithm,
        expectation: &Expectation<'_>,
        now: UnixTime,
    ) -> Result<Signer, Error> {
        let first_signer = expectation.signer().and_then(|signer| match signer {
            Credential::Certificate(certificate) => Some(certificate),
            Credential::SharedSecret(_) => None,
        });
        let at_hand = self.trust.iter().flat_map(|trust| trust.intermediates.iter().chain(&trust.anchors));
        let candidates = message.extra_certs().iter().chain(first_signer).chain(at_hand);
        let mut error = Error::SignerNotFound;
        let mut tried: Vec<&EncodedCertificate> = Vec::new();
        let mut paths = 0_usize;
        for candidate in candidates {
            if tried.contains(&candidate) {
                continue;
            }
            tried.push(candidate);
            let named = named_signer(candidate, message.header());
            let is_named = named.is_some();
            let of_another = || {
                let allowed = self.quirks.contains(Quirk::SenderOfAnother)
                    && matches!(expectation, Expectation::Within { .. });
                if allowed { subject_and_key(candidate) } else { None }
            };
            let Some((name, key)) = named.or_else(of_another) else { continue };
            let reason = match self.check_signature(message, digest, algorithm, &key) {
                Err(reason) => reason,
                // Whoever has the key can show any number of certificates for it, each with its own maze of issuers.
                Ok(()) if paths == MAX_PATHS => break,
                Ok(()) => {
                    paths = paths.saturating_add(1);
                    match self.believe(message.extra_certs(), candidate, now) {
                        Ok(trust) if !is_named && trust.role != SignerRole::CertificationAuthority => {
                            Error::SignerNotFound
                        }
                        Ok(trust)
                            if first_signer.is_none_or(|first| first == candidate)
                                || self.may_change(trust) =>
                        {
                            let credential = Credential::Certificate(candidate.clone());
                            let (role, cert_profiles) = (trust.role, trust.cert_profiles.clone());
                            return Ok(Signer { credential, name, role, cert_profiles });
                        }
                        Ok(_) => Error::OtherSigner,
                        Err(reason) => reason,
                    }
                }
            };
            // Of several the one that came nearest to being believed tells most.
            if nearness(&reason) >= nearness(&error) {
                error = reason;
            }
        }
        Err(error)
    }

    /// Whoever shares the secret that senderKID names, and made the MAC with it.
    fn find_secret(
        &self,
        message: &PkiMessage,
        expectation: &Expectation<'_>,
    ) -> Result<(Signer, MacCredential), Error> {
        // All of them know how alike.
        let verify = self.secrets.first().map(|entry| entry.verify);
        let verify = verify.ok_or(Error::BadProtection(VerifyError::BadMac))?;
        let (entry, credential) = verify(message, self.secrets, &self.limits(), self.provider)?;
        let sender = Credential::SharedSecret(entry.reference.clone());
        if expectation.signer().is_some_and(|first| *first != sender) {
            return Err(Error::OtherSigner);
        }
        let signer = Signer {
            credential: sender,
            name: entry.name.clone(),
            role: entry.role,
            cert_profiles: entry.cert_profiles.clone(),
        };
        Ok((signer, credential))
    }

    fn check_signature(
        &self,
        message: &PkiMessage,
        digest: Option<&[u8]>,
        algorithm: SignatureAlgorithm,
        key: &[u8],
    ) -> Result<(), Error> {
        let key = PublicKey::from_spki_der(key).map_err(Error::SignerKey)?;
        verify(message, digest, algorithm, &key, self.provider)
    }

    /// By what, and so in which role, the certificate is trusted.
    fn believe(
        &self,
        extra_certs: &[EncodedCertificate],
        candidate: &EncodedCertificate,
        now: UnixTime,
    ) -> Result<&Trust, Error> {
        let mut error = PathError::UnknownIssuer;
        let by_name = |trust: &&Trust| trust.signers.as_ref().is_none_or(|list| list.contains(candidate));
        for trust in self.trust.iter().filter(by_name) {
            let mut intermediates = extra_certs.to_vec();
            intermediates.extend(trust.intermediates.iter().cloned());
            let path = CertificatePath {
                end_entity: candidate,
                intermediates: &intermediates,
                anchors: &trust.anchors,
                extended_key_usage: trust.extended_key_usage,
                revocation: trust.revocation.as_ref(),
                now,
            };
            match self.provider.validate_path(&path) {
                Ok(()) => return Ok(trust),
                // Of several refusals the one that found a path and disliked it tells most.
                Err(PathError::UnknownIssuer) => {}
                Err(PathError::KeyUsage) if self.may_sign_nevertheless(trust, candidate, now) => {
                    return Ok(trust);
                }
                Err(reason) => error = reason,
            }
        }
        Err(Error::SignerNotTrusted(error))
    }
}

/// How many certificates with the key that made the signature are tried for a path.
const MAX_PATHS: usize = 4;

/// How near somebody who is not believed came to it.
const fn nearness(error: &Error) -> u8 {
    match error {
        Error::SignerNotFound => 0,
        Error::SignerKey(_) => 1,
        Error::BadProtection(VerifyError::AlgorithmDoesNotFitKey { .. }) => 2,
        Error::BadProtection(_) => 3,
        Error::OtherSigner => 5,
        _ => 4,
    }
}

/// How a message is protected.
enum Protection<'a> {
    Signature(SignatureAlgorithm),
    Mac,
    Kem(&'a KemTrust),
}

fn is_valid_at(certificate: &EncodedCertificate, now: UnixTime) -> bool {
    Certificate::from_der(certificate.octets()).is_ok_and(|certificate| {
        let validity = certificate.tbs_certificate().validity();
        let seconds = |time: &Time| time.to_unix_duration().as_secs();
        (seconds(&validity.not_before)..=seconds(&validity.not_after)).contains(&now.as_secs())
    })
}

/// The subject and the SubjectPublicKeyInfo's octets of a certificate that the header names as the sender's.
pub(crate) fn named_signer(candidate: &EncodedCertificate, header: &PkiHeader) -> Option<(Name, Vec<u8>)> {
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

/// The subject and the SubjectPublicKeyInfo's octets of a certificate that nothing names.
fn subject_and_key(candidate: &EncodedCertificate) -> Option<(Name, Vec<u8>)> {
    let certificate = Certificate::from_der(candidate.octets()).ok()?;
    let tbs = certificate.tbs_certificate();
    Some((tbs.subject().clone(), tbs.subject_public_key_info().to_der().ok()?))
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

    /// Who signed it, or made its MAC.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// What to answer it with when it is protected by a MAC: the same secret, by the same algorithm. When it brings a ciphertext for
    /// a KEM key of ours, and [`ValidatedMessage::answer_with`] was told: what was inside.
    pub fn mac_credential(&self) -> Option<&MacCredential> {
        self.answer.as_ref().or(self.mac.as_ref().map(|(credential, _)| credential))
    }

    /// Has it answered with the KEM key that it, or the first message of its transaction, brings a ciphertext for
    /// ([`PkiMessage::kem_credential`]).
    pub fn answer_with(&mut self, credential: MacCredential) {
        self.answer = Some(credential);
    }

    /// The secret that its sender shares, and the limits that its MACs are held to.
    pub(crate) fn shared_secret(&self) -> Option<(&SharedSecret, &MacLimits)> {
        self.mac.as_ref().and_then(|(credential, limits)| Some((credential.secret()?, limits)))
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

fn public_key(certificate: &EncodedCertificate) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(certificate.octets()).ok()?;
    certificate.tbs_certificate().subject_public_key_info().to_der().ok()
}
