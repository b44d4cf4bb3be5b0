//! Key encapsulation as Project Wycheproof has it, and crosswise with the other provider.
#![allow(clippy::unwrap_used, missing_docs)]

use crypto::{DecapsulationKey, KemAlgorithm};
use crypto_aws_lc::{KemKey, provider};
use crypto_rustcrypto::MlKemKey;
use testkit::InsecureCountingRandom;
use testkit::provider::{check_decapsulation_key, ml_kem_expanded_keys};

#[test]
fn each_provider_encapsulates_for_the_others_keys() {
    let random = || InsecureCountingRandom::starting_at(3);
    for algorithm in KemAlgorithm::ALL {
        let key = KemKey::generate(algorithm).unwrap();
        assert_eq!(format!("{key:?}"), format!("KemKey({algorithm})"));
        check_decapsulation_key(&provider(), &key);
        check_decapsulation_key(&crypto_rustcrypto::provider(Box::new(random())), &key);
        check_decapsulation_key(&provider(), &MlKemKey::generate(algorithm, &random()).unwrap());

        let again = KemKey::from_expanded(algorithm, &key.to_expanded().unwrap()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        check_decapsulation_key(&provider(), &again);
    }
}

#[test]
fn expanded_keys_are_inspected() {
    for known in ml_kem_expanded_keys() {
        let found = KemKey::from_expanded(known.algorithm, &known.key).ok();
        let found = found.and_then(|key| key.decapsulate(&known.ciphertext).ok());
        assert_eq!(found.map(|secret| secret.to_vec()), known.secret, "{}", known.algorithm);
    }
    let other = KemKey::generate(KemAlgorithm::MlKem512).unwrap().to_expanded().unwrap();
    assert!(KemKey::from_expanded(KemAlgorithm::MlKem768, &other).is_err());
}
