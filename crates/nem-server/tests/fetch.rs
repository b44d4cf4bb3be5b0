//! What an RA/CA says of itself reaches stations, and the NEM's own checks, as far as the operator's root certificate vouches for it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use asn1::RawDer;
use asn1::oids::rfc9810::{IT_CA_CERTS, IT_CRL_STATUS_LIST};
use cmp::management_entity::{ReplyTo, Responder};
use cmp::{InfoValue, PkiBody, PkiMessage, RootCaKeyUpdateContent, SenderIdentity};
use crypto_aws_lc::provider;
use host::files::{read_certificates, read_crls};
use host::now;
use support::{House, NEM, Plan};
use testkit::programs::{Factory, run, run_words, words};
use tokio::net::TcpListener;
use transfer::http::{CmpHandler, CmpRequest, CmpResponse, cmp_router};
use transfer::server::Limits;

/// Tells whatever lies in the folder, signed with the operator's CA key.
struct Oracle(std::path::PathBuf);

impl Oracle {
    fn tell(&self, question: &PkiMessage) -> Vec<u8> {
        let file = |name: &str| self.0.join(name);
        let PkiBody::Genm(items) = question.body() else { panic!("{:?}", question.body().kind()) };
        let one = |name: &str| read_certificates(&file(name)).unwrap().remove(0);
        let answer = match items.first().unwrap().info_type {
            IT_CA_CERTS => {
                InfoValue::CaCerts(["ra/ca.pem", "below.pem", "impostor.pem", "stranger.pem"].map(one).into())
            }
            IT_CRL_STATUS_LIST => {
                let list = read_crls(&file("crl.pem")).unwrap().remove(0);
                InfoValue::Crls(vec![RawDer::new(list.octets()).unwrap()])
            }
            _ => {
                let mut update = RootCaKeyUpdateContent::new(one("next.pem"));
                update.new_with_old = Some(one("link.pem"));
                InfoValue::RootCaKeyUpdate(update)
            }
        };
        let (chain, key) =
            host::read_credential(&file("ra/ca.pem"), &file("ra/ca.key.pem").as_path().into()).unwrap();
        let (provider, mut chain) = (provider(), chain.into_iter());
        let identity = SenderIdentity::new(chain.next().unwrap(), Vec::new(), key.algorithm()).unwrap();
        let responder = Responder { identity: &identity, provider: &provider, now: now() };
        let body = PkiBody::Genp(vec![answer.close().unwrap()]);
        responder.reply(&ReplyTo::new(question.header()), &body).unwrap().sign(key.as_ref()).unwrap()
    }
}

impl CmpHandler for Oracle {
    async fn handle(&self, request: CmpRequest) -> CmpResponse {
        CmpResponse::ok(self.tell(&PkiMessage::from_der(&request.octets).unwrap()))
    }
}

/// Serves the oracle; the runtime is to be kept.
fn oracle(folder: &Path, runtime: &tokio::runtime::Runtime) -> String {
    let router = cmp_router(Arc::new(Oracle(folder.to_owned())), Limits::default());
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(transfer::server::serve(
        listener,
        router,
        None,
        Limits::default(),
        std::future::pending::<()>(),
    ));
    format!("http://{address}/.well-known/cmp")
}

const CA_EXTENSIONS: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";

/// A CA certificate `NAME.pem` with a key of its own, signed with that one's.
fn certify(folder: &Path, name: &str, subject: &str, issuer: &str) {
    let request = format!(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr -subj"
    );
    run_words("openssl", &words(&request, &[subject]), folder).success();
    sign(folder, name, name, issuer);
}

fn sign(folder: &Path, request: &str, name: &str, issuer: &str) {
    fs::write(folder.join("ca.ext"), CA_EXTENSIONS).unwrap();
    let signer = match issuer {
        "" => format!("-signkey {request}.key"),
        "ra/ca" => "-CA ra/ca.pem -CAkey ra/ca.key.pem".to_owned(),
        issuer => format!("-CA {issuer}.pem -CAkey {issuer}.key"),
    };
    let words = format!(
        "x509 -req -in {request}.csr -out {name}.pem {signer} -days 30 -extfile ca.ext -set_serial 0x{}",
        name.bytes().map(|octet| format!("{octet:02x}")).collect::<String>()
    );
    run("openssl", &words, folder).success();
}

fn subject_of(folder: &Path, file: &str) -> String {
    let shown =
        run("openssl", &format!("x509 -in {file} -noout -subject -nameopt RFC2253"), folder).success();
    let name = shown.trim().trim_start_matches("subject=").to_owned();
    let mut parts: Vec<&str> = name.split(',').collect();
    parts.reverse();
    format!("/{}", parts.join("/"))
}

fn house(runtime: &tokio::runtime::Runtime) -> House {
    let section = "[fetch]\ninterval_seconds = 86400\n\n[intake]";
    let url = std::cell::RefCell::new(String::new());
    let prepare = |folder: &Path| {
        let root = subject_of(folder, "ra/ca.pem");
        certify(folder, "next", &root, "");
        sign(folder, "next", "link", "ra/ca");
        certify(folder, "below", "/CN=Operator CA 2", "ra/ca");
        certify(folder, "impostor", "/CN=Operator CA 3", "");
        certify(folder, "stranger", "/CN=Operator CA 4", "impostor");
        let crls = folder.join("crls");
        fs::create_dir(&crls).unwrap();
        Factory::of(&crls, &folder.join("ra/ca.pem"), &folder.join("ra/ca.key.pem")).crl("crl.pem", 30);
        fs::copy(crls.join("crl.pem"), folder.join("crl.pem")).unwrap();
        url.replace(oracle(folder, runtime));
        let config = folder.join("nem/nem.toml");
        support::replace(&config, "http://127.0.0.1:9/", &url.borrow());
    };
    House::with(&Plan {
        upstream: Some("http://127.0.0.1:9/"),
        settings: &[("[intake]", section)],
        before_serving: Some(&prepare),
        ..Plan::default()
    })
}

/// Whom stations are told to believe.
fn handed_out(house: &House) -> String {
    let url = format!("https://{}/ca-certificates", house.nem.address());
    let arguments = words("-sS --fail --cacert ra/ca.pem -o handed-out.pem", &[&url]);
    run_words("curl", &arguments, house.path()).success();
    let script = "openssl crl2pkcs7 -nocrl -certfile handed-out.pem | openssl pkcs7 -print_certs -noout";
    run_words("sh", &["-c", script], house.path()).success()
}

#[test]
fn what_the_root_certificate_vouches_for_is_handed_on_and_believed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = house(&runtime);
    house.nem.wait_for_log(&["fetched from the RA/CA", "a root certificate", "CA certificates", "a CRL"]);
    // Whose of the two it is cannot be told.
    house.nem.wait_for_log(&["WARN", "2 trust anchors of that name"]);
    let certificates = handed_out(&house);
    assert!(certificates.contains("Operator CA 2"), "{certificates}");
    assert!(!certificates.contains("Operator CA 3") && !certificates.contains("Operator CA 4"));
    assert_eq!(certificates.matches("subject=").count(), 4, "two roots, a link, one below:\n{certificates}");

    // A certificate of the next root lets its station in.
    house.request("renewed", "/CN=enb1.operator.example");
    run("openssl", "req -inform DER -in renewed.p10 -out renewed.csr", house.path()).success();
    let sign = "x509 -req -in renewed.csr -CA next.pem -CAkey next.key -days 3 -set_serial 0x99 -out renewed.pem -extfile factory.ext";
    run("openssl", sign, house.path()).success();
    let url = format!("https://{}/requests", house.nem.address());
    let arguments = words("-sS --fail --cacert ra/ca.pem --cert renewed.pem --key renewed.p10.key", &[&url]);
    assert_eq!(run_words("curl", &arguments, house.path()).success().trim(), "[]");

    let again = run(NEM, "fetch --config nem/nem.toml", house.path()).success();
    assert_eq!(again.trim(), "nothing new");
    // It is known after a restart, too, without asking anybody.
    let House { nem, raca, factory, folder } = house;
    nem.stop("TERM");
    drop(runtime);
    let house = House { nem: support::serve(folder.path()), raca, factory, folder };
    assert_eq!(handed_out(&house), certificates);
}

#[test]
fn a_root_certificate_that_nobody_vouches_for_is_not_believed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = house(&runtime);
    house.nem.wait_for_log(&["fetched from the RA/CA"]);
    // Another next root, with a link that the impostor signed.
    let root = subject_of(house.path(), "ra/ca.pem");
    certify(house.path(), "next", &root, "");
    sign(house.path(), "next", "link", "impostor");
    let ended = run(NEM, "fetch --config nem/nem.toml", house.path());
    assert!(ended.code == Some(1) && ended.stderr.contains("newWithOld"), "{}", ended.stderr);
    assert_eq!(handed_out(&house).matches("subject=").count(), 4);
    // Even who writes it into the directory is not believed.
    let planted = ["next.pem", "link.pem"].map(|file| fs::read_to_string(house.path().join(file)).unwrap());
    fs::write(house.path().join("nem/fetched/root-planted.pem"), planted.concat()).unwrap();
    run(NEM, "reload --config nem/nem.toml", house.path()).success();
    house.nem.wait_for_log(&["WARN", "root-planted.pem", "not believed"]);
    assert_eq!(handed_out(&house).matches("subject=").count(), 4);
}
