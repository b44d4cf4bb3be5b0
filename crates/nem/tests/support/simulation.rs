//! A NEM, its stations and two RA/CAs in memory, with cryptography that believes everything: what happens is thrown by dice, and
//! depends on the seed alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use asn1::{EncodedCertificate, RawDer, UnixTime};
use ca::{Ca, Issuer, MessageCredential, Profile};
use cmp::{PkiBody, PkiMessage, ReadingPolicy, SenderIdentity, SignerRole, Trust};
use crypto::{ExtendedKeyUsage, PublicKey, SignatureAlgorithm};
use der::asn1::Any;
use der::{Decode, Encode, Reader, SliceReader, Tag};
use nem::by_hand::{ExportOrder, Verdict};
use nem::ledger::{ExportForm, ExportId, RequestId};
use nem::{
    Batching, ExchangeId, Input, Inventory, Nem, News, Output, Settings, Shown, Standing, Station,
    StationAnchors, Upload, Upstream, VendorCertificate,
};
use pkcs10::{CertReq, CertReqBuilder};
use testkit::no_security::{NoSecurityKey, provider_counting_from};
use x509_cert::name::Name;

#[allow(dead_code, unreachable_pub)] // other tests use all of it
#[path = "by_hand.rs"]
mod by_hand;
#[allow(dead_code, unreachable_pub)] // other tests use all of it
#[path = "ledger.rs"]
mod ledger;
#[allow(dead_code, unreachable_pub)] // the RA/CA's tests use all of it
#[path = "../../../ca/tests/support/registry.rs"]
mod registry;

use ledger::MemoryLedger;
use registry::MemoryRegistry;

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
const STATIONS: usize = 5;
const RACAS: [&str; 2] = ["near", "far"];

/// What is thrown depends on the seed alone (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<T>(&mut self, list: &[T]) -> Option<usize> {
        (!list.is_empty()).then(|| self.below(list.len()))
    }
}

/// What an RA/CA makes of a batch.
#[derive(Clone, Copy, Debug)]
enum Manner {
    TakesApart,
    /// It leaves answers out, repeats some, and mixes all.
    Careless,
    AnswersTheFirstOnly,
    AnswersInHtml,
    Away,
}

struct Raca {
    ca: Ca,
    registry: Arc<MemoryRegistry>,
    manner: Manner,
}

/// A message on its way to an RA/CA.
#[derive(Clone)]
struct Flight {
    exchange: ExchangeId,
    upstream: Arc<str>,
    message: Vec<u8>,
}

/// A file that requests left in.
struct Paper {
    export: ExportId,
    form: ExportForm,
    upstream: String,
    /// The message, or the PKCS #10 requests.
    contents: Vec<Vec<u8>>,
    /// What the RA/CA made of it: answers, or certificates.
    signed: Vec<Vec<u8>>,
    /// Nobody may have it signed any more for the first time.
    released: bool,
}

pub struct Simulation {
    dice: Dice,
    racas: BTreeMap<&'static str, Raca>,
    ledger: MemoryLedger,
    nem: Nem,
    now: UnixTime,
    flights: Vec<Flight>,
    answers: Vec<(ExchangeId, Vec<u8>)>,
    accepted: BTreeMap<usize, RequestId>,
    papers: Vec<Paper>,
    operator: EncodedCertificate,
    credential: EncodedCertificate,
    stations: Vec<EncodedCertificate>,
    anchors: StationAnchors,
    pub crashes: usize,
    pub batches_answered: usize,
    pub taken_by_hand: usize,
}

impl Simulation {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let provider = provider_counting_from(1 << 40);
        let key = || Box::new(NoSecurityKey::new());
        let root = |subject| Issuer::self_signed(name(subject), key(), YEAR * 10, &provider, NOW).unwrap();
        let (operator, vendor) = (root("CN=Operator CA"), root("CN=Factory CA"));
        let certify = |issuer: &Issuer, profile: &Profile, subject: &str, number| {
            let (contents, _) = profile.fit(name(subject), &public_key(number), &[]).unwrap();
            issuer.issue(&contents, &provider, NOW).unwrap().certificate
        };
        let credential = certify(&operator, &Profile::RA, "CN=nem", 100);
        let certificate = operator.certificate().clone();
        let raca = |number: u64, delay| {
            let issuer = Issuer::new(certificate.clone(), key()).unwrap();
            let cmp = certify(&operator, &Profile::CMP, "CN=CMP,CN=Operator CA", 101);
            let message_credential = MessageCredential { identity: identity(cmp), key: key() };
            let registry = Arc::new(MemoryRegistry::default());
            let random = provider_counting_from((2 + number) << 40);
            let mut ca = Ca::new(random, issuer, message_credential, registry.clone());
            let purpose = ExtendedKeyUsage::REGISTRATION_AUTHORITY;
            ca.trust =
                vec![Trust::new(SignerRole::RegistrationAuthority, vec![certificate.clone()], purpose)];
            ca.policy.issuing_delay = Duration::from_secs(delay);
            Raca { ca, registry, manner: Manner::TakesApart }
        };
        let delays = [0, 30, 200];
        let racas = [(RACAS[0], raca(0, delays[dice.below(3)])), (RACAS[1], raca(1, delays[dice.below(3)]))];
        let stations = (0..STATIONS)
            .map(|number| certify(&vendor, &Profile::NE, &format!("CN=SN-{number},O=Vendor"), number as u8))
            .collect();
        let anchors = StationAnchors::new(vec![vendor.certificate().clone()], vec![certificate.clone()]);
        let ledger = MemoryLedger::new();
        let upstreams = RACAS.map(|raca| upstream(raca, &certificate, &credential, &mut dice));
        let nem = build(&upstreams, &anchors, &ledger, 0);
        Self {
            dice,
            racas: BTreeMap::from(racas),
            ledger,
            nem,
            now: NOW,
            flights: Vec::new(),
            answers: Vec::new(),
            accepted: BTreeMap::new(),
            papers: Vec::new(),
            operator: certificate,
            credential,
            stations,
            anchors,
            crashes: 0,
            batches_answered: 0,
            taken_by_hand: 0,
        }
    }

    /// One more thing happens.
    pub fn step(&mut self) {
        match self.dice.below(50) {
            0..6 => self.upload(),
            6..16 => self.arrive(),
            16..25 => self.come_back(),
            25 | 26 => self.lose(),
            27..32 => self.pass(),
            32 => self.break_ledger(),
            33 => self.ledger.set_broken(false),
            34 => self.crash(),
            35 => self.change_manners(),
            36 => self.reconfigure(),
            37 => {
                let _ = self.nem.flush(None, self.now);
            }
            38 | 39 => self.steer(),
            40..42 => self.export(),
            42..45 => self.sign(),
            45..49 => self.import(),
            _ => self.take_back(),
        }
        self.collect();
    }

    /// From now on nothing goes wrong any more, until every request is decided.
    pub fn end(&mut self) {
        self.ledger.set_broken(false);
        self.crash();
        for raca in self.racas.values_mut() {
            raca.manner = Manner::TakesApart;
        }
        for record in self.ledger.records() {
            if record.state.export().is_none() {
                let _ = self.nem.release(record.id, self.now);
            }
        }
        // What was signed for people is the only certificate that there is; everything else may go online again.
        for position in 0..self.papers.len() {
            let of_people = self.papers[position].form == ExportForm::Pkcs10;
            if of_people && !self.papers[position].signed.is_empty() {
                self.take_paper(position);
            }
        }
        for export in self.nem.exports().unwrap() {
            let _ = self.nem.release_export(export.export.id, false, self.now);
        }
        self.collect();
        for _ in 0..2000 {
            for flight in std::mem::take(&mut self.flights) {
                self.handle(&flight);
            }
            for (exchange, octets) in std::mem::take(&mut self.answers) {
                self.take(exchange, &octets);
            }
            self.collect();
            if self.nem.requests_under_way() == 0 {
                return;
            }
            if let Some(due) = self.nem.poll_timeout() {
                self.now = self.now.max(due);
            }
            let _ = self.nem.handle(Input::Tick, self.now);
            self.collect();
        }
        panic!("it never ends: {:?}", self.ledger.records());
    }

    /// That every station has its certificate, and that there is no other.
    pub fn check(&self) {
        for id in self.accepted.values() {
            match self.nem.standing(*id).unwrap() {
                Some(Standing::Issued(_)) => {}
                other => panic!("request {id}: {other:?}"),
            }
        }
        let issued: usize = self.racas.values().map(|raca| raca.registry.count()).sum();
        assert_eq!(issued, self.accepted.len(), "certificates");
        assert_eq!(self.ledger.records().len(), self.accepted.len(), "requests");
    }

    /// Requests leave in a file. When the ledger fails meanwhile, or the NEM stops, the file is made again.
    fn export(&mut self) {
        let mut order =
            ExportOrder::new([ExportForm::Pki, ExportForm::Pki, ExportForm::Pkcs10][self.dice.below(3)]);
        order.upstream = Some(RACAS[self.dice.below(2)].to_owned());
        order.max = 1 + self.dice.below(STATIONS);
        let mut made = by_hand::export(&mut self.nem, order, self.now);
        if made.is_err() || self.dice.one_in(4) {
            let out = self.nem.exports().unwrap_or_default();
            let Some(unfinished) = out.iter().find(|export| export.out > 0) else { return };
            made = by_hand::export_again(&mut self.nem, unfinished.export.id, self.now);
        }
        let Ok((export, file)) = made else { return };
        let contents = match export.form {
            ExportForm::Pki => vec![file.octets],
            ExportForm::Pkcs10 => file.items.into_iter().map(|item| item.octets).collect(),
        };
        let paper = Paper {
            export: export.id,
            form: export.form,
            upstream: export.upstream,
            contents,
            signed: Vec::new(),
            released: false,
        };
        // People have one copy of a request, and have it signed once.
        let copy = self.papers.iter().any(|other| other.export == paper.export);
        if !(copy && paper.form == ExportForm::Pkcs10) {
            self.papers.push(paper);
        }
    }

    /// A file is carried to its RA/CA, which is away for everybody else; perhaps once more.
    fn sign(&mut self) {
        let Some(which) = self.dice.pick(&self.papers) else { return };
        let paper = &mut self.papers[which];
        if paper.released && paper.signed.is_empty() {
            return;
        }
        let raca = self.racas.get_mut(paper.upstream.as_str()).unwrap();
        match paper.form {
            ExportForm::Pki => {
                let window = raca.ca.time_window.take();
                paper.signed.push(raca.ca.handle(&paper.contents[0], self.now).octets);
                raca.ca.time_window = window;
            }
            ExportForm::Pkcs10 if paper.signed.is_empty() => {
                for request in &paper.contents {
                    let request = CertReq::from_der(request).unwrap();
                    let issued = raca.ca.issue_by_hand(&request, &Profile::NE, self.now).unwrap();
                    paper.signed.push(issued.certificate.octets().to_vec());
                }
            }
            ExportForm::Pkcs10 => {}
        }
    }

    /// What was signed comes back, perhaps not for the first time.
    fn import(&mut self) {
        if let Some(which) = self.dice.pick(&self.papers) {
            self.take_paper(which);
        }
    }

    fn take_paper(&mut self, which: usize) {
        let paper = &self.papers[which];
        let taken = match paper.form {
            ExportForm::Pki => {
                let Some(last) = paper.signed.last() else { return };
                by_hand::import(&mut self.nem, last, self.now).unwrap_or_default()
            }
            ExportForm::Pkcs10 => {
                let certificates = paper.signed.iter().map(|octets| EncodedCertificate::new(octets).unwrap());
                let certificates: Vec<EncodedCertificate> = certificates.collect();
                by_hand::import_certificates(&mut self.nem, &certificates, &[], self.now).unwrap_or_default()
            }
        };
        self.taken_by_hand += taken.iter().filter(|taken| taken.verdict == Verdict::Issued).count();
    }

    /// Requests are released: in new transactions, or at all as PKCS #10, only where people know that nothing was signed.
    fn take_back(&mut self) {
        let Some(which) = self.dice.pick(&self.papers) else { return };
        let (export, form) = (self.papers[which].export, self.papers[which].form);
        let copies = self.papers.iter().filter(|paper| paper.export == export);
        let unsigned = copies.clone().all(|paper| paper.signed.is_empty());
        if form == ExportForm::Pki && self.dice.one_in(2) {
            if self.nem.release_export(export, false, self.now).is_ok() {
                let copies = self.papers.iter_mut().filter(|paper| paper.export == export);
                copies.for_each(|paper| paper.released = true);
            }
        } else if unsigned && self.nem.release_export(export, false, self.now).is_ok() {
            // Nobody carries it any more.
            self.papers.retain(|paper| paper.export != export);
        }
    }

    fn upload(&mut self) {
        let station = self.dice.below(STATIONS);
        let chain = [self.stations[station].clone()];
        let request = csr(station);
        let upload = Upload::Pkcs10(&request);
        if let Ok((id, _)) = self.nem.upload(Shown::Certificates(&chain), upload, None, self.now) {
            assert_eq!(*self.accepted.entry(station).or_insert(id), id, "one request became two");
        }
    }

    /// A message reaches the RA/CA; perhaps it does once more later.
    fn arrive(&mut self) {
        let Some(which) = self.dice.pick(&self.flights) else { return };
        let doubled = self.dice.one_in(6);
        let flight = if doubled { self.flights[which].clone() } else { self.flights.remove(which) };
        self.handle(&flight);
    }

    fn handle(&mut self, flight: &Flight) {
        let raca = &self.racas[&*flight.upstream];
        let answer = |message: &[u8]| raca.ca.handle(message, self.now).octets;
        let octets = match (raca.manner, inside(&flight.message)) {
            (Manner::Away, _) => return self.fail(flight.exchange),
            (Manner::AnswersInHtml, Some(_)) => {
                let (exchange, reason) = (flight.exchange, "HTTP status 400");
                let _ = self.nem.handle(Input::Misunderstood { exchange, reason }, self.now);
                return;
            }
            (Manner::AnswersTheFirstOnly, Some(messages)) => answer(&messages[0]),
            (Manner::Careless, Some(_)) => {
                let octets = answer(&flight.message);
                inside(&octets).map_or(octets.clone(), |answers| repack(&octets, answers, &mut self.dice))
            }
            _ => answer(&flight.message),
        };
        self.answers.push((flight.exchange, octets));
    }

    /// An answer reaches the NEM: perhaps once more later, perhaps for another message.
    fn come_back(&mut self) {
        let Some(which) = self.dice.pick(&self.answers) else { return };
        let doubled = self.dice.one_in(8);
        let (mut exchange, octets) =
            if doubled { self.answers[which].clone() } else { self.answers.remove(which) };
        if self.dice.one_in(12)
            && let Some(other) = self.dice.pick(&self.flights)
        {
            exchange = self.flights[other].exchange;
        }
        self.take(exchange, &octets);
    }

    fn take(&mut self, exchange: ExchangeId, octets: &[u8]) {
        // A ledger that fails is what is being tried.
        let _ = self.nem.handle(Input::Answer { exchange, octets }, self.now);
    }

    /// A message or an answer is lost, or comes when nobody waits for it any more.
    fn lose(&mut self) {
        let late = self.dice.one_in(2);
        if self.dice.one_in(2) {
            let Some(which) = self.dice.pick(&self.flights) else { return };
            let exchange = self.flights[which].exchange;
            if !late {
                self.flights.remove(which);
            }
            self.fail(exchange);
        } else {
            let Some(which) = self.dice.pick(&self.answers) else { return };
            let exchange = self.answers[which].0;
            if !late {
                self.answers.remove(which);
            }
            self.fail(exchange);
        }
    }

    fn fail(&mut self, exchange: ExchangeId) {
        let _ = self.nem.handle(Input::Failure { exchange, reason: "lost" }, self.now);
    }

    fn pass(&mut self) {
        let millis = [1, 100, 1_000, 30_000, 400_000][self.dice.below(5)];
        self.now = match self.nem.poll_timeout() {
            Some(due) if self.dice.one_in(2) => self.now.max(due),
            _ => self.now.saturating_add(Duration::from_millis(millis)),
        };
        let _ = self.nem.handle(Input::Tick, self.now);
    }

    fn break_ledger(&mut self) {
        self.ledger.break_after(self.dice.below(6));
    }

    fn crash(&mut self) {
        self.crashes += 1;
        let upstreams = self.upstreams();
        self.nem = build(&upstreams, &self.anchors, &self.ledger, self.crashes);
        // Whoever waited for these is gone with the NEM; what they brought may still be there.
        self.answers.clear();
        if self.dice.one_in(2) {
            self.flights.clear();
        }
        let _ = self.nem.handle(Input::Tick, self.now);
    }

    fn change_manners(&mut self) {
        const MANNERS: [Manner; 6] = [
            Manner::TakesApart,
            Manner::TakesApart,
            Manner::Careless,
            Manner::AnswersTheFirstOnly,
            Manner::AnswersInHtml,
            Manner::Away,
        ];
        let raca = RACAS[self.dice.below(2)];
        let manner = MANNERS[self.dice.below(MANNERS.len())];
        if let Some(raca) = self.racas.get_mut(raca) {
            raca.manner = manner;
        }
    }

    /// Other batches; sometimes one RA/CA only.
    fn reconfigure(&mut self) {
        let mut upstreams = self.upstreams();
        if self.dice.one_in(3) {
            upstreams.remove(self.dice.below(2));
        }
        let _ = self.nem.set_upstreams(upstreams, self.now);
    }

    /// An operator holds requests, releases them, or tries them again.
    fn steer(&mut self) {
        let ids: Vec<RequestId> = self.accepted.values().copied().collect();
        let Some(which) = self.dice.pick(&ids) else { return };
        let _ = match self.dice.below(4) {
            0 => self.nem.hold(ids[which], self.now),
            1 => self.nem.retry_now(ids[which], self.now),
            // What left in a file is released otherwise.
            _ if self.is_out(ids[which]) => Ok(()),
            _ => self.nem.release(ids[which], self.now),
        };
    }

    fn is_out(&self, id: RequestId) -> bool {
        self.ledger.records().iter().any(|record| record.id == id && record.state.export().is_some())
    }

    fn upstreams(&mut self) -> Vec<Upstream> {
        RACAS.map(|raca| upstream(raca, &self.operator, &self.credential, &mut self.dice)).into()
    }

    fn collect(&mut self) {
        while let Some(output) = self.nem.poll_output() {
            match output {
                Output::Send { exchange, upstream, message } => {
                    self.flights.push(Flight { exchange, upstream, message });
                }
                Output::Notice(notice) if matches!(notice.news, News::BatchAnswered { .. }) => {
                    self.batches_answered += 1;
                }
                _ => {}
            }
        }
    }
}

fn build(upstreams: &[Upstream], anchors: &StationAnchors, ledger: &MemoryLedger, start: usize) -> Nem {
    let stations = (0..STATIONS).map(|number| {
        let vendor = VendorCertificate::new(Some(name(&format!("CN=SN-{number},O=Vendor"))), None);
        Station::new(format!("enb{number}"), vendor, subject(number))
    });
    Nem::new(
        provider_counting_from((start as u64) << 32),
        upstreams.to_vec(),
        anchors.clone(),
        Inventory::new(stations.collect()).unwrap(),
        Settings::default(),
        Box::new(ledger.clone()),
    )
    .unwrap()
}

fn upstream(
    raca: &str,
    operator: &EncodedCertificate,
    certificate: &EncodedCertificate,
    dice: &mut Dice,
) -> Upstream {
    let key = Box::new(NoSecurityKey::new());
    let mut upstream = Upstream::new(raca, identity(certificate.clone()), key, vec![operator.clone()]);
    upstream.priority = if raca == RACAS[0] { 1 } else { 2 };
    upstream.batching = Batching::new(1 + dice.below(4), Duration::from_millis(500));
    upstream.max_in_flight = 1 + dice.below(4);
    upstream.implicit_confirm = dice.one_in(3);
    upstream
}

fn parse(message: &[u8]) -> PkiMessage {
    let mut policy = ReadingPolicy::default();
    policy.message_size = 1 << 20;
    PkiMessage::inspect(message, &policy).unwrap()
}

/// The messages in a batch.
fn inside(message: &[u8]) -> Option<Vec<Vec<u8>>> {
    match parse(message).body() {
        PkiBody::Nested(inner) => Some(inner.iter().map(|inner| inner.octets().to_vec()).collect()),
        _ => None,
    }
}

/// The same batch with some of its messages, some of them twice, in any order.
fn repack(batch: &[u8], messages: Vec<Vec<u8>>, dice: &mut Dice) -> Vec<u8> {
    let mut mixed: Vec<Vec<u8>> = Vec::new();
    for message in messages {
        for _ in 0..[0, 1, 1, 2][dice.below(4)] {
            mixed.insert(dice.below(mixed.len() + 1), message.clone());
        }
    }
    if mixed.is_empty() {
        return batch.to_vec();
    }
    let body = PkiBody::Nested(mixed.iter().map(|message| RawDer::new(message).unwrap()).collect());
    let sequence = Any::from_der(batch).unwrap();
    let mut reader = SliceReader::new(sequence.value()).unwrap();
    let mut parts = Vec::new();
    while !reader.is_finished() {
        parts.push(reader.tlv_bytes().unwrap().to_vec());
    }
    parts[1] = body.to_der().unwrap();
    Any::new(Tag::Sequence, parts.concat()).unwrap().to_der().unwrap()
}

fn csr(station: usize) -> Vec<u8> {
    let builder = CertReqBuilder::new(subject(station), &public_key(station as u8));
    builder.with_signature(SignatureAlgorithm::EcdsaWithSha256, &NoSecurityKey::SIGNATURE).unwrap()
}

fn subject(station: usize) -> Name {
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
