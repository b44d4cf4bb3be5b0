//! Stations that speak CMP themselves, as TS 33.310 has it: `openssl cmp` through `nem serve` to the RA/CA.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

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
    for policy in ["unchanged", "added-protection"] {
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
        house.nem.wait_for_log(&["enb1", "kur", "passed up"]);
        house.nem.wait_for_log(&["enb1", "certConf", "passed up", "transaction="]);
        // Its renewal is watched over like anybody's.
        let requests = run(NEM, "requests --config nem/nem.toml --json", house.path()).success();
        assert_eq!(requests.matches("\"state\": \"delivered\"").count(), 2, "{requests}");
        let stations = run(NEM, "stations --config nem/nem.toml --json", house.path()).success();
        assert!(stations.contains("\"state\": \"enrolled\""), "{stations}");
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
