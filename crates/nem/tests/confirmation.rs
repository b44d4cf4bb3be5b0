//! A certificate that is confirmed only when its station has fetched it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use ca::registry::CertificateStatus;
use nem::ledger::{Fetch, Ledger, RequestId, State};
use nem::{Input, Standing};
use support::{House, SUBJECT, csr, key};

const LIMIT: Duration = Duration::from_secs(600);

/// The certificate is there, and its station may fetch it.
fn offered() -> (House, RequestId) {
    let mut house = House::new();
    let mut upstream = house.upstream("raca");
    upstream.confirm_when_fetched = Some(LIMIT);
    house.restart(vec![upstream], house.nem.inventory().clone());
    let (id, _) = house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
    exchange(&mut house, id);
    assert!(house.sends().is_empty());
    assert!(house.logged("confirmed when the station has it"));
    assert!(matches!(house.nem.standing(id).unwrap(), Some(Standing::Issued(_))));
    assert_eq!(house.only_issued().status, CertificateStatus::Unconfirmed);
    (house, id)
}

/// The one message that is due reaches the RA/CA, and its answer the NEM.
fn exchange(house: &mut House, id: RequestId) {
    let [(sent, message)] = house.sends().try_into().unwrap();
    assert_eq!(sent, id);
    let reply = house.ca.handle(&message, house.now);
    house.answer(id, &reply.octets);
}

fn restart(house: &mut House) {
    let mut upstream = house.upstream("raca");
    upstream.confirm_when_fetched = Some(LIMIT);
    house.restart(vec![upstream], house.nem.inventory().clone());
    house.nem.handle(Input::Tick, house.now).unwrap();
}

#[test]
fn it_is_confirmed_when_the_station_has_it() {
    for crash in [false, true] {
        let (mut house, id) = offered();
        if crash {
            restart(&mut house);
            assert!(house.sends().is_empty());
        }
        house.now = house.now.saturating_add(LIMIT / 2);
        house.nem.handle(Input::Tick, house.now).unwrap();
        assert!(house.sends().is_empty());
        house.nem.handle(Input::Delivered { request: id }, house.now).unwrap();
        if crash {
            restart(&mut house);
            assert_eq!(house.ledger.only().fetch, Some(Fetch::Done));
        }
        // Told again that it has it: one certConf is enough.
        house.nem.handle(Input::Delivered { request: id }, house.now).unwrap();
        assert!(matches!(house.nem.standing(id).unwrap(), Some(Standing::Issued(_))));
        exchange(&mut house, id);
        assert_eq!(house.only_issued().status, CertificateStatus::Valid);
        assert!(matches!(house.ledger.request(id).unwrap().unwrap().state, State::Delivered(_)));
        assert_eq!(house.nem.requests_under_way(), 0);
    }
}

#[test]
fn it_is_turned_down_when_nobody_comes_for_it_or_wants_it() {
    type Act = fn(&mut House, RequestId);
    let turned_down: [(Act, &str); 3] = [
        (
            |house, _| {
                house.now = house.now.saturating_add(LIMIT);
                house.nem.handle(Input::Tick, house.now).unwrap();
            },
            "did not fetch it in time",
        ),
        (|house, id| assert!(house.nem.cancel("enb1", id, house.now).unwrap()), "the station cancelled"),
        (|house, id| house.nem.reject(id, "wrong site", house.now).unwrap(), "wrong site"),
    ];
    for (act, reason) in turned_down {
        let (mut house, id) = offered();
        act(&mut house, id);
        house.nem.handle(Input::Delivered { request: id }, house.now).unwrap();
        exchange(&mut house, id);
        assert_ne!(house.only_issued().status, CertificateStatus::Valid, "{reason}");
        let standing = house.nem.standing(id).unwrap();
        let Some(Standing::Rejected { reason: told }) = standing else { panic!("{standing:?}") };
        assert!(told.contains(reason), "{told}");
    }
}
