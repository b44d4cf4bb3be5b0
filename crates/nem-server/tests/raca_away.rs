//! An RA/CA that is away, or talks nonsense: the station is told to come back, and gets its certificate when the RA/CA is
//! back.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use support::{House, Plan, Raca};
use testkit::programs::free_port;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use transfer::http::{ClientOptions, CmpClient, CmpHandler, CmpRequest, CmpResponse, cmp_router};
use transfer::server::Limits;

const SUBJECT: &str = "/CN=enb1.operator.example";
const NO_HOLD: &[(&str, &str)] =
    &[("hold_seconds = 5", "hold_seconds = 0"), ("retry_after_seconds = 5", "retry_after_seconds = 1")];

#[test]
fn it_cannot_be_reached() {
    let port = free_port();
    let upstream = format!("http://127.0.0.1:{port}/.well-known/cmp");
    let house = House::with(&Plan { upstream: Some(&upstream), settings: NO_HOLD, ..Plan::default() });
    house.request("good", SUBJECT);
    house.refuses("enb1", "good.p10", 202, "not decided yet");
    house.nem.wait_for_log(&["WARN", "enb1", "cannot be reached", "tried again"]);
    let House { raca, nem, folder, .. } = house;
    drop(raca);
    let raca = Raca::start(folder.path(), &format!("127.0.0.1:{port}"), 0);
    nem.wait_for_log(&["enb1", "certificate confirmed"]);
    assert_eq!(raca.issued().len(), 1);
    assert_eq!(support::upload(folder.path(), &nem, "enb1", "good.p10", "application/pkcs10").0, 200);
}

/// Stands between NEM and RA/CA, and answers with what it makes of each true answer, until it is told to be honest.
struct Liar {
    raca: CmpClient,
    honest: AtomicBool,
    count: AtomicUsize,
    lie: fn(usize, Vec<u8>) -> CmpResponse,
}

impl CmpHandler for Liar {
    async fn handle(&self, request: CmpRequest) -> CmpResponse {
        let answer = self.raca.exchange(request.octets).await.unwrap();
        if self.honest.load(Ordering::SeqCst) {
            return CmpResponse::ok(answer);
        }
        (self.lie)(self.count.fetch_add(1, Ordering::SeqCst), answer)
    }
}

/// Whatever the lies, nothing is rejected or issued twice, and the truth is taken once it comes.
fn lied_to(logged: &[&str], lie: fn(usize, Vec<u8>) -> CmpResponse) {
    let port = free_port();
    let upstream = format!("http://127.0.0.1:{port}/.well-known/cmp");
    let house = House::with(&Plan { upstream: Some(&upstream), settings: NO_HOLD, ..Plan::default() });
    let runtime = Runtime::new().unwrap();
    let liar = runtime.block_on(async {
        let raca = CmpClient::new(&house.raca.url, ClientOptions::default()).unwrap();
        let (honest, count) = (AtomicBool::new(false), AtomicUsize::new(0));
        let liar = Arc::new(Liar { raca, honest, count, lie });
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let limits = Limits::default();
        let router = cmp_router(liar.clone(), limits);
        tokio::spawn(transfer::server::serve(listener, router, None, limits, std::future::pending()));
        liar
    });
    house.request("good", SUBJECT);
    house.refuses("enb1", "good.p10", 202, "not decided yet");
    house.nem.wait_for_log(&[&["WARN", "enb1", "tried again"], logged].concat());
    liar.honest.store(true, Ordering::SeqCst);
    house.nem.wait_for_log(&["enb1", "certificate confirmed"]);
    house.delivers("enb1", "good.p10");
    assert_eq!(house.raca.issued().len(), 1);
}

#[test]
fn it_answers_garbage() {
    lied_to(&["not believed"], |_, _| CmpResponse::ok(b"garbage".to_vec()));
}

#[test]
fn its_answers_are_cut_short() {
    lied_to(&["not believed"], |_, answer| CmpResponse::ok(answer.get(..answer.len() / 2).unwrap().to_vec()));
}

#[test]
fn its_answers_are_changed_on_the_way() {
    lied_to(&["not believed"], |_, mut answer| {
        let middle = answer.len() / 2;
        *answer.get_mut(middle).unwrap() ^= 1;
        CmpResponse::ok(answer)
    });
}

#[test]
fn its_answers_are_larger_than_any() {
    lied_to(&["65536"], |_, _| CmpResponse::ok(vec![0x30; 70_000]));
}

#[test]
fn it_answers_nothing() {
    lied_to(&["empty"], |_, _| CmpResponse::ok(Vec::new()));
}
