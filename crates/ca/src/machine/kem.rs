//! KEM-based MACs, RFC 9810 section 5.1.3.4 and appendix E: of requesters with a KEM key, and the CA's own.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::UnixTime;
use asn1::oids::rfc9810::KEM_BASED_MAC;
use cmp::management_entity::ReplyTo;
use cmp::{KemTrust, MacCredential, PkiMessage, SenderIdentity, SenderNonce, TransactionId};
use crypto::DecapsulationKey;

use super::Ca;
use crate::{Error, Outcome};

/// What the CA answers with when a request brings a ciphertext for it.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)] // a key, whose it is, and when it is used
pub struct KemKey {
    /// Who answers; made by [`SenderIdentity::with_kem`].
    pub identity: SenderIdentity,
    /// With which key.
    pub key: Box<dyn DecapsulationKey>,
    /// Whether requests that bring no ciphertext are told to bring one, without protection, instead of being answered by signature.
    pub required: bool,
}

/// A ciphertext that was handed out, and what was inside.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KemExchange {
    /// To verify the transaction's messages with.
    pub trust: KemTrust,
    /// The question's octets.
    pub question: Vec<u8>,
    /// The answer's octets.
    pub answer: Vec<u8>,
    /// The answer's senderNonce.
    pub nonce: SenderNonce,
    /// When it can be forgotten.
    pub until: UnixTime,
}

/// Keeps the secrets that were encapsulated for requesters, in memory: what is forgotten, they ask for anew. Questions are not
/// protected, so their number must be bounded, and the oldest give way.
pub trait KemExchanges: Send + Sync {
    /// Keeps it, unless there is one of the same transaction already; returns the one that is kept.
    fn keep(&self, exchange: KemExchange) -> KemExchange;

    /// The one of that transaction, unless its time is over.
    fn find(&self, transaction_id: &TransactionId, now: UnixTime) -> Option<KemExchange>;
}

/// How long a requester may take from its question to its last message.
const LIFETIME: Duration = Duration::from_secs(3600);

impl Ca {
    /// The one question without protection: a ciphertext for the requester's KEM key.
    pub(super) fn offer_ciphertext(
        &self,
        exchanges: &dyn KemExchanges,
        id: &TransactionId,
        message: &PkiMessage,
        now: UnixTime,
    ) -> Result<(Vec<u8>, Outcome), Error> {
        if let Some(earlier) = exchanges.find(id, now) {
            return repeated(earlier, message);
        }
        let (encapsulation, id) = self.validator().take_kem_question(message, now)?;
        self.check_signer_not_revoked(encapsulation.signer())?;
        // Whoever has to wait for an administrator polls for as long.
        let waiting =
            if self.policy.approval.of.is_empty() { Duration::ZERO } else { self.policy.approval.lifetime };
        let responder = self.responder(None, now);
        let (answer, nonce) = responder.ciphertext(&ReplyTo::new(message.header()), &encapsulation)?;
        let kept = exchanges.keep(KemExchange {
            trust: encapsulation.within(id),
            question: message.octets().to_vec(),
            answer: answer.clone(),
            nonce,
            until: now.saturating_add(LIFETIME.max(waiting)),
        });
        if kept.answer == answer { Ok((answer, Outcome::Informed)) } else { repeated(kept, message) }
    }

    /// What was encapsulated for the sender of a message, in its transaction.
    pub(super) fn kem_exchange(&self, message: &PkiMessage, now: UnixTime) -> Option<KemExchange> {
        self.kem_exchanges.as_ref()?.find(message.header().transaction_id.as_ref()?, now)
    }

    /// What to answer a message with that brings a ciphertext, or whose transaction began with one that did.
    pub(super) fn kem_credential(&self, message: &PkiMessage) -> Result<Option<MacCredential>, Error> {
        let Some(own) = &self.kem_key else { return Ok(None) };
        if let Some(credential) = message.kem_credential(&own.identity, own.key.as_ref())? {
            return Ok(Some(credential));
        }
        let id = message.header().transaction_id.as_ref().ok_or(cmp::Error::BadTransactionId)?;
        let record = self.registry.transaction(id)?;
        let first = record.as_ref().and_then(|record| record.exchanges.first());
        match first.map(|exchange| PkiMessage::inspect(&exchange.request, &self.reading)).transpose()? {
            Some(first) => Ok(first.kem_credential(&own.identity, own.key.as_ref())?),
            None if own.required => Err(cmp::Error::KemCiphertextMissing.into()),
            None => Ok(None),
        }
    }
}

/// Whether a message says that it is protected by a KEM-based MAC.
pub(super) fn is_kem_based(message: &PkiMessage) -> bool {
    let algorithm = message.header().protection_alg.as_ref();
    algorithm.is_some_and(|algorithm| algorithm.oid == KEM_BASED_MAC)
}

fn repeated(earlier: KemExchange, message: &PkiMessage) -> Result<(Vec<u8>, Outcome), Error> {
    if earlier.question == message.octets() {
        return Ok((earlier.answer, Outcome::Repeated));
    }
    Err(cmp::Error::TransactionIdInUse(earlier.trust.transaction_id().clone()).into())
}
