//! Batches too long to be held in memory: what stands around the messages, which themselves go from one place to another octet by
//! octet (RFC 9483 sections 5.2.2.2 and 6.4). Made, and read.

use alloc::vec::Vec;
use core::ops::Range;

use asn1::{UnixTime, compose};
use crypto::{CryptoProvider, DigestAlgorithm, SignatureAlgorithm};
use der::{Decode, Encode, Header, Length, Reader, SliceReader, Tag, TagNumber};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::body::PkiBody;
use crate::error::Error;
use crate::header::{PkiHeader, SenderNonce, TransactionId};
use crate::message::PkiMessage;
use crate::protection::{HeaderFields, ProtectedPart, SenderIdentity};
use crate::reading::ReadingPolicy;
use crate::trust::Signer;
use crate::validation::{Expectation, ValidatedMessage, Validator};

const NESTED: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(20) };

/// A nested body without messages, in place of those that are elsewhere.
const NO_MESSAGES: [u8; 4] = [0xb4, 2, 0x30, 0];

/// What may stand behind the messages: a signature, and as many certificates as anybody has, with the largest keys.
const MAX_TRAILER: usize = 1024 * 1024;

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
        let recipient = GeneralName::DirectoryName(Name::default());
        let fields =
            HeaderFields { sender_nonce: Some(sender_nonce), ..HeaderFields::new(recipient, transaction_id) };
        let part =
            ProtectedPart::new(identity, fields, PkiBody::Nested(Vec::new()).encoded()?, provider, now)?;
        Self::around(part, inner)
    }

    /// With that part's header, around messages of that many octets together.
    pub(crate) fn around(mut part: ProtectedPart, inner: usize) -> Result<Self, Error> {
        if inner == 0 {
            return Err(Error::EmptyList("nested"));
        }
        let list = prefix(Tag::Sequence, inner)?;
        part.replace_body([prefix(NESTED, sum(&[list.len(), inner])?)?, list].concat());
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

/// Where the parts of a batch stand among its octets, by its first ones.
#[derive(Clone, Debug)]
pub struct BatchLayout {
    header: Vec<u8>,
    /// The tags and lengths of the body and of the list inside.
    body: Vec<u8>,
    messages: Range<usize>,
    octets: usize,
}

impl BatchLayout {
    /// From the first octets of a message, the whole header and the beginning of the body among them. `None`: it is not nested, or it
    /// has a single message inside, which may be one with added protection. Either is for [`PkiMessage::inspect`].
    ///
    /// # Errors
    /// When these are no octets of a message; [`Error::TooLarge`] when it is longer than the policy allows.
    pub fn read(start: &[u8], policy: &ReadingPolicy) -> Result<Option<Self>, Error> {
        let mut reader = SliceReader::new(start).map_err(Error::Malformed)?;
        let outer = Header::decode(&mut reader).map_err(Error::Malformed)?;
        outer.tag().assert_eq(Tag::Sequence).map_err(Error::Malformed)?;
        let octets = end(&reader, outer)?;
        let header = reader.tlv_bytes().map_err(Error::Malformed)?.to_vec();
        let body_at = position(&reader)?;
        let body = Header::decode(&mut reader).map_err(Error::Malformed)?;
        if body.tag() != NESTED {
            return Ok(None);
        }
        let body_end = end(&reader, body)?;
        let list = Header::decode(&mut reader).map_err(Error::Malformed)?;
        list.tag().assert_eq(Tag::Sequence).map_err(Error::Malformed)?;
        let messages = position(&reader)?..end(&reader, list)?;
        if messages.is_empty() {
            return Err(Error::EmptyList("nested"));
        }
        if messages.end != body_end || octets < body_end {
            return Err(Error::Malformed(der::ErrorKind::Overlength.into()));
        }
        let limit = policy.message_size;
        if octets > limit {
            return Err(Error::TooLarge { octets, limit });
        }
        let trailer = octets.saturating_sub(body_end);
        if trailer > MAX_TRAILER {
            return Err(Error::TooLarge { octets: trailer, limit: MAX_TRAILER });
        }
        let first = Header::decode(&mut reader).map_err(Error::Malformed)?;
        if end(&reader, first)? == messages.end {
            return Ok(None);
        }
        let body = start.get(body_at..messages.start).unwrap_or_default().to_vec();
        Ok(Some(Self { header, body, messages, octets }))
    }

    /// How many octets the batch has.
    pub const fn octets(&self) -> usize {
        self.octets
    }

    /// Where the messages stand.
    pub fn messages(&self) -> Range<usize> {
        self.messages.clone()
    }

    /// What is signed before the messages.
    ///
    /// # Errors
    /// Never for what was read.
    pub fn signed_prefix(&self) -> Result<Vec<u8>, Error> {
        let inner = self.messages.end.saturating_sub(self.messages.start);
        let length = sum(&[self.header.len(), self.body.len(), inner])?;
        Ok([&prefix(Tag::Sequence, length)?, self.header.as_slice(), &self.body].concat())
    }

    /// The batch, with the octets that stand behind the messages. What [`PkiMessage::inspect`] looks at is looked at, but for the
    /// messages.
    ///
    /// # Errors
    /// As [`PkiMessage::inspect`].
    pub fn receive(&self, trailer: &[u8], policy: &ReadingPolicy) -> Result<ReceivedBatch, Error> {
        let outline =
            compose(Tag::Sequence, &[&self.header, &NO_MESSAGES, trailer]).map_err(Error::Malformed)?;
        PkiMessage::inspect_outline(&outline, policy).map(ReceivedBatch)
    }
}

/// A batch as it came in, without the messages inside: nothing is believed.
#[derive(Clone, Debug)]
pub struct ReceivedBatch(PkiMessage);

impl ReceivedBatch {
    /// The header.
    pub fn header(&self) -> &PkiHeader {
        self.0.header()
    }

    /// The digest of what is signed, if the signature can be verified by that: of [`BatchLayout::signed_prefix`], and of the messages
    /// as they came. `None`: the message is needed as a whole.
    pub fn digest(&self) -> Option<DigestAlgorithm> {
        let identifier = self.header().protection_alg.as_ref()?;
        SignatureAlgorithm::from_identifier(identifier).ok()?.prehash()
    }
}

/// A batch whose protection holds, and whose signer has a path to an anchor of the role. Its messages are not in here, and nobody
/// vouches for them.
#[derive(Clone, Debug)]
pub struct ValidatedBatch(ValidatedMessage);

impl ValidatedBatch {
    /// The header.
    pub fn header(&self) -> &PkiHeader {
        self.0.message().header()
    }

    /// Who signed it.
    pub fn signer(&self) -> &Signer {
        self.0.signer()
    }

    /// The transaction it belongs to.
    pub fn transaction_id(&self) -> &TransactionId {
        self.0.transaction_id()
    }
}

impl Validator<'_> {
    /// Validates a batch that is too long for memory, by the digest that [`ReceivedBatch::digest`] asks for.
    ///
    /// # Errors
    /// The first thing that is wrong, as with [`Validator::validate`].
    pub fn validate_batch(
        &self,
        batch: ReceivedBatch,
        digest: &[u8],
        expectation: &Expectation<'_>,
        now: UnixTime,
    ) -> Result<ValidatedBatch, Error> {
        self.validate_by(batch.0, Some(digest), expectation, now).map(ValidatedBatch)
    }
}

fn position(reader: &SliceReader<'_>) -> Result<usize, Error> {
    usize::try_from(u32::from(reader.position()))
        .map_err(|_| Error::Malformed(der::ErrorKind::Overflow.into()))
}

/// Where the value ends whose tag and length were just read.
fn end(reader: &SliceReader<'_>, header: Header) -> Result<usize, Error> {
    let length = usize::try_from(u32::from(header.length()));
    let length = length.map_err(|_| Error::Malformed(der::ErrorKind::Overflow.into()))?;
    sum(&[position(reader)?, length])
}

fn sum(lengths: &[usize]) -> Result<usize, Error> {
    let sum = lengths.iter().try_fold(0_usize, |sum, length| sum.checked_add(*length));
    sum.ok_or_else(|| Error::Encoding(der::ErrorKind::Overflow.into()))
}

fn prefix(tag: Tag, length: usize) -> Result<Vec<u8>, Error> {
    let header = Length::try_from(length).map(|length| Header::new(tag, length));
    header.and_then(|header| header.to_der()).map_err(Error::Encoding)
}
