//! CertTemplate, RFC 4211 section 5.

use alloc::vec::Vec;

use crypto::PublicKey;
use der::Sequence;
use der::asn1::BitString;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::certificate::Version;
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

use crate::{Error, Universal};

/// How many extensions a request may ask for.
pub const MAX_EXTENSIONS: usize = 32;

/// What a certificate shall hold; in a revocation request, which certificate is meant.
///
/// ```text
/// CertTemplate ::= SEQUENCE {
///   version      [0] Version              OPTIONAL,
///   serialNumber [1] INTEGER              OPTIONAL,
///   signingAlg   [2] AlgorithmIdentifier  OPTIONAL,
///   issuer       [3] EXPLICIT Name        OPTIONAL,
///   validity     [4] OptionalValidity     OPTIONAL,
///   subject      [5] EXPLICIT Name        OPTIONAL,
///   publicKey    [6] SubjectPublicKeyInfo OPTIONAL,
///   issuerUID    [7] UniqueIdentifier     OPTIONAL,
///   subjectUID   [8] UniqueIdentifier     OPTIONAL,
///   extensions   [9] Extensions           OPTIONAL }
/// ```
///
/// RFC 4211 section 5; tags are implicit where nothing else is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Sequence)]
#[non_exhaustive]
pub struct CertTemplate {
    /// v3 or absent in a request.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub version: Option<Version>,
    /// Absent in a request; names the certificate in a revocation request.
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub serial_number: Option<SerialNumber>,
    /// Absent in a request, unless a CA asks for cross-certification.
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    pub signing_alg: Option<AlgorithmIdentifierOwned>,
    /// The CA that shall issue the certificate, or has issued it.
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    pub issuer: Option<Name>,
    /// When the certificate shall be valid.
    #[asn1(context_specific = "4", tag_mode = "IMPLICIT", optional = "true")]
    pub validity: Option<OptionalValidity>,
    /// The subject asked for. A NULL-DN is a subject too: the name then stands in subjectAltName.
    #[asn1(context_specific = "5", tag_mode = "EXPLICIT", optional = "true")]
    pub subject: Option<Name>,
    /// The key to be certified.
    #[asn1(context_specific = "6", tag_mode = "IMPLICIT", optional = "true")]
    pub public_key: Option<Universal<SubjectPublicKeyInfoOwned>>,
    /// Absent.
    #[asn1(context_specific = "7", tag_mode = "IMPLICIT", optional = "true")]
    pub issuer_uid: Option<BitString>,
    /// Absent.
    #[asn1(context_specific = "8", tag_mode = "IMPLICIT", optional = "true")]
    pub subject_uid: Option<BitString>,
    /// The extensions asked for.
    #[asn1(context_specific = "9", tag_mode = "IMPLICIT", optional = "true")]
    pub extensions: Option<Vec<Extension>>,
}

impl CertTemplate {
    /// The key to be certified, as the DER SubjectPublicKeyInfo that it is under its universal tag. Neither its strength
    /// nor its possession is checked yet.
    ///
    /// # Errors
    /// [`Error::MissingPublicKey`] when there is none.
    pub fn public_key_octets(&self) -> Result<Vec<u8>, Error> {
        self.spki().map(|spki| spki.octets().to_vec())
    }

    /// Whether the CA is to generate the key: there is none, or one of a certain kind without octets (RFC 9810 section
    /// 5.3.4).
    pub fn asks_for_key_generation(&self) -> bool {
        self.public_key.as_ref().is_none_or(|key| key.value().subject_public_key.raw_bytes().is_empty())
    }

    /// The extensions asked for; none when the field is absent.
    pub fn extensions(&self) -> &[Extension] {
        self.extensions.as_deref().unwrap_or_default()
    }

    pub(crate) fn spki(&self) -> Result<&Universal<SubjectPublicKeyInfoOwned>, Error> {
        self.public_key.as_ref().ok_or(Error::MissingPublicKey)
    }

    /// Whether a certificate can be asked for so (RFC 4211 section 5, RFC 9483 section 4.1.1): returns its key, which
    /// is strong enough.
    pub(crate) fn inspect(&self) -> Result<PublicKey, Error> {
        match self.signing_alg {
            Some(_) => Err(Error::UnexpectedField("signingAlg")),
            None => self.inspect_fields(),
        }
    }

    /// Whether a CA can ask for cross-certification so (RFC 9810 appendix D.6): returns its key, which is strong enough.
    pub(crate) fn inspect_cross_certification(&self) -> Result<PublicKey, Error> {
        let validity = self.validity.as_ref();
        let needed = [
            ("signingAlg", self.signing_alg.is_some()),
            ("issuer", self.issuer.as_ref().is_some_and(|issuer| !issuer.is_empty())),
            ("notBefore", validity.is_some_and(|validity| validity.not_before.is_some())),
            ("notAfter", validity.is_some_and(|validity| validity.not_after.is_some())),
            ("subject", self.subject.as_ref().is_some_and(|subject| !subject.is_empty())),
        ];
        match needed.into_iter().find(|(_, present)| !present) {
            Some((field, _)) => Err(Error::MissingField(field)),
            None => self.inspect_fields(),
        }
    }

    /// Whether a certificate for a key that is yet to be generated can be asked for so (RFC 9483 section 4.1.6).
    pub(crate) fn inspect_key_generation(&self) -> Result<(), Error> {
        match self.signing_alg {
            Some(_) => Err(Error::UnexpectedField("signingAlg")),
            None if !self.asks_for_key_generation() => Err(Error::UnexpectedField("publicKey")),
            None => self.inspect_all_but_key(),
        }
    }

    fn inspect_fields(&self) -> Result<PublicKey, Error> {
        self.inspect_all_but_key()?;
        PublicKey::from_spki_der(self.spki()?.octets()).map_err(Error::PublicKey)
    }

    fn inspect_all_but_key(&self) -> Result<(), Error> {
        if self.version.is_some_and(|version| version != Version::V3) {
            return Err(Error::Version);
        }
        let unasked = [
            ("serialNumber", self.serial_number.is_some()),
            ("issuerUID", self.issuer_uid.is_some()),
            ("subjectUID", self.subject_uid.is_some()),
        ];
        if let Some((field, _)) = unasked.into_iter().find(|(_, present)| *present) {
            return Err(Error::UnexpectedField(field));
        }
        if self.validity.as_ref().is_some_and(OptionalValidity::is_empty) {
            return Err(Error::EmptyValidity);
        }
        if self.extensions.as_ref().is_some_and(Vec::is_empty) {
            return Err(Error::EmptyList("extensions"));
        }
        inspect_extensions(self.extensions())
    }
}

/// No extension may be there twice (RFC 5280 section 4.2).
fn inspect_extensions(extensions: &[Extension]) -> Result<(), Error> {
    if extensions.len() > MAX_EXTENSIONS {
        return Err(Error::TooManyExtensions { count: extensions.len(), limit: MAX_EXTENSIONS });
    }
    let mut rest = extensions;
    while let [first, others @ ..] = rest {
        if others.iter().any(|other| other.extn_id == first.extn_id) {
            return Err(Error::DuplicateExtension(first.extn_id));
        }
        rest = others;
    }
    Ok(())
}

/// When a certificate shall be valid.
///
/// ```text
/// OptionalValidity ::= SEQUENCE {
///   notBefore [0] EXPLICIT Time OPTIONAL,
///   notAfter  [1] EXPLICIT Time OPTIONAL }
/// ```
///
/// RFC 4211 section 5: at least one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Sequence)]
#[non_exhaustive]
pub struct OptionalValidity {
    /// From then on.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub not_before: Option<Time>,
    /// Until then.
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub not_after: Option<Time>,
}

impl OptionalValidity {
    /// From the bounds; one of them is required.
    pub const fn new(not_before: Option<Time>, not_after: Option<Time>) -> Self {
        Self { not_before, not_after }
    }

    const fn is_empty(&self) -> bool {
        self.not_before.is_none() && self.not_after.is_none()
    }
}
