//! A station that speaks CMP with `raca` itself: every request, every protection, and whatever happens on the way.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::collections::HashSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use cmp::BodyKind;
use cmp::end_entity::RequestKind;
use enb::{CertificateOptions, Error, Progress, request_certificate};
use serde_json::Value;
use support::{ENB, House, Meddling, SECRET};
use testkit::programs::run;

impl House {
    fn enb(&self, url: &str, words: &str) -> testkit::programs::Ended {
        let words = words.replacen(' ', &format!(" --server {url} --operator-ca ra/ca.pem "), 1);
        run(ENB, &format!("cmp {words}"), self.path())
    }

    /// An ir with the vendor's certificate.
    fn ir(&self, url: &str, directory: &str, timeout: Duration) -> Result<enb::Enrolled, Error> {
        let mut options = self.options(url);
        options.timeout = timeout;
        let wanted =
            CertificateOptions::new(RequestKind::Ir, Some(self.vendor()), self.path().join(directory));
        self.runtime.block_on(request_certificate(&options, &wanted, &|_| {}))
    }
}

const LONG: Duration = Duration::from_secs(60);
const VENDOR: &str = "--cert enb1.pem --key enb1.key";

#[test]
fn every_request_with_a_vendor_certificate() {
    let house = House::new();
    let subject = "--subject CN=enb1,O=Vendor";
    for (number, words) in [
        format!("ir {VENDOR} --out a"),
        format!("ir {VENDOR} --out b --implicit-confirm --alg p384 {subject}"),
        format!("cr {VENDOR} --out c {subject}"),
        format!("p10cr {VENDOR} --out d {subject} --recipient O=Operator"),
        format!("p10cr {VENDOR} --out e {subject} --implicit-confirm"),
        "kur --out a".to_owned(),
        "kur --out a --alg p384 --implicit-confirm".to_owned(),
        "cr --cert a/cert.pem --key a/key.pem --out f".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        let told: Value =
            serde_json::from_str(&house.enb(&house.url, &format!("{words} --json")).success()).unwrap();
        assert_eq!(told["subject"], "CN=enb1,O=Vendor", "{words}");
        let directory = words.split("--out ").nth(1).unwrap().split(' ').next().unwrap();
        run("openssl", &format!("verify -CAfile ra/ca.pem {directory}/cert.pem"), house.path()).success();
        let certified =
            run("openssl", &format!("x509 -in {directory}/cert.pem -noout -pubkey"), house.path()).success();
        let own = run("openssl", &format!("pkey -in {directory}/key.pem -pubout"), house.path()).success();
        assert_eq!(certified, own, "{words}");
        let mut files: Vec<_> = fs::read_dir(house.path().join(directory))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, ["cert.pem", "chain.pem", "key.pem"], "{words}");
        assert_eq!(house.issued().len(), number + 1, "{words}");
    }
    assert!(house.issued().iter().all(|entry| entry.status == "valid"));
}

#[test]
fn every_request_with_a_shared_secret() {
    let house = House::new();
    let secret = "--ref 4711 --secret-file 4711.secret";
    for (number, words) in [
        format!("ir {secret} --out a"),
        format!("ir {secret} --out b --subject O=Operator,CN=enb17 --mac pbm"),
        format!("cr {secret} --out c --implicit-confirm"),
        format!("p10cr {secret} --out d --subject O=Operator,CN=enb17"),
    ]
    .iter()
    .enumerate()
    {
        let ended = house.enb(&house.url, &words.to_string());
        assert!(!ended.stderr.contains(SECRET));
        assert!(ended.success().contains("CN=enb17"), "{words}");
        assert_eq!(house.issued().len(), number + 1, "{words}");
    }
    // Without a root of its own it takes the one in caPubs, which raca sends whoever has nothing but a secret.
    let words = format!("cmp ir --server {} {secret} --out rootless", house.url);
    run(ENB, &words, house.path()).success();
    run("openssl", "verify -CAfile ra/ca.pem rootless/cert.pem", house.path()).success();
    let same = "verify -CAfile rootless/chain.pem rootless/cert.pem";
    run("openssl", same, house.path()).success();
    house.enb(&house.url, "kur --out a").success();
    // A wrong secret gets no answer that could be believed; the RA/CA signs its refusal.
    fs::write(house.path().join("4711.secret"), "correct-horse-battery-stapler\n").unwrap();
    let words = format!("ir {secret} --out z --timeout 1");
    let reason = house.enb(&house.url, &words).failure(4);
    assert!(reason.contains("not believed") && !reason.contains("stapler"), "{reason}");
    assert_eq!(house.issued().len(), 6);
}

#[test]
fn it_polls_for_as_long_as_it_is_told_to_wait() {
    let house = House::with(&[("poll_delay_seconds = 0", "poll_delay_seconds = 2")]);
    let proxy = house.proxy(|_| Meddling::Nothing);
    for (words, request) in [
        (format!("ir {VENDOR} --out a"), BodyKind::Ir),
        (format!("p10cr {VENDOR} --out b --subject CN=enb1,O=Vendor --implicit-confirm"), BodyKind::P10cr),
    ] {
        let before = proxy.seen().len();
        let ended = house.enb(&proxy.url, &words);
        assert!(ended.stderr.contains("asking again in"), "{}", ended.stderr);
        ended.success();
        let seen: Vec<_> = proxy.seen().split_off(before).into_iter().map(|(body, _)| body).collect();
        assert_eq!(seen.first(), Some(&request));
        assert_eq!(seen.get(1), Some(&BodyKind::PollReq), "{seen:?}");
    }
    assert_eq!(house.issued().len(), 2);
    // To wait beyond the deadline would be in vain, but it is not forgotten.
    let late = House::with(&[("poll_delay_seconds = 0", "poll_delay_seconds = 30")]);
    let reason = late.enb(&late.url, &format!("ir {VENDOR} --out a --timeout 2")).failure(4);
    assert!(reason.contains("still working on the request") && reason.contains("same command"), "{reason}");
    assert!(late.path().join("a/cmp-transaction.json").exists());
}

#[test]
fn what_got_lost_is_sent_again_octet_for_octet() {
    let house = House::new();
    for body in [BodyKind::Ir, BodyKind::CertConf] {
        let first = usize::from(body == BodyKind::CertConf);
        let proxy = house.proxy(move |passing| {
            if (first..first + 2).contains(&passing.number) { Meddling::Lose } else { Meddling::Nothing }
        });
        let before = house.issued().len();
        house.ir(&proxy.url, body.name(), LONG).unwrap();
        assert_eq!(house.issued().len(), before + 1);
        let seen = proxy.seen();
        let sent: Vec<_> = seen.iter().filter(|(kind, _)| *kind == body).collect();
        assert_eq!(sent.len(), 3);
        assert_eq!(sent.iter().collect::<HashSet<_>>().len(), 1, "{body}: the same octets");
    }
    assert!(house.issued().iter().all(|entry| entry.status == "valid"));
}

#[test]
fn a_run_that_is_killed_at_any_message_goes_on_and_gets_one_certificate() {
    let house = House::with(&[("poll_delay_seconds = 0", "poll_delay_seconds = 1")]);
    for stop in 0..4 {
        let proxy = house
            .proxy(move |passing| if passing.number == stop { Meddling::Hang } else { Meddling::Nothing });
        let words =
            format!("cmp ir --server {} --operator-ca ra/ca.pem {VENDOR} --out stopped-{stop}", proxy.url);
        let mut child = Command::new(ENB)
            .args(words.split(' '))
            .current_dir(house.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while proxy.seen().len() <= stop && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let before = proxy.seen();
        let certificate = house.path().join(format!("stopped-{stop}/cert.pem"));
        if before.len() > stop {
            assert!(!certificate.exists());
        }
        // Another request does not take its place.
        if before.len() > stop {
            let reason = run(ENB, &format!("{words} --implicit-confirm"), house.path()).failure(1);
            assert!(
                reason.contains("cmp-transaction.json") && reason.contains("another request"),
                "{reason}"
            );
            run(ENB, &words, house.path()).success();
        }
        assert!(certificate.exists());
        assert_eq!(house.issued().len(), stop + 1, "stopped at message {stop}");
    }
    assert!(house.issued().iter().all(|entry| entry.status == "valid"));
}

#[test]
fn an_update_that_is_stopped_goes_on_and_leaves_key_and_certificate_together() {
    let house = House::new();
    house.enb(&house.url, &format!("ir {VENDOR} --out a")).success();
    let before = fs::read(house.path().join("a/key.pem")).unwrap();
    let proxy = house.proxy(|passing| {
        if passing.body == BodyKind::CertConf && passing.number < 2 {
            Meddling::Hang
        } else {
            Meddling::Nothing
        }
    });
    house.enb(&proxy.url, "kur --out a --timeout 1").failure(4);
    assert_eq!(fs::read(house.path().join("a/key.pem")).unwrap(), before);
    let reason = house.enb(&proxy.url, &format!("ir {VENDOR} --out a")).failure(1);
    assert!(reason.contains("certificate already"), "{reason}");
    house.enb(&proxy.url, "kur --out a").success();
    assert_ne!(fs::read(house.path().join("a/key.pem")).unwrap(), before);
    assert_eq!(house.issued().len(), 2);
    house.enb(&proxy.url, "kur --out a").success();
}

#[test]
fn servers_are_tried_in_order_until_one_may_have_the_request() {
    let house = House::new();
    let nobody = format!("http://127.0.0.1:{}/.well-known/cmp", testkit::programs::free_port());
    let lost = house.proxy(|passing| if passing.number < 2 { Meddling::Lose } else { Meddling::Nothing });
    let unused = house.proxy(|_| Meddling::Nothing);
    let mut options = house.options(&nobody);
    options.servers.extend([lost.url.replace("/cmp", "/nothing-here"), lost.url.clone(), unused.url.clone()]);
    let wanted = CertificateOptions::new(RequestKind::Ir, Some(house.vendor()), house.path().join("a"));
    let told = std::sync::Mutex::new(Vec::new());
    let progress = |progress: Progress| told.lock().unwrap().push(progress.to_string());
    house.runtime.block_on(request_certificate(&options, &wanted, &progress)).unwrap();
    assert!(unused.seen().is_empty());
    assert_eq!(lost.seen().len(), 4);
    let told = told.into_inner().unwrap().join("\n");
    assert!(
        told.contains(&format!("sending ir to {nobody}")) && told.contains("cannot be reached"),
        "{told}"
    );
    assert_eq!(house.issued().len(), 1);
}

#[test]
fn what_is_planted_on_the_way_ends_nothing() {
    let house = House::new();
    let other = house.proxy(|_| Meddling::Nothing);
    house.ir(&other.url, "other", LONG).unwrap();
    let (_, octets) = other.seen().remove(0);
    let client =
        transfer::http::CmpClient::new(&house.url, transfer::http::ClientOptions::default()).unwrap();
    // The answer to another station, believed but for its transaction.
    let of_another = house.runtime.block_on(client.exchange(octets)).unwrap();
    let proxy = house.proxy(move |passing| match passing.number {
        0 => Meddling::Replace(of_another.clone()),
        1 => Meddling::Replace(b"garbage".to_vec()),
        2 => {
            let mut octets = passing.answer.clone();
            let middle = octets.len() / 2;
            octets[middle] ^= 1;
            Meddling::Replace(octets)
        }
        // Whatever was sent comes back.
        3 => Meddling::Replace(passing.octets.clone()),
        _ => Meddling::Nothing,
    });
    house.ir(&proxy.url, "a", LONG).unwrap();
    assert_eq!(house.issued().len(), 2);
}

#[test]
fn whoever_is_refused_is_told_and_may_ask_for_something_else() {
    let house = House::new();
    let words = format!("ir {VENDOR} --out a --subject CN=somebody-else");
    let reason = house.enb(&house.url, &words).failure(3);
    assert!(reason.contains("notAuthorized"), "{reason}");
    assert!(!house.path().join("a/cmp-transaction.json").exists());
    house.enb(&house.url, &format!("ir {VENDOR} --out a")).success();
}

#[test]
fn a_certificate_that_is_not_the_one_asked_for_is_turned_down() {
    let house = House::new();
    let mut options = house.options(&house.url);
    options.server_certificates = Some(house.path().join("ra/cmp.pem"));
    options.operator_ca = Some(house.path().join("factory.pem"));
    let wanted = CertificateOptions::new(RequestKind::Ir, Some(house.vendor()), house.path().join("a"));
    let error = house.runtime.block_on(request_certificate(&options, &wanted, &|_| {})).unwrap_err();
    assert!(matches!(&error, Error::TurnedDown(reason) if reason.contains("--operator-ca")), "{error}");
    assert!(!house.path().join("a/cert.pem").exists());
    let issued = house.issued();
    assert_eq!(issued.iter().map(|entry| entry.status.as_str()).collect::<Vec<_>>(), ["revoked"]);
}

#[test]
fn a_certificate_is_revoked_by_whoever_has_it_and_by_nobody_else() {
    let house = House::new();
    house.enb(&house.url, &format!("ir {VENDOR} --out a")).success();
    house.enb(&house.url, &format!("ir {VENDOR} --out b")).success();
    let signer = "--cert a/cert.pem --key a/key.pem";
    let reason = house.enb(&house.url, &format!("rr {signer} --old-cert b/cert.pem")).failure(3);
    assert!(reason.contains("notAuthorized"), "{reason}");
    let reason = house.enb(&house.url, &format!("rr {signer} --reason stolen")).failure(2);
    assert!(reason.contains("keyCompromise"), "{reason}");
    // The answer got lost, and the question is repeated.
    let proxy = house.proxy(|passing| if passing.number == 0 { Meddling::Lose } else { Meddling::Nothing });
    let told: Value = serde_json::from_str(
        &house.enb(&proxy.url, &format!("rr {signer} --reason keyCompromise --json")).success(),
    )
    .unwrap();
    assert_eq!(told["revoked"], "a/cert.pem");
    assert_eq!(house.issued().iter().filter(|entry| entry.status == "revoked").count(), 1);
    house.enb(&house.url, &format!("rr {signer} --reason keyCompromise")).failure(3);
    house.enb(&house.url, "kur --out a").failure(3);
}

#[test]
fn the_ra_ca_tells_what_it_is_asked() {
    let house = House::new();
    house.enb(&house.url, &format!("ir {VENDOR} --out a")).success();
    let signer = "--cert a/cert.pem --key a/key.pem";
    let ask = |words: &str| house.enb(&house.url, &format!("genm {words} {signer}")).success();
    assert!(ask("caCerts --out cas.pem").contains("certificate of CN="));
    run("openssl", "verify -CAfile cas.pem a/cert.pem", house.path()).success();
    assert!(ask("signKeyPairTypes").contains("1.2.840.10045.3.1.7"));
    assert!(ask("certReqTemplate --profile ne --out template.der").contains("key"));
    assert!(house.path().join("template.der").exists());
    assert_eq!(ask("rootCaCert --old-root ra/ca.pem").trim(), "the RA/CA has none");
    for none in ["caProtEncCert", "encKeyPairTypes", "preferredSymmAlg"] {
        assert_eq!(ask(none).trim(), "the RA/CA has none", "{none}");
    }
    let parameters = "keyPairParamReq --algorithm";
    assert!(ask(&format!("{parameters} 1.2.840.10045.2.1")).contains("1.2.840.10045.3.1.7"));
    assert_eq!(ask(&format!("{parameters} 1.2.840.10040.4.1")).trim(), "the RA/CA has none");
    assert_eq!(ask("suppLangTags --language de --language en-GB").trim(), "en-GB");
    let words = format!("genm suppLangTags --language de {signer}");
    assert!(house.enb(&house.url, &words).failure(3).contains("English"));
    for (words, due) in [("keyPairParamReq", "--algorithm"), ("suppLangTags", "--language")] {
        let reason = house.enb(&house.url, &format!("genm {words} {signer}")).failure(2);
        assert!(reason.contains(due), "{reason}");
    }
    for words in ["crls --issuer ra/ca.pem --out new.crl", "currentCRL --out new.crl"] {
        let told = ask(words);
        if told.contains("CRL of") {
            run("openssl", "crl -in new.crl -CAfile ra/ca.pem -noout", house.path()).success();
        } else {
            assert_eq!(told.trim(), "the RA/CA has none");
        }
    }
    let secret = "--ref 4711 --secret-file 4711.secret";
    house.enb(&house.url, &format!("genm caCerts {secret}")).success();
    let reason = house.enb(&house.url, &format!("genm rootCaCert {signer}")).failure(2);
    assert!(reason.contains("--old-root"), "{reason}");
    let reason = house.enb(&house.url, &format!("genm caCert {signer}")).failure(2);
    assert!(reason.contains("caCerts"), "{reason}");
}

/// TS 33.310 section 9.5.4.3.
/// A station goes from the old root to the new one, and with either as the only one it is served.
#[test]
fn a_new_key_of_the_ra_ca_is_believed_by_whoever_knows_either_root() {
    let house = House::new();
    house.enb(&house.url, &format!("ir {VENDOR} --out before")).success();
    let config = house.path().join("ra/raca.toml");
    let made = ra_server::rollover(&config, &ra_server::RolloverOptions::default()).unwrap();
    house.enb(&house.url, &format!("ir {VENDOR} --out old --subject CN=enb1,O=Vendor")).success();
    let asked = "--cert before/cert.pem --key before/key.pem --old-root ra/ca.pem --out new-root.pem";
    house.enb(&house.url, &format!("genm rootCaCert {asked}")).success();
    let read = |path: &str| host::files::read_certificates(&house.path().join(path)).unwrap();
    assert_eq!(read("new-root.pem"), host::files::read_certificates(made.ca_certificate.as_ref()).unwrap());
    let by_new_root = |words: &str| {
        let words = format!("cmp {words} --server {} --operator-ca new-root.pem", house.url);
        run(ENB, &words, house.path()).success()
    };
    by_new_root(&format!("ir {VENDOR} --out new"));
    let told = by_new_root("genm caCerts --cert new/cert.pem --key new/key.pem --json");
    assert!(told.matches("CN=Operator").count() >= 2, "both roots: {told}");
    // What the old key issued is updated by the new one.
    by_new_root("kur --out before");
    run("openssl", "verify -CAfile new-root.pem before/cert.pem", house.path()).success();
}

#[test]
fn a_station_without_the_root_takes_it_at_first_contact_only_when_it_is_told_to() {
    let house = House::new();
    let root = host::files::read_certificates(&house.path().join("ra/ca.pem")).unwrap().remove(0);
    let enb = |url: &str, words: &str| {
        let words = words.replacen(' ', &format!(" --server {url} "), 1);
        run(ENB, &format!("cmp {words}"), house.path())
    };
    let reason = enb(&house.url, &format!("ir {VENDOR} --out a")).failure(1);
    assert!(reason.contains("--operator-ca"), "{reason}");
    let quirk = "--quirk root-from-extra-certs";
    // A root that nobody signed for does not help, and one that has signed nothing is not taken.
    let other = House::new();
    let planted = host::files::read_certificates(&other.path().join("ra/ca.pem")).unwrap().remove(0);
    let proxy = house.proxy(move |passing| match passing.number {
        0 => Meddling::Replace(with_extra_certs(&passing.answer, &[], true)),
        1 => Meddling::Replace(with_extra_certs(&passing.answer, std::slice::from_ref(&planted), true)),
        // Any order will do.
        2 => Meddling::Hang,
        3 => Meddling::Replace(with_extra_certs(&passing.answer, &[planted.clone(), root.clone()], false)),
        _ => Meddling::Nothing,
    });
    let ended = enb(&proxy.url, &format!("ir {VENDOR} --out a {quirk} --timeout 5"));
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(!house.path().join("a/cert.pem").exists());
    enb(&proxy.url, &format!("ir {VENDOR} --out a {quirk}")).success();
    run("openssl", "verify -CAfile ra/ca.pem a/cert.pem", house.path()).success();
    assert_eq!(house.issued().len(), 1);
    // Whoever has an anchor is not led astray.
    let url = other.url.clone();
    let words = format!("ir {VENDOR} --out b {quirk} --operator-ca factory.pem --timeout 1");
    let reason = enb(&url, &words).failure(4);
    assert!(reason.contains("not believed"), "{reason}");
}

/// LightweightCmpRa answers everything nested where nesting is switched on.
#[test]
fn an_answer_inside_a_nested_message_is_taken_only_when_it_is_told_to() {
    let house = House::new();
    let file = |name: &str| house.path().join("ra").join(name);
    let key = crypto_aws_lc::read_key_file(file("cmp.key.pem")).unwrap();
    let certificate = host::files::read_certificates(&file("cmp.pem")).unwrap().remove(0);
    let algorithm = crypto::SigningKey::algorithm(&key);
    let identity = cmp::SenderIdentity::new(certificate, Vec::new(), algorithm).unwrap();
    let proxy = house.proxy(move |passing| {
        let answer = cmp::PkiMessage::from_der(&passing.answer).unwrap();
        let provider = crypto_aws_lc::provider();
        let nested = cmp::bundle(&[answer], identity.name().clone(), &identity, &provider, host::now());
        Meddling::Replace(nested.unwrap().0.sign(&key).unwrap())
    });
    let reason = house.enb(&proxy.url, &format!("ir {VENDOR} --out a --timeout 1")).failure(4);
    assert!(reason.contains("not believed"), "{reason}");
    house.enb(&proxy.url, &format!("ir {VENDOR} --out a --quirk nested-answers")).success();
    house.enb(&proxy.url, "kur --out a --quirk nested-answers").success();
    let words = "genm caCerts --cert a/cert.pem --key a/key.pem --quirk nested-answers";
    assert!(house.enb(&proxy.url, words).success().contains("certificate of CN="));
    assert!(house.issued().iter().all(|entry| entry.status == "valid"));
}

/// The message with other certificates in extraCerts: its own but for self-signed ones, if they are to be kept out, behind these.
fn with_extra_certs(message: &[u8], certificates: &[asn1::EncodedCertificate], strip: bool) -> Vec<u8> {
    use der::{Encode, Tag};
    let decoded = cmp::PkiMessage::from_der(message).unwrap();
    let mut extra = certificates.to_vec();
    extra.extend(
        decoded.extra_certs().iter().filter(|certificate| !(strip && is_self_issued(certificate))).cloned(),
    );
    let header = decoded.header().to_der().unwrap();
    let body = decoded.body().to_der().unwrap();
    let protection = decoded.protection().unwrap().to_der().unwrap();
    let number = |number| Tag::ContextSpecific { constructed: true, number: der::TagNumber(number) };
    let protection = asn1::compose(number(0), &[&protection]).unwrap();
    let extra = asn1::compose(number(1), &[&extra.to_der().unwrap()]).unwrap();
    asn1::compose(Tag::Sequence, &[&header, &body, &protection, &extra]).unwrap()
}

fn is_self_issued(certificate: &asn1::EncodedCertificate) -> bool {
    use der::Decode;
    let decoded = x509_cert::Certificate::from_der(certificate.octets()).unwrap();
    decoded.tbs_certificate().issuer() == decoded.tbs_certificate().subject()
}
