//! Uploads and deliveries that come in together are one write to the ledger, and each fares as it would alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use nem::ledger::State;
use nem::{Arrival, Batching, Refusal, Shown, Standing, Upload, Uploaded};
use support::{Fleet, House, csr, key};

fn upload_all(house: &mut House, fleet: &Fleet, all: &[(usize, &[u8])]) -> Vec<Uploaded> {
    let mut arrivals = Vec::new();
    for (station, request) in all {
        let shown = Shown::Certificates(&fleet.chains[*station]);
        arrivals.push(Arrival { shown, upload: Upload::Pkcs10(request), label: None });
    }
    house.nem.upload_all(&arrivals, house.now)
}

#[test]
fn all_of_them_are_one_write_each_way() {
    let (mut house, fleet) = House::with_fleet(5, Batching::new(5, std::time::Duration::from_secs(1)));
    let all: Vec<(usize, &[u8])> =
        (0..5).map(|station| (station, fleet.requests[station].as_slice())).collect();
    // Not one more, and not for the batch either, which is full.
    house.ledger.break_after(1);
    let outcomes = upload_all(&mut house, &fleet, &all);
    let ids: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap().0).collect();
    assert_eq!(house.ledger.records().len(), 5);
    house.ledger.set_broken(false);
    house.run();
    house.ledger.break_after(1);
    house.nem.delivered(&ids, house.now).unwrap();
    house.ledger.set_broken(false);
    assert!(house.ledger.records().iter().all(|record| matches!(record.state, State::Delivered(_))));
    assert_eq!(house.issued().len(), 5);
}

#[test]
fn each_fares_as_it_would_alone() {
    let (mut house, fleet) = House::with_fleet(3, Batching::NONE);
    let (mine, shared) = (fleet.requests[0].as_slice(), key());
    let first = csr("CN=enb2.operator.example", &shared, Vec::new());
    let same_key = csr("CN=enb3.operator.example", &shared, Vec::new());
    let other_name = csr("CN=enb1.operator.example", &key(), Vec::new());
    let many: Vec<Vec<u8>> = (0..4).map(|_| csr("CN=enb1.operator.example", &key(), Vec::new())).collect();
    let mut all: Vec<(usize, &[u8])> =
        vec![(0, mine), (1, &first), (0, mine), (2, &same_key), (2, b"garbage"), (2, &other_name)];
    all.extend(many.iter().map(|request| (0, request.as_slice())));
    let outcomes = upload_all(&mut house, &fleet, &all);
    assert_eq!(outcomes.len(), all.len());
    let id = |at: usize| outcomes[at].as_ref().unwrap().0;
    assert_eq!(id(0), id(2), "the same octets are the same request");
    assert_ne!(id(0), id(1));
    assert!(matches!(&outcomes[3], Err(Refusal::DuplicateKey { station }) if station == "enb3"));
    assert!(matches!(outcomes[4], Err(Refusal::Request { .. })));
    assert!(matches!(outcomes[5], Err(Refusal::Name { .. })));
    // One is under way already, and four may be.
    assert!(outcomes[6..9].iter().all(Result::is_ok), "{outcomes:?}");
    assert!(matches!(outcomes[9], Err(Refusal::Busy { .. })));
    house.run();
    assert!(matches!(house.nem.standing(id(1)).unwrap(), Some(Standing::Issued(_))));
    assert_eq!(house.issued().len(), 5);
}

#[test]
fn when_the_ledger_fails_nothing_is_taken() {
    let (mut house, fleet) = House::with_fleet(2, Batching::NONE);
    house.ledger.set_broken(true);
    let all: Vec<(usize, &[u8])> =
        (0..2).map(|station| (station, fleet.requests[station].as_slice())).collect();
    let outcomes = upload_all(&mut house, &fleet, &all);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Refusal::Ledger { .. }))), "{outcomes:?}");
    assert_eq!(house.nem.requests_under_way(), 0);
    house.ledger.set_broken(false);
    assert!(upload_all(&mut house, &fleet, &all).iter().all(Result::is_ok));
}
