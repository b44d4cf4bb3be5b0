//! Stations that do not count as connected can neither enrol nor renew.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use asn1::UnixTime;
use nem::{Batching, Inventory, Liveness, Refusal, Shown, Standing, WhenAbsent};
use support::{Fleet, House, SUBJECT, csr, key};

const SILENCE: Duration = Duration::from_secs(600);

/// A batch waits this long for its second message.
const DELAY: Duration = Duration::from_secs(3600);

fn liveness(own_contact: bool, queued: WhenAbsent) -> Liveness {
    let mut liveness = Liveness::default();
    liveness.silent_after = Some(SILENCE);
    liveness.own_contact = own_contact;
    liveness.queued = queued;
    liveness
}

/// Two stations, whose requests wait for a third one's.
fn house(liveness: Liveness) -> (House, Fleet) {
    let (mut house, fleet) = House::with_fleet(2, Batching::new(3, DELAY));
    house.nem.set_liveness(liveness, house.now);
    (house, fleet)
}

fn is_connected(house: &House, station: &str) -> bool {
    house.nem.presence(station, house.now).unwrap().connected
}

fn later(house: &mut House, seconds: u64) {
    house.now = house.now.saturating_add(Duration::from_secs(seconds));
}

#[test]
fn without_rules_whoever_is_in_the_inventory_is_there() {
    let mut house = House::new();
    assert!(is_connected(&house, "enb1"));
    assert_eq!(house.nem.presence("enb2", house.now), None);
    house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
    assert_eq!(house.nem.presence("enb1", house.now).unwrap().last_contact, Some(house.now));
}

#[test]
fn what_is_queued_waits_for_its_station() {
    let (mut house, fleet) = house(liveness(true, WhenAbsent::Hold));
    let (first, second) = (house.upload_of(&fleet, 0), house.upload_of(&fleet, 1));
    assert_eq!(house.nem.connected_stations(house.now), 2);
    later(&mut house, 599);
    // It asks how it stands: that is a sign of life.
    house.nem.identify(Shown::Certificates(&fleet.chains[0]), house.now).unwrap();
    later(&mut house, 2);
    assert!(is_connected(&house, "enb1") && !is_connected(&house, "enb2"));
    house.nem.flush(None, house.now).unwrap();
    assert_eq!(house.outgoing().len(), 1, "the one of the two that is there");
    assert!(house.logged("held until its station is connected"));
    let Some(Standing::UnderWay { progress, .. }) = house.nem.standing(second).unwrap() else { panic!("no") };
    assert_eq!(progress, "queued");
    // Nothing about it is due, however long that takes.
    later(&mut house, 100_000);
    house.nem.flush(None, house.now).unwrap();
    let before = house.events.len();
    house.outgoing();
    assert!(house.events.iter().skip(before).all(|event| event.request == first), "{:?}", house.events);

    house.nem.identify(Shown::Certificates(&fleet.chains[1]), house.now).unwrap();
    house.nem.handle(nem::Input::Tick, house.now).unwrap();
    house.nem.flush(None, house.now).unwrap();
    assert!(house.outgoing().len() == 1, "it goes on");
}

#[test]
fn what_is_queued_is_dropped_where_the_policy_says_so() {
    let (mut house, fleet) = house(liveness(true, WhenAbsent::Drop));
    let id = house.upload_of(&fleet, 0);
    later(&mut house, 601);
    house.nem.flush(None, house.now).unwrap();
    assert!(house.outgoing().is_empty());
    let Some(Standing::Rejected { reason }) = house.nem.standing(id).unwrap() else { panic!("no") };
    assert!(reason.contains("not connected"), "{reason}");
    assert_eq!(house.nem.requests_under_way(), 0);
}

#[test]
fn where_reports_have_the_say_an_upload_is_none() {
    let (mut house, fleet) = house(liveness(false, WhenAbsent::Hold));
    let upload = |house: &mut House| {
        let upload = nem::Upload::Pkcs10(&fleet.requests[0]);
        house.nem.upload(Shown::Certificates(&fleet.chains[0]), upload, None, house.now)
    };
    let refusal = upload(&mut house).unwrap_err();
    assert!(matches!(&refusal, Refusal::NotConnected { station, .. } if station == "enb1"), "{refusal}");
    assert!(house.nem.identify(Shown::Certificates(&fleet.chains[0]), house.now).is_err());
    assert_eq!(house.ledger.records().len(), 0);

    assert_eq!(house.nem.report([("enb1", true), ("enb9", true)], house.now), ["enb9"]);
    let (id, _) = upload(&mut house).unwrap();
    later(&mut house, 601);
    assert!(matches!(upload(&mut house), Err(Refusal::NotConnected { .. })), "nobody said so since");
    house.nem.report([("enb1", true)], house.now);
    house.nem.flush(None, house.now).unwrap();
    house.run();
    assert!(matches!(house.nem.standing(id).unwrap(), Some(Standing::Issued(_))));
}

#[test]
fn whoever_is_reported_absent_stays_so_until_the_opposite_is_reported() {
    let (mut house, fleet) = house(Liveness::default());
    let id = house.upload_of(&fleet, 0);
    house.nem.report([("enb1", false)], house.now);
    assert!(!is_connected(&house, "enb1"));
    let shown = Shown::Certificates(&fleet.chains[0]);
    assert!(matches!(house.nem.identify(shown, house.now), Err(Refusal::NotConnected { .. })));
    house.nem.flush(None, house.now).unwrap();
    assert!(house.outgoing().is_empty());
    // It stays so when the inventory is read again, whatever the order of the stations is.
    let mut stations = fleet.stations();
    stations.reverse();
    stations.remove(0);
    house.nem.set_inventory(Inventory::new(stations).unwrap(), house.now).unwrap();
    assert!(!is_connected(&house, "enb1"));
    assert_eq!(house.nem.presence("enb2", house.now), None);
    house.nem.set_inventory(fleet.inventory(), house.now).unwrap();
    house.nem.report([("enb1", true)], house.now);
    house.nem.flush(None, house.now).unwrap();
    house.run();
    assert!(matches!(house.nem.standing(id).unwrap(), Some(Standing::Issued(_))));
}

#[test]
fn after_a_restart_nobody_counts_as_silent_at_once() {
    let (mut house, fleet) = house(liveness(true, WhenAbsent::Drop));
    let id = house.upload_of(&fleet, 0);
    later(&mut house, 86_400);
    house.crash();
    let now: UnixTime = house.now;
    house.nem.set_liveness(liveness(true, WhenAbsent::Drop), now);
    assert_eq!(house.nem.connected_stations(now), 0, "nobody was heard of");
    house.run();
    assert!(matches!(house.nem.standing(id).unwrap(), Some(Standing::Issued(_))));
}

#[test]
fn other_rules_are_taken_up_at_once() {
    let (mut house, fleet) = house(liveness(true, WhenAbsent::Hold));
    let id = house.upload_of(&fleet, 0);
    later(&mut house, 601);
    house.nem.flush(None, house.now).unwrap();
    assert!(house.outgoing().is_empty());
    house.nem.set_liveness(Liveness::default(), house.now);
    house.run();
    assert!(matches!(house.nem.standing(id).unwrap(), Some(Standing::Issued(_))));
}
