//! Who is recognised as which station, and what becomes of those that are blocked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use asn1::EncodedCertificate;
use ca::Profile;
use crypto_aws_lc::provider;
use der::Decode;
use nem::ledger::State;
use nem::{
    Account, Inventory, Refusal, Shown, Standing, Station, StationAnchors, StationState, VendorCertificate,
};
use support::talk::Talk;
use support::{House, NOW, SUBJECT, YEAR, certify, csr, enb1, key, name, root};
use x509_cert::Certificate;

fn station(name: &str, vendor: VendorCertificate) -> Station {
    Station::new(name.into(), vendor, support::name(&format!("CN={name}.operator.example")))
}

fn serial_number(certificate: &EncodedCertificate) -> Vec<u8> {
    let certificate = Certificate::from_der(certificate.octets()).unwrap();
    certificate.tbs_certificate().serial_number().as_bytes().to_vec()
}

#[test]
fn stations_are_recognised_by_subject_serial_number_or_both() {
    let factory = root("CN=Factory CA");
    let anchors = StationAnchors::new(vec![factory.certificate().clone()], Vec::new());
    let certified = |subject: &str| certify(&factory, &Profile::NE, subject, &key());
    let (a, b, c, d) = (certified("CN=a"), certified("CN=b"), certified("CN=c"), certified("CN=c"));
    // Leading zeros, as a label or a spreadsheet may have them, do not matter.
    let padded = [vec![0, 0], serial_number(&b)].concat();
    let inventory = Inventory::new(vec![
        station("a", VendorCertificate::new(Some(name("CN=A")), None)),
        station("b", VendorCertificate::new(None, Some(padded))),
        station("c", VendorCertificate::new(Some(name("CN=c")), Some(serial_number(&c)))),
        station("not d", VendorCertificate::new(Some(name("CN=other")), Some(serial_number(&d)))),
    ])
    .unwrap();
    let who = |certificate: &EncodedCertificate| {
        let found = inventory.identify(
            Shown::Certificates(std::slice::from_ref(certificate)),
            &anchors,
            &provider(),
            NOW,
        );
        found.map(|found| found.station().name.clone())
    };
    assert_eq!(who(&a).unwrap(), "a");
    assert_eq!(who(&certified("CN=a")).unwrap(), "a", "whatever its serial number");
    assert_eq!(who(&b).unwrap(), "b");
    assert_eq!(who(&c).unwrap(), "c");
    for unknown in [&d, &certified("CN=b"), &certified("CN=c")] {
        assert!(matches!(who(unknown), Err(Refusal::UnknownStation { .. })));
    }
}

#[test]
fn stations_with_the_same_vendor_subject_differ_by_serial_number() {
    let factory = root("CN=Factory CA");
    let anchors = StationAnchors::new(vec![factory.certificate().clone()], Vec::new());
    let certificates: Vec<_> = (0..3).map(|_| certify(&factory, &Profile::NE, "CN=eNB", &key())).collect();
    let stations = certificates.iter().take(2).enumerate().map(|(index, certificate)| {
        let vendor = VendorCertificate::new(Some(name("CN=eNB")), Some(serial_number(certificate)));
        station(&format!("enb{index}"), vendor)
    });
    let inventory = Inventory::new(stations.collect()).unwrap();
    for (index, certificate) in certificates.iter().enumerate() {
        let found = inventory.identify(
            Shown::Certificates(std::slice::from_ref(certificate)),
            &anchors,
            &provider(),
            NOW,
        );
        match found {
            Ok(found) => assert_eq!(found.station().name, format!("enb{index}")),
            Err(refusal) => assert!(index == 2 && matches!(refusal, Refusal::UnknownStation { .. })),
        }
    }
}

#[test]
fn certificates_that_cannot_be_read_or_are_not_valid_now() {
    let house = House::new();
    let vendor = StationAnchors::new(vec![house.vendor.certificate().clone()], Vec::new());
    let operator = StationAnchors::new(Vec::new(), vec![house.operator.certificate().clone()]);
    let inventory = house.nem.inventory();
    let of_operator = certify(&house.operator, &Profile::NE, SUBJECT, &key());
    let later = NOW.saturating_add(YEAR * 4);

    let garbage = [EncodedCertificate::new(&[0x30, 0]).unwrap()];
    let refusal = inventory.identify(Shown::Certificates(&garbage), &vendor, &provider(), NOW).unwrap_err();
    assert!(matches!(refusal, Refusal::MalformedCertificate));
    for (chain, anchors) in [(house.station.clone(), &vendor), (vec![of_operator], &operator)] {
        inventory.identify(Shown::Certificates(&chain), anchors, &provider(), NOW).unwrap();
        for then in [later, NOW.saturating_sub(YEAR)] {
            let refusal =
                inventory.identify(Shown::Certificates(&chain), anchors, &provider(), then).unwrap_err();
            let Refusal::UntrustedCertificate(reason) = refusal else { panic!("{refusal}") };
            assert!(
                reason.to_string().contains("valid") || reason.to_string().contains("expired"),
                "{reason}"
            );
        }
    }
    // A CA is no station, even if it is an anchor.
    let chain = [house.vendor.certificate().clone()];
    inventory.identify(Shown::Certificates(&chain), &vendor, &provider(), NOW).unwrap_err();
}

#[test]
fn a_block_holds_from_the_moment_it_is_made() {
    let blocked = || {
        let mut station = enb1();
        station.state = StationState::Blocked;
        Inventory::new(vec![station]).unwrap()
    };
    // While the RA/CA has the request and cannot answer.
    let mut house = House::new();
    let request = csr(SUBJECT, &key(), Vec::new());
    let (id, _) = house.upload(&request).unwrap();
    let (_, message) = house.sends().remove(0);
    house.nem.set_inventory(blocked(), house.now).unwrap();
    let liar = support::liar::Liar::new(&house.operator);
    let unavailable = support::liar::error(cmp::PkiFailureInfo::SYSTEM_UNAVAIL);
    let answer = liar.answer(&message, &unavailable, house.now);
    house.answer(id, &answer);
    house.run();
    assert!(house.issued().is_empty());
    assert!(matches!(house.nem.standing(id), Ok(Some(Standing::Rejected { .. }))));

    // While the NEM is down.
    let mut house = House::new();
    let (id, _) = house.upload(&request).unwrap();
    let mut record = house.ledger.only();
    record.state = State::Queued;
    nem::ledger::Ledger::put(&house.ledger, &record).unwrap();
    house.restart_with(blocked());
    house.run();
    assert!(house.issued().is_empty());
    assert!(matches!(house.nem.standing(id), Ok(Some(Standing::Rejected { .. }))));

    // What was issued before is not handed out.
    let mut house = House::new();
    house.upload(&request).unwrap();
    house.run();
    house.nem.set_inventory(blocked(), house.now).unwrap();
    assert!(matches!(house.upload(&request), Err(Refusal::Blocked { .. })));
}

#[test]
fn a_certificate_for_a_station_that_was_blocked_meanwhile_is_turned_down() {
    let mut talk = Talk::new();
    let mut blocked = enb1();
    blocked.state = StationState::Blocked;
    let now = talk.house.now;
    talk.house.nem.set_inventory(Inventory::new(vec![blocked]).unwrap(), now).unwrap();
    talk.truth();
    assert!(talk.house.logged("turned down: the station was blocked"), "{:?}", talk.house.events);
    talk.truth();
    let standing = talk.house.nem.standing(talk.id).unwrap();
    assert!(matches!(standing, Some(Standing::Rejected { .. })), "{standing:?}");
    let status = talk.house.only_issued().status;
    assert!(matches!(status, ca::registry::CertificateStatus::Revoked { .. }), "{status}");
}

#[test]
fn stations_are_recognised_by_fingerprint_issuer_account_or_address() {
    let (factory, other) = (root("CN=Factory CA"), root("CN=Other CA"));
    let anchors =
        StationAnchors::new(vec![factory.certificate().clone(), other.certificate().clone()], Vec::new());
    let certified = |issuer, subject: &str| certify(issuer, &Profile::NE, subject, &key());
    let pinned = certified(&factory, "CN=a");
    let digest = provider().digest(crypto::DigestAlgorithm::Sha256, pinned.octets());
    let mut by_fingerprint = VendorCertificate::default();
    by_fingerprint.fingerprint = Some(digest.try_into().unwrap());
    let of = |issuer: &str| {
        let mut vendor = VendorCertificate::new(Some(name("CN=b")), None);
        vendor.issuer = Some(name(issuer));
        vendor
    };
    let mut by_account = station("account", VendorCertificate::default());
    by_account.account = Some(Account { user: "enb".into(), password_hash: "x".into() });
    by_account.tunnel_address = Some("10.0.0.1".parse().unwrap());
    let inventory = Inventory::new(vec![
        station("pinned", by_fingerprint.clone()),
        station("of factory", of("CN=Factory CA")),
        station("of other", of("CN=Other CA")),
        by_account.clone(),
    ])
    .unwrap();
    let who = |shown: Shown<'_>| {
        let found = inventory.identify(shown, &anchors, &provider(), NOW);
        found.map(|found| found.station().name.clone())
    };
    let shows = |certificate: EncodedCertificate| who(Shown::Certificates(&[certificate]));
    assert_eq!(shows(pinned).unwrap(), "pinned");
    assert!(matches!(shows(certified(&factory, "CN=a")), Err(Refusal::UnknownStation { .. })));
    assert_eq!(shows(certified(&factory, "CN=b")).unwrap(), "of factory");
    assert_eq!(shows(certified(&other, "CN=b")).unwrap(), "of other");
    assert_eq!(who(Shown::Account("enb")).unwrap(), "account");
    assert!(matches!(who(Shown::Account("ENB")), Err(Refusal::UnknownAccount { .. })));
    assert_eq!(who(Shown::TunnelAddress("10.0.0.1".parse().unwrap())).unwrap(), "account");
    // As a socket that listens for both kinds of addresses has it.
    assert_eq!(who(Shown::TunnelAddress("::ffff:10.0.0.1".parse().unwrap())).unwrap(), "account");
    let elsewhere = who(Shown::TunnelAddress("10.0.0.2".parse().unwrap()));
    assert!(matches!(elsewhere, Err(Refusal::UnknownAddress { .. })));

    let mut twin = station("twin", by_fingerprint);
    twin.account.clone_from(&by_account.account);
    let refused = |station: &nem::Station| {
        Inventory::new(vec![by_account.clone(), station.clone()]).unwrap_err().to_string()
    };
    assert!(refused(&twin).contains("account and twin have the same account"));
    (twin.account, twin.tunnel_address) = (None, by_account.tunnel_address);
    assert!(refused(&twin).contains("account and twin have the same tunnel address"));

    let mut retired = by_account.clone();
    retired.state = StationState::Retired;
    let inventory = Inventory::new(vec![retired]).unwrap();
    let refusal = inventory.identify(Shown::Account("enb"), &anchors, &provider(), NOW).unwrap_err();
    assert!(matches!(refusal, Refusal::Retired { .. }));
}
