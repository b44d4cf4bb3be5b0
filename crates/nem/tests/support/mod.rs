//! A factory, an RA/CA, a NEM and a clock that is set by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, dead_code, unreachable_pub)] // each test file uses its part

pub mod by_hand;
mod fleet;
mod ledger;
pub mod liar;
pub mod speaker;
pub mod talk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use ca::registry::{CertificateRecord, Registry};
use ca::{Ca, Issuer, MessageCredential, Profile};
use cmp::{PkiMessage, SenderIdentity, SignerRole, Trust};
use crypto::{ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey, provider};
pub use fleet::Fleet;
pub use ledger::MemoryLedger;
use nem::ledger::RequestId;
use nem::{
    Batching, Event, ExchangeId, Input, Inventory, Nem, Notice, Output, Refusal, Settings, Shown, Standing,
    Station, StationAnchors, Upload, Upstream, VendorCertificate,
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
    pub notices: Vec<Notice>,
    /// What it asked to know whether the RA/CA is there.
    pub probes: Vec<(ExchangeId, Vec<u8>)>,
    pub implicit_confirm: bool,
    pub batching: Batching,
    /// The latest exchange about each request.
    exchanges: BTreeMap<RequestId, ExchangeId>,
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
        let upstream = upstream("raca", &operator, &nem_key, &nem_certificate);
        let nem = build(&operator, &vendor, &ledger, vec![upstream], inventory);
        Self {
            ca,
            operator,
            vendor,
            nem,
            ledger,
            now: NOW,
            station,
            events: Vec::new(),
            notices: Vec::new(),
            probes: Vec::new(),
            implicit_confirm: false,
            batching: Batching::NONE,
            exchanges: BTreeMap::new(),
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
        let upstreams = vec![self.upstream("raca")];
        self.restart(upstreams, inventory);
    }

    pub fn restart(&mut self, upstreams: Vec<Upstream>, inventory: Inventory) {
        self.nem = build(&self.operator, &self.vendor, &self.ledger, upstreams, inventory);
    }

    /// This house's RA/CA, called so.
    pub fn upstream(&self, name: &str) -> Upstream {
        let mut upstream = upstream(name, &self.operator, &self.nem_key, &self.nem_certificate);
        upstream.implicit_confirm = self.implicit_confirm;
        upstream.batching = self.batching;
        upstream
    }

    /// As many stations as that, which are called enb1 and so on, in place of the one; batches as that says.
    pub fn with_fleet(stations: usize, batching: Batching) -> (Self, Fleet) {
        let mut house = Self::new();
        house.batching = batching;
        let fleet = Fleet::new(stations, &house.vendor);
        house.restart_with(fleet.inventory());
        (house, fleet)
    }

    pub fn upload_of(&mut self, fleet: &Fleet, station: usize) -> RequestId {
        let shown = Shown::Certificates(&fleet.chains[station]);
        self.nem.upload(shown, Upload::Pkcs10(&fleet.requests[station]), None, self.now).unwrap().0
    }

    pub fn upload(&mut self, csr: &[u8]) -> Result<(RequestId, Standing), Refusal> {
        let station = self.station.clone();
        self.nem.upload(Shown::Certificates(&station), Upload::Pkcs10(csr), None, self.now)
    }

    pub fn upload_crmf(&mut self, messages: &[u8]) -> Result<(RequestId, Standing), Refusal> {
        let station = self.station.clone();
        self.nem.upload(Shown::Certificates(&station), Upload::CertReqMessages(messages), None, self.now)
    }

    /// What is to be sent; events and notices are kept.
    pub fn outgoing(&mut self) -> Vec<(ExchangeId, Arc<str>, Vec<u8>)> {
        let mut outgoing = Vec::new();
        while let Some(output) = self.nem.poll_output() {
            match output {
                Output::Send { exchange, upstream, message } => outgoing.push((exchange, upstream, message)),
                Output::Event(event) => self.events.push(event),
                Output::Notice(notice) => self.notices.push(notice),
                _ => {}
            }
        }
        outgoing
    }

    /// The messages that are to be sent, each with its request, where nothing is nested.
    pub fn sends(&mut self) -> Vec<(RequestId, Vec<u8>)> {
        let mut sends = Vec::new();
        for (exchange, _, message) in self.outgoing() {
            match self.request_of(&message) {
                Some(request) => {
                    self.exchanges.insert(request, exchange);
                    sends.push((request, message));
                }
                None => self.probes.push((exchange, message)),
            }
        }
        sends
    }

    fn request_of(&self, message: &[u8]) -> Option<RequestId> {
        let message = PkiMessage::from_der(message).unwrap();
        let id = message.header().transaction_id.as_ref();
        let records = self.ledger.records();
        let record =
            records.iter().find(|record| record.state.transaction().map(|t| &t.transaction_id) == id);
        record.map(|record| record.id)
    }

    /// Answers the latest message about a request.
    pub fn answer(&mut self, request: RequestId, octets: &[u8]) {
        self.try_answer(request, octets).unwrap();
    }

    pub fn try_answer(&mut self, request: RequestId, octets: &[u8]) -> Result<(), nem::Error> {
        let exchange = self.exchanges[&request];
        self.nem.handle(Input::Answer { exchange, octets }, self.now)
    }

    /// The latest message about a request is lost.
    pub fn fail(&mut self, request: RequestId) {
        let exchange = self.exchanges[&request];
        self.nem.handle(Input::Failure { exchange, reason: "no route" }, self.now).unwrap();
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
        for _ in 0..200 {
            let probes: Vec<_> = std::mem::take(&mut self.probes);
            let outgoing = self.outgoing().into_iter().map(|(exchange, _, message)| (exchange, message));
            for (exchange, message) in probes.into_iter().chain(outgoing) {
                let reply = self.ca.handle(&message, self.now);
                self.nem.handle(Input::Answer { exchange, octets: &reply.octets }, self.now).unwrap();
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
        let notices = self.notices.iter().map(|notice| notice.news.to_string());
        let mut all = self.events.iter().map(|event| event.happening.to_string()).chain(notices);
        all.any(|line| line.contains(words))
    }
}

fn upstream(name: &str, operator: &Issuer, key: &SoftwareKey, certificate: &EncodedCertificate) -> Upstream {
    let key = copy(key);
    let identity = SenderIdentity::new(certificate.clone(), Vec::new(), key.algorithm()).unwrap();
    let mut upstream = Upstream::new(name, identity, Box::new(key), vec![operator.certificate().clone()]);
    upstream.batching = Batching::NONE;
    upstream
}

fn build(
    operator: &Issuer,
    vendor: &Issuer,
    ledger: &MemoryLedger,
    upstreams: Vec<Upstream>,
    inventory: Inventory,
) -> Nem {
    let anchors = vec![operator.certificate().clone()];
    let stations = StationAnchors::new(vec![vendor.certificate().clone()], anchors);
    Nem::new(provider(), upstreams, stations, inventory, Settings::default(), Box::new(ledger.clone()))
        .unwrap()
}
