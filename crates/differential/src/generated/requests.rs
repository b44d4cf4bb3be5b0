use std::str::FromStr;
use std::time::Duration;

use asn1::RawDer;
use crmf::{
    AttributeTypeAndValue, CertId, CertReqId, CertReqMessages, CertReqMsg, CertReqMsgBuilder, Control,
    EncryptedKey, EncryptedValue, OptionalValidity, PkMacValue, PkiArchiveOptions, PkiPublicationInfo,
    PopoPrivKey, PublicationAction, PublicationMethod, RegInfo, SinglePubInfo, SubsequentMessage,
};
use crypto::{DigestAlgorithm, SharedSecret, SignatureAlgorithm, SigningKey};
use der::asn1::{BitString, ObjectIdentifier, OctetString};
use der::{Any, DateTime, Decode, Encode, Tag};
use pkcs10::CertReqBuilder;
use spki::SubjectPublicKeyInfoOwned;
use testkit::no_security::NoSecurityKey;
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

use super::name;

const SUBJECTS: [&str; 3] = ["", "CN=enb0001.operator.example", "CN=Köln 7,OU=RAN,O=Operator,C=DE"];

fn subject(text: &str) -> Name {
    // Nothing is no text that says NULL-DN.
    if text.is_empty() { Name::default() } else { Name::from_str(text).expect("a name") }
}

pub(super) fn extensions(count: u32) -> Vec<Extension> {
    let extension = |number: u32| Extension {
        extn_id: ObjectIdentifier::new(&format!("1.3.6.1.4.1.32473.{}", number * 1000)).expect("an OID"),
        critical: number.is_multiple_of(2),
        extn_value: OctetString::new(number.to_be_bytes().repeat(40)).expect("it is short"),
    };
    (0..count).map(extension).collect()
}

pub(super) fn pkcs10() -> Vec<Vec<u8>> {
    let key = NoSecurityKey::new();
    let mut requests = Vec::new();
    for text in SUBJECTS {
        for (count, password, unstructured_name) in [
            (0, None, None),
            (1, None, None),
            (0, Some("geheim"), None),
            (0, None, Some("Straße")),
            (9, Some(""), Some("")),
        ] {
            let mut builder = CertReqBuilder::new(subject(text), key.public_key());
            builder.extensions = extensions(count);
            builder.challenge_password = password.map(|password| SharedSecret::new(password.to_owned()));
            builder.unstructured_name = unstructured_name.map(str::to_owned);
            requests.push(builder.sign(&key).expect("it can be made"));
        }
    }
    requests
}

fn algorithm() -> spki::AlgorithmIdentifierOwned {
    SignatureAlgorithm::EcdsaWithSha256.identifier()
}

fn bits(octets: &[u8]) -> BitString {
    BitString::from_bytes(octets).expect("it is short")
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    Any::new(Tag::Sequence, parts.concat()).and_then(|any| any.to_der()).expect("it encodes")
}

/// EnvelopedData as small as RFC 5652 section 6.1 has it: one KeyTransRecipientInfo, no content.
pub(super) fn enveloped_data() -> RawDer {
    let encoded = |value: &dyn Fn() -> der::Result<Vec<u8>>| value().expect("it encodes");
    let algorithm = encoded(&|| algorithm().to_der());
    let key_id = encoded(&|| Any::new(asn1::primitive(0), [1, 2, 3])?.to_der());
    let octets = encoded(&|| OctetString::new([7; 16])?.to_der());
    let version = encoded(&|| 2_u8.to_der());
    let recipient = sequence(&[version.clone(), key_id, algorithm.clone(), octets]);
    let recipients = encoded(&|| Any::new(Tag::Set, recipient.clone())?.to_der());
    let data = encoded(&|| ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1").to_der());
    let octets = sequence(&[version, recipients, sequence(&[data, algorithm])]);
    RawDer::new(&octets).expect("it is DER")
}

fn encrypted_value() -> EncryptedValue {
    let mut value = EncryptedValue::new(bits(&[5; 9]));
    value.intended_alg = Some(algorithm());
    value.symm_alg = Some(DigestAlgorithm::Sha256.identifier());
    value.enc_symm_key = Some(bits(&[6; 5]));
    value.key_alg = Some(algorithm());
    value.value_hint = Some(OctetString::new([1, 2]).expect("it is short"));
    value
}

pub(super) fn encrypted_keys() -> [EncryptedKey; 3] {
    [
        EncryptedKey::EncryptedValue(Box::new(EncryptedValue::new(bits(&[])))),
        EncryptedKey::EncryptedValue(Box::new(encrypted_value())),
        EncryptedKey::EnvelopedData(enveloped_data()),
    ]
}

fn every_control(key: &dyn SigningKey) -> Vec<Control> {
    let other = AttributeTypeAndValue::new(
        ObjectIdentifier::new_unwrap("2.5.4.3"),
        RawDer::new(&[0x0c, 0x02, 0x6e, 0x6f]).expect("it is DER"),
    );
    let serial_number = SerialNumber::new(&[0x80, 1]).expect("it is short");
    let mut published = PkiPublicationInfo::new(PublicationAction::PleasePublish);
    let methods = [
        PublicationMethod::DontCare,
        PublicationMethod::X500,
        PublicationMethod::Web,
        PublicationMethod::Ldap,
    ];
    let places = methods.map(|method| SinglePubInfo::new(method, Some(name("CN=Directory"))));
    published.pub_infos = Some([places.as_slice(), &[SinglePubInfo::new(methods[0], None)]].concat());
    let mut controls = vec![
        Control::RegToken(SharedSecret::new("einmal".to_owned())),
        Control::Authenticator(SharedSecret::new("Schlüssel".to_owned())),
        Control::PkiPublicationInfo(PkiPublicationInfo::new(PublicationAction::DontPublish)),
        Control::PkiPublicationInfo(published),
        Control::OldCertId(CertId::new(name("CN=Operator CA"), serial_number)),
        Control::ProtocolEncrKey(
            SubjectPublicKeyInfoOwned::from_der(key.public_key().spki_octets()).expect("a key"),
        ),
        Control::AltCertTemplate(other.clone()),
        Control::AlgId(algorithm()),
        Control::RsaKeyLen(3072),
        Control::Other(other),
    ];
    let mut archive = Vec::from(encrypted_keys().map(PkiArchiveOptions::EncryptedPrivKey));
    archive.push(PkiArchiveOptions::KeyGenParameters(OctetString::new([3; 4]).expect("it is short")));
    archive.extend([true, false].map(PkiArchiveOptions::ArchiveRemGenPrivKey));
    controls.extend(archive.into_iter().map(|options| Control::PkiArchiveOptions(Box::new(options))));
    controls
}

fn every_private_key_proof() -> Vec<PopoPrivKey> {
    vec![
        PopoPrivKey::ThisMessage(bits(&[1, 2, 3])),
        PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert),
        PopoPrivKey::SubsequentMessage(SubsequentMessage::ChallengeResp),
        PopoPrivKey::DhMac(bits(&[])),
        PopoPrivKey::AgreeMac(PkMacValue::new(algorithm(), bits(&[9; 20]))),
        PopoPrivKey::EncryptedKey(enveloped_data()),
    ]
}

fn every_validity() -> [OptionalValidity; 3] {
    let time = |seconds| {
        Time::from(DateTime::from_unix_duration(Duration::from_secs(seconds)).expect("it is before 9999"))
    };
    // The second one is GeneralizedTime: it lies after 2049.
    let (from, to) = (time(1_795_000_000), time(4_000_000_000));
    [
        OptionalValidity::new(Some(from), None),
        OptionalValidity::new(None, Some(to)),
        OptionalValidity::new(Some(from), Some(to)),
    ]
}

/// A request as the simplest station makes it.
pub(super) fn simple(id: i64) -> CertReqMsg {
    let key = NoSecurityKey::new();
    let mut builder = CertReqMsgBuilder::new(Some(subject("CN=enb0001")), key.public_key());
    builder.cert_req_id = CertReqId::new(id);
    builder.sign(&key).expect("it can be made")
}

pub(super) fn cert_req_messages() -> Vec<(String, CertReqMessages)> {
    let key = NoSecurityKey::new();
    let mut requests = Vec::new();
    let mut push = |name: String, request: Result<CertReqMsg, crmf::Error>| {
        requests.push((name, request.expect("it can be made")));
    };
    let builder = |text: &str| CertReqMsgBuilder::new(Some(subject(text)), key.public_key());
    for text in SUBJECTS {
        push(format!("subject {text}"), builder(text).sign(&key));
    }
    for id in [i64::MIN, -129, -128, -1, 0, 127, 128, i64::MAX] {
        push(format!("certReqId {id}"), Ok(simple(id)));
    }
    for count in [1, 2, 32] {
        push(format!("{count} extensions"), {
            let mut builder = builder("CN=a");
            builder.extensions = extensions(count);
            builder.sign(&key)
        });
    }
    for (number, validity) in every_validity().into_iter().enumerate() {
        push(format!("validity {number}"), {
            let mut builder = builder("CN=a");
            builder.validity = Some(validity);
            builder.sign(&key)
        });
    }
    for (number, control) in every_control(&key).into_iter().enumerate() {
        push(format!("control {number}"), {
            let mut builder = builder("CN=a");
            builder.controls = vec![control.close().expect("it encodes")];
            builder.sign(&key)
        });
    }
    let nested = simple(5).cert_req().value().clone();
    for (number, info) in
        [RegInfo::Utf8Pairs("name?Wert%".into()), RegInfo::CertReq(Box::new(nested))].into_iter().enumerate()
    {
        push(format!("regInfo {number}"), {
            let mut builder = builder("CN=a");
            builder.reg_info = vec![info.close().expect("it encodes")];
            builder.sign(&key)
        });
    }
    push("poposkInput".into(), {
        let mut builder = CertReqMsgBuilder::new(None, key.public_key());
        builder.sender = Some(name("CN=enb0001"));
        builder.sign(&key)
    });
    push("raVerified".into(), builder("CN=a").ra_verified());
    for (number, proof) in every_private_key_proof().into_iter().enumerate() {
        push(format!("keyEncipherment {number}"), builder("CN=a").key_encipherment(proof.clone()));
        push(format!("keyAgreement {number}"), builder("CN=a").key_agreement(proof));
    }
    let all: Vec<_> = requests.iter().map(|(_, request)| request.clone()).collect();
    let together = |requests: &[CertReqMsg]| CertReqMessages::new(requests.to_vec()).expect("they are few");
    let mut messages: Vec<_> =
        requests.into_iter().map(|(name, request)| (name, together(&[request]))).collect();
    messages.extend(
        all.chunks(7).enumerate().map(|(number, chunk)| (format!("together {number}"), together(chunk))),
    );
    messages
}
