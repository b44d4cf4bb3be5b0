//! What OpenSSL's mock server gets wrong when it is told to, and the policies that put up with it.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;

use crypto_aws_lc::KeyType;
use support::{House, Plan, replace, serve, upload};
use testkit::programs::{Server, free_port, run};

fn house(port: u16, quirks: &str) -> House {
    let upstream = format!("http://127.0.0.1:{port}/pkix/");
    let quirks = format!("quirks = [{quirks}]");
    let house = House::with(&Plan {
        upstream: Some(&upstream),
        settings: &[("quirks = []", &quirks)],
        ..Plan::default()
    });
    certify(&house);
    house
}

fn certify(house: &House) {
    house.request("station", "/CN=enb1.operator.example");
    run("openssl", "req -inform DER -in station.p10 -out station.csr", house.path()).success();
    let sign = "x509 -req -in station.csr -CA ra/ca.pem -CAkey ra/ca.key.pem -days 30 -set_serial 0x1234 -out rsp.pem -extfile factory.ext";
    run("openssl", sign, house.path()).success();
}

fn mock(house: &House, port: u16, options: &str) -> Server {
    let words =
        format!("cmp -port {port} -srv_key ra/ca.key.pem -srv_trusted ra/ca.pem -rsp_cert rsp.pem {options}");
    Server::start_at("openssl", &words, house.path(), port)
}

const REFUSAL: &str =
    "-srv_cert ra/ca.pem -send_unprot_err -pkistatus 2 -failurebits 512 -statusstring not-today";

#[test]
fn an_unprotected_refusal_is_dropped_unless_the_policy_takes_it() {
    let port = free_port();
    let strict = house(port, "");
    let server = mock(&strict, port, REFUSAL);
    // The station is told to come back: nothing was believed.
    let (status, body) = strict.upload("enb1", "station.p10");
    assert_eq!(status, 202, "{body}");
    strict.nem.wait_for_log(&["enb1", "not believed", "not protected"]);
    assert!(!strict.nem.log().contains("rejected"));
    drop(server);

    let port = free_port();
    let lenient = house(port, "\"unprotected-errors\"");
    let _server = mock(&lenient, port, REFUSAL);
    lenient.refuses("enb1", "station.p10", 403, "not-today");
    lenient.nem.wait_for_log(&["WARN", "enb1", "not-today", "without protection"]);
}

#[test]
fn an_unprotected_certificate_is_never_taken() {
    let port = free_port();
    let house = house(port, "\"unprotected-errors\", \"signer-without-digital-signature\"");
    let _server = mock(&house, port, "-srv_cert ra/ca.pem -send_unprotected");
    let (status, body) = house.upload("enb1", "station.p10");
    assert_eq!(status, 202, "{body}");
    house.nem.wait_for_log(&["enb1", "not believed", "not protected"]);
}

/// As EJBCA does: with a CA certificate that is for certificates and CRLs only.
#[test]
fn a_signer_without_digital_signature_is_believed_by_policy_only() {
    for (quirks, status, word) in
        [("", 202, "keyUsage"), ("\"signer-without-digital-signature\"", 200, "certificate confirmed")]
    {
        let port = free_port();
        let house = house(port, quirks);
        let extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";
        fs::write(house.path().join("issuer.ext"), extensions).unwrap();
        for words in [
            "x509 -x509toreq -in ra/ca.pem -signkey ra/ca.key.pem -out issuer.csr",
            "x509 -req -in issuer.csr -signkey ra/ca.key.pem -days 30 -out issuer.pem -extfile issuer.ext",
        ] {
            run("openssl", words, house.path()).success();
        }
        let nem_toml = house.path().join("nem/nem.toml");
        replace(&nem_toml, "operator_cas = [", "operator_cas = [\"../issuer.pem\", ");
        let House { nem, folder, .. } = house;
        assert_eq!(nem.stop("TERM").code(), Some(0));
        let nem = serve(folder.path());
        let words = format!(
            "cmp -port {port} -srv_cert issuer.pem -srv_key ra/ca.key.pem -srv_trusted ra/ca.pem -rsp_cert rsp.pem"
        );
        let _server = Server::start_at("openssl", &words, folder.path(), port);
        let (got, body) = upload(folder.path(), &nem, "enb1", "station.p10", "application/pkcs10");
        assert_eq!(got, status, "{body}\n{}", nem.log());
        nem.wait_for_log(&["enb1", word]);
    }
}

/// The mock server's key and the NEM's: what either signs, the other believes. OpenSSL 3.0 cannot sign CMP messages with Ed25519.
#[test]
fn every_kind_of_key_that_openssl_knows() {
    for (of_raca, of_nem) in [
        (KeyType::Rsa3072, KeyType::P384),
        (KeyType::P384, KeyType::Rsa3072),
        (KeyType::P521, KeyType::P521),
        (KeyType::P256, KeyType::Ed25519),
    ] {
        let port = free_port();
        let upstream = format!("http://127.0.0.1:{port}/pkix/");
        let algs = Some((of_raca, of_nem));
        let house = House::with(&Plan { upstream: Some(&upstream), algs, ..Plan::default() });
        certify(&house);
        let _server = mock(&house, port, "-srv_cert ra/ca.pem");
        let (status, body) = house.upload("enb1", "station.p10");
        assert_eq!(status, 200, "{of_raca} {of_nem}: {body}\n{}", house.nem.log());
        house.nem.wait_for_log(&["enb1", "certificate confirmed"]);
    }
}
