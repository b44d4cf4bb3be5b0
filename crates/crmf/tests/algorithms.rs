//! Proof of possession with every algorithm: made with either provider's keys, verified by both.
#![allow(clippy::unwrap_used, missing_docs)]

use crmf::{CertReqMsg, CertReqMsgBuilder, Error};
use crypto::{CryptoProvider, KeyKind, SigningKey, VerifyError};
use crypto_aws_lc::{KeyType, SoftwareKey};
use crypto_rustcrypto::{EcKey, Ed25519Key, MlDsaKey};
use testkit::InsecureCountingRandom;
use x509_cert::ext::pkix::name::GeneralName;

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

fn sender() -> GeneralName {
    GeneralName::DirectoryName("CN=eNB-SN-0001,O=Vendor".parse().unwrap())
}

/// With a subject, and bound to the sender instead.
fn builders(key: &dyn SigningKey) -> [CertReqMsgBuilder; 2] {
    let named = CertReqMsgBuilder::new(Some("CN=enb0001,O=Operator".parse().unwrap()), key.public_key());
    let mut nameless = CertReqMsgBuilder::new(None, key.public_key());
    nameless.sender = Some(sender());
    [named, nameless]
}

#[test]
fn every_proof_verifies_with_both_providers() {
    for key in keys() {
        for builder in builders(&*key) {
            let message = CertReqMsg::from_der(builder.sign(&*key).unwrap().octets()).unwrap();
            for provider in providers() {
                let verified = message.verify_pop(&provider, Some(&sender()));
                let verified = verified.unwrap_or_else(|error| panic!("{key:?}: {error}"));
                assert_eq!(verified.public_key(), key.public_key());
            }
        }
    }
}

#[test]
fn a_proof_over_other_octets_proves_nothing() {
    for key in keys() {
        for builder in builders(&*key) {
            let mut octets = builder.to_be_signed().unwrap();
            octets.push(0);
            let message = builder.with_signature(key.algorithm(), &key.sign(&octets).unwrap()).unwrap();
            for provider in providers() {
                let error = message.verify_pop(&provider, Some(&sender())).unwrap_err();
                assert_eq!(error, Error::ProofOfPossession(VerifyError::BadSignature), "{key:?}");
            }
        }
    }
}
