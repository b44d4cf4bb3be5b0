//! How long `nem serve` takes to be ready again, and what it takes of memory, by stations in the inventory (CSV) and requests that are
//! queued in the ledger. Each measurement is a process of its own: what one leaves behind does not count for the next.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cmp::end_entity::RequestKind;
use nem::ledger::{Ledger, Record, RequestId};
use store::ledger::EmbeddedLedger;
use testkit::vectors::NOW;

/// Stations and queued requests.
const PLANS: [(u32, u32); 4] = [(0, 0), (1_000_000, 0), (0, 100_000), (1_000_000, 100_000)];
/// What a P-256 request with a subject and an alternative name takes.
const REQUEST_OCTETS: usize = 350;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--serve") {
        return serve(Path::new(arguments.get(at + 1).unwrap()));
    }
    println!(
        "{:>10} {:>10} {:>12} {:>12} {:>12} {:>12}",
        "stations", "queued", "ready in", "processor", "resident", "ledger"
    );
    let mut resident = Vec::new();
    for (stations, queued) in PLANS {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path(), stations, queued);
        let child = Command::new(std::env::current_exe().unwrap())
            .arg("--serve")
            .arg(folder.path())
            .output()
            .unwrap();
        let told = String::from_utf8(child.stdout).unwrap();
        let mut told = told.split_whitespace().map(|word| word.parse::<u64>().unwrap());
        let (Some(milliseconds), Some(ticks), Some(kibibytes)) = (told.next(), told.next(), told.next())
        else {
            panic!("{}", String::from_utf8_lossy(&child.stderr));
        };
        resident.push(kibibytes * 1024);
        let ledger = std::fs::metadata(folder.path().join("nem/ledger.redb")).map_or(0, |facts| facts.len());
        println!(
            "{stations:>10} {queued:>10} {milliseconds:>9} ms {:>9} ms {:>8} MiB {:>8} MiB",
            ticks * 10,
            kibibytes / 1024,
            ledger >> 20
        );
    }
    if let [none, stations, queued, _] = resident.as_slice() {
        println!("a station takes {} octets of memory", stations.saturating_sub(*none) / 1_000_000);
        println!("a queued request takes {} octets of memory", queued.saturating_sub(*none) / 100_000);
    }
}

/// What a NEM needs, and a fleet.
fn prepare(folder: &Path, stations: u32, queued: u32) {
    let (ra, nem) = (folder.join("ra"), folder.join("nem"));
    ra_server::init(&ra_server::InitOptions::new(ra.clone())).unwrap();
    // Nobody is there, so what is queued stays so.
    let mut options = nem_server::InitOptions::new(nem.clone(), "http://127.0.0.1:9/".to_owned());
    options.operator_cas = vec![ra.join("ca.pem")];
    options.vendor_cas = vec![ra.join("ca.pem")];
    nem_server::init(&options).unwrap();
    for (profile, name) in [("ra", "cmp"), ("tls-server", "tls")] {
        let request = std::fs::read(nem.join(format!("{name}.csr.pem"))).unwrap();
        let issued = ra_server::issue(&ra.join("raca.toml"), &request, profile).unwrap();
        std::fs::write(nem.join(format!("{name}.pem")), issued).unwrap();
    }
    let config = nem.join("nem.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("stations.toml", "stations.csv")).unwrap();
    let mut csv = String::from("name,vendor_subject,subject,dns,groups\n");
    for number in 0..stations {
        writeln!(
            csv,
            "enb{number},\"CN=SN-{number:08},O=Vendor\",\"CN=enb{number}.operator.example,O=Operator\",enb{number}.operator.example,south"
        )
        .unwrap();
    }
    std::fs::write(nem.join("stations.csv"), csv).unwrap();
    let ledger = EmbeddedLedger::open(&nem.join("ledger.redb")).unwrap();
    let record = |number: u32| {
        let mut id = [0; 16];
        let mut octets = vec![0; REQUEST_OCTETS];
        for (to, from) in id.iter_mut().zip(number.reverse_bits().to_be_bytes()) {
            *to = from;
        }
        for (to, from) in octets.iter_mut().zip(number.to_be_bytes()) {
            *to = from;
        }
        let key = octets.iter().take(91).copied().collect();
        let (id, station) = (RequestId::new(id), format!("enb{number}"));
        Record::new(id, station, RequestKind::P10cr, octets, key, NOW)
    };
    let numbers: Vec<u32> = (0..queued).collect();
    for chunk in numbers.chunks(10_000) {
        ledger.put_all(&chunk.iter().map(|number| record(*number)).collect::<Vec<_>>()).unwrap();
    }
}

/// Serves until it is ready, and tells how long that took and what it takes.
fn serve(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let begun = Instant::now();
    let (told, ready) = tokio::sync::oneshot::channel();
    let config = folder.join("nem/nem.toml");
    runtime.spawn(async move {
        let ready = |_: &str| told.send(begun.elapsed()).unwrap();
        nem_server::serve(&config, Some("127.0.0.1:0"), ready, std::future::pending()).await.unwrap();
    });
    let took: Duration = ready.blocking_recv().unwrap();
    println!("{} {} {}", took.as_millis(), processor_ticks(), resident());
    std::process::exit(0);
}

/// What this process took of the processors, all threads together, in hundredths of a second: on a busy machine that says more
/// than the clock.
fn processor_ticks() -> u64 {
    let facts = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, facts) = facts.rsplit_once(')').unwrap();
    // utime and stime.
    facts.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// The memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
