//! A NEM whose keys are in a token: every kind of key that TLS and CMP can do, and what an operator may get wrong.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crypto_aws_lc::{KeyType, SoftwareKey};
use support::{NEM, Raca, enter, replace, request, upload};
use testkit::programs::{Ended, Factory, Server, run, run_with, words};
use testkit::soft_hsm::{SOFT_HSM_MODULE, SOFT_HSM_VARIABLE, SoftHsm};

const PIN: &str = "48151623";

struct Tokens {
    folder: tempfile::TempDir,
    configuration: String,
    hsm: SoftHsm,
}

impl Tokens {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hsm = SoftHsm::new(folder.path());
        hsm.add_token("nem", PIN);
        write_pin(&folder.path().join("nem.pin"), PIN);
        let configuration = hsm.configuration().to_str().unwrap().to_owned();
        Self { folder, configuration, hsm }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn add(&self, object: &str, id: &str, key_type: KeyType) {
        let key = SoftwareKey::generate(key_type).unwrap();
        self.hsm.import("nem", PIN, object, id, &key.to_pkcs8_pem().unwrap());
    }

    fn environment(&self) -> [(&str, &str); 1] {
        [(SOFT_HSM_VARIABLE, &self.configuration)]
    }

    fn nem(&self, arguments: &str) -> Ended {
        run_with(NEM, &words(arguments, &[]), self.path(), &self.environment())
    }

    fn init(&self, upstream: &str, options: &str) -> Ended {
        self.nem(&format!(
            "init --dir nem --upstream {upstream} --ca ra/ca.pem --vendor-ca factory.pem {options}"
        ))
    }

    fn serve(&self) -> Server {
        let arguments = "serve --config nem/nem.toml --listen 127.0.0.1:0";
        Server::start_with(NEM, arguments, self.path(), &self.environment())
    }
}

fn write_pin(path: &Path, pin: &str) {
    fs::write(path, pin).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn uri(object: &str, more: &str) -> String {
    format!("pkcs11:token=nem;object={object}?module-path={SOFT_HSM_MODULE}{more}")
}

fn issue(raca: &Raca, nem: &Path) {
    for (profile, name) in [("ra", "cmp"), ("tls-server", "tls")] {
        raca.issue(&nem.join(format!("{name}.csr.pem")), profile, &nem.join(format!("{name}.pem")));
    }
}

#[test]
fn stations_enrol_at_a_nem_whose_keys_are_in_a_token() {
    let tokens = Tokens::new();
    let path = tokens.path();
    Factory::new(path).certify("enb1", 3650);
    let raca = Raca::start(path, "127.0.0.1:0", 0);
    let kinds = [KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Rsa3072, KeyType::Ed25519];
    for (number, key_type) in kinds.into_iter().enumerate() {
        tokens.add(&format!("cmp-{key_type}"), &format!("1{number}"), key_type);
        tokens.add(&format!("tls-{key_type}"), &format!("2{number}"), key_type);
        let (cmp, tls) = (uri(&format!("cmp-{key_type}"), ""), uri(&format!("tls-{key_type}"), ""));
        let keys = format!("--cmp-key {cmp} --tls-key {tls} --key-passphrase file:nem.pin");
        tokens.init(&raca.url, &keys).success();
        issue(&raca, &path.join("nem"));
        enter(path, "enb1", "");
        let nem = tokens.serve();
        let name = format!("{key_type}");
        request(path, &name, "/CN=enb1.operator.example");
        let (status, body) = upload(path, &nem, "enb1", &format!("{name}.p10"), "application/pkcs10");
        assert_eq!(status, 200, "{key_type}: {body}\n{}", nem.log());
        for version in ["-tls1_3", "-tls1_2"] {
            let arguments = format!("s_client -connect {} -CAfile ra/ca.pem {version} -brief", nem.address());
            let ended = run("openssl", &arguments, path);
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert!(said.contains("Verification: OK"), "{key_type} {version}: {said}");
            if key_type == KeyType::Rsa3072 {
                assert!(said.contains("RSA-PSS"), "{version}: {said}");
            }
        }
        if key_type == KeyType::Rsa3072 {
            // What a client offers that knows nothing newer.
            let old = format!(
                "s_client -connect {} -CAfile ra/ca.pem -tls1_2 -sigalgs RSA+SHA256 -brief",
                nem.address()
            );
            let ended = run("openssl", &old, path);
            assert!(format!("{}{}", ended.stdout, ended.stderr).contains("Verification: OK"), "{ended:?}");
        }
        drop(nem);
        fs::remove_dir_all(path.join("nem")).unwrap();
    }
}

#[test]
fn what_is_wrong_with_a_token_is_said_and_init_leaves_nothing_behind() {
    let tokens = Tokens::new();
    let path = tokens.path();
    Factory::new(path);
    let raca = Raca::start(path, "127.0.0.1:0", 0);
    tokens.add("cmp", "01", KeyType::P256);
    tokens.add("weak", "02", KeyType::Rsa2048);
    write_pin(&path.join("wrong.pin"), "31415926");
    fs::write(path.join("open.pin"), PIN).unwrap();
    let source = |file: &str| format!("&pin-source=file:{file}");
    for (key, code, reasons) in [
        (uri("cmp", ""), 1, &["token wants a PIN", "pin-source=file:PATH", "--key-passphrase"][..]),
        (uri("cpm", &source("nem.pin")), 1, &["object=cpm", "no such private key", "\"cmp\""]),
        (uri("cmp", &source("wrong.pin")), 1, &["token=nem", "refuses the PIN"]),
        (uri("cmp", &source("open.pin")), 1, &["open.pin", "chmod 600"]),
        (uri("cmp", &source("none.pin")), 1, &["none.pin"]),
        (uri("weak", &source("nem.pin")), 1, &["object=weak", "2048", "3072"]),
        (uri("cmp", &format!("&pin-value={PIN}")), 2, &["--cmp-key", "pin-value is not accepted"]),
        (uri("cmp", "&pin-surce=file:nem.pin"), 2, &["--cmp-key", "\"pin-surce\""]),
        ("cmp.key.pem".to_owned(), 2, &["--cmp-key", "begins with pkcs11:"]),
        ("pkcs11:token=nem?module-path=/nowhere.so".to_owned(), 1, &["/nowhere.so", "module-path"]),
    ] {
        let reason = tokens.init(&raca.url, &format!("--cmp-key {key}")).failure(code);
        for expected in reasons {
            assert!(reason.contains(expected), "{key}: {reason}");
        }
        assert!(!reason.contains(PIN) && !reason.contains("31415926"), "{reason}");
        assert!(!path.join("nem").exists(), "{key}");
    }
    let typo = tokens.init(&raca.url, "--key-passphrase hunter2").failure(2);
    assert!(typo.contains("file:PATH") && typo.contains("prompt") && !typo.contains("hunter2"), "{typo}");
}

#[test]
fn a_configuration_with_a_key_in_a_token_is_checked_when_the_nem_starts() {
    let tokens = Tokens::new();
    let path = tokens.path();
    Factory::new(path);
    let raca = Raca::start(path, "127.0.0.1:0", 0);
    tokens.add("cmp", "01", KeyType::P256);
    tokens.add("tls", "02", KeyType::P256);
    let keys = format!(
        "--cmp-key {} --tls-key {}",
        uri("cmp", "&pin-source=file:nem.pin"),
        uri("tls", "&pin-source=file:nem.pin")
    );
    tokens.init(&raca.url, &keys).success();
    issue(&raca, &path.join("nem"));
    drop(tokens.serve());
    let config = path.join("nem/nem.toml");
    let good = fs::read_to_string(&config).unwrap();
    for (from, to, reasons) in [
        ("object=cmp", "object=tls", &["cmp.pem", "another key"][..]),
        ("object=cmp", "object=other", &["object=other", "no such private key"]),
        ("token=nem;object=cmp", "token=men;object=cmp", &["token=men", "not there", "\"nem\""]),
        ("pin-source=file:", "pin-value=31415926", &["nem.toml", "line", "pin-value is not accepted"]),
        ("[upstream]", "[upstream]\nkey_passphrase = \"env:PIN\"", &["said twice"]),
        ("[upstream]", "[upstream]\nkey_passphrase = 31415926", &["nem.toml", "line", "file:PATH"]),
        ("[upstream]", "[upstream]\nkey_passphrase = \"31415926\"", &["nem.toml", "line", "file:PATH"]),
        ("[upstream]", "[upstream]\nkey_pasphrase = \"31415926\"", &["nem.toml", "line", "key_pasphrase"]),
    ] {
        replace(&config, from, to);
        let reason = tokens.nem("serve --config nem/nem.toml --listen 127.0.0.1:0").failure(1);
        for expected in reasons {
            assert!(reason.contains(expected), "{to}: {reason}");
        }
        assert!(!reason.contains(PIN) && !reason.contains("31415926"), "{to}: {reason}");
        fs::write(&config, &good).unwrap();
    }
}
