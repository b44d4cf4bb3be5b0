//! CMP over HTTPS between NEM and RA/CA (RFC 9811 section 3.1).
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::io::Write;

use support::{Raca, enter, init_nem, replace, request, serve, upload};
use testkit::programs::{Factory, run};

const COMMENT: &str = "# tls_ca = \"raca-tls-ca.pem\"";

#[test]
fn the_nem_believes_the_ra_ca_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    Factory::new(path).certify("enb1", 3650);
    let raca = Raca::start(path, "127.0.0.1:0", 0);
    let csr = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ra/tls.key.pem -out ra/tls.csr -subj /CN=raca -addext subjectAltName=IP:127.0.0.1";
    run("openssl", csr, path).success();
    raca.issue(&path.join("ra/tls.csr"), "tls-server", &path.join("ra/tls.pem"));
    drop(raca);
    let mut config = fs::OpenOptions::new().append(true).open(path.join("ra/raca.toml")).unwrap();
    config.write_all(b"\n[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key.pem\"\n").unwrap();
    let raca = Raca::start(path, "127.0.0.1:0", 0);
    assert!(raca.url.starts_with("https://"), "{}", raca.url);

    init_nem(path, &raca.url, &raca);
    enter(path, "enb1", "");
    request(path, "good", "/CN=enb1.operator.example");
    let config = path.join("nem/nem.toml");
    let answer = || {
        let nem = serve(path);
        let answer = upload(path, &nem, "enb1", "good.p10", "application/pkcs10");
        (nem, answer)
    };

    // Somebody else's CA: TLS fails, and the station is told to come back.
    replace(&config, "hold_seconds = 5", "hold_seconds = 1");
    replace(&config, COMMENT, "tls_ca = \"vendor-ca-1.pem\"");
    let (nem, (status, _)) = answer();
    assert_eq!(status, 202);
    nem.wait_for_log(&["WARN", "enb1", "no TLS with", "UnknownIssuer"]);
    drop(nem);

    // The right one: the same request goes on.
    replace(&config, "tls_ca = \"vendor-ca-1.pem\"", "tls_ca = \"operator-ca-1.pem\"");
    let (nem, (status, body)) = answer();
    assert_eq!(status, 200, "{body}{}", nem.log());
    assert_eq!(raca.issued().len(), 1);
}

#[test]
fn https_without_a_ca_to_believe_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    Factory::new(folder.path());
    let raca = Raca::start(folder.path(), "127.0.0.1:0", 0);
    init_nem(folder.path(), "https://127.0.0.1:1/.well-known/cmp", &raca);
    let reason =
        run(support::NEM, "serve --config nem/nem.toml --listen 127.0.0.1:0", folder.path()).failure(1);
    assert!(reason.contains("https needs the certificate of the CA to believe"), "{reason}");
}
