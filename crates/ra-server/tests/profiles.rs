//! Profiles in the configuration, and the paths to ask for them, as OpenSSL's client finds them.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use testkit::programs::{Ended, Factory, Server, run, run_words, words};

const RACA: &str = env!("CARGO_BIN_EXE_raca");
const SERVE: &str = "serve --config ra/raca.toml --listen 127.0.0.1:0";
const PROFILES: &str = r#"
[profiles.gnb]
subject_below = "O=Vendor"
subject_required = ["CN"]
subject_allowed = ["CN", "OU"]
dns = ["ran.example"]
ip = ["10.0.0.0/8", "2001:db8::/32"]
keys = ["p256", "rsa3072"]
extended_key_usage = ["ipsecIKE", "1.3.6.1.4.1.99999.1"]
validity_days = 90
[profiles.signer]
like = "ra"
key_usage = ["digitalSignature", "nonRepudiation"]
alternative_name_required = true
"#;

struct House {
    folder: TempDir,
}

impl House {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Factory::new(folder.path()).certify("enb1", 3650);
        run(RACA, "init --dir ra --vendor-ca factory.pem", folder.path()).success();
        let path = folder.path().join("ra/raca.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}\n{config}")).unwrap();
        for (name, options) in
            [("p256", "-pkeyopt ec_paramgen_curve:P-256"), ("p384", "-pkeyopt ec_paramgen_curve:P-384")]
        {
            run("openssl", &format!("genpkey -algorithm EC {options} -out {name}.key"), folder.path())
                .success();
        }
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn serve(&self) -> Server {
        Server::start(RACA, SERVE, self.path())
    }

    fn issue(&self, profile: &str, key: &str, subject: &str, san: Option<&str>) -> Ended {
        let _ = fs::remove_file(self.path().join("out.pem"));
        let request = format!("req -new -key {key}.key -out out.csr -subj");
        let names = san.map(|san| format!("subjectAltName={san}"));
        let mut request = words(&request, &[subject]);
        if let Some(names) = &names {
            request.extend(["-addext", names]);
        }
        run_words("openssl", &request, self.path()).success();
        let issue = format!("issue --config ra/raca.toml --csr out.csr --profile {profile} --out out.pem");
        run(RACA, &issue, self.path())
    }
}

/// Asks by CMP for what the vendor's certificate says, at that path.
fn ask(house: &House, server: &Server, path: &str, command: &str, more: &str) -> Ended {
    let options = format!(
        "cmp -server {} -path .well-known/cmp{path} -recipient /CN=Operator -trusted ra/ca.pem -cmd {command} -cert enb1.pem -key enb1.key {more}",
        server.address()
    );
    run("openssl", &options, house.path())
}

const NEW: &str = "-newkey p256.key -subject /O=Vendor/CN=enb1 -certout got.pem";

fn refused(ended: &Ended, reason: &str) {
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(ended.code != Some(0) && said.contains(reason), "{reason}: {said}");
}

#[test]
fn a_profile_has_the_names_keys_and_purposes_it_lists() {
    let house = House::new(PROFILES);
    house.issue("gnb", "p256", "/O=Vendor/OU=RAN/CN=g1", Some("DNS:g1.ran.example,IP:10.1.2.3")).success();
    let text = run("openssl", "x509 -noout -text -in out.pem", house.path()).success();
    for expected in ["ipsec Internet Key Exchange", "1.3.6.1.4.1.99999.1", "g1.ran.example"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("TLS Web Server"), "{text}");
    run("openssl", "x509 -checkend 7700000 -noout -in out.pem", house.path()).success();
    run("openssl", "x509 -checkend 7800000 -noout -in out.pem", house.path()).failure(1);

    for (key, subject, san, reason) in [
        ("p384", "/O=Vendor/CN=g1", None, "no keys of that kind"),
        ("p256", "/O=Other/CN=g1", None, "does not lie below"),
        ("p256", "/CN=g1/O=Vendor", None, "does not lie below"),
        ("p256", "/O=Vendor/OU=RAN", None, "lacks an attribute"),
        ("p256", "/O=Vendor/L=Delft/CN=g1", None, "attribute that the profile does not allow"),
        ("p256", "/O=Vendor/CN=g1", Some("DNS:g1.example"), "none that the profile allows"),
        ("p256", "/O=Vendor/CN=g1", Some("IP:11.0.0.1"), "none that the profile allows"),
        ("p256", "/O=Vendor/CN=g1", Some("IP:2001:db9::1"), "none that the profile allows"),
    ] {
        let said = house.issue("gnb", key, subject, san).failure(1);
        assert!(said.contains(reason), "{subject} {san:?}: {said}");
    }
    let said = house.issue("signer", "p256", "/CN=g1", None).failure(1);
    assert!(said.contains("demands a dNSName"), "{said}");
    house.issue("signer", "p256", "/CN=g1", Some("DNS:g1")).success();
    let text = run("openssl", "x509 -noout -ext keyUsage -in out.pem", house.path()).success();
    assert!(text.contains("Digital Signature, Non Repudiation"), "{text}");
    let said = house.issue("gmb", "p256", "/CN=g1", None).failure(1);
    assert!(said.contains("choose one of") && said.contains("gnb"), "{said}");
    // The ready-made ones stay.
    house.issue("tls-server", "p384", "/CN=g1", None).success();
}

#[test]
fn who_may_have_which_profile_stands_beside_the_credential() {
    let house = House::new(&format!(
        "{PROFILES}\n[[trust.vendors]]\nca = \"../factory.pem\"\nprofiles = [\"gnb\", \"ne\"]\n"
    ));
    let purposes = || run("openssl", "x509 -noout -ext extendedKeyUsage -in got.pem", house.path()).success();
    let server = house.serve();
    ask(&house, &server, "", "ir", NEW).success();
    assert!(purposes().contains("99999"), "the first is the default: {}", purposes());
    ask(&house, &server, "/p/ne", "ir", NEW).success();
    assert!(!purposes().contains("99999"), "{}", purposes());
    ask(&house, &server, "/p/gnb/initialization", "ir", NEW).success();
    assert!(purposes().contains("99999"), "{}", purposes());
    refused(&ask(&house, &server, "/p/ra", "ir", NEW), "operator issues it");
    refused(&ask(&house, &server, "/p/gmb", "ir", NEW), "profile that this CA does not have");
}

#[test]
fn a_body_must_belong_to_the_operation_in_the_path() {
    let house = House::new("");
    let server = house.serve();
    let p10 = "-csr p10.csr -certout got.pem";
    run("openssl", "req -new -key p256.key -subj /O=Vendor/CN=enb1 -out p10.csr", house.path()).success();
    let genm = "-infotype caCerts";
    for (path, command, more) in [
        ("/initialization", "ir", NEW),
        ("/certification", "cr", NEW),
        ("/pkcs10", "p10cr", p10),
        ("/p/ne/pkcs10", "p10cr", p10),
        ("/getcacerts", "genm", genm),
    ] {
        ask(&house, &server, path, command, more).success();
    }
    for (path, command, more) in [
        ("/certification", "ir", NEW),
        ("/initialization", "p10cr", p10),
        ("/keyupdate", "cr", NEW),
        ("/revocation", "genm", genm),
        ("/getcrls", "genm", genm),
        ("/getrootupdate", "genm", genm),
        ("/getcertreqtemplate", "genm", genm),
        ("/p/ne/getcacerts", "cr", NEW),
    ] {
        refused(&ask(&house, &server, path, command, more), "does not belong to the operation");
    }
    refused(&ask(&house, &server, "/enrolment", "ir", NEW), "an operation that does not exist");
}

#[test]
fn an_ra_is_known_by_its_certificate_alone() {
    let house = House::new("");
    // No cmcRA in it: it speaks for others because it is named.
    house.issue("ne", "p256", "/CN=nem", None).success();
    fs::copy(house.path().join("out.pem"), house.path().join("nem.pem")).unwrap();
    let ir = |server: &Server, more: &str| {
        let options = format!(
            "cmp -server {} -recipient /CN=Operator -trusted ra/ca.pem -cmd cr -cert nem.pem -key p256.key -newkey p384.key -subject /CN=somebody -certout got.pem {more}",
            server.url()
        );
        run("openssl", &options, house.path())
    };
    let server = house.serve();
    refused(&ir(&server, ""), "notAuthorized");
    drop(server);
    let path = house.path().join("ra/raca.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}\n[[trust.ras]]\ncertificate = \"../nem.pem\"\n")).unwrap();
    let server = house.serve();
    ir(&server, "").success();
}

#[test]
fn a_wrong_profile_is_refused_with_its_line() {
    let house = House::new("");
    let path = house.path().join("ra/raca.toml");
    let good = fs::read_to_string(&path).unwrap();
    let line = format!("line {}", good.lines().count() + 3);
    for (text, reasons) in [
        ("[profiles.g]\nlike = \"nee\"", &["profiles.g.like", "nee"][..]),
        ("[profiles.g]\nvalidity_days = 0", &["profiles.g.validity_days"]),
        ("[profiles.g]\nkeys = [\"dsa\"]", &["dsa", "p256"]),
        ("[profiles.g]\nkey_usage = [\"signing\"]", &["signing", "digitalSignature"]),
        ("[profiles.g]\nkey_usage = [\"keyCertSign\"]", &["path_length"]),
        ("[profiles.g]\nextended_key_usage = [\"tls\"]", &["tls", "serverAuth"]),
        ("[profiles.g]\nextended_key_usage = []", &["extended_key_usage"]),
        ("[profiles.g]\nip = [\"10.0.0.0/33\"]", &["10.0.0.0/33"]),
        ("[profiles.g]\nsubject_below = \"Operator\"", &["has no ="]),
        ("[profiles.g]\nsubject_required = [\"CM\"]", &["CM"]),
        ("[profiles.g]\ndns_names = []", &["dns_names"]),
        ("[[trust.vendors]]\nca = \"ca.pem\"\nprofiles = [\"g\"]", &["trust.vendors", "\"g\""]),
        ("[[trust.ras]]\nprofiles = []", &["trust.ras", "neither"]),
    ] {
        fs::write(&path, format!("{good}\n{text}\n")).unwrap();
        let said = run(RACA, "list --config ra/raca.toml", house.path()).failure(1);
        assert!(reasons.iter().all(|reason| said.contains(reason)), "{text}: {said}");
        assert!(said.contains("raca.toml: line"), "{text}: {said}");
        assert!(text.starts_with("[[") || said.contains(&line), "{text}: {line}: {said}");
    }
    fs::write(&path, format!("{good}\n[profiles.sub]\npath_length = 0\n")).unwrap();
    let said = run(RACA, "list --config ra/raca.toml", house.path()).failure(1);
    assert!(said.contains("profiles.sub.path_length"), "{said}");
}
