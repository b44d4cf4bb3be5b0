//! A station that speaks CMP itself.

use asn1::{EncodedCertificate, UnixTime};
use ca::Profile;
use cmp::end_entity::{Answer, AwaitingCertificate, CertificateRequest, Confirmation, Enrolment};
use cmp::{
    Expectation, PkiMessage, ReadingPolicy, SenderIdentity, SignerRole, Trust, ValidatedMessage, Validator,
};
use crmf::{CertReqMessages, CertReqMsgBuilder};
use crypto::{ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::{SoftwareKey, provider};
use nem::{Passage, Passing, Refusal, Shown};

use super::{House, certify, key, name};

/// enb1, which speaks CMP.
pub struct Speaker {
    pub key: SoftwareKey,
    pub identity: SenderIdentity,
    pub certificate: EncodedCertificate,
}

impl Speaker {
    pub fn new(certificate: EncodedCertificate, key: SoftwareKey) -> Self {
        let identity = SenderIdentity::new(certificate.clone(), Vec::new(), key.algorithm()).unwrap();
        Self { key, identity, certificate }
    }

    pub fn start(&self, request: CertificateRequest, now: UnixTime) -> (Vec<u8>, AwaitingCertificate) {
        let (part, awaiting) = Enrolment::new(request).start(&self.identity, &provider(), now).unwrap();
        (part.sign(&self.key).unwrap(), awaiting)
    }
}

/// The house, and enb1 with its vendor certificate.
pub fn house() -> (House, Speaker) {
    let mut house = House::new();
    let key = key();
    let certificate = certify(&house.vendor, &Profile::NE, "CN=SN-1,O=Vendor", &key);
    house.station = vec![certificate.clone()];
    (house, Speaker::new(certificate, key))
}

pub fn messages(builder: &CertReqMsgBuilder, key: &SoftwareKey) -> CertReqMessages {
    CertReqMessages::new(vec![builder.sign(key).unwrap()]).unwrap()
}

pub fn ir(subject: &str, key: &SoftwareKey) -> CertificateRequest {
    CertificateRequest::Ir(messages(&CertReqMsgBuilder::new(Some(name(subject)), key.public_key()), key))
}

pub fn pass(house: &mut House, octets: &[u8], policy: Passing) -> Result<Passage, Refusal> {
    let station = house.station.clone();
    house.nem.pass_up(Shown::Certificates(&station), octets, &ReadingPolicy::default(), policy, house.now)
}

pub fn replaced(house: &mut House, octets: &[u8]) -> Passage {
    let passage = pass(house, octets, Passing::ReplacedProtection).unwrap();
    assert_eq!(passage.passing, Passing::ReplacedProtection);
    passage
}

/// The RA/CA's answer, as the station believes it.
pub fn answer(house: &mut House, passage: &Passage, expectation: &Expectation<'_>) -> ValidatedMessage {
    let reply = house.ca.handle(&passage.message, house.now).octets;
    assert!(house.nem.take_passed(passage, &[], &reply, house.now).unwrap().is_none());
    believe(house, &reply, expectation)
}

pub fn believe(house: &House, reply: &[u8], expectation: &Expectation<'_>) -> ValidatedMessage {
    let anchors = vec![house.operator.certificate().clone()];
    let purpose = ExtendedKeyUsage::Any;
    let trust = [Trust::new(SignerRole::CertificationAuthority, anchors, purpose)];
    let message = PkiMessage::from_der(reply).unwrap();
    Validator::new(&provider(), &trust).validate(message, expectation, house.now).unwrap()
}

/// From the station's first message to pkiConf; returns what went up first.
pub fn enrol(house: &mut House, station: &Speaker, request: CertificateRequest) -> PkiMessage {
    let (octets, awaiting) = station.start(request, house.now);
    let passage = replaced(house, &octets);
    let up = PkiMessage::from_der(&passage.message).unwrap();
    let expectation = awaiting.expectation();
    let ip = answer(house, &passage, &expectation);
    let Answer::Granted(granted) = awaiting.handle(&ip).unwrap() else { panic!("{ip:?}") };
    let (part, awaiting) = granted.clone().confirm(&station.identity, &provider(), house.now).unwrap();
    let cert_conf = part.sign(&station.key).unwrap();
    // Whatever is configured meanwhile: one credential protects a transaction.
    let passage = pass(house, &cert_conf, Passing::Unchanged).unwrap();
    assert_eq!(passage.passing, Passing::ReplacedProtection);
    let pki_conf = answer(house, &passage, &awaiting.expectation());
    assert!(matches!(awaiting.handle(&pki_conf).unwrap(), Confirmation::Done));
    up
}
