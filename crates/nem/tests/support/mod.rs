//! A factory, an RA/CA, a NEM and a clock that is set by hand.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, unreachable_pub)] // each test file uses its part

mod ledger;
pub mod liar;
pub mod talk;

use std::sync::Arc;
use std::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use ca::registry::{CertificateRecord, Registry};
use ca::{Ca, Issuer, MessageCredential, Profile};
use cmp::{SenderIdentity, SignerRole, Trust};
use crypto::{ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey, provider};
pub use ledger::MemoryLedger;
use nem::ledger::RequestId;
use nem::{
    Event, Input, Inventory, Nem, Output, Refusal, Settings, Shown, Standing, Station, StationAnchors,
    Upload, Upstream, VendorCertificate,
};
use pkcs10::CertReqBuilder;
use store::registry::EmbeddedRegistry;
use tempfile::TempDir;
use x509_cert::ext::Extension;
use x509_cert::name::Name;

pub const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);
pub const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The name that enb1 gets.
pub const SUBJECT: &str = "CN=enb1.operator.example";

pub fn key() -> SoftwareKey {
    SoftwareKey::generate(KeyType::P256).unwrap()
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn copy(key: &SoftwareKey) -> SoftwareKey {
    SoftwareKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap()
}

pub fn root(subject: &str) -> Issuer {
    Issuer::self_signed(name(subject), Box::new(key()), YEAR * 10, &provider(), NOW).unwrap()
}

pub fn certify(issuer: &Issuer, profile: &Profile, subject: &str, key: &SoftwareKey) -> EncodedCertificate {
    let (contents, _) = profile.fit(name(subject), key.public_key(), &[]).unwrap();
    issuer.issue(&contents, &provider(), NOW).unwrap().certificate
}

pub fn csr(subject: &str, key: &SoftwareKey, extensions: Vec<Extension>) -> Vec<u8> {
    let mut builder = CertReqBuilder::new(name(subject), key.public_key());
    builder.extensions = extensions;
    builder.sign(key).unwrap()
}

fn identity(issuer: &Issuer, profile: &Profile, subject: &str) -> (SenderIdentity, SoftwareKey) {
    let key = key();
    let certificate = certify(issuer, profile, subject, &key);
    (SenderIdentity::new(certificate, Vec::new(), key.algorithm()).unwrap(), key)
}

pub struct House {
    pub ca: Ca,
    pub operator: Issuer,
    pub vendor: Issuer,
    pub nem: Nem,
    pub ledger: MemoryLedger,
    pub now: UnixTime,
    pub station: Vec<EncodedCertificate>,
    pub events: Vec<Event>,
    pub implicit_confirm: bool,
    registry: Arc<EmbeddedRegistry>,
    nem_key: SoftwareKey,
    nem_certificate: EncodedCertificate,
    _folder: TempDir,
}

/// `enb1` is recognised by its vendor certificate's subject.
pub fn enb1() -> Station {
    let vendor = VendorCertificate::new(Some(name("CN=SN-1,O=Vendor")), None);
    Station::new("enb1".into(), vendor, name(SUBJECT))
}

impl House {
    pub fn new() -> Self {
        let vendor = root("CN=Factory CA");
        let folder = tempfile::tempdir().unwrap();
        let registry = Arc::new(EmbeddedRegistry::open(&folder.path().join("registry.redb")).unwrap());
        // The tests have the CA's key, too, to issue what it would not.
        let ca_key = key();
        let operator_certificate =
            Issuer::self_signed(name("CN=Operator CA"), Box::new(copy(&ca_key)), YEAR * 10, &provider(), NOW)
                .unwrap()
                .certificate()
                .clone();
        let operator = Issuer::new(operator_certificate.clone(), Box::new(copy(&ca_key))).unwrap();
        let issuer = Issuer::new(operator_certificate.clone(), Box::new(ca_key)).unwrap();
        let (cmp_identity, cmp_key) = identity(&operator, &Profile::CMP, "CN=CMP,CN=Operator CA");
        let credential = MessageCredential { identity: cmp_identity, key: Box::new(cmp_key) };
        let mut ca = Ca::new(provider(), issuer, credential, registry.clone());
        let anchors = vec![operator_certificate];
        let purpose = ExtendedKeyUsage::REGISTRATION_AUTHORITY;
        ca.trust = vec![Trust::new(SignerRole::RegistrationAuthority, anchors, purpose)];

        let nem_key = key();
        let nem_certificate = certify(&operator, &Profile::RA, "CN=nem", &nem_key);
        let station = vec![certify(&vendor, &Profile::NE, "CN=SN-1,O=Vendor", &key())];
        let ledger = MemoryLedger::new();
        let inventory = Inventory::new(vec![enb1()]).unwrap();
        let nem = build(&operator, &vendor, &ledger, &nem_key, &nem_certificate, false, inventory);
        Self {
            ca,
            operator,
            vendor,
            nem,
            ledger,
            now: NOW,
            station,
            events: Vec::new(),
            implicit_confirm: false,
            registry,
            nem_key,
            nem_certificate,
            _folder: folder,
        }
    }

    /// The NEM is gone, and starts again from its ledger.
    pub fn crash(&mut self) {
        self.restart_with(self.nem.inventory().clone());
    }

    /// The same, with other stations.
    pub fn restart_with(&mut self, inventory: Inventory) {
        self.nem = build(
            &self.operator,
            &self.vendor,
            &self.ledger,
            &self.nem_key,
            &self.nem_certificate,
            self.implicit_confirm,
            inventory,
        );
    }

    pub fn upload(&mut self, csr: &[u8]) -> Result<(RequestId, Standing), Refusal> {
        let station = self.station.clone();
        self.nem.upload(Shown::Certificates(&station), Upload::Pkcs10(csr), None, self.now)
    }

    pub fn upload_crmf(&mut self, messages: &[u8]) -> Result<(RequestId, Standing), Refusal> {
        let station = self.station.clone();
        self.nem.upload(Shown::Certificates(&station), Upload::CertReqMessages(messages), None, self.now)
    }

    /// What is to be sent; events are kept.
    pub fn sends(&mut self) -> Vec<(RequestId, Vec<u8>)> {
        let mut sends = Vec::new();
        while let Some(output) = self.nem.poll_output() {
            match output {
                Output::Send { request, message } => sends.push((request, message)),
                Output::Event(event) => self.events.push(event),
                _ => {}
            }
        }
        sends
    }

    pub fn answer(&mut self, request: RequestId, octets: &[u8]) {
        self.nem.handle(Input::Answer { request, octets }, self.now).unwrap();
    }

    /// Sets the clock to when the NEM wants to be woken, and wakes it.
    pub fn wake(&mut self) -> bool {
        let Some(due) = self.nem.poll_timeout() else { return false };
        self.now = self.now.max(due);
        self.nem.handle(Input::Tick, self.now).unwrap();
        true
    }

    /// Carries messages to the RA/CA and back until nothing is under way.
    pub fn run(&mut self) {
        for _ in 0..100 {
            for (request, message) in self.sends() {
                let reply = self.ca.handle(&message, self.now);
                self.answer(request, &reply.octets);
            }
            if self.nem.requests_under_way() == 0 {
                self.sends();
                return;
            }
            self.wake();
        }
        panic!("it never ends: {:?}", self.events);
    }

    pub fn issued(&self) -> Vec<CertificateRecord> {
        self.registry.certificates().unwrap()
    }

    pub fn only_issued(&self) -> CertificateRecord {
        let issued = self.issued();
        assert_eq!(issued.len(), 1, "{issued:?}");
        issued.into_iter().next().unwrap()
    }

    pub fn register(&self, record: &CertificateRecord) {
        self.registry.register(record).unwrap();
    }

    pub fn logged(&self, words: &str) -> bool {
        self.events.iter().any(|event| event.happening.to_string().contains(words))
    }
}

fn build(
    operator: &Issuer,
    vendor: &Issuer,
    ledger: &MemoryLedger,
    key: &SoftwareKey,
    certificate: &EncodedCertificate,
    implicit_confirm: bool,
    inventory: Inventory,
) -> Nem {
    let key = copy(key);
    let identity = SenderIdentity::new(certificate.clone(), Vec::new(), key.algorithm()).unwrap();
    let anchors = vec![operator.certificate().clone()];
    let mut upstream = Upstream::new(identity, Box::new(key), anchors.clone());
    upstream.implicit_confirm = implicit_confirm;
    let stations = StationAnchors::new(vec![vendor.certificate().clone()], anchors);
    Nem::new(provider(), upstream, stations, inventory, Settings::default(), Box::new(ledger.clone()))
        .unwrap()
}
