//! Anything on a station's connection is answered in HTTP or hung up on, and what the NEM is given it decides.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cellcert_fuzz::{House, MemoryLedger, NOW};
use libfuzzer_sys::fuzz_target;
use nem::{Nem, Shown, Upload};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use transfer::Peer;
use transfer::est::{EstEnroll, EstHandler, EstReply, est_router};
use transfer::server::{Limits, serve_connection};

struct Stations {
    nem: Mutex<Nem>,
    house: House,
}

impl EstHandler for Stations {
    async fn ca_certs(&self) -> EstReply {
        EstReply::Certificates(Vec::new())
    }

    async fn enroll(&self, request: EstEnroll) -> EstReply {
        let mut nem = self.nem.lock().expect("nobody panicked");
        let chain = [self.house.station(0)];
        match nem.upload(Shown::Certificates(&chain), Upload::Pkcs10(&request.csr), None, NOW) {
            Ok(_) => EstReply::Pending { retry_after: Duration::from_secs(1) },
            Err(refusal) => EstReply::refused(400, refusal.to_string()),
        }
    }
}

fuzz_target!(|octets: &[u8]| {
    let house = House::new();
    let nem = Mutex::new(house.nem(&MemoryLedger::new(), 1));
    let peer =
        Peer::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), vec![house.station(0).octets().to_vec()]);
    let limits = Limits::default();
    let router = est_router(Arc::new(Stations { nem, house }), limits);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let answer = runtime.block_on(async {
        let (mut station, server) = tokio::io::duplex(256 * 1024);
        station.write_all(octets).await.expect("there is room");
        station.shutdown().await.expect("it is open");
        serve_connection(server, peer, router, limits).await;
        let mut answer = Vec::new();
        station.read_to_end(&mut answer).await.map(|_| answer).expect("the server has hung up")
    });
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
});
