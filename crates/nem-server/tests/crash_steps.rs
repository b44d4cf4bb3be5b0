//! kill -9 of `nem serve` at every step of an enrolment that changes something on the disk or tells somebody: the station gets its
//! certificate all the same, exactly one is issued, and the audit log is whole.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::thread;
use std::time::Duration;

use enb::{EnrolOptions, Identity};
use host::Names;
use support::{NEM, Raca, enter, init_nem, replace};
use tempfile::TempDir;
use testkit::kill::Kill;
use testkit::programs::{Factory, Server, run};
use tokio::runtime::Runtime;

/// An RA/CA, and a NEM that was never started.
struct Base {
    folder: TempDir,
    raca: Raca,
    kill: Kill,
    runtime: Runtime,
}

impl Base {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        Factory::new(path).certify("enb1", 3650);
        let raca = Raca::start(path, "127.0.0.1:0", 0);
        init_nem(path, &raca.url, &raca);
        replace(&path.join("nem/nem.toml"), "batch_delay_milliseconds = 100", "batch_delay_milliseconds = 1");
        enter(path, "enb1", "");
        let kill = Kill::new(path);
        Self { folder, raca, kill, runtime: Runtime::new().unwrap() }
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

        let mut names = Names::new(host::parse_name("CN=enb1.operator.example").unwrap());
        names.dns.push("enb1.operator.example".to_owned());
        let (certificate, key) = (base.join("enb1.pem"), base.join("enb1.key").into());
        let identity = Identity::Vendor { certificate, key, names };
        let url = format!("https://{address}");
        let mut options = EnrolOptions::new(url, base.join("ra/ca.pem"), identity, path.join("station"));
        options.timeout = Duration::from_secs(60);
        let station = self.runtime.spawn(async move { enb::enrol(&options, &|_| {}).await });
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
        let own = issued.iter().find(|entry| entry.serial_number == enrolled.serial_number).unwrap();
        assert_eq!(own.status, "valid", "step {last_step}");
        run(NEM, "audit verify --config nem/nem.toml", path).success();
        killed
    }
}

/// Every fourth step is each thread's.
#[test]
fn a_nem_that_is_killed_at_any_step_gets_one_certificate_to_its_station() {
    const THREADS: u32 = 4;
    let steps: usize = thread::scope(|scope| {
        let share = |first: u32| {
            scope.spawn(move || {
                let base = Base::new();
                (first..).step_by(4).take_while(|step| base.enrol(*step)).count()
            })
        };
        let shares: Vec<_> = (1..=THREADS).map(share).collect();
        shares.into_iter().map(|share| share.join().unwrap()).sum()
    });
    println!("killed at {steps} steps");
    assert!(steps > 30, "the NEM was killed at {steps} steps only");
}
