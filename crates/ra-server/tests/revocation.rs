//! CRLs that OpenSSL makes for a vendor's factory decide whose messages `raca serve` believes.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use testkit::programs::{Ended, Factory, Server, run};

const RACA: &str = env!("CARGO_BIN_EXE_raca");

struct House {
    server: Server,
    folder: TempDir,
    factory: Factory,
}

impl House {
    fn new(revocation: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let factory = Factory::new(folder.path());
        for name in ["enb1", "enb2"] {
            factory.certify(name, 3650);
        }
        factory.crl("vendor.crl", 30);
        run(RACA, "init --dir ra --vendor-ca factory.pem", folder.path()).success();
        replace(folder.path(), "crls = []", "crls = [\"../vendor.crl\"]");
        replace(folder.path(), "\"if-available\"", &format!("{revocation:?}"));
        let server = Server::start(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", folder.path());
        run("openssl", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out new.key", folder.path())
            .success();
        Self { server, folder, factory }
    }

    /// Asks for a certificate, as that station.
    fn ir(&self, station: &str) -> Ended {
        let options = format!(
            "cmp -server {} -recipient /CN=Operator -trusted ra/ca.pem -cmd ir -newkey new.key -subject /O=Vendor/CN={station} -cert {station}.pem -key {station}.key -certout got.pem",
            self.server.url()
        );
        run("openssl", &options, self.folder.path())
    }

    fn refuses(&self, station: &str, fail_info: &str, reason: &str) {
        let ended = self.ir(station);
        assert_ne!(ended.code, Some(0), "{station}");
        let said = ended.stdout + &ended.stderr;
        assert!(said.contains(fail_info), "{said}");
        assert!(said.contains(reason), "{said}");
        self.server.wait_for_log(&["WARN", reason]);
    }
}

fn replace(folder: &Path, from: &str, to: &str) {
    let config = folder.join("ra/raca.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&config, text.replace(from, to)).unwrap();
}

#[test]
fn a_revoked_station_is_refused_from_the_next_crl_on() {
    let house = House::new("if-available");
    house.ir("enb1").success();

    house.factory.revoke("enb1");
    house.factory.crl("vendor.crl", 30);
    house.server.wait_for_log(&["INFO", "CRL read", "revoked=1"]);
    house.refuses("enb1", "certRevoked", "a certificate of the path is revoked");
    house.ir("enb2").success();

    fs::write(house.folder.path().join("vendor.crl"), "broken").unwrap();
    house.server.wait_for_log(&["ERROR", "the CRLs stay as they were", "vendor.crl", "no X509 CRL"]);
    house.refuses("enb1", "certRevoked", "a certificate of the path is revoked");
    fs::remove_file(house.folder.path().join("vendor.crl")).unwrap();
    house.server.wait_for_log(&["ERROR", "the CRLs stay as they were", "vendor.crl", "No such file"]);
    house.ir("enb2").success();
}

#[test]
fn where_a_crl_is_required_an_old_one_does_not_do_and_this_ca_s_own_certificates_need_none() {
    let house = House::new("required");
    house.ir("enb1").success();
    // With the operator's certificate, of whose CA there is no CRL.
    let options = format!(
        "cmp -server {} -recipient /CN=Operator -trusted ra/ca.pem -cmd cr -newkey other.key -subject /O=Vendor/CN=enb1 -cert got.pem -key new.key -certout renewed.pem",
        house.server.url()
    );
    run("openssl", "ecparam -name prime256v1 -genkey -noout -out other.key", house.folder.path()).success();
    run("openssl", &options, house.folder.path()).success();

    house.factory.crl("vendor.crl", 0);
    house.server.wait_for_log(&["WARN", "the CRL is out of date"]);
    house.refuses("enb2", "signerNotTrusted", "is out of date");

    let elsewhere = tempfile::tempdir().unwrap();
    let other = Factory::named(elsewhere.path(), "/O=Vendor/CN=Other CA");
    other.crl("other.crl", 30);
    fs::copy(elsewhere.path().join("other.crl"), house.folder.path().join("vendor.crl")).unwrap();
    house.server.wait_for_log(&["INFO", "CRL read", "CN=Other CA,O=Vendor"]);
    house.refuses("enb2", "signerNotTrusted", "no CRL tells");
}

#[test]
fn a_configuration_whose_crls_cannot_be_used_is_refused() {
    let house = House::new("if-available");
    let House { server, folder, .. } = house;
    server.stop("TERM");
    let refused = |reason: &str| {
        let words = "serve --config ra/raca.toml --listen 127.0.0.1:0";
        let error = run(RACA, words, folder.path()).failure(1);
        assert!(error.contains(reason), "{error}");
    };
    fs::copy(folder.path().join("factory.pem"), folder.path().join("vendor.crl")).unwrap();
    refused("there is no X509 CRL in it");
    replace(folder.path(), "crls = [\"../vendor.crl\"]", "crls = []");
    replace(folder.path(), "\"if-available\"", "\"required\"");
    refused("trust.crls names no file");
    replace(folder.path(), "\"required\"", "\"often\"");
    refused("line ");
}
