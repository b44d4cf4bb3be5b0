//! Transactions of messages that stations sign themselves, in a DER of the ledger's own.

use asn1::UnixTime;
use der::asn1::OctetString;
use der::{Decode, Encode, Enumerated, Sequence};
use nem::Passing;
use nem::ledger::{PassedId, PassedMessage, PassedTransaction};

use crate::Error;
use crate::sender::Sender;

/// ```text
/// PassedEntry ::= SEQUENCE {
///   id       OCTET STRING (SIZE (32)),
///   station  UTF8String,
///   upstream UTF8String,
///   passing  ENUMERATED { unchanged(0), addedProtection(1), replacedProtection(2) },
///   until    INTEGER,                              -- Unix time
///   signer   [0] SEQUENCE { credential Sender } OPTIONAL,
///   last     [1] PassedMessageEntry OPTIONAL }
/// ```
#[derive(Sequence)]
struct PassedEntry {
    id: OctetString,
    station: String,
    upstream: String,
    passing: PassingName,
    until: u64,
    #[asn1(context_specific = "0", optional = "true")]
    signer: Option<SignerEntry>,
    #[asn1(context_specific = "1", optional = "true")]
    last: Option<PassedMessageEntry>,
}

#[derive(Sequence)]
struct SignerEntry {
    credential: Sender,
}

/// `PassedMessageEntry ::= SEQUENCE { digest OCTET STRING (SIZE (32)), message OCTET STRING }`
#[derive(Sequence)]
struct PassedMessageEntry {
    digest: OctetString,
    message: OctetString,
}

#[derive(Clone, Copy, Enumerated)]
#[repr(u8)]
enum PassingName {
    Unchanged = 0,
    AddedProtection = 1,
    ReplacedProtection = 2,
}

pub(super) fn passed_to_der(transaction: &PassedTransaction) -> Result<Vec<u8>, Error> {
    let octet_string = |octets: &[u8]| OctetString::new(octets).map_err(Error::Encoding);
    let last = transaction.last.as_ref().map(|last| {
        let (digest, message) = (octet_string(&last.digest)?, octet_string(&last.message)?);
        Ok::<_, Error>(PassedMessageEntry { digest, message })
    });
    let signer = transaction
        .signer
        .as_ref()
        .map(|signer| Ok::<_, Error>(SignerEntry { credential: Sender::new(signer)? }));
    let entry = PassedEntry {
        id: octet_string(transaction.id.as_octets())?,
        station: transaction.station.clone(),
        upstream: transaction.upstream.clone(),
        passing: match transaction.passing {
            Passing::Unchanged => PassingName::Unchanged,
            Passing::AddedProtection => PassingName::AddedProtection,
            Passing::ReplacedProtection => PassingName::ReplacedProtection,
        },
        until: transaction.until.as_secs(),
        signer: signer.transpose()?,
        last: last.transpose()?,
    };
    entry.to_der().map_err(Error::Encoding)
}

pub(super) fn passed_from_der(octets: &[u8]) -> Result<PassedTransaction, Error> {
    let transaction = PassedEntry::from_der(octets).and_then(PassedEntry::into_transaction);
    transaction.map_err(|reason| Error::Corrupt { record: "transaction", reason })
}

impl PassedEntry {
    fn into_transaction(self) -> der::Result<PassedTransaction> {
        let last = self.last.map(|last| {
            let (digest, message) = (digest(&last.digest)?, last.message.as_bytes().to_vec());
            Ok::<_, der::Error>(PassedMessage { digest, message })
        });
        Ok(PassedTransaction {
            id: PassedId::new(digest(&self.id)?),
            station: self.station,
            upstream: self.upstream,
            passing: match self.passing {
                PassingName::Unchanged => Passing::Unchanged,
                PassingName::AddedProtection => Passing::AddedProtection,
                PassingName::ReplacedProtection => Passing::ReplacedProtection,
            },
            until: UnixTime::from_secs(self.until),
            signer: self.signer.map(|signer| signer.credential.into()),
            last: last.transpose()?,
        })
    }
}

fn digest(octets: &OctetString) -> der::Result<[u8; 32]> {
    let wrong = |_| der::ErrorKind::Value { tag: der::Tag::OctetString }.into();
    octets.as_bytes().try_into().map_err(wrong)
}
