//! OpenSSL reads our requests, and we read OpenSSL's.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::str::FromStr;

use asn1::oids::rfc5280;
use crypto::SigningKey;
use crypto_aws_lc::{KeyType, SoftwareKey};
use der::Encode;
use der::asn1::{Ia5String, OctetString};
use pkcs10::{CertReq, CertReqBuilder};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

/// ML-DSA only since OpenSSL 3.5.
const KNOWN_TO_OPENSSL: [KeyType; 5] =
    [KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Rsa2048, KeyType::Ed25519];

fn openssl(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is needed: apt-get install openssl");
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn openssl_verify(request: &[u8]) -> (bool, String) {
    let output = openssl(&["req", "-inform", "DER", "-verify", "-noout", "-text"], request);
    let report = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    // Older versions say "verify OK", newer ones "Certificate request self-signature verify OK".
    (output.status.success() && report.contains("verify OK"), report.into_owned())
}

fn alternative_name(name: &str) -> Extension {
    let names = vec![GeneralName::DnsName(Ia5String::new(name).unwrap())];
    Extension {
        extn_id: rfc5280::SUBJECT_ALT_NAME,
        critical: false,
        extn_value: OctetString::new(names.to_der().unwrap()).unwrap(),
    }
}

#[test]
fn openssl_verifies_what_we_make() {
    for key_type in KNOWN_TO_OPENSSL {
        let key = SoftwareKey::generate(key_type).unwrap();
        let subject = Name::from_str("CN=enb0001.operator.example,O=Operator").unwrap();
        let mut builder = CertReqBuilder::new(subject, key.public_key());
        let (valid, report) = openssl_verify(&builder.sign(&key).unwrap());
        assert!(valid, "{key_type}: {report}");

        builder.extensions.push(alternative_name("enb0001.operator.example"));
        let (valid, report) = openssl_verify(&builder.sign(&key).unwrap());
        assert!(valid, "{key_type}: {report}");
        assert!(report.contains("DNS:enb0001.operator.example"), "{key_type}: {report}");
        assert!(
            report.contains("CN = enb0001.operator.example")
                || report.contains("CN=enb0001.operator.example")
        );
    }
}

#[test]
fn openssl_notices_a_foreign_signature() {
    let [key, other] = [KeyType::P256; 2].map(|key_type| SoftwareKey::generate(key_type).unwrap());
    let builder = CertReqBuilder::new(Name::from_str("CN=enb0001").unwrap(), key.public_key());
    let signature = other.sign(&builder.to_be_signed().unwrap()).unwrap();
    let (valid, report) = openssl_verify(&builder.with_signature(key.algorithm(), &signature).unwrap());
    assert!(!valid, "{report}");
}

#[test]
fn we_verify_what_openssl_makes() {
    let provider = crypto_aws_lc::provider();
    for key_type in KNOWN_TO_OPENSSL {
        let key = SoftwareKey::generate(key_type).unwrap();
        let arguments =
            ["req", "-new", "-key", "/dev/stdin", "-outform", "DER", "-subj", "/O=Operator/CN=enb0001"];
        let more = ["-sha256", "-addext", "subjectAltName=DNS:enb0001.operator.example"];
        let output = openssl(&[&arguments[..], &more].concat(), key.to_pkcs8_pem().unwrap().as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let verified = CertReq::from_der(&output.stdout).unwrap().verify_pop(&provider).unwrap();
        assert_eq!(verified.public_key(), key.public_key());
        assert_eq!(verified.extensions(), [alternative_name("enb0001.operator.example")]);
    }
}

#[test]
fn openssl_s_other_attributes_are_read() {
    let folder = std::env::temp_dir().join(format!("pkcs10-attributes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let configuration = folder.join("req.cnf");
    let text = "[req]\nprompt = no\ndistinguished_name = dn\nattributes = more\n[dn]\nCN = enb\n[more]\n\
                challengePassword = sesame\nunstructuredName = Rotterdam 17\n";
    std::fs::write(&configuration, text).unwrap();
    let key = folder.join("key.pem");
    let words =
        ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-outform", "DER"];
    let (key, configuration) = (key.to_str().unwrap(), configuration.to_str().unwrap());
    let output = openssl(&[&words[..], &["-keyout", key, "-config", configuration]].concat(), b"");
    std::fs::remove_dir_all(&folder).unwrap();
    let request = CertReq::from_der(&output.stdout).unwrap();
    assert_eq!(request.challenge_password().unwrap().unwrap().reveal(), "sesame");
    assert_eq!(request.unstructured_names().unwrap(), ["Rotterdam 17"]);
    let shown = format!("{request:?} {:?}", request.challenge_password());
    assert!(!shown.contains("sesame") && !shown.contains("115, 101, 115"), "{shown}");
    request.verify_pop(&crypto_aws_lc::provider()).unwrap();
}
