//! Stations that speak CMP themselves, as TS 33.310 has it: `openssl cmp` through `nem serve` to the RA/CA.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use cmp::end_entity::RequestKind;
use cmp::{BodyKind, PkiBody, PkiFailureInfo, PkiMessage};
use enb::{CertificateOptions, CmpOptions, CmpSender, Inquiry, inquire, request_certificate, revoke};
use host::{KeyLocation, KeySource, Names};
use support::{House, NEM, Plan, eventually};
use testkit::programs::{Ended, Server, free_port, run, run_words, words};

/// `openssl cmp` as enb1, to that port inside the tunnel; the RA/CA is known by the operator's CA.
fn cmp(house: &House, port: u16, command: &str, subject: &str) -> Ended {
    let options = format!(
        "cmp -cmd {command} -server 127.0.0.1:{port} -path .well-known/cmp -trusted ra/ca.pem -certout got.pem -subject"
    );
    run_words("openssl", &words(&options, &[subject, "-issuer", "/CN=Operator CA"]), house.path())
}

fn house(policy: &str, port: u16, state: &str) -> House {
    house_below(policy, port, state, None)
}

/// With another RA/CA than ours.
fn house_below(policy: &str, port: u16, state: &str, upstream: Option<&str>) -> House {
    let settings = format!("[tunnel]\nlisten = \"127.0.0.1:{port}\"\n\n[intake]");
    let policy = format!("station_cmp = \"{policy}\"");
    let settings = [("[intake]", settings.as_str()), ("station_cmp = \"unchanged\"", policy.as_str())];
    let house = House::with(&Plan { settings: &settings, upstream, ..Plan::default() });
    let stations = house.path().join("nem/stations.toml");
    let text = std::fs::read_to_string(&stations).unwrap();
    let (head, _) = text.rsplit_once("[[station]]").unwrap();
    let entry = format!(
        "[[station]]\nname = \"enb1\"\nvendor_subject = \"CN=enb1,O=Vendor\"\nsubject = \"CN=enb1,O=Vendor\"\n\
         tunnel_address = \"127.0.0.1\"\nstate = \"{state}\"\n"
    );
    std::fs::write(&stations, head.to_owned() + &entry).unwrap();
    house.nem.signal("HUP");
    house.nem.wait_for_log(&["inventory read again"]);
    house.factory.certify("enb2", 3650);
    for name in ["new", "next"] {
        run("openssl", &format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"), house.path())
            .success();
    }
    house
}

/// The RA/CA gives stations the names that their vendors gave them.
const SUBJECT: &str = "/O=Vendor/CN=enb1";

#[test]
fn openssl_enrols_and_renews_through_the_nem() {
    for policy in ["unchanged", "added-protection", "replaced-protection"] {
        let port = free_port();
        let house = house(policy, port, "expected");
        let ended = cmp(&house, port, "ir -newkey new.key -cert enb1.pem -key enb1.key", SUBJECT);
        assert_eq!(ended.code, Some(0), "{policy}: {}{}{}", ended.stdout, ended.stderr, house.nem.log());
        run("openssl", "verify -CAfile ra/ca.pem got.pem", house.path()).success();
        std::fs::rename(house.path().join("got.pem"), house.path().join("new.pem")).unwrap();
        let ended = cmp(&house, port, "kur -newkey next.key -cert new.pem -key new.key", SUBJECT);
        assert_eq!(ended.code, Some(0), "{policy}: {}{}{}", ended.stdout, ended.stderr, house.nem.log());
        let key = run("openssl", "pkey -in next.key -pubout", house.path()).success();
        assert_eq!(run("openssl", "x509 -in got.pem -noout -pubkey", house.path()).success(), key);
        assert_eq!(house.raca.issued().len(), 2);
        // Nobody but the station can ask for an update of its certificate.
        let (of_ir, of_kur) = match policy {
            "unchanged" => (" unchanged", " unchanged"),
            "added-protection" => (" with added protection", " with added protection"),
            _ => (" with its protection replaced", " with added protection"),
        };
        house.nem.wait_for_log(&["enb1", "ir of", of_ir]);
        house.nem.wait_for_log(&["enb1", "kur of", of_kur]);
        house.nem.wait_for_log(&["enb1", "certConf", "passed up", "transaction="]);
        // Its renewal is watched over like anybody's.
        let requests = run(NEM, "requests --config nem/nem.toml --json", house.path()).success();
        assert_eq!(requests.matches("\"state\": \"delivered\"").count(), 2, "{requests}");
        let stations = run(NEM, "stations --config nem/nem.toml --json", house.path()).success();
        assert!(stations.contains("\"state\": \"enrolled\""), "{stations}");
    }
}

/// As `enb cmp` does it, with a name of the station's choice and without one: then the RA/CA would take the name of whoever signs.
#[test]
fn our_station_enrols_under_the_nem_s_protection() {
    let port = free_port();
    let house = house("replaced-protection", port, "expected");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut options = CmpOptions::new(format!("http://127.0.0.1:{port}/.well-known/cmp"));
    options.operator_ca = Some(house.path().join("ra/ca.pem"));
    options.timeout = Duration::from_secs(60);
    let file = |name: &str| house.path().join(name);
    let sender = |certificate: &str, key: &str| {
        let key = KeySource::new(KeyLocation::File(file(key)), None);
        CmpSender::Certificate { certificate: file(certificate), key }
    };
    let vendor = sender("enb1.pem", "enb1.key");
    for (subject, out) in [(Some("CN=enb1,O=Vendor"), "named"), (None, "unnamed")] {
        let mut wanted = CertificateOptions::new(RequestKind::Ir, Some(vendor.clone()), file(out));
        wanted.names = Names::new(subject.map(|name| name.parse().unwrap()).unwrap_or_default());
        let enrolled = runtime.block_on(request_certificate(&options, &wanted, &|_| {}));
        assert!(enrolled.is_ok(), "{enrolled:?}{}", house.nem.log());
        run("openssl", &format!("verify -CAfile ra/ca.pem {out}/cert.pem"), house.path()).success();
        let subject = format!("x509 -in {out}/cert.pem -noout -subject");
        assert!(run("openssl", &subject, house.path()).success().contains("enb1"));
        let update = CertificateOptions::new(RequestKind::Kur, None, file(out));
        runtime.block_on(request_certificate(&options, &update, &|_| {})).unwrap();
    }
    runtime.block_on(inquire(&options, &vendor, &Inquiry::CaCerts, &|_| {})).unwrap().unwrap();
    // Revoking is for the operator: the NEM lets no rr through.
    let (owner, reason) = (sender("named/cert.pem", "named/key.pem"), "keyCompromise".parse().unwrap());
    let named = file("named/cert.pem");
    runtime.block_on(revoke(&options, &owner, &named, reason, &|_| {})).unwrap_err();
    house.nem.wait_for_log(&["message refused", "rr"]);
    let issued = house.raca.issued();
    assert!(issued.len() == 4 && issued.iter().all(|entry| entry.status == "valid"), "{issued:?}");
}

/// A message that somebody changed on its way to the NEM; the NEM does not sign it.
#[test]
fn what_is_not_the_station_s_word_is_not_signed_by_the_nem() {
    for policy in ["added-protection", "replaced-protection"] {
        let port = free_port();
        let house = house(policy, port, "expected");
        // Caught before it arrives.
        let ended = cmp(&house, 9, "ir -reqout ir.der -newkey new.key -cert enb1.pem -key enb1.key", SUBJECT);
        assert_ne!(ended.code, Some(0));
        let good = std::fs::read(house.path().join("ir.der")).unwrap();
        let post = |octets: &[u8]| {
            std::fs::write(house.path().join("post.der"), octets).unwrap();
            let curl = format!(
                "-sS --fail -H Content-Type:application/pkixcmp --data-binary @post.der -o answer.der http://127.0.0.1:{port}/.well-known/cmp"
            );
            run("curl", &curl, house.path()).success();
            PkiMessage::from_der(&std::fs::read(house.path().join("answer.der")).unwrap()).unwrap()
        };
        let nonce = good.windows(2).position(|octets| octets == [0xa5, 0x12]).unwrap();
        let mut planted = good.clone();
        planted[nonce + 6] ^= 1;
        let answer = post(&planted);
        let PkiBody::Error(refusal) = answer.body() else { panic!("{policy}: {answer:?}") };
        assert_eq!(refusal.pki_status_info.fail_info, Some(PkiFailureInfo::BAD_MESSAGE_CHECK), "{policy}");
        house.nem.wait_for_log(&["message refused", "protection"]);
        assert!(house.raca.issued().is_empty());
        assert_eq!(post(&good).body().kind(), BodyKind::Ip, "{policy}");
        assert_eq!(house.raca.issued().len(), 1);
    }
}

#[test]
fn openssl_enrols_through_the_nem_at_openssl_which_takes_nothing_apart() {
    for (policy, tried) in [("unchanged", false), ("added-protection", true)] {
        let (port, mock) = (free_port(), free_port());
        let upstream = format!("http://127.0.0.1:{mock}/pkix/");
        let house = house_below(policy, port, "expected", Some(&upstream));
        let request = words("req -new -key new.key -out new.csr -subj", &[SUBJECT]);
        run_words("openssl", &request, house.path()).success();
        let sign = "x509 -req -in new.csr -CA ra/ca.pem -CAkey ra/ca.key.pem -days 30 -set_serial 0x1234 -out rsp.pem -extfile factory.ext";
        run("openssl", sign, house.path()).success();
        let anchors = ["ra/ca.pem", "factory.pem"]
            .map(|file| std::fs::read_to_string(house.path().join(file)).unwrap());
        std::fs::write(house.path().join("anchors.pem"), anchors.concat()).unwrap();
        let options = format!(
            "cmp -port {mock} -srv_cert ra/ca.pem -srv_key ra/ca.key.pem -srv_trusted anchors.pem -rsp_cert rsp.pem"
        );
        let _mock = Server::start_at("openssl", &options, house.path(), mock);
        // It serves one connection after another, and may break off one that comes too early.
        eventually(|| {
            cmp(&house, port, "ir -newkey new.key -cert enb1.pem -key enb1.key", SUBJECT).code == Some(0)
        });
        let serial = run("openssl", "x509 -in got.pem -noout -serial", house.path()).success();
        assert_eq!(serial.trim(), "serial=1234");
        let upstreams = run(NEM, "upstreams --config nem/nem.toml --json", house.path()).success();
        assert_eq!(upstreams.contains("\"batches\": \"refused\""), tried, "{upstreams}");
    }
}

#[test]
fn others_names_others_keys_and_blocked_stations_do_not_get_up() {
    let port = free_port();
    let blocked = house("unchanged", port, "blocked");
    let ended = cmp(&blocked, port, "ir -newkey new.key -cert enb1.pem -key enb1.key", SUBJECT);
    assert_ne!(ended.code, Some(0));
    blocked.nem.wait_for_log(&["WARN", "message refused", "blocked"]);
    drop(blocked);

    let house = house("unchanged", port, "expected");
    let other = cmp(&house, port, "ir -newkey new.key -cert enb1.pem -key enb1.key", "/O=Vendor/CN=enb2");
    assert_ne!(other.code, Some(0));
    house.nem.wait_for_log(&["message refused", "asks for the name"]);
    let other = cmp(&house, port, "ir -newkey new.key -cert enb2.pem -key enb2.key", SUBJECT);
    assert_ne!(other.code, Some(0));
    house.nem.wait_for_log(&["message refused", "enb2"]);
    let from = format!(
        "-sS --interface 127.0.0.9 -H Content-Type:application/pkixcmp --data-binary @new.key -o error.der http://127.0.0.1:{port}/.well-known/cmp"
    );
    run("curl", &from, house.path()).success();
    house.nem.wait_for_log(&["message refused", "tunnel address 127.0.0.9"]);
    assert!(house.raca.issued().is_empty());
}
