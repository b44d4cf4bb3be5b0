//! The project's own vectors by themselves cover every body, every kind of proof of possession and every type of information.
//! `cargo xtask vectors` composes them, the same octets each time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::collections::BTreeSet;

use asn1::oids::rfc9810;
use cmp::{InfoValue, PkiBody, PkiFailureInfo, PkiMessage, Reference, SecretTrust, Validator};
use crmf::{
    AuthInfo, CertReqMsg, Control, MacLimits, PasswordMac, PopoPrivKey, ProofOfPossession, RegInfo,
    SubsequentMessage,
};
use crypto::{PublicKey, SharedSecret, SignatureAlgorithm};
use der::{Decode, Encode};
use testkit::vectors;
use x509_cert::Certificate;

fn composed() -> Vec<(String, PkiMessage)> {
    let names = vectors::own_names().into_iter().filter(|name| name.starts_with("composed/"));
    let messages = names.map(|name| {
        let message =
            PkiMessage::from_der(&vectors::own(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, message)
    });
    messages.collect()
}

fn requests() -> Vec<CertReqMsg> {
    let messages = composed().into_iter().flat_map(|(_, message)| match message.body().clone() {
        PkiBody::Ir(requests) | PkiBody::Cr(requests) | PkiBody::Kur(requests) => {
            requests.messages().to_vec()
        }
        _ => Vec::new(),
    });
    messages.collect()
}

#[test]
fn every_body_is_there_and_encodes_to_the_same_octets() {
    let mut numbers = BTreeSet::new();
    for (name, message) in composed() {
        let kind = message.body().kind();
        let (number, rest) = name.trim_start_matches("composed/").split_once('_').unwrap();
        assert_eq!(number.parse(), Ok(kind.number()), "{name}");
        assert!(rest.trim_end_matches(".der").split('_').next() == Some(kind.name()), "{name}");
        assert_eq!(message.header().pvno, message.body().least_pvno(), "{name}");
        let again = [message.header().to_der().unwrap(), message.body().to_der().unwrap()].concat();
        assert!(message.protected_part().unwrap().ends_with(&again), "{name}");
        numbers.insert(kind.number());
    }
    assert!(numbers.into_iter().eq(0..=26));
}

#[test]
fn their_signatures_hold() {
    let provider = crypto_aws_lc::provider();
    for (name, message) in composed() {
        let certificate = Certificate::from_der(message.extra_certs()[0].octets()).unwrap();
        let key = certificate.tbs_certificate().subject_public_key_info().to_der().unwrap();
        let key = PublicKey::from_spki_der(&key).unwrap();
        let signature = message.protection().unwrap().as_bytes().unwrap();
        let octets = message.protected_part().unwrap();
        let verified = provider.verify(SignatureAlgorithm::EcdsaWithSha256, &key, &octets, signature);
        assert_eq!(verified, Ok(()), "{name}");
    }
}

#[test]
fn every_kind_of_proof_is_there() {
    let kinds: BTreeSet<String> = requests().iter().map(|request| kind(request.popo().unwrap())).collect();
    let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
    let private = ["agreeMAC", "challengeResp", "dhMAC", "encrCert", "encryptedKey", "thisMessage"];
    let private = |name: &str| private.map(|kind| format!("{name} {kind}"));
    let mut expected = [private("keyAgreement"), private("keyEncipherment")].concat();
    expected
        .extend(["raVerified", "signature", "signature publicKeyMAC", "signature sender"].map(String::from));
    assert_eq!(kinds, expected);
}

fn kind(proof: &ProofOfPossession) -> String {
    let private = |proof: &PopoPrivKey| match proof {
        PopoPrivKey::ThisMessage(_) => "thisMessage",
        PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert) => "encrCert",
        PopoPrivKey::SubsequentMessage(_) => "challengeResp",
        PopoPrivKey::DhMac(_) => "dhMAC",
        PopoPrivKey::AgreeMac(_) => "agreeMAC",
        PopoPrivKey::EncryptedKey(_) => "encryptedKey",
        other => panic!("{other:?}"),
    };
    match proof {
        ProofOfPossession::RaVerified(_) => "raVerified".into(),
        ProofOfPossession::KeyEncipherment(proof) => format!("keyEncipherment {}", private(proof)),
        ProofOfPossession::KeyAgreement(proof) => format!("keyAgreement {}", private(proof)),
        ProofOfPossession::Signature(proof) => match &proof.poposk_input {
            None => "signature".into(),
            Some(input) => match input.value().auth_info {
                AuthInfo::Sender(_) => "signature sender".into(),
                _ => "signature publicKeyMAC".into(),
            },
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_signature_proves_possession() {
    let provider = crypto_aws_lc::provider();
    let secret = SharedSecret::new("nem-shared-secret-0001".into());
    let mut proofs = 0;
    for (name, message) in composed() {
        let (PkiBody::Ir(requests) | PkiBody::Cr(requests) | PkiBody::Kur(requests)) = message.body() else {
            continue;
        };
        for request in requests.messages() {
            let kind = kind(request.popo().unwrap());
            let verified = match kind.as_str() {
                "signature publicKeyMAC" => {
                    request.verify_pop_with_secret(&provider, &secret, &MacLimits::default())
                }
                _ => request.verify_pop(&provider, Some(&message.header().sender)),
            };
            assert_eq!(verified.is_ok(), kind.starts_with("signature"), "{name}: {verified:?}");
            proofs += usize::from(verified.is_ok());
        }
    }
    assert_eq!(proofs, 8);
}

#[test]
fn every_control_is_there() {
    let requests = requests();
    let controls = requests.iter().flat_map(|request| request.cert_req().value().controls.iter().flatten());
    let opened: Vec<Control> = controls.map(|control| Control::open(control).unwrap()).collect();
    let discriminants: Vec<_> = opened.iter().map(std::mem::discriminant).collect();
    for kind in &opened[..8] {
        assert!(discriminants.contains(&std::mem::discriminant(kind)));
        assert!(!matches!(kind, Control::Other(_)), "{kind:?}");
    }
    let info: Vec<RegInfo> = requests
        .iter()
        .flat_map(|request| request.reg_info().iter().map(|info| RegInfo::open(info).unwrap()))
        .collect();
    assert!(matches!(info.as_slice(), [RegInfo::Utf8Pairs(_), RegInfo::CertReq(_)]), "{info:?}");
}

#[test]
fn every_type_of_information_is_there() {
    let mut types = BTreeSet::new();
    for (name, message) in composed() {
        let (PkiBody::Genm(items) | PkiBody::Genp(items)) = message.body() else { continue };
        for item in items {
            let value = InfoValue::open(item).unwrap().unwrap();
            assert_eq!(&value.close().unwrap(), item, "{name}");
            if !matches!(value, InfoValue::Other(..)) {
                types.insert(item.info_type);
            }
        }
    }
    // Of id-it 1 to 24, these were never used (8, 9) or are of other documents.
    let id_it = rfc9810::IT_CA_CERTS.to_string();
    let id_it = id_it.trim_end_matches("17");
    let numbers: BTreeSet<u32> =
        types.iter().map(|oid| oid.to_string().trim_start_matches(id_it).parse().unwrap()).collect();
    let expected = (1..=24).filter(|number| ![8, 9].contains(number));
    assert!(numbers.iter().copied().eq(expected), "{numbers:?}");
}

#[test]
fn every_failure_is_there() {
    let refused = PkiMessage::from_der(&vectors::own("composed/03_cp_refused.der")).unwrap();
    let PkiBody::Cp(content) = refused.body() else { panic!("{:?}", refused.body()) };
    let failures = content.response[0].status.fail_info.unwrap();
    assert!(PkiFailureInfo::ALL.iter().all(|bit| failures.contains(*bit)));
    assert_eq!(failures.names().count(), 27);
}

/// The manifest of the outside vectors names the secret and the algorithms of each MAC.
#[test]
fn macs_with_shared_secrets_verify_or_are_refused_by_name() {
    let Some(manifest) = vectors::outside_manifest() else { return };
    let provider = crypto_aws_lc::provider();
    let (mut verified, mut sha1) = (0, 0);
    for line in manifest.lines().filter(|line| line.contains("MAC ok secret=")) {
        let name = line.split('\t').next().unwrap();
        let secret = line.split("secret=").nth(1).unwrap().split(' ').next().unwrap();
        let message = vectors::outside(name).unwrap();
        let message = PkiMessage::inspect(&message, &cmp::ReadingPolicy::lenient()).unwrap();
        let algorithm = message.header().protection_alg.as_ref().unwrap();
        let mut limits = MacLimits::default();
        let strict = PasswordMac::from_identifier(algorithm, &limits);
        if let Err(error) = &strict {
            assert!(line.contains("sha1") || line.contains("4096"), "{name}: {error}");
            assert_ne!(is_authenticated(&message, secret), Some(true), "{name}");
            limits.sha1 = true;
        }
        let Ok(mac) = PasswordMac::from_identifier(algorithm, &limits) else {
            assert!(line.contains("4096"), "{name}");
            continue;
        };
        let tag = message.protection().unwrap().as_bytes().unwrap();
        let octets = message.protected_part().unwrap();
        let holds = |secret: &str| mac.verify(&provider, &SharedSecret::new(secret.into()), &octets, tag);
        assert_eq!(holds(secret), Ok(()), "{name}");
        assert!(holds("another secret").is_err(), "{name}");
        if strict.is_err() {
            let made = mac.authenticate(&provider, &SharedSecret::new(secret.into()), &octets);
            assert!(matches!(made, Err(crmf::Error::Mac(crmf::MacError::VerifiedOnly(_)))), "{name}");
            mac.without_sha1().authenticate(&provider, &SharedSecret::new(secret.into()), &octets).unwrap();
            sha1 += 1;
            continue;
        }
        assert_eq!(is_authenticated(&message, secret), Some(true), "{name}");
        assert_eq!(is_authenticated(&message, "another secret"), Some(false), "{name}");
        verified += 1;
    }
    assert!(verified >= 4 && sha1 >= 5, "{verified} verified, {sha1} by policy only");
}

/// Whether the message's MAC holds for whoever validates it, and knows that secret by the message's senderKID, if it has one.
fn is_authenticated(message: &PkiMessage, secret: &str) -> Option<bool> {
    let provider = crypto_aws_lc::provider();
    let reference = message.header().sender_kid.as_ref()?.as_bytes();
    let secrets = [SecretTrust::new(Reference::new(reference), SharedSecret::new(secret.into()))];
    let mut validator = Validator::new(&provider, &[]);
    validator.secrets = &secrets;
    Some(validator.mac_credential(message).is_some())
}
