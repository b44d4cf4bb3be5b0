//! kill -9 of `nem serve` at every step of an enrolment that changes something on the disk or tells somebody: the station gets its
//! certificate all the same, exactly one is issued, and the audit log is whole.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use cmp::end_entity::RequestKind;
use enb::{CertificateOptions, CmpOptions, CmpSender, EnrolOptions, Identity, enrol, request_certificate};
use host::{KeyLocation, KeySource, Names};
use support::{NEM, Raca, enter, init_nem, replace};
use tempfile::TempDir;
use testkit::kill::Kill;
use testkit::programs::{Factory, Server, free_port, run};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// An RA/CA, and a NEM that was never started.
struct Base {
    folder: TempDir,
    raca: Raca,
    kill: Kill,
    runtime: Runtime,
    way: Way,
}

/// How enb1 enrols.
#[derive(Clone, Copy)]
enum Way {
    /// By an upload.
    Upload,
    /// By messages of its own, with the NEM's protection as `station_cmp` says; at that port inside the tunnel.
    Cmp(&'static str, u16),
}

impl Base {
    fn new(way: Way) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        Factory::new(path).certify("enb1", 3650);
        let raca = Raca::start(path, "127.0.0.1:0", 0);
        init_nem(path, &raca.url, &raca);
        replace(&path.join("nem/nem.toml"), "batch_delay_milliseconds = 100", "batch_delay_milliseconds = 1");
        enter(path, "enb1", "tunnel_address = \"127.0.0.1\"");
        if let Way::Cmp(policy, port) = way {
            let config = path.join("nem/nem.toml");
            let tunnel = format!("[tunnel]\nlisten = \"127.0.0.1:{port}\"\n\n[intake]");
            replace(&config, "[intake]", &tunnel);
            replace(&config, "station_cmp = \"unchanged\"", &format!("station_cmp = \"{policy}\""));
            // The RA/CA gives stations the names that their vendors gave them.
            let stations = path.join("nem/stations.toml");
            replace(&stations, "subject = \"CN=enb1.operator.example\"", "subject = \"CN=enb1,O=Vendor\"");
        }
        let kill = Kill::new(path);
        Self { folder, raca, kill, runtime: Runtime::new().unwrap(), way }
    }

    /// enb1, which keeps its things in that folder; ends with the serial number of its certificate.
    fn station(&self, address: &str, folder: &Path) -> JoinHandle<Result<String, String>> {
        let base = self.folder.path();
        let (certificate, key) = (base.join("enb1.pem"), base.join("enb1.key"));
        let (operator_ca, timeout) = (base.join("ra/ca.pem"), Duration::from_secs(60));
        match self.way {
            Way::Upload => {
                let mut names = Names::new(host::parse_name("CN=enb1.operator.example").unwrap());
                names.dns.push("enb1.operator.example".to_owned());
                let identity = Identity::Vendor { certificate, key: key.into(), names };
                let url = format!("https://{address}");
                let mut options = EnrolOptions::new(url, operator_ca, identity, folder.to_owned());
                options.timeout = timeout;
                self.runtime.spawn(async move {
                    let enrolled = enrol(&options, &|_| {}).await;
                    enrolled.map(|enrolled| enrolled.serial_number).map_err(|error| error.to_string())
                })
            }
            Way::Cmp(_, port) => {
                let mut options = CmpOptions::new(format!("http://127.0.0.1:{port}/.well-known/cmp"));
                (options.operator_ca, options.timeout) = (Some(operator_ca), timeout);
                let key = KeySource::new(KeyLocation::File(key), None);
                let vendor = CmpSender::Certificate { certificate, key };
                let wanted = CertificateOptions::new(RequestKind::Ir, Some(vendor), folder.to_owned());
                self.runtime.spawn(async move {
                    let enrolled = request_certificate(&options, &wanted, &|_| {}).await;
                    enrolled.map(|enrolled| enrolled.serial_number).map_err(|error| error.to_string())
                })
            }
        }
    }

    /// enb1 enrols at a NEM of which that step is the last. Whether it came to that.
    fn enrol(&self, last_step: u32) -> bool {
        let (base, folder) = (self.folder.path(), tempfile::tempdir().unwrap());
        let path = folder.path();
        fs::create_dir(path.join("nem")).unwrap();
        for entry in fs::read_dir(base.join("nem")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), path.join("nem").join(entry.file_name())).unwrap();
        }
        let armed = path.join("armed");
        let environment = self.kill.environment(&armed, last_step);
        let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
        let serve = "serve --config nem/nem.toml --listen";
        let nem = Server::start_with(NEM, &format!("{serve} 127.0.0.1:0"), path, &environment);
        let (address, before) = (nem.address().to_owned(), self.raca.issued().len());
        fs::write(&armed, "").unwrap();

        let station = self.station(&address, &path.join("station"));
        let (mut running, mut killed) = (Some(nem), false);
        while !station.is_finished() {
            let id = running.as_ref().map(Server::process_id).unwrap();
            if fs::read_to_string(format!("/proc/{id}/stat")).unwrap().contains(") Z ") {
                assert!(!killed, "a NEM that nobody kills goes on");
                killed = true;
                // Waits until all of it has ended.
                drop(running.take());
                running = Some(Server::start(NEM, &format!("{serve} {address}"), path));
            }
            thread::sleep(Duration::from_millis(5));
        }
        let nem = running.unwrap();
        let enrolled = self.runtime.block_on(station).unwrap();
        let enrolled = enrolled.unwrap_or_else(|error| panic!("step {last_step}: {error}{}", nem.log()));
        nem.stop("KILL");
        let issued = self.raca.issued();
        assert_eq!(issued.len(), before + 1, "step {last_step}");
        let own = issued.iter().find(|entry| entry.serial_number == enrolled).unwrap();
        assert_eq!(own.status, "valid", "step {last_step}");
        run(NEM, "audit verify --config nem/nem.toml", path).success();
        killed
    }
}

#[test]
fn a_nem_that_is_killed_at_any_step_gets_one_certificate_to_its_station() {
    kill_at_every_step(|| Way::Upload, 30);
}

#[test]
fn so_does_one_that_passes_on_what_the_station_signs() {
    kill_at_every_step(|| Way::Cmp("replaced-protection", free_port()), 10);
    kill_at_every_step(|| Way::Cmp("added-protection", free_port()), 10);
}

/// Every fourth step is each thread's.
fn kill_at_every_step(way: fn() -> Way, least: usize) {
    const THREADS: u32 = 4;
    let steps: usize = thread::scope(|scope| {
        let share = |first: u32| {
            scope.spawn(move || {
                let base = Base::new(way());
                (first..).step_by(4).take_while(|step| base.enrol(*step)).count()
            })
        };
        let shares: Vec<_> = (1..=THREADS).map(share).collect();
        shares.into_iter().map(|share| share.join().unwrap()).sum()
    });
    println!("killed at {steps} steps");
    assert!(steps > least, "the NEM was killed at {steps} steps only");
}
