//! Which stations there are, and which of them somebody is.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::net::IpAddr;

use asn1::{EncodedCertificate, UnixTime};
use crypto::{
    CertificatePath, CryptoProvider, ExtendedKeyUsage, PathError, Revocation, hash_name, names_match,
};
use der::Decode;
use x509_cert::Certificate;
use x509_cert::name::Name;

use crate::error::Refusal;
use crate::index::Index;
use crate::station::{ShownCertificate, Station, StationState, without_leading_zeros};

/// The stations, found by whatever they are known by. It is made for a million of them: the indices hold positions only.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    stations: Vec<Station>,
    by_name: Index,
    by_operator_subject: Index,
    by_account: Index,
    by_tunnel_address: Index,
    by_fingerprint: Index,
    /// Those that have no fingerprint.
    by_serial_number: Index,
    /// Those that are recognised by their vendor certificate's subject, with its issuer or without.
    by_vendor_subject: Index,
}

/// Why a list of stations is no inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InventoryError {
    /// Two stations have that name.
    DuplicateName(String),
    /// Two stations would have the same operator subject: the first and the second one's names.
    DuplicateSubject(String, String),
    /// Two stations have the same account.
    DuplicateAccount(String, String),
    /// Two stations have the same tunnel address.
    DuplicateTunnelAddress(String, String),
    /// The station cannot be recognised by anything.
    NoVendorCertificate(String),
}

impl fmt::Display for InventoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateName(name) => write!(f, "two stations are called {name}"),
            Self::DuplicateSubject(first, second) => {
                write!(f, "stations {first} and {second} have the same operator subject")
            }
            Self::DuplicateAccount(first, second) => {
                write!(f, "stations {first} and {second} have the same account")
            }
            Self::DuplicateTunnelAddress(first, second) => {
                write!(f, "stations {first} and {second} have the same tunnel address")
            }
            Self::NoVendorCertificate(name) => write!(
                f,
                "station {name} has neither a vendor subject nor a vendor serial number, and no fingerprint, account or \
                 tunnel address either"
            ),
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
    /// The user name it logged in with; its password was found to be right.
    Account(&'a str),
    /// Its address. Whoever says so vouches that it is one inside the IPsec tunnel, which nobody else can take.
    TunnelAddress(IpAddr),
}

impl<'a> Shown<'a> {
    /// The certificate of whoever shows it, if it shows one.
    pub const fn certificate(self) -> Option<&'a EncodedCertificate> {
        match self {
            Self::Certificates(chain) => chain.first(),
            _ => None,
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
        let known = |station: &Station| {
            station.vendor.is_known() || station.account.is_some() || station.tunnel_address.is_some()
        };
        if let Some(unknown) = stations.iter().find(|station| !known(station)) {
            return Err(InventoryError::NoVendorCertificate(unknown.name.clone()));
        }
        let names = |(first, second): (&Station, &Station)| (first.name.clone(), second.name.clone());
        let by_name = Index::new(&stations, name);
        if let Some((station, _)) = by_name.duplicate(&stations, name) {
            return Err(InventoryError::DuplicateName(station.name.clone()));
        }
        let by_operator_subject = Index::new(&stations, operator_subject);
        if let Some(two) = by_operator_subject.duplicate(&stations, operator_subject).map(names) {
            return Err(InventoryError::DuplicateSubject(two.0, two.1));
        }
        let by_account = Index::new(&stations, user);
        if let Some(two) = by_account.duplicate(&stations, user).map(names) {
            return Err(InventoryError::DuplicateAccount(two.0, two.1));
        }
        let by_tunnel_address = Index::new(&stations, tunnel_address);
        if let Some(two) = by_tunnel_address.duplicate(&stations, tunnel_address).map(names) {
            return Err(InventoryError::DuplicateTunnelAddress(two.0, two.1));
        }
        Ok(Self {
            by_name,
            by_operator_subject,
            by_account,
            by_tunnel_address,
            by_fingerprint: Index::new(&stations, fingerprint),
            by_serial_number: Index::new(&stations, serial_number),
            by_vendor_subject: Index::new(&stations, vendor_subject),
            stations,
        })
    }

    /// The stations, in the order they were entered.
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// The station the operator calls so.
    pub fn station(&self, name: &str) -> Option<&Station> {
        self.stations.get(self.position(name)?)
    }

    /// Where that station stands among [`stations`](Self::stations).
    pub fn position(&self, station: &str) -> Option<usize> {
        self.by_name
            .find(&self.stations, &station, |one| one.name == station)
            .next()
            .map(|(position, _)| position)
    }

    /// The station with that user name.
    pub fn account(&self, wanted: &str) -> Option<&Station> {
        self.by_account
            .find(&self.stations, &wanted, |one| user(one) == Some(wanted))
            .next()
            .map(|(_, station)| station)
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
        let (station, by_operator) = match shown {
            Shown::Certificates(chain) => self.by_certificates(chain, anchors, provider, now)?,
            Shown::Account(user) => {
                let unknown = || Refusal::UnknownAccount { user: user.to_string() };
                (self.account(user).ok_or_else(unknown)?, false)
            }
            Shown::TunnelAddress(address) => {
                let address = address.to_canonical();
                let found = self
                    .by_tunnel_address
                    .find(&self.stations, &address, |one| tunnel_address(one) == Some(address))
                    .next();
                let (_, found) = found.ok_or(Refusal::UnknownAddress { address })?;
                (found, false)
            }
        };
        match station.state {
            StationState::Blocked => Err(Refusal::Blocked { station: station.name.clone() }),
            StationState::Retired => Err(Refusal::Retired { station: station.name.clone() }),
            _ => Ok(Identified { station, by_operator }),
        }
    }

    fn by_certificates(
        &self,
        chain: &[EncodedCertificate],
        anchors: &StationAnchors,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(&Station, bool), Refusal> {
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
        let subject = certificate.tbs_certificate().subject();
        let (found, by_operator) = match validate(&anchors.vendor) {
            Ok(()) => {
                (self.by_vendor_certificate(&ShownCertificate::new(&certificate, leaf, provider)), false)
            }
            Err(vendor) => match validate(&anchors.operator) {
                Ok(()) => (self.by_operator_subject(subject), true),
                Err(PathError::UnknownIssuer) => return Err(Refusal::UntrustedCertificate(vendor)),
                Err(operator) => return Err(Refusal::UntrustedCertificate(operator)),
            },
        };
        let unknown = || Refusal::UnknownStation { subject: subject.to_string() };
        Ok((found.ok_or_else(unknown)?, by_operator))
    }

    fn by_vendor_certificate(&self, shown: &ShownCertificate<'_>) -> Option<&Station> {
        let subject = NameKey(shown.certificate.tbs_certificate().subject());
        let (stations, matches) = (&self.stations, |station: &Station| station.vendor.matches(shown));
        let serial_number = shown.serial_number();
        let known = self.by_fingerprint.find(stations, &shown.fingerprint, matches);
        let known = known.chain(self.by_serial_number.find(stations, &serial_number, matches));
        let mut known = known.chain(self.by_vendor_subject.find(stations, &subject, matches));
        known.next().map(|(_, station)| station)
    }

    fn by_operator_subject(&self, subject: &Name) -> Option<&Station> {
        let (key, has_it) = (NameKey(subject), |station: &Station| names_match(&station.subject, subject));
        let mut found = self.by_operator_subject.find(&self.stations, &key, has_it);
        found.next().map(|(_, station)| station)
    }
}

/// A name, equal to those that match it.
#[derive(Clone, Copy, Debug)]
struct NameKey<'a>(&'a Name);

impl PartialEq for NameKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        names_match(self.0, other.0)
    }
}

impl Eq for NameKey<'_> {}

impl Hash for NameKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_name(self.0, state);
    }
}

// What the indices are made by; those without are not in them.

#[allow(clippy::unnecessary_wraps)] // as the others
fn name(station: &Station) -> Option<&str> {
    Some(&station.name)
}

#[allow(clippy::unnecessary_wraps)]
fn operator_subject(station: &Station) -> Option<NameKey<'_>> {
    Some(NameKey(&station.subject))
}

fn user(station: &Station) -> Option<&str> {
    station.account.as_ref().map(|account| account.user.as_str())
}

fn tunnel_address(station: &Station) -> Option<IpAddr> {
    station.tunnel_address.map(|address| address.to_canonical())
}

const fn fingerprint(station: &Station) -> Option<[u8; 32]> {
    station.vendor.fingerprint
}

fn serial_number(station: &Station) -> Option<&[u8]> {
    let serial = station.vendor.serial_number.as_deref().filter(|_| station.vendor.fingerprint.is_none());
    serial.map(without_leading_zeros)
}

fn vendor_subject(station: &Station) -> Option<NameKey<'_>> {
    let vendor = &station.vendor;
    let alone = vendor.fingerprint.is_none() && vendor.serial_number.is_none();
    vendor.subject.as_ref().filter(|_| alone).map(NameKey)
}
