//! What cellcert reads in a message.

use asn1::constructed;
use cmp::{
    CertOrEncCert, CertResponse, CertStatus, Deviation, InfoTypeAndValue, InfoValue, PkiBody, PkiFailureInfo,
    PkiMessage, PkiStatusInfo, ReadingPolicy,
};
use crmf::{
    AttributeTypeAndValue, CertReqMessages, CertReqMsg, Control, PopoPrivKey, ProofOfPossession, RegInfo,
};
use der::{Any, Decode, Encode, Tag, Tagged};
use pkcs10::CertReq;
use serde_json::{Value, json};

use crate::peer::hex;
use crate::{Kind, Message, Reading};

/// Values in hexadecimal digits, and why they could not be opened.
type Unopened = Vec<(String, String)>;

/// Decodes a message; its encoding is made of the decoded values as far as their types let one see them.
pub fn read(message: &Message) -> Reading {
    let octets = &message.octets;
    let mut unopened = Unopened::new();
    let reading = match message.kind {
        Kind::Pkcs10 => CertReq::from_der(octets)
            .map(|request| (request.to_der(), json!({ "content": [pkcs10(&request)] })))
            .map_err(|error| error.to_string()),
        Kind::CertReqMessages => CertReqMessages::from_der(octets)
            .map(|messages| {
                (encode_requests(&messages), json!({ "content": requests(&messages, &mut unopened) }))
            })
            .map_err(|error| error.to_string()),
        Kind::PkiMessage => PkiMessage::inspect(octets, &ReadingPolicy::lenient())
            .map(|message| (encode(&message), fields(&message, &mut unopened)))
            .map_err(|error| error.to_string()),
    };
    match reading {
        Ok((der, fields)) => {
            Reading::Accepted { der: der.expect("what was decoded encodes"), fields, unopened }
        }
        Err(why) => Reading::Refused(why),
    }
}

fn encode(message: &PkiMessage) -> der::Result<Vec<u8>> {
    let body = message.body().to_der()?;
    let mut parts = message.header().to_der()?;
    parts.extend(match requests_of(message.body()) {
        Some(requests) => Any::new(Any::from_der(&body)?.tag(), encode_requests(requests)?)?.to_der()?,
        None => body,
    });
    if let Some(protection) = message.protection() {
        parts.extend(Any::new(constructed(0), protection.to_der()?)?.to_der()?);
    }
    let has_extra_certs = !message.extra_certs().is_empty();
    if has_extra_certs || message.deviations().any(|deviation| deviation == Deviation::EmptyExtraCerts) {
        parts.extend(Any::new(constructed(1), message.extra_certs().to_vec().to_der()?)?.to_der()?);
    }
    Any::new(Tag::Sequence, parts)?.to_der()
}

fn requests_of(body: &PkiBody) -> Option<&CertReqMessages> {
    match body {
        PkiBody::Ir(messages)
        | PkiBody::Cr(messages)
        | PkiBody::Kur(messages)
        | PkiBody::Krr(messages)
        | PkiBody::Ccr(messages) => Some(messages),
        _ => None,
    }
}

/// Their CertRequests and proofs anew: as a whole they would be the octets received.
fn encode_requests(messages: &CertReqMessages) -> der::Result<Vec<u8>> {
    let mut requests = Vec::new();
    for message in messages.messages() {
        let mut parts = message.cert_req().value().to_der()?;
        if let Some(proof) = message.popo() {
            parts.extend(proof.to_der()?);
        }
        if !message.reg_info().is_empty() {
            parts.extend(message.reg_info().to_vec().to_der()?);
        }
        requests.extend(Any::new(Tag::Sequence, parts)?.to_der()?);
    }
    Any::new(Tag::Sequence, requests)?.to_der()
}

fn fields(message: &PkiMessage, unopened: &mut Unopened) -> Value {
    let header = message.header();
    json!({
        "transactionID": header.transaction_id.as_ref().map(|id| hex(id.as_octets())),
        "senderNonce": header.sender_nonce.as_ref().map(|nonce| hex(nonce.as_octets())),
        "recipNonce": header.recip_nonce.as_ref().map(|nonce| hex(nonce.as_octets())),
        "body": message.body().kind().name(),
        "content": content(message.body(), unopened),
    })
}

/// The fields of each request, response or status.
fn content(body: &PkiBody, unopened: &mut Unopened) -> Vec<Value> {
    if let Some(messages) = requests_of(body) {
        return requests(messages, unopened);
    }
    match body {
        PkiBody::Ip(content) | PkiBody::Cp(content) | PkiBody::Kup(content) | PkiBody::Ccp(content) => {
            content.response.iter().map(response).collect()
        }
        PkiBody::P10cr(request) => vec![pkcs10(request)],
        PkiBody::Krp(content) => vec![status(&content.status)],
        PkiBody::Rp(content) => content.status.iter().map(status).collect(),
        PkiBody::Error(content) => vec![status(&content.pki_status_info)],
        PkiBody::CertConf(statuses) => statuses.iter().map(cert_status).collect(),
        PkiBody::PollReq(items) => items.iter().map(|item| json!(item.cert_req_id.to_string())).collect(),
        PkiBody::PollRep(items) => items
            .iter()
            .map(|item| {
                json!({
                    "certReqId": item.cert_req_id.to_string(),
                    "checkAfter": item.check_after.to_string(),
                })
            })
            .collect(),
        PkiBody::Genm(items) | PkiBody::Genp(items) => {
            items.iter().map(|item| info(item, unopened)).collect()
        }
        _ => Vec::new(),
    }
}

fn requests(messages: &CertReqMessages, unopened: &mut Unopened) -> Vec<Value> {
    messages.messages().iter().map(|message| request(message, unopened)).collect()
}

fn request(message: &CertReqMsg, unopened: &mut Unopened) -> Value {
    let template = message.template();
    let mut controls = Vec::new();
    for control in message.cert_req().value().controls.iter().flatten() {
        let again = Control::open(control).and_then(|control| control.close());
        controls.push(attribute(control, again, unopened));
    }
    let mut reg_info = Vec::new();
    for info in message.reg_info() {
        reg_info.push(attribute(info, RegInfo::open(info).and_then(|info| info.close()), unopened));
    }
    json!({
        "certReqId": message.cert_req_id().to_string(),
        "subject": template.subject.as_ref().map(der),
        "publicKey": template.public_key_octets().ok().map(|octets| hex(&octets)),
        "controls": controls,
        "popo": message.popo().map(popo),
        "regInfo": reg_info,
    })
}

fn attribute(
    closed: &AttributeTypeAndValue,
    again: Result<AttributeTypeAndValue, crmf::Error>,
    unopened: &mut Unopened,
) -> Value {
    let again = again.map_err(|error| unopened.push((hex(closed.value.octets()), error.to_string()))).ok();
    json!([closed.oid.to_string(), again.map(|again| hex(again.value.octets()))])
}

fn info(item: &InfoTypeAndValue, unopened: &mut Unopened) -> Value {
    let value = match InfoValue::open(item) {
        Ok(None) => Some("absent".into()),
        Ok(Some(value)) => value.close().ok().and_then(|again| again.info_value).map(|value| der(&value)),
        Err(error) => {
            unopened.push((item.info_value.as_ref().map(der).unwrap_or_default(), error.to_string()));
            None
        }
    };
    json!([item.info_type.to_string(), value])
}

fn popo(proof: &ProofOfPossession) -> String {
    match proof {
        ProofOfPossession::RaVerified(_) => "raVerified".into(),
        ProofOfPossession::Signature(_) => "signature".into(),
        ProofOfPossession::KeyEncipherment(proof) => format!("keyEncipherment.{}", priv_key(proof)),
        ProofOfPossession::KeyAgreement(proof) => format!("keyAgreement.{}", priv_key(proof)),
        other => panic!("{other:?}"),
    }
}

fn priv_key(proof: &PopoPrivKey) -> &'static str {
    match proof {
        PopoPrivKey::ThisMessage(_) => "thisMessage",
        PopoPrivKey::SubsequentMessage(_) => "subsequentMessage",
        PopoPrivKey::DhMac(_) => "dhMAC",
        PopoPrivKey::AgreeMac(_) => "agreeMAC",
        PopoPrivKey::EncryptedKey(_) => "encryptedKey",
        other => panic!("{other:?}"),
    }
}

fn pkcs10(request: &CertReq) -> Value {
    let types = request.attributes().iter().map(|attribute| attribute.oid.to_string());
    json!({
        "subject": der(request.subject()),
        "publicKey": hex(request.public_key_octets()),
        "attributes": types.collect::<Vec<_>>(),
    })
}

fn status(info: &PkiStatusInfo) -> Value {
    json!({ "status": number(info), "failInfo": info.fail_info.map(bits) })
}

fn number(info: &PkiStatusInfo) -> String {
    match info.status.to_der().as_deref() {
        Ok([.., number]) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The bits by their numbers.
fn bits(info: PkiFailureInfo) -> Vec<u8> {
    let octets = info.to_der().expect("a set of bits encodes");
    let value = octets.get(3..).unwrap_or_default();
    let is_set =
        |bit: &u8| value.get(usize::from(bit / 8)).is_some_and(|octet| octet & (0x80 >> (bit % 8)) != 0);
    (0..27).filter(is_set).collect()
}

fn response(response: &CertResponse) -> Value {
    let kind = response.certified_key_pair.as_ref().map(|pair| match pair.cert_or_enc_cert {
        CertOrEncCert::Certificate(_) => "certificate",
        _ => "encryptedCert",
    });
    json!({
        "certReqId": response.cert_req_id.to_string(),
        "status": number(&response.status),
        "failInfo": response.status.fail_info.map(bits),
        "certOrEncCert": kind,
    })
}

fn cert_status(status: &CertStatus) -> Value {
    let mut fields = json!({
        "certReqId": status.cert_req_id.to_string(),
        "certHash": hex(status.cert_hash.as_bytes()),
    });
    if let (Some(info), Some(fields)) = (&status.status_info, fields.as_object_mut()) {
        fields.insert("status".into(), json!(number(info)));
        fields.insert("failInfo".into(), json!(info.fail_info.map(bits)));
    }
    fields
}

fn der(value: &impl Encode) -> String {
    hex(&value.to_der().expect("what was decoded encodes"))
}
