//! A NEM's batches at an RA/CA that is made of Bouncy Castle: it takes them apart, and answers in another order.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::time::{Duration, SystemTime};

use asn1::{EncodedCertificate, UnixTime};
use ca::{Issuer, Profile};
use cmp::SenderIdentity;
use crypto::SigningKey;
use crypto_aws_lc::{KeyType, SoftwareKey, provider};
use differential::{Peer, hex, octets};
use nem::{
    Batching, Input, Inventory, Nem, Nesting, Output, Settings, Shown, Standing, Station, StationAnchors,
    Upload, Upstream, VendorCertificate,
};
use pkcs10::CertReqBuilder;
use store::ledger::EmbeddedLedger;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
const STATIONS: usize = 5;

fn key() -> SoftwareKey {
    SoftwareKey::generate(KeyType::P256).unwrap()
}

fn root(subject: &str, key: &SoftwareKey, now: UnixTime) -> Issuer {
    let copy = SoftwareKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap();
    Issuer::self_signed(subject.parse().unwrap(), Box::new(copy), YEAR, &provider(), now).unwrap()
}

fn certify(
    issuer: &Issuer,
    profile: &Profile,
    subject: &str,
    key: &SoftwareKey,
    now: UnixTime,
) -> EncodedCertificate {
    let (contents, _) = profile.fit(subject.parse().unwrap(), key.public_key(), &[]).unwrap();
    issuer.issue(&contents, &provider(), now).unwrap().certificate
}

#[test]
fn batches_are_taken_apart_and_every_station_gets_its_certificate() {
    let now = UnixTime::from_duration(SystemTime::UNIX_EPOCH.elapsed().unwrap());
    let (ca_key, nem_key) = (key(), key());
    let (operator, vendor) = (root("CN=Operator CA", &ca_key, now), root("CN=Factory CA", &key(), now));
    let mut peer = Peer::bouncy_castle_authority();
    let credential =
        format!("{} {}", hex(&ca_key.to_pkcs8_der().unwrap()), hex(operator.certificate().octets()));
    assert_eq!(peer.ask(&credential), "ready");

    let certificate = certify(&operator, &Profile::RA, "CN=nem", &nem_key, now);
    let identity = SenderIdentity::new(certificate, Vec::new(), nem_key.algorithm()).unwrap();
    let anchors = vec![operator.certificate().clone()];
    let mut upstream = Upstream::new("bouncy castle", identity, Box::new(nem_key), anchors.clone());
    upstream.batching = Batching::new(STATIONS, Duration::from_secs(1));
    let station = |number| {
        let vendor = VendorCertificate::new(Some(format!("CN=SN-{number}").parse().unwrap()), None);
        Station::new(format!("enb{number}"), vendor, format!("CN=enb{number}").parse().unwrap())
    };
    let folder = tempfile::tempdir().unwrap();
    let mut nem = Nem::new(
        provider(),
        vec![upstream],
        StationAnchors::new(vec![vendor.certificate().clone()], anchors),
        Inventory::new((0..STATIONS).map(station).collect()).unwrap(),
        Settings::default(),
        Box::new(EmbeddedLedger::open(&folder.path().join("ledger.redb")).unwrap()),
    )
    .unwrap();
    let requests: Vec<_> = (0..STATIONS)
        .map(|number| {
            let chain = [certify(&vendor, &Profile::NE, &format!("CN=SN-{number}"), &key(), now)];
            let key = key();
            let builder = CertReqBuilder::new(format!("CN=enb{number}").parse().unwrap(), key.public_key());
            let request = builder.sign(&key).unwrap();
            let shown = Shown::Certificates(&chain);
            (nem.upload(shown, Upload::Pkcs10(&request), None, now).unwrap().0, key)
        })
        .collect();

    let (mut sent, mut time) = (0, now);
    while nem.requests_under_way() > 0 {
        while let Some(output) = nem.poll_output() {
            let Output::Send { exchange, message, .. } = output else { continue };
            sent += 1;
            let answer = peer.ask(&hex(&message));
            assert!(!answer.starts_with("error"), "{answer}");
            nem.handle(Input::Answer { exchange, octets: &octets(&answer) }, time).unwrap();
        }
        if let Some(due) = nem.poll_timeout() {
            time = time.max(due);
            nem.handle(Input::Tick, time).unwrap();
        }
        assert!(time.abs_diff(now) < Duration::from_secs(60), "it never ends");
    }
    assert_eq!(sent, 2, "a batch of requests, and one of confirmations");
    assert!(matches!(nem.upstreams().next().unwrap().nesting, Nesting::Works));
    for (request, key) in requests {
        let Ok(Some(Standing::Issued(certificates))) = nem.standing(request) else { panic!("none") };
        let spki = key.public_key().spki_octets();
        let certificate = certificates.certificate.octets();
        assert!(certificate.windows(spki.len()).any(|octets| octets == spki), "another station's");
    }
}
