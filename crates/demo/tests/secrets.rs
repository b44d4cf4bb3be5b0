//! Nothing that the programs say, however much they are told to log, and no `Debug` output, shows a passphrase, a PIN, a
//! shared secret or a private key.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::SigningKey;
use crypto_aws_lc::{KeyType, SoftwareKey, read_encrypted_key_file, read_key_file};
use crypto_pkcs11::Pkcs11Key;
use host::{KeySource, PassphraseSource, read_tls_credential, tls_key};
use testkit::programs::{Ended, Factory, Server, run, run_with, words};
use testkit::soft_hsm::{SOFT_HSM_MODULE, SOFT_HSM_VARIABLE, SoftHsm, with_soft_hsm};

const RACA_PASSPHRASE: &str = "plum-harbour-violet-39";
const VENDOR_PASSPHRASE: &str = "otter-canvas-marble-17";
const STATION_PASSPHRASE: &str = "lantern-gravel-pigeon-58";
const PIN: &str = "48151623";
const SECRET: &str = "saffron-anchor-walnut-71";
/// What is not right, and must not be shown either: most of it is right elsewhere, or nearly.
const WRONG: &str = "crimson-saddle-biscuit-26";
const SECRETS: [&str; 6] = [RACA_PASSPHRASE, VENDOR_PASSPHRASE, STATION_PASSPHRASE, PIN, SECRET, WRONG];

/// The programs, and all that they said.
struct Stage<'a> {
    folder: &'a Path,
    environment: Vec<(&'a str, &'a str)>,
    said: RefCell<String>,
}

impl Stage<'_> {
    fn run(&self, program: &str, arguments: &str) -> Ended {
        self.run_words(program, &words(arguments, &[]))
    }

    fn run_words(&self, program: &str, arguments: &[&str]) -> Ended {
        let arguments = [&["--log", "trace"], arguments].concat();
        let ended = run_with(&program_path(program), &arguments, self.folder, &self.environment);
        self.said.borrow_mut().push_str(&format!("{arguments:?}:\n{}{}", ended.stdout, ended.stderr));
        // What was typed on the command line is not what a program said.
        let typed =
            arguments.iter().filter(|argument| SECRETS.iter().any(|secret| argument.contains(secret)));
        for argument in typed {
            let said = self.said.replace_with(|said| said.replacen(&format!("{argument:?}"), "(typed)", 1));
            drop(said);
        }
        ended
    }

    fn serve(&self, program: &str, configuration: &str) -> Server {
        let arguments = format!("--log trace serve --config {configuration} --listen 127.0.0.1:0");
        Server::start_with(&program_path(program), &arguments, self.folder, &self.environment)
    }

    fn private(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.folder.join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }
}

fn program_path(name: &str) -> String {
    let path = Path::new(env!("CARGO_BIN_EXE_demo")).with_file_name(name);
    assert!(path.exists(), "{name} is not built; run `cargo build --workspace` first");
    path.to_str().unwrap().to_owned()
}

/// A private key in every form in which it might come out.
fn forms(key: &SoftwareKey) -> Vec<String> {
    let der = key.to_pkcs8_der().unwrap();
    // Of a P-256 key the private number alone (RFC 5915 within RFC 5208); around it is nothing secret.
    let secret = &der[36..68];
    let list = |octets: &[u8]| octets.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let hex = secret.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let mut forms = vec![list(&secret[..12]), list(&secret[12..24]), hex.to_uppercase(), hex];
    forms.extend((36..39).map(|from| STANDARD.encode(&der[from..from + 24])));
    forms.extend(key.to_pkcs8_pem().unwrap().lines().skip(1).take(2).map(str::to_owned));
    forms
}

fn assert_silent(said: &str, forms: &[String]) {
    for form in SECRETS.iter().copied().chain(forms.iter().map(String::as_str)) {
        if let Some(at) = said.find(form) {
            let from = said.floor_char_boundary(at.saturating_sub(2000));
            panic!("a secret was shown: {form}\n{}", &said[from..at + form.len()]);
        }
    }
}

#[test]
fn a_secret_that_is_shown_is_found() {
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    let (der, pem) = (key.to_pkcs8_der().unwrap(), key.to_pkcs8_pem().unwrap());
    let hex = der.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    for shown in
        [format!("{:?}", der.as_slice()), hex, STANDARD.encode(&*der), pem.to_string(), format!("PIN {PIN}")]
    {
        let found = std::panic::catch_unwind(|| assert_silent(&shown, &forms(&key)));
        assert!(found.is_err(), "{shown}");
    }
    assert_silent(&format!("{:?}", key.public_key().spki_octets()), &forms(&key));
}

#[test]
fn the_programs_never_show_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let hsm = SoftHsm::new(path);
    let configuration = hsm.configuration().to_str().unwrap().to_owned();
    let environment = vec![
        (SOFT_HSM_VARIABLE, configuration.as_str()),
        ("RACA_PASS", RACA_PASSPHRASE),
        ("RACA_WRONG", WRONG),
        ("RUST_BACKTRACE", "full"),
    ];
    let stage = Stage { folder: path, environment, said: RefCell::default() };
    stage.private("vendor.pass", VENDOR_PASSPHRASE);
    stage.private("station.pass", STATION_PASSPHRASE);
    stage.private("wrong.pass", WRONG);
    stage.private("nem.pin", PIN);

    // The factory, with a vendor key that is encrypted.
    Factory::new(path);
    stage.run("enb", "keygen --out vendor.key.pem --key-passphrase file:vendor.pass").success();
    let csr = "csr --key vendor.key.pem --key-passphrase file:vendor.pass --subject CN=enb1,O=Vendor --out vendor.csr";
    stage.run("enb", csr).success();
    fs::write(path.join("vendor.ext"), "keyUsage=critical,digitalSignature\n").unwrap();
    let certify = "x509 -req -in vendor.csr -CA factory.pem -CAkey factory.key -days 365 -out vendor.pem -extfile vendor.ext";
    run("openssl", certify, path).success();

    // The RA/CA with encrypted keys, and a station that it shares a secret with.
    stage.run("raca", "init --dir ra --vendor-ca factory.pem --key-passphrase env:RACA_PASS").success();
    stage.private("ra/4711.secret", SECRET);
    stage.edit(
        "ra/raca.toml",
        "[validity_days]",
        "[[trust.shared_secrets]]\nreference = \"4711\"\nsecret_file = \"4711.secret\"\nsubject = \"CN=enb2\"\n\n[validity_days]",
    );
    let raca = stage.serve("raca", "ra/raca.toml");

    // The NEM with its keys in a token.
    hsm.add_token("nem", PIN);
    let software: Vec<SoftwareKey> = ["cmp", "tls"]
        .into_iter()
        .enumerate()
        .map(|(number, name)| {
            let key = SoftwareKey::generate(KeyType::P256).unwrap();
            hsm.import("nem", PIN, name, &format!("0{number}"), &key.to_pkcs8_pem().unwrap());
            key
        })
        .collect();
    let uri = |object: &str| format!("pkcs11:token=nem;object={object}?module-path={SOFT_HSM_MODULE}");
    let init = format!(
        "init --dir nem --upstream {} --ca ra/ca.pem --vendor-ca factory.pem --cmp-key {}&pin-source=file:nem.pin --tls-key {} --key-passphrase file:nem.pin",
        raca.url(),
        uri("cmp"),
        uri("tls")
    );
    stage.run("nem", &init).success();
    for (profile, name) in [("ra", "cmp"), ("tls-server", "tls")] {
        let issue = format!(
            "issue --config ra/raca.toml --profile {profile} --csr nem/{name}.csr.pem --out nem/{name}.pem"
        );
        stage.run("raca", &issue).success();
    }
    let entry = "\n[[station]]\nname = \"enb1\"\nvendor_subject = \"CN=enb1,O=Vendor\"\nsubject = \"CN=enb1.example\"\n";
    let stations = fs::read_to_string(path.join("nem/stations.toml")).unwrap();
    fs::write(path.join("nem/stations.toml"), stations + entry).unwrap();
    let nem = stage.serve("nem", "nem/nem.toml");

    // Everything goes well.
    let enrol = |key: &str, own: &str| {
        format!(
            "enrol --nem {} --ca ra/ca.pem --cert vendor.pem --key vendor.key.pem --key-passphrase file:{key} --own-key-passphrase file:{own} --subject CN=enb1.example --out enb1",
            nem.url()
        )
    };
    stage.run("enb", &enrol("vendor.pass", "station.pass")).success();
    let renew = |own: &str| {
        format!("enrol --renew --nem {} --ca ra/ca.pem --own-key-passphrase file:{own} --out enb1", nem.url())
    };
    stage.run("enb", &renew("station.pass")).success();
    run("openssl", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out new.key", path).success();
    let cmp = |secret: &str| {
        let arguments = format!(
            "cmp -cmd ir -server {} -ref 4711 -secret pass:{secret} -mac hmacWithSHA256 -newkey new.key -subject /CN=enb2 -certout enb2.pem",
            raca.url()
        );
        run("openssl", &arguments, path)
    };
    cmp(SECRET).success();
    assert_ne!(cmp(WRONG).code, Some(0));

    // And everything goes wrong.
    stage.run("enb", &renew("wrong.pass")).failure(1);
    stage.run("enb", &renew("vendor.pass")).failure(1);
    fs::remove_dir_all(path.join("enb1")).unwrap();
    stage.run("enb", &enrol("wrong.pass", "station.pass")).failure(1);
    stage.run("enb", &csr.replace("file:vendor.pass", WRONG)).failure(2);
    stage.run("enb", &csr.replace("vendor.key.pem", &format!("{}&pin-value={PIN}", uri("cmp")))).failure(2);
    stage.run("enb", "keygen --out plain.key.pem").success();
    stage.run("enb", "inspect plain.key.pem").failure(1);
    stage
        .run("enb", "csr --key plain.key.pem --key-passphrase file:wrong.pass --subject CN=x --out x")
        .failure(1);
    stage.run("raca", "list --config plain.key.pem").failure(1);
    stage.run("raca", "issue --config ra/raca.toml --profile ne --csr plain.key.pem --out x").failure(1);
    stage.run("raca", "init --dir x --vendor-ca plain.key.pem").failure(1);
    stage.run("nem", "init --dir x --upstream http://x --ca plain.key.pem").failure(1);
    stage.run("nem", "serve --config plain.key.pem").failure(1);
    stage.run("nem", &init.replace("--dir nem", "--dir x").replace("nem.pin", "wrong.pass")).failure(1);
    let logs = raca.log() + &nem.log();
    drop((raca, nem));
    for (program, file, from, to) in [
        ("raca", "ra/raca.toml", "env:RACA_PASS", "env:RACA_WRONG"),
        ("raca", "ra/raca.toml", "env:RACA_WRONG", RACA_PASSPHRASE),
        ("raca", "ra/raca.toml", "key_passphrase = ", "passphrase = "),
        ("nem", "nem/nem.toml", "&pin-source=", &format!("&pin-value={PIN}&pin-source=")),
        ("nem", "nem/nem.toml", &format!("pin-value={PIN}&"), &format!("pin={PIN}&")),
        ("nem", "nem/nem.toml", "key_passphrase = \"", &format!("key_passphrase = {PIN} # \"")),
    ] {
        stage.edit(file, from, to);
        stage.run(program, &format!("serve --config {file} --listen 127.0.0.1:0")).failure(1);
    }

    let mut keys = software;
    keys.push(read_key_file(path.join("plain.key.pem")).unwrap());
    for (file, passphrase) in [
        ("vendor.key.pem", VENDOR_PASSPHRASE),
        ("ra/ca.key.pem", RACA_PASSPHRASE),
        ("ra/cmp.key.pem", RACA_PASSPHRASE),
    ] {
        keys.push(read_encrypted_key_file(path.join(file), &passphrase.into()).unwrap());
    }
    let forms: Vec<String> = keys.iter().flat_map(forms).collect();
    let said = stage.said.into_inner() + &logs;
    assert!(said.contains("TRACE") || said.contains("DEBUG"), "the programs log as much as they can: {said}");
    assert_silent(&said, &forms);
}

#[test]
fn debug_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    with_soft_hsm("debug_shows_no_secret", folder.path(), |hsm| {
        let key = SoftwareKey::generate(KeyType::P256).unwrap();
        let pem = key.to_pkcs8_pem().unwrap();
        hsm.add_token("nem", PIN);
        hsm.import("nem", PIN, "cmp", "01", &pem);
        let path = hsm.folder();
        let stage = Stage { folder: path, environment: Vec::new(), said: RefCell::default() };
        stage.private("key.pem", &key.to_encrypted_pem(&RACA_PASSPHRASE.into()).unwrap());
        stage.private("plain.pem", &pem);
        stage.private("pass", RACA_PASSPHRASE);
        stage.private("secret", SECRET);
        run("openssl", "req -x509 -new -key plain.pem -subj /CN=x -days 10 -out cert.pem", path).success();
        let source = PassphraseSource::File(path.join("pass"));
        let in_file = KeySource::new(host::KeyLocation::File(path.join("key.pem")), Some(source.clone()));
        let uri: host::TokenUri =
            format!("pkcs11:token=nem;object=cmp?module-path={SOFT_HSM_MODULE}").parse().unwrap();
        let in_token = Pkcs11Key::open(&uri, Some(PIN.into()), None, crypto_aws_lc::provider()).unwrap();
        let (chain, tls) = read_tls_credential(&path.join("cert.pem"), &in_file).unwrap();
        let chain = chain.iter().map(|certificate| certificate.octets().to_vec()).collect();
        let identity = transfer::tls::Identity::new(chain, tls);
        let wrong = read_encrypted_key_file(path.join("key.pem"), &WRONG.into()).unwrap_err();
        let secret = host::read_secret_file(&path.join("secret")).unwrap();
        let shown = [
            format!("{key:?} {:?}", in_file.open().unwrap()),
            format!("{in_token:?} {in_token:#?}"),
            format!("{in_file:?} {:?} {:?}", source, source.read("key.pem").unwrap()),
            format!("{:?} {identity:?} {:?}", tls_key(&key).unwrap(), identity.clone()),
            format!("{wrong:?} {wrong} {secret:?} {uri:?}"),
        ];
        assert_silent(&shown.concat(), &forms(&key));
    });
}
