//! `raca` and KEM-based MACs: stations that have nothing but a KEM key, and a CA that proves itself by one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use asn1::EncodedCertificate;
use asn1::oids::rfc6402;
use ca::{Issuer, Profile};
use cmp::end_entity::{
    Answer, AwaitingCertificate, CertificateRequest, Continuation, Enrolment, Granted, KemQuestion,
};
use cmp::{
    Expectation, KemCiphertextInfo, MacCredential, PkiBody, PkiMessage, ReadingPolicy, SenderIdentity,
    SignerRole, Trust, Validator,
};
use crmf::{CertReqMessages, CertReqMsg, CertReqMsgBuilder};
use crypto::{CryptoProvider, DecapsulationKey, ExtendedKeyUsage, KemAlgorithm, SigningKey};
use crypto_aws_lc::{KemKey, KeyType, SoftwareKey, provider};
use host::files::{certificates_pem, read_certificates};
use host::now;
use tempfile::TempDir;
use testkit::programs::{Server, run};
use tokio::runtime::Runtime;
use transfer::http::{ClientOptions, CmpClient};

const RACA: &str = env!("CARGO_BIN_EXE_raca");

struct House {
    folder: TempDir,
    vendor: Issuer,
    server: Option<Server>,
    runtime: Runtime,
    provider: CryptoProvider,
}

/// Somebody with a KEM key, and a certificate for it.
struct Station {
    key: KemKey,
    identity: SenderIdentity,
}

impl House {
    fn new(setting: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let key = Box::new(SoftwareKey::generate(KeyType::P256).unwrap());
        let year = Duration::from_secs(365 * 24 * 3600);
        let subject = "CN=Factory CA,O=Vendor".parse().unwrap();
        let vendor = Issuer::self_signed(subject, key, year, &provider(), now()).unwrap();
        let pem = certificates_pem(std::slice::from_ref(vendor.certificate())).unwrap();
        fs::write(path.join("factory.pem"), pem).unwrap();
        run(RACA, "init --dir ra --vendor-ca factory.pem", path).success();
        configure(path, setting);
        let (runtime, provider) = (Runtime::new().unwrap(), provider());
        Self { folder, vendor, server: None, runtime, provider }.serve()
    }

    fn serve(mut self) -> Self {
        self.server = None;
        let serve = "serve --config ra/raca.toml --listen 127.0.0.1:0";
        self.server = Some(Server::start(RACA, serve, self.folder.path()));
        self
    }

    fn post(&self, octets: Vec<u8>) -> PkiMessage {
        let client = CmpClient::new(self.server.as_ref().unwrap().url(), ClientOptions::default()).unwrap();
        let answer = self.runtime.block_on(client.exchange(octets)).unwrap();
        PkiMessage::inspect(&answer, &ReadingPolicy::default()).unwrap()
    }

    fn station(&self) -> Station {
        let key = KemKey::generate(KemAlgorithm::MlKem768).unwrap();
        let (contents, _) =
            Profile::NE.fit("CN=enb1,O=Vendor".parse().unwrap(), key.public_key(), &[]).unwrap();
        let certificate = self.vendor.issue(&contents, &self.provider, now()).unwrap().certificate;
        Station::new(key, certificate)
    }

    fn trust(&self) -> [Trust; 1] {
        let root = read_certificates(&self.folder.path().join("ra/ca.pem")).unwrap().remove(0);
        let purpose = ExtendedKeyUsage::Required(rfc6402::KP_CMC_CA);
        [Trust::new(SignerRole::CertificationAuthority, vec![root], purpose)]
    }

    /// The ciphertext, unless the question is refused.
    fn ask(&self, station: &Station) -> Result<(KemCiphertextInfo, Continuation), String> {
        let (genm, awaiting) = KemQuestion::new().start(&station.identity, &self.provider, now()).unwrap();
        let genp = self.post(genm);
        awaiting.handle(&genp, &Validator::new(&self.provider, &[]), now()).map_err(|_| refusal(&genp))
    }

    /// An ir for a key of the usual kind, with a MAC.
    fn request(
        &self,
        station: &Station,
        (info, continuation): (KemCiphertextInfo, Continuation),
    ) -> (Vec<u8>, AwaitingCertificate, MacCredential) {
        let id = continuation.transaction_id.clone();
        let credential =
            MacCredential::decapsulate(station.identity.clone(), &station.key, &info, id).unwrap();
        let own = SoftwareKey::generate(KeyType::P256).unwrap();
        let name = station.identity.name().clone();
        let message = CertReqMsgBuilder::new(Some(name), own.public_key()).sign(&own).unwrap();
        let mut enrolment = Enrolment::new(ir(message));
        enrolment.continuation = Some(continuation);
        let (part, awaiting) = enrolment.start(&station.identity, &self.provider, now()).unwrap();
        (part.authenticate(&credential, &self.provider).unwrap(), awaiting, credential)
    }

    fn granted(&self, awaiting: AwaitingCertificate, answer: PkiMessage) -> Granted {
        let trust = self.trust();
        let validator = Validator::new(&self.provider, &trust);
        let message = validator.validate(answer, &awaiting.expectation(), now()).unwrap();
        let Answer::Granted(granted) = awaiting.handle(&message).unwrap() else { panic!("it is granted") };
        granted
    }
}

impl Station {
    fn new(key: KemKey, certificate: EncodedCertificate) -> Self {
        let identity = SenderIdentity::with_kem(certificate, Vec::new()).unwrap();
        Self { key, identity }
    }
}

fn ir(message: CertReqMsg) -> CertificateRequest {
    CertificateRequest::Ir(CertReqMessages::new(vec![message]).unwrap())
}

fn configure(folder: &Path, setting: &str) {
    let file = folder.join("ra/raca.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\n{setting}\n")).unwrap();
}

fn refusal(message: &PkiMessage) -> String {
    match message.body() {
        PkiBody::Error(content) => content.pki_status_info.to_string(),
        PkiBody::Ip(content) => content.response[0].status.to_string(),
        other => panic!("{:?}", other.kind()),
    }
}

#[test]
fn a_station_with_nothing_but_a_kem_key_enrols_and_the_oldest_secret_gives_way() {
    let house = House::new("[kem]\nmax_exchanges = 2");
    let station = house.station();
    let (octets, awaiting, credential) = house.request(&station, house.ask(&station).unwrap());
    let granted = house.granted(awaiting, house.post(octets.clone()));
    let (part, awaiting) = granted.confirm(&station.identity, &house.provider, now()).unwrap();
    // Two others ask, and a third one.
    let others: Vec<_> = (0..3).map(|_| house.station()).collect();
    let asked: Vec<_> = others.iter().map(|other| house.ask(other).unwrap()).collect();
    let cert_conf = part.authenticate(&credential, &house.provider).unwrap();
    let forgotten = refusal(&house.post(cert_conf));
    assert!(forgotten.contains("wrongIntegrity"), "{forgotten}");
    drop(awaiting);
    let mut told = others.iter().zip(asked).map(|(other, asked)| {
        let (octets, ..) = house.request(other, asked);
        house.post(octets).body().kind().name()
    });
    assert_eq!([told.next(), told.next(), told.next()], [Some("error"), Some("ip"), Some("ip")]);
}

#[test]
fn a_kem_certificate_that_was_revoked_opens_nothing() {
    let house = House::new("[kem]");
    let path = house.folder.path();
    // The NEM vouches for the key, which cannot sign.
    let request = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout nem.key -out nem.csr -subj /O=Operator/CN=nem";
    run("openssl", request, path).success();
    run(RACA, "issue --config ra/raca.toml --csr nem.csr --profile ra --out nem.pem", path).success();
    let nem_key = SoftwareKey::from_pem(&fs::read_to_string(path.join("nem.key")).unwrap()).unwrap();
    let nem = read_certificates(&path.join("nem.pem")).unwrap().remove(0);
    let nem = SenderIdentity::new(nem, Vec::new(), nem_key.algorithm()).unwrap();
    let key = KemKey::generate(KemAlgorithm::MlKem512).unwrap();
    let name = "CN=enb1,O=Operator".parse().unwrap();
    let message = CertReqMsgBuilder::new(Some(name), key.public_key()).ra_verified().unwrap();
    let (part, awaiting) = Enrolment::new(ir(message)).start(&nem, &house.provider, now()).unwrap();
    let granted = house.granted(awaiting, house.post(part.sign(&nem_key).unwrap()));
    let certificate = granted.certificate().clone();
    let (part, awaiting) = granted.confirm(&nem, &house.provider, now()).unwrap();
    assert_eq!(house.post(part.sign(&nem_key).unwrap()).body().kind().name(), "pkiconf");
    drop(awaiting);

    let station = Station::new(key, certificate.clone());
    let before = house.request(&station, house.ask(&station).unwrap());
    fs::write(path.join("enb.pem"), certificates_pem(&[certificate]).unwrap()).unwrap();
    let serial = run("openssl", "x509 -noout -serial -in enb.pem", path).success();
    let serial = serial.trim().trim_start_matches("serial=").to_owned();
    run(RACA, &format!("revoke --config ra/raca.toml --serial {serial} --reason keyCompromise"), path)
        .success();
    for said in [house.ask(&station).unwrap_err(), refusal(&house.post(before.0))] {
        assert!(said.contains("certRevoked"), "{said}");
    }
}

#[test]
fn the_ca_proves_itself_with_a_key_of_its_own() {
    let house = House::new("");
    let station = house.station();
    let said = house.ask(&station).unwrap_err();
    assert!(said.contains("badMessageCheck"), "without the setting nobody is answered: {said}");

    let path = house.folder.path().to_owned();
    fs::write(path.join("ra/kem.pass"), "correct horse\n").unwrap();
    run("chmod", "600 ra/kem.pass", &path).success();
    let lines = run(RACA, "kem-key --config ra/raca.toml --key-passphrase file:ra/kem.pass", &path).success();
    assert!(lines.contains("[kem]\ncertificate = \"kem.pem\"\nkey = \"kem.key.pem\""), "{lines}");
    let again = run(RACA, "kem-key --config ra/raca.toml", &path).failure(1);
    assert!(again.contains("kem.pem") && again.contains("nothing is overwritten"), "{again}");
    let key = fs::read_to_string(path.join("ra/kem.key.pem")).unwrap();
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{key}");
    let list = run(RACA, "list --config ra/raca.toml", &path).success();
    assert!(list.contains("CN=KEM"), "{list}");
    configure(
        &path,
        "[kem]\ncertificate = \"kem.pem\"\nkey = \"kem.key.pem\"\nkey_passphrase = \"file:kem.pass\"",
    );
    run(RACA, "reload --config ra/raca.toml", &path).success();

    let trust = house.trust();
    let mut validator = Validator::new(&house.provider, &trust);
    let own = read_certificates(&path.join("ra/kem.pem")).unwrap().remove(0);
    let encapsulation = validator.encapsulate(&own, &[], now()).unwrap();
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    let (contents, _) = Profile::NE.fit("CN=enb2,O=Vendor".parse().unwrap(), key.public_key(), &[]).unwrap();
    let certificate = house.vendor.issue(&contents, &house.provider, now()).unwrap().certificate;
    let identity = SenderIdentity::new(certificate, Vec::new(), key.algorithm()).unwrap();
    let request = |ciphertext: bool| {
        let message =
            CertReqMsgBuilder::new(Some(identity.name().clone()), key.public_key()).sign(&key).unwrap();
        let mut enrolment = Enrolment::new(ir(message));
        enrolment.answerer = ciphertext.then(|| encapsulation.clone());
        let (part, awaiting) = enrolment.start(&identity, &house.provider, now()).unwrap();
        (part.sign(&key).unwrap(), awaiting)
    };
    let (octets, awaiting) = request(true);
    let kem = encapsulation.clone().within(awaiting.transaction().transaction_id.clone());
    validator.kem = Some(&kem);
    let expectation: Expectation<'_> = awaiting.expectation();
    let message = validator.validate(house.post(octets), &expectation, now()).unwrap();
    assert!(matches!(awaiting.handle(&message).unwrap(), Answer::Granted(_)));

    // Where it is required, whoever brings none is told to, and gets the certificate to do so.
    let file = path.join("ra/raca.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}required = true\n")).unwrap();
    run(RACA, "reload --config ra/raca.toml", &path).success();
    let told = house.post(request(false).0);
    assert!(refusal(&told).contains("wrongIntegrity") && told.extra_certs().contains(&own));
}

#[test]
fn bad_settings_are_refused_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    run(RACA, "init --dir ra", path).success();
    let text = fs::read_to_string(path.join("ra/raca.toml")).unwrap();
    for (setting, reason) in [
        ("[kem]\nmax_exchanges = 1000000", "kem.max_exchanges"),
        ("[kem]\nkey = \"kem.key.pem\"", "raca kem-key"),
        ("[kem]\nrequired = true", "kem.required"),
        ("[kem]\nexchanges = 1", "unknown field"),
        ("[kem]\ncertificate = \"ca.pem\"\nkey = \"ca.key.pem\"", "no ML-KEM private key"),
    ] {
        fs::write(path.join("ra/raca.toml"), format!("{text}\n{setting}\n")).unwrap();
        let said = run(RACA, "list --config ra/raca.toml", path).failure(1);
        assert!(said.contains(reason), "{setting}: {said}");
    }
}
