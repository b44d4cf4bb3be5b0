use std::time::Duration;

use asn1::{EncodedCertificate, RawDer};
use cmp::{
    CaKeyUpdAnnContent, CaKeyUpdContent, CertOrEncCert, CertRepMessage, CertReqId, CertReqTemplateContent,
    CertResponse, CertStatus, Challenge, CrlSource, CrlStatus, ErrorMsgContent, InfoValue, KemCiphertextInfo,
    KeyRecRepContent, PkiBody, PkiFailureInfo, PkiStatus, PkiStatusInfo, PollRepItem, PollReqItem,
    RevAnnContent, RevDetails, RevRepContent, RootCaKeyUpdateContent,
};
use crmf::{CertId, CertReqMessages, CertTemplate, Control};
use crypto::{DigestAlgorithm, SignatureAlgorithm};
use der::asn1::{Int, ObjectIdentifier, OctetString, UtcTime};
use der::{DateTime, Decode, Encode};
use pkcs10::CertReq;
use testkit::vectors;
use x509_cert::ext::pkix::name::DistributionPointName;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

use super::requests::{encrypted_keys, enveloped_data, extensions, sequence, simple};
use super::{name, pkcs10, time};

fn certificate(name: &str) -> EncodedCertificate {
    vectors::own_certificate(&format!("openssl-mock/{name}.crt.pem"))
}

fn ca() -> EncodedCertificate {
    certificate("oper-ca")
}

fn octets(octets: &[u8]) -> OctetString {
    OctetString::new(octets).expect("it is short")
}

fn algorithm() -> spki::AlgorithmIdentifierOwned {
    SignatureAlgorithm::EcdsaWithSha256.identifier()
}

fn serial_number() -> SerialNumber {
    SerialNumber::new(&[0xff, 0x7f]).expect("it is short")
}

fn day(day: u8) -> DateTime {
    DateTime::new(2026, 11, day, 18, 0, 0).expect("a day")
}

/// As small as RFC 5280 section 5.1 has it: nothing revoked.
fn crl() -> RawDer {
    let encoded = |value: der::Result<Vec<u8>>| value.expect("it encodes");
    let issuer: x509_cert::name::Name = "CN=Operator CA".parse().expect("a name");
    let date = UtcTime::from_date_time(day(24)).expect("it is before 2050");
    let tbs = [
        encoded(1_u8.to_der()),
        encoded(algorithm().to_der()),
        encoded(issuer.to_der()),
        encoded(date.to_der()),
    ];
    let signature = der::asn1::BitString::from_bytes(&[1; 8]).and_then(|bits| bits.to_der());
    RawDer::new(&sequence(&[sequence(&tbs), encoded(algorithm().to_der()), encoded(signature)]))
        .expect("it is DER")
}

fn every_status() -> Vec<PkiStatusInfo> {
    let mut statuses: Vec<_> = [
        PkiStatus::Accepted,
        PkiStatus::GrantedWithMods,
        PkiStatus::Rejection,
        PkiStatus::Waiting,
        PkiStatus::RevocationWarning,
        PkiStatus::RevocationNotification,
        PkiStatus::KeyUpdateWarning,
    ]
    .into_iter()
    .map(PkiStatusInfo::new)
    .collect();
    let some = [
        PkiFailureInfo::BAD_ALG,
        PkiFailureInfo::INCORRECT_DATA,
        PkiFailureInfo::MISSING_TIME_STAMP,
        PkiFailureInfo::BAD_CERT_TEMPLATE,
        PkiFailureInfo::NOT_AUTHORIZED,
        PkiFailureInfo::SYSTEM_UNAVAIL,
        PkiFailureInfo::DUPLICATE_CERT_REQ,
        PkiFailureInfo::BAD_POP | PkiFailureInfo::BAD_MESSAGE_CHECK | PkiFailureInfo::DUPLICATE_CERT_REQ,
    ];
    statuses.extend(some.map(|bits| PkiStatusInfo::rejection(bits, "abgelehnt: Größe".into())));
    statuses
}

fn responses() -> Vec<CertResponse> {
    let mut responses: Vec<_> = (-3..)
        .zip(every_status())
        .map(|(id, status)| CertResponse::without_certificate(CertReqId::new(id), status))
        .collect();
    let granted = |certificate| {
        let status = PkiStatusInfo::new(PkiStatus::Accepted);
        CertResponse::with_certificate(CertReqId::FIRST, status, certificate)
    };
    responses.push(granted(certificate("oper-bs")));
    for key in encrypted_keys() {
        let key = RawDer::build(&key).expect("it encodes");
        let mut response = granted(ca());
        if let Some(pair) = &mut response.certified_key_pair {
            pair.cert_or_enc_cert = CertOrEncCert::EncryptedCert(key.clone());
        }
        responses.push(response);
        let mut response = granted(ca());
        response.rsp_info = Some(octets(b"rspInfo"));
        if let Some(pair) = &mut response.certified_key_pair {
            pair.private_key = Some(key);
            pair.publication_info = Some(RawDer::new(&[0x30, 3, 2, 1, 0]).expect("dontPublish"));
        }
        responses.push(response);
    }
    responses
}

fn replies() -> Vec<PkiBody> {
    let mut bodies: Vec<_> =
        responses().into_iter().map(|response| PkiBody::Ip(CertRepMessage::new(response))).collect();
    let mut many = CertRepMessage::new(responses().remove(0));
    many.response = responses();
    many.ca_pubs = Some(vec![ca(), certificate("vendor-ca")]);
    bodies.push(PkiBody::Cp(many.clone()));
    bodies.push(PkiBody::Kup(many.clone()));
    bodies.push(PkiBody::Ccp(many));
    bodies
}

fn requests() -> Vec<PkiBody> {
    let messages = || CertReqMessages::new(vec![simple(0), simple(1)]).expect("they are two");
    let p10cr = pkcs10().into_iter().map(|message| {
        PkiBody::P10cr(Box::new(CertReq::from_der(&message.octets).expect("it is a request")))
    });
    let mut bodies = vec![
        PkiBody::Ir(messages()),
        PkiBody::Cr(messages()),
        PkiBody::Kur(messages()),
        PkiBody::Krr(messages()),
        PkiBody::Ccr(messages()),
    ];
    bodies.extend(p10cr);
    bodies
}

fn key_recovery() -> PkiBody {
    let mut content = KeyRecRepContent::new(PkiStatusInfo::new(PkiStatus::GrantedWithMods));
    content.new_sig_cert = Some(certificate("oper-bs"));
    content.ca_certs = Some(vec![ca(), certificate("vendor-ca")]);
    content.key_pair_hist =
        Some(responses().into_iter().filter_map(|response| response.certified_key_pair).collect());
    PkiBody::Krp(Box::new(content))
}

fn revocations() -> Vec<PkiBody> {
    let mut template = CertTemplate::default();
    template.serial_number = Some(serial_number());
    template.issuer = Some("CN=Operator CA".parse().expect("a name"));
    let id = CertId::new(name("CN=Operator CA"), serial_number());
    let mut all = RevRepContent::new(PkiStatusInfo::new(PkiStatus::Accepted));
    all.status = every_status();
    all.rev_certs = Some(vec![id.clone(), id.clone()]);
    all.crls = Some(vec![crl()]);
    let mut announcement =
        RevAnnContent::new(PkiStatus::RevocationWarning, id, time(1_795_000_000), time(1_794_000_000));
    let mut bodies = vec![PkiBody::Rann(Box::new(announcement.clone()))];
    announcement.crl_details = Some(extensions(1));
    bodies.push(PkiBody::Rann(Box::new(announcement)));
    bodies.push(PkiBody::Rr(vec![
        RevDetails::new(template.clone(), None),
        RevDetails::new(template, Some(extensions(2))),
    ]));
    bodies.extend(every_status().into_iter().map(|status| PkiBody::Rp(RevRepContent::new(status))));
    bodies.push(PkiBody::Rp(all));
    bodies.push(PkiBody::Crlann(vec![crl(), crl()]));
    bodies
}

fn announcements() -> Vec<PkiBody> {
    let mut update = RootCaKeyUpdateContent::new(ca());
    let mut bodies = vec![
        PkiBody::Cann(ca()),
        PkiBody::Ckuann(CaKeyUpdContent::V2(CaKeyUpdAnnContent::new(ca(), ca(), certificate("vendor-ca")))),
        PkiBody::Ckuann(CaKeyUpdContent::V3(update.clone())),
    ];
    update.new_with_old = Some(ca());
    bodies.push(PkiBody::Ckuann(CaKeyUpdContent::V3(update.clone())));
    update.old_with_new = Some(ca());
    bodies.push(PkiBody::Ckuann(CaKeyUpdContent::V3(update)));
    bodies
}

fn challenges() -> Vec<PkiBody> {
    let challenge = |first: bool| {
        let owf = first.then(|| DigestAlgorithm::Sha256.identifier());
        Challenge::new(owf, &[7; 32], enveloped_data()).expect("it is short")
    };
    let mut old = challenge(true);
    old.encrypted_rand = None;
    old.challenge = octets(&[8; 64]);
    let integers = [-129_i64, -1, 0, 255, i64::MAX]
        .map(|number| number.to_der().and_then(|octets| Int::from_der(&octets)).expect("it is an INTEGER"));
    vec![
        PkiBody::Popdecc(vec![old]),
        PkiBody::Popdecc(vec![challenge(true), challenge(false)]),
        PkiBody::Popdecr(integers.to_vec()),
    ]
}

fn every_info() -> Vec<InfoValue> {
    let oid = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");
    let mut update = RootCaKeyUpdateContent::new(ca());
    update.new_with_old = Some(ca());
    let mut template = CertReqTemplateContent::new(CertTemplate::default());
    let key_spec = [Control::AlgId(algorithm()), Control::RsaKeyLen(3072)];
    template.key_spec = Some(key_spec.map(|control| control.close().expect("it encodes")).to_vec());
    let sources = [
        CrlSource::Dpn(DistributionPointName::FullName(vec![name("CN=Directory")])),
        CrlSource::Issuer(vec![name("CN=Operator CA")]),
    ];
    let statuses = sources.map(|source| CrlStatus::new(source, Some(Time::from(day(24)))));
    let mut infos = vec![
        InfoValue::CaProtEncCert(ca()),
        InfoValue::SignKeyPairTypes(vec![algorithm()]),
        InfoValue::EncKeyPairTypes(vec![algorithm(), DigestAlgorithm::Sha256.identifier()]),
        InfoValue::PreferredSymmAlg(algorithm()),
        InfoValue::CaKeyUpdateInfo(CaKeyUpdAnnContent::new(ca(), ca(), ca())),
        InfoValue::CurrentCrl(crl()),
        InfoValue::UnsupportedOids(vec![oid]),
        InfoValue::KeyPairParamReq(oid),
        InfoValue::KeyPairParamRep(algorithm()),
        InfoValue::ImplicitConfirm,
        InfoValue::ConfirmWaitTime(asn1::UnixTime::from_secs(1_795_000_000)),
        InfoValue::SuppLangTags(vec!["en".into(), "de-CH".into()]),
        InfoValue::CaCerts(vec![ca(), certificate("vendor-ca")]),
        InfoValue::RootCaKeyUpdate(update),
        InfoValue::CertReqTemplate(Box::new(template)),
        InfoValue::RootCaCert(ca()),
        InfoValue::CertProfile(vec!["eNB".into()]),
        InfoValue::CrlStatusList(statuses.to_vec()),
        InfoValue::Crls(vec![crl()]),
        InfoValue::KemCiphertextInfo(KemCiphertextInfo::new(algorithm(), octets(&[7; 32]))),
    ];
    infos.extend(encrypted_keys().map(InfoValue::RevPassphrase));
    infos
}

fn support() -> Vec<PkiBody> {
    let infos: Vec<_> = every_info().iter().map(|info| info.close().expect("it encodes")).collect();
    let mut bodies: Vec<_> = infos.iter().map(|info| PkiBody::Genp(vec![info.clone()])).collect();
    bodies.push(PkiBody::Genp(infos.clone()));
    let mut questions = infos;
    questions.iter_mut().for_each(|info| info.info_value = None);
    bodies.push(PkiBody::Genm(questions));
    bodies
}

fn errors_and_confirmations() -> Vec<PkiBody> {
    let mut bodies: Vec<_> =
        every_status().into_iter().map(|status| PkiBody::Error(ErrorMsgContent::new(status))).collect();
    let mut error = ErrorMsgContent::new(PkiStatusInfo::new(PkiStatus::Rejection));
    error.error_code = Int::new(&[0x01, 0x00]).ok();
    error.error_details = Some(vec!["genauer".into(), "noch genauer".into()]);
    bodies.push(PkiBody::Error(error));

    let statuses = (-2..)
        .zip(every_status())
        .map(|(id, status)| CertStatus::new(octets(&[9; 32]), CertReqId::new(id), Some(status)));
    bodies.push(PkiBody::CertConf(statuses.collect()));
    let mut named = CertStatus::new(octets(&[9; 48]), CertReqId::FIRST, None);
    bodies.push(PkiBody::CertConf(vec![named.clone()]));
    named.hash_alg = Some(DigestAlgorithm::Sha384.identifier());
    bodies.push(PkiBody::CertConf(vec![named]));

    let ids = [i64::MIN, -1, 0, 128, i64::MAX].map(CertReqId::new);
    bodies.push(PkiBody::PollReq(ids.map(PollReqItem::new).to_vec()));
    let items = ids.map(|id| PollRepItem::new(id, Duration::from_secs(u64::MAX)));
    bodies.push(PkiBody::PollRep(items.to_vec()));
    let mut reasoned = PollRepItem::new(CertReqId::FIRST, Duration::ZERO);
    reasoned.reason = Some(vec!["die CA arbeitet".into()]);
    bodies.push(PkiBody::PollRep(vec![reasoned]));
    bodies.push(PkiBody::PkiConf);
    bodies
}

pub(super) fn every_body() -> Vec<PkiBody> {
    let mut bodies = requests();
    bodies.extend(replies());
    bodies.push(key_recovery());
    bodies.extend(revocations());
    bodies.extend(announcements());
    bodies.extend(challenges());
    bodies.extend(support());
    bodies.extend(errors_and_confirmations());
    let inner = ["sig_1_ir", "p10cr_1"].map(|name| vectors::own(&format!("openssl-mock/{name}.der")));
    bodies.push(PkiBody::Nested(
        inner.iter().map(|message| RawDer::new(message).expect("it is DER")).collect(),
    ));
    bodies
}
