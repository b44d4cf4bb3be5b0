//! What a certificate looks like: RFC 5280, and for network elements TS 33.310 section 6.1.3 with RFC 4945 section 5.1.

mod names;

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::oids::{rfc4945, rfc5280, rfc5912, rfc6402, rfc8410, rfc9881};
use cmp::PkiFailureInfo;
use const_oid::{AssociatedOid, ObjectIdentifier};
use crypto::{KeyKind, PublicKey};
use der::asn1::{Null, OctetString};
use der::flagset::FlagSet;
use der::{Any, DecodeOwned, Encode};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName};
use x509_cert::name::Name;

use crate::{CertificateContents, Error};
pub use names::{AlternativeNamesRule, SubjectRule};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A kind of certificate: what it is for, whose names and keys it has, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// The name that requests and operators use.
    pub name: Cow<'static, str>,
    /// How long its certificates are valid, unless the CA's own ends before.
    pub validity: Duration,
    /// Its extKeyUsage; empty: the extension is not there.
    pub purposes: Cow<'static, [ObjectIdentifier]>,
    /// Which subjects it has.
    pub subject: SubjectRule,
    /// Which names in subjectAltName it has.
    pub alternative_names: AlternativeNamesRule,
    /// The only keys it has, RSA keys of that length or more; `None`: any that can be verified.
    pub keys: Option<Vec<KeyKind>>,
    /// Its keyUsage, as far as the key allows it; `None`: digitalSignature, for RSA keys keyEncipherment as well, and for a CA's what
    /// a CA needs.
    pub key_usage: Option<FlagSet<KeyUsages>>,
    /// pathLenConstraint of a CA's certificate; `None`: it is none.
    pub path_length: Option<u8>,
}

impl Profile {
    /// `ne`: a network element's, for IKEv2 and TLS. One year.
    pub const NE: Self = Self::ready_made(
        "ne",
        365,
        &[rfc5280::KP_SERVER_AUTH, rfc5280::KP_CLIENT_AUTH, rfc4945::KP_IPSEC_IKE],
    );
    /// `ra`: a NEM's, to sign CMP messages as a registration authority. Two years.
    pub const RA: Self = Self::ready_made("ra", 730, &[rfc6402::KP_CMC_RA, rfc5280::KP_CLIENT_AUTH]);
    /// `tls-server`: a TLS server's. One year.
    pub const TLS_SERVER: Self =
        Self::ready_made("tls-server", 365, &[rfc5280::KP_SERVER_AUTH, rfc5280::KP_CLIENT_AUTH]);
    /// `cmp`: the CA's own, to sign CMP messages. Five years.
    pub const CMP: Self = Self::ready_made("cmp", 1826, &[rfc6402::KP_CMC_CA]);

    /// `cross-ca`: another CA's, whose certificates are then believed by whoever believes this one (RFC 9810 section 5.3.11). Three
    /// years. Had by ccr only.
    pub const CROSS_CA: Self = Self::ready_made("cross-ca", 1096, &[]);

    const fn ready_made(name: &'static str, days: u32, purposes: &'static [ObjectIdentifier]) -> Self {
        Self {
            name: Cow::Borrowed(name),
            validity: DAY.saturating_mul(days),
            purposes: Cow::Borrowed(purposes),
            subject: SubjectRule::ANY,
            alternative_names: AlternativeNamesRule::ANY,
            keys: None,
            key_usage: None,
            path_length: None,
        }
    }

    /// The ready-made profiles that others may have.
    pub const ALL: [Self; 3] = [Self::NE, Self::RA, Self::TLS_SERVER];

    /// The profile of [`Profile::ALL`] with that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name == name)
    }

    /// Fits a request into the profile: of what it asks for, what the profile has. The flag says whether the outcome
    /// differs from the request (grantedWithMods, RFC 9810 section 5.2.3).
    ///
    /// Only subjectAltName, keyUsage and extKeyUsage can be asked for; whether it is a CA's certificate the profile alone says.
    ///
    /// # Errors
    /// When one of these is malformed, a name or the key is none that the profile has, or there would be no name at all.
    pub fn fit(
        &self,
        subject: Name,
        public_key: &PublicKey,
        requested: &[Extension],
    ) -> Result<(CertificateContents, bool), Error> {
        self.check_key(public_key.kind())?;
        let usable = self.key_usage(public_key.kind());
        let (key_usage, key_usage_modified) = match find::<KeyUsage>(requested)? {
            Some(asked) if (asked.0 & usable).is_empty() => (usable, true),
            Some(asked) => (asked.0 & usable, asked.0 & usable != asked.0),
            None => (usable, false),
        };
        let (purposes, purposes_modified) = self.purposes(find::<ExtendedKeyUsage>(requested)?);
        let (names, names_modified) = self.alternative_names.fit(requested)?;
        self.subject.check(&subject)?;
        if subject.is_empty() && names.is_empty() {
            return Err(Error::policy(
                PkiFailureInfo::BAD_CERT_TEMPLATE,
                "the request has neither a subject nor a subjectAltName that can be certified",
            ));
        }

        let mut extensions = Vec::from([extension(true, &KeyUsage(key_usage))?]);
        if let Some(length) = self.path_length {
            extensions
                .push(extension(true, &BasicConstraints { ca: true, path_len_constraint: Some(length) })?);
        }
        if !purposes.is_empty() {
            extensions.push(extension(false, &ExtendedKeyUsage(purposes))?);
        }
        if !names.is_empty() {
            extensions.push(extension(subject.is_empty(), &SubjectAltName(names))?);
        }
        let ignored = requested.iter().any(|extension| !CAN_BE_ASKED_FOR.contains(&extension.extn_id));
        let modified = ignored || key_usage_modified || purposes_modified || names_modified;
        let contents = CertificateContents::new(subject, public_key.clone(), extensions, self.validity);
        Ok((contents, modified))
    }

    /// The same for a key whose possession is proved by deciphering only: it does not get to sign.
    pub(crate) fn for_key_management(&self, key: KeyKind) -> Self {
        let usage = match key {
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => KeyUsages::KeyAgreement,
            _ => KeyUsages::KeyEncipherment,
        };
        Self { key_usage: Some(usage.into()), ..self.clone() }
    }

    fn check_key(&self, key: KeyKind) -> Result<(), Error> {
        let is_it = |allowed: &KeyKind| match (*allowed, key) {
            (KeyKind::Rsa { bits: least }, KeyKind::Rsa { bits }) => bits >= least,
            (allowed, key) => allowed == key,
        };
        if self.keys.as_ref().is_none_or(|allowed| allowed.iter().any(is_it)) {
            return Ok(());
        }
        Err(Error::policy(PkiFailureInfo::BAD_ALG, "the profile has no keys of that kind or length"))
    }

    /// RSA keys may also encipher keys: TLS 1.2 and IKEv1 peers still ask for it. ML-KEM keys do nothing else (RFC 9935 section 5).
    fn key_usage(&self, key: KeyKind) -> FlagSet<KeyUsages> {
        let enciphers = KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment;
        let encapsulates = matches!(key, KeyKind::MlKem512 | KeyKind::MlKem768 | KeyKind::MlKem1024);
        match (self.key_usage, key, self.path_length) {
            _ if encapsulates => KeyUsages::KeyEncipherment.into(),
            (Some(usage), KeyKind::Rsa { .. }, _) => usage,
            (Some(usage), ..) => usage & !enciphers,
            (None, _, Some(_)) => ca_key_usage(),
            (None, KeyKind::Rsa { .. }, None) => KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment,
            (None, _, None) => KeyUsages::DigitalSignature.into(),
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

/// The extensions of a root's certificate.
pub(crate) fn ca_extensions(path_length: Option<u8>) -> Result<Vec<Extension>, Error> {
    Ok(Vec::from([
        extension(true, &BasicConstraints { ca: true, path_len_constraint: path_length })?,
        extension(true, &KeyUsage(ca_key_usage()))?,
    ]))
}

/// The extensions of another CA's certificate.
pub(crate) fn cross_ca_extensions(path_length: u8) -> Result<Vec<Extension>, Error> {
    Ok(Vec::from([
        extension(true, &BasicConstraints { ca: true, path_len_constraint: Some(path_length) })?,
        extension(true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))?,
    ]))
}

/// A CA may sign messages too (RFC 9483 section 3.2).
fn ca_key_usage() -> FlagSet<KeyUsages> {
    KeyUsages::DigitalSignature | KeyUsages::KeyCertSign | KeyUsages::CRLSign
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
