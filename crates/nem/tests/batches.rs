//! Many requests in one message: when it goes, what comes back, and what an RA/CA may get wrong about it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use asn1::RawDer;
use cmp::{BodyKind, PkiBody, PkiFailureInfo, PkiMessage, PkiStatus, PkiStatusInfo, PollRepItem};
use cmp::{CertReqId, ErrorMsgContent, ReadingPolicy};
use nem::ledger::{Ledger, RequestId, State};
use nem::{Batching, ExchangeId, Input, Nesting, News, Standing};
use support::liar::{Liar, error};
use support::{Fleet, House};

const DELAY: Duration = Duration::from_millis(200);

fn parse(message: &[u8]) -> PkiMessage {
    let mut policy = ReadingPolicy::default();
    policy.message_size = 1 << 20;
    PkiMessage::inspect(message, &policy).unwrap()
}

/// The messages in a batch, in octets.
fn inside(message: &[u8]) -> Vec<Vec<u8>> {
    match parse(message).body() {
        PkiBody::Nested(inner) => inner.iter().map(|inner| inner.octets().to_vec()).collect(),
        body => panic!("{:?}", body.kind()),
    }
}

fn nested(messages: &[Vec<u8>]) -> PkiBody {
    PkiBody::Nested(messages.iter().map(|message| RawDer::new(message).unwrap()).collect())
}

fn kinds(messages: &[Vec<u8>]) -> Vec<BodyKind> {
    messages.iter().map(|message| parse(message).body().kind()).collect()
}

/// Requests of that many stations, in one batch that waits for its answer.
fn sent(stations: usize) -> (House, Fleet, Vec<RequestId>, ExchangeId, Vec<u8>) {
    let (mut house, fleet) = House::with_fleet(stations, Batching::new(stations, DELAY));
    let ids = (0..stations).map(|station| house.upload_of(&fleet, station)).collect();
    let mut outgoing = house.outgoing();
    assert_eq!(outgoing.len(), 1);
    let (exchange, name, message) = outgoing.remove(0);
    assert_eq!(&*name, "raca");
    (house, fleet, ids, exchange, message)
}

fn answer(house: &mut House, exchange: ExchangeId, octets: &[u8]) {
    house.nem.handle(Input::Answer { exchange, octets }, house.now).unwrap();
}

/// What the RA/CA answers to each message in a batch.
fn answers(house: &House, message: &[u8]) -> Vec<Vec<u8>> {
    inside(message).iter().map(|inner| house.ca.handle(inner, house.now).octets).collect()
}

/// That every station has its certificate, and no other was issued.
fn all_issued(house: &mut House, ids: &[RequestId]) {
    house.run();
    for id in ids {
        let standing = house.nem.standing(*id).unwrap().unwrap();
        assert!(matches!(standing, Standing::Issued(_)), "{standing:?}");
    }
    assert_eq!(house.issued().len(), ids.len());
}

fn nesting(house: &House) -> Nesting {
    house.nem.upstreams().next().unwrap().nesting
}

#[test]
fn a_batch_goes_when_it_is_full() {
    let (mut house, _, ids, exchange, message) = sent(3);
    let inner = inside(&message);
    assert_eq!(kinds(&inner), [BodyKind::P10cr; 3]);
    // Fresh ids outside, each message's own inside.
    let ids_of = |messages: &[Vec<u8>]| -> BTreeSet<_> {
        messages.iter().map(|message| parse(message).header().transaction_id.clone().unwrap()).collect()
    };
    let all = ids_of(&[inner.clone(), vec![message.clone()]].concat());
    assert_eq!(all.len(), 4);
    // What is inside is in the ledger already.
    let stored: BTreeSet<Vec<u8>> = house
        .ledger
        .records()
        .into_iter()
        .map(|record| match record.state {
            State::Sent { message, .. } => message,
            state => panic!("{state:?}"),
        })
        .collect();
    assert_eq!(stored, inner.into_iter().collect());
    // certConfs go up together, too.
    let reply = house.ca.handle(&message, house.now).octets;
    answer(&mut house, exchange, &reply);
    let outgoing = house.outgoing();
    assert_eq!(kinds(&inside(&outgoing[0].2)), [BodyKind::CertConf; 3]);
    let reply = house.ca.handle(&outgoing[0].2, house.now).octets;
    answer(&mut house, outgoing[0].0, &reply);
    assert_eq!(nesting(&house), Nesting::Works);
    all_issued(&mut house, &ids);
}

#[test]
fn a_batch_goes_when_its_oldest_message_has_waited_long_enough() {
    let (mut house, fleet) = House::with_fleet(3, Batching::new(100, DELAY));
    let began = house.now;
    house.upload_of(&fleet, 0);
    house.now = began.saturating_add(DELAY / 2);
    house.upload_of(&fleet, 1);
    assert!(house.outgoing().is_empty());
    assert_eq!(house.nem.poll_timeout(), Some(began.saturating_add(DELAY)));
    house.now = began.saturating_add(DELAY).saturating_sub(Duration::from_millis(1));
    house.nem.handle(Input::Tick, house.now).unwrap();
    assert!(house.outgoing().is_empty());
    house.wake();
    let outgoing = house.outgoing();
    assert_eq!(inside(&outgoing[0].2).len(), 2);
    // One alone is not nested.
    house.upload_of(&fleet, 2);
    house.wake();
    assert_eq!(kinds(&[house.outgoing()[0].2.clone()]), [BodyKind::P10cr]);
}

#[test]
fn a_batch_goes_when_an_operator_says_so() {
    let (mut house, fleet) = House::with_fleet(3, Batching::new(100, Duration::from_secs(3600)));
    for station in 0..3 {
        house.upload_of(&fleet, station);
    }
    assert!(house.outgoing().is_empty());
    assert!(house.nem.flush(Some("other"), house.now).is_err());
    assert_eq!(house.nem.flush(Some("raca"), house.now).unwrap(), 3);
    assert_eq!(inside(&house.outgoing()[0].2).len(), 3);
    assert_eq!(house.nem.flush(None, house.now).unwrap(), 0);
    assert!(house.outgoing().is_empty());
}

#[test]
fn a_batch_is_bounded_in_octets_and_a_message_beyond_that_goes_alone() {
    let mut batching = Batching::new(10, DELAY);
    batching.octets = 3000;
    let (mut house, fleet) = House::with_fleet(5, batching);
    let ids: Vec<_> = (0..5).map(|station| house.upload_of(&fleet, station)).collect();
    house.wake();
    let outgoing = house.outgoing();
    assert!(outgoing.len() >= 2, "{}", outgoing.len());
    for (exchange, _, message) in outgoing {
        assert!(message.len() < 3000 + 1500, "{}", message.len());
        let reply = house.ca.handle(&message, house.now).octets;
        answer(&mut house, exchange, &reply);
    }
    all_issued(&mut house, &ids);

    batching.octets = 10;
    let (mut house, fleet) = House::with_fleet(2, batching);
    let ids: Vec<_> = (0..2).map(|station| house.upload_of(&fleet, station)).collect();
    house.wake();
    assert_eq!(
        kinds(&house.sends().into_iter().map(|(_, message)| message).collect::<Vec<_>>()),
        [BodyKind::P10cr; 2]
    );
    house.restart_with(fleet.inventory());
    all_issued(&mut house, &ids);
}

#[test]
fn a_batch_s_states_are_one_commit() {
    let (mut house, fleet) = House::with_fleet(50, Batching::new(50, DELAY));
    for station in 0..49 {
        house.upload_of(&fleet, station);
    }
    // The last upload is one write, the batch's states the other; then the answers, the certConfs' answers.
    house.ledger.break_after(2);
    house.upload_of(&fleet, 49);
    assert!(house.ledger.is_broken());
    let (exchange, _, message) = house.outgoing().remove(0);
    let reply = house.ca.handle(&message, house.now).octets;
    house.ledger.break_after(1);
    answer(&mut house, exchange, &reply);
    assert!(house.ledger.is_broken());
    let (exchange, _, message) = house.outgoing().remove(0);
    assert_eq!(inside(&message).len(), 50);
    house.ledger.break_after(1);
    let reply = house.ca.handle(&message, house.now).octets;
    answer(&mut house, exchange, &reply);
    assert_eq!(house.nem.requests_under_way(), 0);
}

#[test]
fn after_a_crash_the_same_messages_go_again_in_a_new_batch() {
    let (mut house, fleet, ids, _, message) = sent(4);
    let lost = house.ca.handle(&message, house.now);
    drop(lost);
    house.restart_with(fleet.inventory());
    house.wake();
    let (exchange, _, again) = house.outgoing().remove(0);
    assert_ne!(again, message);
    let as_set = |message: &[u8]| inside(message).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(as_set(&again), as_set(&message));
    let reply = house.ca.handle(&again, house.now).octets;
    answer(&mut house, exchange, &reply);
    all_issued(&mut house, &ids);
}

#[test]
fn answers_come_in_any_order_and_what_nobody_awaits_is_dropped() {
    let (mut house, _, ids, exchange, message) = sent(3);
    let (_, _, _, _, foreign) = sent(2);
    let mut inner = answers(&house, &message);
    inner.reverse();
    // Of another batch, twice, no message at all, and one of ours that comes back.
    inner.push(house.ca.handle(&inside(&foreign)[0], house.now).octets);
    inner.push(inner[0].clone());
    inner.push(vec![0x30, 0x00]);
    let reply = Liar::new(&house.operator).answer(&message, &nested(&inner), house.now);
    answer(&mut house, exchange, &reply);
    let outgoing = house.outgoing();
    assert_eq!(house.notices.iter().filter(|notice| matches!(notice.news, News::Unexpected(_))).count(), 3);
    assert_eq!(kinds(&inside(&outgoing[0].2)), [BodyKind::CertConf; 3]);
    let reply = house.ca.handle(&outgoing[0].2, house.now).octets;
    answer(&mut house, outgoing[0].0, &reply);
    all_issued(&mut house, &ids);
}

#[test]
fn a_missing_answer_is_tried_again_by_itself() {
    let (mut house, _, ids, exchange, message) = sent(3);
    let mut inner = answers(&house, &message);
    inner.remove(1);
    let missing = inside(&message)[1].clone();
    let reply = Liar::new(&house.operator).answer(&message, &nested(&inner), house.now);
    answer(&mut house, exchange, &reply);
    let certconfs = house.outgoing();
    assert!(house.logged("systemUnavail"), "{:?}", house.events);
    // The others go on after their delay; the missing one goes alone, the same octets.
    let mut sent: Vec<Vec<u8>> = certconfs.into_iter().map(|(_, _, message)| message).collect();
    while sent.iter().all(|message| *message != missing) {
        assert!(house.wake());
        sent.extend(house.outgoing().into_iter().map(|(_, _, message)| message));
    }
    assert!(sent.iter().any(|message| parse(message).body().kind() == BodyKind::Nested));
    let inventory = house.nem.inventory().clone();
    house.restart_with(inventory);
    all_issued(&mut house, &ids);
}

#[test]
fn one_that_waits_does_not_hold_back_the_others() {
    let (mut house, _, ids, exchange, message) = sent(3);
    let inner = inside(&message);
    house.ca.policy.issuing_delay = Duration::from_secs(3600);
    let waiting = house.ca.handle(&inner[0], house.now).octets;
    house.ca.policy.issuing_delay = Duration::ZERO;
    let mut replies = vec![waiting];
    replies.extend(inner[1..].iter().map(|inner| house.ca.handle(inner, house.now).octets));
    let reply = Liar::new(&house.operator).answer(&message, &nested(&replies), house.now);
    answer(&mut house, exchange, &reply);
    let soon = |house: &House| {
        house.nem.poll_timeout().is_some_and(|due| due.abs_diff(support::NOW) < Duration::from_secs(60))
    };
    let mut more = true;
    while more {
        for (exchange, _, message) in house.outgoing() {
            let reply = house.ca.handle(&message, house.now).octets;
            answer(&mut house, exchange, &reply);
        }
        more = soon(&house);
        if more {
            house.wake();
        }
    }
    let decided =
        ids.iter().filter(|id| matches!(house.nem.standing(**id).unwrap(), Some(Standing::Issued(_))));
    assert_eq!(decided.count(), 2);
    all_issued(&mut house, &ids);
}

#[test]
fn polls_go_up_together() {
    let (mut house, _, ids, exchange, message) = sent(3);
    house.ca.policy.issuing_delay = Duration::from_secs(30);
    let reply = house.ca.handle(&message, house.now).octets;
    answer(&mut house, exchange, &reply);
    let mut polled = false;
    for _ in 0..5 {
        for (exchange, _, message) in house.outgoing() {
            polled |= kinds(&inside(&message)) == [BodyKind::PollReq; 3];
            let reply = house.ca.handle(&message, house.now).octets;
            answer(&mut house, exchange, &reply);
        }
        house.wake();
    }
    assert!(polled);
    all_issued(&mut house, &ids);
}

#[test]
fn a_bad_request_fails_alone() {
    let (mut house, _, ids, exchange, message) = sent(3);
    let liar = Liar::new(&house.operator);
    let mut replies = answers(&house, &message);
    // What the first one got is not told; it is refused instead.
    replies[0] = liar.answer(&inside(&message)[0], &error(PkiFailureInfo::BAD_CERT_TEMPLATE), house.now);
    let reply = liar.answer(&message, &nested(&replies), house.now);
    answer(&mut house, exchange, &reply);
    house.run();
    let rejected =
        |id: &&RequestId| matches!(house.nem.standing(**id).unwrap(), Some(Standing::Rejected { .. }));
    assert_eq!(ids.iter().filter(rejected).count(), 1);
}

/// That the RA/CA counts as one that does not take batches apart, everybody is served by single messages, and that is remembered.
fn falls_back(mut house: House, fleet: &Fleet, ids: &[RequestId]) {
    assert!(matches!(nesting(&house), Nesting::Refused(_)), "{:?}", house.notices);
    for _ in 0..100 {
        for (exchange, _, message) in house.outgoing() {
            assert_ne!(parse(&message).body().kind(), BodyKind::Nested);
            let reply = house.ca.handle(&message, house.now).octets;
            answer(&mut house, exchange, &reply);
        }
        if house.nem.requests_under_way() == 0 {
            break;
        }
        house.wake();
    }
    for id in ids {
        let standing = house.nem.standing(*id).unwrap();
        assert!(matches!(standing, Some(Standing::Issued(_))), "{standing:?}");
    }
    assert_eq!(house.issued().len(), ids.len());
    assert!(house.logged("does not take batches apart"));
    house.restart_with(fleet.inventory());
    assert!(matches!(nesting(&house), Nesting::Refused(_)));
    assert!(house.ledger.cannot_unbundle("raca").unwrap().is_some());
    // A new configuration is a new chance.
    let upstream = house.upstream("raca");
    house.nem.set_upstreams(vec![upstream], house.now).unwrap();
    assert_eq!(nesting(&house), Nesting::Untried);
    assert!(house.ledger.cannot_unbundle("raca").unwrap().is_none());
}

#[test]
fn an_ra_ca_that_refuses_batches() {
    let (mut house, fleet, ids, exchange, message) = sent(3);
    let liar = Liar::new(&house.operator);
    let reply = liar.answer(&message, &error(PkiFailureInfo::BAD_REQUEST), house.now);
    answer(&mut house, exchange, &reply);
    falls_back(house, &fleet, &ids);
}

#[test]
fn an_ra_ca_that_refuses_batches_in_another_transaction_or_without_protection() {
    for unprotected in [false, true] {
        let (mut house, fleet, ids, exchange, _) = sent(3);
        let (_, _, _, _, other) = sent(2);
        let liar = Liar::new(&house.operator);
        let body = error(PkiFailureInfo::BAD_REQUEST);
        let reply = if unprotected {
            liar.unprotected(&other, &body, house.now)
        } else {
            liar.answer(&other, &body, house.now)
        };
        answer(&mut house, exchange, &reply);
        falls_back(house, &fleet, &ids);
    }
}

#[test]
fn an_ra_ca_that_answers_the_first_message_only() {
    let (mut house, fleet, ids, exchange, message) = sent(3);
    let reply = answers(&house, &message).remove(0);
    answer(&mut house, exchange, &reply);
    falls_back(house, &fleet, &ids);
}

#[test]
fn an_ra_ca_that_answers_a_batch_with_something_else() {
    let (mut house, fleet, ids, exchange, message) = sent(3);
    let reply = Liar::new(&house.operator).answer(&message, &PkiBody::PkiConf, house.now);
    answer(&mut house, exchange, &reply);
    falls_back(house, &fleet, &ids);
}

#[test]
fn a_server_that_answers_batches_with_a_page_of_html() {
    let (mut house, fleet, ids, exchange, _) = sent(3);
    let reason = "HTTP status 500";
    house.nem.handle(Input::Misunderstood { exchange, reason }, house.now).unwrap();
    for _ in 0..2 {
        assert_eq!(nesting(&house), Nesting::Untried);
        let mut outgoing = Vec::new();
        while outgoing.is_empty() {
            house.wake();
            outgoing = house.outgoing();
        }
        let (exchange, _, message) = outgoing.remove(0);
        assert_eq!(inside(&message).len(), 3);
        house.nem.handle(Input::Misunderstood { exchange, reason }, house.now).unwrap();
    }
    falls_back(house, &fleet, &ids);
}

#[test]
fn a_batch_that_is_refused_for_its_sake_is_sent_message_by_message() {
    let (mut house, _, ids, exchange, message) = sent(3);
    let reply =
        Liar::new(&house.operator).answer(&message, &error(PkiFailureInfo::NOT_AUTHORIZED), house.now);
    answer(&mut house, exchange, &reply);
    assert_eq!(nesting(&house), Nesting::Untried);
    let outgoing: Vec<Vec<u8>> = house.outgoing().into_iter().map(|(_, _, message)| message).collect();
    assert_eq!(kinds(&outgoing), [BodyKind::P10cr; 3]);
    let inventory = house.nem.inventory().clone();
    house.restart_with(inventory);
    all_issued(&mut house, &ids);
}

#[test]
fn a_batch_that_fails_for_a_while_is_sent_again() {
    type Failure<'a> = &'a dyn Fn(&House, &[u8]) -> Option<Vec<u8>>;
    let untouched = |failure: Failure<'_>| {
        let (mut house, _, ids, exchange, message) = sent(3);
        match failure(&house, &message) {
            Some(reply) => answer(&mut house, exchange, &reply),
            None => {
                let reason = "no route";
                house.nem.handle(Input::Failure { exchange, reason }, house.now).unwrap();
            }
        }
        assert_eq!(nesting(&house), Nesting::Untried);
        assert!(house.outgoing().is_empty());
        house.wake();
        let (exchange, _, again) = house.outgoing().remove(0);
        let as_set = |message: &[u8]| inside(message).into_iter().collect::<BTreeSet<_>>();
        assert_eq!(as_set(&again), as_set(&message));
        let reply = house.ca.handle(&again, house.now).octets;
        answer(&mut house, exchange, &reply);
        all_issued(&mut house, &ids);
    };
    untouched(&|_, _| None);
    for bit in [PkiFailureInfo::SYSTEM_UNAVAIL, PkiFailureInfo::SYSTEM_FAILURE, PkiFailureInfo::BAD_TIME] {
        untouched(&|house, message| Some(Liar::new(&house.operator).answer(message, &error(bit), house.now)));
    }
    untouched(&|_, _| Some(b"garbage".to_vec()));
    // Nested, but signed by nobody.
    untouched(&|house, message| {
        let body = nested(&answers(house, message));
        Some(Liar::new(&house.operator).unprotected(message, &body, house.now))
    });
    // The batch itself, reflected.
    untouched(&|_, message| Some(message.to_vec()));
}

#[test]
fn a_batch_that_takes_its_time_as_a_whole() {
    let (mut house, _, ids, exchange, message) = sent(3);
    let liar = Liar::new(&house.operator);
    let waiting = PkiBody::Error(ErrorMsgContent::new(PkiStatusInfo::new(PkiStatus::Waiting)));
    let reply = liar.answer(&message, &waiting, house.now);
    answer(&mut house, exchange, &reply);
    let began = house.now;
    assert!(house.outgoing().is_empty());
    house.wake();
    assert_eq!(house.now.abs_diff(began), Duration::from_secs(1));
    let (exchange, _, poll) = house.outgoing().remove(0);
    assert_eq!(parse(&poll).header().transaction_id, parse(&message).header().transaction_id);
    let PkiBody::PollReq(items) = parse(&poll).body().clone() else { panic!("no pollReq") };
    assert_eq!(items[0].cert_req_id, CertReqId::P10CR);
    let not_yet = PkiBody::PollRep(vec![PollRepItem::new(CertReqId::P10CR, Duration::from_secs(40))]);
    let reply = liar.answer(&poll, &not_yet, house.now);
    answer(&mut house, exchange, &reply);
    house.wake();
    assert_eq!(house.now.abs_diff(began), Duration::from_secs(41));
    let (exchange, _, poll) = house.outgoing().remove(0);
    // Whoever lets us wait must also answer: somebody else does not count.
    let other = Liar::new(&house.operator).answer(&poll, &nested(&answers(&house, &message)), house.now);
    let reply = liar.answer(&poll, &nested(&answers(&house, &message)), house.now);
    assert_ne!(other, reply);
    answer(&mut house, exchange, &reply);
    all_issued(&mut house, &ids);
}

#[test]
fn a_flood_of_answers_is_not_read() {
    let (mut house, _, ids, exchange, message) = sent(3);
    let inner = answers(&house, &message);
    let many: Vec<Vec<u8>> = (0..100).map(|_| inner[0].clone()).collect();
    let reply = Liar::new(&house.operator).answer(&message, &nested(&many), house.now);
    answer(&mut house, exchange, &reply);
    assert!(house.outgoing().is_empty());
    assert!(house.logged("not believed"));
    all_issued(&mut house, &ids);
}

#[test]
fn two_ra_cas_never_share_a_batch() {
    let (mut house, fleet) = House::with_fleet(4, Batching::new(4, DELAY));
    let mut stations = fleet.stations();
    stations[0].groups = vec!["north".into()];
    stations[1].groups = vec!["north".into(), "metro".into()];
    let (mut north, mut rest) = (house.upstream("north"), house.upstream("rest"));
    north.groups = vec!["north".into()];
    north.priority = 1;
    rest.priority = 2;
    house.restart(vec![north, rest], nem::Inventory::new(stations).unwrap());
    let ids: Vec<_> = (0..4).map(|station| house.upload_of(&fleet, station)).collect();
    house.wake();
    let outgoing: Vec<(ExchangeId, Arc<str>, Vec<u8>)> = house.outgoing();
    let of = |name: &str| {
        outgoing.iter().filter(|(_, to, _)| &**to == name).map(|(_, _, m)| inside(m).len()).sum::<usize>()
    };
    assert_eq!((of("north"), of("rest")), (2, 2));
    for (exchange, _, message) in outgoing {
        let reply = house.ca.handle(&message, house.now).octets;
        answer(&mut house, exchange, &reply);
    }
    all_issued(&mut house, &ids);
}
