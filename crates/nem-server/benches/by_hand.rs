//! Export, signature and import of many requests: time, the memory of each process at its peak, and the size of the files.
//! `cargo bench -p nem-server --bench by_hand [-- REQUESTS...]`; by default of 10,000 and 100,000.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cmp::end_entity::RequestKind;
use crypto::SigningKey;
use crypto_aws_lc::{KeyType, SoftwareKey};
use host::now;
use nem::ledger::{Ledger, Record, RequestId};
use pkcs10::CertReqBuilder;
use ra_server::{SignApproval, SignOptions};
use store::ledger::EmbeddedLedger;
use testkit::programs::Server;

const NEM: &str = env!("CARGO_BIN_EXE_nem");

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, folder] = arguments.as_slice()
        && word == "--sign"
    {
        return sign(Path::new(folder));
    }
    // cargo itself adds `--bench`.
    let mut plans: Vec<u32> = arguments.iter().filter_map(|word| word.parse().ok()).collect();
    if plans.is_empty() {
        plans = vec![10_000, 100_000];
    }
    println!("{:>9}  {:<28} {:>9} {:>13} {:>13}", "requests", "step", "time", "peak memory", "file");
    for requests in plans {
        measure(requests);
    }
}

fn measure(requests: u32) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    prepare(path, requests);
    let server = Server::start(NEM, "serve --config nem/nem.toml --listen 127.0.0.1:0 --log error", path);
    let config = path.join("nem/nem.toml");
    wait(|| {
        let status = nem_server::status(&config).unwrap();
        status.outage_since.is_some() && status.upstreams.iter().all(|upstream| upstream.in_flight == 0)
    });
    let row = |step: &str, time: Duration, kibibytes: u64, file: Option<&str>| {
        let size = file.map(|file| fs::metadata(path.join(file)).unwrap().len());
        let size = size.map(|octets| format!("{:.1} MiB", mebibytes(octets))).unwrap_or_default();
        let peak = mebibytes(kibibytes * 1024);
        println!("{requests:>9}  {step:<28} {:>7.1} s {peak:>9.1} MiB {size:>13}", time.as_secs_f64());
    };
    let at_rest = memory(server.process_id(), "VmRSS:").unwrap();
    row("nem serve before", Duration::ZERO, at_rest, None);
    let order = |words: &str| {
        // From here on the peak is counted anew.
        fs::write(format!("/proc/{}/clear_refs", server.process_id()), "5").unwrap();
        let mut command = Command::new(NEM);
        command.args(words.split_whitespace()).args(["--config", "nem/nem.toml"]).current_dir(path);
        let (time, peak) = run(command);
        (time, peak, memory(server.process_id(), "VmHWM:").unwrap())
    };
    let (time, command, serve) = order("export --out batch.pki");
    row("nem export", time, command, Some("batch.pki"));
    row("  nem serve meanwhile", time, serve, None);
    let mut signing = Command::new(std::env::current_exe().unwrap());
    signing.arg("--sign").arg(path);
    let (time, peak) = run(signing);
    row("raca sign", time, peak, Some("answer.pki"));
    let (time, command, serve) = order("import answer.pki");
    row("nem import", time, command, None);
    row("  nem serve meanwhile", time, serve, None);
    let status = nem_server::status(&config).unwrap();
    assert_eq!(status.requests.get("exported"), None, "{status:?}");
    let issued = ra_server::list(&path.join("ra/raca.toml")).unwrap();
    let issued = issued.iter().filter(|entry| entry.profile == "ne").count();
    assert_eq!(u32::try_from(issued).unwrap(), requests);
}

/// `raca sign --yes`.
fn sign(folder: &Path) {
    let mut options = SignOptions::new(folder.join("batch.pki"), folder.join("answer.pki"));
    options.approval = SignApproval::All;
    let report = ra_server::sign(&folder.join("ra/raca.toml"), &options, &mut |_| {}).unwrap();
    println!("{}", report.text());
}

/// A NEM whose RA/CA is away, with that many stations, each with a request in its queue.
fn prepare(folder: &Path, requests: u32) {
    let (ra, nem) = (folder.join("ra"), folder.join("nem"));
    ra_server::init(&ra_server::InitOptions::new(ra.clone())).unwrap();
    let mut options = nem_server::InitOptions::new(nem.clone(), "http://127.0.0.1:9/".to_owned());
    options.operator_cas = vec![ra.join("ca.pem")];
    options.vendor_cas = vec![ra.join("ca.pem")];
    nem_server::init(&options).unwrap();
    for (profile, name) in [("ra", "cmp"), ("tls-server", "tls")] {
        let request = fs::read(nem.join(format!("{name}.csr.pem"))).unwrap();
        let issued = ra_server::issue(&ra.join("raca.toml"), &request, profile).unwrap();
        fs::write(nem.join(format!("{name}.pem")), issued).unwrap();
    }
    let config = nem.join("nem.toml");
    let text = fs::read_to_string(&config).unwrap().replace("stations.toml", "stations.csv");
    fs::write(&config, text).unwrap();
    let mut csv = String::from("name,vendor_subject,subject\n");
    for number in 0..requests {
        writeln!(csv, "enb{number},\"CN=SN-{number:08},O=Vendor\",\"CN=enb{number}.operator.example\"")
            .unwrap();
    }
    fs::write(nem.join("stations.csv"), csv).unwrap();
    // One key for all of them: what is measured does not depend on it.
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    let ledger = EmbeddedLedger::open(&nem.join("ledger.redb")).unwrap();
    let record = |number: u32| {
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(number.reverse_bits().to_be_bytes()) {
            *to = from;
        }
        let subject = format!("CN=enb{number}.operator.example").parse().unwrap();
        let request = CertReqBuilder::new(subject, key.public_key()).sign(&key).unwrap();
        let public_key = key.public_key().spki_octets().to_vec();
        let (id, station) = (RequestId::new(id), format!("enb{number}"));
        Record::new(id, station, RequestKind::P10cr, request, public_key, now())
    };
    let numbers: Vec<u32> = (0..requests).collect();
    for chunk in numbers.chunks(10_000) {
        ledger.put_all(&chunk.iter().map(|number| record(*number)).collect::<Vec<_>>()).unwrap();
    }
}

/// Runs it to its end; how long that takes, and its memory in KiB at its peak.
fn run(mut command: Command) -> (Duration, u64) {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    let ended = loop {
        peak = memory(child.id(), "VmHWM:").unwrap_or(peak);
        match child.try_wait().unwrap() {
            Some(ended) => break ended,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    assert!(ended.success(), "{command:?}");
    (began.elapsed(), peak)
}

/// A line of what the system says of a process, in KiB.
fn memory(process: u32, line: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|found| found.strip_prefix(line))?;
    line.split_whitespace().next()?.parse().ok()
}

fn mebibytes(octets: u64) -> f64 {
    f64::from(u32::try_from(octets / 1024).unwrap()) / 1024.0
}

fn wait(done: impl Fn() -> bool) {
    while !done() {
        std::thread::sleep(Duration::from_millis(100));
    }
}
