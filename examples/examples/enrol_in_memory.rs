//! A station's `ir`, the RA/CA's `ip`, certConf and pkiconf, without a network: two state machines that hand each other
//! octets.
//!
//! `cargo run -p examples --example enrol_in_memory`

use std::sync::Arc;
use std::time::Duration;

use ca::{Ca, Issuer, MessageCredential, Profile};
use cmp::end_entity::{Answer, CertificateRequest, Enrolment};
use cmp::{PkiMessage, SenderIdentity, SignerRole, Trust, Validator};
use crmf::{CertReqMessages, CertReqMsgBuilder};
use crypto::{ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use store::registry::EmbeddedRegistry;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

fn main() -> Result<()> {
    let (provider, now) = (crypto_aws_lc::provider(), host::now());

    // Two CAs, a station with its vendor's certificate, and the operator's RA/CA that believes that vendor.
    let (vendor, operator) = (root("CN=Factory CA")?, root("CN=Operator CA")?);
    let (station, station_key) = credential(&vendor, &Profile::NE, "CN=SN-4711,O=Vendor")?;
    let (responder, responder_key) = credential(&operator, &Profile::CMP, "CN=CMP,CN=Operator CA")?;
    let operator_anchor = vec![operator.certificate().clone()];
    let vendor_anchor = vec![vendor.certificate().clone()];
    let folder = tempfile::tempdir()?;
    let registry = Arc::new(EmbeddedRegistry::open(&folder.path().join("registry.redb"))?);
    let credential = MessageCredential { identity: responder, key: Box::new(responder_key) };
    let mut raca = Ca::new(crypto_aws_lc::provider(), operator, credential, registry);
    raca.trust = vec![Trust::new(SignerRole::VendorCertified, vendor_anchor, ExtendedKeyUsage::Any)];

    // The station: a new key, a CRMF request with its proof of possession, an `ir` signed with the vendor's certificate.
    let key = SoftwareKey::generate(KeyType::P256)?;
    let request =
        CertReqMsgBuilder::new(Some("CN=SN-4711,O=Vendor".parse()?), key.public_key()).sign(&key)?;
    let enrolment = Enrolment::new(CertificateRequest::Ir(CertReqMessages::new(vec![request])?));
    let (ir, awaiting) = enrolment.start(&station, &provider, now)?;
    let ip = raca.handle(&ir.sign(&station_key)?, now);
    println!("ir:       {}", ip.event.outcome);

    // What comes back is believed only when a validator has seen it.
    let trust = [Trust::new(SignerRole::CertificationAuthority, operator_anchor, ExtendedKeyUsage::Any)];
    let validator = Validator::new(&provider, &trust);
    let ip = validator.validate(PkiMessage::from_der(&ip.octets)?, &awaiting.expectation(), now)?;
    let Answer::Granted(granted) = awaiting.handle(&ip)? else { return Err("no certificate".into()) };
    let certificate = granted.check()?;

    let (cert_conf, awaiting) = granted.confirm(&station, &provider, now)?;
    let pki_conf = raca.handle(&cert_conf.sign(&station_key)?, now);
    println!("certConf: {}", pki_conf.event.outcome);
    let pki_conf =
        validator.validate(PkiMessage::from_der(&pki_conf.octets)?, &awaiting.expectation(), now)?;
    awaiting.handle(&pki_conf)?;

    let tbs = certificate.tbs_certificate();
    println!("{} has the certificate {}", tbs.subject(), tbs.serial_number());
    Ok(())
}

fn root(subject: &str) -> Result<Issuer> {
    let key = SoftwareKey::generate(KeyType::P256)?;
    let provider = crypto_aws_lc::provider();
    Ok(Issuer::self_signed(subject.parse()?, Box::new(key), 10 * YEAR, &provider, host::now())?)
}

fn credential(issuer: &Issuer, profile: &Profile, subject: &str) -> Result<(SenderIdentity, SoftwareKey)> {
    let key = SoftwareKey::generate(KeyType::P256)?;
    let (contents, _) = profile.fit(subject.parse()?, key.public_key(), &[])?;
    let issued = issuer.issue(&contents, &crypto_aws_lc::provider(), host::now())?;
    Ok((SenderIdentity::new(issued.certificate, Vec::new(), key.algorithm())?, key))
}
