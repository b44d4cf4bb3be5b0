//! PKIMessage, RFC 9810 section 5.1.

use cmp::{
    CaKeyUpdContent, CertOrEncCert, CertRepMessage, CertResponse, CertStatus, CertifiedKeyPair, Challenge,
    ErrorMsgContent, InfoTypeAndValue, InfoValue, KeyRecRepContent, PkiBody, PkiHeader, PkiMessage,
    PkiStatusInfo, PollRepItem, ReadingPolicy, RevAnnContent, RevDetails, RevRepContent,
    RootCaKeyUpdateContent,
};
use crypto::{PublicKey, SignatureAlgorithm};
use der::{Decode, Encode};
use x509_cert::Certificate;

use super::tree::{Fields, Value};
use super::{crmf, fields, pkcs10};

pub(super) fn pki_message(message: &PkiMessage, policy: &ReadingPolicy) -> Fields {
    let protection = message.protection().map(|bits| {
        Fields::new().with("octets", fields::signature(bits)).with("verdict", protection_verdict(message))
    });
    Fields::new()
        .with("header", header(message.header()))
        .with("body", Fields::new().with(message.body().kind().name(), body(message, policy)))
        .with_some("protection", protection)
        .with_list("extraCerts", message.extra_certs().iter().map(fields::certificate))
        .with_list("deviations", message.deviations().map(|deviation| deviation.to_string()))
}

/// Each message inside, opened as deep as the policy goes.
fn nested(message: &PkiMessage, policy: &ReadingPolicy) -> Value {
    let closed = |reason: &dyn ToString| format!("closed: {}", reason.to_string()).into();
    let (Ok(opened), Some(inside)) = (message.open_nested(policy), policy.inside()) else {
        return closed(&"too deep");
    };
    let opened = opened.iter().map(|inner| match inner {
        Ok(inner) => pki_message(inner, &inside).into(),
        Err(error) => closed(error),
    });
    Value::List(opened.collect())
}

fn header(header: &PkiHeader) -> Fields {
    let pvno = i64::from(header.pvno.number());
    Fields::new()
        .with("pvno", pvno)
        .with("sender", fields::general_name(&header.sender))
        .with("recipient", fields::general_name(&header.recipient))
        .with_some("messageTime", header.message_time.map(|time| time.time().to_string()))
        .with_some("protectionAlg", header.protection_alg.as_ref().map(fields::protection_algorithm))
        .with_some("senderKID", header.sender_kid.as_ref().map(fields::octets))
        .with_some("recipKID", header.recip_kid.as_ref().map(fields::octets))
        .with_some("transactionID", header.transaction_id.as_ref().map(ToString::to_string))
        .with_some("senderNonce", header.sender_nonce.as_ref().map(ToString::to_string))
        .with_some("recipNonce", header.recip_nonce.as_ref().map(ToString::to_string))
        .with_list("freeText", header.free_text.iter().flatten().cloned())
        .with_list("generalInfo", header.general_info.iter().flatten().map(info_type_and_value))
}

fn info_type_and_value(info: &InfoTypeAndValue) -> Fields {
    let value = match InfoValue::open(info) {
        Ok(value) => value.map(|value| info_value(info, &value)),
        Err(error) => Some(error.to_string().into()),
    };
    Fields::new().with("infoType", fields::oid_name(info.info_type)).with_some("infoValue", value)
}

fn info_value(info: &InfoTypeAndValue, value: &InfoValue) -> Value {
    match value {
        InfoValue::CaProtEncCert(certificate) | InfoValue::RootCaCert(certificate) => {
            fields::certificate(certificate).into()
        }
        InfoValue::SignKeyPairTypes(algorithms) | InfoValue::EncKeyPairTypes(algorithms) => {
            list(algorithms, fields::algorithm)
        }
        InfoValue::PreferredSymmAlg(algorithm) | InfoValue::KeyPairParamRep(algorithm) => {
            fields::algorithm(algorithm).into()
        }
        InfoValue::UnsupportedOids(oids) => list(oids, |oid| fields::oid_name(*oid)),
        InfoValue::KeyPairParamReq(oid) => fields::oid_name(*oid).into(),
        InfoValue::ImplicitConfirm => "NULL".into(),
        InfoValue::ConfirmWaitTime(until) => until.to_string().into(),
        InfoValue::OrigPkiMessage(messages) => {
            list(messages, |message| format!("{}, closed", fields::count(message.octets().len())))
        }
        InfoValue::SuppLangTags(texts) | InfoValue::CertProfile(texts) => list(texts, Clone::clone),
        InfoValue::CaCerts(certificates) => list(certificates, fields::certificate),
        InfoValue::RootCaKeyUpdate(content) => root_ca_key_update(content).into(),
        InfoValue::CertReqTemplate(content) => Fields::new()
            .with("certTemplate", crmf::cert_template(&content.cert_template))
            .with_list("keySpec", content.key_spec.iter().flatten().map(crmf::control))
            .into(),
        InfoValue::KemCiphertextInfo(info) => Fields::new()
            .with("kem", fields::algorithm(&info.kem))
            .with("ct", fields::count(info.ct.as_bytes().len()))
            .into(),
        _ => fields::count(info.info_value.as_ref().map_or(0, |value| value.value().len())).into(),
    }
}

fn body(message: &PkiMessage, policy: &ReadingPolicy) -> Value {
    match message.body() {
        PkiBody::Ir(requests)
        | PkiBody::Cr(requests)
        | PkiBody::Kur(requests)
        | PkiBody::Krr(requests)
        | PkiBody::Ccr(requests) => {
            crmf::cert_req_messages(requests.messages(), Some(&message.header().sender))
        }
        PkiBody::Ip(reply) | PkiBody::Cp(reply) | PkiBody::Kup(reply) | PkiBody::Ccp(reply) => {
            cert_rep_message(reply).into()
        }
        PkiBody::Popdecc(challenges) => list(challenges, challenge),
        PkiBody::Popdecr(integers) => list(integers, |integer| fields::hex(integer.as_bytes())),
        PkiBody::Krp(reply) => key_rec_rep_content(reply).into(),
        PkiBody::Ckuann(content) => ca_key_upd_content(content).into(),
        PkiBody::Cann(certificate) => fields::certificate(certificate).into(),
        PkiBody::Rann(content) => rev_ann_content(content).into(),
        PkiBody::Crlann(crls) => list(crls, |crl| fields::count(crl.octets().len())),
        PkiBody::P10cr(request) => pkcs10::certification_request(request).into(),
        PkiBody::Rr(details) => list(details, rev_details),
        PkiBody::Rp(reply) => rev_rep_content(reply).into(),
        PkiBody::PkiConf => "NULL".into(),
        PkiBody::Nested(_) => nested(message, policy),
        PkiBody::Genm(infos) | PkiBody::Genp(infos) => list(infos, info_type_and_value),
        PkiBody::Error(error) => error_msg_content(error).into(),
        PkiBody::CertConf(statuses) => list(statuses, cert_status),
        PkiBody::PollReq(items) => {
            list(items, |item| Fields::new().with("certReqId", item.cert_req_id.number()))
        }
        PkiBody::PollRep(items) => list(items, poll_rep_item),
        _ => "not looked into".into(),
    }
}

fn list<T, V: Into<Value>>(items: &[T], show: impl Fn(&T) -> V) -> Value {
    Value::List(items.iter().map(|item| show(item).into()).collect())
}

fn cert_rep_message(reply: &CertRepMessage) -> Fields {
    Fields::new()
        .with_list("caPubs", reply.ca_pubs.iter().flatten().map(fields::certificate))
        .with_list("response", reply.response.iter().map(cert_response))
}

fn cert_response(response: &CertResponse) -> Fields {
    Fields::new()
        .with("certReqId", response.cert_req_id.number())
        .with("status", pki_status_info(&response.status))
        .with_some("certifiedKeyPair", response.certified_key_pair.as_ref().map(certified_key_pair))
        .with_some("rspInfo", response.rsp_info.as_ref().map(|info| fields::count(info.as_bytes().len())))
}

fn certified_key_pair(pair: &CertifiedKeyPair) -> Fields {
    let fields = match &pair.cert_or_enc_cert {
        CertOrEncCert::Certificate(certificate) => {
            Fields::new().with("certificate", fields::certificate(certificate))
        }
        CertOrEncCert::EncryptedCert(key) => {
            Fields::new().with("encryptedCert", fields::count(key.octets().len()))
        }
        _ => Fields::new(),
    };
    fields.with_some("privateKey", pair.private_key.as_ref().map(|key| fields::count(key.octets().len())))
}

fn challenge(challenge: &Challenge) -> Fields {
    let encrypted = challenge.encrypted_rand.as_ref();
    Fields::new()
        .with_some("owf", challenge.owf.as_ref().map(fields::algorithm))
        .with("witness", fields::octets(&challenge.witness))
        .with("challenge", fields::count(challenge.challenge.as_bytes().len()))
        .with_some("encryptedRand", encrypted.map(|data| fields::count(data.octets().len())))
}

fn key_rec_rep_content(reply: &KeyRecRepContent) -> Fields {
    Fields::new()
        .with("status", pki_status_info(&reply.status))
        .with_some("newSigCert", reply.new_sig_cert.as_ref().map(fields::certificate))
        .with_list("caCerts", reply.ca_certs.iter().flatten().map(fields::certificate))
        .with_list("keyPairHist", reply.key_pair_hist.iter().flatten().map(certified_key_pair))
}

fn ca_key_upd_content(content: &CaKeyUpdContent) -> Fields {
    match content {
        CaKeyUpdContent::V2(content) => Fields::new()
            .with("oldWithNew", fields::certificate(&content.old_with_new))
            .with("newWithOld", fields::certificate(&content.new_with_old))
            .with("newWithNew", fields::certificate(&content.new_with_new)),
        CaKeyUpdContent::V3(content) => root_ca_key_update(content),
        _ => Fields::new(),
    }
}

fn root_ca_key_update(content: &RootCaKeyUpdateContent) -> Fields {
    Fields::new()
        .with("newWithNew", fields::certificate(&content.new_with_new))
        .with_some("newWithOld", content.new_with_old.as_ref().map(fields::certificate))
        .with_some("oldWithNew", content.old_with_new.as_ref().map(fields::certificate))
}

fn rev_ann_content(content: &RevAnnContent) -> Fields {
    Fields::new()
        .with("status", content.status.to_string())
        .with("certId", crmf::cert_id(&content.cert_id))
        .with("willBeRevokedAt", fields::generalized_time(&content.will_be_revoked_at))
        .with("badSinceDate", fields::generalized_time(&content.bad_since_date))
        .with_some("crlDetails", content.crl_details.as_ref().map(|list| fields::extensions(list)))
}

fn pki_status_info(info: &PkiStatusInfo) -> Fields {
    Fields::new()
        .with("status", info.status.to_string())
        .with_list("statusString", info.status_string.iter().flatten().cloned())
        .with_some("failInfo", info.fail_info.map(|fail_info| fail_info.to_string()))
}

fn cert_status(status: &CertStatus) -> Fields {
    Fields::new()
        .with("certHash", fields::octets(&status.cert_hash))
        .with("certReqId", status.cert_req_id.number())
        .with_some("statusInfo", status.status_info.as_ref().map(pki_status_info))
        .with_some("hashAlg", status.hash_alg.as_ref().map(fields::algorithm))
}

fn error_msg_content(error: &ErrorMsgContent) -> Fields {
    Fields::new()
        .with("pKIStatusInfo", pki_status_info(&error.pki_status_info))
        .with_some("errorCode", error.error_code.as_ref().map(|code| fields::hex(code.as_bytes())))
        .with_list("errorDetails", error.error_details.iter().flatten().cloned())
}

fn poll_rep_item(item: &PollRepItem) -> Fields {
    Fields::new()
        .with("certReqId", item.cert_req_id.number())
        .with("checkAfter", i64::from(item.check_after))
        .with_list("reason", item.reason.iter().flatten().cloned())
}

fn rev_details(details: &RevDetails) -> Fields {
    Fields::new()
        .with("certDetails", crmf::cert_template(&details.cert_details))
        .with_some("crlEntryDetails", details.crl_entry_details.as_ref().map(|list| fields::extensions(list)))
}

fn rev_rep_content(reply: &RevRepContent) -> Fields {
    Fields::new()
        .with_list("status", reply.status.iter().map(pki_status_info))
        .with_list("revCerts", reply.rev_certs.iter().flatten().map(crmf::cert_id))
        .with_list("crls", reply.crls.iter().flatten().map(|crl| fields::count(crl.octets().len())))
}

/// Whether the signature holds with the key of the first certificate that came along. That says nothing about trust.
fn protection_verdict(message: &PkiMessage) -> String {
    let Some(identifier) = &message.header().protection_alg else {
        return "there is no protectionAlg".to_owned();
    };
    let algorithm = match SignatureAlgorithm::from_identifier(identifier) {
        Ok(algorithm) => algorithm,
        Err(_) => return format!("{} is not verified here", fields::algorithm(identifier)),
    };
    let Some(key) = first_key(message) else {
        return "not verified: the signer's certificate is not the first of extraCerts".to_owned();
    };
    let (Ok(octets), Some(signature)) =
        (message.protected_part(), message.protection().and_then(|bits| bits.as_bytes()))
    else {
        return "the signature is not whole octets".to_owned();
    };
    match crypto_aws_lc::provider().verify(algorithm, &key, &octets, signature) {
        Ok(()) => "verifies with the key of extraCerts[0]; whether to trust that is not said".to_owned(),
        Err(error) => format!("with the key of extraCerts[0]: {error}"),
    }
}

fn first_key(message: &PkiMessage) -> Option<PublicKey> {
    let certificate = Certificate::from_der(message.extra_certs().first()?.octets()).ok()?;
    let spki = certificate.tbs_certificate().subject_public_key_info().to_der().ok()?;
    PublicKey::from_spki_der(&spki).ok()
}
