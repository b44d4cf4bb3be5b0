//! Files that are carried by hand: an operator decides on each request, and the same file gets the same answer.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use asn1::UnixTime;
use ca::registry::CertificateStatus;
use ca::{Demand, Event, Operator, Outcome, Proposal, Verdict};
use cmp::end_entity::AwaitingCertificate;
use cmp::{AwaitingBatch, PkiFailureInfo, PkiMessage, ReadingPolicy, add_protection, bundle};
use support::{Fault, House, NOW, Requester, csr, forged, key, p10cr, status};
use x509_cert::name::Name;

const LATER: Duration = Duration::from_secs(40 * 24 * 3600);

/// Decides by a list, and remembers what it saw.
#[derive(Debug, Default)]
struct Clerk {
    verdicts: Vec<Verdict>,
    subjects: Vec<String>,
    outcomes: Vec<String>,
}

impl Clerk {
    fn new(verdicts: &[Verdict]) -> Self {
        Self { verdicts: verdicts.to_vec(), ..Self::default() }
    }

    fn who_approves() -> Self {
        Self::new(&[const { Verdict::Approve }; 9])
    }
}

impl Operator for Clerk {
    fn decide(&mut self, proposal: &Proposal<'_>) -> Verdict {
        self.subjects.push(match &proposal.demand {
            Demand::Certificate { contents, profile, .. } => format!("{} as {profile}", contents.subject),
            Demand::Revocation { serial_number, .. } => serial_number.to_string(),
        });
        self.verdicts.remove(0)
    }

    fn note(&mut self, event: &Event) {
        self.outcomes.push(event.outcome.to_string());
    }
}

fn message(octets: &[u8]) -> PkiMessage {
    PkiMessage::from_der(octets).unwrap()
}

fn batch(house: &House, by: &Requester, messages: &[Vec<u8>]) -> (Vec<u8>, AwaitingBatch) {
    let messages: Vec<_> = messages.iter().map(|octets| message(octets)).collect();
    let (part, awaiting) = bundle(&messages, Name::default(), &by.identity, &house.provider, NOW).unwrap();
    (part.sign(&by.key).unwrap(), awaiting)
}

/// What the NEM sends for a station.
fn request(house: &House, subject: &str) -> (Vec<u8>, AwaitingCertificate) {
    house.start(&house.nem, p10cr(csr(subject, &key(), Vec::new())))
}

/// A house whose CA takes files, which age on their way.
fn house() -> House {
    let mut house = House::new();
    house.ca.time_window = None;
    house.ca.policy.implicit_confirm = false;
    house.ca.policy.confirm_wait = LATER * 3;
    house
}

fn sorted(house: &House, awaiting: AwaitingBatch, answer: &[u8]) -> cmp::Answers {
    sorted_at(house, awaiting, answer, NOW)
}

fn sorted_at(house: &House, awaiting: AwaitingBatch, answer: &[u8], now: UnixTime) -> cmp::Answers {
    let validated = house.validate(answer, &awaiting.expectation(), now);
    awaiting.handle(&validated, &ReadingPolicy::default()).unwrap()
}

#[test]
fn each_request_of_a_batch_is_decided_on() {
    let house = house();
    let (first, awaiting_first) = request(&house, "CN=enb1,O=Operator");
    let (second, awaiting_second) = request(&house, "CN=enb2,O=Operator");
    let (third, _) = request(&house, "CN=enb3,O=Operator");
    let (stranger, _) = request(&House::new(), "CN=enb4,O=Operator");
    let messages = [first.clone(), second.clone(), third, stranger];
    let (file, awaiting) = batch(&house, &house.nem, &messages);
    let verdicts = [Verdict::Approve, Verdict::Reject("not ours".into()), Verdict::Postpone];
    let mut clerk = Clerk::new(&verdicts);
    let answer = house.ca.answer_file(&file, &mut clerk, NOW).unwrap().unwrap();
    assert_eq!(clerk.subjects.len(), 3);
    assert!(clerk.subjects[0].contains("CN=enb1") && clerk.subjects[0].ends_with("as ne"), "{clerk:?}");
    for (outcome, expected) in
        clerk.outcomes.iter().zip(["issued", "not approved", "another time", "signerNotTrusted"])
    {
        assert!(outcome.contains(expected), "{outcome}");
    }
    assert_eq!(house.registry.count(), 1);

    let answers = sorted(&house, awaiting.clone(), &answer);
    assert_eq!((answers.answers.len(), answers.missing.len()), (3, 1), "what was postponed is missing");
    let validated = house.validate(answers.answers[0].1.octets(), &awaiting_first.expectation(), NOW);
    let granted = support::granted(awaiting_first.handle(&validated).unwrap());
    assert_eq!(granted.confirm_until(), Some(NOW.saturating_add(LATER * 3)));
    let told = status(answers.answers[1].1.octets());
    assert_eq!(told.fail_info, Some(PkiFailureInfo::NOT_AUTHORIZED));
    assert!(told.to_string().contains("not ours"), "{told}");
    house.validate(answers.answers[1].1.octets(), &awaiting_second.expectation(), NOW);

    // The same file: what was decided stays, octet for octet, and only the rest is asked for.
    let mut clerk = Clerk::new(&[Verdict::Approve]);
    let later = NOW.saturating_add(LATER);
    let again = house.ca.answer_file(&file, &mut clerk, later).unwrap().unwrap();
    assert_eq!(clerk.subjects.len(), 1);
    assert_eq!(house.registry.count(), 2);
    let repeated = sorted_at(&house, awaiting, &again, later);
    assert!(repeated.missing.is_empty());
    for position in [0, 1] {
        assert_eq!(repeated.answers[position].1, answers.answers[position].1);
    }

    // The confirmation comes over the network, long after.
    let (_, reply) = house.confirm(&house.nem, granted, later);
    let Outcome::Confirmed { serial_number } = reply.event.outcome else { panic!() };
    assert_eq!(house.registry.status(&serial_number), CertificateStatus::Valid);
    // And what was turned away stays so over the network, too.
    assert!(matches!(house.ca.handle(&second, NOW).event.outcome, Outcome::Repeated));
    assert!(matches!(house.ca.handle(&first, NOW).event.outcome, Outcome::Repeated));
}

#[test]
fn approval_and_delays_of_the_network_do_not_count() {
    let mut house = house();
    house.ca.policy.issuing_delay = LATER;
    house.ca.policy.implicit_confirm = true;
    house.ca.policy.approval.of = vec![cmp::SignerRole::RegistrationAuthority];
    let (part, awaiting) = {
        let mut enrolment = p10cr(csr("CN=enb1,O=Operator", &key(), Vec::new()));
        enrolment.implicit_confirm = true;
        house.start(&house.nem, enrolment)
    };
    let (file, batch) = batch(&house, &house.nem, &[part]);
    let answer = house.ca.answer_file(&file, &mut Clerk::who_approves(), NOW).unwrap().unwrap();
    let answers = sorted(&house, batch, &answer);
    let validated = house.validate(answers.answers[0].1.octets(), &awaiting.expectation(), NOW);
    let granted = support::granted(awaiting.handle(&validated).unwrap());
    assert!(granted.implicitly_confirmed());
    assert_eq!(house.registry.only_certificate().status, CertificateStatus::Valid);
}

#[test]
fn a_single_message_is_answered_by_a_single_message() {
    let house = house();
    let station = || house.start(&house.station, support::ir(support::crmf(&house.station.name(), &key())));
    let (alone, awaiting) = station();
    let answer = house.ca.answer_file(&alone, &mut Clerk::who_approves(), NOW).unwrap().unwrap();
    let validated = house.validate(&answer, &awaiting.expectation(), NOW);
    support::granted(awaiting.handle(&validated).unwrap());
    let again = house.ca.answer_file(&alone, &mut Clerk::default(), NOW).unwrap().unwrap();
    assert_eq!(again, answer);

    let (inner, awaiting) = station();
    let part = add_protection(&message(&inner), &house.nem.identity, &house.provider, NOW).unwrap();
    let attested = part.sign(&house.nem.key).unwrap();
    let answer = house.ca.answer_file(&attested, &mut Clerk::who_approves(), NOW).unwrap().unwrap();
    let validated = house.validate(&answer, &awaiting.expectation(), NOW);
    support::granted(awaiting.handle(&validated).unwrap());
    assert_eq!(house.registry.count(), 2);
    let left = house.ca.answer_file(&station().0, &mut Clerk::new(&[Verdict::Postpone]), NOW).unwrap();
    assert_eq!(left, None);

    // Who asks for what he may not have is told so, and learns it from an answer.
    let other = house.start(&house.station, support::ir(support::crmf(&support::name("CN=other"), &key())));
    let mut clerk = Clerk::default();
    let answer = house.ca.answer_file(&other.0, &mut clerk, NOW).unwrap().unwrap();
    assert_eq!(status(&answer).fail_info, Some(PkiFailureInfo::NOT_AUTHORIZED));
    assert_eq!((clerk.subjects.len(), clerk.outcomes.len()), (0, 1));
    assert_eq!(house.registry.count(), 2);
}

#[test]
fn what_is_wrong_with_the_file_refuses_it_as_a_whole() {
    let house = house();
    let (inner, _) = request(&house, "CN=enb1,O=Operator");
    let (file, awaiting) = batch(&house, &house.nem, std::slice::from_ref(&inner));
    let refused = |octets: &[u8], reason: &str| {
        let error = house.ca.answer_file(octets, &mut Clerk::default(), NOW).unwrap_err().to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    };
    let (foreign, _) = batch(&House::new(), &House::new().nem, std::slice::from_ref(&inner));
    refused(&foreign, "not trusted");
    let (stations, _) = batch(&house, &house.station, std::slice::from_ref(&inner));
    refused(&stations, "only a registration authority");
    let mut tampered = file.clone();
    let place = tampered.windows(4).position(|octets| octets == b"enb1").unwrap();
    tampered[place + 3] = b'2';
    refused(&tampered, "signature");
    refused(&file[..file.len() - 1], "PKIMessage");
    refused(&forged(&file, &house.nem, |header, _| header.sender_nonce = None), "senderNonce");
    let mut large = House::new();
    large.ca.reading.message_size = 100;
    let error = large.ca.answer_file(&file, &mut Clerk::default(), NOW).unwrap_err();
    assert!(error.to_string().contains("100"), "{error}");
    assert_eq!(house.registry.count(), 0);

    // Answers are no requests: neither one, nor a batch of them.
    let answer = house.ca.answer_file(&file, &mut Clerk::who_approves(), NOW).unwrap().unwrap();
    refused(&answer, "answer");
    let single = sorted(&house, awaiting, &answer).answers.remove(0).1;
    refused(single.octets(), "answer");

    // The window, where there is one, is about the file and what is inside.
    let mut house = house;
    house.ca.time_window = Some(LATER);
    let late = NOW.saturating_add(LATER * 2);
    let error = house.ca.answer_file(&file, &mut Clerk::default(), late).unwrap_err();
    assert!(error.to_string().contains("messageTime"), "{error}");
}

#[test]
fn a_registry_that_fails_ends_it_and_nothing_is_issued_twice() {
    let house = house();
    let messages: Vec<_> = (0..3).map(|n| request(&house, &format!("CN=enb{n},O=Operator")).0).collect();
    let (file, awaiting) = batch(&house, &house.nem, &messages);
    house.registry.set_fault(Fault::WrittenUnreported);
    let error = house.ca.answer_file(&file, &mut Clerk::who_approves(), NOW).unwrap_err();
    assert!(error.to_string().contains("registry"), "{error}");
    assert_eq!(house.registry.count(), 1, "the first is there, though nobody said so");
    house.registry.set_fault(Fault::None);
    let answer = house.ca.answer_file(&file, &mut Clerk::who_approves(), NOW).unwrap().unwrap();
    assert_eq!(house.registry.count(), 3);
    assert_eq!(sorted(&house, awaiting, &answer).answers.len(), 3);
}
