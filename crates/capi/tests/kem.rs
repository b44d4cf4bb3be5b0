//! Enrolments by KEM-based MACs, through C.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ca::{Issuer, Profile};
use crypto::{DecapsulationKey, KemAlgorithm};
use crypto_aws_lc::{KemKey, KeyType, SoftwareKey, provider};
use der::Encode;
use host::files::certificates_pem;
use host::now;
use support::{
    COMPILERS, GCC, Raca, SANITIZED, WRAPPED, examples, succeeded, test_programs, to_der, valgrind, verify,
};
use testkit::programs::{Factory, run};
use x509_cert::name::Name;

/// A factory that certifies a KEM key, which OpenSSL cannot, and an RA/CA that believes it and answers questions for ciphertexts.
fn house(path: &Path) -> Raca {
    let key = Box::new(SoftwareKey::generate(KeyType::P256).unwrap());
    let year = Duration::from_secs(365 * 24 * 3600);
    let factory =
        Issuer::self_signed("CN=Factory CA,O=Vendor".parse().unwrap(), key, year, &provider(), now());
    let factory = factory.unwrap();
    let pem = certificates_pem(std::slice::from_ref(factory.certificate())).unwrap();
    fs::write(path.join("factory.pem"), pem).unwrap();
    let name: Name = "CN=enb1,O=Vendor".parse().unwrap();
    let key = KemKey::generate(KemAlgorithm::MlKem768).unwrap();
    let (contents, _) = Profile::NE.fit(name.clone(), key.public_key(), &[]).unwrap();
    let certificate = factory.issue(&contents, &provider(), now()).unwrap().certificate;
    fs::write(path.join("vendor.der"), certificate.octets()).unwrap();
    fs::write(path.join("vendor-key.der"), key.to_pkcs8_der().unwrap()).unwrap();
    fs::write(path.join("name.der"), name.to_der().unwrap()).unwrap();
    let raca = Raca::start(path, "[kem]\n");
    run("openssl", "x509 -in ra/ca.pem -outform DER -out operator-root.der", path).success();
    raca
}

#[test]
fn a_station_with_a_kem_key_enrols_at_the_real_ra_ca() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let raca = house(path);
    let sources = [test_programs(&["kem.c"]), examples(&["cmp_http.c"])].concat();
    let mut commands = Vec::new();
    for compiler in COMPILERS {
        let program = path.join(compiler.program).with_extension("kem");
        compiler.build(&sources, &[], &program);
        commands.push(Command::new(&program));
    }
    let sanitized = path.join("sanitized");
    GCC.build(&sources, &SANITIZED, &sanitized);
    commands.extend([Command::new(&sanitized), valgrind(&path.join("gcc.kem"))]);
    for mut command in commands {
        command.arg(raca.port.to_string());
        command.args([
            "vendor.der",
            "vendor-key.der",
            "operator-root.der",
            "name.der",
            "own.der",
            "own-key.der",
        ]);
        assert_eq!(succeeded(command.current_dir(path)), "done\n");
        verify(path, "own.der", "own-key.der");
        fs::remove_file(path.join("own.der")).unwrap();
    }
}

/// An RA/CA that answers by KEM-based MACs only, and a factory that certifies a key that signs.
fn answering_house(path: &Path) -> Raca {
    Factory::new(path).certify("enb1", 30);
    to_der(path, "enb1", "vendor");
    let name: Name = "CN=enb1,O=Vendor".parse().unwrap();
    fs::write(path.join("name.der"), name.to_der().unwrap()).unwrap();
    let mut options = ra_server::InitOptions::new(path.join("ra"));
    options.vendor_cas = vec![path.join("factory.pem")];
    ra_server::init(&options).unwrap();
    let config = path.join("ra/raca.toml");
    let lines = ra_server::kem_key(&config, KemAlgorithm::MlKem768, None).unwrap();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n{lines}required = true\n")).unwrap();
    run("openssl", "x509 -in ra/ca.pem -outform DER -out operator-root.der", path).success();
    Raca::serve(config)
}

#[test]
fn a_station_brings_a_ciphertext_to_an_ra_ca_that_answers_with_its_kem_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let raca = answering_house(path);
    let sources = [test_programs(&["answerer.c", "world.c"]), examples(&["cmp_http.c"])].concat();
    let mut commands = Vec::new();
    for compiler in COMPILERS {
        let program = path.join(compiler.program).with_extension("answerer");
        compiler.build(&sources, &WRAPPED, &program);
        commands.push((Command::new(&program), "0"));
    }
    let (plain, sanitized) = (path.join("gcc.answerer"), path.join("sanitized"));
    GCC.build(&sources, &[&WRAPPED, &SANITIZED[..]].concat(), &sanitized);
    commands.extend([
        (Command::new(&plain), "1"),
        (Command::new(&sanitized), "11"),
        (valgrind(&plain), "151"),
    ]);
    for (mut command, stride) in commands {
        command.arg(raca.port.to_string());
        command.args(["vendor.der", "vendor-key.der", "operator-root.der", "name.der"]);
        let said = succeeded(command.args(["own.der", "own-key.der", stride]).current_dir(path));
        assert!(said.ends_with("done\n"), "{said}");
        for what in ["randomness", "clock", "one allocation"] {
            assert!(!said.contains(&format!("{what}: 0, ")), "{what} was not used: {said}");
        }
        verify(path, "own.der", "own-key.der");
        fs::remove_file(path.join("own.der")).unwrap();
    }
}
