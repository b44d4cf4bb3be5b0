//! What EnvelopedData takes, as Project Wycheproof has it, and crosswise with the other provider.
#![allow(clippy::unwrap_used, missing_docs)]

use crypto::{
    EnvelopeError, KeyAgreementKey, KeyGenerator, KeyKind, KeyTransportKey, Random, RandomError, SigningKey,
};
use crypto_aws_lc::{AgreementKey, KeyType, SoftwareKey, SoftwareKeyGenerator, TransportKey, provider};
use crypto_rustcrypto::EcKey;
use testkit::InsecureCountingRandom;
use testkit::provider::{
    check_agreement_key, check_transport_key, ecdh_known_answers, transport_known_answers,
};

struct Broken;

impl Random for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError::new())
    }
}

#[test]
fn each_provider_agrees_with_the_others_keys() {
    let random = || InsecureCountingRandom::starting_at(5);
    let firmware = crypto_rustcrypto::provider(Box::new(random()));
    for (kind, key_type) in
        [(KeyKind::P256, KeyType::P256), (KeyKind::P384, KeyType::P384), (KeyKind::P521, KeyType::P521)]
    {
        let signing = SoftwareKey::generate(key_type).unwrap();
        let key = AgreementKey::from_pkcs8_der(&signing.to_pkcs8_der().unwrap()).unwrap();
        assert_eq!(key.public_key(), signing.public_key());
        assert_eq!(format!("{key:?}"), format!("AgreementKey({kind})"));
        check_agreement_key(&provider(), &key);
        check_agreement_key(&firmware, &key);
        check_agreement_key(&provider(), &EcKey::generate(kind, &random()).unwrap());
    }
    assert!(AgreementKey::from_pkcs8_der(&[0x30, 0]).is_err());
    assert!(AgreementKey::from_scalar(KeyKind::P256, &[0; 32]).is_err());
    assert!(AgreementKey::from_scalar(KeyKind::Ed25519, &[1; 32]).is_err());
}

#[test]
fn secrets_are_those_that_wycheproof_knows() {
    for known in ecdh_known_answers() {
        let kind = known.other.kind();
        let key = AgreementKey::from_scalar(kind, &known.scalar).unwrap();
        let secret = key.agree(&known.other).ok().map(|secret| secret.to_vec());
        assert_eq!(secret, known.secret, "{kind}");
    }
}

#[test]
fn each_provider_enciphers_for_rsa_keys() {
    let firmware = crypto_rustcrypto::provider(Box::new(InsecureCountingRandom::starting_at(5)));
    for key_type in [KeyType::Rsa2048, KeyType::Rsa3072] {
        let signing = SoftwareKey::generate(key_type).unwrap();
        let octets = signing.to_pkcs8_der().unwrap();
        let key = TransportKey::from_pkcs8_der(&octets).unwrap();
        assert_eq!(key.public_key(), signing.public_key());
        assert_eq!(provider().enveloping().unwrap().public_half(&octets).as_ref(), Some(key.public_key()));
        check_transport_key(&provider(), &key);
        check_transport_key(&firmware, &key);
    }
    let broken = crypto_rustcrypto::provider(Box::new(Broken));
    let key = SoftwareKey::generate(KeyType::Rsa2048).unwrap();
    let refused = broken.transport(key.public_key(), b"key").err();
    assert_eq!(refused, Some(EnvelopeError::Random(RandomError::new())));
    let curve = SoftwareKey::generate(KeyType::P256).unwrap().to_pkcs8_der().unwrap();
    assert!(TransportKey::from_pkcs8_der(&curve).is_err());
}

#[test]
fn what_was_enciphered_is_what_wycheproof_knows() {
    for known in transport_known_answers() {
        let key = TransportKey::from_pkcs8_der(&known.private_key).unwrap();
        let octets = key.decrypt(known.transport, &known.ciphertext).ok().map(|octets| octets.to_vec());
        assert_eq!(octets, known.octets, "{:?}", known.transport);
    }
}

#[test]
fn the_public_half_of_every_kind_of_key_is_found() {
    let firmware = crypto_rustcrypto::provider(Box::new(InsecureCountingRandom::starting_at(5)));
    for key_type in KeyType::ALL.into_iter().filter(|key_type| !key_type.is_rsa()) {
        let key = SoftwareKeyGenerator::new().generate(key_type.kind()).unwrap();
        assert_eq!(format!("{key:?}"), format!("GeneratedKey({})", key_type.kind()));
        for provider in [&provider(), &firmware] {
            let found = provider.enveloping().unwrap().public_half(&key.private_key);
            assert_eq!(found.as_ref(), Some(&key.public_key), "{key_type}");
        }
    }
    let other = KeyKind::MlKem512;
    let refused = SoftwareKeyGenerator::new().generate(other).err();
    assert_eq!(refused, Some(EnvelopeError::OtherKind(other)));
}
