//! A ledger that fails at any write, a NEM that starts again, a network that is away for long: the station gets its
//! certificate, and exactly one is issued.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use ca::Outcome;
use ca::registry::CertificateStatus;
use nem::{Input, Standing};
use support::{House, SUBJECT, csr, key};

/// Every way a request can go: confirmed, confirmed implicitly, polled for.
const WAYS: [(bool, u64); 4] = [(false, 0), (true, 0), (false, 30), (true, 30)];

fn house(implicit_confirm: bool, delay: u64) -> House {
    let mut house = House::new();
    house.implicit_confirm = implicit_confirm;
    house.crash();
    house.ca.policy.issuing_delay = Duration::from_secs(delay);
    house
}

/// That the station, which comes back with the same request, gets the one certificate that there is.
fn one_certificate(house: &mut House, request: &[u8], when: &str) {
    let (id, _) = house.upload(request).unwrap();
    house.run();
    let standing = house.nem.standing(id).unwrap();
    let Some(Standing::Issued(certificates)) = standing else { panic!("{when}: {standing:?}") };
    let issued = house.issued();
    assert_eq!(issued.len(), 1, "{when}");
    assert_eq!(issued[0].certificate, certificates.certificate, "{when}");
    assert_eq!(issued[0].status, CertificateStatus::Valid, "{when}");
    assert_eq!(house.ledger.only().id, id, "{when}");
}

/// Carries messages until the ledger is broken or all is done. Errors are what is being tried.
fn run_until_broken(house: &mut House, request: &[u8]) {
    let _ = house.upload(request);
    while !house.ledger.is_broken() && house.nem.requests_under_way() > 0 {
        for (request, message) in house.sends() {
            let reply = house.ca.handle(&message, house.now);
            let _ = house.try_answer(request, &reply.octets);
        }
        house.wake();
    }
    for record in house.ledger.records() {
        let _ = house.nem.handle(Input::Delivered { request: record.id }, house.now);
    }
}

#[test]
fn a_ledger_that_fails_at_any_write() {
    for (implicit_confirm, delay) in WAYS {
        for restarted in [true, false] {
            let mut writes = 0;
            loop {
                let mut house = house(implicit_confirm, delay);
                let request = csr(SUBJECT, &key(), Vec::new());
                house.ledger.break_after(writes);
                run_until_broken(&mut house, &request);
                if !house.ledger.is_broken() {
                    break;
                }
                house.ledger.set_broken(false);
                if restarted {
                    house.crash();
                }
                let when = format!("implicit {implicit_confirm}, delay {delay}, {writes} writes");
                one_certificate(&mut house, &request, &when);
                writes += 1;
            }
            // queued, sent, issued, delivered are the fewest.
            assert!(writes >= 4, "{writes}");
        }
    }
}

#[test]
fn after_a_crash_the_same_octets_go_again_and_get_the_same_answer() {
    for (implicit_confirm, delay) in WAYS {
        let mut house = house(implicit_confirm, delay);
        let request = csr(SUBJECT, &key(), Vec::new());
        house.upload(&request).unwrap();
        while house.nem.requests_under_way() > 0 {
            for (_, message) in house.sends() {
                let lost = house.ca.handle(&message, house.now);
                house.crash();
                house.wake();
                let (id, again) = house.sends().remove(0);
                assert_eq!(again, message);
                let reply = house.ca.handle(&again, house.now);
                assert!(matches!(reply.event.outcome, Outcome::Repeated), "{:?}", reply.event);
                assert_eq!(reply.octets, lost.octets);
                house.answer(id, &reply.octets);
            }
            house.wake();
        }
        one_certificate(&mut house, &request, "repeated");
    }
}

/// Loses message number `step` or its answer, and then the network for an hour. False when there is no such message.
fn outage_at(step: usize, arrived: bool, (implicit_confirm, delay): (bool, u64)) -> bool {
    let mut house = house(implicit_confirm, delay);
    let request = csr(SUBJECT, &key(), Vec::new());
    house.upload(&request).unwrap();
    let mut sent = 0;
    while house.nem.requests_under_way() > 0 {
        for (id, message) in house.sends() {
            let reply = (sent != step || arrived).then(|| house.ca.handle(&message, house.now));
            if let Some(reply) = reply.filter(|_| sent != step) {
                house.answer(id, &reply.octets);
            } else {
                house.fail(id);
                house.now = house.now.saturating_add(Duration::from_secs(3600));
            }
            sent += 1;
        }
        house.wake();
        assert!(sent < 100, "it never ends: {:?}", house.events.last());
    }
    one_certificate(&mut house, &request, &format!("message {step}, arrived {arrived}, delay {delay}"));
    sent > step
}

#[test]
fn an_hour_without_the_ra_ca() {
    for way in WAYS {
        for arrived in [false, true] {
            let steps = (0..100).take_while(|step| outage_at(*step, arrived, way)).count();
            assert!(steps >= 1, "{way:?}");
        }
    }
}
