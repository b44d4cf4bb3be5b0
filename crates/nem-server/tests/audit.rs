//! Who asked, what was decided and why, in a log that nobody can change unseen.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::fs;

use serde_json::Value;
use support::{House, NEM, enter};
use testkit::programs::run;

fn entries(house: &House) -> Vec<Value> {
    let text = fs::read_to_string(house.path().join("nem/audit.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn has(house: &House, who: &str, decision: &str, why: &str) -> bool {
    let text = |entry: &Value, part: &str| entry.get(part).and_then(Value::as_str).unwrap_or("").to_owned();
    entries(house).iter().any(|entry| {
        text(entry, "who") == who
            && text(entry, "decision").contains(decision)
            && text(entry, "why").contains(why)
    })
}

#[test]
fn every_decision_is_written_down_with_its_reason() {
    let house = House::new();
    house.factory.certify("enb2", 3650);
    enter(house.path(), "enb2", "state = \"blocked\"");
    house.nem.wait_for_log(&["inventory read again", "stations=2"]);
    house.request("good", "/CN=enb1.operator.example");
    house.delivers("enb1", "good.p10");
    house.request("other", "/CN=enb2.operator.example");
    for _again in 0..2 {
        house.refuses("enb1", "other.p10", 403, "asks for the name");
    }
    house.refuses("enb2", "other.p10", 403, "blocked");
    run(NEM, "flush --config nem/nem.toml", house.path()).success();
    run(NEM, "hold --config nem/nem.toml 00112233445566778899aabbccddeeff", house.path());
    run(NEM, "block --config nem/nem.toml enb1", house.path()).success();

    for (who, decision, why) in [
        ("enb1", "accepted", ""),
        ("enb1", "issued", ""),
        ("enb1", "delivered", ""),
        ("enb1", "refused", "asks for the name"),
        ("enb2", "refused", "blocked"),
        ("operator", "0 messages sent", ""),
        ("operator", "refused", "no such request"),
        ("operator", "station enb1 is blocked", ""),
    ] {
        assert!(has(&house, who, decision, why), "{who} {decision} {why}: {:#?}", entries(&house));
    }
    let issued: Vec<Value> =
        entries(&house).into_iter().filter(|entry| entry["decision"] == "issued").collect();
    assert!(issued[0]["transaction_id"].is_string() && issued[0]["serial_number"].is_string(), "{issued:?}");
    let repeated = entries(&house).into_iter().filter(|entry| entry["decision"] == "refused");
    assert_eq!(repeated.filter(|entry| entry["who"] == "enb1").count(), 1, "the same is written down once");
    // It goes on behind a crash, and a change is found out.
    let verify = || run(NEM, "audit verify --config nem/nem.toml", house.path());
    assert!(verify().success().contains("the last hash is"));
    let path = house.path().join("nem/audit.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("accepted", "rejected", 1)).unwrap();
    let broken = verify();
    assert!(broken.code == Some(1) && broken.stderr.contains("audit.jsonl"), "{}", broken.stderr);
}
