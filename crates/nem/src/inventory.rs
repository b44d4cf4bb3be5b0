//! Which stations there are, and what each may have.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use asn1::{EncodedCertificate, UnixTime};
use crypto::{
    CanonicalName, CertificatePath, CryptoProvider, ExtendedKeyUsage, PathError, Revocation, names_match,
};
use der::Decode;
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::error::Refusal;

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
    /// Whether it is to get nothing.
    pub blocked: bool,
}

impl Station {
    /// A station without subjectAltNames, not blocked.
    pub const fn new(name: String, vendor: VendorCertificate, subject: Name) -> Self {
        Self { name, vendor, subject, alternative_names: Vec::new(), blocked: false }
    }
}

/// How a vendor certificate is recognised; both must match where both are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VendorCertificate {
    /// Its subject.
    pub subject: Option<Name>,
    /// Its serial number: big-endian, without leading zeros.
    pub serial_number: Option<Vec<u8>>,
}

impl VendorCertificate {
    /// A certificate with that subject, that serial number, or both.
    pub const fn new(subject: Option<Name>, serial_number: Option<Vec<u8>>) -> Self {
        Self { subject, serial_number }
    }

    fn matches(&self, certificate: &Certificate) -> bool {
        let tbs = certificate.tbs_certificate();
        let subject = self.subject.as_ref().is_none_or(|subject| names_match(subject, tbs.subject()));
        let serial = self
            .serial_number
            .as_deref()
            .is_none_or(|serial| without_leading_zeros(serial) == serial_number(certificate));
        subject && serial && (self.subject.is_some() || self.serial_number.is_some())
    }
}

fn serial_number(certificate: &Certificate) -> &[u8] {
    without_leading_zeros(certificate.tbs_certificate().serial_number().as_bytes())
}

fn without_leading_zeros(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}

/// The stations, found by their certificates.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    stations: Vec<Station>,
    by_serial_number: BTreeMap<Vec<u8>, Vec<usize>>,
    by_name: BTreeMap<String, usize>,
    /// Those that are recognised by their vendor certificate's subject alone.
    by_vendor_subject: BTreeMap<CanonicalName, Vec<usize>>,
    by_operator_subject: BTreeMap<CanonicalName, usize>,
}

/// Why a list of stations is no inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InventoryError {
    /// Two stations have that name.
    DuplicateName(String),
    /// Two stations would have the same operator subject: the first and the second one's names.
    DuplicateSubject(String, String),
    /// The station has neither a vendor subject nor a vendor serial number.
    NoVendorCertificate(String),
}

impl fmt::Display for InventoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateName(name) => write!(f, "two stations are called {name}"),
            Self::DuplicateSubject(first, second) => {
                write!(f, "stations {first} and {second} have the same operator subject")
            }
            Self::NoVendorCertificate(name) => {
                write!(f, "station {name} has neither a vendor subject nor a vendor serial number")
            }
        }
    }
}

impl core::error::Error for InventoryError {}

/// The CAs that vouch for stations.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StationAnchors {
    /// The vendors' CAs: for a station's first certificate.
    pub vendor: Vec<EncodedCertificate>,
    /// The operator's CAs: for its further ones.
    pub operator: Vec<EncodedCertificate>,
    /// Whether their certificates are revoked; `None`: nobody asks.
    pub revocation: Option<Revocation>,
}

impl StationAnchors {
    /// The vendors' and the operator's CAs.
    pub const fn new(vendor: Vec<EncodedCertificate>, operator: Vec<EncodedCertificate>) -> Self {
        Self { vendor, operator, revocation: None }
    }
}

/// By what a station is to be known.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Shown<'a> {
    /// The certificate chain it showed to TLS, leaf first, and has the key for.
    Certificates(&'a [EncodedCertificate]),
}

impl<'a> Shown<'a> {
    /// The certificate of whoever shows it.
    pub const fn certificate(self) -> Option<&'a EncodedCertificate> {
        match self {
            Self::Certificates(chain) => chain.first(),
        }
    }
}

/// A station that is known for certain, is in the inventory, and is not blocked.
#[derive(Clone, Copy, Debug)]
pub struct Identified<'a> {
    station: &'a Station,
    by_operator: bool,
}

impl<'a> Identified<'a> {
    /// The station.
    pub const fn station(&self) -> &'a Station {
        self.station
    }

    /// Whether it is known by a certificate of the operator's CA, so that it asks for a further one.
    pub const fn is_by_operator(&self) -> bool {
        self.by_operator
    }
}

impl Inventory {
    /// From the stations.
    ///
    /// # Errors
    /// When two cannot be told apart, or one cannot be recognised.
    pub fn new(stations: Vec<Station>) -> Result<Self, InventoryError> {
        let mut inventory = Self::default();
        for (index, station) in stations.iter().enumerate() {
            if inventory.by_name.insert(station.name.clone(), index).is_some() {
                return Err(InventoryError::DuplicateName(station.name.clone()));
            }
            let other = inventory.by_operator_subject.insert(CanonicalName::new(&station.subject), index);
            if let Some(other) = other.and_then(|other| stations.get(other)) {
                return Err(InventoryError::DuplicateSubject(other.name.clone(), station.name.clone()));
            }
            match (&station.vendor.serial_number, &station.vendor.subject) {
                (Some(serial), _) => {
                    let serial = without_leading_zeros(serial).to_vec();
                    inventory.by_serial_number.entry(serial).or_default().push(index);
                }
                (None, Some(subject)) => {
                    let subject = CanonicalName::new(subject);
                    inventory.by_vendor_subject.entry(subject).or_default().push(index);
                }
                (None, None) => return Err(InventoryError::NoVendorCertificate(station.name.clone())),
            }
        }
        inventory.stations = stations;
        Ok(inventory)
    }

    /// The stations, in the order they were entered.
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// The station the operator calls so.
    pub fn station(&self, name: &str) -> Option<&Station> {
        self.stations.get(*self.by_name.get(name)?)
    }

    /// Finds the station that shows that. A certificate of a vendor's CA must be the one
    /// entered; one of the operator's CA must have the station's operator subject. Which CA vouches is decided by path
    /// validation, so that no vendor can make certificates that pass for the operator's.
    ///
    /// # Errors
    /// Why whoever showed it gets nothing.
    pub fn identify(
        &self,
        shown: Shown<'_>,
        anchors: &StationAnchors,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Identified<'_>, Refusal> {
        let Shown::Certificates(chain) = shown;
        let (leaf, intermediates) = chain.split_first().ok_or(Refusal::MalformedCertificate)?;
        let certificate = Certificate::from_der(leaf.octets()).map_err(|_| Refusal::MalformedCertificate)?;
        let validate = |roots: &[EncodedCertificate]| {
            provider.validate_path(&CertificatePath {
                end_entity: leaf,
                intermediates,
                anchors: roots,
                extended_key_usage: ExtendedKeyUsage::Any,
                revocation: anchors.revocation.as_ref(),
                now,
            })
        };
        let (found, by_operator) = match validate(&anchors.vendor) {
            Ok(()) => (self.by_vendor_certificate(&certificate), false),
            Err(vendor) => match validate(&anchors.operator) {
                Ok(()) => (self.by_operator_subject(certificate.tbs_certificate().subject()), true),
                Err(PathError::UnknownIssuer) => return Err(Refusal::UntrustedCertificate(vendor)),
                Err(operator) => return Err(Refusal::UntrustedCertificate(operator)),
            },
        };
        let station = found.ok_or_else(|| Refusal::UnknownStation {
            subject: certificate.tbs_certificate().subject().to_string(),
        })?;
        if station.blocked {
            return Err(Refusal::Blocked { station: station.name.clone() });
        }
        Ok(Identified { station, by_operator })
    }

    fn by_vendor_certificate(&self, certificate: &Certificate) -> Option<&Station> {
        let subject = CanonicalName::new(certificate.tbs_certificate().subject());
        let by_serial_number = self.by_serial_number.get(serial_number(certificate)).into_iter().flatten();
        let by_subject = self.by_vendor_subject.get(&subject).into_iter().flatten();
        by_serial_number
            .chain(by_subject)
            .filter_map(|index| self.stations.get(*index))
            .find(|station| station.vendor.matches(certificate))
    }

    fn by_operator_subject(&self, subject: &Name) -> Option<&Station> {
        self.stations.get(*self.by_operator_subject.get(&CanonicalName::new(subject))?)
    }
}
