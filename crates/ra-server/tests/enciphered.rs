//! `raca` certifies a key that does not sign, and generates one, where its configuration says so.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use asn1::EncodedCertificate;
use asn1::oids::rfc6402;
use ca::{Issuer, Profile};
use cmp::end_entity::{Answer, CertificateRequest, Enrolment, Granted};
use cmp::{
    Expectation, KeyPackageOpener, PkiMessage, ProtectedPart, RecipientKey, SenderIdentity, SignerRole,
    Trust, ValidatedMessage, Validator,
};
use crmf::{
    CertReqMessages, CertReqMsg, CertReqMsgBuilder, KeyGenerationBuilder, PopoPrivKey, SubsequentMessage,
};
use crypto::{ExtendedKeyUsage, KeyAgreementKey, SigningKey};
use crypto_aws_lc::{AgreementKey, KeyType, SoftwareKey, provider};
use tempfile::TempDir;
use testkit::programs::{Server, run};
use transfer::http::{ClientOptions, CmpClient};
use x509_cert::ext::pkix::KeyUsages;

const RACA: &str = env!("CARGO_BIN_EXE_raca");

struct House {
    folder: TempDir,
    server: Server,
    station: SoftwareKey,
    identity: SenderIdentity,
    runtime: tokio::runtime::Runtime,
}

fn agreement(key: &SoftwareKey) -> AgreementKey {
    AgreementKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap()
}

impl House {
    fn new(configured: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let key = Box::new(SoftwareKey::generate(KeyType::P256).unwrap());
        let year = Duration::from_secs(365 * 24 * 3600);
        let subject = "CN=Factory CA,O=Vendor".parse().unwrap();
        let vendor = Issuer::self_signed(subject, key, year, &provider(), host::now()).unwrap();
        let pem = host::files::certificates_pem(std::slice::from_ref(vendor.certificate())).unwrap();
        fs::write(path.join("factory.pem"), pem).unwrap();
        let station = SoftwareKey::generate(KeyType::P256).unwrap();
        let mut profile = Profile::NE;
        profile.key_usage = Some(KeyUsages::DigitalSignature | KeyUsages::KeyAgreement);
        let (contents, _) =
            profile.fit("CN=enb1,O=Vendor".parse().unwrap(), station.public_key(), &[]).unwrap();
        let certificate = vendor.issue(&contents, &provider(), host::now()).unwrap().certificate;
        let identity = SenderIdentity::new(certificate, Vec::new(), station.algorithm()).unwrap();

        run(RACA, "init --dir ra --vendor-ca factory.pem", path).success();
        if configured {
            configure(path);
        }
        let server = Server::start(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", path);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Self { folder, server, station, identity, runtime }
    }

    fn root(&self) -> EncodedCertificate {
        host::files::read_certificates(&self.folder.path().join("ra/ca.pem")).unwrap().remove(0)
    }

    fn exchange(&self, part: &ProtectedPart, expectation: &Expectation<'_>) -> ValidatedMessage {
        let client = CmpClient::new(self.server.url(), ClientOptions::default()).unwrap();
        let answer = self.runtime.block_on(client.exchange(part.sign(&self.station).unwrap())).unwrap();
        let purpose = ExtendedKeyUsage::RequiredBelowAnchor(rfc6402::KP_CMC_CA);
        let trust = [Trust::new(SignerRole::CertificationAuthority, vec![self.root()], purpose)];
        let provider = provider();
        let validator = Validator::new(&provider, &trust);
        validator.validate(PkiMessage::from_der(&answer).unwrap(), expectation, host::now()).unwrap()
    }

    fn ir(&self, request: CertReqMsg) -> Answer {
        let request = CertificateRequest::Ir(CertReqMessages::new(vec![request]).unwrap());
        let (part, awaiting) =
            Enrolment::new(request).start(&self.identity, &provider(), host::now()).unwrap();
        let answer = self.exchange(&part, &awaiting.expectation());
        awaiting.handle(&answer).unwrap()
    }

    fn confirm(&self, granted: Granted) {
        let (part, awaiting) = granted.confirm(&self.identity, &provider(), host::now()).unwrap();
        let answer = self.exchange(&part, &awaiting.expectation());
        awaiting.handle(&answer).unwrap();
    }

    fn for_agreement(&self, key: &AgreementKey) -> CertReqMsg {
        let builder = CertReqMsgBuilder::new(Some(self.identity.name().clone()), key.public_key());
        builder.key_agreement(PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert)).unwrap()
    }

    fn to_generate(&self) -> CertReqMsg {
        KeyGenerationBuilder::new(Some(self.identity.name().clone()), None).build().unwrap()
    }
}

/// As docs/raca.md has it.
fn configure(path: &Path) {
    let file = path.join("ra/raca.toml");
    let text = fs::read_to_string(&file).unwrap();
    let switched = text.replace("encrypted_certificates = false", "encrypted_certificates = true");
    assert_ne!(text, switched);
    let kga = "\n[profiles.kga]\nextended_key_usage = [\"1.3.6.1.5.5.7.3.32\"]\n";
    fs::write(&file, format!("{switched}{kga}")).unwrap();
    let request = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ra/kga.key.pem -subj /CN=KGA -out kga.csr";
    run("openssl", request, path).success();
    run("chmod", "600 ra/kga.key.pem", path).success();
    run(RACA, "issue --config ra/raca.toml --profile kga --csr kga.csr --out ra/kga.pem", path).success();
    let mut file = OpenOptions::new().append(true).open(file).unwrap();
    let setting = "certificate = \"kga.pem\"\nkey = \"kga.key.pem\"\nkeys = [\"p384\", \"rsa2048\"]";
    writeln!(file, "\n[key_generation]\n{setting}").unwrap();
}

#[test]
fn keys_that_agree_are_certified_and_keys_generated() {
    let house = House::new(true);
    let key = agreement(&SoftwareKey::generate(KeyType::P256).unwrap());
    let Answer::Sealed(sealed) = house.ir(house.for_agreement(&key)) else { panic!("it is enciphered") };
    house.confirm(sealed.open(&RecipientKey::Agreement(&key), &provider()).unwrap());
    house.server.wait_for_log(&["confirmed", "certConf", "CN=enb1"]);

    let Answer::Granted(mut granted) = house.ir(house.to_generate()) else { panic!("it is granted") };
    let purpose = ExtendedKeyUsage::Required(rfc6402::KP_CM_KGA);
    let own = agreement(&house.station);
    let opener = KeyPackageOpener {
        key: RecipientKey::Agreement(&own),
        protected: house.identity.certificate(),
        authorities: &[Trust::new(SignerRole::CertificationAuthority, vec![house.root()], purpose)],
    };
    let generated = granted.open_private_key(&opener, &provider(), host::now()).unwrap().unwrap();
    assert_eq!(generated.public_key.kind(), crypto::KeyKind::P384);
    house.confirm(granted);
}

#[test]
fn without_the_settings_neither_is_done() {
    let house = House::new(false);
    let key = agreement(&SoftwareKey::generate(KeyType::P256).unwrap());
    for (request, reason) in [(house.for_agreement(&key), "badPOP"), (house.to_generate(), "badCertTemplate")]
    {
        let Answer::Refused(status) = house.ir(request) else { panic!("it is refused") };
        assert!(status.to_string().contains(reason), "{status}");
    }
}
