//! One enrolment at the RA/CA, from the NEM's p10cr to pkiconf: in memory but for the registry's commits.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use ca::{Ca, Issuer, MessageCredential, Profile};
use cmp::end_entity::{Answer, CertificateRequest, Enrolment};
use cmp::{PkiMessage, SenderIdentity, SignerRole, Trust, Validator};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crypto::{ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey, provider};
use pkcs10::{CertReq, CertReqBuilder};
use store::registry::EmbeddedRegistry;
use testkit::vectors::NOW;

fn credential(issuer: &Issuer, profile: &Profile, subject: &str) -> (SenderIdentity, SoftwareKey) {
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    let (contents, _) = profile.fit(subject.parse().unwrap(), key.public_key(), &[]).unwrap();
    let issued = issuer.issue(&contents, &provider(), NOW).unwrap();
    (SenderIdentity::new(issued.certificate, Vec::new(), key.algorithm()).unwrap(), key)
}

fn enrolment(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let registry = Arc::new(EmbeddedRegistry::open(&folder.path().join("registry.redb")).unwrap());
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    let validity = Duration::from_secs(10 * 365 * 24 * 3600);
    let issuer = Issuer::self_signed("CN=CA".parse().unwrap(), Box::new(key), validity, &provider(), NOW);
    let issuer = issuer.unwrap();
    let (nem, nem_key) = credential(&issuer, &Profile::RA, "CN=nem");
    let (identity, cmp_key) = credential(&issuer, &Profile::CMP, "CN=CMP,CN=CA");
    let anchors = vec![issuer.certificate().clone()];
    let mut ca =
        Ca::new(provider(), issuer, MessageCredential { identity, key: Box::new(cmp_key) }, registry);
    let purpose = ExtendedKeyUsage::REGISTRATION_AUTHORITY;
    ca.trust = vec![Trust::new(SignerRole::RegistrationAuthority, anchors.clone(), purpose)];
    let trust = [Trust::new(SignerRole::CertificationAuthority, anchors, ExtendedKeyUsage::Any)];
    let provider = provider();
    let validator = Validator::new(&provider, &trust);
    let station = SoftwareKey::generate(KeyType::P256).unwrap();
    let builder = CertReqBuilder::new("CN=enb1".parse().unwrap(), station.public_key());
    let request = CertReq::from_der(&builder.sign(&station).unwrap()).unwrap();

    let mut group = criterion.benchmark_group("enrolment");
    group.throughput(Throughput::Elements(1));
    group.bench_function("p10cr, cp, certConf, pkiconf with P-256", |bencher| {
        bencher.iter(|| {
            let enrolment = Enrolment::new(CertificateRequest::P10cr(Box::new(request.clone())));
            let (part, awaiting) = enrolment.start(&nem, &provider, NOW).unwrap();
            let reply = ca.handle(&part.sign(&nem_key).unwrap(), NOW).octets;
            let reply = PkiMessage::from_der(&reply).unwrap();
            let reply = validator.validate(reply, &awaiting.expectation(), NOW).unwrap();
            let Answer::Granted(granted) = awaiting.handle(&reply).unwrap() else { unreachable!() };
            let (part, awaiting) = granted.confirm(&nem, &provider, NOW).unwrap();
            let reply = ca.handle(&part.sign(&nem_key).unwrap(), NOW).octets;
            let reply = PkiMessage::from_der(&reply).unwrap();
            let reply = validator.validate(reply, &awaiting.expectation(), NOW).unwrap();
            awaiting.handle(&reply).unwrap();
        });
    });
    group.finish();
}

criterion_group!(benches, enrolment);
criterion_main!(benches);
