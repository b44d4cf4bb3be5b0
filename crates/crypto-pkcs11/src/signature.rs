//! What a token is asked to sign, and what becomes of its answer.

use crypto::{CryptoProvider, DigestAlgorithm, SignatureAlgorithm};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use der::asn1::{Null, OctetStringRef, UintRef};
use der::{Any, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;

/// A mechanism, and the octets it is given. Digests are made here, because every token signs them, and by far not every
/// one makes them.
pub(crate) struct Demand {
    pub(crate) mechanism: Mechanism<'static>,
    pub(crate) octets: Vec<u8>,
    is_ecdsa: bool,
}

impl Demand {
    /// `None` when there is no such mechanism.
    pub(crate) fn new(
        algorithm: SignatureAlgorithm,
        octets: &[u8],
        provider: &CryptoProvider,
    ) -> Option<Self> {
        if algorithm == SignatureAlgorithm::Ed25519 {
            let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
            return Some(Self { mechanism, octets: octets.to_vec(), is_ecdsa: false });
        }
        Self::of_digest(algorithm, &provider.digest(algorithm.digest()?, octets))
    }

    /// The same for octets of which only the digest is known. `None` where the mechanism needs the octets themselves.
    pub(crate) fn of_digest(algorithm: SignatureAlgorithm, digest: &[u8]) -> Option<Self> {
        let used = algorithm.digest().filter(|used| used.length() == digest.len())?;
        let (mechanism, octets) = match algorithm {
            SignatureAlgorithm::EcdsaWithSha256
            | SignatureAlgorithm::EcdsaWithSha384
            | SignatureAlgorithm::EcdsaWithSha512 => (Mechanism::Ecdsa, digest.to_vec()),
            SignatureAlgorithm::Sha256WithRsa
            | SignatureAlgorithm::Sha384WithRsa
            | SignatureAlgorithm::Sha512WithRsa => (Mechanism::RsaPkcs, digest_info(used, digest)?),
            SignatureAlgorithm::RsassaPssSha256
            | SignatureAlgorithm::RsassaPssSha384
            | SignatureAlgorithm::RsassaPssSha512 => (Mechanism::RsaPkcsPss(pss(used)?), digest.to_vec()),
            _ => return None,
        };
        let is_ecdsa = matches!(mechanism, Mechanism::Ecdsa);
        Some(Self { mechanism, octets, is_ecdsa })
    }

    /// The signature as X.509 has it. `None` when the token's answer is none.
    pub(crate) fn finish(&self, signature: Vec<u8>) -> Option<Vec<u8>> {
        if self.is_ecdsa { ecdsa_sig_value(&signature) } else { Some(signature) }
    }
}

/// DigestInfo, RFC 8017 section 9.2.
#[derive(Sequence)]
struct DigestInfo<'a> {
    digest_algorithm: AlgorithmIdentifierOwned,
    digest: &'a OctetStringRef,
}

fn digest_info(algorithm: DigestAlgorithm, digest: &[u8]) -> Option<Vec<u8>> {
    // With NULL, unlike elsewhere: RFC 8017 appendix B.1.
    let digest_algorithm =
        AlgorithmIdentifierOwned { oid: algorithm.oid(), parameters: Some(Any::from(Null)) };
    DigestInfo { digest_algorithm, digest: OctetStringRef::new(digest).ok()? }.to_der().ok()
}

/// The mask is made with the same digest, and the salt is as long as it (RFC 4055 section 3.1).
fn pss(digest: DigestAlgorithm) -> Option<PkcsPssParams> {
    let (hash_alg, mgf) = match digest {
        DigestAlgorithm::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
        DigestAlgorithm::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
        DigestAlgorithm::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
        _ => return None,
    };
    Some(PkcsPssParams { hash_alg, mgf, s_len: digest.length().try_into().ok()? })
}

/// Ecdsa-Sig-Value, RFC 3279 section 2.2.3.
#[derive(Sequence)]
struct EcdsaSigValue<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// From r and s, each as long as the curve's order (PKCS #11 section 2.3.1).
fn ecdsa_sig_value(signature: &[u8]) -> Option<Vec<u8>> {
    if signature.is_empty() || !signature.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = signature.split_at(signature.len() / 2);
    EcdsaSigValue { r: UintRef::new(r).ok()?, s: UintRef::new(s).ok()? }.to_der().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_and_s_become_integers() {
        let mut raw = [0; 64];
        (raw[30], raw[31], raw[32]) = (0x01, 0x02, 0x80);
        let mut expected = vec![0x30, 39, 0x02, 2, 0x01, 0x02, 0x02, 33, 0, 0x80];
        expected.extend([0; 31]);
        assert_eq!(ecdsa_sig_value(&raw).unwrap(), expected);
        assert_eq!(ecdsa_sig_value(&[]), None);
        assert_eq!(ecdsa_sig_value(&raw[..63]), None);
    }
}
