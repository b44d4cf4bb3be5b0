//! A NEM in a plain blocking loop, as other NEM software would drive it: requests come as files and certificates go as files, what
//! is under way is in a ledger on disk. There is no reactor and no server; the RA/CA is a function that is called.
//!
//! `cargo run -p examples --example nem_in_a_loop`

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use asn1::EncodedCertificate;
use ca::{Ca, Issuer, MessageCredential, Profile};
use cmp::{SenderIdentity, SignerRole, Trust};
use crypto::{ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use host::files::certificates_pem;
use nem::{
    Input, Inventory, Nem, Output, Settings, Shown, Standing, Station, StationAnchors, Upload, Upstream,
    VendorCertificate,
};
use pkcs10::CertReqBuilder;
use store::ledger::EmbeddedLedger;
use store::registry::EmbeddedRegistry;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const STATIONS: usize = 5;

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (vendor, operator) = (root("CN=Factory CA")?, root("CN=Operator CA")?);
    let (mut nem, raca) = nem_and_raca(folder.path(), &vendor, operator)?;
    let shown = stations_upload(folder.path(), &vendor)?;

    let (mut to_be_sent, mut waiting) = (Vec::new(), BTreeMap::new());
    for (name, chain) in &shown {
        let request = fs::read(folder.path().join(name).with_extension("p10"))?;
        let (id, _) = nem.upload(Shown::Certificates(chain), Upload::Pkcs10(&request), None, host::now())?;
        waiting.insert(id, name);
    }
    // Everything that happens goes in, everything that is to be done comes out.
    while !waiting.is_empty() {
        while let Some(output) = nem.poll_output() {
            match output {
                Output::Send { exchange, message, .. } => to_be_sent.push((exchange, message)),
                Output::Event(event) => println!("{}: {}", event.station, event.happening),
                Output::Notice(notice) => println!("{}: {}", notice.upstream, notice.news),
                _ => {}
            }
        }
        for (exchange, message) in to_be_sent.drain(..) {
            // A network would come here, and perhaps Input::Failure.
            let answer = raca.handle(&message, host::now()).octets;
            nem.handle(Input::Answer { exchange, octets: &answer }, host::now())?;
        }
        let mut fetched = Vec::new();
        for (id, name) in &waiting {
            if let Some(Standing::Issued(certificates)) = nem.standing(*id)? {
                let pem = certificates_pem(&[certificates.certificate])?;
                fs::write(folder.path().join(name).with_extension("pem"), pem)?;
                fetched.push(*id);
            }
        }
        for request in fetched {
            nem.handle(Input::Delivered { request }, host::now())?;
            waiting.remove(&request);
        }
        if let Some(due) = nem.poll_timeout() {
            std::thread::sleep(due.as_duration().saturating_sub(host::now().as_duration()));
            nem.handle(Input::Tick, host::now())?;
        }
    }
    println!("{} certificates, {} batches", shown.len(), nem.batches().count());
    Ok(())
}

/// Each station's request lies in a file, and it shows its vendor certificate.
fn stations_upload(folder: &Path, vendor: &Issuer) -> Result<BTreeMap<String, Vec<EncodedCertificate>>> {
    let mut shown = BTreeMap::new();
    for number in 1..=STATIONS {
        let (name, key) = (format!("enb{number}"), SoftwareKey::generate(KeyType::P256)?);
        let subject = format!("CN={name}.operator.example").parse()?;
        let request = CertReqBuilder::new(subject, key.public_key()).sign(&key)?;
        fs::write(folder.join(&name).with_extension("p10"), request)?;
        let (certificate, _) = certify(vendor, &Profile::NE, &format!("CN=SN-{number},O=Vendor"))?;
        shown.insert(name, vec![certificate]);
    }
    Ok(shown)
}

fn nem_and_raca(folder: &Path, vendor: &Issuer, operator: Issuer) -> Result<(Nem, Ca)> {
    let anchors = vec![operator.certificate().clone()];
    let (certificate, key) = certify(&operator, &Profile::RA, "CN=nem")?;
    let identity = SenderIdentity::new(certificate, Vec::new(), key.algorithm())?;
    let mut upstream = Upstream::new("raca", identity, Box::new(key), anchors.clone());
    upstream.batching.size = STATIONS;
    let stations = (1..=STATIONS).map(|number| {
        let known = VendorCertificate::new(Some(format!("CN=SN-{number},O=Vendor").parse()?), None);
        Ok(Station::new(format!("enb{number}"), known, format!("CN=enb{number}.operator.example").parse()?))
    });
    let nem = Nem::new(
        crypto_aws_lc::provider(),
        vec![upstream],
        StationAnchors::new(vec![vendor.certificate().clone()], anchors.clone()),
        Inventory::new(stations.collect::<Result<_>>()?)?,
        Settings::default(),
        Box::new(EmbeddedLedger::open(&folder.join("ledger.redb"))?),
    )?;

    let (certificate, key) = certify(&operator, &Profile::CMP, "CN=CMP,CN=Operator CA")?;
    let identity = SenderIdentity::new(certificate, Vec::new(), key.algorithm())?;
    let credential = MessageCredential { identity, key: Box::new(key) };
    let registry = Arc::new(EmbeddedRegistry::open(&folder.join("registry.redb"))?);
    let mut raca = Ca::new(crypto_aws_lc::provider(), operator, credential, registry);
    let purpose = ExtendedKeyUsage::REGISTRATION_AUTHORITY;
    raca.trust = vec![Trust::new(SignerRole::RegistrationAuthority, anchors, purpose)];
    Ok((nem, raca))
}

fn root(subject: &str) -> Result<Issuer> {
    let key = SoftwareKey::generate(KeyType::P256)?;
    let provider = crypto_aws_lc::provider();
    Ok(Issuer::self_signed(subject.parse()?, Box::new(key), 10 * YEAR, &provider, host::now())?)
}

fn certify(issuer: &Issuer, profile: &Profile, subject: &str) -> Result<(EncodedCertificate, SoftwareKey)> {
    let key = SoftwareKey::generate(KeyType::P256)?;
    let (contents, _) = profile.fit(subject.parse()?, key.public_key(), &[])?;
    Ok((issuer.issue(&contents, &crypto_aws_lc::provider(), host::now())?.certificate, key))
}
