//! Messages made with our own builders, the same in every run.

mod bodies;
mod odd;
mod requests;

use cmp::{InfoTypeAndValue, MessageTime, PkiHeader, RecipNonce, SenderNonce, TransactionId};
use crmf::CertReqMessages;
use der::asn1::OctetString;
use der::{Any, Encode, Tag};
use x509_cert::ext::pkix::name::GeneralName;

use crate::{Kind, Message};

/// PKCS #10 requests: without attributes, with each of them, and with all.
pub fn pkcs10() -> Vec<Message> {
    let requests = requests::pkcs10().into_iter().enumerate();
    let message =
        |(number, octets)| Message { name: format!("PKCS #10 {number}"), kind: Kind::Pkcs10, octets };
    requests.map(message).collect()
}

/// CertReqMessages with every control, registration information and kind of proof of possession.
pub fn cert_req_messages() -> Vec<Message> {
    let message = |(name, messages): (String, CertReqMessages)| {
        let octets = messages.to_der().expect("it encodes");
        Message { name, kind: Kind::CertReqMessages, octets }
    };
    requests::cert_req_messages().into_iter().map(message).collect()
}

/// PKIMessages with every body, under headers with and without each optional field.
pub fn pki_messages() -> Vec<Message> {
    let mut messages = Vec::new();
    for (number, body) in bodies::every_body().into_iter().enumerate() {
        let header = header(u8::try_from(number % 32).expect("it is small"));
        let parts = [header.to_der(), body.to_der()].map(|part| part.expect("it encodes")).concat();
        let octets = Any::new(Tag::Sequence, parts).and_then(|message| message.to_der()).expect("it encodes");
        messages.push(Message { name: format!("{} {number}", body.kind()), kind: Kind::PkiMessage, octets });
    }
    messages
}

/// PKIMessages that not everybody takes.
pub fn odd_pki_messages() -> Vec<Message> {
    [
        ("empty extraCerts", odd::empty_extra_certs()),
        ("messageTime with an offset", odd::time_with_offset()),
        ("certificate of version 1", odd::version_1_certificate()),
    ]
    .map(|(name, octets)| Message { name: name.into(), kind: Kind::PkiMessage, octets })
    .to_vec()
}

/// With the optional fields that the bits of the number stand for.
fn header(number: u8) -> PkiHeader {
    let has = |bit: u8| number & (1 << bit) != 0;
    let octets = |length: u8| (0..length).map(|octet| octet.wrapping_mul(37) ^ number).collect::<Vec<_>>();
    let nonce = |length| SenderNonce::new(&octets(length)).expect("it is short");
    let mut header = PkiHeader::new(name("CN=enb0001.operator.example"), name("CN=Operator CA,O=Operator"));
    header.transaction_id = has(0).then(|| TransactionId::new(&octets(16)).expect("it is short"));
    header.sender_nonce = has(1).then(|| nonce(16));
    header.recip_nonce = has(2).then(|| RecipNonce::from(nonce(number)));
    header.sender_kid = has(3).then(|| OctetString::new(octets(20)).expect("it is short"));
    let time = asn1::UnixTime::from_secs(1_795_000_000 + u64::from(number));
    header.message_time = has(4).then(|| MessageTime::new(time).expect("it is before 9999"));
    header.general_info = has(0).then(|| vec![InfoTypeAndValue::implicit_confirm()]);
    header.free_text = has(3).then(|| vec!["Grüße".into(), String::new()]);
    header
}

fn name(text: &str) -> GeneralName {
    GeneralName::DirectoryName(text.parse().expect("a name"))
}

fn time(seconds: u64) -> der::asn1::GeneralizedTime {
    asn1::UnixTime::from_secs(seconds).to_generalized_time().expect("it is before 9999")
}
