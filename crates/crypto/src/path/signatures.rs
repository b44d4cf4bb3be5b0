//! Every signature algorithm of ours in webpki's terms.

use core::fmt;

use der::{AnyRef, Tag};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

use crate::{PublicKey, SignatureAlgorithm, SignatureVerifier};

/// One row of webpki's table: a signature algorithm with one kind of key.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    signature: &'a dyn SignatureVerifier,
    algorithm: SignatureAlgorithm,
    key: AlgorithmIdentifier,
    identifier: AlgorithmIdentifier,
}

pub(super) fn algorithms(signature: &dyn SignatureVerifier) -> [Row<'_>; 19] {
    use SignatureAlgorithm::{
        EcdsaWithSha256, EcdsaWithSha384, EcdsaWithSha512, Ed25519, MlDsa44, MlDsa65, MlDsa87,
        RsassaPssSha256, RsassaPssSha384, RsassaPssSha512, Sha256WithRsa, Sha384WithRsa, Sha512WithRsa,
    };
    let row = |algorithm, key, identifier| Row { signature, algorithm, key, identifier };
    [
        row(EcdsaWithSha256, alg_id::ECDSA_P256, alg_id::ECDSA_SHA256),
        row(EcdsaWithSha384, alg_id::ECDSA_P256, alg_id::ECDSA_SHA384),
        row(EcdsaWithSha512, alg_id::ECDSA_P256, alg_id::ECDSA_SHA512),
        row(EcdsaWithSha256, alg_id::ECDSA_P384, alg_id::ECDSA_SHA256),
        row(EcdsaWithSha384, alg_id::ECDSA_P384, alg_id::ECDSA_SHA384),
        row(EcdsaWithSha512, alg_id::ECDSA_P384, alg_id::ECDSA_SHA512),
        row(EcdsaWithSha256, alg_id::ECDSA_P521, alg_id::ECDSA_SHA256),
        row(EcdsaWithSha384, alg_id::ECDSA_P521, alg_id::ECDSA_SHA384),
        row(EcdsaWithSha512, alg_id::ECDSA_P521, alg_id::ECDSA_SHA512),
        row(Sha256WithRsa, alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256),
        row(Sha384WithRsa, alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA384),
        row(Sha512WithRsa, alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA512),
        row(RsassaPssSha256, alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA256),
        row(RsassaPssSha384, alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA384),
        row(RsassaPssSha512, alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA512),
        row(Ed25519, alg_id::ED25519, alg_id::ED25519),
        row(MlDsa44, alg_id::ML_DSA_44, alg_id::ML_DSA_44),
        row(MlDsa65, alg_id::ML_DSA_65, alg_id::ML_DSA_65),
        row(MlDsa87, alg_id::ML_DSA_87, alg_id::ML_DSA_87),
    ]
}

impl Row<'_> {
    /// webpki hands over the key without its algorithm; put the SubjectPublicKeyInfo together again.
    fn public_key(&self, key: &[u8]) -> Option<PublicKey> {
        // An alg_id holds what stands inside of the SEQUENCE.
        let algorithm = AnyRef::new(Tag::Sequence, &self.key).ok()?.decode_as().ok()?;
        PublicKey::from_parts(algorithm, key).ok()
    }
}

impl SignatureVerificationAlgorithm for Row<'_> {
    fn verify_signature(&self, key: &[u8], octets: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = self.public_key(key).ok_or(InvalidSignature)?;
        if self.signature.is_valid(self.algorithm, &key, octets, signature) {
            Ok(())
        } else {
            Err(InvalidSignature)
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.identifier
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Believing;

    impl SignatureVerifier for Believing {
        fn is_valid(&self, _: SignatureAlgorithm, _: &PublicKey, _: &[u8], _: &[u8]) -> bool {
            true
        }
    }

    #[test]
    fn every_algorithm_is_in_webpki_s_table_as_in_ours() {
        let rows = algorithms(&Believing);
        for algorithm in SignatureAlgorithm::ALL {
            assert!(rows.iter().any(|row| row.algorithm == algorithm), "{algorithm}");
        }
        for row in rows {
            let identifier = AnyRef::new(Tag::Sequence, &row.identifier).unwrap().decode_as().unwrap();
            assert_eq!(SignatureAlgorithm::from_identifier(&identifier), Ok(row.algorithm));
            let kinds = [32, 65, 97, 133, 1312, 1952, 2592]
                .into_iter()
                .filter_map(|length| row.public_key(&alloc::vec![4; length]))
                .map(|key| key.kind());
            let expected = usize::from(row.key != alg_id::RSA_ENCRYPTION);
            assert_eq!(kinds.filter(|kind| row.algorithm.fits(*kind)).count(), expected, "{row:?}");
        }
    }
}
