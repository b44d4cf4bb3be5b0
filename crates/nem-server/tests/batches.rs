//! Batches between `nem serve` and the RA/CA: when they go, what kill -9 does to them, who cannot take them apart, and several
//! RA/CAs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use support::{House, NEM, Plan, enter, eventually, replace, request, serve, upload};
use testkit::programs::{Server, free_port, run};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use transfer::http::{ClientOptions, CmpClient, CmpHandler, CmpRequest, CmpResponse, cmp_router};
use transfer::server::Limits;

const STATIONS: [&str; 3] = ["enb1", "enb2", "enb3"];
const NO_HOLD: (&str, &str) = ("hold_seconds = 5", "hold_seconds = 0");
/// A batch goes when it is full, or when somebody says so.
const FULL: &[(&str, &str)] = &[
    NO_HOLD,
    ("batch_size = 32", "batch_size = 3"),
    ("batch_delay_milliseconds = 100", "batch_delay_milliseconds = 3600000"),
];

fn house(upstream: Option<&str>, settings: &[(&str, &str)]) -> House {
    let house = House::with(&Plan { upstream, settings, ..Plan::default() });
    for station in &STATIONS[1..] {
        house.factory.certify(station, 3650);
        enter(house.path(), station, "");
    }
    house.nem.signal("HUP");
    house.nem.wait_for_log(&["inventory read again", "stations=3"]);
    for station in STATIONS {
        request(house.path(), station, &format!("/CN={station}.operator.example"));
    }
    house
}

fn uploads(folder: &Path, nem: &Server, station: &str) -> u16 {
    upload(folder, nem, station, &format!("{station}.p10"), "application/pkcs10").0
}

/// What a command prints with `--json`.
fn told(folder: &Path, command: &str) -> Value {
    serde_json::from_str(&run(NEM, &format!("{command} --config nem/nem.toml --json"), folder).success())
        .unwrap()
}

fn all_delivered(folder: &Path, nem: &Server) {
    for station in STATIONS {
        eventually(|| uploads(folder, nem, station) == 200);
    }
}

#[test]
fn a_batch_goes_when_it_is_full() {
    let house = house(None, FULL);
    let folder = house.path();
    assert_eq!(uploads(folder, &house.nem, "enb1"), 202);
    assert_eq!(uploads(folder, &house.nem, "enb2"), 202);
    assert_eq!(told(folder, "batches"), Value::Array(Vec::new()));
    let upstreams = told(folder, "upstreams");
    assert_eq!((&upstreams[0]["waiting"], &upstreams[0]["batches"]), (&2.into(), &"untried".into()));
    assert_eq!(told(folder, "status")["requests"]["queued"], 2);

    uploads(folder, &house.nem, "enb3");
    all_delivered(folder, &house.nem);
    // The requests, and then what confirms the certificates.
    let batches = told(folder, "batches");
    assert_eq!(batches.as_array().unwrap().len(), 2, "{batches}");
    assert!(batches.as_array().unwrap().iter().all(|batch| batch["messages"] == 3), "{batches}");
    assert_eq!(batches[1]["outcome"], "batch answered: 3 answers");
    assert_eq!(told(folder, "upstreams")[0]["batches"], "works");
    assert_eq!(house.raca.issued().len(), 3);
    for (command, words) in [
        ("status", &["stations            3", "raca", "works"][..]),
        ("upstreams", &["raca", "up", "works"]),
        ("batches", &["raca", "batch answered: 3 answers"]),
    ] {
        let table = run(NEM, &format!("{command} --config nem/nem.toml"), folder).success();
        assert!(words.iter().all(|word| table.contains(word)), "{table}");
    }
}

#[test]
fn operators_let_a_batch_go_and_steer_requests() {
    let house = house(None, FULL);
    let folder = house.path();
    let operate = |words: &str| run(NEM, &words.replacen(' ', " --config nem/nem.toml ", 1), folder);
    for station in &STATIONS[..2] {
        assert_eq!(uploads(folder, &house.nem, station), 202);
    }
    let requests = told(folder, "requests");
    let second = requests[0]["request"].as_str().unwrap();
    assert_eq!(requests[0]["station"], "enb2");
    assert!(operate("flush --upstream nobody").failure(1).contains("no RA/CA of that name"));
    assert!(operate("hold 4711").failure(1).contains("32 hexadecimal digits"));
    assert!(operate("hold 00112233445566778899aabbccddeeff").failure(1).contains("no such request"));
    operate(&format!("hold {second}")).success();
    assert_eq!(told(folder, "status")["held"], 1);
    assert_eq!(operate("flush ").success().trim(), "1 messages sent");
    house.nem.wait_for_log(&["enb1", "certificate issued"]);
    operate("flush --upstream raca").success();
    eventually(|| uploads(folder, &house.nem, "enb1") == 200);
    // What is held stays where it is, and what is rejected is told so.
    assert_eq!(uploads(folder, &house.nem, "enb2"), 202);
    operate(&format!("reject {second} --reason wrong-site")).success();
    let (status, reason) = upload(folder, &house.nem, "enb2", "enb2.p10", "application/pkcs10");
    assert_eq!((status, reason.contains("wrong-site")), (403, true), "{reason}");
    operate(&format!("retry {second}")).success();
    operate("flush ").success();
    house.nem.wait_for_log(&["enb2", "certificate issued"]);
    operate("flush ").success();
    eventually(|| uploads(folder, &house.nem, "enb2") == 200);
    assert!(operate(&format!("reject {second}")).failure(1).contains("cannot be done"));
    assert_eq!(house.raca.issued().len(), 2);
    drop(house.nem);
    let reason = run(NEM, "status --config nem/nem.toml", house.folder.path()).failure(1);
    assert!(reason.contains("does not run"), "{reason}");
}

/// Stands between NEM and RA/CA, and holds up the exchange with that number for ever: before the RA/CA has it, or behind.
struct Gate {
    raca: CmpClient,
    exchanges: AtomicUsize,
    hold: usize,
    behind: bool,
    reached: Arc<Notify>,
}

impl CmpHandler for Gate {
    async fn handle(&self, request: CmpRequest) -> CmpResponse {
        let is_held = self.exchanges.fetch_add(1, Ordering::SeqCst) == self.hold;
        let answer = match is_held && !self.behind {
            true => None,
            false => Some(self.raca.exchange(request.octets).await.unwrap()),
        };
        match answer.filter(|_| !is_held) {
            Some(answer) => CmpResponse::ok(answer),
            None => {
                self.reached.notify_one();
                std::future::pending().await
            }
        }
    }
}

#[test]
fn kill_9_while_batches_are_under_way() {
    for (hold, behind) in [(0, false), (0, true), (1, false), (1, true)] {
        let port = free_port();
        let house = house(Some(&format!("http://127.0.0.1:{port}/.well-known/cmp")), FULL);
        let runtime = Runtime::new().unwrap();
        let reached = Arc::new(Notify::new());
        let gate = Gate {
            raca: CmpClient::new(&house.raca.url, ClientOptions::default()).unwrap(),
            exchanges: AtomicUsize::new(0),
            hold,
            behind,
            reached: reached.clone(),
        };
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", port))).unwrap();
        let limits = Limits::default();
        let router = cmp_router(Arc::new(gate), limits);
        runtime.spawn(transfer::server::serve(listener, router, None, limits, std::future::pending()));

        for station in STATIONS {
            assert_eq!(uploads(house.path(), &house.nem, station), 202);
        }
        runtime.block_on(reached.notified());
        let House { nem, raca, folder, .. } = house;
        nem.stop("KILL");
        let nem = serve(folder.path());
        all_delivered(folder.path(), &nem);
        assert_eq!(raca.issued().len(), 3, "exchange {hold}, behind {behind}");
        assert!(raca.issued().iter().all(|entry| entry.status == "valid"));
    }
}

#[test]
fn openssl_s_mock_server_cannot_take_a_batch_apart() {
    let port = free_port();
    // It is in one transaction at a time, and forgets it when the next one begins.
    let settings = [
        FULL,
        &[
            ("max_in_flight = 32", "max_in_flight = 1"),
            ("implicit_confirm = false", "implicit_confirm = true"),
        ],
    ];
    let house = house(Some(&format!("http://127.0.0.1:{port}/pkix/")), &settings.concat());
    let folder = house.path();
    // It issues this one certificate, whoever asks.
    run("openssl", "req -inform DER -in enb2.p10 -out enb2.csr", folder).success();
    let sign = "x509 -req -in enb2.csr -CA ra/ca.pem -CAkey ra/ca.key.pem -days 30 -set_serial 0x1234 -out rsp.pem -extfile factory.ext";
    run("openssl", sign, folder).success();
    let words = format!(
        "cmp -port {port} -srv_cert ra/ca.pem -srv_key ra/ca.key.pem -srv_trusted ra/ca.pem -rsp_cert rsp.pem -grant_implicitconf"
    );
    let _mock = Server::start_at("openssl", &words, folder, port);
    for station in STATIONS {
        // The third makes the batch full, and may be turned down at once.
        assert!([202, 403].contains(&uploads(folder, &house.nem, station)));
    }
    house.nem.wait_for_log(&["WARN", "raca", "it does not take batches apart"]);
    // No request is lost by that: one gets the certificate, and the others turn it down.
    eventually(|| uploads(folder, &house.nem, "enb2") == 200);
    for other in ["enb1", "enb3"] {
        eventually(|| uploads(folder, &house.nem, other) == 403);
    }
    let known = told(folder, "upstreams")[0].clone();
    assert_eq!(known["batches"], "refused", "{known}");
    let table = run(NEM, "status --config nem/nem.toml", folder).success();
    assert!(table.contains("no batches since"), "{table}");

    let House { nem, folder, .. } = house;
    nem.stop("KILL");
    let _nem = serve(folder.path());
    let again = told(folder.path(), "upstreams")[0].clone();
    for fact in ["batches", "batches_refused", "batches_refused_since"] {
        assert_eq!(again[fact], known[fact]);
    }
    // Who mends it says so.
    run(NEM, "reload --config nem/nem.toml", folder.path()).success();
    assert_eq!(told(folder.path(), "upstreams")[0]["batches"], "untried");
}

/// Makes two RA/CAs of the one in `nem.toml`: `near` at that port, which comes first, and `far` as it is.
fn near_and_far(folder: &Path, port: u16) {
    let path = folder.join("nem/nem.toml");
    let text = fs::read_to_string(&path).unwrap();
    let start = text.find("\n[upstream]").unwrap();
    let end = text.find("\n[trust]").unwrap();
    let far = text[start..end].replacen("[upstream]", "[[upstream]]", 1);
    let url = far.lines().find(|line| line.starts_with("url = ")).unwrap();
    let far = far.replace(url, &format!("{url}\nname = \"far\""));
    let near_url =
        format!("url = \"http://127.0.0.1:{port}/.well-known/cmp\"\nname = \"near\"\npriority = 1");
    let near = far.replace(&format!("{url}\nname = \"far\""), &near_url);
    fs::write(&path, [&text[..start], &near, &far, &text[end..]].concat()).unwrap();
}

#[test]
fn several_ra_cas_and_a_change_of_them_without_a_restart() {
    let house = house(None, &[NO_HOLD, ("batch_size = 32", "batch_size = 1")]);
    let folder = house.path();
    let before = fs::read_to_string(folder.join("nem/nem.toml")).unwrap();
    let port = free_port();
    near_and_far(folder, port);
    house.nem.signal("HUP");
    house.nem.wait_for_log(&["RA/CAs read again: near, far"]);
    // Nobody is there, but that the NEM cannot know before it has tried.
    assert_eq!(uploads(folder, &house.nem, "enb1"), 202);
    house.nem.wait_for_log(&["WARN", "near", "it does not answer"]);
    eventually(|| uploads(folder, &house.nem, "enb2") == 200);
    let upstreams = told(folder, "upstreams");
    assert_eq!((&upstreams[0]["name"], &upstreams[0]["health"]), (&"far".into(), &"up".into()));
    assert_eq!((&upstreams[1]["name"], &upstreams[1]["requests"]), (&"near".into(), &1.into()));
    assert_ne!(upstreams[1]["health"], "up");

    // A configuration that cannot be used changes nothing.
    let good = fs::read_to_string(folder.join("nem/nem.toml")).unwrap();
    for (from, to, reason) in [
        ("name = \"far\"", "name = \"near\"", "two RA/CAs are called \"near\""),
        ("priority = 1", "priority = true", "line"),
        ("batch_size = 1", "batch_size = 0", "upstream.batch_size: must lie between 1"),
        ("cmp.pem", "other.pem", "other.pem"),
    ] {
        replace(&folder.join("nem/nem.toml"), from, to);
        let told = run(NEM, "reload --config nem/nem.toml", folder).failure(1);
        assert!(told.contains(reason), "{told}");
        fs::write(folder.join("nem/nem.toml"), &good).unwrap();
    }
    assert_eq!(told(folder, "upstreams").as_array().unwrap().len(), 2);

    // The request ends where it began, under its new address.
    let url = format!("http://127.0.0.1:{port}/.well-known/cmp");
    replace(&folder.join("nem/nem.toml"), &url, &house.raca.url);
    run(NEM, "reload --config nem/nem.toml", folder).success();
    eventually(|| uploads(folder, &house.nem, "enb1") == 200);
    // Whoever is not in the configuration any more is there as long as a request is, and then not.
    fs::write(folder.join("nem/nem.toml"), before).unwrap();
    run(NEM, "reload --config nem/nem.toml", folder).success();
    let upstreams = told(folder, "upstreams");
    assert_eq!(upstreams.as_array().unwrap().len(), 1, "{upstreams}");
    assert_eq!(upstreams[0]["name"], "raca");
    eventually(|| uploads(folder, &house.nem, "enb3") == 200);
    assert_eq!(house.raca.issued().len(), 3);
}
