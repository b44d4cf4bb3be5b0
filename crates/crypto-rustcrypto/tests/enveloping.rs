//! Agreement on keys as Project Wycheproof has it.
#![allow(clippy::unwrap_used, missing_docs)]

use crypto::{EnvelopeError, KeyAgreementKey, KeyKind, Random, RandomError};
use crypto_rustcrypto::{EcKey, provider};
use testkit::InsecureCountingRandom;
use testkit::provider::{check_agreement_key, ecdh_known_answers};

#[test]
fn keys_on_every_curve_agree() {
    let provider = provider(Box::new(InsecureCountingRandom::starting_at(1)));
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521] {
        let key = EcKey::generate(kind, &InsecureCountingRandom::starting_at(7)).unwrap();
        check_agreement_key(&provider, &key);
    }
}

#[test]
fn secrets_are_those_that_wycheproof_knows() {
    for known in ecdh_known_answers() {
        let kind = known.other.kind();
        let key = EcKey::from_scalar(kind, &known.scalar).unwrap();
        let secret = key.agree(&known.other).ok().map(|secret| secret.to_vec());
        assert_eq!(secret, known.secret, "{kind}");
    }
}

#[test]
fn without_randomness_nothing_is_enciphered() {
    struct Broken;
    impl Random for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError::new())
        }
    }
    let provider = provider(Box::new(Broken));
    let known = ecdh_known_answers().into_iter().find(|known| known.secret.is_some()).unwrap();
    let failed = Some(EnvelopeError::Random(RandomError::new()));
    assert_eq!(provider.agree(&known.other).err(), failed);
}
