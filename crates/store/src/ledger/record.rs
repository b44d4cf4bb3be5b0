//! The ledger's records: a DER of its own, so that the NEM's structs can change and the file need not.

use asn1::{EncodedCertificate, UnixTime};
use cmp::end_entity::{Correspondent, RequestKind, Transaction};
use cmp::{CertReqId, Credential, SenderNonce, TransactionId};
use der::asn1::OctetString;
use der::{Decode, Encode, Enumerated, Sequence};
use nem::Label;
use nem::ledger::{
    Certificates, Confirming, ExportId, Exported, ExportedMessage, Fetch, Record, RequestId, State,
};
use x509_cert::name::Name;

use crate::Error;
use crate::body::Body;
use crate::error::unknown_value;
use crate::sender::Sender;

/// ```text
/// RequestEntry ::= SEQUENCE {
///   requestID     OCTET STRING (SIZE (16)),
///   station       UTF8String,
///   request       OCTET STRING,               -- CertificationRequest; with ir and cr CertReqMessages
///   publicKey     OCTET STRING,
///   receivedAt    INTEGER,                    -- Unix time
///   changedAt     INTEGER,                    -- Unix time
///   state         ENUMERATED { queued(0), sent(1), waiting(2), confirming(3), issued(4), delivered(5), rejected(6),
///                              exported(7) },
///   message       [0] OCTET STRING OPTIONAL,  -- sent, confirming; exported when it is a message
///   transaction   [1] TransactionEntry OPTIONAL,   -- sent, waiting, confirming; exported when it is a message
///   correspondent [2] CorrespondentEntry OPTIONAL, -- waiting, confirming
///   pollAt        [3] INTEGER OPTIONAL,       -- waiting; Unix time
///   nonce         [4] OCTET STRING OPTIONAL,  -- confirming: certConf's senderNonce
///   certificates  [5] SEQUENCE OF Certificate OPTIONAL, -- confirming, issued, delivered; the station's first
///   reason        [6] UTF8String OPTIONAL,    -- rejected; confirming when it is turned down
///   kind          [7] ENUMERATED { ir(0), cr(2), p10cr(4), kur(7) } OPTIONAL, -- p10cr when it is missing
///   upstream      [8] UTF8String OPTIONAL,    -- the RA/CA that has it
///   held          [9] BOOLEAN DEFAULT FALSE,
///   label         [10] UTF8String OPTIONAL,   -- what the station calls it
///   cancelled     [11] BOOLEAN DEFAULT FALSE,
///   turnDown      [12] UTF8String OPTIONAL,   -- why an operator wants no certificate
///   fetch         [13] ENUMERATED { awaited(0), done(1), ahead(2) } OPTIONAL, -- confirming, where the station need not wait
///   export        [14] OCTET STRING (SIZE (16)) OPTIONAL } -- exported
/// ```
#[derive(Sequence)]
struct RequestEntry {
    id: OctetString,
    station: String,
    request: OctetString,
    public_key: OctetString,
    received_at: u64,
    changed_at: u64,
    state: StateName,
    #[asn1(context_specific = "0", optional = "true")]
    message: Option<OctetString>,
    #[asn1(context_specific = "1", optional = "true")]
    transaction: Option<TransactionEntry>,
    #[asn1(context_specific = "2", optional = "true")]
    correspondent: Option<CorrespondentEntry>,
    #[asn1(context_specific = "3", optional = "true")]
    poll_at: Option<u64>,
    #[asn1(context_specific = "4", optional = "true")]
    nonce: Option<SenderNonce>,
    #[asn1(context_specific = "5", optional = "true")]
    certificates: Option<Vec<EncodedCertificate>>,
    #[asn1(context_specific = "6", optional = "true")]
    reason: Option<String>,
    #[asn1(context_specific = "7", optional = "true")]
    kind: Option<Body>,
    #[asn1(context_specific = "8", optional = "true")]
    upstream: Option<String>,
    #[asn1(context_specific = "9", default = "no")]
    held: bool,
    #[asn1(context_specific = "10", optional = "true")]
    label: Option<String>,
    #[asn1(context_specific = "11", default = "no")]
    cancelled: bool,
    #[asn1(context_specific = "12", optional = "true")]
    turn_down: Option<String>,
    #[asn1(context_specific = "13", optional = "true")]
    fetch: Option<FetchName>,
    #[asn1(context_specific = "14", optional = "true")]
    export: Option<OctetString>,
}

const fn no() -> bool {
    false
}

#[derive(Clone, Copy, Enumerated)]
#[repr(u8)]
enum FetchName {
    Awaited = 0,
    Done = 1,
    Ahead = 2,
}

#[derive(Clone, Copy, Enumerated)]
#[repr(u8)]
enum StateName {
    Queued = 0,
    Sent = 1,
    Waiting = 2,
    Confirming = 3,
    Issued = 4,
    Delivered = 5,
    Rejected = 6,
    Exported = 7,
}

/// ```text
/// TransactionEntry ::= SEQUENCE {
///   transactionID   OCTET STRING,
///   body            ENUMERATED { ir(0), cr(2), p10cr(4), kur(7) },
///   certReqId       INTEGER,
///   implicitConfirm BOOLEAN,
///   publicKey       OCTET STRING,
///   nonces          SEQUENCE OF OCTET STRING,
///   reference       [0] OCTET STRING OPTIONAL }  -- of the secret that the answers must be protected with
/// ```
#[derive(Sequence)]
struct TransactionEntry {
    transaction_id: TransactionId,
    body: Body,
    cert_req_id: CertReqId,
    implicit_confirm: bool,
    public_key: OctetString,
    nonces: Vec<SenderNonce>,
    #[asn1(context_specific = "0", optional = "true")]
    reference: Option<OctetString>,
}

/// `CorrespondentEntry ::= SEQUENCE { name Name, nonce OCTET STRING,
/// credential CHOICE { certificate Certificate, reference OCTET STRING } }`
#[derive(Sequence)]
struct CorrespondentEntry {
    name: Name,
    nonce: SenderNonce,
    credential: Sender,
}

pub(super) fn record_to_der(record: &Record) -> Result<Vec<u8>, Error> {
    let mut entry = RequestEntry {
        id: octet_string(record.id.as_octets())?,
        station: record.station.clone(),
        request: octet_string(&record.request)?,
        public_key: octet_string(&record.public_key)?,
        received_at: record.received_at.as_secs(),
        changed_at: record.changed_at.as_secs(),
        state: StateName::Queued,
        message: None,
        transaction: None,
        correspondent: None,
        poll_at: None,
        nonce: None,
        certificates: None,
        reason: None,
        kind: Some(record.kind).filter(|kind| *kind != RequestKind::P10cr).map(Body::try_from).transpose()?,
        upstream: record.upstream.clone(),
        held: record.held,
        label: record.label.as_ref().map(ToString::to_string),
        cancelled: record.cancelled,
        turn_down: record.turn_down.clone(),
        fetch: record.fetch.map(|fetch| match fetch {
            Fetch::Awaited => FetchName::Awaited,
            Fetch::Done => FetchName::Done,
            Fetch::Ahead => FetchName::Ahead,
        }),
        export: None,
    };
    match &record.state {
        State::Queued => {}
        State::Sent { message, transaction } => {
            entry.state = StateName::Sent;
            entry.message = Some(octet_string(message)?);
            entry.transaction = Some(TransactionEntry::new(transaction)?);
        }
        State::Waiting { transaction, correspondent, poll_at } => {
            entry.state = StateName::Waiting;
            entry.transaction = Some(TransactionEntry::new(transaction)?);
            entry.correspondent = Some(CorrespondentEntry::new(correspondent)?);
            entry.poll_at = Some(poll_at.as_secs());
        }
        State::Confirming(confirming) => {
            entry.state = StateName::Confirming;
            entry.message = Some(octet_string(&confirming.message)?);
            entry.transaction = Some(TransactionEntry::new(&confirming.transaction)?);
            entry.correspondent = Some(CorrespondentEntry::new(&confirming.correspondent)?);
            entry.nonce = Some(confirming.nonce.clone());
            entry.certificates = Some(chain(&confirming.certificates));
            entry.reason.clone_from(&confirming.turned_down);
        }
        State::Issued(certificates) => {
            entry.state = StateName::Issued;
            entry.certificates = Some(chain(certificates));
        }
        State::Delivered(certificates) => {
            entry.state = StateName::Delivered;
            entry.certificates = Some(chain(certificates));
        }
        State::Rejected { reason } => {
            entry.state = StateName::Rejected;
            entry.reason = Some(reason.clone());
        }
        State::Exported(exported) => {
            entry.state = StateName::Exported;
            entry.export = Some(octet_string(exported.export.as_octets())?);
            if let Some(sent) = &exported.sent {
                entry.message = Some(octet_string(&sent.message)?);
                entry.transaction = Some(TransactionEntry::new(&sent.transaction)?);
            }
        }
        _ => return Err(unknown_value()),
    }
    entry.to_der().map_err(Error::Encoding)
}

pub(super) fn record_from_der(octets: &[u8]) -> Result<Record, Error> {
    let entry = RequestEntry::from_der(octets).and_then(RequestEntry::into_record);
    entry.map_err(|reason| Error::Corrupt { record: "request", reason })
}

impl RequestEntry {
    fn into_record(self) -> der::Result<Record> {
        let id = RequestId::new(self.id.as_bytes().try_into().map_err(|_| inconsistent())?);
        let station = self.station.clone();
        let kind = self.kind.map_or(RequestKind::P10cr, RequestKind::from);
        let (request, public_key) = (self.request.as_bytes().to_vec(), self.public_key.as_bytes().to_vec());
        let (received_at, changed_at) =
            (UnixTime::from_secs(self.received_at), UnixTime::from_secs(self.changed_at));
        let mut record = Record::new(id, station, kind, request, public_key, received_at);
        record.changed_at = changed_at;
        record.upstream.clone_from(&self.upstream);
        record.held = self.held;
        record.label =
            self.label.as_deref().map(|text| Label::new(text).ok_or_else(inconsistent)).transpose()?;
        record.cancelled = self.cancelled;
        record.turn_down.clone_from(&self.turn_down);
        record.fetch = self.fetch.map(|fetch| match fetch {
            FetchName::Awaited => Fetch::Awaited,
            FetchName::Done => Fetch::Done,
            FetchName::Ahead => Fetch::Ahead,
        });
        record.state = self.into_state().ok_or_else(inconsistent)?;
        Ok(record)
    }

    /// `None` when a field that the state has is missing.
    fn into_state(self) -> Option<State> {
        let message = self.message.map(|message| message.as_bytes().to_vec());
        let transaction = self.transaction.map(Transaction::from);
        let correspondent = self.correspondent.map(Correspondent::from);
        let certificates = self.certificates.and_then(|chain| {
            let mut chain = chain.into_iter();
            Some(Certificates { certificate: chain.next()?, chain: chain.collect() })
        });
        Some(match self.state {
            StateName::Queued => State::Queued,
            StateName::Sent => State::Sent { message: message?, transaction: transaction? },
            StateName::Waiting => State::Waiting {
                transaction: transaction?,
                correspondent: correspondent?,
                poll_at: UnixTime::from_secs(self.poll_at?),
            },
            StateName::Confirming => State::Confirming(Box::new(Confirming {
                certificates: certificates?,
                transaction: transaction?,
                correspondent: correspondent?,
                message: message?,
                nonce: self.nonce?,
                turned_down: self.reason,
            })),
            StateName::Issued => State::Issued(certificates?),
            StateName::Delivered => State::Delivered(certificates?),
            StateName::Rejected => State::Rejected { reason: self.reason? },
            StateName::Exported => {
                let sent = match (message, transaction) {
                    (Some(message), Some(transaction)) => Some(ExportedMessage { message, transaction }),
                    (None, None) => None,
                    _ => return None,
                };
                let export = ExportId::new(self.export?.as_bytes().try_into().ok()?);
                State::Exported(Box::new(Exported { export, sent }))
            }
        })
    }
}

impl TransactionEntry {
    fn new(transaction: &Transaction) -> Result<Self, Error> {
        Ok(Self {
            transaction_id: transaction.transaction_id.clone(),
            body: transaction.kind.try_into()?,
            cert_req_id: transaction.cert_req_id,
            implicit_confirm: transaction.implicit_confirm,
            public_key: octet_string(&transaction.public_key)?,
            nonces: transaction.nonces.clone(),
            reference: reference(transaction.answerer.as_ref())?,
        })
    }
}

impl From<TransactionEntry> for Transaction {
    fn from(entry: TransactionEntry) -> Self {
        let mut transaction = Self::new(
            entry.transaction_id,
            entry.body.into(),
            entry.cert_req_id,
            entry.implicit_confirm,
            entry.public_key.as_bytes().to_vec(),
            entry.nonces,
        );
        transaction.answerer = entry.reference.map(|reference| Sender::Reference(reference).into());
        transaction
    }
}

fn reference(answerer: Option<&Credential>) -> Result<Option<OctetString>, Error> {
    match answerer {
        None => Ok(None),
        Some(Credential::SharedSecret(reference)) => octet_string(reference.as_octets()).map(Some),
        Some(Credential::Certificate(_)) => Err(unknown_value()),
    }
}

impl CorrespondentEntry {
    fn new(correspondent: &Correspondent) -> Result<Self, Error> {
        Ok(Self {
            name: correspondent.name.clone(),
            nonce: correspondent.nonce.clone(),
            credential: Sender::new(&correspondent.credential)?,
        })
    }
}

impl From<CorrespondentEntry> for Correspondent {
    fn from(entry: CorrespondentEntry) -> Self {
        Self::new(entry.name, entry.nonce, entry.credential.into())
    }
}

fn chain(certificates: &Certificates) -> Vec<EncodedCertificate> {
    std::iter::once(&certificates.certificate).chain(&certificates.chain).cloned().collect()
}

fn octet_string(octets: &[u8]) -> Result<OctetString, Error> {
    OctetString::new(octets).map_err(Error::Encoding)
}

fn inconsistent() -> der::Error {
    der::ErrorKind::Value { tag: der::Tag::Sequence }.into()
}
