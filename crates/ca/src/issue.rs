//! Makes and signs certificates, RFC 5280 section 4.1.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use asn1::{EncodedCertificate, RawDer, UnixTime};
use crypto::{CryptoProvider, DigestAlgorithm, PublicKey, SigningKey, names_match};
use der::asn1::{BitString, Ia5String, OctetString};
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::certificate::{Certificate, Version};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints, KeyUsage, KeyUsages,
    SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use crate::Error;
use crate::profile::{ca_extensions, extension};

/// Certificates begin a little before they are issued: clocks differ.
const BACKDATED: Duration = Duration::from_secs(300);

/// The key that signs certificates, and its own certificate.
#[non_exhaustive]
pub struct Issuer {
    certificate: EncodedCertificate,
    name: Name,
    key_id: OctetString,
    not_before: UnixTime,
    not_after: UnixTime,
    key: Box<dyn SigningKey>,
    crl_distribution_point: Option<Ia5String>,
    path_length: Option<u8>,
    is_root: bool,
}

/// What a certificate shall say, apart from what the issuer adds: serial number, key identifiers, where the CRL is, dates.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CertificateContents {
    /// The subject; the NULL-DN when the name stands in subjectAltName only.
    pub subject: Name,
    /// The key to be certified.
    pub public_key: PublicKey,
    /// The extensions, without key identifiers.
    pub extensions: Vec<Extension>,
    /// For how long, unless the CA's own certificate ends before.
    pub validity: Duration,
}

impl CertificateContents {
    /// Contents from their parts.
    pub const fn new(
        subject: Name,
        public_key: PublicKey,
        extensions: Vec<Extension>,
        validity: Duration,
    ) -> Self {
        Self { subject, public_key, extensions, validity }
    }
}

/// A certificate that was just signed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuedCertificate {
    /// The certificate.
    pub certificate: EncodedCertificate,
    /// Its serial number.
    pub serial_number: SerialNumber,
}

/// ```text
/// TBSCertificate ::= SEQUENCE {
///   version          [0] Version DEFAULT v1,
///   serialNumber         CertificateSerialNumber,
///   signature            AlgorithmIdentifier,
///   issuer               Name,
///   validity             Validity,
///   subject              Name,
///   subjectPublicKeyInfo SubjectPublicKeyInfo,
///   extensions       [3] Extensions }
/// ```
#[derive(Sequence)]
struct TbsCertificate {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: Version,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Validity,
    subject: Name,
    subject_public_key_info: RawDer,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct SignedCertificate {
    tbs_certificate: RawDer,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

impl Issuer {
    /// From the CA's certificate and key.
    ///
    /// # Errors
    /// [`Error::UnusableIssuer`] when the certificate cannot be decoded, is no CA's, has no name or key identifier, or
    /// is for another key.
    pub fn new(certificate: EncodedCertificate, key: Box<dyn SigningKey>) -> Result<Self, Error> {
        let unusable = Error::UnusableIssuer;
        let malformed = |_| unusable("it is malformed");
        let decoded = Certificate::from_der(certificate.octets()).map_err(malformed)?;
        let tbs = decoded.tbs_certificate();
        let constraints = tbs.get_extension::<BasicConstraints>().map_err(malformed)?;
        let is_ca = constraints.as_ref().is_some_and(|(_, constraints)| constraints.ca);
        let path_length = constraints.and_then(|(_, constraints)| constraints.path_len_constraint);
        let signs_certificates = tbs
            .get_extension::<KeyUsage>()
            .map_err(malformed)?
            .is_none_or(|(_, usage)| usage.0.contains(KeyUsages::KeyCertSign));
        let (_, key_id) = tbs
            .get_extension::<SubjectKeyIdentifier>()
            .map_err(malformed)?
            .ok_or(unusable("it has no subjectKeyIdentifier"))?;
        if !is_ca || !signs_certificates {
            return Err(unusable("it is not a CA's: basicConstraints or keyUsage do not allow to issue"));
        }
        if tbs.subject().is_empty() {
            return Err(unusable("it has no subject"));
        }
        if tbs.subject_public_key_info().to_der().map_err(malformed)? != key.public_key().spki_octets() {
            return Err(unusable("it is for another key"));
        }
        Ok(Self {
            name: tbs.subject().clone(),
            key_id: key_id.0,
            not_before: unix_time(tbs.validity().not_before),
            not_after: unix_time(tbs.validity().not_after),
            certificate,
            key,
            crl_distribution_point: None,
            path_length,
            is_root: names_match(tbs.subject(), tbs.issuer()),
        })
    }

    /// The same, whose certificates say where its CRL is: a URL (cRLDistributionPoints, RFC 5280 section 4.2.1.13).
    ///
    /// # Errors
    /// [`Error::Encoding`] when it is not in ASCII.
    pub fn with_crl_distribution_point(mut self, url: &str) -> Result<Self, Error> {
        self.crl_distribution_point = Some(Ia5String::new(url).map_err(Error::Encoding)?);
        Ok(self)
    }

    /// A new root: a certificate that the key issues to itself, for a CA that issues to end entities only.
    ///
    /// # Errors
    /// When it has no name, or randomness or the key fails.
    pub fn self_signed(
        subject: Name,
        key: Box<dyn SigningKey>,
        validity: Duration,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Self, Error> {
        Self::root(subject, key, Some(0), validity, provider, now)
    }

    pub(crate) fn root(
        subject: Name,
        key: Box<dyn SigningKey>,
        path_length: Option<u8>,
        validity: Duration,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Self, Error> {
        let extensions = ca_extensions(path_length)?;
        let contents =
            CertificateContents::new(subject.clone(), key.public_key().clone(), extensions, validity);
        let not_before = now.saturating_sub(BACKDATED);
        let dates = (not_before, now.saturating_add(validity));
        let key_id = key_identifier(key.public_key(), provider)?;
        let issued = sign(&subject, &key_id, key.as_ref(), &contents, dates, provider)?;
        Self::new(issued.certificate, key)
    }

    /// The CA's certificate.
    pub const fn certificate(&self) -> &EncodedCertificate {
        &self.certificate
    }

    /// Whether it issued its certificate to itself.
    pub const fn is_root(&self) -> bool {
        self.is_root
    }

    /// Until when its certificate is valid.
    pub const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// How many CAs may stand between this one and an end entity; `None`: any number.
    pub const fn path_length(&self) -> Option<u8> {
        self.path_length
    }

    /// The CA's name.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    pub(crate) const fn key_id(&self) -> &OctetString {
        &self.key_id
    }

    pub(crate) fn key(&self) -> &dyn SigningKey {
        self.key.as_ref()
    }

    /// The CA's public key.
    pub fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    /// Signs a certificate with a random serial number. It is valid from a little before now, and never longer than the
    /// CA's own. Nothing is registered by this.
    ///
    /// # Errors
    /// When the CA's certificate is not valid now, or randomness or the key fails.
    pub fn issue(
        &self,
        contents: &CertificateContents,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<IssuedCertificate, Error> {
        let (not_before, not_after) = (self.not_before, self.not_after);
        if !(not_before..=not_after).contains(&now) {
            return Err(Error::IssuerNotValid { not_before, not_after });
        }
        let dates = (
            now.saturating_sub(BACKDATED).max(not_before),
            now.saturating_add(contents.validity).min(not_after),
        );
        let mut contents = contents.clone();
        contents.extensions.extend(self.crl_distribution_points()?);
        sign(&self.name, &self.key_id, self.key.as_ref(), &contents, dates, provider)
    }

    fn crl_distribution_points(&self) -> Result<Option<Extension>, Error> {
        let Some(url) = &self.crl_distribution_point else { return Ok(None) };
        let names = Vec::from([GeneralName::UniformResourceIdentifier(url.clone())]);
        let point = DistributionPoint {
            distribution_point: Some(DistributionPointName::FullName(names)),
            reasons: None,
            crl_issuer: None,
        };
        extension(false, &CrlDistributionPoints(Vec::from([point]))).map(Some)
    }
}

fn sign(
    issuer: &Name,
    issuer_key_id: &OctetString,
    key: &dyn SigningKey,
    contents: &CertificateContents,
    (not_before, not_after): (UnixTime, UnixTime),
    provider: &CryptoProvider,
) -> Result<IssuedCertificate, Error> {
    let serial_number = random_serial_number(provider)?;
    let mut extensions = contents.extensions.clone();
    extensions
        .push(extension(false, &SubjectKeyIdentifier(key_identifier(&contents.public_key, provider)?))?);
    extensions.push(extension(
        false,
        &AuthorityKeyIdentifier {
            key_identifier: Some(issuer_key_id.clone()),
            ..AuthorityKeyIdentifier::default()
        },
    )?);
    let tbs = TbsCertificate {
        version: Version::V3,
        serial_number: serial_number.clone(),
        signature: key.algorithm().identifier(),
        issuer: issuer.clone(),
        validity: Validity::new(time(not_before)?, time(not_after)?),
        subject: contents.subject.clone(),
        subject_public_key_info: RawDer::new(contents.public_key.spki_octets()).map_err(Error::Encoding)?,
        extensions,
    };
    let tbs_certificate = RawDer::build(&tbs).map_err(Error::Encoding)?;
    let signature = key.sign(tbs_certificate.octets())?;
    let certificate = SignedCertificate {
        tbs_certificate,
        signature_algorithm: key.algorithm().identifier(),
        signature: BitString::from_bytes(&signature).map_err(Error::Encoding)?,
    };
    let octets = certificate.to_der().map_err(Error::Encoding)?;
    let certificate = EncodedCertificate::new(&octets).map_err(Error::Encoding)?;
    Ok(IssuedCertificate { certificate, serial_number })
}

/// 16 octets, of which 126 bits are random: positive, never zero, always of the same length (RFC 5280 section 4.1.2.2).
fn random_serial_number(provider: &CryptoProvider) -> Result<SerialNumber, Error> {
    let [first, rest @ ..] = provider.random::<16>()?;
    let mut octets = Vec::from([first & 0x7f | 0x40]);
    octets.extend(rest);
    SerialNumber::new(&octets).map_err(Error::Encoding)
}

/// RFC 7093 section 2, method 1: the leftmost 160 bits of the SHA-256 of the key. RFC 5280's own method needs SHA-1.
fn key_identifier(key: &PublicKey, provider: &CryptoProvider) -> Result<OctetString, Error> {
    let mut digest = provider.digest(DigestAlgorithm::Sha256, key.key_octets());
    digest.truncate(20);
    OctetString::new(digest).map_err(Error::Encoding)
}

pub(crate) fn time(time: UnixTime) -> Result<Time, Error> {
    time.to_generalized_time().map(Time::from).map_err(Error::Encoding)
}

fn unix_time(time: Time) -> UnixTime {
    UnixTime::from_secs(time.to_unix_duration().as_secs())
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.name)
    }
}
