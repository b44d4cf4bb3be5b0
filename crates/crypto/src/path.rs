use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use asn1::oids::rfc5280;
use asn1::{EncodedCertificate, UnixTime};
use const_oid::ObjectIdentifier;
use der::{AnyRef, Decode, Tag};
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, TrustAnchor,
    alg_id,
};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{ExtendedKeyUsage as ExtKeyUsage, KeyUsage, KeyUsages};

use crate::{PathError, PublicKey, SignatureAlgorithm, SignatureVerifier};

/// A certificate to be validated, and what to validate it against.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)] // parameters of one call; a new one must be thought about at every caller
pub struct CertificatePath<'a> {
    /// The certificate in question.
    pub end_entity: &'a EncodedCertificate,
    /// Certificates that may lie on its path, in any order; nothing is believed because it stands here.
    pub intermediates: &'a [EncodedCertificate],
    /// The trust anchors configured for the purpose.
    pub anchors: &'a [EncodedCertificate],
    /// What the extKeyUsage extension must say.
    pub extended_key_usage: ExtendedKeyUsage,
    /// When.
    pub now: UnixTime,
}

/// What the extKeyUsage extension of an end entity's certificate must say (RFC 5280 section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtendedKeyUsage {
    /// Anything, or be absent.
    Any,
    /// It must be present and list this purpose.
    Required(ObjectIdentifier),
    /// As `Required`, unless the certificate is a trust anchor itself: a CA that signs with its own key.
    RequiredBelowAnchor(ObjectIdentifier),
}

/// Validates certificate paths.
pub trait PathValidator: Send + Sync {
    /// Validates the path (RFC 5280 section 6), and that keyUsage, where present, allows digital signatures.
    ///
    /// # Errors
    /// Why the certificate is not to be believed.
    fn validate(
        &self,
        path: &CertificatePath<'_>,
        signature: &dyn SignatureVerifier,
    ) -> Result<(), PathError>;
}

/// Path validation by `rustls-webpki`, with any provider's signatures.
///
/// A certificate that equals a trust anchor octet for octet is believed while it is valid: several RA/CAs sign their
/// messages with the CA key itself (RFC 9483 section 3.2 leaves it to configuration). Any other CA certificate is
/// refused as a message signer; configure it as an anchor if it is to be one.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct WebPki;

impl WebPki {
    /// The validator.
    pub const fn new() -> Self {
        Self
    }
}

impl PathValidator for WebPki {
    fn validate(
        &self,
        path: &CertificatePath<'_>,
        signature: &dyn SignatureVerifier,
    ) -> Result<(), PathError> {
        let certificate =
            Certificate::from_der(path.end_entity.octets()).map_err(|_| PathError::Malformed)?;
        check_key_usage(&certificate, KeyUsages::DigitalSignature)?;
        let is_anchor = path.anchors.contains(path.end_entity);
        match path.extended_key_usage {
            ExtendedKeyUsage::Required(purpose) => check_extended_key_usage(&certificate, purpose)?,
            ExtendedKeyUsage::RequiredBelowAnchor(purpose) if !is_anchor => {
                check_extended_key_usage(&certificate, purpose)?;
            }
            _ => {}
        }
        if is_anchor {
            return check_validity(&certificate, path.now);
        }

        let algorithms = algorithms(signature);
        let algorithms: Vec<&dyn SignatureVerificationAlgorithm> =
            algorithms.iter().map(|algorithm| -> &dyn SignatureVerificationAlgorithm { algorithm }).collect();
        let anchors: Vec<CertificateDer<'_>> =
            path.anchors.iter().map(|anchor| CertificateDer::from(anchor.octets())).collect();
        let anchors: Vec<TrustAnchor<'_>> =
            anchors.iter().filter_map(|anchor| webpki::anchor_from_trusted_cert(anchor).ok()).collect();
        let intermediates: Vec<CertificateDer<'_>> =
            path.intermediates.iter().map(|certificate| CertificateDer::from(certificate.octets())).collect();
        let end_entity = CertificateDer::from(path.end_entity.octets());
        let end_entity = webpki::EndEntityCert::try_from(&end_entity).map_err(path_error)?;
        let verified = end_entity
            .verify_for_usage(
                &algorithms,
                &anchors,
                &intermediates,
                rustls_pki_types::UnixTime::since_unix_epoch(Duration::from_secs(path.now.as_secs())),
                AnyUsage,
                None,
                None,
            )
            .map_err(path_error)?;
        // webpki leaves the keyUsage of issuers to its caller (RFC 5280 section 6.1.4 (n)).
        for issuer in verified.intermediate_certificates() {
            let issuer = Certificate::from_der(&issuer.der()).map_err(|_| PathError::Malformed)?;
            check_key_usage(&issuer, KeyUsages::KeyCertSign)?;
        }
        Ok(())
    }
}

/// The extended key usage is checked above, by its object identifier.
struct AnyUsage;

impl webpki::ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, usages: webpki::KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        for usage in usages {
            usage?;
        }
        Ok(())
    }
}

fn check_key_usage(certificate: &Certificate, needed: KeyUsages) -> Result<(), PathError> {
    match certificate.tbs_certificate().get_extension::<KeyUsage>() {
        Ok(None) => Ok(()),
        Ok(Some((_, usage))) if usage.0.contains(needed) => Ok(()),
        Ok(Some(_)) => Err(PathError::KeyUsage),
        Err(_) => Err(PathError::Malformed),
    }
}

fn check_extended_key_usage(certificate: &Certificate, purpose: ObjectIdentifier) -> Result<(), PathError> {
    match certificate.tbs_certificate().get_extension::<ExtKeyUsage>() {
        Ok(Some((_, usage))) if usage.0.contains(&purpose) => Ok(()),
        Ok(_) => Err(PathError::ExtendedKeyUsage(purpose)),
        Err(_) => Err(PathError::Malformed),
    }
}

fn check_validity(certificate: &Certificate, now: UnixTime) -> Result<(), PathError> {
    let validity = certificate.tbs_certificate().validity();
    if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
        Err(PathError::NotYetValid)
    } else if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
        Err(PathError::Expired)
    } else {
        Ok(())
    }
}

fn path_error(error: webpki::Error) -> PathError {
    use webpki::Error;
    match error {
        Error::CertExpired { .. } => PathError::Expired,
        Error::CertNotValidYet { .. } => PathError::NotYetValid,
        Error::UnknownIssuer => PathError::UnknownIssuer,
        Error::CaUsedAsEndEntity => PathError::CaAsEndEntity,
        Error::EndEntityUsedAsCa
        | Error::NameConstraintViolation
        | Error::PathLenConstraintViolated
        | Error::UnsupportedCriticalExtension
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => PathError::Constraint,
        Error::InvalidSignatureForPublicKey
        | Error::SignatureAlgorithmMismatch
        | Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => PathError::BadSignature,
        _ => PathError::Malformed,
    }
}

/// One row of webpki's table: a signature algorithm with one kind of key.
#[derive(Clone, Copy)]
struct Row<'a> {
    signature: &'a dyn SignatureVerifier,
    algorithm: SignatureAlgorithm,
    key: AlgorithmIdentifier,
    identifier: AlgorithmIdentifier,
}

fn algorithms(signature: &dyn SignatureVerifier) -> [Row<'_>; 19] {
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

// Named here so that the required purpose reads the same at every caller.
impl ExtendedKeyUsage {
    /// id-kp-cmcRA: the certificate of a registration authority (RFC 6402 section 2.10).
    pub const REGISTRATION_AUTHORITY: Self = Self::Required(asn1::oids::rfc6402::KP_CMC_RA);
    /// id-kp-clientAuth: a TLS client's.
    pub const TLS_CLIENT: Self = Self::Required(rfc5280::KP_CLIENT_AUTH);
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
