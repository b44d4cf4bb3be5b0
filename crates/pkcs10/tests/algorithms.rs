//! Proof of possession with every algorithm: made with either provider's keys, verified by both.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use crypto::{
    AlgorithmError, CryptoProvider, KeyError, KeyKind, SignatureAlgorithm, SigningKey, VerifyError,
};
use crypto_aws_lc::{KeyType, SoftwareKey};
use crypto_rustcrypto::{EcKey, Ed25519Key, MlDsaKey};
use der::asn1::{Any, BitString, Null};
use der::{Decode, Document, Encode, Tag};
use pkcs10::{CertReq, CertReqBuilder, Error};
use spki::AlgorithmIdentifierOwned;
use testkit::InsecureCountingRandom;

fn providers() -> [CryptoProvider; 2] {
    let random = Box::new(InsecureCountingRandom::starting_at(1));
    [crypto_aws_lc::provider(), crypto_rustcrypto::provider(random)]
}

/// One of each kind from each crate that makes such keys.
fn keys() -> Vec<Box<dyn SigningKey>> {
    let random = InsecureCountingRandom::starting_at(7);
    let generated =
        KeyType::ALL.into_iter().filter(|kind| ![KeyType::Rsa3072, KeyType::Rsa4096].contains(kind));
    let mut keys: Vec<Box<dyn SigningKey>> = Vec::new();
    keys.extend(
        generated.map(|kind| -> Box<dyn SigningKey> { Box::new(SoftwareKey::generate(kind).unwrap()) }),
    );
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521] {
        keys.push(Box::new(EcKey::generate(kind, &random).unwrap()));
    }
    keys.push(Box::new(Ed25519Key::generate(&random).unwrap()));
    for kind in [KeyKind::MlDsa44, KeyKind::MlDsa65, KeyKind::MlDsa87] {
        keys.push(Box::new(MlDsaKey::generate(kind, &random).unwrap()));
    }
    assert_eq!(keys.len(), 15);
    keys
}

fn builder(key: &dyn SigningKey) -> CertReqBuilder {
    CertReqBuilder::new("CN=enb0001,O=Operator".parse().unwrap(), key.public_key())
}

#[test]
fn every_request_verifies_with_both_providers() {
    for key in keys() {
        let request = CertReq::from_der(&builder(&*key).sign(&*key).unwrap()).unwrap();
        for provider in providers() {
            let verified = request.verify_pop(&provider).unwrap_or_else(|error| panic!("{key:?}: {error}"));
            assert_eq!(verified.public_key(), key.public_key());
        }
    }
}

#[test]
fn another_key_of_the_same_kind_proves_nothing() {
    let keys = keys();
    let others = self::keys();
    for (key, other) in keys.iter().zip(others) {
        // Those of the counting source are the same in both.
        if key.public_key() == other.public_key() {
            continue;
        }
        let builder = builder(&**key);
        let signature = other.sign(&builder.to_be_signed().unwrap()).unwrap();
        let request =
            CertReq::from_der(&builder.with_signature(key.algorithm(), &signature).unwrap()).unwrap();
        for provider in providers() {
            let error = request.verify_pop(&provider).unwrap_err();
            assert_eq!(error, Error::ProofOfPossession(VerifyError::BadSignature), "{key:?}");
        }
    }
}

#[test]
fn parameters_where_none_belong_are_refused() {
    for key in keys().into_iter().filter(|key| !matches!(key.public_key().kind(), KeyKind::Rsa { .. })) {
        let info = builder(&*key).to_be_signed().unwrap();
        let algorithm =
            AlgorithmIdentifierOwned { oid: key.algorithm().oid(), parameters: Some(Any::from(Null)) };
        let signature = BitString::from_bytes(&key.sign(&info).unwrap()).unwrap();
        let parts = [info, algorithm.to_der().unwrap(), signature.to_der().unwrap()];
        let octets = Any::new(Tag::Sequence, parts.concat()).unwrap().to_der().unwrap();
        assert!(Any::from_der(&octets).is_ok());
        let error = CertReq::from_der(&octets).unwrap().verify_pop(&crypto_aws_lc::provider()).unwrap_err();
        assert_eq!(error, Error::Algorithm(AlgorithmError::BadParameters(key.algorithm().oid())), "{key:?}");
    }
}

#[test]
fn an_ed25519_point_of_order_one_under_which_anything_verifies_is_refused() {
    let text = testkit::vectors::own_text("signatures/ed25519-bs.csr.pem");
    let mut octets = Document::from_pem(&text).unwrap().1.into_vec();
    let request = CertReq::from_der(&octets).unwrap();
    let verified = request.verify_pop(&crypto_aws_lc::provider()).unwrap();
    let key = verified.public_key().key_octets();
    let place = octets.windows(32).position(|window| window == key).unwrap();

    let mut neutral = [0; 32];
    neutral[0] = 1;
    octets[place..place + 32].copy_from_slice(&neutral);
    let length = octets.len();
    octets[length - 64..length - 32].copy_from_slice(&neutral);
    octets[length - 32..].fill(0);
    for provider in providers() {
        let error = CertReq::from_der(&octets).unwrap().verify_pop(&provider).unwrap_err();
        assert_eq!(error, Error::PublicKey(KeyError::Ed25519SmallOrder));
    }
}

/// RSA keys sign in six ways, and OpenSSL agrees.
#[test]
fn every_rsa_signature_verifies() {
    use SignatureAlgorithm::{
        RsassaPssSha256, RsassaPssSha384, RsassaPssSha512, Sha256WithRsa, Sha384WithRsa, Sha512WithRsa,
    };
    let pkcs8 = SoftwareKey::generate(KeyType::Rsa2048).unwrap().to_pkcs8_der().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("request.der");
    let rsa =
        [Sha256WithRsa, Sha384WithRsa, Sha512WithRsa, RsassaPssSha256, RsassaPssSha384, RsassaPssSha512];
    for algorithm in rsa {
        let key = SoftwareKey::from_pkcs8_der(&pkcs8).unwrap().with_algorithm(algorithm).unwrap();
        let octets = builder(&key).sign(&key).unwrap();
        let request = CertReq::from_der(&octets).unwrap();
        for provider in providers() {
            request.verify_pop(&provider).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
            let info = builder(&key).to_be_signed().unwrap();
            let signature = key.sign(&info).unwrap();
            for other in rsa.into_iter().filter(|other| *other != algorithm) {
                let verified = provider.verify(other, key.public_key(), &info, &signature);
                assert_eq!(verified, Err(VerifyError::BadSignature), "{algorithm} as {other}");
            }
        }
        std::fs::write(&file, octets).unwrap();
        let openssl = std::process::Command::new("openssl")
            .args(["req", "-verify", "-noout", "-inform", "DER", "-in"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(openssl.status.success(), "{algorithm}: {}", String::from_utf8_lossy(&openssl.stderr));
    }
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    assert!(key.with_algorithm(RsassaPssSha256).is_err());
}
