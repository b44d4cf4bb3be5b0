//! A requester and an RA/CA in one process, on real keys and a clock that is handed in.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::missing_panics_doc, missing_docs)]

use std::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use cmp::end_entity::{self, Answer, AwaitingCertificate, CertificateRequest, Enrolment, Granted};
use cmp::management_entity::{AwaitingCertConf, Confirmation, Grant, ReplyTo, Responder, VerifiedRequest};
use cmp::{
    Error, ErrorMsgContent, Expectation, PkiBody, PkiFailureInfo, PkiMessage, PkiStatus, PkiStatusInfo,
    PollRepItem, SenderIdentity, SignerRole, Trust, ValidatedMessage, Validator,
};
use crypto::{CryptoProvider, ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::SoftwareKey;
use pkcs10::{CertReq, CertReqBuilder};

struct Party {
    key: SoftwareKey,
    identity: SenderIdentity,
}

impl Party {
    fn new(certificate: &str, key: &str) -> Self {
        let key = SoftwareKey::from_pem(&text(key)).unwrap();
        let identity = SenderIdentity::new(self::certificate(certificate), vec![], key.algorithm()).unwrap();
        Self { key, identity }
    }
}

struct House {
    provider: CryptoProvider,
    nem: Party,
    ca: Party,
    station_key: SoftwareKey,
    operator_trust: Vec<Trust>,
    ra_trust: Vec<Trust>,
    now: UnixTime,
}

fn text(name: &str) -> String {
    testkit::vectors::own_text(&format!("openssl-mock/{name}"))
}

fn certificate(name: &str) -> EncodedCertificate {
    testkit::vectors::own_certificate(&format!("openssl-mock/{name}"))
}

impl House {
    fn new() -> Self {
        let anchors = vec![certificate("oper-ca.crt.pem")];
        Self {
            provider: crypto_aws_lc::provider(),
            nem: Party::new("nem-ra.crt.pem", "nem-ra.key.pem"),
            ca: Party::new("oper-ca.crt.pem", "oper-ca.key.pem"),
            station_key: SoftwareKey::from_pem(&text("oper-bs.key.pem")).unwrap(),
            operator_trust: vec![Trust::new(
                SignerRole::CertificationAuthority,
                anchors.clone(),
                ExtendedKeyUsage::Any,
            )],
            ra_trust: vec![Trust::new(
                SignerRole::RegistrationAuthority,
                anchors,
                ExtendedKeyUsage::REGISTRATION_AUTHORITY,
            )],
            now: testkit::vectors::NOW,
        }
    }

    fn request(&self) -> CertReq {
        let name = "CN=enb0001.operator.example,O=Operator".parse().unwrap();
        let builder = CertReqBuilder::new(name, self.station_key.public_key());
        CertReq::from_der(&builder.sign(&self.station_key).unwrap()).unwrap()
    }

    fn start(&self, implicit_confirm: bool) -> (Vec<u8>, AwaitingCertificate) {
        let mut enrolment = Enrolment::new(CertificateRequest::P10cr(Box::new(self.request())));
        enrolment.implicit_confirm = implicit_confirm;
        let (part, next) = enrolment.start(&self.nem.identity, &self.provider, self.now).unwrap();
        (part.sign(&self.nem.key).unwrap(), next)
    }

    fn at_ca(&self, octets: &[u8], expectation: &Expectation<'_>) -> Result<ValidatedMessage, Error> {
        let message = PkiMessage::from_der(octets)?;
        Validator::new(&self.provider, &self.ra_trust).validate(message, expectation, self.now)
    }

    fn at_nem(&self, octets: &[u8], expectation: &Expectation<'_>) -> Result<ValidatedMessage, Error> {
        let message = PkiMessage::from_der(octets)?;
        Validator::new(&self.provider, &self.operator_trust).validate(message, expectation, self.now)
    }

    fn responder(&self) -> Responder<'_> {
        Responder { identity: &self.ca.identity, provider: &self.provider, now: self.now }
    }

    fn grant(&self, request: &[u8], implicit: bool) -> (Vec<u8>, Option<AwaitingCertConf>) {
        let message = self.at_ca(request, &Expectation::First).unwrap();
        let verified = VerifiedRequest::verify(&message, &self.provider).unwrap();
        let mut grant = Grant::new(certificate("oper-bs.crt.pem"), vec![]);
        grant.implicit_confirm = implicit;
        let reply_to = ReplyTo::new(message.message().header());
        let (part, next) = verified.open().grant(&grant, &reply_to, &self.responder()).unwrap();
        (part.sign(&self.ca.key).unwrap(), next)
    }

    fn granted(&self, awaiting: AwaitingCertificate, reply: &[u8]) -> Granted {
        let reply = self.at_nem(reply, &awaiting.expectation()).unwrap();
        match awaiting.handle(&reply).unwrap() {
            Answer::Granted(granted) => granted,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_certificate_is_requested_granted_and_confirmed() {
    let house = House::new();
    let (request, awaiting) = house.start(false);
    let (reply, at_ca) = house.grant(&request, true);
    let granted = house.granted(awaiting, &reply);
    assert!(!granted.implicitly_confirmed(), "nobody asked for it");
    granted.check().unwrap();

    let (part, awaiting) = granted.confirm(&house.nem.identity, &house.provider, house.now).unwrap();
    let cert_conf = part.sign(&house.nem.key).unwrap();
    let at_ca = at_ca.unwrap();
    let message = house.at_ca(&cert_conf, &at_ca.expectation()).unwrap();
    let (confirmation, part) = at_ca.handle(&message, &house.responder()).unwrap();
    assert_eq!(confirmation, Confirmation::Accepted);

    let pki_conf = part.sign(&house.ca.key).unwrap();
    let message = house.at_nem(&pki_conf, &awaiting.expectation()).unwrap();
    awaiting.handle(&message).unwrap();
}

#[test]
fn implicit_confirmation_ends_it_when_both_want_it() {
    let house = House::new();
    for (asked, willing, implicit) in [(true, true, true), (true, false, false), (false, true, false)] {
        let (request, awaiting) = house.start(asked);
        let (reply, at_ca) = house.grant(&request, willing);
        assert_eq!(at_ca.is_none(), implicit);
        assert_eq!(house.granted(awaiting, &reply).implicitly_confirmed(), implicit);
    }
}

#[test]
fn a_certificate_for_another_key_is_rejected_and_the_ca_hears_why() {
    let house = House::new();
    let key = SoftwareKey::generate(crypto_aws_lc::KeyType::P256).unwrap();
    let name = "CN=enb0001.operator.example,O=Operator".parse().unwrap();
    let request = CertReqBuilder::new(name, key.public_key()).sign(&key).unwrap();
    let request = CertificateRequest::P10cr(Box::new(CertReq::from_der(&request).unwrap()));
    let (part, awaiting) =
        Enrolment::new(request).start(&house.nem.identity, &house.provider, house.now).unwrap();
    // The CA of these tests always hands out the same certificate.
    let (reply, at_ca) = house.grant(&part.sign(&house.nem.key).unwrap(), false);
    let granted = house.granted(awaiting, &reply);
    assert_eq!(granted.check().unwrap_err(), Error::OtherPublicKey);
    assert!(granted.clone().confirm(&house.nem.identity, &house.provider, house.now).is_err());

    let status = Error::OtherPublicKey.status_info();
    let (part, _) = granted.reject(status.clone(), &house.nem.identity, &house.provider, house.now).unwrap();
    let at_ca = at_ca.unwrap();
    let message = house.at_ca(&part.sign(&house.nem.key).unwrap(), &at_ca.expectation()).unwrap();
    let (confirmation, _) = at_ca.handle(&message, &house.responder()).unwrap();
    assert_eq!(confirmation, Confirmation::Rejected(status));
}

#[test]
fn a_request_that_waits_is_polled_for() {
    let house = House::new();
    let (request, awaiting) = house.start(false);
    let message = house.at_ca(&request, &Expectation::First).unwrap();
    let open = VerifiedRequest::verify(&message, &house.provider).unwrap().open().clone();
    let (part, at_ca) = open.wait(&ReplyTo::new(message.message().header()), &house.responder()).unwrap();

    let reply = house.at_nem(&part.sign(&house.ca.key).unwrap(), &awaiting.expectation()).unwrap();
    let Answer::Waiting(waiting) = awaiting.handle(&reply).unwrap() else { panic!() };
    assert_eq!(waiting.check_after(), None);
    let (part, awaiting) = waiting.poll(&house.nem.identity, &house.provider, house.now).unwrap();

    let message = house.at_ca(&part.sign(&house.nem.key).unwrap(), &at_ca.expectation()).unwrap();
    let open = at_ca.handle(&message).unwrap();
    let reply_to = ReplyTo::new(message.message().header());
    let (part, at_ca) = open.wait_again(Duration::from_millis(1500), &reply_to, &house.responder()).unwrap();
    let reply = house.at_nem(&part.sign(&house.ca.key).unwrap(), &awaiting.expectation()).unwrap();
    let Answer::Waiting(waiting) = awaiting.handle(&reply).unwrap() else { panic!() };
    assert_eq!(waiting.check_after(), Some(Duration::from_secs(2)));

    let (part, awaiting) = waiting.poll(&house.nem.identity, &house.provider, house.now).unwrap();
    let message = house.at_ca(&part.sign(&house.nem.key).unwrap(), &at_ca.expectation()).unwrap();
    let open = at_ca.handle(&message).unwrap();
    let grant = Grant::new(certificate("oper-bs.crt.pem"), vec![]);
    let reply_to = ReplyTo::new(message.message().header());
    let (part, _) = open.grant(&grant, &reply_to, &house.responder()).unwrap();
    house.granted(awaiting, &part.sign(&house.ca.key).unwrap()).check().unwrap();
}

#[test]
fn a_refusal_ends_the_transaction_with_its_reason() {
    let house = House::new();
    let (request, awaiting) = house.start(false);
    let message = house.at_ca(&request, &Expectation::First).unwrap();
    let open = VerifiedRequest::verify(&message, &house.provider).unwrap().open().clone();
    let status = PkiStatusInfo::rejection(PkiFailureInfo::NOT_AUTHORIZED, "blocked".into());
    let reply_to = ReplyTo::new(message.message().header());
    let part = open.refuse(status.clone(), &reply_to, &house.responder()).unwrap();
    let reply = house.at_nem(&part.sign(&house.ca.key).unwrap(), &awaiting.expectation()).unwrap();
    match awaiting.handle(&reply).unwrap() {
        Answer::Refused(refusal) => assert_eq!(refusal, status),
        other => panic!("{other:?}"),
    }
}

#[test]
fn errors_of_the_header_are_error_messages_and_errors_of_the_body_negative_answers() {
    let house = House::new();
    let (request, _) = house.start(false);
    let message = PkiMessage::from_der(&request).unwrap();
    let refuse = |error: &Error| {
        let part = house.responder().refuse(Some(&message), error).unwrap();
        let reply = PkiMessage::from_der(&part.sign(&house.ca.key).unwrap()).unwrap();
        assert_eq!(reply.header().transaction_id, message.header().transaction_id);
        reply.body().clone()
    };
    match refuse(&Error::BadSenderNonce) {
        PkiBody::Error(content) => {
            assert_eq!(content.pki_status_info.fail_info, Some(PkiFailureInfo::BAD_SENDER_NONCE));
        }
        other => panic!("{other:?}"),
    }
    match refuse(&Error::NotAuthorized("no")) {
        PkiBody::Cp(content) => {
            assert_eq!(content.response[0].status.status, PkiStatus::Rejection);
            assert_eq!(content.response[0].status.fail_info, Some(PkiFailureInfo::NOT_AUTHORIZED));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let house = House::new();
    let (request, _) = house.start(false);
    house.at_ca(&request, &Expectation::First).unwrap();
    let signed = PkiMessage::from_der(&request).unwrap().protected_part().unwrap().len();
    for position in (0..signed).step_by(3) {
        let mut octets = request.clone();
        octets[position] ^= 1 << (position % 8);
        assert!(house.at_ca(&octets, &Expectation::First).is_err(), "octet {position}");
    }
}

#[test]
fn truncated_messages_are_refused_at_every_length() {
    let (request, _) = House::new().start(false);
    for length in 0..request.len() {
        let error = PkiMessage::from_der(&request[..length]).unwrap_err();
        assert_eq!(error.fail_info(), PkiFailureInfo::BAD_DATA_FORMAT);
    }
    let mut longer = request;
    longer.push(0);
    assert!(PkiMessage::from_der(&longer).is_err(), "trailing octet");
}

#[test]
fn only_a_registration_authority_passes_for_one() {
    let house = House::new();
    let vendor = Party::new("vendor-bs.crt.pem", "vendor-bs.key.pem");
    let enrolment = Enrolment::new(CertificateRequest::P10cr(Box::new(house.request())));
    let (part, _) = enrolment.start(&vendor.identity, &house.provider, house.now).unwrap();
    let error = house.at_ca(&part.sign(&vendor.key).unwrap(), &Expectation::First).unwrap_err();
    assert_eq!(error.fail_info(), PkiFailureInfo::SIGNER_NOT_TRUSTED, "{error}");

    // An operator's certificate without cmcRA is no RA's either.
    let (part, _) = house_start_as(&house, &house.ca);
    let error = house.at_ca(&part, &Expectation::First).unwrap_err();
    assert_eq!(error.fail_info(), PkiFailureInfo::SIGNER_NOT_TRUSTED, "{error}");

    // The right certificate, the wrong key.
    let enrolment = Enrolment::new(CertificateRequest::P10cr(Box::new(house.request())));
    let (part, _) = enrolment.start(&house.nem.identity, &house.provider, house.now).unwrap();
    let error = house.at_ca(&part.sign(&vendor.key).unwrap(), &Expectation::First).unwrap_err();
    assert_eq!(error.fail_info(), PkiFailureInfo::BAD_MESSAGE_CHECK, "{error}");
}

fn house_start_as(house: &House, party: &Party) -> (Vec<u8>, AwaitingCertificate) {
    let enrolment = Enrolment::new(CertificateRequest::P10cr(Box::new(house.request())));
    let (part, next) = enrolment.start(&party.identity, &house.provider, house.now).unwrap();
    (part.sign(&party.key).unwrap(), next)
}

#[test]
fn answers_of_other_transactions_and_old_ones_are_refused() {
    let house = House::new();
    let (request, awaiting) = house.start(false);
    let (other_request, other) = house.start(false);
    let (reply, _) = house.grant(&request, false);
    let error = house.at_nem(&reply, &other.expectation()).unwrap_err();
    assert!(matches!(error, Error::OtherTransaction(_)), "{error}");
    // The request reflected, and a first message where an answer is due.
    assert_eq!(
        house.at_nem(&other_request, &awaiting.expectation()).unwrap_err().fail_info(),
        PkiFailureInfo::BAD_RECIPIENT_NONCE
    );
    // An answer where a first message is due.
    assert_eq!(
        house.at_ca(&reply, &Expectation::First).unwrap_err().fail_info(),
        PkiFailureInfo::BAD_RECIPIENT_NONCE
    );
}

#[test]
fn messages_of_another_hour_are_refused() {
    let mut house = House::new();
    let (request, _) = house.start(false);
    house.now = house.now.saturating_add(Duration::from_secs(301));
    let error = house.at_ca(&request, &Expectation::First).unwrap_err();
    assert_eq!(error, Error::BadTime { seconds: 301 });
}

#[test]
fn an_expired_registration_authority_is_refused() {
    let mut house = House::new();
    house.now = UnixTime::from_secs(2_500_000_000);
    let (request, _) = house.start(false);
    let error = house.at_ca(&request, &Expectation::First).unwrap_err();
    assert_eq!(error, Error::SignerNotTrusted(crypto::PathError::Expired));
}

#[test]
fn cert_conf_for_another_certificate_confirms_nothing() {
    let house = House::new();
    let (request, awaiting) = house.start(false);
    let (reply, at_ca) = house.grant(&request, false);
    let granted = house.granted(awaiting, &reply);
    let (part, _) = granted.confirm(&house.nem.identity, &house.provider, house.now).unwrap();
    let cert_conf = part.sign(&house.nem.key).unwrap();
    let at_ca = at_ca.unwrap();
    let message = house.at_ca(&cert_conf, &at_ca.expectation()).unwrap();
    let verified =
        VerifiedRequest::verify(&house.at_ca(&request, &Expectation::First).unwrap(), &house.provider);
    let other = AwaitingCertConf::resume(
        verified.unwrap().open().clone(),
        certificate("vendor-bs.crt.pem"),
        at_ca.nonce().clone(),
    );
    let error = other.handle(&message, &house.responder()).unwrap_err();
    assert_eq!(error.fail_info(), PkiFailureInfo::BAD_CERT_ID);
}

#[test]
fn a_delayed_pkiconf_is_polled_for_and_may_echo_either_nonce() {
    let house = House::new();
    let (request, awaiting) = house.start(false);
    let (reply, _) = house.grant(&request, false);
    let granted = house.granted(awaiting, &reply);
    let (part, awaiting) = granted.confirm(&house.nem.identity, &house.provider, house.now).unwrap();
    let cert_conf = PkiMessage::from_der(&part.sign(&house.nem.key).unwrap()).unwrap();
    let answer = |to: &PkiMessage, body: &PkiBody| {
        let part = house.responder().reply(&ReplyTo::new(to.header()), body).unwrap();
        part.sign(&house.ca.key).unwrap()
    };
    let waiting = PkiBody::Error(ErrorMsgContent::new(PkiStatusInfo::new(PkiStatus::Waiting)));
    let reply = answer(&cert_conf, &waiting);
    let reply = house.at_nem(&reply, &awaiting.expectation()).unwrap();
    let end_entity::Confirmation::Delayed(delayed) = awaiting.handle(&reply).unwrap() else { panic!() };
    assert_eq!(delayed.check_after(), None);
    let (part, awaiting) = delayed.poll(&house.nem.identity, &house.provider, house.now).unwrap();
    let poll = PkiMessage::from_der(&part.sign(&house.nem.key).unwrap()).unwrap();
    let PkiBody::PollReq(items) = poll.body() else { panic!("{:?}", poll.body()) };
    assert_eq!(items[0].cert_req_id.number(), -1);

    // Told when to come back.
    let rep = PkiBody::PollRep(vec![PollRepItem::new(items[0].cert_req_id, Duration::from_secs(7))]);
    let reply = house.at_nem(&answer(&poll, &rep), &awaiting.expectation()).unwrap();
    let end_entity::Confirmation::Delayed(delayed) = awaiting.handle(&reply).unwrap() else { panic!() };
    assert_eq!(delayed.check_after(), Some(Duration::from_secs(7)));
    let (part, awaiting) = delayed.poll(&house.nem.identity, &house.provider, house.now).unwrap();
    let last = PkiMessage::from_der(&part.sign(&house.nem.key).unwrap()).unwrap();
    for (echoed, holds) in [(&cert_conf, true), (&last, true), (&poll, false)] {
        let reply = house.at_nem(&answer(echoed, &PkiBody::PkiConf), &awaiting.expectation());
        assert_eq!(reply.is_ok(), holds);
        let Ok(reply) = reply else { continue };
        let ended = awaiting.clone().handle(&reply);
        assert!(matches!(ended, Ok(end_entity::Confirmation::Done)), "{ended:?}");
    }
    let no = PkiBody::Error(ErrorMsgContent::new(PkiStatusInfo::rejection(
        PkiFailureInfo::BAD_CERT_ID,
        "no".into(),
    )));
    let reply = house.at_nem(&answer(&last, &no), &awaiting.expectation()).unwrap();
    assert!(matches!(awaiting.handle(&reply), Err(Error::Refused(_))));
}
