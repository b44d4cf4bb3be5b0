//! Possession of keys that do not sign, proved by deciphering the certificate: RFC 9810 section 5.2.8.3.2.
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
use std::time::Duration;

use asn1::{RawDer, constructed};
use ca::Outcome;
use ca::registry::CertificateStatus;
use cmp::end_entity::{Answer, SealedCertificate};
use cmp::{
    CertConfirmContent, CertOrEncCert, CertRepMessage, Error, PkiBody, PkiFailureInfo, PkiMessage, Pvno,
    RecipientKey, SignerRole,
};
use crmf::{CertReqMsg, CertReqMsgBuilder, EncryptedKey, PopoPrivKey, SubsequentMessage};
use crypto::{
    DecapsulationKey, EnvelopeError, KemAlgorithm, KeyAgreementKey, KeyTransportKey, PublicKey, SigningKey,
};
use crypto_aws_lc::{AgreementKey, KemKey, KeyType, SoftwareKey, TransportKey};
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Decode, Encode};
use support::{House, NOW, crmf, granted, ir, sequence};
use testkit::programs::run_words;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};

/// A key that does not sign.
enum Key {
    Rsa(TransportKey),
    Curve(AgreementKey),
    Kem(KemKey),
}

impl Key {
    fn all() -> Vec<Self> {
        let rsa = SoftwareKey::generate(KeyType::Rsa2048).unwrap();
        let curves = [KeyType::P256, KeyType::P384, KeyType::P521].into_iter().map(Self::curve);
        let kems = KemAlgorithm::ALL.into_iter().map(|kem| Self::Kem(KemKey::generate(kem).unwrap()));
        curves.chain(kems).chain([Self::rsa(&rsa)]).collect()
    }

    fn rsa(key: &SoftwareKey) -> Self {
        Self::Rsa(TransportKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap())
    }

    fn curve(key_type: KeyType) -> Self {
        Self::of_curve(&SoftwareKey::generate(key_type).unwrap())
    }

    fn of_curve(key: &SoftwareKey) -> Self {
        Self::Curve(AgreementKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap())
    }

    fn public(&self) -> &PublicKey {
        match self {
            Self::Rsa(key) => key.public_key(),
            Self::Curve(key) => key.public_key(),
            Self::Kem(key) => key.public_key(),
        }
    }

    fn recipient(&self) -> RecipientKey<'_> {
        match self {
            Self::Rsa(key) => RecipientKey::Transport(key),
            Self::Curve(key) => RecipientKey::Agreement(key),
            Self::Kem(key) => RecipientKey::Decapsulation(key),
        }
    }

    fn usage(&self) -> KeyUsages {
        if matches!(self, Self::Curve(_)) { KeyUsages::KeyAgreement } else { KeyUsages::KeyEncipherment }
    }

    fn request(&self, house: &House) -> CertReqMsg {
        let builder = CertReqMsgBuilder::new(Some(house.station.name()), self.public());
        let proof = PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert);
        match self {
            Self::Curve(_) => builder.key_agreement(proof).unwrap(),
            _ => builder.key_encipherment(proof).unwrap(),
        }
    }
}

fn house() -> House {
    let mut house = House::new();
    house.ca.policy.encrypted_certificates = true;
    house
}

fn sealed(answer: Answer) -> SealedCertificate {
    match answer {
        Answer::Sealed(sealed) => *sealed,
        other => panic!("{other:?}"),
    }
}

/// Puts another enciphered certificate into an ip.
fn replace(body: &mut PkiBody, with: &RawDer) {
    let PkiBody::Ip(CertRepMessage { response, .. }) = body else { panic!("{body:?}") };
    let pair = response[0].certified_key_pair.as_mut().unwrap();
    pair.cert_or_enc_cert = CertOrEncCert::EncryptedCert(with.clone());
}

/// The EnvelopedData in an ip.
fn enveloped(octets: &[u8]) -> RawDer {
    let message = PkiMessage::from_der(octets).unwrap();
    let PkiBody::Ip(content) = message.body() else { panic!("{:?}", message.body()) };
    let pair = content.response[0].certified_key_pair.as_ref().unwrap();
    let CertOrEncCert::EncryptedCert(key) = &pair.cert_or_enc_cert else { panic!("{pair:?}") };
    match key.decode_as().unwrap() {
        EncryptedKey::EnvelopedData(data) => data,
        other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_deciphers_the_certificate_has_the_key() {
    for key in Key::all() {
        let house = house();
        let mut request = ir(key.request(&house));
        request.implicit_confirm = true;
        let (octets, awaiting) = house.start(&house.station, request);
        assert_eq!(PkiMessage::from_der(&octets).unwrap().header().pvno, Pvno::CMP2021);
        let reply = house.ca.handle(&octets, NOW);
        assert_eq!(house.ca.handle(&octets, NOW).octets, reply.octets, "a repeat");
        assert_eq!(PkiMessage::from_der(&reply.octets).unwrap().header().pvno, Pvno::CMP2021);
        let sealed = sealed(house.answer(awaiting, &reply, NOW));
        let granted = sealed.open(&key.recipient(), &house.provider).unwrap();
        let kind = key.public().kind();
        assert!(!granted.implicitly_confirmed(), "{kind}: then nothing is proved");
        let certificate = granted.certificate().octets().to_vec();
        assert!(!reply.octets.windows(certificate.len()).any(|window| window == certificate), "{kind}");

        let decoded = granted.check().unwrap();
        let tbs = decoded.tbs_certificate();
        let (_, KeyUsage(usage)) = tbs.get_extension::<KeyUsage>().unwrap().unwrap();
        assert!(usage == key.usage(), "{kind}: {usage:?}");
        let serial = tbs.serial_number().clone();
        assert_eq!(house.registry.status(&serial), CertificateStatus::Unconfirmed, "{kind}");
        house.confirm(&house.station, granted, NOW);
        assert_eq!(house.registry.status(&serial), CertificateStatus::Valid, "{kind}");
    }
}

#[test]
fn it_is_a_matter_of_policy() {
    let house = House::new();
    for key in [Key::curve(KeyType::P256), Key::Kem(KemKey::generate(KemAlgorithm::MlKem768).unwrap())] {
        let (octets, _) = house.start(&house.station, ir(key.request(&house)));
        house.refused_with(&octets, PkiFailureInfo::BAD_POP);
    }
}

#[test]
fn a_certificate_that_had_to_wait_comes_enciphered_too() {
    for by_administrator in [false, true] {
        let mut house = house();
        if by_administrator {
            house.ca.policy.approval.of = vec![SignerRole::VendorCertified];
        } else {
            house.ca.policy.issuing_delay = Duration::from_secs(60);
        }
        let key = Key::curve(KeyType::P384);
        let (request, answer) = house.enrol(&house.station, ir(key.request(&house)));
        let Answer::Waiting(waiting) = answer else { panic!("{answer:?}") };
        if by_administrator {
            let id = PkiMessage::from_der(&request).unwrap().header().transaction_id.clone().unwrap();
            house.ca.approve(&id, NOW).unwrap();
        }
        let later = NOW.saturating_add(Duration::from_secs(61));
        // As after a restart: nothing but the registry knows of the request.
        house.restart();
        house.ca.policy.encrypted_certificates = true;
        let (poll, awaiting) = house.poll(waiting, later);
        let reply = house.ca.handle(&poll, later);
        let sealed = sealed(house.answer(awaiting, &reply, later));
        let granted = sealed.open(&key.recipient(), &house.provider).unwrap();
        house.confirm(&house.station, granted, later);
    }
}

#[test]
fn nobody_without_the_key_confirms() {
    let house = house();
    for key in Key::all() {
        let kind = key.public().kind();
        let (octets, awaiting) = house.start(&house.station, ir(key.request(&house)));
        let reply = house.ca.handle(&octets, NOW);
        let Outcome::Issued { serial_number, .. } = &reply.event.outcome else {
            panic!("{}", reply.event.outcome)
        };
        let take = || sealed(house.answer(awaiting.clone(), &reply, NOW));
        for other in Key::all() {
            let opened = take().open(&other.recipient(), &house.provider);
            assert_eq!(opened.unwrap_err(), Error::OtherPublicKey, "{kind}");
        }
        // Without the certificate, its hash can only be guessed.
        let (request, own) = house.start(&house.station, ir(crmf(&house.station.name(), &support::key())));
        let plain = granted(house.answer(own, &house.ca.handle(&request, NOW), NOW));
        let (part, _) = plain.confirm(&house.station.identity, &house.provider, NOW).unwrap();
        let guess = part.sign(&house.station.key).unwrap();
        let answered = PkiMessage::from_der(&reply.octets).unwrap();
        let forged = support::forged(&guess, &house.station, |header, body| {
            header.transaction_id = answered.header().transaction_id.clone();
            header.recip_nonce = answered.header().sender_nonce.clone().map(Into::into);
            let PkiBody::CertConf(content) = body else { panic!("{body:?}") };
            let _: &mut CertConfirmContent = content;
            content[0].cert_hash = OctetString::new([7; 32]).unwrap();
        });
        house.refused_with(&forged, PkiFailureInfo::BAD_CERT_ID);
        assert_eq!(house.registry.status(serial_number), CertificateStatus::Unconfirmed, "{kind}");
        // It ended nothing.
        let granted = take().open(&key.recipient(), &house.provider).unwrap();
        house.confirm(&house.station, granted, NOW);
    }
}

#[test]
fn what_is_enciphered_otherwise_is_refused() {
    let house = house();
    let (key, other) = (Key::curve(KeyType::P256), Key::curve(KeyType::P256));
    let kem = Key::Kem(KemKey::generate(KemAlgorithm::MlKem512).unwrap());
    let start = |key: &Key| house.start(&house.station, ir(key.request(&house)));
    let reply_to = |key: &Key| house.ca.handle(&start(key).0, NOW).octets;
    let (octets, awaiting) = start(&key);
    let reply = house.ca.handle(&octets, NOW).octets;
    let opened = |with: &RawDer| {
        let changed = house.changed_answer(&reply, |body| replace(body, with));
        let message = house.validate(&changed, &awaiting.expectation(), NOW);
        sealed(awaiting.clone().handle(&message).unwrap()).open(&key.recipient(), &house.provider).map(|_| ())
    };
    let wrapped = |data: &RawDer| RawDer::build(&EncryptedKey::EnvelopedData(data.clone())).unwrap();
    let undecipherable = Err(Error::Envelope(EnvelopeError::Undecipherable));
    let good = enveloped(&reply);
    assert_eq!(opened(&wrapped(&good)), Ok(()));
    assert_eq!(
        opened(&wrapped(&enveloped(&reply_to(&other)))),
        undecipherable,
        "for another key of the kind"
    );
    assert_eq!(opened(&wrapped(&enveloped(&reply_to(&kem)))), Err(Error::NotTheRecipient), "another kind");

    // The key's wrapping notices what is changed in or about the key; what the content is changed to is no certificate, or another one
    // than the CA awaits the confirmation of.
    let octets = good.octets();
    let mut refused = 0;
    for index in 0..octets.len() {
        let mut changed = octets.to_vec();
        changed[index] ^= 0x10;
        let Ok(changed) = RawDer::new(&changed) else { continue };
        if changed.octets()[0] != 0x30 {
            continue;
        }
        refused += usize::from(opened(&wrapped(&changed)).is_err());
    }
    assert!(refused > 200, "{refused} of {} refused", octets.len());

    for length in [0, 1, 20, 100, octets.len() - 40] {
        let cut = sequence(&[&octets[4..4 + length]]);
        assert!(opened(&wrapped(&RawDer::new(&cut).unwrap())).is_err(), "cut to {length}");
    }
    let deprecated = RawDer::new(&[0x30, 4, 3, 2, 0, 0]).unwrap();
    assert!(matches!(opened(&deprecated), Err(Error::BadEnvelope(_))));
    assert!(matches!(opened(&RawDer::new(&[0xa0, 0]).unwrap()), Err(Error::MalformedEnvelope(_))));
    assert!(matches!(opened(&RawDer::new(&[0xa1, 0]).unwrap()), Err(Error::MalformedEnvelope(_))));
}

#[test]
fn only_keys_that_encipher_or_agree_are_proved_so() {
    let house = house();
    let encr_cert = || PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert);
    let challenge = || PopoPrivKey::SubsequentMessage(SubsequentMessage::ChallengeResp);
    let builder = |key: &PublicKey| CertReqMsgBuilder::new(Some(house.station.name()), key);
    let signing = SoftwareKey::generate(KeyType::Ed25519).unwrap();
    let (rsa, curve) =
        (Key::rsa(&SoftwareKey::generate(KeyType::Rsa2048).unwrap()), Key::curve(KeyType::P256));
    for request in [
        builder(signing.public_key()).key_encipherment(encr_cert()),
        builder(signing.public_key()).key_agreement(encr_cert()),
        builder(rsa.public()).key_agreement(encr_cert()),
        builder(curve.public()).key_encipherment(encr_cert()),
        builder(rsa.public()).key_encipherment(challenge()),
        builder(curve.public()).key_agreement(challenge()),
    ] {
        let (octets, _) = house.start(&house.station, ir(request.unwrap()));
        house.refused_with(&octets, PkiFailureInfo::BAD_POP);
    }
}

/// `openssl cms` deciphers what the CA enciphers, and the station what `openssl cms` does.
#[test]
fn openssl_deciphers_and_enciphers_the_same() {
    let house = house();
    let folder = tempfile::tempdir().unwrap();
    let openssl = |words: &[&str]| run_words("openssl", words, folder.path()).success();
    let write = |name: &str, octets: &[u8]| fs::write(folder.path().join(name), octets).unwrap();
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let enveloped_data = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3").to_der().unwrap();

    for (key_type, options) in [
        (
            KeyType::Rsa2048,
            &[
                &["-aes-256-cbc", "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"][..],
                &["-aes-192-cbc"],
            ][..],
        ),
        (
            KeyType::P256,
            &[
                &["-aes-128-cbc", "-keyopt", "ecdh_kdf_md:sha256"][..],
                &["-aes-192-cbc", "-keyopt", "ecdh_kdf_md:sha256"][..],
                &["-aes-256-cbc", "-keyopt", "ecdh_kdf_md:sha384"][..],
            ][..],
        ),
    ] {
        let software = SoftwareKey::generate(key_type).unwrap();
        write("key.pem", software.to_pkcs8_pem().unwrap().as_bytes());
        let key = if key_type.is_rsa() { Key::rsa(&software) } else { Key::of_curve(&software) };
        let (octets, awaiting) = house.start(&house.station, ir(key.request(&house)));
        let reply = house.ca.handle(&octets, NOW).octets;
        let message = house.validate(&reply, &awaiting.expectation(), NOW);
        let open = |sealed: SealedCertificate| sealed.open(&key.recipient(), &house.provider).unwrap();
        let certificate = open(sealed(awaiting.clone().handle(&message).unwrap())).certificate().clone();

        let data = enveloped(&reply);
        let mut explicit = data.octets().to_vec();
        explicit = {
            let length = explicit.len();
            let mut header = Vec::new();
            der::Header::new(constructed(0), length.try_into().unwrap()).encode_to_vec(&mut header).unwrap();
            [header, explicit].concat()
        };
        write("enveloped.der", &sequence(&[&enveloped_data, &explicit]));
        openssl(&[
            "cms",
            "-decrypt",
            "-inform",
            "DER",
            "-in",
            "enveloped.der",
            "-inkey",
            "key.pem",
            "-out",
            "out.der",
        ]);
        assert_eq!(read("out.der"), certificate.octets(), "{key_type}");

        // A certificate that names the key, for OpenSSL.
        let subject = ["req", "-x509", "-new", "-key", "key.pem", "-subj", "/CN=any", "-out", "any.pem"];
        openssl(&subject);
        write("certificate.der", certificate.octets());
        for more in options {
            let words = [
                "cms",
                "-encrypt",
                "-binary",
                "-in",
                "certificate.der",
                "-outform",
                "DER",
                "-out",
                "theirs.der",
            ];
            openssl(&[&words[..], &["-recip", "any.pem"], more].concat());
            let content_info = read("theirs.der");
            let fields: Vec<der::Any> = Vec::from_der(&content_info).unwrap();
            let data = RawDer::new(fields[1].value()).unwrap();
            let theirs = RawDer::build(&EncryptedKey::EnvelopedData(data)).unwrap();
            let changed = house.changed_answer(&reply, |body| replace(body, &theirs));
            let message = house.validate(&changed, &awaiting.expectation(), NOW);
            let opened = open(sealed(awaiting.clone().handle(&message).unwrap()));
            assert_eq!(opened.certificate(), &certificate, "{key_type}");
        }
    }
}
