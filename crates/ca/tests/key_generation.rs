//! Keys that the CA generates for whoever asks: RFC 9483 section 4.1.6.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod support;

use std::fs;

use ca::registry::CertificateStatus;
use ca::{Event, Operator, Profile, Proposal, Verdict};
use cmp::{
    Error, MacCredential, PkiBody, PkiFailureInfo, PkiMessage, Pvno, RecipientKey, Reference, SecretTrust,
    SenderIdentity, SignerRole, Validator,
};
use crmf::{EncryptedKey, KeyGenerationBuilder, MacLimits, PasswordMac, PopoPrivKey, SubsequentMessage};
use crypto::{EnvelopeError, KeyKind, SharedSecret, SigningKey};
use crypto_aws_lc::{KemKey, KeyType, TransportKey};
use der::Encode;
use support::generated::{agreement, check, house, open, request, station};
use support::{NOW, Requester, certify_contents, granted, ir, name, sequence};
use testkit::programs::run_words;

const SECRET: &str = "correct-horse-battery-staple";

#[test]
fn a_station_gets_the_key_that_it_asks_for() {
    let house = house();
    for key_type in [KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Rsa2048] {
        let station = station(&house, key_type);
        let (transport, agreed);
        let opener = if key_type.is_rsa() {
            transport = TransportKey::from_pkcs8_der(&station.key.to_pkcs8_der().unwrap()).unwrap();
            RecipientKey::Transport(&transport)
        } else {
            agreed = agreement(&station);
            RecipientKey::Agreement(&agreed)
        };
        for (asked, kind) in [
            (None, KeyKind::P256),
            (Some(KeyKind::MlDsa44), KeyKind::MlDsa44),
            (Some(KeyKind::Rsa { bits: 4096 }), KeyKind::Rsa { bits: 2048 }),
        ] {
            let (octets, awaiting) = house.start(&station, request("CN=enb-0002,O=Vendor", asked));
            assert_eq!(PkiMessage::from_der(&octets).unwrap().header().pvno, Pvno::CMP2021);
            let reply = house.ca.handle(&octets, NOW);
            assert_eq!(house.ca.handle(&octets, NOW).octets, reply.octets, "a repeat: the same key");
            let mut granted = granted(house.answer(awaiting, &reply, NOW));
            assert_eq!(granted.check().unwrap_err(), Error::PrivateKeyMissing, "it is to be opened first");
            let generated = open(&house, &mut granted, opener, Some(&station.certificate)).unwrap();
            assert_eq!(generated.public_key.kind(), kind);
            check(&granted, &generated);
            // What is secret shows nowhere, nor in the registry, which has what was sent.
            if kind == KeyKind::P256 {
                // ECPrivateKey's octets, behind the headers.
                let scalar = &generated.private_key[36..68];
                assert!(!reply.octets.windows(32).any(|window| window == scalar));
            }
            assert!(!format!("{generated:?}{granted:?}").contains("private_key: ["));
            let serial = granted.check().unwrap().tbs_certificate().serial_number().clone();
            house.confirm(&station, granted, NOW);
            assert_eq!(house.registry.status(&serial), CertificateStatus::Valid);
        }
    }
}

#[test]
fn a_secret_is_enough_to_get_a_key() {
    let mut house = house();
    let secret = SharedSecret::new(SECRET.into());
    let entry = SecretTrust::new(Reference::new("4711"), secret.clone());
    house.ca.secrets = vec![entry.clone()];
    let mac = PasswordMac::pbmac1(&house.provider).unwrap();
    let credential = MacCredential::new(Reference::new("4711"), secret.clone(), mac).unwrap();
    let (part, awaiting) =
        request("CN=4711", None).start(credential.identity(), &house.provider, NOW).unwrap();
    let reply = house.ca.handle(&part.authenticate(&credential, &house.provider).unwrap(), NOW);
    let mut secrets = [entry];
    secrets[0].role = SignerRole::CertificationAuthority;
    let mut validator = Validator::new(&house.provider, &[]);
    validator.secrets = &secrets;
    let message = PkiMessage::from_der(&reply.octets).unwrap();
    let message = validator.validate(message, &awaiting.expectation(), NOW).unwrap();
    let mut granted = granted(awaiting.handle(&message).unwrap());

    let limits = MacLimits::default();
    let other = SharedSecret::new("another".into());
    let opened = open(&house, &mut granted.clone(), RecipientKey::Secret(&other, &limits), None);
    assert_eq!(opened.unwrap_err(), Error::Envelope(EnvelopeError::Undecipherable));
    let mut strict = limits;
    strict.max_iterations = 9_999;
    let opened = open(&house, &mut granted.clone(), RecipientKey::Secret(&secret, &strict), None);
    assert!(matches!(opened, Err(Error::Mac(_))), "{opened:?}");
    let generated = open(&house, &mut granted, RecipientKey::Secret(&secret, &limits), None).unwrap();
    check(&granted, &generated);
    let signed = deciphered_by_openssl(message.message());
    assert!(signed.contains("2.16.840.1.101.2.1.2.78.5"), "{signed}");
}

/// OpenSSL has no PasswordRecipientInfo with AES key wrap, but what it consists of. What comes out of it, for people.
fn deciphered_by_openssl(message: &PkiMessage) -> String {
    use cms::enveloped_data::{EnvelopedData, RecipientInfo};
    let PkiBody::Ip(content) = message.body() else { panic!("{:?}", message.body()) };
    let key = content.response[0].certified_key_pair.as_ref().unwrap().private_key.clone().unwrap();
    let EncryptedKey::EnvelopedData(data) = key.decode_as().unwrap() else { panic!("{key:?}") };
    let data: EnvelopedData = data.decode_as().unwrap();
    let [RecipientInfo::Pwri(info)] = data.recip_infos.0.as_slice() else { panic!("{data:?}") };
    let pbkdf2: crmf::Pbkdf2Params =
        info.key_derivation_alg.as_ref().unwrap().parameters.as_ref().unwrap().decode_as().unwrap();
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let folder = tempfile::tempdir().unwrap();
    let openssl = |words: &[&str]| run_words("openssl", words, folder.path()).success();
    let salt = format!("hexsalt:{}", hex(pbkdf2.salt.as_bytes()));
    let (pass, count) = (format!("pass:{SECRET}"), format!("iter:{}", pbkdf2.iteration_count));
    let words = ["kdf", "-keylen", "32", "-kdfopt", "digest:SHA256", "-kdfopt", &pass, "-kdfopt", &salt];
    let wrapping = openssl(&[&words[..], &["-kdfopt", &count, "PBKDF2"]].concat()).trim().replace(':', "");
    fs::write(folder.path().join("wrapped"), info.enc_key.as_bytes()).unwrap();
    let words =
        ["enc", "-d", "-id-aes256-wrap", "-iv", "A6A6A6A6A6A6A6A6", "-K", &wrapping, "-in", "wrapped"];
    openssl(&[&words[..], &["-out", "key"]].concat());
    let key = hex(&fs::read(folder.path().join("key")).unwrap());
    let content = &data.encrypted_content;
    let iv = hex(content.content_enc_alg.parameters.as_ref().unwrap().value());
    fs::write(folder.path().join("content"), content.encrypted_content.as_ref().unwrap().as_bytes()).unwrap();
    let words = ["enc", "-d", "-aes-256-cbc", "-iv", &iv, "-K", &key, "-in", "content", "-out", "signed.der"];
    openssl(&words);
    assert_eq!(content.content_type, asn1::oids::rfc5652::SIGNED_DATA);
    openssl(&["asn1parse", "-inform", "DER", "-in", "signed.der"])
}

#[test]
fn a_kem_key_is_enough_to_get_a_key() {
    use ca::{KemExchange, KemExchanges};
    use cmp::TransactionId;
    use std::sync::{Arc, Mutex};

    struct One(Mutex<Option<KemExchange>>);
    impl KemExchanges for One {
        fn keep(&self, exchange: KemExchange) -> KemExchange {
            self.0.lock().unwrap().get_or_insert(exchange).clone()
        }
        fn find(&self, id: &TransactionId, _: asn1::UnixTime) -> Option<KemExchange> {
            self.0.lock().unwrap().clone().filter(|exchange| exchange.trust.transaction_id() == id)
        }
    }

    let mut house = house();
    house.ca.kem_exchanges = Some(Arc::new(One(Mutex::new(None))));
    let kem = KemKey::generate(crypto::KemAlgorithm::MlKem768).unwrap();
    let public = crypto::DecapsulationKey::public_key(&kem);
    let (contents, _) = Profile::NE.fit(name("CN=enb-0003,O=Vendor"), public, &[]).unwrap();
    let certificate = certify_contents(&house.vendor, &contents, NOW);
    let identity = SenderIdentity::with_kem(certificate.clone(), vec![]).unwrap();
    let (genm, awaiting) =
        cmp::end_entity::KemQuestion::new().start(&identity, &house.provider, NOW).unwrap();
    let genp = PkiMessage::from_der(&house.ca.handle(&genm, NOW).octets).unwrap();
    let (info, continuation) = awaiting.handle(&genp, &Validator::new(&house.provider, &[]), NOW).unwrap();
    let credential =
        MacCredential::decapsulate(identity.clone(), &kem, &info, continuation.transaction_id.clone())
            .unwrap();
    let mut enrolment = request("CN=enb-0003,O=Vendor", None);
    enrolment.continuation = Some(continuation);
    let (part, awaiting) = enrolment.start(&identity, &house.provider, NOW).unwrap();
    let reply = house.ca.handle(&part.authenticate(&credential, &house.provider).unwrap(), NOW);
    let mut granted = granted(house.answer(awaiting, &reply, NOW));
    let generated =
        open(&house, &mut granted, RecipientKey::Decapsulation(&kem), Some(&certificate)).unwrap();
    check(&granted, &generated);
}

#[test]
fn keys_are_generated_by_policy_for_those_who_may_have_them() {
    let mut house = house();
    let own = station(&house, KeyType::P256);
    let ask = |requester: &Requester, enrolment| house.start(requester, enrolment).0;
    let asked = |kind| request("CN=enb-0002,O=Vendor", kind);

    // A certificate that is for signing only; an RA; a kind that is not generated; a name of somebody else.
    let signing = ask(&house.station, request("CN=enb-0001,O=Vendor", None));
    house.refused_with(&signing, PkiFailureInfo::BAD_REQUEST);
    house.refused_with(&ask(&house.nem, asked(None)), PkiFailureInfo::NOT_AUTHORIZED);
    house.refused_with(&ask(&own, asked(Some(KeyKind::P384))), PkiFailureInfo::BAD_ALG);
    let other = ask(&own, request("CN=enb-0001,O=Vendor", None));
    house.refused_with(&other, PkiFailureInfo::NOT_AUTHORIZED);

    // With a proof of possession.
    let proved = crmf::CertReqMsgBuilder::new(Some(own.name()), own.key.public_key());
    let proof = PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert);
    let proved = proved.key_agreement(proof).unwrap();
    let template = KeyGenerationBuilder::new(Some(own.name()), None).build().unwrap();
    let popo = proved.popo().unwrap().to_der().unwrap();
    let with_proof = sequence(&[&template.cert_req().to_der().unwrap(), &popo]);
    let with_proof = crmf::CertReqMsg::from_der(&with_proof).unwrap();
    house.refused_with(&ask(&own, ir(with_proof)), PkiFailureInfo::BAD_POP);

    let request = ask(&own, asked(None));
    house.ca.policy.approval.of = vec![SignerRole::VendorCertified];
    house.refused_with(&request, PkiFailureInfo::NOT_AUTHORIZED);
    house.ca.policy.approval.of = Vec::new();
    house.ca.key_generation = None;
    house.refused_with(&request, PkiFailureInfo::BAD_CERT_TEMPLATE);
}

#[test]
fn a_generated_key_waits_for_nothing() {
    let mut house = house();
    house.ca.policy.issuing_delay = std::time::Duration::from_secs(60);
    let own = station(&house, KeyType::P256);
    let (_, answer) = house.enrol(&own, request("CN=enb-0002,O=Vendor", None));
    let mut granted = granted(answer);
    let generated =
        open(&house, &mut granted, RecipientKey::Agreement(&agreement(&own)), Some(&own.certificate))
            .unwrap();
    check(&granted, &generated);
}

/// Decides the same on everything.
struct Deciding(Verdict);

impl Operator for Deciding {
    fn decide(&mut self, _: &Proposal<'_>) -> Verdict {
        self.0.clone()
    }

    fn note(&mut self, _: &Event) {}
}

/// Whoever decides on it there need not have the key kept.
#[test]
fn an_operator_decides_on_it_in_a_file() {
    let house = house();
    let own = station(&house, KeyType::P384);
    let (file, awaiting) = house.start(&own, request("CN=enb-0002,O=Vendor", None));
    let postponed = house.ca.answer_file(&file, &mut Deciding(Verdict::Postpone), NOW);
    assert_eq!((postponed.unwrap(), house.registry.count()), (None, 0));
    let answer = house.ca.answer_file(&file, &mut Deciding(Verdict::Approve), NOW).unwrap().unwrap();
    let again = house.ca.answer_file(&file, &mut Deciding(Verdict::Postpone), NOW).unwrap();
    assert_eq!(again.as_ref(), Some(&answer), "the same key");
    let message = house.validate(&answer, &awaiting.expectation(), NOW);
    let mut granted = granted(awaiting.handle(&message).unwrap());
    let key = agreement(&own);
    let opened = open(&house, &mut granted, RecipientKey::Agreement(&key), Some(&own.certificate));
    check(&granted, &opened.unwrap());
    house.confirm(&own, granted, NOW);
}
