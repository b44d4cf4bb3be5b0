//! A request's way, whole or interrupted at any point.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use ca::registry::CertificateStatus;
use cmp::{PkiBody, PkiMessage};
use nem::ledger::State;
use nem::{Happening, Input, Standing};
use support::{House, SUBJECT, csr, key};

#[test]
fn a_station_gets_its_certificate() {
    for (implicit_confirm, delay, messages) in [(false, 0, 2), (true, 0, 1), (false, 30, 4)] {
        let mut house = House::new();
        house.implicit_confirm = implicit_confirm;
        house.crash();
        house.ca.policy.issuing_delay = Duration::from_secs(delay);
        let request = csr(SUBJECT, &key(), Vec::new());
        let (id, standing) = house.upload(&request).unwrap();
        assert!(matches!(standing, Standing::UnderWay { .. }));
        house.run();
        let Some(Standing::Issued(certificates)) = house.nem.standing(id).unwrap() else { panic!("none") };
        assert_eq!(house.only_issued().certificate, certificates.certificate);
        assert_eq!(house.only_issued().status, CertificateStatus::Valid);
        assert_eq!(certificates.chain, [house.operator.certificate().clone()]);
        let sent = house.events.iter().filter(|event| matches!(event.happening, Happening::Sent(_))).count();
        assert_eq!(sent, messages);

        house.nem.handle(Input::Delivered { request: id }, house.now).unwrap();
        assert_eq!(house.ledger.only().state.name(), "delivered");
        // The same octets are the same request.
        let (again, standing) = house.upload(&request).unwrap();
        assert_eq!((again, standing), (id, Standing::Issued(certificates)));
        assert!(house.sends().is_empty());
    }
}

#[test]
fn the_station_s_octets_reach_the_ra_ca() {
    let mut house = House::new();
    let request = csr(SUBJECT, &key(), Vec::new());
    house.upload(&request).unwrap();
    let sends = house.sends();
    let message = PkiMessage::from_der(&sends[0].1).unwrap();
    let PkiBody::P10cr(inner) = message.body() else { panic!("{:?}", message.body()) };
    assert_eq!(inner.octets(), request);
}

#[test]
fn an_unreachable_ra_ca_is_asked_again_later_and_later() {
    let mut house = House::new();
    house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
    let mut first = None;
    for delay in [1, 2, 4] {
        let sends = house.sends();
        let (request, message) = sends.into_iter().next().unwrap();
        assert_eq!(first.get_or_insert(message.clone()), &message, "the same octets each time");
        house.fail(request);
        assert!(house.sends().is_empty());
        let due = house.nem.poll_timeout().unwrap();
        assert!(due.abs_diff(house.now) <= Duration::from_secs(delay));
        if delay < 4 {
            assert_eq!(due.abs_diff(house.now), Duration::from_secs(delay));
            house.wake();
        }
    }
    // Now it is left alone, and only asked now and then whether it is there.
    assert!(house.logged("it does not answer"), "{:?}", house.notices);
    let mut pause = Duration::from_secs(1);
    for _ in 0..8 {
        let before = house.now;
        while house.probes.is_empty() {
            house.wake();
            assert!(house.sends().is_empty());
        }
        let waited = house.now.abs_diff(before);
        assert!(pause / 2 <= waited && waited <= pause, "{waited:?} of {pause:?}");
        let (exchange, _) = house.probes.remove(0);
        house.nem.handle(Input::Failure { exchange, reason: "no route" }, house.now).unwrap();
        pause = (pause * 2).min(Duration::from_secs(60));
    }
    // An hour later messageTime is out of the window: a new transaction is begun, and one certificate issued.
    house.now = house.now.saturating_add(Duration::from_secs(3600));
    house.run();
    assert!(house.logged("badTime"), "{:?}", house.events);
    assert_eq!(house.only_issued().status, CertificateStatus::Valid);
}

/// Where the NEM crashes, in the order of a request's way: before a message leaves, after the RA/CA had it, after its
/// answer was taken.
fn crash_at(step: usize, delay: u64) -> bool {
    let mut house = House::new();
    house.ca.policy.issuing_delay = Duration::from_secs(delay);
    let request = csr(SUBJECT, &key(), Vec::new());
    let (id, _) = house.upload(&request).unwrap();
    let mut steps = 0;
    let mut crashed = false;
    let mut crash = |house: &mut House| {
        let now = steps == step && !crashed;
        steps += 1;
        if now {
            crashed = true;
            house.crash();
        }
        now
    };
    'run: for _ in 0..100 {
        for (request, message) in house.sends() {
            if crash(&mut house) {
                continue 'run;
            }
            let reply = house.ca.handle(&message, house.now);
            if crash(&mut house) {
                continue 'run;
            }
            house.answer(request, &reply.octets);
            if crash(&mut house) {
                continue 'run;
            }
        }
        if house.nem.requests_under_way() == 0 {
            break;
        }
        house.wake();
    }
    let standing = house.nem.standing(id).unwrap();
    let Some(Standing::Issued(certificates)) = standing else { panic!("step {step}: {standing:?}") };
    assert_eq!(house.only_issued().certificate, certificates.certificate, "step {step}");
    assert_eq!(house.only_issued().status, CertificateStatus::Valid, "step {step}");
    crashed
}

#[test]
fn a_crash_at_any_point_loses_nothing_and_doubles_nothing() {
    for delay in [0, 5] {
        let steps = (0..100).take_while(|step| crash_at(*step, delay)).count();
        assert!(steps >= 6, "{steps} points were tried");
    }
}

#[test]
fn what_the_ledger_does_not_take_does_not_happen() {
    let mut house = House::new();
    let request = csr(SUBJECT, &key(), Vec::new());
    house.ledger.set_broken(true);
    let refused = house.upload(&request).unwrap_err();
    assert!(matches!(refused, nem::Refusal::Ledger { .. }), "{refused}");
    assert!(house.sends().is_empty() && house.ledger.records().is_empty());

    house.ledger.set_broken(false);
    house.upload(&request).unwrap();
    let (id, message) = house.sends().remove(0);
    let reply = house.ca.handle(&message, house.now);
    house.ledger.set_broken(true);
    house.try_answer(id, &reply.octets).unwrap_err();
    assert!(house.sends().is_empty(), "no certConf leaves that is not in the ledger");
    assert!(matches!(house.ledger.only().state, State::Sent { .. }));
    house.ledger.set_broken(false);
    house.run();
    assert_eq!(house.only_issued().status, CertificateStatus::Valid);
    assert_eq!(house.ledger.only().state.name(), "issued");
}

#[test]
fn a_rejected_request_is_tried_anew_after_a_minute() {
    let mut house = House::new();
    let request = csr(SUBJECT, &key(), Vec::new());
    let trust = std::mem::take(&mut house.ca.trust);
    let (id, _) = house.upload(&request).unwrap();
    house.run();
    let Some(Standing::Rejected { reason }) = house.nem.standing(id).unwrap() else { panic!("not rejected") };
    assert!(reason.contains("signerNotTrusted"), "{reason}");
    assert_eq!(house.upload(&request).unwrap().0, id);
    house.ca.trust = trust;
    house.now = house.now.saturating_add(Duration::from_secs(61));
    let (again, _) = house.upload(&request).unwrap();
    assert_ne!(again, id);
    house.run();
    assert_eq!(house.only_issued().status, CertificateStatus::Valid);
}

#[test]
fn a_renewal_may_be_the_same_request_octet_for_octet() {
    let mut house = House::new();
    let request = csr(SUBJECT, &key(), Vec::new());
    let (first, _) = house.upload(&request).unwrap();
    house.run();
    let Some(Standing::Issued(old)) = house.nem.standing(first).unwrap() else { panic!("none") };

    // The station shows its operator certificate: it has it, and wants the next.
    house.now = house.now.saturating_add(Duration::from_secs(3600));
    house.station = vec![old.certificate.clone()];
    let (second, standing) = house.upload(&request).unwrap();
    assert_ne!(second, first);
    assert!(matches!(standing, Standing::UnderWay { .. }));
    assert_eq!(house.upload(&request).unwrap().0, second, "while it is under way it is one request");
    house.run();
    let (again, standing) = house.upload(&request).unwrap();
    let Standing::Issued(new) = standing else { panic!("{standing:?}") };
    assert_eq!(again, second);
    assert_ne!(new.certificate, old.certificate);
    assert_eq!(house.issued().len(), 2);
}
