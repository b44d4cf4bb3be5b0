//! A station whose vendor certificate is revoked gets nothing, whoever let it in.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

use asn1::EncodedCertificate;
use crypto::{CertificateList, PathError, Revocation, RevocationPolicy};
use nem::{Inventory, Refusal, Shown, Station, StationAnchors, VendorCertificate};
use testkit::programs::Factory;
use testkit::vectors::{from_pem, own_certificate, own_text};

fn certificate(name: &str) -> EncodedCertificate {
    own_certificate(&format!("openssl-mock/{name}.crt.pem"))
}

/// The vendor's CRL, by OpenSSL.
fn crl(folder: &Path, revoked: bool) -> CertificateList {
    for (vector, file) in [
        ("vendor-ca.crt.pem", "ca.pem"),
        ("vendor-ca.key.pem", "ca.key"),
        ("vendor-bs.crt.pem", "station.pem"),
    ] {
        fs::write(folder.join(file), own_text(&format!("openssl-mock/{vector}"))).unwrap();
    }
    let factory = Factory::of(folder, &folder.join("ca.pem"), &folder.join("ca.key"));
    if revoked {
        factory.revoke("station");
    }
    factory.crl("list.crl", 30);
    let text = fs::read_to_string(folder.join("list.crl")).unwrap();
    CertificateList::from_der(&from_pem(&text).unwrap()).unwrap()
}

#[test]
fn a_revoked_station_is_not_identified() {
    let vendor = VendorCertificate::new(Some("CN=eNB-SN-0001,O=Vendor".parse().unwrap()), None);
    let station = Station::new("enb".to_owned(), vendor, "CN=enb".parse().unwrap());
    let inventory = Inventory::new(vec![station]).unwrap();
    let chain = [certificate("vendor-bs")];
    let provider = crypto_aws_lc::provider();
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (crl(folder.path(), false), crl(folder.path(), true));
    let (if_available, required) = (RevocationPolicy::IfAvailable, RevocationPolicy::Required);
    let revoked = Some(PathError::Revoked);
    for (lists, policy, expected) in [
        (vec![], if_available, None),
        (vec![], required, Some(PathError::RevocationUnknown)),
        (vec![good.clone()], required, None),
        (vec![bad.clone()], required, revoked),
        (vec![bad.clone()], if_available, revoked),
    ] {
        let mut anchors = StationAnchors::new(vec![certificate("vendor-ca")], vec![certificate("oper-ca")]);
        anchors.revocation = Some(Revocation::new(lists, policy));
        let refusal =
            inventory.identify(Shown::Certificates(&chain), &anchors, &provider, bad.this_update()).err();
        assert_eq!(refusal, expected.map(Refusal::UntrustedCertificate));
    }
}
