//! Who owns a KEM key, and the exchange of its ciphertext without protection: RFC 9810 section 5.1.3.4 and appendix E.

use asn1::oids::rfc9810::IT_KEM_CIPHERTEXT_INFO;
use asn1::{EncodedCertificate, UnixTime};
use crypto::{KemAlgorithm, PublicKey};

use super::{Expectation, Validator, named_signer};
use crate::body::PkiBody;
use crate::error::Error;
use crate::header::{PkiHeader, SenderNonce, TransactionId};
use crate::info_value::KemCiphertextInfo;
use crate::message::PkiMessage;
use crate::protection::Encapsulation;
use crate::status::{PkiFailureInfo, PkiStatus};

impl Validator<'_> {
    /// A secret for whoever owns the KEM key of a certificate, which is believed first. What is among `intermediates` may lie on
    /// its path.
    ///
    /// # Errors
    /// [`Error::SignerNotTrusted`] when it is not; [`Error::Kem`] when it is not one of a KEM key, or the provider has none.
    pub fn encapsulate(
        &self,
        certificate: &EncodedCertificate,
        intermediates: &[EncodedCertificate],
        now: UnixTime,
    ) -> Result<Encapsulation, Error> {
        let trust = self.believe(intermediates, certificate, now)?;
        Encapsulation::new(certificate, trust, self.provider)
    }

    /// Whether a message is the one question that is asked without protection: a genm that asks for a ciphertext, and for nothing
    /// else.
    pub fn asks_for_ciphertext(message: &PkiMessage) -> bool {
        let PkiBody::Genm(questions) = message.body() else { return false };
        is_unprotected(message)
            && matches!(questions.as_slice(), [question]
                if question.info_type == IT_KEM_CIPHERTEXT_INFO && question.info_value.is_none())
    }

    /// Takes that question: a secret for its sender, whose certificate came along. Nothing shows that the sender has the key, until a
    /// message comes that is protected with it.
    ///
    /// # Errors
    /// [`Error::Unprotected`] when it is not that question; what is wrong with its header or its certificate.
    pub fn take_kem_question(
        &self,
        message: &PkiMessage,
        now: UnixTime,
    ) -> Result<(Encapsulation, TransactionId), Error> {
        if !Self::asks_for_ciphertext(message) {
            return Err(Error::Unprotected);
        }
        let (transaction_id, _) = self.validate_header(message.header(), &Expectation::First, now)?;
        let certificate =
            kem_certificate(message, |candidate| named_signer(candidate, message.header()).is_some());
        let certificate = certificate.ok_or(Error::SignerNotFound)?;
        Ok((self.encapsulate(certificate, message.extra_certs(), now)?, transaction_id))
    }

    /// Takes the answer to that question. It is not protected: whoever changes it makes the next message fail.
    ///
    /// # Errors
    /// When it is not that answer; what is wrong with its header.
    pub fn take_kem_answer(
        &self,
        message: &PkiMessage,
        expectation: &Expectation<'_>,
        now: UnixTime,
    ) -> Result<(KemCiphertextInfo, SenderNonce), Error> {
        if matches!(expectation, Expectation::First) {
            return Err(Error::Unprotected);
        }
        let (_, nonce) = self.validate_header(message.header(), expectation, now)?;
        let PkiBody::Genp(answers) = message.body() else {
            return Err(Error::UnexpectedBody(message.body().kind()));
        };
        let [answer] = answers.as_slice() else {
            return Err(Error::NotExactlyOne { what: "InfoTypeAndValue", count: answers.len() });
        };
        match &answer.info_value {
            Some(value) if answer.info_type == IT_KEM_CIPHERTEXT_INFO => {
                value.decode_as().map(|info| (info, nonce)).map_err(Error::BadGeneralInfo)
            }
            _ => Err(Error::InconsistentAnswer),
        }
    }

    /// Takes a refusal that is not protected, because the other side could protect it by a KEM-based MAC only: it says
    /// wrongIntegrity and brings the KEM certificate, which is believed first. Ask again, with what this returns (RFC 9810 appendix
    /// E); nothing else follows from the refusal.
    ///
    /// # Errors
    /// [`Error::Unprotected`] when it is not that refusal; what is wrong with its header or its certificate.
    pub fn take_kem_refusal(
        &self,
        message: &PkiMessage,
        expectation: &Expectation<'_>,
        now: UnixTime,
    ) -> Result<Encapsulation, Error> {
        let PkiBody::Error(content) = message.body() else { return Err(Error::Unprotected) };
        let status = &content.pki_status_info;
        let says_so = status.status == PkiStatus::Rejection
            && status.fail_info.is_some_and(|bits| bits.contains(PkiFailureInfo::WRONG_INTEGRITY));
        if !is_unprotected(message) || !says_so || matches!(expectation, Expectation::First) {
            return Err(Error::Unprotected);
        }
        self.validate_header(message.header(), expectation, now)?;
        let certificate = kem_certificate(message, |_| true).ok_or(Error::SignerNotFound)?;
        self.encapsulate(certificate, message.extra_certs(), now)
    }
}

fn is_unprotected(message: &PkiMessage) -> bool {
    let header: &PkiHeader = message.header();
    header.protection_alg.is_none() && message.protection().is_none()
}

/// The first certificate of a KEM key in extraCerts.
fn kem_certificate(
    message: &PkiMessage,
    accept: impl Fn(&EncodedCertificate) -> bool,
) -> Option<&EncodedCertificate> {
    message.extra_certs().iter().find(|candidate| is_of_kem_key(candidate) && accept(candidate))
}

fn is_of_kem_key(certificate: &EncodedCertificate) -> bool {
    let key = super::public_key(certificate);
    key.and_then(|key| PublicKey::from_spki_der(&key).ok())
        .is_some_and(|key| KemAlgorithm::of(key.kind()).is_some())
}
