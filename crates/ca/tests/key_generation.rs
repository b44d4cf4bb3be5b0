//! Keys that the CA generates, signs and enciphers for whoever asks: RFC 9483 section 4.1.6.
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

use asn1::{EncodedCertificate, RawDer, constructed};
use ca::registry::CertificateStatus;
use ca::{KeyGeneration, Outcome, Profile};
use cmp::end_entity::{Answer, AwaitingCertificate, Enrolment, Granted};
use cmp::{
    CertRepMessage, Error, KeyPackageOpener, MacCredential, PkiBody, PkiFailureInfo, PkiMessage, Pvno,
    RecipientKey, Reference, SecretTrust, SenderIdentity, SignerRole, Trust, ValidatedMessage, Validator,
};
use crmf::{EncryptedKey, KeyGenerationBuilder, MacLimits, PasswordMac, PopoPrivKey, SubsequentMessage};
use crypto::{
    EnvelopeError, ExtendedKeyUsage, GeneratedKey, KeyKind, PathError, SharedSecret, SigningKey, VerifyError,
};
use crypto_aws_lc::{AgreementKey, KemKey, KeyType, SoftwareKey, SoftwareKeyGenerator, TransportKey};
use der::asn1::ObjectIdentifier;
use der::flagset::FlagSet;
use der::{Decode, Encode};
use support::{House, NOW, Requester, certify_contents, crmf, granted, ir, key, name, sequence};
use testkit::programs::run_words;
use x509_cert::Certificate;
use x509_cert::ext::pkix::KeyUsages;

const SECRET: &str = "correct-horse-battery-staple";

fn profile(purposes: &'static [ObjectIdentifier], usage: impl Into<FlagSet<KeyUsages>>) -> Profile {
    let mut profile = Profile::NE;
    profile.purposes = purposes.into();
    profile.key_usage = Some(usage.into());
    profile
}

fn house() -> House {
    let mut house = House::new();
    let kga = house.credential(
        &profile(&[asn1::oids::rfc6402::KP_CM_KGA], KeyUsages::DigitalSignature),
        "CN=KGA,O=Operator",
        key(),
    );
    let kinds = vec![KeyKind::P256, KeyKind::Rsa { bits: 2048 }, KeyKind::MlDsa44];
    house.ca.key_generation = Some(KeyGeneration::new(
        kinds,
        Box::new(SoftwareKeyGenerator::new()),
        kga.certificate,
        Box::new(kga.key),
    ));
    house
}

/// Who may have signed a generated key.
fn authorities(house: &House) -> [Trust; 1] {
    let purpose = ExtendedKeyUsage::Required(asn1::oids::rfc6402::KP_CM_KGA);
    [Trust::new(SignerRole::CertificationAuthority, vec![house.root.clone()], purpose)]
}

/// A station whose key signs and has keys enciphered for it.
fn station(house: &House, key_type: KeyType) -> Requester {
    let key = SoftwareKey::generate(key_type).unwrap();
    let usage = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment | KeyUsages::KeyAgreement;
    let (contents, _) = profile(&[], usage).fit(name("CN=enb-0002,O=Vendor"), key.public_key(), &[]).unwrap();
    Requester::with(certify_contents(&house.vendor, &contents, NOW), key)
}

fn request(subject: &str, kind: Option<KeyKind>) -> Enrolment {
    ir(KeyGenerationBuilder::new(Some(name(subject)), kind).build().unwrap())
}

fn agreement(station: &Requester) -> AgreementKey {
    AgreementKey::from_pkcs8_der(&station.key.to_pkcs8_der().unwrap()).unwrap()
}

fn open(
    house: &House,
    granted: &mut Granted,
    key: RecipientKey<'_>,
    protected: Option<&EncodedCertificate>,
) -> Result<GeneratedKey, Error> {
    let authorities = authorities(house);
    let opener = KeyPackageOpener { key, protected, authorities: &authorities };
    granted.open_private_key(&opener, &house.provider, NOW).map(Option::unwrap)
}

/// The key signs for the certificate that came with it.
fn check(granted: &Granted, generated: &GeneratedKey) {
    let certificate = granted.check().unwrap();
    let spki = certificate.tbs_certificate().subject_public_key_info().to_der().unwrap();
    assert_eq!(generated.public_key.spki_octets(), spki);
    let key = SoftwareKey::from_pkcs8_der(&generated.private_key).unwrap();
    assert_eq!(key.public_key(), &generated.public_key);
}

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

struct Exchange {
    house: House,
    own: Requester,
    awaiting: AwaitingCertificate,
    reply: Vec<u8>,
}

impl Exchange {
    fn new() -> Self {
        Self::with(house())
    }

    fn with(house: House) -> Self {
        let own = station(&house, KeyType::P256);
        let (octets, awaiting) = house.start(&own, request("CN=enb-0002,O=Vendor", None));
        let reply = house.ca.handle(&octets, NOW);
        assert!(matches!(reply.event.outcome, Outcome::Issued { .. }), "{}", reply.event.outcome);
        Self { reply: reply.octets, house, own, awaiting }
    }

    fn message(&self, octets: &[u8]) -> ValidatedMessage {
        self.house.validate(octets, &self.awaiting.expectation(), NOW)
    }

    /// The answer with another key or certificate in it.
    fn changed(&self, change: impl FnOnce(&mut CertRepMessage)) -> Result<Answer, Error> {
        let octets = self.house.changed_answer(&self.reply, |body| {
            let PkiBody::Ip(content) = body else { panic!("{body:?}") };
            change(content);
        });
        self.awaiting.clone().handle(&self.message(&octets))
    }

    fn open_with(
        &self,
        key: RecipientKey<'_>,
        change: impl FnOnce(&mut CertRepMessage),
    ) -> Result<(), Error> {
        let mut granted = granted(self.changed(change)?);
        open(&self.house, &mut granted, key, Some(&self.own.certificate)).map(|_| ())
    }

    fn open(&self, change: impl FnOnce(&mut CertRepMessage)) -> Result<(), Error> {
        self.open_with(RecipientKey::Agreement(&agreement(&self.own)), change)
    }

    fn enveloped(&self) -> RawDer {
        let message = PkiMessage::from_der(&self.reply).unwrap();
        let PkiBody::Ip(content) = message.body() else { panic!("{:?}", message.body()) };
        let key = content.response[0].certified_key_pair.as_ref().unwrap().private_key.clone().unwrap();
        match key.decode_as().unwrap() {
            EncryptedKey::EnvelopedData(data) => data,
            other => panic!("{other:?}"),
        }
    }
}

fn private_key(content: &mut CertRepMessage) -> &mut Option<RawDer> {
    &mut content.response[0].certified_key_pair.as_mut().unwrap().private_key
}

fn sealed(data: &RawDer) -> Option<RawDer> {
    RawDer::build(&EncryptedKey::EnvelopedData(data.clone())).ok()
}

#[test]
fn keys_of_others_and_from_others_are_refused() {
    let exchange = Exchange::new();
    assert_eq!(exchange.open(|_| ()), Ok(()));
    let other = Exchange::new();
    // For another station, by another operator.
    let foreign = exchange.open(|content| *private_key(content) = sealed(&other.enveloped()));
    assert_eq!(foreign, Err(Error::NotTheRecipient));
    let key = agreement(&other.own);
    let wrong_key = exchange.open_with(RecipientKey::Agreement(&key), |_| ());
    assert_eq!(wrong_key, Err(Error::Envelope(EnvelopeError::Undecipherable)));
    let kem = KemKey::generate(crypto::KemAlgorithm::MlKem512).unwrap();
    let wrong_kind = exchange.open_with(RecipientKey::Decapsulation(&kem), |_| ());
    assert_eq!(wrong_kind, Err(Error::NotTheRecipient));

    // The certificate of another key; no key; a key that nobody asked for.
    let certificate = other.own.certificate.clone();
    let swapped = exchange.open(|content| {
        let pair = content.response[0].certified_key_pair.as_mut().unwrap();
        pair.cert_or_enc_cert = cmp::CertOrEncCert::Certificate(certificate);
    });
    assert_eq!(swapped, Err(Error::OtherPublicKey));
    let missing = exchange.open(|content| *private_key(content) = None);
    assert_eq!(missing, Err(Error::PrivateKeyMissing));
    let house = &exchange.house;
    let (octets, awaiting) = house.start(&exchange.own, ir(crmf(&exchange.own.name(), &support::key())));
    let unasked = house.changed_answer(&house.ca.handle(&octets, NOW).octets, |body| {
        let PkiBody::Ip(content) = body else { panic!("{body:?}") };
        *private_key(content) = sealed(&exchange.enveloped());
    });
    let message = house.validate(&unasked, &awaiting.expectation(), NOW);
    assert_eq!(awaiting.handle(&message).unwrap_err(), Error::InconsistentAnswer);
}

#[test]
fn only_a_key_generation_authority_signs_keys() {
    for (purpose, subject) in [
        (asn1::oids::rfc6402::KP_CMC_CA, "CN=no KGA,O=Operator"),
        (asn1::oids::rfc6402::KP_CM_KGA, "CN=KGA,O=Factory"),
    ] {
        let mut house = house();
        let key = key();
        let mut of_signer = profile(&[], KeyUsages::DigitalSignature);
        of_signer.purposes = vec![purpose].into();
        let of_factory = subject.ends_with("Factory");
        let signer = if of_factory {
            let (contents, _) = of_signer.fit(name(subject), key.public_key(), &[]).unwrap();
            Requester::with(certify_contents(&house.vendor, &contents, NOW), key)
        } else {
            house.credential(&of_signer, subject, key)
        };
        let generation = house.ca.key_generation.as_mut().unwrap();
        generation.certificate = signer.certificate;
        generation.key = Box::new(signer.key);
        let due = if of_factory {
            PathError::UnknownIssuer
        } else {
            PathError::ExtendedKeyUsage(asn1::oids::rfc6402::KP_CM_KGA)
        };
        assert_eq!(Exchange::with(house).open(|_| ()), Err(Error::SignerNotTrusted(due)), "{subject}");
    }
    // A certificate of another key than the one that signed.
    let mut house = house();
    house.ca.key_generation.as_mut().unwrap().key = Box::new(key());
    let refused = Exchange::with(house).open(|_| ());
    assert_eq!(refused, Err(Error::BadProtection(VerifyError::BadSignature)));
}

/// `openssl cms` deciphers and verifies what the CA sends; and what it signs and enciphers otherwise than it should is refused.
#[test]
fn openssl_deciphers_and_verifies_the_same() {
    let exchange = Exchange::new();
    let folder = tempfile::tempdir().unwrap();
    let openssl = |words: &[&str]| run_words("openssl", words, folder.path()).success();
    let write = |name: &str, octets: &[u8]| fs::write(folder.path().join(name), octets).unwrap();
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let content_info = |oid: &str, content: &[u8]| {
        let mut explicit = Vec::new();
        der::Header::new(constructed(0), content.len().try_into().unwrap())
            .encode_to_vec(&mut explicit)
            .unwrap();
        explicit.extend_from_slice(content);
        sequence(&[&ObjectIdentifier::new_unwrap(oid).to_der().unwrap(), &explicit])
    };
    write("key.pem", exchange.own.key.to_pkcs8_pem().unwrap().as_bytes());
    write("own.der", exchange.own.certificate.octets());
    write("root.der", exchange.house.root.octets());
    openssl(&["x509", "-inform", "DER", "-in", "root.der", "-out", "root.pem"]);
    openssl(&["x509", "-inform", "DER", "-in", "own.der", "-out", "own.pem"]);
    write("enveloped.der", &content_info("1.2.840.113549.1.7.3", exchange.enveloped().octets()));
    // By the name of the recipient's certificate, too.
    let words = [
        "cms",
        "-decrypt",
        "-inform",
        "DER",
        "-in",
        "enveloped.der",
        "-inkey",
        "key.pem",
        "-recip",
        "own.pem",
    ];
    openssl(&[&words[..], &["-out", "signed.der"]].concat());
    let signed = read("signed.der");
    write("signed-ci.der", &content_info("1.2.840.113549.1.7.2", &signed));
    let time = NOW.as_secs().to_string();
    let words = [
        "cms",
        "-verify",
        "-inform",
        "DER",
        "-in",
        "signed-ci.der",
        "-CAfile",
        "root.pem",
        "-purpose",
        "any",
    ];
    openssl(&[&words[..], &["-attime", &time, "-binary", "-out", "package.der"]].concat());
    let package = read("package.der");
    let keys: Vec<RawDer> = Vec::from_der(&package).unwrap();
    assert_eq!(keys.len(), 1);
    let mut granted = granted(exchange.changed(|_| ()).unwrap());
    let agreement = agreement(&exchange.own);
    let own = Some(&exchange.own.certificate);
    let generated = open(&exchange.house, &mut granted, RecipientKey::Agreement(&agreement), own).unwrap();
    // [version, algorithm, key, publicKey] here, [version, algorithm, key] there.
    let theirs: Vec<der::Any> = Vec::from_der(keys[0].octets()).unwrap();
    let ours: Vec<der::Any> = Vec::from_der(&generated.private_key).unwrap();
    assert_eq!(theirs[1..3], ours[1..3]);
    let certificate = Certificate::from_der(granted.certificate().octets()).unwrap();
    let spki = certificate.tbs_certificate().subject_public_key_info();
    assert!(theirs[3].value().ends_with(spki.subject_public_key.raw_bytes()));

    let enciphered = |content: &[u8]| {
        write("content.der", content);
        let words = ["cms", "-encrypt", "-binary", "-in", "content.der", "-outform", "DER", "-aes-256-cbc"];
        let more = ["-recip", "own.pem", "-keyid", "-keyopt", "ecdh_kdf_md:sha256", "-out", "theirs.der"];
        openssl(&[&words[..], &more].concat());
        let fields: Vec<der::Any> = Vec::from_der(&read("theirs.der")).unwrap();
        RawDer::new(fields[1].value()).unwrap()
    };
    // It says id-data of everything.
    let as_signed_data = |data: &RawDer| {
        let mut octets = data.octets().to_vec();
        let id_data = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1").to_der().unwrap();
        let at = octets.windows(id_data.len()).position(|window| window == id_data).unwrap();
        octets[at + id_data.len() - 1] = 2;
        RawDer::new(&octets).unwrap()
    };
    // The package without a signature, and the signature without its content's type.
    for content in [&package, &signed] {
        let data = enciphered(content);
        let opened = exchange.open(|content| *private_key(content) = sealed(&data));
        assert!(matches!(opened, Err(Error::BadEnvelope(_))), "{opened:?}: id-data");
        let renamed = as_signed_data(&data);
        let opened = exchange.open(|content| *private_key(content) = sealed(&renamed));
        if content == &signed {
            assert_eq!(opened, Ok(()), "what OpenSSL enciphers is opened");
        } else {
            assert!(matches!(opened, Err(Error::MalformedEnvelope(_))), "{opened:?}: not signed");
        }
    }

    // What is signed counts, and the signature.
    let begin = signed.windows(package.len()).position(|window| window == package).unwrap();
    for index in (begin..begin + package.len()).step_by(9).chain((signed.len() - 60..signed.len()).step_by(7))
    {
        let mut changed = signed.clone();
        changed[index] ^= 4;
        let data = as_signed_data(&enciphered(&changed));
        assert!(exchange.open(|content| *private_key(content) = sealed(&data)).is_err(), "octet {index}");
    }
}
