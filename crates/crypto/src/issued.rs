use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use asn1::oids::{rfc4945, rfc5280};
use const_oid::ObjectIdentifier;
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};
use x509_cert::name::Name;

use crate::{CertificatePath, CryptoProvider, KeyUse, PathError, alternative_names_match, names_match};

/// What a base station asked for; the certificate that comes back is held against it, by the station itself and by the NEM.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)] // parameters of one call; a new one must be thought about at every caller
pub struct Requested<'a> {
    /// The SubjectPublicKeyInfo's DER octets.
    pub public_key: &'a [u8],
    /// The subject. Any will do when there is none, or it is the NULL-DN: TS 33.310 lets the RA/CA choose the name then.
    pub subject: Option<&'a Name>,
    /// The extensions; of these, subjectAltName counts.
    pub extensions: &'a [Extension],
    /// What the key is for.
    pub key_use: KeyUse,
}

impl Requested<'_> {
    /// Checks that a certificate is the one that was asked for and of use to a base station (RFC 9483 section 4.1.1, TS 33.310
    /// section 6.1.3), and decodes it:
    ///
    /// * it is for the key of the request, its subject is the one asked for, and no alternative name is missing;
    /// * it is an X.509 v3 certificate of an end entity, with a positive serial number of at most 20 octets (RFC 5280 section
    ///   4.1.2.2);
    /// * it may do what its key is for, and extKeyUsage, where it is there, allows IKEv2 or TLS;
    /// * its path leads to one of the anchors, and is valid now.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn check(
        &self,
        path: &CertificatePath<'_>,
        provider: &CryptoProvider,
    ) -> Result<Certificate, CertificateFault> {
        let certificate = self.check_content(path.end_entity.octets())?;
        provider.validate_path_for(self.key_use, path).map_err(CertificateFault::Path)?;
        Ok(*certificate)
    }

    /// Boxed, and its frame gone, before signatures are verified, which takes most of a station's stack.
    #[inline(never)]
    fn check_content(&self, certificate: &[u8]) -> Result<Box<Certificate>, CertificateFault> {
        let malformed = |_| CertificateFault::Malformed;
        let certificate = Certificate::from_der(certificate).map(Box::new).map_err(malformed)?;
        let tbs = certificate.tbs_certificate();
        if tbs.subject_public_key_info().to_der().map_err(malformed)? != self.public_key {
            return Err(CertificateFault::OtherPublicKey);
        }
        self.check_names(tbs)?;
        check_profile(tbs, self.key_use)?;
        Ok(certificate)
    }

    fn check_names(&self, tbs: &TbsCertificate) -> Result<(), CertificateFault> {
        if let Some(asked) = self.subject.filter(|subject| !subject.is_empty())
            && !names_match(asked, tbs.subject())
        {
            let (asked, got) = (asked.clone(), tbs.subject().clone());
            return Err(CertificateFault::OtherSubject { asked, got });
        }
        let got = alternative_names(tbs.extensions().map_or(&[], Vec::as_slice))?;
        let missing = alternative_names(self.extensions)?
            .into_iter()
            .find(|asked| !got.iter().any(|got| alternative_names_match(asked, got)));
        missing.map_or(Ok(()), |name| Err(CertificateFault::MissingAlternativeName(name)))
    }
}

fn alternative_names(extensions: &[Extension]) -> Result<Vec<GeneralName>, CertificateFault> {
    let mut names = Vec::new();
    for extension in extensions.iter().filter(|extension| extension.extn_id == rfc5280::SUBJECT_ALT_NAME) {
        let value = SubjectAltName::from_der(extension.extn_value.as_bytes());
        names.extend(value.map_err(|_| CertificateFault::Malformed)?.0);
    }
    Ok(names)
}

fn check_profile(tbs: &TbsCertificate, key_use: KeyUse) -> Result<(), CertificateFault> {
    let malformed = |_| CertificateFault::Malformed;
    if tbs.version() != Version::V3 {
        return Err(CertificateFault::Version);
    }
    let serial = tbs.serial_number().as_bytes();
    let negative = serial.first().is_none_or(|octet| octet & 0x80 != 0);
    if negative || serial.len() > 20 || serial.iter().all(|octet| *octet == 0) {
        return Err(CertificateFault::SerialNumber);
    }
    let constraints = tbs.get_extension::<BasicConstraints>().map_err(malformed)?;
    let usage = tbs.get_extension::<KeyUsage>().map_err(malformed)?;
    let usage = usage.map(|(_, usage)| usage);
    let certifies = usage.as_ref().is_some_and(KeyUsage::key_cert_sign);
    if certifies || constraints.is_some_and(|(_, constraints)| constraints.ca) {
        return Err(CertificateFault::CertificationAuthority);
    }
    if usage.is_some_and(|usage| !key_use.is_allowed_by(&usage)) {
        return Err(CertificateFault::Purpose);
    }
    let purposes = tbs.get_extension::<ExtendedKeyUsage>().map_err(malformed)?;
    if purposes.is_some_and(|(_, purposes)| !purposes.0.iter().any(|purpose| PURPOSES.contains(purpose))) {
        return Err(CertificateFault::Purpose);
    }
    Ok(())
}

/// What a base station does with its certificate: IKEv2 with the security gateway, TLS with the NEM.
const PURPOSES: [ObjectIdentifier; 4] = [
    rfc4945::KP_IPSEC_IKE,
    rfc5280::KP_CLIENT_AUTH,
    rfc5280::KP_SERVER_AUTH,
    rfc5280::ANY_EXTENDED_KEY_USAGE,
];

/// Why a certificate that came back is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It is no certificate, or an extension in it or in the request is malformed.
    Malformed,
    /// It is for another key than the request's.
    OtherPublicKey,
    /// It has another subject.
    OtherSubject {
        /// The one asked for.
        asked: Name,
        /// The one in the certificate.
        got: Name,
    },
    /// It lacks a subjectAltName that was asked for.
    MissingAlternativeName(GeneralName),
    /// It is not X.509 v3.
    Version,
    /// Its serial number is zero, negative or longer than 20 octets.
    SerialNumber,
    /// It is a CA's certificate.
    CertificationAuthority,
    /// keyUsage or extKeyUsage allow nothing that a base station does.
    Purpose,
    /// It is not valid, or not for whoever believes in these anchors.
    Path(PathError),
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the certificate is malformed"),
            Self::OtherPublicKey => f.write_str("the certificate is for another key than the request's"),
            Self::OtherSubject { asked, got } => {
                write!(f, "the certificate is for {got}; {asked} was asked for")
            }
            Self::MissingAlternativeName(GeneralName::DnsName(name)) => {
                write!(f, "the certificate lacks the alternative name {}", name.as_str().escape_debug())
            }
            Self::MissingAlternativeName(_) => {
                f.write_str("the certificate lacks an alternative name that was asked for")
            }
            Self::Version => f.write_str("the certificate is not X.509 v3"),
            Self::SerialNumber => {
                f.write_str("the certificate's serial number is zero, negative or longer than 20 octets")
            }
            Self::CertificationAuthority => {
                f.write_str("the certificate is a CA's; a base station must not issue certificates")
            }
            Self::Purpose => f.write_str(
                "the certificate's keyUsage or extKeyUsage allow neither IKEv2 nor TLS, for which a base station needs it",
            ),
            Self::Path(error) => write!(f, "the certificate is not valid: {error}"),
        }
    }
}

impl core::error::Error for CertificateFault {}
