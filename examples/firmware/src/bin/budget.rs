//! What the parts of the libraries cost: each cargo feature adds one, and its steps are measured.
#![no_std]
#![no_main]

extern crate alloc;

use firmware::board::{Entropy, Serial};
use firmware::meter::Meter;

#[unsafe(no_mangle)]
fn firmware_main() -> i32 {
    let mut meter = Meter::new(Serial::open());
    let mut entropy = [0; 32];
    let harness = meter.step("harness", || crypto::Random::fill(&Entropy, &mut entropy));
    if harness.is_ok() && steps(&mut meter).is_some() { 0 } else { 1 }
}

/// `None` when something failed: what, the last step that was reported tells.
fn steps(meter: &mut Meter<Serial>) -> Option<()> {
    #[cfg(all(feature = "pkcs10", not(feature = "software-key")))]
    key_outside::run(meter)?;
    #[cfg(feature = "software-key")]
    software_key::run(meter)?;
    #[cfg(feature = "rsa")]
    rsa::run(meter)?;
    #[cfg(feature = "ml-dsa")]
    ml_dsa::run(meter)?;
    let _ = meter;
    Some(())
}

/// PKCS #10 with a key in a secure element: a digest out, a signature in.
#[cfg(all(feature = "pkcs10", not(feature = "software-key")))]
mod key_outside {
    use crypto::{PublicKey, SignatureAlgorithm};
    use firmware::board::{Serial, provisioned};
    use firmware::frame::{Kind, receive, send};
    use firmware::meter::Meter;
    use firmware::subject::subject;
    use pkcs10::CertReqBuilder;
    use sha2::{Digest, Sha256};

    pub(super) fn run(meter: &mut Meter<Serial>) -> Option<()> {
        let key = PublicKey::from_ec_point(&provisioned(c"outside.point")?).ok()?;
        let (builder, digest) = meter.step("to be signed", || {
            let builder = CertReqBuilder::new(subject("Vendor", "enb1").ok()?, &key);
            let digest = Sha256::digest(builder.to_be_signed().ok()?);
            Some((builder, digest))
        })?;
        send(meter.line(), Kind::Digest, &digest);
        let signature = receive(meter.line())?;
        let algorithm = SignatureAlgorithm::EcdsaWithSha256;
        let request = meter.step("request", || builder.with_signature(algorithm, &signature)).ok()?;
        send(meter.line(), Kind::CertReq, &request);
        Some(())
    }
}

/// The key in memory.
#[cfg(feature = "software-key")]
mod software_key {
    use crypto::{KeyKind, SigningKey};
    use crypto_rustcrypto::EcKey;
    use firmware::board::{Entropy, Serial};
    use firmware::frame::{Kind, send};
    use firmware::meter::Meter;
    use firmware::subject::subject;
    use pkcs10::CertReqBuilder;

    pub(super) fn run(meter: &mut Meter<Serial>) -> Option<()> {
        let key = meter.step("key", || EcKey::generate(KeyKind::P256, &Entropy)).ok()?;
        let subject = subject("Vendor", "enb1").ok()?;
        let request = meter
            .step("PKCS #10 request", || CertReqBuilder::new(subject.clone(), key.public_key()).sign(&key))
            .ok()?;
        send(meter.line(), Kind::CertReq, &request);
        drop(request);
        #[cfg(all(feature = "crmf", not(feature = "cmp")))]
        super::crmf::run(meter, &key, subject)?;
        #[cfg(feature = "cmp")]
        super::cmp::run(meter, &key, subject)?;
        Some(())
    }
}

#[cfg(all(feature = "crmf", not(feature = "cmp")))]
mod crmf {
    use crmf::{CertReqMessages, CertReqMsgBuilder};
    use crypto::SigningKey;
    use crypto_rustcrypto::EcKey;
    use der::Encode;
    use firmware::board::Serial;
    use firmware::frame::{Kind, send};
    use firmware::meter::Meter;
    use x509_cert::name::Name;

    pub(super) fn run(meter: &mut Meter<Serial>, key: &EcKey, subject: Name) -> Option<()> {
        let messages = meter.step("CRMF request", || {
            let request = CertReqMsgBuilder::new(Some(subject), key.public_key()).sign(key).ok()?;
            CertReqMessages::new([request].into()).ok()?.to_der().ok()
        })?;
        send(meter.line(), Kind::CertReqMessages, &messages);
        Some(())
    }
}

#[cfg(feature = "cmp")]
mod cmp {
    use alloc::boxed::Box;
    use alloc::vec::Vec;

    use asn1::UnixTime;
    use crypto_rustcrypto::EcKey;
    use der::Encode;
    use firmware::board::{self, Entropy, Serial, provisioned};
    use firmware::frame::{Kind, receive, send};
    use firmware::meter::Meter;
    use firmware::station::Station;
    use x509_cert::name::Name;

    pub(super) fn run(meter: &mut Meter<Serial>, key: &EcKey, subject: Name) -> Option<()> {
        let (certificate, root) = (provisioned(c"vendor.der")?, provisioned(c"operator-root.der")?);
        let vendor_key = EcKey::from_pkcs8_der(&provisioned(c"vendor-key.der")?).ok()?;
        let provider = crypto_rustcrypto::provider(Box::new(Entropy));
        let station = Station::new(&provider, &certificate, &vendor_key, &root, subject).ok()?;
        drop((certificate, root));

        let now = || board::now().map(UnixTime::from_secs);
        let request = meter.step("CRMF request", || station.cert_req_messages(key)).ok()?;
        send(meter.line(), Kind::CertReqMessages, &request.to_der().ok()?);
        let (message, awaiting) =
            meter.step("ir", || station.initialization_request(request, now()?).ok())?;
        let reply = exchange(meter, message)?;
        let granted = meter.step("ip", || station.certificate(awaiting, &reply, key, now()?).ok())?;
        drop(reply);
        let certificate = granted.certificate().octets().to_vec();
        let (message, awaiting) =
            meter.step("certConf", || station.certificate_confirmation(granted, now()?).ok())?;
        let reply = exchange(meter, message)?;
        meter.step("pkiconf", || station.confirmed(awaiting, &reply, now()?).ok())?;
        send(meter.line(), Kind::Certificate, &certificate);
        Some(())
    }

    fn exchange(meter: &mut Meter<Serial>, message: Vec<u8>) -> Option<Vec<u8>> {
        send(meter.line(), Kind::PkiMessage, &message);
        drop(message);
        receive(meter.line())
    }
}

/// RSA with 2048 bits: a request for a key in a secure element, and a signature to verify, as an operator's root may have made.
#[cfg(feature = "rsa")]
mod rsa {
    use crypto::{PublicKey, SignatureAlgorithm, SignatureVerifier};
    use crypto_rustcrypto::RustCrypto;
    use firmware::board::{Serial, provisioned};
    use firmware::frame::{Kind, receive, send};
    use firmware::meter::Meter;
    use firmware::subject::subject;
    use pkcs10::CertReqBuilder;
    use sha2::{Digest, Sha256};

    pub(super) fn run(meter: &mut Meter<Serial>) -> Option<()> {
        let key = PublicKey::from_spki_der(&provisioned(c"rsa.der")?).ok()?;
        let algorithm = SignatureAlgorithm::Sha256WithRsa;
        let (builder, digest) = meter.step("RSA-2048 to be signed", || {
            let builder = CertReqBuilder::new(subject("Vendor", "enb1").ok()?, &key);
            let digest = Sha256::digest(builder.to_be_signed().ok()?);
            Some((builder, digest))
        })?;
        send(meter.line(), Kind::RsaDigest, &digest);
        let signature = receive(meter.line())?;
        let request =
            meter.step("RSA-2048 request", || builder.with_signature(algorithm, &signature)).ok()?;
        send(meter.line(), Kind::RsaCertReq, &request);
        drop((builder, request, signature));

        let (octets, signature) = (provisioned(c"rsa.der")?, provisioned(c"rsa.signature")?);
        meter
            .step("RSA-2048 verification", || RustCrypto.is_valid(algorithm, &key, &octets, &signature))
            .then_some(())
    }
}

#[cfg(feature = "ml-dsa")]
mod ml_dsa {
    use crypto::{KeyKind, SigningKey};
    use crypto_rustcrypto::MlDsaKey;
    use firmware::board::{Entropy, Serial};
    use firmware::frame::{Kind, send};
    use firmware::meter::Meter;

    pub(super) fn run(meter: &mut Meter<Serial>) -> Option<()> {
        let key = meter.step("ML-DSA-44 key", || MlDsaKey::generate(KeyKind::MlDsa44, &Entropy)).ok()?;
        let signature = meter.step("ML-DSA-44 signature", || key.sign(b"octets to be signed")).ok()?;
        send(meter.line(), Kind::Signature, &signature);
        send(meter.line(), Kind::PublicKey, key.public_key().spki_octets());
        Some(())
    }
}
