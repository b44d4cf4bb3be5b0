//! The suite that every provider passes, with this provider and its keys.

use crypto::SigningKey;
use crypto_aws_lc::{KeyType, SoftwareKey, provider};
use testkit::provider::{check, check_signing_key};

#[test]
fn the_provider_passes_the_suite() {
    check(&provider());
}

#[test]
fn keys_sign_with_the_algorithm_of_their_kind() {
    for (key_type, algorithm, kind) in [
        (KeyType::P256, "ecdsa-with-SHA256", "P-256"),
        (KeyType::P384, "ecdsa-with-SHA384", "P-384"),
        (KeyType::Rsa2048, "sha256WithRSAEncryption", "RSA-2048"),
        (KeyType::Rsa3072, "sha256WithRSAEncryption", "RSA-3072"),
        (KeyType::P521, "ecdsa-with-SHA512", "P-521"),
        (KeyType::Ed25519, "Ed25519", "Ed25519"),
        (KeyType::MlDsa44, "ML-DSA-44", "ML-DSA-44"),
        (KeyType::MlDsa65, "ML-DSA-65", "ML-DSA-65"),
        (KeyType::MlDsa87, "ML-DSA-87", "ML-DSA-87"),
    ] {
        let key = SoftwareKey::generate(key_type).expect("a key");
        assert_eq!(key.algorithm().to_string(), algorithm);
        assert_eq!(key.public_key().kind().to_string(), kind);
        assert_eq!(format!("{key:?}"), format!("SoftwareKey({kind})"));
        check_signing_key(&provider(), &key);
    }
}
