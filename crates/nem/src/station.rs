//! What the operator enters about a station.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use asn1::EncodedCertificate;
use crypto::{CryptoProvider, DigestAlgorithm, names_match};
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

/// A station the operator has entered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Station {
    /// What the operator calls it.
    pub name: String,
    /// How its vendor certificate is known.
    pub vendor: VendorCertificate,
    /// The distinguished name its operator certificate has.
    pub subject: Name,
    /// The subjectAltNames its operator certificate may have.
    pub alternative_names: Vec<GeneralName>,
    /// The certificate profile it is for.
    pub profile: Option<String>,
    /// The groups it belongs to, by which an RA/CA is chosen.
    pub groups: Vec<String>,
    /// What it may.
    pub state: StationState,
    /// As whom it logs in where it shows no certificate.
    pub account: Option<Account>,
    /// Its address inside the IPsec tunnel, by which it is known where there is no TLS.
    pub tunnel_address: Option<IpAddr>,
}

impl Station {
    /// A station that is expected, with that name, vendor certificate and operator subject, and nothing else.
    pub const fn new(name: String, vendor: VendorCertificate, subject: Name) -> Self {
        Self {
            name,
            vendor,
            subject,
            alternative_names: Vec::new(),
            profile: None,
            groups: Vec::new(),
            state: StationState::Expected,
            account: None,
            tunnel_address: None,
        }
    }
}

/// Where a station stands in its life, as the operator sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StationState {
    /// It may ask for its first certificate.
    #[default]
    Expected,
    /// It has a certificate, and may ask for more.
    Enrolled,
    /// It gets nothing for the time being.
    Blocked,
    /// It is out of service for good, and gets nothing.
    Retired,
}

impl StationState {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Expected, Self::Enrolled, Self::Blocked, Self::Retired];

    /// Whether it may ask for certificates.
    pub const fn may_enrol(self) -> bool {
        matches!(self, Self::Expected | Self::Enrolled)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Enrolled => "enrolled",
            Self::Blocked => "blocked",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for StationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A user name, and what its password is checked against.
#[derive(Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // a user name and a hash
pub struct Account {
    /// The user name.
    pub user: String,
    /// The password's hash; whoever checks passwords says in which form.
    pub password_hash: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How a vendor certificate is recognised; all must match that are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VendorCertificate {
    /// Its subject.
    pub subject: Option<Name>,
    /// Its serial number: big-endian, without leading zeros.
    pub serial_number: Option<Vec<u8>>,
    /// Who issued it; alone it recognises nothing.
    pub issuer: Option<Name>,
    /// The SHA-256 of its DER.
    pub fingerprint: Option<[u8; 32]>,
}

impl VendorCertificate {
    /// A certificate with that subject, that serial number, or both.
    pub const fn new(subject: Option<Name>, serial_number: Option<Vec<u8>>) -> Self {
        Self { subject, serial_number, issuer: None, fingerprint: None }
    }

    /// Whether there is something to recognise a certificate by.
    pub const fn is_known(&self) -> bool {
        self.subject.is_some() || self.serial_number.is_some() || self.fingerprint.is_some()
    }

    pub(crate) fn matches(&self, shown: &ShownCertificate<'_>) -> bool {
        let tbs = shown.certificate.tbs_certificate();
        let same =
            |known: &Option<Name>, name: &Name| known.as_ref().is_none_or(|known| names_match(known, name));
        let serial = self.serial_number.as_deref();
        self.is_known()
            && same(&self.subject, tbs.subject())
            && same(&self.issuer, tbs.issuer())
            && serial.is_none_or(|serial| without_leading_zeros(serial) == shown.serial_number())
            && self.fingerprint.is_none_or(|fingerprint| fingerprint == shown.fingerprint)
    }
}

/// A certificate, and what it is looked up by.
pub(crate) struct ShownCertificate<'a> {
    pub(crate) certificate: &'a Certificate,
    pub(crate) fingerprint: [u8; 32],
}

impl<'a> ShownCertificate<'a> {
    pub(crate) fn new(
        certificate: &'a Certificate,
        octets: &EncodedCertificate,
        provider: &CryptoProvider,
    ) -> Self {
        let digest = provider.digest(DigestAlgorithm::Sha256, octets.octets());
        let mut fingerprint = [0; 32];
        fingerprint.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self { certificate, fingerprint }
    }

    pub(crate) fn serial_number(&self) -> &[u8] {
        without_leading_zeros(self.certificate.tbs_certificate().serial_number().as_bytes())
    }
}

pub(crate) fn without_leading_zeros(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}
