//! Batches too long to be held in memory: what stands around the messages, which themselves go from one place to another octet by
//! octet (RFC 9483 sections 5.2.2.2 and 6.4).

use alloc::vec::Vec;

use asn1::UnixTime;
use crypto::CryptoProvider;
use der::{Encode, Header, Length, Tag, TagNumber};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::body::PkiBody;
use crate::error::Error;
use crate::header::{SenderNonce, TransactionId};
use crate::protection::{HeaderFields, ProtectedPart, SenderIdentity};

/// A nested message without the messages inside, of which only the length is known.
///
/// What is signed is [`LongBatch::signed_prefix`] and then the messages, one after another. The file is what
/// [`LongBatch::with_signature`] gives first, then the messages, then what it gives second.
#[derive(Clone, Debug)]
pub struct LongBatch {
    part: ProtectedPart,
    inner: usize,
}

impl LongBatch {
    /// A batch under a transactionID and a senderNonce that were chosen before, for messages of that many octets together.
    ///
    /// # Errors
    /// [`Error::EmptyList`] when there are none; when they are more than can be counted (2^32).
    pub fn new(
        (transaction_id, sender_nonce): (TransactionId, SenderNonce),
        inner: usize,
        identity: &SenderIdentity,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Self, Error> {
        if inner == 0 {
            return Err(Error::EmptyList("nested"));
        }
        let recipient = GeneralName::DirectoryName(Name::default());
        let fields =
            HeaderFields { sender_nonce: Some(sender_nonce), ..HeaderFields::new(recipient, transaction_id) };
        let mut part = ProtectedPart::new(identity, fields, &PkiBody::Nested(Vec::new()), provider, now)?;
        let list = prefix(Tag::Sequence, inner)?;
        let tag = Tag::ContextSpecific { constructed: true, number: TagNumber(20) };
        part.replace_body([prefix(tag, sum(&[list.len(), inner])?)?, list].concat());
        // What is too long is found out now, and not when all else is written.
        let batch = Self { part, inner };
        batch.with_signature(&[0; 8192])?;
        Ok(batch)
    }

    /// What is signed before the messages.
    ///
    /// # Errors
    /// When all together is too long for DER.
    pub fn signed_prefix(&self) -> Result<Vec<u8>, Error> {
        self.prefix(0)
    }

    /// What stands before the messages, and what behind them.
    ///
    /// # Errors
    /// [`Error::BadCredential`] when the message is to be protected with a MAC; when all together is too long for DER.
    pub fn with_signature(&self, signature: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let suffix = self.part.suffix(signature)?;
        Ok((self.prefix(suffix.len())?, suffix))
    }

    fn prefix(&self, suffix: usize) -> Result<Vec<u8>, Error> {
        let (header, body) = self.part.header_and_body();
        let length = sum(&[header.len(), body.len(), self.inner, suffix])?;
        Ok([&prefix(Tag::Sequence, length)?, header, body].concat())
    }
}

fn sum(lengths: &[usize]) -> Result<usize, Error> {
    let sum = lengths.iter().try_fold(0_usize, |sum, length| sum.checked_add(*length));
    sum.ok_or_else(|| Error::Encoding(der::ErrorKind::Overflow.into()))
}

fn prefix(tag: Tag, length: usize) -> Result<Vec<u8>, Error> {
    let header = Length::try_from(length).map(|length| Header::new(tag, length));
    header.and_then(|header| header.to_der()).map_err(Error::Encoding)
}
