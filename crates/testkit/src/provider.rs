//! One suite that every crypto provider passes: values known from outside, known attacks, and forgeries by fault.

mod certificate_paths;
mod digests;
mod ecdsa;
mod ed25519;
mod enveloping;
mod kem;
mod known_attacks;
mod macs;
mod ml_dsa;
mod rsa;

use crypto::{CryptoProvider, SigningKey, VerifyError};

pub use ecdsa::{EcdsaKnownAnswer, RFC_6979};
pub use ed25519::{Ed25519KnownAnswer, RFC_8032, RFC_8410_PRIVATE_KEYS, RFC_8410_PUBLIC_KEY};
pub use enveloping::{
    EcdhKnownAnswer, TransportKnownAnswer, check_agreement_key, check_transport_key, ecdh_known_answers,
    transport_known_answers,
};
pub use kem::{
    MlKemEncapsulation, MlKemExpandedKey, MlKemKnownAnswer, check_decapsulation_key, ml_kem_encapsulations,
    ml_kem_expanded_keys, ml_kem_known_answers,
};
pub use ml_dsa::{MlDsaKnownAnswer, ml_dsa_expanded_keys, ml_dsa_known_answers};

/// Checks all that a provider offers; [`check_signing_key`] and [`check_decapsulation_key`] do the same for keys.
///
/// # Panics
/// When the provider errs; the message tells where.
pub fn check(provider: &CryptoProvider) {
    digests::check(provider);
    macs::check(provider);
    check_random(provider);
    ecdsa::check(provider);
    rsa::check(provider);
    ed25519::check(provider);
    ml_dsa::check(provider);
    kem::check(provider);
    enveloping::check(provider);
    known_attacks::check(provider);
    certificate_paths::check(provider);
}

/// Checks that a key's signatures hold, for its octets and its algorithm only, and that it does not show itself.
///
/// # Panics
/// When the key errs; the message tells where.
pub fn check_signing_key(provider: &CryptoProvider, key: &dyn SigningKey) {
    let (algorithm, public_key) = (key.algorithm(), key.public_key());
    assert!(algorithm.fits(public_key.kind()), "{algorithm} does not fit {}", public_key.kind());
    assert!(format!("{key:?}").len() < 40, "{key:?} shows more than the kind of key");

    let long = vec![0x5a; 100_000];
    for octets in [&b""[..], b"octets to sign", &long] {
        let signature = key.sign(octets).expect("the key signs");
        assert_eq!(provider.verify(algorithm, public_key, octets, &signature), Ok(()), "{key:?}");

        let mut other_octets = octets.to_vec();
        other_octets.push(0);
        let verified = provider.verify(algorithm, public_key, &other_octets, &signature);
        assert_eq!(verified, Err(VerifyError::BadSignature), "{key:?}: other octets");
        for faulty in single_bit_flips(&signature).step_by(37) {
            let verified = provider.verify(algorithm, public_key, octets, &faulty);
            assert_eq!(verified, Err(VerifyError::BadSignature), "{key:?}: {faulty:02x?}");
        }
    }
}

fn check_random(provider: &CryptoProvider) {
    let draws: [[u8; 16]; 64] = std::array::from_fn(|_| provider.random().expect("there is randomness"));
    let mut different = draws.to_vec();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), draws.len(), "the source of randomness repeats itself");
    assert_eq!(provider.random::<0>(), Ok([]));
}

/// Every variant of `octets` in which one bit differs.
fn single_bit_flips(octets: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..octets.len() * 8).map(|bit| {
        let mut flipped = octets.to_vec();
        flipped.iter_mut().skip(bit / 8).take(1).for_each(|octet| *octet ^= 1 << (bit % 8));
        flipped
    })
}

#[cfg(test)]
mod tests {
    #[test]
    #[should_panic(expected = "Sha256 of 0 octets")]
    fn no_security_fails_the_suite() {
        super::check(&crate::no_security::provider());
    }

    #[test]
    #[should_panic(expected = "r = 0")]
    fn no_security_fails_with_ecdsa() {
        super::ecdsa::check(&crate::no_security::provider());
    }

    #[test]
    #[should_panic(expected = "RSA signature empty")]
    fn no_security_fails_with_rsa() {
        super::rsa::check(&crate::no_security::provider());
    }

    #[test]
    #[should_panic(expected = "Ed25519: empty")]
    fn no_security_fails_with_ed25519() {
        super::ed25519::check(&crate::no_security::provider());
    }

    #[test]
    #[should_panic(expected = "ML-DSA-44: empty")]
    fn no_security_fails_with_ml_dsa() {
        super::ml_dsa::check(&crate::no_security::provider());
    }

    #[test]
    #[should_panic(expected = "RFC 5869")]
    fn no_security_fails_with_kem() {
        super::kem::check(&crate::no_security::provider());
    }

    #[test]
    #[should_panic(expected = "EcdsaSecp256r1Sha256")]
    fn no_security_fails_against_known_attacks() {
        super::known_attacks::check(&crate::no_security::provider());
    }
}
