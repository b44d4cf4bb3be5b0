//! Messages that come twice, out of turn, or while the disk is full: one certificate, and the same answer.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod support;

use std::time::Duration;

use ca::registry::CertificateStatus;
use ca::{Ca, Outcome};
use cmp::PkiFailureInfo;
use cmp::end_entity::{Answer, Waiting};
use support::{Fault, House, NOW, YEAR, forged, granted, key, status};
use x509_cert::ext::pkix::CrlReason;

fn own_request(house: &House) -> cmp::end_entity::Enrolment {
    support::ir(support::crmf(&house.station.name(), &key()))
}

fn waiting(answer: Answer) -> Waiting {
    match answer {
        Answer::Waiting(waiting) => waiting,
        other => panic!("{other:?}"),
    }
}

/// Days later, too: the answer is on record, whatever the clock says.
fn repeated(ca: &Ca, message: &[u8], answer: &[u8]) {
    for now in [NOW, NOW.saturating_add(YEAR)] {
        let reply = ca.handle(message, now);
        assert_eq!(reply.octets, answer);
        assert!(matches!(reply.event.outcome, Outcome::Repeated), "{}", reply.event.outcome);
    }
}

#[test]
fn every_message_of_a_transaction_can_be_repeated() {
    let house = House::new();
    let (request, awaiting) = house.start(&house.station, own_request(&house));
    let first = house.ca.handle(&request, NOW);
    repeated(&house.ca, &request, &first.octets);
    let granted = granted(house.answer(awaiting, &first, NOW));
    let (cert_conf, pki_conf) = house.confirm(&house.station, granted, NOW);
    repeated(&house.ca, &cert_conf, &pki_conf.octets);
    repeated(&house.ca, &request, &first.octets);
    assert_eq!(house.registry.only_certificate().status, CertificateStatus::Valid);
}

#[test]
fn a_crash_at_any_stage_changes_nothing() {
    let mut house = House::new();
    house.ca.policy.issuing_delay = Duration::from_secs(10);
    let (request, awaiting) = house.start(&house.station, own_request(&house));
    let first = house.ca.handle(&request, NOW);
    house.restart();
    repeated(&house.ca, &request, &first.octets);

    let waiting = waiting(house.answer(awaiting, &first, NOW));
    let (poll, awaiting) = house.poll(waiting, NOW);
    let second = house.ca.handle(&poll, NOW);
    house.restart();
    repeated(&house.ca, &poll, &second.octets);

    let now = NOW.saturating_add(Duration::from_secs(10));
    let (poll, awaiting) = house.poll(self::waiting(house.answer(awaiting, &second, NOW)), now);
    let third = house.ca.handle(&poll, now);
    house.restart();
    repeated(&house.ca, &poll, &third.octets);

    let (cert_conf, last) = house.confirm(&house.station, granted(house.answer(awaiting, &third, now)), now);
    house.restart();
    repeated(&house.ca, &cert_conf, &last.octets);
    repeated(&house.ca, &request, &first.octets);
    assert_eq!(house.registry.only_certificate().status, CertificateStatus::Valid);
}

#[test]
fn an_answer_to_a_poll_may_be_lost() {
    let mut house = House::new();
    house.ca.policy.issuing_delay = Duration::from_secs(10);
    let (request, awaiting) = house.start(&house.station, own_request(&house));
    let mut waiting = waiting(house.answer(awaiting, &house.ca.handle(&request, NOW), NOW));
    for answered in [true, true, false, true] {
        let (poll, awaiting) = house.poll(waiting.clone(), NOW);
        let reply = house.ca.handle(&poll, NOW);
        // A requester that never saw the answer asks anew, on top of the last one that it did see.
        if answered {
            waiting = self::waiting(house.answer(awaiting, &reply, NOW));
        }
    }
    let now = NOW.saturating_add(Duration::from_secs(10));
    for _ in 0..2 {
        let (poll, awaiting) = house.poll(waiting.clone(), now);
        granted(house.answer(awaiting, &house.ca.handle(&poll, now), now));
    }
    assert_eq!(house.registry.count(), 1);
}

#[test]
fn an_answer_may_be_lost_that_confirms_its_certificate_too() {
    let mut house = House::new();
    house.ca.policy.issuing_delay = Duration::from_secs(10);
    let mut request = own_request(&house);
    request.implicit_confirm = true;
    let (request, awaiting) = house.start(&house.station, request);
    let waiting = waiting(house.answer(awaiting, &house.ca.handle(&request, NOW), NOW));
    let now = NOW.saturating_add(Duration::from_secs(10));
    for _ in 0..3 {
        let (poll, awaiting) = house.poll(waiting.clone(), now);
        assert!(granted(house.answer(awaiting, &house.ca.handle(&poll, now), now)).implicitly_confirmed());
    }
    assert_eq!(house.registry.only_certificate().status, CertificateStatus::Valid);
}

#[test]
fn an_old_poll_that_comes_late_is_in_nobody_s_way() {
    let mut house = House::new();
    house.ca.policy.issuing_delay = Duration::from_secs(10);
    let (request, awaiting) = house.start(&house.station, own_request(&house));
    let waiting = waiting(house.answer(awaiting, &house.ca.handle(&request, NOW), NOW));
    let (early, awaiting) = house.poll(waiting, NOW);
    let waiting = self::waiting(house.answer(awaiting, &house.ca.handle(&early, NOW), NOW));
    let now = NOW.saturating_add(Duration::from_secs(10));
    let (poll, awaiting) = house.poll(waiting, now);
    let granted = granted(house.answer(awaiting, &house.ca.handle(&poll, now), now));
    // The network delivers a copy of the first poll between the certificate and its confirmation.
    house.ca.handle(&early, now);
    house.confirm(&house.station, granted, now);
    assert_eq!(house.registry.only_certificate().status, CertificateStatus::Valid);
}

#[test]
fn a_transaction_id_is_taken_once() {
    let house = House::new();
    let (first, awaiting) = house.start(&house.station, own_request(&house));
    let answer = house.ca.handle(&first, NOW);
    let (second, _) = house.start(&house.station, own_request(&house));
    let id = awaiting.transaction().transaction_id.clone();
    let again = forged(&second, &house.station, |header, _| header.transaction_id = Some(id));
    house.refused_with(&again, PkiFailureInfo::TRANSACTION_ID_IN_USE);
    // Also after it is over, and whatever else arrived: the first request keeps its answer.
    house.confirm(&house.station, granted(house.answer(awaiting, &answer, NOW)), NOW);
    house.refused_with(&again, PkiFailureInfo::TRANSACTION_ID_IN_USE);
    repeated(&house.ca, &first, &answer.octets);
}

#[test]
fn what_cannot_be_written_is_not_issued() {
    for fault in [Fault::Unreadable, Fault::Full] {
        let house = House::new();
        let (request, awaiting) = house.start(&house.station, own_request(&house));
        house.registry.set_fault(fault);
        house.refused_with(&request, PkiFailureInfo::SYSTEM_UNAVAIL);
        // The same octets again, once the disk is well: one certificate.
        house.registry.set_fault(Fault::None);
        assert_eq!(house.registry.count(), 0);
        let reply = house.ca.handle(&request, NOW);
        let granted = granted(house.answer(awaiting, &reply, NOW));

        let (part, awaiting) = granted.confirm(&house.station.identity, &house.provider, NOW).unwrap();
        let cert_conf = part.sign(&house.station.key).unwrap();
        house.registry.set_fault(fault);
        house.refused_with(&cert_conf, PkiFailureInfo::SYSTEM_UNAVAIL);
        house.registry.set_fault(Fault::None);
        assert_eq!(house.registry.only_certificate().status, CertificateStatus::Unconfirmed);
        let reply = house.ca.handle(&cert_conf, NOW);
        let message = house.validate(&reply.octets, &awaiting.expectation(), NOW);
        awaiting.handle(&message).unwrap();
        assert_eq!(house.registry.only_certificate().status, CertificateStatus::Valid);
    }
}

#[test]
fn what_was_written_unknowingly_is_issued_once() {
    let house = House::new();
    let (request, awaiting) = house.start(&house.station, own_request(&house));
    house.registry.set_fault(Fault::WrittenUnreported);
    let reply = house.ca.handle(&request, NOW);
    assert_eq!(status(&reply.octets).fail_info, Some(PkiFailureInfo::SYSTEM_UNAVAIL));
    house.registry.set_fault(Fault::None);
    let reply = house.ca.handle(&request, NOW);
    assert!(matches!(reply.event.outcome, Outcome::Repeated), "{}", reply.event.outcome);
    house.confirm(&house.station, granted(house.answer(awaiting, &reply, NOW)), NOW);
    assert_eq!(house.registry.only_certificate().status, CertificateStatus::Valid);
}

#[test]
fn a_rejection_can_be_repeated() {
    let house = House::new();
    let (_, answer) = house.enrol(&house.station, own_request(&house));
    let reason = cmp::PkiStatusInfo::rejection(PkiFailureInfo::BAD_CERT_TEMPLATE, "not mine".into());
    let (part, _) = granted(answer).reject(reason, &house.station.identity, &house.provider, NOW).unwrap();
    let cert_conf = part.sign(&house.station.key).unwrap();
    let reply = house.ca.handle(&cert_conf, NOW);
    assert!(matches!(reply.event.outcome, Outcome::Rejected { .. }), "{}", reply.event.outcome);
    repeated(&house.ca, &cert_conf, &reply.octets);
    assert_eq!(
        house.registry.only_certificate().status,
        CertificateStatus::Revoked { at: NOW, reason: CrlReason::CessationOfOperation }
    );
}

#[test]
fn two_at_a_time_get_one_certificate() {
    let house = House::new();
    let (request, _) = house.start(&house.station, own_request(&house));
    let answers: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let handle = || house.ca.handle(&request, NOW).octets;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(handle)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(house.registry.count(), 1);
}
