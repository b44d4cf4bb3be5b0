//! What a NEM is made of.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ffi::c_char;
use core::net::IpAddr;
use core::time::Duration;

use asn1::EncodedCertificate;
use der::Decode;
use nem::{
    Account, Batching, Inventory, Nem as Machine, Settings, StationAnchors, StationState, VendorCertificate,
};
use store::ledger::{EmbeddedLedger, KeyValueLedger};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::name::Name;

use super::ledger::{Ledger, Outside};
use super::{boxed, failed};
use crate::buffer::{Octets, array, many, octets, optional, optional_text, structure, text};
use crate::context::{self, Inner as ContextInner};
use crate::failure::Failure;
use crate::handle::{Locked, lock};
use crate::identity::{Identity, Inner as IdentityInner, certificates};
use crate::name;
use crate::signer::{OutsideKey, Signer};
use crate::status::{CELLCERT_ERR_ARGUMENT, CELLCERT_ERR_LEDGER, CELLCERT_ERR_NULL};
use crate::trust::Trust;

/// It may ask for its first certificate.
pub const CELLCERT_STATION_EXPECTED: i32 = 0;
/// It has a certificate, and may ask for more.
pub const CELLCERT_STATION_ENROLLED: i32 = 1;
/// It gets nothing for the time being.
pub const CELLCERT_STATION_BLOCKED: i32 = 2;
/// It is out of service for good, and gets nothing.
pub const CELLCERT_STATION_RETIRED: i32 = 3;

/// A station that there is. Octets of none, and texts that are NULL, say nothing. There must be something to know it by: the vendor certificate's
/// subject, serial number or fingerprint, an account, or a tunnel address.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Station {
    /// What the operator calls it.
    pub name: *const c_char,
    /// The distinguished name that its certificate has, in DER.
    pub subject: Octets,
    /// The vendor certificate's subject, in DER.
    pub vendor_subject: Octets,
    /// The vendor certificate's serial number, big-endian.
    pub vendor_serial_number: Octets,
    /// Who issued the vendor certificate, in DER; alone it recognises nothing.
    pub vendor_issuer: Octets,
    /// The SHA-256 of the vendor certificate.
    pub vendor_fingerprint: Octets,
    /// The alternative names that its certificate may have: a SubjectAltName (RFC 5280 section 4.2.1.6) in DER.
    pub alternative_names: Octets,
    /// The certificate profile that it is for.
    pub profile: *const c_char,
    /// The groups it belongs to, by which an RA/CA is chosen.
    pub groups: *const *const c_char,
    /// How many groups.
    pub group_count: usize,
    /// One of the CELLCERT_STATION_ constants.
    pub state: i32,
    /// Its user name, where it shows no certificate. The program checks passwords.
    pub account: *const c_char,
    /// Its address inside the IPsec tunnel: 4 or 16 octets.
    pub tunnel_address: Octets,
}

/// An RA/CA, and as whom the NEM speaks to it. Numbers that are 0 stand for the default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Upstream {
    /// What the operator calls it.
    pub name: *const c_char,
    /// The NEM's certificate, which the RA/CA knows as an RA's.
    pub identity: *const Identity,
    /// Its key. What `ctx` points to must outlive the NEM.
    pub signer: *const Signer,
    /// Whom to believe as this RA/CA; without secrets and intermediates.
    pub trust: *const Trust,
    /// Of those that may have a request, the healthy one with the lowest number gets it; 100 by default.
    pub priority: u32,
    /// The groups whose stations it serves; when there are none, every station's.
    pub groups: *const *const c_char,
    /// How many groups.
    pub group_count: usize,
    /// The certificate profiles that it serves; when there are none, all.
    pub profiles: *const *const c_char,
    /// How many profiles.
    pub profile_count: usize,
    /// How many messages go up together in a batch (RFC 9483 section 5.2.2.2); 1: nothing is nested. 32 by default.
    pub batch_size: u32,
    /// How long the first message of a batch waits for others at most; 100 by default.
    pub batch_delay_milliseconds: u32,
    /// Messages or batches under way at a time; 32 by default.
    pub max_in_flight: u32,
    /// Not 0: to ask that no certConf be awaited.
    pub implicit_confirm: i32,
    /// A certificate is confirmed only when its station has it, and turned down when that takes longer than this; 0: it is confirmed as soon
    /// as it is checked.
    pub confirm_when_fetched_seconds: u32,
}

/// What a NEM is made of. Numbers that are 0 stand for the default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NemConfig {
    /// The RA/CAs: at least one.
    pub upstreams: *const Upstream,
    /// How many RA/CAs.
    pub upstream_count: usize,
    /// The stations.
    pub stations: *const Station,
    /// How many stations.
    pub station_count: usize,
    /// The CAs of the stations' vendors, in DER: for their first certificates.
    pub vendor_anchors: *const Octets,
    /// How many.
    pub vendor_anchor_count: usize,
    /// The operator's CAs, in DER: for their further certificates.
    pub operator_anchors: *const Octets,
    /// How many.
    pub operator_anchor_count: usize,
    /// Where requests are kept; NULL: in `ledger_file`.
    pub ledger: *const Ledger,
    /// A file for the library's own ledger, which is made when there is none. One NEM at a time may use it.
    pub ledger_file: *const c_char,
    /// Requests under way at a time; 100,000 by default.
    pub max_requests: usize,
    /// Requests of one station under way at a time; 4 by default.
    pub max_requests_per_station: usize,
    /// The first delay before something is tried again, which doubles each time; 1000 by default.
    pub first_retry_milliseconds: u64,
    /// The longest such delay; 60,000 by default.
    pub last_retry_milliseconds: u64,
    /// When a station is told to come back; 5000 by default.
    pub retry_after_milliseconds: u64,
    /// How long a station that uploads a rejected request again is told why; 60,000 by default.
    pub rejection_stands_milliseconds: u64,
}

/// # Safety
/// What it points to is what it says.
pub(super) unsafe fn machine(config: &NemConfig, context: &ContextInner) -> Result<Machine, Failure> {
    // SAFETY: the caller's promise, for all of these.
    let (upstreams, inventory, vendor, operator, ledger) = unsafe {
        (
            upstreams(array(config.upstreams, config.upstream_count)?)?,
            inventory(config.stations, config.station_count)?,
            certificates(config.vendor_anchors, config.vendor_anchor_count)?,
            certificates(config.operator_anchors, config.operator_anchor_count)?,
            optional(config.ledger)?,
        )
    };
    let ledger = match ledger {
        Some(Ledger { get: None, .. } | Ledger { next: None, .. } | Ledger { write: None, .. }) => {
            return Err(Failure::code(CELLCERT_ERR_NULL));
        }
        Some(ledger) => boxed(KeyValueLedger::new(Outside(*ledger))),
        None => {
            // SAFETY: the caller's promise.
            let path = unsafe { text(config.ledger_file) }?;
            let opened = EmbeddedLedger::open(path.as_ref());
            boxed(opened.map_err(|error| failed(CELLCERT_ERR_LEDGER, &error))?)
        }
    };
    let anchors = StationAnchors::new(vendor, operator);
    let (provider, settings) = (context::provider_of(context)?, settings(config));
    Ok(Machine::new(provider, upstreams, anchors, inventory, settings, ledger)?)
}

fn settings(config: &NemConfig) -> Settings {
    let mut settings = Settings::default();
    let count = |to: &mut usize, count: usize| {
        if count > 0 {
            *to = count;
        }
    };
    count(&mut settings.max_requests, config.max_requests);
    count(&mut settings.max_requests_per_station, config.max_requests_per_station);
    let duration = |to: &mut Duration, milliseconds: u64| {
        if milliseconds > 0 {
            *to = Duration::from_millis(milliseconds);
        }
    };
    duration(&mut settings.first_retry, config.first_retry_milliseconds);
    duration(&mut settings.last_retry, config.last_retry_milliseconds);
    duration(&mut settings.retry_after, config.retry_after_milliseconds);
    duration(&mut settings.rejection_stands, config.rejection_stands_milliseconds);
    settings
}

/// # Safety
/// What they point to is what they say.
pub(super) unsafe fn upstreams(upstreams: &[Upstream]) -> Result<Vec<nem::Upstream>, Failure> {
    // SAFETY: the caller's promise.
    upstreams.iter().map(|upstream| unsafe { self::upstream(upstream) }).collect()
}

unsafe fn upstream(upstream: &Upstream) -> Result<nem::Upstream, Failure> {
    // SAFETY: the caller's promise.
    let (name, identity, key, trust) = unsafe {
        let identity: Locked<'_, Identity> = lock(upstream.identity)?;
        let trust: Locked<'_, Trust> = lock(upstream.trust)?;
        (text(upstream.name)?, identity, OutsideKey::new(upstream.signer)?, trust)
    };
    let IdentityInner::Signature(identity) = &*identity else {
        return Err(Failure::code(CELLCERT_ERR_ARGUMENT));
    };
    let key = alloc::boxed::Box::new(key);
    let mut made = nem::Upstream::new(name, identity.clone(), key, trust.anchors.clone());
    trust.apply(&mut made)?;
    // SAFETY: the caller's promise.
    unsafe {
        made.groups = texts(upstream.groups, upstream.group_count)?;
        made.profiles = texts(upstream.profiles, upstream.profile_count)?;
    }
    if upstream.priority > 0 {
        made.priority = upstream.priority;
    }
    let mut batching = Batching::default();
    if upstream.batch_size > 0 {
        batching.size = count(upstream.batch_size)?;
    }
    if upstream.batch_delay_milliseconds > 0 {
        batching.delay = Duration::from_millis(upstream.batch_delay_milliseconds.into());
    }
    made.batching = batching;
    if upstream.max_in_flight > 0 {
        made.max_in_flight = count(upstream.max_in_flight)?;
    }
    made.implicit_confirm = upstream.implicit_confirm != 0;
    let fetched = upstream.confirm_when_fetched_seconds;
    made.confirm_when_fetched =
        Some(fetched).filter(|seconds| *seconds > 0).map(|seconds| Duration::from_secs(seconds.into()));
    Ok(made)
}

fn count(count: u32) -> Result<usize, Failure> {
    usize::try_from(count).map_err(|_| Failure::code(CELLCERT_ERR_ARGUMENT))
}

/// # Safety
/// What they point to is what they say.
pub(super) unsafe fn inventory(stations: *const Station, count: usize) -> Result<Inventory, Failure> {
    /// More than an operator has in one NEM.
    const MOST: usize = 4_000_000;
    // SAFETY: the caller's promise.
    let stations = unsafe { many(stations, count, MOST) }?;
    // SAFETY: the caller's promise.
    let made = stations.iter().map(|station| unsafe { self::station(station) });
    let made = made.collect::<Result<Vec<_>, _>>()?;
    Inventory::new(made).map_err(|error| failed(CELLCERT_ERR_ARGUMENT, &error))
}

unsafe fn station(station: &Station) -> Result<nem::Station, Failure> {
    // SAFETY: the caller's promise.
    unsafe {
        let mut vendor = VendorCertificate::default();
        vendor.subject = some_name(station.vendor_subject)?;
        vendor.issuer = some_name(station.vendor_issuer)?;
        vendor.serial_number = some(station.vendor_serial_number)?.map(<[u8]>::to_vec);
        vendor.fingerprint = match some(station.vendor_fingerprint)? {
            Some(fingerprint) => Some(fingerprint.try_into().map_err(|_| argument())?),
            None => None,
        };
        let subject = some_name(station.subject)?.ok_or(Failure::code(CELLCERT_ERR_NULL))?;
        let mut made = nem::Station::new(text(station.name)?.to_string(), vendor, subject);
        if let Some(names) = some(station.alternative_names)? {
            made.alternative_names = SubjectAltName::from_der(names)?.0;
        }
        made.profile = optional_text(station.profile)?.map(ToString::to_string);
        made.groups = texts(station.groups, station.group_count)?;
        made.state = match station.state {
            CELLCERT_STATION_EXPECTED => StationState::Expected,
            CELLCERT_STATION_ENROLLED => StationState::Enrolled,
            CELLCERT_STATION_BLOCKED => StationState::Blocked,
            CELLCERT_STATION_RETIRED => StationState::Retired,
            _ => return Err(argument()),
        };
        let account = optional_text(station.account)?;
        made.account = account.map(|user| Account { user: user.to_string(), password_hash: String::new() });
        made.tunnel_address = some(station.tunnel_address)?.map(address).transpose()?;
        Ok(made)
    }
}

/// 4 or 16 octets.
pub(super) fn address(octets: &[u8]) -> Result<IpAddr, Failure> {
    let short = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    short.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).map_err(|_| argument())
}

const fn argument() -> Failure {
    Failure::code(CELLCERT_ERR_ARGUMENT)
}

/// Octets, unless there are none.
pub(super) unsafe fn some<'a>(value: Octets) -> Result<Option<&'a [u8]>, Failure> {
    // SAFETY: the caller's promise.
    let value = unsafe { octets(value.data, value.len) }?;
    Ok(Some(value).filter(|value| !value.is_empty()))
}

unsafe fn some_name(value: Octets) -> Result<Option<Name>, Failure> {
    // SAFETY: the caller's promise.
    unsafe { some(value) }?.map(name::decode).transpose()
}

unsafe fn texts(texts: *const *const c_char, count: usize) -> Result<Vec<String>, Failure> {
    // SAFETY: the caller's promise.
    let texts = unsafe { array(texts, count) }?;
    // SAFETY: the caller's promise.
    texts.iter().map(|each| Ok(unsafe { text(*each) }?.to_string())).collect()
}

/// By what a station is known: one of the three.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// The certificates that it showed to TLS, in DER, its own first; it has the key for that.
    pub certificates: *const Octets,
    /// How many certificates.
    pub certificate_count: usize,
    /// The user name that it logged in with; its password was right.
    pub account: *const c_char,
    /// Its address inside the IPsec tunnel, 4 or 16 octets; nobody else can have it.
    pub tunnel_address: Octets,
}

/// The same, taken apart.
pub(super) enum Known<'a> {
    Certificates(Vec<EncodedCertificate>),
    Account(&'a str),
    TunnelAddress(IpAddr),
}

impl<'a> Known<'a> {
    /// # Safety
    /// It is null, or what it points to is what it says.
    pub(super) unsafe fn new(shown: *const Shown) -> Result<Self, Failure> {
        // SAFETY: the caller's promise, for all of these.
        let (chain, account, place) = unsafe {
            let shown = structure(shown)?;
            let chain = certificates(shown.certificates, shown.certificate_count)?;
            (chain, optional_text(shown.account)?, some(shown.tunnel_address)?)
        };
        match (chain.is_empty(), account, place) {
            (false, None, None) => Ok(Self::Certificates(chain)),
            (true, Some(account), None) => Ok(Self::Account(account)),
            (true, None, Some(place)) => Ok(Self::TunnelAddress(address(place)?)),
            _ => Err(argument()),
        }
    }

    pub(super) fn shown(&self) -> nem::Shown<'_> {
        match self {
            Self::Certificates(chain) => nem::Shown::Certificates(chain),
            Self::Account(account) => nem::Shown::Account(account),
            Self::TunnelAddress(address) => nem::Shown::TunnelAddress(*address),
        }
    }
}
