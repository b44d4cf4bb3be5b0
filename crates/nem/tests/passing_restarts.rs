//! The NEM ends in the middle of transactions whose messages stations sign themselves, and goes on from its ledger.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use ca::VendorNames;
use ca::registry::CertificateStatus;
use cmp::end_entity::{Answer, Confirmation};
use cmp::{Expectation, PkiFailureInfo, SignerRole, Trust, ValidatedMessage};
use crypto::ExtendedKeyUsage;
use crypto_aws_lc::provider;
use nem::{Inventory, Passing, Refusal, Station, Upstream, VendorCertificate};
use support::liar::{Liar, error};
use support::speaker::{Speaker, answer, enrol, house, ir, pass, replaced};
use support::{House, NOW, SUBJECT, enb1, key, name};

const ALL: [Passing; 3] = [Passing::Unchanged, Passing::AddedProtection, Passing::ReplacedProtection];

/// A house in which stations may speak for themselves, too, with a second RA/CA.
struct Journey {
    house: House,
    station: Speaker,
    policy: Passing,
    /// Steps until the NEM ends.
    left: usize,
    restarted: bool,
}

impl Journey {
    fn new(policy: Passing, left: usize) -> Self {
        let (mut house, station) = house();
        let anchors = vec![house.vendor.certificate().clone()];
        house.ca.trust.push(Trust::new(SignerRole::VendorCertified, anchors, ExtendedKeyUsage::Any));
        house.ca.policy.vendor_names = VendorNames::Any;
        let mut journey = Self { house, station, policy, left, restarted: false };
        journey.restart(["raca", "other"]);
        journey
    }

    /// From its ledger, with the better RA/CA named first.
    fn restart(&mut self, upstreams: [&str; 2]) {
        let upstream = |(priority, name)| -> Upstream {
            let mut upstream = self.house.upstream(name);
            upstream.priority = priority;
            upstream
        };
        let upstreams = [(1, upstreams[0]), (2, upstreams[1])].map(upstream);
        self.house.restart(upstreams.into(), self.house.nem.inventory().clone());
    }

    fn step(&mut self) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 && !self.restarted {
            self.restarted = true;
            // What begins now would go to the other one, and in another way.
            self.restart(["other", "raca"]);
            self.policy = Passing::Unchanged;
        }
    }

    /// The station's message, and its answer, which comes at the second attempt.
    fn exchange(&mut self, octets: &[u8], expectation: &Expectation<'_>) -> ValidatedMessage {
        self.step();
        let passage = pass(&mut self.house, octets, self.policy).unwrap();
        self.step();
        let repeated = pass(&mut self.house, octets, self.policy).unwrap();
        assert_eq!(repeated, passage);
        let lost = self.house.ca.handle(&repeated.message, self.house.now).octets;
        self.step();
        self.house.nem.take_passed(&repeated, octets, &lost, self.house.now).unwrap();
        self.step();
        let last = pass(&mut self.house, octets, self.policy).unwrap();
        assert_eq!(last, passage);
        self.step();
        answer(&mut self.house, &last, expectation)
    }

    /// From the first message to pkiConf, with two polls when the RA/CA takes its time. Whether it came to a restart.
    fn enrols(&mut self) -> bool {
        let (octets, mut awaiting) = self.station.start(ir(SUBJECT, &key()), self.house.now);
        let mut octets = octets;
        let granted = loop {
            let message = self.exchange(&octets, &awaiting.expectation());
            match awaiting.handle(&message).unwrap() {
                Answer::Granted(granted) => break granted,
                Answer::Waiting(waiting) => {
                    self.house.now = self.house.now.saturating_add(Duration::from_secs(6));
                    let (part, next) =
                        waiting.poll(&self.station.identity, &provider(), self.house.now).unwrap();
                    (octets, awaiting) = (part.sign(&self.station.key).unwrap(), next);
                }
                other => panic!("{other:?}"),
            }
        };
        let (part, awaiting) = granted.confirm(&self.station.identity, &provider(), self.house.now).unwrap();
        let octets = part.sign(&self.station.key).unwrap();
        let pki_conf = self.exchange(&octets, &awaiting.expectation());
        assert!(matches!(awaiting.handle(&pki_conf).unwrap(), Confirmation::Done));
        assert_eq!(self.house.only_issued().status, CertificateStatus::Valid);
        self.restarted
    }
}

#[test]
fn a_transaction_goes_on_where_it_began_and_as_it_began() {
    for policy in ALL {
        for delay in [0, 10] {
            let mut steps = 0;
            for last_step in 1.. {
                let mut journey = Journey::new(policy, last_step);
                journey.house.ca.policy.issuing_delay = Duration::from_secs(delay);
                if !journey.enrols() {
                    break;
                }
                steps += 1;
            }
            assert!(steps >= 10, "{steps}");
        }
    }
}

/// As the message goes as it is, nothing is written while there is one RA/CA for it to go to.
#[test]
fn where_a_message_went_is_known_when_another_ra_ca_comes() {
    let (mut house, station) = house();
    let (octets, _) = station.start(ir(SUBJECT, &key()), NOW);
    let passage = pass(&mut house, &octets, Passing::Unchanged).unwrap();
    assert!(house.ledger.passed().is_empty());
    let mut better = house.upstream("better");
    better.priority = 0;
    let upstreams = || [house.upstream("raca"), better.clone()].into();
    let both: [Vec<Upstream>; 2] = [upstreams(), upstreams()];
    let [now, then] = both;
    house.ledger.set_broken(true);
    house.nem.set_upstreams(vec![house.upstream("raca"), better.clone()], NOW).unwrap_err();
    house.ledger.set_broken(false);
    house.nem.set_upstreams(now, NOW).unwrap();
    assert_eq!(house.ledger.passed().len(), 1);
    house.restart(then, house.nem.inventory().clone());
    assert_eq!(pass(&mut house, &octets, Passing::Unchanged).unwrap(), passage);
    let (octets, _) = station.start(ir(SUBJECT, &key()), NOW);
    assert_eq!(&*pass(&mut house, &octets, Passing::Unchanged).unwrap().upstream, "better");
}

#[test]
fn nothing_goes_up_that_is_not_in_the_ledger() {
    let (mut house, station) = house();
    let (octets, _) = station.start(ir(SUBJECT, &key()), NOW);
    house.ledger.set_broken(true);
    for policy in [Passing::ReplacedProtection, Passing::AddedProtection] {
        let refusal = pass(&mut house, &octets, policy).unwrap_err();
        assert!(matches!(refusal, Refusal::Ledger { .. }), "{refusal}");
    }
    house.ledger.set_broken(false);
    assert!(house.ledger.passed().is_empty());
    replaced(&mut house, &octets);
    assert_eq!(house.ledger.passed().len(), 1);
}

#[test]
fn a_station_that_begins_thousands_displaces_its_own_only() {
    let (mut house, station) = house();
    let other = key();
    let certificate = support::certify(&house.vendor, &ca::Profile::NE, "CN=SN-2,O=Vendor", &other);
    let vendor = VendorCertificate::new(Some(name("CN=SN-2,O=Vendor")), None);
    let enb2 = Station::new("enb2".into(), vendor, name("CN=enb2.operator.example"));
    house.restart_with(Inventory::new(vec![enb1(), enb2]).unwrap());
    let enb1 = house.station.clone();
    let (octets, _) = station.start(ir(SUBJECT, &key()), NOW);
    let passage = replaced(&mut house, &octets);

    house.station = vec![certificate.clone()];
    let mallory = Speaker::new(certificate, other);
    let mut first = None;
    for _ in 0..2000 {
        let (octets, _) = mallory.start(ir("CN=enb2.operator.example", &mallory.key), NOW);
        let passage = replaced(&mut house, &octets);
        first.get_or_insert((octets, passage));
        assert!(house.ledger.passed().len() <= 5);
    }
    house.crash();
    let (octets_of_first, first) = first.unwrap();
    assert_ne!(replaced(&mut house, &octets_of_first).message, first.message, "it is forgotten");
    house.station = enb1;
    assert_eq!(replaced(&mut house, &octets), passage);
}

#[test]
fn an_answer_that_the_station_does_not_believe_ends_nothing() {
    let (mut house, station) = house();
    let (octets, awaiting) = station.start(ir(SUBJECT, &key()), NOW);
    let passage = replaced(&mut house, &octets);
    let message = answer(&mut house, &passage, &awaiting.expectation());
    let Answer::Granted(granted) = awaiting.handle(&message).unwrap() else { panic!("{message:?}") };
    let planted = Liar::new(&house.vendor).answer(&octets, &error(PkiFailureInfo::BAD_REQUEST), NOW);
    house.nem.take_passed(&passage, &octets, &planted, NOW).unwrap();
    // The station goes on, and waits longer than what has ended is kept.
    let (part, _) = granted.confirm(&station.identity, &provider(), house.now).unwrap();
    let cert_conf = part.sign(&station.key).unwrap();
    let passage = replaced(&mut house, &cert_conf);
    house.now = house.now.saturating_add(Duration::from_secs(2 * 3600));
    let (other, _) = station.start(ir(SUBJECT, &key()), house.now);
    replaced(&mut house, &other);
    house.crash();
    assert_eq!(replaced(&mut house, &cert_conf), passage);
}

/// A transaction that has ended is kept while its last message may come once more, and one that nobody goes on with for a month.
#[test]
fn what_is_over_is_forgotten() {
    let (mut house, station) = house();
    let (never_answered, _) = station.start(ir(SUBJECT, &key()), NOW);
    replaced(&mut house, &never_answered);
    enrol(&mut house, &station, ir(SUBJECT, &key()));
    let mut kept_after = |seconds| {
        house.now = house.now.saturating_add(Duration::from_secs(seconds));
        let (octets, _) = station.start(ir(SUBJECT, &key()), house.now);
        let passage = replaced(&mut house, &octets);
        let refusal =
            Liar::new(&house.operator).answer(&octets, &error(PkiFailureInfo::BAD_REQUEST), house.now);
        house.nem.take_passed(&passage, &octets, &refusal, house.now).unwrap();
        house.crash();
        house.ledger.passed().len()
    };
    assert_eq!(kept_after(1), 3);
    assert_eq!(kept_after(3600), 2);
    assert_eq!(kept_after(3601), 2);
    assert_eq!(kept_after(30 * 24 * 3600), 1);
}
