//! ML-DSA by a newer OpenSSL than Debian's, which pyca/cryptography brings along: requests, certificates and CMP protection, in both
//! directions.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use ca::{Issuer, Profile};
use cmp::end_entity::{CertificateRequest, Enrolment};
use cmp::{Error, Expectation, PkiMessage, SenderIdentity, SignerRole, Trust, Validator};
use crypto::{ExtendedKeyUsage, SigningKey, VerifyError};
use crypto_aws_lc::{KeyType, SoftwareKey, provider};
use differential::{Peer, hex, octets};
use pkcs10::{CertReq, CertReqBuilder};

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);
const KINDS: [KeyType; 3] = [KeyType::MlDsa44, KeyType::MlDsa65, KeyType::MlDsa87];
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

fn asked(peer: &mut Peer, line: &str) -> Vec<u8> {
    let answer = peer.ask(line);
    assert!(!answer.starts_with("error"), "{answer}");
    octets(&answer)
}

fn copy(key: &SoftwareKey) -> SoftwareKey {
    SoftwareKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap()
}

/// The last octet belongs to the signature.
fn damaged(octets: &[u8]) -> Vec<u8> {
    let mut octets = octets.to_vec();
    *octets.last_mut().unwrap() ^= 1;
    octets
}

fn csr(key: &SoftwareKey) -> Vec<u8> {
    CertReqBuilder::new("CN=enb17".parse().unwrap(), key.public_key()).sign(key).unwrap()
}

#[test]
fn requests() {
    let mut peer = Peer::pyca();
    for kind in KINDS {
        let pkcs8 = asked(&mut peer, &format!("key {kind}"));
        let theirs = asked(&mut peer, &format!("csr {}", hex(&pkcs8)));
        let request = CertReq::from_der(&theirs).unwrap().verify_pop(&provider()).unwrap();
        assert_eq!(request.public_key().kind().to_string().to_lowercase(), kind.to_string());
        assert_eq!(request.extensions().len(), 1);
        let error = CertReq::from_der(&damaged(&theirs)).unwrap().verify_pop(&provider()).unwrap_err();
        assert_eq!(error, pkcs10::Error::ProofOfPossession(VerifyError::BadSignature));

        // With a key of ours, and with theirs.
        for key in [SoftwareKey::generate(kind).unwrap(), SoftwareKey::from_pkcs8_der(&pkcs8).unwrap()] {
            let ours = csr(&key);
            assert_eq!(peer.ask(&format!("verify-csr {}", hex(&ours))), "yes", "{kind}");
            assert_eq!(peer.ask(&format!("verify-csr {}", hex(&damaged(&ours)))), "no", "{kind}");
        }
    }
}

#[test]
fn certificates() {
    let mut peer = Peer::pyca();
    for kind in KINDS {
        let key = SoftwareKey::generate(kind).unwrap();
        let own =
            Issuer::self_signed("CN=CA".parse().unwrap(), Box::new(key), YEAR, &provider(), NOW).unwrap();
        let pkcs8 = asked(&mut peer, &format!("key {kind}"));
        let certificate = asked(&mut peer, &format!("certificate {}", hex(&pkcs8)));
        let certificate = EncodedCertificate::new(&certificate).unwrap();
        let key = SoftwareKey::from_pkcs8_der(&pkcs8).unwrap();
        // Their certificate, and what it issues.
        for issuer in [own, Issuer::new(certificate, Box::new(key)).unwrap()] {
            let root = hex(issuer.certificate().octets());
            assert_eq!(peer.ask(&format!("verify-certificate {root} {root}")), "yes", "{kind}");
            let station = SoftwareKey::generate(KeyType::P256).unwrap();
            let (contents, _) =
                Profile::NE.fit("CN=enb17".parse().unwrap(), station.public_key(), &[]).unwrap();
            let issued = issuer.issue(&contents, &provider(), NOW).unwrap().certificate;
            let shown = hex(issued.octets());
            assert_eq!(peer.ask(&format!("verify-certificate {shown} {root}")), "yes", "{kind}");
            let shown = hex(&damaged(issued.octets()));
            assert_eq!(peer.ask(&format!("verify-certificate {shown} {root}")), "no", "{kind}");
        }
    }
}

#[test]
fn protection() {
    let mut peer = Peer::pyca();
    let provider = provider();
    for kind in KINDS {
        let pkcs8 = asked(&mut peer, &format!("key {kind}"));
        let certificate = asked(&mut peer, &format!("certificate {}", hex(&pkcs8)));
        let certificate = EncodedCertificate::new(&certificate).unwrap();
        let key = SoftwareKey::from_pkcs8_der(&pkcs8).unwrap();
        let anchors = vec![certificate.clone()];
        let trust = [Trust::new(SignerRole::VendorCertified, anchors, ExtendedKeyUsage::Any)];
        let validator = Validator::new(&provider, &trust);
        let identity = SenderIdentity::new(certificate, vec![], key.algorithm()).unwrap();
        let request = CertificateRequest::P10cr(Box::new(CertReq::from_der(&csr(&copy(&key))).unwrap()));
        let (part, _) = Enrolment::new(request).start(&identity, &provider, NOW).unwrap();
        let to_be_signed = part.to_be_signed().unwrap();

        let ours = PkiMessage::from_der(&part.sign(&key).unwrap()).unwrap();
        let signature = hex(ours.protection().unwrap().as_bytes().unwrap());
        let spki = hex(key.public_key().spki_octets());
        let words = format!("verify {spki} {} {signature}", hex(&to_be_signed));
        assert_eq!(peer.ask(&words), "yes", "{kind}");
        let words = format!("verify {spki} {} {signature}", hex(&damaged(&to_be_signed)));
        assert_eq!(peer.ask(&words), "no", "{kind}");

        let theirs = asked(&mut peer, &format!("sign {} {}", hex(&pkcs8), hex(&to_be_signed)));
        let message =
            |signature: &[u8]| PkiMessage::from_der(&part.with_signature(signature).unwrap()).unwrap();
        validator.validate(message(&theirs), &Expectation::First, NOW).unwrap();
        let error = validator.validate(message(&damaged(&theirs)), &Expectation::First, NOW).unwrap_err();
        assert_eq!(error, Error::BadProtection(VerifyError::BadSignature), "{kind}");
    }
}
