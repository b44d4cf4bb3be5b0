//! What the operator does while `raca serve` runs: decides on requests that wait, and changes the configuration.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use testkit::programs::{Ended, Factory, Server, run};

const RACA: &str = env!("CARGO_BIN_EXE_raca");
const SERVE: &str = "serve --config ra/raca.toml --listen 127.0.0.1:0";

fn house() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let factory = Factory::new(folder.path());
    factory.certify("enb1", 3650);
    factory.certify("enb2", 3650);
    run(RACA, "init --dir ra --vendor-ca factory.pem", folder.path()).success();
    let key = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out new.key";
    run("openssl", key, folder.path()).success();
    folder
}

fn replace(folder: &Path, from: &str, to: &str) {
    let config = folder.join("ra/raca.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&config, text.replacen(from, to, 1)).unwrap();
}

fn ir(server: &Server, station: &str, more: &str, folder: &Path) -> Ended {
    let options = format!(
        "cmp -server {} -recipient /CN=Operator -trusted ra/ca.pem -cmd ir -newkey new.key -subject /O=Vendor/CN={station} -cert {station}.pem -key {station}.key -certout {station}.got.pem {more}",
        server.url()
    );
    run("openssl", &options, folder)
}

fn raca(words: &str, folder: &Path) -> Ended {
    let (command, options) = words.split_once(' ').unwrap_or((words, ""));
    run(RACA, &format!("{command} --config ra/raca.toml {options}"), folder)
}

/// The transactionID of the request with that subject, once it waits.
fn waiting(subject: &str, server: &Server, folder: &Path) -> String {
    server.wait_for_log(&["INFO", subject, "has to wait for approval"]);
    let pending: Value = serde_json::from_str(&raca("pending --json", folder).success()).unwrap();
    let entries = pending.as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["subject"].as_str().unwrap().contains(subject)).unwrap();
    assert_eq!((&entry["request"], &entry["obstacle"]), (&Value::from("ir"), &Value::Null));
    entry["transaction_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_request_waits_for_the_operator_over_a_crash() {
    let folder = house();
    let path = folder.path();
    replace(path, "of = []", "of = [\"vendor\"]");
    replace(path, "check_after_seconds = 60", "check_after_seconds = 1");
    let port = testkit::programs::free_port();
    let serve = format!("serve --config ra/raca.toml --listen 127.0.0.1:{port}");
    let server = Server::start(RACA, &serve, path);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| ir(&server, "enb1", "", path));
        let second = scope.spawn(|| ir(&server, "enb2", "", path));
        let one = waiting("CN=enb1", &server, path);
        let two = waiting("CN=enb2", &server, path);
        let table = raca("pending", path).success();
        assert_eq!(table.lines().count(), 3, "{table}");
        assert!(table.contains(&one) && table.contains("CN=enb2"), "{table}");

        let said = raca("approve --transaction 4A4A", path).failure(1);
        assert!(said.contains("transaction"), "{said}");
        assert!(raca("approve --transaction 4", path).failure(1).contains("no transactionID"));
        let approved = raca(&format!("approve --transaction {one}"), path).success();
        assert!(approved.contains("CN=enb1") && approved.contains("unconfirmed"), "{approved}");
        let rejected = raca(&format!("reject --transaction {two} --reason unwanted --json"), path).success();
        assert!(rejected.contains(&two) && rejected.contains("unwanted"), "{rejected}");
        assert!(raca(&format!("approve --transaction {two}"), path).failure(1).contains("waits no more"));
        first.join().unwrap().success();
        let said = second.join().unwrap();
        let text = format!("{}{}", said.stdout, said.stderr);
        assert!(said.code != Some(0) && text.contains("unwanted"), "{text}");
    });
    run("openssl", "verify -CAfile ra/ca.pem enb1.got.pem", path).success();

    // A request that waits when the server is killed is decided after it.
    std::thread::scope(|scope| {
        let third = scope.spawn(|| {
            // The client gives up when nobody listens, and the message that it repeats is the same one.
            ir(&server, "enb1", "-total_timeout 1", path)
        });
        assert_ne!(third.join().unwrap().code, Some(0));
    });
    let waits = raca("pending", path).success();
    server.stop("KILL");
    assert_eq!(raca("pending", path).success(), waits);
    assert_eq!(waits.lines().count(), 2, "{waits}");
    let one = waits.lines().nth(1).unwrap().split(' ').next().unwrap();
    raca(&format!("approve --transaction {one}"), path).success();
    assert_eq!(raca("pending", path).success().lines().count(), 1);
    audited(path);
}

/// Everything that was decided above stands in the audit log, and a changed line is found.
fn audited(folder: &Path) {
    let log = folder.join("ra/audit.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let decided = |words: &[&str]| text.lines().any(|line| words.iter().all(|word| line.contains(word)));
    for words in [
        &["\"what\":\"ir\"", "waits for approval", "CN=enb1"][..],
        &["\"who\":\"operator\"", "\"what\":\"approve\"", "\"serial_number\""],
        &["\"what\":\"reject\"", "unwanted"],
        &["\"decision\":\"issued\"", "CN=enb1,O=Vendor", "\"transaction_id\""],
        &["\"what\":\"certConf\"", "\"decision\":\"confirmed\""],
    ] {
        assert!(decided(words), "{words:?}: {text}");
    }
    let account: Value =
        serde_json::from_str(&run(RACA, "audit verify --config ra/raca.toml --json", folder).success())
            .unwrap();
    assert_eq!(account["entries"], text.lines().count());
    fs::write(&log, text.replacen("unwanted", "wanted", 1)).unwrap();
    let line = text.lines().position(|line| line.contains("unwanted")).unwrap() + 1;
    let said = run(RACA, "audit verify --config ra/raca.toml", folder).failure(1);
    assert!(said.contains(&format!("line {line}:")) && said.contains("audit.jsonl"), "{said}");
}

#[test]
fn a_configuration_is_taken_up_and_connections_stay() {
    let folder = house();
    let path = folder.path();
    let server = Server::start(RACA, SERVE, path);
    let validity = |expected: &str| {
        ir(&server, "enb1", "", path).success();
        let ended = run("openssl", "x509 -checkend 2600000 -noout -in enb1.got.pem", path);
        assert_eq!(if ended.code == Some(0) { "long" } else { "short" }, expected);
    };
    validity("long");
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let mut get = || {
        stream.write_all(b"GET /ca.crl HTTP/1.1\r\nHost: raca\r\n\r\n").unwrap();
        let mut octets = [0; 15];
        stream.read_exact(&mut octets).unwrap();
        assert_eq!(&octets, b"HTTP/1.1 200 OK");
        let mut rest = [0; 4096];
        assert!(stream.read(&mut rest).unwrap() > 0);
    };
    get();

    replace(path, "ne = 365", "ne = 30");
    raca("reload", path).success();
    server.wait_for_log(&["INFO", "the configuration was read again"]);
    validity("short");
    get();

    // A bad one is refused with its line, and the good one stays.
    replace(path, "ne = 30", "ne = 0");
    let said = raca("reload", path).failure(1);
    assert!(said.contains("raca.toml: line") && said.contains("validity_days.ne"), "{said}");
    server.signal("HUP");
    server.wait_for_log(&["ERROR", "the configuration stays as it was", "line", "validity_days.ne"]);
    validity("short");
    replace(path, "ne = 0", "ne = 400");
    replace(path, "vendor-ca-1.pem", "nowhere.pem");
    assert!(raca("reload", path).failure(1).contains("nowhere.pem"));
    validity("short");
    replace(path, "nowhere.pem", "vendor-ca-1.pem");
    server.signal("HUP");
    let reloads = || server.log().matches("the configuration was read again").count();
    while reloads() < 2 {
        std::thread::yield_now();
    }
    validity("long");
    replace(path, "max_message_octets = 65536", "max_message_octets = 70000");
    let said = raca("reload", path).failure(1);
    assert!(said.contains("max_message_octets") && said.contains("restart"), "{said}");
    get();
    drop(server);
    replace(path, "max_message_octets = 70000", "max_message_octets = 65536");
    assert!(raca("reload", path).failure(1).contains("no `raca serve` runs"));
}

#[test]
fn https_asks_for_client_certificates_when_it_is_told_whose() {
    let folder = house();
    let path = folder.path();
    let request = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ra/tls.key.pem -out tls.csr -subj /CN=raca -addext subjectAltName=IP:127.0.0.1";
    run("openssl", request, path).success();
    raca("issue --profile tls-server --csr tls.csr --out ra/tls.pem", path).success();
    run("chmod", "600 ra/tls.key.pem", path).success();
    replace(
        path,
        "# [tls] ",
        "[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key.pem\"\nclient_cas = [\"vendor-ca-1.pem\"]\n# ",
    );
    let server = Server::start(RACA, SERVE, path);
    assert!(server.url().starts_with("https://"));
    server.wait_for_log(&["CRL published"]);
    let fetch = |more: &str| {
        let url = format!("https://{}/ca.crl", server.address());
        run("curl", &format!("-sSf --cacert ra/ca.pem -o got.crl {more} {url}"), path)
    };
    fetch("").success();
    fetch("--cert enb1.pem --key enb1.key").success();
    assert_ne!(fetch("--cert ra/tls.pem --key ra/tls.key.pem").code, Some(0), "no vendor certified that one");
    // A new certificate is served after a reload.
    fs::copy(path.join("ra/tls.pem"), path.join("old.pem")).unwrap();
    fs::remove_file(path.join("ra/tls.pem")).unwrap();
    raca("issue --profile tls-server --csr tls.csr --out ra/tls.pem", path).success();
    raca("reload", path).success();
    let shown = run("openssl", &format!("s_client -connect {} -showcerts", server.address()), path).stdout;
    let pem = fs::read_to_string(path.join("ra/tls.pem")).unwrap();
    assert!(shown.contains(pem.lines().nth(3).unwrap()), "{shown}");
}

fn health(server: &Server, folder: &Path) -> String {
    let url = server.url().replace("/.well-known/cmp", "/healthz");
    run("curl", &format!("--silent --show-error --write-out %{{http_code}} {url}"), folder).success()
}

#[test]
fn the_certificate_that_signs_messages_is_renewed_while_it_serves() {
    let folder = house();
    let path = folder.path();
    let server = Server::start(RACA, SERVE, path);
    let cmp = || fs::read_to_string(path.join("ra/cmp.pem")).unwrap();
    let key = || run("openssl", "x509 -in ra/cmp.pem -noout -pubkey", path).success();
    let (before, same_key) = (cmp(), key());
    // Somebody is in the midst of a request, over a connection that stays.
    let address = server.url().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let mut under_way = TcpStream::connect(address).unwrap();
    under_way.write_all(b"POST /.well-known/cmp HTTP/1.1\r\nHost: raca\r\n").unwrap();
    let renewed: Value = serde_json::from_str(&raca("renew-signer --json", path).success()).unwrap();
    assert_eq!(renewed["profile"], "cmp");
    assert_ne!(cmp(), before);
    assert_eq!(key(), same_key, "whose name and key are the same");
    run("openssl", "verify -CAfile ra/ca.pem ra/cmp.pem", path).success();
    // Answers are signed with the new certificate, and nothing else is taken.
    ir(&server, "enb1", "-srvcert ra/cmp.pem", path).success();
    under_way.write_all(b"Content-Type: application/pkixcmp\r\nContent-Length: 2\r\n\r\n\x30\x00").unwrap();
    let mut answer = [0; 12];
    under_way.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    assert!(fs::read_to_string(path.join("ra/audit.jsonl")).unwrap().contains("renew-signer"));
    assert_eq!(health(&server, path), "ok\n200");
    assert_eq!(server.stop("TERM").code(), Some(0));

    // Also while nothing runs.
    let before = cmp();
    raca("renew-signer", path).success();
    assert_ne!(cmp(), before);
    let all: Value = serde_json::from_str(&raca("list --json", path).success()).unwrap();
    let signers = all.as_array().unwrap().iter().filter(|entry| entry["profile"] == "cmp");
    assert_eq!(signers.count(), 3);

    // Another's is another's business.
    run("openssl", "req -x509 -key ra/cmp.key.pem -subj /CN=other -out ra/cmp.pem", path).success();
    let before = cmp();
    let reason = raca("renew-signer", path).failure(1);
    assert!(reason.contains("cmp.pem") && reason.contains("has not issued it"), "{reason}");
    assert_eq!(cmp(), before);
}

#[test]
fn what_ends_soon_or_has_ended_is_told() {
    let folder = house();
    let path = folder.path();
    // From long ago until in ten days, or until long ago.
    for (name, end, told, status) in [
        ("soon", "-days 10", "ends at", "200"),
        ("over", "-enddate 20210101000000Z", "ended at 2021-01-01", "503"),
    ] {
        let sign = format!(
            "ca -batch -notext -config factory.cnf -rand_serial -in enb1.csr -out ra/{name}.pem -startdate 20200101000000Z {end} -extfile factory.ext"
        );
        run("openssl", &sign, path).success();
        fs::copy(path.join("enb1.key"), path.join("ra/signer.key.pem")).unwrap();
        let from = if name == "soon" { "cmp.pem" } else { "soon.pem" };
        replace(path, &format!("certificate = \"{from}\""), &format!("certificate = \"{name}.pem\""));
        if name == "soon" {
            replace(path, "key = \"cmp.key.pem\"", "key = \"signer.key.pem\"");
        }
        let server = Server::start(RACA, SERVE, path);
        server.wait_for_log(&["WARN", &format!("{name}.pem"), told]);
        let answer = health(&server, path);
        assert!(answer.contains(&format!("{name}.pem: the certificate {told}")), "{answer}");
        assert!(answer.ends_with(status) && !answer.contains("ra/"), "{answer}");
        assert_eq!(answer.starts_with("ok\n"), name == "soon", "{answer}");
        assert_eq!(server.stop("TERM").code(), Some(0));
    }
}
