//! A NEM in C whose requests OpenSSL signs, which stands for a CA that knows no CMP.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{COMPILERS, GCC, House, SANITIZED, WRAPPED, succeeded, test_programs, valgrind};
use testkit::programs::run;

/// A root and a CA below it, which issues.
fn outside_ca(path: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    let root = format!(
        "req -x509 {key} -keyout outside.key -out outside.pem -days 3650 -subj /O=Operator/CN=Outside"
    );
    run("openssl", &root, path).success();
    run(
        "openssl",
        &format!("req -new {key} -keyout issuing.key -out issuing.csr -subj /O=Operator/CN=Issuing"),
        path,
    )
    .success();
    fs::write(
        path.join("ca.ext"),
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n",
    )
    .unwrap();
    fs::write(path.join("ne.ext"), "keyUsage=critical,digitalSignature\n").unwrap();
    let issuing = "x509 -req -in issuing.csr -CA outside.pem -CAkey outside.key -CAcreateserial -days 3000 -extfile ca.ext -out issuing.pem";
    run("openssl", issuing, path).success();
    let stranger = format!(
        "req -new {key} -keyout stranger.key -out stranger.p10 -outform DER -subj /O=Operator/CN=enb1"
    );
    run("openssl", &stranger, path).success();
    issue(path, "stranger.p10", "stranger.der");
    for name in ["outside", "issuing"] {
        run("openssl", &format!("x509 -in {name}.pem -outform DER -out {name}.der"), path).success();
    }
}

fn issue(path: &Path, request: &str, out: &str) {
    let words = format!(
        "x509 -req -inform DER -in {request} -CA issuing.pem -CAkey issuing.key -CAcreateserial -days 30 -extfile ne.ext \
         -outform DER -out {out}"
    );
    run("openssl", &words, path).success();
}

#[test]
fn requests_leave_as_pkcs10_and_bare_certificates_come_back() {
    let house = House::new();
    house.certify_nem_and_stations(&["enb1"]);
    let path = house.path();
    outside_ca(path);
    let sources = test_programs(&["nem_pkcs10.c", "world.c"]);
    let mut programs = Vec::new();
    for compiler in COMPILERS {
        let program = path.join(compiler.program);
        compiler.build(&sources, &WRAPPED, &program);
        programs.push((program, false));
    }
    let sanitized = path.join("sanitized");
    GCC.build(&sources, &[&WRAPPED, &SANITIZED[..]].concat(), &sanitized);
    programs.extend([(sanitized, false), (path.join("gcc"), true)]);
    for (program, watched) in programs {
        let run = |what: &str, files: &[&str]| {
            let mut command = if watched { valgrind(&program) } else { Command::new(&program) };
            let words = "nem.der nem-key.der outside.der factory.der enb1.vendor enb1.p10 enb1 ledger";
            command.arg(what).args(words.split(' ')).args(files);
            assert_eq!(succeeded(command.current_dir(path)), "done\n");
        };
        run("export", &["carried.p10"]);
        assert_eq!(fs::read(path.join("carried.p10")).unwrap(), fs::read(path.join("enb1.p10")).unwrap());
        issue(path, "carried.p10", "issued.der");
        run("import", &["issued.der", "stranger.der", "issuing.der"]);
        fs::remove_file(path.join("ledger")).unwrap();
    }
}
