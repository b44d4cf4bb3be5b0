//! CertReqMessages, RFC 4211 sections 3 to 5.

use crmf::{
    AttributeTypeAndValue, AuthInfo, CertId, CertReqMsg, CertTemplate, Control, PkiArchiveOptions,
    PopoPrivKey, PopoSigningKey, ProofOfPossession, PublicationAction, RegInfo, SubsequentMessage,
};
use x509_cert::ext::pkix::name::GeneralName;

use super::fields;
use super::tree::{Fields, Value};

pub(super) fn cert_req_messages(messages: &[CertReqMsg], sender: Option<&GeneralName>) -> Value {
    Value::List(messages.iter().map(|message| cert_req_msg(message, sender).into()).collect())
}

/// The sender is who the message claims to be from: it is part of some proofs.
pub(super) fn cert_req_msg(message: &CertReqMsg, sender: Option<&GeneralName>) -> Fields {
    let request = message.cert_req().value();
    let cert_req = Fields::new()
        .with("certReqId", request.cert_req_id.number())
        .with("certTemplate", cert_template(&request.cert_template))
        .with_list("controls", request.controls.iter().flatten().map(control));
    Fields::new()
        .with("certReq", cert_req)
        .with_some("popo", message.popo().map(|popo| proof_of_possession(message, popo, sender)))
        .with_list("regInfo", message.reg_info().iter().map(reg_info))
}

pub(super) fn cert_template(template: &CertTemplate) -> Fields {
    let validity = template.validity.as_ref().map(|validity| {
        Fields::new()
            .with_some("notBefore", validity.not_before.as_ref().map(fields::time))
            .with_some("notAfter", validity.not_after.as_ref().map(fields::time))
    });
    Fields::new()
        .with_some("version", template.version.map(|version| format!("{version:?}").to_lowercase()))
        .with_some("serialNumber", template.serial_number.as_ref().map(fields::serial_number))
        .with_some("signingAlg", template.signing_alg.as_ref().map(fields::algorithm))
        .with_some("issuer", template.issuer.as_ref().map(fields::name))
        .with_some("validity", validity)
        .with_some("subject", template.subject.as_ref().map(fields::name))
        .with_some("publicKey", template.public_key.as_ref().map(|key| fields::public_key(key.octets())))
        .with_some("extensions", template.extensions.as_ref().map(|list| fields::extensions(list)))
}

pub(super) fn cert_id(id: &CertId) -> Fields {
    Fields::new()
        .with("issuer", fields::general_name(&id.issuer))
        .with("serialNumber", fields::serial_number(&id.serial_number))
}

/// Secrets are not shown.
pub(super) fn control(control: &AttributeTypeAndValue) -> Fields {
    let value: Value = match Control::open(control) {
        Ok(Control::OldCertId(id)) => cert_id(&id).into(),
        Ok(Control::RegToken(_) | Control::Authenticator(_)) => "a secret".into(),
        Ok(Control::PkiPublicationInfo(info)) => match info.action {
            PublicationAction::PleasePublish => "pleasePublish".into(),
            _ => "dontPublish".into(),
        },
        Ok(Control::PkiArchiveOptions(options)) => match options.as_ref() {
            PkiArchiveOptions::EncryptedPrivKey(_) => "encryptedPrivKey".into(),
            PkiArchiveOptions::KeyGenParameters(_) => "keyGenParameters".into(),
            _ => "archiveRemGenPrivKey".into(),
        },
        Ok(Control::ProtocolEncrKey(_)) => fields::public_key(control.value.octets()).into(),
        Ok(Control::AlgId(algorithm)) => fields::algorithm(&algorithm).into(),
        Ok(Control::RsaKeyLen(bits)) => i64::from(bits).into(),
        Ok(_) => fields::count(control.value.octets().len()).into(),
        Err(error) => error.to_string().into(),
    };
    Fields::new().with(fields::oid_name(control.oid), value)
}

fn reg_info(info: &AttributeTypeAndValue) -> Fields {
    let value: Value = match RegInfo::open(info) {
        Ok(RegInfo::Utf8Pairs(pairs)) => pairs.into(),
        Ok(_) => fields::count(info.value.octets().len()).into(),
        Err(error) => error.to_string().into(),
    };
    Fields::new().with(fields::oid_name(info.oid), value)
}

fn proof_of_possession(
    message: &CertReqMsg,
    popo: &ProofOfPossession,
    sender: Option<&GeneralName>,
) -> Fields {
    match popo {
        ProofOfPossession::RaVerified(_) => {
            Fields::new().with("raVerified", "an RA says that it verified the proof")
        }
        ProofOfPossession::Signature(signing_key) => {
            let verdict = match message.verify_pop(&crypto_aws_lc::provider(), sender) {
                Ok(_) => "the signature verifies with the key in the request".to_owned(),
                Err(error) => error.to_string(),
            };
            Fields::new().with("signature", popo_signing_key(signing_key).with("verdict", verdict))
        }
        ProofOfPossession::KeyEncipherment(proof) => {
            Fields::new().with("keyEncipherment", popo_priv_key(proof))
        }
        ProofOfPossession::KeyAgreement(proof) => Fields::new().with("keyAgreement", popo_priv_key(proof)),
        _ => Fields::new().with("unknown", "not looked into"),
    }
}

fn popo_priv_key(proof: &PopoPrivKey) -> Fields {
    match proof {
        PopoPrivKey::ThisMessage(_) => Fields::new().with("thisMessage", "the enciphered key"),
        PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert) => {
            Fields::new().with("subsequentMessage", "encrCert")
        }
        PopoPrivKey::SubsequentMessage(_) => Fields::new().with("subsequentMessage", "challengeResp"),
        PopoPrivKey::DhMac(_) => Fields::new().with("dhMAC", "a MAC"),
        PopoPrivKey::AgreeMac(mac) => Fields::new().with("agreeMAC", fields::algorithm(&mac.alg_id)),
        PopoPrivKey::EncryptedKey(_) => Fields::new().with("encryptedKey", "the enciphered key"),
        _ => Fields::new(),
    }
}

fn popo_signing_key(proof: &PopoSigningKey) -> Fields {
    let input = proof.poposk_input.as_ref().map(|input| {
        let input = input.value();
        let fields = match &input.auth_info {
            AuthInfo::Sender(sender) => Fields::new().with("sender", fields::general_name(sender)),
            AuthInfo::PublicKeyMac(mac) => Fields::new().with("publicKeyMAC", fields::algorithm(&mac.alg_id)),
            _ => Fields::new(),
        };
        fields.with("publicKey", fields::public_key(input.public_key.octets()))
    });
    Fields::new()
        .with_some("poposkInput", input)
        .with("algorithmIdentifier", fields::algorithm(&proof.algorithm_identifier))
        .with("signature", fields::signature(&proof.signature))
}
