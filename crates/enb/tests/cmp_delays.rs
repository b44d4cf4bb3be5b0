//! An RA/CA that has the certificate confirmed, and takes its time to say so (RFC 9483 section 4.4); and one behind HTTPS.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cmp::management_entity::{ReplyTo, Responder};
use cmp::{
    BodyKind, CertReqId, ErrorMsgContent, PkiBody, PkiFailureInfo, PkiMessage, PkiStatus, PkiStatusInfo,
    PollRepItem, SenderIdentity,
};
use crypto::SigningKey;
use crypto_aws_lc::{SoftwareKey, provider};
use support::{ENB, House, Meddling, Passing, Proxy};
use testkit::programs::{Ended, run};

const VENDOR: &str = "--cert enb1.pem --key enb1.key";

/// What the RA/CA signs its messages with.
struct Authority {
    identity: SenderIdentity,
    key: SoftwareKey,
}

impl Authority {
    fn of(house: &House) -> Arc<Self> {
        let text = std::fs::read_to_string(house.path().join("ra/cmp.key.pem")).unwrap();
        let key = SoftwareKey::from_pem(&text).unwrap();
        let certificate = host::files::read_certificates(&house.path().join("ra/cmp.pem")).unwrap().remove(0);
        let identity = SenderIdentity::new(certificate, Vec::new(), key.algorithm()).unwrap();
        Arc::new(Self { identity, key })
    }

    /// Something else in place of the answer to that message.
    fn answer(&self, passing: &Passing, body: &PkiBody) -> Meddling {
        let message = PkiMessage::from_der(&passing.octets).unwrap();
        let provider = provider();
        let responder = Responder { identity: &self.identity, provider: &provider, now: host::now() };
        let part = responder.reply(&ReplyTo::new(message.header()), body).unwrap();
        Meddling::Replace(part.sign(&self.key).unwrap())
    }
}

fn waiting() -> PkiBody {
    PkiBody::Error(ErrorMsgContent::new(PkiStatusInfo::new(PkiStatus::Waiting)))
}

fn check_after(seconds: u64) -> PkiBody {
    PkiBody::PollRep(vec![PollRepItem::new(CertReqId::P10CR, Duration::from_secs(seconds))])
}

fn ir(house: &House, url: &str, more: &str) -> Ended {
    run(ENB, &format!("cmp ir --server {url} --operator-ca ra/ca.pem {VENDOR} --out a {more}"), house.path())
}

fn bodies(proxy: &Proxy) -> Vec<BodyKind> {
    proxy.seen().into_iter().map(|(body, _)| body).collect()
}

#[test]
fn a_pkiconf_that_is_delayed_is_polled_for() {
    let house = House::new();
    let authority = Authority::of(&house);
    let proxy = house.proxy(move |passing| match passing.number {
        1 => authority.answer(passing, &waiting()),
        2 => authority.answer(passing, &check_after(1)),
        3 => authority.answer(passing, &PkiBody::PkiConf),
        _ => Meddling::Nothing,
    });
    let ended = ir(&house, &proxy.url, "");
    assert!(ended.stderr.contains("asking again in 1.0 s"), "{}", ended.stderr);
    ended.success();
    assert_eq!(bodies(&proxy), [BodyKind::Ir, BodyKind::CertConf, BodyKind::PollReq, BodyKind::PollReq]);
    run("openssl", "verify -CAfile ra/ca.pem a/cert.pem", house.path()).success();
}

#[test]
fn whoever_gives_up_waiting_for_pkiconf_asks_for_it_again_later() {
    let house = House::new();
    let authority = Authority::of(&house);
    let proxy = house.proxy(move |passing| match passing.number {
        1 => authority.answer(passing, &waiting()),
        2 => authority.answer(passing, &check_after(3600)),
        _ => Meddling::Nothing,
    });
    let reason = ir(&house, &proxy.url, "--timeout 5").failure(4);
    assert!(reason.contains("still working on the request") && reason.contains("same command"), "{reason}");
    assert!(!house.path().join("a/cert.pem").exists());
    ir(&house, &proxy.url, "").success();
    let seen = proxy.seen();
    let confirmations: Vec<_> = seen.iter().filter(|(body, _)| *body == BodyKind::CertConf).collect();
    assert_eq!(confirmations.len(), 2);
    assert_eq!(confirmations.first(), confirmations.last(), "the same octets");
    assert_eq!(house.issued().len(), 1);
}

#[test]
fn a_confirmation_that_is_refused_after_a_delay_leaves_no_certificate() {
    let house = House::new();
    let authority = Authority::of(&house);
    let proxy = house.proxy(move |passing| {
        let refusal = PkiStatusInfo::rejection(PkiFailureInfo::SYSTEM_FAILURE, "no-such-luck".into());
        match passing.number {
            1 => authority.answer(passing, &waiting()),
            2 => authority.answer(passing, &PkiBody::Error(ErrorMsgContent::new(refusal))),
            _ => Meddling::Nothing,
        }
    });
    let reason = ir(&house, &proxy.url, "").failure(3);
    assert!(reason.contains("no-such-luck"), "{reason}");
    assert!(!house.path().join("a/cert.pem").exists());
    assert!(!house.path().join("a/cmp-transaction.json").exists());
}

/// A certificate of the TLS server for 127.0.0.1, by a CA of its own.
fn tls_certificate(folder: &Path) {
    for words in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls-ca.key -out tls-ca.pem -days 30 -subj /CN=tls-ca",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ra/tls.key -out tls.csr -subj /CN=raca \
         -addext subjectAltName=IP:127.0.0.1",
        "x509 -req -in tls.csr -CA tls-ca.pem -CAkey tls-ca.key -CAcreateserial -copy_extensions copy -days 30 -out ra/tls.pem",
    ] {
        run("openssl", words, folder).success();
    }
    run("chmod", "600 ra/tls.key", folder).success();
}

#[test]
fn https_takes_the_tls_ca_and_shows_the_certificate_when_it_is_asked_for() {
    for client_cas in ["", "client_cas = [\"../factory.pem\"]\n"] {
        let tls = format!("[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\n{client_cas}#");
        let house = House::prepared(&[("# [tls]", &tls)], tls_certificate);
        assert!(house.url.starts_with("https://127.0.0.1"), "{}", house.url);
        let reason = ir(&house, &house.url, "--timeout 2");
        assert_ne!(reason.code, Some(0), "without --tls-ca");
        let reason = ir(&house, &house.url, "--tls-ca factory.pem --timeout 2");
        assert_ne!(reason.code, Some(0), "another CA");
        assert!(house.issued().is_empty());
        ir(&house, &house.url, "--tls-ca tls-ca.pem").success();
        let words =
            format!("cmp kur --server {} --operator-ca ra/ca.pem --tls-ca tls-ca.pem --out a", house.url);
        run(ENB, &words, house.path()).success();
        assert_eq!(house.issued().len(), 2);
    }
}
