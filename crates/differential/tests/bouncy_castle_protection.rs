//! Bouncy Castle verifies what we protect, and we verify what it protects.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use ca::Issuer;
use cmp::end_entity::{CertificateRequest, Enrolment};
use cmp::{
    Error, Expectation, MacCredential, PkiMessage, Quirk, Quirks, Reference, SecretTrust, SenderIdentity,
    SignerRole, Trust, ValidatedMessage, Validator,
};
use crmf::{CertReqMessages, CertReqMsgBuilder, MacError, PasswordMac, PbmParameter, Pbmac1Params};
use crypto::{
    DigestAlgorithm, ExtendedKeyUsage, MacAlgorithm, SharedSecret, SignatureAlgorithm, SigningKey,
    VerifyError,
};
use crypto_aws_lc::{KeyType, SoftwareKey, provider};
use differential::{Peer, hex, octets};
use pkcs10::{CertReq, CertReqBuilder};

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

/// PBM and PBMAC1 take the secret's UTF-8.
const SECRETS: [&str; 2] = ["correct-horse-battery-staple", "schlüssel-鍵"];

fn station(kind: KeyType, algorithm: SignatureAlgorithm) -> (SoftwareKey, EncodedCertificate) {
    let key = SoftwareKey::generate(kind).unwrap();
    let copy = SoftwareKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap();
    let year = Duration::from_secs(365 * 24 * 3600);
    let name = "CN=enb17,O=Operator".parse().unwrap();
    let issuer = Issuer::self_signed(name, Box::new(copy), year, &provider(), NOW).unwrap();
    let certificate = issuer.certificate().clone();
    (if key.algorithm() == algorithm { key } else { key.with_algorithm(algorithm).unwrap() }, certificate)
}

fn requests() -> Vec<CertificateRequest> {
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    let name = || "CN=enb17".parse().unwrap();
    let message = CertReqMsgBuilder::new(Some(name()), key.public_key()).sign(&key).unwrap();
    let csr = CertReqBuilder::new(name(), key.public_key()).sign(&key).unwrap();
    vec![
        CertificateRequest::Ir(CertReqMessages::new(vec![message]).unwrap()),
        CertificateRequest::P10cr(Box::new(CertReq::from_der(&csr).unwrap())),
    ]
}

fn answered(peer: &mut Peer, words: &str, message: &[u8]) -> String {
    peer.ask(&format!("{words} {}", hex(message)))
}

/// The message that Bouncy Castle made.
fn protected(peer: &mut Peer, words: &str, message: &[u8]) -> PkiMessage {
    let answer = answered(peer, words, message);
    assert!(!answer.starts_with("error"), "{words}: {answer}");
    PkiMessage::from_der(&octets(&answer)).unwrap_or_else(|error| panic!("{words}: {error}"))
}

fn damaged(message: &[u8]) -> Vec<u8> {
    // In transactionID: what is protected, and means nothing to a decoder.
    let message_id = PkiMessage::from_der(message).unwrap().header().transaction_id.clone().unwrap();
    let position = message.windows(16).position(|octets| octets == message_id.as_octets()).unwrap();
    let mut octets = message.to_vec();
    *octets.get_mut(position).unwrap() ^= 1;
    octets
}

#[test]
fn signatures() {
    use SignatureAlgorithm::{
        EcdsaWithSha256, EcdsaWithSha384, EcdsaWithSha512, Ed25519, RsassaPssSha256, RsassaPssSha384,
        RsassaPssSha512, Sha256WithRsa, Sha384WithRsa, Sha512WithRsa,
    };
    let mut peer = Peer::bouncy_castle_protection();
    let provider = provider();
    for (kind, algorithm, names) in [
        (KeyType::Rsa2048, Sha256WithRsa, &["SHA256withRSA"][..]),
        (KeyType::Rsa3072, Sha384WithRsa, &["SHA384withRSA"]),
        (KeyType::Rsa4096, Sha512WithRsa, &["SHA512withRSA"]),
        (KeyType::Rsa2048, RsassaPssSha256, &["SHA256withRSAandMGF1"]),
        (KeyType::Rsa2048, RsassaPssSha384, &["SHA384withRSAandMGF1"]),
        (KeyType::Rsa2048, RsassaPssSha512, &["SHA512withRSAandMGF1"]),
        (KeyType::P256, EcdsaWithSha256, &["SHA256withECDSA", "SHA384withECDSA", "SHA512withECDSA"]),
        (KeyType::P384, EcdsaWithSha384, &["SHA384withECDSA", "SHA256withECDSA"]),
        (KeyType::P521, EcdsaWithSha512, &["SHA512withECDSA", "SHA256withECDSA"]),
        (KeyType::Ed25519, Ed25519, &["Ed25519"]),
    ] {
        let (key, certificate) = station(kind, algorithm);
        let identity = SenderIdentity::new(certificate.clone(), vec![], algorithm).unwrap();
        let anchors = vec![certificate.clone()];
        let trust = [Trust::new(SignerRole::VendorCertified, anchors, ExtendedKeyUsage::Any)];
        let mut validator = Validator::new(&provider, &trust);
        validator.time_window = None;
        for request in requests() {
            let (part, _) = Enrolment::new(request).start(&identity, &provider, NOW).unwrap();
            let ours = part.sign(&key).unwrap();
            assert_eq!(answered(&mut peer, "verify-signature", &ours), "yes", "{algorithm}");
            assert_eq!(answered(&mut peer, "verify-signature", &damaged(&ours)), "no", "{algorithm}");
            for name in names {
                let pkcs8 = hex(&key.to_pkcs8_der().unwrap());
                let words = format!("sign {name} {pkcs8} {}", hex(certificate.octets()));
                let theirs = protected(&mut peer, &words, &ours);
                let believed = validator.validate(theirs.clone(), &Expectation::First, NOW);
                let believed = believed.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(believed.signer().certificate(), Some(&certificate));
                let damaged = PkiMessage::from_der(&damaged(theirs.octets())).unwrap();
                let error = validator.validate(damaged, &Expectation::First, NOW).unwrap_err();
                assert_eq!(error, Error::BadProtection(VerifyError::BadSignature), "{name}");
            }
        }
    }
}

fn validate(secret: &str, quirks: Quirks, message: PkiMessage) -> Result<ValidatedMessage, Error> {
    let secrets = [SecretTrust::new(Reference::new("4711"), SharedSecret::new(secret.into()))];
    let provider = provider();
    let mut validator = Validator::new(&provider, &[]);
    (validator.secrets, validator.quirks, validator.time_window) = (&secrets, quirks, None);
    validator.validate(message, &Expectation::First, NOW)
}

fn authenticated(secret: &str, mac: PasswordMac, request: CertificateRequest) -> Vec<u8> {
    let secret = SharedSecret::new(secret.into());
    let station = MacCredential::new(Reference::new("4711"), secret, mac).unwrap();
    let (part, _) = Enrolment::new(request).start(station.identity(), &provider(), NOW).unwrap();
    part.authenticate(&station, &provider()).unwrap()
}

const ITERATIONS: [u32; 4] = [100, 1000, 10_000, 30_000];
const DIGESTS: [DigestAlgorithm; 3] =
    [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];

#[test]
fn password_based_macs() {
    let mut peer = Peer::bouncy_castle_protection();
    let [ir, p10cr] = <[CertificateRequest; 2]>::try_from(requests()).unwrap();
    for secret in SECRETS {
        let words = hex(secret.as_bytes());
        for (iterations, salt) in ITERATIONS.into_iter().zip([8, 16, 20, 256]) {
            for owf in DIGESTS {
                for mac in MacAlgorithm::ALL {
                    let mut parameters = PbmParameter::new(&vec![3; salt], iterations).unwrap();
                    (parameters.owf, parameters.mac) = (owf.identifier(), mac.identifier());
                    let request = if salt == 16 { &p10cr } else { &ir };
                    let ours = authenticated(secret, PasswordMac::Pbm(parameters), request.clone());
                    let what = format!("{owf:?} {mac} {iterations} {salt}");
                    assert_eq!(answered(&mut peer, &format!("verify-pbm {words}"), &ours), "yes", "{what}");
                    assert_eq!(answered(&mut peer, "verify-pbm 00", &ours), "no", "{what}");
                    let how = format!("pbm {words} {} {} {salt} {iterations}", owf.oid(), mac.oid());
                    let theirs = protected(&mut peer, &how, &ours);
                    validate(secret, Quirks::NONE, theirs.clone())
                        .unwrap_or_else(|error| panic!("{what}: {error}"));
                    let error = validate("another", Quirks::NONE, theirs).unwrap_err();
                    assert_eq!(error, Error::BadProtection(VerifyError::BadMac));
                }
            }
        }
        for (salt, iterations) in [(257, 1000), (16, 99), (16, 1_000_001), (16, 1)] {
            let (owf, mac) = (DigestAlgorithm::Sha256.oid(), MacAlgorithm::HmacSha256.oid());
            let ours = authenticated(secret, PasswordMac::pbm(&provider()).unwrap(), ir.clone());
            // It has its own ideas about too few and too many, and may refuse to make them.
            let answer = answered(&mut peer, &format!("pbm {words} {owf} {mac} {salt} {iterations}"), &ours);
            if !answer.starts_with("error") {
                let error = validate(secret, Quirks::NONE, PkiMessage::from_der(&octets(&answer)).unwrap());
                assert!(matches!(error, Err(Error::Mac(_))), "{salt} {iterations}");
            }
        }
    }
}

/// Bouncy Castle calls PBKDF2 id-PBES2 there.
#[test]
fn pbmac1() {
    let mut peer = Peer::bouncy_castle_protection();
    let [ir, _] = <[CertificateRequest; 2]>::try_from(requests()).unwrap();
    let quirks = Quirks::NONE.with(Quirk::Pbes2InPbmac1);
    let names = ["HmacSHA256", "HmacSHA384", "HmacSHA512"];
    for secret in SECRETS {
        let words = hex(secret.as_bytes());
        for (iterations, salt) in ITERATIONS.into_iter().zip([8, 16, 20, 256]) {
            let ours = PasswordMac::Pbmac1(Pbmac1Params::new(&vec![3; salt], iterations).unwrap());
            let ours = authenticated(secret, ours, ir.clone());
            assert_eq!(answered(&mut peer, &format!("verify-pbmac1 {words}"), &ours), "yes");
            assert_eq!(answered(&mut peer, "verify-pbmac1 00", &ours), "no");
            for prf in MacAlgorithm::ALL {
                for (name, bits) in names.into_iter().zip([256, 384, 512]) {
                    let how = format!("pbmac1 {words} {} {name} {salt} {iterations} {bits}", prf.oid());
                    let theirs = protected(&mut peer, &how, &ours);
                    let verify = format!("verify-pbmac1 {words}");
                    // It forgets which prf the parameters name, and takes HMAC-SHA-256.
                    let own = if prf == MacAlgorithm::HmacSha256 { "yes" } else { "no" };
                    assert_eq!(answered(&mut peer, &verify, theirs.octets()), own, "{how}");
                    let error = validate(secret, Quirks::NONE, theirs.clone()).unwrap_err();
                    assert_eq!(error, Error::Mac(MacError::Unsupported(asn1::oids::rfc8018::PBES2)), "{how}");
                    let message = validate(secret, quirks, theirs.clone());
                    let message = message.unwrap_or_else(|error| panic!("{how}: {error}"));
                    let error = validate("another", quirks, theirs).unwrap_err();
                    assert_eq!(error, Error::BadProtection(VerifyError::BadMac));
                    // What it is answered with is right, and Bouncy Castle takes it.
                    let credential = message.mac_credential().unwrap();
                    let request = Enrolment::new(ir.clone());
                    let (part, _) = request.start(credential.identity(), &provider(), NOW).unwrap();
                    let answer = part.authenticate(credential, &provider()).unwrap();
                    validate(secret, Quirks::NONE, PkiMessage::from_der(&answer).unwrap()).unwrap();
                    assert_eq!(answered(&mut peer, &verify, &answer), own, "{how}");
                }
            }
        }
    }
}
