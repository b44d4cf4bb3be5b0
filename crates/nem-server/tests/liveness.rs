//! Stations that do not count as connected, and those that operators block, get nothing until that changes; no restart is needed.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use support::{House, NEM, Plan, eventually, replace};
use testkit::programs::{free_port, run, run_words, words};

const TOKEN: &str = "bWFueSBzdGF0aW9ucw";

fn house(liveness: &str, port: u16) -> House {
    let section = format!("[liveness]\n{liveness}\n\n[admin]\nlisten = \"127.0.0.1:{port}\"\n\n[intake]");
    let house = House::with(&Plan {
        before_serving: Some(&|folder| secret(folder)),
        settings: &[("[intake]", &section)],
        ..Plan::default()
    });
    house.request("good", "/CN=enb1.operator.example");
    house
}

fn secret(folder: &std::path::Path) {
    let path = folder.join("nem/heartbeat.token");
    fs::write(&path, TOKEN).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn reports_by_http_let_stations_in_and_out() {
    let port = free_port();
    let house =
        house("own_contact = false\nsilent_after_seconds = 3600\ntoken = \"file:heartbeat.token\"", port);
    let report = |token: &str, lines: &str| {
        fs::write(house.path().join("reports"), lines).unwrap();
        let header = format!("Authorization: Bearer {token}");
        let url = format!("http://127.0.0.1:{port}/heartbeats");
        let arguments = words("-sS -w %{http_code} --data-binary @reports", &["-H", &header, &url]);
        run_words("curl", &arguments, house.path()).success()
    };
    house.refuses("enb1", "good.p10", 503, "does not count as connected");
    assert!(report("wrong", "enb1\n").ends_with("401"));
    house.refuses("enb1", "good.p10", 503, "does not count as connected");
    assert!(report(TOKEN, "connected\n").ends_with("400"));
    let answer = report(TOKEN, "enb1\ndisconnected enb9\n");
    assert!(answer.contains(r#"{"stations":2,"unknown":1,"unknown_names":["enb9"]}"#), "{answer}");
    house.delivers("enb1", "good.p10");
    let stations = run(NEM, "stations --config nem/nem.toml --json", house.path()).success();
    assert!(
        stations.contains(r#""connected": true"#) && stations.contains(r#""last_contact": "20"#),
        "{stations}"
    );
    let metrics = run("curl", &format!("-sS http://127.0.0.1:{port}/metrics"), house.path()).success();
    assert!(metrics.contains("\nnem_stations_connected 1\n"), "{metrics}");

    report(TOKEN, "disconnected enb1\n");
    house.request("next", "/CN=enb1.operator.example");
    house.refuses("enb1", "next.p10", 503, "does not count as connected");
    // Other rules, without a restart; what was reported still holds.
    replace(&house.path().join("nem/nem.toml"), "own_contact = false", "own_contact = true");
    run(NEM, "reload --config nem/nem.toml", house.path()).success();
    house.refuses("enb1", "next.p10", 503, "does not count as connected");
    report(TOKEN, "connected enb1\n");
    house.delivers("enb1", "next.p10");
    assert!(!house.nem.log().contains(TOKEN));
}

#[test]
fn a_file_of_other_software_is_taken_up() {
    let house = house("own_contact = false\nfile = \"connected.txt\"", free_port());
    house.refuses("enb1", "good.p10", 503, "does not count as connected");
    let file = house.path().join("nem/connected.txt");
    fs::write(&file, "# all\nconnected enb1\nenb7\n").unwrap();
    eventually(|| house.upload("enb1", "good.p10").0 == 200);
    house.nem.wait_for_log(&["WARN", "connected.txt", "enb7"]);
    fs::write(&file, "disconnected enb1\n").unwrap();
    eventually(|| house.upload("enb1", "good.p10").0 == 503);
    fs::write(&file, "connected enb1\ndisconnected\n").unwrap();
    house.nem.wait_for_log(&["ERROR", "connected.txt", "line 2"]);
    assert_eq!(house.upload("enb1", "good.p10").0, 503);
}

#[test]
fn whom_operators_block_gets_nothing_until_let_in() {
    let house = House::new();
    house.request("good", "/CN=enb1.operator.example");
    let before = fs::read_to_string(house.path().join("nem/stations.toml")).unwrap();
    let done = run(NEM, "block --config nem/nem.toml enb1", house.path()).success();
    assert_eq!(done.trim(), "station enb1 is blocked");
    house.refuses("enb1", "good.p10", 403, "blocked");
    let ended = run(NEM, "block --config nem/nem.toml enb2", house.path());
    assert!(ended.code == Some(1) && ended.stderr.contains("enb2"), "{}", ended.stderr);
    run(NEM, "unblock --config nem/nem.toml enb1", house.path()).success();
    house.delivers("enb1", "good.p10");
    let after = fs::read_to_string(house.path().join("nem/stations.toml")).unwrap();
    assert_eq!(after.replace("state = \"expected\"\n", ""), before, "what else stands there stays");
}
