//! Every file among the outside vectors has its use: messages in vectors.rs, all else here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::collections::BTreeSet;

use cmp::{InfoValue, PkiBody, PkiMessage, ReadingPolicy};
use crmf::{CertReqMessages, CertReqMsg, CertRequest, CertTemplate};
use crypto::{DigestAlgorithm, KeyError, PublicKey, SigningKey};
use crypto_aws_lc::SoftwareKey;
use der::{Decode, Encode};
use pkcs10::CertReq;
use testkit::vectors::{from_pem, outside, outside_expected, outside_manifest, outside_names};
use x509_cert::Certificate;

#[test]
fn every_file_is_used_for_something() {
    let Some(names) = outside_names() else { return };
    let messages = outside_expected().unwrap();
    for name in names {
        let octets = outside(&name).unwrap();
        if messages.contains_key(&name) {
            let policy = ReadingPolicy::lenient();
            assert_eq!(PkiMessage::inspect(&octets, &policy).unwrap().octets(), octets, "{name}");
        } else {
            use_for_something(&name, &octets);
        }
    }
}

fn use_for_something(name: &str, octets: &[u8]) {
    let text = || std::str::from_utf8(octets).unwrap();
    let der = || from_pem(text()).unwrap_or_else(|| panic!("{name}: no PEM"));
    let (set, file) = name.split_once('/').unwrap();
    match (set, file) {
        ("rfc9579", file) => {
            let examples = ["A1", "A2", "A3", "A4", "A5", "A6"];
            assert!(
                examples.iter().any(|a| file == format!("rfc9579_{a}.p12")),
                "{name}: not in password_mac.rs of crmf"
            );
        }
        ("derived", file) if file.starts_with("kem_") => kem_fragment(file, octets),
        (_, "crmf_certreqmsg.bin") => {
            same(name, octets, &CertReqMsg::from_der(octets).unwrap().to_der().unwrap())
        }
        (_, "crmf_certrequest.bin") => {
            same(name, octets, &CertRequest::from_der(octets).unwrap().to_der().unwrap())
        }
        (_, "crmf_certtemplate.bin") => {
            same(name, octets, &CertTemplate::from_der(octets).unwrap().to_der().unwrap())
        }
        (_, file) if file.starts_with("crmf_") => {
            same(name, octets, &CertReqMessages::from_der(octets).unwrap().to_der().unwrap());
        }
        (_, "msg/pkcs10.der") => certification_request(name, octets),
        (_, file) if file.contains("csr") => certification_request(name, &der()),
        (_, file) if file.ends_with(".txt") => {
            assert!(text().contains("Secret Value: ") || text().contains("EndEntity2"))
        }
        _ if octets.starts_with(b"-----BEGIN CERTIFICATE") => certificate(name, &der()),
        _ if contains(octets, b"PRIVATE KEY-----") => private_key(name, text()),
        (_, file) if file.ends_with(".der") => certificate(name, octets),
        (_, file) if file.ends_with(".crt") => certificate(name, &der()),
        _ => panic!("{name}: nothing uses it"),
    }
}

fn contains(octets: &[u8], words: &[u8]) -> bool {
    octets.windows(words.len()).any(|window| window == words)
}

fn same(name: &str, octets: &[u8], again: &[u8]) {
    assert_eq!(octets, again, "{name}");
}

fn certification_request(name: &str, octets: &[u8]) {
    let request = CertReq::from_der(octets).unwrap_or_else(|error| panic!("{name}: {error}"));
    same(name, octets, &request.to_der().unwrap());
    // OpenSSL's own is signed with SHA-1.
    let verified = request.verify_pop(&crypto_aws_lc::provider());
    assert_eq!(verified.is_ok(), !name.starts_with("openssl-tests/"), "{name}: {verified:?}");
}

fn certificate(name: &str, octets: &[u8]) {
    let certificate = Certificate::from_der(octets).unwrap_or_else(|error| panic!("{name}: {error}"));
    same(name, octets, &certificate.to_der().unwrap());
    let key = certificate.tbs_certificate().subject_public_key_info().to_der().unwrap();
    match PublicKey::from_spki_der(&key) {
        // secp192r1 and RSA with 1024 bits
        Err(KeyError::Unsupported(_) | KeyError::RsaModulus { bits: 1024 }) => {
            assert!(name.starts_with("openssl-tests/"), "{name}");
        }
        key => drop(key.unwrap_or_else(|error| panic!("{name}: {error}"))),
    }
}

/// It signs, or its kind is too weak to.
fn private_key(name: &str, text: &str) {
    let key = SoftwareKey::from_pem(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let signature = key.sign(b"octets").unwrap();
    let verified = crypto_aws_lc::provider().verify(key.algorithm(), key.public_key(), b"octets", &signature);
    assert_eq!(verified, Ok(()), "{name}");
}

/// ML-KEM-768 by RFC 9810 appendix E. That the ciphertext opens is for the KEM; here, that it is the one in kem_genp, and that
/// KemOtherInfo names the transaction.
fn kem_fragment(file: &str, octets: &[u8]) {
    let genp = PkiMessage::from_der(&outside("derived/kem_genp.der").unwrap()).unwrap();
    match file {
        "kem_pk.bin" => assert_eq!(octets.len(), 1184),
        "kem_seed.bin" => assert_eq!(octets.len(), 64),
        "kem_ss.bin" | "kem_ssk.bin" => assert_eq!(octets.len(), 32),
        "kem_ct.bin" => {
            let PkiBody::Genp(items) = genp.body() else { panic!("{:?}", genp.body()) };
            let Some(InfoValue::KemCiphertextInfo(info)) = InfoValue::open(&items[0]).unwrap() else {
                panic!("{items:?}")
            };
            assert_eq!(info.ct.as_bytes(), octets);
        }
        "kem_other_info.der" => {
            let id = genp.header().transaction_id.as_ref().unwrap().as_octets();
            assert!(contains(octets, id));
            assert!(contains(octets, b"CMP-KEM"));
        }
        other => panic!("{other}: nothing uses it"),
    }
}

/// Nothing was lost or changed on the way here.
#[test]
fn the_files_are_those_of_the_manifest() {
    let (Some(manifest), Some(names)) = (outside_manifest(), outside_names()) else { return };
    let mut listed = BTreeSet::new();
    for line in manifest.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let octets = outside(fields[0]).unwrap();
        assert_eq!(fields[1].parse(), Ok(octets.len()), "{}", fields[0]);
        let digest = crypto_aws_lc::provider().digest(DigestAlgorithm::Sha256, &octets);
        let digest: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(fields[4], digest, "{}", fields[0]);
        listed.insert(fields[0].to_owned());
    }
    assert!(names.into_iter().eq(listed));
}
