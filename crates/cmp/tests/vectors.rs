//! Messages made by other implementations: decoded, encoded again to the same octets, compared field by field,
//! and believed or refused as they deserve.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc, missing_docs)]

use std::collections::BTreeMap;

use asn1::EncodedCertificate;
use asn1::oids::rfc8018;
use cmp::management_entity::VerifiedRequest;
use cmp::{
    CertOrEncCert, CertRepMessage, Deviation, Error, Expectation, PkiBody, PkiFailureInfo, PkiMessage,
    PkiStatusInfo, ReadingPolicy, SenderNonce, SignerRole, TransactionId, Trust, ValidatedMessage, Validator,
};
use crmf::{CertReqMessages, ProofOfPossession};
use crypto::{DigestAlgorithm, ExtendedKeyUsage, PublicKey, SignatureAlgorithm, SigningKey};
use crypto_aws_lc::SoftwareKey;
use der::{Decode, Encode};
use testkit::vectors::{self, ExpectedMessage, ExpectedStatusInfo, NOW};
use x509_cert::Certificate;

/// What vectors.md says of them: a strict reader refuses each by the deviation's name, a lenient one reads it.
fn deviations(name: &str) -> Vec<Deviation> {
    const NULL: Deviation = Deviation::MissingNull(rfc8018::HMAC_WITH_SHA256);
    let (set, name) = name.split_once('/').unwrap();
    let (_, body) = name.split_once("stream_").unwrap_or_default();
    let first = !matches!(body, "CERT_CONFIRM.der" | "CONFIRM.der" | "POLL_REQ.der" | "POLL_REP.der");
    match (set, name) {
        (_, name) if name.ends_with("/IR_protected.der") => vec![Deviation::EmptyExtraCerts],
        (_, name) if name.contains("rufus") => vec![Deviation::TimeOffset],
        (_, "example-response-unsupported-algo.der")
        | (_, "IrWithMacProtection__downstream_CERT_CONFIRM.der") => vec![NULL],
        (_, "IrWithMacProtection__downstream_INIT_REQ.der") => vec![NULL, Deviation::BareCertProfile],
        ("lightweightcmpra-flows", _) if first => vec![Deviation::BareCertProfile],
        _ => Vec::new(),
    }
}

/// Every message there is: the project's own, and the outside ones where they are at hand.
fn messages() -> BTreeMap<String, (Vec<u8>, ExpectedMessage)> {
    let own = vectors::own_expected().into_iter().map(|(name, expected)| {
        let octets = vectors::own(&name);
        (name, (octets, expected))
    });
    let outside = vectors::outside_expected().unwrap_or_default().into_iter().map(|(name, expected)| {
        let octets = vectors::outside(&name).unwrap();
        (name, (octets, expected))
    });
    own.chain(outside).collect()
}

#[test]
fn messages_decode_to_the_expected_fields_and_encode_to_the_same_octets() {
    let messages = messages();
    assert!(messages.len() >= 40, "{}", messages.len());
    for (name, (octets, expected)) in &messages {
        let lenient = PkiMessage::inspect(octets, &ReadingPolicy::lenient());
        let lenient = lenient.unwrap_or_else(|error| panic!("{name}: {error}"));
        compare(name, &lenient, expected);
        let found: Vec<Deviation> = lenient.deviations().collect();
        assert_eq!(found, deviations(name), "{name}");
        match (PkiMessage::from_der(octets), found.first()) {
            (Ok(strict), None) => assert_eq!(strict, lenient, "{name}"),
            (Err(Error::Deviation(named)), Some(deviation)) => assert_eq!(named, *deviation, "{name}"),
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

fn compare(name: &str, message: &PkiMessage, expected: &ExpectedMessage) {
    let header = message.header();
    let octets = |der: &dyn Fn() -> der::Result<Vec<u8>>| der().unwrap();
    assert_eq!(u32::from(header.pvno.number()), expected.pvno, "{name}");
    assert_eq!(octets(&|| header.sender.to_der()), expected.sender, "{name}");
    assert_eq!(octets(&|| header.recipient.to_der()), expected.recipient, "{name}");
    let time =
        header.message_time.map(|time| String::from_utf8(time.to_der().unwrap()[2..].to_vec()).unwrap());
    assert_eq!(time, expected.message_time, "{name}");
    assert_eq!(
        header.protection_alg.as_ref().map(|alg| alg.oid.to_string()),
        expected.protection_alg,
        "{name}"
    );
    assert_eq!(header.sender_kid.as_ref().map(|id| id.as_bytes().to_vec()), expected.sender_kid, "{name}");
    assert_eq!(
        header.transaction_id.as_ref().map(|id| id.as_octets().to_vec()),
        expected.transaction_id,
        "{name}"
    );
    assert_eq!(
        header.sender_nonce.as_ref().map(|nonce| nonce.as_octets().to_vec()),
        expected.sender_nonce,
        "{name}"
    );
    assert_eq!(
        header.recip_nonce.as_ref().map(|nonce| nonce.as_octets().to_vec()),
        expected.recip_nonce,
        "{name}"
    );
    let info: Vec<_> = header.general_info.iter().flatten().map(|item| item.info_type.to_string()).collect();
    assert_eq!(info, expected.general_info, "{name}");
    assert_eq!(message.body().kind().name(), expected.body, "{name}");
    let protection = message.protection().map(|bits| bits.as_bytes().unwrap().to_vec());
    assert_eq!(protection, expected.protection, "{name}");
    assert_eq!(message.extra_certs().len(), expected.extra_certs, "{name}");

    let sha256 = |octets: &[u8]| crypto_aws_lc::provider().digest(DigestAlgorithm::Sha256, octets);
    let protected_part = message.protected_part().unwrap();
    assert_eq!(sha256(&protected_part), expected.protected_part_sha256, "{name}");
    let again = [header.to_der().unwrap(), message.body().to_der().unwrap()].concat();
    assert!(protected_part.ends_with(&again), "{name}: the values encode to other octets");
    compare_body(name, message.body(), expected, &sha256);
}

fn compare_body(name: &str, body: &PkiBody, expected: &ExpectedMessage, sha256: &dyn Fn(&[u8]) -> Vec<u8>) {
    match body {
        PkiBody::Ir(messages) | PkiBody::Cr(messages) | PkiBody::Kur(messages) => {
            compare_requests(name, messages, expected, sha256);
        }
        PkiBody::Ip(content) | PkiBody::Cp(content) | PkiBody::Kup(content) => {
            compare_responses(name, content, expected, sha256);
        }
        PkiBody::Genm(items) | PkiBody::Genp(items) => {
            let types: Vec<_> = items.iter().map(|item| item.info_type.to_string()).collect();
            assert_eq!(types, expected.itav, "{name}");
        }
        PkiBody::Rp(content) => {
            assert_eq!(content.status.len(), expected.status.len(), "{name}");
            for (status, expected) in content.status.iter().zip(&expected.status) {
                compare_status(name, status, expected);
            }
        }
        PkiBody::Nested(messages) => {
            assert_eq!(messages.len(), expected.inner.len(), "{name}");
            for (closed, expected) in messages.iter().zip(&expected.inner) {
                compare(name, &PkiMessage::from_der(closed.octets()).unwrap(), expected);
            }
        }
        PkiBody::Error(content) => {
            compare_status(name, &content.pki_status_info, &expected.status[0]);
        }
        PkiBody::CertConf(statuses) => {
            assert_eq!(statuses.len(), expected.cert_status.len(), "{name}");
            for (status, expected) in statuses.iter().zip(&expected.cert_status) {
                assert_eq!(status.cert_req_id.number(), expected.cert_req_id, "{name}");
                assert_eq!(status.cert_hash.as_bytes(), expected.cert_hash, "{name}");
                assert_eq!(status.status_info.is_some(), expected.status_info.is_some(), "{name}");
            }
        }
        PkiBody::PollRep(items) => {
            for (item, expected) in items.iter().zip(&expected.poll) {
                assert_eq!(item.cert_req_id.number(), expected.cert_req_id, "{name}");
                assert_eq!(i64::from(item.check_after), expected.check_after, "{name}");
            }
        }
        _ => {}
    }
}

fn compare_requests(
    name: &str,
    messages: &CertReqMessages,
    expected: &ExpectedMessage,
    sha256: &dyn Fn(&[u8]) -> Vec<u8>,
) {
    let messages = messages.messages();
    let ids: Vec<_> = messages.iter().map(|message| message.cert_req_id().number()).collect();
    assert_eq!(ids, expected.cert_req_ids, "{name}");
    let hashes: Vec<_> = messages.iter().map(|message| sha256(message.cert_req().octets())).collect();
    assert_eq!(hashes, expected.cert_req_sha256, "{name}");
    let kinds: Vec<_> = messages
        .iter()
        .filter_map(|message| match message.popo()? {
            ProofOfPossession::RaVerified(_) => Some("raVerified"),
            ProofOfPossession::Signature(_) => Some("signature"),
            _ => Some("other"),
        })
        .collect();
    assert_eq!(kinds, expected.popo, "{name}");
}

fn compare_responses(
    name: &str,
    content: &CertRepMessage,
    expected: &ExpectedMessage,
    sha256: &dyn Fn(&[u8]) -> Vec<u8>,
) {
    assert_eq!(content.ca_pubs.as_ref().map_or(0, Vec::len), expected.ca_pubs.unwrap_or(0), "{name}");
    assert_eq!(content.response.len(), expected.responses.len(), "{name}");
    for (response, expected) in content.response.iter().zip(&expected.responses) {
        assert_eq!(response.cert_req_id.number(), expected.cert_req_id, "{name}");
        let certificate = response.certified_key_pair.as_ref().map(|pair| match &pair.cert_or_enc_cert {
            CertOrEncCert::Certificate(certificate) => sha256(certificate.octets()),
            other => panic!("{name}: {other:?}"),
        });
        assert_eq!(certificate, expected.cert_sha256, "{name}");
        let names: Vec<_> = response.status.fail_info.iter().flat_map(|info| info.names()).collect();
        assert_eq!(names, expected.fail_info, "{name}");
    }
}

fn compare_status(name: &str, status: &PkiStatusInfo, expected: &ExpectedStatusInfo) {
    let names: Vec<_> = status.fail_info.iter().flat_map(|info| info.names()).collect();
    assert_eq!(names, expected.fail_info, "{name}");
    assert_eq!(status.status_string.clone().unwrap_or_default(), expected.status_string, "{name}");
}

/// Signed by keys whose certificates are not in the set (vectors.md).
const SIGNER_ABSENT: [&str; 1] = ["openssl-tests/protect/IR_protected.der"];

#[test]
fn signatures_hold_over_the_received_octets() {
    let provider = crypto_aws_lc::provider();
    let mut files = vec![public_key(&vectors::own_certificate("openssl-mock/oper-ca.crt.pem")).unwrap()];
    for name in vectors::outside_names().unwrap_or_default() {
        let Some(octets) = vectors::outside(&name) else { continue };
        let Ok(text) = String::from_utf8(octets) else { continue };
        if let Ok((_, document)) = der::Document::from_pem(&text) {
            let certificate = EncodedCertificate::new(document.as_bytes()).ok();
            files.extend(certificate.and_then(|certificate| public_key(&certificate)));
        }
        files.extend(SoftwareKey::from_pem(&text).map(|key| key.public_key().clone()));
    }
    let mut verified = 0;
    for (name, (octets, _)) in messages() {
        let Ok(message) = PkiMessage::from_der(&octets) else { continue };
        let Some(algorithm) = &message.header().protection_alg else { continue };
        let Ok(algorithm) = SignatureAlgorithm::from_identifier(algorithm) else { continue };
        let signature = message.protection().unwrap().as_bytes().unwrap();
        let protected_part = message.protected_part().unwrap();
        let holds = |octets: &[u8], signature: &[u8]| {
            let keys = message.extra_certs().iter().filter_map(public_key);
            keys.chain(files.iter().cloned())
                .any(|key| provider.verify(algorithm, &key, octets, signature).is_ok())
        };
        assert_eq!(holds(&protected_part, signature), !SIGNER_ABSENT.contains(&name.as_str()), "{name}");
        let mut other = protected_part.clone();
        *other.last_mut().unwrap() ^= 1;
        assert!(!holds(&other, signature), "{name}");
        verified += 1;
    }
    assert!(verified >= 25, "{verified}");
}

fn public_key(certificate: &EncodedCertificate) -> Option<PublicKey> {
    let certificate = Certificate::from_der(certificate.octets()).ok()?;
    let key = certificate.tbs_certificate().subject_public_key_info().to_der().unwrap();
    PublicKey::from_spki_der(&key).ok()
}

fn trust(role: SignerRole, anchor: &str, usage: ExtendedKeyUsage) -> Trust {
    Trust::new(role, vec![vectors::own_certificate(anchor)], usage)
}

fn house() -> Vec<Trust> {
    vec![
        trust(
            SignerRole::RegistrationAuthority,
            "openssl-mock/oper-ca.crt.pem",
            ExtendedKeyUsage::REGISTRATION_AUTHORITY,
        ),
        trust(SignerRole::VendorCertified, "openssl-mock/vendor-ca.crt.pem", ExtendedKeyUsage::Any),
        trust(SignerRole::OperatorCertified, "openssl-mock/oper-ca.crt.pem", ExtendedKeyUsage::Any),
    ]
}

fn validate(name: &str, expectation: &Expectation<'_>) -> Result<ValidatedMessage, Error> {
    let provider = crypto_aws_lc::provider();
    let trust = house();
    let mut validator = Validator::new(&provider, &trust);
    validator.time_window = None; // the vectors were recorded over some minutes
    validator.validate(PkiMessage::from_der(&vectors::own(name)).unwrap(), expectation, NOW)
}

#[test]
fn the_openssl_client_and_mock_server_are_believed() {
    let request = validate("openssl-mock/sig_1_ir.der", &Expectation::First).unwrap();
    assert_eq!(request.signer().role, SignerRole::VendorCertified);
    VerifiedRequest::verify(&request, &crypto_aws_lc::provider()).unwrap();

    let within = |nonce: &SenderNonce| {
        let nonces = [nonce.clone()];
        let expectation =
            Expectation::Within { transaction_id: request.transaction_id(), nonces: &nonces, signer: None };
        validate("openssl-mock/sig_2_ip.der", &expectation)
    };
    within(request.sender_nonce()).unwrap();
    let error = within(&SenderNonce::new(&[7; 16]).unwrap()).unwrap_err();
    assert_eq!(error, Error::BadRecipientNonce);

    let p10cr = validate("openssl-mock/p10cr_1.der", &Expectation::First).unwrap();
    VerifiedRequest::verify(&p10cr, &crypto_aws_lc::provider()).unwrap();
}

#[test]
fn an_end_entity_may_not_say_ra_verified() {
    let request = validate("openssl-mock/raverified_1_ir.der", &Expectation::First).unwrap();
    let error = VerifiedRequest::verify(&request, &crypto_aws_lc::provider()).unwrap_err();
    assert_eq!(error.fail_info(), PkiFailureInfo::NOT_AUTHORIZED);
}

#[test]
fn macs_and_missing_protection_are_refused_by_their_names() {
    for (name, fail_info) in [
        ("openssl-mock/pbm_1_ir.der", PkiFailureInfo::WRONG_INTEGRITY),
        ("derived/pbmac1_p10cr.der", PkiFailureInfo::WRONG_INTEGRITY),
        ("derived/kembm_p10cr.der", PkiFailureInfo::WRONG_INTEGRITY),
        ("derived/kem_genm.der", PkiFailureInfo::BAD_MESSAGE_CHECK),
    ] {
        let error = validate(name, &Expectation::First).unwrap_err();
        assert_eq!(error.fail_info(), fail_info, "{name}: {error}");
    }
}

#[test]
fn a_message_of_another_transaction_is_refused() {
    let id = TransactionId::new(&[1; 16]).unwrap();
    let expectation = Expectation::Within { transaction_id: &id, nonces: &[], signer: None };
    let error = validate("openssl-mock/sig_2_ip.der", &expectation).unwrap_err();
    assert!(matches!(error, Error::OtherTransaction(_)), "{error}");
}

/// Only certificates behind the signer's own are not protected (RFC 9810 section 5.1).
#[test]
fn every_flipped_bit_of_a_protected_message_is_noticed() {
    let provider = crypto_aws_lc::provider();
    let trust = house();
    let mut validator = Validator::new(&provider, &trust);
    validator.time_window = None;
    for name in
        ["openssl-mock/sig_1_ir.der", "openssl-mock/p10cr_1.der", "derived/nested_added_protection.der"]
    {
        let octets = vectors::own(name);
        let message = PkiMessage::from_der(&octets).unwrap();
        let further: usize =
            message.extra_certs()[1..].iter().map(|certificate| certificate.octets().len()).sum();
        let protected = octets.len() - further;
        for bit in 0..protected * 8 {
            let mut flipped = octets.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(message) = PkiMessage::inspect(&flipped, &ReadingPolicy::lenient()) else { continue };
            assert!(validator.validate(message, &Expectation::First, NOW).is_err(), "{name}: bit {bit}");
        }
    }
}
