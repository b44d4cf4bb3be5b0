//! A station changes its mind.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use ca::registry::CertificateStatus;
use nem::Standing;
use support::{House, SUBJECT, csr, key};

#[test]
fn what_was_not_sent_is_not_sent() {
    let mut house = House::new();
    // There is room for the request, and for a while none for its first message.
    house.ledger.break_after(1);
    let (id, _) = house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
    assert!(house.sends().is_empty());
    let Some(Standing::UnderWay { progress, .. }) = house.nem.standing(id).unwrap() else { panic!("no") };
    assert_eq!(progress, "queued");
    house.ledger.set_broken(false);
    assert!(!house.nem.cancel("enb2", id, house.now).unwrap(), "another station's");
    assert!(house.nem.cancel("enb1", id, house.now).unwrap());
    house.run();
    assert!(house.issued().is_empty());
    let Some(Standing::Rejected { reason }) = house.nem.standing(id).unwrap() else { panic!("no") };
    assert!(reason.contains("cancelled by the station"), "{reason}");
    assert!(!house.nem.cancel("enb1", id, house.now).unwrap(), "decided");
}

#[test]
fn a_certificate_that_comes_all_the_same_is_turned_down_also_after_a_crash() {
    let mut house = House::new();
    house.ca.policy.issuing_delay = Duration::from_secs(30);
    let (id, _) = house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
    for (request, message) in house.sends() {
        let reply = house.ca.handle(&message, house.now);
        house.answer(request, &reply.octets);
    }
    assert!(house.nem.cancel("enb1", id, house.now).unwrap());
    house.crash();
    house.run();
    assert!(matches!(house.nem.standing(id).unwrap(), Some(Standing::Rejected { .. })));
    assert!(house.logged("turned down: the station cancelled"), "{:?}", house.events);
    assert_ne!(house.only_issued().status, CertificateStatus::Valid);
}

#[test]
fn a_certificate_that_is_confirmed_stays() {
    let mut house = House::new();
    let (id, _) = house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
    house.run();
    assert!(!house.nem.cancel("enb1", id, house.now).unwrap());
    assert!(matches!(house.nem.standing(id).unwrap(), Some(Standing::Issued(_))));
}
