//! The registry's records: a DER of its own, so that the program's structs can change and the file need not.

use asn1::{EncodedCertificate, UnixTime};
use ca::registry::{CertificateRecord, CertificateStatus, Exchange, TransactionRecord, TransactionState};
use cmp::management_entity::OpenRequest;
use cmp::{CertReqId, PkiStatusInfo, SenderNonce, TransactionId};
use der::asn1::OctetString;
use der::{Decode, Encode, Enumerated, Sequence};
use x509_cert::ext::pkix::CrlReason;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

use crate::Error;
use crate::body::Body;
use crate::error::unknown_value;
use crate::sender::Sender;

/// ```text
/// TransactionEntry ::= SEQUENCE {
///   transactionID   OCTET STRING,
///   body            ENUMERATED { ir(0), cr(2), p10cr(4), kur(7) },
///   certReqId       INTEGER,
///   implicitConfirm BOOLEAN,
///   signer          CHOICE { certificate Certificate, reference OCTET STRING },
///   serialNumber    INTEGER OPTIONAL,     -- absent as long as no certificate is issued
///   withMods        BOOLEAN,
///   state           ENUMERATED { waiting(0), awaitingCertConf(1), confirmed(2), rejected(3), awaitingApproval(4),
///                                refused(5) },
///   time            INTEGER,              -- Unix time: due when waiting, received when awaitingApproval, else 0
///   exchanges       SEQUENCE OF Exchange,
///   revision        INTEGER,
///   refusal         PKIStatusInfo OPTIONAL, -- when refused
///   endpointProfile UTF8String OPTIONAL } -- when awaitingApproval: the profile in the path that the request came to
/// ```
#[derive(Sequence)]
struct TransactionEntry {
    transaction_id: TransactionId,
    body: Body,
    cert_req_id: CertReqId,
    implicit_confirm: bool,
    signer: Sender,
    #[asn1(optional = "true")]
    serial_number: Option<SerialNumber>,
    with_mods: bool,
    state: State,
    time: u64,
    exchanges: Vec<ExchangeEntry>,
    revision: u64,
    #[asn1(optional = "true")]
    refusal: Option<PkiStatusInfo>,
    #[asn1(optional = "true")]
    endpoint_profile: Option<String>,
}

/// `Exchange ::= SEQUENCE { request OCTET STRING, answer OCTET STRING, senderNonce OCTET STRING }`
#[derive(Sequence)]
struct ExchangeEntry {
    request: OctetString,
    answer: OctetString,
    nonce: SenderNonce,
}

/// ```text
/// CertificateEntry ::= SEQUENCE {
///   certificate  Certificate,
///   serialNumber INTEGER,
///   profile      UTF8String,
///   issuedAt     INTEGER,             -- Unix time
///   status       ENUMERATED { unconfirmed(0), valid(1), revoked(2) },
///   revokedAt    INTEGER,             -- Unix time, 0 unless revoked
///   requester    Name OPTIONAL,
///   reason       CRLReason OPTIONAL } -- of what is revoked; absent: unspecified
/// ```
#[derive(Sequence)]
struct CertificateEntry {
    certificate: EncodedCertificate,
    serial_number: SerialNumber,
    profile: String,
    issued_at: u64,
    status: Status,
    revoked_at: u64,
    #[asn1(optional = "true")]
    requester: Option<Name>,
    #[asn1(optional = "true")]
    reason: Option<CrlReason>,
}

#[derive(Clone, Copy, Enumerated)]
#[repr(u8)]
enum State {
    Waiting = 0,
    AwaitingCertConf = 1,
    Confirmed = 2,
    Rejected = 3,
    AwaitingApproval = 4,
    Refused = 5,
}

#[derive(Clone, Copy, Enumerated)]
#[repr(u8)]
enum Status {
    Unconfirmed = 0,
    Valid = 1,
    Revoked = 2,
}

impl ExchangeEntry {
    fn new(exchange: &Exchange) -> der::Result<Self> {
        Ok(Self {
            request: OctetString::new(exchange.request.as_slice())?,
            answer: OctetString::new(exchange.answer.as_slice())?,
            nonce: exchange.nonce.clone(),
        })
    }

    fn into_exchange(self) -> Exchange {
        Exchange::new(self.request.into_bytes().into(), self.answer.into_bytes().into(), self.nonce)
    }
}

pub(super) fn exchange_to_der(exchange: &Exchange) -> Result<Vec<u8>, Error> {
    ExchangeEntry::new(exchange).and_then(|entry| entry.to_der()).map_err(Error::Encoding)
}

pub(super) fn exchange_from_der(octets: &[u8]) -> Result<Exchange, Error> {
    let entry =
        ExchangeEntry::from_der(octets).map_err(|reason| Error::Corrupt { record: "exchange", reason })?;
    Ok(entry.into_exchange())
}

pub(super) fn transaction_to_der(record: &TransactionRecord) -> Result<Vec<u8>, Error> {
    let (state, time, refusal) = match &record.state {
        TransactionState::Waiting { due } => (State::Waiting, due.as_secs(), None),
        TransactionState::AwaitingCertConf => (State::AwaitingCertConf, 0, None),
        TransactionState::Confirmed => (State::Confirmed, 0, None),
        TransactionState::Rejected => (State::Rejected, 0, None),
        TransactionState::AwaitingApproval { received, .. } => {
            (State::AwaitingApproval, received.as_secs(), None)
        }
        TransactionState::Refused { status } => (State::Refused, 0, Some(status.clone())),
        _ => return Err(unknown_value()),
    };
    let endpoint_profile = match &record.state {
        TransactionState::AwaitingApproval { endpoint_profile, .. } => endpoint_profile.clone(),
        _ => None,
    };
    let body = Body::try_from(record.request.kind)?;
    let exchanges = record.exchanges.iter().map(ExchangeEntry::new);
    let entry = TransactionEntry {
        transaction_id: record.request.transaction_id.clone(),
        body,
        cert_req_id: record.request.cert_req_id,
        implicit_confirm: record.request.implicit_confirm,
        signer: Sender::new(&record.request.signer)?,
        serial_number: record.serial_number.clone(),
        with_mods: record.with_mods,
        state,
        time,
        exchanges: exchanges.collect::<der::Result<_>>().map_err(Error::Encoding)?,
        revision: record.revision,
        refusal,
        endpoint_profile,
    };
    entry.to_der().map_err(Error::Encoding)
}

pub(super) fn transaction_from_der(octets: &[u8]) -> Result<TransactionRecord, Error> {
    let entry = TransactionEntry::from_der(octets)
        .map_err(|reason| Error::Corrupt { record: "transaction", reason })?;
    let state = match entry.state {
        State::Waiting => TransactionState::Waiting { due: UnixTime::from_secs(entry.time) },
        State::AwaitingCertConf => TransactionState::AwaitingCertConf,
        State::Confirmed => TransactionState::Confirmed,
        State::Rejected => TransactionState::Rejected,
        State::AwaitingApproval => TransactionState::AwaitingApproval {
            received: UnixTime::from_secs(entry.time),
            endpoint_profile: entry.endpoint_profile,
        },
        State::Refused => {
            TransactionState::Refused { status: entry.refusal.ok_or(Error::Missing { record: "refusal" })? }
        }
    };
    let request = OpenRequest::new(
        entry.transaction_id,
        entry.body.into(),
        entry.cert_req_id,
        entry.implicit_confirm,
        entry.signer.into(),
    );
    let exchanges = entry.exchanges.into_iter().map(ExchangeEntry::into_exchange);
    Ok(TransactionRecord::new(
        request,
        entry.serial_number,
        entry.with_mods,
        state,
        exchanges.collect(),
        entry.revision,
    ))
}

pub(super) fn certificate_to_der(record: &CertificateRecord) -> Result<Vec<u8>, Error> {
    let (status, revoked_at, reason) = match record.status {
        CertificateStatus::Unconfirmed => (Status::Unconfirmed, 0, None),
        CertificateStatus::Valid => (Status::Valid, 0, None),
        CertificateStatus::Revoked { at, reason } => (Status::Revoked, at.as_secs(), Some(reason)),
        _ => return Err(unknown_value()),
    };
    let entry = CertificateEntry {
        certificate: record.certificate.clone(),
        serial_number: record.serial_number.clone(),
        profile: record.profile.clone(),
        issued_at: record.issued_at.as_secs(),
        status,
        revoked_at,
        requester: record.requester.clone(),
        reason,
    };
    entry.to_der().map_err(Error::Encoding)
}

pub(super) fn certificate_from_der(octets: &[u8]) -> Result<CertificateRecord, Error> {
    let entry = CertificateEntry::from_der(octets)
        .map_err(|reason| Error::Corrupt { record: "certificate", reason })?;
    let status = match entry.status {
        Status::Unconfirmed => CertificateStatus::Unconfirmed,
        Status::Valid => CertificateStatus::Valid,
        Status::Revoked => CertificateStatus::Revoked {
            at: UnixTime::from_secs(entry.revoked_at),
            reason: entry.reason.unwrap_or(CrlReason::Unspecified),
        },
    };
    Ok(CertificateRecord::new(
        entry.certificate,
        entry.serial_number,
        entry.profile,
        entry.requester,
        UnixTime::from_secs(entry.issued_at),
        status,
    ))
}
