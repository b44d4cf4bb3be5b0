mod signatures;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::oids::rfc5280;
use asn1::{EncodedCertificate, UnixTime};
use const_oid::ObjectIdentifier;
use der::{Decode, Encode};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{ExtendedKeyUsage as ExtKeyUsage, KeyUsage};

use crate::revocation::Revocation;
use crate::{KemAlgorithm, PathError, PublicKey, SignatureVerifier};
use signatures::algorithms;

/// How many of the certificates at hand may be issuers of the path, by their names. webpki tries their orders one by one and
/// looks at every certificate in each step, so that a few dozen that certify each other would keep it busy for seconds.
const MAX_ISSUERS: usize = 8;

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
    /// Whether it, or an issuer below the anchor, is revoked; `None`: nobody asks.
    pub revocation: Option<&'a Revocation>,
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

/// What the key of an end entity's certificate is for, which keyUsage, where present, must allow (RFC 5280 section 4.2.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyUse {
    /// It signs; a KEM key protects messages by MACs.
    #[default]
    Signing,
    /// Others hand keys to it, or agree on keys with it; it need not sign.
    Enciphering,
}

impl KeyUse {
    pub(crate) fn is_allowed_by(self, usage: &KeyUsage) -> bool {
        match self {
            Self::Signing => usage.digital_signature(),
            Self::Enciphering => usage.key_encipherment() || usage.key_agreement(),
        }
    }
}

/// Validates certificate paths.
pub trait PathValidator: Send + Sync {
    /// Validates the path (RFC 5280 section 6), and that keyUsage, where present, allows what the key is for.
    ///
    /// # Errors
    /// Why the certificate is not to be believed.
    fn validate(
        &self,
        path: &CertificatePath<'_>,
        key_use: KeyUse,
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
        key_use: KeyUse,
        signature: &dyn SignatureVerifier,
    ) -> Result<(), PathError> {
        let is_anchor = path.anchors.contains(path.end_entity);
        check_end_entity(path, key_use, is_anchor)?;
        if is_anchor {
            return Ok(());
        }

        let algorithms = algorithms(signature);
        let algorithms: Vec<&dyn SignatureVerificationAlgorithm> =
            algorithms.iter().map(|algorithm| -> &dyn SignatureVerificationAlgorithm { algorithm }).collect();
        let anchors: Vec<CertificateDer<'_>> =
            path.anchors.iter().map(|anchor| CertificateDer::from(anchor.octets())).collect();
        let anchors: Vec<TrustAnchor<'_>> =
            anchors.iter().filter_map(|anchor| webpki::anchor_from_trusted_cert(anchor).ok()).collect();
        let end_entity = CertificateDer::from(path.end_entity.octets());
        let end_entity = webpki::EndEntityCert::try_from(&end_entity).map_err(path_error)?;
        let (intermediates, unreadable) = possible_issuers(&end_entity, path)?;
        let lists = path.revocation.map(|revocation| revocation.lists_at(path.now)).unwrap_or_default();
        let revocation = match path.revocation {
            Some(revocation) => revocation.options(&lists)?,
            None => None,
        };
        let verified = end_entity
            .verify_for_usage(
                &algorithms,
                &anchors,
                &intermediates,
                rustls_pki_types::UnixTime::since_unix_epoch(Duration::from_secs(path.now.as_secs())),
                AnyUsage,
                revocation,
                None,
            )
            .map_err(|error| match (path_error(error), unreadable) {
                // What would have closed the gap may be a certificate that cannot be read.
                (PathError::UnknownIssuer, Some(reason)) => reason,
                (reason, _) => reason,
            })?;
        let end_entity = decoded(path.end_entity.octets())?;
        check_policy_constraints(&end_entity)?;
        // webpki leaves the keyUsage of issuers to its caller (RFC 5280 section 6.1.4 (n)).
        for issuer in verified.intermediate_certificates() {
            let issuer = decoded(&issuer.der())?;
            check_key_usage(&issuer, KeyUsage::key_cert_sign)?;
            check_policy_constraints(&issuer)?;
        }
        Ok(())
    }
}

/// Boxed, and its frame gone, before signatures are verified, which takes most of a station's stack.
#[inline(never)]
fn decoded(octets: &[u8]) -> Result<Box<Certificate>, PathError> {
    Certificate::from_der(octets).map(Box::new).map_err(|_| PathError::Malformed)
}

/// What does not depend on the path.
#[inline(never)]
fn check_end_entity(path: &CertificatePath<'_>, key_use: KeyUse, is_anchor: bool) -> Result<(), PathError> {
    let certificate = decoded(path.end_entity.octets())?;
    let key = check_key(&certificate)?;
    // Nothing else can be the use of a KEM key (RFC 9935 section 5).
    match KemAlgorithm::of(key.kind()) {
        Some(_) => check_key_usage(&certificate, KeyUsage::key_encipherment)?,
        None => check_key_usage(&certificate, |usage| key_use.is_allowed_by(usage))?,
    }
    match path.extended_key_usage {
        ExtendedKeyUsage::Required(purpose) => check_extended_key_usage(&certificate, purpose)?,
        ExtendedKeyUsage::RequiredBelowAnchor(purpose) if !is_anchor => {
            check_extended_key_usage(&certificate, purpose)?;
        }
        _ => {}
    }
    if is_anchor { check_validity(&certificate, path.now) } else { Ok(()) }
}

/// Those of the intermediates that can lie above the end entity, going by names; each once, and no anchors. And what is wrong
/// with another one, whose names are not known for it.
fn possible_issuers<'a>(
    end_entity: &webpki::EndEntityCert<'_>,
    path: &CertificatePath<'a>,
) -> Result<(Vec<CertificateDer<'a>>, Option<PathError>), PathError> {
    let mut unreadable = None;
    let mut candidates: Vec<(CertificateDer<'a>, Vec<u8>, Vec<u8>)> = Vec::new();
    for certificate in path.intermediates {
        if path.anchors.contains(certificate) {
            continue;
        }
        let octets = CertificateDer::from(certificate.octets());
        let names = webpki::EndEntityCert::try_from(&octets)
            .map(|parsed| (parsed.subject().to_vec(), parsed.issuer().to_vec()));
        match names {
            Ok((subject, issuer)) => candidates.push((octets, subject, issuer)),
            Err(error) => unreadable = Some(path_error(error)),
        }
    }
    let mut names = Vec::from([end_entity.issuer().to_vec()]);
    let mut issuers: Vec<CertificateDer<'a>> = Vec::new();
    while let Some(name) = names.pop() {
        for (octets, subject, issuer) in &candidates {
            if *subject == name && !issuers.contains(octets) {
                if issuers.len() == MAX_ISSUERS {
                    return Err(PathError::TooManyIssuers);
                }
                issuers.push(octets.clone());
                names.push(issuer.clone());
            }
        }
    }
    Ok((issuers, unreadable))
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

/// webpki hands over the keys of issuers only, as it verifies with them.
fn check_key(certificate: &Certificate) -> Result<PublicKey, PathError> {
    let key = certificate.tbs_certificate().subject_public_key_info();
    let key = key.to_der().map_err(|_| PathError::Malformed)?;
    PublicKey::from_spki_der(&key).map_err(PathError::Key)
}

fn check_key_usage(
    certificate: &Certificate,
    allows: impl FnOnce(&KeyUsage) -> bool,
) -> Result<(), PathError> {
    match certificate.tbs_certificate().get_extension::<KeyUsage>() {
        Ok(None) => Ok(()),
        Ok(Some((_, usage))) if allows(&usage) => Ok(()),
        Ok(Some(_)) => Err(PathError::KeyUsage),
        Err(_) => Err(PathError::Malformed),
    }
}

/// Policies are not processed, so what demands that they are is refused (RFC 5280 section 4.2.1.11): webpki does so where the
/// extension is critical, as it has to be, and this where it is not.
fn check_policy_constraints(certificate: &Certificate) -> Result<(), PathError> {
    let mut extensions = certificate.tbs_certificate().extensions().into_iter().flatten();
    if extensions.any(|extension| extension.extn_id == rfc5280::POLICY_CONSTRAINTS) {
        return Err(PathError::Constraint);
    }
    Ok(())
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
        Error::CertRevoked => PathError::Revoked,
        Error::UnknownRevocationStatus => PathError::RevocationUnknown,
        Error::CrlExpired { .. } => PathError::CrlExpired,
        Error::InvalidCrlSignatureForPublicKey
        | Error::IssuerNotCrlSigner
        | Error::UnsupportedCrlSignatureAlgorithmContext(_)
        | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => PathError::BadCrl,
        Error::InvalidSignatureForPublicKey
        | Error::SignatureAlgorithmMismatch
        | Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => PathError::BadSignature,
        _ => PathError::Malformed,
    }
}

// Named here so that the required purpose reads the same at every caller.
impl ExtendedKeyUsage {
    /// id-kp-cmcRA: the certificate of a registration authority (RFC 6402 section 2.10).
    pub const REGISTRATION_AUTHORITY: Self = Self::Required(asn1::oids::rfc6402::KP_CMC_RA);
    /// id-kp-clientAuth: a TLS client's.
    pub const TLS_CLIENT: Self = Self::Required(rfc5280::KP_CLIENT_AUTH);
}
