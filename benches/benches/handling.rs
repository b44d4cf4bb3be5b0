//! What each message costs the RA/CA: from its octets to those of the answer, with P-256 and the registry on disk. What a station does is
//! not counted. Each registration waits for the disk, so where a certificate is issued that is most of the time.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;
use std::time::Duration;

use asn1::oids::rfc9810::IT_CA_CERTS;
use ca::{Ca, Issuer, KeyGeneration, MessageCredential, Outcome, Profile};
use cmp::end_entity::{Answer, CertificateRequest, Enrolment, Granted, Question, Waiting};
use cmp::{
    Expectation, InfoTypeAndValue, PkiMessage, ProtectedPart, SenderIdentity, SignerRole, Trust,
    ValidatedMessage, Validator, add_protection, bundle,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use crmf::{
    CertId, CertReqMessages, CertReqMsg, CertReqMsgBuilder, KeyGenerationBuilder, PopoPrivKey,
    SubsequentMessage,
};
use crypto::{CryptoProvider, ExtendedKeyUsage, KeyKind, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey, SoftwareKeyGenerator, provider};
use der::Decode;
use pkcs10::{CertReq, CertReqBuilder};
use store::registry::EmbeddedRegistry;
use tempfile::TempDir;
use testkit::vectors::NOW;
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{CrlReason, KeyUsages};

struct Sender {
    identity: SenderIdentity,
    key: SoftwareKey,
}

impl Sender {
    fn new(issuer: &Issuer, profile: &Profile, subject: &str) -> Self {
        let key = SoftwareKey::generate(KeyType::P256).unwrap();
        let (contents, _) = profile.fit(subject.parse().unwrap(), key.public_key(), &[]).unwrap();
        let issued = issuer.issue(&contents, &provider(), NOW).unwrap();
        Self { identity: SenderIdentity::new(issued.certificate, Vec::new(), key.algorithm()).unwrap(), key }
    }

    fn sign(&self, part: &ProtectedPart) -> Vec<u8> {
        part.sign(&self.key).unwrap()
    }
}

struct House {
    _folder: TempDir,
    ca: Ca,
    station: Sender,
    nem: Sender,
    trust: [Trust; 1],
    provider: CryptoProvider,
}

const YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl House {
    fn new(change: impl FnOnce(&mut Ca)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = EmbeddedRegistry::open(&folder.path().join("registry.redb")).unwrap();
        let root = |name: &str| {
            let key = Box::new(SoftwareKey::generate(KeyType::P256).unwrap());
            Issuer::self_signed(name.parse().unwrap(), key, YEARS, &provider(), NOW).unwrap()
        };
        let (issuer, vendor) = (root("CN=CA"), root("CN=Factory"));
        let mut of_station = Profile::NE;
        of_station.key_usage = Some(KeyUsages::DigitalSignature | KeyUsages::KeyAgreement);
        let station = Sender::new(&vendor, &of_station, "CN=enb1");
        let nem = Sender::new(&issuer, &Profile::RA, "CN=nem");
        let Sender { identity, key } = Sender::new(&issuer, &Profile::CMP, "CN=CMP,CN=CA");
        let kga = Sender::new(&issuer, &Profile::CMP, "CN=KGA,CN=CA");
        let own = vec![issuer.certificate().clone()];
        let credential = MessageCredential { identity, key: Box::new(key) };
        let mut ca = Ca::new(provider(), issuer, credential, Arc::new(registry));
        let trust =
            |role, anchors: &[asn1::EncodedCertificate], purpose| Trust::new(role, anchors.to_vec(), purpose);
        ca.trust = vec![
            trust(SignerRole::RegistrationAuthority, &own, ExtendedKeyUsage::REGISTRATION_AUTHORITY),
            trust(SignerRole::OperatorCertified, &own, ExtendedKeyUsage::Any),
            trust(SignerRole::VendorCertified, &[vendor.certificate().clone()], ExtendedKeyUsage::Any),
        ];
        let certificate = kga.identity.certificate().unwrap().clone();
        let generator = Box::new(SoftwareKeyGenerator::new());
        ca.key_generation =
            Some(KeyGeneration::new(vec![KeyKind::P256], generator, certificate, Box::new(kga.key)));
        ca.policy.encrypted_certificates = true;
        change(&mut ca);
        let trust = [trust(SignerRole::CertificationAuthority, &own, ExtendedKeyUsage::Any)];
        Self { _folder: folder, ca, station, nem, trust, provider: provider() }
    }

    fn start(
        &self,
        sender: &Sender,
        request: CertificateRequest,
    ) -> (Vec<u8>, cmp::end_entity::AwaitingCertificate) {
        let (part, awaiting) = Enrolment::new(request).start(&sender.identity, &self.provider, NOW).unwrap();
        (sender.sign(&part), awaiting)
    }

    fn believed(&self, octets: &[u8], expectation: &Expectation<'_>) -> ValidatedMessage {
        let validator = Validator::new(&self.provider, &self.trust);
        validator.validate(PkiMessage::from_der(octets).unwrap(), expectation, NOW).unwrap()
    }

    fn answer(&self, sender: &Sender, request: CertificateRequest) -> Answer {
        let (octets, awaiting) = self.start(sender, request);
        let reply = self.ca.handle(&octets, NOW).octets;
        awaiting.clone().handle(&self.believed(&reply, &awaiting.expectation())).unwrap()
    }

    fn granted(&self) -> Granted {
        let Answer::Granted(granted) =
            self.answer(&self.station, CertificateRequest::Ir(only(self.signed())))
        else {
            unreachable!("it is granted")
        };
        granted
    }

    fn waiting(&self) -> Waiting {
        let Answer::Waiting(waiting) =
            self.answer(&self.station, CertificateRequest::Ir(only(self.signed())))
        else {
            unreachable!("it waits")
        };
        waiting
    }

    fn signed(&self) -> CertReqMsg {
        let key = SoftwareKey::generate(KeyType::P256).unwrap();
        CertReqMsgBuilder::new(Some(self.station.identity.name().clone()), key.public_key())
            .sign(&key)
            .unwrap()
    }

    /// Somebody whose certificate was confirmed.
    fn enrolled(&self) -> Sender {
        let key = SoftwareKey::generate(KeyType::P256).unwrap();
        let name = self.station.identity.name().clone();
        let request = CertReqMsgBuilder::new(Some(name), key.public_key()).sign(&key).unwrap();
        let Answer::Granted(granted) = self.answer(&self.station, CertificateRequest::Ir(only(request)))
        else {
            unreachable!("it is granted")
        };
        let certificate = granted.certificate().clone();
        let (part, _) = granted.confirm(&self.station.identity, &self.provider, NOW).unwrap();
        self.ca.handle(&self.station.sign(&part), NOW);
        Sender { identity: SenderIdentity::new(certificate, Vec::new(), key.algorithm()).unwrap(), key }
    }

    fn ir(&self) -> Vec<u8> {
        self.start(&self.station, CertificateRequest::Ir(only(self.signed()))).0
    }

    fn for_agreement(&self) -> CertReqMsg {
        let key = SoftwareKey::generate(KeyType::P256).unwrap();
        let builder = CertReqMsgBuilder::new(Some(self.station.identity.name().clone()), key.public_key());
        builder.key_agreement(PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert)).unwrap()
    }

    fn kur(&self) -> Vec<u8> {
        let old = self.enrolled();
        self.start(&old, CertificateRequest::Kur(only(self.signed()))).0
    }

    fn p10cr(&self) -> Vec<u8> {
        let key = SoftwareKey::generate(KeyType::P256).unwrap();
        let octets = CertReqBuilder::new("CN=enb2".parse().unwrap(), key.public_key()).sign(&key).unwrap();
        let request = CertificateRequest::P10cr(Box::new(CertReq::from_der(&octets).unwrap()));
        self.start(&self.nem, request).0
    }

    fn ask(&self, sender: &Sender, question: Question) -> Vec<u8> {
        sender.sign(&question.start(&sender.identity, &self.provider, NOW).unwrap().0)
    }

    fn rr(&self) -> Vec<u8> {
        let own = self.enrolled();
        let certificate = Certificate::from_der(own.identity.certificate().unwrap().octets()).unwrap();
        let tbs = certificate.tbs_certificate();
        let issuer = GeneralName::DirectoryName(tbs.issuer().clone());
        let id = CertId::new(issuer, tbs.serial_number().clone());
        self.ask(&own, Question::revoke(id, CrlReason::Superseded).unwrap())
    }

    fn nested(&self, count: usize) -> Vec<u8> {
        let messages: Vec<_> = (0..count).map(|_| PkiMessage::from_der(&self.ir()).unwrap()).collect();
        let (identity, recipient) = (&self.nem.identity, x509_cert::name::Name::default());
        let part = if count == 1 {
            add_protection(&messages[0], identity, &self.provider, NOW).unwrap()
        } else {
            bundle(&messages, recipient, identity, &self.provider, NOW).unwrap().0
        };
        self.nem.sign(&part)
    }
}

fn only(message: CertReqMsg) -> CertReqMessages {
    CertReqMessages::new(vec![message]).unwrap()
}

/// With another transactionID than was signed: it obeys the syntax, and only the signature tells.
fn changed(message: &[u8]) -> Vec<u8> {
    let id = PkiMessage::from_der(message).unwrap().header().transaction_id.clone().unwrap();
    let id = id.as_octets();
    let place = message.windows(id.len()).position(|window| window == id).unwrap();
    let mut octets = message.to_vec();
    octets[place] ^= 1;
    octets
}

fn handling(criterion: &mut Criterion) {
    let house = House::new(|_| ());
    let delaying = House::new(|ca| ca.policy.issuing_delay = Duration::from_secs(3600));
    let mut group = criterion.benchmark_group("handling");
    group.throughput(Throughput::Elements(1)).sample_size(20);
    let mut bench = |name: &str, ca: &Ca, due: fn(&Outcome) -> bool, make: &dyn Fn() -> Vec<u8>| {
        // What fails before it comes to what is to be measured is cheap.
        let outcome = ca.handle(&make(), NOW).event.outcome;
        assert!(due(&outcome), "{name}: {outcome}");
        group.bench_function(name, |bencher| {
            bencher.iter_batched(make, |message| ca.handle(&message, NOW), BatchSize::SmallInput);
        });
    };
    let issued: fn(&Outcome) -> bool = |outcome| matches!(outcome, Outcome::Issued { .. });
    let cr = || house.start(&house.station, CertificateRequest::Cr(only(house.signed()))).0;
    let sealed = || house.start(&house.station, CertificateRequest::Ir(only(house.for_agreement()))).0;
    let generated = || {
        let request =
            KeyGenerationBuilder::new(Some(house.station.identity.name().clone()), None).build().unwrap();
        house.start(&house.station, CertificateRequest::Ir(only(request))).0
    };
    let cert_conf = || {
        let (part, _) = house.granted().confirm(&house.station.identity, &house.provider, NOW).unwrap();
        house.station.sign(&part)
    };
    let poll_req = || {
        let (part, _) = delaying.waiting().poll(&delaying.station.identity, &delaying.provider, NOW).unwrap();
        delaying.station.sign(&part)
    };
    let genm = || house.ask(&house.station, Question::general(InfoTypeAndValue::new(IT_CA_CERTS, None)));
    bench("ir", &house.ca, issued, &|| house.ir());
    bench("cr", &house.ca, issued, &cr);
    bench("kur", &house.ca, issued, &|| house.kur());
    bench("p10cr of an RA", &house.ca, issued, &|| house.p10cr());
    bench("ir with encrCert", &house.ca, issued, &sealed);
    bench("ir for a key to be generated", &house.ca, issued, &generated);
    bench("certConf", &house.ca, |outcome| matches!(outcome, Outcome::Confirmed { .. }), &cert_conf);
    bench("pollReq", &delaying.ca, |outcome| matches!(outcome, Outcome::Waiting { .. }), &poll_req);
    bench("rr", &house.ca, |outcome| matches!(outcome, Outcome::Revoked { .. }), &|| house.rr());
    bench("genm", &house.ca, |outcome| matches!(outcome, Outcome::Informed), &genm);
    bench("ir with added protection", &house.ca, |outcome| matches!(outcome, Outcome::VouchedFor), &|| {
        house.nested(1)
    });
    bench("batch of 10 ir", &house.ca, |outcome| matches!(outcome, Outcome::Batch { answers: 10 }), &|| {
        house.nested(10)
    });
    let repeated = house.ir();
    house.ca.handle(&repeated, NOW);
    bench("ir, repeated", &house.ca, |outcome| matches!(outcome, Outcome::Repeated), &|| repeated.clone());
    let bad_signature: fn(&Outcome) -> bool =
        |outcome| matches!(outcome, Outcome::Refused(ca::Error::Message(cmp::Error::BadProtection(_))));
    bench("ir whose signature does not hold", &house.ca, bad_signature, &|| changed(&house.ir()));
    let not_trusted: fn(&Outcome) -> bool =
        |outcome| matches!(outcome, Outcome::Refused(ca::Error::Message(cmp::Error::SignerNotTrusted(_))));
    let elsewhere = House::new(|_| ());
    bench("ir of somebody else's station", &house.ca, not_trusted, &|| elsewhere.ir());
    let refused: fn(&Outcome) -> bool = |outcome| matches!(outcome, Outcome::Refused(_));
    bench("garbage", &house.ca, refused, &|| vec![0x30; 1024]);
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(300));
    targets = handling
}
criterion_main!(benches);
