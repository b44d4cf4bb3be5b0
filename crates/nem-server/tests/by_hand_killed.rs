//! kill -9 of `nem serve` at every step that `nem export` and `nem import` take on disk and network: nothing is lost, nothing is issued
//! twice, no file under its name is not whole, and `nem exports` says what to do.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nem_server::by_hand::{ExportEntry, ExportOptions, Form};
use nem_server::by_hand::{export_requests, exports, exports_table, import_answers, release_export};
use ra_server::{SignApproval, SignOptions, SignReport};
use support::{House, NEM, Plan};
use tempfile::TempDir;
use testkit::kill::Kill;
use testkit::programs::{Server, free_port, run};

const SERVE: &str = "serve --config nem/nem.toml --listen 127.0.0.1:0";
const THREADS: u32 = 4;

/// What each round begins with: a NEM with two requests whose RA/CA is away, and nobody runs.
struct Base {
    folder: TempDir,
    kill: Kill,
}

impl Base {
    fn new() -> Self {
        let upstream = format!("http://127.0.0.1:{}/.well-known/cmp", free_port());
        let settings = [("hold_seconds = 5", "hold_seconds = 0")];
        let plan = Plan { upstream: Some(&upstream), settings: &settings, ..Plan::default() };
        let House { nem, raca, folder, .. } = House::with(&plan);
        for name in ["first", "second"] {
            support::request(folder.path(), name, "/CN=enb1.operator.example");
            let file = format!("{name}.p10");
            let (status, _) = support::upload(folder.path(), &nem, "enb1", &file, "application/pkcs10");
            assert_eq!(status, 202);
        }
        nem.wait_for_log(&["it does not answer"]);
        nem.stop("TERM");
        drop(raca);
        let kill = Kill::new(folder.path());
        Self { folder, kill }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// One round, in a folder of its own.
struct Round<'a> {
    folder: TempDir,
    kill: &'a Kill,
}

impl<'a> Round<'a> {
    fn new(base: &'a Base) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let from = base.path().display();
        let copy = format!(
            "-r {from}/nem {from}/ra {from}/enb1.pem {from}/enb1.key {from}/first.p10 {from}/second.p10 ."
        );
        run("cp", &copy, folder.path()).success();
        for file in ["batch.pki", "answer.pki"] {
            if base.path().join(file).exists() {
                fs::copy(base.path().join(file), folder.path().join(file)).unwrap();
            }
        }
        // The log of before says nothing about this run.
        let _ = fs::remove_file(folder.path().join("nem.log"));
        Self { folder, kill: &base.kill }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.path("nem/nem.toml")
    }

    /// A NEM for which the step with that number is the last one, once it is told to do something. Its first attempt at the RA/CA is over.
    fn serve(&self, last_step: u32) -> Server {
        let environment = self.kill.environment(&self.path("armed"), last_step);
        let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
        let server = Server::start_with(NEM, SERVE, self.folder.path(), &environment);
        server.wait_for_log(&["going on with what was under way"]);
        server
    }

    /// What an order leads to that may be the last one; then the next NEM serves. Whether the first was killed.
    fn killed<T>(
        &self,
        server: Server,
        order: impl Fn(&Path) -> anyhow::Result<T>,
    ) -> (Server, anyhow::Result<T>, bool) {
        fs::write(self.path("armed"), "").unwrap();
        let (outcome, killed) = self.insist(|| order(&self.config()));
        fs::remove_file(self.path("armed")).unwrap();
        assert!(killed || outcome.is_ok(), "{:?}", outcome.err());
        drop(server);
        (Server::start(NEM, SERVE, self.folder.path()), outcome, killed)
    }

    /// Has it done, as soon as no message is on its way to the RA/CA that is away: that is not for long. Says whether the NEM died of it.
    fn insist<T>(&self, order: impl Fn() -> anyhow::Result<T>) -> (anyhow::Result<T>, bool) {
        let mut outcome = order();
        for _ in 0..500 {
            if outcome.is_ok() {
                break;
            }
            if exports(&self.config()).is_err() {
                return (outcome, true);
            }
            std::thread::sleep(Duration::from_millis(20));
            outcome = order();
        }
        (outcome, exports(&self.config()).is_err())
    }

    fn exports(&self) -> Vec<ExportEntry> {
        exports(&self.config()).unwrap()
    }

    fn export(&self, out: &str, again: Option<&str>) -> Vec<String> {
        let mut options = ExportOptions::new(self.path(out));
        options.again = again.map(str::to_owned);
        self.insist(|| export_requests(&self.config(), &options)).0.unwrap();
        vec![out.to_owned()]
    }

    fn sign(&self, file: &str) -> SignReport {
        let mut options = SignOptions::new(self.path(file), self.path(&format!("{file}.answer")));
        options.approval = SignApproval::All;
        ra_server::sign(&self.path("ra/raca.toml"), &options, &mut |_| {}).unwrap()
    }

    /// The stations have what they asked for, and nothing else was issued.
    fn account(&self, server: &Server) {
        for name in ["first.p10", "second.p10"] {
            let (status, body) =
                support::upload(self.folder.path(), server, "enb1", name, "application/pkcs10");
            assert_eq!(status, 200, "{name}: {body}\n{}", server.log());
        }
        let issued = ra_server::list(&self.path("ra/raca.toml")).unwrap();
        assert_eq!(issued.iter().filter(|entry| entry.profile == "ne").count(), 2);
        assert!(self.exports().iter().all(|export| export.out == 0), "{:?}", self.exports());
        run(NEM, "audit verify --config nem/nem.toml", self.folder.path()).success();
    }
}

/// Plays rounds with ever later last steps until a NEM is not killed; how many were.
fn at_every_step(round: impl Fn(u32) -> bool + Sync) -> u32 {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=THREADS)
            .map(|first| {
                let round = &round;
                scope.spawn(move || (first..).step_by(4).take_while(|step| round(*step)).count())
            })
            .collect();
        threads.into_iter().map(|thread| u32::try_from(thread.join().unwrap()).unwrap()).sum()
    })
}

#[test]
fn an_export_that_is_killed_at_any_step_is_finished() {
    let base = Base::new();
    let steps = at_every_step(|step| {
        let round = Round::new(&base);
        let server = round.serve(step);
        let out = round.path("batch.pki");
        let (server, _, killed) =
            round.killed(server, |config| export_requests(config, &ExportOptions::new(&out)));
        // A file under its name is whole, and has its list.
        let mut files = Vec::new();
        if out.exists() {
            let list = fs::read_to_string(round.path("batch.pki.txt")).unwrap();
            assert!(list.starts_with("# export ") && list.ends_with('\n'), "step {step}: {list}");
            files.push("batch.pki".to_owned());
        }
        let known = round.exports();
        match known.first() {
            Some(export) if export.written => assert!(out.exists(), "step {step}"),
            Some(export) if export.out == 0 => {
                let said = exports_table(&known);
                assert!(said.contains("nothing to do") && !out.exists(), "step {step}: {said}");
            }
            Some(export) => {
                let said = exports_table(&known);
                assert!(said.contains("not finished: nem export --again"), "step {step}: {said}");
                files.extend(round.export("again.pki", Some(&export.export)));
            }
            None => assert!(!out.exists(), "step {step}"),
        }
        let left: usize = nem_server::status(&round.config())
            .unwrap()
            .requests
            .iter()
            .filter(|(state, _)| *state != "exported")
            .map(|(_, count)| count)
            .sum();
        if left > 0 {
            files.extend(round.export("rest.pki", None));
        }
        let mut issued = 0;
        for file in &files {
            issued += round.sign(file).issued;
            let answer = round.path(&format!("{file}.answer"));
            match import_answers(&round.config(), &answer, true) {
                Ok(report) => assert_eq!(report.unsettled(), 0, "step {step}: {report:?}"),
                Err(error) => assert!(error.to_string().contains("before"), "step {step}: {error:#}"),
            }
        }
        assert_eq!(issued, 2, "step {step}: {files:?}");
        round.account(&server);
        killed
    });
    println!("killed at {steps} steps");
    assert!(steps > 15, "the NEM was killed at {steps} steps only");
}

#[test]
fn an_import_that_is_killed_at_any_step_is_repeated() {
    let base = Base::new();
    {
        let round = Round::new(&base);
        let server = round.serve(0);
        round.export("batch.pki", None);
        server.stop("TERM");
        assert_eq!(round.sign("batch.pki").issued, 2);
        fs::rename(round.path("batch.pki.answer"), round.path("answer.pki")).unwrap();
        run("rm", "-rf nem ra", base.path()).success();
        for part in ["nem", "ra", "answer.pki"] {
            let from = round.path(part);
            run("cp", &format!("-r {} .", from.display()), base.path()).success();
        }
    }
    let steps = at_every_step(|step| {
        let round = Round::new(&base);
        let server = round.serve(step);
        let answer = round.path("answer.pki");
        let (server, _, killed) = round.killed(server, |config| import_answers(config, &answer, true));
        match import_answers(&round.config(), &answer, true) {
            Ok(report) => {
                assert_eq!((report.unsettled(), report.total()), (0, 2), "step {step}: {report:?}");
            }
            Err(error) => {
                assert!(error.to_string().contains("answered or released before"), "step {step}: {error:#}");
            }
        }
        round.account(&server);
        killed
    });
    println!("killed at {steps} steps");
    assert!(steps > 3, "the NEM was killed at {steps} steps only");
}

#[test]
fn a_folder_that_is_not_whole_never_has_its_name() {
    let base = Base::new();
    let steps = at_every_step(|step| {
        let round = Round::new(&base);
        let server = round.serve(step);
        let out = round.path("requests");
        let mut options = ExportOptions::new(&out);
        (options.form, options.anew) = (Form::Pkcs10, true);
        let (_server, _, killed) = round.killed(server, |config| export_requests(config, &options));
        let names = |folder: &Path| {
            let entries = fs::read_dir(folder).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter(|name| !name.ends_with(".csr")).collect::<std::collections::BTreeSet<_>>()
        };
        if out.exists() {
            let expected = ["manifest.sig", "manifest.txt", "nem.pem"].map(str::to_owned);
            assert_eq!(names(&out), expected.into(), "step {step}");
            assert_eq!(fs::read_dir(&out).unwrap().count(), 5, "step {step}");
        }
        // It is made again, or its requests go on.
        if let Some(export) = round.exports().first().filter(|export| !export.written && export.out > 0) {
            round.export("again", Some(&export.export));
            assert_eq!(fs::read_dir(round.path("again")).unwrap().count(), 5, "step {step}");
            assert_eq!(release_export(&round.config(), &export.export, true).unwrap(), 2, "step {step}");
        }
        killed
    });
    println!("killed at {steps} steps");
    assert!(steps > 15, "the NEM was killed at {steps} steps only");
}
