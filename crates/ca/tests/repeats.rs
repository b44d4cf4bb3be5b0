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
use cmp::end_entity::Answer;
use support::{House, NOW, YEAR, granted, key, status};

fn own_request(house: &House) -> cmp::end_entity::Enrolment {
    support::ir(support::crmf(&house.station.name(), &key()))
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
fn a_poll_can_be_repeated() {
    let mut house = House::new();
    house.ca.policy.issuing_delay = Duration::from_secs(10);
    let (request, awaiting) = house.start(&house.station, own_request(&house));
    let first = house.ca.handle(&request, NOW);
    repeated(&house.ca, &request, &first.octets);
    let Answer::Waiting(waiting) = house.answer(awaiting, &first, NOW) else { panic!("no delay") };
    let now = NOW.saturating_add(Duration::from_secs(10));
    let (part, awaiting) = waiting.poll(&house.station.identity, &house.provider, now).unwrap();
    let poll = part.sign(&house.station.key).unwrap();
    let second = house.ca.handle(&poll, now);
    granted(house.answer(awaiting, &second, now));
    repeated(&house.ca, &poll, &second.octets);
    repeated(&house.ca, &request, &first.octets);
    assert_eq!(house.registry.count(), 1);
}

#[test]
fn a_transaction_id_is_taken_once() {
    let house = House::new();
    let (first, _) = house.start(&house.station, own_request(&house));
    house.ca.handle(&first, NOW);
    // Another request under the first one's transactionID.
    let (part, _) = own_request(&house).start(&house.station.identity, &house.provider, NOW).unwrap();
    let id = |octets: &[u8]| {
        cmp::PkiMessage::from_der(octets)
            .unwrap()
            .header()
            .transaction_id
            .clone()
            .unwrap()
            .as_octets()
            .to_vec()
    };
    let second = part.sign(&house.station.key).unwrap();
    let (taken, own) = (id(&first), id(&second));
    let mut forged = second;
    let at = forged.windows(own.len()).position(|window| window == own).unwrap();
    forged[at..at + own.len()].copy_from_slice(&taken);
    house.refused_with(&forged, PkiFailureInfo::TRANSACTION_ID_IN_USE);
}

#[test]
fn what_cannot_be_written_is_not_issued() {
    let house = House::new();
    let (request, awaiting) = house.start(&house.station, own_request(&house));
    house.registry.set_broken(true);
    let reply = house.ca.handle(&request, NOW);
    let failed = status(&reply.octets).fail_info.unwrap();
    assert!(
        failed == PkiFailureInfo::SYSTEM_FAILURE || failed == PkiFailureInfo::SYSTEM_UNAVAIL,
        "{failed:?}"
    );
    assert_eq!(house.registry.count(), 0);
    // The same octets again, once there is room: one certificate.
    house.registry.set_broken(false);
    let reply = house.ca.handle(&request, NOW);
    let granted = granted(house.answer(awaiting, &reply, NOW));

    let (part, awaiting) = granted.confirm(&house.station.identity, &house.provider, NOW).unwrap();
    let cert_conf = part.sign(&house.station.key).unwrap();
    house.registry.set_broken(true);
    house.refused(&cert_conf);
    assert_eq!(house.registry.only_certificate().status, CertificateStatus::Unconfirmed);
    house.registry.set_broken(false);
    let reply = house.ca.handle(&cert_conf, NOW);
    let message = house.validate(&reply.octets, &awaiting.expectation(), NOW);
    awaiting.handle(&message).unwrap();
    assert_eq!(house.registry.only_certificate().status, CertificateStatus::Valid);
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
