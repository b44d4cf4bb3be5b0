//! The NEM renews its own certificates, with new keys, while it serves.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use support::{House, NEM, Plan, serve};
use testkit::programs::{free_port, run};

fn read(house: &House, file: &str) -> String {
    fs::read_to_string(house.path().join("nem").join(file)).unwrap()
}

/// What whoever connects is shown.
fn shown(address: &str, house: &House) -> String {
    let script = format!(
        "openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -serial -subject"
    );
    run_script(&script, house)
}

fn run_script(script: &str, house: &House) -> String {
    testkit::programs::run_words("sh", &["-c", script], house.path()).success()
}

#[test]
fn both_certificates_have_new_keys_and_are_served_at_once() {
    let (admin, ftps) = (free_port(), free_port());
    let section = format!(
        "[admin]\nlisten = \"127.0.0.1:{admin}\"\n\n[ftps]\nlisten = \"127.0.0.1:{ftps}\"\n\n[intake]"
    );
    let house = House::with(&Plan { settings: &[("[intake]", &section)], ..Plan::default() });
    let files = ["cmp.pem", "cmp.key.pem", "tls.pem", "tls.key.pem"];
    let before = files.map(|file| read(&house, file));
    let address = house.nem.address().to_owned();
    let old = shown(&address, &house);
    let done = run(NEM, "renew --config nem/nem.toml", house.path()).success();
    assert_eq!(done.lines().count(), 2, "{done}");
    for (file, before) in files.iter().zip(&before) {
        assert_ne!(read(&house, file), *before, "{file}");
    }
    for key in ["cmp.key.pem", "tls.key.pem"] {
        let path = house.path().join("nem").join(key);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{key}");
        assert!(!house.path().join(format!("nem/{key}.next")).exists(), "{key}");
    }
    let new = shown(&address, &house);
    let subject = |shown: &str| shown.lines().find(|line| line.starts_with("subject")).map(str::to_owned);
    assert!(new != old && subject(&new) == subject(&old), "{old}{new}");
    let by_ftp = run_script(
        &format!(
            "openssl s_client -starttls ftp -connect 127.0.0.1:{ftps} </dev/null 2>/dev/null | openssl x509 -noout -serial -subject"
        ),
        &house,
    );
    assert_eq!(by_ftp, new);
    // The new one signs what goes up.
    house.request("good", "/CN=enb1.operator.example");
    house.delivers("enb1", "good.p10");
    let metrics = run("curl", &format!("-sS http://127.0.0.1:{admin}/metrics"), house.path()).success();
    let expiry = "nem_own_certificate_expiry_timestamp_seconds{certificate=";
    assert_eq!(metrics.lines().filter(|line| line.starts_with(expiry)).count(), 2, "{metrics}");
    assert!(metrics.contains("\nnem_own_renewals_failed_total 0\n"), "{metrics}");
}

#[test]
fn a_renewal_that_fails_changes_nothing_and_is_told() {
    let admin = free_port();
    let section = format!("[admin]\nlisten = \"127.0.0.1:{admin}\"\n\n[intake]");
    let house = House::with(&Plan {
        upstream: Some("http://127.0.0.1:9/nobody"),
        settings: &[("[intake]", &section)],
        ..Plan::default()
    });
    let before = read(&house, "cmp.pem");
    let ended = run(NEM, "renew --config nem/nem.toml", house.path());
    assert!(ended.code == Some(1) && ended.stderr.contains("cmp.pem"), "{}", ended.stderr);
    assert_eq!(read(&house, "cmp.pem"), before);
    let metrics = run("curl", &format!("-sS http://127.0.0.1:{admin}/metrics"), house.path()).success();
    assert!(metrics.contains("\nnem_own_renewals_failed_total 1\n"), "{metrics}");
}

#[test]
fn one_that_was_interrupted_between_its_files_is_finished_at_the_next_start() {
    let house = House::new();
    let nem = house.path().join("nem");
    run(NEM, "renew --config nem/nem.toml", house.path()).success();
    // As if it had been killed before the key was renamed.
    fs::rename(nem.join("cmp.key.pem"), nem.join("cmp.key.pem.next")).unwrap();
    let old = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out nem/cmp.key.pem";
    run("openssl", old, house.path()).success();
    let House { nem, raca, factory, folder } = house;
    nem.stop("KILL");
    let house = House { nem: serve(folder.path()), raca, factory, folder };
    house.nem.wait_for_log(&["cmp.pem", "is finished"]);
    house.request("good", "/CN=enb1.operator.example");
    house.delivers("enb1", "good.p10");
}
