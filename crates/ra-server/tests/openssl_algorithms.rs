//! OpenSSL's CMP client at `raca serve`, with each algorithm that it can use: what it protects and proves, raca believes, and the
//! other way round. OpenSSL 3.0 makes no CMP messages with Ed25519 and RSASSA-PSS keys, and its PasswordBasedMac always has 500
//! iterations.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;
use testkit::programs::{Ended, Factory, Server, run};

const RACA: &str = env!("CARGO_BIN_EXE_raca");

/// The kinds of keys, as OpenSSL makes them.
const KINDS: [(&str, &str); 4] = [
    ("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
    ("p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
    ("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
    ("p521", "-algorithm EC -pkeyopt ec_paramgen_curve:P-521"),
];

struct House {
    server: Server,
    folder: TempDir,
}

impl House {
    fn new(alg: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let _factory = Factory::new(folder.path());
        fs::write(folder.path().join("factory.ext"), "keyUsage=critical,digitalSignature\n").unwrap();
        run(RACA, &format!("init --dir ra --vendor-ca factory.pem --alg {alg}"), folder.path()).success();
        let config = folder.path().join("ra/raca.toml");
        let mut text = fs::read_to_string(&config).unwrap();
        for (from, to) in settings {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        fs::write(&config, text).unwrap();
        fs::write(folder.path().join("ra/4711.secret"), SECRET).unwrap();
        fs::set_permissions(folder.path().join("ra/4711.secret"), Permissions::from_mode(0o600)).unwrap();
        let server = Server::start(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", folder.path());
        Self { server, folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A station with a vendor certificate for a key of its own kind.
    fn certify(&self, name: &str, genpkey: &str) {
        self.openssl(&format!("genpkey {genpkey} -out {name}.key")).success();
        self.openssl(&format!("req -new -key {name}.key -subj /O=Vendor/CN={name} -out {name}.csr"))
            .success();
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA factory.pem -CAkey factory.key -CAcreateserial -days 30 -extfile factory.ext -out {name}.pem"
        ))
        .success();
    }

    fn openssl(&self, words: &str) -> Ended {
        run("openssl", words, self.path())
    }

    fn cmp(&self, options: &str) -> Ended {
        let _ = fs::remove_file(self.path().join("got.pem"));
        let server = self.server.url();
        self.openssl(&format!("cmp -server {server} -recipient /CN=Operator {options} -certout got.pem"))
    }

    /// The client believes the answers without any help, and the certificate is for the key.
    fn enrols(&self, options: &str, key: &str) {
        let ended = self.cmp(options);
        assert_eq!(ended.code, Some(0), "{options}: {}{}{}", ended.stdout, ended.stderr, self.server.log());
        self.openssl("verify -CAfile ra/ca.pem got.pem").success();
        let certified = self.openssl("x509 -in got.pem -noout -pubkey").success();
        assert_eq!(certified, self.openssl(&format!("pkey -in {key} -pubout")).success(), "{options}");
    }

    fn refuses(&self, options: &str, bit: &str) {
        let ended = self.cmp(options);
        assert_ne!(ended.code, Some(0), "{options}");
        let told = ended.stdout + &ended.stderr;
        assert!(told.contains(bit), "{options}: {told}");
        assert!(!self.path().join("got.pem").exists(), "{options}");
    }
}

const SECRET: &str = "correct-horse-battery-staple";
const SHARED: (&str, &str) = (
    "[validity_days]",
    "[[trust.shared_secrets]]\nreference = \"4711\"\nsecret_file = \"4711.secret\"\nsubject = \"O=Operator,CN=enb17\"\n\n[validity_days]",
);

#[test]
fn a_client_s_signatures_of_every_kind_are_believed() {
    let house = House::new("p256", &[]);
    for (name, genpkey) in KINDS {
        house.certify(name, genpkey);
        let who = format!("-trusted ra/ca.pem -cert {name}.pem -key {name}.key");
        for digest in ["sha256", "sha384", "sha512"] {
            // Protection and proof of possession, both with that digest.
            let template = format!("-newkey {name}.key -subject /O=Vendor/CN={name} -digest {digest}");
            for command in ["ir", "cr"] {
                house.enrols(&format!("-cmd {command} {template} {who}"), &format!("{name}.key"));
            }
        }
        // A key of another kind than the one that protects.
        for (new, genpkey) in KINDS {
            house.openssl(&format!("genpkey {genpkey} -out new-{new}.key")).success();
            let request =
                format!("-cmd ir -newkey new-{new}.key -subject /O=Vendor/CN={name} -implicit_confirm");
            house.enrols(&format!("{request} {who}"), &format!("new-{new}.key"));
        }
        house.enrols(&format!("-cmd p10cr -csr {name}.csr -digest sha384 {who}"), &format!("{name}.key"));
    }
    // What a client cannot say of itself it can have OpenSSL's other commands say for it.
    house.openssl("genpkey -algorithm ED25519 -out ed.key").success();
    house.openssl("req -new -key ed.key -subj /O=Vendor/CN=p256 -out ed.csr").success();
    house.enrols("-cmd p10cr -csr ed.csr -trusted ra/ca.pem -cert p256.pem -key p256.key", "ed.key");
}

#[test]
fn a_client_s_sha_1_and_short_keys_are_refused() {
    let house = House::new("p256", &[]);
    let who = "-trusted ra/ca.pem -subject /O=Vendor/CN=rsa -cert rsa.pem -key rsa.key";
    let [(name, genpkey), ..] = KINDS;
    house.certify(name, genpkey);
    house.refuses(&format!("-cmd ir -newkey rsa.key -digest sha1 {who}"), "badAlg");
    house.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out short.key").success();
    house.refuses(&format!("-cmd ir -newkey short.key {who}"), "badCertTemplate");
    house.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 -out three.key")
        .success();
    house.refuses(&format!("-cmd ir -newkey three.key {who}"), "badCertTemplate");
    house.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out k1.key").success();
    house.refuses(&format!("-cmd ir -newkey k1.key {who}"), "badCertTemplate");
    house
        .openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -out explicit.key")
        .success();
    house.refuses(&format!("-cmd ir -newkey explicit.key {who}"), "badCertTemplate");
    // The station's own certificate, for a key that is too short to protect anything.
    house.certify("weak", "-algorithm RSA -pkeyopt rsa_keygen_bits:1024");
    let who = "-trusted ra/ca.pem -subject /O=Vendor/CN=weak -cert weak.pem -key weak.key";
    house.refuses(&format!("-cmd ir -newkey rsa.key {who}"), "badAlg");
}

#[test]
fn a_client_believes_raca_s_signatures_of_every_kind() {
    for alg in ["rsa3072", "p384", "p521", "ed25519"] {
        let house = House::new(alg, &[]);
        house.certify("p256", KINDS[1].1);
        let who =
            "-trusted ra/ca.pem -cert p256.pem -key p256.key -newkey p256.key -subject /O=Vendor/CN=p256";
        house.enrols(&format!("-cmd ir -implicit_confirm {who}"), "p256.key");
        if alg != "ed25519" {
            // OpenSSL 3.0 does not know which digest certHash takes then.
            house.enrols(&format!("-cmd cr {who}"), "p256.key");
        }
    }
}

#[test]
fn a_client_s_macs_are_believed_within_the_limits() {
    let house = House::new("p256", &[SHARED]);
    house.openssl(&format!("genpkey {} -out new.key", KINDS[1].1)).success();
    house.openssl("req -new -key new.key -subj /CN=enb17/O=Operator -out new.csr").success();
    let template = "-newkey new.key -subject /CN=enb17/O=Operator";
    let secret = format!("-ref 4711 -secret pass:{SECRET}");
    for owf in ["sha256", "sha384", "sha512"] {
        for mac in ["hmacWithSHA256", "hmacWithSHA384", "hmacWithSHA512"] {
            let how = format!("-digest {owf} -mac {mac} {secret} -trusted ra/ca.pem");
            for request in [format!("-cmd ir {template}"), "-cmd p10cr -csr new.csr".to_owned()] {
                house.enrols(&format!("{request} {how}"), "new.key");
            }
        }
    }
    for how in ["-digest sha1 -mac hmacWithSHA256", "-digest sha256 -mac hmac-sha1"] {
        house.refuses(
            &format!("-cmd ir {template} {how} {secret} -trusted ra/ca.pem -unprotected_errors"),
            "",
        );
        house.server.wait_for_log(&["WARN", "badAlg"]);
    }

    let legacy = House::new("p256", &[SHARED, ("quirks = []", "quirks = [\"sha1-in-mac\"]")]);
    legacy.openssl(&format!("genpkey {} -out new.key", KINDS[1].1)).success();
    legacy.openssl("req -new -key new.key -subj /CN=enb17/O=Operator -out new.csr").success();
    for how in
        ["-digest sha1 -mac hmac-sha1", "-digest sha256 -mac hmac-sha1", "-digest sha1 -mac hmacWithSHA256"]
    {
        legacy.enrols(&format!("-cmd p10cr -csr new.csr {how} {secret} -trusted ra/ca.pem"), "new.key");
    }
    // The proof of possession is no MAC.
    legacy.refuses(&format!("-cmd ir {template} -digest sha1 {secret} -trusted ra/ca.pem"), "badAlg");

    let few = House::new("p256", &[SHARED, ("max_mac_iterations = 1000000", "max_mac_iterations = 499")]);
    few.openssl(&format!("genpkey {} -out new.key", KINDS[1].1)).success();
    few.refuses(&format!("-cmd ir {template} -mac hmacWithSHA256 {secret} -trusted ra/ca.pem"), "");
    few.server.wait_for_log(&["WARN", "500 iterations", "badAlg"]);
}

#[test]
fn a_client_s_messages_without_protection_are_refused() {
    let house = House::new("p256", &[SHARED]);
    house.certify("p256", KINDS[1].1);
    let template = "-newkey p256.key -subject /O=Vendor/CN=p256 -trusted ra/ca.pem";
    house.refuses(
        &format!("-cmd ir {template} -unprotected_requests -cert p256.pem -key p256.key"),
        "badMessageCheck",
    );
}

#[test]
fn a_certificate_of_the_vendor_is_not_updated() {
    let house = House::new("p256", &[]);
    house.certify("p256", KINDS[1].1);
    house.refuses("-cmd kur -cert p256.pem -key p256.key -newkey p256.key -trusted ra/ca.pem", "badCertId");
    house.server.wait_for_log(&["WARN", "badCertId"]);
}
