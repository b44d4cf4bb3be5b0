//! Requesters that are known by a shared secret: answered with it, and given the name that goes with it.
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

use ca::Outcome;
use cmp::end_entity::{Answer, AwaitingCertificate, Enrolment};
use cmp::{
    Expectation, MacCredential, PkiFailureInfo, PkiMessage, PkiStatusInfo, Reference, SecretTrust,
    SignerRole, ValidatedMessage, Validator,
};
use crmf::PasswordMac;
use crypto::{SharedSecret, SigningKey};
use support::{House, NOW, crmf, csr, granted, ir, key, name, p10cr, status};

const SECRET: &str = "correct-horse-battery-staple";

fn entry() -> SecretTrust {
    SecretTrust::new(Reference::new("4711"), SharedSecret::new(SECRET.into()))
}

fn credential(mac: PasswordMac) -> MacCredential {
    MacCredential::new(Reference::new("4711"), SharedSecret::new(SECRET.into()), mac).unwrap()
}

fn house() -> House {
    let mut house = House::new();
    house.ca.secrets = vec![entry()];
    house
}

fn start(house: &House, station: &MacCredential, enrolment: Enrolment) -> (Vec<u8>, AwaitingCertificate) {
    let (part, awaiting) = enrolment.start(station.identity(), &house.provider, NOW).unwrap();
    (part.authenticate(station, &house.provider).unwrap(), awaiting)
}

/// The answer, as one comes to believe it who has nothing but the secret.
fn validate(house: &House, octets: &[u8], expectation: &Expectation<'_>) -> ValidatedMessage {
    let mut secrets = [entry()];
    secrets[0].role = SignerRole::CertificationAuthority;
    let mut validator = Validator::new(&house.provider, &[]);
    validator.secrets = &secrets;
    validator.validate(PkiMessage::from_der(octets).unwrap(), expectation, NOW).unwrap()
}

fn refused(house: &House, request: &[u8], awaiting: &AwaitingCertificate) -> PkiStatusInfo {
    let reply = house.ca.handle(request, NOW);
    assert!(matches!(reply.event.outcome, Outcome::Refused(_)), "{}", reply.event.outcome);
    validate(house, &reply.octets, &awaiting.expectation());
    status(&reply.octets)
}

#[test]
fn a_station_enrols_with_a_secret() {
    for mac in [PasswordMac::pbmac1, PasswordMac::pbm] {
        let house = house();
        let station = credential(mac(&house.provider).unwrap());
        let key = key();
        let mut builder = crmf::CertReqMsgBuilder::new(None, key.public_key());
        let mac = mac(&house.provider).unwrap();
        let secret = SharedSecret::new(SECRET.into());
        builder.public_key_mac =
            mac.authenticate(&house.provider, &secret, key.public_key().spki_octets()).ok();
        for request in [
            ir(crmf(&name("CN=4711"), &key)),
            ir(builder.sign(&key).unwrap()),
            p10cr(csr("CN=4711", &key, Vec::new())),
        ] {
            let (octets, awaiting) = start(&house, &station, request);
            let reply = house.ca.handle(&octets, NOW);
            assert_eq!(reply.event.sender, "reference 4711");
            let algorithm =
                |octets: &[u8]| PkiMessage::from_der(octets).unwrap().header().protection_alg.clone();
            assert_eq!(algorithm(&reply.octets), algorithm(&octets), "answered in kind");
            let message = validate(&house, &reply.octets, &awaiting.expectation());
            let granted = granted(awaiting.handle(&message).unwrap());
            let certificate = granted.check().unwrap();
            assert_eq!(certificate.tbs_certificate().subject(), &name("CN=4711"));

            let (part, awaiting) = granted.confirm(station.identity(), &house.provider, NOW).unwrap();
            let cert_conf = part.authenticate(&station, &house.provider).unwrap();
            let reply = house.ca.handle(&cert_conf, NOW);
            let message = validate(&house, &reply.octets, &awaiting.expectation());
            awaiting.handle(&message).unwrap();
            assert_eq!(house.ca.handle(&cert_conf, NOW).octets, reply.octets, "a repeat");
        }
        assert_eq!(house.registry.count(), 3);
    }
}

#[test]
fn a_station_gets_the_name_that_was_given_out_with_its_secret_and_no_other() {
    let mut house = house();
    let station = credential(PasswordMac::pbmac1(&house.provider).unwrap());
    house.ca.secrets[0].name = name("CN=enb17,O=Operator");
    for subject in ["CN=4711", "CN=enb18,O=Operator", "CN=nem-1,O=Operator"] {
        let station = station.clone().with_name(name(subject));
        let (octets, awaiting) = start(&house, &station, p10cr(csr(subject, &key(), Vec::new())));
        let status = refused(&house, &octets, &awaiting);
        assert_eq!(status.fail_info, Some(PkiFailureInfo::NOT_AUTHORIZED), "{subject}: {status}");
    }
    let (octets, awaiting) = start(&house, &station, p10cr(csr("CN=enb17,O=Operator", &key(), Vec::new())));
    let message = validate(&house, &house.ca.handle(&octets, NOW).octets, &awaiting.expectation());
    granted(awaiting.handle(&message).unwrap()).check().unwrap();
    assert_eq!(house.registry.only_certificate().requester, Some(name("CN=enb17,O=Operator")));
}

#[test]
fn a_refusal_is_told_with_the_secret_when_the_mac_holds_and_signed_when_it_does_not() {
    let mut house = house();
    let station = credential(PasswordMac::pbmac1(&house.provider).unwrap());
    let (octets, _) = start(&house, &station, ir(crmf(&name("CN=4711"), &key())));
    let late = house.ca.handle(&octets, NOW.saturating_add(Duration::from_secs(600)));
    assert_eq!(status(&late.octets).fail_info, Some(PkiFailureInfo::BAD_TIME));
    let told = PkiMessage::from_der(&late.octets).unwrap();
    assert_eq!(told.header().sender_kid.as_ref().unwrap().as_bytes(), b"4711");
    assert!(told.extra_certs().is_empty());

    house.ca.secrets[0].secret = SharedSecret::new("somebody else's secret".into());
    for secrets in [house.ca.secrets.clone(), vec![]] {
        let due = if secrets.is_empty() {
            PkiFailureInfo::WRONG_INTEGRITY
        } else {
            PkiFailureInfo::BAD_MESSAGE_CHECK
        };
        house.ca.secrets = secrets;
        let reply = house.ca.handle(&octets, NOW);
        assert_eq!(status(&reply.octets).fail_info, Some(due));
        let signed = PkiMessage::from_der(&reply.octets).unwrap();
        assert!(!signed.extra_certs().is_empty());
        assert!(!format!("{reply:?} {}", reply.event.outcome).contains("secret"));
    }
    assert_eq!(house.registry.count(), 0);
}

#[test]
fn a_transaction_goes_on_as_it_began() {
    let house = house();
    let station = credential(PasswordMac::pbmac1(&house.provider).unwrap());
    let (octets, awaiting) = start(&house, &station, ir(crmf(&name("CN=4711"), &key())));
    let reply = house.ca.handle(&octets, NOW);
    let message = validate(&house, &reply.octets, &awaiting.expectation());
    let granted_by_mac = granted(awaiting.handle(&message).unwrap());
    let (part, _) = granted_by_mac.confirm(&house.station.identity, &house.provider, NOW).unwrap();
    house.refused_with(&part.sign(&house.station.key).unwrap(), PkiFailureInfo::WRONG_INTEGRITY);

    let (_, answer) = house.enrol(&house.station, ir(crmf(&house.station.name(), &key())));
    let Answer::Granted(granted) = answer else { panic!() };
    let (part, awaiting) = granted.confirm(station.identity(), &house.provider, NOW).unwrap();
    let cert_conf = part.authenticate(&station, &house.provider).unwrap();
    house.refused_with(&cert_conf, PkiFailureInfo::WRONG_INTEGRITY);
    // And so is the answer that tells it.
    house.validate(&house.ca.handle(&cert_conf, NOW).octets, &awaiting.expectation(), NOW);
}
