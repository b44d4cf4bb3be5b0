//! Requests that wait for an administrator.
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

use asn1::UnixTime;
use ca::registry::CertificateStatus;
use ca::{Outcome, PendingRequest, Profile};
use cmp::end_entity::{Answer, Enrolment, RequestKind, Waiting};
use cmp::{PkiFailureInfo, PkiStatusInfo, SignerRole, TransactionId};
use support::{Fault, House, NOW, Requester, crmf, granted, ir, key, kur};
use x509_cert::ext::pkix::CrlReason;

const HOUR: Duration = Duration::from_secs(3600);

/// A CA whose administrator wants to see the requests of stations with a vendor's certificate.
fn house() -> House {
    let mut house = House::new();
    house.ca.policy.approval.of = vec![SignerRole::VendorCertified];
    house
}

fn own_request(house: &House) -> Enrolment {
    ir(crmf(&house.station.name(), &key()))
}

/// The station asks and is told to wait.
fn ask(house: &House) -> (Vec<u8>, Waiting) {
    let (request, awaiting) = house.start(&house.station, own_request(house));
    let reply = house.ca.handle(&request, NOW);
    assert!(matches!(reply.event.outcome, Outcome::AwaitingApproval), "{}", reply.event.outcome);
    match house.answer(awaiting, &reply, NOW) {
        Answer::Waiting(waiting) => (request, waiting),
        other => panic!("{other:?}"),
    }
}

fn poll(house: &House, waiting: Waiting, now: UnixTime) -> (Outcome, Answer) {
    let (request, awaiting) = house.poll(waiting, now);
    let reply = house.ca.handle(&request, now);
    let answer = house.answer(awaiting, &reply, now);
    (reply.event.outcome, answer)
}

fn waits_on(answer: Answer) -> Waiting {
    match answer {
        Answer::Waiting(waiting) => waiting,
        other => panic!("{other:?}"),
    }
}

fn refused(answer: Answer) -> PkiStatusInfo {
    match answer {
        Answer::Refused(status) => status,
        other => panic!("{other:?}"),
    }
}

fn only(house: &House, now: UnixTime) -> PendingRequest {
    let mut pending = house.ca.pending(now).unwrap();
    assert_eq!(pending.len(), 1);
    pending.remove(0)
}

fn fail_info(error: &ca::Error) -> PkiFailureInfo {
    match error {
        ca::Error::Message(error) => error.status_info().fail_info.unwrap(),
        other => panic!("{other}"),
    }
}

#[test]
fn nothing_is_issued_until_the_administrator_approves() {
    let mut house = house();
    let (request, waiting) = ask(&house);
    assert_eq!(house.registry.count(), 0);
    // A poll too early is told when to ask again, however often.
    let (outcome, answer) = poll(&house, waiting, NOW.saturating_add(HOUR));
    assert!(matches!(outcome, Outcome::AwaitingApproval), "{outcome}");
    let waiting = waits_on(answer);
    assert_eq!(waiting.check_after(), Some(house.ca.policy.approval.check_after));

    let pending = only(&house, NOW);
    assert_eq!((pending.kind, pending.received), (RequestKind::Ir, NOW));
    let (contents, requester) = pending.contents.unwrap();
    assert_eq!((&contents.subject, &requester), (&house.station.name(), &house.station.name()));

    // The CA's process ends; a day later the request, which is older than any message may be, is approved.
    house.restart();
    let later = NOW.saturating_add(HOUR * 24);
    let record = house.ca.approve(&pending.transaction_id, later).unwrap();
    assert_eq!(record.status, CertificateStatus::Unconfirmed);
    assert_eq!(house.ca.pending(later).unwrap().len(), 0);
    let (outcome, answer) = poll(&house, waiting, later);
    assert!(matches!(outcome, Outcome::Issued { .. }), "{outcome}");
    let granted = granted(answer);
    assert_eq!(*granted.certificate(), record.certificate);
    house.confirm(&house.station, granted, later);
    assert_eq!(house.registry.only_certificate().status, CertificateStatus::Valid);
    // The first message still has its first answer.
    assert!(matches!(house.ca.handle(&request, later).event.outcome, Outcome::Repeated));
}

#[test]
fn a_rejection_is_told_with_its_reason() {
    let house = house();
    let (_, waiting) = ask(&house);
    let id = only(&house, NOW).transaction_id;
    let long = house.ca.reject(&id, "a".repeat(1025), NOW).unwrap_err();
    assert_eq!(fail_info(&long), PkiFailureInfo::BAD_REQUEST);
    house.ca.reject(&id, "not one of ours".into(), NOW).unwrap();
    let (outcome, answer) = poll(&house, waiting, NOW);
    assert!(matches!(outcome, Outcome::NotApproved { .. }), "{outcome}");
    let status = refused(answer);
    assert_eq!(status.fail_info, Some(PkiFailureInfo::NOT_AUTHORIZED));
    assert!(status.to_string().contains("not one of ours"), "{status}");
    assert_eq!(house.registry.count(), 0);
    // What was decided is decided.
    for error in [house.ca.approve(&id, NOW).unwrap_err(), house.ca.reject(&id, "".into(), NOW).unwrap_err()]
    {
        assert_eq!(fail_info(&error), PkiFailureInfo::BAD_REQUEST, "{error}");
    }
    let unknown = TransactionId::new(&[7; 16]).unwrap();
    assert!(house.ca.approve(&unknown, NOW).is_err());
}

#[test]
fn a_request_is_approved_once() {
    let house = house();
    ask(&house);
    let id = only(&house, NOW).transaction_id;
    let approved: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| house.ca.approve(&id, NOW).is_ok())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(approved.iter().filter(|done| **done).count(), 1);
    assert_eq!(house.registry.count(), 1);
}

#[test]
fn a_request_that_nobody_decides_on_ends() {
    let mut house = house();
    house.ca.policy.approval.lifetime = HOUR;
    let (_, waiting) = ask(&house);
    let id = only(&house, NOW).transaction_id;
    let waiting = waits_on(poll(&house, waiting, NOW.saturating_add(HOUR)).1);
    let late = NOW.saturating_add(HOUR + Duration::from_secs(1));
    assert_eq!(house.ca.pending(late).unwrap().len(), 0);
    assert!(house.ca.approve(&id, late).is_err());
    let status = refused(poll(&house, waiting, late).1);
    assert_eq!(status.fail_info, Some(PkiFailureInfo::SYSTEM_UNAVAIL));
    // It stays so, though the clock be set back.
    assert!(house.ca.approve(&id, NOW).is_err());
    assert_eq!(house.registry.count(), 0);
}

#[test]
fn only_whoever_is_named_waits() {
    let mut house = house();
    // An RA approves what it sends.
    let (_, answer) = house.enrol(&house.nem, ir(crmf(&support::name("CN=enb-0007"), &key())));
    granted(answer);
    // A station with a certificate of the operator's is not named, and when it is, its updates are not.
    house.ca.policy.approval.of.clear();
    let station = house.enrolled();
    house.ca.policy.approval.of = vec![SignerRole::OperatorCertified];
    let first = house.enrol(&station, support::cr(crmf(&station.name(), &key()))).1;
    waits_on(first);
    granted(house.enrol(&station, kur(&station, &key(), |_| {})).1);
    house.ca.policy.approval.updates = true;
    waits_on(house.enrol(&station, kur(&station, &key(), |_| {})).1);
    let kinds: Vec<_> = house.ca.pending(NOW).unwrap().into_iter().map(|request| request.kind).collect();
    assert!(kinds.contains(&RequestKind::Cr) && kinds.contains(&RequestKind::Kur), "{kinds:?}");
}

#[test]
fn what_must_be_refused_is_not_shown_to_the_administrator() {
    let house = house();
    let (somebody_else, _) = house.start(&house.station, ir(crmf(&support::name("CN=another"), &key())));
    house.refused_with(&somebody_else, PkiFailureInfo::NOT_AUTHORIZED);
    let (the_ca, _) = house.start(&house.nem, ir(crmf(house.ca.issuer().name(), &key())));
    house.refused_with(&the_ca, PkiFailureInfo::BAD_CERT_TEMPLATE);
    assert_eq!(house.ca.pending(NOW).unwrap().len(), 0);
}

#[test]
fn whoever_lost_its_trust_meanwhile_gets_nothing() {
    let mut house = House::new();
    let station = house.enrolled();
    house.ca.policy.approval.of = vec![SignerRole::OperatorCertified];
    waits_on(house.enrol(&station, support::cr(crmf(&station.name(), &key()))).1);
    let serial = house.registry.only_certificate().serial_number;
    house.ca.revoke_by_hand(&serial, CrlReason::KeyCompromise, NOW).unwrap();
    let pending = only(&house, NOW);
    let reason = pending.contents.unwrap_err();
    assert_eq!(fail_info(&reason), PkiFailureInfo::CERT_REVOKED);
    assert!(house.ca.approve(&pending.transaction_id, NOW).is_err());
    assert_eq!(house.registry.count(), 1);
    house.ca.reject(&pending.transaction_id, "revoked".into(), NOW).unwrap();
}

#[test]
fn nobody_polls_for_somebody_else() {
    let house = house();
    let (_, waiting) = ask(&house);
    let other = Requester::new(&house.vendor, &Profile::NE, "CN=enb-0002,O=Vendor");
    let (part, _) = waiting.poll(&other.identity, &house.provider, NOW).unwrap();
    house.refused(&support::forged(&part.sign(&other.key).unwrap(), &other, |_, _| {}));
    assert_eq!(house.ca.pending(NOW).unwrap().len(), 1);
}

#[test]
fn what_cannot_be_written_is_not_approved() {
    let house = house();
    let (_, waiting) = ask(&house);
    let id = only(&house, NOW).transaction_id;
    for fault in [Fault::Unreadable, Fault::Full] {
        house.registry.set_fault(fault);
        assert!(house.ca.approve(&id, NOW).is_err());
        assert!(house.ca.reject(&id, "no".into(), NOW).is_err());
    }
    house.registry.set_fault(Fault::None);
    assert_eq!(house.registry.count(), 0);
    // Written, and then the power went: the certificate is there once.
    house.registry.set_fault(Fault::WrittenUnreported);
    assert!(house.ca.approve(&id, NOW).is_err());
    house.registry.set_fault(Fault::None);
    assert!(house.ca.approve(&id, NOW).is_err());
    let granted = granted(poll(&house, waiting, NOW).1);
    assert_eq!(*granted.certificate(), house.registry.only_certificate().certificate);
}
