//! FTP at `nem serve`, by curl and lftp: with TLS, and without it inside the tunnel.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::fs;

use cmp::end_entity::{CertificateRequest, Enrolment};
use cmp::{BodyKind, PkiMessage, SenderIdentity};
use crmf::{CertReqMessages, CertReqMsgBuilder};
use crypto::SigningKey;
use crypto_aws_lc::{KeyType, SoftwareKey, provider};
use support::{House, Plan, enter, eventually, request};
use testkit::programs::{free_port, run, run_with, run_words, words};

const SUBJECT: &str = "/CN=enb1.operator.example";
const OF_ENB2: &str = "/CN=enb2.operator.example";
const PASSWORD: &str = "correct-horse";

/// A house with FTP at that port, where enb2 has an account; inside the tunnel when there is no TLS.
fn house(port: u16, tls: bool) -> House {
    let section = match tls {
        true => format!("[ftps]\nlisten = \"127.0.0.1:{port}\"\n\n[intake]"),
        false => {
            let http = free_port();
            format!("[tunnel]\nlisten = \"127.0.0.1:{http}\"\nftp_listen = \"127.0.0.1:{port}\"\n\n[intake]")
        }
    };
    let house = House::with(&Plan { settings: &[("[intake]", &section)], ..Plan::default() });
    let hash = words("hash-password --password env:PASSWORD", &[]);
    let hash = run_with(support::NEM, &hash, house.path(), &[("PASSWORD", PASSWORD)]).success();
    let account = format!("account = \"enb2\"\npassword_hash = \"{}\"", hash.trim());
    let more = if tls { account } else { format!("{account}\ntunnel_address = \"127.0.0.2\"") };
    enter(house.path(), "enb2", &more);
    if !tls {
        enter(house.path(), "enb3", "tunnel_address = \"127.0.0.3\"");
    }
    house.nem.signal("HUP");
    house.nem.wait_for_log(&["inventory read again"]);
    house
}

/// What curl ends with, prints, and says.
fn curl(house: &House, arguments: &str) -> (Option<i32>, String, String) {
    let ended = run_words("curl", &words(&format!("-sS {arguments}"), &[]), house.path());
    (ended.code, ended.stdout, ended.stderr)
}

const BY_CERTIFICATE: &str = "--ssl-reqd --cacert ra/ca.pem --cert enb1.pem --key enb1.key -u enb1:";
const BY_PASSWORD: &str = "--ssl-reqd --cacert ra/ca.pem -u enb2:correct-horse";

#[test]
fn stations_upload_and_fetch_over_tls() {
    let port = free_port();
    let house = house(port, true);
    let at = format!("ftp://localhost:{port}");
    for (who, name, subject) in [(BY_CERTIFICATE, "one", SUBJECT), (BY_PASSWORD, "two", OF_ENB2)] {
        request(house.path(), name, subject);
        let (code, _, error) = curl(&house, &format!("{who} -T {name}.p10 {at}/requests/{name}.p10"));
        assert_eq!(code, Some(0), "{error}{}", house.nem.log());
        eventually(|| {
            curl(&house, &format!("{who} {at}/certificates/{name}.pem -o {name}.pem")).0 == Some(0)
        });
        run("openssl", &format!("verify -CAfile ra/ca.pem {name}.pem"), house.path()).success();
        let key = run("openssl", &format!("pkey -in {name}.p10.key -pubout"), house.path()).success();
        let got = run("openssl", &format!("x509 -in {name}.pem -noout -pubkey"), house.path()).success();
        assert_eq!(got, key);
        curl(&house, &format!("{who} {at}/certificates/{name}.p7c -o p7c"));
        run("openssl", "pkcs7 -inform DER -in p7c -print_certs", house.path()).success();
        house.nem.wait_for_log(&["certificate delivered"]);
        let (_, list, _) = curl(&house, &format!("{who} --list-only {at}/certificates/"));
        assert_eq!(
            list.split_whitespace().collect::<Vec<_>>(),
            [format!("{name}.pem"), format!("{name}.p7c")]
        );
        let (_, again, _) = curl(&house, &format!("{who} {at}/requests/{name}.csr -o again"));
        assert_eq!(
            fs::read(house.path().join("again")).unwrap(),
            fs::read(house.path().join(format!("{name}.p10"))).unwrap(),
            "{again}"
        );
        // A replayed upload is the same request.
        assert_eq!(curl(&house, &format!("{who} -T {name}.p10 {at}/requests/{name}.p10")).0, Some(0));
    }
    assert_eq!(house.raca.issued().len(), 2);
    for path in ["certificates/one.pem", "requests/one.p10", "requests/one.csr"] {
        assert_ne!(curl(&house, &format!("{BY_PASSWORD} {at}/{path}")).0, Some(0), "enb1's {path} for enb2");
    }
}

#[test]
fn lftp_mirrors_what_is_there() {
    let port = free_port();
    let house = house(port, true);
    request(house.path(), "two", OF_ENB2);
    let settings =
        "set ssl:ca-file ra/ca.pem; set ftp:ssl-force true; set net:max-retries 1; set net:timeout 10";
    let lftp = |commands: &str| {
        let script = format!("{settings}; open -u enb2,{PASSWORD} ftp://localhost:{port}; {commands}; bye");
        run_words("lftp", &["--norc", "-c", &script], house.path())
    };
    lftp("put two.p10 -o requests/two.p10").success();
    eventually(|| lftp("get certificates/two.pem -o two.pem").code == Some(0));
    run("openssl", "verify -CAfile ra/ca.pem two.pem", house.path()).success();
    lftp("mirror / all").success();
    assert!(
        house.path().join("all/certificates/two.p7c").exists()
            && house.path().join("all/requests/two.p10").exists()
    );
}

#[test]
fn what_is_refused_says_why_and_what_is_hostile_gets_nothing() {
    let port = free_port();
    let house = house(port, true);
    let at = format!("ftp://localhost:{port}");
    request(house.path(), "bad", SUBJECT);
    fs::write(house.path().join("junk"), "junk").unwrap();
    fs::write(house.path().join("big"), vec![b'A'; 100_000]).unwrap();
    for (file, name, reason) in [
        ("bad.p10", "bad.p10", "asks for the name"),
        ("junk", "junk.csr", "not a CertificationRequest"),
        ("big", "big.crmf", "exceeds"),
    ] {
        assert_ne!(
            curl(&house, &format!("{BY_PASSWORD} -T {file} {at}/requests/{name}")).0,
            Some(0),
            "{name}"
        );
        let (stem, _) = name.split_once('.').unwrap();
        let (code, text, error) = curl(&house, &format!("{BY_PASSWORD} {at}/certificates/{stem}.error"));
        assert!(code == Some(0) && text.contains(reason), "{text}{error}");
    }
    for name in [
        "requests/..%2Fx.p10",
        "requests/x.exe",
        "x.p10",
        "certificates/x.pem",
        "requests/a%20b.p10",
        "requests/.x.p10",
    ] {
        let put = format!("--path-as-is {BY_PASSWORD} -T junk {at}/{name}");
        assert_ne!(curl(&house, &put).0, Some(0), "{name}");
    }
    for name in ["/etc/passwd", "certificates/..%2F..%2Fetc%2Fpasswd", "..%2Fnem%2Fnem.toml"] {
        assert_ne!(curl(&house, &format!("--path-as-is {BY_PASSWORD} {at}/{name}")).0, Some(0), "{name}");
    }
    for command in ["MKD x", "RMD requests", "DELE certificates/bad.error", "SITE EXEC"] {
        let quote =
            run_words("curl", &words(&format!("-sS {BY_PASSWORD} {at}/ -Q"), &[command]), house.path());
        assert_ne!(quote.code, Some(0), "{command}");
    }
    // Who it is not, gets in nowhere.
    let tls = "--ssl-reqd --cacert ra/ca.pem";
    for who in [
        format!("{tls} -u enb2:wrong"),
        format!("{tls} -u nobody:correct-horse"),
        format!("{tls} -u enb1:"),
        "-u enb2:correct-horse".to_owned(),
    ] {
        assert_eq!(curl(&house, &format!("{who} {at}/")).0, Some(67), "{who}");
    }
    house.nem.wait_for_log(&["FTP login refused", "wrong password"]);
    assert!(!house.nem.log().contains(PASSWORD));
    assert!(house.raca.issued().is_empty());
    // After all of it the fleet is served.
    request(house.path(), "good", OF_ENB2);
    assert_eq!(curl(&house, &format!("{BY_PASSWORD} -T good.p10 {at}/requests/good.p10")).0, Some(0));
}

#[test]
fn inside_the_tunnel_the_address_counts_and_the_password_of_whoever_has_one() {
    let port = free_port();
    let house = house(port, false);
    let at = format!("ftp://127.0.0.1:{port}");
    request(house.path(), "two", OF_ENB2);
    request(house.path(), "three", "/CN=enb3.operator.example");
    let put = |who: &str, name: &str| curl(&house, &format!("{who} -T {name}.p10 {at}/requests/{name}.p10"));
    let (code, _, error) = put("--interface 127.0.0.3 -u any:any", "three");
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(put("--interface 127.0.0.2 -u enb2:wrong", "two").0, Some(67));
    assert_eq!(put("-u enb2:correct-horse", "two").0, Some(67), "from another address");
    assert_eq!(put("--interface 127.0.0.2 -u enb2:correct-horse", "two").0, Some(0));
    let fetch = format!("--interface 127.0.0.3 -u any:any {at}/certificates/three.pem -o three.pem");
    eventually(|| curl(&house, &fetch).0 == Some(0));
    run("openssl", "verify -CAfile ra/ca.pem three.pem", house.path()).success();
}

/// A message that the station signed with its vendor certificate, and the key in it.
fn initial_request(house: &House) -> Vec<u8> {
    let path = house.path();
    let (chain, signer) =
        host::read_credential(&path.join("enb1.pem"), &path.join("enb1.key").as_path().into()).unwrap();
    let identity = SenderIdentity::new(chain[0].clone(), Vec::new(), signer.algorithm()).unwrap();
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    let subject = "CN=enb1,O=Vendor".parse().unwrap();
    let message = CertReqMsgBuilder::new(Some(subject), key.public_key()).sign(&key).unwrap();
    let request = CertificateRequest::Ir(CertReqMessages::new(vec![message]).unwrap());
    let (part, _) = Enrolment::new(request).start(&identity, &provider(), host::now()).unwrap();
    part.sign(signer.as_ref()).unwrap()
}

#[test]
fn a_station_s_own_message_is_answered_in_a_file() {
    let port = free_port();
    let house = house(port, true);
    // The RA/CA gives stations the names that their vendors gave them.
    let stations = house.path().join("nem/stations.toml");
    support::replace(&stations, "subject = \"CN=enb1.operator.example\"", "subject = \"CN=enb1,O=Vendor\"");
    house.nem.wait_for_log(&["inventory read again", "stations=2"]);
    house.nem.signal("HUP");
    fs::write(house.path().join("mine.pki"), initial_request(&house)).unwrap();
    let at = format!("ftp://localhost:{port}");
    eventually(|| curl(&house, &format!("{BY_CERTIFICATE} -T mine.pki {at}/requests/mine.pki")).0 == Some(0));
    let (code, _, error) =
        curl(&house, &format!("{BY_CERTIFICATE} {at}/certificates/mine.pki -o answer.pki"));
    assert_eq!(code, Some(0), "{error}{}", house.nem.log());
    let answer = PkiMessage::from_der(&fs::read(house.path().join("answer.pki")).unwrap()).unwrap();
    assert_eq!(answer.body().kind(), BodyKind::Ip);
    // What does not go up says why, and another station sees nothing of it.
    fs::write(house.path().join("none.pki"), b"garbage").unwrap();
    assert_ne!(curl(&house, &format!("{BY_CERTIFICATE} -T none.pki {at}/requests/none.pki")).0, Some(0));
    let (_, reason, _) = curl(&house, &format!("{BY_CERTIFICATE} {at}/certificates/none.error"));
    assert!(reason.contains("message"), "{reason}");
    let others = curl(&house, &format!("{BY_PASSWORD} {at}/certificates/mine.pki -o nothing"));
    assert_ne!(others.0, Some(0));
    assert_ne!(curl(&house, &format!("{BY_PASSWORD} -T mine.pki {at}/requests/mine.pki")).0, Some(0));
}
