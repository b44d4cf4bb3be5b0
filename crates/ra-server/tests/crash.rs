//! kill -9 of `raca` at every step that changes something on the disk or tells somebody: no certificate is lost, and none is issued
//! twice for one transaction.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/nem.rs"]
mod nem;

use std::fs;

use ca::registry::CertificateStatus;
use cmp::end_entity::{Answer, CertificateRequest, Enrolment, Question};
use cmp::{
    CertOrEncCert, PkiBody, PkiMessage, SenderIdentity, SignerRole, Trust, ValidatedMessage, Validator,
};
use crmf::CertId;
use crypto::{CryptoProvider, ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey, provider};
use der::Decode;
use host::files::read_certificates;
use host::now;
use pkcs10::{CertReq, CertReqBuilder};
use store::registry::EmbeddedRegistry;
use testkit::kill::Kill;
use testkit::programs::{Factory, Server, run, run_with, run_words};
use tokio::runtime::Runtime;
use transfer::http::{ClientOptions, CmpClient};
use x509_cert::Certificate;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::ext::pkix::name::GeneralName;

const RACA: &str = env!("CARGO_BIN_EXE_raca");
const SERVE: &str = "serve --config ra/raca.toml --listen 127.0.0.1:0";

/// A station, a server that it asks, and which of the server's steps is the last one.
struct House {
    folder: tempfile::TempDir,
    server: Option<Server>,
    key: SoftwareKey,
    vendor: SenderIdentity,
    runtime: Runtime,
    provider: CryptoProvider,
}

/// An RA/CA that was never started, and what is preloaded into it.
struct Base {
    folder: tempfile::TempDir,
    kill: Kill,
}

impl Base {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let factory = Factory::new(path);
        factory.certify("enb1", 3650);
        run(RACA, "init --dir ra --vendor-ca factory.pem", path).success();
        let kill = Kill::new(path);
        Self { folder, kill }
    }
}

impl House {
    fn new(base: &Base, last_step: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (from, path) = (base.folder.path(), folder.path());
        fs::create_dir(path.join("ra")).unwrap();
        for entry in fs::read_dir(from.join("ra")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), path.join("ra").join(entry.file_name())).unwrap();
        }
        let vendor = read_certificates(&from.join("enb1.pem")).unwrap().remove(0);
        let vendor_key = SoftwareKey::from_pem(&fs::read_to_string(from.join("enb1.key")).unwrap()).unwrap();
        let vendor = SenderIdentity::new(vendor, Vec::new(), vendor_key.algorithm()).unwrap();
        let environment = base.kill.environment(&path.join("armed"), last_step);
        let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
        let server = Server::start_with(RACA, SERVE, path, &environment);
        // What it does when it starts is done.
        server.wait_for_log(&["CRL published"]);
        let (runtime, provider) = (Runtime::new().unwrap(), provider());
        Self { folder, server: Some(server), key: vendor_key, vendor, runtime, provider }
    }

    fn arm(&self) {
        fs::write(self.folder.path().join("armed"), "").unwrap();
    }

    /// The answer to a message; when the server dies of it, the same octets go to the next one. The flag says whether it did.
    fn post(&mut self, octets: &[u8], crashed: &mut bool) -> PkiMessage {
        for _ in 0..2 {
            let client =
                CmpClient::new(self.server.as_ref().unwrap().url(), ClientOptions::default()).unwrap();
            match self.runtime.block_on(client.exchange(octets.to_vec())) {
                Ok(answer) => return PkiMessage::from_der(&answer).unwrap(),
                Err(error) => {
                    assert!(!*crashed, "a server that nobody kills answers: {error}");
                    *crashed = true;
                    self.server = None;
                    self.server = Some(Server::start(RACA, SERVE, self.folder.path()));
                }
            }
        }
        panic!("no answer")
    }

    fn validate(&self, answer: PkiMessage, expectation: &cmp::Expectation<'_>) -> ValidatedMessage {
        let root = read_certificates(&self.folder.path().join("ra/ca.pem")).unwrap().remove(0);
        let purpose = ExtendedKeyUsage::Required(asn1::oids::rfc6402::KP_CMC_CA);
        let trust = [Trust::new(SignerRole::CertificationAuthority, vec![root], purpose)];
        Validator::new(&self.provider, &trust).validate(answer, expectation, now()).unwrap()
    }

    /// ir, certConf and rr; whether the server died meanwhile.
    fn enrol_and_revoke(mut self) -> bool {
        let mut crashed = false;
        self.arm();
        let own = SoftwareKey::generate(KeyType::P256).unwrap();
        let csr = CertReqBuilder::new(self.vendor.name().clone(), own.public_key()).sign(&own).unwrap();
        let request = CertificateRequest::P10cr(Box::new(CertReq::from_der(&csr).unwrap()));
        let (part, awaiting) = Enrolment::new(request).start(&self.vendor, &self.provider, now()).unwrap();
        let octets = part.sign(&self.key).unwrap();
        let answer = self.post(&octets, &mut crashed);
        let message = self.validate(answer, &awaiting.expectation());
        let Answer::Granted(granted) = awaiting.handle(&message).unwrap() else { panic!("it is granted") };
        let certificate = granted.certificate().clone();
        let (part, awaiting) = granted.confirm(&self.vendor, &self.provider, now()).unwrap();
        let answer = self.post(&part.sign(&self.key).unwrap(), &mut crashed);
        let message = self.validate(answer, &awaiting.expectation());
        awaiting.handle(&message).unwrap();

        let station = SenderIdentity::new(certificate.clone(), Vec::new(), own.algorithm()).unwrap();
        let decoded = Certificate::from_der(certificate.octets()).unwrap();
        let tbs = decoded.tbs_certificate();
        let issuer = GeneralName::DirectoryName(tbs.issuer().clone());
        let id = CertId::new(issuer, tbs.serial_number().clone());
        let question = Question::revoke(id, CrlReason::KeyCompromise).unwrap();
        let (part, awaiting) = question.start(&station, &self.provider, now()).unwrap();
        let answer = self.post(&part.sign(&own).unwrap(), &mut crashed);
        self.validate(answer, &awaiting.expectation());
        // Whatever is under way now, such as a CRL, is cut off, too.
        self.server.take().unwrap().stop("KILL");
        self.account(&certificate);
        crashed
    }

    /// Exactly one certificate was issued to the station, it is revoked, and the audit log is whole.
    fn account(&self, certificate: &asn1::EncodedCertificate) {
        let path = self.folder.path();
        let registry = EmbeddedRegistry::open(&path.join("ra/registry.redb")).unwrap();
        let issued: Vec<_> =
            registry.certificates().unwrap().into_iter().filter(|record| record.profile == "ne").collect();
        assert_eq!(issued.len(), 1);
        let record = issued.first().unwrap();
        assert_eq!(record.certificate, *certificate);
        let reason = CrlReason::KeyCompromise;
        assert!(matches!(record.status, CertificateStatus::Revoked { reason: told, .. } if told == reason));
        drop(registry);
        run(RACA, "audit verify --config ra/raca.toml", path).success();
        let crl = run(RACA, "crl --config ra/raca.toml", path).success();
        assert!(crl.contains("1 revoked"), "{crl}");
        // What a crash kept out of the audit log is there after the next start.
        let audit = fs::read_to_string(path.join("ra/audit.jsonl")).unwrap();
        for decision in ["issued", "revoked"] {
            let words = [format!("\"decision\":\"{decision}\""), record.serial_number.to_string()];
            let lines = audit.lines().filter(|line| words.iter().all(|word| line.contains(word)));
            assert_eq!(lines.count(), 1, "{decision}: {audit}");
        }
    }
}

#[test]
fn a_server_that_is_killed_at_any_step_issues_one_certificate() {
    const THREADS: u32 = 4;
    let base = Base::new();
    let steps: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=THREADS)
            .map(|first| {
                let base = &base;
                scope.spawn(move || {
                    let steps = (first..).step_by(4);
                    steps.take_while(|step| House::new(base, *step).enrol_and_revoke()).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| u32::try_from(thread.join().unwrap()).unwrap()).sum()
    });
    println!("killed at {steps} steps");
    assert!(steps > 12, "the server was killed at {steps} steps only");
}

/// The same for `raca issue`, which an operator repeats: what it printed is registered, and nothing else can be lost.
#[test]
fn a_certificate_that_was_handed_out_is_registered() {
    let base = Base::new();
    let path = base.folder.path();
    let armed = path.join("armed");
    run("openssl", "req -new -key enb1.key -subj /CN=by-hand -out by-hand.csr", path).success();
    run(RACA, "issue --config ra/raca.toml --profile ne --csr by-hand.csr --out 0.pem", path).success();
    fs::write(&armed, "").unwrap();
    let mut ended_well = false;
    let mut handed_out = 0;
    for step in 1..200 {
        let out = format!("{step}.pem");
        let words =
            ["issue", "--config", "ra/raca.toml", "--profile", "ne", "--csr", "by-hand.csr", "--out", &out];
        let environment = base.kill.environment(&armed, step);
        let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
        let ended = run_with(RACA, &words, path, &environment);
        let written = read_certificates(&path.join(&out));
        handed_out += usize::from(written.is_ok());
        let registry = EmbeddedRegistry::open(&path.join("ra/registry.redb")).unwrap();
        let issued = registry.certificates().unwrap();
        for certificate in written.into_iter().flatten() {
            assert!(issued.iter().any(|record| record.certificate == certificate), "step {step}");
        }
        drop(registry);
        run(RACA, "audit verify --config ra/raca.toml", path).success();
        if ended.code == Some(0) {
            ended_well = true;
            break;
        }
        assert_eq!(ended.code, None, "killed at step {step}: {}", ended.stderr);
    }
    assert!(ended_well && handed_out > 0);
}

/// `raca sign` that is killed leaves the answer whole or not at all, and the same file again gets what was issued before.
#[test]
fn a_file_whose_signing_was_killed_is_signed_again_to_the_same_answer() {
    let (base, house) = (Base::new(), nem::House::new(RACA));
    let messages: Vec<_> =
        (0..3).map(|number| house.request(&format!("CN=enb{number},O=Operator"))).collect();
    house.batch("batch.pki", &messages);
    let path = house.path();
    let armed = path.join("armed");
    fs::write(&armed, "").unwrap();
    run("cp", "-r ra before", path).success();
    for step in 1..300 {
        run("rm", "-rf ra answer.pki again.pki", path).success();
        run("cp", "-r before ra", path).success();
        let environment = base.kill.environment(&armed, step);
        let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
        let sign = |out: &'static str| {
            ["sign", "--config", "ra/raca.toml", "--in", "batch.pki", "--yes", "--out", out]
        };
        let ended = run_with(RACA, &sign("answer.pki"), path, &environment);
        run_words(RACA, &sign("again.pki"), path).success();
        let answers = |file: &str| fs::read(path.join(file)).ok().map(|octets| inside(&octets));
        let again = answers("again.pki").unwrap();
        assert_eq!(again.len(), 3);
        if let Some(first) = answers("answer.pki") {
            assert_eq!(first, again, "step {step}");
        }
        let registry = EmbeddedRegistry::open(&path.join("ra/registry.redb")).unwrap();
        let issued = registry.certificates().unwrap();
        assert_eq!(issued.iter().filter(|record| record.profile == "ne").count(), 3, "step {step}");
        drop(registry);
        run(RACA, "audit verify --config ra/raca.toml", path).success();
        if ended.code == Some(0) {
            println!("killed at {step} steps but one");
            return;
        }
        assert_eq!(ended.code, None, "step {step}: {}", ended.stderr);
    }
    panic!("it never ended well");
}

/// A batch's answers leave together, and what they say is written together: whatever a NEM was told is registered, and what it was not
/// told is issued once when it asks again.
#[test]
fn a_batch_whose_answering_was_killed_is_answered_again_by_what_was_issued() {
    let (base, house) = (Base::new(), nem::House::new(RACA));
    let messages: Vec<_> =
        (0..3).map(|number| house.request(&format!("CN=enb{number},O=Operator"))).collect();
    house.batch("batch.pki", &messages);
    let (path, runtime) = (house.path(), Runtime::new().unwrap());
    let (armed, batch) = (path.join("armed"), fs::read(path.join("batch.pki")).unwrap());
    let post = |server: &Server| {
        let client = CmpClient::new(server.url(), ClientOptions::default()).unwrap();
        runtime.block_on(client.exchange(batch.clone()))
    };
    run("cp", "-r ra before", path).success();
    for step in 1..300 {
        run("rm", "-rf ra armed", path).success();
        run("cp", "-r before ra", path).success();
        let environment = base.kill.environment(&armed, step);
        let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
        let server = Server::start_with(RACA, SERVE, path, &environment);
        server.wait_for_log(&["CRL published"]);
        fs::write(&armed, "").unwrap();
        let first = post(&server).ok();
        let killed = first.is_none();
        server.stop("KILL");
        let answer = first.unwrap_or_else(|| {
            let server = Server::start(RACA, SERVE, path);
            let answer = post(&server).unwrap();
            server.stop("KILL");
            answer
        });
        let told: Vec<_> = inside(&answer).iter().map(|answer| certificate_in(answer)).collect();
        let registry = EmbeddedRegistry::open(&path.join("ra/registry.redb")).unwrap();
        let issued = registry.certificates().unwrap().into_iter().filter(|record| record.profile == "ne");
        let issued: Vec<_> = issued.map(|record| record.certificate).collect();
        assert_eq!(issued, told, "step {step}");
        drop(registry);
        run(RACA, "audit verify --config ra/raca.toml", path).success();
        if !killed {
            println!("killed at {step} steps but one");
            assert!(step > 3);
            return;
        }
    }
    panic!("it never ended well");
}

fn certificate_in(answer: &[u8]) -> asn1::EncodedCertificate {
    let message = PkiMessage::from_der(answer).unwrap();
    let PkiBody::Cp(content) = message.body() else { panic!("{:?}", message.body().kind()) };
    let pair = content.response.first().unwrap().certified_key_pair.as_ref().unwrap();
    let CertOrEncCert::Certificate(certificate) = &pair.cert_or_enc_cert else { panic!("it is enciphered") };
    certificate.clone()
}

fn inside(octets: &[u8]) -> Vec<Vec<u8>> {
    let message = PkiMessage::from_der(octets).unwrap();
    let PkiBody::Nested(answers) = message.body() else { panic!("{:?}", message.body().kind()) };
    answers.iter().map(|answer| answer.octets().to_vec()).collect()
}
