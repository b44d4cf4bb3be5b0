//! Keys that the RA/CA generates, and certificates that come enciphered, through C.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use der::Encode;
use support::{
    COMPILERS, Compiler, GCC, Raca, SANITIZED, WRAPPED, examples, succeeded, test_programs, to_der,
};
use support::{valgrind, verify};
use testkit::programs::{Factory, run};
use x509_cert::name::Name;

/// CELLCERT_KEY_P256, CELLCERT_KEY_RSA2048, CELLCERT_KEY_ML_KEM_768
const KINDS: [&str; 3] = ["1", "4", "12"];

/// A factory that certifies keys that can be enciphered for, `agree` on P-256 and `rsa`, and an RA/CA that generates keys, deciphers nothing
/// itself, and knows a secret.
fn house(path: &Path) -> Raca {
    Factory::new(path);
    for (name, kind, usage) in [
        ("agree", "ec -pkeyopt ec_paramgen_curve:P-256", "keyAgreement"),
        ("rsa", "rsa:2048", "keyEncipherment"),
    ] {
        let request = format!(
            "req -new -newkey {kind} -nodes -keyout {name}.key -out {name}.csr -subj /O=Vendor/CN=enb1 \
             -addext keyUsage=critical,digitalSignature,{usage} -addext subjectKeyIdentifier=hash"
        );
        run("openssl", &request, path).success();
        let certificate = format!(
            "x509 -req -in {name}.csr -CA factory.pem -CAkey factory.key -CAcreateserial -copy_extensions copy -days 30 -out {name}.pem"
        );
        run("openssl", &certificate, path).success();
        to_der(path, name, name);
    }
    let name: Name = "CN=enb1,O=Vendor".parse().unwrap();
    fs::write(path.join("name.der"), name.to_der().unwrap()).unwrap();

    // The authority's certificate is issued before anybody serves.
    let mut options = ra_server::InitOptions::new(path.join("ra"));
    options.vendor_cas = vec![path.join("factory.pem")];
    ra_server::init(&options).unwrap();
    let config = path.join("ra/raca.toml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("encrypted_certificates = false", "encrypted_certificates = true");
    fs::write(&config, text + "\n[kem]\n[profiles.kga]\nextended_key_usage = [\"1.3.6.1.5.5.7.3.32\"]\n")
        .unwrap();
    let request = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ra/kga.key.pem -out kga.csr -subj /CN=KGA";
    run("openssl", request, path).success();
    fs::write(path.join("ra/4711.secret"), "correct horse battery staple").unwrap();
    for secret in ["ra/kga.key.pem", "ra/4711.secret"] {
        fs::set_permissions(path.join(secret), Permissions::from_mode(0o600)).unwrap();
    }
    let csr = fs::read(path.join("kga.csr")).unwrap();
    fs::write(path.join("ra/kga.pem"), ra_server::issue(&config, &csr, "kga").unwrap()).unwrap();
    let settings = "\n[key_generation]\ncertificate = \"kga.pem\"\nkey = \"kga.key.pem\"\nkeys = [\"p384\"]\n\
                    \n[[trust.shared_secrets]]\nreference = \"4711\"\nsecret_file = \"4711.secret\"\nsubject = \"O=Operator,CN=enb17\"\n";
    OpenOptions::new().append(true).open(&config).unwrap().write_all(settings.as_bytes()).unwrap();
    run("openssl", "x509 -in ra/ca.pem -outform DER -out operator-root.der", path).success();
    Raca::serve(config)
}

fn build(compiler: Compiler, options: &[&str], program: &Path) {
    let sources = [test_programs(&["sealed.c", "world.c"]), examples(&["cmp_http.c"])].concat();
    compiler.build(&sources, &[&WRAPPED, options].concat(), program);
}

/// What it printed.
fn enrol(
    mut command: Command,
    path: &Path,
    raca: &Raca,
    vendor: &str,
    secret: &str,
    kind: &str,
    stride: &str,
) -> String {
    command.arg(raca.port.to_string());
    command.args([&format!("{vendor}.der"), &format!("{vendor}-key.der")]);
    command.args(["operator-root.der", "name.der", secret, kind, stride]);
    let said = succeeded(command.current_dir(path));
    assert!(said.ends_with("done\n"), "{said}");
    verify(path, "generated.der", "generated-key.der");
    // OpenSSL 3.0 does not know keys of KEMs.
    if kind != "12" {
        verify(path, "own.der", "own-key.der");
    }
    for file in ["generated.der", "generated-key.der", "own.der", "own-key.der"] {
        fs::remove_file(path.join(file)).unwrap();
    }
    said
}

#[test]
fn what_the_real_ra_ca_enciphers_is_opened_by_whatever_key_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let raca = house(path);
    for (compiler, kind) in COMPILERS.into_iter().zip(KINDS.iter().cycle()) {
        let program = path.join(compiler.program);
        build(compiler, &[], &program);
        enrol(Command::new(&program), path, &raca, "agree", "-", kind, "0");
    }
    let program = path.join("gcc");
    for kind in KINDS {
        enrol(Command::new(&program), path, &raca, "rsa", "-", kind, "0");
    }
    enrol(Command::new(&program), path, &raca, "agree", "correct horse battery staple", "1", "0");
    enrol(valgrind(&program), path, &raca, "agree", "-", "4", "0");
}

#[test]
fn what_fails_in_turn_while_it_is_opened_is_told_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let raca = house(path);
    let (plain, sanitized) = (path.join("plain"), path.join("sanitized"));
    build(GCC, &[], &plain);
    build(GCC, &SANITIZED, &sanitized);
    for (command, stride) in
        [(Command::new(&plain), "1"), (Command::new(&sanitized), "11"), (valgrind(&plain), "151")]
    {
        let said = enrol(command, path, &raca, "agree", "-", "1", stride);
        for what in ["randomness", "clock", "deciphering", "one allocation"] {
            let line = said.lines().find(|line| line.starts_with(&format!("{what}: ")));
            assert!(line.is_some_and(|line| !line.contains(": 0, ")), "{what} was not used: {said}");
        }
    }
}
