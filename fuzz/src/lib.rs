//! A NEM and an RA/CA in memory, with cryptography that believes everything: what the targets play with.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a panic is what a fuzzer looks for

mod c_calls;
#[path = "../../crates/nem/tests/support/ledger.rs"]
mod ledger;
#[path = "../../crates/ca/tests/support/registry.rs"]
mod registry;
mod script;

use std::sync::Arc;
use std::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use ca::{Ca, Issuer, MessageCredential, Profile};
use cmp::{SenderIdentity, SignerRole, Trust};
use crypto::{CryptoProvider, ExtendedKeyUsage, PublicKey, SignatureAlgorithm};
use nem::{Inventory, Nem, Settings, Station, StationAnchors, Upstream, VendorCertificate};
use pkcs10::CertReqBuilder;
use testkit::no_security::{self, NoSecurityKey};
use x509_cert::name::Name;

pub use c_calls::CallScript;
pub use ledger::MemoryLedger;
pub use registry::MemoryRegistry;
pub use script::Script;

/// When it all happens.
pub const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

/// How many stations the inventory holds.
pub const STATIONS: u8 = 3;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// An RA/CA and all that it certified.
pub struct House {
    /// The RA/CA; it takes the NEM for an RA, and everybody else for a station.
    pub ca: Ca,
    /// What the RA/CA issued.
    pub registry: Arc<MemoryRegistry>,
    operator: EncodedCertificate,
    nem: EncodedCertificate,
    stations: Vec<EncodedCertificate>,
}

impl House {
    /// Everything as at the beginning; two houses do the same.
    pub fn new() -> Self {
        let provider = no_security::provider_counting_from(1 << 40);
        let key = || Box::new(NoSecurityKey::new());
        let operator = Issuer::self_signed(name("CN=Operator CA"), key(), YEAR * 10, &provider, NOW).unwrap();
        let vendor = Issuer::self_signed(name("CN=Factory CA"), key(), YEAR * 10, &provider, NOW).unwrap();
        let certify = |issuer: &Issuer, profile: &Profile, subject: &str, number| {
            certify(issuer, profile, subject, &public_key(number), &provider)
        };
        let nem = certify(&operator, &Profile::RA, "CN=nem", 100);
        let cmp = certify(&operator, &Profile::CMP, "CN=CMP,CN=Operator CA", 101);
        let stations = (0..STATIONS)
            .map(|number| certify(&vendor, &Profile::NE, &format!("CN=SN-{number},O=Vendor"), 110 + number));

        let stations = stations.collect();
        let registry = Arc::new(MemoryRegistry::default());
        let credential = MessageCredential { identity: identity(cmp), key: key() };
        let root = operator.certificate().clone();
        let mut ca = Ca::new(provider, operator, credential, registry.clone());
        let purpose = ExtendedKeyUsage::REGISTRATION_AUTHORITY;
        ca.trust = vec![Trust::new(SignerRole::RegistrationAuthority, vec![root.clone()], purpose)];
        Self { ca, registry, operator: root, nem, stations }
    }

    /// A NEM that goes on where the ledger ends.
    pub fn nem(&self, ledger: &MemoryLedger, start: u64) -> Nem {
        let anchors = vec![self.operator.clone()];
        let upstream = Upstream::new(
            "raca",
            identity(self.nem.clone()),
            Box::new(NoSecurityKey::new()),
            anchors.clone(),
        );
        let stations = (0..STATIONS).map(|number| {
            let vendor = VendorCertificate::new(Some(name(&format!("CN=SN-{number},O=Vendor"))), None);
            Station::new(format!("enb{number}"), vendor, subject(number))
        });
        Nem::new(
            no_security::provider_counting_from(start << 32),
            vec![upstream],
            StationAnchors::new(anchors.clone(), anchors),
            Inventory::new(stations.collect()).unwrap(),
            Settings::default(),
            Box::new(ledger.clone()),
        )
        .unwrap()
    }

    /// The certificate that station shows to TLS.
    pub fn station(&self, number: u8) -> EncodedCertificate {
        self.stations[usize::from(number % STATIONS)].clone()
    }
}

impl Default for House {
    fn default() -> Self {
        Self::new()
    }
}

/// A station's request for its own name and one of 256 keys.
pub fn csr(station: u8, key: u8) -> Vec<u8> {
    let builder = CertReqBuilder::new(subject(station % STATIONS), &public_key(key));
    builder.with_signature(SignatureAlgorithm::EcdsaWithSha256, &NoSecurityKey::SIGNATURE).unwrap()
}

fn subject(station: u8) -> Name {
    name(&format!("CN=enb{station}.operator.example"))
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// No point on any curve, which nobody here finds out.
fn public_key(number: u8) -> PublicKey {
    let mut point = [number; 65];
    point[0] = 4;
    PublicKey::from_ec_point(&point).unwrap()
}

fn identity(certificate: EncodedCertificate) -> SenderIdentity {
    SenderIdentity::new(certificate, Vec::new(), SignatureAlgorithm::EcdsaWithSha256).unwrap()
}

fn certify(
    issuer: &Issuer,
    profile: &Profile,
    subject: &str,
    key: &PublicKey,
    provider: &CryptoProvider,
) -> EncodedCertificate {
    let (contents, _) = profile.fit(name(subject), key, &[]).unwrap();
    issuer.issue(&contents, provider, NOW).unwrap().certificate
}
