//! Plain uploads at `nem serve`, by curl: over TLS, and without it inside the tunnel.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;

use crmf::{CertReqMessages, CertReqMsgBuilder};
use crypto::SigningKey;
use crypto_aws_lc::{KeyType, SoftwareKey};
use der::Encode;
use support::{House, Plan, enter, request};
use testkit::programs::{run, run_words, words};

const SUBJECT: &str = "/CN=enb1.operator.example";

/// What curl says with these arguments: the status, and the body that is in the file `body`.
fn curl(house: &House, arguments: &str, more: &[&str]) -> (u16, String) {
    let _ = fs::remove_file(house.path().join("body"));
    let arguments = format!("-sS -o body -D headers -w %{{http_code}} {arguments}");
    let all = words(&arguments, more);
    let ended = run_words("curl", &all, house.path());
    let status = ended.success().parse().unwrap();
    (status, fs::read_to_string(house.path().join("body")).unwrap_or_default())
}

const TLS: &str = "--cacert ra/ca.pem --cert enb1.pem --key enb1.key";
const PKCS10: &[&str] = &["-H", "Content-Type: application/pkcs10"];

#[test]
fn a_request_is_put_under_a_name_asked_after_and_its_certificate_fetched() {
    let house = House::new();
    let at = format!("https://{}", house.nem.address());
    request(house.path(), "a", SUBJECT);
    let (status, body) = curl(&house, &format!("{TLS} -T a.p10 {at}/requests/first"), PKCS10);
    assert!(
        status == 202 && body.contains(r#""name": "first""#) && body.contains(r#""state": ""#),
        "{status} {body}"
    );
    let headers = fs::read_to_string(house.path().join("headers")).unwrap().to_lowercase();
    assert!(headers.contains("location: /requests/first") && headers.contains("retry-after: 5"), "{headers}");

    // The connection is held until the certificate is there.
    let (status, pem) = curl(&house, &format!("{TLS} {at}/requests/first/certificate"), &[]);
    assert!(status == 200 && pem.matches("BEGIN CERTIFICATE").count() == 1, "{status} {pem}");
    run("openssl", "verify -CAfile ra/ca.pem body", house.path()).success();
    let key = run("openssl", "pkey -in a.p10.key -pubout", house.path()).success();
    assert_eq!(run("openssl", "x509 -in body -noout -pubkey", house.path()).success(), key);
    let headers = fs::read_to_string(house.path().join("headers")).unwrap().to_lowercase();
    assert!(headers.contains("retry-after: "), "when to renew: {headers}");

    let fingerprint = run("openssl", "x509 -in body -noout -fingerprint -sha256", house.path()).success();
    let fingerprint = fingerprint.trim().rsplit_once('=').unwrap().1;
    let (status, body) = curl(&house, &format!("{TLS} {at}/requests/first"), &[]);
    assert_eq!(status, 200);
    for part in [fingerprint, "renew_from", r#""state": "delivered""#] {
        assert!(body.contains(part), "{part}: {body}");
    }
    let (_, list) = curl(&house, &format!("{TLS} {at}/requests"), &[]);
    assert!(list.contains(fingerprint), "{list}");

    let der = format!("{TLS} -H Accept:application/pkix-cert {at}/requests/first/certificate -o der");
    run_words("curl", &words(&format!("-sS {der}"), &[]), house.path()).success();
    let again =
        run("openssl", "x509 -inform DER -in der -noout -fingerprint -sha256", house.path()).success();
    assert!(again.contains(fingerprint));
    for (path, accept, form) in [
        ("requests/first/chain", "application/pkcs7-mime", "pkcs7 -inform DER -print_certs -in got"),
        ("ca-certificates", "application/pkcs7-mime", "pkcs7 -inform DER -print_certs -in got"),
        ("ca-certificates", "*/*", "x509 -in got"),
    ] {
        let fetch = format!("-sS {TLS} -H Accept:{accept} {at}/{path} -o got");
        run_words("curl", &words(&fetch, &[]), house.path()).success();
        run("openssl", form, house.path()).success();
    }
    // The same octets under another name are the same request; a renewal is not.
    let (status, body) = curl(&house, &format!("{TLS} -T a.p10 {at}/requests/second"), PKCS10);
    assert!(status == 200 && body.contains(fingerprint), "{status} {body}");
    assert_eq!(curl(&house, &format!("{TLS} -X POST {at}/heartbeat"), &[]).0, 204);
    assert_eq!(house.raca.issued().len(), 1);
}

#[test]
fn cert_req_messages_are_taken_in_pem_too() {
    let house = House::new();
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    let name = "CN=enb1.operator.example".parse().unwrap();
    let request = CertReqMsgBuilder::new(Some(name), key.public_key()).sign(&key).unwrap();
    let octets = CertReqMessages::new(vec![request]).unwrap().to_der().unwrap();
    fs::write(house.path().join("a.crmf"), octets).unwrap();
    run("openssl", "base64 -in a.crmf -out a.b64", house.path()).success();
    let base64 = fs::read_to_string(house.path().join("a.b64")).unwrap();
    let pem = format!("-----BEGIN CERTREQMESSAGES-----\n{base64}-----END CERTREQMESSAGES-----\n");
    fs::write(house.path().join("a.pem"), pem).unwrap();
    let at = format!("https://{}", house.nem.address());
    for (file, name) in [("a.crmf", "der"), ("a.pem", "pem")] {
        let put = format!("{TLS} -T {file} {at}/requests/{name}");
        let (status, body) = curl(&house, &put, &["-H", "Content-Type: application/x-crmf"]);
        assert!(status == 202 || status == 200, "{status} {body}");
        let (status, body) = curl(&house, &format!("{TLS} {at}/requests/{name}/certificate"), &[]);
        assert_eq!(status, 200, "{body}");
        run("openssl", "verify -CAfile ra/ca.pem body", house.path()).success();
    }
    assert_eq!(house.raca.issued().len(), 1);
}

#[test]
fn others_requests_are_not_seen_and_names_are_no_paths() {
    let house = House::new();
    house.factory.certify("enb2", 3650);
    enter(house.path(), "enb2", "");
    let at = format!("https://{}", house.nem.address());
    request(house.path(), "a", SUBJECT);
    assert_eq!(curl(&house, &format!("{TLS} -T a.p10 {at}/requests/first"), PKCS10).0, 202);
    let (_, body) = curl(&house, &format!("{TLS} {at}/requests/first/certificate"), &[]);
    assert!(body.contains("BEGIN CERTIFICATE"));
    let (_, body) = curl(&house, &format!("{TLS} {at}/requests/first"), &[]);
    let id = body.split(r#""request": ""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(curl(&house, &format!("{TLS} {at}/requests/{id}"), &[]).0, 200);

    house.nem.signal("HUP");
    house.nem.wait_for_log(&["inventory read again"]);
    let other = "--cacert ra/ca.pem --cert enb2.pem --key enb2.key";
    for path in ["first", &id, "first/certificate", "first/chain"] {
        assert_eq!(curl(&house, &format!("{other} {at}/requests/{path}"), &[]).0, 404, "{path}");
        let without = format!("--cacert ra/ca.pem {at}/requests/{path}");
        assert_eq!(curl(&house, &without, &[]).0, 401, "{path}");
    }
    assert_eq!(curl(&house, &format!("{other} -X DELETE {at}/requests/{id}"), &[]).0, 404);
    assert_eq!(curl(&house, &format!("{other} {at}/requests"), &[]).1.trim(), "[]");
    // enb1's octets from enb2.
    let (status, body) = curl(&house, &format!("{other} -T a.p10 {at}/requests/first"), PKCS10);
    assert!(status == 403 && body.contains("asks for the name"), "{status} {body}");
    for (name, wanted) in [("..%2Fenb2", 400), ("%2e%2ehidden", 400), ("a%00b", 400), ("a%20b", 400)] {
        let put = format!("--path-as-is {TLS} -T a.p10 {at}/requests/{name}");
        assert_eq!(curl(&house, &put, PKCS10).0, wanted, "{name}");
    }
    let wrong = ["-H", "Content-Type: text/plain"];
    assert_eq!(curl(&house, &format!("{TLS} -T a.p10 {at}/requests/b"), &wrong).0, 415);
    fs::write(house.path().join("big"), vec![b'A'; 100_000]).unwrap();
    assert_eq!(curl(&house, &format!("{TLS} -T big {at}/requests/b"), PKCS10).0, 413);
    fs::write(house.path().join("junk"), "0junk").unwrap();
    assert_eq!(curl(&house, &format!("{TLS} -T junk {at}/requests/b"), PKCS10).0, 400);
}

#[test]
fn what_is_cancelled_is_not_issued_and_what_is_decided_stays() {
    let house = House::with(&Plan { upstream: Some("http://127.0.0.1:1/"), ..Plan::default() });
    let at = format!("https://{}", house.nem.address());
    request(house.path(), "a", SUBJECT);
    assert_eq!(curl(&house, &format!("{TLS} -T a.p10 {at}/requests/first"), PKCS10).0, 202);
    assert_eq!(curl(&house, &format!("{TLS} -X DELETE {at}/requests/first"), &[]).0, 204);
    house.nem.wait_for_log(&["enb1", "cancels"]);
    assert_eq!(curl(&house, &format!("{TLS} -X DELETE {at}/requests/other"), &[]).0, 404);
}

#[test]
fn inside_the_tunnel_a_station_is_known_by_its_address() {
    let port = testkit::programs::free_port();
    let tunnel = format!("[tunnel]\nlisten = \"127.0.0.1:{port}\"\n\n[intake]");
    let house = House::with(&Plan { settings: &[("[intake]", &tunnel)], ..Plan::default() });
    enter(house.path(), "enb2", "tunnel_address = \"127.0.0.2\"");
    house.nem.signal("HUP");
    house.nem.wait_for_log(&["inventory read again"]);
    request(house.path(), "a", "/CN=enb2.operator.example");
    let at = format!("http://127.0.0.1:{port}");
    let (status, body) = curl(&house, &format!("-T a.p10 {at}/requests/first"), PKCS10);
    assert!(status == 403 && body.contains("tunnel address 127.0.0.1"), "{status} {body}");
    let (status, body) = curl(&house, &format!("--interface 127.0.0.2 -T a.p10 {at}/requests/first"), PKCS10);
    assert_eq!(status, 202, "{body}");
    let fetch = format!("--interface 127.0.0.2 {at}/requests/first/certificate");
    let (status, body) = curl(&house, &fetch, &[]);
    assert_eq!(status, 200, "{body}");
    run("openssl", "verify -CAfile ra/ca.pem body", house.path()).success();
    assert_eq!(curl(&house, &format!("{at}/requests/first/certificate"), &[]).0, 403);
    // EST needs TLS.
    assert_eq!(curl(&house, &format!("{at}/.well-known/est/cacerts"), &[]).0, 404);

    let everywhere = fs::read_to_string(house.path().join("nem/nem.toml"))
        .unwrap()
        .replace(&format!("listen = \"127.0.0.1:{port}\""), "listen = \"0.0.0.0:8080\"");
    fs::write(house.path().join("nem/other.toml"), everywhere).unwrap();
    let refused = run(support::NEM, "serve --config nem/other.toml", house.path()).failure(1);
    assert!(refused.contains("tunnel.listen") && refused.contains("every address"), "{refused}");
}
