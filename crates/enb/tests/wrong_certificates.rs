//! A NEM that hands out what the station did not ask for, or cannot use.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use asn1::EncodedCertificate;
use ca::{CertificateContents, Issuer, Profile};
use crypto::{CertificateFault, PathError, PublicKey, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey, provider, write_key_file};
use der::Encode;
use der::asn1::{Ia5String, OctetString};
use der::oid::DynAssociatedOid;
use enb::{EnrolOptions, Identity};
use host::files::certificates_pem;
use host::{Names, now, parse_name};
use pkcs10::CertReq;
use tokio::net::TcpListener;
use transfer::est::{EstEnroll, EstHandler, EstReply, est_router};
use transfer::server::{Limits, serve};
use transfer::tls::{ServerTls, server_config};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};

const YEAR: Duration = Duration::from_secs(365 * 86_400);
const SUBJECT: &str = "CN=enb1";

type Issue = dyn Fn(&Issuer, PublicKey) -> Vec<u8> + Send + Sync;

struct Nem {
    operator: Issuer,
    issue: Box<Issue>,
}

impl EstHandler for Nem {
    async fn ca_certs(&self) -> EstReply {
        EstReply::Certificates(vec![self.operator.certificate().octets().to_vec()])
    }

    async fn enroll(&self, request: EstEnroll) -> EstReply {
        let csr = CertReq::from_der(&request.csr).unwrap();
        let key = PublicKey::from_spki_der(csr.public_key_octets()).unwrap();
        EstReply::Certificates(vec![(self.issue)(&self.operator, key)])
    }
}

fn key() -> SoftwareKey {
    SoftwareKey::generate(KeyType::P256).unwrap()
}

fn root(name: &str) -> Issuer {
    Issuer::self_signed(name.parse().unwrap(), Box::new(key()), YEAR, &provider(), now()).unwrap()
}

fn sign(issuer: &Issuer, subject: &str, key: PublicKey, extensions: Vec<Extension>) -> Vec<u8> {
    let contents = CertificateContents::new(subject.parse().unwrap(), key, extensions, YEAR / 2);
    issuer.issue(&contents, &provider(), now()).unwrap().certificate.octets().to_vec()
}

fn extension(value: &(impl Encode + DynAssociatedOid)) -> Extension {
    let extn_value = OctetString::new(value.to_der().unwrap()).unwrap();
    Extension { extn_id: value.oid(), critical: false, extn_value }
}

fn dns(names: &[&str]) -> Extension {
    let names = names.iter().map(|name| GeneralName::DnsName(Ia5String::new(*name).unwrap()));
    extension(&SubjectAltName(names.collect()))
}

fn write_pem(path: &Path, der: &[u8]) -> PathBuf {
    let certificate = EncodedCertificate::new(der).unwrap();
    fs::write(path, certificates_pem(std::slice::from_ref(&certificate)).unwrap()).unwrap();
    path.to_owned()
}

/// What the station makes of the certificate that it is given.
async fn enrol(
    issue: impl Fn(&Issuer, PublicKey) -> Vec<u8> + Send + Sync + 'static,
) -> Result<(), enb::Error> {
    let folder = tempfile::tempdir().unwrap();
    let (operator, vendor) = (root("CN=Operator CA"), root("CN=Factory CA"));
    let ca = write_pem(&folder.path().join("ca.pem"), operator.certificate().octets());

    let vendor_key = key();
    let certificate = sign(&vendor, "CN=SN-1", vendor_key.public_key().clone(), Vec::new());
    let certificate = write_pem(&folder.path().join("vendor.pem"), &certificate);
    let vendor_key_path = folder.path().join("vendor.key.pem");
    write_key_file(&vendor_key_path, &vendor_key).unwrap();

    let tls_key = key();
    let address = OctetString::new([127, 0, 0, 1]).unwrap();
    let names = extension(&SubjectAltName(vec![GeneralName::IpAddress(address)]));
    let (contents, _) =
        Profile::TLS_SERVER.fit("CN=nem".parse().unwrap(), tls_key.public_key(), &[names]).unwrap();
    let tls_certificate = operator.issue(&contents, &provider(), now()).unwrap().certificate;
    let identity = transfer::tls::Identity::new(
        vec![tls_certificate.octets().to_vec()],
        host::tls_key(&tls_key).unwrap(),
    );
    let tls = ServerTls::new(server_config(identity, &[vendor.certificate().octets().to_vec()]).unwrap());

    let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let nem = Arc::new(Nem { operator, issue: Box::new(issue) });
    let router = est_router(nem, Limits::default());
    let server = tokio::spawn(serve(listener, router, Some(tls), Limits::default(), std::future::pending()));

    let mut names = Names::new(parse_name(SUBJECT).unwrap());
    names.dns = vec!["enb1.example".into()];
    let identity = Identity::Vendor { certificate, key: vendor_key_path.into(), names };
    let mut options = EnrolOptions::new(url, &ca, identity, folder.path().join("enb1"));
    options.operator_ca = Some(ca);
    options.timeout = Duration::from_secs(60);
    let enrolled = enb::enrol(&options, &|_| {}).await;
    server.abort();
    assert_eq!(folder.path().join("enb1/cert.pem").exists(), enrolled.is_ok());
    enrolled.map(|_| ())
}

async fn fault(issue: impl Fn(&Issuer, PublicKey) -> Vec<u8> + Send + Sync + 'static) -> CertificateFault {
    match enrol(issue).await.unwrap_err() {
        enb::Error::NotTaken { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn only_the_certificate_that_was_asked_for_is_taken() {
    enrol(|ca, key| sign(ca, "CN=ENB1", key, vec![dns(&["ENB1.example", "also.example"])])).await.unwrap();

    let another_key = enrol(|ca, _| sign(ca, SUBJECT, key().public_key().clone(), Vec::new())).await;
    assert!(matches!(another_key, Err(enb::Error::NoCertificateForKey { count: 1 })));
    let renamed = fault(|ca, key| sign(ca, "CN=enb2", key, vec![dns(&["enb1.example"])])).await;
    assert!(matches!(renamed, CertificateFault::OtherSubject { .. }));
    let unnamed = fault(|ca, key| sign(ca, SUBJECT, key, Vec::new())).await;
    assert!(matches!(unnamed, CertificateFault::MissingAlternativeName(_)));
    let ca_certificate = fault(|ca, key| {
        let constraints = extension(&BasicConstraints { ca: true, path_len_constraint: None });
        sign(ca, SUBJECT, key, vec![dns(&["enb1.example"]), constraints])
    });
    assert_eq!(ca_certificate.await, CertificateFault::CertificationAuthority);
    let strangers = fault(|_, key| sign(&root("CN=Operator CA"), SUBJECT, key, vec![dns(&["enb1.example"])]));
    assert!(matches!(
        strangers.await,
        CertificateFault::Path(PathError::BadSignature | PathError::UnknownIssuer)
    ));
}
