//! Key encapsulation as Project Wycheproof and the vectors of KEM-based MACs have it.
#![allow(clippy::unwrap_used, missing_docs)]

use crypto::{DecapsulationKey, KdfAlgorithm, KemAlgorithm, KemError, PublicKey, Random, RandomError};
use crypto_rustcrypto::{MlKemKey, PrivateKeyError, provider};
use testkit::InsecureCountingRandom;
use testkit::provider::{check_decapsulation_key, ml_kem_encapsulations, ml_kem_known_answers};
use testkit::vectors::own;

/// Draws what it was told to.
struct Fixed(Vec<u8>);

impl Random for Fixed {
    fn fill(&self, octets: &mut [u8]) -> Result<(), RandomError> {
        octets.copy_from_slice(&self.0);
        Ok(())
    }
}

#[test]
fn keys_decapsulate_and_survive_pkcs8() {
    let provider = provider(Box::new(InsecureCountingRandom::starting_at(1)));
    for algorithm in KemAlgorithm::ALL {
        let key = MlKemKey::generate(algorithm, &InsecureCountingRandom::starting_at(7)).unwrap();
        assert_eq!(format!("{key:?}"), format!("MlKemKey({algorithm})"));
        check_decapsulation_key(&provider, &key);
        let octets = key.to_pkcs8_der().unwrap();
        let again = MlKemKey::from_pkcs8_der(&octets).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        for length in 0..octets.len() {
            let error = MlKemKey::from_pkcs8_der(&octets[..length]).unwrap_err();
            assert_eq!(error, PrivateKeyError::Malformed);
        }
    }
}

#[test]
fn secrets_are_those_that_wycheproof_knows() {
    for known in ml_kem_known_answers() {
        let key = MlKemKey::from_seed(known.algorithm, &known.seed).unwrap();
        assert_eq!(key.public_key(), &known.public_key);
        let secret = key.decapsulate(&known.ciphertext).map(|secret| secret.to_vec());
        assert_eq!(secret, known.secret.ok_or(KemError::BadCiphertext), "{}", known.algorithm);
    }
    for known in ml_kem_encapsulations() {
        let Some((ciphertext, secret)) = known.made else { continue };
        let key = PublicKey::from_raw(known.algorithm.key_kind(), &known.key).unwrap();
        let encapsulated = provider(Box::new(Fixed(known.random))).encapsulate(&key).unwrap();
        assert_eq!((encapsulated.ciphertext, encapsulated.secret.to_vec()), (ciphertext, secret));
    }
}

#[test]
fn the_key_of_the_vectors_of_kem_based_macs_comes_out() {
    let seed = own("derived/kem_seed.bin").try_into().unwrap();
    let key = MlKemKey::from_seed(KemAlgorithm::MlKem768, &seed).unwrap();
    assert_eq!(key.public_key().key_octets(), own("derived/kem_pk.bin"));
    let secret = key.decapsulate(&own("derived/kem_ct.bin")).unwrap();
    assert_eq!(*secret, own("derived/kem_ss.bin"));
    let mut derived = [0; 32];
    provider(Box::new(InsecureCountingRandom::starting_at(1)))
        .derive(KdfAlgorithm::HkdfSha256, &secret, &own("derived/kem_other_info.der"), &mut derived)
        .unwrap();
    assert_eq!(derived.as_slice(), own("derived/kem_ssk.bin"));
}

#[test]
fn without_randomness_nothing_is_encapsulated() {
    struct Broken;
    impl Random for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError::new())
        }
    }
    let key = PublicKey::from_raw(KemAlgorithm::MlKem768.key_kind(), &own("derived/kem_pk.bin")).unwrap();
    let error = provider(Box::new(Broken)).encapsulate(&key).unwrap_err();
    assert_eq!(error, KemError::Random(RandomError::new()));
    let error = MlKemKey::generate(KemAlgorithm::MlKem768, &Broken).unwrap_err();
    assert_eq!(error, PrivateKeyError::Random(RandomError::new()));
}
