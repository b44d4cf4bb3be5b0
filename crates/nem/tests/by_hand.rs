//! The manual procedure: requests leave in files, are signed elsewhere, and come back; and everything that people can do wrong with
//! files. Nothing is lost, and nothing is issued twice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use asn1::{EncodedCertificate, RawDer, UnixTime};
use ca::registry::CertificateStatus;
use ca::{Ca, Profile};
use cmp::{BodyKind, PkiBody, PkiFailureInfo, PkiMessage, PkiStatus, PkiStatusInfo, ReadingPolicy};
use nem::by_hand::{ExportOrder, ImportError, LeftBehind, Taken, Verdict};
use nem::ledger::{ExportForm, ExportId, RequestId, State};
use nem::{Batching, CommandError, Input, Inventory, Standing, StationState};
use pkcs10::CertReq;
use support::by_hand::{File, export, export_again, import, import_certificates};
use support::liar::{Liar, error};
use support::{Fleet, House, SUBJECT, key, root};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn pki() -> ExportOrder {
    ExportOrder::new(ExportForm::Pki)
}

fn pkcs10() -> ExportOrder {
    ExportOrder::new(ExportForm::Pkcs10)
}

/// A fleet that has uploaded while its RA/CA is away: whatever was sent is lost.
fn away(stations: usize) -> (House, Fleet, Vec<RequestId>) {
    let (mut house, fleet) = House::with_fleet(stations, Batching::NONE);
    let ids = (0..stations).map(|station| house.upload_of(&fleet, station)).collect();
    for _ in 0..20 {
        for (id, _) in house.sends() {
            house.fail(id);
        }
    }
    assert!(house.nem.outage().is_some() || stations < 3);
    (house, fleet, ids)
}

/// The RA/CA somewhere without a network, where files may be days old.
fn sign(ca: &mut Ca, file: &[u8], now: UnixTime) -> Vec<u8> {
    let window = ca.time_window.take();
    let reply = ca.handle(file, now);
    ca.time_window = window;
    reply.octets
}

fn verdicts(taken: &[Taken]) -> Vec<&'static str> {
    taken.iter().map(|taken| taken.verdict.name()).collect()
}

fn refused(taken: &[Taken], words: &str) {
    for taken in taken {
        let Verdict::Refused(reason) = &taken.verdict else { panic!("{taken:?}") };
        assert!(reason.contains(words), "{reason}");
    }
}

fn states(house: &House) -> BTreeSet<&'static str> {
    house.ledger.records().iter().map(|record| record.state.name()).collect()
}

fn all_issued_once(house: &House, ids: &[RequestId]) {
    for id in ids {
        let standing = house.nem.standing(*id).unwrap();
        assert!(matches!(standing, Some(Standing::Issued(_))), "{standing:?}");
    }
    let issued = house.issued();
    assert_eq!(issued.len(), ids.len());
    assert!(issued.iter().all(|record| record.status == CertificateStatus::Valid));
}

fn parse(message: &[u8]) -> PkiMessage {
    let mut policy = ReadingPolicy::default();
    policy.message_size = 1 << 20;
    PkiMessage::inspect(message, &policy).unwrap()
}

fn inside(message: &[u8]) -> Vec<PkiMessage> {
    let PkiBody::Nested(inner) = parse(message).body().clone() else { panic!("not nested") };
    inner.iter().map(|inner| PkiMessage::from_der(inner.octets()).unwrap()).collect()
}

#[test]
fn a_fleet_whose_ra_ca_is_away_is_enrolled_by_hand() {
    let (mut house, _, ids) = away(5);
    house.now = house.now.saturating_add(DAY);
    let (made, file) = export(&mut house.nem, pki(), house.now).unwrap();
    assert_eq!((made.requests, made.written), (5, true));
    assert_eq!(parse(&file.octets).body().kind(), BodyKind::Nested);
    assert_eq!(states(&house), BTreeSet::from(["exported"]));
    assert_eq!(house.nem.exports().unwrap()[0].out, 5);
    // Nothing of it goes online, whatever happens.
    for _ in 0..10 {
        house.wake();
        assert!(house.sends().is_empty());
        for (exchange, probe) in std::mem::take(&mut house.probes) {
            assert_eq!(parse(&probe).body().kind(), BodyKind::Genm);
            house.nem.handle(Input::Failure { exchange, reason: "no route" }, house.now).unwrap();
        }
    }
    house.now = house.now.saturating_add(DAY);
    let answer = sign(&mut house.ca, &file.octets, house.now);
    house.now = house.now.saturating_add(DAY);
    let taken = import(&mut house.nem, &answer, house.now).unwrap();
    assert_eq!(verdicts(&taken[..5]), ["issued"; 5]);
    let requests: BTreeSet<RequestId> = taken.iter().filter_map(|taken| taken.request).collect();
    assert_eq!(requests, ids.iter().copied().collect());
    assert_eq!(house.nem.requests_under_way(), house.nem.open_requests().count());
    house.run();
    all_issued_once(&house, &ids);
    // What was signed again gets the same answer, and what is imported again changes nothing.
    assert!(inside(&sign(&mut house.ca, &file.octets, house.now)) == inside(&answer));
    let error = import(&mut house.nem, &answer, house.now).unwrap_err();
    assert!(matches!(&error, ImportError::Over(of) if of.id == made.id), "{error}");
    all_issued_once(&house, &ids);
}

/// What was sent and lost leaves as it was sent, so that the RA/CA that has it answers by its record; the rest is new.
#[test]
fn what_may_have_arrived_leaves_as_it_was_sent() {
    let (mut house, fleet) = House::with_fleet(2, Batching::NONE);
    let first = house.upload_of(&fleet, 0);
    let (_, message) = house.sends().remove(0);
    house.ca.handle(&message, house.now); // It arrives, and the answer is lost.
    let in_flight = export(&mut house.nem, pki(), house.now);
    let Err(CommandError::NothingToExport(left)) = in_flight else { panic!("it is on its way") };
    assert_eq!(left, [(LeftBehind::UnderWay, 1)]);
    house.fail(first);
    let second = house.upload_of(&fleet, 1);
    let (id, other) = house.sends().remove(0);
    assert_eq!(id, second);
    house.fail(second);
    house.now = house.now.saturating_add(DAY);
    let (_, file) = export(&mut house.nem, pki(), house.now).unwrap();
    let leaves: BTreeSet<Vec<u8>> =
        inside(&file.octets).iter().map(|inner| inner.octets().to_vec()).collect();
    assert!(leaves == BTreeSet::from([message, other]));
    let answer = sign(&mut house.ca, &file.octets, house.now);
    let taken = import(&mut house.nem, &answer, house.now).unwrap();
    assert_eq!(verdicts(&taken), ["issued"; 2]);
    house.run();
    all_issued_once(&house, &[first, second]);
}

#[test]
fn it_leaves_for_the_ra_ca_that_may_have_it_or_anew_by_somebodys_word() {
    let (mut house, fleet) = House::with_fleet(1, Batching::NONE);
    let id = house.upload_of(&fleet, 0);
    let message = house.sends().remove(0).1;
    house.fail(id);
    let upstreams = vec![house.upstream("raca"), house.upstream("far")];
    house.restart(upstreams, fleet.inventory());
    let to_far = |anew| {
        let mut order = pki();
        order.upstream = Some("far".into());
        order.anew = anew;
        order
    };
    let error = export(&mut house.nem, to_far(false), house.now);
    let Err(CommandError::NothingToExport(left)) = error else { panic!("it began elsewhere") };
    assert_eq!(left, [(LeftBehind::Elsewhere("raca".into()), 1)]);
    let error = export(&mut house.nem, pkcs10(), house.now);
    let Err(CommandError::NothingToExport(left)) = error else { panic!("a CA cannot know it") };
    assert_eq!(left, [(LeftBehind::HasBegun, 1)]);
    let (made, file) = export(&mut house.nem, to_far(true), house.now).unwrap();
    assert_eq!(made.upstream, "far");
    let id_before = parse(&message).header().transaction_id.clone();
    assert_ne!(inside(&file.octets)[0].header().transaction_id, id_before);
    let answer = sign(&mut house.ca, &file.octets, house.now);
    assert_eq!(verdicts(&import(&mut house.nem, &answer, house.now).unwrap()), ["issued"]);
    house.run();
    all_issued_once(&house, &[id]);
    let mut nowhere = pki();
    nowhere.upstream = Some("nowhere".into());
    house.upload_of(&fleet, 0);
    let error = export(&mut house.nem, nowhere, house.now).map(|_| ());
    assert!(matches!(error, Err(CommandError::UnknownUpstream)));
}

#[test]
fn a_group_and_the_oldest_leave_first() {
    let (mut house, fleet) = House::with_fleet(6, Batching::new(100, DAY));
    let mut stations = fleet.stations();
    stations.iter_mut().skip(3).for_each(|station| station.groups = vec!["south".into()]);
    house.restart_with(Inventory::new(stations).unwrap());
    let ids: Vec<RequestId> = (0..6)
        .map(|station| {
            house.now = house.now.saturating_add(Duration::from_secs(1));
            house.upload_of(&fleet, 5 - station)
        })
        .collect();
    house.nem.hold(ids[1], house.now).unwrap();
    let mut order = pki();
    (order.group, order.max) = (Some("south".into()), 1);
    let leaves = |house: &mut House, order: &ExportOrder| {
        let made = export(&mut house.nem, order.clone(), house.now);
        made.map(|(_, file)| file.items.iter().map(|item| item.request).collect::<Vec<_>>())
    };
    assert_eq!(leaves(&mut house, &order).unwrap(), [ids[0]]);
    order.max = 9;
    assert_eq!(leaves(&mut house, &order).unwrap(), [ids[2]], "what is held stays");
    assert!(leaves(&mut house, &order).is_err());
    assert_eq!(leaves(&mut house, &pki()).unwrap(), ids[3..]);
    let error = house.nem.hold(ids[0], house.now).unwrap_err();
    assert!(matches!(error, CommandError::WrongState("exported")), "{error}");
    let error = house.nem.retry_now(ids[0], house.now).unwrap_err();
    assert!(matches!(error, CommandError::WrongState("exported")), "{error}");
}

#[test]
fn a_file_that_is_lost_is_made_again_or_released() {
    let (mut house, _, ids) = away(4);
    let (made, file) = export(&mut house.nem, pki(), house.now).unwrap();
    house.crash();
    let (again, copy) = export_again(&mut house.nem, made.id, house.now).unwrap();
    assert_eq!((again.id, again.requests), (made.id, 4));
    let inner = |file: &File| inside(&file.octets);
    assert_eq!(inner(&copy), inner(&file));
    // The answer to either fits both.
    let answer = sign(&mut house.ca, &file.octets, house.now);
    let released = house.nem.release_export(made.id, false, house.now).unwrap();
    assert_eq!(released, 4);
    assert!(matches!(import(&mut house.nem, &answer, house.now), Err(ImportError::Over(_))));
    // Online the RA/CA answers by its record.
    house.run();
    all_issued_once(&house, &ids);
    for unknown in [made.id, ExportId::new([1; 16])] {
        let released = house.nem.release_export(unknown, false, house.now);
        assert!(matches!(released, Err(CommandError::UnknownExport)));
        assert!(matches!(house.nem.export_again(unknown, "x"), Err(CommandError::UnknownExport)));
    }
}

#[test]
fn one_request_is_released_and_its_answer_comes_too_late() {
    let (mut house, _, ids) = away(3);
    let (made, file) = export(&mut house.nem, pki(), house.now).unwrap();
    house.nem.release(ids[1], house.now).unwrap();
    let answer = sign(&mut house.ca, &file.octets, house.now);
    let taken = import(&mut house.nem, &answer, house.now).unwrap();
    let mut names = verdicts(&taken);
    names.sort_unstable();
    assert_eq!(names, ["issued", "issued", "refused"]);
    refused(&[taken.iter().find(|taken| taken.request == Some(ids[1])).unwrap().clone()], "released");
    house.run();
    all_issued_once(&house, &ids);
    assert_eq!(house.nem.exports().unwrap()[0].export.id, made.id);
}

#[test]
fn files_that_are_wrong_change_nothing() {
    let (mut house, _, ids) = away(3);
    let (made, file) = export(&mut house.nem, pki(), house.now).unwrap();
    let answer = sign(&mut house.ca, &file.octets, house.now);
    let before = house.ledger.records();
    let mut refused = |octets: &[u8], words: &str| {
        let error = import(&mut house.nem, octets, house.now).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    };
    for length in [0, 1, 10, answer.len() / 2, answer.len() - 1] {
        refused(&answer[..length], "not whole");
    }
    refused(&[&answer[..], b"\n"].concat(), "not whole");
    refused(&file.octets, "not the answer");
    refused(b"-----BEGIN CERTIFICATE-----", "no CMP message");
    for position in (40..answer.len()).step_by(answer.len() / 40) {
        let mut tampered = answer.clone();
        tampered[position] ^= 1;
        assert!(import(&mut house.nem, &tampered, house.now).is_err(), "octet {position}");
    }
    assert_eq!(house.ledger.records(), before);
    // Another NEM's answer, whose RA/CA is the same.
    let (mut other, _, _) = away(3);
    let (_, file) = export(&mut other.nem, pki(), other.now).unwrap();
    let foreign = sign(&mut other.ca, &file.octets, other.now);
    let error = import(&mut house.nem, &foreign, house.now).unwrap_err();
    assert!(matches!(error, ImportError::Unknown(Some(_))), "{error}");
    assert_eq!(house.ledger.records(), before);
    assert_eq!(verdicts(&import(&mut house.nem, &answer, house.now).unwrap()[..3]), ["issued"; 3]);
    house.run();
    all_issued_once(&house, &ids);
    assert_eq!(house.nem.exports().unwrap()[0].export, made);
}

#[test]
fn a_file_is_answered_in_part_twice_and_with_what_nobody_asked_for() {
    let (mut house, _, ids) = away(4);
    let (_, file) = export(&mut house.nem, pki(), house.now).unwrap();
    let answer = sign(&mut house.ca, &file.octets, house.now);
    let answers: Vec<RawDer> = match parse(&answer).body() {
        PkiBody::Nested(inner) => inner.clone(),
        _ => panic!(),
    };
    let liar = Liar::new(&house.operator);
    let stranger = liar.answer(&file.items[0].octets, &error(PkiFailureInfo::BAD_REQUEST), house.now);
    let nested = |parts: &[&RawDer]| PkiBody::Nested(parts.iter().map(|part| (*part).clone()).collect());
    // Two of four, one of them twice, and one planted whose protection is another's.
    let mut planted = stranger.clone();
    let last = planted.len() - 1;
    planted[last / 2] ^= 1;
    let planted = RawDer::new(&planted).unwrap();
    let part = nested(&[&answers[2], &answers[3], &answers[2], &planted]);
    let first = liar.answer(&file.octets, &part, house.now);
    let taken = import(&mut house.nem, &first, house.now).unwrap();
    assert_eq!(verdicts(&taken[..2]), ["issued", "issued"]);
    assert_eq!(
        taken.iter().filter(|taken| matches!(taken.verdict, Verdict::Refused(_))).count(),
        2,
        "{taken:?}"
    );
    // The rest comes later, with those that are known.
    let taken = import(&mut house.nem, &answer, house.now).unwrap();
    let mut names = verdicts(&taken);
    names.sort_unstable();
    assert_eq!(names, ["before", "before", "issued", "issued"]);
    house.run();
    all_issued_once(&house, &ids);
}

#[test]
fn what_has_no_answer_is_told() {
    let (mut house, _, ids) = away(3);
    let (_, file) = export(&mut house.nem, pki(), house.now).unwrap();
    let liar = Liar::new(&house.operator);
    let one = house.ca.handle(&file.items[0].octets, house.now).octets;
    let body = PkiBody::Nested(vec![RawDer::new(&one).unwrap()]);
    let taken = import(&mut house.nem, &liar.answer(&file.octets, &body, house.now), house.now).unwrap();
    let mut names = verdicts(&taken);
    names.sort_unstable();
    assert_eq!(names, ["issued", "missing", "missing"]);
    // An RA/CA that takes nothing apart answers one message; one that takes nothing at all says so.
    let single = house.ca.handle(&file.items[1].octets, house.now).octets;
    assert_eq!(verdicts(&import(&mut house.nem, &single, house.now).unwrap()), ["issued"]);
    let whole = liar.answer(&file.octets, &error(PkiFailureInfo::BAD_REQUEST), house.now);
    let error = import(&mut house.nem, &whole, house.now).unwrap_err();
    assert!(matches!(error, ImportError::Refused(_)), "{error}");
    let answer = sign(&mut house.ca, &file.octets, house.now);
    import(&mut house.nem, &answer, house.now).unwrap();
    house.run();
    all_issued_once(&house, &ids);
}

#[test]
fn refusals_are_told_and_what_a_new_transaction_cures_is_queued() {
    let (mut house, _, ids) = away(3);
    let (_, file) = export(&mut house.nem, pki(), house.now).unwrap();
    let liar = Liar::new(&house.operator);
    let no = |item: usize, info| liar.answer(&file.items[item].octets, &error(info), house.now);
    let mut waiting = PkiStatusInfo::new(PkiStatus::Waiting);
    waiting.fail_info = None;
    let waits = PkiBody::Error(cmp::ErrorMsgContent::new(waiting));
    let answers = [
        no(0, PkiFailureInfo::BAD_POP),
        no(1, PkiFailureInfo::BAD_TIME),
        liar.answer(&file.items[2].octets, &waits, house.now),
    ];
    let body = PkiBody::Nested(answers.iter().map(|answer| RawDer::new(answer).unwrap()).collect());
    let taken = import(&mut house.nem, &liar.answer(&file.octets, &body, house.now), house.now).unwrap();
    assert_eq!(verdicts(&taken[..3]), ["rejected", "queued", "undecided"]);
    let state = |position: usize| {
        house
            .ledger
            .records()
            .into_iter()
            .find(|record| record.id == file.items[position].request)
            .unwrap()
            .state
    };
    assert!(matches!(state(0), State::Rejected { .. }));
    assert!(matches!(state(1), State::Queued));
    assert!(matches!(state(2), State::Waiting { .. }));
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_station_that_was_blocked_meanwhile_gets_nothing_until_it_may() {
    let (mut house, fleet, ids) = away(3);
    let (_, file) = export(&mut house.nem, pki(), house.now).unwrap();
    let answer = sign(&mut house.ca, &file.octets, house.now);
    let mut stations = fleet.stations();
    stations[1].state = StationState::Blocked;
    house.nem.set_inventory(Inventory::new(stations).unwrap(), house.now).unwrap();
    let taken = import(&mut house.nem, &answer, house.now).unwrap();
    let blocked: Vec<Taken> = taken.into_iter().filter(|taken| taken.request == Some(ids[1])).collect();
    refused(&blocked[..1], "blocked");
    assert!(matches!(house.nem.standing(ids[1]).unwrap(), Some(Standing::UnderWay { .. })));
    house.nem.set_inventory(fleet.inventory(), house.now).unwrap();
    let taken = import(&mut house.nem, &answer, house.now).unwrap();
    assert_eq!(taken.iter().filter(|taken| taken.verdict == Verdict::Issued).count(), 1);
    house.run();
    all_issued_once(&house, &ids);
}

#[test]
fn nobody_wants_it_any_more() {
    let (mut house, fleet) = House::with_fleet(3, Batching::new(100, DAY));
    let ids: Vec<RequestId> = (0..3).map(|station| house.upload_of(&fleet, station)).collect();
    let (_, file) = export(&mut house.nem, pki(), house.now).unwrap();
    assert!(house.nem.cancel("enb1", ids[0], house.now).unwrap());
    house.nem.reject(ids[1], "wrong site", house.now).unwrap();
    let answer = sign(&mut house.ca, &file.octets, house.now);
    let taken = import(&mut house.nem, &answer, house.now).unwrap();
    let of = |id| taken.iter().find(|taken| taken.request == Some(id)).unwrap().verdict.clone();
    // They are confirmed by what was asked for, so that people must revoke them.
    for (id, words) in [(ids[0], "cancelled"), (ids[1], "wrong site")] {
        let Verdict::Rejected(reason) = of(id) else { panic!("{:?}", of(id)) };
        assert!(reason.contains(words) && reason.contains("revoked at the RA/CA by hand"), "{reason}");
    }
    assert_eq!(of(ids[2]), Verdict::Issued);
}

/// Without implicitConfirm, the station gets its certificate at once, and certConf goes up when the RA/CA is there.
#[test]
fn what_must_be_confirmed_is_confirmed_when_the_ra_ca_is_back() {
    for fetched_first in [true, false] {
        let (mut house, fleet) = House::with_fleet(1, Batching::NONE);
        // Sent while nobody asked for implicitConfirm.
        let id = house.upload_of(&fleet, 0);
        house.sends();
        house.fail(id);
        let (_, file) = export(&mut house.nem, pki(), house.now).unwrap();
        let answer = sign(&mut house.ca, &file.octets, house.now);
        let taken = import(&mut house.nem, &answer, house.now).unwrap();
        assert_eq!(verdicts(&taken), ["issued"]);
        let Some(Standing::Issued(_)) = house.nem.standing(id).unwrap() else { panic!("it may be fetched") };
        assert_eq!(states(&house), BTreeSet::from(["confirming"]));
        house.crash();
        if fetched_first {
            house.nem.handle(Input::Delivered { request: id }, house.now).unwrap();
        }
        house.now = house.now.saturating_add(DAY);
        house.run();
        assert_eq!(house.only_issued().status, CertificateStatus::Valid);
        let end = if fetched_first { "delivered" } else { "issued" };
        assert_eq!(states(&house), BTreeSet::from([end]));
    }
}

fn certificates_for(house: &House, file: &File) -> Vec<EncodedCertificate> {
    let issue = |item: &nem::by_hand::ExportItem| {
        let request = CertReq::from_der(&item.octets).unwrap();
        house.ca.issue_by_hand(&request, &Profile::NE, house.now).unwrap().certificate
    };
    file.items.iter().map(issue).collect()
}

#[test]
fn certificates_of_a_ca_without_cmp_find_their_requests_by_key() {
    let (mut house, _) = House::with_fleet(4, Batching::new(100, DAY));
    let fleet = Fleet::new(4, &house.vendor);
    house.restart_with(fleet.inventory());
    let ids: Vec<RequestId> = (0..4).map(|station| house.upload_of(&fleet, station)).collect();
    let (made, file) = export(&mut house.nem, pkcs10(), house.now).unwrap();
    assert_eq!(made.form, ExportForm::Pkcs10);
    assert!(file.items.iter().all(|item| fleet.requests.contains(&item.octets)), "bit by bit");
    let certificates = certificates_for(&house, &file);
    let take = |house: &mut House, certificates: &[EncodedCertificate]| {
        let pool = [house.operator.certificate().clone()];
        import_certificates(&mut house.nem, certificates, &pool, house.now).unwrap()
    };
    let before = house.ledger.records();
    // Another key, another name, another CA, no certificate.
    let stranger = support::certify(&house.operator, &Profile::NE, SUBJECT, &key());
    refused(&take(&mut house, &[stranger]), "no request of this NEM is for its key");
    refused(&take(&mut house, &[EncodedCertificate::new(&[0x30, 0]).unwrap()]), "no certificate");
    assert_eq!(house.ledger.records(), before);
    let taken = take(&mut house, &certificates);
    assert_eq!(verdicts(&taken), ["issued"; 4]);
    house.run();
    all_issued_once(&house, &ids);
    assert_eq!(verdicts(&take(&mut house, &certificates)), ["before"; 4]);
    // A second certificate for the same request is not taken.
    let second = certificates_for(&house, &file);
    refused(&take(&mut house, &second[..1]), "has another certificate");
}

#[test]
fn certificates_are_checked_as_if_they_had_come_online() {
    let (mut house, fleet) = House::with_fleet(2, Batching::new(100, DAY));
    let ids: Vec<RequestId> = (0..2).map(|station| house.upload_of(&fleet, station)).collect();
    let (_, file) = export(&mut house.nem, pkcs10(), house.now).unwrap();
    let first = file.items.iter().find(|item| item.request == ids[0]).unwrap();
    let request = CertReq::from_der(&first.octets).unwrap();
    let issued = |issuer: &ca::Issuer, profile: &Profile, subject: &str| {
        let key = crypto::PublicKey::from_spki_der(request.public_key_octets()).unwrap();
        let (contents, _) = profile.fit(support::name(subject), &key, &[]).unwrap();
        issuer.issue(&contents, &crypto_aws_lc::provider(), house.now).unwrap().certificate
    };
    let subject = "CN=enb1.operator.example";
    let wrong = [
        (issued(&root("CN=Nobody"), &Profile::NE, subject), "not valid"),
        (issued(&house.operator, &Profile::NE, "CN=enb9.operator.example"), "was asked for"),
    ];
    for (certificate, words) in wrong {
        let taken = import_certificates(&mut house.nem, &[certificate], &[], house.now).unwrap();
        refused(&taken, words);
    }
    // Released, it is none of the file's any more.
    let good = certificates_for(&house, &file);
    house.nem.release(ids[1], house.now).unwrap();
    let taken = import_certificates(&mut house.nem, &good, &[], house.now).unwrap();
    let mut names = verdicts(&taken);
    names.sort_unstable();
    assert_eq!(names, ["issued", "refused"]);
    house.nem.reject(ids[0], "late", house.now).unwrap_err();
}

#[test]
fn an_outage_is_known_until_somebody_answers() {
    let (mut house, fleet, _) = away(4);
    let since = house.nem.outage().unwrap();
    house.now = house.now.saturating_add(DAY);
    house.upload_of(&fleet, 0);
    assert_eq!(house.nem.outage(), Some(since));
    house.run();
    assert_eq!(house.nem.outage(), None);
    let (mut house, _, _) = away(4);
    let upstreams = vec![house.upstream("raca"), house.upstream("far")];
    house.nem.set_upstreams(upstreams, house.now).unwrap();
    assert_eq!(house.nem.outage(), None, "one that nobody has tried may be there");
}

/// A ledger that fails at any write of an export, an import or a release, and a NEM that goes on or starts again.
#[test]
fn a_ledger_that_fails_at_any_write() {
    for restarted in [true, false] {
        for writes in 0.. {
            let (mut house, _, ids) = away(3);
            house.ledger.break_after(writes);
            let made = export(&mut house.nem, pki(), house.now).ok();
            let answer = made.as_ref().map(|(_, file)| sign(&mut house.ca, &file.octets, house.now));
            if let Some(answer) = &answer {
                let _ = import(&mut house.nem, answer, house.now);
            }
            let broken = house.ledger.is_broken();
            house.ledger.set_broken(false);
            if restarted {
                house.crash();
            }
            // What left is made again, signed again, and comes back.
            for status in house.nem.exports().unwrap() {
                let id = status.export.id;
                if let Ok((_, file)) = export_again(&mut house.nem, id, house.now) {
                    let answer = sign(&mut house.ca, &file.octets, house.now);
                    import(&mut house.nem, &answer, house.now).unwrap();
                }
            }
            house.run();
            all_issued_once(&house, &ids);
            if !broken {
                assert!(writes >= 4, "{writes}");
                break;
            }
        }
    }
}
