//! `raca rollover`: a new key of the CA, and whoever knows only one of its roots.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use testkit::programs::{Ended, Factory, Server, run};

const RACA: &str = env!("CARGO_BIN_EXE_raca");
const SERVE: &str = "serve --config ra/raca.toml --listen 127.0.0.1:0";
const OLD: &str = "ra/ca.pem";
const NEW: &str = "ra/rollovers/1/ca.pem";

fn house() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let factory = Factory::new(folder.path());
    factory.certify("enb1", 3650);
    run(RACA, "init --dir ra --vendor-ca factory.pem", folder.path()).success();
    for number in 1..=4 {
        let key = format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {number}.key");
        run("openssl", &key, folder.path()).success();
    }
    folder
}

fn raca(words: &str, folder: &Path) -> Ended {
    let (command, options) = words.split_once(' ').unwrap_or((words, ""));
    run(RACA, &format!("{command} --config ra/raca.toml {options}"), folder)
}

fn cmp(server: &Server, words: &str, folder: &Path) -> Ended {
    run("openssl", &format!("cmp -server {} -recipient /CN=Operator {words}", server.url()), folder)
}

/// By a station that trusts only that root.
fn enrol(server: &Server, root: &str, key: u8, folder: &Path) {
    let options = format!(
        "-trusted {root} -cmd ir -newkey {key}.key -subject /O=Vendor/CN=enb1 -cert enb1.pem -key enb1.key -certout {key}.pem -extracertsout {key}.chain.pem"
    );
    cmp(server, &options, folder).success();
}

fn verify(words: &str, folder: &Path) -> bool {
    run("openssl", &format!("verify {words}"), folder).code == Some(0)
}

fn serial(certificate: &str, folder: &Path) -> String {
    let shown = run("openssl", &format!("x509 -noout -serial -in {certificate}"), folder).success();
    shown.trim().trim_start_matches("serial=").to_owned()
}

#[test]
fn both_keys_certificates_hold_and_are_revoked_by_their_own_crls() {
    let folder = house();
    let path = folder.path();
    let server = Server::start(RACA, SERVE, path);
    enrol(&server, OLD, 1, path);
    let made = raca("rollover --json", path).success();
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!((&made["number"], &made["ca_certificate"]), (&1.into(), &NEW.into()));
    server.wait_for_log(&["the configuration was read again"]);

    // Whoever knows only the old root, and whoever knows only the new one, enrol without noticing.
    enrol(&server, OLD, 2, path);
    enrol(&server, NEW, 3, path);
    let (new_with_old, old_with_new) = ("ra/rollovers/1/new-with-old.pem", "ra/rollovers/1/old-with-new.pem");
    for (root, certificate, link) in [(OLD, "1.pem", None), (NEW, "2.pem", None), (NEW, "3.pem", None)]
        .into_iter()
        .chain([(OLD, "2.pem", Some(new_with_old)), (NEW, "1.pem", Some(old_with_new))])
        .chain([(OLD, "2.pem", Some("2.chain.pem")), (NEW, "1.pem", Some("3.chain.pem"))])
    {
        let link = link.map(|link| format!("-untrusted {link}")).unwrap_or_default();
        assert!(verify(&format!("-CAfile {root} {link} {certificate}"), path), "{root} {link} {certificate}");
    }
    assert!(!verify(&format!("-CAfile {OLD} 2.pem"), path), "the new key signed it");

    // An update of what the old key issued is signed with the new one.
    let update = "-trusted ra/ca.pem -cmd kur -newkey 4.key -cert 1.pem -key 1.key -certout 4.pem";
    cmp(&server, update, path).success();
    assert!(verify(&format!("-CAfile {NEW} 4.pem"), path));

    // Each key's CRL revokes what it issued.
    let revoke = "-trusted ra/ca.pem -cmd rr -oldcert 1.pem -revreason 1 -cert 1.pem -key 1.key";
    cmp(&server, revoke, path).success();
    raca(&format!("revoke --serial {} --reason keyCompromise", serial("2.pem", path)), path).success();
    for (name, root) in [("ca.crl", OLD), ("ca-1.crl", NEW)] {
        let fetch = format!("-sSf -o fetched.crl http://{}/{name}", server.address());
        run("curl", &fetch, path).success();
        assert_eq!(
            fs::read(path.join("fetched.crl")).unwrap(),
            fs::read(path.join("ra").join(name)).unwrap()
        );
        run("openssl", &format!("crl -inform DER -in fetched.crl -out {name}.pem"), path).success();
        let said = run("openssl", &format!("crl -in {name}.pem -noout -text -CAfile {root}"), path);
        assert!(said.stderr.contains("verify OK"), "{name}: {}", said.stderr);
        for serial in ["1.pem", "2.pem"].map(|certificate| serial(certificate, path)) {
            assert!(said.stdout.contains(&serial), "{name}: {}", said.stdout);
        }
    }
    let missing = format!("-s -o none -w %{{http_code}} http://{}/ca-2.crl", server.address());
    assert_eq!(run("curl", &missing, path).success(), "404");
    let check = |root: &str, crl: &str, certificate: &str| {
        verify(&format!("-CAfile {root} -crl_check -CRLfile {crl}.pem {certificate}"), path)
    };
    assert!(!check(OLD, "ca.crl", "1.pem") && !check(NEW, "ca-1.crl", "2.pem"));
    assert!(check(OLD, "ca.crl", "ra/cmp.pem") && check(NEW, "ca-1.crl", "3.pem"));

    let asked = cmp(&server, "-trusted ra/ca.pem -cmd genm -infotype caCerts -cert 4.pem -key 4.key", path);
    let said = format!("{}{}", asked.stdout, asked.stderr);
    assert!(asked.code == Some(0) && said.contains("id-it-caCerts"), "{said}");
    assert_eq!(raca("list --json", path).success().matches("\"status\": \"revoked\"").count(), 2);

    // After a restart all is as before, and a third key follows the second.
    drop(server);
    raca("rollover --alg p384", path).success();
    let server = Server::start(RACA, SERVE, path);
    enrol(&server, OLD, 2, path);
    assert!(verify("-CAfile ra/rollovers/2/ca.pem 2.pem", path));
    enrol(&server, "ra/rollovers/2/ca.pem", 3, path);
    for name in ["ca.crl", "ca-1.crl", "ca-2.crl"] {
        let fetch = format!("-sSf -o fetched.crl http://{}/{name}", server.address());
        run("curl", &fetch, path).success();
    }
    let audit = fs::read_to_string(path.join("ra/audit.jsonl")).unwrap();
    assert_eq!(audit.matches("\"what\":\"rollover\"").count(), 2, "{audit}");
}

#[test]
fn a_distribution_point_is_each_keys_own() {
    let folder = house();
    let path = folder.path();
    let config = path.join("ra/raca.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("# distribution_point", "distribution_point")).unwrap();
    raca("rollover", path).success();
    run("openssl", "req -new -key 1.key -subj /CN=enb -out enb.csr", path).success();
    raca("issue --profile ne --csr enb.csr --out enb.pem", path).success();
    let shown = run("openssl", "x509 -noout -text -in enb.pem", path).success();
    assert!(shown.contains("http://pki.operator.example/ca-1.crl"), "{shown}");
    assert!(verify(&format!("-CAfile {NEW} enb.pem"), path));
}

#[test]
fn the_new_key_is_kept_as_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("ca.pass"), "correct horse\n").unwrap();
    run("chmod", "600 ca.pass", path).success();
    run(RACA, "init --dir ra --alg rsa3072 --signature pss-sha256 --key-passphrase file:ca.pass", path)
        .success();
    let said = raca("rollover", path).success();
    assert!(said.contains(NEW) && said.contains("newWithOld"), "{said}");
    let key = fs::read_to_string(path.join("ra/rollovers/1/ca.key.pem")).unwrap();
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{key}");
    let shown = run("openssl", &format!("x509 -noout -text -in {NEW}"), path).success();
    assert!(shown.contains("rsassaPss") && shown.contains("3072 bit"), "{shown}");
    raca("list", path).success();
    raca("rollover --alg ed25519", path).success();
    raca("crl", path).success();
}

/// kill -9 while the new key is made, and what such a run leaves behind: the old key serves, and the next run succeeds.
#[test]
fn a_rollover_that_was_killed_leaves_the_old_key_or_the_new_one() {
    let folder = house();
    let path = folder.path();
    run("openssl", "req -new -key 1.key -subj /CN=enb -out enb.csr", path).success();
    let issue = || {
        let _ = fs::remove_file(path.join("enb.pem"));
        raca("issue --profile ne --csr enb.csr --out enb.pem", path).success();
    };
    let unfinished = path.join("ra/rollovers/1.new");
    fs::create_dir_all(&unfinished).unwrap();
    fs::write(unfinished.join("ca.key.pem"), "half a key").unwrap();
    issue();
    assert!(verify("-CAfile ra/ca.pem enb.pem", path));
    raca("rollover", path).success();
    assert!(!unfinished.exists());
    issue();
    assert!(verify(&format!("-CAfile {NEW} enb.pem"), path));

    let mut number = 1;
    for delay in 0..12_u32 {
        let mut child = Command::new(RACA)
            .args(["rollover", "--config", "ra/raca.toml"])
            .current_dir(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Not a wait for anything: each run is killed elsewhere.
        for _ in 0..delay * 400 {
            std::thread::yield_now();
        }
        let _ = child.kill();
        child.wait().unwrap();
        if path.join(format!("ra/rollovers/{}", number + 1)).exists() {
            number += 1;
        }
        issue();
        let root = if number == 1 { NEW.to_owned() } else { format!("ra/rollovers/{number}/ca.pem") };
        assert!(verify(&format!("-CAfile {root} enb.pem"), path), "{root}");
    }
    raca("rollover", path).success();
    issue();
    assert!(verify(&format!("-CAfile ra/rollovers/{}/ca.pem enb.pem", number + 1), path));
}

#[test]
fn mistakes_change_nothing() {
    let folder = house();
    let path = folder.path();
    assert!(raca("rollover --alg rsa2048", path).failure(2).contains("too weak"));
    let said = raca("rollover --signature pss-sha256", path).failure(1);
    assert!(said.contains("only RSA keys"), "{said}");
    assert!(!path.join("ra/rollovers/1").exists());
    // A CA below another one is certified by that one.
    let request = "req -new -key 1.key -subj /CN=Sub -out sub.csr";
    run("openssl", request, path).success();
    let extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";
    fs::write(path.join("sub.ext"), extensions).unwrap();
    let certify = "x509 -req -in sub.csr -CA factory.pem -CAkey factory.key -CAcreateserial -days 30 -extfile sub.ext -out ra/ca.pem";
    run("openssl", certify, path).success();
    fs::copy(path.join("1.key"), path.join("ra/ca.key.pem")).unwrap();
    run("chmod", "600 ra/ca.key.pem", path).success();
    let said = raca("rollover", path).failure(1);
    assert!(said.contains("no root") && !path.join("ra/rollovers/1").exists(), "{said}");
    // A folder that lost a file is told, and the CA does not fall back to the old key.
    let folder = house();
    let path = folder.path();
    raca("rollover", path).success();
    fs::remove_file(path.join("ra/rollovers/1/credential.toml")).unwrap();
    let said = raca("list", path).failure(1);
    assert!(said.contains("rollovers/1/credential.toml") && said.contains("backup"), "{said}");
}
