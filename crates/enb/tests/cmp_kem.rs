//! A station whose certificate is for a key of a KEM, which does not sign: `enb cmp` with `raca` (RFC 9810 section 5.1.3.4, appendix E).
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use asn1::oids::rfc9810::KEM_BASED_MAC;
use cmp::{BodyKind, PkiMessage};
use support::{ENB, House, Meddling, Seen};
use testkit::programs::{Ended, run};

const KEM: &str = "--cert kem/cert.pem --key kem/key.pem";

/// With a station in the folder `kem` that has a certificate for an ML-KEM key.
fn house(serves_kem_keys: bool) -> House {
    let encrypted = ("encrypted_certificates = false", "encrypted_certificates = true");
    let house = House::prepared(&[encrypted], |folder| {
        if serves_kem_keys {
            let config = OpenOptions::new().append(true).open(folder.join("ra/raca.toml"));
            writeln!(config.unwrap(), "\n[kem]").unwrap();
        }
    });
    let words = "ir --cert enb1.pem --key enb1.key --encryption-key --alg ml-kem-768 --out kem";
    enb(&house, &house.url, words).success();
    house
}

fn command(url: &str, words: &str) -> String {
    format!("cmp {}", words.replacen(' ', &format!(" --server {url} --operator-ca ra/ca.pem "), 1))
}

fn enb(house: &House, url: &str, words: &str) -> Ended {
    run(ENB, &command(url, words), house.path())
}

fn statuses(house: &House) -> Vec<String> {
    house.issued().into_iter().map(|entry| entry.status).collect()
}

fn is_mac_of_kem((_, octets): &Seen) -> bool {
    let message = PkiMessage::from_der(octets).unwrap();
    let algorithm = message.header().protection_alg.as_ref();
    algorithm.is_some_and(|algorithm| algorithm.oid == KEM_BASED_MAC)
}

#[test]
fn it_can_do_what_others_do() {
    let house = house(true);
    let proxy = house.proxy(|_| Meddling::Nothing);
    let done = |words: &str| enb(&house, &proxy.url, words).success();
    done(&format!("cr {KEM} --out signing"));
    run("openssl", "verify -CAfile ra/ca.pem signing/cert.pem", house.path()).success();
    let seen = proxy.seen();
    let bodies: Vec<BodyKind> = seen.iter().map(|(body, _)| *body).collect();
    assert_eq!(bodies, [BodyKind::Genm, BodyKind::Cr, BodyKind::CertConf]);
    assert!(seen.iter().skip(1).all(is_mac_of_kem) && !seen.first().is_some_and(is_mac_of_kem));

    done(&format!("p10cr {KEM} --out requested"));
    done(&format!("cr {KEM} --out implicitly --implicit-confirm"));
    done(&format!("genm caCerts {KEM} --out ca.pem"));
    done("kur --encryption-key --alg ml-kem-1024 --out kem");
    done(&format!("cr {KEM} --encryption-key --alg ml-kem-512 --out another"));
    assert_eq!(statuses(&house), ["valid"; 6]);
    done(&format!("rr {KEM} --reason superseded"));
    assert_eq!(statuses(&house).iter().filter(|status| *status == "revoked").count(), 1);
    let refused = enb(&house, &proxy.url, &format!("cr {KEM} --out late")).failure(3);
    assert!(refused.contains("certRevoked"), "{refused}");
}

#[test]
fn who_is_not_served_is_told_why() {
    let house = house(false);
    let refused = enb(&house, &house.url, &format!("cr {KEM} --out signing"));
    let refused = refused.failure(3);
    assert!(refused.contains("not protected") && refused.contains("KEM key"), "{refused}");
    let words = "cr --cert kem/cert.pem --key enb1.key --out signing";
    let refused = enb(&house, &house.url, words).failure(1);
    assert!(refused.contains("enb1.key"), "{refused}");
    let words = "cr --cert enb1.pem --key kem/key.pem --out signing";
    let refused = enb(&house, &house.url, words).failure(1);
    assert!(refused.contains("kem/key.pem"), "{refused}");
    assert_eq!(statuses(&house), ["valid"]);
}

/// Whatever is lost is sent again, and whoever is killed goes on with the same secret: it is in the RA/CA's ciphertext, and that is kept.
#[test]
fn what_is_lost_and_who_is_killed_leads_to_one_certificate() {
    let house = house(true);
    let lost = AtomicUsize::new(0);
    let once = house.proxy(move |passing| {
        let first = lost.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        match passing.body {
            BodyKind::Genm | BodyKind::Cr | BodyKind::CertConf if first => Meddling::Lose,
            _ => Meddling::Nothing,
        }
    });
    enb(&house, &once.url, &format!("cr {KEM} --out lossy")).success();
    let (first, second) = (once.seen().into_iter().step_by(2), once.seen().into_iter().skip(1).step_by(2));
    assert!(first.eq(second), "each is sent twice, with the same octets");
    assert_eq!(statuses(&house), ["valid"; 2]);

    for hangs in [BodyKind::Cr, BodyKind::CertConf] {
        let hung = Arc::new(AtomicUsize::new(0));
        let count = hung.clone();
        let proxy = house.proxy(move |passing| {
            if passing.body == hangs && count.fetch_add(1, Ordering::SeqCst) == 0 {
                Meddling::Hang
            } else {
                Meddling::Nothing
            }
        });
        let words = command(&proxy.url, &format!("cr {KEM} --out killed-{hangs:?}"));
        let mut child = Command::new(ENB)
            .args(words.split_whitespace())
            .current_dir(house.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while hung.load(Ordering::SeqCst) == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        run(ENB, &words, house.path()).success();
        let asked = proxy.seen().iter().filter(|(body, _)| *body == BodyKind::Genm).count();
        assert_eq!(asked, 1, "{hangs:?}");
    }
    assert_eq!(statuses(&house), ["valid"; 4]);
    fs::metadata(house.path().join("killed-CertConf/cert.pem")).unwrap();
}
