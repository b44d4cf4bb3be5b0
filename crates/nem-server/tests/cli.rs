//! The command line of `nem`, with the mistakes people make.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use support::{House, NEM, enter, replace};
use testkit::programs::{Factory, Server, run, run_words, words};

const URL: &str = "--upstream http://127.0.0.1:1/.well-known/cmp";

#[test]
fn every_command_shows_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "init",
        "serve",
        "requests",
        "stations",
        "status",
        "upstreams",
        "batches",
        "flush",
        "reload",
        "hold",
        "release",
        "export",
        "exports",
        "import",
        "retry",
        "reject",
    ] {
        let help = run(NEM, &format!("{command} --help"), folder.path()).success();
        assert!(help.contains(&format!("nem {command} --")), "{help}");
    }
    assert!(run(NEM, "--help", folder.path()).success().contains("Exit codes"));
    run(NEM, "server", folder.path()).failure(2);
    run(NEM, "init --dir nem", folder.path()).failure(2);
}

#[test]
fn init_makes_what_the_ra_ca_wants_to_see() {
    let folder = tempfile::tempdir().unwrap();
    Factory::new(folder.path());
    for alg in ["p256", "p384", "p521", "rsa3072", "ed25519"] {
        let hosts = "--host nem.example --host 192.0.2.1 --ca factory.pem --vendor-ca factory.pem";
        run(NEM, &format!("init --dir {alg} --alg {alg} {URL} {hosts}"), folder.path()).success();
        for name in ["cmp", "tls"] {
            let request = format!("req -in {alg}/{name}.csr.pem -verify -noout -text");
            let ended = run("openssl", &request, folder.path());
            assert!((ended.stdout.clone() + &ended.stderr).contains("verify OK"), "{alg} {name}");
            let has_names = ended.stdout.contains("DNS:nem.example, IP Address:192.0.2.1");
            assert_eq!(has_names, name == "tls", "{}", ended.stdout);
            let key = folder.path().join(alg).join(format!("{name}.key.pem"));
            assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    let before = fs::read(folder.path().join("p256/tls.key.pem")).unwrap();
    let reason = run(NEM, &format!("init --dir p256 {URL}"), folder.path()).failure(1);
    assert!(reason.contains("p256/nem.toml") && reason.contains("another directory"), "{reason}");
    assert_eq!(fs::read(folder.path().join("p256/tls.key.pem")).unwrap(), before);
}

#[test]
fn a_typing_error_is_named_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, reason) in [
        ("--upstream raca:8829", "is no URL"),
        ("--upstream http://raca --host *.example", "*.example"),
        ("--upstream http://raca --name a,b", "a,b"),
        ("--upstream http://raca --ca nowhere.pem", "nowhere.pem"),
        ("--upstream http://raca --vendor-ca nowhere.pem", "nowhere.pem"),
    ] {
        let error =
            run_words(NEM, &words("init --dir nem", &words(arguments, &[])), folder.path()).failure(1);
        assert!(error.contains(reason), "{arguments}: {error}");
    }
    assert!(!folder.path().join("nem").exists());
}

#[test]
fn what_is_missing_is_named() {
    let house = House::new();
    let folder = house.path();
    run(NEM, &format!("init --dir bare {URL}"), folder).success();
    let serve = |dir: &str| {
        run(NEM, &format!("serve --config {dir}/nem.toml --listen 127.0.0.1:0"), folder).failure(1)
    };
    assert!(serve("bare").contains("operator-ca.pem"));
    fs::copy(folder.join("ra/ca.pem"), folder.join("bare/operator-ca.pem")).unwrap();
    let reason = serve("bare");
    assert!(reason.contains("tls.pem") && reason.contains("--profile tls-server"), "{reason}");
    // The certificate of another NEM.
    fs::copy(folder.join("nem/tls.pem"), folder.join("bare/tls.pem")).unwrap();
    assert!(serve("bare").contains("another key"));
    fs::copy(folder.join("bare/tls.key.pem"), folder.join("bare/tls.pem")).unwrap();
    assert!(serve("bare").contains("no certificate"));
    assert!(serve("nowhere").contains("nem init"));
    assert!(serve("nem").contains("running already"));
}

#[test]
fn a_bad_configuration_is_refused_with_its_line() {
    let house = House::new();
    let path = house.path().join("nem/nem.toml");
    let good = fs::read_to_string(&path).unwrap();
    for (from, to, reasons) in [
        ("listen =", "lisen =", &["nem.toml", "line", "lisen"][..]),
        ("quirks = []", "quirks = [\"all\"]", &["upstream.quirks", "unprotected-errors"]),
        ("quirks = []", "quirks = [\"pbes2-in-pbmac1\"]", &["upstream.quirks", "pbes2-in-pbmac1"]),
        ("hold_seconds = 5", "hold_seconds = \"five\"", &["nem.toml", "line"]),
        ("max_requests = 100000", "max_requests = 0", &["intake.max_requests"]),
        ("max_request_octets = 65536", "max_request_octets = 5", &["max_request_octets"]),
        ("operator_cas = [\"operator-ca-1.pem\"]", "operator_cas = []", &["operator_cas"]),
        ("url = \"http:", "url = \"gopher:", &["upstream", "http"]),
    ] {
        assert!(good.contains(from), "{from}");
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let reason = run(NEM, "serve --config nem/nem.toml --listen 127.0.0.1:0", house.path()).failure(1);
        for expected in reasons {
            assert!(reason.contains(expected), "{to}: {reason}");
        }
    }
}

#[test]
fn the_inventory_changes_without_a_restart() {
    let house = House::new();
    let path = house.path().join("nem/stations.toml");
    let good = fs::read_to_string(&path).unwrap();
    enter(house.path(), "enb2", "");
    house.nem.wait_for_log(&["inventory read again", "stations=2"]);
    fs::write(&path, good.replace("subject = \"CN=enb1", "subject = \"CM=enb1")).unwrap();
    house.nem.wait_for_log(&["ERROR", "the inventory stays as it was", "stations.toml", "CM"]);
    let list = |json: &str| run(NEM, &format!("stations --config nem/nem.toml {json}"), house.path());
    assert!(list("").failure(1).contains("CM"));
    house.request("good", "/CN=enb1.operator.example");
    house.delivers("enb1", "good.p10");
    fs::write(&path, &good).unwrap();
    house.nem.wait_for_log(&["inventory read again", "stations=1"]);
    house.nem.signal("HUP");
    let stations: Vec<Value> = serde_json::from_str(&list("--json").success()).unwrap();
    let [station] = stations.as_slice() else { panic!("{stations:?}") };
    assert_eq!(station.pointer("/request/state").unwrap(), "delivered");
    assert!(list("").success().contains("enb1"));
}

#[test]
fn requests_are_shown_with_and_without_a_server() {
    let house = House::new();
    house.request("good", "/CN=enb1.operator.example");
    house.delivers("enb1", "good.p10");
    let shown = |json: &str, folder: &std::path::Path| {
        run(NEM, &format!("requests --config nem/nem.toml {json}"), folder).success()
    };
    let online = shown("--json", house.path());
    let House { nem, folder, raca, .. } = house;
    assert_eq!(nem.stop("TERM").code(), Some(0));
    assert_eq!(shown("--json", folder.path()), online);
    let entries: Vec<Value> = serde_json::from_str(&online).unwrap();
    let serial_number = entries.first().unwrap().get("serial_number").unwrap().as_str().unwrap();
    assert_eq!(serial_number, raca.issued().first().unwrap().serial_number);
    assert!(shown("", folder.path()).contains("delivered"));

    let nem = support::serve(folder.path());
    assert_eq!(nem.stop("INT").code(), Some(0));
    let log = fs::read_to_string(folder.path().join("nem.log")).unwrap();
    assert!(!log.contains("PRIVATE") && log.contains("stopped"), "{log}");
    fs::remove_file(folder.path().join("nem/ledger.redb")).unwrap();
    assert_eq!(shown("--json", folder.path()).trim(), "[]");
}

#[test]
fn a_broken_inventory_does_not_start() {
    let house = House::new();
    let House { nem, folder, raca: _raca, .. } = house;
    nem.stop("TERM");
    replace(&folder.path().join("nem/stations.toml"), "name = \"enb1\"", "nam = \"enb1\"");
    let serve = "serve --config nem/nem.toml --listen 127.0.0.1:0";
    let reason = run(NEM, serve, folder.path()).failure(1);
    assert!(reason.contains("stations.toml") && reason.contains("nam"), "{reason}");
    replace(&folder.path().join("nem/stations.toml"), "nam = \"enb1\"", "name = \"enb1\"");
    let _nem: Server = support::serve(folder.path());
}
