use alloc::vec::Vec;

use asn1::UnixTime;
use asn1::oids::rfc9810::IT_KEM_CIPHERTEXT_INFO;
use crypto::CryptoProvider;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::body::PkiBody;
use crate::error::Error;
use crate::general_info::InfoTypeAndValue;
use crate::header::{RecipNonce, SenderNonce, TransactionId};
use crate::info_value::KemCiphertextInfo;
use crate::message::PkiMessage;
use crate::protection::{HeaderFields, ProtectedPart, SenderIdentity};
use crate::validation::{Expectation, Validator};

/// Asks for the ciphertext of our KEM key, without protection, as there is nothing yet to protect with (RFC 9810 appendix E). The
/// transaction goes on with a request.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct KemQuestion {
    /// The RA/CA's name; the NULL-DN when it is not known.
    pub recipient: Name,
}

impl KemQuestion {
    /// Asks whoever answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the message, with a fresh transactionID and our certificate in extraCerts.
    ///
    /// # Errors
    /// [`Error::BadCredential`] when the identity is not one of a KEM key; when randomness fails.
    pub fn start(
        self,
        identity: &SenderIdentity,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(Vec<u8>, AwaitingCiphertext), Error> {
        if !identity.is_kem() {
            return Err(Error::BadCredential);
        }
        let transaction_id = TransactionId::random(provider)?;
        let recipient = GeneralName::DirectoryName(self.recipient);
        let fields = HeaderFields::new(recipient, transaction_id.clone());
        let body = PkiBody::Genm(Vec::from([InfoTypeAndValue::new(IT_KEM_CIPHERTEXT_INFO, None)]));
        let (octets, nonce) = ProtectedPart::unprotected(identity, fields, body.encoded()?, provider, now)?;
        Ok((octets, AwaitingCiphertext { transaction_id, nonce }))
    }
}

/// The question was sent; the ciphertext is awaited.
#[derive(Clone, Debug)]
pub struct AwaitingCiphertext {
    transaction_id: TransactionId,
    nonce: SenderNonce,
}

/// Where a transaction goes on after the ciphertext has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Continuation {
    /// The transaction.
    pub transaction_id: TransactionId,
    /// The answer's senderNonce, which the request echoes.
    pub nonce: SenderNonce,
}

impl Continuation {
    /// The transaction that goes on, with the nonce to echo, or a fresh one.
    pub(super) fn begin(
        continuation: Option<Self>,
        provider: &CryptoProvider,
    ) -> Result<(TransactionId, Option<RecipNonce>), Error> {
        Ok(match continuation {
            Some(Self { transaction_id, nonce }) => (transaction_id, Some(RecipNonce::from(nonce))),
            None => (TransactionId::random(provider)?, None),
        })
    }
}

impl AwaitingCiphertext {
    /// What an answer that is protected must look like: a refusal.
    pub fn expectation(&self) -> Expectation<'_> {
        Expectation::Within {
            transaction_id: &self.transaction_id,
            nonces: core::slice::from_ref(&self.nonce),
            signer: None,
        }
    }

    /// Takes the answer, which is not protected and not believed: what is made of a wrong ciphertext, the RA/CA refuses.
    ///
    /// # Errors
    /// When the message is no answer to the question. That ends nothing: whoever is on the way may have made it.
    pub fn handle(
        &self,
        message: &PkiMessage,
        validator: &Validator<'_>,
        now: UnixTime,
    ) -> Result<(KemCiphertextInfo, Continuation), Error> {
        let (info, nonce) = validator.take_kem_answer(message, &self.expectation(), now)?;
        Ok((info, Continuation { transaction_id: self.transaction_id.clone(), nonce }))
    }
}
