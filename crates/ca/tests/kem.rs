//! Requesters and CAs that prove themselves by KEM-based MACs: RFC 9810 section 5.1.3.4 and appendix E.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use asn1::{EncodedCertificate, UnixTime};
use ca::{CertificateContents, Issuer, KemExchange, KemExchanges, KemKey as CaKemKey, Outcome, Profile};
use cmp::end_entity::{AwaitingCertificate, Continuation, Enrolment, KemQuestion};
use cmp::{
    Encapsulation, Error, InfoTypeAndValue, KemCiphertextInfo, MacCredential, PkiBody, PkiFailureInfo,
    PkiMessage, SenderIdentity, SignerRole, TransactionId, Trust, Validator,
};
use crypto::{DecapsulationKey, ExtendedKeyUsage, KemAlgorithm, VerifyError};
use crypto_aws_lc::KemKey;
use der::Encode;
use der::asn1::OctetString;
use der::oid::AssociatedOid;
use support::{
    House, NOW, certify_contents, crmf, csr, granted, ir, key, name, p10cr, protected_by, status, unprotected,
};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};

/// Forgets nothing before the end of the test.
#[derive(Default)]
struct Kept(Mutex<BTreeMap<TransactionId, KemExchange>>);

impl KemExchanges for Kept {
    fn keep(&self, exchange: KemExchange) -> KemExchange {
        let id = exchange.trust.transaction_id().clone();
        self.0.lock().unwrap().entry(id).or_insert(exchange).clone()
    }

    fn find(&self, id: &TransactionId, now: UnixTime) -> Option<KemExchange> {
        self.0.lock().unwrap().get(id).filter(|exchange| now <= exchange.until).cloned()
    }
}

struct KemStation {
    key: KemKey,
    certificate: EncodedCertificate,
    identity: SenderIdentity,
}

fn certify(issuer: &Issuer, profile: &Profile, subject: &str, key: &KemKey) -> EncodedCertificate {
    let (contents, _) = profile.fit(name(subject), key.public_key(), &[]).unwrap();
    certify_contents(issuer, &contents, NOW)
}

fn kem_station(issuer: &Issuer, algorithm: KemAlgorithm) -> KemStation {
    let key = KemKey::generate(algorithm).unwrap();
    let certificate = certify(issuer, &Profile::NE, "CN=enb-0002,O=Vendor", &key);
    let identity = SenderIdentity::with_kem(certificate.clone(), vec![]).unwrap();
    KemStation { key, certificate, identity }
}

fn house() -> House {
    let mut house = House::new();
    house.ca.kem_exchanges = Some(Arc::new(Kept::default()));
    house
}

fn open(station: &KemStation, info: &KemCiphertextInfo, id: &TransactionId) -> MacCredential {
    MacCredential::decapsulate(station.identity.clone(), &station.key, info, id.clone()).unwrap()
}

/// The question and its answer.
fn ask(house: &House, station: &KemStation) -> (Vec<u8>, KemCiphertextInfo, Continuation) {
    let (genm, awaiting) = KemQuestion::new().start(&station.identity, &house.provider, NOW).unwrap();
    let reply = house.ca.handle(&genm, NOW);
    assert!(matches!(reply.event.outcome, Outcome::Informed), "{}", reply.event.outcome);
    let validator = Validator::new(&house.provider, &[]);
    let genp = PkiMessage::from_der(&reply.octets).unwrap();
    assert!(genp.protection().is_none() && genp.header().protection_alg.is_none());
    let (info, continuation) = awaiting.handle(&genp, &validator, NOW).unwrap();
    (genm, info, continuation)
}

fn request(
    house: &House,
    station: &KemStation,
    credential: &MacCredential,
    continuation: Continuation,
) -> (Vec<u8>, AwaitingCertificate) {
    let mut enrolment = ir(crmf(station.identity.name(), &key()));
    enrolment.continuation = Some(continuation);
    let (part, awaiting) = enrolment.start(&station.identity, &house.provider, NOW).unwrap();
    assert_eq!(part.with_signature(&[1]), Err(Error::BadCredential));
    (part.authenticate(credential, &house.provider).unwrap(), awaiting)
}

#[test]
fn a_station_enrols_with_a_kem_key_of_any_size() {
    for algorithm in KemAlgorithm::ALL {
        let house = house();
        let station = kem_station(&house.vendor, algorithm);
        let (genm, info, continuation) = ask(&house, &station);
        let again = house.ca.handle(&genm, NOW);
        assert!(matches!(again.event.outcome, Outcome::Repeated), "{}", again.event.outcome);

        let credential = open(&station, &info, &continuation.transaction_id);
        let (octets, awaiting) = request(&house, &station, &credential, continuation);
        let reply = house.ca.handle(&octets, NOW);
        assert_eq!(house.ca.handle(&octets, NOW).octets, reply.octets, "a repeat");
        // The CA signs.
        let message = house.validate(&reply.octets, &awaiting.expectation(), NOW);
        let granted = granted(awaiting.handle(&message).unwrap());
        let certificate = granted.check().unwrap();
        assert_eq!(certificate.tbs_certificate().subject(), station.identity.name());
        let (part, awaiting) = granted.confirm(&station.identity, &house.provider, NOW).unwrap();
        let reply = house.ca.handle(&part.authenticate(&credential, &house.provider).unwrap(), NOW);
        let message = house.validate(&reply.octets, &awaiting.expectation(), NOW);
        awaiting.handle(&message).unwrap();
        assert_eq!(house.registry.count(), 1);
        assert!(!format!("{credential:?}").contains("secret: ["), "{credential:?}");
    }
}

#[test]
fn nobody_without_the_key_gets_anything() {
    let house = house();
    let station = kem_station(&house.vendor, KemAlgorithm::MlKem768);
    let bad = |octets: &[u8]| house.refused_with(octets, PkiFailureInfo::BAD_MESSAGE_CHECK);

    let (_, info, continuation) = ask(&house, &station);
    let mut ct = info.ct.as_bytes().to_vec();
    ct[7] ^= 1;
    let wrong = KemCiphertextInfo::new(info.kem.clone(), OctetString::new(ct.clone()).unwrap());
    let credential = open(&station, &wrong, &continuation.transaction_id);
    bad(&request(&house, &station, &credential, continuation.clone()).0);

    // The ciphertext of another transaction, with its own transactionID and with this one's.
    let (_, others, other) = ask(&house, &station);
    for id in [&other.transaction_id, &continuation.transaction_id] {
        let credential = open(&station, &others, id);
        bad(&request(&house, &station, &credential, continuation.clone()).0);
    }
    // Whoever has the certificate only.
    let thief = KemStation {
        key: KemKey::generate(KemAlgorithm::MlKem768).unwrap(),
        ..kem_station(&house.vendor, KemAlgorithm::MlKem768)
    };
    let id = continuation.transaction_id.clone();
    let opened = MacCredential::decapsulate(thief.identity.clone(), &thief.key, &info, id.clone());
    assert_eq!(opened.unwrap_err(), Error::BadCredential);
    let secret = thief.key.decapsulate(info.ct.as_bytes()).unwrap();
    let credential = MacCredential::with_decapsulated(station.identity.clone(), secret, id.clone()).unwrap();
    bad(&request(&house, &station, &credential, continuation.clone()).0);
    // Another requester's MAC, whatever secret it is made with.
    let credential = open(&thief_with_own_key(&house), &info, &id);
    let other = thief_with_own_key(&house);
    let (octets, _) = {
        let mut enrolment = ir(crmf(other.identity.name(), &key()));
        enrolment.continuation = Some(continuation.clone());
        let (part, awaiting) = enrolment.start(&other.identity, &house.provider, NOW).unwrap();
        assert_eq!(part.authenticate(&credential, &house.provider), Err(Error::BadCredential));
        (part.authenticate(&open(&other, &info, &id), &house.provider).unwrap(), awaiting)
    };
    bad(&octets);
    // A ciphertext that is none.
    for (kem, ct) in [
        (info.kem.clone(), ct[1..].to_vec()),
        (info.kem.clone(), vec![]),
        (KemAlgorithm::MlKem512.identifier(), ct.clone()),
    ] {
        let info = KemCiphertextInfo::new(kem, OctetString::new(ct).unwrap());
        let error = MacCredential::decapsulate(station.identity.clone(), &station.key, &info, id.clone());
        let due = if info.kem.oid == KemAlgorithm::MlKem768.oid() {
            PkiFailureInfo::BAD_MESSAGE_CHECK
        } else {
            PkiFailureInfo::BAD_ALG
        };
        assert_eq!(error.unwrap_err().fail_info(), due);
    }
    assert_eq!(house.registry.count(), 0);
}

fn thief_with_own_key(house: &House) -> KemStation {
    kem_station(&house.vendor, KemAlgorithm::MlKem768)
}

#[test]
fn a_transaction_keeps_its_kind() {
    let house = house();
    let station = kem_station(&house.vendor, KemAlgorithm::MlKem768);
    let (_, info, continuation) = ask(&house, &station);
    let credential = open(&station, &info, &continuation.transaction_id);
    // Another station signs in the transaction that was opened.
    let mut enrolment = ir(crmf(&house.station.name(), &key()));
    enrolment.continuation = Some(continuation.clone());
    let (octets, _) = house.start(&house.station, enrolment);
    house.refused_with(&octets, PkiFailureInfo::WRONG_INTEGRITY);
    // A nonce that nobody sent.
    let mut other = continuation.clone();
    other.nonce = cmp::SenderNonce::new(&[9; 16]).unwrap();
    let (octets, _) = request(&house, &station, &credential, other);
    house.refused_with(&octets, PkiFailureInfo::BAD_RECIPIENT_NONCE);

    let (octets, awaiting) = request(&house, &station, &credential, continuation);
    let reply = house.ca.handle(&octets, NOW);
    let message = house.validate(&reply.octets, &awaiting.expectation(), NOW);
    let granted = granted(awaiting.handle(&message).unwrap());
    let (part, _) = granted.clone().confirm(&house.station.identity, &house.provider, NOW).unwrap();
    use crypto::SigningKey;
    let signed =
        part.with_signature(&house.station.key.sign(&part.to_be_signed().unwrap()).unwrap()).unwrap();
    house.refused_with(&signed, PkiFailureInfo::WRONG_INTEGRITY);
    // A MAC in a transaction that nobody asked a ciphertext in.
    let (part, _) =
        ir(crmf(station.identity.name(), &key())).start(&station.identity, &house.provider, NOW).unwrap();
    let octets = part.authenticate(&credential, &house.provider).unwrap();
    house.refused_with(&octets, PkiFailureInfo::WRONG_INTEGRITY);
    // And a certConf with a MAC in a transaction of signatures.
    let (_, answer) = house.enrol(&house.station, ir(crmf(&house.station.name(), &key())));
    let (part, _) = support::granted(answer).confirm(&station.identity, &house.provider, NOW).unwrap();
    let octets = part.authenticate(&credential, &house.provider).unwrap();
    house.refused_with(&octets, PkiFailureInfo::WRONG_INTEGRITY);
    let (part, _) = granted.confirm(&station.identity, &house.provider, NOW).unwrap();
    let reply = house.ca.handle(&part.authenticate(&credential, &house.provider).unwrap(), NOW);
    assert!(matches!(reply.event.outcome, Outcome::Confirmed { .. }), "{}", reply.event.outcome);
}

#[test]
fn only_the_question_for_a_ciphertext_goes_without_protection() {
    let mut house = house();
    let station = kem_station(&house.vendor, KemAlgorithm::MlKem768);
    let (genm, _) = KemQuestion::new().start(&station.identity, &house.provider, NOW).unwrap();
    let certificates = || vec![station.certificate.clone()];
    let changed = |change: &dyn Fn(&mut PkiBody), certificates| {
        protected_by(&genm, |_, body| change(body), |_| None, certificates)
    };
    let question = |body: &mut PkiBody| {
        let PkiBody::Genm(items) = body else { panic!("{body:?}") };
        items.push(InfoTypeAndValue::new(asn1::oids::rfc9810::IT_CA_CERTS, None));
    };
    for octets in [
        changed(&question, certificates()),
        changed(&|body| *body = PkiBody::Genm(vec![]), certificates()),
        changed(&|body| *body = PkiBody::PkiConf, certificates()),
    ] {
        let status = house.refused(&octets);
        let bits = status.fail_info.unwrap();
        assert!(bits == PkiFailureInfo::BAD_MESSAGE_CHECK || bits == PkiFailureInfo::BAD_REQUEST, "{status}");
    }
    house.refused_with(&changed(&|_| {}, vec![]), PkiFailureInfo::BAD_MESSAGE_CHECK);
    house.refused_with(
        &changed(&|_| {}, vec![house.station.certificate.clone()]),
        PkiFailureInfo::BAD_MESSAGE_CHECK,
    );
    let stranger = kem_station(&support::root("CN=Nobody"), KemAlgorithm::MlKem768);
    let (octets, _) = KemQuestion::new().start(&stranger.identity, &house.provider, NOW).unwrap();
    house.refused_with(&octets, PkiFailureInfo::SIGNER_NOT_TRUSTED);
    assert!(KemQuestion::new().start(&house.station.identity, &house.provider, NOW).is_err());
    // The same transactionID for another question.
    let (first, ..) = ask(&house, &station);
    let other = protected_by(
        &first,
        |header, _| header.sender_nonce = cmp::SenderNonce::new(&[1; 16]).ok(),
        |_| None,
        certificates(),
    );
    house.refused_with(&other, PkiFailureInfo::TRANSACTION_ID_IN_USE);
    // A request without protection, after the question.
    let (_, info, continuation) = ask(&house, &station);
    let credential = open(&station, &info, &continuation.transaction_id);
    let (octets, _) = request(&house, &station, &credential, continuation);
    house.refused_with(&unprotected(&octets), PkiFailureInfo::BAD_MESSAGE_CHECK);
    // Where the policy does not have it, not even the question.
    house.ca.kem_exchanges = None;
    house.refused_with(&genm, PkiFailureInfo::BAD_MESSAGE_CHECK);
    assert_eq!(house.registry.count(), 0);
}

/// A CA with a KEM key, and what a station makes of its certificate.
fn with_kem_key(required: bool) -> (House, EncodedCertificate) {
    let mut house = House::new();
    let key = KemKey::generate(KemAlgorithm::MlKem1024).unwrap();
    let certificate = certify(house.ca.issuer(), &Profile::CMP, "CN=KEM,CN=Operator CA,O=Operator", &key);
    let identity = SenderIdentity::with_kem(certificate.clone(), vec![]).unwrap();
    house.ca.kem_key = Some(CaKemKey { identity, key: Box::new(key), required });
    (house, certificate)
}

fn trust(house: &House) -> [Trust; 1] {
    let purpose = ExtendedKeyUsage::Required(asn1::oids::rfc6402::KP_CMC_CA);
    [Trust::new(SignerRole::CertificationAuthority, vec![house.root.clone()], purpose)]
}

fn with_ciphertext(house: &House, encapsulation: &Encapsulation) -> (Vec<u8>, AwaitingCertificate) {
    let mut enrolment = p10cr(csr("CN=enb-0001,O=Vendor", &key(), vec![]));
    enrolment.answerer = Some(encapsulation.clone());
    house.start(&house.station, enrolment)
}

#[test]
fn a_ca_proves_itself_with_a_kem_key() {
    let (house, certificate) = with_kem_key(false);
    let trust = trust(&house);
    let mut validator = Validator::new(&house.provider, &trust);
    let encapsulation = validator.encapsulate(&certificate, &[], NOW).unwrap();
    let (octets, awaiting) = with_ciphertext(&house, &encapsulation);
    let id = awaiting.transaction().transaction_id.clone();
    let kem = encapsulation.within(id);
    let reply = PkiMessage::from_der(&house.ca.handle(&octets, NOW).octets).unwrap();

    // The right answer, but nothing to verify it with.
    let error = validator.validate(reply.clone(), &awaiting.expectation(), NOW).unwrap_err();
    assert_eq!(error, Error::KemCiphertextMissing);
    // With the secret of another transaction.
    let other = validator.encapsulate(&certificate, &[], NOW).unwrap().within(kem.transaction_id().clone());
    validator.kem = Some(&other);
    let error = validator.validate(reply.clone(), &awaiting.expectation(), NOW).unwrap_err();
    assert_eq!(error, Error::BadProtection(VerifyError::BadMac));
    validator.kem = Some(&kem);
    let message = validator.validate(reply, &awaiting.expectation(), NOW).unwrap();
    assert_eq!(message.signer().role, SignerRole::CertificationAuthority);
    let granted = granted(awaiting.handle(&message).unwrap());
    // certConf brings no ciphertext any more.
    let (part, awaiting) = granted.confirm(&house.station.identity, &house.provider, NOW).unwrap();
    let cert_conf = part.sign(&house.station.key).unwrap();
    let reply = PkiMessage::from_der(&house.ca.handle(&cert_conf, NOW).octets).unwrap();
    let message = validator.validate(reply, &awaiting.expectation(), NOW).unwrap();
    awaiting.handle(&message).unwrap();
}

#[test]
fn refusals_are_told_with_the_kem_key_too_and_signatures_are_not_believed() {
    let (mut house, certificate) = with_kem_key(false);
    let trust = trust(&house);
    let mut validator = Validator::new(&house.provider, &trust);
    let encapsulation = validator.encapsulate(&certificate, &[], NOW).unwrap();
    let mut enrolment = p10cr(csr("CN=somebody else", &key(), vec![]));
    enrolment.answerer = Some(encapsulation.clone());
    let (octets, awaiting) = house.start(&house.station, enrolment);
    let kem = encapsulation.clone().within(awaiting.transaction().transaction_id.clone());
    validator.kem = Some(&kem);
    let refused = PkiMessage::from_der(&house.ca.handle(&octets, NOW).octets).unwrap();
    let message = validator.validate(refused, &awaiting.expectation(), NOW).unwrap();
    assert_eq!(status(message.message().octets()).fail_info, Some(PkiFailureInfo::NOT_AUTHORIZED));

    // A CA that has no such key signs.
    house.ca.kem_key = None;
    let (octets, awaiting) = with_ciphertext(&house, &encapsulation);
    let kem = encapsulation.within(awaiting.transaction().transaction_id.clone());
    let signed = PkiMessage::from_der(&house.ca.handle(&octets, NOW).octets).unwrap();
    for kem in [None, Some(&kem)] {
        validator.kem = kem;
        let error = validator.validate(signed.clone(), &awaiting.expectation(), NOW).unwrap_err();
        assert!(matches!(error, Error::WrongProtection | Error::OtherSigner), "{error}");
    }
}

#[test]
fn ciphertexts_that_are_none_are_refused_as_what_they_are() {
    let (house, _) = with_kem_key(false);
    for (info, bit) in [
        (
            KemCiphertextInfo::new(
                KemAlgorithm::MlKem1024.identifier(),
                OctetString::new([0; 1567]).unwrap(),
            ),
            PkiFailureInfo::BAD_MESSAGE_CHECK,
        ),
        (
            KemCiphertextInfo::new(KemAlgorithm::MlKem768.identifier(), OctetString::new([0; 1088]).unwrap()),
            PkiFailureInfo::BAD_ALG,
        ),
        (
            KemCiphertextInfo::new(
                crypto::KdfAlgorithm::HkdfSha256.identifier(),
                OctetString::new([0; 1568]).unwrap(),
            ),
            PkiFailureInfo::BAD_ALG,
        ),
    ] {
        let (octets, _) = house.start(&house.station, p10cr(csr("CN=enb-0001,O=Vendor", &key(), vec![])));
        let item = cmp::InfoValue::KemCiphertextInfo(info).close().unwrap();
        let octets =
            support::forged(&octets, &house.station, |header, _| header.general_info = Some(vec![item]));
        house.refused_with(&octets, bit);
    }
}

#[test]
fn a_ca_that_demands_a_ciphertext_says_so_and_shows_its_certificate() {
    let (house, certificate) = with_kem_key(true);
    let trust = trust(&house);
    let mut validator = Validator::new(&house.provider, &trust);
    let (octets, awaiting) = house.start(&house.station, p10cr(csr("CN=enb-0001,O=Vendor", &key(), vec![])));
    let reply = house.ca.handle(&octets, NOW);
    assert_eq!(house.registry.count(), 0);
    let refusal = PkiMessage::from_der(&reply.octets).unwrap();
    assert!(validator.validate(refusal.clone(), &awaiting.expectation(), NOW).is_err());
    let encapsulation = validator.take_kem_refusal(&refusal, &awaiting.expectation(), NOW).unwrap();
    assert_eq!(encapsulation.signer().certificate(), Some(&certificate));

    let (octets, awaiting) = with_ciphertext(&house, &encapsulation);
    let kem = encapsulation.within(awaiting.transaction().transaction_id.clone());
    validator.kem = Some(&kem);
    let reply = PkiMessage::from_der(&house.ca.handle(&octets, NOW).octets).unwrap();
    let message = validator.validate(reply, &awaiting.expectation(), NOW).unwrap();
    granted(awaiting.handle(&message).unwrap()).check().unwrap();

    // Anything else without protection is not such a refusal: another bit, or a certificate of nobody.
    validator.kem = None;
    let (_, awaiting) = house.start(&house.station, p10cr(csr("CN=enb-0001,O=Vendor", &key(), vec![])));
    let error = validator.take_kem_refusal(&refusal, &awaiting.expectation(), NOW).unwrap_err();
    assert!(matches!(error, Error::OtherTransaction(_)), "{error}");
    let stranger = kem_station(&support::root("CN=Nobody"), KemAlgorithm::MlKem768);
    let (octets, awaiting) = house.start(&house.station, p10cr(csr("CN=enb-0001,O=Vendor", &key(), vec![])));
    let reply = house.ca.handle(&octets, NOW).octets;
    let forged = protected_by(&reply, |_, _| {}, |_| None, vec![stranger.certificate]);
    let error = validator
        .take_kem_refusal(&PkiMessage::from_der(&forged).unwrap(), &awaiting.expectation(), NOW)
        .unwrap_err();
    assert_eq!(error.fail_info(), PkiFailureInfo::SIGNER_NOT_TRUSTED);
    let other = protected_by(
        &reply,
        |_, body| {
            let PkiBody::Error(content) = body else { panic!("{body:?}") };
            content.pki_status_info.fail_info = Some(PkiFailureInfo::BAD_REQUEST);
        },
        |_| None,
        vec![certificate],
    );
    let error = validator
        .take_kem_refusal(&PkiMessage::from_der(&other).unwrap(), &awaiting.expectation(), NOW)
        .unwrap_err();
    assert_eq!(error, Error::Unprotected);
}

#[test]
fn certificates_of_kem_keys_are_for_enciphering_keys() {
    let house = house();
    for (usage, believed) in [
        (KeyUsages::KeyEncipherment, true),
        (KeyUsages::DigitalSignature, false),
        (KeyUsages::KeyAgreement, false),
    ] {
        let key = KemKey::generate(KemAlgorithm::MlKem512).unwrap();
        let value = OctetString::new(KeyUsage(usage.into()).to_der().unwrap()).unwrap();
        let extension = Extension { extn_id: KeyUsage::OID, critical: true, extn_value: value };
        let subject = name("CN=enb-0002,O=Vendor");
        let contents =
            CertificateContents::new(subject, key.public_key().clone(), vec![extension], support::YEAR);
        let certificate = certify_contents(&house.vendor, &contents, NOW);
        let identity = SenderIdentity::with_kem(certificate, vec![]).unwrap();
        let (genm, _) = KemQuestion::new().start(&identity, &house.provider, NOW).unwrap();
        if believed {
            let outcome = house.ca.handle(&genm, NOW).event.outcome;
            assert!(matches!(outcome, Outcome::Informed), "{outcome}");
        } else {
            house.refused_with(&genm, PkiFailureInfo::SIGNER_NOT_TRUSTED);
        }
    }
}

#[test]
fn what_was_encapsulated_is_forgotten_in_time_and_with_the_process() {
    let mut house = house();
    house.ca.time_window = None;
    let station = kem_station(&house.vendor, KemAlgorithm::MlKem512);
    let (_, info, continuation) = ask(&house, &station);
    let credential = open(&station, &info, &continuation.transaction_id);
    let (octets, _) = request(&house, &station, &credential, continuation);
    let late = house.ca.handle(&octets, NOW.saturating_add(std::time::Duration::from_secs(3601)));
    let status = status(&late.octets);
    assert_eq!(status.fail_info, Some(PkiFailureInfo::WRONG_INTEGRITY), "{status}");
    house.ca.kem_exchanges = Some(Arc::new(Kept::default()));
    house.refused_with(&octets, PkiFailureInfo::WRONG_INTEGRITY);
}

/// An enrolment is what it is, whoever answers.
#[test]
fn an_enrolment_without_kem_has_no_ciphertext() {
    let house = House::new();
    let enrolment: Enrolment = ir(crmf(&house.station.name(), &key()));
    let (octets, _) = house.start(&house.station, enrolment);
    assert_eq!(PkiMessage::from_der(&octets).unwrap().kem_ciphertext(), Ok(None));
}
