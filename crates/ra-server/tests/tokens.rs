//! `raca` with all its keys in a token, of three kinds, and OpenSSL's CMP client over HTTPS.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use crypto_aws_lc::{KeyType, SoftwareKey};
use host::{KeySource, Names, certification_request};
use testkit::programs::{Factory, Server, run};
use testkit::soft_hsm::{SOFT_HSM_MODULE, with_soft_hsm};

const RACA: &str = env!("CARGO_BIN_EXE_raca");
const PIN: &str = "48151623";

#[test]
fn certificates_are_issued_with_keys_in_a_token() {
    let folder = tempfile::tempdir().unwrap();
    with_soft_hsm("certificates_are_issued_with_keys_in_a_token", folder.path(), |hsm| {
        let path = hsm.folder();
        hsm.add_token("my ra", PIN);
        fs::write(path.join("pin"), PIN).unwrap();
        fs::set_permissions(path.join("pin"), fs::Permissions::from_mode(0o600)).unwrap();
        for (number, (object, key_type)) in
            [("ca", KeyType::Rsa3072), ("cmp", KeyType::Ed25519), ("tls", KeyType::P521)]
                .into_iter()
                .enumerate()
        {
            let key = SoftwareKey::generate(key_type).unwrap();
            hsm.import("my ra", PIN, object, &format!("0{number}"), &key.to_pkcs8_pem().unwrap());
        }
        let uri = |object: &str, pin: &str| {
            format!(
                "pkcs11:token=my%20ra;object={object}?module-path={SOFT_HSM_MODULE}&pin-source=file:{pin}"
            )
        };
        Factory::new(path).certify("enb1", 3650);
        let init = format!(
            "init --dir ra --subject CN=CA --vendor-ca factory.pem --ca-key {} --cmp-key {}",
            uri("ca", "pin"),
            uri("cmp", "pin")
        );
        run(RACA, &init, path).success();
        let files = fs::read_dir(path.join("ra")).unwrap();
        let names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        assert!(!names.iter().any(|name| name.contains("key")), "{names:?}");

        let tls_uri = uri("tls", path.join("pin").to_str().unwrap());
        let key = KeySource::new(tls_uri.parse().unwrap(), None).open().unwrap();
        let mut names = Names::new("CN=raca".parse().unwrap());
        names.ip.push("127.0.0.1".parse().unwrap());
        fs::write(path.join("tls.csr"), certification_request(&names, key.as_ref()).unwrap()).unwrap();
        let issue = "issue --config ra/raca.toml --csr tls.csr --profile tls-server --out ra/tls.pem";
        run(RACA, issue, path).success();
        let mut config = OpenOptions::new().append(true).open(path.join("ra/raca.toml")).unwrap();
        // Relative to the configuration.
        writeln!(config, "\n[tls]\ncertificate = \"tls.pem\"\nkey = \"{}\"", uri("tls", "../pin")).unwrap();

        let server = Server::start(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", path);
        assert!(server.url().starts_with("https://"), "{}", server.url());
        run("openssl", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out new.key", path).success();
        let cmp = format!(
            "cmp -cmd ir -server {} -tls_used -tls_trusted ra/ca.pem -recipient /CN=CA -trusted ra/ca.pem -cert enb1.pem -key enb1.key -newkey new.key -subject /O=Vendor/CN=enb1 -certout new.pem",
            server.url()
        );
        run("openssl", &cmp, path).success();
        run("openssl", "verify -CAfile ra/ca.pem new.pem", path).success();
        server.wait_for_log(&["INFO", "CN=enb1"]);
        assert!(!server.log().contains(PIN));
    });
}
