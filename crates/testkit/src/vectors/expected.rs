use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// What must be found in one PKIMessage. Object identifiers are dotted; names and octets are DER.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ExpectedMessage {
    /// pvno
    pub pvno: u32,
    /// sender: the GeneralName's DER
    #[serde(deserialize_with = "octets")]
    pub sender: Vec<u8>,
    /// recipient: the GeneralName's DER
    #[serde(deserialize_with = "octets")]
    pub recipient: Vec<u8>,
    /// messageTime as it stands in the message, such as `20261123175710Z`
    pub message_time: Option<String>,
    /// protectionAlg's object identifier
    pub protection_alg: Option<String>,
    /// senderKID
    #[serde(default, rename = "senderKID", deserialize_with = "optional_octets")]
    pub sender_kid: Option<Vec<u8>>,
    /// transactionID
    #[serde(default, rename = "transactionID", deserialize_with = "optional_octets")]
    pub transaction_id: Option<Vec<u8>>,
    /// senderNonce
    #[serde(default, deserialize_with = "optional_octets")]
    pub sender_nonce: Option<Vec<u8>>,
    /// recipNonce
    #[serde(default, deserialize_with = "optional_octets")]
    pub recip_nonce: Option<Vec<u8>>,
    /// The infoTypes in generalInfo
    #[serde(default)]
    pub general_info: Vec<String>,

    /// The body's name: `ir`, `ip`, ... (pkiConf is `pkiconf`)
    pub body: String,
    /// The body's context tag
    pub body_tag: u32,
    /// The SHA-256 of the DER of ProtectedPart (RFC 9810 section 5.1.3)
    #[serde(rename = "protectedPart_sha256", deserialize_with = "octets")]
    pub protected_part_sha256: Vec<u8>,
    /// The octets of protection's bit string
    #[serde(default, deserialize_with = "optional_octets")]
    pub protection: Option<Vec<u8>>,
    /// How many extraCerts there are
    pub extra_certs: usize,

    /// ir, cr, kur: the certReqIds
    #[serde(default)]
    pub cert_req_ids: Vec<i64>,
    /// ir, cr, kur: the SHA-256 of each CertRequest's DER
    #[serde(default, rename = "certReq_sha256", deserialize_with = "list_of_octets")]
    pub cert_req_sha256: Vec<Vec<u8>>,
    /// ir, cr, kur: the kinds of POP, `signature` or `raVerified`
    #[serde(default)]
    pub popo: Vec<String>,
    /// ir, cr, kur: the controls of each request
    #[serde(default)]
    pub controls: Vec<Vec<String>>,
    /// ip, cp, kup: how many caPubs there are
    pub ca_pubs: Option<usize>,
    /// ip, cp, kup: the responses
    #[serde(default)]
    pub responses: Vec<ExpectedCertResponse>,
    /// certConf: the CertStatus values
    #[serde(default)]
    pub cert_status: Vec<ExpectedCertStatus>,
    /// error: the one pKIStatusInfo; rp: the status values
    #[serde(default, deserialize_with = "one_or_many")]
    pub status: Vec<ExpectedStatusInfo>,
    /// pollRep: what it answers
    #[serde(default)]
    pub poll: Vec<ExpectedPoll>,
    /// genm, genp: the infoTypes
    #[serde(default)]
    pub itav: Vec<String>,
    /// nested: the messages inside
    #[serde(default)]
    pub inner: Vec<ExpectedMessage>,
}

/// A CertResponse.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ExpectedCertResponse {
    /// certReqId
    pub cert_req_id: i64,
    /// The SHA-256 of the certificate's DER
    #[serde(default, rename = "cert_sha256", deserialize_with = "optional_octets")]
    pub cert_sha256: Option<Vec<u8>>,
    /// PKIStatus
    pub status: i64,
    /// PKIFailureInfo's names
    #[serde(default)]
    pub fail_info: Vec<String>,
    /// PKIFreeText
    #[serde(default)]
    pub status_string: Vec<String>,
}

/// A CertStatus.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ExpectedCertStatus {
    /// certReqId
    pub cert_req_id: i64,
    /// certHash
    #[serde(deserialize_with = "octets")]
    pub cert_hash: Vec<u8>,
    /// statusInfo
    pub status_info: Option<ExpectedStatusInfo>,
}

/// A PKIStatusInfo.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ExpectedStatusInfo {
    /// PKIStatus
    pub status: i64,
    /// PKIFailureInfo's names
    #[serde(default)]
    pub fail_info: Vec<String>,
    /// PKIFreeText
    #[serde(default)]
    pub status_string: Vec<String>,
}

/// One element of a PollRepContent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "(i64, i64)")]
#[non_exhaustive]
pub struct ExpectedPoll {
    /// certReqId
    pub cert_req_id: i64,
    /// checkAfter, in seconds
    pub check_after: i64,
}

impl From<(i64, i64)> for ExpectedPoll {
    fn from((cert_req_id, check_after): (i64, i64)) -> Self {
        Self { cert_req_id, check_after }
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ExpectedStatusInfo>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(ExpectedStatusInfo),
        Many(Vec<ExpectedStatusInfo>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(status) => vec![status],
        OneOrMany::Many(statuses) => statuses,
    })
}

fn octets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    from_hex(&String::deserialize(deserializer)?)
}

fn optional_octets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    octets(deserializer).map(Some)
}

fn list_of_octets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
    Vec::<String>::deserialize(deserializer)?.iter().map(|text| from_hex(text)).collect()
}

fn from_hex<E: Error>(text: &str) -> Result<Vec<u8>, E> {
    crate::hex::decode(text).ok_or_else(|| E::custom(format!("{text:?} is not hexadecimal")))
}
