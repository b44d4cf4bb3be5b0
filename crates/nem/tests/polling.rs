//! An RA/CA that takes its time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use cmp::{PkiBody, PkiFailureInfo};
use support::House;
use support::liar::error;
use support::talk::{Talk, check_after, waiting};

#[test]
fn errors_while_polling_do_not_lead_to_a_second_certificate() {
    for fail_info in
        [PkiFailureInfo::SYSTEM_UNAVAIL, PkiFailureInfo::SYSTEM_FAILURE, PkiFailureInfo::BAD_TIME]
    {
        let mut house = House::new();
        house.ca.policy.issuing_delay = Duration::from_secs(10);
        let mut talk = Talk::with(house);
        talk.truth();
        for delay in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert!(matches!(talk.sent(), PkiBody::PollReq(_)), "{:?}", talk.sent());
            let then = talk.house.now;
            talk.say(&error(fail_info));
            assert_eq!(talk.house.now.abs_diff(then), Duration::from_secs(delay));
        }
        talk.ends_well();
    }
    let mut talk = Talk::new();
    talk.say(&waiting());
    talk.say(&error(PkiFailureInfo::BAD_REQUEST));
    talk.rejected("badRequest");
}

#[test]
fn an_ra_ca_that_never_says_when_is_not_asked_without_pause() {
    for (body, least) in [(waiting(), 1), (check_after(0), 1), (check_after(1), 1), (check_after(90), 90)] {
        let mut talk = Talk::new();
        talk.say(&waiting());
        for _ in 0..5 {
            let then = talk.house.now;
            talk.say(&body);
            assert!(matches!(talk.sent(), PkiBody::PollReq(_)), "{:?}", talk.sent());
            assert_eq!(talk.house.now.abs_diff(then), Duration::from_secs(least));
        }
    }
}

#[test]
fn an_answer_that_is_replayed_while_polling() {
    let mut house = House::new();
    house.ca.policy.issuing_delay = Duration::from_secs(10);
    let mut talk = Talk::with(house);
    let waiting = talk.house.ca.handle(&talk.message, talk.house.now).octets;
    talk.house.answer(talk.id, &waiting);
    talk.next();
    talk.house.answer(talk.id, &waiting);
    talk.next();
    talk.ends_well();
}
