//! What a certificate looks like: RFC 5280, and for network elements TS 33.310 section 6.1.3 with RFC 4945 section 5.1.

use alloc::vec::Vec;
use core::time::Duration;

use asn1::oids::{rfc4945, rfc5280, rfc5912, rfc6402, rfc8410, rfc9881};
use cmp::PkiFailureInfo;
use const_oid::{AssociatedOid, ObjectIdentifier};
use crypto::{KeyKind, PublicKey};
use der::asn1::{Ia5String, Null, OctetString};
use der::flagset::FlagSet;
use der::{Any, DecodeOwned, Encode};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName};
use x509_cert::name::Name;

use crate::{CertificateContents, Error};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A kind of certificate: what it is for, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// The name that requests and operators use.
    pub name: &'static str,
    /// How long its certificates are valid, unless the CA's own ends before.
    pub validity: Duration,
    purposes: &'static [ObjectIdentifier],
}

impl Profile {
    /// `ne`: a network element's, for IKEv2 and TLS. One year.
    pub const NE: Self = Self {
        name: "ne",
        validity: DAY.saturating_mul(365),
        purposes: &[rfc5280::KP_SERVER_AUTH, rfc5280::KP_CLIENT_AUTH, rfc4945::KP_IPSEC_IKE],
    };
    /// `ra`: a NEM's, to sign CMP messages as a registration authority. Two years.
    pub const RA: Self = Self {
        name: "ra",
        validity: DAY.saturating_mul(730),
        purposes: &[rfc6402::KP_CMC_RA, rfc5280::KP_CLIENT_AUTH],
    };
    /// `tls-server`: a TLS server's. One year.
    pub const TLS_SERVER: Self = Self {
        name: "tls-server",
        validity: DAY.saturating_mul(365),
        purposes: &[rfc5280::KP_SERVER_AUTH, rfc5280::KP_CLIENT_AUTH],
    };
    /// `cmp`: the CA's own, to sign CMP messages. Five years.
    pub const CMP: Self =
        Self { name: "cmp", validity: DAY.saturating_mul(1826), purposes: &[rfc6402::KP_CMC_CA] };

    /// The profiles that operators can issue under.
    pub const ALL: [Self; 3] = [Self::NE, Self::RA, Self::TLS_SERVER];

    /// The profile of [`Profile::ALL`] with that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name == name)
    }

    /// Fits a request into the profile: of what it asks for, what the profile has. The flag says whether the outcome
    /// differs from the request (grantedWithMods, RFC 9810 section 5.2.3).
    ///
    /// Only subjectAltName, keyUsage and extKeyUsage can be asked for; a CA certificate never can.
    ///
    /// # Errors
    /// When one of these is malformed, or there would be no name at all.
    pub fn fit(
        &self,
        subject: Name,
        public_key: &PublicKey,
        requested: &[Extension],
    ) -> Result<(CertificateContents, bool), Error> {
        let usable = self.key_usage(public_key.kind());
        let (key_usage, key_usage_modified) = match find::<KeyUsage>(requested)? {
            Some(asked) if (asked.0 & usable).is_empty() => (usable, true),
            Some(asked) => (asked.0 & usable, asked.0 & usable != asked.0),
            None => (usable, false),
        };
        let (purposes, purposes_modified) = self.purposes(find::<ExtendedKeyUsage>(requested)?);
        let (names, names_modified) = alternative_names(requested)?;
        if subject.is_empty() && names.is_empty() {
            return Err(Error::policy(
                PkiFailureInfo::BAD_CERT_TEMPLATE,
                "the request has neither a subject nor a subjectAltName that can be certified",
            ));
        }

        let mut extensions = Vec::from([
            extension(true, &KeyUsage(key_usage))?,
            extension(false, &ExtendedKeyUsage(purposes))?,
        ]);
        if !names.is_empty() {
            extensions.push(extension(subject.is_empty(), &SubjectAltName(names))?);
        }
        let ignored = requested.iter().any(|extension| !CAN_BE_ASKED_FOR.contains(&extension.extn_id));
        let modified = ignored || key_usage_modified || purposes_modified || names_modified;
        let contents = CertificateContents::new(subject, public_key.clone(), extensions, self.validity);
        Ok((contents, modified))
    }

    /// RSA keys may also encipher keys: TLS 1.2 and IKEv1 peers still ask for it. ML-KEM keys do nothing else (RFC 9935 section 5).
    fn key_usage(&self, key: KeyKind) -> FlagSet<KeyUsages> {
        match key {
            KeyKind::Rsa { .. } => KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment,
            KeyKind::MlKem512 | KeyKind::MlKem768 | KeyKind::MlKem1024 => KeyUsages::KeyEncipherment.into(),
            _ => KeyUsages::DigitalSignature.into(),
        }
    }

    /// The purposes asked for that the profile has, or all it has.
    fn purposes(&self, asked: Option<ExtendedKeyUsage>) -> (Vec<ObjectIdentifier>, bool) {
        let Some(asked) = asked else { return (self.purposes.to_vec(), false) };
        let granted: Vec<_> =
            self.purposes.iter().copied().filter(|purpose| asked.0.contains(purpose)).collect();
        if granted.is_empty() {
            return (self.purposes.to_vec(), true);
        }
        let modified = granted.len() != asked.0.len();
        (granted, modified)
    }
}

const CAN_BE_ASKED_FOR: [ObjectIdentifier; 3] =
    [rfc5280::SUBJECT_ALT_NAME, rfc5280::KEY_USAGE, rfc5280::EXTENDED_KEY_USAGE];

/// The names asked for that can be certified: host names and addresses (RFC 4945 section 5.1.3.6), well-formed.
fn alternative_names(requested: &[Extension]) -> Result<(Vec<GeneralName>, bool), Error> {
    let asked = find::<SubjectAltName>(requested)?.map(|names| names.0).unwrap_or_default();
    let count = asked.len();
    let mut names = Vec::new();
    for name in asked {
        let well_formed = match &name {
            GeneralName::DnsName(name) => is_host_name(name),
            GeneralName::IpAddress(address) => matches!(address.as_bytes().len(), 4 | 16),
            _ => continue,
        };
        if !well_formed {
            return Err(Error::policy(
                PkiFailureInfo::BAD_CERT_TEMPLATE,
                "a dNSName or iPAddress in subjectAltName is malformed",
            ));
        }
        names.push(name);
    }
    let modified = names.len() != count;
    Ok((names, modified))
}

/// RFC 1123 section 2.1: labels of letters, digits and hyphens. Wildcards are nobody's name.
fn is_host_name(name: &Ia5String) -> bool {
    let name = name.as_str();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// The names in the subjectAltName of a certificate or request.
///
/// # Errors
/// When the extension is malformed.
pub(crate) fn subject_alt_names(extensions: &[Extension]) -> Result<Vec<GeneralName>, Error> {
    Ok(find::<SubjectAltName>(extensions)?.map(|names| names.0).unwrap_or_default())
}

fn find<T: AssociatedOid + DecodeOwned<Error = der::Error>>(
    extensions: &[Extension],
) -> Result<Option<T>, Error> {
    let found = extensions.iter().find(|extension| extension.extn_id == T::OID);
    found.map(|extension| T::from_der(extension.extn_value.as_bytes())).transpose().map_err(|_| {
        Error::policy(PkiFailureInfo::BAD_CERT_TEMPLATE, "an extension asked for has a malformed value")
    })
}

pub(crate) fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> Result<Extension, Error> {
    let octets = value.to_der().map_err(Error::Encoding)?;
    let extn_value = OctetString::new(octets).map_err(Error::Encoding)?;
    Ok(Extension { extn_id: T::OID, critical, extn_value })
}

/// The extensions of a CA's certificate that issues to end entities only. It may sign messages too (RFC 9483
/// section 3.2).
pub(crate) fn ca_extensions() -> Result<Vec<Extension>, Error> {
    let usage = KeyUsages::DigitalSignature | KeyUsages::KeyCertSign | KeyUsages::CRLSign;
    Ok(Vec::from([
        extension(true, &BasicConstraints { ca: true, path_len_constraint: Some(0) })?,
        extension(true, &KeyUsage(usage))?,
    ]))
}

/// The elliptic curves whose keys are certified.
pub(crate) fn curves() -> impl Iterator<Item = AlgorithmIdentifierOwned> {
    [rfc5912::SECP256R1, rfc5912::SECP384R1, rfc5912::SECP521R1].into_iter().map(|curve| {
        AlgorithmIdentifierOwned { oid: rfc5912::EC_PUBLIC_KEY, parameters: Some(Any::from(curve)) }
    })
}

/// The other keys that are certified.
pub(crate) fn other_keys() -> impl Iterator<Item = AlgorithmIdentifierOwned> {
    let plain = [rfc8410::ED25519, rfc9881::ML_DSA_44, rfc9881::ML_DSA_65, rfc9881::ML_DSA_87];
    let rsa = AlgorithmIdentifierOwned { oid: rfc5912::RSA_ENCRYPTION, parameters: Some(Any::from(Null)) };
    core::iter::once(rsa)
        .chain(plain.into_iter().map(|oid| AlgorithmIdentifierOwned { oid, parameters: None }))
}
