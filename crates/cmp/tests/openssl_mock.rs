//! Our end entity at OpenSSL's mock server, message by message: with each algorithm it can verify, answered with each that it can
//! sign with. OpenSSL 3.0 signs no CMP messages with Ed25519 and RSASSA-PSS keys.
#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, missing_docs)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::SystemTime;

use asn1::{EncodedCertificate, UnixTime};
use cmp::end_entity::{Answer, AwaitingCertificate, CertificateRequest, Enrolment};
use cmp::{
    Error, Expectation, MacCredential, PkiMessage, ProtectedPart, Quirk, Quirks, Reference, SenderIdentity,
    SignerRole, Trust, ValidatedMessage, Validator,
};
use crmf::{CertReqMessages, CertReqMsgBuilder, PasswordMac};
use crypto::{CryptoProvider, ExtendedKeyUsage, SharedSecret, SignatureAlgorithm, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use pkcs10::{CertReq, CertReqBuilder};
use tempfile::TempDir;
use testkit::programs::{Server, free_port, run};

struct House {
    folder: TempDir,
    provider: CryptoProvider,
    new_key: SoftwareKey,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = Self {
            folder,
            provider: crypto_aws_lc::provider(),
            new_key: SoftwareKey::generate(KeyType::P256).unwrap(),
        };
        house.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=Mock-CA -days 30");
        fs::write(
            house.path().join("ee.ext"),
            "keyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\n",
        )
        .unwrap();
        house.certify("new", "/CN=enb17", &house.new_key);
        house
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn openssl(&self, words: &str) {
        run("openssl", words, self.path()).success();
    }

    /// `NAME.pem` and `NAME.key`.
    fn certify(&self, name: &str, subject: &str, key: &SoftwareKey) -> EncodedCertificate {
        fs::write(self.path().join(format!("{name}.key")), key.to_pkcs8_pem().unwrap().as_bytes()).unwrap();
        self.openssl(&format!("req -new -key {name}.key -subj {subject} -out {name}.csr"));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ee.ext -out {name}.pem"
        ));
        self.certificate(name)
    }

    fn certificate(&self, name: &str) -> EncodedCertificate {
        self.openssl(&format!("x509 -in {name}.pem -outform DER -out {name}.der"));
        EncodedCertificate::new(&fs::read(self.path().join(format!("{name}.der"))).unwrap()).unwrap()
    }

    fn mock(&self, options: &str) -> Server {
        let port = free_port();
        let words = format!("cmp -port {port} -srv_trusted ca.pem -rsp_cert new.pem {options}");
        Server::start_at("openssl", &words, self.path(), port)
    }

    fn requests(&self) -> [CertificateRequest; 3] {
        let name = || "CN=enb17".parse().unwrap();
        let crmf = || {
            let message = CertReqMsgBuilder::new(Some(name()), self.new_key.public_key()).sign(&self.new_key);
            CertReqMessages::new(vec![message.unwrap()]).unwrap()
        };
        let csr = CertReqBuilder::new(name(), self.new_key.public_key()).sign(&self.new_key).unwrap();
        [
            CertificateRequest::Ir(crmf()),
            CertificateRequest::Cr(crmf()),
            CertificateRequest::P10cr(Box::new(CertReq::from_der(&csr).unwrap())),
        ]
    }

    fn validate(
        &self,
        answer: PkiMessage,
        expectation: &Expectation<'_>,
        quirks: Quirks,
    ) -> Result<ValidatedMessage, Error> {
        let anchors = vec![self.certificate("ca")];
        let trust = [Trust::new(SignerRole::CertificationAuthority, anchors, ExtendedKeyUsage::Any)];
        let mut validator = Validator::new(&self.provider, &trust);
        validator.quirks = quirks;
        validator.validate(answer, expectation, now())
    }

    /// From the request to pkiconf.
    fn enrols(
        &self,
        server: &Server,
        identity: &SenderIdentity,
        request: CertificateRequest,
        protect: &dyn Fn(&ProtectedPart) -> Vec<u8>,
        quirks: Quirks,
    ) {
        let (part, awaiting) = Enrolment::new(request).start(identity, &self.provider, now()).unwrap();
        let mut line = Line::to(server);
        let answer = line.post(&protect(&part));
        let granted = self.granted(awaiting, answer, quirks);
        let (part, awaiting) = granted.confirm(identity, &self.provider, now()).unwrap();
        let answer = line.post(&protect(&part));
        let message = self.validate(answer, &awaiting.expectation(), quirks).unwrap();
        awaiting.handle(&message).unwrap();
    }

    fn granted(
        &self,
        awaiting: AwaitingCertificate,
        answer: PkiMessage,
        quirks: Quirks,
    ) -> cmp::end_entity::Granted {
        let message = self.validate(answer, &awaiting.expectation(), quirks).unwrap();
        match awaiting.handle(&message).unwrap() {
            Answer::Granted(granted) => granted,
            other => panic!("{other:?}"),
        }
    }
}

/// One connection: the mock server forgets a transaction when its connection ends.
struct Line(BufReader<TcpStream>);

impl Line {
    fn to(server: &Server) -> Self {
        Self(BufReader::new(TcpStream::connect(server.address()).unwrap()))
    }

    fn post(&mut self, message: &[u8]) -> PkiMessage {
        let head = format!(
            "POST /pkix/ HTTP/1.1\r\nConnection: keep-alive\r\nContent-Type: application/pkixcmp\r\nContent-Length: {}\r\n\r\n",
            message.len()
        );
        self.0.get_mut().write_all(&[head.as_bytes(), message].concat()).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the mock server hung up");
            match line.trim().to_ascii_lowercase().strip_prefix("content-length:") {
                Some(text) => length = text.trim().parse().unwrap(),
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).unwrap();
        PkiMessage::from_der(&answer).unwrap()
    }
}

fn now() -> UnixTime {
    UnixTime::from_secs(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs())
}

#[test]
fn what_we_sign_openssl_believes_and_the_other_way_round() {
    let house = House::new();
    let mut stations = Vec::new();
    for kind in [KeyType::Rsa2048, KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Ed25519] {
        let key = SoftwareKey::generate(kind).unwrap();
        let name = format!("station-{kind}");
        let certificate = house.certify(&name, &format!("/CN={name}"), &key);
        if kind == KeyType::Rsa2048 {
            for algorithm in [
                SignatureAlgorithm::Sha384WithRsa,
                SignatureAlgorithm::RsassaPssSha256,
                SignatureAlgorithm::RsassaPssSha512,
            ] {
                let key = SoftwareKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap();
                stations.push((certificate.clone(), key.with_algorithm(algorithm).unwrap()));
            }
        }
        stations.push((certificate, key));
    }
    for kind in [KeyType::Rsa3072, KeyType::P256, KeyType::P384, KeyType::P521] {
        let key = SoftwareKey::generate(kind).unwrap();
        house.certify("server", "/CN=Mock-Server", &key);
        for digest in ["sha256", "sha512"] {
            let server = house.mock(&format!("-srv_cert server.pem -srv_key server.key -digest {digest}"));
            for (number, (certificate, key)) in stations.iter().enumerate() {
                let identity = SenderIdentity::new(certificate.clone(), vec![], key.algorithm()).unwrap();
                let request = house.requests().into_iter().nth(number % 3).unwrap();
                house.enrols(&server, &identity, request, &|part| part.sign(key).unwrap(), Quirks::NONE);
            }
        }
    }
}

/// The mock server believes every request when it is told to, and has nothing but its key to answer with.
#[test]
fn a_mac_that_openssl_answers_by_signature_is_a_matter_of_policy() {
    let house = House::new();
    let server = house.mock("-srv_cert ca.pem -srv_key ca.key -accept_unprotected");
    for mac in [PasswordMac::pbm(&house.provider), PasswordMac::pbmac1(&house.provider)] {
        let secret = SharedSecret::new("correct-horse-battery-staple".into());
        let station = MacCredential::new(Reference::new("4711"), secret, mac.unwrap()).unwrap();
        let protect = |part: &ProtectedPart| part.authenticate(&station, &house.provider).unwrap();
        let [_, _, request] = house.requests();
        let identity = station.identity();
        let (part, awaiting) =
            Enrolment::new(request.clone()).start(identity, &house.provider, now()).unwrap();
        let answer = Line::to(&server).post(&protect(&part));
        let error = house.validate(answer, &awaiting.expectation(), Quirks::NONE).unwrap_err();
        assert_eq!(error, Error::WrongProtection);
        let quirks = Quirks::NONE.with(Quirk::AnswerByOtherKind);
        house.enrols(&server, identity, request, &protect, quirks);
    }
}

/// A refusal is taken without protection by policy, a certificate is not.
#[test]
fn what_openssl_sends_without_protection_is_no_more_than_a_refusal() {
    let house = House::new();
    let every: Quirks = Quirk::ALL.into_iter().collect();
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    let identity =
        SenderIdentity::new(house.certify("station", "/CN=station", &key), vec![], key.algorithm()).unwrap();
    let signer = "-srv_cert ca.pem -srv_key ca.key";
    for (options, is_refusal) in [
        ("-send_unprotected", false),
        ("-send_unprotected -poll_count 1", false),
        ("-send_unprot_err -pkistatus 2 -failurebits 512", true),
        ("-send_unprotected -send_error", true),
    ] {
        for request in house.requests() {
            let server = house.mock(&format!("{signer} {options}"));
            let (part, awaiting) = Enrolment::new(request).start(&identity, &house.provider, now()).unwrap();
            let answer = Line::to(&server).post(&part.sign(&key).unwrap());
            for quirks in [Quirks::NONE, every] {
                let error = house.validate(answer.clone(), &awaiting.expectation(), quirks).unwrap_err();
                assert_eq!(error, Error::Unprotected, "{options}");
                let mut validator = Validator::new(&house.provider, &[]);
                validator.quirks = quirks;
                let refusal = validator.unprotected_refusal(&answer, &awaiting.expectation(), now());
                assert_eq!(refusal.is_ok(), is_refusal && quirks == every, "{options} {refusal:?}");
            }
        }
    }
}
