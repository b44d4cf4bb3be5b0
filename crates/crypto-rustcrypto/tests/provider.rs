//! The suite that every provider passes, and what only the keys of this one do.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hash::{BuildHasher, RandomState};

use crypto::{KeyKind, PublicKey, Random, RandomError, SigningKey};
use crypto_rustcrypto::{EcKey, Ed25519Key, MlDsaKey, PrivateKeyError, provider};
use der::{Document, SecretDocument};
use testkit::InsecureCountingRandom;
use testkit::provider::{
    EcdsaKnownAnswer, RFC_6979, RFC_8032, RFC_8410_PRIVATE_KEYS, RFC_8410_PUBLIC_KEY, check,
    check_signing_key, ml_dsa_known_answers,
};
use testkit::vectors::own_text;

#[test]
fn the_provider_passes_the_suite() {
    check(&provider(Box::new(InsecureCountingRandom::starting_at(1))));
}

#[test]
fn keys_sign_and_survive_pkcs8() {
    let provider = provider(Box::new(InsecureCountingRandom::starting_at(1)));
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521] {
        let key = EcKey::generate(kind, &InsecureCountingRandom::starting_at(seed())).unwrap();
        assert_eq!(key.public_key().kind(), kind);
        assert_eq!(format!("{key:?}"), format!("EcKey({kind})"));
        check_signing_key(&provider, &key);

        let again = EcKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.sign(b"octets"), key.sign(b"octets"), "RFC 6979 signatures are deterministic");
    }
}

#[test]
fn signatures_are_those_of_rfc_6979() {
    let mut signed = 0;
    for known in RFC_6979 {
        let key = EcKey::from_scalar(known.kind, &known.scalar_octets()).unwrap();
        assert_eq!(key.public_key(), &known.public_key());
        // A key signs with the digest that is as long as its curve.
        if key.algorithm() == known.algorithm {
            assert_eq!(key.sign(EcdsaKnownAnswer::MESSAGE).unwrap(), known.signature());
            signed += 1;
        }
    }
    assert_eq!(signed, 3);
}

#[test]
fn ed25519_keys_sign_as_rfc_8032_has_it_and_survive_pkcs8() {
    let provider = provider(Box::new(InsecureCountingRandom::starting_at(1)));
    let key = Ed25519Key::generate(&InsecureCountingRandom::starting_at(seed())).unwrap();
    assert_eq!(format!("{key:?}"), "Ed25519Key");
    check_signing_key(&provider, &key);
    let octets = key.to_pkcs8_der().unwrap();
    let again = Ed25519Key::from_pkcs8_der(&octets).unwrap();
    assert_eq!(again.sign(b"octets"), key.sign(b"octets"));
    for length in 0..octets.len() {
        let error = Ed25519Key::from_pkcs8_der(&octets[..length]).unwrap_err();
        assert_eq!(error, PrivateKeyError::Malformed);
    }

    for known in RFC_8032 {
        let key = Ed25519Key::from_seed(&known.seed_octets()).unwrap();
        assert_eq!(key.public_key(), &known.public_key());
        assert_eq!(key.sign(&known.message_octets()).unwrap(), known.signature_octets());
    }
}

#[test]
fn ml_dsa_keys_sign_as_wycheproof_has_it_and_survive_pkcs8() {
    let provider = provider(Box::new(InsecureCountingRandom::starting_at(1)));
    for kind in [KeyKind::MlDsa44, KeyKind::MlDsa65, KeyKind::MlDsa87] {
        let key = MlDsaKey::generate(kind, &InsecureCountingRandom::starting_at(seed())).unwrap();
        assert_eq!(format!("{key:?}"), format!("MlDsaKey({kind})"));
        check_signing_key(&provider, &key);
        let octets = key.to_pkcs8_der().unwrap();
        let again = MlDsaKey::from_pkcs8_der(&octets).unwrap();
        assert_eq!(again.sign(b"octets"), key.sign(b"octets"));
        for length in 0..octets.len() {
            let error = MlDsaKey::from_pkcs8_der(&octets[..length]).unwrap_err();
            assert_eq!(error, PrivateKeyError::Malformed);
        }
    }
    for known in ml_dsa_known_answers() {
        let key = MlDsaKey::from_seed(known.kind, &known.seed).unwrap();
        assert_eq!(key.public_key(), &known.public_key);
        assert_eq!(key.sign(&known.octets).unwrap(), known.signature);
        assert_eq!(key.to_pkcs8_der().unwrap().as_slice(), known.private_key);
    }
    let error = MlDsaKey::from_seed(KeyKind::Ed25519, &[1; 32]).unwrap_err();
    assert_eq!(error, PrivateKeyError::OtherKind(KeyKind::Ed25519));
}

#[test]
fn keys_of_the_rfcs_are_read() {
    let (_, public_key) = Document::from_pem(RFC_8410_PUBLIC_KEY).unwrap();
    for text in RFC_8410_PRIVATE_KEYS {
        let key = Ed25519Key::from_pkcs8_der(SecretDocument::from_pem(text).unwrap().1.as_bytes()).unwrap();
        assert_eq!(key.public_key().spki_octets(), public_key.as_bytes());
    }
    for name in ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"] {
        let private_key = SecretDocument::from_pem(&own_text(&format!("rfc9881/{name}.key.pem"))).unwrap().1;
        let key = MlDsaKey::from_pkcs8_der(private_key.as_bytes()).unwrap();
        let (_, public_key) = Document::from_pem(&own_text(&format!("rfc9881/{name}.pub.pem"))).unwrap();
        assert_eq!(key.public_key().spki_octets(), public_key.as_bytes(), "{name}");
    }
}

#[test]
fn scalars_lie_between_zero_and_the_order() {
    for (kind, length) in [(KeyKind::P256, 32), (KeyKind::P384, 48), (KeyKind::P521, 66)] {
        for scalar in [vec![0; length], vec![0xff; length], vec![1; length - 1], vec![1; length + 1], vec![]]
        {
            assert_eq!(
                EcKey::from_scalar(kind, &scalar).unwrap_err(),
                PrivateKeyError::Malformed,
                "{scalar:?}"
            );
        }
        assert!(EcKey::from_scalar(kind, &vec![1; length]).is_ok());
    }
    let rsa = KeyKind::Rsa { bits: 2048 };
    assert_eq!(EcKey::from_scalar(rsa, &[1; 32]).unwrap_err(), PrivateKeyError::OtherKind(rsa));
    let random = InsecureCountingRandom::starting_at(1);
    assert_eq!(EcKey::generate(rsa, &random).unwrap_err(), PrivateKeyError::OtherKind(rsa));
}

#[test]
fn randomness_that_fails_or_sticks_makes_no_key() {
    struct Stuck;
    impl Random for Stuck {
        fn fill(&self, octets: &mut [u8]) -> Result<(), RandomError> {
            octets.fill(0);
            Ok(())
        }
    }
    struct Broken;
    impl Random for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError::new())
        }
    }
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521] {
        let sources: [&dyn Random; 2] = [&Stuck, &Broken];
        for random in sources {
            let error = EcKey::generate(kind, random).unwrap_err();
            assert_eq!(error, PrivateKeyError::Random(RandomError::new()));
        }
    }
    assert!(provider(Box::new(Broken)).random::<16>().is_err());
}

#[test]
fn pkcs8_that_is_damaged_is_refused() {
    let key = EcKey::generate(KeyKind::P256, &InsecureCountingRandom::starting_at(seed())).unwrap();
    let octets = key.to_pkcs8_der().unwrap();
    for length in 0..octets.len() {
        assert_eq!(EcKey::from_pkcs8_der(&octets[..length]).unwrap_err(), PrivateKeyError::Malformed);
    }
    assert!(PublicKey::from_spki_der(&octets).is_err(), "a private key is no public key");
}

/// Other keys in every run.
fn seed() -> u64 {
    RandomState::new().hash_one(0)
}
