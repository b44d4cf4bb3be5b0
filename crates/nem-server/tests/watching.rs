//! What those see who watch `nem serve`.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use support::{House, Plan, eventually};
use testkit::programs::{free_port, run};

#[test]
fn health_metrics_and_certificates_that_are_due() {
    let port = free_port();
    let admin = format!("[admin]\nlisten = \"127.0.0.1:{port}\"\n\n[intake]");
    let house = House::with(&Plan { settings: &[("[intake]", &admin)], ..Plan::default() });
    let get = |path: &str| {
        run("curl", &format!("-sS --fail http://127.0.0.1:{port}{path}"), house.path()).success()
    };
    assert_eq!((get("/healthz").trim(), get("/readyz").trim()), ("ok", "ready"));
    house.request("good", "/CN=enb1.operator.example");
    house.delivers("enb1", "good.p10");
    house.request("bad", "/CN=enb2.operator.example");
    house.refuses("enb1", "bad.p10", 403, "asks for the name");
    eventually(|| get("/metrics").contains("nem_certificates_delivered_total 1"));
    let metrics = get("/metrics");
    for line in [
        "nem_requests_accepted_total 1",
        "nem_certificates_issued_total 1",
        "nem_requests_rejected_total 0",
        "nem_stations 1",
        "nem_certificates_due 0",
        "nem_certificates_expired 0",
        "# EOF",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}:\n{metrics}");
    }
    assert!(metrics.contains("nem_upstream_up{upstream="), "{metrics}");
    assert_eq!(get("/certificates/due").trim(), "[]");
    let (code, error) = {
        let ended = run("curl", &format!("-sS --fail http://127.0.0.1:{port}/requests"), house.path());
        (ended.code, ended.stderr)
    };
    assert!(code == Some(22) && error.contains("404"), "stations are not served there: {error}");
}
